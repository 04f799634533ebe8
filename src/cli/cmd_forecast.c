/* SPDX-License-Identifier: MIT
 * forewarm forecast: a demand series, and what comes next with its quantiles. */
#include "base/check.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/event_file.h"
#include "cli/forecast_options.h"
#include "cli/forecast_output.h"
#include "cli/output.h"
#include "sim/trace.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT(field) offsetof(struct forecast_options, field)
/* clang-format off */
static const struct args_row rows[] = {
    {{"horizon", OPTION_DURATION, AT(horizon_ns), "7d", 1, 3660 * 86400e9, false, NULL, "how far ahead"}, "DUR", 0},
    {{"model", OPTION_CHOICE, AT(model), "ensemble", 0, 0, false, demand_models, "what foretells; ensemble weighs them all by how they did"}, NULL, 0},
    {{"blend", OPTION_TEXT, AT(blend), "", 0, 0, false, NULL, "fixed weights of prophet and boost instead: 0.7,0.3"}, "A,B", 0},
    {{"events", OPTION_TEXT, AT(events), "", 0, 0, false, NULL, "past and planned events, YAML or JSON: [{date, name, class, expected_multiplier, expected_duration_hours}]"}, "FILE", 0},
    {{"quantiles", OPTION_TEXT, AT(quantiles), "0.5,0.75,0.9,0.95,0.99", 0, 0, false, NULL, "ascending, above 0 and below 1"}, "LIST", 0},
    {{"capacity_buffer", OPTION_DOUBLE, AT(capacity_buffer), "1.3", 1, 100, false, NULL, "recommended capacity over P95"}, "X", 0},
    {{"seed", OPTION_INT, AT(seed), "1", 0, 0, false, NULL, "of what is drawn in learning"}, NULL, 0},
    {{"out", OPTION_TEXT, AT(out), "-", 0, 0, false, NULL, "where the CSV goes; - is standard output"}, "CSV", 'o'},
    {{"save_model", OPTION_TEXT, AT(save_model), "", 0, 0, false, NULL, "keeps what was trained"}, "FILE", 0},
    {{"load_model", OPTION_TEXT, AT(load_model), "", 0, 0, false, NULL, "foretells with what was kept, without training; goes on with the rows of SERIES that are newer"}, "FILE", 0},
    SERIES_SOURCE_ROWS(AT(series)),
    FORECAST_PROPHET_ROWS(AT(prophet)),
};
/* clang-format on */
static const struct args_spec spec = {
    .command = "forecast",
    .operands = SERIES_SOURCE_OPERANDS " | --load-model FILE [SERIES]",
    .sentence =
        "Foretells a demand series: CSV with a header in, one row a step out, with quantiles "
        "that its own past errors give.",
    .rows = rows,
    .row_count = sizeof rows / sizeof rows[0],
    .operands_min = 0,
    .operands_max = 1,
    .more =
        "Columns: timestamp, baseline (trend and seasons), expected_value, spike_probability (more "
        "than twice\n"
        "the usual), the quantiles as p50, p75, ..., recommended_capacity (--capacity-buffer times "
        "P95).\n"
        "Standard error tells what was read, what was put right, and how the forecast did against "
        "the last day\n"
        "and the last week repeated, on this series' own past; where they were better, they are "
        "what is said.\n"
        "With --load-model SERIES may be left out; what the model was trained with cannot be given "
        "beside it, but a\nshorter --horizon, other --quantiles, --events and --future can. It "
        "says "
        "whether it is time to train again.\n"
        "Exit status: 0 done, 2 wrong usage or input, 3 the world failed.",
};

/* "0.5,0.9": ascending numbers above `low` and below `high`. */
static enum fw_err read_list(const char *name, const char *list, double *numbers, int most,
                             int *count, struct fw_detail *detail)
{
    struct str rest = str_of(list), part;
    *count = 0;
    while (str_cut(&rest, ',', &part)) {
        if (*count == most)
            return err_set(detail, FW_USAGE, "--%s: more than %d numbers", name, most);
        if (!str_to_double(str_trim(part), &numbers[*count]))
            return err_set(detail, FW_USAGE, "--%s: found \"%.*s\", expected a number", name,
                           STR_ARG(part));
        (*count)++;
    }
    return FW_OK;
}

static enum fw_err read_quantiles(const char *list, struct demand_settings *settings,
                                  struct fw_detail *detail)
{
    FW_TRY(read_list("quantiles", list, settings->quantiles, DEMAND_QUANTILES_MAX,
                     &settings->quantile_count, detail));
    for (int i = 0; i < settings->quantile_count; i++)
        if (!(settings->quantiles[i] > 0 && settings->quantiles[i] < 1) ||
            (i > 0 && settings->quantiles[i] <= settings->quantiles[i - 1]))
            return err_set(
                detail, FW_USAGE,
                "--quantiles: found \"%s\", expected ascending numbers above 0 and below "
                "1, as 0.5,0.9,0.95",
                list);
    if (settings->quantile_count == 0)
        return err_set(detail, FW_USAGE, "--quantiles: found nothing, expected 0.5,0.9,0.95");
    return FW_OK;
}

static enum fw_err read_blend(const char *text, struct demand_settings *settings,
                              struct fw_detail *detail)
{
    double both[2];
    int count = 0;
    if (text[0] == '\0')
        return FW_OK;
    FW_TRY(read_list("blend", text, both, 2, &count, detail));
    if (count != 2 || !(both[0] >= 0) || !(both[1] >= 0) || !(both[0] + both[1] > 0))
        return err_set(
            detail, FW_USAGE,
            "--blend: found \"%s\", expected two weights of prophet and boost, as 0.7,0.3", text);
    settings->blend[0] = both[0];
    settings->blend[1] = both[1];
    return FW_OK;
}

/* ---- one forecast ---- */

struct job {
    struct args args;
    struct forecast_options options;
    struct demand_settings settings;
    struct series_read fresh; /* what was read beside a model */
    struct forecast_model model;
    struct forecast_model_news news;
    struct calendar calendar;
    struct forecast_prophet prophet;
    struct series_read future;
    struct demand_forecast forecast;
    struct buf notes;
    struct output_progress progress;
    bool loaded;
    bool own; /* the user's Prophet model */
};

/* What a model is trained with and keeps, beside the flags of Prophet's model. Those of the first
 * list may be given beside it, too. */
static const char *const kept_changeable[] = {"horizon", "quantiles", "capacity_buffer",
                                              "events",  "future",    NULL};
static const char *const kept_fixed[] = {"model", "blend", "seed", "time", "value", NULL};
static const char *const not_beside_model[] = {"model", "blend", "seed", "every", NULL};

static const struct option_row *row_named(const char *name)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(rows[i].option.name, name) == 0)
            return &rows[i].option;
    return NULL;
}

static bool listed(const char *const *names, const char *name)
{
    for (; *names != NULL; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

static enum fw_err keep_option(struct job *job, const char *name)
{
    struct forecast_model *model = &job->model;
    struct buf text;
    if (!args_given(&job->args, name))
        return FW_OK;
    uint32_t at = 0;
    while (at < model->option_count && strcmp(model->options[at].name, name) != 0)
        at++;
    CHECK(at < FORECAST_MODEL_OPTIONS_MAX);
    model->option_count += at == model->option_count;
    buf_init(&text, OPTION_TEXT_MAX);
    option_get(row_named(name), &job->options, &text);
    enum fw_err err = text.failed || text.len >= OPTION_TEXT_MAX ? FW_NOMEM : FW_OK;
    if (err == FW_OK) {
        (void)snprintf(model->options[at].name, FORECAST_MODEL_NAME_MAX, "%s", name);
        (void)snprintf(model->options[at].text, OPTION_TEXT_MAX, "%.*s", STR_ARG(buf_str(&text)));
    }
    buf_fini(&text);
    return err;
}

/* A model that goes on keeps its own, but for what is known of the future by now. */
static enum fw_err keep_options(struct job *job)
{
    if (job->loaded) {
        FW_TRY(keep_option(job, "events"));
        return keep_option(job, "future");
    }
    const char *const *const lists[] = {kept_changeable, kept_fixed, forecast_prophet_names};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        for (const char *const *name = lists[i]; *name != NULL; name++)
            FW_TRY(keep_option(job, *name));
    return FW_OK;
}

/* What the model was trained with takes its place among the options. */
static enum fw_err restore_options(struct job *job, struct fw_detail *detail)
{
    const struct forecast_model *model = &job->model;
    for (const char *const *name = not_beside_model; *name != NULL; name++)
        if (args_given(&job->args, *name))
            return err_set(detail, FW_USAGE, "--%s: found beside --load-model, which has its own",
                           *name);
    for (const char *const *name = forecast_prophet_names; *name != NULL; name++)
        if (args_given(&job->args, *name) && !listed(kept_changeable, *name))
            return err_set(detail, FW_USAGE,
                           "--%s: found beside --load-model, expected it when the model is trained",
                           *name);
    for (uint32_t i = 0; i < model->option_count; i++) {
        const char *name = model->options[i].name;
        const struct option_row *row = row_named(name);
        if (row == NULL || strcmp(name, "load_model") == 0 || strcmp(name, "save_model") == 0)
            return err_set(detail, FW_CORRUPT, "%s: the model has the unknown option \"%s\"",
                           job->options.load_model, name);
        job->own = job->own || listed(forecast_prophet_names, name);
        if (!args_given(&job->args, name))
            FW_TRY(option_set(row, &job->options, str_of(model->options[i].text), detail));
    }
    return FW_OK;
}

/* ---- what is read ---- */

/* The text of a file given now, or of the one the model was trained with. */
static enum fw_err read_text(struct job *job, enum forecast_text text, const char *flag,
                             const char *path, struct fw_detail *detail)
{
    if (path[0] == '\0' || (job->loaded && !args_given(&job->args, flag)))
        return FW_OK;
    buf_clear(&job->model.texts[text]);
    return trace_load_file(path, &job->model.texts[text], detail);
}

static enum fw_err read_texts(struct job *job, struct fw_detail *detail)
{
    const struct forecast_options *options = &job->options;
    struct buf *texts = job->model.texts;
    FW_TRY(read_text(job, FORECAST_EVENTS, "events", options->events, detail));
    FW_TRY(read_text(job, FORECAST_HOLIDAYS, "holidays", options->prophet.holidays, detail));
    FW_TRY(read_text(job, FORECAST_FUTURE, "future", options->prophet.future, detail));
    if (options->events[0] != '\0') {
        FW_TRY(event_file_parse(&job->calendar, options->events, buf_str(&texts[FORECAST_EVENTS]),
                                detail));
        job->settings.calendar = &job->calendar;
    }
    return FW_OK;
}

/* Of a long series the latest steps are learned from. */
static void keep_latest(struct series_read *read, struct buf *notes)
{
    size_t count = read->value.count;
    struct series latest = demand_latest(&read->value);
    size_t cut = count - latest.count;
    if (cut == 0)
        return;
    memmove(read->value.value, read->value.value + cut, latest.count * sizeof(double));
    latest.value = read->value.value;
    read->value = latest;
    for (uint32_t i = 0; i < read->covariate_count; i++) {
        struct series *column = &read->covariates[i].series;
        memmove(column->value, column->value + cut, latest.count * sizeof(double));
        column->start_ns = latest.start_ns;
        column->count = latest.count;
    }
    buf_printf(notes, "the latest %zu of %zu steps are learned from\n", latest.count, count);
}

/* What there is beside a model, for messages; NULL: nothing. */
static const char *source_name(const struct job *job)
{
    if (job->args.operand_count > 0)
        return job->args.operands[0];
    return job->options.series.prometheus[0] != '\0' ? job->options.series.prometheus : NULL;
}

static enum fw_err read_series(struct job *job, struct fw_detail *detail)
{
    struct series_source source = job->options.series;
    struct series_read *history = &job->model.history;
    bool columns = forecast_prophet_columns(&job->options.prophet);
    if (!job->loaded) {
        FW_TRY(series_source_read(history, &job->args, &source, columns, detail));
        keep_latest(history, &job->notes);
        job->model.trained_to_ns = series_at_ns(&history->value, history->value.count - 1);
        return FW_OK;
    }
    if (source_name(job) == NULL)
        return FW_OK;
    if (source.file.value[0] == '\0' && source.prometheus[0] == '\0')
        (void)snprintf(source.file.value, sizeof source.file.value, "%s", history->value_name);
    source.file.every_ns = history->value.step_ns;
    FW_TRY(series_source_read(&job->fresh, &job->args, &source, columns, detail));
    return forecast_model_extend(&job->model, &job->fresh, source_name(job), &job->news, detail);
}

/* The horizon the model is trained for, which what is known of the future has to cover. */
static enum fw_err trained_horizon(const struct job *job, int64_t *horizon_ns)
{
    struct forecast_options trained = job->options;
    struct fw_detail ignored = {""};
    *horizon_ns = job->options.horizon_ns;
    if (!job->loaded)
        return FW_OK;
    FW_TRY(option_set(row_named("horizon"), &trained, STR("7d"), &ignored));
    for (uint32_t i = 0; i < job->model.option_count; i++)
        if (strcmp(job->model.options[i].name, "horizon") == 0)
            FW_TRY(option_set(row_named("horizon"), &trained, str_of(job->model.options[i].text),
                              &ignored));
    *horizon_ns = trained.horizon_ns;
    return FW_OK;
}

static enum fw_err prepare_prophet(struct job *job, struct fw_detail *detail)
{
    const struct forecast_prophet_flags *flags = &job->options.prophet;
    const struct series *value = &job->model.history.value;
    struct buf *texts = job->model.texts;
    int64_t horizon_ns;
    FW_TRY(trained_horizon(job, &horizon_ns));
    int64_t steps = horizon_ns / value->step_ns;
    if (steps < 1 || steps > DEMAND_STEPS_MAX)
        return FW_OK; /* refused, in words, by the forecast itself */
    if (flags->future[0] != '\0') {
        struct series_read_options how = {.every_ns = value->step_ns, .covariates = true};
        how.value = flags->regressor[0] != '\0' ? NULL : flags->cap;
        struct str first = str_of(flags->regressor), name;
        char column[OPTION_TEXT_MAX];
        if (str_cut(&first, ',', &name) && !str_equal_nocase(str_trim(name), STR("all"))) {
            (void)snprintf(column, sizeof column, "%.*s", STR_ARG(str_trim(name)));
            how.value = column;
        } else if (how.value == NULL && job->model.history.covariate_count > 0) {
            how.value = job->model.history.covariates[0].name;
        }
        FW_TRY(series_read_memory(&job->future, flags->future, buf_str(&texts[FORECAST_FUTURE]),
                                  &how, detail));
    }
    struct forecast_prophet_input input = {
        .flags = flags,
        .file = source_name(job) != NULL ? source_name(job) : job->options.load_model,
        .history = &job->model.history,
        .future = flags->future[0] != '\0' ? &job->future : NULL,
        .holidays = buf_str(&texts[FORECAST_HOLIDAYS]),
        .horizon = (int)steps};
    FW_TRY(forecast_prophet_build(&job->prophet, &input, &job->notes, detail));
    job->settings.prophet = &job->prophet.members;
    return job->loaded
               ? FW_OK
               : forecast_prophet_check(&job->prophet, value, (int)steps, &job->notes, detail);
}

/* ---- doing it ---- */

static void show_progress(void *context, uint64_t done, uint64_t total)
{
    output_progress_step(context, done, total);
}

static enum fw_err check_usage(const struct job *job, struct fw_detail *detail)
{
    if (strcmp(job->options.save_model, "-") == 0)
        return err_set(detail, FW_USAGE, "--save-model: found -, expected a file");
    return FW_OK;
}

static enum fw_err foretell(struct job *job, struct fw_detail *detail)
{
    struct demand_settings *settings = &job->settings;
    const struct forecast_options *options = &job->options;
    struct buf trained;
    settings->horizon_ns = options->horizon_ns;
    settings->model = (enum demand_model)options->model;
    settings->capacity_buffer = options->capacity_buffer;
    settings->seed = (uint64_t)options->seed;
    settings->progress = show_progress;
    settings->context = &job->progress;
    settings->resume = job->loaded ? buf_str(&job->model.trained) : (struct str){NULL, 0};
    buf_init(&trained, FORECAST_MODEL_BYTES_MAX);
    settings->trained = options->save_model[0] != '\0' ? &trained : NULL;
    output_progress_init(&job->progress, "origins", job->args.quiet);
    enum fw_err err = demand_forecast(&job->model.history.value, settings, &job->forecast, detail);
    output_progress_end(&job->progress);
    if (err == FW_OK && settings->trained != NULL) {
        buf_fini(&job->model.trained);
        job->model.trained = trained;
        return FW_OK;
    }
    buf_fini(&trained);
    return err;
}

static enum fw_err run(struct job *job, struct fw_detail *detail)
{
    struct forecast_options *options = &job->options;
    job->loaded = options->load_model[0] != '\0';
    FW_TRY(check_usage(job, detail));
    for (const char *const *name = forecast_prophet_names; *name != NULL; name++)
        job->own = job->own || args_given(&job->args, *name);
    if (job->loaded) {
        FW_TRY(forecast_model_read(&job->model, options->load_model, detail));
        FW_TRY(restore_options(job, detail));
    }
    FW_TRY(read_quantiles(options->quantiles, &job->settings, detail));
    FW_TRY(read_blend(options->blend, &job->settings, detail));
    FW_TRY(read_texts(job, detail));
    FW_TRY(read_series(job, detail));
    if (job->own)
        FW_TRY(prepare_prophet(job, detail));
    FW_TRY(foretell(job, detail));
    if (options->save_model[0] == '\0')
        return FW_OK;
    FW_TRY(keep_options(job));
    return forecast_model_write(&job->model, options->save_model, detail);
}

static int tell(struct job *job)
{
    const struct forecast_options *options = &job->options;
    struct fw_detail detail = {""};
    struct forecast_output output = {.forecast = &job->forecast,
                                     .settings = &job->settings,
                                     .read = !job->loaded               ? &job->model.history
                                             : source_name(job) != NULL ? &job->fresh
                                                                        : NULL,
                                     .model = job->loaded ? &job->model : NULL,
                                     .news = job->loaded && source_name(job) != NULL ? &job->news
                                                                                     : NULL,
                                     .notes = buf_str(&job->notes)};
    struct buf out;
    buf_init(&out, OUTPUT_MAX);
    enum fw_err err = FW_OK;
    int status = 0;
    if (!job->args.json || strcmp(options->out, "-") != 0) {
        forecast_output_csv(&output, &out);
        err = out.failed ? FW_NOMEM : output_file(options->out, buf_str(&out), &detail);
        buf_clear(&out);
    }
    if (err == FW_OK && job->args.json) {
        forecast_output_json(&output, &out);
        status = output_print(&out, 0);
    } else if (err == FW_OK && !job->args.quiet) {
        forecast_output_words(&output, &out);
        (void)fwrite(out.data, 1, out.len, stderr);
    }
    buf_fini(&out);
    return err == FW_OK ? status : output_fail(spec.command, err, &detail);
}

static void job_free(struct job *job)
{
    demand_forecast_fini(&job->forecast);
    forecast_prophet_fini(&job->prophet);
    event_file_fini(&job->calendar);
    series_read_fini(&job->fresh);
    series_read_fini(&job->future);
    forecast_model_fini(&job->model);
    buf_fini(&job->notes);
    free(job);
}

int cmd_forecast(int argc, char **argv)
{
    struct fw_detail detail = {""};
    struct job *job = calloc(1, sizeof *job);
    if (job == NULL)
        return output_fail(spec.command, FW_NOMEM, &detail);
    forecast_model_init(&job->model);
    buf_init(&job->notes, 1 << 20);
    job->settings = demand_defaults;
    enum fw_err err = args_parse(&job->args, &spec, &job->options, argc, argv, &detail);
    if (err == FW_OK && !job->args.done)
        err = run(job, &detail);
    int status = err != FW_OK     ? output_fail(spec.command, err, &detail)
                 : job->args.done ? 0
                                  : tell(job);
    job_free(job);
    return status;
}
