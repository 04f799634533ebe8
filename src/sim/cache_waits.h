/* SPDX-License-Identifier: MIT
 * How long requests waited: nothing for what is held, a load's time for what is missed, and what
 * was left of it for those that joined a load. Exact quantiles without a number for every request:
 * the many that waited for nothing, or for all of it, are counted. */
#ifndef FOREWARM_SIM_CACHE_WAITS_H
#define FOREWARM_SIM_CACHE_WAITS_H

#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

struct cache_waits {
    uint64_t none, all; /* requests */
    int64_t all_ns;     /* what a load takes */
    int64_t *part_ns;   /* those between */
    size_t part_count, part_capacity;
};
struct cache_waits_summary {
    double mean_ns;
    int64_t p50_ns, p95_ns, p99_ns; /* the smallest at or above which no more than the rest is */
};

void cache_waits_init(struct cache_waits *waits, int64_t all_ns);
void cache_waits_fini(struct cache_waits *waits);
void cache_waits_clear(struct cache_waits *waits);
FW_MUST_CHECK enum fw_err cache_waits_add(struct cache_waits *waits, int64_t wait_ns);
void cache_waits_summary(struct cache_waits *waits, struct cache_waits_summary *summary);

#endif
