/* SPDX-License-Identifier: MIT
 * Linear forecasts: Cholesky, ridge on own lags, harmonics of day and week, Naive 2, errors (D2:
 * day and week seasonality). */
#include "base/prng.h"
#include "forecast/accuracy.h"
#include "forecast/dense.h"
#include "forecast/fourier.h"
#include "forecast/naive.h"
#include "forecast/ridge.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void near(double found, double expected, double within)
{
    if (!(fabs(found - expected) <= within))
        fail_msg("found %.12g, expected %.12g", found, expected);
}

static void cholesky_by_hand(void **state)
{
    (void)state;
    double a[9] = {4, 0, 0, 12, 37, 0, -16, -43, 98}, b[3] = {1, 2, 3};
    assert_true(dense_cholesky(a, 3, 3));
    const double factor[] = {2, 0, 0, 6, 1, 0, -8, 5, 3};
    for (int i = 0; i < 3; i++)
        for (int j = 0; j <= i; j++)
            near(a[3 * i + j], factor[3 * i + j], 1e-12);
    dense_solve(a, 3, 3, b);
    /* 4x + 12y - 16z = 1, 12x + 37y - 43z = 2, -16x - 43y + 98z = 3 */
    near(4 * b[0] + 12 * b[1] - 16 * b[2], 1, 1e-9);
    near(12 * b[0] + 37 * b[1] - 43 * b[2], 2, 1e-9);
    near(-16 * b[0] - 43 * b[1] + 98 * b[2], 3, 1e-9);
    double singular[4] = {1, 0, 1, 1}, not_a_number[1] = {NAN};
    assert_false(dense_cholesky(singular, 2, 2));
    assert_false(dense_cholesky(not_a_number, 1, 1));
}

/* x_t = 0.5 x_(t-1) + 0.3 x_(t-2) + 1, started anywhere, is learned exactly but for the ridge. */
static void ridge_finds_its_law(void **state)
{
    (void)state;
    static const struct ridge_settings settings = {
        .lags = {1, 2}, .count = 2, .lambda = 1e-9, .forget = 1};
    double x[120];
    struct ridge ridge;
    struct prng prng;
    prng_init(&prng, 3);
    for (int t = 0; t < 100; t++)
        x[t] = t % 10 < 2 ? prng_normal(&prng, 0, 5) : .5 * x[t - 1] + .3 * x[t - 2] + 1;
    ridge_init(&ridge, &settings);
    assert_false(ridge_fit(&ridge)); /* nothing learned yet */
    for (int t = 0; t < 100; t++)
        if (t % 10 >= 2)
            ridge_learn(&ridge, x, t);
    assert_true(ridge_fit(&ridge));
    near(ridge.theta[0], .5, 1e-6);
    near(ridge.theta[1], .3, 1e-6);
    near(ridge.theta[2], 1, 1e-6);
    ridge_path(&ridge, x, 100, 20, -100, 100);
    near(x[119], .5 * x[118] + .3 * x[117] + 1, 1e-5);
    ridge_path(&ridge, x, 100, 20, -1, 2);
    for (int t = 100; t < 120; t++)
        assert_true(x[t] >= -1 && x[t] <= 2);
}

static void ridge_steps_over_gaps(void **state)
{
    (void)state;
    static const struct ridge_settings settings = {
        .lags = {1}, .count = 1, .lambda = 1e-9, .forget = .9};
    double x[61];
    struct ridge ridge;
    ridge_init(&ridge, &settings);
    for (int t = 0; t < 60; t++) {
        x[t] = t % 20 == 7 ? NAN : t % 2;
        ridge_learn(&ridge, x, t);
    }
    assert_true(ridge_fit(&ridge));
    ridge_path(&ridge, x, 60, 1, -10, 10);
    near(x[60], 0, 1e-4);
}

/* With old rows forgotten, the law of the last stretch is what counts. */
static void forgetting_follows_a_change(void **state)
{
    (void)state;
    struct ridge_settings settings = {.lags = {1}, .count = 1, .lambda = 1e-9, .forget = .9};
    double x[400];
    struct prng prng;
    prng_init(&prng, 5);
    for (int t = 0; t < 400; t++)
        x[t] = t == 0 ? 1 : (t < 300 ? .2 : .8) * x[t - 1] + prng_normal(&prng, 0, 1);
    for (int round = 0; round < 2; round++) {
        struct ridge ridge;
        settings.forget = round == 0 ? .97 : 1;
        ridge_init(&ridge, &settings);
        for (int t = 1; t < 400; t++)
            ridge_learn(&ridge, x, t);
        assert_true(ridge_fit(&ridge));
        assert_true(round == 0 ? ridge.theta[0] > .6 : ridge.theta[0] < .6);
    }
}

static double wave(int t)
{
    return 3 + sin(6.283185307179586 * t / 24) + .5 * cos(6.283185307179586 * 2 * t / 168);
}

static void fourier_knows_day_and_week(void **state)
{
    (void)state;
    static const struct fourier_settings settings = {24, 168, 11, 20, .999, 1e-6};
    static struct fourier fourier;
    struct fourier_state fit;
    assert_int_equal(fourier_init(&fourier, &settings, 500, 6, 3), FW_OK);
    fourier_start(&fit);
    for (int t = 0; t < 512; t++) {
        if (t == 500 || t == 506) {
            fourier_fit(&fourier, &fit, t);
            for (int h = 0; h < 48; h++)
                near(fourier_value(&fourier, &fit, t + h), wave(t + h), 1e-5);
        }
        fourier_learn(&fourier, &fit, t, wave(t));
    }
    fourier_fini(&fourier);
}

static void naive_two_by_hand(void **state)
{
    (void)state;
    double y[16], index[4], path[6];
    const double season[] = {.5, 1, 1.5, 1};
    for (int t = 0; t < 16; t++)
        y[t] = 100 * season[t % 4];
    assert_true(naive_is_seasonal(y, 16, 4));
    naive_two(y, 16, 4, index, path, 6);
    for (int i = 0; i < 4; i++)
        near(index[i], season[i], 1e-12);
    for (int h = 0; h < 6; h++)
        near(path[h], 100 * season[h % 4], 1e-9);
    for (int t = 0; t < 16; t++)
        y[t] = t;
    assert_false(naive_is_seasonal(y, 16, 6)); /* below three seasons */
    naive_two(y, 16, 6, index, path, 2);
    near(path[0], 15, 0);
    naive_seasonal(y, 16, 4, path, 6);
    const double again[] = {12, 13, 14, 15, 12, 13};
    for (int h = 0; h < 6; h++)
        near(path[h], again[h], 0);
    naive_seasonal(y, 3, 4, path, 2);
    near(path[1], 2, 0);
    for (int t = 0; t < 16; t++)
        y[t] = 7;
    assert_false(naive_is_seasonal(y, 16, 4));
}

static void errors_by_hand(void **state)
{
    (void)state;
    const double y[] = {10, 20, 0}, f[] = {12, 15, 0}, low[] = {9, 16, 0}, high[] = {11, 18, 1};
    near(accuracy_smape(y, f, 3), (200 * 2. / 22 + 200 * 5. / 35) / 3, 1e-12);
    near(accuracy_mae(y, f, 3), 7. / 3, 1e-12);
    near(accuracy_wape(y, f, 3), 7. / 30, 1e-12);
    near(accuracy_unit((const double[]){1, 2, 4, 8}, 4, 2), (3. + 6) / 2, 1e-12);
    assert_true(isnan(accuracy_unit(y, 3, 3)));
    near(accuracy_msis(y, low, high, 3, .05, 2), (2 + 2 + 1 + 40 * 2.) / 3 / 2, 1e-12);
    near(accuracy_coverage(y, low, high, 3), 2. / 3, 1e-12);
    near(accuracy_pinball(y, f, 3, .9), (.1 * 2 + .9 * 5) / 3, 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cholesky_by_hand),
        cmocka_unit_test(ridge_finds_its_law),
        cmocka_unit_test(ridge_steps_over_gaps),
        cmocka_unit_test(forgetting_follows_a_change),
        cmocka_unit_test(fourier_knows_day_and_week),
        cmocka_unit_test(naive_two_by_hand),
        cmocka_unit_test(errors_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
