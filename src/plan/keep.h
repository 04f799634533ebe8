/* SPDX-License-Identifier: MIT
 * Plan arithmetic, the same for everybody who makes, follows or scores a plan (struct keep_plan in
 * policies.h).
 *
 * The cost of a plan on a gap, in warm-second nanoseconds: J = idle + L * loads + lambda * waiting,
 * where lambda is wait_price / idle_price and L the load time. A load for a window [s, e) with s >
 * 0 begins at age s - L, though not before the window before it ended; a load that began is
 * completed; a request that meets a load waits for the rest of it. At equal times plans go first: a
 * request exactly at the end of a window finds the resource gone. */
#ifndef FOREWARM_PLAN_KEEP_H
#define FOREWARM_PLAN_KEEP_H

#include "plan/policies.h"

bool keep_valid(const struct keep_plan
                    *plan); /* ascending, apart, 0 <= start < end, at most PLAN_WINDOWS_MAX */
/* Adds [start, end); windows that meet or overlap become one. Empty ones vanish; false: no room,
 * nothing changed. */
bool keep_add(struct keep_plan *plan, int64_t start_ns, int64_t end_ns);
/* Makes a valid plan of any windows with count <= PLAN_WINDOWS_MAX: sorts, clips at 0, drops empty
 * ones, merges. */
void keep_normalise(struct keep_plan *plan);
bool keep_ready(const struct keep_plan *plan, int64_t age_ns); /* inside a window */
int64_t keep_next_boundary(const struct keep_plan *plan,
                           int64_t age_ns); /* first start or end > age; TIME_NEVER */
/* The age at which the window's load begins. */
int64_t keep_load_start(const struct keep_plan *plan, uint32_t window, int64_t load_ns);

/* What a plan did with one gap. */
struct keep_outcome {
    int64_t idle_ns; /* ready and unused */
    uint32_t loads;  /* begun in this gap, the one the request that ends it caused included */
    int64_t wait_ns; /* of the request that ends it */
};
/* The gap ended with a request at age `gap_ns`. */
struct keep_outcome keep_outcome(const struct keep_plan *plan, int64_t gap_ns, int64_t load_ns);
/* The same of the plan [0, ttl_ns). */
static inline struct keep_outcome keep_ttl_outcome(int64_t ttl_ns, int64_t gap_ns, int64_t load_ns)
{
    if (gap_ns < ttl_ns)
        return (struct keep_outcome){.idle_ns = gap_ns};
    return (struct keep_outcome){.idle_ns = ttl_ns, .loads = 1, .wait_ns = load_ns};
}
/* Ready and unused up to an age, in a gap that is still open. */
int64_t keep_idle(const struct keep_plan *plan, int64_t age_ns, int64_t load_ns);
/* The outcome's cost in seconds. `burst` >= 1: how many times the first request's wait everybody
 * together waited. */
static inline double keep_cost_s(const struct keep_outcome *outcome, int64_t load_ns,
                                 double wait_price, double burst)
{
    return time_to_seconds(outcome->idle_ns) + time_to_seconds(load_ns) * outcome->loads +
           wait_price * time_to_seconds(outcome->wait_ns) * burst;
}

/* lambda: warm seconds that a second of waiting is worth. With an idle price of 0 waiting is all
 * that counts. */
#define KEEP_LAMBDA_MAX 1e9
double keep_lambda(const struct policy_settings *settings);

#endif
