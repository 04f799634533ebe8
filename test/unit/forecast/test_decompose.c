/* SPDX-License-Identifier: MIT
 * D13: a series taken apart gives back the trend and the cycles it was made of, events left out. */
#include "base/prng.h"
#include "base/time.h"
#include "forecast/decompose.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { HOURS = 24 * 7 * 12 };
static double values[HOURS];
static unsigned char taken[HOURS];
static const struct series series = {.start_ns =
                                         1767571200 * TIME_SECOND, /* Monday, 5 January 2026 */
                                     .step_ns = TIME_HOUR,
                                     .count = HOURS,
                                     .value = values};

/* Grows from 100 to 200, a third more at noon than at midnight, a fifth less at weekends. */
static void make(void)
{
    struct prng prng;
    prng_init(&prng, 7);
    for (int t = 0; t < HOURS; t++) {
        double trend = 100 + 100. * t / HOURS;
        double day = 1 - .3 * cos(t % 24 * 6.283185307 / 24);
        values[t] = trend * day * (t / 24 % 7 >= 5 ? .8 : 1) * (1 + prng_normal(&prng, 0, .02));
    }
}

static const struct decompose_cycle *cycle_named(const struct decomposition *parts,
                                                 const char *name)
{
    for (size_t i = 0; i < parts->cycle_count; i++)
        if (strcmp(parts->cycles[i].name, name) == 0)
            return &parts->cycles[i];
    return NULL;
}

static void gives_back_what_it_was_made_of(void **state)
{
    struct decomposition parts;
    struct fw_detail detail = {""};
    (void)state;
    make();
    assert_int_equal(decompose(&series, NULL, &parts, &detail), FW_OK);
    assert_true(parts.multiplies);
    assert_true(parts.explained > .95 && parts.explained <= 1);
    assert_int_equal(parts.trend_start_ns, series.start_ns);
    double last = parts.trend[parts.trend_count - 1];
    assert_true(last / parts.trend[0] > 1.8 && last / parts.trend[0] < 2.2);
    assert_null(cycle_named(&parts, "yearly"));
    const struct decompose_cycle *day = cycle_named(&parts, "daily");
    assert_non_null(day);
    assert_int_equal(day->count, 96);
    assert_float_equal((1 + day->value[48]) / (1 + day->value[0]), 1.3 / .7, .08);
    const struct decompose_cycle *week = cycle_named(&parts, "weekly");
    assert_non_null(week);
    assert_int_equal(week->count, 168);
    /* Wednesday and Saturday, both at noon */
    assert_float_equal((1 + week->value[132]) / (1 + week->value[60]), .8, .04);
    assert_true(week->span > .15 && week->span < .4);
}

static void leaves_events_out(void **state)
{
    struct decomposition calm, after;
    struct fw_detail detail = {""};
    (void)state;
    make();
    assert_int_equal(decompose(&series, NULL, &calm, &detail), FW_OK);
    memset(taken, 0, sizeof taken);
    for (int t = 1000; t < 1200; t++) {
        values[t] *= 8;
        taken[t] = 1;
    }
    assert_int_equal(decompose(&series, taken, &after, &detail), FW_OK);
    for (size_t i = 0; i < calm.trend_count; i++)
        assert_float_equal(after.trend[i] / calm.trend[i], 1, .08);
}

static void adds_where_it_cannot_multiply(void **state)
{
    struct decomposition parts;
    struct fw_detail detail = {""};
    (void)state;
    make();
    for (int t = 0; t < HOURS; t++)
        values[t] -= 120;
    values[5] = NAN;
    assert_int_equal(decompose(&series, NULL, &parts, &detail), FW_OK);
    assert_false(parts.multiplies);
    for (size_t i = 0; i < parts.trend_count; i++)
        assert_true(isfinite(parts.trend[i]));
}

static void tells_what_is_missing(void **state)
{
    struct decomposition parts;
    struct fw_detail detail = {""};
    double one = 3;
    const struct series single = {.step_ns = TIME_HOUR, .count = 1, .value = &one};
    (void)state;
    assert_int_equal(decompose(&single, NULL, &parts, &detail), FW_INPUT);
    assert_string_equal(detail.text,
                        "the series has 1 values that no event explains, expected at least 2");
    make();
    memset(taken, 1, sizeof taken);
    assert_int_equal(decompose(&series, taken, &parts, &detail), FW_INPUT);
}

/* Centuries away, and two rows; further than that is refused. */
static void stands_other_centuries(void **state)
{
    struct decomposition parts;
    struct fw_detail detail = {""};
    struct series far = {.step_ns = TIME_DAY, .value = values};
    static const int years[] = {-289, -220, 289};
    (void)state;
    make();
    for (size_t i = 0; i < 3; i++)
        for (far.count = 2; far.count <= 240; far.count += 238) {
            far.start_ns = years[i] * 365 * TIME_DAY;
            assert_int_equal(decompose(&far, NULL, &parts, &detail), FW_OK);
            assert_true(isfinite(parts.trend[0]));
        }
    far.start_ns = INT64_MIN + TIME_DAY;
    assert_int_equal(decompose(&far, NULL, &parts, &detail), FW_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_back_what_it_was_made_of), cmocka_unit_test(leaves_events_out),
        cmocka_unit_test(adds_where_it_cannot_multiply),  cmocka_unit_test(tells_what_is_missing),
        cmocka_unit_test(stands_other_centuries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
