/* SPDX-License-Identifier: MIT
 * Loading ahead under a memory budget (P9: priority, cost against benefit, the resources
 * available). */
#include "engine_bench.h"

#define GIB (UINT64_C(1) << 30)

struct pair {
    struct bench bench;
    uint32_t busy, rare, third;
};

/* Room for two of three; `busy` is asked for every minute, `rare` was asked for once. All were
 * loaded at some time. */
static struct pair pair_of(void)
{
    struct pair pair = {.bench = bench_of("planner")};
    pair.bench.settings.memory = 20 * GIB;
    bench_start(&pair.bench);
    pair.busy = add(&pair.bench, "busy", (struct resource_settings){.memory = 10 * GIB});
    pair.rare = add(&pair.bench, "rare", (struct resource_settings){.memory = 10 * GIB});
    pair.third = add(&pair.bench, "third", (struct resource_settings){.memory = 10 * GIB});
    return pair;
}

/* Answers every warm-up, drain and unload that the last step asked for, until nothing is asked any
 * more; a load takes ten seconds. */
static void settle_world(struct bench *bench)
{
    struct action asked[256];
    size_t done = 0, total = 0;
    do {
        for (size_t i = 0; i < bench->actions.count && total < 256; i++)
            asked[total++] = bench->actions.items[i];
        bench->actions.count = 0;
        if (done == total)
            break;
        const struct action action = asked[done++];
        struct event event = {
            .resource = action.resource, .attempt = action.attempt, .request = action.request};
        if (action.kind == ACTION_WARM) {
            event.kind = EVENT_PROVEN;
            bench->now_ns += 10 * TIME_SECOND;
        }
        if (action.kind == ACTION_DRAIN)
            event.kind = EVENT_DRAINED;
        else if (action.kind == ACTION_UNLOAD)
            event.kind = EVENT_UNLOADED;
        else if (action.kind == ACTION_RELEASE)
            event.kind = EVENT_END;
        if (event.kind != EVENT_TIME)
            step(bench, event);
    } while (true);
    assert_true(total < 256);
}

static void use(struct bench *bench, uint32_t resource, uint64_t id)
{
    request(bench, resource, id);
    settle_world(bench);
}

static void never_unloads_while_memory_is_free(void **state)
{
    (void)state;
    struct pair pair = pair_of();
    use(&pair.bench, pair.busy, 1);
    pair.bench.now_ns += 40 * TIME_HOUR;
    step(&pair.bench, (struct event){.kind = EVENT_TIME});
    assert_int_equal(count(&pair.bench, ACTION_DRAIN), 0);
    assert_int_equal(view(&pair.bench, pair.busy).state, RESOURCE_WARM);
    bench_end(&pair.bench);
}

static void evicts_what_is_worth_least(void **state)
{
    (void)state;
    struct pair pair = pair_of();
    uint64_t id = 1;
    for (int round = 0; round < 6; round++) { /* one every minute, the other once in half an hour */
        for (int i = 0; i < 30; i++) {
            pair.bench.now_ns += TIME_MINUTE;
            use(&pair.bench, pair.busy, id++);
        }
        use(&pair.bench, pair.rare, id++);
    }
    pair.bench.now_ns += TIME_SECOND;
    request(&pair.bench, pair.third, id++);
    assert_int_equal(find(&pair.bench, ACTION_DRAIN)->resource,
                     pair.rare); /* though it was used last */
    assert_int_equal(find(&pair.bench, ACTION_DRAIN)->reason, REASON_EVICTED);
    bench_end(&pair.bench);
}

/* Returns to the home set: what is asked for most comes back before it is asked for again. */
static void comes_home_when_the_loader_is_idle(void **state)
{
    (void)state;
    struct pair pair = pair_of();
    for (uint64_t i = 0; i < 30; i++) {
        pair.bench.now_ns += TIME_MINUTE;
        use(&pair.bench, pair.busy, 100 + i);
    }
    step(&pair.bench, (struct event){.kind = EVENT_LOST, .resource = pair.busy});
    const struct action *warm = find(&pair.bench, ACTION_WARM);
    assert_non_null(warm);
    assert_int_equal(warm->resource, pair.busy);
    assert_int_equal(warm->cause, CAUSE_PLAN);
    assert_int_equal(warm->reason, REASON_WORTH);
    assert_true(warm->numbers[0] > 1000000); /* more than one request expected within ten minutes */
    bench_end(&pair.bench);
}

static void an_operators_unload_stands(void **state)
{
    (void)state;
    struct pair pair = pair_of();
    for (uint64_t i = 0; i < 30; i++) {
        pair.bench.now_ns += TIME_MINUTE;
        use(&pair.bench, pair.busy, 100 + i);
    }
    step(&pair.bench, (struct event){.kind = EVENT_UNLOAD, .resource = pair.busy});
    settle_world(&pair.bench);
    pair.bench.now_ns += TIME_HOUR;
    step(&pair.bench, (struct event){.kind = EVENT_TIME});
    assert_int_equal(view(&pair.bench, pair.busy).state, RESOURCE_COLD);
    assert_int_equal(count(&pair.bench, ACTION_WARM), 0);
    bench_end(&pair.bench);
}

static void a_request_cancels_a_guess(void **state)
{
    (void)state;
    struct pair pair = pair_of();
    for (uint64_t i = 0; i < 30; i++) {
        pair.bench.now_ns += TIME_MINUTE;
        use(&pair.bench, pair.busy, 100 + i);
    }
    step(&pair.bench, (struct event){.kind = EVENT_LOST, .resource = pair.busy});
    assert_int_equal(find(&pair.bench, ACTION_WARM)->resource, pair.busy); /* loads ahead at once */
    uint64_t attempt = find(&pair.bench, ACTION_WARM)->attempt;
    pair.bench.now_ns += TIME_SECOND;
    request(&pair.bench, pair.third, 1);
    assert_int_equal(find(&pair.bench, ACTION_CANCEL)->attempt, attempt);
    assert_int_equal(find(&pair.bench, ACTION_CANCEL)->reason, REASON_GAVE_WAY);
    step(&pair.bench, (struct event){.kind = EVENT_FAILED,
                                     .resource = pair.busy,
                                     .attempt = attempt,
                                     .status = FW_CANCELLED});
    assert_int_equal(find(&pair.bench, ACTION_WARM)->resource, pair.third);
    struct accounts accounts = view(&pair.bench, pair.busy).accounts;
    assert_int_equal(accounts.prewarm_issued, accounts.prewarm_hit + accounts.prewarm_cancelled);
    bench_end(&pair.bench);
}

/* A visitor took the place of what lives here, and has gone quiet: what lives here comes back
 * before it is asked for, and says why. */
static void the_home_set_returns(void **state)
{
    (void)state;
    struct bench bench = bench_of("planner");
    bench.settings.memory = 10 * GIB;
    bench_start(&bench);
    uint32_t home = add(&bench, "home", (struct resource_settings){.memory = 9 * GIB});
    uint32_t visitor = add(&bench, "visitor", (struct resource_settings){.memory = 9 * GIB});
    uint64_t id = 1;
    for (int i = 0; i < 60; i++) {
        bench.now_ns += TIME_MINUTE;
        use(&bench, home, id++);
    }
    bench.now_ns += TIME_SECOND;
    use(&bench, visitor, id++);
    assert_int_equal(view(&bench, visitor).accounts.released, 1); /* it was served */
    assert_int_equal(view(&bench, home).accounts.evictions, 1);
    int64_t left_ns = bench.now_ns;
    while (view(&bench, home).state == RESOURCE_COLD && bench.now_ns - left_ns < 10 * TIME_MINUTE) {
        bench.now_ns += 30 * TIME_SECOND;
        step(&bench, (struct event){.kind = EVENT_TIME});
        settle_world(&bench);
    }
    assert_int_equal(view(&bench, home).state, RESOURCE_WARM);
    assert_true(view(&bench, home).prewarmed); /* nobody asked */
    struct decision decisions[8];
    assert_true(engine_decisions(bench.engine, home, decisions, 8) > 0);
    assert_int_equal(decisions[0].action.reason, REASON_ROOM_MADE);
    bench_end(&bench);
}

static void a_guess_does_not_displace_the_recent(void **state)
{
    (void)state;
    struct pair pair = pair_of();
    for (uint64_t i = 0; i < 30; i++) {
        pair.bench.now_ns += TIME_MINUTE;
        use(&pair.bench, pair.busy, 100 + i);
    }
    use(&pair.bench, pair.rare, 1);
    use(&pair.bench, pair.third,
        2); /* displaces rare, the least worth; nothing is older than five minutes */
    assert_int_equal(view(&pair.bench, pair.rare).state, RESOURCE_COLD);
    pair.bench.now_ns += 2 * TIME_MINUTE;
    step(&pair.bench, (struct event){.kind = EVENT_TIME});
    assert_int_equal(count(&pair.bench, ACTION_DRAIN), 0);
    bench_end(&pair.bench);
}

static void hints_earn_belief(void **state)
{
    (void)state;
    struct pair pair = pair_of();
    use(&pair.bench, pair.busy, 1);
    use(&pair.bench, pair.rare, 2);
    const struct event hint = {.kind = EVENT_HINT,
                               .resource = pair.third,
                               .probability = 1,
                               .source = 1,
                               .eta_ns = 20 * TIME_SECOND};
    unsigned helped = 0;
    for (uint64_t i = 0; i < 20; i++) {
        pair.bench.now_ns += 20 * TIME_MINUTE;
        use(&pair.bench, i % 2 ? pair.busy : pair.rare, 10 + i);
        pair.bench.now_ns += TIME_MINUTE;
        step(&pair.bench, hint);
        settle_world(&pair.bench);
        helped += view(&pair.bench, pair.third).state == RESOURCE_WARM;
        pair.bench.now_ns += 20 * TIME_SECOND;
        use(&pair.bench, pair.third, 100 + i); /* the source is always right */
    }
    assert_in_range(helped, 10, 20);
    bench_end(&pair.bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_unloads_while_memory_is_free),
        cmocka_unit_test(evicts_what_is_worth_least),
        cmocka_unit_test(comes_home_when_the_loader_is_idle),
        cmocka_unit_test(an_operators_unload_stands),
        cmocka_unit_test(a_request_cancels_a_guess),
        cmocka_unit_test(a_guess_does_not_displace_the_recent),
        cmocka_unit_test(the_home_set_returns),
        cmocka_unit_test(hints_earn_belief),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
