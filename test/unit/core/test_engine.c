/* SPDX-License-Identifier: MIT
 * The engine, event by event. Covers P6 (never warmed twice, expiry), P7 (hits, waste), W1 (single
 * flight), W3 (proof). */
#include "engine_bench.h"

static void life_on_demand(void **state)
{
    (void)state;
    struct bench bench = bench_of("ttl:60s");
    bench_start(&bench);
    uint32_t a = add(&bench, "a", (struct resource_settings){0});
    bench.now_ns = SECONDS(100);
    request(&bench, a, 1);
    const struct action *warm = find(&bench, ACTION_WARM);
    assert_non_null(warm);
    assert_int_equal(warm->reason, REASON_DEMAND);
    assert_null(
        find(&bench, ACTION_RELEASE)); /* loaded is not warm: nothing goes before the proof (W3) */
    bench.now_ns += SECONDS(2);
    request(&bench, a, 2);
    assert_int_equal(bench.actions.count, 0); /* single flight */
    warm_up(&bench, a, SECONDS(9));
    assert_int_equal(count(&bench, ACTION_RELEASE), 2);
    assert_int_equal(bench.actions.items[1].request, 1); /* first in, first out; [0] is the state */
    end(&bench, a, 1, SECONDS(11));
    end(&bench, a, 2, SECONDS(9));
    assert_int_equal(view(&bench, a).accounts.wait_ns, SECONDS(20));
    assert_int_equal(view(&bench, a).expected_load_ns, SECONDS(11));
    assert_int_equal(engine_next_deadline(bench.engine),
                     SECONDS(162)); /* age counts from the last request */
    bench.now_ns = SECONDS(500);    /* woken late: the timer still fires at its own deadline */
    step(&bench, (struct event){.kind = EVENT_TIME});
    const struct action *drain = find(&bench, ACTION_DRAIN);
    assert_non_null(drain);
    assert_int_equal(drain->at_ns, SECONDS(162));
    assert_int_equal(drain->reason, REASON_KEPT);
    report(&bench, EVENT_DRAINED, a);
    assert_non_null(find(&bench, ACTION_UNLOAD));
    report(&bench, EVENT_UNLOADED, a);
    assert_int_equal(view(&bench, a).state, RESOURCE_COLD);
    assert_int_equal(view(&bench, a).accounts.unloads, 1);
    bench_end(&bench);
}

static void wanted_while_draining(void **state)
{
    (void)state;
    struct bench bench = bench_of("cold");
    bench_start(&bench);
    uint32_t a = add(&bench, "a", (struct resource_settings){0});
    request(&bench, a, 1);
    warm_up(&bench, a, SECONDS(11));
    end(&bench, a, 1, SECONDS(11)); /* the cold policy lets go at once */
    assert_non_null(find(&bench, ACTION_DRAIN));
    uint64_t drained = view(&bench, a).attempt;
    request(&bench, a, 2);
    assert_non_null(find(&bench, ACTION_UNDRAIN));
    assert_non_null(find(&bench, ACTION_RELEASE));
    step(&bench, (struct event){.kind = EVENT_DRAINED,
                                .resource = a,
                                .attempt = drained}); /* stale: crossed on the way */
    assert_int_equal(view(&bench, a).state, RESOURCE_WARM);
    assert_int_equal(view(&bench, a).in_use, 1);
    bench_end(&bench);
}

static void failure_backs_off(void **state)
{
    (void)state;
    struct bench bench = bench_of("lru");
    bench_start(&bench);
    uint32_t a = add(&bench, "a", (struct resource_settings){0});
    uint32_t b = add(&bench, "b", (struct resource_settings){.has_fallback = true});
    request(&bench, a, 1);
    report(&bench, EVENT_FAILED, a);
    const struct action *refuse = find(&bench, ACTION_REFUSE);
    assert_non_null(refuse);
    assert_int_equal(refuse->status, FW_MODEL_FAILED);
    assert_int_equal(refuse->numbers[0], SECONDS(1));
    request(&bench, a, 2); /* during the pause: refused at once, no load */
    assert_non_null(find(&bench, ACTION_REFUSE));
    assert_null(find(&bench, ACTION_WARM));
    bench.now_ns = SECONDS(1);
    request(&bench, a, 3); /* the pause is over exactly now */
    assert_non_null(find(&bench, ACTION_WARM));
    report(&bench, EVENT_FAILED, a);
    assert_int_equal(view(&bench, a).retry_at_ns, SECONDS(3)); /* doubled */
    request(&bench, b, 4);
    report(&bench, EVENT_FAILED, b);
    assert_non_null(find(&bench, ACTION_FALLBACK)); /* failing never prevents use */
    bench_end(&bench);
}

static void holds_are_bounded(void **state)
{
    (void)state;
    struct bench bench = bench_of("lru");
    bench.settings.hold_limit = 2;
    bench.settings.hold_timeout_ns = SECONDS(5);
    bench_start(&bench);
    uint32_t a = add(&bench, "a", (struct resource_settings){0});
    request(&bench, a, 1);
    bench.now_ns = SECONDS(1);
    request(&bench, a, 2);
    request(&bench, a, 3);
    assert_int_equal(find(&bench, ACTION_REFUSE)->reason, REASON_HOLD_FULL);
    bench.now_ns = SECONDS(5);
    step(&bench, (struct event){.kind = EVENT_TIME});
    assert_int_equal(count(&bench, ACTION_REFUSE), 1);
    assert_int_equal(find(&bench, ACTION_REFUSE)->request, 1);
    step(&bench, (struct event){.kind = EVENT_GONE, .request = 2});
    struct accounts accounts = view(&bench, a).accounts;
    assert_int_equal(accounts.held, accounts.released + accounts.refused + accounts.fallbacks +
                                        accounts.cancelled);
    assert_int_equal(view(&bench, a).state,
                     RESOURCE_WARMING); /* the load goes on: others will come */
    bench_end(&bench);
}

static void memory_is_shared(void **state)
{
    (void)state;
    struct bench bench = bench_of("lru");
    bench.settings.memory = 20;
    bench_start(&bench);
    uint32_t a = add(&bench, "a", (struct resource_settings){.memory = 10});
    uint32_t b = add(&bench, "b", (struct resource_settings){.memory = 10});
    uint32_t c = add(&bench, "c", (struct resource_settings){.memory = 10});
    uint32_t d = add(&bench, "d", (struct resource_settings){.memory = 21});
    request(&bench, a, 1);
    request(&bench, b, 2); /* one load at a time under a budget */
    assert_null(find(&bench, ACTION_WARM));
    warm_up(&bench, a, SECONDS(1));
    assert_int_equal(find(&bench, ACTION_WARM)->resource, b);
    warm_up(&bench, b, SECONDS(1));
    end(&bench, b, 2, 0);
    bench.now_ns += SECONDS(1);
    request(&bench, c, 3);
    assert_int_equal(find(&bench, ACTION_DRAIN)->resource,
                     b); /* a was used longer ago but is answering still */
    assert_int_equal(find(&bench, ACTION_DRAIN)->reason, REASON_EVICTED);
    report(&bench, EVENT_DRAINED, b);
    report(&bench, EVENT_UNLOADED, b);
    assert_int_equal(find(&bench, ACTION_WARM)->resource, c);
    assert_int_equal(engine_memory_used(bench.engine), 20);
    request(&bench, d, 4);
    assert_int_equal(find(&bench, ACTION_REFUSE)->reason, REASON_TOO_LARGE);
    bench_end(&bench);
}

static void liars_are_ignored(void **state)
{
    (void)state;
    struct bench bench = bench_of("cold");
    bench.settings.cooldown_ns = 0;
    bench_start(&bench);
    uint32_t a = add(&bench, "a", (struct resource_settings){0});
    const struct event hint = {.kind = EVENT_HINT, .resource = a, .probability = 1, .source = 3};
    unsigned acted = 0;
    for (int i = 0; i < 40; i++) {
        step(&bench, hint);
        if (find(&bench, ACTION_WARM)) {
            acted++;
            warm_up(&bench, a, SECONDS(11));
        }
        bench.now_ns += SECONDS(1000);
        step(&bench, (struct event){.kind = EVENT_TIME});
        if (view(&bench, a).state == RESOURCE_DRAINING) {
            report(&bench, EVENT_DRAINED, a);
            report(&bench, EVENT_UNLOADED, a);
        }
    }
    uint64_t used, settled;
    assert_true(engine_hint_precision(bench.engine, 3, &used, &settled));
    assert_int_equal(used, 0);
    assert_int_equal(settled, 40);
    assert_in_range(acted, 1, 8);
    struct accounts accounts = view(&bench, a).accounts;
    assert_int_equal(accounts.prewarm_issued, accounts.prewarm_expired);
    assert_true(accounts.prewarm_wasted_ns > 0);
    bench_end(&bench);
}

static void page_warmups_cool_down(void **state)
{
    (void)state;
    struct bench bench = bench_of("ttl:1s");
    bench_start(&bench);
    uint32_t a = add(&bench, "a", (struct resource_settings){0});
    step(&bench, (struct event){.kind = EVENT_WARM, .resource = a});
    assert_int_equal(find(&bench, ACTION_WARM)->cause, CAUSE_PAGE);
    warm_up(&bench, a, SECONDS(11));
    bench.now_ns += SECONDS(400);
    step(&bench, (struct event){.kind = EVENT_TIME});
    assert_int_equal(find(&bench, ACTION_DRAIN)->reason, REASON_PREWARM_EXPIRED);
    report(&bench, EVENT_DRAINED, a);
    report(&bench, EVENT_UNLOADED, a);
    assert_int_equal(view(&bench, a).accounts.prewarm_wasted_ns,
                     SECONDS(400)); /* warm all that time for nobody */
    step(&bench, (struct event){.kind = EVENT_WARM, .resource = a});
    assert_null(find(&bench, ACTION_WARM)); /* cooling down */
    step(&bench, (struct event){.kind = EVENT_WARM, .resource = a, .flags = EVENT_IGNORE_COOLDOWN});
    assert_non_null(find(&bench, ACTION_WARM)); /* operators are obeyed */
    request(&bench, a, 1);
    assert_int_equal(view(&bench, a).accounts.prewarm_hit, 1);
    bench_end(&bench);
}

static void pins_and_operators(void **state)
{
    (void)state;
    struct bench bench = bench_of("cold");
    bench_start(&bench);
    uint32_t a = add(&bench, "a", (struct resource_settings){.pin = true});
    assert_int_equal(find(&bench, ACTION_WARM)->cause, CAUSE_PIN);
    warm_up(&bench, a, SECONDS(1));
    request(&bench, a, 1);
    end(&bench, a, 1, 0);
    assert_null(find(&bench, ACTION_DRAIN));
    step(&bench, (struct event){.kind = EVENT_LOST, .resource = a});
    assert_int_equal(find(&bench, ACTION_WARM)->cause, CAUSE_PIN);
    warm_up(&bench, a, SECONDS(1));
    step(&bench, (struct event){.kind = EVENT_UNPIN, .resource = a});
    assert_non_null(find(&bench, ACTION_DRAIN));
    report(&bench, EVENT_DRAINED, a);
    report(&bench, EVENT_UNLOADED, a);
    step(&bench, (struct event){.kind = EVENT_RETIRE, .resource = a});
    request(&bench, a, 2);
    assert_int_equal(find(&bench, ACTION_REFUSE)->status, FW_MODEL_UNKNOWN);
    bench_end(&bench);
}

/* Waiting is regretted only where keeping the resource warm since its last request would have cost
 * less. */
static void regret_is_judged_by_the_gap_before_the_burst(void **state)
{
    (void)state;
    struct bench bench = bench_of("cold");
    bench_start(&bench);
    uint32_t a = add(&bench, "a", (struct resource_settings){0});
    request(&bench, a, 1);
    warm_up(&bench, a, SECONDS(11));
    end(&bench, a, 1, SECONDS(11));
    report(&bench, EVENT_DRAINED, a);
    report(&bench, EVENT_UNLOADED, a);
    assert_int_equal(view(&bench, a).accounts.regret_ns,
                     0);            /* a first request could not be foreseen */
    bench.now_ns += 10 * TIME_HOUR; /* ten idle hours for 22 s of waiting: not worth it */
    request(&bench, a, 2);
    request(&bench, a, 3);
    warm_up(&bench, a, SECONDS(11));
    assert_int_equal(view(&bench, a).accounts.regret_ns, 0);
    end(&bench, a, 2, SECONDS(11));
    end(&bench, a, 3, SECONDS(11));
    report(&bench, EVENT_DRAINED, a);
    report(&bench, EVENT_UNLOADED, a);
    bench.now_ns += SECONDS(60); /* one idle minute would have saved them */
    request(&bench, a, 4);
    warm_up(&bench, a, SECONDS(11));
    assert_int_equal(view(&bench, a).accounts.regret_ns, SECONDS(11));
    bench_end(&bench);
}

static void why_speaks(void **state)
{
    (void)state;
    struct bench bench = bench_of("ttl:60s");
    bench_start(&bench);
    uint32_t a = add(&bench, "a", (struct resource_settings){0});
    request(&bench, a, 1);
    warm_up(&bench, a, SECONDS(11));
    end(&bench, a, 1, SECONDS(11));
    bench.now_ns = SECONDS(60);
    step(&bench, (struct event){.kind = EVENT_TIME});
    struct decision decisions[4];
    assert_int_equal(engine_decisions(bench.engine, a, decisions, 4), 2);
    assert_int_equal(decisions[0].action.kind, ACTION_DRAIN);
    assert_int_equal(decisions[1].action.kind, ACTION_WARM);
    struct buf text;
    buf_init(&text, 1000);
    engine_describe(bench.engine, &decisions[1].action, &text);
    assert_string_equal(text.data, "a request waits for it; loading takes about 11 s");
    buf_fini(&text);
    bench_end(&bench);
}

/* What a restart finds still warm is not let go before anybody could ask for it. */
static void what_is_found_stays_a_while(void **state)
{
    (void)state;
    struct bench bench = bench_of("ttl:1s");
    bench_start(&bench);
    uint32_t a = add(&bench, "a", (struct resource_settings){0});
    step(&bench, (struct event){.kind = EVENT_FOUND, .resource = a});
    assert_null(find(&bench, ACTION_DRAIN));
    bench.now_ns = SECONDS(299);
    step(&bench, (struct event){.kind = EVENT_TIME});
    assert_int_equal(view(&bench, a).state, RESOURCE_WARM);
    bench.now_ns = SECONDS(300);
    step(&bench, (struct event){.kind = EVENT_TIME});
    assert_int_equal(view(&bench, a).state, RESOURCE_DRAINING);
    bench_end(&bench);
}

/* P3: hour of day and rolling history are kept whatever the policy. */
static void the_past_is_kept(void **state)
{
    (void)state;
    struct bench bench = bench_of("lru");
    bench_start(&bench);
    uint32_t a = add(&bench, "a", (struct resource_settings){0});
    for (int day = 0; day < 20;
         day++) { /* at 09:00 and 09:10, on weekdays 1970-01-01 (a Thursday) and after */
        bench.now_ns = day * TIME_DAY + 9 * TIME_HOUR;
        step(&bench, (struct event){.kind = EVENT_OBSERVED, .resource = a});
        bench.now_ns += 10 * TIME_MINUTE;
        step(&bench, (struct event){.kind = EVENT_OBSERVED, .resource = a});
    }
    struct resource_view past = view(&bench, a);
    assert_int_equal(past.remembered, 40);
    assert_true(past.median_gap_ns == 10 * TIME_MINUTE ||
                past.median_gap_ns == TIME_DAY - 10 * TIME_MINUTE);
    assert_true(past.hour_factor[9] > 10 && past.hour_factor[8] < 1);
    assert_true(past.weekday_factor[3] > 0.8 && past.weekday_factor[3] < 1.5);
    bench_end(&bench);
}

static void sessions_foretell(void **state)
{
    (void)state;
    struct bench bench = bench_of("lru");
    bench_start(&bench);
    uint32_t a = add(&bench, "a", (struct resource_settings){0}),
             b = add(&bench, "b", (struct resource_settings){0});
    for (int i = 0; i < 10; i++) {
        bench.now_ns += SECONDS(1);
        step(&bench,
             (struct event){.kind = EVENT_OBSERVED, .resource = i % 2 ? b : a, .session = 7});
    }
    struct next_resource next[3];
    assert_int_equal(engine_next(bench.engine, 7, next, 3), 2);
    assert_int_equal(next[0].resource, a); /* after b always comes a */
    assert_true(next[0].probability > 0.6 && next[0].probability < 1);
    assert_true(next[0].delay_s >= 1 && next[0].delay_s <= next[0].delay_p90_s &&
                next[0].delay_p90_s <= 2); /* they come a second apart */
    assert_int_equal(engine_next(bench.engine, 8, next, 3), 0);
    bench_end(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(life_on_demand),
        cmocka_unit_test(wanted_while_draining),
        cmocka_unit_test(failure_backs_off),
        cmocka_unit_test(holds_are_bounded),
        cmocka_unit_test(memory_is_shared),
        cmocka_unit_test(liars_are_ignored),
        cmocka_unit_test(page_warmups_cool_down),
        cmocka_unit_test(pins_and_operators),
        cmocka_unit_test(regret_is_judged_by_the_gap_before_the_burst),
        cmocka_unit_test(why_speaks),
        cmocka_unit_test(what_is_found_stays_a_while),
        cmocka_unit_test(the_past_is_kept),
        cmocka_unit_test(sessions_foretell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
