/* SPDX-License-Identifier: MIT */
#include "forecast/growth.h"
#include "base/stats.h"
#include <math.h>
#include <stdlib.h>

enum { LEAST_DAYS = 4 };

static double median(double *values, size_t count)
{
    stats_sort_doubles(values, count);
    return values[count / 2];
}

static double day_median(const struct series *series, const unsigned char *taken, size_t from,
                         size_t rows, double *scratch)
{
    size_t count = 0;
    for (size_t i = from; i < from + rows; i++)
        if (isfinite(series->value[i]) && !(taken && taken[i]))
            scratch[count++] = series->value[i];
    return 2 * count > rows ? median(scratch, count) : NAN;
}

static double week_median(const double *days, size_t day)
{
    double week[GROWTH_WEEK];
    size_t count = 0;
    for (size_t i = day + 1 >= GROWTH_WEEK ? day + 1 - GROWTH_WEEK : 0; i <= day; i++)
        if (isfinite(days[i]))
            week[count++] = days[i];
    return count >= LEAST_DAYS ? median(week, count) : NAN;
}

enum fw_err growth_init(struct growth *growth, const struct series *series,
                        const unsigned char *taken)
{
    size_t day_rows = event_shape_day_rows(series->step_ns), days = series->count / day_rows;
    *growth = (struct growth){.day_rows = day_rows};
    double *medians = malloc((days + 1) * sizeof *medians);
    double *scratch = malloc(day_rows * sizeof *scratch);
    growth->level = malloc((days + 1) * sizeof *growth->level);
    bool known = medians && scratch && growth->level;
    for (size_t i = 0; i < days && known; i++)
        medians[i] = day_median(series, taken, i * day_rows, day_rows, scratch);
    for (size_t i = 0; i < days && known; i++)
        growth->level[i] = week_median(medians, i);
    growth->days = known ? days : 0;
    free(medians);
    free(scratch);
    if (!known)
        growth_fini(growth);
    return known ? FW_OK : FW_NOMEM;
}

void growth_fini(struct growth *growth)
{
    free(growth->level);
    *growth = (struct growth){0};
}

static void measure(const struct growth *growth, const struct series *series, size_t day,
                    double before, struct event_shape *shape)
{
    const double *level = growth->level;
    double height = level[day] / before;
    size_t begin = day, end = day;
    while (end < growth->days && !(level[end] / before < 1 + .5 * (height - 1))) {
        if (end < day + GROWTH_BACK && level[end] / before > height)
            height = level[end] / before;
        end++;
    }
    while (begin > 0 && begin + GROWTH_BACK > day &&
           !(level[begin - 1] / before <= 1 + .1 * (height - 1)))
        begin--;
    size_t risen = begin;
    while (risen < day && !(level[risen] / before >= 1 + .9 * (height - 1)))
        risen++;
    double day_hours = (double)growth->day_rows * (double)series->step_ns / 3600e9;
    shape->ongoing = end == growth->days;
    shape->begin = begin * growth->day_rows;
    shape->end = shape->ongoing ? series->count : end * growth->day_rows;
    shape->multiplier = height;
    shape->rise_hours = (double)(risen - begin) * day_hours;
    shape->duration_hours = (double)(end - begin) * day_hours;
}

size_t growth_next(const struct growth *growth, const struct series *series, size_t day,
                   struct event_shape *shape)
{
    if (day < GROWTH_BACK + LEAST_DAYS)
        day = GROWTH_BACK + LEAST_DAYS;
    for (; day < growth->days; day++) {
        double before = growth->level[day - GROWTH_BACK];
        if (!(before > 0) || !(growth->level[day] / before >= GROWTH_RATIO))
            continue;
        measure(growth, series, day, before, shape);
        /* What returns within four weeks was an event, not growth. */
        if (shape->ongoing || shape->duration_hours >= GROWTH_BACK * 24.0)
            return day;
    }
    return growth->days;
}
