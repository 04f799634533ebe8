/* SPDX-License-Identifier: MIT
 * Dwelling, event by event: when a stay is earned, how long it lasts, what ends it, and what is
 * said of it (P10). Two resources of which one fits, each with a user who waits for the answer and
 * asks again two seconds later. */
#include "base/buf.h"
#include "engine_bench.h"

#define GIB  (UINT64_C(1) << 30)
#define LOAD SECONDS(20)

struct pair {
    struct bench bench;
    uint32_t is_warm, other;
    uint64_t request; /* the latest number */
};

static void answer(struct pair *pair, uint32_t resource)
{
    pair->bench.now_ns += SECONDS(1);
    end(&pair->bench, resource, pair->request, 0);
}

/* The warm one has been told to go: it goes, the other is loaded and answers. The user of the first
 * is back two seconds after its going; the other's request ends after `run_ns`. */
static void swap(struct pair *pair, bool back_soon)
{
    struct bench *bench = &pair->bench;
    const struct action *drain = find(bench, ACTION_DRAIN);
    assert_non_null(drain);
    assert_int_equal(drain->resource, pair->is_warm);
    report(bench, EVENT_DRAINED, pair->is_warm);
    report(bench, EVENT_UNLOADED, pair->is_warm);
    assert_int_equal(find(bench, ACTION_WARM)->resource, pair->other);
    bench->now_ns += SECONDS(2);
    if (back_soon)
        request(bench, pair->is_warm, ++pair->request);
    warm_up(bench, pair->other, LOAD - SECONDS(2));
    assert_int_equal(count(bench, ACTION_RELEASE), 1);
    uint32_t was = pair->is_warm;
    pair->is_warm = pair->other;
    pair->other = was;
}

static struct pair pair_start(int64_t dwell_ns, const char *policy)
{
    struct pair pair = {.bench = bench_of(policy)};
    pair.bench.settings.memory = 24 * GIB;
    pair.bench.settings.enable_prewarming = false;
    pair.bench.settings.dwell_ns = dwell_ns;
    pair.bench.settings.hold_timeout_ns = TIME_DAY;
    bench_start(&pair.bench);
    const struct resource_settings settings = {.memory = 16 * GIB, .load_time_ns = LOAD};
    pair.is_warm = add(&pair.bench, "a", settings);
    pair.other = add(&pair.bench, "b", settings);
    request(&pair.bench, pair.is_warm, ++pair.request);
    warm_up(&pair.bench, pair.is_warm, LOAD);
    answer(&pair, pair.is_warm);
    request(&pair.bench, pair.other, ++pair.request);
    return pair;
}

/* Six times something made way and was asked for two seconds later: three times each. */
static struct pair earned(int64_t dwell_ns, const char *policy)
{
    struct pair pair = pair_start(dwell_ns, policy);
    for (int i = 0; i < 6; i++) {
        swap(&pair, true);
        answer(&pair, pair.is_warm);
    }
    return pair;
}

static void a_stay_is_earned_by_three_returns(void **state)
{
    (void)state;
    struct pair pair = pair_start(TIME_MINUTE, "planner");
    struct bench *bench = &pair.bench;
    for (int i = 0; i < 6; i++) {
        swap(&pair, true);
        assert_null(find(bench, ACTION_DRAIN)); /* its request runs */
        answer(&pair, pair.is_warm);
        assert_int_equal(count(bench, ACTION_WAIT), i == 5);
        assert_int_equal(count(bench, ACTION_DRAIN), i < 5);
    }
    const struct action *wait = find(bench, ACTION_WAIT);
    struct buf why;
    buf_init(&why, 512);
    engine_describe(bench->engine, wait, &why);
    assert_int_equal(wait->resource, pair.other);
    assert_int_equal(wait->reason, REASON_DWELLING);
    struct decision latest;
    assert_int_equal(engine_decisions(bench->engine, pair.other, &latest, 1), 1);
    assert_int_equal(latest.action.kind, ACTION_WAIT); /* `forewarm why` tells */
    buf_add_char(&why, '\0');
    assert_string_equal(why.data,
                        "a was loaded a moment ago and stays while it is used, 19 s more at most: "
                        "the last 3 times it made way it was asked for again within 2 s");
    buf_fini(&why);
    bench_end(bench);
}

/* A A, then B B: while its users come back it stays, until it has stayed for a load's time. */
static void it_stays_for_a_load_at_most(void **state)
{
    (void)state;
    struct pair pair = earned(TIME_MINUTE, "planner");
    struct bench *bench = &pair.bench;
    int64_t warm_ns = bench->now_ns - SECONDS(1);
    uint64_t served = 0;
    while (!find(bench, ACTION_DRAIN)) {
        bench->now_ns += SECONDS(2);
        request(bench, pair.is_warm, ++pair.request);
        assert_int_equal(count(bench, ACTION_RELEASE), 1);
        answer(&pair, pair.is_warm);
        served++;
    }
    assert_int_equal(served, 6); /* of three seconds each; the seventh would come too late */
    assert_true(bench->now_ns - warm_ns <= LOAD);
    swap(&pair, true);
    bench_end(bench);
}

/* Nobody comes back: it waits twice as long as they usually take, no longer. */
static void it_goes_when_nobody_comes(void **state)
{
    (void)state;
    struct pair pair = earned(TIME_MINUTE, "planner");
    struct bench *bench = &pair.bench;
    assert_true(engine_next_deadline(bench->engine) <= bench->now_ns + SECONDS(4));
    bench->now_ns += SECONDS(4) - 1;
    step(bench, (struct event){.kind = EVENT_TIME});
    assert_null(find(bench, ACTION_DRAIN));
    bench->now_ns++;
    step(bench, (struct event){.kind = EVENT_TIME});
    swap(&pair, false);
    bench->now_ns += SECONDS(60);
    request(bench, pair.other, ++pair.request); /* the one that made way: too late to count */
    answer(&pair, pair.is_warm);
    swap(&pair, true);
    answer(&pair, pair.is_warm);
    assert_null(find(bench, ACTION_WAIT)); /* it has to be earned again */
    assert_non_null(find(bench, ACTION_DRAIN));
    bench_end(bench);
}

static void it_is_no_longer_than_configured(void **state)
{
    (void)state;
    struct pair pair = earned(SECONDS(4), "planner");
    assert_int_equal(find(&pair.bench, ACTION_WAIT)->numbers[1], SECONDS(3)); /* one has run out */
    bench_end(&pair.bench);
    pair = earned(SECONDS(1), "planner"); /* whoever comes back comes later than that */
    assert_null(find(&pair.bench, ACTION_WAIT));
    bench_end(&pair.bench);
    pair = earned(0, "planner");
    assert_null(find(&pair.bench, ACTION_WAIT));
    bench_end(&pair.bench);
    pair = earned(TIME_MINUTE, "lru"); /* swaps as it always did */
    assert_null(find(&pair.bench, ACTION_WAIT));
    bench_end(&pair.bench);
}

/* A return of two seconds must not keep eleven waiting: together they would lose more than a load
 * takes. */
static void a_crowd_is_not_kept_waiting(void **state)
{
    (void)state;
    struct pair pair = earned(TIME_MINUTE, "planner");
    struct bench *bench = &pair.bench;
    for (int i = 0; i < 10; i++)
        request(bench, pair.other, 1000 + (uint64_t)i);
    bench->now_ns += SECONDS(2);
    request(bench, pair.is_warm, ++pair.request);
    assert_int_equal(count(bench, ACTION_RELEASE), 1);
    answer(&pair, pair.is_warm);
    assert_non_null(find(bench, ACTION_DRAIN));
    bench_end(bench);
}

static void a_pin_is_stronger(void **state)
{
    (void)state;
    struct pair pair = earned(TIME_MINUTE, "planner");
    struct bench *bench = &pair.bench;
    step(bench, (struct event){.kind = EVENT_UNLOAD, .resource = pair.is_warm});
    swap(&pair, false); /* an operator's unload does not wait */
    step(bench, (struct event){.kind = EVENT_PIN, .resource = pair.is_warm});
    request(bench, pair.other, ++pair.request);
    answer(&pair, pair.is_warm);
    assert_null(find(bench, ACTION_WAIT)); /* in use or pinned: not a matter of a stay */
    assert_null(find(bench, ACTION_DRAIN));
    bench_end(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stay_is_earned_by_three_returns),
        cmocka_unit_test(it_stays_for_a_load_at_most),
        cmocka_unit_test(it_goes_when_nobody_comes),
        cmocka_unit_test(it_is_no_longer_than_configured),
        cmocka_unit_test(a_crowd_is_not_kept_waiting),
        cmocka_unit_test(a_pin_is_stronger),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
