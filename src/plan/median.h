/* SPDX-License-Identifier: MIT
 * The median rule (P3, P4, P5): a resource's next request is expected one median gap after its
 * last; it is warmed ahead when that is near. One global history of the last requests of all
 * resources feeds it. Measured, it predicts mostly times already past; it is here because it was
 * asked for and as the thing to beat. */
#ifndef FOREWARM_PLAN_MEDIAN_H
#define FOREWARM_PLAN_MEDIAN_H

#include "learn/history.h"
#include "plan/policies.h"

enum { MEDIAN_STAMPS_MIN = 3 };

struct median_rule {
    int64_t min_requests; /* the history must hold so many (10) */
    int64_t horizon_ns;   /* predictions further away are dropped (5 min) */
    int64_t lead_time_ns; /* warmed ahead when so near (2 min) */
};
struct median_prediction {
    uint32_t resource;
    int64_t median_ns;   /* gap at place n / 2 of the sorted n */
    int64_t next_at_ns;  /* last + median */
    int64_t distance_ns; /* next - now, 0 < distance <= horizon */
};

/* Which resources are expected within the horizon, in the order of their numbers: at most `max`;
 * returns how many. */
uint32_t median_predict_demand(struct history *history, const struct median_rule *rule,
                               int64_t now_ns, struct median_prediction *predictions, uint32_t max);
bool median_should_prewarm(const struct median_rule *rule,
                           const struct median_prediction *prediction);

#endif
