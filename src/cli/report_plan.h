/* SPDX-License-Identifier: MIT
 * The capacity of a report: what `forewarm plan` would say of the same series, from the forecast
 * that the report has made already. */
#ifndef FOREWARM_CLI_REPORT_PLAN_H
#define FOREWARM_CLI_REPORT_PLAN_H

#include "cli/plan_output.h"

struct report_plan_options {
    double unit_capacity, unit_cost, target, service_level, short_price;
    int64_t lead_time_ns, current;
    char offers[OPTION_TEXT_MAX];
};
/* clang-format off */
#define REPORT_PLAN_AT(offset, field) ((offset) + offsetof(struct report_plan_options, field))
#define REPORT_PLAN_ROWS(offset) \
    {{"unit_capacity", OPTION_DOUBLE, REPORT_PLAN_AT(offset, unit_capacity), "312", 1e-9, 1e15, false, NULL, "demand one GPU does when wholly used, in the unit of the series"}, "X", 0}, \
    {{"unit_cost_per_hour", OPTION_DOUBLE, REPORT_PLAN_AT(offset, unit_cost), "3.5", 0, 1e9, false, NULL, "price of one GPU, USD; --offers tells more"}, "USD", 0}, \
    {{"target_utilization", OPTION_DOUBLE, REPORT_PLAN_AT(offset, target), "0.70", .01, 1, false, NULL, "use at the expected demand, at most"}, "X", 0}, \
    {{"service_level", OPTION_DOUBLE, REPORT_PLAN_AT(offset, service_level), "0.95", .01, .9999, false, NULL, "probability that GPUs do for the highest demand within the lead time"}, "X", 0}, \
    {{"lead_time", OPTION_DURATION, REPORT_PLAN_AT(offset, lead_time_ns), "10m", 0, 366 * 86400e9, false, NULL, "from the order of a GPU to its use"}, "DUR", 0}, \
    {{"current_gpus", OPTION_INT, REPORT_PLAN_AT(offset, current), "-1", -1, CAPACITY_UNITS_MAX, false, NULL, "GPUs that run now, to compare with; -1: not told"}, "N", 0}, \
    {{"shortage_cost", OPTION_DOUBLE, REPORT_PLAN_AT(offset, short_price), "-1", -1, 1e12, false, NULL, "what an hour of a missing GPU costs, USD; -1: what the service level implies"}, "USD", 0}, \
    {{"offers", OPTION_TEXT, REPORT_PLAN_AT(offset, offers), "", 0, 0, false, NULL, "where GPUs come from, YAML or JSON, as for plan"}, "FILE", 0}
/* clang-format on */

struct report_plan {
    struct capacity_settings settings;
    struct offers offers;
    struct plan_input input; /* of the forecast's memory */
    struct capacity_question question;
    struct capacity_row *rows;
    struct capacity_report report;
};

/* Before the forecast: prices are read, and it is asked for what a plan needs. */
FW_MUST_CHECK enum fw_err report_plan_ask(struct report_plan *plan,
                                          const struct report_plan_options *options,
                                          struct demand_settings *settings,
                                          struct fw_detail *detail);
/* After it; `settings` must have .95 among its quantiles. FW_INPUT says why there can be none. */
FW_MUST_CHECK enum fw_err report_plan_make(struct report_plan *plan,
                                           const struct report_plan_options *options,
                                           const struct demand_settings *settings,
                                           const struct demand_forecast *forecast,
                                           struct fw_detail *detail);
/* The document of `forewarm plan --json`. */
void report_plan_json(const struct report_plan *plan, struct buf *out);
void report_plan_fini(struct report_plan *plan); /* fine on a zeroed one */

#endif
