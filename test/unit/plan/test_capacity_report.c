/* SPDX-License-Identifier: MIT
 * What a plan costs and saves from, by hand (D10, D11, D14): costs of each fleet, shortage on the
 * paths, premium, cost per avoided hour, return; and that the words say these numbers. */
#include "plan/capacity_words.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const int64_t HOUR = INT64_C(3600) * 1000000000;
enum { STEPS = 2, PATHS = 4 };
static const double baseline[STEPS] = {10, 10}, expected[STEPS] = {20, 40}, p95[STEPS] = {30, 60};
static const double paths[STEPS * PATHS] = {10, 20, 20, 30, 30, 30, 40, 60};

struct asked {
    struct capacity_demand demand;
    struct capacity_settings settings;
    struct offers offers;
    struct capacity_question question;
    struct capacity_row rows[STEPS];
    struct capacity_report report;
};

/* Units of 10 at 2 USD, wholly used; a service level that is the highest of four paths, almost. */
static void ask(struct asked *asked, int current)
{
    struct fw_detail detail = {""};
    asked->demand = (struct capacity_demand){.step_ns = HOUR,
                                             .steps = STEPS,
                                             .baseline = baseline,
                                             .expected = expected,
                                             .p95 = p95,
                                             .paths = paths,
                                             .path_count = PATHS};
    asked->settings = capacity_defaults;
    asked->settings.unit_capacity = 10;
    asked->settings.target_utilization = asked->settings.warning_utilization = 1;
    asked->settings.buffer = 1; /* recommended: 3 and 6 */
    asked->settings.service_level = .9;
    asked->offers = offers_flat(2);
    asked->question =
        (struct capacity_question){&asked->demand, &asked->settings, &asked->offers, current, -1};
    if (capacity_plan(&asked->demand, &asked->settings, asked->rows, &detail) != FW_OK ||
        capacity_report(&asked->question, asked->rows, &asked->report, &detail) != FW_OK)
        fail_msg("%s", detail.text);
}

static void test_report(void **state)
{
    (void)state;
    struct asked asked;
    ask(&asked, 2);
    const struct capacity_report *report = &asked.report;
    const struct capacity_account *now = &report->fleets[CAPACITY_FLEET_NOW];
    const struct capacity_account *best = &report->fleets[CAPACITY_FLEET_RECOMMENDED];
    assert_true(report->current_told);
    assert_float_equal(now->cost, 8, 1e-12);
    assert_float_equal(best->cost, 18, 1e-12);
    assert_float_equal(best->cost_month, 9 * 730, 1e-9);
    assert_float_equal(report->fleets[CAPACITY_FLEET_BASELINE].cost, 4, 1e-12);
    assert_float_equal(report->fleets[CAPACITY_FLEET_EXPECTED].cost, 12, 1e-12);
    assert_float_equal(report->increase, 3.5, 1e-12);
    assert_float_equal(report->premium, .5, 1e-12);
    /* Two GPUs do 20: of the paths one is short in the first hour and all in the second. */
    assert_float_equal(now->short_hours, .25 + 1, 1e-12);
    assert_float_equal(now->missing_hours, (1 + 1 + 1 + 2 + 4) / 4., 1e-12);
    assert_float_equal(now->short_chance, 1, 1e-12);
    assert_float_equal(best->short_hours, 0, 0);
    assert_float_equal(best->utilization, (2 + 4) / 9., 1e-12);
    assert_int_equal(best->peak, 6);
    assert_int_equal(best->peak_step, 1);
    assert_float_equal(report->extra_cost, 10, 1e-12);
    assert_float_equal(report->cost_per_avoided_hour, 8, 1e-12);
    /* A missing hour costs 2 x .9 / .1 = 18: 2.25 of them against 10. */
    assert_float_equal(report->short_price, 18, 1e-9);
    assert_float_equal(report->returns, (2.25 * 18 - 10) / 10, 1e-9);
    assert_float_equal(report->on_demand_cost, 18, 1e-12);
    /* At 11 each: 3 and 6 of them, as before. */
    assert_float_equal(report->batching_saving_month, 0, 1e-9);
    capacity_report_fini(&asked.report);
    ask(&asked, -1);
    assert_false(asked.report.current_told);
    assert_float_equal(asked.report.extra_cost, 14, 1e-12);
    capacity_report_fini(&asked.report);
}

struct heard {
    char text[8192];
    int count[CAPACITY_SECTIONS], last;
};

static void hear(void *context, enum capacity_section section, const char *sentence)
{
    struct heard *heard = context;
    size_t len = strlen(heard->text);
    assert_true((int)section >= heard->last);
    heard->last = (int)section;
    heard->count[section]++;
    (void)snprintf(heard->text + len, sizeof heard->text - len, "%s\n", sentence);
}

static void test_words(void **state)
{
    (void)state;
    static const char *const said[] = {
        ("Recommended: 4.5 GPUs on average, 6 at most, at 1970-01-01T01:00:00Z, for a demand of 60 "
         "(decided by: buffer)."),
        "Baseline: 1460.00 USD a month; recommended: 6570.00 USD a month",
        "Increase over the baseline: +350.0 %.",
        "Premium for protection against spikes, over the expected case: +50.0 %.",
        "Now: 2 GPUs, 2920.00 USD a month, 1.25 hours short",
        "Cost per avoided hour of shortage: 8.00 USD.",
        "Return on that investment: +305 %",
        "Order 1 now: 2 run.",
        "The next rise is to 6 GPUs, at 1970-01-01T01:00:00Z.",
        "3 GPUs are needed at every hour",
    };
    struct asked asked;
    struct heard heard = {"", {0}, 0};
    ask(&asked, 2);
    capacity_words(&asked.question, asked.rows, &asked.report, NULL, hear, &heard);
    for (size_t i = 0; i < sizeof said / sizeof *said; i++)
        if (strstr(heard.text, said[i]) == NULL)
            fail_msg("not said: %s\nin:\n%s", said[i], heard.text);
    assert_true(heard.count[CAPACITY_SECTION_CAPACITY] > 3);
    assert_true(heard.count[CAPACITY_SECTION_LONG_TERM] > 2);
    struct capacity_scaling scaling = {.policy = scaling_defaults, .tuned = scaling_defaults};
    scaling.tuned.factor = 8;
    scaling.before.hours = scaling.after.hours = 10;
    heard = (struct heard){"", {0}, 0};
    capacity_words(&asked.question, asked.rows, &asked.report, &scaling, hear, &heard);
    assert_non_null(strstr(heard.text, "at most 8 times"));
    capacity_report_fini(&asked.report);
}

/* Nothing is asked for: nothing is divided by. */
static void test_zero(void **state)
{
    (void)state;
    static const double zeros[STEPS * PATHS] = {0};
    struct asked asked;
    struct heard heard = {"", {0}, 0};
    struct fw_detail detail = {""};
    ask(&asked, -1);
    capacity_report_fini(&asked.report);
    asked.demand.baseline = asked.demand.expected = asked.demand.p95 = asked.demand.paths = zeros;
    assert_int_equal(capacity_plan(&asked.demand, &asked.settings, asked.rows, &detail), FW_OK);
    assert_int_equal(capacity_report(&asked.question, asked.rows, &asked.report, &detail), FW_OK);
    assert_float_equal(asked.report.fleets[CAPACITY_FLEET_RECOMMENDED].cost, 0, 0);
    assert_true(isnan(asked.report.premium) && isnan(asked.report.returns));
    capacity_words(&asked.question, asked.rows, &asked.report, NULL, hear, &heard);
    assert_null(strstr(heard.text, "nan"));
    assert_null(strstr(heard.text, "inf"));
    capacity_report_fini(&asked.report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_report),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
