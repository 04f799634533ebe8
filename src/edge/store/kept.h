/* SPDX-License-Identifier: MIT
 * What the edge itself keeps over restarts, besides the engine's snapshot. */
#ifndef FOREWARM_EDGE_KEPT_H
#define FOREWARM_EDGE_KEPT_H

#include "base/stats.h"
#include <stdint.h>

/* What is learned of a resource at the edge. */
struct site_learned {
    struct stats_recent probe_ns; /* latencies at warm speed */
    struct stats_recent load_ns, verify_ns;
};

/* A started command: its number alone could be another process by now. */
struct saved_child {
    int64_t pid;         /* 0: none */
    uint64_t start_time; /* clock ticks since boot */
    const char *command; /* owned by who filled it in */
};

#endif
