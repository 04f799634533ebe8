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
    if (wanted(members, MEMBERS_PROPHET) &&
        members_ask_prophet(members, origin, paths + MEMBERS_PROPHET * horizon))
        said |= 1u << MEMBERS_PROPHET;
    if (stack_fits(members, origin)) {
        if (members_due(members, members->stack_made, origin, STACK_DAYS))
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
