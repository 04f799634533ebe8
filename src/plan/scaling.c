/* SPDX-License-Identifier: MIT */
#include "plan/scaling.h"

#include "plan/capacity.h"
#include <math.h>
#include <stdbool.h>

static const double HOUR_NS = 3600e9;
static const int64_t SECOND_NS = 1000000000;

const struct scaling_policy scaling_defaults = {.up = .70,
                                                .down = .50,
                                                .cooldown_up_ns = INT64_C(120) * 1000000000,
                                                .cooldown_down_ns = INT64_C(600) * 1000000000,
                                                .factor = 3};

struct run {
    const struct scaling_world *world;
    const struct scaling_policy *policy;
    struct scaling_result result;
    int64_t now_ns;
    int active, ordered; /* ordered: what will be active; the same when nothing is due */
    int64_t due_ns;      /* when it will */
    int64_t up_from_ns, down_from_ns; /* cool-downs are over */
    double used;                      /* utilisation over time */
};

static int clip(double units, int least, double most)
{
    units = units > most ? most : units;
    return units > least ? (int)units : least;
}

/* Units whose use by `demand` is in the middle of both thresholds. */
static int aim(const struct run *run, double demand)
{
    const struct scaling_policy *policy = run->policy;
    double most = fmin(floor(policy->factor * run->result.first), CAPACITY_UNITS_MAX);
    return clip(capacity_units(demand, run->world->unit, (policy->up + policy->down) / 2), 1, most);
}

/* What the policy does now. */
static void act(struct run *run, double demand)
{
    if (run->now_ns >= run->due_ns)
        run->active = run->ordered;
    if (run->active != run->ordered)
        return; /* an order is on its way */
    double use = demand / (run->active * run->world->unit);
    int wanted = aim(run, demand);
    if (use > run->policy->up && wanted > run->active && run->now_ns >= run->up_from_ns) {
        run->ordered = wanted;
        run->due_ns = run->now_ns + run->world->lead_time_ns;
        run->up_from_ns = run->now_ns + run->policy->cooldown_up_ns;
        run->down_from_ns = run->now_ns + run->policy->cooldown_down_ns;
        run->result.ups++;
        if (run->world->lead_time_ns == 0)
            run->active = run->ordered;
    } else if (use < run->policy->down && wanted < run->active &&
               run->now_ns >= run->down_from_ns) {
        run->active = run->ordered = wanted;
        run->down_from_ns = run->now_ns + run->policy->cooldown_down_ns;
        run->result.downs++;
    }
}

/* The next instant at which something may change before `end_ns`. */
static int64_t next_of(const struct run *run, int64_t end_ns)
{
    int64_t next_ns = end_ns;
    if (run->active != run->ordered && run->due_ns > run->now_ns && run->due_ns < next_ns)
        next_ns = run->due_ns;
    if (run->up_from_ns > run->now_ns && run->up_from_ns < next_ns)
        next_ns = run->up_from_ns;
    if (run->down_from_ns > run->now_ns && run->down_from_ns < next_ns)
        next_ns = run->down_from_ns;
    return next_ns;
}

static void pass(struct run *run, double demand, int64_t until_ns)
{
    struct scaling_result *result = &run->result;
    double hours = (double)(until_ns - run->now_ns) / HOUR_NS;
    double can = run->active * run->world->unit;
    int paid = run->ordered > run->active ? run->ordered : run->active;
    result->hours += hours;
    result->unit_hours += hours * paid;
    run->used += hours * fmin(demand / can, 1);
    if (demand > can) {
        result->short_hours += hours;
        result->missing_unit_hours += hours * (demand - can) / run->world->unit;
    }
    if (demand > can * run->world->warning)
        result->strained_hours += hours;
    result->peak = paid > result->peak ? paid : result->peak;
    run->now_ns = until_ns;
}

static int first_fleet(const struct scaling_world *world, size_t count)
{
    double sum = 0, known = 0;
    for (size_t t = 0; t < count; t++)
        if (isfinite(world->demand[t])) {
            sum += fmax(world->demand[t], 0);
            known++;
        }
    return clip(known > 0 ? capacity_units(sum / known, world->unit, world->target) : 1, 1,
                CAPACITY_UNITS_MAX);
}

struct scaling_result scaling_simulate(const struct scaling_world *world,
                                       const struct scaling_policy *policy, size_t from, size_t to,
                                       size_t judge_from)
{
    struct run run = {.world = world, .policy = policy};
    to = to < world->count ? to : world->count;
    run.result.first = first_fleet(world, judge_from > 0 ? judge_from : to);
    run.active = run.ordered = run.result.first;
    run.result.peak = run.active;
    for (size_t t = from; t < to; t++) {
        double demand = world->demand[t];
        if (!isfinite(demand))
            continue;
        int64_t end_ns = run.now_ns + world->step_ns;
        demand = fmax(demand, 0);
        while (run.now_ns < end_ns) {
            act(&run, demand);
            pass(&run, demand, next_of(&run, end_ns));
        }
    }
    struct scaling_result *result = &run.result;
    result->utilization = result->hours > 0 ? run.used / result->hours : 0;
    result->cost = result->unit_hours * world->per_hour;
    result->total = result->cost + result->missing_unit_hours * world->short_price;
    return *result;
}

struct scaling_policy scaling_tune(const struct scaling_world *world, double share)
{
    static const double ups[] = {.6, .7, .8}, downs[] = {.3, .4, .5}, factors[] = {3, 5, 8};
    static const int64_t downs_s[] = {600, 3600, 21600, 86400};
    struct scaling_policy best = scaling_defaults;
    double least = INFINITY;
    size_t to = (size_t)(share * (double)world->count);
    for (int i = 0; i < SCALING_TRIED; i++) {
        struct scaling_policy policy = {ups[i % 3], downs[i / 3 % 3],
                                        scaling_defaults.cooldown_up_ns,
                                        downs_s[i / 9 % 4] * SECOND_NS, factors[i / 36]};
        struct scaling_result result = scaling_simulate(world, &policy, 0, to, to);
        if (result.total < least) {
            least = result.total;
            best = policy;
        }
    }
    return best;
}
