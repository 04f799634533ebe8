/* SPDX-License-Identifier: MIT
 * forewarm report: a demand series as one page for people: history, anomalies, forecast, risk and
 * what it is made of. */
#include "base/time.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/event_file.h"
#include "cli/output.h"
#include "cli/report_page.h"
#include "cli/report_plan.h"
#include "cli/series_source.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
    struct series_source series;
    struct report_plan_options plan;
    int64_t horizon_ns, seed;
    int model;
    double capacity_buffer;
    char events[OPTION_TEXT_MAX], classes[OPTION_TEXT_MAX], out[OPTION_TEXT_MAX];
};
#define AT(field) offsetof(struct options, field)
/* clang-format off */
static const struct args_row rows[] = {
    {{"out", OPTION_TEXT, AT(out), "", 0, 0, false, NULL, "where the page goes; - is standard output"}, "FILE.html", 'o'},
    {{"horizon", OPTION_DURATION, AT(horizon_ns), "7d", 1, 3660 * 86400e9, false, NULL, "how far ahead"}, "DUR", 0},
    {{"model", OPTION_CHOICE, AT(model), "ensemble", 0, 0, false, demand_models, "what foretells, as in forecast"}, NULL, 0},
    {{"events", OPTION_TEXT, AT(events), "", 0, 0, false, NULL, "past and planned events, YAML or JSON: [{date, name, class, expected_multiplier, expected_duration_hours}]"}, "FILE", 0},
    {{"classes", OPTION_TEXT, AT(classes), "", 0, 0, false, NULL, "classes of events, YAML or JSON, beside ours or in their place"}, "FILE", 0},
    {{"capacity_buffer", OPTION_DOUBLE, AT(capacity_buffer), "1.3", 1, 100, false, NULL, "recommended capacity over P95"}, "X", 0},
    {{"seed", OPTION_INT, AT(seed), "1", 0, 9e15, false, NULL, "of what is drawn in learning"}, NULL, 0},
    REPORT_PLAN_ROWS(AT(plan)),
    SERIES_SOURCE_ROWS(AT(series)),
};
/* clang-format on */
static const struct args_spec spec = {
    .command = "report",
    .operands = SERIES_SOURCE_OPERANDS,
    .sentence = "Draws a demand series: its past with anomalies, what comes and how sure that is, "
                "the GPUs it takes and what it is made of, as one page.",
    .rows = rows,
    .row_count = sizeof rows / sizeof rows[0],
    .operands_min = 0,
    .operands_max = 1,
    .more =
        "SERIES: CSV with a header; gzip is understood; - is standard input; or a query to "
        "Prometheus. The columns are those "
        "of forecast\nand detect. The page is one file: it needs no network and no other file, "
        "follows light and dark, and\nhas the numbers beside every chart. --json prints what it "
        "is made from.\n"
        "Exit status: 0 done, 2 wrong usage or input, 3 the world failed.",
};

/* What is drawn of what may come: the bands, the scenarios, and between them what may be risked. */
static const double levels[] = {.05, .1, .25, .5, .6, .75, .8, .9, .95, .975, .99, .995};
enum {
    LEVELS = sizeof levels / sizeof levels[0],
    LEARN_ROWS = 600,
    LEARN_SHARE = 15,
    REST_MIN = 3
};
_Static_assert((int)LEVELS <= (int)DEMAND_QUANTILES_MAX, "they must fit");

struct job {
    struct options options;
    struct args args;
    struct series_read read;
    struct calendar calendar;
    struct event_classes classes;
    struct demand_settings settings;
    struct demand_forecast forecast;
    struct detect_found found;
    struct decomposition parts;
    struct report_plan plan;
    bool has_parts, has_plan;
    struct fw_detail no_parts, no_plan;
    struct output_progress progress;
};

static void show_forecast(void *context, uint64_t done, uint64_t total)
{
    struct job *job = context;
    output_progress_step(&job->progress, done * (OUTPUT_SHARE / 2) / (total > 0 ? total : 1),
                         OUTPUT_SHARE);
}

static void show_detect(void *context, size_t done, size_t total)
{
    struct job *job = context;
    uint64_t half = OUTPUT_SHARE / 2;
    output_progress_step(&job->progress, half + (uint64_t)done * half / (total > 0 ? total : 1),
                         OUTPUT_SHARE);
}

/* The detector as `detect` sets it by itself. */
static struct anomaly_settings detector(const struct job *job)
{
    const struct series *series = &job->read.value;
    size_t share = series->count * LEARN_SHARE / 100;
    size_t learn = share < LEARN_ROWS ? share : LEARN_ROWS;
    uint64_t half_day = (uint64_t)(TIME_DAY / 2 / series->step_ns), most = learn / 4;
    uint64_t rest = half_day < most ? half_day : most;
    return (struct anomaly_settings){.method = ANOMALY_DEMAND,
                                     .day_rows = event_shape_day_rows(series->step_ns),
                                     .learn_rows = (uint32_t)learn,
                                     .refractory_rows = rest < REST_MIN ? REST_MIN : (uint32_t)rest,
                                     .seed = (uint64_t)job->options.seed,
                                     .cautious = true};
}

static enum fw_err run_detect(struct job *job)
{
    struct detect_context context = {
        .tokens = series_read_find(&job->read, "avg_tokens_per_request"),
        .share = series_read_find(&job->read, "caller_concentration"),
        .callers = series_read_find(&job->read, "distinct_callers"),
        .calendar = job->options.events[0] != '\0' ? &job->calendar : NULL,
        .classes = &job->classes};
    if (!context.tokens)
        context.tokens = series_read_find(&job->read, "tokens_per_request");
    job->found.settings = detector(job);
    job->found.method = job->found.settings.method;
    return detect_run(&job->found.detection, &job->read.value, &job->found.settings, &context,
                      show_detect, job);
}

static enum fw_err run_forecast(struct job *job, struct fw_detail *detail)
{
    job->settings = demand_defaults;
    memcpy(job->settings.quantiles, levels, sizeof levels);
    job->settings.quantile_count = LEVELS;
    job->settings.horizon_ns = job->options.horizon_ns;
    job->settings.model = (enum demand_model)job->options.model;
    job->settings.capacity_buffer = job->options.capacity_buffer;
    job->settings.calendar = job->options.events[0] != '\0' ? &job->calendar : NULL;
    job->settings.seed = (uint64_t)job->options.seed;
    job->settings.progress = show_forecast;
    job->settings.context = job;
    FW_TRY(report_plan_ask(&job->plan, &job->options.plan, &job->settings, detail));
    return demand_forecast(&job->read.value, &job->settings, &job->forecast, detail);
}

/* A page without a plan is still a page; it says why. */
static enum fw_err run_plan(struct job *job)
{
    job->plan.input.read = job->read; /* lent */
    enum fw_err err = report_plan_make(&job->plan, &job->options.plan, &job->settings,
                                       &job->forecast, &job->no_plan);
    job->has_plan = err == FW_OK;
    return err == FW_INPUT ? FW_OK : err;
}

/* The same of its parts. */
static enum fw_err run_decompose(struct job *job)
{
    const struct detection *detection = &job->found.detection;
    unsigned char *taken = calloc(job->read.value.count, 1);
    if (!taken)
        return FW_NOMEM;
    for (size_t i = 0; i < detection->event_count; i++) {
        const struct event_shape *shape = &detection->events[i].shape;
        if (!detection->events[i].growth)
            memset(taken + shape->begin, 1, shape->end - shape->begin);
    }
    enum fw_err err = decompose(&job->read.value, taken, &job->parts, &job->no_parts);
    job->has_parts = err == FW_OK;
    free(taken);
    return err == FW_INPUT ? FW_OK : err;
}

static enum fw_err run(struct job *job, struct fw_detail *detail)
{
    const struct options *options = &job->options;
    if (options->out[0] == '\0' && !job->args.json)
        return err_set(detail, FW_USAGE, "-o: missing, expected -o FILE.html");
    if (job->args.json && strcmp(options->out, "-") == 0)
        return err_set(detail, FW_USAGE,
                       "-o -: found beside --json, expected a file: both would be standard output");
    event_classes_default(&job->classes);
    if (options->classes[0] != '\0')
        FW_TRY(event_file_read_classes(&job->classes, options->classes, detail));
    if (options->events[0] != '\0')
        FW_TRY(event_file_read(&job->calendar, options->events, detail));
    FW_TRY(series_source_read(&job->read, &job->args, &options->series, true, detail));
    output_progress_init(&job->progress, "report", job->args.quiet);
    enum fw_err err = run_forecast(job, detail);
    if (err == FW_OK)
        err = run_plan(job);
    if (err == FW_OK)
        err = run_detect(job);
    if (err == FW_OK)
        err = run_decompose(job);
    output_progress_end(&job->progress);
    return err;
}

/* A file's name without its folder, or the query. */
static const char *source_name(const struct job *job)
{
    if (job->args.operand_count == 0)
        return job->options.series.query;
    const char *path = job->args.operands[0], *slash = strrchr(path, '/');
    return strcmp(path, "-") == 0 ? "standard input" : slash ? slash + 1 : path;
}

static enum fw_err write(struct job *job, struct fw_detail *detail)
{
    const struct detect_output found = {&job->read, &job->classes, &job->found, 1};
    const struct report_page page = {.source = source_name(job),
                                     .read = &job->read,
                                     .settings = &job->settings,
                                     .forecast = &job->forecast,
                                     .found = &found,
                                     .parts = job->has_parts ? &job->parts : NULL,
                                     .no_parts = job->no_parts.text,
                                     .plan = job->has_plan ? &job->plan : NULL,
                                     .no_plan = job->no_plan.text};
    struct buf out;
    enum fw_err err = FW_OK;
    buf_init(&out, OUTPUT_MAX);
    if (job->options.out[0] != '\0') {
        err = report_page_html(&page, &out);
        if (err == FW_OK)
            err = output_file(job->options.out, buf_str(&out), detail);
        buf_clear(&out);
    }
    if (err == FW_OK && job->args.json) {
        report_page_json(&page, &out);
        buf_add_char(&out, '\n');
        err = output_print(&out, 0) == 0 ? FW_OK : FW_IO;
    }
    buf_fini(&out);
    return err;
}

static void tell(const struct job *job)
{
    struct buf notes;
    buf_init(&notes, 1 << 20);
    series_read_describe(&job->read, &notes);
    demand_describe(&job->forecast, &notes);
    buf_printf(&notes, "%zu events found\n", job->found.detection.event_count);
    if (strcmp(job->options.out, "-") != 0)
        buf_printf(&notes, "the page is %s\n", job->options.out);
    (void)fwrite(notes.data, 1, notes.len, stderr);
    buf_fini(&notes);
}

static void job_free(struct job *job)
{
    report_plan_fini(&job->plan);
    detect_fini(&job->found.detection);
    demand_forecast_fini(&job->forecast);
    event_file_fini(&job->calendar);
    series_read_fini(&job->read);
    free(job);
}

int cmd_report(int argc, char **argv)
{
    struct fw_detail detail = {""};
    struct job *job = calloc(1, sizeof *job);
    if (!job)
        return output_fail(spec.command, FW_NOMEM, &detail);
    enum fw_err err = args_parse(&job->args, &spec, &job->options, argc, argv, &detail);
    if (err == FW_OK && !job->args.done) {
        err = run(job, &detail);
        if (err == FW_OK)
            err = write(job, &detail);
        if (err == FW_OK && !job->args.quiet && !job->args.json)
            tell(job);
    }
    int status = err == FW_OK ? 0 : output_fail(spec.command, err, &detail);
    job_free(job);
    return status;
}
