/* SPDX-License-Identifier: MIT
 * Moments and the t-digest. Every value is merged in a pass of its own, as there. */
#include "base/grow.h"
#include "learn/compat_relay.h"
#include <stdlib.h>
#include <string.h>

static double limit_of(double k)
{
    double share = k / COMPAT_RELAY_DIGEST;
    if (share < 0.5)
        return 2.0 * share * share;
    return 1.0 - 2.0 * (1.0 - share) * (1.0 - share);
}

/* Puts the value before the first centroid that is not below it. */
static enum fw_err insert(struct compat_relay_stats *stats, double value)
{
    if (stats->centroid_count == stats->centroid_capacity) {
        uint64_t capacity = grow_capacity(stats->centroid_capacity,
                                          stats->centroid_count + UINT64_C(1), UINT32_MAX);
        struct compat_relay_centroid *grown =
            realloc(stats->centroids, (size_t)capacity * sizeof *grown);
        if (!grown)
            return FW_NOMEM;
        stats->centroids = grown;
        stats->centroid_capacity = (uint32_t)capacity;
    }
    uint32_t at = 0;
    while (at < stats->centroid_count && stats->centroids[at].mean < value)
        at++;
    memmove(stats->centroids + at + 1, stats->centroids + at,
            (stats->centroid_count - at) * sizeof *stats->centroids);
    stats->centroids[at] = (struct compat_relay_centroid){value, 1};
    stats->centroid_count++;
    return FW_OK;
}

/* Adds what is pending to a centroid and puts it out. */
static void flush(struct compat_relay_stats *stats, struct compat_relay_centroid current,
                  double pending_sum, double pending_weight, uint32_t *out)
{
    double total = pending_sum + current.weight * current.mean;
    current.weight += pending_weight;
    current.mean = total / current.weight;
    stats->sum += total;
    stats->centroids[(*out)++] = current;
}

/* By mean, equals left in their order: so does the crate, whatever their weights. */
static void sort(struct compat_relay_centroid *centroids, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) { /* nearly sorted */
        struct compat_relay_centroid moved = centroids[i];
        uint32_t at = i;
        for (; at > 0 && moved.mean < centroids[at - 1].mean; at--)
            centroids[at] = centroids[at - 1];
        centroids[at] = moved;
    }
}

static void compress(struct compat_relay_stats *stats, double count)
{
    double k = 1, limit = limit_of(k++) * count;
    double pending_sum = 0, pending_weight = 0, passed = stats->centroids[0].weight;
    struct compat_relay_centroid current = stats->centroids[0];
    uint32_t out = 0;
    stats->sum = 0;
    for (uint32_t i = 1; i < stats->centroid_count; i++) {
        struct compat_relay_centroid next = stats->centroids[i];
        passed += next.weight;
        if (passed <= limit) {
            pending_sum += next.mean * next.weight;
            pending_weight += next.weight;
            continue;
        }
        flush(stats, current, pending_sum, pending_weight, &out);
        pending_sum = pending_weight = 0;
        limit = limit_of(k++) * count;
        current = next;
    }
    flush(stats, current, pending_sum, pending_weight, &out);
    stats->centroid_count = out;
    sort(stats->centroids, out);
}

enum fw_err compat_relay_stats_add(struct compat_relay_stats *stats, double value)
{
    FW_TRY(insert(stats, value));
    stats->min = stats->count == 0 || value < stats->min ? value : stats->min;
    stats->max = stats->count == 0 || value > stats->max ? value : stats->max;
    stats->count++;
    double apart = value - stats->mean;
    stats->mean += apart / (double)stats->count;
    stats->m2 += apart * (value - stats->mean);
    compress(stats, (double)stats->count);
    return FW_OK;
}

/* ---- quantiles ---- */

/* The centroid in which the rank lies, and the weight before it. */
static uint32_t centroid_at(const struct compat_relay_stats *stats, double share, double rank,
                            double *before)
{
    const struct compat_relay_centroid *of = stats->centroids;
    if (share > 0.5) {
        double passed = (double)stats->count;
        for (uint32_t i = stats->centroid_count; i-- > 0;) {
            passed -= of[i].weight;
            *before = passed;
            if (rank >= passed)
                return i;
        }
        return 0;
    }
    *before = 0;
    for (uint32_t i = 0; i < stats->centroid_count; i++) {
        if (rank < *before + of[i].weight)
            return i;
        *before += of[i].weight;
    }
    return stats->centroid_count - 1;
}

double compat_relay_stats_quantile(const struct compat_relay_stats *stats, double share)
{
    const struct compat_relay_centroid *of = stats->centroids;
    uint32_t last = stats->centroid_count - 1;
    if (stats->centroid_count == 0)
        return 0;
    double rank = share * (double)stats->count, before = 0;
    uint32_t i = centroid_at(stats, share, rank, &before);
    double low = stats->min, high = stats->max, apart = 0;
    if (last > 0) {
        if (i == 0) {
            apart = of[1].mean - of[0].mean;
            high = of[1].mean;
        } else if (i == last) {
            apart = of[last].mean - of[last - 1].mean;
            low = of[last - 1].mean;
        } else {
            apart = (of[i + 1].mean - of[i - 1].mean) / 2.0;
            low = of[i - 1].mean;
            high = of[i + 1].mean;
        }
    }
    double value = of[i].mean + ((rank - before) / of[i].weight - 0.5) * apart;
    return value > high ? high : value < low ? low : value;
}
