/* SPDX-License-Identifier: MIT
 * Anomalies in a stream, one row at a time: nine equally weighted families of scores (level, means,
 * seasonal residual, jumps, changes, novelty of shape and of values), each against its own last
 * 4,000 values. No look-ahead, nothing of the whole file, bounded memory. The constants were found
 * on the Numenta Anomaly Benchmark and are no options: equal weights are deliberate. What becomes
 * of the score is anomaly.h's. */
#ifndef FOREWARM_FORECAST_N9_H
#define FOREWARM_FORECAST_N9_H

#include "base/err.h"
#include "forecast/novelty.h"
#include "forecast/usual.h"

enum {
    N9_FAMILIES = 9,
    N9_NOVELTIES = 2,      /* of them, the last ones */
    N9_SETTLED_ROWS = 700, /* rows until the longest windows have others to be compared with */
    N9_RANKS = 7,
    N9_SHAPES = 4,
    N9_RAWS = 3,
    N9_MEAN_MAX = 40,
};

struct n9_result {
    double u; /* mean of the families; .75 is strange */
    double families[N9_FAMILIES];
};

/* The last values of one stream. */
struct n9_means {
    double last[N9_MEAN_MAX];
    uint32_t count, next;
};

struct n9 {
    uint64_t rows; /* taken */
    double previous;
    struct n9_means values, residuals, steps, levels; /* levels: means of 20 rows */
    struct rank ranks[N9_RANKS];
    struct novelty shapes[N9_SHAPES], raws[N9_RAWS];
    struct usual usual;
};

/* `day_rows`: rows a day, from the sampling step; 0 or 1: no time of day. */
FW_MUST_CHECK enum fw_err n9_create(struct n9 **detector, uint32_t day_rows);
void n9_destroy(struct n9 **detector);
/* A finite value. */
struct n9_result n9_step(struct n9 *detector, double value);
/* A row without a value: the time of day goes on, nothing else does. */
void n9_skip(struct n9 *detector);
/* What a family of scores looks at, in words. */
const char *n9_family(int family);

#endif
