/* SPDX-License-Identifier: MIT
 * One forecast of many (D3, D8, D14, D16): near the best member, never much worse than a plain
 * season repeated, quantiles that cover what they say and never cross; holes, zeros, short and
 * constant series. */
#include "base/prng.h"
#include "forecast/ensemble.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { HOURS = 24 * 7 * 10, AHEAD = 24 };
static const double TAU = 6.283185307179586;

static struct members_plan hourly(int first, int spacing, int count)
{
    return (struct members_plan){.day = 24,
                                 .week = 168,
                                 .horizon = AHEAD,
                                 .first = first,
                                 .spacing = spacing,
                                 .count = count};
}

static struct ensemble *walk(const double *y, int n, int origins)
{
    struct ensemble *ensemble = NULL;
    struct ensemble_settings settings = ensemble_defaults;
    struct fw_detail detail = {""};
    settings.plan = hourly(n - 12 * (origins - 1), 12, origins);
    assert_int_equal(ensemble_create(&ensemble, y, n, &settings, &detail), FW_OK);
    return ensemble;
}

struct result {
    double error, naive, best_member, covered[CONFORMAL_LEVELS];
};

static struct result score(const double *y, int n, int origins, int from)
{
    struct ensemble *ensemble = walk(y, n, origins);
    struct ensemble_said said;
    struct result result = {0};
    double members[MEMBERS_COUNT] = {0}, cases = 0;
    for (int k = 0; ensemble_step(ensemble, &said); k++)
        for (int h = 1; h <= AHEAD; h++) {
            int t = n - 12 * (origins - 1 - k) + h - 1;
            for (int i = 0; i < CONFORMAL_LEVELS; i++) {
                assert_true(isfinite(said.quantiles[i][h - 1]));
                assert_true(i == 0 || said.quantiles[i][h - 1] >= said.quantiles[i - 1][h - 1]);
            }
            if (k < from || t >= n || !isfinite(y[t]))
                continue;
            cases++;
            result.error += fabs(said.mean[h - 1] - y[t]);
            result.naive += fabs(said.naive[h - 1] - y[t]);
            for (int i = 0; i < MEMBERS_COUNT; i++)
                members[i] += said.members[i] ? fabs(said.members[i][h - 1] - y[t]) : INFINITY;
            for (int i = 0; i < CONFORMAL_LEVELS; i++)
                result.covered[i] += y[t] <= said.quantiles[i][h - 1];
        }
    result.best_member = members[0];
    for (int i = 0; i < MEMBERS_COUNT; i++)
        result.best_member = fmin(result.best_member, members[i]);
    for (int i = 0; i < CONFORMAL_LEVELS; i++)
        result.covered[i] /= cases;
    ensemble_free(&ensemble);
    return result;
}

static void make(double *y, double persistence, uint64_t seed)
{
    struct prng prng;
    double noise = 0;
    prng_init(&prng, seed);
    for (int t = 0; t < HOURS; t++) {
        noise = persistence * noise + prng_normal(&prng, 0, .1);
        y[t] = 100 * exp(.6 * sin(TAU * t / 24) + .2 * sin(TAU * t / 168) + noise);
    }
}

static void near_the_best_member(void **state)
{
    (void)state;
    static double y[HOURS];
    for (uint64_t seed = 1; seed <= 3; seed++) {
        make(y, .9, seed);
        struct result result = score(y, HOURS, 100, 50);
        assert_true(result.error < 1.12 * result.best_member);
        assert_true(result.error < .9 * result.naive);
        assert_in_range((int)(100 * result.covered[6]), 88, 99); /* P95 */
        assert_in_range((int)(100 * result.covered[3]), 35, 65); /* P50 */
    }
}

/* Where nothing but the last week again is right, that is what is said. */
static void never_much_worse_than_the_naive(void **state)
{
    (void)state;
    static double y[HOURS];
    struct prng prng;
    prng_init(&prng, 9);
    for (int t = 0; t < HOURS; t++)
        y[t] = t < 168 ? prng_uniform(&prng) * 100 : y[t - 168];
    struct result result = score(y, HOURS, 60, 30);
    assert_true(result.error < 1e-6 * HOURS);
    for (int t = 0; t < HOURS; t++)
        y[t] = t == 0 ? 1000 : fmax(y[t - 1] + prng_normal(&prng, 0, 10), 1);
    result = score(y, HOURS, 60, 30);
    assert_true(result.error < 1.05 * result.naive);
}

static void the_verdict_tells(void **state)
{
    (void)state;
    static double y[HOURS];
    struct ensemble_verdict verdict;
    struct ensemble_said said;
    make(y, .9, 4);
    struct ensemble *ensemble = walk(y, HOURS, 60);
    while (ensemble_step(ensemble, &said))
        continue;
    ensemble_judge(ensemble, &verdict);
    for (int i = 0; i < 3; i++) {
        double sum = 0;
        assert_true(verdict.cases[i] > 50 && verdict.error[i] < verdict.day[i] &&
                    verdict.error[i] < verdict.week[i]);
        for (int j = 0; j < MEMBERS_COUNT; j++)
            sum += verdict.weights[i][j];
        assert_true(fabs(sum - 1) < 1e-9);
        assert_false(verdict.fell_back[i]);
    }
    assert_int_equal(verdict.cases[3], 0);
    /* Any quantile, and the probability above it, belong together. */
    for (int h = 1; h <= AHEAD; h += 7) {
        double p80 = ensemble_quantile(ensemble, h, .8), p95 = ensemble_quantile(ensemble, h, .95);
        assert_true(said.quantiles[4][h - 1] <= p80 && p80 <= said.quantiles[5][h - 1]);
        assert_true(fabs(ensemble_above(ensemble, h, p80) - .2) < .02);
        assert_true(fabs(ensemble_above(ensemble, h, p95) - .05) < .02);
    }
    ensemble_free(&ensemble);
}

/* Noise by day, hardly any by night: boosted quantiles say so, and the bands follow. */
static void bands_take_the_shape_of_the_day(void **state)
{
    (void)state;
    enum { SPACING = 7, ORIGINS = 120 }; /* so that steps ahead do not tell the hour */
    static double y[HOURS];
    struct ensemble *ensemble = NULL;
    struct ensemble_settings settings = ensemble_defaults;
    struct ensemble_said said;
    struct fw_detail detail = {""};
    struct prng prng;
    double width[2] = {0}, cases[2] = {0}, covered = 0;
    prng_init(&prng, 5);
    for (int t = 0; t < HOURS; t++)
        y[t] = 100 * exp(.4 * sin(TAU * t / 24) + prng_normal(&prng, 0, t % 24 < 12 ? .02 : .25));
    settings.plan = hourly(HOURS - SPACING * (ORIGINS - 1), SPACING, ORIGINS);
    settings.plan.step_ns = INT64_C(3600) * 1000000000;
    settings.plan.without = 1u << MEMBERS_PROPHET | 1u << MEMBERS_BOOST;
    assert_int_equal(ensemble_create(&ensemble, y, HOURS, &settings, &detail), FW_OK);
    for (int k = 0; ensemble_step(ensemble, &said); k++)
        for (int h = 1; h <= AHEAD && k > ORIGINS / 2; h++) {
            int t = settings.plan.first + k * SPACING + h - 1, calm = t % 24 < 12;
            assert_true(said.members[MEMBERS_P50] != NULL && said.members[MEMBERS_BOOST] == NULL);
            if (t >= HOURS)
                continue;
            width[calm] += said.quantiles[6][h - 1] / said.mean[h - 1] - 1;
            covered += y[t] <= said.quantiles[6][h - 1];
            cases[calm]++;
        }
    assert_true(width[0] / cases[0] > 2 * width[1] / cases[1]);
    assert_float_equal(covered / (cases[0] + cases[1]), .95, .04);
    ensemble_free(&ensemble);
}

/* Holes are not zeros; zeros, constants and one value give numbers. */
static void strange_series(void **state)
{
    (void)state;
    static double y[HOURS], holes[HOURS];
    make(y, .5, 6);
    for (int t = 0; t < HOURS; t++)
        holes[t] = t % 50 < 5 || t < 3 ? NAN : y[t];
    struct result whole = score(y, HOURS, 60, 30), torn = score(holes, HOURS, 60, 30);
    assert_true(torn.error < 1.15 * whole.error);
    for (int t = 0; t < HOURS; t++)
        holes[t] = t % 24 < 12 ? 0 : y[t];
    (void)score(holes, HOURS, 40, 0);
    for (int t = 0; t < HOURS; t++)
        holes[t] = -5;
    assert_true(score(holes, HOURS, 40, 0).error < 1e-9);
    for (int t = 0; t < HOURS; t++)
        holes[t] = t == 0 ? 3 : NAN;
    (void)score(holes, 100, 3, 0);
    struct ensemble *none = NULL;
    struct ensemble_settings settings = ensemble_defaults;
    struct fw_detail detail = {""};
    settings.plan = hourly(50, 1, 1);
    for (int t = 0; t < 50; t++)
        holes[t] = NAN;
    assert_int_equal(ensemble_create(&none, holes, 50, &settings, &detail), FW_INPUT);
    assert_null(none);
}

/* Steps of a day, and a series without any season. */
static void other_steps(void **state)
{
    (void)state;
    static double y[400];
    static const struct members_plan plans[] = {
        {.week = 7, .horizon = 14, .first = 100, .spacing = 7, .count = 43},
        {.horizon = 5, .first = 50, .spacing = 5, .count = 71}};
    for (int t = 0; t < 400; t++)
        y[t] = 50 + 10 * sin(TAU * t / 7) + .1 * t;
    for (int i = 0; i < 2; i++) {
        struct ensemble *ensemble = NULL;
        struct ensemble_settings settings = ensemble_defaults;
        struct ensemble_said said;
        struct fw_detail detail = {""};
        settings.plan = plans[i];
        assert_int_equal(ensemble_create(&ensemble, y, 400, &settings, &detail), FW_OK);
        while (ensemble_step(ensemble, &said))
            assert_true(isfinite(said.mean[plans[i].horizon - 1]));
        if (i == 0)
            for (int h = 0; h < 14; h++)
                assert_true(
                    fabs(said.mean[h] - (50 + .1 * (394 + h) + 10 * sin(TAU * (394 + h) / 7))) < 3);
        ensemble_free(&ensemble);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(near_the_best_member),
        cmocka_unit_test(never_much_worse_than_the_naive),
        cmocka_unit_test(bands_take_the_shape_of_the_day),
        cmocka_unit_test(the_verdict_tells),
        cmocka_unit_test(strange_series),
        cmocka_unit_test(other_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
