/* SPDX-License-Identifier: MIT */
#include "forecast/stack_more.h"

#include "base/check.h"
#include "base/stats.h"
#include <math.h>
#include <string.h>

enum { DAY = STACK_DAY, WEEK = STACK_WEEK, SHORT = 6, LOOK = 4 * STACK_WEEK };
#define SPIKE 2. /* times the same hour of the last two days */
static const double TAU = 6.283185307179586476925;

struct window {
    double mean, sd, most, p95;
};

static struct window window_of(const double *z, int count)
{
    double sorted[WEEK], squares = 0;
    struct window window = {0};
    memcpy(sorted, z, (size_t)count * sizeof *sorted);
    stats_sort_doubles(sorted, (size_t)count);
    for (int i = 0; i < count; i++)
        window.mean += z[i] / count;
    for (int i = 0; i < count; i++)
        squares += (z[i] - window.mean) * (z[i] - window.mean) / count;
    window.sd = sqrt(squares);
    window.most = sorted[count - 1];
    window.p95 = stats_quantile(sorted, (size_t)count, .95);
    return window;
}

static bool spikes_at(const double *z, int t)
{
    return z[t] > fmax(z[t - DAY], z[t - 2 * DAY]) + log(SPIKE);
}

/* Weeks since the last hour that spiked, 4 at most, and the share of the last four weeks that did.
 */
static void spikes_before(const struct stack_origin *origin, double *since, double *share)
{
    int from = origin->at - LOOK > 2 * DAY ? origin->at - LOOK : 2 * DAY, last = -1, count = 0;
    for (int t = from; t < origin->at; t++)
        if (spikes_at(origin->z, t)) {
            last = t;
            count++;
        }
    *since = last < 0 ? (double)LOOK / WEEK : (double)(origin->at - last) / WEEK;
    *share = origin->at > from ? (double)count / (origin->at - from) : 0;
}

static double most_of(const double *values, int count)
{
    double most = -INFINITY;
    for (int i = 0; i < count; i++)
        if (isfinite(values[i]))
            most = fmax(most, values[i]);
    return isfinite(most) ? most : NAN;
}

void stack_more_of_origin(const struct stack_origin *origin, const struct stack_beside *beside,
                          float columns[STACK_MORE_OF_ORIGIN])
{
    const double *z = origin->z, unit = origin->unit;
    int at = origin->at, n = 0;
    struct window quarter = window_of(z + at - SHORT, SHORT), day = window_of(z + at - DAY, DAY);
    struct window week = window_of(z + at - WEEK, WEEK);
    double before = window_of(z + at - 2 * SHORT, SHORT).mean, since, share;
    double earlier = at >= 2 * WEEK ? window_of(z + at - 2 * WEEK, WEEK).mean : NAN;
    spikes_before(origin, &since, &share);
    const double relative[] = {z[at - 6] - week.mean,
                               z[at - 12] - week.mean,
                               z[at - 48] - week.mean,
                               quarter.mean - week.mean,
                               quarter.sd,
                               quarter.most - week.mean,
                               day.most - week.mean,
                               day.p95 - week.mean,
                               week.most - week.mean,
                               week.p95 - week.mean,
                               quarter.mean - before,
                               week.mean - earlier};
    for (unsigned i = 0; i < sizeof relative / sizeof *relative; i++)
        columns[n++] = (float)(relative[i] / unit);
    columns[n++] = (float)since;
    columns[n++] = (float)share;
    bool busy = beside->utilisation != NULL, waits = beside->queue != NULL;
    columns[n++] = busy ? (float)beside->utilisation[at - 1] : NAN;
    columns[n++] = busy ? (float)most_of(beside->utilisation + at - DAY, DAY) : NAN;
    columns[n++] = waits ? (float)log1p(fmax(beside->queue[at - 1], 0)) : NAN;
    CHECK(n == STACK_MORE_OF_ORIGIN);
}

void stack_more_fill(const struct stack_origin *origin, const struct stack_beside *beside,
                     const float of_origin[STACK_MORE_OF_ORIGIN], int h, float columns[STACK_MORE])
{
    int n = STACK_MORE_OF_ORIGIN;
    bool dated = beside->start_ns != 0;
    double hours = (double)beside->start_ns / 3.6e12 + origin->at + h - 1;
    const double periods[] = {DAY, WEEK, DAY * 365.2425 / 12};
    memcpy(columns, of_origin, STACK_MORE_OF_ORIGIN * sizeof *columns);
    for (unsigned i = 0; i < sizeof periods / sizeof *periods; i++) {
        columns[n++] = dated ? (float)sin(TAU * fmod(hours, periods[i]) / periods[i]) : NAN;
        columns[n++] = dated ? (float)cos(TAU * fmod(hours, periods[i]) / periods[i]) : NAN;
    }
    CHECK(n == STACK_MORE);
}
