/* SPDX-License-Identifier: MIT
 * How many GPUs (or any other units of capacity) to have, step by step, from what demand may come.
 * What is ordered now arrives after the lead time, so what runs must do for the highest demand from
 * now until then: of joint paths the maximum over that window is taken, and of those maxima the
 * quantile (the newsvendor's critical ratio: Arrow, Harris and Marschak, "Optimal inventory
 * policy", Econometrica 19(3), 1951). Quantiles of single steps are too low for a maximum of many.
 * Or by the fixed rule people use: a buffer times P95. Numbers in, numbers out: forecasts, paths
 * and prices are the caller's. */
#ifndef FOREWARM_PLAN_CAPACITY_H
#define FOREWARM_PLAN_CAPACITY_H

#include "base/err.h"
#include <stdint.h>

enum { CAPACITY_STEPS_MAX = 20000, CAPACITY_UNITS_MAX = 1000000 };

/* What may come: `steps` steps of step_ns from start_ns on. Values finite; below 0 counts as 0. */
struct capacity_demand {
    int64_t start_ns, step_ns;
    int steps;
    const double *baseline, *expected; /* steps each */
    const double *p95;                 /* steps; what the buffer is for */
    const double *spike;               /* steps: probability of a spike; NULL: not told */
    const double *paths;               /* of path p at step t: paths[t * path_count + p] */
    int path_count;                    /* at least 1 */
    /* Steps each: the highest demand of the window at the service level, at P95 and at P99, where
     * past windows have told it; all three, or NULL: the maxima of the paths tell. */
    const double *peak_service, *peak_p95, *peak_p99;
};

struct capacity_settings {
    double unit_capacity;       /* demand that one unit does when wholly used; > 0 */
    double batching_gain;       /* times as much through larger batches; > 0 */
    double target_utilization;  /* at the expected demand, at most; (0, 1] */
    double warning_utilization; /* at the demand that is planned for, at most; (0, 1] */
    double service_level;       /* share of lead times without shortage; (0, 1) */
    double buffer;              /* > 0: so many times P95, wholly used, instead; 0: service level */
    double spike_times;         /* a spike is so many times the expected demand */
    double burst_most;          /* burst-ready units over recommended ones, at most; >= 1 */
    int64_t lead_time_ns;       /* from order to use */
    int least;                  /* units to have always */
};
/* 312, 1, .70, .85, .95, 0, 2, 3, 10m, 0 */
extern const struct capacity_settings capacity_defaults;

/* The planning cases. */
enum capacity_case {
    CAPACITY_BASELINE,     /* trend and seasons, at the target utilisation */
    CAPACITY_EXPECTED,     /* the expected demand, at the target utilisation */
    CAPACITY_CONSERVATIVE, /* P95 of the window's maximum, at the warning utilisation: its margin */
    CAPACITY_EMERGENCY,    /* P99 of the window's maximum, at the warning utilisation */
    CAPACITY_CASES,
};
extern const char *const capacity_case_names[CAPACITY_CASES];

/* What decided the recommended number. */
enum capacity_reason {
    CAPACITY_BY_LEAST,   /* `least` */
    CAPACITY_BY_TARGET,  /* the target utilisation at the expected demand */
    CAPACITY_BY_SERVICE, /* the service level */
    CAPACITY_BY_BUFFER,  /* the buffer times P95 */
    CAPACITY_REASONS,
};
extern const char *const capacity_reason_names[CAPACITY_REASONS];

/* One step; its window begins with it and is as long as the lead time, a step at least. */
struct capacity_row {
    double demand[CAPACITY_CASES]; /* that each case is for: the highest of the window */
    double planned;                /* demand at the service level, or buffer times P95 */
    int gpus[CAPACITY_CASES];
    int recommended;
    int burst_ready; /* to be had within the lead time: the emergency, or a likely spike, as far as
                        a burst may go */
    enum capacity_reason reason;
    double utilization; /* expected at this step over what the recommended can do; 0 without any */
};

/* Fills `rows` (demand->steps of them). FW_INPUT, in words: a setting or a value out of its range,
 * or a demand that takes more than CAPACITY_UNITS_MAX units. */
FW_MUST_CHECK enum fw_err capacity_plan(const struct capacity_demand *demand,
                                        const struct capacity_settings *settings,
                                        struct capacity_row *rows, struct fw_detail *detail);
/* What one unit can do: unit_capacity times the batching gain. */
double capacity_of_unit(const struct capacity_settings *settings);
/* Units whose use by `demand` is at most `utilization`; whole, rounded up, but for a hair. */
int capacity_units(double demand, double unit, double utilization);
/* Steps of the window. */
int capacity_window(const struct capacity_demand *demand, const struct capacity_settings *settings);

#endif
