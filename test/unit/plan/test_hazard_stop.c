/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/prng.h"
#include "plan/keep_bins.h"
#include <math.h>
#include <string.h>

#define S    TIME_SECOND
#define LOAD (11 * S)

static struct policy *make(double wait_price, uint32_t count)
{
    struct policy_settings settings = {
        .wait_price = wait_price, .idle_price = 1, .max_resources = 1000};
    struct policy *policy;
    struct fw_detail detail;
    assert_int_equal(policy_create(&policy, &settings, STR("hazard-stop"), &detail), FW_OK);
    assert_int_equal(policy->ops->grow(policy, count), FW_OK);
    return policy;
}

static bool ask(struct policy *policy, uint32_t resource, int64_t at_ns, int64_t gap_ns,
                struct keep_plan *plan)
{
    struct policy_request request = {
        .resource = resource, .at_ns = at_ns, .gap_ns = gap_ns, .load_ns = LOAD};
    policy->ops->request(policy, &request);
    return policy->ops->plan(policy, &request, plan);
}

/* One resource that came back 30 times after 100 s: law and plan worked out here from the
 * definitions. */
static void the_plan_is_that_of_the_formulas(void **state)
{
    (void)state;
    struct policy *policy = make(54, 1);
    struct keep_plan plan, expected;
    ask(policy, 0, 0, -1, &plan);
    for (int i = 1; i <= 30; i++)
        ask(policy, 0, i * 100 * S, 100 * S, &plan);
    struct gaps_pool pool;
    float counts[GAPS_BINS] = {0};
    double hazards[GAPS_BINS], law[GAPS_BINS], mass[GAPS_BINS], cold[GAPS_BINS];
    memset(&pool, 0, sizeof pool);
    uint32_t bin = gaps_bin(100 * S);
    pool.counts[bin] = 30;
    for (int i = 0; i < 30; i++)
        gaps_learn(counts, bin);
    gaps_hazards(&pool, hazards);
    gaps_law(hazards, law);
    gaps_mass(counts, law, 4, mass);
    for (int k = 0; k < GAPS_BINS; k++)
        cold[k] = 11 + 54 * 11;
    keep_bins_plan(keep_bins_windows(mass, cold, 11),
                   &expected); /* loading again has been cheaper than staying */
    assert_false(keep_bins_ready(keep_bins_windows(mass, cold, 11), 0));
    assert_true(keep_bins_ready(keep_bins_stop(mass, cold), bin));
    assert_int_equal(plan.count, expected.count);
    assert_memory_equal(plan.windows, expected.windows,
                        expected.count * sizeof expected.windows[0]);
    assert_true(keep_ready(&plan, 100 * S));
    assert_int_equal(plan.cold_cost_ns, (11 + 54 * 11) * S);
    policy_destroy(&policy);
}

/* Prewarming is off until its shadow has been cheaper: regular resources earn it, random ones do
 * not. */
static void windows_must_earn_their_place(void **state)
{
    (void)state;
    struct policy *policy = make(54, 2);
    struct keep_plan regular = {0}, random = {0};
    struct prng prng;
    int64_t gap_ns = 0, random_at_ns = 0;
    prng_init(&prng, 3);
    for (int i = 0; i < 40; i++) {
        ask(policy, 0, i * 1800 * S, i ? 1800 * S : -1, &regular);
        if (i < 2) {
            assert_true(regular.count <= 1 &&
                        (regular.count == 0 || regular.windows[0].start_ns == 0));
        }
    }
    assert_true(keep_ready(&regular, 1800 * S));
    assert_false(keep_ready(&regular, 900 * S));
    random_at_ns = 40 * 1800 * S;
    for (int i = 0; i < 200; i++) {
        ask(policy, 1, random_at_ns, i ? gap_ns : -1, &random);
        gap_ns = (int64_t)(prng_exponential(&prng, 20000) * 1e9);
        random_at_ns += gap_ns;
    }
    assert_int_equal(random.count, 0); /* memoryless and rare: nothing is worth it */
    policy_destroy(&policy);
}

static void replans_less_and_less(void **state)
{
    (void)state;
    struct policy *policy = make(54, 1);
    struct keep_plan plan;
    int planned = ask(policy, 0, 0, -1, &plan);
    for (int i = 1; i <= 40; i++)
        planned += ask(policy, 0, i * S, S, &plan);
    assert_int_equal(planned, 41);
    planned = 0;
    for (int i = 41; i <= 240; i++)
        planned += ask(policy, 0, i * S, S, &plan);
    assert_int_equal(planned, 10);
    assert_true(ask(policy, 0, TIME_HOUR, TIME_HOUR - 240 * S, &plan)); /* a new hour */
    policy_destroy(&policy);
}

/* Resources that came once and never again make a new one cheaper to let go. */
static void silence_is_learned_too(void **state)
{
    (void)state;
    int64_t kept_ns[2];
    for (int silent = 0; silent < 2; silent++) {
        struct policy *policy = make(54, 500);
        struct keep_plan plan = {0};
        int64_t at_ns = 0;
        for (uint32_t i = 0; i < 400 && silent; i++)
            ask(policy, 50 + i, 0, -1, &plan);
        for (int i = 0; i < 50; i++) { /* returns after 60 to 452 s */
            int64_t gap_ns = (60 + i * 8) * S;
            ask(policy, 0, at_ns += gap_ns, i ? gap_ns : -1, &plan);
        }
        ask(policy, 499, at_ns, -1, &plan);
        kept_ns[silent] = plan.count ? plan.windows[0].end_ns : 0;
        policy_destroy(&policy);
    }
    assert_true(kept_ns[0] > 200 * S);
    assert_true(kept_ns[1] < kept_ns[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_plan_is_that_of_the_formulas),
        cmocka_unit_test(windows_must_earn_their_place),
        cmocka_unit_test(replans_less_and_less),
        cmocka_unit_test(silence_is_learned_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
