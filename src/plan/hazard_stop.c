/* SPDX-License-Identifier: MIT
 * Keep while the chance of a request in the next moment is worth the warm time (a stopping problem
 * solved backwards over the law of gaps), with a law pooled over all resources where a resource's
 * own gaps are few. Loading again ahead of a request is allowed only where, on the gaps seen so
 * far, it would have been cheaper; and where even the plain plan would have lost to break-even,
 * break-even is used. One average cold cost B = L + lambda * W a resource. */
#include "learn/burst.h"
#include "learn/recall.h"
#include "plan/keep_bins.h"
#include "plan/policy_tools.h"
#include <stdlib.h>
#include <string.h>

#define PSEUDO_GAPS   4.0
#define SHADOW_DECAY  0.98
#define SWEEP_NS      TIME_HOUR   /* open gaps are counted so often */
#define REFRESH_NS    TIME_SECOND /* the pooled law is at most so old when it is used */
#define REPLAN_ALWAYS 40          /* after each gap up to here, ... */
#define REPLAN_EVERY  20          /* ... then after so many, or in a new hour */

enum shadow { SHADOW_BREAKEVEN, SHADOW_STOP, SHADOW_WINDOWS, SHADOW_COUNT };

struct stop_resource {
    float counts[GAPS_BINS];
    struct burst burst;
    double shadow[SHADOW_COUNT]; /* decayed cost of the gaps seen, in cold starts */
    int64_t last_ns, planned_ns;
    int64_t breakeven_ns; /* the three plans in force */
    struct keep_bins stop, windows;
    uint32_t gaps, planned_gaps;
    bool seen;
};
struct hazard_stop {
    struct policy policy;
    double wait_price;
    struct gaps_pool pool;
    double law[GAPS_BINS]; /* of the pool, as of refreshed_ns */
    int64_t refreshed_ns, next_sweep_ns;
    bool stale, refreshed;
    uint32_t max;
    struct stop_resource *resources;
    uint32_t count, capacity;
};

static enum fw_err hazard_stop_create(struct policy **policy,
                                      const struct policy_settings *settings, struct str argument,
                                      struct fw_detail *detail)
{
    FW_TRY(policy_no_argument("hazard-stop", argument, detail));
    struct hazard_stop *stop = calloc(1, sizeof *stop);
    if (!stop)
        return FW_NOMEM;
    stop->policy.ops = &policy_hazard_stop;
    stop->wait_price = keep_lambda(settings);
    stop->next_sweep_ns = TIME_NEVER;
    stop->stale = true;
    stop->max = settings->max_resources;
    *policy = &stop->policy;
    return FW_OK;
}

static void hazard_stop_destroy(struct policy *policy)
{
    free(((struct hazard_stop *)policy)->resources);
    free(policy);
}

static enum fw_err hazard_stop_grow(struct policy *policy, uint32_t count)
{
    struct hazard_stop *stop = (struct hazard_stop *)policy;
    void *resources = stop->resources;
    enum fw_err err = policy_array_grow(&resources, &stop->count, &stop->capacity, count, stop->max,
                                        sizeof *stop->resources);
    stop->resources = resources;
    return err;
}

/* What each plan in force would have paid for the gap that just ended, in cold starts. */
static void score(const struct hazard_stop *stop, struct stop_resource *resource,
                  const struct policy_request *request)
{
    double load_s = time_to_seconds(request->load_ns),
           wait_s = burst_wait_s(&resource->burst, request->load_ns);
    double cold_s = load_s + stop->wait_price * wait_s;
    if (!(load_s > 0))
        return;
    struct keep_outcome outcomes[SHADOW_COUNT];
    outcomes[SHADOW_BREAKEVEN] =
        keep_ttl_outcome(resource->breakeven_ns, request->gap_ns, request->load_ns);
    outcomes[SHADOW_STOP] = keep_bins_outcome(resource->stop, request->gap_ns, request->load_ns);
    outcomes[SHADOW_WINDOWS] =
        keep_bins_outcome(resource->windows, request->gap_ns, request->load_ns);
    for (int i = 0; i < SHADOW_COUNT; i++) {
        double cost_s =
            keep_cost_s(&outcomes[i], request->load_ns, stop->wait_price, wait_s / load_s);
        resource->shadow[i] = SHADOW_DECAY * resource->shadow[i] + cost_s / cold_s;
    }
}

/* Counts the gaps that are still open: without them the pooled law knows only resources that came
 * back. Due every hour; nothing of it can be seen before the next request, and of several in a
 * silence only the last one's would be left. */
static void sweep_if_due(struct hazard_stop *stop, int64_t now_ns)
{
    if (stop->next_sweep_ns == TIME_NEVER)
        stop->next_sweep_ns = time_add(now_ns, SWEEP_NS);
    if (stop->next_sweep_ns > now_ns)
        return;
    uint32_t open[GAPS_BINS] = {0};
    int64_t at_ns = now_ns - (now_ns - stop->next_sweep_ns) % SWEEP_NS;
    for (uint32_t i = 0; i < stop->count; i++)
        if (stop->resources[i].seen)
            open[gaps_bin(at_ns - stop->resources[i].last_ns)]++;
    gaps_at_risk(open, stop->pool.at_risk);
    stop->stale = true;
    stop->next_sweep_ns = time_add(at_ns, SWEEP_NS);
}

static void hazard_stop_request(struct policy *policy, const struct policy_request *request)
{
    struct hazard_stop *stop = (struct hazard_stop *)policy;
    struct stop_resource *resource = &stop->resources[request->resource];
    sweep_if_due(stop, request->at_ns);
    if (resource->seen && request->gap_ns >= 0) {
        uint32_t bin = gaps_bin(request->gap_ns);
        score(stop, resource, request);
        gaps_learn(resource->counts, bin);
        stop->pool.counts[bin] += 1;
        stop->stale = true;
        if (resource->gaps < UINT32_MAX)
            resource->gaps++;
    }
    resource->seen = true;
    resource->last_ns = request->at_ns;
    burst_learn(&resource->burst, request->at_ns, request->gap_ns, request->load_ns);
}

static void refresh(struct hazard_stop *stop, int64_t now_ns)
{
    if (!stop->stale || (stop->refreshed && now_ns - stop->refreshed_ns < REFRESH_NS))
        return;
    double hazards[GAPS_BINS];
    gaps_hazards(&stop->pool, hazards);
    gaps_law(hazards, stop->law);
    stop->refreshed_ns = now_ns;
    stop->refreshed = true;
    stop->stale = false;
}

static bool due(const struct stop_resource *resource, int64_t now_ns)
{
    return resource->planned_ns == 0 ||
           (resource->gaps <= REPLAN_ALWAYS && resource->gaps != resource->planned_gaps) ||
           resource->gaps - resource->planned_gaps >= REPLAN_EVERY ||
           now_ns / TIME_HOUR != resource->planned_ns / TIME_HOUR;
}

static enum shadow choose(const struct stop_resource *resource)
{
    enum shadow chosen = resource->shadow[SHADOW_WINDOWS] < resource->shadow[SHADOW_STOP]
                             ? SHADOW_WINDOWS
                             : SHADOW_STOP;
    return resource->shadow[SHADOW_BREAKEVEN] < resource->shadow[chosen] ? SHADOW_BREAKEVEN
                                                                         : chosen;
}

static bool hazard_stop_plan(struct policy *policy, const struct policy_request *request,
                             struct keep_plan *plan)
{
    struct hazard_stop *stop = (struct hazard_stop *)policy;
    struct stop_resource *resource = &stop->resources[request->resource];
    if (!due(resource, request->at_ns))
        return false;
    refresh(stop, request->at_ns);
    resource->planned_ns = request->at_ns;
    resource->planned_gaps = resource->gaps;
    double load_s = time_to_seconds(request->load_ns);
    double cold_s = load_s + stop->wait_price * burst_wait_s(&resource->burst, request->load_ns);
    double mass[GAPS_BINS], cold[GAPS_BINS];
    gaps_mass(resource->counts, stop->law, PSEUDO_GAPS, mass);
    for (int k = 0; k < GAPS_BINS; k++)
        cold[k] = cold_s;
    resource->breakeven_ns = time_from_seconds(cold_s);
    resource->stop = keep_bins_stop(mass, cold);
    resource->windows = keep_bins_windows(mass, cold, load_s);
    switch (choose(resource)) {
    case SHADOW_BREAKEVEN:
        policy_keep(plan, resource->breakeven_ns);
        break;
    case SHADOW_WINDOWS:
        keep_bins_plan(resource->windows, plan);
        break;
    default:
        keep_bins_plan(resource->stop, plan);
        break;
    }
    plan->cold_cost_ns = resource->breakeven_ns;
    return true;
}

static double hazard_stop_probability(const struct policy *policy, uint32_t number, int64_t age_ns,
                                      int64_t horizon_ns)
{
    const struct hazard_stop *stop = (const struct hazard_stop *)policy;
    double mass[GAPS_BINS];
    gaps_mass(stop->resources[number].counts, stop->law, PSEUDO_GAPS, mass);
    return gaps_probability(mass, age_ns, horizon_ns);
}

static void save_bins(struct keep_bins bins, struct buf *out)
{
    buf_put_u64(out, bins.low);
    buf_put_u32(out, bins.high);
}

static void hazard_stop_save(const struct policy *policy, struct buf *out)
{
    const struct hazard_stop *stop = (const struct hazard_stop *)policy;
    for (int k = 0; k < GAPS_BINS; k++) {
        buf_put_double(out, stop->pool.counts[k]);
        buf_put_double(out, stop->pool.at_risk[k]);
        buf_put_double(out, stop->law[k]);
    }
    buf_put_u8(out, stop->refreshed);
    buf_put_i64(out, stop->refreshed_ns);
    buf_put_i64(out, stop->next_sweep_ns);
    buf_put_u8(out, stop->stale);
    buf_put_u32(out, stop->count);
    for (uint32_t i = 0; i < stop->count; i++) {
        const struct stop_resource *resource = &stop->resources[i];
        for (int k = 0; k < GAPS_BINS; k++)
            buf_put_float(out, resource->counts[k]);
        burst_save(&resource->burst, out);
        for (int k = 0; k < SHADOW_COUNT; k++)
            buf_put_double(out, resource->shadow[k]);
        buf_put_i64(out, resource->last_ns);
        buf_put_i64(out, resource->planned_ns);
        buf_put_i64(out, resource->breakeven_ns);
        save_bins(resource->stop, out);
        save_bins(resource->windows, out);
        buf_put_u32(out, resource->gaps);
        buf_put_u32(out, resource->planned_gaps);
        buf_put_u8(out, resource->seen);
    }
}

static bool load_bins(struct keep_bins *bins, struct buf_reader *in)
{
    bins->low = buf_get_u64(in);
    return recall_u16(in, &bins->high);
}

static bool load_resource(struct stop_resource *resource, struct buf_reader *in)
{
    for (int k = 0; k < GAPS_BINS; k++)
        if (!recall_count(in, &resource->counts[k]))
            return false;
    if (!burst_load(&resource->burst, in))
        return false;
    for (int k = 0; k < SHADOW_COUNT; k++)
        if (!recall_positive(in, &resource->shadow[k]))
            return false;
    if (!recall_instant(in, &resource->last_ns) || !recall_instant(in, &resource->planned_ns) ||
        !recall_duration(in, &resource->breakeven_ns) || !load_bins(&resource->stop, in) ||
        !load_bins(&resource->windows, in))
        return false;
    resource->gaps = buf_get_u32(in);
    resource->planned_gaps = buf_get_u32(in);
    return recall_flag(in, &resource->seen) && resource->planned_gaps <= resource->gaps;
}

static bool hazard_stop_load(struct policy *policy, struct buf_reader *in)
{
    struct hazard_stop *stop = (struct hazard_stop *)policy;
    for (int k = 0; k < GAPS_BINS; k++)
        if (!recall_positive(in, &stop->pool.counts[k]) ||
            !recall_positive(in, &stop->pool.at_risk[k]) || !recall_positive(in, &stop->law[k]))
            return false;
    if (!recall_flag(in, &stop->refreshed) || !recall_instant(in, &stop->refreshed_ns) ||
        !recall_deadline(in, &stop->next_sweep_ns) || !recall_flag(in, &stop->stale))
        return false;
    uint32_t count = buf_get_u32(in);
    if (in->failed || hazard_stop_grow(policy, count) != FW_OK)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!load_resource(&stop->resources[i], in))
            return false;
    return true;
}

const struct policy_ops policy_hazard_stop = {
    .name = "hazard-stop",
    .syntax = "hazard-stop",
    .sentence = "keep while the chance of a request is worth it, one average cold cost a resource; "
                "the planner's forerunner",
    .predictive = true,
    .keeps_while_free = true,
    .create = hazard_stop_create,
    .destroy = hazard_stop_destroy,
    .grow = hazard_stop_grow,
    .request = hazard_stop_request,
    .plan = hazard_stop_plan,
    .probability = hazard_stop_probability,
    .save = hazard_stop_save,
    .load = hazard_stop_load,
};
