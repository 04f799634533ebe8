/* SPDX-License-Identifier: MIT
 * How long a resource's answers take to begin, and which of them were slow enough to have waited
 * for a load. Nothing but the times themselves is asked for: they are a mixture of two, warm ones
 * and now and then a cold one, and with the logarithm both are near normal. The last LATENCY_KEPT
 * are parted in two by expectation and maximisation (Dempster, Laird, Rubin 1977), begun where the
 * variance within falls most (Otsu 1979); two parts that are not clearly apart are one. What is
 * usual is the warm part's median, and how far is far its median absolute deviation, so that a few
 * odd ones do not matter (Hampel 1974).
 *
 * The more requests run beside it the longer an answer takes: times are compared with those under
 * about the same load, and one under a load never seen before proves nothing. */
#ifndef FOREWARM_LEARN_LATENCY_H
#define FOREWARM_LEARN_LATENCY_H

#include <stdbool.h>
#include <stdint.h>

enum { LATENCY_KEPT = 64, LATENCY_LOADS = 4, LATENCY_MIN = 8 };
struct latency {
    struct latency_times {
        float log_s[LATENCY_KEPT];
        uint32_t count;       /* ever */
    } by_load[LATENCY_LOADS]; /* 1, 2 to 3, 4 to 7, 8 and more in flight */
};

/* Every answer, cold or warm. */
void latency_add(struct latency *latency, int64_t first_byte_ns, uint32_t in_flight);

struct latency_norm {
    int64_t usual_ns;    /* when it is warm */
    int64_t limit_ns;    /* slower ones were cold */
    int64_t cold_ns;     /* when it is cold; -1: none were seen */
    uint32_t warm, cold; /* of the latest */
};
/* At least `factor` times what is usual is cold. False: fewer than LATENCY_MIN under such a load.
 */
bool latency_norm(const struct latency *latency, uint32_t in_flight, double factor,
                  struct latency_norm *norm);

#endif
