/* SPDX-License-Identifier: MIT
 * The members that cost more than a few microseconds: fitted again every other day of steps, or
 * every other week, and asked in between with what is new. */
#include "forecast/members_part.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    PROPHET_ROWS_MAX = 20000, /* the latest */
    PROPHET_ROWS_MIN = 30,
    PROPHET_DAYS = 7,    /* until it is fitted again */
    PROPHET_REST = 3000, /* latest errors of the fit that tell their law */
    STACK_DAYS = 28,
    STACK_ROWS = 24 * 7 * 12, /* the latest */
    STACK_HOURS = 10,         /* learned of each origin: one series is few rows */
    DAILY_ORDER = 12,
    WEEKLY_ORDER = 20,
};
static const int64_t HOUR_NS = INT64_C(3600) * 1000000000;

static bool due(const struct members *members, int made, int origin, int days)
{
    int day = members->plan.day > 0 ? members->plan.day : 1;
    return made == 0 || origin - made >= days * day;
}

static bool wanted(const struct members *members, enum members_number member)
{
    return members->plan.step_ns > 0 && !(members->plan.without >> member & 1);
}

/* ---- Prophet's model ---- */

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

static void fit_prophet(struct members *members, int origin)
{
    struct prophet_options options = prophet_defaults();
    struct fw_detail detail = {""};
    int from = origin > PROPHET_ROWS_MAX ? origin - PROPHET_ROWS_MAX : 0;
    double *z = malloc((size_t)(origin - from) * sizeof *z);
    if (z == NULL)
        return;
    for (int t = from; t < origin; t++)
        z[t - from] = isfinite(members->y[t]) ? members->filled[t] : NAN;
    options.uncertainty_samples = 0;
    options.seed = members->plan.seed;
    if (members->plan.day >= 2 * DAILY_ORDER && origin - from >= 2 * members->plan.day)
        options.daily_seasonality =
            members->plan.day > 2 * DAILY_ORDER ? DAILY_ORDER : DAILY_ORDER - 1;
    if (members->plan.day >= 2 * DAILY_ORDER && origin - from >= 3 * members->plan.week)
        options.weekly_seasonality = WEEKLY_ORDER;
    struct prophet_rows rows = {
        .count = (size_t)(origin - from), .at_ns = members->at_ns + from, .y = z};
    prophet_destroy(&members->prophet);
    if (prophet_fit(&options, &rows, &members->prophet, &detail) == FW_OK)
        members->prophet_made = origin;
    free(z);
}

/* What the fit leaves over of what is known, and what it says of what is to come. */
static bool ask_prophet(struct members *members, int origin, double *path)
{
    struct prophet_forecast forecast;
    struct fw_detail detail = {""};
    int horizon = members->plan.horizon;
    int from = origin > PROPHET_REST ? origin - PROPHET_REST : 0;
    struct prophet_rows rows = {.count = (size_t)(origin - from + horizon),
                                .at_ns = members->at_ns + from};
    if (prophet_predict(members->prophet, &rows, &forecast, &detail) != FW_OK)
        return false;
    for (int t = 0; t < origin - from; t++)
        members->rest[t] = members->filled[from + t] - forecast.yhat[t];
    bool law = members_regress(members, members->rest, origin - from, path);
    bool finite = true;
    for (int h = 0; h < horizon; h++) {
        path[h] = forecast.yhat[origin - from + h] + (law ? path[h] : 0);
        path[h] = scale_out(&members->scale, path[h]);
        finite = finite && isfinite(path[h]);
    }
    prophet_forecast_fini(&forecast);
    return finite;
}

/* ---- boosted trees ---- */

static void fit_stack(struct members *members, int origin)
{
    struct stack_settings settings = stack_defaults;
    struct fw_detail detail = {""};
    int rows = origin < STACK_ROWS ? origin : STACK_ROWS;
    struct stack_series series = {members->levels + origin - rows, rows};
    struct stack *made = NULL;
    settings.hours_per_origin = STACK_HOURS;
    settings.seed = members->plan.seed;
    if (stack_train(&made, &series, 1, &settings, &detail) != FW_OK)
        return;
    stack_free(&members->stack);
    members->stack = made;
    members->stack_made = origin;
}

static bool ask_stack(struct members *members, int origin, double *path)
{
    struct fw_detail detail = {""};
    int rows = origin < STACK_ROWS ? origin : STACK_ROWS;
    struct stack_series series = {members->levels + origin - rows, rows};
    struct stack_forecast *forecast = malloc(sizeof *forecast);
    bool said = forecast != NULL &&
                stack_forecast(members->stack, &series, 1, STACK_STEP, forecast, &detail) == FW_OK;
    if (said)
        memcpy(path, forecast->mean, (size_t)members->plan.horizon * sizeof *path);
    free(forecast);
    return said;
}

static bool stack_fits(const struct members *members, int origin)
{
    return wanted(members, MEMBERS_BOOST) && members->plan.step_ns == HOUR_NS &&
           members->plan.horizon <= STACK_HORIZON &&
           origin >= STACK_LEARN_FIRST + 5 * STACK_HORIZON;
}

uint32_t members_ask_models(struct members *members, int origin, double *paths)
{
    long horizon = members->plan.horizon;
    uint32_t said = 0;
    if (wanted(members, MEMBERS_PROPHET) && origin >= PROPHET_ROWS_MIN && prepare(members)) {
        if (due(members, members->prophet_made, origin, PROPHET_DAYS))
            fit_prophet(members, origin);
        if (members->prophet != NULL &&
            ask_prophet(members, origin, paths + MEMBERS_PROPHET * horizon))
            said |= 1u << MEMBERS_PROPHET;
    }
    if (stack_fits(members, origin)) {
        if (due(members, members->stack_made, origin, STACK_DAYS))
            fit_stack(members, origin);
        if (members->stack != NULL && ask_stack(members, origin, paths + MEMBERS_BOOST * horizon))
            said |= 1u << MEMBERS_BOOST;
    }
    return said;
}

void members_models_fini(struct members *members)
{
    prophet_destroy(&members->prophet);
    stack_free(&members->stack);
    free(members->at_ns);
    free(members->rest);
    members->at_ns = NULL;
    members->rest = NULL;
}
