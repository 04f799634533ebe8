/* SPDX-License-Identifier: MIT */
#include "forecast/stack_members.h"

#include "base/check.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct ridge_settings change_settings = {
    .lags = {1, 2, 3, 24, 25, 48, 72, 96, 120, 144, 145, 167, 168, 169},
    .count = 14,
    .lambda = 2,
    .forget = 1,
};
static const struct fourier_settings fourier_settings[MEMBER_FOURIER_COUNT] = {
    {STACK_DAY, STACK_WEEK, 11, 20, .forget = .9985, .lambda = 3},
    {STACK_DAY, STACK_WEEK, 11, 20, .forget = .995, .lambda = 3},
    {STACK_DAY, STACK_WEEK, 11, 0, .forget = .98, .lambda = 1},
    {STACK_DAY, STACK_WEEK, 11, 55, .forget = .999, .lambda = 2},
};

/* Mean and standard deviation of the first two weeks; 1 for a constant. */
static void scale_of(const double *values, int n, double *mean, double *sd)
{
    double sum = 0, squares = 0;
    n = n < STACK_SCALE ? n : STACK_SCALE;
    for (int i = 0; i < n; i++)
        sum += values[i];
    *mean = sum / n;
    for (int i = 0; i < n; i++)
        squares += (values[i] - *mean) * (values[i] - *mean);
    *sd = sqrt(squares / n);
    if (!(*sd > 1e-9 * (fabs(*mean) + 1e-300)))
        *sd = 1;
}

static void fill(struct stack_view *view, const double *y)
{
    int n = view->n;
    view->y_least = INFINITY;
    for (int i = 0; i < n; i++)
        view->y_least = fmin(view->y_least, y[i]);
    view->positive = view->y_least > 0;
    for (int i = 0; i < n; i++)
        view->z[i] = view->positive ? log(y[i]) : log1p(fmax(y[i], 0));
    scale_of(view->z, n, &view->z_mean, &view->z_sd);
    scale_of(y, n, &view->y_mean, &view->y_sd);
    for (int i = 0; i < n; i++) {
        view->scaled[i] = (view->z[i] - view->z_mean) / view->z_sd;
        view->levels[i] = (y[i] - view->y_mean) / view->y_sd;
        view->changes[i] = i >= STACK_DAY ? view->scaled[i] - view->scaled[i - STACK_DAY] : 0;
    }
}

enum fw_err stack_view_init(struct stack_view *view, const double *y, int n)
{
    CHECK(n >= STACK_LENGTH_MIN);
    size_t room = (size_t)n + STACK_HORIZON;
    memset(view, 0, sizeof *view);
    double *all = calloc(4 * room, sizeof *all);
    if (all == NULL)
        return FW_NOMEM;
    view->n = n;
    view->z = all;
    view->scaled = all + room;
    view->levels = all + 2 * room;
    view->changes = all + 3 * room;
    fill(view, y);
    int count = (n - STACK_FIRST) / STACK_STEP;
    view->origin_count = count < STACK_ORIGINS_MAX ? count : STACK_ORIGINS_MAX;
    view->origin_first = n - STACK_STEP * view->origin_count;
    return FW_OK;
}

void stack_view_fini(struct stack_view *view)
{
    free(view->z);
    memset(view, 0, sizeof *view);
}

double stack_view_level(const struct stack_view *view, double z)
{
    return view->positive ? exp(z) : expm1(z);
}

enum fw_err stack_grams_init(struct stack_grams *grams, int first, int count)
{
    memset(grams, 0, sizeof *grams);
    for (int i = 0; i < MEMBER_FOURIER_COUNT; i++) {
        enum fw_err err =
            fourier_init(&grams->fits[i], &fourier_settings[i], first, STACK_STEP, count);
        if (err != FW_OK) {
            stack_grams_fini(grams);
            return err;
        }
    }
    return FW_OK;
}

void stack_grams_fini(struct stack_grams *grams)
{
    for (int i = 0; i < MEMBER_FOURIER_COUNT; i++)
        fourier_fini(&grams->fits[i]);
}

void stack_run_start(struct stack_run *run, struct stack_view *view,
                     const struct stack_grams *grams)
{
    struct ridge_settings forgetting = ridge_hourly;
    forgetting.forget = .997;
    memset(run, 0, sizeof *run);
    run->view = view;
    run->grams = grams;
    ridge_init(&run->autoregressions[MEMBER_ARLOG], &ridge_hourly);
    ridge_init(&run->autoregressions[MEMBER_ARLVL], &ridge_hourly);
    ridge_init(&run->autoregressions[MEMBER_ARFOR], &forgetting);
    ridge_init(&run->autoregressions[MEMBER_ARD24], &change_settings);
    for (int i = 0; i < MEMBER_FOURIER_COUNT; i++)
        fourier_start(&run->fits[i]);
    run->low[0] = run->low[1] = run->y_least = INFINITY;
    run->high[0] = run->high[1] = -INFINITY;
}

static void learn(struct stack_run *run, int t)
{
    const struct stack_view *view = run->view;
    ridge_learn(&run->autoregressions[MEMBER_ARLOG], view->scaled, t);
    ridge_learn(&run->autoregressions[MEMBER_ARLVL], view->levels, t);
    ridge_learn(&run->autoregressions[MEMBER_ARFOR], view->scaled, t);
    if (t >= STACK_DAY + change_settings.lags[change_settings.count - 1])
        ridge_learn(&run->autoregressions[MEMBER_ARD24], view->changes, t);
    for (int i = 0; i < MEMBER_FOURIER_COUNT; i++)
        fourier_learn(&run->grams->fits[i], &run->fits[i], t, view->scaled[t]);
    run->low[0] = fmin(run->low[0], view->scaled[t]);
    run->high[0] = fmax(run->high[0], view->scaled[t]);
    run->low[1] = fmin(run->low[1], view->levels[t]);
    run->high[1] = fmax(run->high[1], view->levels[t]);
    run->y_least = fmin(run->y_least, view->levels[t] * view->y_sd + view->y_mean);
    run->known = t + 1;
}

static double unscaled(const struct stack_view *view, double scaled)
{
    return scaled * view->z_sd + view->z_mean;
}

/* The forecast lies for a moment where the values to come lie. */
static void ask_scaled(struct stack_run *run, enum stack_member member, int origin, double *path)
{
    double kept[STACK_HORIZON], *at = run->view->scaled + origin;
    memcpy(kept, at, sizeof kept);
    ridge_path(&run->autoregressions[member], run->view->scaled, origin, STACK_HORIZON,
               run->low[0] - 1, run->high[0] + 1);
    for (int h = 0; h < STACK_HORIZON; h++)
        path[h] = unscaled(run->view, at[h]);
    memcpy(at, kept, sizeof kept);
}

static void ask_levels(struct stack_run *run, int origin, double *path)
{
    struct stack_view *view = run->view;
    double kept[STACK_HORIZON], *at = view->levels + origin;
    double least = view->positive ? run->y_least / 2 : 0;
    memcpy(kept, at, sizeof kept);
    ridge_path(&run->autoregressions[MEMBER_ARLVL], view->levels, origin, STACK_HORIZON,
               run->low[1] - 1, run->high[1] + 1);
    for (int h = 0; h < STACK_HORIZON; h++) {
        double y = fmax(at[h] * view->y_sd + view->y_mean, least);
        path[h] = view->positive ? log(y) : log1p(y);
    }
    memcpy(at, kept, sizeof kept);
}

static void ask_changes(struct stack_run *run, int origin, double *path)
{
    struct stack_view *view = run->view;
    double kept[STACK_HORIZON], *at = view->changes + origin, scaled[STACK_HORIZON];
    memcpy(kept, at, sizeof kept);
    ridge_path(&run->autoregressions[MEMBER_ARD24], view->changes, origin, STACK_HORIZON, -INFINITY,
               INFINITY);
    for (int h = 0; h < STACK_HORIZON; h++) {
        double before =
            h < STACK_DAY ? view->scaled[origin + h - STACK_DAY] : scaled[h - STACK_DAY];
        scaled[h] = fmin(fmax(before + at[h], run->low[0] - 1), run->high[0] + 1);
        path[h] = unscaled(view, scaled[h]);
    }
    memcpy(at, kept, sizeof kept);
}

static void ask_fourier(struct stack_run *run, int index, int origin, struct stack_said *said)
{
    const struct fourier *fourier = &run->grams->fits[index];
    struct fourier_state *state = &run->fits[index];
    const double *scaled = run->view->scaled;
    fourier_fit(fourier, state, origin);
    for (int h = 0; h < STACK_HORIZON; h++) {
        double value = fourier_value(fourier, state, origin + h);
        value = fmin(fmax(value, run->low[0] - 1), run->high[0] + 1);
        said->path[MEMBER_DHR + index][h] = unscaled(run->view, value);
    }
    double sum = 0, *residual = said->residual[index];
    for (int back = 1; back <= STACK_DAY; back++) {
        sum += scaled[origin - back] - fourier_value(fourier, state, origin - back);
        if (back == 1 || back == 3 || back == STACK_DAY)
            residual[back == 1 ? 0 : back == 3 ? 1 : 2] = sum / back * run->view->z_sd;
    }
}

void stack_run_ask(struct stack_run *run, int origin, struct stack_said *said)
{
    CHECK(origin >= run->known && origin <= run->view->n);
    for (int t = run->known; t < origin; t++)
        learn(run, t);
    for (int i = 0; i < MEMBER_AR_COUNT; i++)
        (void)ridge_fit(&run->autoregressions[i]);
    ask_scaled(run, MEMBER_ARLOG, origin, said->path[MEMBER_ARLOG]);
    ask_scaled(run, MEMBER_ARFOR, origin, said->path[MEMBER_ARFOR]);
    ask_levels(run, origin, said->path[MEMBER_ARLVL]);
    ask_changes(run, origin, said->path[MEMBER_ARD24]);
    for (int i = 0; i < MEMBER_FOURIER_COUNT; i++)
        ask_fourier(run, i, origin, said);
}
