/* SPDX-License-Identifier: MIT
 * forewarm plan: a forecast or a series, and how many GPUs to have when, at what cost and risk. */
#include "base/time.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/event_file.h"
#include "cli/offer_file.h"
#include "cli/output.h"
#include "cli/plan_output.h"
#include "cli/series_source.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct plan_options {
    struct series_source series;
    int64_t lead_time_ns, horizon_ns, error_memory_ns, cooldown_up_ns, cooldown_down_ns;
    int64_t least, current, paths, seed;
    int model;
    double unit_capacity, unit_cost, target, warning, buffer, service_level, batching, spike_times;
    double short_price, spot_share, burst_most, scale_up, scale_down, scale_most;
    bool wide;
    char offers[OPTION_TEXT_MAX], history[OPTION_TEXT_MAX], events[OPTION_TEXT_MAX],
        out[OPTION_TEXT_MAX];
};
static const double SHARE_TUNED = .6;
#define AT(field) offsetof(struct plan_options, field)
/* clang-format off */
static const struct args_row rows[] = {
    {{"unit_capacity", OPTION_DOUBLE, AT(unit_capacity), "312", 1e-9, 1e15, false, NULL, "demand one GPU does when wholly used, in the unit of the demand (TFLOPS)"}, "X", 0},
    {{"unit_cost_per_hour", OPTION_DOUBLE, AT(unit_cost), "3.5", 0, 1e9, false, NULL, "price of one GPU, USD; --offers tells more"}, "USD", 0},
    {{"target_utilization", OPTION_DOUBLE, AT(target), "0.70", .01, 1, false, NULL, "use at the expected demand, at most"}, "X", 0},
    {{"warning_utilization", OPTION_DOUBLE, AT(warning), "0.85", .01, 1, false, NULL, "use at the demand that is planned for, at most"}, "X", 0},
    {{"service_level", OPTION_DOUBLE, AT(service_level), "0.95", .01, .9999, false, NULL, "probability that what is had does for the highest demand within the lead time"}, "X", 0},
    {{"buffer", OPTION_DOUBLE, AT(buffer), "0", 0, 100, false, NULL, "so many times P95 instead of a service level: 1.3; 0: service level"}, "X", 0},
    {{"lead_time", OPTION_DURATION, AT(lead_time_ns), "10m", 0, 366 * 86400e9, false, NULL, "from the order of a GPU to its use"}, "DUR", 0},
    {{"batching_gain", OPTION_DOUBLE, AT(batching), "1", .01, 1000, false, NULL, "times as much a GPU does through larger batches"}, "X", 0},
    {{"spike_times", OPTION_DOUBLE, AT(spike_times), "2", 1, 1000, false, NULL, "a spike to be burst-ready for, times the expected demand, where one is likely"}, "X", 0},
    {{"burst_most", OPTION_DOUBLE, AT(burst_most), "3", 1, 1000, false, NULL, "burst-ready over recommended GPUs, at most"}, "X", 0},
    {{"least_gpus", OPTION_INT, AT(least), "0", 0, CAPACITY_UNITS_MAX, false, NULL, "GPUs to have always"}, "N", 0},
    {{"current_gpus", OPTION_INT, AT(current), "-1", -1, CAPACITY_UNITS_MAX, false, NULL, "GPUs that run now, to compare with; -1: not told, the baseline stands for them"}, "N", 0},
    {{"shortage_cost", OPTION_DOUBLE, AT(short_price), "-1", -1, 1e12, false, NULL, "what an hour of a missing GPU costs, USD; -1: what the service level implies"}, "USD", 0},
    {{"offers", OPTION_TEXT, AT(offers), "", 0, 0, false, NULL, "where GPUs come from, YAML or JSON: [{tier, region, price_per_hour, most, ...}]"}, "FILE", 0},
    {{"spot_share", OPTION_DOUBLE, AT(spot_share), "0.3", 0, 1, false, NULL, "share of the GPUs of a step that may be spot, where that is offered"}, "X", 0},
    {{"history", OPTION_TEXT, AT(history), "", 0, 0, false, NULL, "series the scaling policy is tried on; that of SERIES if one was given"}, "SERIES", 0},
    {{"scale_up", OPTION_DOUBLE, AT(scale_up), "0.70", .01, 1, false, NULL, "scaling policy: more above this use"}, "X", 0},
    {{"scale_down", OPTION_DOUBLE, AT(scale_down), "0.50", 0, 1, false, NULL, "fewer below this use"}, "X", 0},
    {{"cooldown_up", OPTION_DURATION, AT(cooldown_up_ns), "2m", 0, 366 * 86400e9, false, NULL, "not up again before"}, "DUR", 0},
    {{"cooldown_down", OPTION_DURATION, AT(cooldown_down_ns), "10m", 0, 366 * 86400e9, false, NULL, "not down before, after any change"}, "DUR", 0},
    {{"scale_most", OPTION_DOUBLE, AT(scale_most), "3", 1, 1000, false, NULL, "times the GPUs of the mean demand, at most"}, "X", 0},
    {{"horizon", OPTION_DURATION, AT(horizon_ns), "7d", 1, 3660 * 86400e9, false, NULL, "SERIES: how far ahead"}, "DUR", 0},
    {{"model", OPTION_CHOICE, AT(model), "ensemble", 0, 0, false, demand_models, "SERIES: what foretells"}, NULL, 0},
    {{"events", OPTION_TEXT, AT(events), "", 0, 0, false, NULL, "SERIES: past and planned events, as for forecast"}, "FILE", 0},
    {{"error_memory", OPTION_DURATION, AT(error_memory_ns), "6h", 0, 366 * 86400e9, false, NULL, "FORECAST: how long its errors last (the correlation of what passes falls to 1/e)"}, "DUR", 0},
    {{"paths", OPTION_INT, AT(paths), "500", PATHS_LEAST, PATHS_MAX, false, NULL, "joint paths drawn"}, "N", 0},
    {{"seed", OPTION_INT, AT(seed), "1", 0, 0, false, NULL, "of what is drawn"}, NULL, 0},
    {{"wide", OPTION_BOOL, AT(wide), "false", 0, 0, false, NULL, "CSV: demand and GPUs of every case, what decided, GPUs by offer behind the other columns"}, NULL, 0},
    {{"out", OPTION_TEXT, AT(out), "-", 0, 0, false, NULL, "where the CSV goes; - is standard output"}, "CSV", 'o'},
    SERIES_SOURCE_ROWS(AT(series)),
};
/* clang-format on */
static const struct args_spec spec = {
    .command = "plan",
    .operands = "FORECAST | " SERIES_SOURCE_OPERANDS,
    .sentence = "How many GPUs to have when, at what cost and risk: from a forecast (as forecast "
                "writes it) or a series, which is forecast first.",
    .rows = rows,
    .row_count = sizeof rows / sizeof rows[0],
    .operands_min = 0,
    .operands_max = 1,
    .more =
        "Columns: timestamp, recommended_gpus, burst_ready_gpus, recommended_cost_per_hour, "
        "expected_utilization.\n"
        "The recommendations in words go to standard output when the CSV goes to a file (-o), else "
        "to standard\n"
        "error. --buffer and --service-level are two rules: one or the other.\n"
        "Exit status: 0 done, 2 wrong usage or input, 3 the world failed.",
};

struct planning {
    struct plan_options options;
    struct args args;
    struct capacity_settings settings;
    struct offers offers;
    struct calendar calendar;
    struct plan_input input;
    struct series_read history;
    struct capacity_question question;
    struct capacity_row *rows;
    struct capacity_report report;
    struct capacity_scaling scaling;
    bool scaled;
};

static enum fw_err take_settings(struct planning *planning, struct fw_detail *detail)
{
    const struct plan_options *options = &planning->options;
    if (args_given(&planning->args, "buffer") && args_given(&planning->args, "service_level"))
        return err_set(detail, FW_USAGE,
                       "--buffer and --service-level are two rules: found both, expected one");
    if (options->scale_down > options->scale_up)
        return err_set(detail, FW_USAGE,
                       "--scale-down: found %g, expected at most that of --scale-up, %g",
                       options->scale_down, options->scale_up);
    planning->settings = (struct capacity_settings){
        .unit_capacity = options->unit_capacity,
        .batching_gain = options->batching,
        .target_utilization = options->target,
        .warning_utilization = options->warning,
        .service_level = options->service_level,
        .buffer = options->buffer,
        .spike_times = options->spike_times,
        .burst_most = options->burst_most,
        .lead_time_ns = options->lead_time_ns,
        .least = (int)options->least,
    };
    planning->offers = offers_flat(options->unit_cost);
    if (options->offers[0] != '\0') {
        if (args_given(&planning->args, "unit_cost_per_hour"))
            return err_set(detail, FW_USAGE, "--unit-cost-per-hour: the prices are in --offers");
        FW_TRY(offer_file_read(&planning->offers, options->offers, detail));
    }
    planning->offers.spot_share = options->spot_share;
    planning->offers.service_level = options->service_level;
    planning->offers.lead_time_ns = options->lead_time_ns;
    return FW_OK;
}

static void show_progress(void *context, uint64_t done, uint64_t total)
{
    output_progress_step(context, done, total);
}

static enum fw_err read_input(struct planning *planning, struct fw_detail *detail)
{
    const struct plan_options *options = &planning->options;
    struct output_progress progress;
    struct plan_input_how how = {
        .series = series_read_flags(&options->series.file, false),
        .forecast = demand_defaults,
        .service_level = options->service_level,
        .lead_time_ns = options->lead_time_ns,
        .error_memory_ns = options->error_memory_ns,
    };
    how.forecast.horizon_ns = options->horizon_ns;
    how.forecast.model = (enum demand_model)options->model;
    how.forecast.seed = (uint64_t)options->seed;
    how.forecast.path_count = (int)options->paths;
    how.forecast.progress = show_progress;
    how.forecast.context = &progress;
    if (options->events[0] != '\0') {
        FW_TRY(event_file_read(&planning->calendar, options->events, detail));
        how.forecast.calendar = &planning->calendar;
    }
    output_progress_init(&progress, "origins", planning->args.quiet);
    enum fw_err err;
    if (planning->args.operand_count > 0 && options->series.prometheus[0] == '\0') {
        err = plan_input_read(&planning->input, planning->args.operands[0], &how, detail);
    } else {
        err = series_source_read(&planning->input.read, &planning->args, &options->series, false,
                                 detail);
        if (err == FW_OK)
            err = plan_input_forecast(&planning->input, &how, detail);
    }
    output_progress_end(&progress);
    if (err == FW_OK && options->history[0] != '\0')
        err = series_read(&planning->history, options->history, &how.series, detail);
    return err;
}

static enum fw_err make_plan(struct planning *planning, struct fw_detail *detail)
{
    const struct capacity_demand *demand = &planning->input.demand;
    planning->question =
        (struct capacity_question){demand, &planning->settings, &planning->offers,
                                   (int)planning->options.current, planning->options.short_price};
    planning->rows = calloc((size_t)demand->steps, sizeof *planning->rows);
    if (planning->rows == NULL)
        return FW_NOMEM;
    FW_TRY(capacity_plan(demand, &planning->settings, planning->rows, detail));
    return capacity_report(&planning->question, planning->rows, &planning->report, detail);
}

static void try_policies(struct planning *planning)
{
    const struct plan_options *options = &planning->options;
    const struct series *series = planning->history.value.count > 0 ? &planning->history.value
                                  : planning->input.series          ? &planning->input.read.value
                                                                    : NULL;
    struct capacity_scaling *scaling = &planning->scaling;
    if (series == NULL)
        return;
    struct scaling_world world = {
        .demand = series->value,
        .count = series->count,
        .step_ns = series->step_ns,
        .lead_time_ns = options->lead_time_ns,
        .unit = capacity_of_unit(&planning->settings),
        .target = options->target,
        .warning = options->warning,
        .per_hour = planning->report.unit_price,
        .short_price = planning->report.short_price,
    };
    size_t from = (size_t)(SHARE_TUNED * (double)world.count);
    scaling->share = SHARE_TUNED;
    scaling->policy =
        (struct scaling_policy){options->scale_up, options->scale_down, options->cooldown_up_ns,
                                options->cooldown_down_ns, options->scale_most};
    scaling->tuned = scaling_tune(&world, SHARE_TUNED);
    scaling->whole = scaling_simulate(&world, &scaling->policy, 0, world.count, 0);
    scaling->before = scaling_simulate(&world, &scaling->policy, from, world.count, from);
    scaling->after = scaling_simulate(&world, &scaling->tuned, from, world.count, from);
    planning->scaled = scaling->before.hours > 0;
}

/* ---- telling ---- */

static void print_words(const struct planning *planning, const struct plan_output *plan, FILE *to)
{
    struct buf text;
    buf_init(&text, 1 << 20);
    if (to == stderr)
        plan_input_describe(&planning->input, &text);
    buf_add_char(&text, '\n');
    plan_output_words(plan, &text);
    (void)fwrite(text.data, 1, text.len, to);
    buf_fini(&text);
}

static int tell(const struct planning *planning)
{
    const struct plan_options *options = &planning->options;
    struct plan_output plan = {&planning->input,
                               &planning->question,
                               planning->rows,
                               &planning->report,
                               planning->scaled ? &planning->scaling : NULL,
                               options->wide};
    bool to_file = strcmp(options->out, "-") != 0;
    struct fw_detail detail = {""};
    struct buf out;
    enum fw_err err = FW_OK;
    int status = 0;
    buf_init(&out, OUTPUT_MAX);
    if (!planning->args.json || to_file) {
        plan_output_csv(&plan, &out);
        err = out.failed ? FW_NOMEM : output_file(options->out, buf_str(&out), &detail);
        buf_clear(&out);
    }
    if (err == FW_OK && planning->args.json) {
        plan_output_json(&plan, &out);
        status = output_print(&out, 0);
    } else if (err == FW_OK && !planning->args.quiet) {
        print_words(planning, &plan, to_file ? stdout : stderr);
    }
    buf_fini(&out);
    return err == FW_OK ? status : output_fail(spec.command, err, &detail);
}

int cmd_plan(int argc, char **argv)
{
    struct fw_detail detail = {""};
    struct planning *planning = calloc(1, sizeof *planning);
    if (planning == NULL)
        return output_fail(spec.command, FW_NOMEM, &detail);
    enum fw_err err = args_parse(&planning->args, &spec, &planning->options, argc, argv, &detail);
    if (err == FW_OK && planning->args.done) {
        free(planning);
        return 0;
    }
    if (err == FW_OK)
        err = take_settings(planning, &detail);
    if (err == FW_OK)
        err = read_input(planning, &detail);
    if (err == FW_OK)
        err = make_plan(planning, &detail);
    if (err == FW_OK)
        try_policies(planning);
    int status = err == FW_OK ? tell(planning) : output_fail(spec.command, err, &detail);
    capacity_report_fini(&planning->report);
    free(planning->rows);
    plan_input_fini(&planning->input);
    series_read_fini(&planning->history);
    event_file_fini(&planning->calendar);
    free(planning);
    return status;
}
