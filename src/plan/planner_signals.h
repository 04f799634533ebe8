/* SPDX-License-Identifier: MIT
 * Signals: what else may know when a resource will be asked for. Each makes a plan of its own
 * (outlook.h) for every gap and is judged, when the gap has ended, by what that plan would have
 * cost against what the chosen expert's did. Its plan is followed only where that lead, the
 * resource's own and what it was worth to everybody, is clear of chance and of a margin; it falls
 * silent again when the lead is gone. A signal that leads nowhere is worked out for one gap in
 * eight.
 *
 * - clock: time of day and day of week, learned (learn/clock.h)
 * - forecast: what a named source said to expect, hour by hour (planner_expect)
 *
 * Memory a resource: 8 bytes, 256 more once it has had eight gaps and then one of an hour, 264
 * where there is a forecast. */
#ifndef FOREWARM_PLAN_PLANNER_SIGNALS_H
#define FOREWARM_PLAN_PLANNER_SIGNALS_H

#include "base/buf.h"
#include "learn/clock.h"
#include "plan/outlook.h"

enum { SIGNAL_CLOCK, SIGNAL_FORECAST, SIGNAL_COUNT, SIGNAL_NONE = SIGNAL_COUNT };
enum {
    SIGNAL_SOURCES = 64,  /* 0: the clock; more sources than there are share */
    FORECAST_HOURS = 96,  /* as far ahead as a forecast is kept */
    SIGNAL_UNKNOWN = 255, /* count of a plan that was not made */
    SIGNAL_GAPS_MIN = 8
};
#define SIGNAL_GAP_NS TIME_HOUR /* what is never silent so long has no use for a clock */

struct signal_track { /* of gaps that the signal made a plan for; decayed */
    float lead_s;     /* what it would have saved */
    float squares;    /* of what it would have saved at each */
    float cost_s;     /* what the chosen expert's plans cost */
    uint16_t judged;  /* gaps, at most UINT16_MAX */
    bool acts;
};
struct signal_plans {
    struct outlook_plan plan;   /* in force */
    struct outlook_plan judged; /* was in force in the gap that the open burst ended */
    struct signal_track track;
};
struct signal_forecast {
    struct signal_plans plans;
    int64_t first_hour; /* since 1970; of expected[0] */
    uint16_t source;
    uint16_t expected[FORECAST_HOURS]; /* requests, packed; UINT16_MAX: nothing was said */
};
struct signal_resource {
    struct clock_profile clock;
    float met[OUTLOOK_AGES], silent[OUTLOOK_AGES]; /* the clock's rate at such ages, and half-hours
                                                      silent; decayed */
    struct signal_plans plans;
    struct signal_forecast *forecast;  /* NULL: none */
    uint8_t followed, followed_judged; /* SIGNAL_NONE: the expert's plan */
    uint8_t short_gaps;                /* since rates were learned of one, counting round */
    uint8_t skipped;                   /* plans that were not worked out, in a row */
};
struct signal_pool { /* the same of everybody, by source; means over `gaps` */
    double lead_s, squares, cost_s, gaps;
    double open_lead_s; /* in gaps still open, as of the last whole sweep */
};
struct planner_signals {
    bool deaf;                          /* listens to none */
    struct signal_resource **resources; /* NULL: too few gaps yet */
    uint32_t count, capacity;
    struct clock_pool clock;
    struct signal_pool pools[SIGNAL_SOURCES];
    double sweep_lead_s[SIGNAL_SOURCES]; /* of the sweep that is under way */
};

struct planner;
struct planner_resource;
struct keep_plan;

struct policy;
struct policy_expect;

/* policy_ops.expect: a source says how many requests of the resource to expect in a span of time.
 * What it says of an hour replaces what was said of that hour before. It counts from the resource's
 * next request on. */
FW_MUST_CHECK enum fw_err planner_expect(struct policy *policy, const struct policy_expect *expect);

/* policy_ops.signals */
struct policy_signal;
size_t planner_signals_tell(const struct policy *policy, uint32_t number,
                            struct policy_signal *signals);

void planner_signals_fini(struct planner_signals *signals);
FW_MUST_CHECK enum fw_err planner_signals_grow(struct planner_signals *signals, uint32_t count,
                                               uint32_t max);
/* A gap longer than a load has ended now. */
void planner_signals_close(struct planner *planner, uint32_t number, int64_t gap_ns,
                           int64_t now_ns);
/* The burst after it is over; `expert_s`: what the chosen expert's plan cost. Returns what the plan
 * that was followed cost. */
double planner_signals_settle(struct planner *planner, uint32_t number, double expert_s,
                              double wait);
/* Makes the signals' plans. True: one of them is followed, and is now in `plan`. */
bool planner_signals_plan(struct planner *planner, uint32_t number, int64_t now_ns,
                          const double law[GAPS_BINS], const double cold_s[GAPS_BINS],
                          struct keep_plan *plan);
/* The gap is still open at this age; the expert's plan has kept the resource idle for `expert_s`.
 * Returns what the plan that is followed has. */
double planner_signals_open(struct planner *planner, uint32_t number, int64_t age_ns,
                            double expert_s);
void planner_signals_swept(struct planner_signals *signals);

void planner_signals_save(const struct planner *planner, struct buf *out);
bool planner_signals_load(struct planner *planner, struct buf_reader *in);

#endif
