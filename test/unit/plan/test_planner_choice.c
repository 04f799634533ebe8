/* SPDX-License-Identifier: MIT
 * Which expert decides: the promise that nobody ends much worse than with the timer they have
 * (P10), held against gaps chosen to hurt. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/prng.h"
#include "plan/planner.h"
#include <math.h>
#include <string.h>

#define S     TIME_SECOND
#define LOAD  (11 * S)
#define PRICE 54.0
#define START (11 * (1 + PRICE)) /* a cold start that nobody else waits for */

static struct policy *make(int64_t baseline_ns, uint32_t count)
{
    struct policy_settings settings = {
        .wait_price = PRICE, .idle_price = 1, .baseline_ns = baseline_ns, .max_resources = 1000};
    struct policy *policy;
    struct fw_detail detail;
    assert_int_equal(policy_create(&policy, &settings, STR("planner"), &detail), FW_OK);
    assert_int_equal(policy->ops->grow(policy, count), FW_OK);
    return policy;
}

/* What a user sees of one resource, kept outside the planner. */
struct ledger {
    struct policy *policy;
    struct keep_plan plan;
    int64_t at_ns, baseline_ns;
    uint32_t resource;
    double used, baseline, dearest;
};

static void ask(struct ledger *ledger, int64_t gap_ns)
{
    if (gap_ns >= 0) {
        struct keep_outcome used = keep_outcome(&ledger->plan, gap_ns, LOAD),
                            timer = keep_ttl_outcome(ledger->baseline_ns, gap_ns, LOAD);
        double cost = keep_cost_s(&used, LOAD, PRICE, 1);
        ledger->used += cost;
        ledger->dearest = fmax(ledger->dearest, cost);
        ledger->baseline += keep_cost_s(&timer, LOAD, PRICE, 1);
        ledger->at_ns += gap_ns;
    }
    struct policy_request request = {
        .resource = ledger->resource, .at_ns = ledger->at_ns, .gap_ns = gap_ns, .load_ns = LOAD};
    ledger->policy->ops->request(ledger->policy, &request);
    ledger->policy->ops->plan(ledger->policy, &request, &ledger->plan);
}

static void begins_with_the_users_timer(void **state)
{
    (void)state;
    struct ledger ledger = {.policy = make(300 * S, 1), .baseline_ns = 300 * S};
    ask(&ledger, -1);
    assert_int_equal(ledger.plan.count, 1);
    assert_int_equal(ledger.plan.windows[0].start_ns, 0);
    assert_int_equal(ledger.plan.windows[0].end_ns, 300 * S);
    for (int i = 0; i < 20; i++) /* nothing in this says that another would be cheaper */
        ask(&ledger, (20 + i) * S);
    assert_true(ledger.used == ledger.baseline);
    policy_destroy(&ledger.policy);
}

/* No timer told: break-even, 605 s for a lone request, more where cold starts meet bursts. */
static void keeps_a_burst_longer(void **state)
{
    (void)state;
    struct ledger ledger = {.policy = make(0, 1)};
    const struct planner *planner = (const struct planner *)ledger.policy;
    ask(&ledger, -1);
    assert_int_equal(ledger.plan.windows[0].end_ns, 605 * S);
    for (int i = 0; i < 12; i++) {
        ask(&ledger, (100 + i) * S);
        for (int k = 0; k < 9; k++)
            ask(&ledger, S);
    }
    assert_true(planner->resources[0].plans.used == EXPERT_BASELINE);
    assert_true(ledger.plan.windows[0].end_ns > 1000 * S);
    policy_destroy(&ledger.policy);
}

/* Every gap ends just after the plan let go, or at random, or in a habit that changes: no resource
 * costs more than 1.05 times its timer, three cold starts and the gaps in which that was passed. */
static int64_t hostile_gap(struct prng *prng, const struct ledger *ledger, int kind, int i)
{
    const struct keep_plan *plan = &ledger->plan;
    int64_t after_ns = plan->count > 0 ? plan->windows[0].end_ns : 0;
    if (kind == 0 || (kind == 3 && prng_below(prng, 2)))
        return (after_ns > 12 * S ? after_ns : 12 * S) + S;
    if (kind == 1)
        return 12 * S + (int64_t)prng_below(prng, 2000) * S;
    return (i / 40 % 2 ? 100 : 1500) * S + (int64_t)prng_below(prng, 20) * S;
}

static void never_much_worse_than_the_timer(void **state)
{
    (void)state;
    static const int64_t timers_ns[] = {60 * S, 300 * S, 600 * S, 3600 * S};
    int departed = 0;
    for (uint64_t seed = 0; seed < 80; seed++) {
        struct prng prng;
        prng_init(&prng, seed);
        struct ledger ledger = {.baseline_ns = timers_ns[seed % 4]};
        ledger.policy = make(ledger.baseline_ns, 1);
        ask(&ledger, -1);
        for (int i = 0; i < 600; i++) {
            ask(&ledger, hostile_gap(&prng, &ledger, (int)(seed / 4 % 4), i));
            assert_true(ledger.used <=
                        1.05 * ledger.baseline + 3 * START + 2 * ledger.dearest + 1e-3);
        }
        departed += ledger.used != ledger.baseline;
        policy_destroy(&ledger.policy);
    }
    assert_true(departed > 20); /* it was not the timer all the time */
}

/* Gains where there is something to gain: calls every half hour, and a timer of an hour. */
static void leaves_a_timer_that_is_dear(void **state)
{
    (void)state;
    struct ledger ledger = {.policy = make(3600 * S, 1), .baseline_ns = 3600 * S};
    struct prng prng;
    prng_init(&prng, 1);
    ask(&ledger, -1);
    for (int i = 0; i < 200; i++)
        ask(&ledger, 1800 * S + (int64_t)prng_below(&prng, 20) * S);
    assert_true(ledger.used < 0.25 * ledger.baseline);
    policy_destroy(&ledger.policy);
}

/* Another timer after a restart: the old one's debts are not held against it. */
static void a_new_timer_starts_afresh(void **state)
{
    (void)state;
    struct ledger ledger = {.policy = make(300 * S, 1), .baseline_ns = 300 * S};
    ask(&ledger, -1);
    for (int i = 0; i < 30; i++)
        ask(&ledger, (i % 2 ? 100 : 400) * S);
    struct buf bytes, again;
    buf_init(&bytes, SIZE_MAX);
    buf_init(&again, SIZE_MAX);
    ledger.policy->ops->save(ledger.policy, &bytes);
    struct policy *same = make(300 * S, 1), *other = make(600 * S, 1);
    struct buf_reader in =
        (struct buf_reader){.data = (const uint8_t *)bytes.data, .len = bytes.len};
    assert_true(same->ops->load(same, &in));
    same->ops->save(same, &again);
    assert_int_equal(bytes.len, again.len);
    assert_memory_equal(bytes.data, again.data, bytes.len);
    in = (struct buf_reader){.data = (const uint8_t *)bytes.data, .len = bytes.len};
    assert_true(other->ops->load(other, &in));
    const struct planner *old = (const struct planner *)same, *new = (const struct planner *)other;
    assert_true(old->resources[0].balance != 0 && new->resources[0].balance == 0);
    assert_true(new->cost[EXPERT_BASELINE] == new->cost[EXPERT_TTL]);
    buf_fini(&bytes);
    buf_fini(&again);
    policy_destroy(&same);
    policy_destroy(&other);
    policy_destroy(&ledger.policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(begins_with_the_users_timer),
        cmocka_unit_test(keeps_a_burst_longer),
        cmocka_unit_test(never_much_worse_than_the_timer),
        cmocka_unit_test(leaves_a_timer_that_is_dear),
        cmocka_unit_test(a_new_timer_starts_afresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
