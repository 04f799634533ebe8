/* SPDX-License-Identifier: MIT
 * Rows to slots: whatever order, holes and clocks they come with (D1). */
#include "forecast/series.h"
#include "base/time.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static int64_t at(const char *iso)
{
    int64_t at_ns = 0;
    assert_true(time_parse_iso(str_of(iso), &at_ns, NULL));
    return at_ns;
}

static struct series regular(const int64_t *at_ns, const double *value, size_t rows,
                             struct series_rules rules, struct series_report *report)
{
    struct series series;
    struct fw_detail detail = {0};
    assert_int_equal(series_regular(at_ns, value, rows, &rules, &series, report, &detail), FW_OK);
    return series;
}

static void whole_rows_stay_as_they_are(void **state)
{
    (void)state;
    int64_t times[5];
    const double values[5] = {1, 2, 3, 4, 5};
    for (int i = 0; i < 5; i++)
        times[i] = at("2024-05-05T00:30:00Z") + i * TIME_HOUR;
    struct series_report report;
    struct series series = regular(times, values, 5, (struct series_rules){0}, &report);
    assert_int_equal(series.count, 5);
    assert_int_equal(series.step_ns, TIME_HOUR);
    assert_int_equal(series.start_ns, times[0]);
    assert_int_equal(series_at_ns(&series, 4), times[4]);
    assert_memory_equal(series.value, values, sizeof values);
    assert_true(report.step_inferred && report.gaps == 0 && report.moved == 0 &&
                report.backwards == 0);
    series_fini(&series);
}

static void disorder_duplicates_and_holes_are_repaired_and_told(void **state)
{
    (void)state;
    const int64_t begin = at("2024-01-01T00:00:00Z");
    const int64_t hours[] = {3, 0, 1, 1, 2, 8, 9, 10, 11, 12};
    const double values[] = {30, 0, 10, 20, NAN, 80, INFINITY, 100, 110, 120};
    int64_t times[10];
    for (int i = 0; i < 10; i++)
        times[i] = begin + hours[i] * TIME_HOUR;
    struct series_report report;
    struct series series = regular(times, values, 10, (struct series_rules){0}, &report);
    assert_int_equal(series.count, 13);
    assert_true(series.value[0] == 0 && series.value[1] == 15 && isnan(series.value[2]));
    for (int i = 4; i < 8; i++)
        assert_true(isnan(series.value[i])); /* a hole is not a zero */
    assert_true(series.value[8] == 80 && isnan(series.value[9]) && series.value[12] == 120);
    assert_int_equal(report.backwards, 1);
    assert_int_equal(report.same_time, 1);
    assert_int_equal(report.not_numbers, 1);
    assert_int_equal(report.infinite, 1);
    assert_int_equal(report.gaps, 1);
    assert_int_equal(report.gap_slots, 4);
    assert_int_equal(report.longest_gap_ns, 4 * TIME_HOUR);
    struct buf text;
    buf_init(&text, 4096);
    series_describe(&report, &text);
    assert_non_null(strstr(text.data, "1 row had the time of another: merged\n"));
    assert_non_null(strstr(text.data, "4 values are missing in 1 gap, the longest 4h"));
    assert_null(strstr(text.data, "off the grid"));
    buf_fini(&text);
    series_fini(&series);

    series = regular(times, values, 10, (struct series_rules){.merge = SERIES_SUM}, &report);
    assert_true(series.value[1] == 30);
    series_fini(&series);
    series = regular(times, values, 10, (struct series_rules){.merge = SERIES_LAST}, &report);
    assert_true(series.value[1] == 20);
    series_fini(&series);
}

static void rows_that_jitter_are_rounded_to_the_grid(void **state)
{
    (void)state;
    const int64_t begin = at("2024-01-01T00:00:00Z");
    int64_t times[20];
    double values[20];
    for (int i = 0; i < 20; i++) {
        times[i] = begin + i * 5 * TIME_MINUTE + (i % 7 - 3) * 2 * TIME_SECOND;
        values[i] = i;
    }
    struct series_report report;
    struct series series = regular(times, values, 20, (struct series_rules){0}, &report);
    assert_int_equal(series.step_ns, 5 * TIME_MINUTE);
    assert_int_equal(series.start_ns, begin);
    assert_int_equal(series.count, 20);
    for (int i = 0; i < 20; i++)
        assert_true(series.value[i] == i);
    assert_true(report.moved > 10 && report.gaps == 0 && report.same_slot == 0);
    series_fini(&series);
}

static void a_longer_step_gathers(void **state)
{
    (void)state;
    const int64_t begin = at("2024-01-01T10:00:00Z");
    int64_t times[12];
    double values[12];
    for (int i = 0; i < 12; i++) {
        times[i] = begin + i * 10 * TIME_MINUTE;
        values[i] = i;
    }
    struct series_report report;
    struct series_rules rules = {.step_ns = TIME_HOUR};
    struct series series = regular(times, values, 12, rules, &report);
    assert_int_equal(series.count, 2);
    assert_true(series.value[0] == 2.5 && series.value[1] == 8.5);
    assert_true(report.moved == 0 && report.same_slot == 0 && !report.step_inferred);
    series_fini(&series);
    /* Rows of no step at all, before 1970 too, are gathered the same way. */
    const int64_t scattered[] = {-TIME_HOUR - 1, -TIME_HOUR, -1, 0};
    const double ones[] = {1, 1, 1, 1};
    rules.merge = SERIES_SUM;
    series = regular(scattered, ones, 4, rules, &report);
    assert_int_equal(series.start_ns, -2 * TIME_HOUR);
    assert_int_equal(series.count, 3);
    assert_true(series.value[0] == 1 && series.value[1] == 2 && series.value[2] == 1);
    series_fini(&series);
}

/* A wall clock in Berlin: 2024-03-31 has no 02:00, 2024-10-27 has it twice. */
static void wall_clocks_that_are_set_are_understood(void **state)
{
    (void)state;
    enum { STEPS = 2 };
    for (int in_hour = 1; in_hour <= STEPS; in_hour++) {
        const int64_t step_ns = TIME_HOUR / in_hour, spring = at("2024-03-31T02:00:00Z"),
                      autumn = at("2024-10-27T03:00:00Z"), end = at("2024-11-02T00:00:00Z");
        size_t rows = 0, most = (size_t)((end - at("2024-03-29T00:00:00Z")) / step_ns) + 4;
        int64_t *times = malloc(most * sizeof *times);
        double *values = malloc(most * sizeof *values);
        for (int64_t t = at("2024-03-29T00:00:00Z"); t < end; t += step_ns) {
            if (t >= spring && t < spring + TIME_HOUR)
                continue;
            times[rows] = t, values[rows++] = 1;
            if (t + step_ns == autumn)
                for (int i = 0; i < in_hour; i++)
                    times[rows] = autumn - TIME_HOUR + i * step_ns, values[rows++] = 3;
        }
        struct series_report report;
        struct series series = regular(times, values, rows, (struct series_rules){0}, &report);
        assert_int_equal(report.set_back, 1);
        assert_int_equal(report.set_forward, 1);
        assert_int_equal(report.same_time, 0);
        assert_int_equal(report.backwards, 0);
        assert_int_equal(report.gap_slots, in_hour);
        assert_true(isnan(series.value[(spring - series.start_ns) / step_ns]));
        assert_true(series.value[(autumn - TIME_HOUR - series.start_ns) / step_ns] == 2);
        assert_true(series.value[(autumn - series.start_ns) / step_ns] == 1);
        series_fini(&series);
        free(times);
        free(values);
    }
}

static void refuses(const int64_t *at_ns, const double *value, size_t rows,
                    struct series_rules rules, enum fw_err expected, const char *words)
{
    struct series series;
    struct series_report report;
    struct fw_detail detail = {0};
    assert_int_equal(series_regular(at_ns, value, rows, &rules, &series, &report, &detail),
                     expected);
    assert_non_null(strstr(detail.text, words));
    assert_null(series.value);
}

static void what_cannot_be_made_regular_is_refused(void **state)
{
    (void)state;
    const double values[6] = {0};
    const int64_t wild[] = {0, 1, 1000, TIME_DAY, 400 * TIME_DAY, 401 * TIME_DAY + 7};
    const int64_t one[] = {0};
    const int64_t months[] = {at("2024-01-01T00:00:00Z"), at("2024-02-01T00:00:00Z"),
                              at("2024-03-01T00:00:00Z"), at("2024-04-01T00:00:00Z"),
                              at("2024-05-01T00:00:00Z"), at("2024-06-01T00:00:00Z")};
    refuses(NULL, NULL, 0, (struct series_rules){0}, FW_INPUT, "no row");
    refuses(one, values, 1, (struct series_rules){0}, FW_INPUT, "one row");
    refuses(wild, values, 6, (struct series_rules){0}, FW_INPUT, "no common step");
    refuses(wild, values, 6, (struct series_rules){.step_ns = 1}, FW_LIMIT, "longer step");
    refuses(wild, values, 6, (struct series_rules){.step_ns = -1}, FW_INPUT, "step");
    refuses(months, values, 5, (struct series_rules){0}, FW_INPUT, "no common step");
    const int64_t far[] = {0, INT64_MAX};
    refuses(far, values, 2, (struct series_rules){0}, FW_INPUT, "row 2");
    const int64_t centuries[] = {-200 * 365 * TIME_DAY, 200 * 365 * TIME_DAY};
    refuses(centuries, values, 2, (struct series_rules){0}, FW_INPUT, "more than 230 years");
    const int64_t generations[] = {-100 * 365 * TIME_DAY, 100 * 365 * TIME_DAY};
    refuses(generations, values, 2, (struct series_rules){0}, FW_INPUT, "more than 30 years");
    struct series_report report;
    struct series series =
        regular(one, values, 1, (struct series_rules){.step_ns = TIME_HOUR}, &report);
    assert_int_equal(series.count, 1);
    series_fini(&series);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_rows_stay_as_they_are),
        cmocka_unit_test(disorder_duplicates_and_holes_are_repaired_and_told),
        cmocka_unit_test(rows_that_jitter_are_rounded_to_the_grid),
        cmocka_unit_test(a_longer_step_gathers),
        cmocka_unit_test(wall_clocks_that_are_set_are_understood),
        cmocka_unit_test(what_cannot_be_made_regular_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
