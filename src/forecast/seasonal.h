/* SPDX-License-Identifier: MIT
 * How far demand lies from what is usual at this time of day and from the same time a week ago, in
 * robust deviations of its logarithm: the nearer of the two counts, so that a weekend is no event.
 * The deviation is that of the middle half of the last 4,000 rows, which events hardly move. */
#ifndef FOREWARM_FORECAST_SEASONAL_H
#define FOREWARM_FORECAST_SEASONAL_H

#include "forecast/rank.h"
#include "forecast/usual.h"

struct seasonal {
    struct usual usual;
    struct rank values, distances;
};

FW_MUST_CHECK enum fw_err seasonal_create(struct seasonal **seasonal, uint32_t day_rows);
void seasonal_destroy(struct seasonal **seasonal);
/* 0 before two days have passed, without a time of day, and where the level is not above 0;
 * RANK_SCORE_MAX at most. */
double seasonal_step(struct seasonal *seasonal, double value);
void seasonal_skip(struct seasonal *seasonal);

#endif
