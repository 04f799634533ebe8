/* SPDX-License-Identifier: MIT
 * forewarm detect: anomalies of a series, with their extent, their class and the reason. */
#include "base/time.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/detect_follow.h"
#include "cli/detect_methods.h"
#include "cli/detect_output.h"
#include "cli/event_file.h"
#include "cli/output.h"
#include "cli/series_source.h"
#include <stdio.h>
#include <stdlib.h>

struct options {
    struct series_source series;
    char events[OPTION_TEXT_MAX], classes[OPTION_TEXT_MAX], output[OPTION_TEXT_MAX];
    int method;
    double threshold;
    int64_t learn, refractory, seed;
    bool follow, skip_bad_rows;
};

#define AT(field) offsetof(struct options, field)
/* clang-format off */
static const struct args_row rows[] = {
    SERIES_SOURCE_ROWS(AT(series)),
    {{"method", OPTION_CHOICE, AT(method), "demand", 0, 0, false, detect_methods, "the detector"}, NULL, 0},
    {{"threshold", OPTION_DOUBLE, AT(threshold), "0", 0, 1e6, false, NULL, "what counts as strange; 0: the method's own"}, NULL, 0},
    {{"learn", OPTION_INT, AT(learn), "0", 0, 1e9, false, NULL, "rows before the first alert; 0: 600, or 15 % of a shorter series"}, "ROWS", 0},
    {{"refractory", OPTION_INT, AT(refractory), "0", 0, 1e9, false, NULL, "rows from one alert to the next at least; 0: 12 hours, at most a quarter of the learning period"}, "ROWS", 0},
    {{"events", OPTION_TEXT, AT(events), "", 0, 0, false, NULL, "calendar, YAML or JSON: [{date, name, class, expected_multiplier, expected_duration_hours}]"}, "FILE", 0},
    {{"classes", OPTION_TEXT, AT(classes), "", 0, 0, false, NULL, "classes of events, YAML or JSON, beside ours or in their place"}, "FILE", 0},
    {{"seed", OPTION_INT, AT(seed), "1", 0, 1e15, false, NULL, "of the isolation forest"}, NULL, 0},
    {{"follow", OPTION_BOOL, AT(follow), "false", 0, 0, false, NULL, "reads SERIES as it comes and tells each event at once, a line each (--json: JSON Lines)"}, NULL, 0},
    {{"skip_bad_rows", OPTION_BOOL, AT(skip_bad_rows), "false", 0, 0, false, NULL, "with --follow: rows that cannot be read are left out and counted"}, NULL, 0},
    {{"output", OPTION_TEXT, AT(output), "-", 0, 0, false, NULL, "the rows, with their scores"}, "CSV", 'o'},
};
/* clang-format on */
static const struct args_spec spec = {
    .command = "detect",
    .operands = SERIES_SOURCE_OPERANDS,
    .sentence = "Finds anomalies in a series and tells what kind of events they are.",
    .rows = rows,
    .row_count = sizeof rows / sizeof rows[0],
    .operands_min = 0,
    .operands_max = 1,
    .more =
        "SERIES: CSV with a header; gzip is understood; - is standard input.\n"
        "Writes timestamp,value,score,is_anomaly,class,method,p_value,event,probability,reason; "
        "is_anomaly is 1\nin the row of an alert, event and class are told in every row of "
        "its extent. Columns that help to\ntell events apart: avg_tokens_per_request, "
        "caller_concentration (share of the largest caller),\ndistinct_callers. "
        "docs/guide/anomalies.md has the classes and how to write your own.",
};

enum { LEARN_DEFAULT = 600, LEARN_SHARE = 15, REST_MIN = 3 };

struct job {
    struct options options;
    struct args args;
    struct series_read read;
    struct calendar calendar;
    struct event_classes classes;
    struct detect_found found[ANOMALY_METHOD_COUNT];
    size_t found_count;
    struct output_progress progress;
};

static enum fw_err check(const struct options *options, const struct args *args,
                         struct fw_detail *detail)
{
    if (options->method == DETECT_ALL && options->threshold > 0)
        return err_set(detail, FW_USAGE,
                       "--threshold: found beside --method all, expected one method: each has its "
                       "own scale");
    if (args->json && args_given(args, "output") && strcmp(options->output, "-") == 0)
        return err_set(detail, FW_USAGE,
                       "-o -: found beside --json, expected a file: both would "
                       "be standard output");
    return FW_OK;
}

static enum fw_err check_follow(const struct options *options, const struct args *args,
                                struct fw_detail *detail)
{
    static const char *const others[] = {"output", "prometheus", "query"};
    if (!options->follow)
        return options->skip_bad_rows
                   ? err_set(detail, FW_USAGE,
                             "--skip-bad-rows: found without --follow, expected both")
                   : FW_OK;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (args_given(args, others[i]))
            return err_set(detail, FW_USAGE, "--%s: found beside --follow, expected one of them",
                           others[i]);
    return detect_method_is_one(options->method, detail);
}

static enum fw_err follow(struct job *job, struct fw_detail *detail)
{
    const struct options *options = &job->options;
    struct detect_follow how = {
        .path = job->args.operand_count > 0 ? job->args.operands[0] : "-",
        .reading = series_read_flags(&options->series.file, true),
        .anomaly = {.method = options->method,
                    .threshold = options->threshold,
                    .learn_rows = options->learn > 0 ? (uint32_t)options->learn : LEARN_DEFAULT,
                    .refractory_rows = (uint32_t)options->refractory,
                    .seed = (uint64_t)options->seed,
                    .cautious = true},
        .calendar = options->events[0] != '\0' ? &job->calendar : NULL,
        .classes = &job->classes,
        .json = job->args.json,
        .skip_bad_rows = options->skip_bad_rows,
        .quiet = job->args.quiet};
    return detect_follow(&how, detail);
}

static void show_progress(void *context, size_t done, size_t total)
{
    struct job *job = context;
    output_progress_step(&job->progress, (uint64_t)done * OUTPUT_SHARE / total, OUTPUT_SHARE);
}

static uint32_t rest(const struct options *options, const struct series *series, uint32_t learn)
{
    uint64_t half_day = (uint64_t)(TIME_DAY / 2 / series->step_ns), most = learn / 4;
    uint64_t rows_rest = half_day < most ? half_day : most;
    return options->refractory > 0 ? (uint32_t)options->refractory
           : rows_rest < REST_MIN  ? REST_MIN
                                   : (uint32_t)rows_rest;
}

static enum fw_err run_method(struct job *job, int method)
{
    const struct options *options = &job->options;
    const struct series *series = &job->read.value;
    size_t share = series->count * LEARN_SHARE / 100;
    uint32_t learn = options->learn > 0      ? (uint32_t)options->learn
                     : share < LEARN_DEFAULT ? (uint32_t)share
                                             : LEARN_DEFAULT;
    struct detect_found *found = &job->found[job->found_count];
    *found = (struct detect_found){.method = method,
                                   .settings = {.method = method,
                                                .threshold = options->threshold,
                                                .day_rows = event_shape_day_rows(series->step_ns),
                                                .learn_rows = learn,
                                                .refractory_rows = rest(options, series, learn),
                                                .seed = (uint64_t)options->seed,
                                                .cautious = true}};
    struct detect_context context = {.tokens =
                                         series_read_find(&job->read, "avg_tokens_per_request"),
                                     .share = series_read_find(&job->read, "caller_concentration"),
                                     .callers = series_read_find(&job->read, "distinct_callers"),
                                     .calendar = options->events[0] != '\0' ? &job->calendar : NULL,
                                     .classes = &job->classes};
    if (!context.tokens)
        context.tokens = series_read_find(&job->read, "tokens_per_request");
    FW_TRY(detect_run(&found->detection, series, &found->settings, &context, show_progress, job));
    job->found_count++;
    return FW_OK;
}

static enum fw_err run(struct job *job, struct fw_detail *detail)
{
    const struct options *options = &job->options;
    FW_TRY(check(options, &job->args, detail));
    FW_TRY(check_follow(options, &job->args, detail));
    event_classes_default(&job->classes);
    if (options->classes[0] != '\0')
        FW_TRY(event_file_read_classes(&job->classes, options->classes, detail));
    if (options->events[0] != '\0')
        FW_TRY(event_file_read(&job->calendar, options->events, detail));
    if (options->follow)
        return follow(job, detail);
    FW_TRY(series_source_read(&job->read, &job->args, &options->series, true, detail));
    output_progress_init(&job->progress, "detect", job->args.quiet);
    enum fw_err err = FW_OK;
    for (int method = 0; method < ANOMALY_METHOD_COUNT && err == FW_OK; method++)
        if (options->method == DETECT_ALL || options->method == method)
            err = run_method(job, method);
    output_progress_end(&job->progress);
    return err;
}

/* The rows where they are asked for; what was found in words or as JSON beside them. */
static enum fw_err write(struct job *job, struct fw_detail *detail)
{
    struct detect_output output = {&job->read, &job->classes, job->found, job->found_count};
    bool to_file = args_given(&job->args, "output") && strcmp(job->options.output, "-") != 0;
    struct buf out;
    enum fw_err err = FW_OK;
    buf_init(&out, OUTPUT_MAX);
    if (to_file || !job->args.json) {
        detect_output_csv(&output, &out);
        err = out.failed ? err_set(detail, FW_LIMIT, "the output is larger than memory allows")
                         : output_file(job->options.output, buf_str(&out), detail);
    }
    buf_clear(&out);
    if (err == FW_OK && job->args.json)
        detect_output_json(&output, &out);
    else if (err == FW_OK && !job->args.quiet)
        detect_output_text(&output, &out);
    if (err == FW_OK && (job->args.json || to_file))
        err = output_print(&out, 0) == 0 ? FW_OK : FW_IO;
    else if (err == FW_OK)
        fprintf(stderr, "%.*s", STR_ARG(buf_str(&out)));
    buf_fini(&out);
    return err;
}

static void job_free(struct job *job)
{
    for (size_t i = 0; i < job->found_count; i++)
        detect_fini(&job->found[i].detection);
    event_file_fini(&job->calendar);
    series_read_fini(&job->read);
    free(job);
}

int cmd_detect(int argc, char **argv)
{
    struct fw_detail detail = {""};
    struct job *job = calloc(1, sizeof *job);
    if (!job)
        return output_fail(spec.command, FW_NOMEM, &detail);
    enum fw_err err = args_parse(&job->args, &spec, &job->options, argc, argv, &detail);
    if (err == FW_OK && !job->args.done)
        err = run(job, &detail);
    if (err == FW_OK && !job->args.done && !job->options.follow)
        err = write(job, &detail);
    int status = err == FW_OK ? 0 : output_fail(spec.command, err, &detail);
    job_free(job);
    return status;
}
