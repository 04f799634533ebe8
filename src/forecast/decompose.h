/* SPDX-License-Identifier: MIT
 * A series as its trend, its cycles and what is left over, for people to look at: one fit of
 * prophet.h, in which every part multiplies where all values are above zero, and adds otherwise.
 * Rows that an event explains are left out, so that a launch is no trend. A year is looked for in
 * two and a half of them at least: in less, trend and year cannot be told apart. */
#ifndef FOREWARM_FORECAST_DECOMPOSE_H
#define FOREWARM_FORECAST_DECOMPOSE_H

#include "forecast/series.h"

enum {
    DECOMPOSE_ROWS_MAX = 40000, /* more are thinned out to so many */
    DECOMPOSE_TREND_POINTS = 240,
    DECOMPOSE_CYCLE_POINTS = 168,
    DECOMPOSE_CYCLES_MAX = 4,
};

struct decompose_cycle {
    const char *name;  /* "daily", "weekly", "yearly" */
    int64_t period_ns; /* the first value stands at the period's first instant, in UTC; a week
                          begins on Monday */
    size_t count;      /* values, evenly over the period */
    double value[DECOMPOSE_CYCLE_POINTS]; /* share of the trend (0.2: a fifth above it), or units of
                                             the series where parts add */
    double span;                          /* from the lowest to the highest */
};
struct decomposition {
    bool multiplies;
    size_t trend_count;
    int64_t trend_start_ns, trend_step_ns;
    double trend[DECOMPOSE_TREND_POINTS]; /* in units of the series */
    size_t cycle_count;
    struct decompose_cycle cycles[DECOMPOSE_CYCLES_MAX];
    double explained; /* of the variance of the rows that were fitted, in [0, 1]; NAN: constant */
};

/* `taken`: one byte a row, 1 where an event explains it; NULL: none is. FW_INPUT: fewer than two
 * rows are left. */
FW_MUST_CHECK enum fw_err decompose(const struct series *series, const unsigned char *taken,
                                    struct decomposition *parts, struct fw_detail *detail);

#endif
