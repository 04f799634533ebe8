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

/* The first of many is waited for while that pays: twice what a cold start is worth, 605 warm
 * seconds here, and as long as an event that is likely would be worth it. */
static void patience_by_what_is_expected(void **state)
{
    (void)state;
    struct bench bench = bench_of("planner");
    bench.settings.load_time_ns = SECONDS(11);
    bench_start(&bench);
    uint32_t a = add(&bench, "a", (struct resource_settings){0});
    plan(&bench, a, TIME_HOUR, 100);
    assert_int_equal(pass(&bench, a, TIME_HOUR + 19 * TIME_MINUTE), 1);
    assert_int_equal(view(&bench, a).state, RESOURCE_WARM);
    (void)pass(&bench, a, TIME_HOUR + 23 * TIME_MINUTE);
    assert_int_equal(view(&bench, a).state, RESOURCE_COLD);
    assert_int_equal(view(&bench, a).accounts.prewarm_expired, 1);
    plan(&bench, a, TIME_HOUR, 0.01); /* hardly anything: not worth a load */
    assert_int_equal(pass(&bench, a, 6 * TIME_HOUR), 0);
    bench_end(&bench);
}

/* A day of work announced as one event: its first request comes after an hour, every day. That
 * costs more than a cold start saves, so its source falls silent; who is in time goes on being
 * heard. */
static void what_costs_more_than_it_saves_falls_silent(void **state)
{
    (void)state;
    for (int late = 0; late < 2; late++) {
        struct bench bench = bench_of("planner:experts");
        struct planned_event event;
        bench.settings.load_time_ns = SECONDS(11);
        bench.settings.cooldown_ns = 0;
        bench_start(&bench);
        uint32_t a = add(&bench, "a", (struct resource_settings){0});
        unsigned loads = 0;
        for (int day = 0; day < 30; day++) {
            int64_t from_ns = bench.now_ns + TIME_DAY;
            plan(&bench, a, TIME_DAY, 8);
            unsigned before = pass(&bench, a, from_ns + (late ? TIME_HOUR : TIME_MINUTE));
            loads += day >= 10 ? before : 0;
            request(&bench, a, (uint64_t)day + 1);
            if (view(&bench, a).state != RESOURCE_WARM)
                warm_up(&bench, a, SECONDS(11));
            end(&bench, a, (uint64_t)day + 1, 0);
        }
        assert_int_equal(loads, late ? 0 : 20);
        plan(&bench, a, TIME_DAY, 8);
        assert_true(engine_planned(bench.engine, 0, &event));
        assert_false(engine_planned(bench.engine, 1, &event));
        assert_true(event.silent == late && (event.earned_s < 0) == late);
        assert_int_equal(event.from_ns, bench.now_ns + TIME_DAY);
        assert_int_equal(event.source, 5);
        bench_end(&bench);
    }
}

/* Said again for the same start it replaces what was said; no requests take it back. */
static void said_again_and_taken_back(void **state)
{
    (void)state;
    struct bench bench = bench_of("planner");
    struct planned_event event;
    bench_start(&bench);
    uint32_t a = add(&bench, "a", (struct resource_settings){0});
    plan(&bench, a, TIME_DAY, 10);
    plan(&bench, a, TIME_DAY, 30);
    assert_true(engine_planned(bench.engine, 0, &event) && event.requests == 30);
    assert_false(engine_planned(bench.engine, 1, &event));
    plan(&bench, a, 2 * TIME_DAY, 10);
    plan(&bench, a, TIME_DAY, 0);
    assert_true(engine_planned(bench.engine, 0, &event) && event.requests == 10);
    assert_false(engine_planned(bench.engine, 1, &event));
    assert_false(engine_planned_open(bench.engine, a, &event));
    assert_int_equal(pass(&bench, a, 2 * TIME_DAY), 1);
    assert_true(engine_planned_open(bench.engine, a, &event) && event.requests == 10);
    assert_false(engine_planned(bench.engine, 0, &event));
    bench_end(&bench);
}

/* What loads take is looked at again before the event: it was announced when nothing was known. */
static void begins_as_early_as_loads_take_by_then(void **state)
{
    (void)state;
    struct bench bench = bench_of("ttl:1m");
    bench.settings.load_time_ns = SECONDS(11);
    bench.settings.hold_timeout_ns = TIME_HOUR;
    bench_start(&bench);
    uint32_t a = add(&bench, "a", (struct resource_settings){0});
    plan(&bench, a, 48 * TIME_HOUR, 100);
    for (uint64_t i = 1; i < 20; i++) {
        bench.now_ns += TIME_HOUR;
        request(&bench, a, i);
        if (find(&bench, ACTION_WARM))
            warm_up(&bench, a, SECONDS(300));
        end(&bench, a, i, 0);
        step(&bench, (struct event){.kind = EVENT_UNLOAD, .resource = a});
        report(&bench, EVENT_DRAINED, a);
        report(&bench, EVENT_UNLOADED, a);
    }
    int64_t begins_ns = 0;
    while (begins_ns == 0) {
        bench.now_ns = engine_next_deadline(bench.engine);
        assert_true(bench.now_ns < 48 * TIME_HOUR);
        step(&bench, (struct event){.kind = EVENT_TIME});
        if (find(&bench, ACTION_WARM))
            begins_ns = bench.now_ns;
    }
    assert_true(begins_ns > 48 * TIME_HOUR - SECONDS(310) &&
                begins_ns <= 48 * TIME_HOUR - SECONDS(299));
    bench_end(&bench);
}

/* Under a memory budget (P10): room is made for what was announced, where what lies there loses
 * less, and it is kept while the first request may come. */
static void makes_room_under_a_budget(void **state)
{
    (void)state;
    for (int told = 0; told < 2; told++) {
        struct bench bench = bench_of("planner");
        bench.settings.load_time_ns = SECONDS(11);
        bench.settings.memory = 10ULL << 30;
        bench_start(&bench);
        uint32_t other = add(&bench, "other", (struct resource_settings){.memory = 9ULL << 30}),
                 a = add(&bench, "a", (struct resource_settings){.memory = 9ULL << 30});
        for (uint64_t i = 1; i < 4; i++) {
            bench.now_ns += TIME_HOUR;
            request(&bench, other, i);
            if (find(&bench, ACTION_WARM))
                warm_up(&bench, other, SECONDS(11));
            end(&bench, other, i, 0);
        }
        int64_t from_ns = bench.now_ns + 2 * TIME_HOUR;
        if (told)
            plan(&bench, a, 2 * TIME_HOUR, 100);
        while (bench.now_ns < from_ns) {
            int64_t next_ns = engine_next_deadline(bench.engine);
            bench.now_ns = next_ns < from_ns ? next_ns : from_ns;
            step(&bench, (struct event){.kind = EVENT_TIME});
            if (view(&bench, other).state == RESOURCE_DRAINING) {
                report(&bench, EVENT_DRAINED, other);
                report(&bench, EVENT_UNLOADED, other);
            }
            if (view(&bench, a).state == RESOURCE_WARMING)
                warm_up(&bench, a, SECONDS(11));
        }
        assert_int_equal(view(&bench, a).state, told ? RESOURCE_WARM : RESOURCE_COLD);
        assert_int_equal(view(&bench, other).state, told ? RESOURCE_COLD : RESOURCE_WARM);
        request(&bench, a, 100);
        assert_int_equal(view(&bench, a).accounts.prewarm_hit, told);
        bench_end(&bench);
    }
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
        plan(&bench, a, TIME_DAY + SECONDS(i), 10);
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
        cmocka_unit_test(what_costs_more_than_it_saves_falls_silent),
        cmocka_unit_test(said_again_and_taken_back),
        cmocka_unit_test(begins_as_early_as_loads_take_by_then),
        cmocka_unit_test(makes_room_under_a_budget),
        cmocka_unit_test(a_source_of_false_alarms_is_ignored),
        cmocka_unit_test(limits_and_nonsense),
        cmocka_unit_test(plans_are_saved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
