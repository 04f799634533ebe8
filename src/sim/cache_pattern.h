/* SPDX-License-Identifier: MIT
 * The classic pattern strategy of prefetching with its manager, as a baseline with fixed rules
 * (learn/sequence_classic.h; specification F2): pairs of adjacent requests are counted, what
 * followed with more than a tenth is queued by its priority, and five are loaded at the same time,
 * whatever it costs and however late they come. Nothing is learned of what the loads were worth. */
#ifndef FOREWARM_SIM_CACHE_PATTERN_H
#define FOREWARM_SIM_CACHE_PATTERN_H

#include "base/table.h"
#include "learn/sequence_classic.h"

enum {
    CACHE_PATTERN_LOADS = 5,         /* at the same time */
    CACHE_PATTERN_PRIORITIES = 10,   /* trunc((1 - p) * 10) */
    CACHE_PATTERN_QUEUE = 1024,      /* that wait, of a priority: more are dropped */
    CACHE_PATTERN_ENTRIES = 1 << 22, /* pairs counted */
};

struct cache_pattern {
    struct classic classic;
    struct map64 items; /* key -> number */
    uint64_t *keys;     /* the other way round */
    uint32_t count, max;
    struct {
        uint32_t items[CACHE_PATTERN_QUEUE], first, count;
    } queues[CACHE_PATTERN_PRIORITIES];
};

/* For so many different keys. */
FW_MUST_CHECK enum fw_err cache_pattern_init(struct cache_pattern *pattern, uint64_t keys);
void cache_pattern_fini(struct cache_pattern *pattern);
/* A request: counted, and what may follow is queued unless `held` (or being loaded). */
FW_MUST_CHECK enum fw_err cache_pattern_request(struct cache_pattern *pattern, uint64_t key,
                                                bool (*held)(void *context, uint64_t key),
                                                void *context);
/* The most urgent that waits; false: none. It may be held by now. */
bool cache_pattern_next(struct cache_pattern *pattern, uint64_t *key);

#endif
