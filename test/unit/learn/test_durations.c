/* SPDX-License-Identifier: MIT
 * Quantiles of durations against sorted lists: never too short, at most a quarter too long. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/prng.h"
#include "base/stats.h"
#include "learn/durations.h"

static void quantiles_are_those_of_a_sorted_list(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    static const double qs[] = {0.05, 0.5, 0.95, 1};
    struct prng random;
    prng_init(&random, 3);
    for (int scale = 0; scale < 60; scale += 6) {
        struct durations durations = {0};
        int64_t values[COUNT];
        for (int i = 0; i < COUNT; i++) {
            values[i] = (int64_t)prng_below(&random, UINT64_C(8) << scale);
            durations_add(&durations, values[i]);
        }
        stats_sort_int64(values, COUNT);
        for (size_t i = 0; i < sizeof qs / sizeof qs[0]; i++) {
            int64_t exact = values[(int)(qs[i] * COUNT) - 1];
            int64_t found = durations_quantile(&durations, qs[i], -1);
            assert_true(found >= exact && found - exact <= exact / 4 + 1);
        }
    }
}

static void extremes_and_nothing(void **state)
{
    (void)state;
    struct durations durations = {0};
    assert_int_equal(durations_quantile(&durations, 0.5, 42), 42);
    durations_add(&durations, INT64_MIN);
    assert_int_equal(durations_quantile(&durations, 1, 42), 0);
    durations_add(&durations, INT64_MAX);
    assert_int_equal(durations_quantile(&durations, 1, 42), INT64_MAX);
}

static void what_was_long_ago_fades(void **state)
{
    (void)state;
    struct durations durations = {0};
    for (int i = 0; i < 100000; i++)
        durations_add(&durations, 1000);
    for (int i = 0; i < 2 * DURATIONS_REMEMBERED; i++)
        durations_add(&durations, 50);
    assert_true(durations_quantile(&durations, 0.5, 0) < 100);
    assert_true(durations.count < DURATIONS_REMEMBERED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_are_those_of_a_sorted_list),
        cmocka_unit_test(extremes_and_nothing),
        cmocka_unit_test(what_was_long_ago_fades),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
