/* SPDX-License-Identifier: MIT
 * Quantiles against values worked out by hand. */
#include "base/stats.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static void quantiles_lie_between_order_statistics(void **state)
{
    (void)state;
    const double values[] = {1, 2, 4, 8};
    assert_true(stats_quantile(values, 0, 0.5) == 0);
    assert_true(stats_quantile(values, 1, 0.9) == 1);
    assert_true(stats_quantile(values, 4, 0) == 1);
    assert_true(stats_quantile(values, 4, -1) == 1);
    assert_true(stats_quantile(values, 4, NAN) == 1);
    assert_true(stats_quantile(values, 4, 1) == 8);
    assert_true(stats_quantile(values, 4, 2) == 8);
    assert_true(stats_quantile(values, 4, 0.5) == 3); /* type 7: h = 3 * 0.5 = 1.5 */
    assert_true(stats_quantile(values, 4, 0.25) == 1.75);
    const double infinite[] = {1, INFINITY, INFINITY};
    assert_true(stats_quantile(infinite, 3, 0.75) == INFINITY);
}

static void sorting_has_one_result(void **state)
{
    (void)state;
    double values[] = {3, NAN, 0.0, -INFINITY, -0.0, INFINITY, -1};
    stats_sort_doubles(values, 7);
    assert_true(values[0] == -INFINITY && values[1] == -1);
    assert_true(signbit(values[2]) && !signbit(values[3]) && values[2] == 0 && values[3] == 0);
    assert_true(values[4] == 3 && values[5] == INFINITY && isnan(values[6]));
    int64_t numbers[] = {INT64_MAX, 0, INT64_MIN, -1};
    stats_sort_int64(numbers, 4);
    assert_true(numbers[0] == INT64_MIN && numbers[1] == -1 && numbers[2] == 0 &&
                numbers[3] == INT64_MAX);
    stats_sort_int64(NULL, 0);
    stats_sort_doubles(NULL, 0);
}

static void recent_keeps_the_last_sixteen(void **state)
{
    (void)state;
    struct stats_recent recent = {0};
    assert_int_equal(stats_recent_quantile(&recent, 0.5, 99), 99);
    stats_recent_add(&recent, 7);
    assert_int_equal(stats_recent_quantile(&recent, 0, 99), 7);
    assert_int_equal(stats_recent_quantile(&recent, 1, 99), 7);
    for (int64_t i = 1; i <= 100; i++)
        stats_recent_add(&recent, i);
    /* holds 85..100 */
    assert_int_equal(stats_recent_quantile(&recent, 0, 0), 85);
    assert_int_equal(stats_recent_quantile(&recent, 0.5, 0), 92); /* 8 of 16 at or below it */
    assert_int_equal(stats_recent_quantile(&recent, 0.51, 0), 93);
    assert_int_equal(stats_recent_quantile(&recent, 0.9, 0), 99); /* 14.4 of 16: the 15th */
    assert_int_equal(stats_recent_quantile(&recent, 1, 0), 100);
    recent.count = UINT32_MAX; /* the count must not forget that it is full */
    stats_recent_add(&recent, 1000);
    assert_int_equal(stats_recent_quantile(&recent, 1, 0), 1000);
    assert_int_equal(stats_recent_quantile(&recent, 0.5, 0), 92);
}

static void a_share_of_tenths_is_exact(void **state)
{
    (void)state;
    struct stats_recent recent = {0};
    for (int64_t i = 1; i <= 10; i++)
        stats_recent_add(&recent, i);
    for (int i = 1; i <= 10; i++)
        assert_int_equal(stats_recent_quantile(&recent, i / 10.0, 0), i);
}

/* What has lasted 3 is not compared with what lasted 1. */
static void what_lasts_is_compared_with_what_lasted_longer(void **state)
{
    (void)state;
    struct stats_recent recent = {0};
    assert_int_equal(stats_recent_beyond(&recent, 0, 42), 42);
    for (int64_t i = 1; i <= 5; i++)
        stats_recent_add(&recent, i * 2 - 1); /* 1 3 5 7 9 */
    assert_int_equal(stats_recent_beyond(&recent, 0, 42), 5);
    assert_int_equal(stats_recent_beyond(&recent, 3, 42), 7);
    assert_int_equal(stats_recent_beyond(&recent, 8, 42), 9);
    assert_int_equal(stats_recent_beyond(&recent, 9, 42), 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_lie_between_order_statistics),
        cmocka_unit_test(sorting_has_one_result),
        cmocka_unit_test(recent_keeps_the_last_sixteen),
        cmocka_unit_test(a_share_of_tenths_is_exact),
        cmocka_unit_test(what_lasts_is_compared_with_what_lasted_longer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
