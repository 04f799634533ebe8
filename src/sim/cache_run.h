/* SPDX-License-Identifier: MIT
 * A trace of blocks through a cache (plan/cache.h), with loads ahead or without.
 *
 * The model of time: requests come when the trace says, whatever the cache answers. A load takes
 * `load_ns`. What was loaded ahead can be used from then on; a request before that is a miss, and
 * the guess was late: it joins the load, waits for what is left of it, and no second one begins.
 * What a request misses is held at once, as simulators of caches do, so that results without loads
 * ahead can be compared with theirs. Beside it runs the same cache without loads ahead: it says
 * what they spared and spoilt.
 */
#ifndef FOREWARM_SIM_CACHE_RUN_H
#define FOREWARM_SIM_CACHE_RUN_H

#include "plan/cache.h"
#include "plan/foresee.h"
#include "sim/cache_trace.h"
#include "sim/cache_waits.h"

enum { CACHE_RUN_LOADING_MAX = 4096 }; /* loads ahead at the same time; no more begin then */

enum cache_run_prefetch {
    CACHE_RUN_NONE,
    CACHE_RUN_SEQUENTIAL,
    CACHE_RUN_PATTERN,
    CACHE_RUN_MIX,
    CACHE_RUN_PREFETCH_COUNT
};
extern const char *const cache_run_prefetch_names[]; /* NULL-terminated */

struct cache_run_settings {
    int algorithm, prefetch;
    uint64_t capacity;
    bool by_bytes; /* else every key counts as one */
    int64_t load_ns;
    size_t score_from; /* requests before this one are learned from, and not counted */
    bool compare;      /* run the cache without loads ahead beside it, and note who waits */
};
struct cache_run_result {
    uint64_t requests, misses, bytes, bytes_missed;
    uint64_t bytes_ahead; /* loaded ahead */
    uint64_t bytes_late;  /* of these, what was waited for */
    struct prefetch_account account;
    uint64_t
        refused; /* of the unused: not let in, for they are too large; the others were evicted */
    /* with `compare`: misses without loads ahead, those spared, and those that come of them */
    uint64_t misses_without, bytes_missed_without, spared, spoilt;
    struct cache_waits_summary waits, waits_without;
    struct cache_waits_summary leads; /* from being there to the first use, of what was used */
    double wasted_byte_s; /* held and never used; of keys, if those are what is counted */
};

/* The account is checked at every request. */
FW_MUST_CHECK enum fw_err cache_run(const struct cache_trace *trace,
                                    const struct cache_run_settings *settings,
                                    struct cache_run_result *result);
/* Parts of one; 0 of 0 is 0. */
double cache_run_miss_ratio(const struct cache_run_result *result);
double cache_run_accuracy(const struct cache_run_result *result);   /* used or late, of issued */
double cache_run_coverage(const struct cache_run_result *result);   /* spared, of misses without */
double cache_run_timeliness(const struct cache_run_result *result); /* used, of used or late */
double cache_run_pollution(const struct cache_run_result *result);  /* spoilt, of requests */
/* Loads and bytes more than without, a request; below zero: fewer. */
double cache_run_traffic(const struct cache_run_result *result);
double cache_run_traffic_bytes(const struct cache_run_result *result);
/* Waiting spared a request, less what loads in vain took. */
double cache_run_net_ns(const struct cache_run_result *result, int64_t load_ns);

#endif
