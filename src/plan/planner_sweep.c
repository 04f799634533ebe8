/* SPDX-License-Identifier: MIT
 * The slow bookkeeping: counts the gaps still open, and charges each expert's plan what it has kept
 * idle in them so far. A sweep looks at a slice of the resources at each request and is taken over
 * whole when it is done, so that no request waits for a million resources. Every age in it is as of
 * the instant at which it was due; a gap that has ended since is left out, for it is counted among
 * those that ended. */
#include "plan/planner.h"
#include <string.h>

#define SWEEP_NS (900 * TIME_SECOND) /* open gaps are counted and charged so often */

static void count_one(struct planner *planner, uint32_t number, struct planner_sweep *sweep)
{
    const struct planner_resource *resource = &planner->resources[number];
    double used_s = 0;
    int64_t age_ns = sweep->at_ns - resource->last_ns;
    if (!resource->seen || age_ns <= resource->load_ns)
        return;
    sweep->open[resource->context][gaps_bin(age_ns)]++;
    const struct period_plan *period = resource->period ? &resource->period->plan : NULL;
    for (int e = 0; e < EXPERT_COUNT; e++) {
        double idle_s = time_to_seconds(
            planner_outcome(planner, &resource->plans, period, e, age_ns, resource->load_ns)
                .idle_ns);
        sweep->cost[e] += idle_s;
        if (e == resource->plans.used)
            used_s = idle_s;
    }
    sweep->used_cost += planner_signals_open(planner, number, age_ns, used_s);
}

static void take_over(struct planner *planner, const struct planner_sweep *sweep)
{
    uint32_t all[GAPS_BINS] = {0};
    for (int c = 0; c < POOL_CONTEXTS; c++) {
        gaps_at_risk(sweep->open[c], planner->pool.contexts[c].at_risk);
        for (int k = 0; k < GAPS_BINS; k++)
            all[k] += sweep->open[c][k];
    }
    gaps_at_risk(all, planner->pool.all.at_risk);
    memcpy(planner->open_cost, sweep->cost, sizeof planner->open_cost);
    planner->used_open_cost = sweep->used_cost;
    planner_signals_swept(&planner->signals);
    planner->pool.stale = true;
}

void planner_sweep(struct planner *planner, int64_t now_ns)
{
    struct planner_sweep *sweep = &planner->sweep;
    if (planner->next_sweep_ns == TIME_NEVER)
        planner->next_sweep_ns = time_add(now_ns, SWEEP_NS);
    if (!sweep->running) {
        if (planner->next_sweep_ns > now_ns)
            return;
        /* Of several sweeps that fell due in a silence only the last one's sums would be left. */
        int64_t last_ns = now_ns - (now_ns - planner->next_sweep_ns) % SWEEP_NS;
        *sweep = (struct planner_sweep){.running = true, .at_ns = last_ns};
        planner->next_sweep_ns = time_add(last_ns, SWEEP_NS);
    }
    uint32_t left = planner->count - sweep->next;
    uint32_t end = sweep->next + (left < PLANNER_SLICE ? left : PLANNER_SLICE);
    while (sweep->next < end)
        count_one(planner, sweep->next++, sweep);
    if (sweep->next < planner->count)
        return;
    sweep->running = false;
    take_over(planner, sweep);
}
