/* SPDX-License-Identifier: MIT */
#include "forecast/stack_columns.h"

#include "base/check.h"
#include "base/stats.h"
#include <math.h>

enum { DAY = STACK_DAY, WEEK = STACK_WEEK, WEEKS = 5 };

static double mean_of(const double *values, int count)
{
    double sum = 0;
    for (int i = 0; i < count; i++)
        sum += values[i];
    return sum / count;
}

static double sd_of(const double *values, int count, double mean)
{
    double sum = 0;
    for (int i = 0; i < count; i++)
        sum += (values[i] - mean) * (values[i] - mean);
    return sqrt(sum / count);
}

static double changes_of(const double *z, int at, int count, int lag)
{
    double sum = 0;
    for (int t = at - count; t < at; t++)
        sum += fabs(z[t] - z[t - lag]);
    return sum / count;
}

void stack_origin_move(struct stack_origin *origin, const double *z, int at)
{
    CHECK(at >= STACK_FIRST && at >= origin->at);
    for (int t = origin->at > DAY ? origin->at : DAY; t < at; t++)
        origin->changes_sum += fabs(z[t] - z[t - DAY]);
    origin->z = z;
    origin->at = at;
    origin->unit = fmax(origin->changes_sum / (at - DAY), 1e-9);
    origin->day = mean_of(z + at - DAY, DAY);
    origin->week = mean_of(z + at - WEEK, WEEK);
    origin->day_sd = sd_of(z + at - DAY, DAY, origin->day);
    origin->week_sd = sd_of(z + at - WEEK, WEEK, origin->week);
    origin->against_day = z[at - 1] - z[at - 1 - DAY];
    origin->against_week = z[at - 1] - z[at - 1 - WEEK];
    origin->day_against_day = origin->day - mean_of(z + at - 2 * DAY, DAY);
    origin->day_against_week = origin->day - mean_of(z + at - WEEK - DAY, DAY);
    int weeks = at - WEEK < 2 * WEEK ? at - WEEK : 2 * WEEK;
    origin->weekly_changes = changes_of(z, at, weeks, WEEK);
    origin->daily_changes = changes_of(z, at, WEEK, DAY);
}

static int days_back(int h)
{
    return (h + DAY - 1) / DAY * DAY;
}

double stack_origin_base(const struct stack_origin *origin, int h)
{
    return origin->z[origin->at + h - 1 - days_back(h)];
}

/* z at a time that may lie before the series: its first value. */
static double at_or_first(const double *z, int t)
{
    return z[t > 0 ? t : 0];
}

static int fill_past(const struct stack_origin *origin, int h, double *out)
{
    const double *z = origin->z;
    int t = origin->at + h - 1, back = days_back(h), last = origin->at - 1, n = 0;
    double base = stack_origin_base(origin, h), week_ago = z[t - WEEK], days = 0;
    int later_week = t - WEEK + 1 < last ? t - WEEK + 1 : last;
    int later_day = t - back + 1 < last ? t - back + 1 : last;
    for (int k = 0; k <= 5; k++)
        days += at_or_first(z, t - back - DAY * k) / 6;
    const double relative[] = {at_or_first(z, t - back - DAY),
                               week_ago,
                               z[t - WEEK - 1],
                               at_or_first(z, t - 2 * WEEK),
                               z[t - WEEK - DAY],
                               z[t - WEEK + DAY],
                               z[later_week],
                               z[later_day],
                               z[t - back - 1],
                               at_or_first(z, t - back - WEEK),
                               (week_ago + at_or_first(z, t - 2 * WEEK)) / 2,
                               days};
    for (unsigned i = 0; i < sizeof relative / sizeof *relative; i++)
        out[n++] = relative[i] - base;
    out[n++] = z[last] - origin->week;
    out[n++] = z[last - 1] - origin->week;
    out[n++] = z[last - 2] - origin->week;
    out[n++] = z[last + 1 - DAY] - origin->week;
    out[n++] = z[last - DAY] - origin->week;
    out[n++] = origin->day - origin->week;
    out[n++] = origin->day_sd;
    out[n++] = origin->week_sd;
    out[n++] = origin->against_day;
    out[n++] = origin->against_week;
    out[n++] = origin->day_against_day;
    out[n++] = origin->day_against_week;
    out[n++] = base - origin->week;
    out[n++] = week_ago + origin->day_against_week - base;
    out[n++] = week_ago + origin->against_week - base;
    return n;
}

/* What the same hour of earlier weeks was, and what it was relative to the day before it. */
static int fill_weeks(const struct stack_origin *origin, int h, double *out)
{
    const double *z = origin->z;
    double values[WEEKS], relative = 0, base = stack_origin_base(origin, h);
    int t = origin->at + h - 1, weeks = 0, whole = 0;
    for (int q = 1; q <= WEEKS && t - WEEK * q >= 0; q++) {
        values[weeks++] = z[t - WEEK * q];
        if (origin->at - WEEK * q < DAY)
            continue;
        relative += z[t - WEEK * q] - mean_of(z + origin->at - WEEK * q - DAY, DAY);
        whole++;
    }
    stats_sort_doubles(values, (size_t)weeks);
    out[0] = stats_quantile(values, (size_t)weeks, .5) - base;
    out[1] = (whole > 0 ? relative / whole + origin->day : origin->day) - base;
    out[2] = origin->weekly_changes;
    out[3] = origin->daily_changes;
    return 4;
}

static int fill_members(const struct stack_said *said, double base, int h, double *out)
{
    static const enum stack_member order[] = {MEMBER_ARLOG, MEMBER_ARLVL, MEMBER_ARFOR,
                                              MEMBER_ARD24};
    int n = 0;
    for (unsigned i = 0; i < sizeof order / sizeof *order; i++)
        out[n++] = said->path[order[i]][h - 1] - base;
    for (int i = 0; i < MEMBER_FOURIER_COUNT; i++) {
        out[n++] = said->path[MEMBER_DHR + i][h - 1] - base;
        for (int k = 0; k < 3; k++)
            out[n++] = said->residual[i][k];
    }
    return n;
}

void stack_columns_fill(const struct stack_origin *origin, const struct stack_said *said, int h,
                        float columns[STACK_COLUMNS])
{
    double values[STACK_COLUMNS];
    CHECK(h >= 1 && h <= STACK_HORIZON);
    int n = fill_past(origin, h, values);
    n += fill_weeks(origin, h, values + n);
    n += fill_members(said, stack_origin_base(origin, h), h, values + n);
    CHECK(n + 2 == STACK_COLUMNS);
    columns[0] = (float)h;
    columns[1] = (float)((h - 1) % DAY);
    for (int i = 0; i < n; i++)
        columns[i + 2] = (float)(values[i] / origin->unit);
}
