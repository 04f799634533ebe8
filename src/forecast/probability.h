/* SPDX-License-Identifier: MIT
 * How good probabilities of rare things were. p: what was said; happened: 1 or 0; n of each. Equal
 * probabilities are taken together: no order among them is assumed. */
#ifndef FOREWARM_FORECAST_PROBABILITY_H
#define FOREWARM_FORECAST_PROBABILITY_H

#include "base/err.h"
#include <stdbool.h>

enum { PROBABILITY_BINS = 10 };

struct probability_score {
    int rows, hits;
    double average_precision;    /* sum of precision times the recall gained; NaN without a hit */
    double recall_80, recall_95; /* highest recall at a precision of at least so many per cent */
    double brier; /* mean squared error (Brier, Monthly Weather Review 78(1), 1950) */
    double base;  /* that of always saying the share of hits */
    struct {
        int rows;
        double said, came;    /* means */
    } bins[PROBABILITY_BINS]; /* of equal width */
};

FW_MUST_CHECK enum fw_err probability_score(struct probability_score *out, const double *p,
                                            const bool *happened, int n);

#endif
