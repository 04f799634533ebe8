/* SPDX-License-Identifier: MIT
 * Forecasting with a trained model, with a 95 % interval as wide as the members' own errors in the
 * last week say. */
#include "base/check.h"
#include "forecast/stack_part.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CHECKED_ORIGINS = 6, CHECKED_SPACING = 24 };

/* The models' mean, relative to each one's base, at one origin: on the scale of z. */
static enum fw_err predict_at(struct stack *stack, const struct stack_origin *origin,
                              const struct stack_said *said, double *path, struct fw_detail *detail)
{
    float columns[STACK_HORIZON * STACK_COLUMNS], rest[STACK_HORIZON];
    for (int h = 1; h <= STACK_HORIZON; h++) {
        stack_columns_fill(origin, said, h, columns + (long)(h - 1) * STACK_COLUMNS);
        path[h - 1] = 0;
    }
    for (int i = 0; i < STACK_MODELS; i++) {
        enum fw_err err =
            boost_predict(stack->models[i], columns, STACK_HORIZON, STACK_COLUMNS, rest, detail);
        if (err != FW_OK)
            return err;
        for (int h = 1; h <= STACK_HORIZON; h++)
            path[h - 1] += (stack_base(origin, said, i, h) + (double)rest[h - 1] * origin->unit) /
                           STACK_MODELS;
    }
    return FW_OK;
}

/* The quantiles at one origin, on the scale of z, put in order. */
static enum fw_err quantiles_at(struct stack *stack, const struct stack_origin *origin,
                                const struct stack_said *said, const struct stack_beside *beside,
                                struct stack_forecast *forecast, struct fw_detail *detail)
{
    float columns[STACK_HORIZON * STACK_SEEN], rest[STACK_HORIZON];
    float of_origin[STACK_MORE_OF_ORIGIN];
    forecast->quantiles = stack->quantiles[0] != NULL;
    if (!forecast->quantiles)
        return FW_OK;
    stack_more_of_origin(origin, beside, of_origin);
    for (int h = 1; h <= STACK_HORIZON; h++) {
        float *row = columns + (long)(h - 1) * STACK_SEEN;
        stack_columns_fill(origin, said, h, row);
        stack_more_fill(origin, beside, of_origin, h, row + STACK_COLUMNS);
    }
    for (int i = 0; i < STACK_LEVELS; i++) {
        FW_TRY(
            boost_predict(stack->quantiles[i], columns, STACK_HORIZON, STACK_SEEN, rest, detail));
        for (int h = 1; h <= STACK_HORIZON; h++) {
            double *at = &forecast->log_quantile[i][h - 1];
            *at = stack_base(origin, said, 0, h) + (double)rest[h - 1] * origin->unit;
            if (i > 0)
                *at = fmax(*at, forecast->log_quantile[i - 1][h - 1]);
        }
    }
    return FW_OK;
}

/* How far two members' mean was off after an origin, on the scale of z. */
static double error_after(const struct stack_view *view, const struct stack_said *said, int at)
{
    double sum = 0;
    int hours = view->n - at < STACK_HORIZON ? view->n - at : STACK_HORIZON;
    for (int h = 0; h < hours; h++)
        sum +=
            fabs(view->z[at + h] - (said->path[MEMBER_ARLOG][h] + said->path[MEMBER_ARD24][h]) / 2);
    return hours > 0 ? sum / hours : 0;
}

static void fill(const struct stack *stack, const struct stack_view *view, double error,
                 double unit, const double *path, struct stack_forecast *forecast)
{
    double scale = (.8 * error + .15 * .55 * unit) / 1.15;
    forecast->log_scale = scale;
    forecast->positive = view->positive;
    for (int h = 0; h < STACK_HORIZON; h++) {
        double width = stack->settings.widths[h < 6 ? 0 : h < 24 ? 1 : 2] * scale;
        forecast->log_mean[h] = path[h];
        forecast->mean[h] = stack_view_level(view, path[h]);
        forecast->low[h] = stack_view_level(view, path[h] - width);
        forecast->high[h] = stack_view_level(view, path[h] + width);
        if (!view->positive) {
            forecast->mean[h] = fmax(forecast->mean[h], 0);
            forecast->low[h] = fmax(forecast->low[h], 0);
        }
    }
}

struct asked {
    struct stack_view view;
    struct stack_run run;
    struct stack_grams grams;
    struct stack_origin origin;
    double errors[STACK_ORIGINS_MAX]; /* by origin, once its truth is known */
    int first, count;                 /* origins asked: every STACK_STEP hours */
};

/* Mean error of the six daily origins before `at` whose two days have passed. */
static double error_before(const struct asked *asked, int at)
{
    double sum = 0;
    int used = 0;
    for (int k = 0; k < CHECKED_ORIGINS; k++) {
        int origin = at - STACK_HORIZON - k * CHECKED_SPACING;
        if (origin < asked->first)
            break;
        sum += asked->errors[(origin - asked->first) / STACK_STEP];
        used++;
    }
    return used > 0 ? sum / used : asked->origin.unit;
}

static bool wanted(int at, int n, int origins, int spacing)
{
    return (n - at) % spacing == 0 && (n - at) / spacing < origins;
}

static enum fw_err ask_all(struct stack *stack, struct asked *asked,
                           const struct stack_beside *beside, int origins, int spacing,
                           struct stack_forecast *forecasts, struct fw_detail *detail)
{
    struct stack_said said;
    double path[STACK_HORIZON];
    int n = asked->view.n;
    for (int i = 0; i < asked->count; i++) {
        int at = asked->first + i * STACK_STEP;
        stack_run_ask(&asked->run, at, &said);
        stack_origin_move(&asked->origin, asked->view.z, at);
        asked->errors[i] = error_after(&asked->view, &said, at);
        if (!wanted(at, n, origins, spacing))
            continue;
        enum fw_err err = predict_at(stack, &asked->origin, &said, path, detail);
        if (err != FW_OK)
            return err;
        fill(stack, &asked->view, error_before(asked, at), asked->origin.unit, path,
             &forecasts[(n - at) / spacing]);
        FW_TRY(quantiles_at(stack, &asked->origin, &said, beside, &forecasts[(n - at) / spacing],
                            detail));
    }
    return FW_OK;
}

/* Origins needed: those wanted, and before the earliest the ones its errors are judged at. */
static int origins_needed(int n, int origins, int spacing)
{
    int hours = (origins - 1) * spacing + STACK_HORIZON + (CHECKED_ORIGINS - 1) * CHECKED_SPACING;
    int most = (n - STACK_FIRST) / STACK_STEP;
    int count = hours / STACK_STEP + 1;
    most = most < STACK_ORIGINS_MAX - 1 ? most : STACK_ORIGINS_MAX - 1;
    return (count < most + 1 ? count : most + 1);
}

enum fw_err stack_forecast(struct stack *stack, const struct stack_series *series, int origins,
                           int spacing, struct stack_forecast *forecasts, struct fw_detail *detail)
{
    CHECK(origins >= 1 && spacing % STACK_STEP == 0);
    enum fw_err err = stack_check(series, 0, detail);
    if (err != FW_OK)
        return err;
    struct asked *asked = calloc(1, sizeof *asked);
    if (asked == NULL)
        return FW_NOMEM;
    asked->count = origins_needed(series->n, origins, spacing);
    asked->first = series->n - STACK_STEP * (asked->count - 1);
    CHECK((origins - 1) * spacing <= series->n - asked->first);
    err = stack_view_init(&asked->view, series->y, series->n);
    if (err == FW_OK)
        err = stack_grams_init(&asked->grams, asked->first, asked->count);
    if (err == FW_OK) {
        stack_run_start(&asked->run, &asked->view, &asked->grams);
        err = ask_all(stack, asked, &series->beside, origins, spacing, forecasts, detail);
    }
    stack_grams_fini(&asked->grams);
    stack_view_fini(&asked->view);
    free(asked);
    return err;
}
