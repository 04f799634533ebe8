/* SPDX-License-Identifier: MIT
 * Which warm resources to evict when another needs their memory. Pure: candidates in, victims out.
 *
 * Rule: by worth per byte ascending take victims until there is room; then put back, most valuable
 * first, whatever turned out not to be needed. (Exact search over subsets was not better in the
 * measurements behind the planner.) Where worths are equal or unknown, the least recently used goes
 * first. */
#ifndef FOREWARM_PLAN_BUDGET_H
#define FOREWARM_PLAN_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

struct budget_candidate {
    uint32_t resource;
    uint64_t bytes;
    double worth; /* seconds of waiting lost per byte if evicted (policy_ops.worth); 0 unknown */
    int64_t last_used_ns;
    bool evictable; /* warm, nothing running or queued, not pinned */
};

/* Chooses victims that free at least `need_bytes` and moves them to the front of `candidates`, in
 * the order in which they should go; *count gets how many. False: even all evictable ones are too
 * small; *count is 0. */
bool budget_choose(struct budget_candidate *candidates, uint32_t candidate_count,
                   uint64_t need_bytes, uint32_t *count);

#endif
