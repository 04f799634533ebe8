/* SPDX-License-Identifier: MIT
 * The planner: its sums by hand, and what it makes of resources with a habit. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/prng.h"
#include "learn/packed.h"
#include "plan/planner.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define S                     TIME_SECOND
#define LOAD                  (11 * S)
#define NEAR(a, b, tolerance) assert_true(fabs((a) - (b)) <= (tolerance))

static struct planner *make(double wait_price, uint32_t count)
{
    struct policy_settings settings = {
        .wait_price = wait_price, .idle_price = 1, .max_resources = 100000};
    struct policy *policy;
    struct fw_detail detail;
    assert_int_equal(policy_create(&policy, &settings, STR("planner"), &detail), FW_OK);
    assert_int_equal(policy->ops->grow(policy, count), FW_OK);
    return (struct planner *)policy;
}

static void destroy(struct planner *planner)
{
    struct policy *policy = &planner->policy;
    policy_destroy(&policy);
}

static bool ask(struct planner *planner, uint32_t resource, int64_t at_ns, struct keep_plan *plan)
{
    struct policy *policy = &planner->policy;
    const struct planner_resource *known = &planner->resources[resource];
    struct policy_request request = {.resource = resource,
                                     .at_ns = at_ns,
                                     .load_ns = LOAD,
                                     .gap_ns = known->seen ? at_ns - known->last_ns : -1};
    policy->ops->request(policy, &request);
    return policy->ops->plan(policy, &request, plan);
}

static void memory_is_what_is_said(void **state)
{
    (void)state;
    assert_true(sizeof(struct planner_resource) <= 232);
}

/* Two gaps, one burst: every sum of the algorithm by hand. */
static void sums_by_hand(void **state)
{
    (void)state;
    struct planner *planner = make(54, 1);
    struct planner_resource *resource = &planner->resources[0];
    struct keep_plan plan;
    assert_true(ask(planner, 0, 0, &plan)); /* first touch: break-even L + lambda L = 605 s */
    assert_int_equal(plan.count, 1);
    assert_int_equal(plan.windows[0].end_ns, 605 * S);
    assert_true(ask(planner, 0, 100 * S, &plan));
    uint32_t bin = gaps_bin(100 * S);
    assert_true(resource->burst_open);
    assert_true(resource->burst_guess == 1);
    assert_true(planner->pool.all.counts[bin] == 1 && planner->pool.waits[bin] == 1);
    assert_true(planner->pool.contexts[0].counts[bin] ==
                1); /* unknown and quiet when it was planned */
    assert_true(
        ask(planner, 0, 103 * S, &plan)); /* would wait 8 s more; and short gaps are news: hold */
    assert_true(resource->hold);
    assert_false(ask(planner, 0, 103 * S, &plan)); /* and again */
    planner_catch_up(planner, 111 * S - 1);
    assert_true(resource->burst_open);
    planner_catch_up(planner, 111 * S);
    assert_false(resource->burst_open);
    double wait = (11 + 8 + 8) / 11.0;
    NEAR(planner->pool.waits[bin], wait, 1e-12);
    NEAR(packed_to(gaps_kept_note(&resource->gaps, bin)), wait, wait / 4096);
    NEAR((double)gaps_kept_count(&resource->gaps, bin), 1, 0);
    NEAR(planner->cost[EXPERT_TTL], 0.9999 * 100, 1e-9); /* kept for all of the gap */
    NEAR((double)resource->shadow[EXPERT_TTL], 100, 1e-3);
    NEAR(planner->used_cost, 0.9999 * 100, 1e-9);
    NEAR(planner->dearest, 100, 1e-9);
    NEAR(planner->gaps, 0.9999, 1e-12);
    for (int e = 1; e < EXPERT_COUNT; e++) {
        struct keep_outcome outcome =
            planner_outcome(planner, &resource->judged, NULL, e, 100 * S, LOAD);
        NEAR(planner->cost[e], 0.9999 * keep_cost_s(&outcome, LOAD, 54, wait), 1e-9);
    }
    assert_true(ask(planner, 0, 112 * S, &plan)); /* a settled burst is news */
    assert_false(ask(planner, 0, 113 * S, &plan));
    /* The second gap: 888 s. The time to live in force decides what it costs. */
    struct planner_plans before = resource->plans;
    assert_true(ask(planner, 0, 1001 * S, &plan));
    uint32_t second = gaps_bin(888 * S);
    NEAR((double)gaps_kept_count(&resource->gaps, bin), 0.99, 1e-6);
    NEAR((double)gaps_kept_count(&resource->gaps, second), 1, 1e-6);
    assert_true(resource->known == 2);
    double x = 0.9999 * (0.9999 * 100 + 605 + 11 + 54 * 11);
    planner_catch_up(planner, 1012 * S);
    assert_int_equal(before.ttl_edge, POOL_NO_EDGE);
    NEAR(planner->cost[EXPERT_TTL], x, 1e-6);
    NEAR(planner->dearest, 605 + 11 + 54 * 11, 1e-6);
    destroy(planner);
}

static void open_gaps_are_charged(void **state)
{
    (void)state;
    struct planner *planner = make(54, 3);
    struct keep_plan plan;
    ask(planner, 0, 0, &plan);
    ask(planner, 1, 500 * S, &plan);
    planner_catch_up(planner, 900 * S);
    NEAR(planner->open_cost[EXPERT_TTL], 605 + 400, 1e-9); /* the first is past its time to live */
    NEAR(planner->used_open_cost, 605 + 400, 1e-9);
    assert_true(planner->pool.all.at_risk[0] == 2);
    assert_true(planner->pool.all.at_risk[gaps_bin(400 * S)] == 1);
    assert_true(planner->pool.all.at_risk[gaps_bin(400 * S) - 1] == 2);
    assert_true(planner->pool.all.at_risk[gaps_bin(900 * S)] == 0);
    assert_true(planner->pool.contexts[0].at_risk[0] == 2); /* resource 2 was never asked for */
    planner_catch_up(planner, 1799 * S);
    NEAR(planner->open_cost[EXPERT_TTL], 605 + 400, 1e-9);
    planner_catch_up(planner, 1800 * S);
    NEAR(planner->open_cost[EXPERT_TTL], 605 + 605, 1e-9);
    destroy(planner);
}

static void pooled_sums_by_hand(void **state)
{
    (void)state;
    static struct planner_pool pool;
    planner_pool_init(&pool);
    planner_pool_refresh(&pool, 0);
    NEAR(pool.wait[0], 1, 0); /* nothing known: a lone request */
    assert_int_equal(planner_pool_ttl_edge(&pool, LOAD, 54), POOL_NO_EDGE);
    pool.all.counts[40] = 10;
    pool.waits[40] = 50;
    pool.all.counts[42] = 20;
    pool.waits[42] = 40;
    pool.stale = true;
    planner_pool_refresh(&pool, 1);
    NEAR(pool.wait[40], 1, 0); /* less than a second old: not yet */
    planner_pool_refresh(&pool, S);
    NEAR(pool.wait[40], (50 + 0.5 * 40 + 3 * 3.0) / (10 + 0.5 * 20 + 3), 1e-12);
    NEAR(pool.wait[39], (0.75 * 50 + 0.25 * 40 + 3 * 3.0) / (0.75 * 10 + 0.25 * 20 + 3), 1e-12);
    NEAR(pool.wait[10], 3, 1e-12);
    /* Every time to live there is, from the definition. */
    for (double price = 0.001; price < 1000; price *= 3) {
        double least = INFINITY;
        uint32_t best = 0;
        for (uint32_t i = gaps_bin(LOAD) + 1; i < GAPS_BINS; i++) {
            double cost = 0;
            for (uint32_t k = 0; k < GAPS_BINS; k++)
                cost += k < i ? pool.all.counts[k] * (gaps_edges_s[k] + gaps_edges_s[k + 1]) / 2
                              : pool.all.counts[k] * (gaps_edges_s[i] + 11) +
                                    price * 11 * pool.waits[k];
            if (cost < least - 1e-9) {
                least = cost;
                best = i;
            }
        }
        if (best == 43) /* no gap was longer */
            best = (uint32_t)fmax(best,
                                  gaps_bin(time_from_seconds(11 * (1 + price * pool.wait[best]))));
        assert_int_equal(planner_pool_ttl_edge(&pool, LOAD, price), best);
    }
    /* All of them are waited for; what lies beyond the longest nobody knows, and break-even is
     * kept. */
    assert_true(11 * (1 + 1000 * pool.wait[43]) > gaps_edges_s[43]);
    assert_int_equal(planner_pool_ttl_edge(&pool, LOAD, 1000),
                     gaps_bin(time_from_seconds(11 * (1 + 1000 * pool.wait[43]))));
    assert_int_equal(planner_pool_ttl_edge(&pool, LOAD, 0.001), gaps_bin(LOAD) + 1);
    const double *law = planner_pool_law(&pool, 4);
    double sum = 0;
    for (int k = 0; k < GAPS_BINS; k++)
        sum += law[k];
    NEAR(sum, 1, 1e-12);
    assert_int_equal(planner_pool_context(0, 0), 0);
    assert_int_equal(planner_pool_context(2, 1.5), 1);
    assert_int_equal(planner_pool_context(3, 7.9), 4);
    assert_int_equal(planner_pool_context(30, 8), 8);
}

/* Asked for every half hour on the dot: unloaded in between, ready in time. */
static void a_regular_resource_is_warmed_ahead(void **state)
{
    (void)state;
    struct planner *planner = make(54, 1);
    struct keep_plan plan = {0};
    for (int i = 0; i < 60; i++)
        ask(planner, 0, i * 1800 * S, &plan);
    assert_true(plan.count >= 1);
    assert_false(keep_ready(&plan, 900 * S));
    assert_true(keep_ready(&plan, 1800 * S));
    struct keep_outcome outcome = keep_outcome(&plan, 1800 * S, LOAD);
    assert_int_equal(outcome.wait_ns, 0);
    assert_true(outcome.idle_ns < 600 * S);
    double soon = planner->policy.ops->probability(&planner->policy, 0, 1700 * S, 600 * S);
    double early = planner->policy.ops->probability(&planner->policy, 0, 600 * S, 600 * S);
    assert_true(soon > 0.8 && early < 0.1);
    destroy(planner);
}

/* Twenty jobs by the clock, each with a jitter of 1 %: the windows around the latest gaps win, and
 * keep less idle than a bin is wide. */
static void the_clock_is_met_closely(void **state)
{
    (void)state;
    struct planner *planner = make(54, 20);
    struct prng prng;
    int64_t at_ns[20];
    struct keep_plan plans[20];
    prng_init(&prng, 3);
    for (int i = 0; i < 20; i++)
        at_ns[i] = i * 60 * S;
    for (int n = 0; n < 20 * 80; n++) {
        int next = 0;
        for (int i = 1; i < 20; i++)
            if (at_ns[i] < at_ns[next])
                next = i;
        ask(planner, (uint32_t)next, at_ns[next], &plans[next]);
        at_ns[next] += (int64_t)(1800e9 * (1 + 0.01 * prng_normal(&prng, 0, 1)));
    }
    int by_the_clock = 0;
    for (int i = 0; i < 20; i++)
        by_the_clock += planner->resources[i].plans.used == EXPERT_PERIOD;
    assert_true(by_the_clock >= 15);
    for (int i = 0; i < 20; i++)
        if (planner->resources[i].plans.used == EXPERT_PERIOD) {
            struct keep_outcome outcome = keep_outcome(&plans[i], 1800 * S, LOAD);
            assert_int_equal(outcome.wait_ns, 0);
            assert_true(outcome.idle_ns < 120 * S);
        }
    destroy(planner);
}

/* Gaps of exactly 120 s: with a dear wait it stays warm through them, with a cheap one it does not.
 */
static void the_price_of_waiting_decides(void **state)
{
    (void)state;
    for (int dear = 0; dear < 2; dear++) {
        struct planner *planner = make(dear ? 54 : 0.1, 1);
        struct keep_plan plan = {0};
        for (int i = 0; i < 60; i++)
            ask(planner, 0, i * 120 * S, &plan);
        assert_int_equal(keep_outcome(&plan, 120 * S, LOAD).wait_ns > 0, !dear);
        destroy(planner);
    }
}

static void stays_for_the_rest_of_a_burst(void **state)
{
    (void)state;
    struct planner *planner = make(54, 1);
    struct keep_plan plan = {0};
    int64_t at_ns = 0;
    for (int i = 0; i < 40; i++) /* five requests at once, then a week of silence */
        for (int k = 0; k < 5; k++)
            ask(planner, 0, at_ns += k ? 2 * S : 7 * TIME_DAY, &plan);
    assert_true(planner->resources[0].hold);
    int64_t edge_ns = gaps_edges_ns[gaps_bin(LOAD) + 1];
    struct keep_bins stop = {planner->resources[0].plans.low[0],
                             planner->resources[0].plans.high[0]};
    struct keep_plan stop_plan;
    keep_bins_plan(stop, &stop_plan);
    assert_int_equal(stop_plan.windows[0].start_ns, 0);
    assert_true(stop_plan.windows[0].end_ns >= edge_ns && edge_ns > LOAD);
    assert_true(keep_ready(&plan, LOAD));
    assert_false(keep_ready(&plan, TIME_DAY));
    destroy(planner);
}

static void the_guard_returns_to_the_common_time_to_live(void **state)
{
    (void)state;
    struct planner *planner = make(54, 1);
    struct keep_plan plan = {0};
    for (int i = 0; i < 60; i++)
        ask(planner, 0, i * 1800 * S, &plan);
    assert_true(planner->resources[0].plans.used != EXPERT_TTL);
    planner->used_cost = 1.05 * (planner->cost[EXPERT_TTL] + planner->open_cost[EXPERT_TTL]) +
                         5 * planner->dearest + 1000;
    ask(planner, 0, 60 * 1800 * S, &plan);
    assert_int_equal(planner->resources[0].plans.used, EXPERT_TTL);
    assert_int_equal(plan.count, 1);
    assert_int_equal(plan.windows[0].start_ns, 0);
    destroy(planner);
}

static void replans_when_there_is_news_only(void **state)
{
    (void)state;
    struct planner *planner = make(54, 1);
    struct keep_plan plan;
    assert_true(ask(planner, 0, 0, &plan));
    int64_t at_ns = 0;
    int planned = 0;
    for (int i = 0; i < 599; i++)
        planned += ask(planner, 0, at_ns += S, &plan);
    assert_true(planned <= 1); /* the hold, once */
    int64_t since_ns = planner->resources[0].planned_ns;
    assert_false(ask(planner, 0, since_ns + 599 * S > at_ns ? since_ns + 599 * S : at_ns, &plan));
    assert_true(ask(planner, 0, since_ns + 600 * S, &plan));
    destroy(planner);
}

static void probability_grows_with_the_horizon(void **state)
{
    (void)state;
    struct planner *planner = make(54, 3);
    const struct policy_ops *ops = planner->policy.ops;
    struct keep_plan plan;
    int64_t at_ns = 0;
    double before = 0;
    for (int i = 0; i < 400; i++) {
        ask(planner, 0, at_ns += 30 * S, &plan);
        if (i % 20 == 0)
            ask(planner, 1, at_ns, &plan);
    }
    assert_true(ops->probability(&planner->policy, 2, 0, TIME_HOUR) == 0);
    for (int64_t horizon_ns = S; horizon_ns < TIME_DAY; horizon_ns *= 2) {
        double p = ops->probability(&planner->policy, 1, 60 * S, horizon_ns);
        assert_true(p >= before && p <= 1);
        before = p;
    }
    assert_true(before > 0);
    destroy(planner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_what_is_said),
        cmocka_unit_test(sums_by_hand),
        cmocka_unit_test(open_gaps_are_charged),
        cmocka_unit_test(pooled_sums_by_hand),
        cmocka_unit_test(a_regular_resource_is_warmed_ahead),
        cmocka_unit_test(the_clock_is_met_closely),
        cmocka_unit_test(the_price_of_waiting_decides),
        cmocka_unit_test(stays_for_the_rest_of_a_burst),
        cmocka_unit_test(the_guard_returns_to_the_common_time_to_live),
        cmocka_unit_test(replans_when_there_is_news_only),
        cmocka_unit_test(probability_grows_with_the_horizon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
