/* SPDX-License-Identifier: MIT
 * Extents of events on demand without noise, where every number is known beforehand. */
#include "base/time.h"
#include "forecast/detect.h"
#include "forecast/growth.h"
#include "forecast/seasonal.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { DAYS = 80, ROWS = DAYS * 24 };
static double values[ROWS];
static struct series series = {.step_ns = TIME_HOUR, .count = ROWS, .value = values};
static const struct event_ground ground = {&series, NULL};

/* From Monday 1970-01-05: 100 by night, 200 by day, seven tenths of it at weekends. */
static double plain(size_t row)
{
    size_t hour = row % 24, day = row / 24 % 7;
    return (hour >= 8 && hour < 20 ? 200 : 100) * (day >= 5 ? .7 : 1);
}

static void fill(void)
{
    series.start_ns = 4 * TIME_DAY;
    for (size_t i = 0; i < ROWS; i++)
        values[i] = plain(i);
}

static struct event_shape find(size_t alert)
{
    struct event_shape shape;
    assert_int_equal(event_shape_find(&ground, alert, &shape), FW_OK);
    return shape;
}

/* Four hours at three times the usual, over a Friday night into a Saturday. */
static void test_burst(void **state)
{
    (void)state;
    fill();
    size_t begin = 60 * 24 + 22;
    for (size_t i = begin; i < begin + 4; i++)
        values[i] *= 3;
    for (size_t alert = begin; alert < begin + 6; alert++) { /* from wherever it is seen */
        struct event_shape shape = find(alert);
        assert_int_equal(shape.begin, begin);
        assert_int_equal(shape.end, begin + 4);
        assert_float_equal(shape.multiplier, 3, 1e-9);
        assert_float_equal(shape.duration_hours, 4, 0);
        assert_float_equal(shape.rise_hours, 0, 0);
        assert_false(shape.ongoing);
    }
}

/* A rise over six hours that holds for eight days, weekends among them. */
static void test_slow_rise_and_weekends(void **state)
{
    (void)state;
    fill();
    size_t begin = 57 * 24;
    for (size_t i = 0; i < 8 * 24; i++)
        values[begin + i] *= 1 + 5 * fmin(1, (double)(i + 1) / 6);
    struct event_shape shape = find(begin + 3);
    assert_int_equal(shape.begin, begin + 1); /* the first hour is below a fifth of the height */
    assert_int_equal(shape.end, begin + 8 * 24);
    assert_float_equal(shape.multiplier, 6, 1e-9);
    assert_float_equal(shape.rise_hours, 4, 0); /* five sixths are not nine tenths; six are */
}

static void test_fall_and_ongoing(void **state)
{
    (void)state;
    fill();
    for (size_t i = 70 * 24; i < 70 * 24 + 5; i++)
        values[i] = 0;
    struct event_shape shape = find(70 * 24 + 1);
    assert_int_equal(shape.begin, 70 * 24);
    assert_int_equal(shape.end, 70 * 24 + 5);
    assert_true(shape.multiplier < 1e-5);
    fill();
    for (size_t i = 75 * 24; i < ROWS; i++)
        values[i] = i % 5 == 2 ? NAN : 2 * values[i]; /* with gaps */
    shape = find(75 * 24);
    assert_true(shape.ongoing);
    assert_int_equal(shape.begin, 75 * 24);
    assert_int_equal(shape.end, ROWS);
    assert_float_equal(shape.multiplier, 2, 1e-9);
}

static void test_nothing(void **state)
{
    (void)state;
    fill();
    struct event_shape shape = find(50 * 24);
    assert_int_equal(shape.end - shape.begin, 1);
    assert_float_equal(shape.multiplier, 1, 1e-9);
    for (size_t i = 0; i < ROWS; i++)
        values[i] = -5;
    assert_true(
        isnan(find(50 * 24).multiplier)); /* multiples of what is not above 0 mean nothing */
    for (size_t i = 0; i < ROWS; i++)
        values[i] = NAN;
    assert_true(isnan(find(50 * 24).multiplier));
}

/* A third more each week of three, then it stays. */
static void test_growth(void **state)
{
    (void)state;
    struct growth growth;
    struct event_shape shape;
    fill();
    for (size_t i = 40 * 24; i < ROWS; i++)
        values[i] *= 1 + .8 * fmin(1, (double)(i - 40 * 24) / (21 * 24));
    assert_int_equal(growth_init(&growth, &series, NULL), FW_OK);
    size_t day = growth_next(&growth, &series, 0, &shape);
    assert_in_range(day, 48, 58);
    assert_true(shape.ongoing);
    assert_in_range(shape.begin / 24, 38, 50);
    assert_float_equal(shape.multiplier, 1.8, .05);
    assert_true(shape.rise_hours > 100);
    growth_fini(&growth);
    fill();
    for (size_t i = 40 * 24; i < 52 * 24; i++)
        values[i] *= 2; /* returns: an event, no growth */
    assert_int_equal(growth_init(&growth, &series, NULL), FW_OK);
    assert_int_equal(growth_next(&growth, &series, 0, &shape), growth.days);
    growth_fini(&growth);
}

/* Weekends are no event; three times the usual is one; two weeks of it become what is usual. */
static void test_seasonal(void **state)
{
    (void)state;
    struct seasonal *seasonal;
    assert_int_equal(seasonal_create(&seasonal, 24), FW_OK);
    fill();
    for (size_t i = 0; i < 50 * 24; i++) {
        double score = seasonal_step(seasonal, values[i]);
        assert_true(i < 14 * 24 || score < 1);
    }
    for (size_t i = 50 * 24; i < 68 * 24; i++) {
        double score = seasonal_step(seasonal, 3 * values[i]);
        assert_true(i >= 64 * 24 || score > 8);
        assert_true(i < 65 * 24 || score < 8);
    }
    seasonal_destroy(&seasonal);
    assert_null(seasonal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_burst),
        cmocka_unit_test(test_slow_rise_and_weekends),
        cmocka_unit_test(test_fall_and_ongoing),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_growth),
        cmocka_unit_test(test_seasonal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
