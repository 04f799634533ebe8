/* SPDX-License-Identifier: MIT
 * Spikes (D5): the curve, the scores and the columns by hand, a planted pattern that is found, and
 * nothing learned from what comes later. */
#include "base/prng.h"
#include "forecast/isotonic.h"
#include "forecast/probability.h"
#include "forecast/spikes.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { DAY = 24, SERIES = 12, LENGTH = 20 * DAY, KNOWN = 14 * DAY };
static const struct spikes_rules rules = {.times = 2, .ahead = 1, .day = DAY};

/* In order of score: 1, 0, then 0 and 1 of one score, .75, 1. */
static void test_curve_by_hand(void **state)
{
    (void)state;
    const double score[] = {.9, .1, .4, .2, .4, .7}, happened[] = {1, 1, 0, 0, 1, .75};
    struct isotonic curve;
    assert_int_equal(isotonic_fit(&curve, score, happened, 6), FW_OK);
    /* 1, 0 join to 1/2, with .4's 1/2 to 1/2 over four rows; .75 and 1 stand. */
    assert_int_equal(curve.count, 3);
    assert_float_equal(curve.at[0], 1.1 / 4, 1e-12);
    assert_float_equal(isotonic_at(&curve, 0), .5, 1e-12);
    assert_float_equal(isotonic_at(&curve, .7), .75, 1e-12);
    assert_float_equal(isotonic_at(&curve, .8), .875, 1e-12);
    assert_float_equal(isotonic_at(&curve, 2), 1, 1e-12);
    isotonic_fini(&curve);
}

/* Whatever is fitted rises, and its mean over the rows' pools is that of what happened. */
static void test_curve_rises(void **state)
{
    (void)state;
    enum { ROWS = 500 };
    double score[ROWS], happened[ROWS], sum = 0;
    struct prng prng;
    struct isotonic curve;
    prng_init(&prng, 3);
    for (int i = 0; i < ROWS; i++) {
        score[i] = prng_uniform(&prng);
        happened[i] = prng_uniform(&prng) < score[i] * score[i] ? 1 : 0;
    }
    assert_int_equal(isotonic_fit(&curve, score, happened, ROWS), FW_OK);
    for (int i = 1; i < curve.count; i++)
        assert_true(curve.at[i] > curve.at[i - 1] && curve.mean[i] > curve.mean[i - 1]);
    for (int i = 0; i < ROWS; i++)
        sum += fabs(isotonic_at(&curve, score[i]) - score[i] * score[i]) / ROWS;
    assert_true(sum < .06);
    isotonic_fini(&curve);
}

/* .9 hit, .8 miss, .7 and .7 one of each, .1 miss. */
static void test_scores_by_hand(void **state)
{
    (void)state;
    const double p[] = {.1, .7, .9, .7, .8};
    const bool happened[] = {false, true, true, false, false};
    struct probability_score score;
    assert_int_equal(probability_score(&score, p, happened, 5), FW_OK);
    assert_float_equal(score.average_precision, .5 * 1 + .5 * .5, 1e-12);
    assert_float_equal(score.recall_80, .5, 1e-12);
    assert_float_equal(score.recall_95, .5, 1e-12);
    assert_float_equal(score.brier, (.01 + .09 + .01 + .49 + .64) / 5, 1e-12);
    assert_float_equal(score.base, .4 * .6, 1e-12);
    assert_int_equal(score.bins[7].rows, 2);
    assert_float_equal(score.bins[7].came, .5, 1e-12);
    assert_int_equal(probability_score(&score, p, happened, 1), FW_OK);
    assert_true(isnan(score.average_precision));
    assert_int_equal(score.hits, 0);
}

/* A flat day of 10s, one of 20s, then six hours of 12s: the reference is the mean of the two. */
static void test_reference_by_hand(void **state)
{
    (void)state;
    double y[3 * DAY];
    struct spikes_rules far = rules;
    for (int t = 0; t < 3 * DAY; t++)
        y[t] = t < DAY ? 10 : t < 2 * DAY ? 20 : 12;
    assert_float_equal(spikes_reference(y, 2 * DAY + 6, &rules), 15, 1e-12);
    y[DAY + 6] = 5; /* the same hour yesterday: (10 + 5) / 2 is below the latest median */
    assert_float_equal(spikes_reference(y, 2 * DAY + 6, &rules), 12, 1e-12);
    y[6] = NAN; /* yesterday alone */
    assert_float_equal(spikes_reference(y, 2 * DAY + 6, &rules), 12, 1e-12);
    y[DAY + 6] = 30;
    assert_float_equal(spikes_reference(y, 2 * DAY + 6, &rules), 30, 1e-12);
    far.ahead = 3; /* the hours after it are 20 and 10 again */
    assert_float_equal(spikes_reference(y, 2 * DAY + 6, &far), 15, 1e-12);
    memset(y, 0, sizeof y);
    assert_true(isnan(spikes_reference(y, 2 * DAY + 6, &rules)));
}

static void test_columns_by_hand(void **state)
{
    (void)state;
    double y[3 * DAY];
    float columns[SPIKES_COLUMNS];
    for (int t = 0; t < 3 * DAY; t++)
        y[t] = 10;
    int known = 2 * DAY + 12;
    y[known - 1] = 40;
    y[known - 3] = 30;
    y[known - DAY] = 50; /* the target's hour, yesterday */
    assert_false(spikes_columns(y, 2 * DAY - 1, &rules, columns));
    assert_true(spikes_columns(y, known, &rules, columns));
    double quiet = .01 * (21 * 10 + 40 + 30 + 50) / 24, level = log(10 + quiet);
    assert_float_equal(columns[0], log(40 + quiet) - level, 1e-6);
    assert_float_equal(columns[1], 0, 1e-6);
    assert_float_equal(columns[2], log(30 + quiet) - level, 1e-6);
    assert_float_equal(columns[4], columns[0] - columns[1], 1e-6);
    assert_float_equal(columns[6], log(50 + quiet) - level, 1e-6);
    assert_float_equal(columns[5] + columns[7] + columns[8] + columns[9] + columns[10], 0, 1e-6);
    assert_float_equal(columns[13], log(50 + quiet) - level, 1e-6);
    assert_float_equal(columns[14], 12, 0);
    assert_float_equal(columns[15], 3. / 24, 1e-6);
    assert_float_equal(columns[16], log(2 * 30 + quiet) - level, 1e-6);
    y[known - 2] = NAN;
    assert_true(spikes_columns(y, known, &rules, columns));
    assert_true(isnan(columns[1]) && isnan(columns[4]) && isfinite(columns[11]));
}

/* Noise; now and then a value of 1.6 times the usual, and four of five times what follows is 5
 * times it. No other thing foretells. */
static void plant(double y[LENGTH], uint64_t seed)
{
    struct prng prng;
    prng_init(&prng, seed);
    for (int t = 0; t < LENGTH; t++)
        y[t] = 100 * exp(prng_normal(&prng, 0, .08));
    for (int t = 5; t + 4 < LENGTH; t++)
        if (prng_uniform(&prng) < .06) {
            y[t] *= 1.6;
            if (prng_uniform(&prng) < .8)
                y[t + 1] *= 5;
            t += 4;
        }
}

static double values[SERIES][LENGTH];
static struct spikes_series series[SERIES];

static struct spikes *train(int calibrate_steps)
{
    struct spikes_settings settings = spikes_defaults;
    struct spikes *spikes = NULL;
    struct fw_detail detail = {""};
    settings.rules = rules;
    settings.calibrate = calibrate_steps;
    settings.rounds = 40;
    for (int i = 0; i < SERIES; i++)
        series[i] = (struct spikes_series){values[i], KNOWN};
    assert_int_equal(spikes_train(&spikes, series, SERIES, &settings, &detail), FW_OK);
    return spikes;
}

static void say(struct spikes *spikes, double p[SERIES][LENGTH - KNOWN])
{
    struct fw_detail detail = {""};
    for (int i = 0; i < SERIES; i++)
        assert_int_equal(spikes_predict(spikes, values[i], KNOWN, LENGTH - KNOWN, p[i], &detail),
                         FW_OK);
}

static void test_a_planted_pattern_is_found(void **state)
{
    (void)state;
    static double p[SERIES][LENGTH - KNOWN];
    static bool happened[SERIES][LENGTH - KNOWN];
    struct probability_score score;
    for (int i = 0; i < SERIES; i++)
        plant(values[i], 10 + (uint64_t)i);
    struct spikes *spikes = train(4 * DAY);
    say(spikes, p);
    for (int i = 0; i < SERIES; i++)
        for (int t = KNOWN; t < LENGTH; t++)
            happened[i][t - KNOWN] = values[i][t] > 2 * spikes_reference(values[i], t, &rules);
    assert_int_equal(probability_score(&score, p[0], happened[0], SERIES * (LENGTH - KNOWN)),
                     FW_OK);
    assert_true(score.hits > 30);
    assert_true(score.average_precision > .7);
    assert_true(score.brier < .5 * score.base);
    spikes_free(&spikes);
}

/* What is said of a step does not change with that step or any after it, and training sees no value
 * past the series' end. */
static void test_no_look_ahead(void **state)
{
    (void)state;
    static double before[SERIES][LENGTH - KNOWN], after[SERIES][LENGTH - KNOWN];
    enum { CHANGED = KNOWN + 30 };
    for (int i = 0; i < SERIES; i++)
        plant(values[i], 10 + (uint64_t)i);
    struct spikes *spikes = train(4 * DAY);
    say(spikes, before);
    spikes_free(&spikes);
    for (int i = 0; i < SERIES; i++)
        for (int t = CHANGED; t < LENGTH; t++)
            values[i][t] = 7 * values[i][t] + t;
    spikes = train(4 * DAY);
    say(spikes, after);
    spikes_free(&spikes);
    for (int i = 0; i < SERIES; i++)
        assert_memory_equal(before[i], after[i], (CHANGED - KNOWN + 1) * sizeof(double));
    assert_memory_not_equal(before, after, sizeof before);
}

/* Too little or no demand: nothing is said. No spike to learn from: a sentence. */
static void test_where_nothing_can_be_said(void **state)
{
    (void)state;
    struct fw_detail detail = {""};
    double flat[LENGTH] = {0}, p[2 * DAY];
    for (int i = 0; i < SERIES; i++)
        plant(values[i], 10 + (uint64_t)i);
    struct spikes *spikes = train(4 * DAY), *none = NULL;
    assert_int_equal(spikes_predict(spikes, values[0], 1, 2 * DAY, p, &detail), FW_OK);
    assert_true(isnan(p[0]) && isnan(p[2 * DAY - 2]) && isfinite(p[2 * DAY - 1]));
    assert_int_equal(spikes_predict(spikes, flat, 3 * DAY, 2, p, &detail), FW_OK);
    assert_true(isnan(p[0]) && isnan(p[1]));
    spikes_free(&spikes);
    struct spikes_series silent = {flat, LENGTH};
    struct spikes_settings settings = spikes_defaults;
    settings.rules = rules;
    assert_int_equal(spikes_train(&none, &silent, 1, &settings, &detail), FW_INPUT);
    assert_null(none);
    assert_non_null(strstr(detail.text, "0 spikes"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_curve_by_hand),   cmocka_unit_test(test_curve_rises),
        cmocka_unit_test(test_scores_by_hand),  cmocka_unit_test(test_reference_by_hand),
        cmocka_unit_test(test_columns_by_hand), cmocka_unit_test(test_a_planted_pattern_is_found),
        cmocka_unit_test(test_no_look_ahead),   cmocka_unit_test(test_where_nothing_can_be_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
