/* SPDX-License-Identifier: MIT
 * Does a trained forecast still err as it did when it was validated? The errors of each stretch
 * between two origins are one measurement of two kinds: their size (logarithm of the mean absolute
 * error) and their side (mean error). Training tells mean and deviation of both; afterwards two
 * cumulative sums watch each for a shift of one deviation (Page, "Continuous inspection schemes",
 * Biometrika 41, 1954; slack 1/2 and limit 5: Montgomery, Introduction to Statistical Quality
 * Control, 9.1, one false alarm in some 465 measurements where they are independent and normal). */
#ifndef FOREWARM_FORECAST_DRIFT_H
#define FOREWARM_FORECAST_DRIFT_H

#include "base/buf.h"
#include <stdbool.h>
#include <stdint.h>

enum { DRIFT_REFERENCE_MIN = 8 }; /* measurements of training below which nothing can be told */

struct drift_gauge {
    uint32_t count; /* measurements of training: */
    double mean, squares;
    double above, below; /* the sums since */
};
struct drift {
    bool watching; /* training is over */
    struct drift_gauge size, side;
    uint32_t trained; /* measurements of training, */
    double validated; /* and their mean absolute errors, in units of the series, added up */
    uint32_t seen;    /* measurements since */
    double recent;    /* the same of the latest of them, decayed with their weight */
    double recent_weight;
    double cases, over_p95; /* values since, and those above the P95 told for them */
};

/* One stretch. Errors on the scale the forecast is made on, but for `absolute`. */
struct drift_stretch {
    uint32_t cases;
    double absolute; /* sum, units of the series */
    double size;     /* sum of absolute errors */
    double side;     /* sum of truth less forecast */
    uint32_t over_p95;
};
void drift_add(struct drift *drift, const struct drift_stretch *stretch);

enum drift_cause { DRIFT_NONE, DRIFT_SIZE, DRIFT_ABOVE, DRIFT_BELOW };
struct drift_verdict {
    bool known;             /* there was enough to compare with */
    enum drift_cause cause; /* other than none: train again */
    double sum, limit;      /* the highest of the sums, and where it alarms */
    double validated;       /* mean absolute error in training, */
    double recent;          /* and lately; 0 before anything was seen */
    double p95_coverage;    /* of the values seen since; NaN: none */
    double values;          /* seen since */
};
struct drift_verdict drift_judge(const struct drift *drift);

void drift_save(const struct drift *drift, struct buf *out);
void drift_load(struct drift *drift, struct buf_reader *in); /* in->failed: damaged */

#endif
