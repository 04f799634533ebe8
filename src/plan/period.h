/* SPDX-License-Identifier: MIT
 * A plan for what comes by the clock. The bins of learn/gaps.h are a sixth of a gap wide: a job
 * that comes every half hour, give or take half a minute, would be kept warm for five minutes. Here
 * the latest 16 gaps stand as they were, to 1 part in 4,000. Gaps closer together than a load takes
 * belong to one cluster; for each cluster the waiting that a window around it would save is
 * compared with what the window costs; at most two windows. Where gaps are all over the place no
 * window pays: whether this plan or another is followed is decided by what each would have cost
 * (planner.h). */
#ifndef FOREWARM_PLAN_PERIOD_H
#define FOREWARM_PLAN_PERIOD_H

#include "learn/gaps.h"
#include "plan/keep.h"

enum { PERIOD_GAPS = 16, PERIOD_GAPS_MIN = 4, PERIOD_WINDOWS = 2, PERIOD_UNKNOWN = 255 };

struct period_plan {
    uint16_t from[PERIOD_WINDOWS], to[PERIOD_WINDOWS]; /* ages in milliseconds, packed; 0 is 0 */
    uint8_t count;                                     /* PERIOD_UNKNOWN: too few gaps are known */
};
struct period {
    uint16_t gaps[PERIOD_GAPS]; /* milliseconds, packed; the latest ones, in a ring */
    uint8_t count, next;
    struct period_plan plan;   /* in force */
    struct period_plan judged; /* was in force in the gap that the open burst ended */
};

void period_init(struct period *period);
void period_learn(struct period *period, int64_t gap_ns);
/* cold_s[k]: what a cold start costs when the gap ends in bin k, in warm seconds. Ready at least
 * until hold_ns. */
struct period_plan period_make(const struct period *period, int64_t load_ns,
                               const double cold_s[GAPS_BINS], int64_t hold_ns);
/* Of a known plan. */
void period_windows(const struct period_plan *period_plan, struct keep_plan *plan);

#endif
