/* SPDX-License-Identifier: MIT */
#include "cli/eval_forecast.h"

#include "forecast/accuracy.h"
#include "forecast/naive.h"
#include "forecast/stack.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum fw_err eval_series_match(struct eval_series *train, struct eval_series *test, int horizon,
                              int season, const char *train_path, const char *test_path,
                              struct fw_detail *detail)
{
    struct eval_row *ordered = calloc((size_t)train->count, sizeof *ordered);
    if (!ordered)
        return FW_NOMEM;
    enum fw_err err = FW_OK;
    for (int i = 0; i < train->count && err == FW_OK; i++) {
        struct str name = table_key(&train->names, (uint32_t)i);
        uint32_t found = table_find(&test->names, name);
        if (train->rows[i].n <= season)
            err = err_set(detail, FW_INPUT,
                          "%s: series \"%.*s\" has %d values, expected more than "
                          "a season of %d",
                          train_path, STR_ARG(name), train->rows[i].n, season);
        else if (found == TABLE_NONE)
            err = err_set(detail, FW_INPUT, "%s: series \"%.*s\" of %s is missing", test_path,
                          STR_ARG(name), train_path);
        else if (test->rows[found].n < horizon)
            err = err_set(detail, FW_INPUT, "%s: series \"%.*s\" has %d values, expected %d",
                          test_path, STR_ARG(name), test->rows[found].n, horizon);
        else
            ordered[i] = test->rows[found];
    }
    if (err != FW_OK) {
        free(ordered);
        return err;
    }
    free(test->rows);
    test->rows = ordered;
    test->count = train->count;
    return FW_OK;
}

/* ---- the models ---- */

static enum fw_err run_naive_two(struct eval_task *task, struct eval_path *paths,
                                 struct fw_detail *detail)
{
    double index[EVAL_SEASON_MAX];
    (void)detail;
    for (int i = 0; i < task->train->count; i++)
        naive_two(eval_series_at(task->train, i), task->train->rows[i].n, task->season, index,
                  paths[i].mean, task->horizon);
    return FW_OK;
}

static enum fw_err run_seasonal(struct eval_task *task, struct eval_path *paths,
                                struct fw_detail *detail)
{
    (void)detail;
    for (int i = 0; i < task->train->count; i++)
        naive_seasonal(eval_series_at(task->train, i), task->train->rows[i].n, task->season,
                       paths[i].mean, task->horizon);
    return FW_OK;
}

static enum fw_err run_ridge(struct eval_task *task, struct eval_path *paths,
                             struct fw_detail *detail)
{
    for (int i = 0; i < task->train->count; i++) {
        struct stack_series series = {.y = eval_series_at(task->train, i),
                                      .n = task->train->rows[i].n};
        struct ridge ridge;
        struct stack_view view;
        double low = INFINITY, high = -INFINITY;
        if (task->horizon > STACK_HORIZON || series.n < STACK_LENGTH_MIN)
            return err_set(detail, FW_INPUT, "ridge: up to %d steps ahead, from at least %d values",
                           STACK_HORIZON, STACK_LENGTH_MIN);
        FW_TRY(stack_view_init(&view, series.y, series.n));
        ridge_init(&ridge, &ridge_hourly);
        for (int t = 0; t < series.n; t++) {
            ridge_learn(&ridge, view.scaled, t);
            low = fmin(low, view.scaled[t]);
            high = fmax(high, view.scaled[t]);
        }
        (void)ridge_fit(&ridge);
        ridge_path(&ridge, view.scaled, series.n, task->horizon, low - 1, high + 1);
        for (int h = 0; h < task->horizon; h++)
            paths[i].mean[h] =
                stack_view_level(&view, view.scaled[series.n + h] * view.z_sd + view.z_mean);
        stack_view_fini(&view);
    }
    return FW_OK;
}

static enum fw_err ask_stack(struct eval_task *task, struct stack *stack,
                             const struct stack_series *series, struct eval_path *paths,
                             struct fw_detail *detail)
{
    struct stack_forecast *forecast = malloc(sizeof *forecast);
    enum fw_err err = forecast ? FW_OK : FW_NOMEM;
    size_t size = (size_t)task->horizon * sizeof(double);
    for (int i = 0; i < task->train->count && err == FW_OK; i++) {
        err = stack_forecast(stack, &series[i], 1, STACK_STEP, forecast, detail);
        if (err != FW_OK)
            break;
        memcpy(paths[i].mean, forecast->mean, size);
        memcpy(paths[i].low, forecast->low, size);
        memcpy(paths[i].high, forecast->high, size);
        output_progress_step(&task->progress, (uint64_t)i + 1, (uint64_t)task->train->count);
    }
    free(forecast);
    return err;
}

static enum fw_err run_boost(struct eval_task *task, struct eval_path *paths,
                             struct fw_detail *detail)
{
    struct stack *stack = NULL;
    struct stack_settings settings = stack_defaults;
    int count = task->train->count;
    if (task->horizon > STACK_HORIZON)
        return err_set(detail, FW_INPUT, "boost: found --horizon %d, expected at most %d",
                       task->horizon, STACK_HORIZON);
    struct stack_series *series = calloc((size_t)count, sizeof *series);
    if (!series)
        return FW_NOMEM;
    for (int i = 0; i < count; i++)
        series[i] =
            (struct stack_series){.y = eval_series_at(task->train, i), .n = task->train->rows[i].n};
    settings.seed = task->seed;
    settings.threads = task->threads;
    enum fw_err err = stack_train(&stack, series, count, &settings, detail);
    if (err == FW_OK)
        err = ask_stack(task, stack, series, paths, detail);
    stack_free(&stack);
    free(series);
    return err;
}

const struct eval_model eval_models[EVAL_MODELS] = {
    {"naive2", run_naive_two, false},
    {"seasonal-naive", run_seasonal, false},
    {"ridge", run_ridge, false},
    {"boost", run_boost, true},
};

/* ---- scoring ---- */

static void score_all(const struct eval_task *task, const struct eval_path *paths, bool intervals,
                      struct eval_accuracy *score)
{
    int count = task->train->count, horizon = task->horizon;
    *score = (struct eval_accuracy){0};
    for (int i = 0; i < count; i++) {
        const double *actual = eval_series_at(task->test, i);
        double unit =
            accuracy_unit(eval_series_at(task->train, i), task->train->rows[i].n, task->season);
        score->smape += accuracy_smape(actual, paths[i].mean, horizon) / count;
        score->mase += accuracy_mae(actual, paths[i].mean, horizon) / unit / count;
        score->msis +=
            accuracy_msis(actual, paths[i].low, paths[i].high, horizon, .05, unit) / count;
        score->coverage += accuracy_coverage(actual, paths[i].low, paths[i].high, horizon) / count;
    }
    if (!intervals)
        score->msis = score->coverage = NAN;
}

static double cpu_now(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

static enum fw_err run_one(struct eval_task *task, const struct eval_model *model,
                           struct eval_path *paths, struct eval_accuracy *score,
                           struct fw_detail *detail)
{
    double begun = cpu_now();
    FW_TRY(model->run(task, paths, detail));
    double spent = cpu_now() - begun;
    score_all(task, paths, model->intervals, score);
    score->cpu_s = spent;
    return FW_OK;
}

static enum fw_err make_paths(const struct eval_task *task, struct eval_path **paths,
                              double **values)
{
    size_t count = (size_t)task->train->count, horizon = (size_t)task->horizon;
    *paths = calloc(count, sizeof **paths);
    *values = calloc(3 * count * horizon, sizeof **values);
    if (!*paths || !*values)
        return FW_NOMEM;
    for (size_t i = 0; i < count; i++) {
        double *from = *values + 3 * i * horizon;
        (*paths)[i] = (struct eval_path){from, from + horizon, from + 2 * horizon};
    }
    return FW_OK;
}

enum fw_err eval_forecasts(struct eval_task *task, const bool chosen[EVAL_MODELS],
                           struct eval_accuracy scores[EVAL_MODELS], struct fw_detail *detail)
{
    struct eval_path *paths;
    double *values;
    struct eval_accuracy naive = {0};
    enum fw_err err = make_paths(task, &paths, &values);
    if (err == FW_OK)
        err = run_one(task, &eval_models[0], paths, &naive, detail);
    for (int i = 0; i < EVAL_MODELS && err == FW_OK; i++) {
        if (!chosen[i])
            continue;
        err = run_one(task, &eval_models[i], paths, &scores[i], detail);
        scores[i].owa = (scores[i].smape / naive.smape + scores[i].mase / naive.mase) / 2;
    }
    free(paths);
    free(values);
    return err;
}
