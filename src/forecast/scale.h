/* SPDX-License-Identifier: MIT
 * The scale that a demand series is forecast on: logarithms where nothing is negative, for what
 * doubles when it is busy doubles when it is quiet; levels else. Zeros are let in by a small
 * constant, one hundredth of the median of what is above zero. */
#ifndef FOREWARM_FORECAST_SCALE_H
#define FOREWARM_FORECAST_SCALE_H

#include <stdbool.h>

struct scale {
    bool logs;
    double added; /* z = ln(y + added) */
};

/* Of the n values; missing ones (NaN) do not count. Levels if none is above zero. */
struct scale scale_choose(const double *y, int n);
double scale_in(const struct scale *scale, double y);
double scale_out(const struct scale *scale, double z);

#endif
