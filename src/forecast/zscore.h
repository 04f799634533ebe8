/* SPDX-License-Identifier: MIT
 * The two classic detectors: how many standard deviations a value lies from the mean of the last
 * ones (z-score), and the same of the change from row to row (rate of change). */
#ifndef FOREWARM_FORECAST_ZSCORE_H
#define FOREWARM_FORECAST_ZSCORE_H

#include <stdbool.h>
#include <stdint.h>

enum { ZSCORE_ROWS_MAX = 4000, ZSCORE_ROWS_MIN = 20 };

struct zscore {
    bool changes;  /* score changes, not values */
    bool begun;    /* there is a previous value */
    uint32_t rows; /* to look back */
    uint32_t count, next;
    double previous;
    double ring[ZSCORE_ROWS_MAX];
};

/* `rows` is cut to ZSCORE_ROWS_MIN..ZSCORE_ROWS_MAX. */
void zscore_init(struct zscore *zscore, uint32_t rows, bool changes);
/* Standard deviations from the mean of the rows before; 0 below ZSCORE_ROWS_MIN of them, 1e6 at
 * most. The value must be finite. */
double zscore_step(struct zscore *zscore, double value);
/* A row without a value: the change over a gap is no change from row to row. */
void zscore_skip(struct zscore *zscore);

#endif
