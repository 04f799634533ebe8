/* SPDX-License-Identifier: MIT */
#include "forecast/conformal.h"

#include "base/stats.h"
#include "forecast/pareto.h"
#include <math.h>
#include <string.h>

const double conformal_levels[CONFORMAL_LEVELS] = {.01, .05, .25, .5, .75, .9, .95, .975, .99};
#define MOVE .05 /* of the spread, for each error that comes alone */
/* Above the level TAIL a bound is that of a generalised Pareto tail over the THRESHOLD's, once so
 * many errors, and so many that are independent, are known: the largest error seen is what order
 * statistics would say there, and it tells little. */
#define TAIL      .96
#define THRESHOLD .9
enum { TAIL_ERRORS = 200, TAIL_INDEPENDENT = 20 };

static int held(const struct conformal *conformal)
{
    return conformal->count < CONFORMAL_ERRORS ? conformal->count : CONFORMAL_ERRORS;
}

static int place_of(const double *sorted, int n, double value)
{
    int low = 0, high = n;
    while (low < high) {
        int middle = (low + high) / 2;
        if (sorted[middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void keep(struct conformal *conformal, double error)
{
    int n = held(conformal), slot = conformal->count % CONFORMAL_ERRORS;
    double *sorted = conformal->sorted;
    if (n == CONFORMAL_ERRORS) {
        int at = place_of(sorted, n, conformal->values[slot]);
        memmove(sorted + at, sorted + at + 1, (size_t)(n - at - 1) * sizeof *sorted);
        n--;
    }
    int at = place_of(sorted, n, error);
    memmove(sorted + at + 1, sorted + at, (size_t)(n - at) * sizeof *sorted);
    sorted[at] = error;
    conformal->values[slot] = error;
    conformal->count++;
}

static double tail_of(const struct conformal *conformal, double level)
{
    double excess[CONFORMAL_ERRORS];
    int m = held(conformal), from = (int)ceil(THRESHOLD * m);
    double threshold = conformal->sorted[from - 1];
    for (int i = from; i < m; i++)
        excess[i - from] = conformal->sorted[i] - threshold;
    struct pareto tail = pareto_fit(excess, m - from);
    return threshold + pareto_quantile(&tail, (1 - level) / (1 - (double)from / m));
}

/* k-th smallest of the m errors held, k = ceil(level (m + 1)) from the middle up, floor below; but
 * m + 1 of m is taken of those that are independent. */
static double quantile_of(const struct conformal *conformal, double level)
{
    int m = held(conformal);
    double independent = fmax(m / conformal->together, 1);
    if (level > TAIL && m >= TAIL_ERRORS && independent >= TAIL_INDEPENDENT)
        return tail_of(conformal, level);
    double above = level >= .5 ? level : 1 - level;
    double k = ceil(fmin(above * (independent + 1) / independent, 1) * m);
    int at = k < 1 ? 0 : k > m ? m - 1 : (int)k - 1;
    return conformal->sorted[level >= .5 ? at : m - 1 - at];
}

void conformal_add(struct conformal *conformal, double error)
{
    if (conformal->count >= CONFORMAL_TRUSTED) {
        double middle = quantile_of(conformal, .5);
        double above = quantile_of(conformal, .95) - middle + 1e-9;
        double below = middle - quantile_of(conformal, .05) + 1e-9;
        for (int i = 0; i < CONFORMAL_LEVELS; i++) {
            double level = conformal_levels[i], spread = level >= .5 ? above : below;
            double bound = quantile_of(conformal, level) + conformal->moved[i];
            double moved = conformal->moved[i] +
                           MOVE / conformal->together * spread * ((error > bound) - (1 - level));
            conformal->moved[i] = fmin(fmax(moved, -spread / 2), spread);
        }
    }
    keep(conformal, error);
}

/* How far a level lies from one of those of `conformal_levels` to the next, by what was seen; by
 * its number alone where the tail begins. */
static double share_of(const struct conformal *conformal, double level, int next)
{
    double from = conformal_levels[next - 1], to = conformal_levels[next];
    if (from < TAIL && to > TAIL)
        return (level - from) / (to - from);
    double low = quantile_of(conformal, from), high = quantile_of(conformal, to);
    if (!(high > low))
        return (level - from) / (to - from);
    return (quantile_of(conformal, level) - low) / (high - low);
}

double conformal_at(const struct conformal *conformal, double level)
{
    double bounds[CONFORMAL_LEVELS];
    int next = 0, last = CONFORMAL_LEVELS - 1;
    if (conformal->count == 0)
        return 0;
    conformal_bounds(conformal, bounds);
    while (next <= last && conformal_levels[next] < level)
        next++;
    if (next == 0)
        return fmin(quantile_of(conformal, level) + conformal->moved[0], bounds[0]);
    if (next > last)
        return fmax(quantile_of(conformal, level) + conformal->moved[last], bounds[last]);
    double share = share_of(conformal, level, next);
    return bounds[next - 1] + share * (bounds[next] - bounds[next - 1]);
}

double conformal_above(const struct conformal *conformal, double bound)
{
    double low = .0005, high = .9995;
    if (conformal->count == 0)
        return bound < 0;
    if (conformal_at(conformal, high) <= bound)
        return 1 - high;
    if (conformal_at(conformal, low) > bound)
        return 1 - low;
    for (int i = 0; i < 20; i++) {
        double middle = (low + high) / 2;
        if (conformal_at(conformal, middle) > bound)
            high = middle;
        else
            low = middle;
    }
    return 1 - (low + high) / 2;
}

void conformal_split(const struct conformal *conformal, double bounds[CONFORMAL_LEVELS])
{
    for (int i = 0; i < CONFORMAL_LEVELS; i++)
        bounds[i] = conformal->count > 0 ? quantile_of(conformal, conformal_levels[i]) : 0;
}

void conformal_bounds(const struct conformal *conformal, double bounds[CONFORMAL_LEVELS])
{
    conformal_split(conformal, bounds);
    for (int i = 0; i < CONFORMAL_LEVELS; i++)
        bounds[i] += conformal->moved[i];
    stats_sort_doubles(bounds, CONFORMAL_LEVELS);
}
