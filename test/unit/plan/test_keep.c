/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/prng.h"
#include "plan/keep.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define S TIME_SECOND

static struct keep_plan plan_of(uint32_t count, const struct plan_window *windows)
{
    struct keep_plan plan = {.count = count};
    memcpy(plan.windows, windows, count * sizeof *windows);
    return plan;
}

static void windows_that_meet_become_one(void **state)
{
    (void)state;
    struct keep_plan plan = {0};
    assert_true(keep_add(&plan, 30, 40));
    assert_true(keep_add(&plan, -5, 10));
    assert_true(keep_add(&plan, 20, 20)); /* empty */
    assert_int_equal(plan.count, 2);
    assert_true(keep_add(&plan, 10, 12)); /* touches */
    assert_int_equal(plan.count, 2);
    assert_int_equal(plan.windows[0].end_ns, 12);
    assert_true(keep_add(&plan, 11, 35));
    assert_int_equal(plan.count, 1);
    assert_int_equal(plan.windows[0].start_ns, 0);
    assert_int_equal(plan.windows[0].end_ns, 40);
    assert_true(keep_valid(&plan));
    for (int i = 1; i < PLAN_WINDOWS_MAX; i++)
        assert_true(keep_add(&plan, 100 * i, 100 * i + 1));
    assert_false(keep_add(&plan, 5000, 5001));
    assert_true(keep_add(&plan, 0, 5001)); /* swallows them all */
    assert_int_equal(plan.count, 1);
}

static void validity(void **state)
{
    (void)state;
    const struct plan_window fine[] = {{0, 5}, {6, TIME_NEVER}}, touching[] = {{0, 5}, {5, 6}},
                             empty[] = {{3, 3}}, before[] = {{-1, 3}},
                             unsorted[] = {{8, 9}, {1, 2}};
    struct keep_plan plan = plan_of(2, fine);
    assert_true(keep_valid(&plan));
    plan = plan_of(2, touching);
    assert_false(keep_valid(&plan));
    plan = plan_of(1, empty);
    assert_false(keep_valid(&plan));
    plan = plan_of(1, before);
    assert_false(keep_valid(&plan));
    plan = plan_of(2, unsorted);
    assert_false(keep_valid(&plan));
    keep_normalise(&plan);
    assert_true(keep_valid(&plan));
    assert_int_equal(plan.windows[0].start_ns, 1);
    plan = plan_of(2, touching);
    keep_normalise(&plan);
    assert_int_equal(plan.count, 1);
}

static void boundaries(void **state)
{
    (void)state;
    const struct plan_window windows[] = {{0, 10 * S}, {30 * S, 40 * S}, {45 * S, TIME_NEVER}};
    struct keep_plan plan = plan_of(3, windows);
    assert_true(keep_ready(&plan, 0));
    assert_false(keep_ready(&plan, 10 * S));
    assert_true(keep_ready(&plan, 30 * S));
    assert_int_equal(keep_next_boundary(&plan, -1), 0);
    assert_int_equal(keep_next_boundary(&plan, 0), 10 * S);
    assert_int_equal(keep_next_boundary(&plan, 10 * S), 30 * S);
    assert_int_equal(keep_next_boundary(&plan, 44 * S), 45 * S);
    assert_int_equal(keep_next_boundary(&plan, 45 * S), TIME_NEVER);
    assert_int_equal(keep_load_start(&plan, 1, 11 * S), 19 * S);
    assert_int_equal(keep_load_start(&plan, 2, 11 * S),
                     40 * S); /* not before the window before it ends */
    assert_int_equal(keep_load_start(&plan, 1, 100 * S), 10 * S);
}

static void outcome(const struct keep_plan *plan, int64_t gap_s, int64_t idle_s, uint32_t loads,
                    int64_t wait_s)
{
    struct keep_outcome found = keep_outcome(plan, gap_s * S, 11 * S);
    assert_int_equal(found.idle_ns, idle_s * S);
    assert_int_equal(found.loads, loads);
    assert_int_equal(found.wait_ns, wait_s * S);
}

static void what_a_plan_costs_on_a_gap(void **state)
{
    (void)state;
    const struct plan_window windows[] = {{0, 10 * S}, {30 * S, 40 * S}, {45 * S, 46 * S}};
    struct keep_plan plan = plan_of(3, windows), empty = {0};
    outcome(&empty, 5, 0, 1, 11);
    outcome(&plan, 0, 0, 0, 0);
    outcome(&plan, 9, 9, 0, 0);
    outcome(&plan, 10, 10, 1, 11); /* gone at the end of the window */
    outcome(&plan, 18, 10, 1, 11);
    outcome(&plan, 19, 10, 1, 11); /* the load has just begun */
    outcome(&plan, 25, 10, 1, 5);  /* waits for its rest */
    outcome(&plan, 30, 10, 1, 0);
    outcome(&plan, 35, 15, 1, 0);
    outcome(&plan, 45, 20, 2, 6); /* loads from 40 to 51: past its window, and completed */
    outcome(&plan, 50, 20, 2, 1);
    outcome(&plan, 51, 20, 3, 11);
    outcome(&plan, 1000, 20, 3, 11);
    assert_int_equal(keep_idle(&plan, 35 * S, 11 * S), 15 * S);
    struct keep_outcome cold = keep_outcome(&plan, 25 * S, 11 * S);
    assert_true(fabs(keep_cost_s(&cold, 11 * S, 54, 2) - (10 + 11 + 54 * 5 * 2)) < 1e-9);
}

static void a_ttl_is_a_plan(void **state)
{
    (void)state;
    struct prng prng;
    prng_init(&prng, 3);
    for (int i = 0; i < 10000; i++) {
        int64_t ttl_ns = (int64_t)prng_below(&prng, 100), gap_ns = (int64_t)prng_below(&prng, 120);
        struct keep_plan plan = {0};
        assert_true(keep_add(&plan, 0, ttl_ns));
        struct keep_outcome a = keep_outcome(&plan, gap_ns, 11),
                            b = keep_ttl_outcome(ttl_ns, gap_ns, 11);
        assert_memory_equal(&a, &b, sizeof a);
    }
}

static void lambda_is_in_units_of_idle(void **state)
{
    (void)state;
    struct policy_settings settings = {.wait_price = 54, .idle_price = 1};
    assert_true(keep_lambda(&settings) == 54);
    settings.idle_price = 2;
    assert_true(keep_lambda(&settings) == 27);
    settings.idle_price = 0;
    assert_true(keep_lambda(&settings) == KEEP_LAMBDA_MAX);
    settings.wait_price = 0;
    assert_true(keep_lambda(&settings) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_that_meet_become_one),
        cmocka_unit_test(validity),
        cmocka_unit_test(boundaries),
        cmocka_unit_test(what_a_plan_costs_on_a_gap),
        cmocka_unit_test(a_ttl_is_a_plan),
        cmocka_unit_test(lambda_is_in_units_of_idle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
