/* SPDX-License-Identifier: MIT
 * The member that is Prophet's model: ours on the scale of the series, with seasons as high as
 * hourly demand wants them, or the user's own; and the law of what the fit leaves over. */
#include "forecast/members_part.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROWS_MAX = 20000, /* the latest are fitted */
    ROWS_MIN = 30,
    REFIT_DAYS = 7,
    REST_ROWS = 3000, /* latest errors of the fit that tell their law */
    DAILY_ORDER = 12,
    WEEKLY_ORDER = 20,
};

static bool prepare(struct members *members)
{
    size_t room = (size_t)members->n + (size_t)members->plan.horizon;
    if (members->at_ns != NULL)
        return true;
    members->at_ns = malloc(room * sizeof *members->at_ns);
    members->rest = malloc(room * sizeof *members->rest);
    if (members->at_ns == NULL || members->rest == NULL)
        return false;
    for (size_t t = 0; t < room; t++)
        members->at_ns[t] = members->plan.start_ns + (int64_t)t * members->plan.step_ns;
    return true;
}

/* Seasons that were not asked for by their order. */
static void choose_orders(const struct members *members, int rows, struct prophet_options *options)
{
    const struct members_plan *plan = &members->plan;
    if (plan->day < 2 * DAILY_ORDER)
        return;
    if (options->daily_seasonality == PROPHET_AUTO && rows >= 2 * plan->day)
        options->daily_seasonality = plan->day > 2 * DAILY_ORDER ? DAILY_ORDER : DAILY_ORDER - 1;
    if (options->weekly_seasonality == PROPHET_AUTO && rows >= 3 * plan->week)
        options->weekly_seasonality = WEEKLY_ORDER;
}

/* ---- rows of the user's model ---- */

struct inputs {
    const double **regressor;
    double *memory;
};

static void inputs_fini(struct inputs *inputs)
{
    free((void *)inputs->regressor);
    free(inputs->memory);
}

/* What is behind the origin, by what was known there. */
static void repeat(const struct members_plan *plan, const double *x, int from, int origin,
                   double *out)
{
    int season = plan->week > 0 && origin >= plan->week ? plan->week
                 : plan->day > 0 && origin >= plan->day ? plan->day
                                                        : 1;
    memcpy(out, x + from, (size_t)(origin - from) * sizeof *out);
    for (int h = 0; h < plan->horizon; h++) {
        int back = h / season + 1;
        out[origin - from + h] = x[origin + h - back * season];
    }
}

/* Rows `from` to `origin`, and the horizon behind it. */
static bool fill_rows(const struct members *members, int from, int origin,
                      struct prophet_rows *rows, struct inputs *inputs)
{
    const struct members_prophet *own = members->plan.prophet;
    size_t width = (size_t)origin - (size_t)from + (size_t)members->plan.horizon;
    rows->at_ns = members->at_ns + from;
    rows->cap = own != NULL && own->cap != NULL ? own->cap + from : NULL;
    rows->floor = own != NULL && own->floor != NULL ? own->floor + from : NULL;
    size_t count = own != NULL ? own->options.regressor_count : 0;
    if (count == 0)
        return true;
    inputs->regressor = calloc(count, sizeof *inputs->regressor);
    inputs->memory = calloc(count * width, sizeof *inputs->memory);
    if (inputs->regressor == NULL || inputs->memory == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        double *copy = inputs->memory + i * width;
        if (!own->foreseen[i])
            repeat(&members->plan, own->regressor[i], from, origin, copy);
        inputs->regressor[i] = own->foreseen[i] ? own->regressor[i] + from : copy;
    }
    rows->regressor = inputs->regressor;
    return true;
}

static void fit(struct members *members, int origin)
{
    const struct members_prophet *own = members->plan.prophet;
    struct prophet_options options = own != NULL ? own->options : prophet_defaults();
    struct prophet_rows rows = {0};
    struct inputs inputs = {0};
    struct fw_detail detail = {""};
    int from = origin > ROWS_MAX ? origin - ROWS_MAX : 0;
    double *z = malloc((size_t)(origin - from) * sizeof *z);
    if (z == NULL)
        return;
    const double *known = own != NULL ? members->levels : members->filled;
    for (int t = from; t < origin; t++)
        z[t - from] = isfinite(members->y[t]) ? known[t] : NAN;
    options.uncertainty_samples = 0;
    options.seed = members->plan.seed;
    choose_orders(members, origin - from, &options);
    prophet_destroy(&members->prophet);
    if (fill_rows(members, from, origin, &rows, &inputs)) {
        rows.count = (size_t)(origin - from);
        rows.y = z;
        if (prophet_fit(&options, &rows, &members->prophet, &detail) == FW_OK)
            members->prophet_made = origin;
    }
    inputs_fini(&inputs);
    free(z);
}

/* What the fit says from `from` on; false: nothing. */
static bool foretell(struct members *members, int from, int origin,
                     struct prophet_forecast *forecast)
{
    struct prophet_rows rows = {.count = (size_t)(origin - from + members->plan.horizon)};
    struct inputs inputs = {0};
    struct fw_detail detail = {""};
    bool said = fill_rows(members, from, origin, &rows, &inputs) &&
                prophet_predict(members->prophet, &rows, forecast, &detail) == FW_OK;
    inputs_fini(&inputs);
    return said;
}

bool members_ask_prophet(struct members *members, int origin, double *path)
{
    struct prophet_forecast forecast;
    bool own = members->plan.prophet != NULL, finite = true;
    const double *known = own ? members->levels : members->filled;
    int from = origin > REST_ROWS ? origin - REST_ROWS : 0;
    if (origin < ROWS_MIN || !prepare(members))
        return false;
    if (members_due(members, members->prophet_made, origin, REFIT_DAYS))
        fit(members, origin);
    if (members->prophet == NULL || !foretell(members, from, origin, &forecast))
        return false;
    for (int t = 0; t < origin - from; t++)
        members->rest[t] = known[from + t] - forecast.yhat[t];
    bool law = members_regress(members, members->rest, origin - from, path);
    for (int h = 0; h < members->plan.horizon; h++) {
        path[h] = forecast.yhat[origin - from + h] + (law ? path[h] : 0);
        if (!own)
            path[h] = scale_out(&members->scale, path[h]);
        else if (members->scale.logs)
            path[h] = fmax(path[h], 0);
        finite = finite && isfinite(path[h]);
    }
    prophet_forecast_fini(&forecast);
    return finite;
}
