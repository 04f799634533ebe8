/* SPDX-License-Identifier: MIT
 * The planner: five experts plan for every resource, each gap that ends is charged to all five
 * plans with the wait that its burst really had, and the one that has been cheapest (for the
 * resource, and for everybody) decides.
 *
 * - expert 0: the single time to live that is cheapest for all resources together (break-even until
 *   enough is known)
 * - expert 1: stop: keep while it pays, unload for good; leans much on resources like it
 * - expert 2: windows: may also load again ahead of a request; leans on the resource's own gaps
 * - expert 3: windows, leaning much on resources like it
 * - expert 4: period (period.h): windows around its latest gaps as they were; expert 2's until
 * enough of them are known
 * - expert 5: baseline: the timer the user has; without one break-even: for as long as a cold start
 * then would cost, which is never dearer than twice the best (Karlin et al., 1988)
 *
 * The cold cost is learned per bin of gap: long silences end in bursts, and one average would hide
 * that. Only gaps longer than a load are learned. Gaps still open are charged, too, or silent
 * resources would look cheap to keep.
 *
 * The baseline decides until another has shown to be cheaper by a margin, which fades as the
 * experience of all grows. Two guards return to it (planner_choice.c): one resource by resource, so
 * that none costs much more than the user's timer, and one for the sum of all.
 * Memory a resource: 232 bytes, 28 for its timer, 6 for each bin its gaps fall
 * in (at most 80), and 56 more once it has had two gaps. */
#ifndef FOREWARM_PLAN_PLANNER_H
#define FOREWARM_PLAN_PLANNER_H

#include "base/heap.h"
#include "learn/gaps_kept.h"
#include "plan/keep_bins.h"
#include "plan/period.h"
#include "plan/planner_pool.h"
#include "plan/planner_signals.h"

enum {
    EXPERT_TTL,
    EXPERT_STOP,
    EXPERT_WINDOWS_OWN,
    EXPERT_WINDOWS,
    EXPERT_PERIOD,
    EXPERT_BASELINE,
    EXPERT_COUNT,
    EXPERTS_IN_BINS = EXPERT_PERIOD - EXPERT_STOP
};

/* The plans for one gap (expert 4's are in struct period), and which one was followed. */
struct planner_plans {
    uint64_t low[EXPERTS_IN_BINS]; /* keep_bins of experts 1 .. 3 */
    uint16_t high[EXPERTS_IN_BINS];
    float even_s; /* break-even: kept so long, a resource has cost what a cold start then would */
    uint8_t ttl_edge; /* of expert 0: e_i; POOL_NO_EDGE: break-even of a lone request */
    uint8_t used;
};
struct planner_resource {
    struct gaps_kept gaps; /* n_k: gaps > L, decayed; beside each the mean wait of the burst after a
                              gap in bin k, in load times (learn/packed.h) */
    struct period *period; /* NULL: it has had no two gaps > L */
    float shadow[EXPERT_COUNT]; /* x_e, decayed seconds */
    float balance;              /* what its plans have cost beyond the baseline's, seconds */
    float busy;                 /* requests, decayed over ten minutes */
    float short_gaps, all_gaps; /* decayed counts: share of gaps <= L */
    uint32_t known;             /* gaps > L ever */
    int64_t last_ns, load_ns, planned_ns;
    struct planner_plans plans;  /* in force */
    struct planner_plans judged; /* were in force in the gap that the open burst ended */
    int64_t burst_began_ns, burst_gap_ns, burst_load_ns, burst_waited_ns;
    float burst_guess;     /* what was taken for its wait, in load times */
    uint16_t burst_before; /* waits[burst_bin] without it */
    uint8_t burst_bin;
    bool burst_open, seen, due, hold;
    uint8_t context;     /* of the plan */
    bool signals_judged; /* a signal had a plan for the gap that the open burst ended */
};
/* A sweep over the open gaps that is under way, a slice of resources a request. */
enum { PLANNER_SLICE = 2000 };
struct planner_sweep {
    bool running;
    uint32_t next; /* resource */
    int64_t at_ns; /* ages are as of then */
    uint32_t open[POOL_CONTEXTS][GAPS_BINS];
    double cost[EXPERT_COUNT], used_cost;
};
struct planner {
    struct policy policy;
    double wait_price;
    int64_t baseline_ns; /* 0: break-even */
    uint32_t max;
    struct planner_pool pool;
    double cost[EXPERT_COUNT];        /* X_e: decayed seconds over all resources */
    double open_cost[EXPERT_COUNT];   /* Y_e: idle so far in gaps still open, as of the last whole
                                         sweep */
    double gaps;                      /* n: what X_e has seen, decayed alike */
    double used_cost, used_open_cost; /* A, Y_A: of the plans that were followed */
    double dearest;                   /* the most expert 0 has paid for one gap */
    int64_t next_sweep_ns;
    struct planner_sweep sweep;
    struct heap bursts; /* when each open burst is over */
    struct planner_resource *resources;
    uint32_t count, capacity;
    struct planner_signals signals;
};

/* What `expert`'s plan did, or would have done, with a gap of this length. `period`: expert 4's,
 * NULL where it has none. */
struct keep_outcome planner_outcome(const struct planner *planner,
                                    const struct planner_plans *plans,
                                    const struct period_plan *period, int expert, int64_t gap_ns,
                                    int64_t load_ns);
/* Expert 5's time to live. */
int64_t planner_baseline_ns(const struct planner *planner, const struct planner_plans *plans);
/* The expert that decides. */
uint8_t planner_choose(const struct planner *planner, const struct planner_resource *resource);
/* The resource, or the sum of all, has cost so much more than the expert that a guard returns to
 * that nothing else may decide. */
bool planner_is_guarded(const struct planner *planner, const struct planner_resource *resource);
/* A gap cost `used_s` with the plan that was followed, and would have cost `baseline_s`. */
void planner_choice_charge(struct planner_resource *resource, double used_s, double baseline_s);
/* Settles the bursts that are over and counts the open gaps if that is due; every request begins
 * with it. */
void planner_catch_up(struct planner *planner, int64_t now_ns);
/* A slice of the sweep that runs, or of the next one if it is due. */
void planner_sweep(struct planner *planner, int64_t now_ns);
void planner_save(const struct policy *policy, struct buf *out);
bool planner_load(struct policy *policy, struct buf_reader *in);
enum fw_err planner_grow(struct policy *policy, uint32_t count);

#endif
