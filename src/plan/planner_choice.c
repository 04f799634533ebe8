/* SPDX-License-Identifier: MIT
 * Which expert decides, and what is promised about it.
 *
 * Until something is known the baseline decides: the timer the user has, or break-even. Another
 * expert takes over when what it has cost, for the resource and for everybody, is less by a margin
 * of a few dear cold starts. The margin is there because the cheapest of six after a few gaps is
 * the luckiest of them; it fades as the gaps known of all resources grow in number.
 *
 * Nothing has to be tried out to know what the baseline would have cost: a gap and its burst fix
 * that. So a guard can hold a resource to it: once its plans have cost 5 % and three cold starts
 * more than the baseline's, the baseline decides until the balance is back. What goes beyond that
 * is the one gap in which the limit was passed. Savings count: they may be spent again.
 *
 * A second guard holds the sum over all resources, faded, to the cheaper of the baseline and the
 * one time to live that is best for all. Signals are silent under either. */
#include "plan/planner.h"

#define COMMON_WEIGHT 60.0 /* gaps that the experience of all weighs beside the resource's own */
#define COMMON_GAPS   60.0 /* gaps known of all from which their experience is believed half */
#define MARGIN        3.0  /* dear cold starts */
#define OWN_FACTOR    1.05
#define OWN_STARTS    3.0 /* cold starts of a lone request */
#define GUARD_FACTOR  1.05
#define GUARD_GAPS    5.0 /* of the dearest */

int64_t planner_baseline_ns(const struct planner *planner, const struct planner_plans *plans)
{
    return planner->baseline_ns > 0 ? planner->baseline_ns
                                    : time_from_seconds((double)plans->even_s);
}

void planner_choice_charge(struct planner_resource *resource, double used_s, double baseline_s)
{
    resource->balance += (float)(used_s - OWN_FACTOR * baseline_s);
}

/* The expert that the sum of all is to be held to, if it is above that by now. */
static bool guard(const struct planner *planner, uint8_t *to)
{
    double ttl = planner->cost[EXPERT_TTL] + planner->open_cost[EXPERT_TTL],
           baseline = planner->cost[EXPERT_BASELINE] + planner->open_cost[EXPERT_BASELINE];
    *to = ttl < baseline ? EXPERT_TTL : EXPERT_BASELINE;
    return planner->used_cost + planner->used_open_cost >
           GUARD_FACTOR * (ttl < baseline ? ttl : baseline) + GUARD_GAPS * planner->dearest;
}

static double lone_s(const struct planner *planner, const struct planner_resource *resource)
{
    return time_to_seconds(resource->load_ns) * (1 + planner->wait_price);
}

static bool is_held(const struct planner *planner, const struct planner_resource *resource)
{
    return (double)resource->balance > OWN_STARTS * lone_s(planner, resource);
}

bool planner_is_guarded(const struct planner *planner, const struct planner_resource *resource)
{
    uint8_t to;
    return is_held(planner, resource) || guard(planner, &to);
}

uint8_t planner_choose(const struct planner *planner, const struct planner_resource *resource)
{
    double even_s = (double)resource->plans.even_s, start_s = lone_s(planner, resource),
           dear_s = even_s > start_s ? even_s : start_s;
    uint8_t best = EXPERT_BASELINE;
    if (is_held(planner, resource) || guard(planner, &best))
        return best;
    double costs[EXPERT_COUNT], common = COMMON_WEIGHT / (planner->gaps + COMMON_GAPS);
    for (int e = 0; e < EXPERT_COUNT; e++)
        costs[e] =
            (double)resource->shadow[e] + common * (planner->cost[e] + planner->open_cost[e]);
    best = EXPERT_BASELINE;
    double least =
        costs[EXPERT_BASELINE] - MARGIN * dear_s * COMMON_GAPS / (COMMON_GAPS + planner->gaps);
    for (int e = 0; e < EXPERT_COUNT; e++)
        if (e != EXPERT_BASELINE && costs[e] < least) {
            least = costs[e];
            best = (uint8_t)e;
        }
    return best;
}
