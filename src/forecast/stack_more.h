/* SPDX-License-Identifier: MIT
 * The columns that the boosted quantiles see beside those of the boosted mean: further lags, the
 * highest and the spread of several windows, growth, the calendar's cycles, how long ago and how
 * often the series spiked, how busy the capacity and how long the queue was. What is not told of a
 * series is missing, which trees can stand. */
#ifndef FOREWARM_FORECAST_STACK_MORE_H
#define FOREWARM_FORECAST_STACK_MORE_H

#include "forecast/stack_columns.h"
#include <stdint.h>

enum { STACK_MORE = 23, STACK_MORE_OF_ORIGIN = 17 };

/* What may be known of a series beside its values; an hour each where it is an array. */
struct stack_beside {
    int64_t start_ns;          /* of the first value; 0: not told */
    const double *utilisation; /* of what there is, 1: all; NULL: not told */
    const double *queue;       /* requests waiting; NULL: not told */
};

/* The same for all hours after an origin: fill once, then by hour. */
void stack_more_of_origin(const struct stack_origin *origin, const struct stack_beside *beside,
                          float columns[STACK_MORE_OF_ORIGIN]);
void stack_more_fill(const struct stack_origin *origin, const struct stack_beside *beside,
                     const float of_origin[STACK_MORE_OF_ORIGIN], int h, float columns[STACK_MORE]);

#endif
