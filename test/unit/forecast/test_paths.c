/* SPDX-License-Identifier: MIT
 * Joint paths (D8): every step alone has the quantiles it was given, errors stay together as told,
 * the law of past errors is found again, the same seed gives the same paths; and through a
 * forecast. */
#include "base/prng.h"
#include "base/stats.h"
#include "forecast/demand.h"
#include "forecast/normal.h"
#include "forecast/paths.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Uniform on 0 .. h. */
static double uniform(void *context, int h, double level)
{
    (void)context;
    return h * level;
}

static double value(const struct paths *paths, int h, int p)
{
    return paths->value[(size_t)(h - 1) * (size_t)paths->count + (size_t)p];
}

static void test_margins(void **state)
{
    (void)state;
    struct paths paths, again;
    double sorted[200];
    assert_int_equal(paths_draw(&paths, 30, 200, &paths_law_usual, uniform, NULL, 5), FW_OK);
    assert_int_equal(paths.count, 200);
    for (int h = 1; h <= 30; h++) {
        for (int p = 0; p < 200; p++)
            sorted[p] = value(&paths, h, p);
        stats_sort_doubles(sorted, 200);
        for (int p = 0; p < 200; p++)
            assert_float_equal(sorted[p], h * (p + .5) / 200, 1e-12);
    }
    assert_int_equal(paths_draw(&again, 30, 200, &paths_law_usual, uniform, NULL, 5), FW_OK);
    assert_memory_equal(paths.value, again.value, sizeof(double) * 30 * 200);
    paths_fini(&again);
    assert_int_equal(paths_draw(&again, 30, 200, &paths_law_usual, uniform, NULL, 6), FW_OK);
    assert_memory_not_equal(paths.value, again.value, sizeof(double) * 30 * 200);
    paths_fini(&again);
    paths_fini(&paths);
    /* Many steps leave fewer paths. */
    assert_int_equal(paths_draw(&paths, 20000, 500, &paths_law_usual, uniform, NULL, 1), FW_OK);
    assert_int_equal(paths.count, PATHS_VALUES_MAX / 20000);
    paths_fini(&paths);
}

static double share_above(const struct paths *paths, double level)
{
    double above = 0;
    for (int p = 0; p < paths->count; p++) {
        bool any = false;
        for (int h = 1; h <= paths->steps; h++)
            any = any || value(paths, h, p) > h * level;
        above += any;
    }
    return above / paths->count;
}

static void test_together(void **state)
{
    (void)state;
    static const struct paths_law apart = {0, 0, 1}, together = {.999, 0, 1};
    struct paths paths;
    assert_int_equal(paths_draw(&paths, 10, 4000, &apart, uniform, NULL, 2), FW_OK);
    assert_float_equal(share_above(&paths, .9), 1 - pow(.9, 10), .03); /* .651 */
    paths_fini(&paths);
    assert_int_equal(paths_draw(&paths, 10, 4000, &together, uniform, NULL, 2), FW_OK);
    assert_float_equal(share_above(&paths, .9), .1, .03);
    paths_fini(&paths);
}

static void test_measured(void **state)
{
    (void)state;
    enum { ORIGINS = 300, STEPS = 24 };
    static double errors[ORIGINS * STEPS];
    struct prng prng;
    struct paths_law law;
    prng_init(&prng, 9);
    for (int i = 0; i < ORIGINS; i++) {
        double level = prng_normal(&prng, 0, 1), passing = prng_normal(&prng, 0, 1);
        for (int h = 0; h < STEPS; h++) {
            passing = .7 * passing + sqrt(1 - .49) * prng_normal(&prng, 0, 1);
            double score = sqrt(.3) * level + sqrt(.7) * passing;
            /* whatever their law is, and whether known: only ranks count */
            errors[i * STEPS + h] = h > STEPS - i % 3 ? NAN : exp(2 * score);
        }
    }
    assert_int_equal(paths_law_measure(&law, errors, ORIGINS, STEPS), FW_OK);
    assert_true(law.pairs > 6000);
    assert_float_equal(law.shared, .3, .1);
    assert_float_equal(law.shared + (1 - law.shared) * law.decay, .3 + .7 * .7, .05);
    /* Too few: what is usual. */
    assert_int_equal(paths_law_measure(&law, errors, 1, STEPS), FW_OK);
    assert_int_equal(law.pairs, 0);
    assert_float_equal(law.shared, paths_law_usual.shared, 0);
    for (int i = 0; i < ORIGINS * STEPS; i++)
        errors[i] = NAN;
    assert_int_equal(paths_law_measure(&law, errors, ORIGINS, STEPS), FW_OK);
    assert_int_equal(law.pairs, 0);
    assert_int_equal(paths_law_measure(&law, errors, 0, 0), FW_OK);
}

static void test_forecast(void **state)
{
    (void)state;
    enum { HOURS = 24 * 30 };
    static double y[HOURS];
    struct prng prng;
    struct demand_forecast forecast;
    struct demand_settings settings = demand_defaults;
    struct fw_detail detail = {""};
    double noise = 0, sorted[400];
    prng_init(&prng, 3);
    for (int t = 0; t < HOURS; t++) {
        noise = .9 * noise + prng_normal(&prng, 0, .05);
        y[t] = 100 * exp(.4 * sin(t * .2617993878) + noise);
    }
    struct series series = {0, INT64_C(3600000000000), HOURS, y};
    settings.horizon_ns = INT64_C(86400) * 1000000000;
    settings.path_count = 400;
    if (demand_forecast(&series, &settings, &forecast, &detail) != FW_OK)
        fail_msg("%s", detail.text);
    assert_int_equal(forecast.paths.steps, 24);
    assert_true(forecast.law.pairs > 500);
    assert_true(forecast.law.shared + (1 - forecast.law.shared) * forecast.law.decay > .4);
    for (int h = 1; h <= 24; h++) { /* up to P90 they are the forecast's */
        for (int p = 0; p < 400; p++)
            sorted[p] = value(&forecast.paths, h, p);
        stats_sort_doubles(sorted, 400);
        assert_float_equal(stats_quantile(sorted, 400, .5), forecast.quantile[0][h - 1],
                           .02 * forecast.quantile[0][h - 1]);
        assert_float_equal(stats_quantile(sorted, 400, .9), forecast.quantile[2][h - 1],
                           .02 * forecast.quantile[2][h - 1]);
    }
    demand_forecast_fini(&forecast);
    assert_null(forecast.paths.value);
    settings.path_count = 0;
    assert_int_equal(demand_forecast(&series, &settings, &forecast, &detail), FW_OK);
    assert_null(forecast.paths.value);
    demand_forecast_fini(&forecast);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_margins),
        cmocka_unit_test(test_together),
        cmocka_unit_test(test_measured),
        cmocka_unit_test(test_forecast),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
