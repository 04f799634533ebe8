/* SPDX-License-Identifier: MIT
 * The members that cost more than a few microseconds: fitted again every other day of steps, or
 * every other week, and asked in between with what is new. */
#include "forecast/members_part.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    STACK_DAYS = 28,
    STACK_ROWS = 24 * 7 * 12, /* the latest */
    STACK_HOURS = 10,         /* learned of each origin: one series is few rows */
    QUANTILE_ROUNDS = 60,
};
static const int64_t HOUR_NS = INT64_C(3600) * 1000000000;

bool members_due(const struct members *members, int made, int origin, int days)
{
    int day = members->plan.day > 0 ? members->plan.day : 1;
    return made == 0 || origin - made >= days * day;
}

static bool wanted(const struct members *members, enum members_number member)
{
    return members->plan.step_ns > 0 && !(members->plan.without >> member & 1);
}

/* ---- boosted trees ---- */

/* The latest rows before the origin, and what is known beside them. */
static struct stack_series latest(const struct members *members, int origin)
{
    const struct members_plan *plan = &members->plan;
    int rows = origin < STACK_ROWS ? origin : STACK_ROWS, from = origin - rows;
    struct stack_series series = {.y = members->levels + from, .n = rows};
    series.beside.start_ns = plan->start_ns + from * plan->step_ns;
    series.beside.utilisation = plan->utilisation != NULL ? plan->utilisation + from : NULL;
    series.beside.queue = plan->queue != NULL ? plan->queue + from : NULL;
    return series;
}

static void fit_stack(struct members *members, int origin)
{
    struct stack_settings settings = stack_defaults;
    struct fw_detail detail = {""};
    struct stack_series series = latest(members, origin);
    struct stack *made = NULL;
    settings.hours_per_origin = STACK_HOURS;
    settings.seed = members->plan.seed;
    settings.quantile_rounds = wanted(members, MEMBERS_P50) ? QUANTILE_ROUNDS : 0;
    if (stack_train(&made, &series, 1, &settings, &detail) != FW_OK)
        return;
    stack_free(&members->stack);
    members->stack = made;
    members->stack_made = origin;
}

static void keep_quantiles(struct members *members, const struct stack_forecast *forecast,
                           double *path)
{
    for (int h = 0; h < members->plan.horizon; h++) {
        double levels[STACK_LEVELS];
        for (int i = 0; i < STACK_LEVELS; i++) {
            double z = forecast->log_quantile[i][h];
            levels[i] = forecast->positive ? exp(z) : expm1(fmax(z, 0));
            if (i > 0)
                members->spread[i - 1][h] =
                    scale_in(&members->scale, levels[i]) - scale_in(&members->scale, levels[0]);
        }
        path[h] = levels[0];
    }
    members->spread_known = true;
}

static uint32_t ask_stack(struct members *members, int origin, double *paths)
{
    struct fw_detail detail = {""};
    struct stack_series series = latest(members, origin);
    long horizon = members->plan.horizon;
    uint32_t answer = 0;
    struct stack_forecast *forecast = malloc(sizeof *forecast);
    bool said = forecast != NULL &&
                stack_forecast(members->stack, &series, 1, STACK_STEP, forecast, &detail) == FW_OK;
    if (said) {
        memcpy(paths + MEMBERS_BOOST * horizon, forecast->mean, (size_t)horizon * sizeof *paths);
        answer |= 1u << MEMBERS_BOOST;
    }
    if (said && forecast->quantiles) {
        keep_quantiles(members, forecast, paths + MEMBERS_P50 * horizon);
        answer |= 1u << MEMBERS_P50;
    }
    free(forecast);
    return answer;
}

static bool stack_fits(const struct members *members, int origin)
{
    return (wanted(members, MEMBERS_BOOST) || wanted(members, MEMBERS_P50)) &&
           members->plan.step_ns == HOUR_NS && members->plan.horizon <= STACK_HORIZON &&
           origin >= STACK_LEARN_FIRST + 5 * STACK_HORIZON;
}

uint32_t members_ask_models(struct members *members, int origin, double *paths)
{
    long horizon = members->plan.horizon;
    uint32_t said = 0;
    members->spread_known = false;
    if (wanted(members, MEMBERS_PROPHET) &&
        members_ask_prophet(members, origin, paths + MEMBERS_PROPHET * horizon))
        said |= 1u << MEMBERS_PROPHET;
    if (stack_fits(members, origin)) {
        if (members_due(members, members->stack_made, origin, STACK_DAYS))
            fit_stack(members, origin);
        if (members->stack != NULL)
            said |= ask_stack(members, origin, paths);
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
