/* SPDX-License-Identifier: MIT */
#include "forecast/peaks.h"

#include "base/stats.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { USUAL_DAYS = 14, STARTS_A_BLOCK = 24, WITHIN_A_DAY = ENSEMBLE_BLOCKS - 2 };
#define STEP_OF_LEVEL                                                                              \
    .01 /* by which a miss moves a level of .95; others in proportion to what they                 \
           leave */
#define LEVEL_MOST .9999

/* The windows that begin in one block of the horizon. */
struct pool {
    double *ratios; /* ascending */
    size_t count, capacity;
    double moved[PEAKS_LEVELS];
    int stride; /* of every so many beginnings one is looked at */
};
struct peaks {
    struct members_plan plan;
    struct peaks_settings settings;
    const double *y;
    int n, walked, season;
    int now, before;   /* values known at the last origin, and at the one before it */
    double *reference; /* by origin, horizon each */
    double *said;      /* by origin, block and level: ratios; NaN: none */
    double *usual;     /* of the last origin, horizon */
    double *scratch;
    struct pool pools[ENSEMBLE_BLOCKS];
};

void peaks_maxima(double *values, int n, int window)
{
    int reach = 1;
    while (reach < window) {
        int by = 2 * reach <= window ? reach : window - reach;
        for (int t = 0; t + by < n; t++)
            values[t] = fmax(values[t], values[t + by]);
        reach += by;
    }
}

double peaks_reference(double expected, double usual)
{
    return .5 * expected + .5 * fmax(expected, usual);
}

enum fw_err peaks_create(struct peaks **out, const double *y, int n,
                         const struct members_plan *plan, const struct peaks_settings *settings)
{
    struct peaks *made = calloc(1, sizeof *made);
    size_t horizon = (size_t)plan->horizon, origins = (size_t)plan->count;
    if (made == NULL)
        return FW_NOMEM;
    made->plan = *plan;
    made->settings = *settings;
    made->y = y;
    made->n = n;
    made->season = plan->day > 0 ? plan->day : plan->week > 0 ? plan->week : 1;
    made->reference = calloc(origins * horizon, sizeof *made->reference);
    made->said = calloc(origins * ENSEMBLE_BLOCKS * PEAKS_LEVELS, sizeof *made->said);
    made->usual = calloc(horizon, sizeof *made->usual);
    made->scratch = calloc(horizon, sizeof *made->scratch);
    if (!made->reference || !made->said || !made->usual || !made->scratch) {
        peaks_free(&made);
        return FW_NOMEM;
    }
    int starts[ENSEMBLE_BLOCKS] = {0};
    for (int h = 1; h <= plan->horizon - settings->window + 1; h++)
        starts[ensemble_block(plan, h)]++;
    for (int i = 0; i < ENSEMBLE_BLOCKS; i++)
        made->pools[i].stride = (starts[i] + STARTS_A_BLOCK - 1) / STARTS_A_BLOCK;
    *out = made;
    return FW_OK;
}

void peaks_free(struct peaks **peaks)
{
    if (*peaks == NULL)
        return;
    for (int i = 0; i < ENSEMBLE_BLOCKS; i++)
        free((*peaks)->pools[i].ratios);
    free((*peaks)->reference);
    free((*peaks)->said);
    free((*peaks)->usual);
    free((*peaks)->scratch);
    free(*peaks);
    *peaks = NULL;
}

/* ---- ratios ---- */

/* A ratio that no memory is left for is not kept: the others stand for it. */
static void insert(struct pool *pool, double ratio)
{
    if (pool->count == pool->capacity) {
        size_t capacity = pool->capacity > 0 ? 2 * pool->capacity : 64;
        double *larger = realloc(pool->ratios, capacity * sizeof *larger);
        if (larger == NULL)
            return;
        pool->ratios = larger;
        pool->capacity = capacity;
    }
    size_t low = 0, high = pool->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (pool->ratios[middle] <= ratio)
            low = middle + 1;
        else
            high = middle;
    }
    memmove(pool->ratios + low + 1, pool->ratios + low, (pool->count - low) * sizeof *pool->ratios);
    pool->ratios[low] = ratio;
    pool->count++;
}

static double ratio_of(const struct pool *pool, double level)
{
    if (pool->count < PEAKS_LEAST)
        return NAN;
    double rank = ceil((double)(pool->count + 1) * fmin(level, LEVEL_MOST));
    size_t at = rank < 1 ? 0 : rank > (double)pool->count ? pool->count - 1 : (size_t)rank - 1;
    return pool->ratios[at];
}

static double moved_ratio(const struct peaks *peaks, const struct pool *pool, int number)
{
    return ratio_of(pool, fmax(peaks->settings.levels[number] + pool->moved[number], .5));
}

/* The pool of a window's beginning, no later than `furthest`, or the nearest that knows enough,
 * those before it first. */
static const struct pool *pool_at(const struct peaks *peaks, int h)
{
    int block = ensemble_block(&peaks->plan, h), own = block < WITHIN_A_DAY ? block : WITHIN_A_DAY;
    for (block = own; block >= 0; block--)
        if (peaks->pools[block].count >= PEAKS_LEAST)
            return &peaks->pools[block];
    for (block = own + 1; block < ENSEMBLE_BLOCKS; block++)
        if (peaks->pools[block].count >= PEAKS_LEAST)
            return &peaks->pools[block];
    return &peaks->pools[own];
}

double peaks_ratio(const struct peaks *peaks, int h, int number)
{
    return moved_ratio(peaks, pool_at(peaks, h), number);
}

double peaks_ratio_at(const struct peaks *peaks, int h, double level)
{
    return ratio_of(pool_at(peaks, h), level);
}

/* ---- learning ---- */

static double *said_at(const struct peaks *peaks, int origin, int block)
{
    return peaks->said + ((long)origin * ENSEMBLE_BLOCKS + block) * PEAKS_LEVELS;
}

static void learn_window(struct peaks *peaks, int origin, int h)
{
    int window = peaks->settings.window, block = ensemble_block(&peaks->plan, h);
    int from = members_origin(&peaks->plan, origin) + h - 1;
    struct pool *pool = &peaks->pools[block];
    double most = -INFINITY;
    double reference = peaks->reference[(long)origin * peaks->plan.horizon + h - 1];
    for (int t = from; t < from + window; t++)
        if (isfinite(peaks->y[t]))
            most = fmax(most, peaks->y[t]);
    if (!isfinite(most) || !(reference > 0))
        return;
    double ratio = most / reference, share = fmin(1, (double)peaks->plan.spacing / window);
    for (int i = 0; i < peaks->settings.level_count; i++) {
        double left = 1 - peaks->settings.levels[i], said = said_at(peaks, origin, block)[i];
        if (isfinite(said))
            pool->moved[i] += STEP_OF_LEVEL * left / .05 * share /
                              (block > 0 ? STARTS_A_BLOCK : 1) * ((ratio > said) - left);
    }
    insert(pool, ratio);
}

/* Windows that were not over at the origin before and are at this one. */
static void learn(struct peaks *peaks)
{
    int window = peaks->settings.window, last = peaks->plan.horizon - window + 1;
    for (int origin = 0; origin < peaks->walked; origin++) {
        int begin = members_origin(&peaks->plan, origin);
        int from = peaks->before - window - begin + 2, to = peaks->now - window - begin + 1;
        for (int h = from > 1 ? from : 1; h <= to && h <= last; h++)
            if (h % peaks->pools[ensemble_block(&peaks->plan, h)].stride == 0)
                learn_window(peaks, origin, h);
    }
}

/* The median of the same time of the latest days known. */
static double usual_of(const struct peaks *peaks, int h)
{
    double values[USUAL_DAYS];
    size_t count = 0;
    int t = peaks->now + h - 1;
    t -= ((h - 1) / peaks->season + 1) * peaks->season;
    for (int i = 0; i < USUAL_DAYS && t >= 0; i++, t -= peaks->season)
        if (isfinite(peaks->y[t]))
            values[count++] = peaks->y[t];
    stats_sort_doubles(values, count);
    return count > 0 ? values[count / 2] : 0;
}

void peaks_step(struct peaks *peaks, const struct ensemble *ensemble, int origin)
{
    int horizon = peaks->plan.horizon, window = peaks->settings.window;
    const double *mean = ensemble_mean(ensemble, origin);
    double *reference = peaks->reference + (long)origin * horizon;
    peaks->before = peaks->now;
    peaks->now = members_origin(&peaks->plan, origin);
    peaks->walked = origin;
    learn(peaks);
    for (int h = 1; h <= horizon; h++) {
        peaks->usual[h - 1] = peaks->scratch[h - 1] = usual_of(peaks, h);
        reference[h - 1] = mean[h - 1];
    }
    peaks_maxima(reference, horizon, window);
    peaks_maxima(peaks->scratch, horizon, window);
    for (int h = 0; h < horizon; h++)
        reference[h] = peaks_reference(reference[h], peaks->scratch[h]);
    for (int block = 0; block < ENSEMBLE_BLOCKS; block++)
        for (int i = 0; i < PEAKS_LEVELS; i++)
            said_at(peaks, origin, block)[i] =
                i < peaks->settings.level_count ? moved_ratio(peaks, &peaks->pools[block], i) : NAN;
}

double peaks_usual(const struct peaks *peaks, int h)
{
    return peaks->usual[h - 1];
}
