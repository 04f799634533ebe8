/* SPDX-License-Identifier: MIT
 * What a reactive autoscaler would have done on a history: more units above one utilisation, fewer
 * below another, not again before a cool-down is over, never more than so many times the fleet it
 * began with (the specification's `scaling_policy`: .70, .50, 120 s, 600 s, 3). New units serve
 * after the lead time and are paid for from the order on. Time runs from event to event, not in
 * ticks, so nothing depends on how often the policy looks. */
#ifndef FOREWARM_PLAN_SCALING_H
#define FOREWARM_PLAN_SCALING_H

#include <stddef.h>
#include <stdint.h>

struct scaling_policy {
    double up, down; /* utilisation; a change aims at the middle */
    int64_t cooldown_up_ns, cooldown_down_ns;
    double factor; /* of the first fleet, at most */
};
extern const struct scaling_policy scaling_defaults;

struct scaling_world {
    const double *demand; /* history; NaN: a hole, no time passes */
    size_t count;
    int64_t step_ns, lead_time_ns;
    double unit;        /* what a unit can do */
    double target;      /* utilisation at which the first fleet does the mean demand */
    double warning;     /* utilisation above which time is counted as strained */
    double per_hour;    /* price of a unit */
    double short_price; /* of an hour of a unit that was missing */
};

struct scaling_result {
    double hours, unit_hours, cost;
    double short_hours, missing_unit_hours; /* demand above what the units can do, and how far */
    double strained_hours;                  /* above the warning utilisation */
    double utilization;                     /* mean over time, at most 1 at any */
    int first, peak;                        /* units */
    int ups, downs;
    double total; /* cost and what was missing at its price */
};

/* Over steps from .. to - 1; the first fleet is that of the mean of the steps before `judge_from`
 * (all of them, if that is 0), so that a policy judged on the later part knows only the former. */
struct scaling_result scaling_simulate(const struct scaling_world *world,
                                       const struct scaling_policy *policy, size_t from, size_t to,
                                       size_t judge_from);

/* The policy with the least total on the first `share` of the steps, of SCALING_TRIED; ties go to
 * the earlier. */
enum { SCALING_TRIED = 108 };
struct scaling_policy scaling_tune(const struct scaling_world *world, double share);

#endif
