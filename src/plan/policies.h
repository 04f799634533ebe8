/* SPDX-License-Identifier: MIT
 * Policies: when a resource is kept warm, warmed ahead and let go. One row of one table each; costs
 * and arrivals in, plans out. Pure: a policy keeps what it learned and nothing else.
 *
 * A plan is a set of windows [start, end) of age, the time since the resource's last request: ready
 * inside, absent outside. Start 0 means keep; a later start means load it so that it is ready then.
 */
#ifndef FOREWARM_PLAN_POLICIES_H
#define FOREWARM_PLAN_POLICIES_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/time.h"
#include <stdbool.h>
#include <stdint.h>

enum { PLAN_WINDOWS_MAX = 16 };
struct plan_window {
    int64_t start_ns, end_ns; /* ages; end TIME_NEVER: for good */
};
struct keep_plan {
    uint32_t count; /* ascending, not overlapping, not touching; 0: unload at once */
    struct plan_window windows[PLAN_WINDOWS_MAX];
    int64_t cold_cost_ns; /* the cost of a cold start that was assumed (B), in warm-second
                             nanoseconds; 0 not used */
};

/* What a policy is told; all policies see the same. */
struct policy_settings {
    double wait_price, idle_price;
    int64_t baseline_ns; /* the planner's: the user's own timer, 0 break-even */
    int64_t min_requests, horizon_ns, lead_time_ns, tick_ns, expiry_ns,
        history; /* the median rule's */
    uint32_t max_resources;
    /* the future, for oracles only; NULL elsewhere (core/engine.h explains) */
    int64_t (*next_arrival)(void *context, uint32_t resource, int64_t at_ns);
    int64_t (*burst_wait)(void *context, uint32_t resource, int64_t at_ns, int64_t load_ns);
    void *future;
};

struct policy_request {
    uint32_t resource;
    int64_t at_ns;
    int64_t gap_ns;  /* since the resource's previous request; -1 for the first */
    int64_t load_ns; /* L: what loading it is expected to take now */
    bool ready;      /* it was warm or warming when the request came */
};

/* "So many requests of this resource in [from, to)", says a source. */
struct policy_expect {
    uint32_t resource, source;
    int64_t now_ns, from_ns, to_ns; /* now < to, from < to */
    double requests;                /* >= 0 */
};
/* How a signal did (planner_signals.h), for people. */
struct policy_signal {
    const char *name;       /* "clock" or "forecast" */
    uint32_t source;        /* forecast: number of the source's name */
    uint64_t judged;        /* gaps of this resource it was judged on */
    double saved_s, cost_s; /* what it would have saved of what the chosen plans cost, decayed, warm
                               seconds */
    bool acts, followed;    /* trusted now; its plan is in force */
};
enum { POLICY_SIGNALS_MAX = 2 };

/* A prewarm ordered by a policy's own timer (the median rule): warm now, and unload at a timer >=
 * expire_at_ns if unused. */
struct policy_order {
    uint32_t resource;
    int64_t expire_at_ns;
    int64_t numbers[2]; /* for REASON_MEDIAN: median gap, distance */
};
/* How a policy asks for things from within policy_fire. */
struct policy_sink {
    void *context;
    bool (*is_warm)(void *context, uint32_t resource); /* warm, warming or queued to be */
    void (*prewarm)(void *context, const struct policy_order *order);
    void (*expire)(void *context,
                   uint32_t resource); /* an order of ours that nobody used: unload */
    void (*replan)(void *context, uint32_t resource); /* learned something: ask policy_plan again */
};

/* How the engine drives a policy, so that `serve` and `replay` decide alike.
 *
 * Times never decrease. Resources are numbered densely; grow comes before a number is first used.
 *
 * Before a request at t, fire is called while deadline <= t, each time with now_ns = that deadline:
 * at equal times a policy's timer comes before arrivals, and so do windows that end and loads that
 * begin.
 *
 * Each arrival, observed ones too: request, then plan with the same record. When plan says false,
 * the windows of the last plan stay and their ages count from this arrival; the engine keeps plans.
 * gap_ns is since the resource's previous arrival, whatever became of that. load_ns is what a load
 * is expected to take now; it may change from call to call.
 *
 * The sink is called from within fire only. A policy forgets an order of its own when the
 * resource's next request comes (a hit), or when it calls expire.
 *
 * load is for a fresh policy made with the same settings and spec, before or after grow. When it
 * returns false the policy may hold half of the state and must be destroyed. */
struct policy;
struct policy_ops {
    const char *name;   /* "ttl" */
    const char *syntax; /* "ttl:DUR" */
    const char *sentence;
    bool predictive;       /* warms ahead of requests */
    bool keeps_while_free; /* under a memory budget its windows do not end: only a need for bytes
                              evicts */
    bool needs_future;     /* an oracle: `replay` only */
    bool follows_sessions; /* what follows what within a session raises what it expects */
    FW_MUST_CHECK enum fw_err (*create)(struct policy **policy,
                                        const struct policy_settings *settings, struct str argument,
                                        struct fw_detail *detail);
    void (*destroy)(struct policy *policy);
    /* Makes room for resources 0 .. count-1. */
    FW_MUST_CHECK enum fw_err (*grow)(struct policy *policy, uint32_t count);
    /* A request for the resource is about to come, or may be: what is known of it is brought near
     * (base/fetch.h). May be NULL. */
    void (*fetch)(const struct policy *policy, uint32_t resource);
    /* Learns from an arrival; called for every request, before plan. */
    void (*request)(struct policy *policy, const struct policy_request *request);
    /* The plan after the request that was just learned (or after a replan: the latest one again).
     * False: the plan in force stays, ages counted from the new request. */
    bool (*plan)(struct policy *policy, const struct policy_request *request,
                 struct keep_plan *plan);
    /* When policy_fire wants to be called next; TIME_NEVER never. May be NULL. */
    int64_t (*deadline)(const struct policy *policy);
    void (*fire)(struct policy *policy, int64_t now_ns, const struct policy_sink *sink);
    /* Seconds of waiting lost per byte if it were evicted now: the lowest goes first. NULL: least
     * recently used first. */
    double (*worth)(const struct policy *policy, uint32_t resource, int64_t age_ns, int64_t load_ns,
                    uint64_t bytes);
    /* P(a request within `horizon_ns` | none for `age_ns`), and the median residual. NULL: unknown.
     */
    double (*probability)(const struct policy *policy, uint32_t resource, int64_t age_ns,
                          int64_t horizon_ns);
    /* Takes a forecast. NULL: this policy has no use for one. */
    enum fw_err (*expect)(struct policy *policy, const struct policy_expect *expect);
    /* What else the policy listens to, and whether it trusts it; returns how many. NULL: nothing.
     */
    size_t (*signals)(const struct policy *policy, uint32_t resource,
                      struct policy_signal signals[POLICY_SIGNALS_MAX]);
    void (*save)(const struct policy *policy, struct buf *out);
    bool (*load)(struct policy *policy, struct buf_reader *in); /* false: damaged */
};

/* Every policy embeds this first. */
struct policy {
    const struct policy_ops *ops;
};

extern const struct policy_ops
    *const policy_table[]; /* NULL-terminated, in the order of the reference page */
/* "ttl:600s" -> a policy. FW_INPUT names what was found and the known names. */
FW_MUST_CHECK enum fw_err policy_create(struct policy **policy,
                                        const struct policy_settings *settings, struct str spec,
                                        struct fw_detail *detail);
void policy_destroy(struct policy **policy);

#endif
