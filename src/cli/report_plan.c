/* SPDX-License-Identifier: MIT */
#include "cli/report_plan.h"
#include "base/check.h"
#include "cli/offer_file.h"
#include <math.h>
#include <stdlib.h>

static const double P95 = .95;

enum fw_err report_plan_ask(struct report_plan *plan, const struct report_plan_options *options,
                            struct demand_settings *settings, struct fw_detail *detail)
{
    plan->settings = capacity_defaults;
    plan->settings.unit_capacity = options->unit_capacity;
    plan->settings.target_utilization = options->target;
    plan->settings.service_level = options->service_level;
    plan->settings.lead_time_ns = options->lead_time_ns;
    plan->offers = offers_flat(options->unit_cost);
    plan->offers.service_level = options->service_level;
    plan->offers.lead_time_ns = options->lead_time_ns;
    settings->path_count = PATHS_USUAL;
    demand_ask_peaks(settings, options->lead_time_ns, options->service_level);
    return options->offers[0] == '\0' ? FW_OK
                                      : offer_file_read(&plan->offers, options->offers, detail);
}

static const double *quantile(const struct demand_settings *settings,
                              const struct demand_forecast *forecast, double level)
{
    for (int i = 0; i < settings->quantile_count; i++)
        if (fabs(settings->quantiles[i] - level) < 1e-9)
            return forecast->quantile[i];
    CHECK(false);
    return NULL;
}

enum fw_err report_plan_make(struct report_plan *plan, const struct report_plan_options *options,
                             const struct demand_settings *settings,
                             const struct demand_forecast *forecast, struct fw_detail *detail)
{
    struct plan_input *input = &plan->input;
    input->series = true;
    input->law = forecast->law;
    input->demand = (struct capacity_demand){.start_ns = forecast->start_ns,
                                             .step_ns = forecast->step_ns,
                                             .steps = forecast->count,
                                             .baseline = forecast->baseline,
                                             .expected = forecast->expected,
                                             .p95 = quantile(settings, forecast, P95),
                                             .spike = forecast->spike,
                                             .paths = forecast->paths.value,
                                             .path_count = forecast->paths.count};
    input->demand.peak_service = demand_peaks(forecast, DEMAND_PEAK_SERVICE);
    input->demand.peak_p95 = demand_peaks(forecast, DEMAND_PEAK_P95);
    input->demand.peak_p99 = demand_peaks(forecast, DEMAND_PEAK_P99);
    plan->question = (struct capacity_question){&input->demand, &plan->settings, &plan->offers,
                                                (int)options->current, options->short_price};
    plan->rows = calloc((size_t)forecast->count, sizeof *plan->rows);
    if (!plan->rows)
        return FW_NOMEM;
    FW_TRY(capacity_plan(&input->demand, &plan->settings, plan->rows, detail));
    return capacity_report(&plan->question, plan->rows, &plan->report, detail);
}

void report_plan_json(const struct report_plan *plan, struct buf *out)
{
    const struct plan_output output = {
        &plan->input, &plan->question, plan->rows, &plan->report, NULL, false};
    plan_output_json(&output, out);
}

void report_plan_fini(struct report_plan *plan)
{
    capacity_report_fini(&plan->report);
    free(plan->rows);
    plan->rows = NULL;
}
