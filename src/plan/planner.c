/* SPDX-License-Identifier: MIT */
#include "plan/planner.h"
#include "base/fetch.h"
#include "learn/decay.h"
#include "learn/packed.h"
#include "plan/policy_tools.h"
#include <stdlib.h>

#define LOAD_MIN_NS                                                                                \
    TIME_MILLISECOND /* a load that takes no time at all would make waits in load times            \
                        meaningless */
#define REPLAN_NS    (600 * TIME_SECOND) /* the oldest a plan may be at a request */
#define BUSY_NS      (600 * TIME_SECOND)
#define SHADOW_DECAY 0.98f
#define COST_DECAY   0.9999
#define SHARE_DECAY  0.98f
#define SHARE_WEIGHT                                                                               \
    2.0 /* pseudo-gaps by which a resource's share of short gaps is drawn towards everybody's */
#define WAIT_WEIGHT 3.0  /* and its wait in a bin towards the pooled one */
#define LEAN        20.0 /* pseudo-gaps of the pooled law: experts 1 and 3 */
#define LEAN_OWN    0.5  /* expert 2 */
#define LEAN_ASKED  4.0  /* planner_probability */

static enum fw_err planner_create(struct policy **policy, const struct policy_settings *settings,
                                  struct str argument, struct fw_detail *detail)
{
    bool deaf = str_equal(argument, STR("experts")); /* to compare with */
    if (!deaf)
        FW_TRY(policy_no_argument("planner", argument, detail));
    struct planner *planner = calloc(1, sizeof *planner);
    if (!planner)
        return FW_NOMEM;
    planner->policy.ops = &policy_planner;
    planner->wait_price = keep_lambda(settings);
    planner->baseline_ns = settings->baseline_ns;
    planner->max = settings->max_resources;
    planner->signals.deaf = deaf;
    planner->next_sweep_ns = TIME_NEVER;
    planner_pool_init(&planner->pool);
    heap_init(&planner->bursts);
    *policy = &planner->policy;
    return FW_OK;
}

static void planner_destroy(struct policy *policy)
{
    struct planner *planner = (struct planner *)policy;
    heap_fini(&planner->bursts);
    for (uint32_t i = 0; i < planner->count; i++) {
        gaps_kept_fini(&planner->resources[i].gaps);
        free(planner->resources[i].period);
    }
    free(planner->resources);
    planner_signals_fini(&planner->signals);
    free(planner);
}

enum fw_err planner_grow(struct policy *policy, uint32_t count)
{
    struct planner *planner = (struct planner *)policy;
    void *resources = planner->resources;
    enum fw_err err = policy_array_grow(&resources, &planner->count, &planner->capacity, count,
                                        planner->max, sizeof *planner->resources);
    planner->resources = resources;
    return err == FW_OK ? planner_signals_grow(&planner->signals, count, planner->max) : err;
}

/* Expert 0's time to live. */
static int64_t ttl_ns(const struct planner *planner, uint8_t edge, int64_t load_ns)
{
    if (edge != POOL_NO_EDGE)
        return gaps_edges_ns[edge];
    return time_from_seconds(time_to_seconds(load_ns) * (1 + planner->wait_price));
}

static struct keep_bins bins_of(const struct planner_plans *plans, int expert)
{
    int at = (expert == EXPERT_PERIOD ? EXPERT_WINDOWS_OWN : expert) - EXPERT_STOP;
    return (struct keep_bins){plans->low[at], plans->high[at]};
}

static bool is_known(const struct period_plan *period)
{
    return period && period->count != PERIOD_UNKNOWN;
}

struct keep_outcome planner_outcome(const struct planner *planner,
                                    const struct planner_plans *plans,
                                    const struct period_plan *period, int expert, int64_t gap_ns,
                                    int64_t load_ns)
{
    if (expert == EXPERT_TTL)
        return keep_ttl_outcome(ttl_ns(planner, plans->ttl_edge, load_ns), gap_ns, load_ns);
    if (expert == EXPERT_BASELINE)
        return keep_ttl_outcome(planner_baseline_ns(planner, plans), gap_ns, load_ns);
    if (expert == EXPERT_PERIOD && is_known(period)) {
        struct keep_plan plan;
        period_windows(period, &plan);
        return keep_outcome(&plan, gap_ns, load_ns);
    }
    return keep_bins_outcome(bins_of(plans, expert), gap_ns, load_ns);
}

/* The mean wait of the bin with this one as the latest. */
static void set_wait(struct planner_resource *resource, uint32_t bin, double wait)
{
    uint32_t place = gaps_kept_place(&resource->gaps, bin);
    double count = (double)resource->gaps.counts[place];
    gaps_kept_notes(&resource->gaps)[place] =
        packed_from(((count - 1) * packed_to(resource->burst_before) + wait) / count);
}

/* The burst is over: what it really waited replaces the guess, and the five plans are charged for
 * the gap before it. */
static void settle(struct planner *planner, uint32_t number)
{
    struct planner_resource *resource = &planner->resources[number];
    double wait = (double)resource->burst_waited_ns / (double)resource->burst_load_ns;
    set_wait(resource, resource->burst_bin, wait);
    uint32_t bin = resource->burst_bin;
    planner->pool.waits[bin] += wait - (double)resource->burst_guess;
    planner->pool.stale = true;
    double used_s = 0, cost_s = 0;
    for (int e = 0; e < EXPERT_COUNT; e++) {
        const struct period_plan *period = resource->period ? &resource->period->judged : NULL;
        struct keep_outcome outcome = planner_outcome(
            planner, &resource->judged, period, e, resource->burst_gap_ns, resource->burst_load_ns);
        cost_s = keep_cost_s(&outcome, resource->burst_load_ns, planner->wait_price, wait);
        resource->shadow[e] = SHADOW_DECAY * resource->shadow[e] + (float)cost_s;
        planner->cost[e] = COST_DECAY * (planner->cost[e] + cost_s);
        if (e == resource->judged.used)
            used_s = cost_s;
        if (e == EXPERT_TTL && cost_s > planner->dearest)
            planner->dearest = cost_s;
    }
    used_s = planner_signals_settle(planner, number, used_s, wait);
    planner->used_cost = COST_DECAY * (planner->used_cost + used_s);
    planner_choice_charge(resource, used_s, cost_s); /* the last one's is the baseline's */
    planner->gaps = COST_DECAY * (planner->gaps + 1);
    resource->burst_open = false;
    resource->due = true;
    heap_remove(&planner->bursts, number);
}

/* Habits take memory from the second gap on: most of a million resources have none. */
static void learn_period(struct planner_resource *resource, int64_t gap_ns)
{
    if (!resource->period && resource->known < 2)
        return;
    if (!resource->period) {
        resource->period = malloc(sizeof *resource->period);
        if (!resource->period)
            return; /* expert 4 follows expert 2 */
        period_init(resource->period);
    }
    period_learn(resource->period, gap_ns);
    resource->period->judged = resource->period->plan;
}

/* A gap longer than a load ended: learn it, and wait for one load time to see what burst it brings.
 */
static void close_gap(struct planner *planner, const struct policy_request *request,
                      int64_t load_ns)
{
    struct planner_resource *resource = &planner->resources[request->resource];
    if (resource->burst_open)
        settle(planner, request->resource);
    planner_pool_refresh(&planner->pool, request->at_ns);
    uint32_t bin = gaps_bin(request->gap_ns);
    double guess = (double)(float)planner->pool.wait[bin];
    if (gaps_kept_learn(&resource->gaps, bin) != FW_OK)
        return; /* no memory: this gap teaches nothing */
    resource->burst_before = gaps_kept_note(&resource->gaps, bin);
    set_wait(resource, bin, guess);
    planner->pool.all.counts[bin] += 1;
    planner->pool.contexts[resource->context].counts[bin] += 1;
    planner->pool.waits[bin] += guess;
    planner->pool.stale = true;
    if (resource->known < UINT32_MAX)
        resource->known++;
    resource->judged = resource->plans;
    learn_period(resource, request->gap_ns);
    planner_signals_close(planner, request->resource, request->gap_ns, request->at_ns);
    resource->burst_guess = (float)guess;
    resource->burst_bin = (uint8_t)bin;
    resource->burst_began_ns = request->at_ns;
    resource->burst_gap_ns = request->gap_ns;
    resource->burst_load_ns = load_ns;
    resource->burst_waited_ns = load_ns;
    resource->burst_open = true;
    resource->due = true;
    if (heap_set(&planner->bursts, request->resource, time_add(request->at_ns, load_ns)) != FW_OK)
        settle(planner,
               request->resource); /* no memory for the timer: the first request's wait must do */
}

/* Stay at least until a load would be over where short gaps are likely enough to pay for it. */
static void update_hold(struct planner *planner, struct planner_resource *resource, bool is_short)
{
    planner->pool.short_gaps += is_short;
    planner->pool.requests += 1;
    resource->short_gaps = SHARE_DECAY * resource->short_gaps + (is_short ? 1 : 0);
    resource->all_gaps = SHARE_DECAY * resource->all_gaps + 1;
    double everybody = planner->pool.short_gaps / planner->pool.requests;
    double share = ((double)resource->short_gaps + SHARE_WEIGHT * everybody) /
                   ((double)resource->all_gaps + SHARE_WEIGHT);
    bool hold = share > 1 / (1.5 + planner->wait_price);
    if (hold != resource->hold) {
        resource->hold = hold;
        resource->due = true;
    }
}

static void fetch_resource(const struct planner *planner, uint32_t number)
{
    const struct planner_resource *resource = &planner->resources[number];
    fetch(resource, sizeof *resource);
    fetch(resource->gaps.counts, gaps_kept_bytes(&resource->gaps));
    fetch(resource->period, sizeof *resource->period);
}

static void planner_fetch(const struct policy *policy, uint32_t number)
{
    fetch_resource((const struct planner *)policy, number);
}

/* What was due before now. Nothing of it can be seen before the next request, so there are no
 * timers to wake up for. */
void planner_catch_up(struct planner *planner, int64_t now_ns)
{
    uint32_t number;
    int64_t burst_ns;
    while (heap_min(&planner->bursts, &number, &burst_ns)) {
        if (burst_ns > now_ns)
            break;
        settle(planner, number);
        if (heap_min(&planner->bursts, &number, &burst_ns))
            fetch_resource(planner, number);
    }
    planner_sweep(planner, now_ns);
}

static void planner_request(struct policy *policy, const struct policy_request *request)
{
    struct planner *planner = (struct planner *)policy;
    struct planner_resource *resource = &planner->resources[request->resource];
    int64_t load_ns = request->load_ns > LOAD_MIN_NS ? request->load_ns : LOAD_MIN_NS;
    planner_catch_up(planner, request->at_ns);
    int64_t since_ns = request->gap_ns < 0 ? TIME_NEVER : request->gap_ns;
    resource->busy = (float)((double)resource->busy * decay_over(since_ns, BUSY_NS)) + 1;
    if (!resource->seen || request->gap_ns < 0) {
        resource->due = true;
    } else {
        bool is_short = request->gap_ns <= load_ns;
        int64_t into_ns = request->at_ns - resource->burst_began_ns;
        if (!is_short)
            close_gap(planner, request, load_ns);
        else if (resource->burst_open && into_ns >= 0 && into_ns < resource->burst_load_ns)
            resource->burst_waited_ns =
                time_add(resource->burst_waited_ns, resource->burst_load_ns - into_ns);
        update_hold(planner, resource, is_short);
    }
    resource->seen = true;
    resource->last_ns = request->at_ns;
    resource->load_ns = load_ns;
}

/* The cold cost in each bin, seconds: B_k = L (1 + lambda * wait), the resource's own waits drawn
 * towards the pooled ones. Most bins are empty. */
static void weigh_bins(const struct planner *planner, const struct planner_resource *resource,
                       double cold_s[restrict GAPS_BINS])
{
    double load_s = time_to_seconds(resource->load_ns), price_s = planner->wait_price * load_s;
    const struct gaps_kept *gaps = &resource->gaps;
    const double *pooled = planner->pool.wait;
    for (int k = 0; k < GAPS_BINS; k++)
        cold_s[k] = load_s + price_s * (pooled[k] > 1 ? pooled[k] : 1);
    uint32_t place = 0;
    for (uint32_t k = gaps_kept_next(gaps, 0); k < GAPS_BINS; k = gaps_kept_next(gaps, k + 1)) {
        double count = (double)gaps->counts[place], own = packed_to(gaps_kept_notes(gaps)[place++]);
        double wait =
            (count * own + WAIT_WEIGHT * (pooled[k] > 1 ? pooled[k] : 1)) / (count + WAIT_WEIGHT);
        cold_s[k] = load_s + price_s * wait;
    }
}

/* The shortest time after which keeping has cost as much as a cold start then would. */
static float even_s(int64_t load_ns, const double cold_s[GAPS_BINS])
{
    uint32_t k = gaps_bin(load_ns);
    while (k < GAPS_OPEN && gaps_edges_s[k + 1] < cold_s[k])
        k++;
    return (float)(cold_s[k] > gaps_edges_s[k] ? cold_s[k] : gaps_edges_s[k]);
}

static void set_plan(struct planner_resource *resource, int expert, struct keep_bins bins)
{
    if (resource->hold) /* adds at most the window it may join */
        bins = keep_bins_limit(keep_bins_fill(bins, gaps_bin(resource->load_ns) + 1));
    resource->plans.low[expert - 1] = bins.low;
    resource->plans.high[expert - 1] = bins.high;
}

static void set_period(struct planner_resource *resource, const double cold_s[GAPS_BINS])
{
    int64_t hold_ns = resource->hold ? gaps_edges_ns[gaps_bin(resource->load_ns) + 1] : 0;
    if (resource->period)
        resource->period->plan = period_make(resource->period, resource->load_ns, cold_s, hold_ns);
}

/* The plan of the expert that decides; returns the bin in which its first window ends. */
static uint32_t follow(const struct planner *planner, const struct planner_resource *resource,
                       struct keep_plan *plan)
{
    int used = resource->plans.used;
    if (used == EXPERT_TTL || used == EXPERT_BASELINE) {
        int64_t keep_ns = used == EXPERT_TTL
                              ? ttl_ns(planner, resource->plans.ttl_edge, resource->load_ns)
                              : planner_baseline_ns(planner, &resource->plans);
        policy_keep(plan, keep_ns);
        return gaps_bin(keep_ns);
    }
    if (used == EXPERT_PERIOD && resource->period && is_known(&resource->period->plan)) {
        period_windows(&resource->period->plan, plan);
        return plan->count > 0 ? gaps_bin(plan->windows[0].end_ns) : 0;
    }
    struct keep_bins bins = bins_of(&resource->plans, used);
    keep_bins_plan(bins, plan);
    return keep_bins_first_end(bins);
}

static bool planner_plan(struct policy *policy, const struct policy_request *request,
                         struct keep_plan *plan)
{
    struct planner *planner = (struct planner *)policy;
    struct planner_resource *resource = &planner->resources[request->resource];
    if (!resource->due && request->at_ns - resource->planned_ns < REPLAN_NS)
        return false;
    planner_pool_refresh(&planner->pool, request->at_ns);
    resource->due = false;
    resource->planned_ns = request->at_ns;
    resource->context = (uint8_t)planner_pool_context(resource->known, (double)resource->busy);
    const double *law = planner_pool_law(&planner->pool, resource->context);
    double cold_s[GAPS_BINS];
    weigh_bins(planner, resource, cold_s);
    resource->plans.even_s = even_s(resource->load_ns, cold_s);
    resource->plans.ttl_edge =
        (uint8_t)planner_pool_ttl_edge(&planner->pool, resource->load_ns, planner->wait_price);
    const struct keep_bins_three three = keep_bins_three(
        &resource->gaps, law, LEAN, LEAN_OWN, cold_s, time_to_seconds(resource->load_ns));
    set_plan(resource, EXPERT_STOP, three.stop);
    set_plan(resource, EXPERT_WINDOWS, three.windows);
    set_plan(resource, EXPERT_WINDOWS_OWN, three.windows_own);
    set_period(resource, cold_s);
    resource->plans.used = planner_choose(planner, resource);
    uint32_t ends = follow(planner, resource, plan);
    if (planner_signals_plan(planner, request->resource, request->at_ns, law, cold_s, plan))
        ends = plan->count > 0 ? gaps_bin(plan->windows[0].end_ns) : 0;
    plan->cold_cost_ns = time_from_seconds(cold_s[ends]);
    return true;
}

static double planner_probability(const struct policy *policy, uint32_t number, int64_t age_ns,
                                  int64_t horizon_ns)
{
    const struct planner *planner = (const struct planner *)policy;
    const struct planner_resource *resource = &planner->resources[number];
    double mass[GAPS_BINS];
    if (!resource->seen || horizon_ns <= 0)
        return 0;
    gaps_kept_mass(&resource->gaps, planner->pool.law[resource->context], LEAN_ASKED, mass);
    double later = gaps_probability(mass, age_ns, horizon_ns);
    if (age_ns >= resource->load_ns || !(resource->all_gaps > 0))
        return later;
    /* The law holds gaps longer than a load only; the others are spread evenly over the load time.
     */
    double left_s = time_to_seconds(resource->load_ns - age_ns),
           horizon_s = time_to_seconds(horizon_ns);
    double soon = (double)(resource->short_gaps / resource->all_gaps) *
                  (horizon_s < left_s ? horizon_s / left_s : 1);
    return soon + (1 - soon) * later;
}

const struct policy_ops policy_planner = {
    .name = "planner",
    .syntax = "planner[:experts]",
    .sentence = "learns when each resource is asked for and what a cold start then costs; the "
                "cheapest of six experts decides, and signals where they have been cheaper (none "
                "with :experts)",
    .predictive = true,
    .keeps_while_free = true,
    .follows_sessions = true,
    .create = planner_create,
    .destroy = planner_destroy,
    .grow = planner_grow,
    .fetch = planner_fetch,
    .request = planner_request,
    .plan = planner_plan,
    .probability = planner_probability,
    .expect = planner_expect,
    .signals = planner_signals_tell,
    .save = planner_save,
    .load = planner_load,
};
