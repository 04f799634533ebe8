/* SPDX-License-Identifier: MIT
 * Tails (D3, D8: P99): the generalised Pareto's quantiles by hand, its parameters found again, and
 * a P99 of errors that is nearer the truth than the largest error is. */
#include "base/prng.h"
#include "base/stats.h"
#include "forecast/conformal.h"
#include "forecast/pareto.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MANY = 20000 };

static void test_quantiles_by_hand(void **state)
{
    (void)state;
    struct pareto light = {2, 0}, heavy = {2, .5}, bounded = {2, -.5}, none = {0, 0};
    assert_float_equal(pareto_quantile(&light, exp(-3.)), 6, 1e-12);
    assert_float_equal(pareto_quantile(&heavy, .01), 4 * (10 - 1), 1e-9);
    assert_float_equal(pareto_quantile(&bounded, .0001), 4 * (1 - .01), 1e-9);
    assert_float_equal(pareto_quantile(&heavy, 1), 0, 0);
    assert_float_equal(pareto_quantile(&none, .01), 0, 0);
}

static void test_parameters_are_found(void **state)
{
    (void)state;
    static double excess[MANY];
    const double shapes[] = {-.3, 0, .2};
    for (unsigned k = 0; k < 3; k++) {
        struct pareto law = {3, shapes[k]};
        struct prng prng;
        prng_init(&prng, 7 + k);
        for (int i = 0; i < MANY; i++)
            excess[i] = pareto_quantile(&law, 1 - prng_uniform(&prng));
        stats_sort_doubles(excess, MANY);
        struct pareto found = pareto_fit(excess, MANY);
        assert_float_equal(found.shape, law.shape, .03);
        assert_float_equal(found.scale, law.scale, .1);
    }
    const double zeros[] = {0, 0, 0}, alike[] = {2, 2, 2};
    struct pareto flat = pareto_fit(zeros, 3);
    assert_float_equal(pareto_quantile(&flat, .01), 0, 0);
    flat = pareto_fit(alike, 3);
    assert_true(isfinite(pareto_quantile(&flat, .01)));
}

/* Errors of Student-like tails, 30 sets: the mean distance of P99 to the truth, and bounds that
 * ascend at any level. */
static void test_far_bounds(void **state)
{
    (void)state;
    const double truth = exp(2.326348);
    double ours = 0, largest = 0;
    for (uint64_t seed = 0; seed < 30; seed++) {
        static struct conformal errors;
        struct prng prng;
        double most = 0, before = -INFINITY;
        prng_init(&prng, seed);
        errors = (struct conformal){.together = 12};
        for (int i = 0; i < 500; i++) {
            double error = exp(prng_normal(&prng, 0, 1));
            most = fmax(most, error);
            conformal_add(&errors, error);
        }
        ours += fabs(conformal_at(&errors, .99) - truth) / 30;
        largest += fabs(most - truth) / 30;
        for (int i = 1; i < 200; i++) {
            double bound = conformal_at(&errors, i / 200.);
            assert_true(bound >= before - 1e-9);
            before = bound;
        }
    }
    assert_true(ours < .4 * largest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quantiles_by_hand),
        cmocka_unit_test(test_parameters_are_found),
        cmocka_unit_test(test_far_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
