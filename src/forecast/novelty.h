/* SPDX-License-Identifier: MIT
 * How unlike everything seen lately is the shape of the last values? A stream is sampled by means
 * of `stride` rows; the last `width` samples are a window; its novelty is the mean absolute
 * distance to the nearest of the last NOVELTY_KEPT windows, scored against past novelties
 * (rank.h). By shape: centred, in standard deviations. Raw: in the units of the stream's own
 * spread. */
#ifndef FOREWARM_FORECAST_NOVELTY_H
#define FOREWARM_FORECAST_NOVELTY_H

#include "forecast/rank.h"

enum { NOVELTY_KEPT = 300, NOVELTY_WIDTH_MAX = 36 };

struct novelty {
    uint32_t stride, width;
    bool shape;
    uint32_t rows; /* in the sample that is being made */
    double sum;    /* of them */
    double value;  /* score of the last window, until the next is complete */
    struct rank samples, scores;
    double last[NOVELTY_WIDTH_MAX]; /* samples, oldest first */
    uint32_t last_count;
    uint32_t kept_count, kept_next, nearest; /* where a scan begins: behind the last nearest */
    double kept[NOVELTY_KEPT][NOVELTY_WIDTH_MAX];
};

/* width <= NOVELTY_WIDTH_MAX and a multiple of 6. */
void novelty_init(struct novelty *novelty, uint32_t stride, uint32_t width, bool shape);
/* The score as of this row. */
double novelty_step(struct novelty *novelty, double value);

#endif
