/* SPDX-License-Identifier: MIT
 * The median rule on hand-made histories: P3 (sorted[n / 2]), P4 (predict_demand), P5
 * (should_prewarm), P6 (tracking, expiry). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "plan/median.h"
#include <string.h>

#define S TIME_SECOND

static const struct median_rule rule = {
    .min_requests = 10, .horizon_ns = 300 * S, .lead_time_ns = 120 * S};

static void fill(struct history *history, uint32_t resource, const int64_t *at_s, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        history_add(history, at_s[i] * S, resource);
}

static void p4_needs_ten_requests_and_three_stamps(void **state)
{
    (void)state;
    struct history history;
    struct median_prediction found[4];
    const int64_t first[] = {0, 100, 200}, second[] = {210, 250}, third[] = {260, 261, 262, 263},
                  more[] = {264};
    assert_int_equal(history_init(&history, 1000), FW_OK);
    assert_int_equal(history_grow(&history, 3), FW_OK);
    fill(&history, 0, first, 3);
    fill(&history, 1, second, 2);
    fill(&history, 2, third, 4);
    assert_int_equal(median_predict_demand(&history, &rule, 264 * S, found, 4), 0); /* nine */
    fill(&history, 2, more, 1);
    assert_int_equal(median_predict_demand(&history, &rule, 264 * S, found, 4), 2);
    assert_int_equal(found[0].resource, 0); /* 200 + 100 */
    assert_int_equal(found[0].median_ns, 100 * S);
    assert_int_equal(found[0].next_at_ns, 300 * S);
    assert_int_equal(found[0].distance_ns, 36 * S);
    assert_int_equal(found[1].resource, 2); /* 264 + 1; resource 1 has two stamps only */
    assert_int_equal(found[1].distance_ns, 1 * S);
    assert_int_equal(median_predict_demand(&history, &rule, 265 * S, found, 4),
                     1); /* resource 2 is due now: past */
    assert_int_equal(median_predict_demand(&history, &rule, 300 * S, found, 4), 0);
    history_fini(&history);
}

static void p4_drops_what_is_beyond_the_horizon(void **state)
{
    (void)state;
    struct history history;
    struct median_prediction found[4];
    int64_t stamps[10];
    for (int i = 0; i < 10; i++)
        stamps[i] = 400 * i;
    assert_int_equal(history_init(&history, 1000), FW_OK);
    assert_int_equal(history_grow(&history, 1), FW_OK);
    fill(&history, 0, stamps, 10); /* next at 4000 */
    assert_int_equal(median_predict_demand(&history, &rule, 3699 * S, found, 4), 0);
    assert_int_equal(median_predict_demand(&history, &rule, 3700 * S, found, 4), 1);
    history_fini(&history);
}

static void p5_prewarms_within_the_lead_time(void **state)
{
    (void)state;
    struct median_prediction prediction = {0, 400 * S, 4000 * S, 121 * S};
    assert_false(median_should_prewarm(&rule, &prediction));
    prediction.distance_ns = 120 * S;
    assert_true(median_should_prewarm(&rule, &prediction));
    prediction.distance_ns = 1;
    assert_true(median_should_prewarm(&rule, &prediction));
    prediction.distance_ns = 0;
    assert_false(median_should_prewarm(&rule, &prediction));
}

static void p3_an_outlier_does_not_move_it(void **state)
{
    (void)state;
    struct history history;
    struct median_prediction found[1];
    const int64_t stamps[] = {0, 60, 120, 180, 240, 9000, 9060, 9120, 9180, 9240};
    assert_int_equal(history_init(&history, 1000), FW_OK);
    assert_int_equal(history_grow(&history, 1), FW_OK);
    fill(&history, 0, stamps, 10);
    assert_int_equal(median_predict_demand(&history, &rule, 9241 * S, found, 1), 1);
    assert_int_equal(found[0].median_ns, 60 * S);
    history_fini(&history);
}

/* What a policy asks of the world, written down. */
struct world {
    bool warm;
    int prewarms, expiries;
    struct policy_order order;
    uint32_t expired;
};
static bool is_warm(void *context, uint32_t resource)
{
    (void)resource;
    return ((struct world *)context)->warm;
}
static void prewarm(void *context, const struct policy_order *order)
{
    struct world *world = context;
    world->prewarms++;
    world->order = *order;
}
static void expire(void *context, uint32_t resource)
{
    struct world *world = context;
    world->expiries++;
    world->expired = resource;
}
static void replan(void *context, uint32_t resource)
{
    (void)context;
    (void)resource;
}

static struct policy *make(const char *spec)
{
    struct policy_settings settings = {.wait_price = 54,
                                       .idle_price = 1,
                                       .min_requests = 10,
                                       .horizon_ns = 300 * S,
                                       .lead_time_ns = 120 * S,
                                       .tick_ns = 30 * S,
                                       .expiry_ns = 300 * S,
                                       .history = 1000,
                                       .max_resources = 10};
    struct policy *policy;
    struct fw_detail detail;
    assert_int_equal(policy_create(&policy, &settings, str_of(spec), &detail), FW_OK);
    assert_int_equal(policy->ops->grow(policy, 3), FW_OK);
    return policy;
}

static void request(struct policy *policy, int64_t at_s, int64_t gap_s)
{
    struct policy_request arrival = {
        .resource = 1, .at_ns = at_s * S, .gap_ns = gap_s < 0 ? -1 : gap_s * S, .load_ns = 11 * S};
    policy->ops->request(policy, &arrival);
}

/* Ticks up to and including `until_s`. */
static void tick(struct policy *policy, struct world *world, int64_t until_s)
{
    const struct policy_sink sink = {world, is_warm, prewarm, expire, replan};
    while (policy->ops->deadline(policy) <= until_s * S)
        policy->ops->fire(policy, policy->ops->deadline(policy), &sink);
}

static void p6_one_prewarm_at_a_time_and_it_expires(void **state)
{
    (void)state;
    struct policy *policy = make("median");
    struct world world = {0};
    assert_int_equal(policy->ops->deadline(policy), TIME_NEVER);
    for (int i = 0; i < 10; i++) { /* requests at 7, 407, ..., 3607: the next is due at 4007 */
        request(policy, 7 + 400 * i, i ? 400 : -1);
        assert_true(policy->ops->deadline(policy) > (7 + 400 * i) * S);
        tick(policy, &world, 7 + 400 * i + 399);
        if (i < 9) {
            assert_int_equal(world.prewarms, 0);
        }
    }
    /* Ticks at 7 + 30 k: the first with distance <= 120 is at 3907 (distance 100). */
    assert_int_equal(world.prewarms, 1);
    assert_int_equal(world.order.resource, 1);
    assert_int_equal(world.order.expire_at_ns, 4207 * S);
    assert_int_equal(world.order.numbers[0], 400 * S);
    assert_int_equal(world.order.numbers[1], 100 * S);
    tick(policy, &world, 4206);
    assert_int_equal(world.expiries, 0);
    tick(policy, &world, 4207);
    assert_int_equal(world.expiries, 1);
    assert_int_equal(world.expired, 1);
    assert_int_equal(world.prewarms, 1);
    assert_int_equal(policy->ops->deadline(policy), TIME_NEVER); /* nothing left to expect */
    policy_destroy(&policy);
}

static void p6_used_prewarms_do_not_expire(void **state)
{
    (void)state;
    struct policy *policy = make("median:5m");
    struct world world = {0};
    for (int i = 0; i < 10; i++)
        request(policy, 400 * i, i ? 400 : -1);
    tick(policy, &world, 3999);
    assert_int_equal(world.prewarms, 1);
    request(policy, 4000, 400);
    tick(policy, &world, 4250);
    assert_int_equal(world.expiries, 0);
    world.warm = true; /* and a warm one is not warmed again: due at 4400, near from 4290 on */
    tick(policy, &world, 4390);
    assert_int_equal(world.prewarms, 1);
    struct keep_plan plan;
    struct policy_request arrival = {
        .resource = 1, .at_ns = 4400 * S, .gap_ns = 400 * S, .load_ns = 11 * S};
    assert_true(policy->ops->plan(policy, &arrival, &plan));
    assert_int_equal(plan.count, 1);
    assert_int_equal(plan.windows[0].end_ns, 300 * S);
    policy_destroy(&policy);
    policy = make("median");
    assert_true(policy->ops->plan(policy, &arrival, &plan));
    assert_int_equal(plan.count, 0); /* alone: unload right after use */
    policy_destroy(&policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(p4_needs_ten_requests_and_three_stamps),
        cmocka_unit_test(p4_drops_what_is_beyond_the_horizon),
        cmocka_unit_test(p5_prewarms_within_the_lead_time),
        cmocka_unit_test(p3_an_outlier_does_not_move_it),
        cmocka_unit_test(p6_one_prewarm_at_a_time_and_it_expires),
        cmocka_unit_test(p6_used_prewarms_do_not_expire),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
