/* SPDX-License-Identifier: MIT
 * The proof that a resource is warm: a real inference, answered as expected, at the speed this
 * resource has when it is warm. A health page proves nothing, and neither does a load call that
 * returned: the first inference after a load is often slow (kernels, caches), so probes go on until
 * one is as fast as what was learned.
 *
 * Verdict (pure): with something learned, a probe is at warm speed when it takes at most factor x
 * the learned median. With nothing learned, when two in a row agree within the factor. A resource
 * that has changed for good (another model behind the name, a slower machine) would never be warm
 * again by the first rule; so after PROBE_PATIENCE probes two agreeing ones are believed, and the
 * difference is reported. Differences below PROBE_NOISE_NS count for nothing. */
#ifndef FOREWARM_EDGE_PROBE_H
#define FOREWARM_EDGE_PROBE_H

#include "base/stats.h"
#include "base/time.h"
#include <stdint.h>

enum { PROBE_MAX = 12, PROBE_PATIENCE = 6 };
#define PROBE_NOISE_NS (20 * TIME_MILLISECOND)

enum probe_verdict {
    PROBE_AGAIN, /* not at warm speed yet */
    PROBE_WARM,
    PROBE_CHANGED, /* warm, but not as it used to be: what was learned should be learned anew */
    PROBE_UNSTABLE /* PROBE_MAX probes and no two agree: it cannot be called warm */
};

/* `latencies`: of the probes since the load that were answered as expected, oldest first, count
 * >= 1. */
enum probe_verdict probe_judge(const struct stats_recent *learned, double factor,
                               const int64_t *latencies, uint32_t count);

#endif
