/* SPDX-License-Identifier: MIT
 * What no cache can beat, by someone who knows the future:
 *   without loads ahead: Belady's MIN ("A Study of Replacement Algorithms for a Virtual-Storage
 *     Computer", IBM Systems Journal 1966): what is asked for last leaves, and what is asked for
 *     later than all that is held is not held at all;
 *   with loads ahead, of keys that were asked for before: only first requests are missed;
 *   with loads ahead of anything: only what is first asked for within a load of the beginning, for
 *     nobody can have it sooner. */
#ifndef FOREWARM_SIM_CACHE_BOUNDS_H
#define FOREWARM_SIM_CACHE_BOUNDS_H

#include "sim/cache_trace.h"

struct cache_bounds {
    uint64_t belady; /* misses; by keys, not by bytes: there no such rule is best */
    uint64_t seen, clairvoyant;
};
/* Of the requests from number `from` on; `keys`: room. */
FW_MUST_CHECK enum fw_err cache_bounds(const struct cache_trace *trace, uint64_t keys, size_t from,
                                       int64_t load_ns, struct cache_bounds *bounds);

#endif
