/* SPDX-License-Identifier: MIT */
#include "base/stats.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

double stats_quantile(const double *ascending, size_t n, double q)
{
    if (n == 0)
        return 0;
    if (!(q > 0))
        return ascending[0];
    if (q >= 1)
        return ascending[n - 1];
    double at = (double)(n - 1) * q;
    size_t below = (size_t)at;
    if (below + 1 >= n)
        return ascending[n - 1];
    double share = at - (double)below;
    /* Equal neighbours (infinities among them) give themselves, not inf - inf. */
    if (share == 0 || ascending[below] == ascending[below + 1])
        return ascending[below];
    return ascending[below] + share * (ascending[below + 1] - ascending[below]);
}

/* A total order, so that the result never depends on the sorting algorithm: -0 before 0, NaN last.
 */
static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    if (isnan(a) || isnan(b))
        return !!isnan(a) - !!isnan(b);
    if (a != b)
        return a < b ? -1 : 1;
    return !!signbit(b) - !!signbit(a);
}

static int compare_int64(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

void stats_sort_doubles(double *values, size_t n)
{
    if (n > 1)
        qsort(values, n, sizeof *values, compare_doubles);
}

void stats_sort_int64(int64_t *values, size_t n)
{
    if (n > 1)
        qsort(values, n, sizeof *values, compare_int64);
}

/* The rank (1..n) of the smallest of n values with at least a share q at or below it. */
static uint64_t rank_of(uint64_t n, double q)
{
    double rank = ceil(q * (double)n - 1e-9);
    if (!(rank >= 1))
        return 1;
    return rank >= (double)n ? n : (uint64_t)rank;
}

void stats_recent_add(struct stats_recent *recent, int64_t value)
{
    recent->values[recent->count % STATS_RECENT_MAX] = value;
    recent->count++;
    if (recent->count == 0) /* wrapped: still full, and at the same place */
        recent->count = STATS_RECENT_MAX;
}

int64_t stats_recent_quantile(const struct stats_recent *recent, double q, int64_t otherwise)
{
    if (recent->count == 0)
        return otherwise;
    int64_t sorted[STATS_RECENT_MAX];
    uint32_t n = recent->count < STATS_RECENT_MAX ? recent->count : STATS_RECENT_MAX;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = i;
        for (; at > 0 && sorted[at - 1] > recent->values[i]; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = recent->values[i];
    }
    return sorted[rank_of(n, q) - 1];
}

enum { BITS = 5, SUB_BINS = 1 << BITS };

/* Below 32 every value has its own bin; above, each octave is cut into 32. */
static uint32_t bin_of(int64_t value)
{
    uint64_t v = (uint64_t)value;
    if (v < SUB_BINS)
        return (uint32_t)v;
    int shift = 63 - __builtin_clzll(v) - BITS;
    return (uint32_t)(shift + 1) * SUB_BINS + (uint32_t)((v >> shift) & (SUB_BINS - 1));
}

/* The largest value of a bin. */
static int64_t bin_top(uint32_t bin)
{
    if (bin < SUB_BINS)
        return bin;
    uint32_t shift = bin / SUB_BINS - 1;
    uint64_t first = (uint64_t)(SUB_BINS + bin % SUB_BINS) << shift;
    return (int64_t)(first + ((UINT64_C(1) << shift) - 1));
}

void stats_histogram_add(struct stats_histogram *histogram, int64_t value)
{
    if (value < 0)
        value = 0;
    histogram->counts[bin_of(value)]++;
    histogram->count++;
    histogram->sum += (double)value;
    if (value > histogram->max)
        histogram->max = value;
}

int64_t stats_histogram_quantile(const struct stats_histogram *histogram, double q)
{
    if (histogram->count == 0)
        return 0;
    uint64_t rank = rank_of(histogram->count, q), seen = 0;
    for (uint32_t bin = 0; bin < STATS_HISTOGRAM_BINS; bin++) {
        seen += histogram->counts[bin];
        if (seen >= rank)
            return bin_top(bin) < histogram->max ? bin_top(bin) : histogram->max;
    }
    return histogram->max;
}
