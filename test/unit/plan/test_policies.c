/* SPDX-License-Identifier: MIT
 * Every policy on cases worked out by hand. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "learn/gaps.h"
#include "plan/keep.h"
#include <string.h>

#define S TIME_SECOND

static const struct policy_settings settings = {.wait_price = 54,
                                                .idle_price = 1,
                                                .min_requests = 10,
                                                .horizon_ns = 300 * S,
                                                .lead_time_ns = 120 * S,
                                                .tick_ns = 30 * S,
                                                .expiry_ns = 300 * S,
                                                .history = 1000,
                                                .max_resources = 100};

static struct policy *make(const struct policy_settings *with, const char *spec)
{
    struct policy *policy;
    struct fw_detail detail = {""};
    if (policy_create(&policy, with, str_of(spec), &detail) != FW_OK)
        fail_msg("%s: %s", spec, detail.text);
    assert_int_equal(policy->ops->grow(policy, 3), FW_OK);
    return policy;
}

static bool ask(struct policy *policy, int64_t at_ns, int64_t gap_ns, struct keep_plan *plan)
{
    struct policy_request request = {
        .resource = 1, .at_ns = at_ns, .gap_ns = gap_ns, .load_ns = 11 * S};
    policy->ops->request(policy, &request);
    return policy->ops->plan(policy, &request, plan);
}

static void refused(const char *spec, const char *words)
{
    struct policy *policy;
    struct fw_detail detail = {""};
    assert_int_equal(policy_create(&policy, &settings, str_of(spec), &detail), FW_INPUT);
    assert_null(policy);
    if (!strstr(detail.text, words))
        fail_msg("'%s': '%s' does not say '%s'", spec, detail.text, words);
}

static void errors_say_what_was_expected(void **state)
{
    (void)state;
    refused("ttl", "found no duration, expected one such as ttl:10m");
    refused("ttl:", "found no duration");
    refused("ttl:600", "found '600', expected a duration with a unit");
    refused("ttl:-5s", "found '-5s'");
    refused("cold:1s", "found argument '1s', expected none");
    refused("breakevn", "did you mean 'breakeven'?");
    refused(
        "",
        "expected one of planner[:experts], hazard-stop, median[:DUR], hybrid[:DUR], breakeven, "
        "ttl:DUR, cold, lru, oracle, oracle-reactive");
    refused("zzzzzz", "found 'zzzzzz', expected one of planner[:experts]");
    refused("hybrid:90s", "expected whole minutes");
    refused("hybrid:25h", "2m to 24h");
    refused("median:x", "found 'x'");
    refused("oracle", "it can be replayed, not served");
    for (int i = 0; policy_table[i]; i++) {
        assert_non_null(policy_table[i]->name);
        assert_non_null(policy_table[i]->sentence);
        assert_true(str_starts(str_of(policy_table[i]->syntax), str_of(policy_table[i]->name)));
    }
}

static void more_resources_than_allowed(void **state)
{
    (void)state;
    const char *const specs[] = {"planner", "hazard-stop", "median", "hybrid", "breakeven"};
    for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++) {
        struct policy *policy = make(&settings, specs[i]);
        assert_int_equal(policy->ops->grow(policy, 100), FW_OK);
        assert_int_equal(policy->ops->grow(policy, 101), FW_LIMIT);
        policy_destroy(&policy);
        assert_null(policy);
    }
}

static void cold_ttl_lru(void **state)
{
    (void)state;
    struct keep_plan plan;
    struct policy *policy = make(&settings, "cold");
    assert_true(ask(policy, 0, -1, &plan));
    assert_int_equal(plan.count, 0);
    policy_destroy(&policy);
    policy = make(&settings, "ttl:10m");
    assert_true(ask(policy, 0, -1, &plan));
    assert_int_equal(plan.count, 1);
    assert_int_equal(plan.windows[0].start_ns, 0);
    assert_int_equal(plan.windows[0].end_ns, 600 * S);
    policy_destroy(&policy);
    policy = make(&settings, "ttl:0s");
    assert_true(ask(policy, 0, -1, &plan));
    assert_int_equal(plan.count, 0);
    policy_destroy(&policy);
    policy = make(&settings, "lru");
    assert_true(ask(policy, 0, -1, &plan));
    assert_int_equal(plan.count, 1);
    assert_int_equal(plan.windows[0].end_ns, TIME_NEVER);
    policy_destroy(&policy);
}

static void breakeven_charges_the_burst(void **state)
{
    (void)state;
    struct keep_plan plan;
    struct policy *policy = make(&settings, "breakeven");
    assert_true(ask(policy, 0, -1, &plan));
    assert_int_equal(plan.windows[0].end_ns, (11 + 54 * 11) * S);
    ask(policy, 1 * S, 1 * S, &plan); /* would wait 10 s more */
    ask(policy, 6 * S, 5 * S, &plan); /* and 5 */
    assert_int_equal(plan.windows[0].end_ns, (11 + 54 * 11) * S);
    ask(policy, 106 * S, 100 * S, &plan);
    assert_int_equal(plan.windows[0].end_ns, (11 + 54 * 26) * S);
    assert_int_equal(plan.cold_cost_ns, (11 + 54 * 26) * S);
    policy_destroy(&policy);
    struct policy_settings half = settings;
    half.idle_price = 2;
    policy = make(&half, "breakeven");
    assert_true(ask(policy, 0, -1, &plan));
    assert_int_equal(plan.windows[0].end_ns, (11 + 27 * 11) * S);
    policy_destroy(&policy);
}

static void hybrid_three_cases(void **state)
{
    (void)state;
    struct keep_plan plan;
    struct policy *policy = make(&settings, "hybrid");
    assert_true(ask(policy, 0, -1, &plan)); /* nothing known: the range */
    assert_int_equal(plan.windows[0].start_ns, 0);
    assert_int_equal(plan.windows[0].end_ns, 3600 * S);
    /* One gap of 330 s: all in bin 5, very telling: [0.9 * 300, 1.1 * 360). */
    int64_t at_ns = 330 * S;
    assert_true(ask(policy, at_ns, 330 * S, &plan));
    assert_int_equal(plan.count, 1);
    assert_int_equal(plan.windows[0].start_ns, 270 * S);
    assert_int_equal(plan.windows[0].end_ns, 396 * S);
    /* Two of 7200 s: two of three are out of range; f = 7200: [0.85 f, 1.15 f). */
    ask(policy, at_ns += 7200 * S, 7200 * S, &plan);
    assert_true(ask(policy, at_ns += 7200 * S, 7200 * S, &plan));
    assert_int_equal(plan.windows[0].start_ns, 6120 * S);
    assert_int_equal(plan.windows[0].end_ns, 8280 * S);
    /* One more of 10000 s: f = 0.7 * 7200 + 0.3 * 10000 = 8040. */
    ask(policy, at_ns += 10000 * S, 10000 * S, &plan);
    assert_int_equal(plan.windows[0].start_ns, 6834 * S);
    assert_int_equal(plan.windows[0].end_ns, 9246 * S);
    policy_destroy(&policy);

    policy = make(&settings, "hybrid"); /* gaps all over the range: it tells nothing */
    ask(policy, at_ns = 0, -1, &plan);
    for (int k = 0; k < 60; k++)
        ask(policy, at_ns += (k * 60 + 30) * S, (k * 60 + 30) * S, &plan);
    assert_int_equal(plan.windows[0].start_ns, 0);
    assert_int_equal(plan.windows[0].end_ns, 3600 * S);
    policy_destroy(&policy);

    policy = make(&settings, "hybrid:2h"); /* gaps under a minute: the head is bin 0 */
    ask(policy, 0, -1, &plan);
    ask(policy, 30 * S, 30 * S, &plan);
    assert_int_equal(plan.windows[0].start_ns, 0);
    assert_int_equal(plan.windows[0].end_ns, 66 * S);
    /* Past 50 gaps it is planned again after every n / 50: at 100 every second. */
    int planned = 0;
    for (int k = 2; k <= 200; k++)
        planned += ask(policy, k * 30 * S, 30 * S, &plan) && k > 100;
    assert_int_equal(planned, 25 + 16); /* 101, 103, .. 149, then 152, 155, .. 197 */
    policy_destroy(&policy);
}

/* Arrivals at 0, 5, 105, 106, 2000 s. */
static const int64_t arrivals_s[] = {0, 5, 105, 106, 2000};
static int64_t next_arrival(void *context, uint32_t resource, int64_t at_ns)
{
    (void)context;
    assert_int_equal(resource, 1);
    for (size_t i = 0; i < 5; i++)
        if (arrivals_s[i] * S > at_ns)
            return arrivals_s[i] * S;
    return TIME_NEVER;
}
static int64_t burst_wait(void *context, uint32_t resource, int64_t at_ns, int64_t load_ns)
{
    (void)context;
    (void)resource;
    int64_t wait_ns = 0;
    for (size_t i = 0; i < 5; i++)
        if (arrivals_s[i] * S >= at_ns && arrivals_s[i] * S < at_ns + load_ns)
            wait_ns += at_ns + load_ns - arrivals_s[i] * S;
    return wait_ns;
}

static void oracles(void **state)
{
    (void)state;
    struct policy_settings knowing = settings;
    struct keep_plan plan;
    knowing.next_arrival = next_arrival;
    knowing.burst_wait = burst_wait;
    struct policy *policy = make(&knowing, "oracle");
    assert_true(ask(policy, 0, -1, &plan)); /* 5 <= 11: stay */
    assert_int_equal(plan.windows[0].start_ns, 0);
    assert_true(ask(policy, 5 * S, 5 * S, &plan)); /* back at 105: ready just then */
    assert_int_equal(plan.count, 1);
    assert_int_equal(plan.windows[0].start_ns, 100 * S);
    struct keep_outcome outcome = keep_outcome(&plan, 100 * S, 11 * S);
    assert_int_equal(outcome.idle_ns, 0);
    assert_int_equal(outcome.wait_ns, 0);
    assert_int_equal(outcome.loads, 1);
    assert_true(ask(policy, 2000 * S, 1894 * S, &plan));
    assert_int_equal(plan.count, 0);
    policy_destroy(&policy);

    knowing.wait_price =
        4; /* a cold start at 105 costs 11 + 4 * (11 + 10) = 95 < 100; with lambda 5 it is 116 */
    policy = make(&knowing, "oracle-reactive");
    assert_true(ask(policy, 5 * S, 5 * S, &plan));
    assert_int_equal(plan.count, 0);
    assert_int_equal(plan.cold_cost_ns, 95 * S);
    policy_destroy(&policy);
    knowing.wait_price = 5;
    policy = make(&knowing, "oracle-reactive");
    assert_true(ask(policy, 5 * S, 5 * S, &plan));
    assert_int_equal(plan.count, 1);
    assert_int_equal(plan.windows[0].start_ns, 0);
    assert_true(ask(policy, 2000 * S, 1894 * S, &plan));
    assert_int_equal(plan.count, 0);
    policy_destroy(&policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_say_what_was_expected),
        cmocka_unit_test(more_resources_than_allowed),
        cmocka_unit_test(cold_ttl_lru),
        cmocka_unit_test(breakeven_charges_the_burst),
        cmocka_unit_test(hybrid_three_cases),
        cmocka_unit_test(oracles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
