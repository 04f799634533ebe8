/* SPDX-License-Identifier: MIT
 * How much waiting one cold start causes: not the first request's alone, but that of everybody who
 * arrives while it loads. Per resource and averaged; reference: the cost model's burst accounting
 * (B = L + price * W). */
#ifndef FOREWARM_LEARN_BURST_H
#define FOREWARM_LEARN_BURST_H

#include "base/buf.h"
#include <stdbool.h>
#include <stdint.h>

struct burst {
    int64_t began_ns;  /* the request that opened the cluster */
    int64_t waited_ns; /* what a cold start there would have cost so far; 0: no cluster yet */
    double average_s;  /* W; 0 before the first cluster closed */
};

/* `gap_ns` -1 for the resource's first request. */
void burst_learn(struct burst *burst, int64_t at_ns, int64_t gap_ns, int64_t load_ns);
/* W = max(L, average), seconds. */
double burst_wait_s(const struct burst *burst, int64_t load_ns);
void burst_save(const struct burst *burst, struct buf *out);
bool burst_load(struct burst *burst, struct buf_reader *in);

#endif
