/* SPDX-License-Identifier: MIT
 * GPUs by hand (D8, D9): rounding, windows of the lead time, the service level on maxima of paths,
 * the buffer rule, zero demand, the planning cases, what is refused. */
#include "plan/capacity.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const int64_t HOUR = INT64_C(3600) * 1000000000;
enum { STEPS = 4, PATHS = 100 };

struct case_input {
    double baseline[STEPS], expected[STEPS], p95[STEPS], spike[STEPS], paths[STEPS * PATHS];
    struct capacity_demand demand;
    struct capacity_settings settings;
    struct capacity_row rows[STEPS];
};

/* Path p has p + 1 at every step. */
static void set_up(struct case_input *input)
{
    memset(input, 0, sizeof *input);
    for (int t = 0; t < STEPS; t++) {
        input->baseline[t] = 40;
        input->expected[t] = 50.5;
        input->p95[t] = 95;
        for (int p = 0; p < PATHS; p++)
            input->paths[t * PATHS + p] = p + 1;
    }
    input->demand = (struct capacity_demand){.step_ns = HOUR,
                                             .steps = STEPS,
                                             .baseline = input->baseline,
                                             .expected = input->expected,
                                             .p95 = input->p95,
                                             .paths = input->paths,
                                             .path_count = PATHS};
    input->settings = capacity_defaults;
    input->settings.unit_capacity = 10;
    input->settings.target_utilization = input->settings.warning_utilization = 1;
    input->settings.burst_most = 100;
}

static void plan(struct case_input *input)
{
    struct fw_detail detail = {""};
    if (capacity_plan(&input->demand, &input->settings, input->rows, &detail) != FW_OK)
        fail_msg("%s", detail.text);
}

static void test_rounding(void **state)
{
    (void)state;
    assert_int_equal(capacity_units(0, 312, .7), 0);
    assert_int_equal(capacity_units(-5, 312, .7), 0);
    assert_int_equal(capacity_units(1e-9, 312, .7), 1);
    assert_int_equal(capacity_units(312, 312, 1), 1);
    assert_int_equal(capacity_units(312.001, 312, 1), 2);
    assert_int_equal(capacity_units(3 * .1 * 10, 1, 1), 3); /* 3.0000000000000004 */
    assert_int_equal(capacity_units(218.4, 312, .7), 1);    /* 312 x .7 */
    assert_int_equal(capacity_units(218.5, 312, .7), 2);
    assert_int_equal(capacity_units(1e300, 1e-9, 1), CAPACITY_UNITS_MAX + 1);
}

static void test_service_level(void **state)
{
    (void)state;
    struct case_input input;
    set_up(&input);
    plan(&input);
    for (int t = 0; t < STEPS; t++) {
        const struct capacity_row *row = &input.rows[t];
        assert_float_equal(row->planned, 95.05, 1e-9); /* between the 95th and the 96th of 1..100 */
        assert_float_equal(row->demand[CAPACITY_CONSERVATIVE], 95.05, 1e-9);
        assert_float_equal(row->demand[CAPACITY_EMERGENCY], 99.01, 1e-9);
        assert_int_equal(row->recommended, 10);
        assert_int_equal(row->reason, CAPACITY_BY_SERVICE);
        assert_int_equal(row->gpus[CAPACITY_BASELINE], 4);
        assert_int_equal(row->gpus[CAPACITY_EXPECTED], 6);
        assert_int_equal(row->burst_ready, 10);
        assert_float_equal(row->utilization, .505, 1e-12);
    }
    /* At no more than 85 % of 10 each: 95.05 / 8.5 = 11.2, 99.01 / 8.5 = 11.6. */
    input.settings.warning_utilization = .85;
    plan(&input);
    assert_int_equal(input.rows[0].recommended, 12);
    assert_int_equal(input.rows[0].burst_ready, 12);
    /* The expected at no more than 40 %: 50.5 / 4 = 12.6. */
    input.settings.target_utilization = .4;
    plan(&input);
    assert_int_equal(input.rows[0].recommended, 13);
    assert_int_equal(input.rows[0].reason, CAPACITY_BY_TARGET);
    assert_int_equal(input.rows[0].gpus[CAPACITY_BASELINE], 10);
    input.settings.least = 20;
    plan(&input);
    assert_int_equal(input.rows[0].recommended, 20);
    assert_int_equal(input.rows[0].reason, CAPACITY_BY_LEAST);
    assert_float_equal(input.rows[0].utilization, .2525, 1e-12);
}

static void test_lead_time(void **state)
{
    (void)state;
    struct case_input input;
    set_up(&input);
    /* One path in twenty is high at each step, another at every step: of single steps 95 % are at
     * 10, of windows of two steps only 90 %. */
    for (int t = 0; t < STEPS; t++)
        for (int p = 0; p < PATHS; p++)
            input.paths[t * PATHS + p] = p / 5 == t ? 100 : 10;
    input.settings.service_level = .92;
    input.settings.lead_time_ns = HOUR;
    plan(&input);
    assert_float_equal(input.rows[0].planned, 10, 0);
    input.settings.lead_time_ns = HOUR + 1; /* reaches into the second step */
    assert_int_equal(capacity_window(&input.demand, &input.settings), 2);
    plan(&input);
    assert_float_equal(input.rows[0].planned, 100, 0);
    assert_float_equal(input.rows[2].planned, 100, 0);
    assert_float_equal(input.rows[3].planned, 10, 0); /* nothing is known behind the last */
    /* Expected and baseline: the highest of the window. */
    input.expected[2] = 77;
    input.settings.lead_time_ns = 3 * HOUR;
    plan(&input);
    assert_float_equal(input.rows[0].demand[CAPACITY_EXPECTED], 77, 0);
    assert_float_equal(input.rows[3].demand[CAPACITY_EXPECTED], 50.5, 0);
    assert_float_equal(input.rows[0].utilization * input.rows[0].recommended, 5.05, 1e-12);
    input.settings.lead_time_ns = INT64_MAX;
    assert_int_equal(capacity_window(&input.demand, &input.settings), STEPS);
    plan(&input);
    input.settings.lead_time_ns = 0;
    assert_int_equal(capacity_window(&input.demand, &input.settings), 1);
}

/* Windows by doubling are what a loop finds. */
static void test_windows(void **state)
{
    (void)state;
    enum { LONG = 61 };
    double values[LONG], paths[LONG];
    struct capacity_row rows[LONG];
    unsigned seed = 7;
    for (int t = 0; t < LONG; t++) {
        seed = seed * 1103515245u + 12345u;
        values[t] = paths[t] = (double)(seed >> 16 & 1023);
    }
    struct capacity_demand demand = {.step_ns = HOUR,
                                     .steps = LONG,
                                     .baseline = values,
                                     .expected = values,
                                     .p95 = values,
                                     .paths = paths,
                                     .path_count = 1};
    struct capacity_settings settings = capacity_defaults;
    for (int window = 1; window <= LONG; window++) {
        settings.lead_time_ns = window * HOUR;
        assert_int_equal(capacity_plan(&demand, &settings, rows, NULL), FW_OK);
        for (int t = 0; t < LONG; t++) {
            double most = 0;
            for (int i = t; i < LONG && i < t + window; i++)
                most = fmax(most, values[i]);
            assert_float_equal(rows[t].demand[CAPACITY_EXPECTED], most, 0);
            assert_float_equal(rows[t].planned, most, 0);
        }
    }
}

static void test_buffer(void **state)
{
    (void)state;
    struct case_input input;
    set_up(&input);
    input.settings.buffer = 1.3;
    plan(&input);
    assert_float_equal(input.rows[0].planned, 123.5, 1e-9);
    assert_int_equal(input.rows[0].recommended, 13);
    assert_int_equal(input.rows[0].reason, CAPACITY_BY_BUFFER);
    input.settings.batching_gain = 2; /* 20 each */
    plan(&input);
    assert_int_equal(input.rows[0].recommended, 7);
    assert_float_equal(input.rows[0].utilization, 50.5 / 140, 1e-12);
}

static void test_zero(void **state)
{
    (void)state;
    struct case_input input;
    set_up(&input);
    for (int t = 0; t < STEPS; t++) {
        input.baseline[t] = input.expected[t] = input.p95[t] = 0;
        for (int p = 0; p < PATHS; p++)
            input.paths[t * PATHS + p] = p % 2 ? 0 : -3; /* below zero is nothing */
    }
    plan(&input);
    for (int t = 0; t < STEPS; t++) {
        assert_int_equal(input.rows[t].recommended, 0);
        assert_int_equal(input.rows[t].burst_ready, 0);
        assert_float_equal(input.rows[t].planned, 0, 0);
        assert_float_equal(input.rows[t].utilization, 0, 0);
    }
    input.settings.least = 2;
    plan(&input);
    assert_int_equal(input.rows[0].recommended, 2);
    assert_int_equal(input.rows[0].burst_ready, 2);
    assert_float_equal(input.rows[0].utilization, 0, 0);
}

static void test_burst(void **state)
{
    (void)state;
    struct case_input input;
    set_up(&input);
    input.demand.spike = input.spike;
    input.spike[0] = .05; /* not above 1 - .95 */
    input.spike[1] = .2;
    input.settings.spike_times = 4; /* 202 */
    plan(&input);
    assert_int_equal(input.rows[0].burst_ready, 10);
    assert_int_equal(input.rows[1].burst_ready, 21);
    assert_int_equal(input.rows[1].recommended, 10);
    input.settings.burst_most = 1.55;
    plan(&input);
    assert_int_equal(input.rows[1].burst_ready, 15);
}

/* Peaks that past windows told take the place of the paths'. */
static void test_peaks(void **state)
{
    (void)state;
    struct case_input input;
    double service[STEPS] = {71, 5, -1, 71}, p95[STEPS] = {80, 5, 0, 80},
           p99[STEPS] = {121, 5, 0, 1};
    set_up(&input);
    input.demand.peak_service = service;
    input.demand.peak_p95 = p95;
    input.demand.peak_p99 = p99;
    plan(&input);
    assert_int_equal(input.rows[0].recommended, 8);
    assert_int_equal(input.rows[0].reason, CAPACITY_BY_SERVICE);
    assert_int_equal(input.rows[0].gpus[CAPACITY_CONSERVATIVE], 8);
    assert_int_equal(input.rows[0].burst_ready, 13);
    assert_int_equal(input.rows[1].recommended, 6); /* the expected */
    assert_int_equal(input.rows[1].reason, CAPACITY_BY_TARGET);
    assert_float_equal(input.rows[2].planned, 0, 0);
    assert_int_equal(input.rows[3].burst_ready, 8);
    input.settings.buffer = 1.3;
    plan(&input);
    assert_int_equal(input.rows[0].recommended, 13);
}

static void refused(struct case_input *input, const char *words)
{
    struct fw_detail detail = {""};
    assert_int_equal(capacity_plan(&input->demand, &input->settings, input->rows, &detail),
                     FW_INPUT);
    if (strstr(detail.text, words) == NULL)
        fail_msg("found: %s\nexpected: %s", detail.text, words);
}

static void test_refused(void **state)
{
    (void)state;
    struct case_input input;
    set_up(&input);
    input.settings.unit_capacity = 0;
    refused(&input, "the capacity of a unit is 0");
    set_up(&input);
    input.settings.service_level = 1;
    refused(&input, "the service level is 1, expected a number above 0 and below 1");
    set_up(&input);
    input.settings.target_utilization = 1.2;
    refused(&input, "the target utilisation is 1.2, expected a number above 0 and at most 1");
    set_up(&input);
    input.settings.buffer = NAN;
    refused(&input, "the buffer is nan");
    set_up(&input);
    input.paths[2 * PATHS + 7] = NAN;
    refused(&input, "a path at step 3 is not a finite number");
    set_up(&input);
    input.expected[1] = INFINITY;
    refused(&input, "the expected demand at step 2");
    set_up(&input);
    input.demand.steps = 0;
    refused(&input, "0 steps");
    set_up(&input);
    input.settings.unit_capacity = 1e-6;
    refused(&input, "step 1 takes more than 1000000 units");
    set_up(&input);
    input.demand.start_ns = INT64_MAX - HOUR;
    refused(&input, "the last step ends beyond the year 2262");
    set_up(&input);
    input.settings.lead_time_ns = -1;
    refused(&input, "the lead time");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rounding),  cmocka_unit_test(test_service_level),
        cmocka_unit_test(test_lead_time), cmocka_unit_test(test_windows),
        cmocka_unit_test(test_buffer),    cmocka_unit_test(test_zero),
        cmocka_unit_test(test_burst),     cmocka_unit_test(test_peaks),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
