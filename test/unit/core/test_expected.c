/* SPDX-License-Identifier: MIT
 * Planned events and forecasts (P10): loaded in time for what was announced, as far as its source
 * is believed. */
#include "engine_bench.h"
#include "plan/policies.h"
#include <string.h>

static void plan(struct bench *bench, uint32_t resource, int64_t in_ns, double requests)
{
    step(bench, (struct event){.kind = EVENT_EXPECT,
                               .resource = resource,
                               .source = 5,
                               .eta_ns = in_ns,
                               .duration_ns = TIME_HOUR,
                               .probability = requests,
                               .flags = EVENT_PLANNED});
}

/* Runs the timers up to then, and the loads and unloads they ask for; returns how many loads. */
static unsigned pass(struct bench *bench, uint32_t resource, int64_t until_ns)
{
    unsigned loads = 0;
    for (;;) {
        int64_t next_ns = engine_next_deadline(bench->engine);
        bench->now_ns = next_ns < until_ns ? next_ns : until_ns;
        step(bench, (struct event){.kind = EVENT_TIME});
        if (find(bench, ACTION_WARM)) {
            loads++;
            warm_up(bench, resource, SECONDS(11));
        } else if (view(bench, resource).state == RESOURCE_DRAINING) {
            report(bench, EVENT_DRAINED, resource);
            report(bench, EVENT_UNLOADED, resource);
        } else if (next_ns >= until_ns) {
            return loads;
        }
    }
}

/* A launch of something nobody has ever asked for: ready when it begins, not an hour before. */
static void ready_for_a_launch(void **state)
{
    (void)state;
    struct bench bench = bench_of("planner");
    bench.settings.load_time_ns = SECONDS(11);
    bench_start(&bench);
    uint32_t a = add(&bench, "a", (struct resource_settings){0});
    plan(&bench, a, 48 * TIME_HOUR, 100);
    assert_int_equal(pass(&bench, a, 48 * TIME_HOUR - SECONDS(60)), 0);
    assert_int_equal(view(&bench, a).state, RESOURCE_COLD);
    assert_int_equal(pass(&bench, a, 48 * TIME_HOUR), 1);
    assert_int_equal(view(&bench, a).state, RESOURCE_WARM);
    bench.now_ns += SECONDS(40);
    request(&bench, a, 1);
    assert_non_null(find(&bench, ACTION_RELEASE));
    assert_int_equal(view(&bench, a).accounts.prewarm_hit, 1);
    bench_end(&bench);
}

/* The first of many is waited for until the event is over; of few, not for long. */
static void patience_by_what_is_expected(void **state)
{
    (void)state;
    struct bench bench = bench_of("planner");
    bench.settings.load_time_ns = SECONDS(11);
    bench_start(&bench);
    uint32_t a = add(&bench, "a", (struct resource_settings){0});
    plan(&bench, a, TIME_HOUR, 100);
    assert_int_equal(pass(&bench, a, TIME_HOUR + 50 * TIME_MINUTE), 1);
    assert_int_equal(view(&bench, a).state, RESOURCE_WARM);
    (void)pass(&bench, a, 3 * TIME_HOUR);
    assert_int_equal(view(&bench, a).state, RESOURCE_COLD);
    assert_int_equal(view(&bench, a).accounts.prewarm_expired, 1);
    plan(&bench, a, TIME_HOUR, 0.01); /* hardly anything: not worth a load */
    assert_int_equal(pass(&bench, a, 6 * TIME_HOUR), 0);
    bench_end(&bench);
}

/* Events that do not happen: after a few their source is not believed any more. */
static void a_source_of_false_alarms_is_ignored(void **state)
{
    (void)state;
    struct bench bench = bench_of("planner");
    bench.settings.cooldown_ns = 0;
    bench_start(&bench);
    uint32_t a = add(&bench, "a", (struct resource_settings){0});
    unsigned loads = 0, late = 0;
    for (int i = 0; i < 40; i++) {
        plan(&bench, a, TIME_HOUR, 20);
        unsigned more = pass(&bench, a, bench.now_ns + 4 * TIME_HOUR);
        loads += more;
        late += i >= 20 ? more : 0;
    }
    uint64_t used, settled;
    assert_true(engine_hint_precision(bench.engine, 5, &used, &settled));
    assert_int_equal(used, 0);
    assert_int_equal(settled, 40);
    assert_true(loads > 0 && loads < 12);
    assert_int_equal(late, 0);
    bench_end(&bench);
}

static void limits_and_nonsense(void **state)
{
    (void)state;
    struct bench bench = bench_of("ttl:10m"); /* a policy that has no use for forecasts */
    bench_start(&bench);
    uint32_t a = add(&bench, "a", (struct resource_settings){0});
    const struct event forecast = {
        .kind = EVENT_EXPECT, .resource = a, .duration_ns = TIME_HOUR, .probability = 5};
    step(&bench, forecast);
    plan(&bench, a, TIME_HOUR, -1);
    assert_int_equal(engine_next_deadline(bench.engine), TIME_NEVER);
    for (int i = 0; i < 4096; i++)
        plan(&bench, a, TIME_DAY + i, 10);
    struct event more = forecast;
    more.flags = EVENT_PLANNED;
    more.at_ns = bench.now_ns;
    assert_int_equal(engine_step(bench.engine, &more, &bench.actions), FW_LIMIT);
    struct policy_signal signals[POLICY_SIGNALS_MAX];
    assert_int_equal(engine_signals(bench.engine, a, signals), 0);
    bench_end(&bench);
}

/* Snapshot law: what is planned survives. */
static void plans_are_saved(void **state)
{
    (void)state;
    struct bench bench = bench_of("planner"), copy = bench_of("planner");
    struct fw_detail detail = {""};
    struct buf out;
    buf_init(&out, 1 << 24);
    bench_start(&bench);
    bench_start(&copy);
    uint32_t a = add(&bench, "a", (struct resource_settings){0});
    plan(&bench, a, 5 * TIME_HOUR, 30);
    plan(&bench, a, 2 * TIME_HOUR, 60);
    assert_int_equal(engine_save(bench.engine, &out), FW_OK);
    assert_int_equal(engine_load(copy.engine, out.data, out.len, &detail), FW_OK);
    assert_int_equal(engine_next_deadline(copy.engine), engine_next_deadline(bench.engine));
    copy.now_ns = bench.now_ns;
    unsigned loads = pass(&bench, a, 8 * TIME_HOUR);
    assert_true(loads > 0);
    assert_int_equal(pass(&copy, a, 8 * TIME_HOUR), loads);
    assert_true(engine_decision_hash(bench.engine) == engine_decision_hash(copy.engine));
    buf_fini(&out);
    bench_end(&bench);
    bench_end(&copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ready_for_a_launch),
        cmocka_unit_test(patience_by_what_is_expected),
        cmocka_unit_test(a_source_of_false_alarms_is_ignored),
        cmocka_unit_test(limits_and_nonsense),
        cmocka_unit_test(plans_are_saved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
