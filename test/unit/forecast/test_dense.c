/* SPDX-License-Identifier: MIT
 * Sums of outer products and Cholesky against the plain definitions; order statistics against
 * sorting. */
#include "forecast/dense.h"
#include "forecast/normal.h"
#include "base/prng.h"
#include "base/stats.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { MOST = 40 };

static void sums_of_products_are_those_of_the_definition(void **state)
{
    (void)state;
    struct prng prng;
    prng_init(&prng, 1);
    for (size_t n = 1; n <= 13; n++) {
        size_t width = dense_width(n), rows = 3 * n + 2;
        double *row = calloc(rows * width, sizeof *row),
               *gram = calloc(width * width, sizeof *gram);
        assert_true(width >= n && width < n + DENSE_LANES && width % DENSE_LANES == 0);
        for (size_t i = 0; i < rows; i++)
            for (size_t j = 0; j < n; j++)
                row[i * width + j] = prng_normal(&prng, 0, 1);
        dense_outer(gram, row, rows, width);
        for (size_t i = 0; i < n; i++)
            for (size_t j = i; j < n; j++) {
                double sum = 0;
                for (size_t r = 0; r < rows; r++)
                    sum += row[r * width + i] * row[r * width + j];
                assert_true(fabs(gram[i * width + j] - sum) < 1e-13 * (double)rows);
            }
        free(row);
        free(gram);
    }
    const double a[] = {1, 2, 3, 4, 5, 6, 7}, b[] = {1, -1, 2, 0, 1, 3, 1};
    assert_true(dense_dot(a, b, 7) == 1 - 2 + 6 + 0 + 5 + 18 + 7 && dense_dot(a, b, 0) == 0);
    double c[] = {1, 2, 3, 4}, d[] = {10, 20, 30, 40};
    dense_add(c, d, 0.5, 4);
    assert_true(c[0] == 6 && c[1] == 12 && c[2] == 18 && c[3] == 24);
}

static void systems_are_solved(void **state)
{
    (void)state;
    struct prng prng;
    prng_init(&prng, 2);
    for (size_t n = 1; n <= MOST; n += 3) {
        double a[MOST * MOST] = {0}, factor[MOST * MOST], x[MOST], b[MOST];
        for (size_t r = 0; r < n + 5; r++) {
            double row[MOST];
            for (size_t i = 0; i < n; i++)
                row[i] = prng_normal(&prng, 0, 1);
            for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j < n; j++)
                    a[i * MOST + j] += row[i] * row[j];
        }
        for (size_t i = 0; i < n; i++)
            x[i] = (double)i - 3;
        for (size_t i = 0; i < n; i++)
            b[i] = dense_dot(a + i * MOST, x, n);
        memcpy(factor, a, sizeof a);
        assert_true(dense_cholesky(factor, n, MOST));
        dense_solve(factor, n, MOST, b);
        for (size_t i = 0; i < n; i++)
            assert_true(fabs(b[i] - x[i]) < 1e-7);
        a[0] = -1;
        assert_false(dense_cholesky(a, n, MOST));
        a[0] = NAN;
        assert_false(dense_cholesky(a, n, MOST));
    }
}

static void normal_quantiles_are_the_known_ones(void **state)
{
    (void)state;
    assert_true(fabs(normal_quantile(0.5)) < 1e-15);
    assert_true(fabs(normal_quantile(0.9) - 1.2815515655446004) < 1e-12);
    assert_true(fabs(normal_quantile(0.025) + 1.959963984540054) < 1e-12);
    assert_true(fabs(normal_cdf(normal_quantile(1e-9)) / 1e-9 - 1) < 1e-10);
}

static void quantiles_of_samples_are_those_of_sorted_ones(void **state)
{
    (void)state;
    struct prng prng;
    prng_init(&prng, 3);
    for (size_t n = 1; n < 60; n++)
        for (int kind = 0; kind < 3; kind++) {
            double values[60], sorted[60];
            for (size_t i = 0; i < n; i++)
                values[i] = kind == 0   ? prng_normal(&prng, 0, 1)
                            : kind == 1 ? (double)prng_below(&prng, 4) /* many equal ones */
                                        : (double)i;
            memcpy(sorted, values, sizeof values);
            stats_sort_doubles(sorted, n);
            for (int q = 0; q <= 10; q++)
                assert_true(fabs(normal_sample_quantile(values, n, q / 10.0) -
                                 stats_quantile(sorted, n, q / 10.0)) < 1e-14);
            stats_sort_doubles(values, n);
            assert_memory_equal(values, sorted, n * sizeof *values); /* moved around, none lost */
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_of_products_are_those_of_the_definition),
        cmocka_unit_test(systems_are_solved),
        cmocka_unit_test(normal_quantiles_are_the_known_ones),
        cmocka_unit_test(quantiles_of_samples_are_those_of_sorted_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
