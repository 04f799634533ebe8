/* SPDX-License-Identifier: MIT
 * forewarm eval forecast: how good forecasts of many series are, by the rules of the M4
 * competition. */
#include "base/json.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/eval_forecast.h"
#include "cli/eval_rolling.h"
#include "cli/output.h"
#include "cli/series_read.h"
#include <math.h>
#include <stdio.h>

struct forecast_eval_options {
    char train[OPTION_TEXT_MAX], test[OPTION_TEXT_MAX], model[OPTION_TEXT_MAX];
    int64_t horizon, season, seed, threads, spacing, origins;
    double score_from;
    struct series_read_flags series;
};
#define AT(field) offsetof(struct forecast_eval_options, field)
static const struct args_row rows[] = {
    {{"train", OPTION_TEXT, AT(train), "", 0, 0, false, NULL, "the series: name, then values"},
     "CSV",
     0},
    {{"test", OPTION_TEXT, AT(test), "", 0, 0, false, NULL,
      "what came after them: the same names, --horizon values each"},
     "CSV",
     0},
    {{"horizon", OPTION_INT, AT(horizon), "48", 1, EVAL_HORIZON_MAX, false, NULL, "steps forecast"},
     NULL,
     0},
    {{"season", OPTION_INT, AT(season), "24", 1, EVAL_SEASON_MAX, false, NULL,
      "steps of a season: of MASE's unit and of the naive forecasts"},
     NULL,
     0},
    {{"model", OPTION_TEXT, AT(model), "all", 0, 0, false, NULL,
      "naive2, seasonal-naive, ridge, boost, several with commas, or all"},
     "LIST",
     0},
    {{"seed", OPTION_INT, AT(seed), "1", 0, 0, false, NULL, "of what is drawn in learning"},
     NULL,
     0},
    {{"threads", OPTION_INT, AT(threads), "1", 1, 64, false, NULL,
      "of the boosted model; the answer does not depend on it"},
     NULL,
     0},
    {{"spacing", OPTION_INT, AT(spacing), "24", 1, 100000, false, NULL,
      "SERIES: steps between origins"},
     NULL,
     0},
    {{"origins", OPTION_INT, AT(origins), "100", 2, 10000, false, NULL,
      "SERIES: how many, the last at its end"},
     NULL,
     0},
    {{"score_from", OPTION_DOUBLE, AT(score_from), "0.6", 0, 0.999, false, NULL,
      "SERIES: the part of the origins that is learned from and not scored"},
     "PART",
     0},
    SERIES_READ_ROWS(AT(series)),
};
static const struct args_spec spec = {
    .command = "eval forecast",
    .operands = "[SERIES]",
    .sentence =
        "Scores forecasts: of many series (--train, --test) by the M4 competition's rules, or "
        "of one SERIES by walking through its own past.",
    .rows = rows,
    .row_count = sizeof rows / sizeof rows[0],
    .operands_max = 1,
    .more =
        "Many series: sMAPE, MASE, OWA (their mean relative to Naive 2), and of 95 % intervals "
        "MSIS "
        "and coverage.\n"
        "SERIES: CSV with a header, as `forecast` takes it; the ensemble's errors relative to the "
        "better of the last\n"
        "day and the last week repeated, coverage and width (median) of P95.\n"
        "boost learns from the series of --train alone; it is for hourly series of at least 360\n"
        "values, up to 48 hours ahead.\n"
        "Exit status: 0 done, 2 wrong usage or a value that cannot be read, 3 the world failed.",
};

static enum fw_err choose(const char *list, bool chosen[EVAL_MODELS], struct fw_detail *detail)
{
    struct str rest = str_of(list), name;
    for (int i = 0; i < EVAL_MODELS; i++)
        chosen[i] = false;
    while (str_cut(&rest, ',', &name)) {
        bool found = false;
        for (int i = 0; i < EVAL_MODELS; i++)
            if (str_equal(name, STR("all")) || str_equal(name, str_of(eval_models[i].name)))
                chosen[i] = found = true;
        if (!found)
            return err_set(detail, FW_USAGE,
                           "--model: found \"%.*s\", expected naive2, seasonal-naive, ridge, boost "
                           "or all",
                           STR_ARG(name));
    }
    return FW_OK;
}

static void json_score(struct json *json, const char *name, const struct eval_accuracy *score)
{
    json_object(json);
    json_key_text(json, "name", name);
    json_key_fixed(json, "smape", score->smape, 3);
    json_key_fixed(json, "mase", score->mase, 4);
    json_key_fixed(json, "owa", score->owa, 4);
    json_key_fixed(json, "msis", score->msis, 3);
    json_key_fixed(json, "coverage", score->coverage, 4);
    json_key_fixed(json, "cpu_seconds", score->cpu_s, 2);
    json_object_end(json);
}

enum { COLUMNS = 7 };

static void table_row(char text[COLUMNS][STR_NUMBER_MAX], const char *name,
                      const struct eval_accuracy *score)
{
    const double values[] = {score->smape, score->mase,     score->owa,
                             score->msis,  score->coverage, score->cpu_s};
    snprintf(text[0], STR_NUMBER_MAX, "%s", name);
    for (int i = 0; i < COLUMNS - 1; i++)
        if (isfinite(values[i]))
            str_from_fixed(values[i], 3, text[1 + i]);
        else
            snprintf(text[1 + i], STR_NUMBER_MAX, "-");
}

static int tell(const struct eval_accuracy *scores, const bool *chosen,
                const struct eval_series *train, const struct forecast_eval_options *options,
                bool as_json)
{
    static const char *const heading[COLUMNS] = {"model", "sMAPE",    "MASE",  "OWA",
                                                 "MSIS",  "coverage", "CPU, s"};
    static char text[EVAL_MODELS][COLUMNS][STR_NUMBER_MAX];
    const char *cells[(EVAL_MODELS + 1) * COLUMNS];
    size_t line = 1;
    struct buf out;
    struct json json;
    buf_init(&out, OUTPUT_MAX);
    json_init(&json, &out, true);
    for (int i = 0; i < COLUMNS; i++)
        cells[i] = heading[i];
    if (as_json) {
        json_object(&json);
        json_key_uint(&json, "series", (uint64_t)train->count);
        json_key_uint(&json, "horizon", (uint64_t)options->horizon);
        json_key_uint(&json, "season", (uint64_t)options->season);
        json_key(&json, "models");
        json_array(&json);
    }
    for (int i = 0; i < EVAL_MODELS; i++) {
        if (!chosen[i])
            continue;
        if (as_json)
            json_score(&json, eval_models[i].name, &scores[i]);
        table_row(text[i], eval_models[i].name, &scores[i]);
        for (int j = 0; j < COLUMNS; j++)
            cells[line * COLUMNS + (size_t)j] = text[i][j];
        line++;
    }
    if (as_json) {
        json_array_end(&json);
        json_object_end(&json);
        buf_add_char(&out, '\n');
    } else {
        buf_printf(&out, "%d series, %d steps ahead, a season of %d\n\n", train->count,
                   (int)options->horizon, (int)options->season);
        output_table(&out, cells, line, COLUMNS);
    }
    int status = output_print(&out, 0);
    buf_fini(&out);
    return status;
}

static enum fw_err read_both(const struct forecast_eval_options *options, struct eval_series *train,
                             struct eval_series *test, struct fw_detail *detail)
{
    if (options->train[0] == '\0' || options->test[0] == '\0')
        return err_set(detail, FW_USAGE,
                       "--train and --test: both files are needed, or one SERIES");
    FW_TRY(eval_series_read(train, options->train, detail));
    FW_TRY(eval_series_read(test, options->test, detail));
    return eval_series_match(train, test, (int)options->horizon, (int)options->season,
                             options->train, options->test, detail);
}

static int roll(const char *path, const struct forecast_eval_options *options, bool as_json)
{
    struct series_read read = {0};
    struct eval_rolling result;
    struct fw_detail detail = {""};
    struct series_read_options how = series_read_flags(&options->series, false);
    struct buf out;
    enum fw_err err = series_read(&read, path, &how, &detail);
    if (err == FW_OK)
        err = eval_rolling(&read.value, (int)options->horizon, (int)options->spacing,
                           (int)options->origins, options->score_from, (uint64_t)options->seed,
                           &result, &detail);
    series_read_fini(&read);
    if (err != FW_OK)
        return output_fail(spec.command, err, &detail);
    buf_init(&out, OUTPUT_MAX);
    if (as_json)
        eval_rolling_json(&result, &out);
    else
        eval_rolling_table(&result, &out);
    int status = output_print(&out, 0);
    buf_fini(&out);
    return status;
}

int cmd_eval_forecast(int argc, char **argv)
{
    struct forecast_eval_options options;
    struct args args = {0};
    struct fw_detail detail = {""};
    struct eval_series train = {0}, test = {0};
    struct eval_accuracy scores[EVAL_MODELS];
    bool chosen[EVAL_MODELS];
    enum fw_err err = args_parse(&args, &spec, &options, argc, argv, &detail);
    if (err == FW_OK && args.done)
        return 0;
    if (err == FW_OK && args.operand_count == 1)
        return roll(args.operands[0], &options, args.json);
    if (err == FW_OK)
        err = choose(options.model, chosen, &detail);
    if (err == FW_OK)
        err = read_both(&options, &train, &test, &detail);
    if (err == FW_OK) {
        struct eval_task task = {&train,
                                 &test,
                                 (int)options.horizon,
                                 (int)options.season,
                                 (uint64_t)options.seed,
                                 (int)options.threads,
                                 {0}};
        output_progress_init(&task.progress, "series", args.quiet);
        err = eval_forecasts(&task, chosen, scores, &detail);
        output_progress_end(&task.progress);
    }
    int status = err == FW_OK ? tell(scores, chosen, &train, &options, args.json)
                              : output_fail(spec.command, err, &detail);
    eval_series_fini(&train);
    eval_series_fini(&test);
    return status;
}
