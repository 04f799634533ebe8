/* SPDX-License-Identifier: MIT
 * Levels between cold and warm (P10): what is let go rests where it comes back sooner, as long as
 * that is worth its price or host memory is free; what each level takes is learned; nothing is ever
 * served from one. */
#include "engine_bench.h"

#define GIB  (UINT64_C(1) << 30)
#define LOAD (10 * TIME_SECOND)
#define HALF (2 * TIME_SECOND)

/* Answers what was asked for until nothing is asked any more; loads take LOAD, from a level HALF.
 */
static void settle_world(struct bench *bench)
{
    struct action asked[256];
    size_t done = 0, total = 0;
    for (;; done++) {
        for (size_t i = 0; i < bench->actions.count && total < 256; i++)
            asked[total++] = bench->actions.items[i];
        bench->actions.count = 0;
        if (done == total)
            break;
        const struct action *action = &asked[done];
        struct event event = {
            .resource = action->resource, .attempt = action->attempt, .request = action->request};
        switch (action->kind) {
        case ACTION_WARM:
            bench->now_ns += action->status > 0 ? HALF : LOAD;
            event.kind = EVENT_PROVEN;
            break;
        case ACTION_RAISE:
            bench->now_ns += LOAD - HALF;
            event.kind = EVENT_RAISED;
            break;
        case ACTION_DRAIN:
            event.kind = EVENT_DRAINED;
            break;
        case ACTION_UNLOAD:
            event.kind = action->status > 0 ? EVENT_RAISED : EVENT_UNLOADED;
            break;
        case ACTION_LOWER:
            event.kind = EVENT_UNLOADED;
            break;
        case ACTION_RELEASE:
            event.kind = EVENT_END;
            break;
        default:
            continue;
        }
        step(bench, event);
    }
    assert_true(total < 256);
}

static void use(struct bench *bench, uint32_t resource, uint64_t id)
{
    bench->now_ns += TIME_MINUTE;
    request(bench, resource, id);
    settle_world(bench);
}

static struct resource_settings sized(bool from_warm)
{
    return (struct resource_settings){.memory = 6 * GIB,
                                      .level_count = 1,
                                      .levels = {{.host_memory = 6 * GIB,
                                                  .idle_price = 0.5,
                                                  .load_time_ns = RESOURCE_INHERITS,
                                                  .from_cold = true,
                                                  .from_warm = from_warm}}};
}

static struct bench short_of_memory(const char *policy, uint64_t host_bytes)
{
    struct bench bench = bench_of(policy);
    bench.settings.memory = 8 * GIB;
    bench.settings.host_memory = host_bytes;
    bench_start(&bench);
    return bench;
}

static void what_is_evicted_rests_and_its_load_is_learned(void **state)
{
    (void)state;
    struct bench bench = short_of_memory("lru", 20 * GIB);
    uint32_t a = add(&bench, "a", sized(true)), b = add(&bench, "b", sized(true));
    use(&bench, a, 1);
    assert_int_equal(view(&bench, a).levels[0].loads, 0);
    use(&bench, b, 2);
    assert_int_equal(view(&bench, a).state, RESOURCE_HALF);
    assert_int_equal(view(&bench, a).level, 1);
    assert_int_equal(engine_host_memory_used(bench.engine), 6 * GIB);
    assert_int_equal(engine_memory_used(bench.engine), 6 * GIB);
    bench.now_ns += TIME_MINUTE;
    request(&bench, a, 3); /* not served from there */
    assert_null(find(&bench, ACTION_RELEASE));
    settle_world(&bench);
    const struct resource_view after = view(&bench, a);
    assert_int_equal(after.state, RESOURCE_WARM);
    assert_int_equal(after.levels[0].loads, 1);
    assert_true(after.levels[0].load_ns < 4 * TIME_SECOND);
    assert_int_equal(view(&bench, b).state, RESOURCE_HALF);
    bench_end(&bench);
}

static void the_one_asked_for_longest_ago_makes_way_in_host_memory(void **state)
{
    (void)state;
    struct bench bench = short_of_memory("lru", 7 * GIB);
    uint32_t a = add(&bench, "a", sized(true)), b = add(&bench, "b", sized(true)),
             c = add(&bench, "c", sized(true));
    use(&bench, a, 1);
    use(&bench, b, 2);
    use(&bench, c, 3);
    assert_int_equal(view(&bench, a).state, RESOURCE_COLD);
    assert_int_equal(view(&bench, b).state, RESOURCE_HALF);
    assert_int_equal(engine_host_memory_used(bench.engine), 6 * GIB);
    bench_end(&bench);
}

/* The planner keeps what is worth most in host memory, not what was used last. */
static void the_planner_lowers_what_is_worth_least(void **state)
{
    (void)state;
    struct bench bench = short_of_memory("planner", 7 * GIB);
    uint32_t busy = add(&bench, "busy", sized(true)), rare = add(&bench, "rare", sized(true)),
             third = add(&bench, "third", sized(true));
    uint64_t id = 1;
    bench.settings.enable_prewarming = false;
    struct fw_detail detail;
    assert_int_equal(engine_reconfigure(bench.engine, &bench.settings, &detail), FW_OK);
    use(&bench, rare, id++);
    for (int i = 0; i < 200; i++)
        use(&bench, busy, id++);
    use(&bench, third, id++);
    assert_int_equal(view(&bench, busy).state, RESOURCE_HALF);
    use(&bench, rare, id++); /* for `third`, which was asked for later than `busy` */
    assert_int_equal(view(&bench, busy).state, RESOURCE_HALF);
    assert_int_equal(view(&bench, third).state, RESOURCE_COLD);
    bench_end(&bench);
}

static void what_cannot_go_there_from_warm_is_raised_when_nobody_waits(void **state)
{
    (void)state;
    struct bench bench = short_of_memory("lru", 20 * GIB);
    uint32_t a = add(&bench, "a", sized(false)), b = add(&bench, "b", sized(false));
    use(&bench, a, 1);
    bench.now_ns += TIME_MINUTE;
    request(&bench, b, 2);
    assert_null(find(&bench, ACTION_RAISE));
    settle_world(&bench);
    assert_int_equal(view(&bench, a).state, RESOURCE_HALF);
    assert_int_equal(view(&bench, a).raises, 1);
    assert_int_equal(view(&bench, a).levels[0].reach_ns, LOAD - HALF);
    bench_end(&bench);
}

/* The way up holds nobody up: it is cancelled for its own request and for another's. */
static void a_request_cancels_the_way_up(void **state)
{
    (void)state;
    for (int own = 0; own < 2; own++) {
        struct bench bench = short_of_memory("lru", 20 * GIB);
        uint32_t a = add(&bench, "a", sized(false)), b = add(&bench, "b", sized(false));
        use(&bench, a, 1);
        bench.now_ns += TIME_MINUTE;
        request(&bench, b, 2);
        step(&bench, (struct event){
                         .kind = EVENT_DRAINED, .resource = a, .attempt = view(&bench, a).attempt});
        step(&bench, (struct event){.kind = EVENT_UNLOADED,
                                    .resource = a,
                                    .attempt = view(&bench, a).attempt});
        step(&bench, (struct event){
                         .kind = EVENT_PROVEN, .resource = b, .attempt = view(&bench, b).attempt});
        assert_int_equal(view(&bench, a).state, RESOURCE_RAISING);
        step(&bench, (struct event){.kind = EVENT_END, .resource = b, .request = 2});
        uint32_t third = own ? a : add(&bench, "c", sized(false));
        request(&bench, third, 3);
        const struct action *cancel = find(&bench, ACTION_CANCEL);
        assert_non_null(cancel);
        assert_int_equal(cancel->resource, a);
        step(&bench, (struct event){.kind = EVENT_FAILED,
                                    .status = FW_CANCELLED,
                                    .resource = a,
                                    .attempt = view(&bench, a).attempt});
        settle_world(&bench);
        assert_int_equal(view(&bench, third).state, RESOURCE_WARM);
        bench_end(&bench);
    }
}

/* Without budgets: as long as what it can still save is more than what it costs. (10 s - 2 s) of
 * waiting at 9, and of loading, at a price of 0.5 a second: 160 s. */
static void without_a_budget_the_price_decides(void **state)
{
    (void)state;
    struct bench bench = bench_of("ttl:1m");
    bench.settings.wait_price = 9;
    bench_start(&bench);
    struct resource_settings settings = sized(true);
    settings.levels[0].load_time_ns = HALF;
    settings.load_time_ns = LOAD;
    uint32_t a = add(&bench, "a", settings);
    use(&bench, a, 1);
    int64_t asked_ns = view(&bench, a).last_request_ns + LOAD; /* answered then */
    bench.now_ns = asked_ns + 2 * TIME_MINUTE;
    step(&bench, (struct event){.kind = EVENT_TIME});
    settle_world(&bench);
    assert_int_equal(view(&bench, a).state, RESOURCE_HALF);
    int64_t deadline_ns = engine_next_deadline(bench.engine);
    assert_int_equal((deadline_ns - asked_ns) / TIME_SECOND, 160);
    bench.now_ns = deadline_ns;
    step(&bench, (struct event){.kind = EVENT_TIME});
    assert_int_equal(find(&bench, ACTION_LOWER)->reason, REASON_HALF_END);
    settle_world(&bench);
    assert_int_equal(view(&bench, a).state, RESOURCE_COLD);
    assert_int_equal(engine_host_memory_used(bench.engine), 0);
    assert_true(view(&bench, a).half_ns > 30 * TIME_SECOND);
    bench_end(&bench);
}

static void what_is_lost_there_is_cold(void **state)
{
    (void)state;
    struct bench bench = short_of_memory("lru", 20 * GIB);
    uint32_t a = add(&bench, "a", sized(true)), b = add(&bench, "b", sized(true));
    use(&bench, a, 1);
    use(&bench, b, 2);
    step(&bench, (struct event){.kind = EVENT_LOST, .resource = a});
    assert_int_equal(view(&bench, a).state, RESOURCE_COLD);
    assert_int_equal(engine_host_memory_used(bench.engine), 0);
    bench_end(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_evicted_rests_and_its_load_is_learned),
        cmocka_unit_test(the_one_asked_for_longest_ago_makes_way_in_host_memory),
        cmocka_unit_test(the_planner_lowers_what_is_worth_least),
        cmocka_unit_test(what_cannot_go_there_from_warm_is_raised_when_nobody_waits),
        cmocka_unit_test(a_request_cancels_the_way_up),
        cmocka_unit_test(without_a_budget_the_price_decides),
        cmocka_unit_test(what_is_lost_there_is_cold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
