/* SPDX-License-Identifier: MIT */
#include "forecast/seasonal.h"
#include <math.h>
#include <stdlib.h>

/* Below a hundredth of the median demand is nothing; below 3 % nothing is strange. */
static const double nothing = .01, least = .03, quartiles = 1.349, strange = 8, very = 3;

enum fw_err seasonal_create(struct seasonal **seasonal, uint32_t day_rows)
{
    *seasonal = malloc(sizeof **seasonal);
    if (!*seasonal)
        return FW_NOMEM;
    rank_init(&(*seasonal)->values);
    rank_init(&(*seasonal)->distances);
    enum fw_err err = usual_init(&(*seasonal)->usual, day_rows, USUAL_DAYS_MAX);
    if (err != FW_OK)
        seasonal_destroy(seasonal);
    return err;
}

void seasonal_destroy(struct seasonal **seasonal)
{
    if (*seasonal)
        usual_fini(&(*seasonal)->usual);
    free(*seasonal);
    *seasonal = NULL;
}

static double distance(const struct seasonal *seasonal, double value)
{
    double floor_value = nothing * rank_at(&seasonal->values, .5);
    if (!(floor_value > 0) || !usual_known(&seasonal->usual))
        return 0;
    double level = log(fmax(value, floor_value));
    double day = usual_value(&seasonal->usual, NAN), week = usual_week(&seasonal->usual, NAN);
    if (isnan(day) && isnan(week))
        return 0;
    day = level - log(fmax(isnan(day) ? week : day, floor_value));
    week = isnan(week) ? day : level - log(fmax(week, floor_value));
    return fabs(week) < fabs(day) ? week : day;
}

/* What a strange row leaves behind: a gap when it is very strange, until two weeks of gaps have
 * become what is usual; else what would just not have been strange, so that the usual can follow.
 */
static double remembered(double value, double d, double middle, double spread, double score)
{
    if (score < strange)
        return value;
    if (score >= very * strange || !(value > 0))
        return NAN;
    double most = middle + (d > middle ? strange : -strange) * spread;
    return value * exp(most - d);
}

double seasonal_step(struct seasonal *seasonal, double value)
{
    struct rank *distances = &seasonal->distances;
    double d = distance(seasonal, value), score = 0, kept = value;
    uint32_t count = distances->count;
    bool known = usual_known(&seasonal->usual);
    if (count >= RANK_MIN && known) {
        double middle = distances->sorted[count / 2];
        double spread =
            (distances->sorted[3 * count / 4] - distances->sorted[count / 4]) / quartiles;
        spread = fmax(spread, least);
        score = fabs(d - middle) / spread;
        kept = remembered(value, d, middle, spread, score);
    }
    if (known && score < strange)
        rank_add(distances, d);
    rank_add(&seasonal->values, value);
    usual_add(&seasonal->usual, kept);
    return fmin(score, RANK_SCORE_MAX);
}

void seasonal_skip(struct seasonal *seasonal)
{
    usual_add(&seasonal->usual, NAN);
}
