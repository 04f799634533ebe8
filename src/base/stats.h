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
/* The median of the held values above `beyond`: what to expect of a thing that has lasted so long;
 * `otherwise` when none is. */
int64_t stats_recent_beyond(const struct stats_recent *recent, int64_t beyond, int64_t otherwise);

#endif
