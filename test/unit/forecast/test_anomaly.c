/* SPDX-License-Identifier: MIT
 * Detectors in a stream (D5: z-score, isolation forest, rate of change, in real time): one alert an
 * event, a calibrated p-value, gaps that are no zeros, and the benchmark's scoring rules by hand.
 */
#include "base/prng.h"
#include "forecast/anomaly.h"
#include "forecast/isolation_forest.h"
#include "forecast/nab.h"
#include "forecast/zscore.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct anomaly *create(int method, uint32_t learn, uint32_t refractory)
{
    struct anomaly *anomaly;
    struct anomaly_settings settings = {.method = method,
                                        .day_rows = 24,
                                        .learn_rows = learn,
                                        .refractory_rows = refractory,
                                        .seed = 3};
    assert_int_equal(anomaly_create(&anomaly, &settings), FW_OK);
    return anomaly;
}

static struct anomaly_result step(struct anomaly *anomaly, double value)
{
    struct anomaly_result result;
    assert_int_equal(anomaly_step(anomaly, value, &result), FW_OK);
    assert_true(result.score >= 0 && result.score <= 1);
    assert_true(result.p > 0 && result.p <= 1);
    return result;
}

/* Strange rows 60, 105, 110, 159, 160; learning until 100, 50 rows of rest: the first is silent but
 * begins the rest, so that 105 is silent, too; then 110 and 160 speak. */
static void test_refractory(void **state)
{
    (void)state;
    struct anomaly *anomaly = create(ANOMALY_ZSCORE, 100, 50);
    struct prng prng;
    prng_init(&prng, 1);
    for (int row = 0; row < 200; row++) {
        bool strange = row == 60 || row == 105 || row == 110 || row == 159 || row == 160;
        struct anomaly_result result = step(anomaly, prng_uniform(&prng) + (strange ? 1000 : 0));
        assert_int_equal(result.event, row == 110 || row == 160);
        assert_int_equal(result.silenced, row == 60 || row == 105 || row == 159);
    }
    anomaly_destroy(&anomaly);
    assert_null(anomaly);
}

/* D5: each method sees a burst in daily demand, once, at its first row, and nothing before. */
static void test_every_method_sees_a_burst(void **state)
{
    (void)state;
    for (int method = 0; method < ANOMALY_METHOD_COUNT; method++) {
        struct anomaly *anomaly = create(method, 600, 0);
        struct prng prng;
        int events = 0, first = -1;
        prng_init(&prng, 5);
        for (int row = 0; row < 24 * 40; row++) {
            double value =
                200 + 50 * sin(row * 2 * 3.14159265358979 / 24) + prng_normal(&prng, 0, 5);
            if (row >= 24 * 35 && row < 24 * 35 + 6)
                value *= 4;
            if (step(anomaly, value).event) {
                events++;
                first = first < 0 ? row : first;
            }
        }
        if (events != 1 || first < 24 * 35 || first > 24 * 35 + 2)
            fail_msg("%s: %d events, the first at row %d", anomaly_method_name(method), events,
                     first);
        anomaly_destroy(&anomaly);
    }
}

/* In noise the p-value is uniform: as small as .05 in one row of twenty. */
static void test_p_is_calibrated(void **state)
{
    (void)state;
    for (int method = 0; method < ANOMALY_METHOD_COUNT; method++) {
        struct anomaly *anomaly = create(method, 600, 150);
        struct prng prng;
        int rare = 0, half = 0, rows = 4000;
        prng_init(&prng, 9);
        for (int row = 0; row < 2000 + rows; row++) {
            struct anomaly_result result = step(anomaly, prng_normal(&prng, 100, 10));
            rare += row >= 2000 && result.p <= .05;
            half += row >= 2000 && result.p <= .5;
        }
        assert_in_range(rare, rows * .03, rows * .07);
        assert_in_range(half, rows * .42, rows * .58);
        anomaly_destroy(&anomaly);
    }
}

/* Equal values, huge values and gaps: no alert, no infinity, no zero in the place of what is
 * missing. */
static void test_hard_values(void **state)
{
    (void)state;
    for (int method = 0; method < ANOMALY_METHOD_COUNT; method++) {
        struct anomaly *anomaly = create(method, 50, 20);
        for (int row = 0; row < 500; row++) {
            if (row % 7 == 3)
                anomaly_skip(anomaly);
            else
                assert_false(step(anomaly, 1e6).event);
        }
        (void)step(anomaly, 1.7e308);
        (void)step(anomaly, -1.7e308);
        for (int row = 0; row < 100; row++)
            (void)step(anomaly, 0);
        anomaly_destroy(&anomaly);
    }
}

static void test_zscore_by_hand(void **state)
{
    (void)state;
    static struct zscore zscore;
    zscore_init(&zscore, 20, false);
    for (int i = 0; i < 20; i++)
        assert_float_equal(zscore_step(&zscore, i % 2 ? 12 : 8), 0, 0);
    assert_float_equal(zscore_step(&zscore, 16), 3, 1e-12); /* mean 10, deviation 2 */
    zscore_init(&zscore, 20, true);
    for (int i = 0; i < 21; i++)
        assert_float_equal(zscore_step(&zscore, i % 2 ? 12 : 8), 0, 0);
    /* Changes of +4 and -4 in turn: mean 0, deviation 4; the last value was 8. */
    assert_float_equal(zscore_step(&zscore, 16), 2, 1e-12);
    zscore_skip(&zscore);
    assert_float_equal(zscore_step(&zscore, 1000), 0, 0); /* over a gap there is no change */
}

static void test_forest(void **state)
{
    (void)state;
    enum { ROWS = 1003, COLUMNS = 3 };
    static double rows[ROWS * COLUMNS], scores[ROWS], again[ROWS];
    struct isolation_forest *forest, *same;
    struct prng prng;
    assert_float_equal(isolation_forest_path(1), 0, 0);
    assert_float_equal(isolation_forest_path(2), 1, 0);
    assert_float_equal(isolation_forest_path(256), 10.244771, 1e-5);
    prng_init(&prng, 21);
    for (size_t i = 0; i < ROWS * COLUMNS; i++)
        rows[i] = prng_normal(&prng, 0, 1);
    rows[3 * 500] = 8;
    rows[3 * 500 + 1] = -8;
    assert_int_equal(isolation_forest_fit(&forest, rows, ROWS, COLUMNS, 42), FW_OK);
    assert_int_equal(isolation_forest_fit(&same, rows, ROWS, COLUMNS, 42), FW_OK);
    isolation_forest_score(forest, rows, ROWS, scores);
    for (size_t i = 0; i < ROWS; i++) {
        isolation_forest_score(same, rows + i * COLUMNS, 1, &again[i]); /* one by one the same */
        assert_true(scores[i] == again[i]);
        assert_true(scores[i] > 0 && scores[i] <= scores[500]);
    }
    assert_true(scores[500] > .7);
    isolation_forest_free(&same);
    isolation_forest_free(&forest);
    /* Rows that do not differ cannot be set apart: each path is the mean one. */
    for (size_t i = 0; i < ROWS * COLUMNS; i++)
        rows[i] = 7;
    assert_int_equal(isolation_forest_fit(&forest, rows, ROWS, COLUMNS, 42), FW_OK);
    isolation_forest_score(forest, rows, 2, scores);
    assert_float_equal(scores[0], .5, 1e-12);
    isolation_forest_free(&forest);
    assert_int_equal(isolation_forest_fit(&forest, rows, 0, COLUMNS, 42), FW_INPUT);
}

/* Window of rows 50 to 59 in 100 rows, of which 15 are not scored. */
static void test_benchmark_rules(void **state)
{
    (void)state;
    double score[100] = {0}, got[NAB_PROFILES];
    struct nab_window window = {50, 59};
    struct nab_file file = {score, 100, &window, 1};
    assert_int_equal(nab_learning_rows(100), 15);
    assert_int_equal(nab_learning_rows(100000), 750);
    assert_int_equal(nab_score(&file, 1, got), FW_OK);
    assert_float_equal(got[NAB_STANDARD], 0, 0); /* silence */
    score[50] = .9;
    score[3] = 1; /* not scored */
    assert_int_equal(nab_score(&file, 1, got), FW_OK);
    for (int i = 0; i < NAB_PROFILES; i++)
        assert_float_equal(got[i], 100, 1e-9);
    score[80] = .9; /* a false alarm with the same score: no threshold parts them */
    assert_int_equal(nab_score(&file, 1, got), FW_OK);
    assert_float_equal(got[NAB_STANDARD], 94.5, 1e-2);
    assert_float_equal(got[NAB_LOW_FP], 89, 1e-2);
    assert_float_equal(got[NAB_LOW_FN], 96.333, 1e-2);
    score[80] = .8; /* a threshold between them does */
    assert_int_equal(nab_score(&file, 1, got), FW_OK);
    assert_float_equal(got[NAB_STANDARD], 100, 1e-9);
    score[50] = score[80] = 0;
    score[59] = .5; /* the last row of the window */
    assert_int_equal(nab_score(&file, 1, got), FW_OK);
    assert_float_equal(got[NAB_STANDARD], 62.412, 1e-2);
    score[59] = 0;
    score[65] = .5; /* behind it: worse than silence */
    assert_int_equal(nab_score(&file, 1, got), FW_OK);
    assert_float_equal(got[NAB_STANDARD], 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refractory),      cmocka_unit_test(test_every_method_sees_a_burst),
        cmocka_unit_test(test_p_is_calibrated), cmocka_unit_test(test_hard_values),
        cmocka_unit_test(test_zscore_by_hand),  cmocka_unit_test(test_forest),
        cmocka_unit_test(test_benchmark_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
