/* SPDX-License-Identifier: MIT
 * Windows around a resource's latest gaps. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/prng.h"
#include "learn/packed.h"
#include "plan/period.h"
#include <math.h>

#define S    TIME_SECOND
#define LOAD (11 * S)

/* Every cold start costs the same. */
static void flat(double cold_s[GAPS_BINS], double cost)
{
    for (int k = 0; k < GAPS_BINS; k++)
        cold_s[k] = cost;
}

static struct period_plan make(const double *gaps_s, int count, double cold, int64_t hold_ns)
{
    struct period period;
    double cold_s[GAPS_BINS];
    period_init(&period);
    for (int i = 0; i < count; i++)
        period_learn(&period, time_from_seconds(gaps_s[i]));
    flat(cold_s, cold);
    return period_make(&period, LOAD, cold_s, hold_ns);
}

static void numbers_fit_sixteen_bits(void **state)
{
    (void)state;
    uint16_t before = 0;
    for (double number = 1; number < 4e9; number *= 1.0003) {
        uint16_t packed = packed_from(number);
        assert_true(fabs(packed_to(packed) / number - 1) <= 1.0 / 4096);
        assert_true(packed >= before);
        before = packed;
    }
    assert_int_equal(packed_from(NAN), 0);
    assert_int_equal(packed_from(-7), 0);
}

static void few_gaps_make_no_plan(void **state)
{
    (void)state;
    const double gaps_s[] = {1800, 1801, 1799};
    assert_int_equal(make(gaps_s, 3, 600, 0).count, PERIOD_UNKNOWN);
}

/* Every half hour, give or take ten seconds: one window, far narrower than a bin of gaps.h. */
static void a_clock_gets_a_narrow_window(void **state)
{
    (void)state;
    const double gaps_s[] = {1800, 1790, 1805, 1810, 1795, 1800, 1803, 1797};
    struct period_plan period_plan = make(gaps_s, 8, 605, 0);
    struct keep_plan plan;
    assert_int_equal(period_plan.count, 1);
    period_windows(&period_plan, &plan);
    assert_true(keep_valid(&plan) && plan.count == 1);
    assert_true(plan.windows[0].start_ns > 1740 * S && plan.windows[0].start_ns <= 1790 * S);
    assert_true(plan.windows[0].end_ns > 1810 * S && plan.windows[0].end_ns < 1860 * S);
    for (int i = 0; i < 8; i++)
        assert_int_equal(keep_outcome(&plan, time_from_seconds(gaps_s[i]), LOAD).wait_ns, 0);
    assert_true(plan.windows[0].end_ns - plan.windows[0].start_ns <
                time_from_seconds(gaps_widths_s[gaps_bin(1800 * S)]) / 2);
}

static void two_habits_get_two_windows(void **state)
{
    (void)state;
    const double gaps_s[] = {120, 1800, 121, 1801, 119, 1799, 120, 1800};
    struct period_plan period_plan = make(gaps_s, 8, 605, 0);
    struct keep_plan plan;
    assert_int_equal(period_plan.count, 2);
    period_windows(&period_plan, &plan);
    assert_true(keep_ready(&plan, 120 * S) && !keep_ready(&plan, 600 * S));
    assert_true(keep_ready(&plan, 1800 * S) && !keep_ready(&plan, 2000 * S));
}

/* No window is worth its warm seconds when gaps lie far apart and waiting is cheap. */
static void chance_gets_none(void **state)
{
    (void)state;
    const double gaps_s[] = {40, 200, 900, 3000, 9000, 20000, 50000, 120000};
    assert_int_equal(make(gaps_s, 8, 60, 0).count, 0);
}

static void gaps_about_a_load_long_are_kept_through(void **state)
{
    (void)state;
    const double gaps_s[] = {12, 13, 14, 12, 13};
    struct period_plan period_plan = make(gaps_s, 5, 605, 0);
    struct keep_plan plan;
    period_windows(&period_plan, &plan);
    assert_int_equal(plan.count, 1);
    assert_int_equal(plan.windows[0].start_ns, 0);
    assert_true(plan.windows[0].end_ns > 14 * S);
}

static void holding_is_added(void **state)
{
    (void)state;
    const double gaps_s[] = {1800, 1800, 1800, 1800};
    struct period_plan period_plan = make(gaps_s, 4, 605, 14 * S);
    struct keep_plan plan;
    period_windows(&period_plan, &plan);
    assert_int_equal(plan.count, 2);
    assert_int_equal(plan.windows[0].start_ns, 0);
    assert_true(keep_ready(&plan, 13 * S) && !keep_ready(&plan, 100 * S));
}

/* A changed habit is the only one known after sixteen gaps. */
static void the_latest_sixteen_count(void **state)
{
    (void)state;
    double gaps_s[32];
    for (int i = 0; i < 32; i++)
        gaps_s[i] = i < 16 ? 600 : 3600;
    struct period_plan period_plan = make(gaps_s, 32, 605, 0);
    struct keep_plan plan;
    period_windows(&period_plan, &plan);
    assert_int_equal(plan.count, 1);
    assert_true(keep_ready(&plan, 3600 * S) && !keep_ready(&plan, 600 * S));
}

/* Whatever the gaps, the plan can be followed. */
static void any_gaps_make_a_valid_plan(void **state)
{
    (void)state;
    struct prng prng;
    prng_init(&prng, 5);
    for (int round = 0; round < 2000; round++) {
        double gaps_s[PERIOD_GAPS];
        int count = 4 + (int)prng_below(&prng, PERIOD_GAPS - 3);
        for (int i = 0; i < count; i++)
            gaps_s[i] = 11 + prng_exponential(&prng, pow(10, prng_uniform(&prng) * 6));
        int64_t hold_ns = prng_below(&prng, 2) ? 14 * S : 0;
        struct period_plan period_plan =
            make(gaps_s, count, 11 + 11 * pow(10, prng_uniform(&prng) * 4), hold_ns);
        struct keep_plan plan;
        period_windows(&period_plan, &plan);
        assert_true(keep_valid(&plan));
        assert_true(hold_ns == 0 || keep_ready(&plan, hold_ns - S));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_fit_sixteen_bits),
        cmocka_unit_test(few_gaps_make_no_plan),
        cmocka_unit_test(a_clock_gets_a_narrow_window),
        cmocka_unit_test(two_habits_get_two_windows),
        cmocka_unit_test(chance_gets_none),
        cmocka_unit_test(gaps_about_a_load_long_are_kept_through),
        cmocka_unit_test(holding_is_added),
        cmocka_unit_test(the_latest_sixteen_count),
        cmocka_unit_test(any_gaps_make_a_valid_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
