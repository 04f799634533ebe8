/* SPDX-License-Identifier: MIT
 * Replay and scoring: hand-made traces with known answers, and the engine under ttl:x against the
 * closed form. */
#include "base/buf.h"
#include "base/prng.h"
#include "core/settings.h"
#include "sim/replay.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static struct trace trace;
static struct score_arrivals arrivals;
static struct loads loads;
static struct fw_detail detail;

static void open_trace(const char *text)
{
    const struct trace_options options = {.time = TRACE_TIME_OFFSET_S};
    trace_init(&trace);
    if (trace_read_memory(&trace, "trace", str_of(text), &options, &detail) != FW_OK ||
        trace_finish(&trace, &detail) != FW_OK)
        fail_msg("%s", detail.text);
    assert_int_equal(score_arrivals_init(&arrivals, &trace), FW_OK);
}

static int close_trace(void **state)
{
    (void)state;
    score_arrivals_fini(&arrivals);
    trace_fini(&trace);
    loads_fini(&loads);
    return 0;
}

static struct replay_settings settings_with(int64_t load_ns)
{
    struct replay_settings settings = {.trace = &trace, .arrivals = &arrivals, .loads = &loads};
    loads_init(&loads, load_ns, 1);
    option_defaults(engine_option_rows, engine_option_count, &settings.engine);
    settings.engine.load_time_ns = load_ns;
    settings.engine.hold_timeout_ns = TIME_NEVER;
    settings.engine.hold_limit = settings.engine.hold_total = 1000 * 1000;
    settings.from_ns = trace.requests[0].at_ns;
    return settings;
}

static struct replay_result run(const struct replay_settings *settings, const char *policy)
{
    struct replay_result result;
    if (replay_run(settings, policy, &result, &detail) != FW_OK)
        fail_msg("%s", detail.text);
    return result;
}

static void test_a_gap_of_exactly_the_ttl_is_cold(void **state)
{
    (void)state;
    open_trace("time,resource\n0,a\n60,a\n119.999,a\n1000,z\n");
    struct replay_settings settings = settings_with(0);
    struct replay_result result = run(&settings, "ttl:60s");
    assert_int_equal(result.score.requests, 4);
    /* two first touches, and the one 60 s later; 59.999 s later is warm */
    assert_int_equal(result.score.cold, 3);
    assert_int_equal(result.score.first_touch, 2);
    assert_int_equal(result.score.loads, 3);
    assert_int_equal(result.score.unloads, 2);
    /* a: 60 s, then 59.999 s, then the tail of 60 s */
    assert_int_equal(result.score.idle_ns, 179999 * TIME_MILLISECOND);
}

static void test_all_that_queue_behind_a_load_pay_their_wait(void **state)
{
    (void)state;
    open_trace("time,resource\n0,a\n4,a\n10,a\n11,a\n71,a\n");
    struct replay_settings settings = settings_with(11 * TIME_SECOND);
    struct replay_result result = run(&settings, "ttl:1m");
    assert_int_equal(result.score.cold,
                     4); /* the load completes before the arrival of the same instant */
    assert_int_equal(result.score.loads, 2);
    assert_int_equal(result.score.wait_ns, (11 + 7 + 1 + 11) * TIME_SECOND);
    assert_true(fabs(result.score.wait_p50_s - 7) < 1e-9); /* of 0, 1, 7, 11, 11 */
    assert_int_equal(result.score.idle_ns, 60 * TIME_SECOND);
    assert_int_equal(result.score.load_ns, 22 * TIME_SECOND);
}

static void test_requests_that_run_are_not_idle_time(void **state)
{
    (void)state;
    open_trace("time,resource,duration\n0,a,5\n20,a,100\n1000,z,0\n");
    struct replay_settings settings = settings_with(10 * TIME_SECOND);
    struct replay_result result = run(&settings, "ttl:30s");
    /* ready at 10, busy to 15; idle to 20; busy to 120; idle for the 30 s of the tail */
    assert_int_equal(result.score.cold, 2);
    assert_int_equal(result.score.idle_ns, (5 + 30) * TIME_SECOND);
}

/* planning.md section 2: idle and loads of gaps still open at the end count; nothing does after the
 * last arrival. */
static void test_counting_ends_with_the_last_arrival(void **state)
{
    (void)state;
    open_trace("time,resource\n0,a\n100,b\n1000,b\n");
    struct replay_settings settings = settings_with(0);
    struct replay_result never = run(&settings, "ttl:never");
    assert_int_equal(never.score.idle_ns, (1000 + 900) * TIME_SECOND);
    assert_int_equal(never.score.unloads, 0);
    struct replay_result days = run(&settings, "ttl:3d");
    assert_int_equal(days.score.idle_ns, (1000 + 900) * TIME_SECOND);
    /* What waits at the end is still answered, and its wait counts. */
    struct replay_settings slow = settings_with(11 * TIME_SECOND);
    assert_int_equal(run(&slow, "ttl:1m").score.wait_ns, 3 * 11 * TIME_SECOND);
}

static void test_cold_policy_unloads_at_once(void **state)
{
    (void)state;
    open_trace("time,resource\n0,a\n100,a\n105,a\n");
    struct replay_settings settings = settings_with(10 * TIME_SECOND);
    struct replay_result result = run(&settings, "cold");
    assert_int_equal(result.score.loads, 2);
    assert_int_equal(result.score.cold, 3);
    assert_int_equal(result.score.idle_ns, 0);
    assert_int_equal(result.score.wait_ns, (10 + 10 + 5) * TIME_SECOND);
}

static void test_score_from_learns_before_and_counts_after(void **state)
{
    (void)state;
    open_trace("time,resource\n0,a\n50,a\n80,b\n500,b\n");
    struct replay_settings settings = settings_with(0);
    settings.from_ns = 50 * TIME_SECOND;
    struct replay_result result = run(&settings, "ttl:100s");
    assert_int_equal(result.score.requests, 3);
    assert_int_equal(result.score.cold, 2); /* b twice; a is warm from before */
    assert_int_equal(result.score.first_touch, 1);
    assert_int_equal(result.score.loads, 2);
    assert_int_equal(result.score.idle_ns,
                     (100 + 100) * TIME_SECOND); /* a from 50 on, b from 80 on */
}

static void test_oracle_loads_just_in_time(void **state)
{
    (void)state;
    open_trace("time,resource\n0,a\n1000,a\n1005,a\n");
    struct replay_settings settings = settings_with(11 * TIME_SECOND);
    struct replay_result result = run(&settings, "oracle");
    assert_int_equal(result.score.cold, 1); /* first touch */
    assert_int_equal(result.score.prewarm_issued, 1);
    assert_int_equal(result.score.prewarm_hit, 1);
    assert_int_equal(result.score.prewarm_expired, 0);
    assert_int_equal(result.score.idle_ns, 5 * TIME_SECOND);
    assert_int_equal(result.score.load_ns, 22 * TIME_SECOND);
}

static void test_hints_warm_ahead(void **state)
{
    (void)state;
    open_trace("time,resource\n0,a\n1000,a\n");
    struct replay_settings settings = settings_with(10 * TIME_SECOND);
    struct replay_result without = run(&settings, "ttl:60s");
    struct replay_hint *hints;
    size_t count;
    uint64_t unknown;
    assert_int_equal(
        replay_read_hints(&trace, "hints",
                          STR("time,resource,probability,eta_s\n985,a,1,15\n5,x,1,1\n"), &hints,
                          &count, &unknown, &detail),
        FW_OK);
    assert_int_equal(count, 1);
    assert_int_equal(unknown, 1);
    settings.hints = hints;
    settings.hint_count = count;
    struct replay_result with = run(&settings, "ttl:60s");
    assert_int_equal(without.score.cold, 2);
    assert_int_equal(with.score.cold, 1);
    assert_int_equal(with.score.prewarm_hit, 1);
    free(hints);
}

static void test_memory_budget_evicts(void **state)
{
    (void)state;
    open_trace("time,resource\n0,a\n100,b\n200,a\n");
    uint64_t sizes[2];
    assert_int_equal(replay_read_sizes(&trace, "sizes",
                                       STR("resource,memory\n*,6GiB\nb,7GiB\nz,1GiB\n"), sizes,
                                       NULL, &detail),
                     FW_OK);
    assert_true(sizes[0] == UINT64_C(6) << 30 && sizes[1] == UINT64_C(7) << 30);
    struct replay_settings settings = settings_with(10 * TIME_SECOND);
    settings.sizes = sizes;
    settings.engine.memory = UINT64_C(8) << 30;
    assert_int_equal(run(&settings, "lru").score.loads, 3);
    settings.engine.memory = UINT64_C(16) << 30;
    assert_int_equal(run(&settings, "lru").score.loads, 2);
    assert_int_equal(
        replay_read_sizes(&trace, "sizes", STR("resource,memory\na,6GiB\n"), sizes, NULL, &detail),
        FW_INPUT);
    assert_string_equal(detail.text,
                        "sizes: found no size of \"b\", expected a row for it or for *");
}

/* A random trace: bursts, gaps over five decades, durations, several resources. */
static void open_random(uint64_t seed, bool durations)
{
    struct prng prng;
    struct buf text;
    prng_init(&prng, seed);
    buf_init(&text, 1 << 20);
    buf_add_text(&text, "time,resource,duration\n");
    double at = 0;
    for (int i = 0; i < 400; i++) {
        char line[96];
        at += prng_uniform(&prng) < 0.3
                  ? 0
                  : floor(prng_exponential(&prng, pow(10, prng_uniform(&prng) * 3.5)));
        double duration =
            durations && prng_uniform(&prng) < 0.5 ? floor(prng_exponential(&prng, 30)) : 0;
        snprintf(line, sizeof line, "%.0f,r%d,%.0f\n", at, (int)prng_below(&prng, 6), duration);
        buf_add_text(&text, line);
    }
    open_trace(text.data);
    buf_fini(&text);
}

static void compare_with_closed_form(const struct replay_settings *settings, int64_t ttl_ns)
{
    struct score_result closed;
    char policy[64], duration[TIME_TEXT_MAX];
    snprintf(policy, sizeof policy, "ttl:%s", time_format_duration(ttl_ns, duration));
    struct replay_result result = run(settings, policy);
    score_ttl(&arrivals, &loads, ttl_ns, settings->from_ns, &closed);
    assert_int_equal(result.score.requests, closed.requests);
    assert_int_equal(result.score.cold, closed.cold);
    assert_int_equal(result.score.first_touch, closed.first_touch);
    assert_int_equal(result.score.loads, closed.loads);
    assert_int_equal(result.score.unloads, closed.unloads);
    assert_int_equal(result.score.load_ns, closed.load_ns);
    assert_int_equal(result.score.wait_ns, closed.wait_ns);
    assert_int_equal(result.score.idle_ns, closed.idle_ns);
}

static void test_engine_and_closed_form_agree(void **state)
{
    static const int64_t ttls_s[] = {0, 1, 7, 15, 60, 600, 3600};
    for (uint64_t seed = 1; seed <= 12; seed++) {
        open_random(seed, seed % 2 == 0);
        struct replay_settings settings = settings_with((int64_t)(seed % 3) * 11 * TIME_SECOND);
        if (seed % 4 == 3)
            settings.from_ns = trace.requests[trace.count / 2].at_ns;
        if (seed % 5 == 4)
            assert_int_equal(
                loads_read(&loads, "loads", STR("value\n500\n3000\n20000\n45000\n"), &detail),
                FW_OK);
        for (size_t i = 0; i < sizeof ttls_s / sizeof ttls_s[0]; i++)
            compare_with_closed_form(&settings, ttls_s[i] * TIME_SECOND);
        close_trace(state);
    }
    open_random(99, false);
}

static void test_best_ttl_is_the_best_of_the_grid(void **state)
{
    (void)state;
    open_random(5, false);
    loads_init(&loads, 11 * TIME_SECOND, 1);
    const struct score_prices prices = {.idle = 1, .wait = 54};
    struct score_result best, other;
    int64_t best_ns = score_best_ttl(&arrivals, &loads, &prices, 0, &best);
    assert_int_equal(score_grid_ttl(0), 15 * TIME_SECOND);
    assert_true(score_grid_ttl(SCORE_GRID - 1) <= 43200 * TIME_SECOND &&
                score_grid_ttl(SCORE_GRID) > 43200 * TIME_SECOND);
    bool found = false;
    for (int i = 0; i < SCORE_GRID; i++) {
        score_ttl(&arrivals, &loads, score_grid_ttl(i), 0, &other);
        assert_true(score_cost(&best, &prices) <= score_cost(&other, &prices));
        found = found || score_grid_ttl(i) == best_ns;
    }
    assert_true(found);
}

/* Accounts by resource are the total's parts, and the closed form's parts are the engine's. */
static void test_resources_add_up_to_the_total(void **state)
{
    (void)state;
    open_random(11, true);
    struct replay_settings settings = settings_with(7 * TIME_SECOND);
    struct score_sums *sums = calloc(trace.resources.count, sizeof *sums), total = {0};
    assert_non_null(sums);
    settings.by_resource = sums;
    struct replay_result result = run(&settings, "ttl:90s");
    for (uint32_t i = 0; i < trace.resources.count; i++) {
        struct score_result closed = {0};
        score_ttl_resource(&arrivals, &loads, i, 90 * TIME_SECOND, settings.from_ns, &closed);
        assert_int_equal(sums[i].requests, closed.requests);
        assert_int_equal(sums[i].idle_ns, closed.idle_ns);
        assert_int_equal(sums[i].load_ns, closed.load_ns);
        assert_int_equal(sums[i].wait_ns, closed.wait_ns);
        total.requests += sums[i].requests;
        total.cold += sums[i].cold;
        total.loads += sums[i].loads;
        total.idle_ns += sums[i].idle_ns;
        total.load_ns += sums[i].load_ns;
        total.wait_ns += sums[i].wait_ns;
    }
    assert_int_equal(total.requests, result.score.requests);
    assert_int_equal(total.cold, result.score.cold);
    assert_int_equal(total.loads, result.score.loads);
    assert_int_equal(total.idle_ns, result.score.idle_ns);
    assert_int_equal(total.load_ns, result.score.load_ns);
    assert_int_equal(total.wait_ns, result.score.wait_ns);
    free(sums);
}

static void test_same_seed_same_decisions(void **state)
{
    (void)state;
    open_random(3, true);
    struct replay_settings settings = settings_with(11 * TIME_SECOND);
    assert_int_equal(loads_read(&loads, "loads", STR("load_s\n1\n3\n20\n45\n"), &detail), FW_OK);
    struct replay_result a = run(&settings, "planner"), b = run(&settings, "planner");
    assert_true(a.decision_hash == b.decision_hash && a.score.wait_ns == b.score.wait_ns);
    /* Draws depend on (seed, resource, number) alone: the n-th load of a resource is the same
     * whatever the policy. */
    assert_int_equal(loads_draw(&loads, 2, 5), loads_draw(&loads, 2, 5));
    struct loads other = loads;
    other.seed = 2;
    int differences = 0;
    for (uint64_t i = 0; i < 64; i++)
        differences += loads_draw(&loads, 1, i) != loads_draw(&other, 1, i);
    assert_true(differences > 20);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, close_trace)
    const struct CMUnitTest tests[] = {
        TEST(test_a_gap_of_exactly_the_ttl_is_cold),
        TEST(test_all_that_queue_behind_a_load_pay_their_wait),
        TEST(test_requests_that_run_are_not_idle_time),
        TEST(test_counting_ends_with_the_last_arrival),
        TEST(test_cold_policy_unloads_at_once),
        TEST(test_score_from_learns_before_and_counts_after),
        TEST(test_oracle_loads_just_in_time),
        TEST(test_hints_warm_ahead),
        TEST(test_memory_budget_evicts),
        TEST(test_engine_and_closed_form_agree),
        TEST(test_best_ttl_is_the_best_of_the_grid),
        TEST(test_resources_add_up_to_the_total),
        TEST(test_same_seed_same_decisions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
