/* SPDX-License-Identifier: MIT
 * Summaries of numbers. */
#ifndef FOREWARM_BASE_STATS_H
#define FOREWARM_BASE_STATS_H

#include <stddef.h>
#include <stdint.h>

/* Quantile of ascending values, q in [0, 1], linear between order statistics (Hyndman and Fan,
 * type 7). 0 when n == 0. */
double stats_quantile(const double *ascending, size_t n, double q);
void stats_sort_doubles(double *values, size_t n);
void stats_sort_int64(int64_t *values, size_t n);

/* The last STATS_RECENT_MAX values: load times, probe latencies. Quantiles over what it holds. */
enum { STATS_RECENT_MAX = 16 };
struct stats_recent {
    int64_t values[STATS_RECENT_MAX];
    uint32_t count; /* ever seen */
};
void stats_recent_add(struct stats_recent *recent, int64_t value);
/* Smallest held value with at least a share q at or below it; `otherwise` when nothing was seen. */
int64_t stats_recent_quantile(const struct stats_recent *recent, double q, int64_t otherwise);

/* Log-linear histogram of non-negative integers, 32 bins an octave, 3 % wide: latencies over long
 * runs. */
enum { STATS_HISTOGRAM_BINS = 32 * 60 };
struct stats_histogram {
    uint64_t counts[STATS_HISTOGRAM_BINS];
    uint64_t count;
    double sum;
    int64_t max;
};
void stats_histogram_add(struct stats_histogram *histogram, int64_t value);
int64_t stats_histogram_quantile(const struct stats_histogram *histogram, double q);

#endif
