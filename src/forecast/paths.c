/* SPDX-License-Identifier: MIT */
#include "forecast/paths.h"

#include "base/check.h"
#include "base/prng.h"
#include "forecast/normal.h"
#include <math.h>
#include <stdlib.h>

const struct paths_law paths_law_usual = {.shared = .2, .decay = .85, .pairs = 0};

enum { LAGS_MAX = 24, PAIRS_LEAST = 40 };

struct ranked {
    double value;
    int at;
};

static int by_value(const void *left, const void *right)
{
    const struct ranked *a = left, *b = right;
    if (a->value < b->value || a->value > b->value)
        return a->value < b->value ? -1 : 1;
    return (a->at > b->at) - (a->at < b->at);
}

/* ---- the law of past errors ---- */

/* Scores of the standard normal, by rank among all errors that are known; the others are left as
 * they are. */
static enum fw_err normal_scores(const double *errors, size_t n, double *scores)
{
    struct ranked *ranked = calloc(n, sizeof *ranked);
    size_t known = 0;
    if (ranked == NULL)
        return FW_NOMEM;
    for (size_t i = 0; i < n; i++)
        if (isfinite(errors[i]))
            ranked[known++] = (struct ranked){errors[i], (int)i};
    qsort(ranked, known, sizeof *ranked, by_value);
    for (size_t i = 0; i < known; i++)
        scores[ranked[i].at] = normal_quantile(((double)i + .5) / (double)known);
    free(ranked);
    return FW_OK;
}

struct lags {
    int count, lag[LAGS_MAX];
    double correlation[LAGS_MAX], pairs[LAGS_MAX];
};

static void measure_lags(const double *scores, int origins, int steps, struct lags *lags)
{
    lags->count = 0;
    for (int lag = 1; lag < steps && lags->count < LAGS_MAX;
         lag = lag < 4 ? lag + 1 : lag * 4 / 3) {
        double sum = 0, pairs = 0;
        for (int i = 0; i < origins; i++)
            for (int h = 0; h + lag < steps; h++) {
                double product = scores[(long)i * steps + h] * scores[(long)i * steps + h + lag];
                if (isfinite(product)) {
                    sum += product;
                    pairs++;
                }
            }
        if (pairs < 1)
            continue;
        lags->lag[lags->count] = lag;
        lags->correlation[lags->count] = sum / pairs;
        lags->pairs[lags->count++] = pairs;
    }
}

static double misfit(const struct lags *lags, double shared, double decay)
{
    double sum = 0;
    for (int i = 0; i < lags->count; i++) {
        double off = shared + (1 - shared) * pow(decay, lags->lag[i]) - lags->correlation[i];
        sum += lags->pairs[i] * off * off;
    }
    return sum;
}

enum fw_err paths_law_measure(struct paths_law *law, const double *errors, int origins, int steps)
{
    enum { GRID = 40 };
    size_t n = (size_t)origins * (size_t)steps;
    struct lags lags = {.count = 0};
    double least = INFINITY;
    *law = paths_law_usual;
    if (n == 0)
        return FW_OK;
    double *scores = calloc(n, sizeof *scores);
    if (scores == NULL)
        return FW_NOMEM;
    for (size_t i = 0; i < n; i++)
        scores[i] = NAN;
    enum fw_err err = normal_scores(errors, n, scores);
    if (err == FW_OK)
        measure_lags(scores, origins, steps, &lags);
    free(scores);
    if (err != FW_OK || lags.count == 0 || lags.pairs[0] < PAIRS_LEAST)
        return err;
    for (int i = 0; i < GRID; i++)
        for (int j = 0; j < GRID; j++) {
            /* decay: finer the slower it is */
            double shared = (double)i / GRID, decay = 1 - pow(1. - (double)j / GRID, 2);
            double off = misfit(&lags, shared, decay);
            if (off < least) {
                least = off;
                *law = (struct paths_law){shared, decay, (int)fmin(lags.pairs[0], 1e9)};
            }
        }
    return FW_OK;
}

/* ---- paths ---- */

struct drawing {
    double *level, *passing, *scores; /* a value a path */
    struct ranked *ranked;
};

/* The values of a step to the paths by the rank of their scores. */
static void deal(double *value, const struct drawing *drawing, int count,
                 paths_quantile_fn *quantile, void *context, int h)
{
    double before = -INFINITY;
    for (int p = 0; p < count; p++)
        drawing->ranked[p] = (struct ranked){drawing->scores[p], p};
    qsort(drawing->ranked, (size_t)count, sizeof *drawing->ranked, by_value);
    for (int i = 0; i < count; i++) {
        before = fmax(before, quantile(context, h, (i + .5) / count));
        value[drawing->ranked[i].at] = before;
    }
}

static void draw(struct paths *paths, const struct paths_law *law, paths_quantile_fn *quantile,
                 void *context, uint64_t seed, const struct drawing *drawing)
{
    struct prng prng;
    int count = paths->count;
    double keeps = sqrt(1 - law->decay * law->decay);
    prng_init(&prng, seed);
    for (int p = 0; p < count; p++) {
        drawing->level[p] = prng_normal(&prng, 0, 1);
        drawing->passing[p] = prng_normal(&prng, 0, 1);
    }
    for (int h = 1; h <= paths->steps; h++) {
        for (int p = 0; p < count; p++) {
            if (h > 1)
                drawing->passing[p] =
                    law->decay * drawing->passing[p] + keeps * prng_normal(&prng, 0, 1);
            drawing->scores[p] =
                sqrt(law->shared) * drawing->level[p] + sqrt(1 - law->shared) * drawing->passing[p];
        }
        deal(paths->value + (size_t)(h - 1) * (size_t)count, drawing, count, quantile, context, h);
    }
}

enum fw_err paths_draw(struct paths *paths, int steps, int count, const struct paths_law *law,
                       paths_quantile_fn *quantile, void *context, uint64_t seed)
{
    CHECK(steps > 0 && count > 0 && count <= PATHS_MAX);
    int fit = PATHS_VALUES_MAX / steps;
    if (count > fit)
        count = fit > PATHS_LEAST ? fit : PATHS_LEAST;
    size_t n = (size_t)count;
    struct drawing drawing = {calloc(n, sizeof(double)), calloc(n, sizeof(double)),
                              calloc(n, sizeof(double)), calloc(n, sizeof *drawing.ranked)};
    *paths = (struct paths){steps, count, calloc((size_t)steps * n, sizeof *paths->value)};
    enum fw_err err =
        drawing.level && drawing.passing && drawing.scores && drawing.ranked && paths->value
            ? FW_OK
            : FW_NOMEM;
    if (err == FW_OK)
        draw(paths, law, quantile, context, seed, &drawing);
    else
        paths_fini(paths);
    free(drawing.level);
    free(drawing.passing);
    free(drawing.scores);
    free(drawing.ranked);
    return err;
}
void paths_fini(struct paths *paths)
{
    free(paths->value);
    *paths = (struct paths){0};
}
