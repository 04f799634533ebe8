/* SPDX-License-Identifier: MIT
 * How likely a series is to spike a few steps ahead, learned from many series at once: boosted
 * trees (boost.h) over what the latest day and the same times of the last two days looked like,
 * relative to the latest six hours, made into a probability by isotonic regression (isotonic.h) on
 * later steps than those learned from. Steps divide a day; 10 minutes is what it was measured on.
 */
#ifndef FOREWARM_FORECAST_SPIKES_H
#define FOREWARM_FORECAST_SPIKES_H

#include "base/buf.h"
#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>

enum { SPIKES_COLUMNS = 18, SPIKES_DAY_MIN = 24, SPIKES_DAY_MAX = 288 };

/* A spike: more than `times` the reference. */
struct spikes_rules {
    double times;
    int ahead; /* steps, from 1; up to a day */
    int day;   /* steps of a day, a multiple of 4 */
};

/* One series: a value a step, NaN where there is none, 0 where there was no demand. */
struct spikes_series {
    const double *y;
    int n;
};

struct spikes_settings {
    struct spikes_rules rules;
    int calibrate; /* the last so many steps of each series are calibrated on, not learned from */
    int rounds, depth;
    double eta, subsample, min_child_weight;
    uint32_t seed;
};
extern const struct spikes_settings spikes_defaults;

/* What y[known + ahead - 1] is compared with, knowing y[0] to y[known - 1] alone: the higher of the
 * median of the same time on the two days before that are known, and the median of the latest six
 * hours. NaN: there was no demand at all then, or too little is known. */
double spikes_reference(const double *y, int known, const struct spikes_rules *rules);
/* What the trees see, of the same values alone. False where there is no reference or there are less
 * than two days. NaN: missing. */
bool spikes_columns(const double *y, int known, const struct spikes_rules *rules,
                    float columns[SPIKES_COLUMNS]);

struct spikes;
/* FW_INPUT: no spike, or nothing but spikes, to learn or to calibrate from. The same series,
 * settings and seed give the same bytes. */
FW_MUST_CHECK enum fw_err spikes_train(struct spikes **out, const struct spikes_series *series,
                                       int count, const struct spikes_settings *settings,
                                       struct fw_detail *detail);
void spikes_free(struct spikes **spikes);
/* p[i]: the probability of a spike `ahead` steps from knowing y[0] to y[first + i - 1]; NaN where
 * nothing can be said. */
FW_MUST_CHECK enum fw_err spikes_predict(struct spikes *spikes, const double *y, int first,
                                         int count, double *p, struct fw_detail *detail);
/* What it was trained for. */
const struct spikes_rules *spikes_rules_of(const struct spikes *spikes);

/* The model as bytes, versioned; and back (FW_VERSION, FW_CORRUPT). */
FW_MUST_CHECK enum fw_err spikes_save(struct spikes *spikes, struct buf *out,
                                      struct fw_detail *detail);
FW_MUST_CHECK enum fw_err spikes_load(struct spikes **out, struct buf_reader *in,
                                      struct fw_detail *detail);

#endif
