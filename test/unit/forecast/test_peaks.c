/* SPDX-License-Identifier: MIT
 * The highest demand of a window (D8, D9, D14): covers what it says on windows that come, where
 * quantiles of single hours do not; follows a change of spread; is not fooled by an outage; gaps,
 * short series. */
#include "base/prng.h"
#include "forecast/peaks.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { HOURS = 24 * 60, FIRST = 24 * 4, AHEAD = 24, WINDOW = 6, P95 = 6 };

static const struct members_plan plan = {.day = 24,
                                         .week = 168,
                                         .horizon = AHEAD,
                                         .first = FIRST,
                                         .spacing = 6,
                                         .count = (HOURS - FIRST) / 6 + 1};

static void make(double *y, uint64_t seed)
{
    struct prng prng;
    double noise = 0;
    prng_init(&prng, seed);
    for (int t = 0; t < HOURS; t++) {
        noise = .5 * noise + prng_normal(&prng, 0, .12);
        y[t] = 1000 * exp(.5 * sin(t * .26179938779914946) + noise);
    }
}

struct result {
    int windows, covered, by_hour; /* by_hour: the highest P95 of the hours would have done */
    double width, last;            /* mean bound over what came; ratio at the last origin */
};

static struct result walk(const double *y, double level, int from)
{
    struct ensemble *ensemble = NULL;
    struct ensemble_said said;
    struct ensemble_settings settings = ensemble_defaults;
    struct peaks *peaks = NULL;
    struct peaks_settings how = {.window = WINDOW, .level_count = 1, .levels = {level}};
    struct fw_detail detail = {""};
    struct result result = {0, 0, 0, 0, 0};
    settings.plan = plan;
    settings.plan.without = 1u << MEMBERS_PROPHET | 1u << MEMBERS_BOOST;
    assert_int_equal(ensemble_create(&ensemble, y, HOURS, &settings, &detail), FW_OK);
    assert_int_equal(peaks_create(&peaks, y, HOURS, &settings.plan, &how), FW_OK);
    for (int k = 0; ensemble_step(ensemble, &said); k++) {
        int at = FIRST + 6 * k;
        double came = -INFINITY, expected = 0, usual = 0, hours = 0;
        peaks_step(peaks, ensemble, k);
        result.last = peaks_ratio(peaks, 1, 0);
        if (k < from || at + WINDOW > HOURS)
            continue;
        for (int h = 1; h <= WINDOW; h++) {
            if (isfinite(y[at + h - 1]))
                came = fmax(came, y[at + h - 1]);
            expected = fmax(expected, said.mean[h - 1]);
            usual = fmax(usual, peaks_usual(peaks, h));
            hours = fmax(hours, said.quantiles[P95][h - 1]);
        }
        double bound = result.last * peaks_reference(expected, usual);
        assert_true(isfinite(bound) && bound > 0);
        if (!isfinite(came))
            continue;
        result.windows++;
        result.covered += came <= bound;
        result.by_hour += came <= hours;
        result.width += bound / came;
    }
    result.width /= result.windows;
    peaks_free(&peaks);
    ensemble_free(&ensemble);
    return result;
}

static void test_covers(void **state)
{
    (void)state;
    static double y[HOURS];
    int windows = 0, covered = 0, by_hour = 0;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        make(y, seed);
        struct result result = walk(y, .95, 40);
        windows += result.windows;
        covered += result.covered;
        by_hour += result.by_hour;
        assert_true(result.width < 1.6);
    }
    assert_in_range(1000 * covered / windows, 920, 980);
    assert_true(by_hour < covered);
    struct result lower = walk(y, .7, 40);
    assert_in_range(1000 * lower.covered / lower.windows, 620, 780);
}

/* After an outage the forecast is low and what comes is not: the usual keeps the ratio small. */
static void test_outage(void **state)
{
    (void)state;
    static double y[HOURS], calm[HOURS];
    make(y, 7);
    make(calm, 7);
    for (int t = 24 * 20; t < 24 * 21 + 12; t++)
        y[t] = 5;
    struct result after = walk(y, .99, 60), before = walk(calm, .99, 60);
    assert_true(after.last < 1.5 * before.last);
}

static void test_gaps(void **state)
{
    (void)state;
    static double y[HOURS];
    make(y, 4);
    for (int t = 0; t < HOURS; t++)
        if (t % 50 < 9 || (t > 24 * 30 && t < 24 * 34))
            y[t] = NAN;
    struct result result = walk(y, .95, 60);
    assert_true(result.windows > 100);
    assert_in_range(1000 * result.covered / result.windows, 900, 990);
}

static void test_short(void **state)
{
    (void)state;
    static double y[HOURS];
    struct members_plan few = plan;
    struct peaks_settings how = {.window = AHEAD, .level_count = 1, .levels = {.95}};
    struct peaks *peaks = NULL;
    make(y, 1);
    few.count = 3;
    assert_int_equal(peaks_create(&peaks, y, FIRST + 18, &few, &how), FW_OK);
    assert_true(isnan(peaks_ratio(peaks, 1, 0)));
    assert_true(isnan(peaks_ratio_at(peaks, AHEAD, .5)));
    peaks_free(&peaks);
    assert_null(peaks);
    peaks_free(&peaks);
    double values[] = {3, 1, 4, 1, 5};
    peaks_maxima(values, 5, 3);
    assert_float_equal(values[0], 4, 0);
    assert_float_equal(values[1], 4, 0);
    assert_float_equal(values[3], 5, 0);
    assert_float_equal(peaks_reference(10, 20), 15, 0);
    assert_float_equal(peaks_reference(10, 5), 10, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_covers),
        cmocka_unit_test(test_outage),
        cmocka_unit_test(test_gaps),
        cmocka_unit_test(test_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
