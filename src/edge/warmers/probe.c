/* SPDX-License-Identifier: MIT */
#include "edge/warmers/probe.h"
#include <stdbool.h>

static bool within(int64_t latency_ns, int64_t warm_ns, double factor)
{
    return latency_ns <= warm_ns + PROBE_NOISE_NS || (double)latency_ns <= factor * (double)warm_ns;
}

static bool agree(int64_t a_ns, int64_t b_ns, double factor)
{
    return a_ns < b_ns ? within(b_ns, a_ns, factor) : within(a_ns, b_ns, factor);
}

enum probe_verdict probe_judge(const struct stats_recent *learned, double factor,
                               const int64_t *latencies, uint32_t count)
{
    int64_t last_ns = latencies[count - 1];
    int64_t warm_ns = stats_recent_quantile(learned, 0.5, -1);
    if (warm_ns >= 0 && within(last_ns, warm_ns, factor))
        return PROBE_WARM;
    bool steady = count >= 2 && agree(latencies[count - 2], last_ns, factor);
    if (steady && warm_ns < 0)
        return PROBE_WARM;
    if (steady && count >= PROBE_PATIENCE)
        return PROBE_CHANGED;
    return count < PROBE_MAX ? PROBE_AGAIN : PROBE_UNSTABLE;
}
