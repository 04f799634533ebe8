/* SPDX-License-Identifier: MIT
 * What holds warming back (specification W4): budgets, the breaker, traffic; and the doubt that
 * takes a belief back. */
#include "base/buf.h"
#include "engine_bench.h"

#define HOURS(n) ((int64_t)(n)*TIME_HOUR)

static void hint(struct bench *bench, uint32_t resource)
{
    step(bench,
         (struct event){.kind = EVENT_HINT, .resource = resource, .probability = 1, .source = 1});
}

static void fail_load(struct bench *bench, uint32_t resource)
{
    step(bench, (struct event){.kind = EVENT_FAILED,
                               .resource = resource,
                               .attempt = view(bench, resource).attempt,
                               .status = FW_SPAWN});
}

/* Warms it for a request and lets it go. */
static void use_once(struct bench *bench, uint32_t resource, uint64_t id, int64_t load_ns)
{
    request(bench, resource, id);
    warm_up(bench, resource, load_ns);
    end(bench, resource, id, load_ns);
    report(bench, EVENT_DRAINED, resource);
    report(bench, EVENT_UNLOADED, resource);
    assert_int_equal(view(bench, resource).state, RESOURCE_COLD);
}

static void its_own_budget_stops_guesses_not_requests(void **state)
{
    (void)state;
    struct bench bench = bench_of("cold");
    bench_start(&bench);
    uint32_t a = add(&bench, "a", (struct resource_settings){.budget = {.warmups = 1}});
    uint32_t b = add(&bench, "b", (struct resource_settings){0});
    bench.now_ns = HOURS(1);
    use_once(&bench, a, 1, SECONDS(10));
    hint(&bench, a);
    assert_null(find(&bench, ACTION_WARM));
    assert_int_equal(find(&bench, ACTION_DECLINE)->reason, REASON_BUDGET_WARMUPS);
    assert_int_equal(view(&bench, a).declined[DECLINE_BUDGET], 1);
    hint(&bench, b); /* only the other one's is spent */
    assert_non_null(find(&bench, ACTION_WARM));
    request(&bench, a, 2);
    assert_non_null(find(&bench, ACTION_WARM));
    bench_end(&bench);
}

static void a_window_slides(void **state)
{
    (void)state;
    struct bench bench = bench_of("cold");
    bench.settings.budget.warmups = 2;
    bench_start(&bench);
    uint32_t a = add(&bench, "a", (struct resource_settings){0});
    bench.now_ns = HOURS(2) + SECONDS(299);
    use_once(&bench, a, 1, SECONDS(1));
    bench.now_ns = HOURS(2) + SECONDS(1800);
    use_once(&bench, a, 2, SECONDS(1));
    bench.now_ns = HOURS(3) + SECONDS(298); /* not yet an hour after the first */
    step(&bench, (struct event){.kind = EVENT_WARM, .resource = a});
    assert_null(find(&bench, ACTION_WARM));
    assert_int_equal(view(&bench, a).declined[DECLINE_BUDGET], 1);
    bench.now_ns = HOURS(3) + SECONDS(300);
    step(&bench, (struct event){.kind = EVENT_WARM, .resource = a});
    assert_non_null(find(&bench, ACTION_WARM));
    bench_end(&bench);
}

static void loads_under_way_count(void **state)
{
    (void)state;
    struct bench bench = bench_of("cold");
    bench.settings.budget.loading_ns = SECONDS(25);
    bench.settings.load_time_ns = SECONDS(10);
    bench_start(&bench);
    uint32_t a = add(&bench, "a", (struct resource_settings){0});
    uint32_t b = add(&bench, "b", (struct resource_settings){0});
    uint32_t c = add(&bench, "c", (struct resource_settings){0});
    step(&bench, (struct event){.kind = EVENT_WARM, .resource = a});
    step(&bench, (struct event){.kind = EVENT_WARM, .resource = b});
    assert_non_null(find(&bench, ACTION_WARM));
    step(&bench, (struct event){.kind = EVENT_WARM, .resource = c});
    assert_int_equal(find(&bench, ACTION_DECLINE)->reason, REASON_BUDGET_LOADING);
    step(&bench, (struct event){.kind = EVENT_WARM, .resource = c, .flags = EVENT_IGNORE_COOLDOWN});
    assert_non_null(find(&bench, ACTION_WARM)); /* an operator may */
    bench_end(&bench);
}

/* A strict budget refuses, says when, and serves again when the window has moved on. */
static void strict_means_requests_too(void **state)
{
    (void)state;
    struct bench bench = bench_of("cold");
    bench.settings.budget.usd = 0.0125; /* at 3.6 USD an hour: 12.5 s of loading */
    bench.settings.hour_price_usd = 3.6;
    bench.settings.budget_strict = true;
    bench_start(&bench);
    uint32_t a = add(&bench, "a", (struct resource_settings){.load_time_ns = SECONDS(10)});
    uint32_t b =
        add(&bench, "b", (struct resource_settings){.pin = true, .load_time_ns = SECONDS(10)});
    report(&bench, EVENT_LOADED, b);
    bench.now_ns = SECONDS(10);
    report(&bench, EVENT_PROVEN, b);
    assert_true(view(&bench, b).cost_usd > 0.00999 && view(&bench, b).cost_usd < 0.01001);
    request(&bench, a, 1);
    const struct action *refused = find(&bench, ACTION_REFUSE);
    assert_non_null(refused);
    assert_int_equal(refused->status, FW_BUDGET);
    assert_true(refused->numbers[0] > 0);
    assert_int_equal(view(&bench, a).held, 0);
    bench.now_ns += refused->numbers[0];
    request(&bench, a, 2);
    assert_non_null(find(&bench, ACTION_WARM));
    bench_end(&bench);
}

static void the_breaker_opens_and_tries_one(void **state)
{
    (void)state;
    struct bench bench = bench_of("ttl:60s");
    bench.settings.breaker_failures = 2;
    bench.settings.retry_min_ns = SECONDS(1);
    bench.settings.retry_max_ns = SECONDS(60);
    bench_start(&bench);
    const struct resource_settings of_one_server = {.server = 7};
    uint32_t a = add(&bench, "a", of_one_server), b = add(&bench, "b", of_one_server),
             c = add(&bench, "c", of_one_server);
    uint32_t other = add(&bench, "other", (struct resource_settings){.server = 8});
    request(&bench, a, 1);
    fail_load(&bench, a);
    bench.now_ns = SECONDS(2);
    request(&bench, a, 2);
    fail_load(&bench, a); /* twice, but always the same one: its own back-off sees to it */
    request(&bench, b, 3);
    assert_non_null(find(&bench, ACTION_WARM));
    fail_load(&bench, b);
    request(&bench, c, 4); /* never tried, and refused at once */
    assert_null(find(&bench, ACTION_WARM));
    assert_int_equal(find(&bench, ACTION_DECLINE)->reason, REASON_BREAKER);
    assert_int_equal(find(&bench, ACTION_REFUSE)->status, FW_MODEL_FAILED);
    request(&bench, other, 5);
    assert_non_null(find(&bench, ACTION_WARM));
    bench.now_ns = SECONDS(70);
    request(&bench, c, 6); /* half open: one try */
    assert_non_null(find(&bench, ACTION_WARM));
    request(&bench, a, 7);
    assert_null(find(&bench, ACTION_WARM));
    warm_up(&bench, c, SECONDS(1));
    request(&bench, a, 8);
    assert_non_null(find(&bench, ACTION_WARM));
    bench_end(&bench);
}

/* ---- doubt ---- */

static void doubt(struct bench *bench, uint32_t resource, uint32_t flags)
{
    step(bench, (struct event){.kind = EVENT_DOUBTED,
                               .resource = resource,
                               .duration_ns = SECONDS(9),
                               .value = (uint64_t)SECONDS(1),
                               .flags = flags});
}

static void doubt_takes_the_belief_back(void **state)
{
    (void)state;
    struct bench bench = bench_of("ttl:60s");
    bench_start(&bench);
    uint32_t a = add(&bench, "a", (struct resource_settings){0});
    request(&bench, a, 1);
    warm_up(&bench, a, SECONDS(10));
    end(&bench, a, 1, SECONDS(10));
    step(&bench,
         (struct event){.kind = EVENT_REQUEST, .resource = a, .request = 2, .flags = EVENT_SERVED});
    int64_t regret_ns = view(&bench, a).accounts.regret_ns;
    doubt(&bench, a, 0);
    assert_int_equal(find(&bench, ACTION_PROVE)->reason, REASON_DOUBTED);
    assert_int_equal(view(&bench, a).state, RESOURCE_VERIFYING);
    assert_int_equal(view(&bench, a).accounts.regret_ns, regret_ns + SECONDS(8));
    assert_int_equal(view(&bench, a).accounts.doubted, 1);
    request(&bench, a, 3); /* waits for the proof */
    assert_null(find(&bench, ACTION_RELEASE));
    end(&bench, a, 2, 0);
    doubt(&bench, a, 0); /* already */
    assert_int_equal(bench.actions.count, 0);
    bench.now_ns += SECONDS(1);
    report(&bench, EVENT_PROVEN, a);
    assert_int_equal(count(&bench, ACTION_RELEASE), 1);
    assert_int_equal(view(&bench, a).expected_load_ns, SECONDS(10)); /* a proof is no load */
    assert_int_equal(view(&bench, a).accounts.warmups[CAUSE_DOUBT], 1);
    bench_end(&bench);
}

static void what_fails_its_second_proof_is_loaded_again(void **state)
{
    (void)state;
    struct bench bench = bench_of("ttl:60s");
    bench_start(&bench);
    uint32_t a = add(&bench, "a", (struct resource_settings){.pin = true});
    warm_up(&bench, a, SECONDS(10));
    doubt(&bench, a, 0);
    fail_load(&bench, a);
    assert_int_equal(view(&bench, a).state, RESOURCE_FAILED);
    bench.now_ns = engine_next_deadline(bench.engine);
    step(&bench, (struct event){.kind = EVENT_TIME});
    assert_non_null(find(&bench, ACTION_WARM));
    bench_end(&bench);
}

/* Where no loader of ours can be timed, traffic tells what loading takes; what was seen elsewhere
 * is counted and nothing is proven. */
static void traffic_alone_teaches(void **state)
{
    (void)state;
    struct bench bench = bench_of("ttl:60s");
    bench_start(&bench);
    uint32_t a = add(&bench, "a", (struct resource_settings){0});
    doubt(&bench, a, EVENT_SEEN | EVENT_INFERRED);
    assert_int_equal(bench.actions.count, 0);
    assert_int_equal(view(&bench, a).accounts.cold_requests, 1);
    assert_int_equal(view(&bench, a).expected_load_ns, SECONDS(8));
    bench_end(&bench);
}

/* ---- snapshots ---- */

static void what_was_spent_survives_a_restart(void **state)
{
    (void)state;
    struct bench bench = bench_of("cold");
    struct fw_detail detail = {""};
    struct buf saved;
    bench.settings.budget.warmups = 1;
    bench_start(&bench);
    const struct resource_settings of_one_server = {.server = 7, .budget = {.warmups = 3}};
    uint32_t a = add(&bench, "a", of_one_server);
    bench.now_ns = HOURS(5);
    use_once(&bench, a, 1, SECONDS(10));
    buf_init(&saved, 1 << 26);
    assert_int_equal(engine_save(bench.engine, &saved), FW_OK);
    engine_destroy(&bench.engine);
    bench_start(&bench);
    assert_int_equal(engine_load(bench.engine, saved.data, saved.len, &detail), FW_OK);
    engine_forget_world(bench.engine, bench.now_ns);
    add(&bench, "a", of_one_server);
    hint(&bench, a);
    assert_int_equal(find(&bench, ACTION_DECLINE)->reason, REASON_BUDGET_WARMUPS);
    buf_fini(&saved);
    bench_end(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_own_budget_stops_guesses_not_requests),
        cmocka_unit_test(a_window_slides),
        cmocka_unit_test(loads_under_way_count),
        cmocka_unit_test(strict_means_requests_too),
        cmocka_unit_test(the_breaker_opens_and_tries_one),
        cmocka_unit_test(doubt_takes_the_belief_back),
        cmocka_unit_test(what_fails_its_second_proof_is_loaded_again),
        cmocka_unit_test(traffic_alone_teaches),
        cmocka_unit_test(what_was_spent_survives_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
