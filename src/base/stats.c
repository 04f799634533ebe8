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

/* The held values above `beyond`, in order; returns how many. */
static uint32_t sort_recent(const struct stats_recent *recent, int64_t beyond,
                            int64_t sorted[STATS_RECENT_MAX])
{
    uint32_t held = recent->count < STATS_RECENT_MAX ? recent->count : STATS_RECENT_MAX, n = 0;
    for (uint32_t i = 0; i < held; i++) {
        uint32_t at = n;
        if (recent->values[i] <= beyond)
            continue;
        for (; at > 0 && sorted[at - 1] > recent->values[i]; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = recent->values[i];
        n++;
    }
    return n;
}

int64_t stats_recent_quantile(const struct stats_recent *recent, double q, int64_t otherwise)
{
    int64_t sorted[STATS_RECENT_MAX];
    uint32_t n = sort_recent(recent, INT64_MIN, sorted);
    return n > 0 ? sorted[rank_of(n, q) - 1] : otherwise;
}

int64_t stats_recent_beyond(const struct stats_recent *recent, int64_t beyond, int64_t otherwise)
{
    int64_t sorted[STATS_RECENT_MAX];
    uint32_t n = sort_recent(recent, beyond, sorted);
    return n > 0 ? sorted[rank_of(n, 0.5) - 1] : otherwise;
}
