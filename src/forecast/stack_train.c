/* SPDX-License-Identifier: MIT
 * Learning: rows of random hours after every sixth hour of every series. */
#include "base/grow.h"
#include "base/prng.h"
#include "forecast/stack_part.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TARGET_MAX = 8 };

const struct stack_settings stack_defaults = {
    .hours_per_origin = 5,
    .rounds = 120,
    .threads = 1,
    .seed = 1,
    .widths = {2.28, 2.67, 3.46},
};
static const struct boost_settings booster = {
    .objective = "reg:pseudohubererror",
    .depth = 6,
    .max_bin = 64,
    .eta = .12,
    .subsample = .7,
    .colsample = .6,
    .min_child_weight = 20,
    .lambda = 10,
};

const double stack_levels[STACK_LEVELS] = {.5, .75, .9, .95, .99};
/* One series may be all there is: few rows, so small trees. */
static const struct boost_settings quantile_booster = {
    .depth = 3,
    .max_bin = 64,
    .eta = .15,
    .subsample = .7,
    .colsample = .6,
    .min_child_weight = 20,
    .lambda = 1,
};

struct rows {
    float *columns;
    float *more; /* NULL: no quantiles are learned */
    float *targets[STACK_MODELS];
    float *weights;
    uint64_t count, capacity;
};

static void rows_free(struct rows *rows)
{
    free(rows->columns);
    free(rows->more);
    free(rows->weights);
    for (int i = 0; i < STACK_MODELS; i++)
        free(rows->targets[i]);
}

static enum fw_err rows_alloc(struct rows *rows, uint64_t capacity, bool quantiles)
{
    bool got = true;
    if (quantiles)
        got = (rows->more = malloc(capacity * STACK_MORE * sizeof *rows->more)) != NULL;
    rows->capacity = capacity;
    rows->columns = malloc(capacity * STACK_COLUMNS * sizeof *rows->columns);
    rows->weights = malloc(capacity * sizeof *rows->weights);
    for (int i = 0; i < STACK_MODELS; i++)
        got &= (rows->targets[i] = malloc(capacity * sizeof *rows->targets[i])) != NULL;
    return got && rows->columns != NULL && rows->weights != NULL ? FW_OK : FW_NOMEM;
}

enum fw_err stack_check(const struct stack_series *series, int number, struct fw_detail *detail)
{
    if (series->n < STACK_LENGTH_MIN)
        return err_set(detail, FW_INPUT, "series %d: %d hours, at least %d are needed", number + 1,
                       series->n, STACK_LENGTH_MIN);
    for (int i = 0; i < series->n; i++)
        if (!isfinite(series->y[i]))
            return err_set(detail, FW_INPUT, "series %d: hour %d is missing or not finite",
                           number + 1, i + 1);
    return FW_OK;
}

double stack_base(const struct stack_origin *origin, const struct stack_said *said, int model,
                  int h)
{
    switch (model) {
    case 0:
        return (said->path[MEMBER_ARLOG][h - 1] + said->path[MEMBER_ARLVL][h - 1]) / 2;
    case 1:
        return said->path[MEMBER_ARLOG][h - 1];
    case 2:
        return said->path[MEMBER_ARD24][h - 1];
    default:
        return stack_origin_base(origin, h);
    }
}

/* The slope of OWA, the competition's mean of two relative errors, at this hour of this series. */
static double weight_of(const struct stack_view *view, const struct stack_origin *origin,
                        double y_changes, int h)
{
    double level = view->positive ? exp(stack_origin_base(origin, h)) : 1;
    return origin->unit * (100 / 18.383 + level / (2.395 * fmax(y_changes, 1e-9)));
}

static void add_row(struct rows *rows, const struct stack_view *view,
                    const struct stack_origin *origin, const struct stack_said *said,
                    double y_changes, int h)
{
    uint64_t row = rows->count++;
    double actual = view->z[origin->at + h - 1];
    stack_columns_fill(origin, said, h, rows->columns + row * STACK_COLUMNS);
    for (int i = 0; i < STACK_MODELS; i++) {
        double target = (actual - stack_base(origin, said, i, h)) / origin->unit;
        rows->targets[i][row] = (float)fmin(fmax(target, -TARGET_MAX), TARGET_MAX);
    }
    rows->weights[row] = (float)sqrt(weight_of(view, origin, y_changes, h));
}

/* Draws `wanted` different hours of the horizon. */
static void draw_hours(struct prng *prng, int wanted, int hours[STACK_HORIZON])
{
    for (int i = 0; i < STACK_HORIZON; i++)
        hours[i] = i + 1;
    for (int i = 0; i < wanted; i++) {
        int j = i + (int)prng_below(prng, (uint64_t)(STACK_HORIZON - i)), kept = hours[i];
        hours[i] = hours[j];
        hours[j] = kept;
    }
}

static double mean_changes(const double *y, int n)
{
    double sum = 0;
    for (int t = STACK_DAY; t < n; t++)
        sum += fabs(y[t] - y[t - STACK_DAY]);
    return sum / (n - STACK_DAY);
}

/* The series' rows: origins and hours whose truth is there. */
static enum fw_err add_series(struct rows *rows, const struct stack_series *series,
                              const struct stack_settings *settings,
                              const struct stack_grams *grams, struct prng *prng)
{
    struct stack_view view;
    struct stack_origin origin = {0};
    struct stack_said said;
    int hours[STACK_HORIZON];
    float of_origin[STACK_MORE_OF_ORIGIN];
    enum fw_err err = stack_view_init(&view, series->y, series->n);
    struct stack_run *run = malloc(sizeof *run);
    if (err != FW_OK || run == NULL) {
        free(run);
        stack_view_fini(&view);
        return FW_NOMEM;
    }
    double y_changes = mean_changes(series->y, series->n);
    stack_run_start(run, &view, grams);
    for (int i = 0; i < view.origin_count; i++) {
        int at = view.origin_first + i * STACK_STEP;
        if (at < STACK_LEARN_FIRST || at + STACK_HORIZON > series->n)
            continue;
        stack_run_ask(run, at, &said);
        stack_origin_move(&origin, view.z, at);
        draw_hours(prng, settings->hours_per_origin, hours);
        if (rows->more != NULL)
            stack_more_of_origin(&origin, &series->beside, of_origin);
        for (int k = 0; k < settings->hours_per_origin; k++) {
            if (rows->more != NULL)
                stack_more_fill(&origin, &series->beside, of_origin, hours[k],
                                rows->more + rows->count * STACK_MORE);
            add_row(rows, &view, &origin, &said, y_changes, hours[k]);
        }
    }
    free(run);
    stack_view_fini(&view);
    return FW_OK;
}

static int origins_of(int n)
{
    int count = (n - STACK_FIRST) / STACK_STEP;
    return count < STACK_ORIGINS_MAX ? count : STACK_ORIGINS_MAX;
}

static bool seen_before(const struct stack_series *series, int i)
{
    for (int j = 0; j < i; j++)
        if (series[j].n == series[i].n)
            return true;
    return false;
}

/* All rows, in the order of the series' numbers, the Gram matrices made once for each length. */
static enum fw_err add_all(struct rows *rows, const struct stack_series *series, int count,
                           const struct stack_settings *settings)
{
    struct prng prng;
    for (int i = 0; i < count; i++) {
        struct stack_grams grams;
        int origins = origins_of(series[i].n);
        if (seen_before(series, i))
            continue;
        enum fw_err err = stack_grams_init(&grams, series[i].n - STACK_STEP * origins, origins);
        for (int j = i; j < count && err == FW_OK; j++) {
            prng_init(&prng, prng_mix(settings->seed, (uint64_t)j));
            if (series[j].n == series[i].n)
                err = add_series(rows, &series[j], settings, &grams, &prng);
        }
        stack_grams_fini(&grams);
        if (err != FW_OK)
            return err;
    }
    return FW_OK;
}

static void normalise(struct rows *rows)
{
    double sum = 0;
    for (uint64_t i = 0; i < rows->count; i++)
        sum += (double)rows->weights[i];
    double mean = rows->count > 0 ? sum / (double)rows->count : 1;
    for (uint64_t i = 0; i < rows->count; i++)
        rows->weights[i] = (float)fmin(fmax((double)rows->weights[i] / mean, .05), 20);
}

static enum fw_err boost_all(struct stack *stack, const struct rows *rows, struct fw_detail *detail)
{
    struct boost_rows *learned = NULL;
    struct boost_settings settings = booster;
    settings.rounds = stack->settings.rounds;
    settings.threads = stack->settings.threads;
    enum fw_err err = boost_rows_create(&learned, rows->columns, rows->count, STACK_COLUMNS,
                                        settings.threads, detail);
    for (int i = 0; i < STACK_MODELS && err == FW_OK; i++) {
        settings.seed =
            (uint32_t)(prng_mix(stack->settings.seed, UINT64_C(1) << 40 | (uint64_t)i) >> 33);
        err = boost_rows_label(learned, rows->targets[i], rows->weights, detail);
        if (err == FW_OK)
            err = boost_train(&stack->models[i], learned, &settings, detail);
    }
    boost_rows_free(&learned);
    return err;
}

static enum fw_err boost_quantiles(struct stack *stack, const struct rows *rows,
                                   struct fw_detail *detail)
{
    struct boost_rows *learned = NULL;
    struct boost_settings settings = quantile_booster;
    float *seen = malloc(rows->count * STACK_SEEN * sizeof *seen);
    if (seen == NULL)
        return FW_NOMEM;
    for (uint64_t i = 0; i < rows->count; i++) {
        float *row = seen + i * STACK_SEEN;
        memcpy(row, rows->columns + i * STACK_COLUMNS, STACK_COLUMNS * sizeof *row);
        memcpy(row + STACK_COLUMNS, rows->more + i * STACK_MORE, STACK_MORE * sizeof *row);
    }
    settings.rounds = stack->settings.quantile_rounds;
    settings.threads = stack->settings.threads;
    enum fw_err err =
        boost_rows_create(&learned, seen, rows->count, STACK_SEEN, settings.threads, detail);
    free(seen);
    if (err == FW_OK)
        err = boost_rows_label(learned, rows->targets[0], NULL, detail);
    for (int i = 0; i < STACK_LEVELS && err == FW_OK; i++) {
        settings.quantile = stack_levels[i];
        settings.seed =
            (uint32_t)(prng_mix(stack->settings.seed, UINT64_C(1) << 41 | (uint64_t)i) >> 33);
        err = boost_train(&stack->quantiles[i], learned, &settings, detail);
    }
    boost_rows_free(&learned);
    return err;
}

enum fw_err stack_train(struct stack **out, const struct stack_series *series, int count,
                        const struct stack_settings *settings, struct fw_detail *detail)
{
    struct rows rows = {0};
    uint64_t capacity = 0;
    for (int i = 0; i < count; i++) {
        enum fw_err err = stack_check(&series[i], i, detail);
        if (err != FW_OK)
            return err;
        capacity += (uint64_t)origins_of(series[i].n) * (uint64_t)settings->hours_per_origin;
    }
    struct stack *made = calloc(1, sizeof *made);
    if (made == NULL)
        return FW_NOMEM;
    made->settings = *settings;
    enum fw_err err = rows_alloc(&rows, capacity + 1, settings->quantile_rounds > 0);
    if (err == FW_OK)
        err = add_all(&rows, series, count, settings);
    if (err == FW_OK && rows.count == 0)
        err =
            err_set(detail, FW_INPUT, "no series is long enough to learn from: %d hours are needed",
                    STACK_LEARN_FIRST + STACK_HORIZON);
    normalise(&rows);
    if (err == FW_OK)
        err = boost_all(made, &rows, detail);
    if (err == FW_OK && rows.more != NULL)
        err = boost_quantiles(made, &rows, detail);
    rows_free(&rows);
    if (err != FW_OK) {
        stack_free(&made);
        return err;
    }
    *out = made;
    return FW_OK;
}

void stack_free(struct stack **stack)
{
    if (*stack == NULL)
        return;
    for (int i = 0; i < STACK_MODELS; i++)
        boost_free(&(*stack)->models[i]);
    for (int i = 0; i < STACK_LEVELS; i++)
        boost_free(&(*stack)->quantiles[i]);
    free(*stack);
    *stack = NULL;
}
