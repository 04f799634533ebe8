/* SPDX-License-Identifier: MIT */
#include "forecast/members_part.h"

#include "base/check.h"
#include "base/stats.h"
#include "forecast/ridge.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_MAX = 3000, LEARN_MIN = 48, WEEKS_MAX = 4, DAYS_MAX = 7, SHORT = 1000 };

const char *const members_names[MEMBERS_COUNT] = {
    "last",   "day",     "week",     "days",   "weeks",   "shifted", "ridge",
    "levels", "changes", "harmonic", "recent", "prophet", "boost",   "boost-p50"};

/* A hole takes what the same time a week or a day before was, else the value before it. */
static double filling(const struct members *members, const double *x, int t)
{
    if (members->plan.week > 0 && t >= members->plan.week)
        return x[t - members->plan.week];
    if (members->plan.day > 0 && t >= members->plan.day)
        return x[t - members->plan.day];
    return t > 0 ? x[t - 1] : NAN;
}

static void fill(struct members *members)
{
    int known = -1;
    for (int t = 0; t < members->n; t++) {
        bool missing = !isfinite(members->y[t]);
        members->filled[t] = missing ? filling(members, members->filled, t)
                                     : scale_in(&members->scale, members->y[t]);
        members->levels[t] = missing ? filling(members, members->levels, t) : members->y[t];
        if (known < 0 && !missing)
            known = t;
    }
    for (int t = 0; t < known; t++) { /* holes before the first value */
        members->filled[t] = members->filled[known];
        members->levels[t] = members->levels[known];
    }
    for (int t = known + 1; t < members->n; t++) /* holes filled from those */
        if (!isfinite(members->filled[t])) {
            members->filled[t] = members->filled[t - 1];
            members->levels[t] = members->levels[t - 1];
        }
}

static enum fw_err make_fits(struct members *members)
{
    const struct members_plan *plan = &members->plan;
    int daily = plan->day > 0 ? (plan->day - 1) / 2 : 0;
    int weekly = (plan->week - 1) / 2;
    struct fourier_settings settings = {
        plan->day, plan->week, daily < 11 ? daily : 11, weekly < 20 ? weekly : 20, .9985, 3};
    double a_day = plan->day > 0 ? 24. / plan->day : 24; /* hours a step */
    if (plan->week == 0)
        return FW_OK;
    for (int i = 0; i < 2; i++) {
        settings.forget = pow(i == 0 ? .9985 : .995, a_day < 4 ? a_day : 4);
        FW_TRY(fourier_init(&members->fits[i], &settings, plan->first, plan->spacing, plan->count));
        int last = members_origin(plan, plan->count - 1);
        if (last != plan->first + (plan->count - 1) * plan->spacing)
            FW_TRY(fourier_init(&members->last_fits[i], &settings, last, 1, 1));
        fourier_start(&members->states[i]);
    }
    members->fits_made = true;
    return FW_OK;
}

enum fw_err members_init(struct members *members, const double *y, int n,
                         const struct members_plan *plan, struct fw_detail *detail)
{
    bool known = false;
    *members = (struct members){.plan = *plan, .n = n, .y = y};
    for (int t = 0; t < plan->first && !known; t++)
        known = isfinite(y[t]);
    if (!known)
        return err_set(detail, FW_INPUT, "no value before the first origin, step %d", plan->first);
    members->scale = plan->scale != NULL ? *plan->scale : scale_choose(y, n);
    members->plan.scale = NULL; /* the caller's */
    size_t room = (size_t)n + (size_t)plan->horizon;
    members->filled = calloc(room, sizeof *members->filled);
    members->levels = calloc(room, sizeof *members->levels);
    enum fw_err err = members->filled != NULL && members->levels != NULL ? FW_OK : FW_NOMEM;
    if (err == FW_OK) {
        fill(members);
        err = make_fits(members);
    }
    if (err != FW_OK)
        members_fini(members);
    return err;
}

void members_fini(struct members *members)
{
    free(members->filled);
    free(members->levels);
    for (int i = 0; i < 2; i++)
        fourier_fini(&members->fits[i]);
    for (int i = 0; i < 2; i++)
        fourier_fini(&members->last_fits[i]);
    members_models_fini(members);
    memset(members, 0, sizeof *members);
}

/* ---- seasons ---- */

static double back(const struct members *members, int origin, int h, int season)
{
    int t = origin + h - 1;
    while (t >= origin)
        t -= season;
    return members->levels[t];
}

/* The last week's day and the last day, on the scale: how far the level moved. */
static uint32_t ask_shifted(const struct members *members, int origin, double *paths)
{
    int week = members->plan.week, day = members->plan.day > 0 ? members->plan.day : 1;
    double moved = 0;
    if (week == 0 || origin < week + day)
        return 0;
    for (int i = 1; i <= day; i++)
        moved += members->filled[origin - i] - members->filled[origin - i - week];
    moved /= day;
    for (int h = 0; h < members->plan.horizon; h++) {
        int t = origin + h;
        while (t >= origin)
            t -= week;
        paths[MEMBERS_SHIFTED * members->plan.horizon + h] =
            scale_out(&members->scale, members->filled[t] + moved);
    }
    return 1u << MEMBERS_SHIFTED;
}

static uint32_t ask_seasons(const struct members *members, int origin, double *paths)
{
    int day = members->plan.day, week = members->plan.week, horizon = members->plan.horizon;
    uint32_t said = 1u << MEMBERS_LAST;
    for (int h = 1; h <= horizon; h++) {
        double values[DAYS_MAX], sum = 0;
        int count = 0;
        paths[MEMBERS_LAST * horizon + h - 1] = members->levels[origin - 1];
        if (day > 0 && origin >= day) {
            paths[MEMBERS_DAY * horizon + h - 1] = back(members, origin, h, day);
            said |= 1u << MEMBERS_DAY;
            for (int t = origin + h - 1; t >= 0 && count < DAYS_MAX; t -= day)
                if (t < origin) {
                    sum += members->levels[t];
                    count++;
                }
            paths[MEMBERS_DAYS * horizon + h - 1] = sum / count;
            said |= 1u << MEMBERS_DAYS;
        }
        if (week == 0 || origin < week)
            continue;
        paths[MEMBERS_WEEK * horizon + h - 1] = back(members, origin, h, week);
        count = 0;
        for (int t = origin + h - 1; t >= 0 && count < WEEKS_MAX; t -= week)
            if (t < origin)
                values[count++] = members->levels[t];
        stats_sort_doubles(values, (size_t)count);
        paths[MEMBERS_WEEKS * horizon + h - 1] = stats_quantile(values, (size_t)count, .5);
        said |= 1u << MEMBERS_WEEK | 1u << MEMBERS_WEEKS;
    }
    return said;
}

/* ---- autoregressions ---- */

static void add_lag(struct ridge_settings *settings, int lag, int most)
{
    if (lag < 1 || lag > most || settings->count == RIDGE_LAGS_MAX)
        return;
    int at = settings->count;
    while (at > 0 && settings->lags[at - 1] >= lag)
        at--;
    if (at < settings->count && settings->lags[at] == lag)
        return;
    for (int i = settings->count; i > at; i--)
        settings->lags[i] = settings->lags[i - 1];
    settings->lags[at] = lag;
    settings->count++;
}

/* The last steps, and around the same time of earlier days and a week ago; none so long ago that
 * few rows would be left. */
static struct ridge_settings lags_for(const struct members_plan *plan, int known)
{
    struct ridge_settings settings = {.lambda = known < SHORT ? 3 : 1, .forget = .9995};
    int left = known * 55 / 100 > 96 ? known * 55 / 100 : 96;
    int most = known - left;
    for (int lag = 1; lag <= 4; lag++)
        add_lag(&settings, lag, most);
    for (int i = -1; i <= 2 && plan->day > 0; i++)
        add_lag(&settings, plan->day + i, most);
    for (int days = 2; days <= 6 && plan->day > 0; days++)
        for (int i = days == 4 || days == 5 ? 0 : -1; i <= (days == 4 || days == 5 ? 0 : 1); i++)
            add_lag(&settings, days * plan->day + i, most);
    for (int i = -2; i <= 3 && plan->week > 0; i++)
        add_lag(&settings, plan->week + i, most);
    if (plan->day == 0 && plan->week > 0)
        for (int weeks = 2; weeks <= 4; weeks++)
            add_lag(&settings, weeks * plan->week, most);
    return settings;
}

bool members_regress(const struct members *members, const double *x, int n, double *path)
{
    int rows = n < ROWS_MAX ? n : ROWS_MAX, horizon = members->plan.horizon, from = n - rows;
    struct ridge_settings settings = lags_for(&members->plan, rows);
    double mean = 0, sd = 0, low = INFINITY, high = -INFINITY;
    double *scaled = malloc((size_t)(rows + horizon) * sizeof *scaled);
    struct ridge ridge;
    if (scaled == NULL || settings.count == 0 || rows < LEARN_MIN) {
        free(scaled);
        return false;
    }
    for (int t = 0; t < rows; t++)
        mean += x[from + t] / rows;
    for (int t = 0; t < rows; t++)
        sd += (x[from + t] - mean) * (x[from + t] - mean) / rows;
    sd = sqrt(sd) > 1e-12 * (fabs(mean) + 1e-300) ? sqrt(sd) : 1;
    ridge_init(&ridge, &settings);
    for (int t = 0; t < rows; t++) {
        scaled[t] = (x[from + t] - mean) / sd;
        low = fmin(low, scaled[t]);
        high = fmax(high, scaled[t]);
        if (isfinite(members->y[from + t]))
            ridge_learn(&ridge, scaled, t);
    }
    double beyond = n < SHORT ? .5 : 1;
    bool fits = ridge_fit(&ridge);
    ridge_path(&ridge, scaled, rows, horizon, low - beyond, high + beyond);
    for (int h = 0; h < horizon; h++)
        path[h] = scaled[rows + h] * sd + mean;
    free(scaled);
    return fits;
}

static bool ask_changes(const struct members *members, int origin, double *path)
{
    int season = members->plan.day > 0 ? members->plan.day : members->plan.week;
    int horizon = members->plan.horizon;
    if (season == 0 || origin < 2 * season)
        return false;
    double *changes = malloc((size_t)origin * sizeof *changes);
    if (changes == NULL)
        return false;
    for (int t = 0; t < origin; t++)
        changes[t] = t < season ? 0 : members->filled[t] - members->filled[t - season];
    bool said = members_regress(members, changes, origin, path);
    free(changes);
    for (int h = 0; h < horizon && said; h++)
        path[h] += h < season ? members->filled[origin + h - season] : path[h - season];
    return said;
}

static void to_levels(const struct members *members, double *path)
{
    for (int h = 0; h < members->plan.horizon; h++)
        path[h] = scale_out(&members->scale, path[h]);
}

static uint32_t ask_regressions(const struct members *members, int origin, double *paths)
{
    int horizon = members->plan.horizon;
    double *ridge = paths + (long)MEMBERS_RIDGE * horizon;
    double *levels = paths + (long)MEMBERS_LEVELS * horizon;
    double *changes = paths + (long)MEMBERS_CHANGES * horizon;
    uint32_t said = 0;
    if (members_regress(members, members->filled, origin, ridge)) {
        to_levels(members, ridge);
        said |= 1u << MEMBERS_RIDGE;
    }
    if (members->scale.logs && members_regress(members, members->levels, origin, levels)) {
        for (int h = 0; h < horizon; h++)
            levels[h] = fmax(levels[h], 0);
        said |= 1u << MEMBERS_LEVELS;
    }
    if (ask_changes(members, origin, changes)) {
        to_levels(members, changes);
        said |= 1u << MEMBERS_CHANGES;
    }
    return said;
}

/* ---- harmonics ---- */

static uint32_t ask_harmonics(struct members *members, int origin, double *paths)
{
    int horizon = members->plan.horizon;
    uint32_t said = 0;
    if (!members->fits_made)
        return 0;
    double base = members->filled[0]; /* large levels would cost digits */
    for (int i = 0; i < 2; i++) {
        const struct fourier *fit = &members->fits[i];
        if (members->last_fits[i].count > 0 && members->last_fits[i].first == origin)
            fit = &members->last_fits[i];
        for (int t = members->learned; t < origin; t++)
            fourier_learn(fit, &members->states[i], t, members->filled[t] - base);
        if (origin < members->plan.week)
            continue;
        double *path = paths + (long)(MEMBERS_HARMONIC + i) * horizon;
        fourier_fit(fit, &members->states[i], origin);
        for (int h = 0; h < horizon; h++)
            path[h] = fourier_value(fit, &members->states[i], origin + h) + base;
        to_levels(members, path);
        said |= 1u << (MEMBERS_HARMONIC + i);
    }
    members->learned = origin;
    return said;
}

uint32_t members_ask(struct members *members, int k, double *paths)
{
    int origin = members_origin(&members->plan, k);
    CHECK(k >= 0 && k < members->plan.count && origin <= members->n);
    uint32_t said = ask_seasons(members, origin, paths);
    said |= ask_shifted(members, origin, paths);
    said |= ask_regressions(members, origin, paths);
    said |= ask_harmonics(members, origin, paths);
    said |= members_ask_models(members, origin, paths);
    return said & ~members->plan.without;
}
