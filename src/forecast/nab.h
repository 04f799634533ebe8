/* SPDX-License-Identifier: MIT
 * The published scoring rules of the Numenta Anomaly Benchmark (Lavin and Ahmad, "Evaluating
 * Real-Time Anomaly Detection Algorithms", 2015; numenta/NAB: sigmoid weights, learning period,
 * thresholds optimised over the whole set of files, once a profile). */
#ifndef FOREWARM_FORECAST_NAB_H
#define FOREWARM_FORECAST_NAB_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NAB_STANDARD, NAB_LOW_FP, NAB_LOW_FN, NAB_PROFILES };
extern const char *const nab_profiles[NAB_PROFILES]; /* "standard", "low_FP", "low_FN" */

/* First and last row of a window in which something is wrong. */
struct nab_window {
    size_t first, last;
};
struct nab_file {
    const double *score; /* of each row, in [0, 1] */
    size_t rows;
    const struct nab_window *windows; /* in order, apart from each other */
    size_t window_count;
};

/* Rows at the beginning that are not scored. */
size_t nab_learning_rows(size_t rows);
/* 100 times the share of the possible score, a profile; 100 is perfect, 0 what silence gets. */
FW_MUST_CHECK enum fw_err nab_score(const struct nab_file *files, size_t count,
                                    double scores[NAB_PROFILES]);

#endif
