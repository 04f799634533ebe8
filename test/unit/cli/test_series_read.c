/* SPDX-License-Identifier: MIT
 * Series from CSV: columns found by name and content, times in every spelling, holes kept, errors
 * with their place (D1: the columns of hourly demand). */
#include "base/time.h"
#include "cli/series_read.h"
#include "sim/trace.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static struct series_read frame;

static enum fw_err parse(const char *text, const struct series_read_options *options,
                         struct fw_detail *detail)
{
    static const struct series_read_options plain = {.covariates = true};
    return series_read_memory(&frame, "a.csv", str_of(text), options ? options : &plain, detail);
}

static void refused(const char *text, const struct series_read_options *options, const char *words)
{
    struct fw_detail detail = {""};
    enum fw_err err = parse(text, options, &detail);
    assert_true(err == FW_INPUT || err == FW_LIMIT);
    if (!strstr(detail.text, words))
        fail_msg("found: %s\nexpected: %s", detail.text, words);
    assert_null(frame.value.value);
}

/* D1: the frame of hourly demand: the value by its name, all others as covariates. */
static void test_demand_frame(void **state)
{
    (void)state;
    struct fw_detail detail;
    const char *text =
        "timestamp,compute_tflops,request_count,avg_tokens_per_request,p95_latency_ms,queue_depth\n"
        "2026-01-01T00:00:00Z,100,10,200,50,1\n2026-01-01T01:00:00Z,110,11,210,51,2\n";
    assert_int_equal(parse(text, NULL, &detail), FW_OK);
    assert_string_equal(frame.value_name, "compute_tflops");
    assert_int_equal(frame.covariate_count, 4);
    assert_int_equal(frame.value.step_ns, TIME_HOUR);
    assert_true(frame.report.step_inferred);
    assert_float_equal(series_read_find(&frame, "QUEUE_DEPTH")->value[1], 2, 0);
    assert_null(series_read_find(&frame, "nothing"));
    series_read_fini(&frame);
}

static void test_value_defaults_in_order(void **state)
{
    (void)state;
    struct fw_detail detail;
    assert_int_equal(parse("time,requests,y,value\n0,1,2,3\n60,4,5,6\n", NULL, &detail), FW_OK);
    assert_string_equal(frame.value_name, "value");
    assert_float_equal(frame.value.value[1], 6, 0);
    series_read_fini(&frame);
    assert_int_equal(
        parse("Datetime,AEP_MW\n2004-12-31 01:00:00,7\n2004-12-31 02:00:00,8\n", NULL, &detail),
        FW_OK);
    assert_string_equal(frame.value_name, "AEP_MW");
    series_read_fini(&frame);
    struct series_read_options named = {.value = "b"};
    assert_int_equal(parse("t_s,a,b\n0,1,2\n5,3,4\n", &named, &detail), FW_OK);
    assert_float_equal(frame.value.value[1], 4, 0);
    assert_int_equal(frame.covariate_count, 0);
    series_read_fini(&frame);
}

static void test_spellings_of_time(void **state)
{
    (void)state;
    struct fw_detail detail;
    static const struct {
        const char *first, *second;
        int style;
        int64_t start_ns;
    } cases[] = {
        {"1767225600", "1767229200", TRACE_TIME_S, 1767225600 * TIME_SECOND},
        {"1767225600000", "1767229200000", TRACE_TIME_MS, 1767225600 * TIME_SECOND},
        {"2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z", TRACE_TIME_ISO, 1767225600 * TIME_SECOND},
        {"2026-01-01T01:00:00+01:00", "2026-01-01T02:00:00+01:00", TRACE_TIME_ISO,
         1767225600 * TIME_SECOND},
        {"2026-01-01 00:00:00", "2026-01-01 01:00:00", TRACE_TIME_CIVIL, 1767225600 * TIME_SECOND},
        {"2026-01-01 00:00", "2026-01-01 01:00", TRACE_TIME_CIVIL, 1767225600 * TIME_SECOND},
        {"0", "3600", TRACE_TIME_OFFSET_S, 0},
        {"1949-01-01 00:00:00", "1949-01-01 01:00:00", TRACE_TIME_CIVIL, -662688000 * TIME_SECOND},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[256];
        snprintf(text, sizeof text, "timestamp,value\n%s,1\n%s,2\n", cases[i].first,
                 cases[i].second);
        assert_int_equal(parse(text, NULL, &detail), FW_OK);
        assert_int_equal(frame.time_style, cases[i].style);
        assert_int_equal(frame.value.start_ns, cases[i].start_ns);
        assert_int_equal(frame.value.step_ns, TIME_HOUR);
        series_read_fini(&frame);
    }
}

/* Holes stay holes; rows out of order and twice are put right and counted. */
static void test_irregular(void **state)
{
    (void)state;
    struct fw_detail detail;
    const char *text =
        "timestamp,value,x\n2026-01-01 02:00:00,3,\n2026-01-01 00:00:00,1,5\n2026-01-01 "
        "01:00:00,,6\n"
        "2026-01-01 04:00:00,7,8\n2026-01-01 04:00:00,9,8\n2026-01-01 05:00:00,inf,8\n";
    assert_int_equal(parse(text, NULL, &detail), FW_OK);
    assert_int_equal(frame.value.count, 6);
    assert_float_equal(frame.value.value[0], 1, 0);
    assert_true(isnan(frame.value.value[1]) && isnan(frame.value.value[3]) &&
                isnan(frame.value.value[5]));
    assert_float_equal(frame.value.value[4], 8, 0); /* the mean of the two */
    assert_int_equal(frame.report.backwards, 1);
    assert_int_equal(frame.report.same_time, 1);
    assert_int_equal(frame.report.gap_slots, 1);
    assert_int_equal(frame.report.infinite, 1);
    assert_true(isnan(series_read_find(&frame, "x")->value[2]));
    struct buf out;
    buf_init(&out, 4096);
    series_read_describe(&frame, &out);
    assert_non_null(strstr(buf_str(&out).data, "6 rows of \"value\" at \"timestamp\""));
    buf_fini(&out);
    series_read_fini(&frame);
}

static void test_bad_input(void **state)
{
    (void)state;
    struct series_read_options unknown = {.value = "load"}, no_time = {.time = "when"};
    refused("", NULL, "a.csv: the file is empty, expected a header");
    refused("timestamp,value\n", NULL, "a.csv: found a header and no rows");
    refused("2026-01-01,5\n2026-01-02,6\n", NULL,
            "a.csv:1: field 1: found \"2026-01-01\", expected a header");
    refused("timestamp,value\n2026-01-01,1\n2026-01-02,many\n", NULL,
            "a.csv:3: column \"value\": found \"many\", expected a number");
    refused(
        "timestamp,value\n2026-01-01,1\n2026-13-02,2\n", NULL,
        "a.csv:3: column \"timestamp\": found \"2026-13-02\", expected a time as in the first row");
    refused("timestamp,value\nsoon,1\n2026-01-02,2\n", NULL,
            "a.csv:2: column \"timestamp\": found \"soon\", expected seconds or milliseconds since "
            "1970");
    refused("timestamp,value\n2026-01-01,1\n2026-01-02\n", NULL,
            "a.csv:3: found 1 fields, expected 2");
    refused("timestamp,value\n2026-01-01,1\n", NULL, "one row has no step");
    refused("timestamp,value\n2026-01-01,1\n2026-01-03,2\n2026-01-08,2\n2026-03-09,2\n", NULL,
            "(--every DUR gives one)");
    refused("timestamp,value\n2026-01-01,\n2026-01-02,NaN\n", NULL,
            "none of the 2 rows has a value");
    refused("timestamp,a,b\n2026-01-01,1,2\n", NULL,
            "found the columns timestamp, a, b, expected one named");
    refused("place,value\nhere,1\n", NULL,
            "found no column that looks like a time among place, value");
    refused("timestamp,value\n2026-01-01,1\n", &unknown, "--value: found no column \"load\"");
    refused("timestamp,value\n2026-01-01,1\n", &no_time, "--time: found no column \"when\"");
    refused("timestamp,value\n2026-01-01,1\n2026-01-02,1e999\n", NULL,
            "found \"1e999\", expected a number");
}

static void test_given_step(void **state)
{
    (void)state;
    struct fw_detail detail;
    struct series_read_options hourly = {.every_ns = TIME_HOUR};
    assert_int_equal(parse("timestamp,value\n2026-01-01,5\n", &hourly, &detail), FW_OK);
    assert_int_equal(frame.value.count, 1);
    assert_false(frame.report.step_inferred);
    series_read_fini(&frame);
    /* Minutes gathered to hours. */
    assert_int_equal(parse("timestamp,value\n2026-01-01 00:00:00,5\n2026-01-01 00:30:00,7\n"
                           "2026-01-01 01:00:00,1\n",
                           &hourly, &detail),
                     FW_OK);
    assert_int_equal(frame.value.count, 2);
    assert_float_equal(frame.value.value[0], 6, 0);
    series_read_fini(&frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_demand_frame),      cmocka_unit_test(test_value_defaults_in_order),
        cmocka_unit_test(test_spellings_of_time), cmocka_unit_test(test_irregular),
        cmocka_unit_test(test_bad_input),         cmocka_unit_test(test_given_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
