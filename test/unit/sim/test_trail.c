/* SPDX-License-Identifier: MIT
 * What a replay's page is made of: hand-made traces with exact numbers, and the same totals as the
 * score under every policy. */
#include "base/buf.h"
#include "base/prng.h"
#include "core/engine.h"
#include "core/settings.h"
#include "sim/replay.h"
#include "sim/trail.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static const struct score_prices prices = {.idle = 1, .wait = 54};
static struct trace trace;
static struct trail trail;
static struct fw_detail detail;

static int set_up(void **state)
{
    (void)state;
    trace_init(&trace);
    trail = (struct trail){0};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    trail_fini(&trail);
    trace_fini(&trace);
    return 0;
}

static void read_trace(const char *text)
{
    const struct trace_options options = {.time = TRACE_TIME_OFFSET_S};
    assert_int_equal(trace_read_memory(&trace, "log", str_of(text), &options, &detail), FW_OK);
    assert_int_equal(trace_finish(&trace, &detail), FW_OK);
}

static void start(int64_t from_ns)
{
    assert_int_equal(trail_init(&trail, &trace, &prices, from_ns), FW_OK);
}

static void on_arrival(void *context, size_t request, bool ready)
{
    trail_arrival(context, request, ready);
}

static void on_action(void *context, const struct action *action)
{
    trail_action(context, action);
}

static struct score_result replay(const char *policy, int64_t from_ns)
{
    struct score_arrivals arrivals;
    struct loads loads;
    struct replay_result result;
    struct engine_settings engine;
    loads_init(&loads, 11 * TIME_SECOND, 1);
    option_defaults(engine_option_rows, engine_option_count, &engine);
    engine.load_time_ns = 11 * TIME_SECOND;
    engine.hold_timeout_ns = TIME_NEVER;
    assert_int_equal(score_arrivals_init(&arrivals, &trace), FW_OK);
    const struct replay_settings settings = {.trace = &trace,
                                             .arrivals = &arrivals,
                                             .loads = &loads,
                                             .engine = engine,
                                             .from_ns = from_ns,
                                             .on_arrival = on_arrival,
                                             .on_action = on_action,
                                             .context = &trail};
    if (replay_run(&settings, policy, &result, &detail) != FW_OK)
        fail_msg("%s", detail.text);
    trail_finish(&trail);
    loads_fini(&loads);
    score_arrivals_fini(&arrivals);
    return result.score;
}

#define SECONDS(x) ((int64_t)(x)*TIME_SECOND)

/* ttl:60s, loads of 11 s. a: 0 and 5 wait 11 + 6 s, 20 is warm, unloaded at 80; 300 waits 11 s; b:
 * 310 and 320 wait 11 + 1 s. */
static const char *const two_resources = "time,resource\n0,a\n5,a\n20,a\n300,a\n310,b\n320,b\n";

static void test_waits_and_their_origins(void **state)
{
    (void)state;
    read_trace(two_resources);
    start(0);
    replay("ttl:60s", 0);
    const struct trail_waits *first = &trail.waits[TRAIL_FIRST],
                             *let_go = &trail.waits[TRAIL_LET_GO];
    assert_int_equal(first->starts, 2);
    assert_int_equal(first->requests, 4);
    assert_int_equal(first->wait_ns, SECONDS(11 + 6 + 11 + 1));
    assert_int_equal(first->regret_ns, 0);
    assert_int_equal(let_go->starts, 1);
    assert_int_equal(let_go->requests, 1);
    assert_int_equal(let_go->wait_ns, SECONDS(11));
    /* 280 s of keeping would have cost less than 11 + 54 x 11 */
    assert_int_equal(let_go->regretted, 1);
    assert_int_equal(let_go->regret_ns, SECONDS(11));
    assert_int_equal(trail.total.requests, 6);
    assert_int_equal(trail.total.cold, 5);
    assert_int_equal(trail.total.wait_ns, SECONDS(40));
    assert_int_equal(trail.loads[CAUSE_REQUEST].begun, 3);
    assert_int_equal(trail.loads[CAUSE_REQUEST].used, 3);
    /* a: 11 to 80, 311 to the end; b is not warm before it */
    assert_int_equal(trail.total.warm_ns, SECONDS(69 + 9));
    assert_int_equal(trail.total.idle_ns, SECONDS(69 + 9));
}

static void test_worst_cold_starts_say_why(void **state)
{
    (void)state;
    read_trace(two_resources);
    start(0);
    replay("ttl:60s", 0);
    assert_int_equal(trail.worst_count, 3);
    const struct trail_cold *worst = &trail.worst[0];
    assert_int_equal(worst->wait_ns, SECONDS(17));
    assert_int_equal(worst->origin, TRAIL_FIRST);
    assert_int_equal(worst->requests, 2);
    assert_int_equal(worst->wait_max_ns, SECONDS(11));
    assert_int_equal(worst->gap_ns, -1);
    assert_int_equal(trail.worst[1].wait_ns, SECONDS(12));
    const struct trail_cold *third = &trail.worst[2];
    assert_int_equal(third->origin, TRAIL_LET_GO);
    assert_int_equal(third->reason, REASON_KEPT);
    assert_int_equal(third->numbers[0], SECONDS(60)); /* since the last request */
    assert_int_equal(third->at_ns, SECONDS(300));
    assert_int_equal(third->gap_ns, SECONDS(280));
    assert_int_equal(third->let_go_ns, SECONDS(80));
    assert_int_equal(third->load_from_ns, SECONDS(300));
    assert_int_equal(third->load_ns, SECONDS(11));
    assert_true(third->regretted);
}

static void test_regret_has_a_price(void **state)
{
    (void)state; /* 606 s of keeping against 11 + 54 x 11 = 605 of a cold start */
    read_trace("time,resource\n0,a\n606,a\n");
    start(0);
    replay("ttl:60s", 0);
    assert_int_equal(trail.waits[TRAIL_LET_GO].starts, 1);
    assert_int_equal(trail.waits[TRAIL_LET_GO].regretted, 0);
}

static void test_lanes_are_the_busiest_and_add_up(void **state)
{
    (void)state;
    read_trace(two_resources);
    start(0);
    replay("ttl:60s", 0);
    assert_int_equal(trail.lane_count, 2);
    assert_int_equal(trail.lane_resources[0], 0);
    assert_int_equal(trail.set_counts[TRAIL_REQUESTS], 2);
    assert_int_equal(trail.set_lanes[TRAIL_REQUESTS][1], 1);
    assert_int_equal(trail.set_counts[TRAIL_PAUSES], 0); /* none of five minutes */
    assert_int_equal(trail.view_count, 1);               /* too short for a busiest hour */
    const struct trail_view *view = &trail.views[0];
    const struct trail_lane *lane = trail_lane(&trail, 0, 0);
    int64_t warm_ns = 0;
    uint64_t requests = 0, cold = 0;
    for (int i = 0; i < TRAIL_COLUMNS; i++) {
        assert_true(lane->warm_ns[i] >= 0 && lane->warm_ns[i] <= view->column_ns);
        warm_ns += lane->warm_ns[i];
        requests += lane->requests[i];
        cold += lane->cold[i];
    }
    assert_int_equal(warm_ns, SECONDS(69 + 9));
    assert_int_equal(requests, 4);
    assert_int_equal(cold, 3);
    assert_int_equal(lane->requests[0], 1); /* at 0 s; a column is a third of a second */
    assert_int_equal(lane->cold[SECONDS(300) / view->column_ns], 1);
    assert_int_equal(lane->warm_ns[SECONDS(50) / view->column_ns], view->column_ns);
    assert_int_equal(lane->warm_ns[SECONDS(200) / view->column_ns], 0);
    assert_int_equal(trail.sums[0].requests, 4);
    assert_int_equal(trail.sums[1].wait_ns, SECONDS(12));
    assert_int_equal(trail.sums[TRAIL_LANES_MAX].requests, 0);
}

static void test_lanes_with_pauses(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, 1 << 16);
    buf_add_text(&text, "time,resource\n");
    for (int i = 0; i < 30; i++) /* r0 is asked for most, r29 least */
        for (int k = 0; k < 40 - i; k++)
            buf_printf(&text, "%d,r%d\n", k, i);
    buf_add_text(&text, "400,r29\n800,r29\n400,r3\n");
    read_trace(text.data);
    buf_fini(&text);
    start(0);
    assert_int_equal(trail.lane_count, TRAIL_SET_MAX + 1);
    assert_int_equal(trail.set_counts[TRAIL_REQUESTS], TRAIL_SET_MAX);
    assert_int_equal(trail.set_lanes[TRAIL_REQUESTS][0], 0);
    assert_int_equal(trail.set_counts[TRAIL_PAUSES], 2);
    uint32_t often = trail.set_lanes[TRAIL_PAUSES][0], once = trail.set_lanes[TRAIL_PAUSES][1];
    assert_true(str_equal(table_key(&trace.resources, trail.lane_resources[often]), STR("r29")));
    assert_true(str_equal(table_key(&trace.resources, trail.lane_resources[once]), STR("r3")));
    replay("ttl:60s", 0);
    assert_int_equal(trail.sums[often].requests, 13);
    assert_int_equal(trail.sums[TRAIL_LANES_MAX].requests + 13, trail.total.requests - 415);
}

static void test_busiest_day_is_a_view_of_its_own(void **state)
{
    (void)state;
    read_trace("time,resource\n0,a\n90000,a\n90001,a\n300000,a\n");
    start(0);
    assert_int_equal(trail.view_count, 2);
    assert_int_equal(trail.views[1].from_ns, TIME_DAY);
    assert_int_equal(trail.views[1].to_ns, 2 * TIME_DAY);
    assert_int_equal(trail.views[1].column_ns, 90 * TIME_SECOND);
    replay("ttl:60s", 0);
    const struct trail_lane *lane = trail_lane(&trail, 1, 0);
    assert_int_equal(lane->requests[40], 2); /* 3,600 s into the day, in columns of 90 s */
    assert_int_equal(lane->cold[40], 2);
    /* warm from 90,011 to 90,061, all in the same column */
    assert_int_equal(lane->warm_ns[40], SECONDS(50));
    assert_int_equal(lane->warm_ns[41], 0);
}

static void test_only_what_is_scored_counts(void **state)
{
    (void)state;
    read_trace(two_resources);
    start(SECONDS(300));
    const struct score_result score = replay("ttl:60s", SECONDS(300));
    assert_int_equal(trail.total.requests, 3);
    assert_int_equal(trail.total.wait_ns, SECONDS(11 + 12));
    assert_int_equal(trail.total.wait_ns, score.wait_ns);
    assert_int_equal(trail.waits[TRAIL_FIRST].starts, 1); /* b; a was known before */
    assert_int_equal(trail.worst_count, 2);
    assert_int_equal(trail.total.idle_ns, SECONDS(9));
}

static void step(uint32_t kind, uint32_t status, int64_t at_ns, uint32_t reason, uint32_t cause,
                 uint64_t request)
{
    const struct action action = {.at_ns = at_ns,
                                  .kind = kind,
                                  .status = status,
                                  .reason = reason,
                                  .cause = cause,
                                  .request = request};
    trail_action(&trail, &action);
}

static void warm(int64_t from_ns, int64_t to_ns, uint32_t cause)
{
    step(ACTION_WARM, 0, from_ns, REASON_DEMAND, cause, 0);
    step(ACTION_STATE, RESOURCE_WARMING, from_ns, REASON_DEMAND, cause, 0);
    step(ACTION_STATE, RESOURCE_WARM, to_ns, REASON_LIFECYCLE, cause, 0);
}

static void unload(int64_t at_ns, uint32_t reason)
{
    step(ACTION_DRAIN, 0, at_ns, reason, CAUSE_NONE, 0);
    step(ACTION_UNLOAD, 0, at_ns, REASON_LIFECYCLE, CAUSE_NONE, 0);
    step(ACTION_STATE, RESOURCE_COLD, at_ns, REASON_LIFECYCLE, CAUSE_NONE, 0);
}

static void test_what_was_loaded_ahead(void **state)
{
    (void)state;
    read_trace("time,resource\n0,a\n100,a\n200,a\n300,a\n400,a\n");
    start(0);
    trail_arrival(&trail, 0, false);
    warm(0, SECONDS(10), CAUSE_REQUEST);
    step(ACTION_RELEASE, 0, SECONDS(10), REASON_WARM, CAUSE_NONE, 1);
    unload(SECONDS(20), REASON_KEEP_END);
    warm(SECONDS(80), SECONDS(90), CAUSE_PLAN); /* used at 100 */
    trail_arrival(&trail, 1, true);
    step(ACTION_RELEASE, 0, SECONDS(100), REASON_WARM, CAUSE_NONE, 2);
    unload(SECONDS(110), REASON_KEEP_END);
    warm(SECONDS(120), SECONDS(130), CAUSE_HINT); /* 30 s warm for nobody */
    unload(SECONDS(160), REASON_PREWARM_EXPIRED);
    trail_arrival(&trail, 2, false); /* too early */
    warm(SECONDS(200), SECONDS(210), CAUSE_REQUEST);
    step(ACTION_RELEASE, 0, SECONDS(210), REASON_WARM, CAUSE_NONE, 3);
    unload(SECONDS(220), REASON_KEEP_END);
    step(ACTION_WARM, 0, SECONDS(297), REASON_PLAN_WINDOW, CAUSE_PLAN, 0);
    trail_arrival(&trail, 3, false); /* too late */
    step(ACTION_STATE, RESOURCE_WARM, SECONDS(307), REASON_LIFECYCLE, CAUSE_PLAN, 0);
    step(ACTION_RELEASE, 0, SECONDS(307), REASON_WARM, CAUSE_NONE, 4);
    unload(SECONDS(320), REASON_EVICTED);
    trail_arrival(&trail, 4, false);
    warm(SECONDS(400), SECONDS(410), CAUSE_REQUEST);
    step(ACTION_RELEASE, 0, SECONDS(410), REASON_WARM, CAUSE_NONE, 5);
    trail_finish(&trail);

    assert_int_equal(trail.waits[TRAIL_FIRST].wait_ns, SECONDS(10));
    assert_int_equal(trail.waits[TRAIL_EXPIRED].wait_ns, SECONDS(10));
    assert_int_equal(trail.waits[TRAIL_LATE].wait_ns, SECONDS(7));
    assert_int_equal(trail.waits[TRAIL_EVICTED].wait_ns, SECONDS(10));
    assert_int_equal(trail.waits[TRAIL_LET_GO].starts, 0);
    const struct trail_loads *plan = &trail.loads[CAUSE_PLAN], *hint = &trail.loads[CAUSE_HINT];
    assert_int_equal(plan->begun, 2);
    assert_int_equal(plan->used, 2);
    assert_int_equal(hint->begun, 1);
    assert_int_equal(hint->unused, 1);
    assert_int_equal(hint->wasted_ns, SECONDS(30));
    const struct trail_cold *late = NULL;
    for (size_t i = 0; i < trail.worst_count; i++)
        if (trail.worst[i].origin == TRAIL_LATE)
            late = &trail.worst[i];
    assert_non_null(late);
    assert_int_equal(late->load_from_ns - late->at_ns, -SECONDS(3));
    assert_int_equal(late->load_ns, SECONDS(10));
    const struct trail_lane *lane = trail_lane(&trail, 0, 0);
    int64_t column_ns = trail.views[0].column_ns;
    assert_int_equal(lane->used[SECONDS(80) / column_ns], 1);
    assert_int_equal(lane->unused[SECONDS(120) / column_ns], 1);
}

static void test_only_ten_worst_longest_first(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, 1 << 16);
    buf_add_text(&text, "time,resource\n");
    for (int i = 0; i < 30; i++) { /* cold start i has i % 5 more requests */
        for (int k = 0; k <= i % 5; k++)
            buf_printf(&text, "%d,a\n", i * 1000 + k);
    }
    read_trace(text.data);
    buf_fini(&text);
    start(0);
    replay("ttl:60s", 0);
    assert_int_equal(trail.worst_count, TRAIL_WORST_MAX);
    for (size_t i = 0; i < TRAIL_WORST_MAX; i++) {
        assert_int_equal(trail.worst[i].requests, i < 6 ? 5 : 4);
        if (i > 0 && i != 6) /* equals in the order of time */
            assert_true(trail.worst[i].at_ns > trail.worst[i - 1].at_ns);
    }
}

static void make_random_trace(uint64_t seed)
{
    struct buf text;
    uint64_t at_ms = 0;
    buf_init(&text, 1 << 22);
    buf_add_text(&text, "time_ms,resource,duration_ms\n");
    for (uint64_t i = 0; i < 6000; i++) {
        uint64_t draw = prng_mix(seed, i);
        at_ms += draw % 7 == 0 ? draw / 7 % 600000 : draw / 7 % 4000;
        uint64_t resource = draw / 1000003 % 40;
        buf_printf(&text, "%llu,r%llu,%llu\n", (unsigned long long)at_ms,
                   (unsigned long long)(resource * resource / 40),
                   (unsigned long long)(draw / 99991 % 20000));
    }
    const struct trace_options options = {.time = TRACE_TIME_OFFSET_MS,
                                          .columns = "time=time_ms,resource=resource,"
                                                     "duration=duration_ms"};
    enum fw_err err = trace_read_memory(&trace, "log", buf_str(&text), &options, &detail);
    if (err != FW_OK)
        fail_msg("%s", detail.text);
    assert_int_equal(trace_finish(&trace, &detail), FW_OK);
    buf_fini(&text);
}

/* How many loads ahead were compared. */
static uint64_t check_totals(const char *policy, int64_t from_ns)
{
    start(from_ns);
    const struct score_result score = replay(policy, from_ns);
    struct trail_sums lanes = {0};
    struct trail_waits waits = {0};
    struct trail_loads ahead = {0};
    for (uint32_t i = 0; i <= TRAIL_LANES_MAX; i++) {
        lanes.requests += trail.sums[i].requests;
        lanes.idle_ns += trail.sums[i].idle_ns;
        lanes.wait_ns += trail.sums[i].wait_ns;
    }
    for (uint32_t i = 0; i < TRAIL_ORIGIN_COUNT; i++) {
        waits.requests += trail.waits[i].requests;
        waits.wait_ns += trail.waits[i].wait_ns;
    }
    for (uint32_t i = 0; i < CAUSE_COUNT; i++) {
        if (i == CAUSE_REQUEST)
            continue;
        ahead.begun += trail.loads[i].begun;
        ahead.used += trail.loads[i].used;
        ahead.unused += trail.loads[i].unused;
        ahead.wasted_ns += trail.loads[i].wasted_ns;
    }
    assert_int_equal(trail.total.requests, score.requests);
    assert_int_equal(trail.total.cold, score.cold);
    assert_int_equal(trail.total.loads, score.loads);
    assert_int_equal(trail.total.wait_ns, score.wait_ns);
    assert_int_equal(trail.total.idle_ns, score.idle_ns);
    assert_int_equal(lanes.requests, score.requests);
    assert_int_equal(lanes.idle_ns, score.idle_ns);
    assert_int_equal(lanes.wait_ns, score.wait_ns);
    assert_int_equal(waits.requests, score.cold);
    assert_int_equal(waits.wait_ns, score.wait_ns);
    assert_int_equal(ahead.begun, score.prewarm_issued);
    assert_int_equal(ahead.used, score.prewarm_hit);
    assert_int_equal(ahead.unused, score.prewarm_expired);
    assert_int_equal(ahead.wasted_ns, score.prewarm_wasted_ns);
    trail_fini(&trail);
    return score.prewarm_issued;
}

static void test_totals_are_the_scores(void **state)
{
    (void)state;
    static const char *const policies[] = {"cold",   "ttl:1m",  "ttl:10m", "median",
                                           "hybrid", "planner", "oracle"};
    uint64_t ahead = 0;
    make_random_trace(7);
    for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++) {
        ahead += check_totals(policies[i], 0);
        check_totals(policies[i], 20 * TIME_HOUR);
    }
    assert_true(ahead > 100);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_waits_and_their_origins),
        TEST(test_worst_cold_starts_say_why),
        TEST(test_regret_has_a_price),
        TEST(test_lanes_are_the_busiest_and_add_up),
        TEST(test_lanes_with_pauses),
        TEST(test_busiest_day_is_a_view_of_its_own),
        TEST(test_only_what_is_scored_counts),
        TEST(test_what_was_loaded_ahead),
        TEST(test_only_ten_worst_longest_first),
        TEST(test_totals_are_the_scores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
