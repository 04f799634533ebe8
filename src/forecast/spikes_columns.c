/* SPDX-License-Identifier: MIT
 * What a spike is measured against, and what the trees see. */
#include "forecast/spikes.h"

#include "base/check.h"
#include "base/stats.h"
#include <math.h>
#include <stddef.h>

/* Without demand the logarithm is that of this share of the last day's mean. */
#define QUIET .01

static void check_rules(const struct spikes_rules *rules)
{
    CHECK(rules->day >= SPIKES_DAY_MIN && rules->day <= SPIKES_DAY_MAX && rules->day % 4 == 0);
    CHECK(rules->ahead >= 1 && rules->ahead <= rules->day && rules->times > 1);
}

/* Median of the latest quarter of a day; NaN when less than half of it is known. */
static double latest_median(const double *y, int known, int day)
{
    double latest[SPIKES_DAY_MAX / 4];
    size_t count = 0, quarter = (size_t)day / 4;
    for (int t = known - 1; t >= 0 && t >= known - day / 4; t--)
        if (isfinite(y[t]))
            latest[count++] = y[t];
    stats_sort_doubles(latest, count);
    return 2 * count >= quarter ? stats_quantile(latest, count, .5) : NAN;
}

/* The value at the target's time so many days before; NaN where there is none. */
static double days_before(const double *y, int known, const struct spikes_rules *rules, int days,
                          int shift)
{
    int t = known + rules->ahead - 1 - days * rules->day + shift;
    return t >= 0 && t < known ? y[t] : NAN;
}

static double reference_of(const double *y, int known, const struct spikes_rules *rules,
                           double median)
{
    double one = days_before(y, known, rules, 1, 0), two = days_before(y, known, rules, 2, 0);
    double usual = isfinite(one) && isfinite(two) ? (one + two) / 2 : isfinite(one) ? one : two;
    double reference = fmax(usual, median); /* NaN is none */
    return reference > 0 ? reference : NAN;
}

double spikes_reference(const double *y, int known, const struct spikes_rules *rules)
{
    check_rules(rules);
    return reference_of(y, known, rules, latest_median(y, known, rules->day));
}

/* ---- columns ---- */

struct view {
    const double *y;
    int known;
    const struct spikes_rules *rules;
    double quiet, level; /* added before logarithms; logarithm of the latest median */
};

static double log_of(const struct view *view, double value)
{
    return log(value + view->quiet) - view->level;
}

static double lag(const struct view *view, int steps)
{
    return log_of(view, view->y[view->known - 1 - steps]);
}

/* Standard deviation of the logarithms of the latest steps. */
static double spread(const struct view *view, int steps)
{
    double sum = 0, squares = 0;
    int count = 0;
    for (int i = 0; i < steps; i++) {
        double value = lag(view, i);
        if (!isfinite(value))
            continue;
        sum += value;
        squares += value * value;
        count++;
    }
    return count > 1 ? sqrt(fmax(squares / count - sum / count * (sum / count), 0)) : NAN;
}

/* Highest of the last day, and the share of it above a limit. */
static void day_above(const struct view *view, double limit, double *highest, double *share)
{
    int above = 0, count = 0;
    *highest = NAN;
    for (int t = view->known - view->rules->day; t < view->known; t++) {
        if (!isfinite(view->y[t]))
            continue;
        *highest = fmax(*highest, view->y[t]);
        above += view->y[t] > limit;
        count++;
    }
    *share = count > 0 ? (double)above / count : NAN;
}

static double day_mean(const double *y, int known, int day)
{
    double sum = 0;
    int count = 0;
    for (int t = known - day; t < known; t++)
        if (isfinite(y[t])) {
            sum += y[t];
            count++;
        }
    return count > 0 ? sum / count : NAN;
}

bool spikes_columns(const double *y, int known, const struct spikes_rules *rules,
                    float columns[SPIKES_COLUMNS])
{
    check_rules(rules);
    int day = rules->day, at = 0;
    if (known < 2 * day)
        return false;
    double median = latest_median(y, known, day), highest, share;
    double reference = reference_of(y, known, rules, median), mean = day_mean(y, known, day);
    if (!(reference > 0) || !isfinite(median) || !isfinite(mean))
        return false;
    int hour = (known + rules->ahead - 1) % day * 24 / day;
    struct view view = {y, known, rules, QUIET * (mean > 0 ? mean : reference), 0};
    view.level = log(median + view.quiet);
    day_above(&view, rules->times * median, &highest, &share);
    columns[at++] = (float)lag(&view, 0);
    columns[at++] = (float)lag(&view, 1);
    columns[at++] = (float)lag(&view, 2);
    columns[at++] = (float)lag(&view, 5);
    columns[at++] = (float)(lag(&view, 0) - lag(&view, 1));
    for (int days = 1; days <= 2; days++)
        for (int shift = -1; shift <= 1; shift++)
            columns[at++] = (float)log_of(&view, days_before(y, known, rules, days, shift));
    columns[at++] = (float)spread(&view, day / 4);
    columns[at++] = (float)spread(&view, day);
    columns[at++] = (float)log_of(&view, highest);
    columns[at++] = (float)hour;
    columns[at++] = (float)share;
    columns[at++] = (float)log_of(&view, rules->times * reference); /* what has to be crossed */
    columns[at++] = (float)(lag(&view, 0) - (double)columns[SPIKES_COLUMNS - 2]);
    CHECK(at == SPIKES_COLUMNS);
    return true;
}
