/* SPDX-License-Identifier: MIT
 * The planner's state as bytes, exactly. */
#include "plan/planner.h"
#include "learn/recall.h"
#include <math.h>
#include <stdlib.h>

static void save_plans(const struct planner_plans *plans, struct buf *out)
{
    for (int e = 0; e < EXPERTS_IN_BINS; e++) {
        buf_put_u64(out, plans->low[e]);
        buf_put_u32(out, plans->high[e]);
    }
    buf_put_float(out, plans->even_s);
    buf_put_u8(out, plans->ttl_edge);
    buf_put_u8(out, plans->used);
}

static bool load_plans(struct planner_plans *plans, struct buf_reader *in)
{
    for (int e = 0; e < EXPERTS_IN_BINS; e++) {
        plans->low[e] = buf_get_u64(in);
        if (!recall_u16(in, &plans->high[e]))
            return false;
    }
    if (!recall_count(in, &plans->even_s))
        return false;
    plans->ttl_edge = buf_get_u8(in);
    plans->used = buf_get_u8(in);
    return !in->failed && plans->ttl_edge < GAPS_BINS && plans->used < EXPERT_COUNT;
}

static void save_period_plan(const struct period_plan *plan, struct buf *out)
{
    buf_put_u8(out, plan->count);
    for (int i = 0; plan->count != PERIOD_UNKNOWN && i < plan->count; i++) {
        buf_put_u32(out, plan->from[i]);
        buf_put_u32(out, plan->to[i]);
    }
}

static bool load_period_plan(struct period_plan *plan, struct buf_reader *in)
{
    plan->count = buf_get_u8(in);
    if (plan->count == PERIOD_UNKNOWN)
        return !in->failed;
    if (in->failed || plan->count > PERIOD_WINDOWS)
        return false;
    for (int i = 0; i < plan->count; i++)
        if (!recall_u16(in, &plan->from[i]) || !recall_u16(in, &plan->to[i]))
            return false;
    return true;
}

static void save_period(const struct period *period, struct buf *out)
{
    buf_put_u8(out, period != NULL);
    if (!period)
        return;
    buf_put_u8(out, period->count);
    buf_put_u8(out, period->next);
    for (int i = 0; i < period->count; i++)
        buf_put_u32(out, period->gaps[i]);
    save_period_plan(&period->plan, out);
    save_period_plan(&period->judged, out);
}

static bool load_period(struct period **period, struct buf_reader *in)
{
    bool present;
    if (!recall_flag(in, &present) || !present)
        return !in->failed;
    if (!(*period = malloc(sizeof **period)))
        return false;
    period_init(*period);
    (*period)->count = buf_get_u8(in);
    (*period)->next = buf_get_u8(in);
    if (in->failed || (*period)->count > PERIOD_GAPS || (*period)->next >= PERIOD_GAPS)
        return false;
    for (int i = 0; i < (*period)->count; i++)
        if (!recall_u16(in, &(*period)->gaps[i]))
            return false;
    return load_period_plan(&(*period)->plan, in) && load_period_plan(&(*period)->judged, in);
}

static void save_resource(const struct planner_resource *resource, struct buf *out)
{
    const struct gaps_kept *gaps = &resource->gaps;
    uint32_t place = 0;
    buf_put_u8(out, gaps->used);
    for (uint32_t k = gaps_kept_next(gaps, 0); k < GAPS_BINS; k = gaps_kept_next(gaps, k + 1)) {
        buf_put_u8(out, (uint8_t)k);
        buf_put_float(out, gaps->counts[place]);
        buf_put_u32(out, gaps_kept_notes(gaps)[place++]);
    }
    for (int e = 0; e < EXPERT_COUNT; e++)
        buf_put_float(out, resource->shadow[e]);
    buf_put_float(out, resource->balance);
    buf_put_float(out, resource->busy);
    buf_put_float(out, resource->short_gaps);
    buf_put_float(out, resource->all_gaps);
    buf_put_u32(out, resource->known);
    buf_put_i64(out, resource->last_ns);
    buf_put_i64(out, resource->load_ns);
    buf_put_i64(out, resource->planned_ns);
    save_plans(&resource->plans, out);
    save_plans(&resource->judged, out);
    buf_put_i64(out, resource->burst_began_ns);
    buf_put_i64(out, resource->burst_gap_ns);
    buf_put_i64(out, resource->burst_load_ns);
    buf_put_i64(out, resource->burst_waited_ns);
    buf_put_float(out, resource->burst_guess);
    buf_put_u32(out, resource->burst_before);
    buf_put_u8(out, resource->burst_bin);
    buf_put_u8(out, resource->due);
    buf_put_u8(out, resource->hold);
    buf_put_u8(out, resource->context);
    save_period(resource->period, out);
}

static bool load_counts(float *counts, int count, struct buf_reader *in)
{
    for (int i = 0; i < count; i++)
        if (!recall_count(in, &counts[i]))
            return false;
    return true;
}

static bool load_learned(struct planner_resource *resource, struct buf_reader *in)
{
    uint8_t used = buf_get_u8(in), least = 0;
    for (; used > 0; used--) {
        uint8_t k = buf_get_u8(in);
        float count;
        uint16_t wait;
        if (in->failed || k < least || k >= GAPS_BINS || !recall_count(in, &count) ||
            !recall_u16(in, &wait) || gaps_kept_add(&resource->gaps, k) != FW_OK)
            return false;
        uint32_t place = gaps_kept_place(&resource->gaps, k);
        resource->gaps.counts[place] = count;
        gaps_kept_notes(&resource->gaps)[place] = wait;
        least = k + 1;
    }
    if (!load_counts(resource->shadow, EXPERT_COUNT, in))
        return false;
    resource->balance = buf_get_float(in);
    return isfinite(resource->balance) && recall_count(in, &resource->busy) &&
           recall_count(in, &resource->short_gaps) && recall_count(in, &resource->all_gaps);
}

static bool load_burst(struct planner_resource *resource, struct buf_reader *in)
{
    if (!recall_instant(in, &resource->burst_began_ns) ||
        !recall_duration(in, &resource->burst_gap_ns) ||
        !recall_duration(in, &resource->burst_load_ns) ||
        !recall_duration(in, &resource->burst_waited_ns) ||
        !recall_count(in, &resource->burst_guess) || !recall_u16(in, &resource->burst_before))
        return false;
    resource->burst_bin = buf_get_u8(in);
    return !in->failed && resource->burst_bin < GAPS_BINS;
}

static bool load_resource(struct planner_resource *resource, struct buf_reader *in)
{
    if (!load_learned(resource, in))
        return false;
    resource->known = buf_get_u32(in);
    if (!recall_instant(in, &resource->last_ns) || !recall_duration(in, &resource->load_ns) ||
        !recall_instant(in, &resource->planned_ns) || !load_plans(&resource->plans, in) ||
        !load_plans(&resource->judged, in) || !load_burst(resource, in) ||
        !recall_flag(in, &resource->due) || !recall_flag(in, &resource->hold))
        return false;
    resource->context = buf_get_u8(in);
    resource->seen = true;
    return !in->failed && resource->context < POOL_CONTEXTS && resource->load_ns > 0 &&
           load_period(&resource->period, in);
}

static int by_order(const void *left, const void *right)
{
    const struct heap_entry *a = left, *b = right;
    if (a->deadline_ns != b->deadline_ns)
        return a->deadline_ns < b->deadline_ns ? -1 : 1;
    return (a->sequence > b->sequence) - (a->sequence < b->sequence);
}

/* Timers in the order in which they will fire: equal deadlines keep their order. */
static void save_bursts(const struct planner *planner, struct buf *out)
{
    uint32_t count = planner->bursts.count;
    struct heap_entry *entries = malloc((count + 1) * sizeof *entries);
    if (!entries) {
        out->failed = true;
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        entries[i] = planner->bursts.entries[i];
    qsort(entries, count, sizeof *entries, by_order);
    buf_put_u32(out, count);
    for (uint32_t i = 0; i < count; i++) {
        buf_put_u32(out, entries[i].id);
        buf_put_i64(out, entries[i].deadline_ns);
    }
    free(entries);
}

static bool load_bursts(struct planner *planner, struct buf_reader *in)
{
    uint32_t count = buf_get_u32(in);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t number = buf_get_u32(in);
        int64_t deadline_ns;
        if (!recall_deadline(in, &deadline_ns) || number >= planner->count)
            return false;
        struct planner_resource *resource = &planner->resources[number];
        if (!resource->seen || resource->burst_open || resource->burst_load_ns == 0 ||
            !(gaps_kept_count(&resource->gaps, resource->burst_bin) > 0))
            return false;
        resource->burst_open = true;
        if (heap_set(&planner->bursts, number, deadline_ns) != FW_OK)
            return false;
    }
    return !in->failed;
}

static void save_sweep(const struct planner_sweep *sweep, struct buf *out)
{
    buf_put_u8(out, sweep->running);
    if (!sweep->running)
        return;
    buf_put_u32(out, sweep->next);
    buf_put_i64(out, sweep->at_ns);
    for (int c = 0; c < POOL_CONTEXTS; c++)
        for (int k = 0; k < GAPS_BINS; k++)
            buf_put_u32(out, sweep->open[c][k]);
    for (int e = 0; e < EXPERT_COUNT; e++)
        buf_put_double(out, sweep->cost[e]);
    buf_put_double(out, sweep->used_cost);
}

static bool load_sweep(struct planner_sweep *sweep, struct buf_reader *in)
{
    if (!recall_flag(in, &sweep->running))
        return false;
    if (!sweep->running)
        return true;
    sweep->next = buf_get_u32(in);
    if (!recall_instant(in, &sweep->at_ns))
        return false;
    uint64_t counted = 0;
    for (int c = 0; c < POOL_CONTEXTS; c++)
        for (int k = 0; k < GAPS_BINS; k++)
            counted += sweep->open[c][k] = buf_get_u32(in);
    for (int e = 0; e < EXPERT_COUNT; e++)
        if (!recall_positive(in, &sweep->cost[e]))
            return false;
    return recall_positive(in, &sweep->used_cost) && counted <= sweep->next;
}

void planner_save(const struct policy *policy, struct buf *out)
{
    const struct planner *planner = (const struct planner *)policy;
    planner_pool_save(&planner->pool, out);
    buf_put_i64(out, planner->baseline_ns);
    for (int e = 0; e < EXPERT_COUNT; e++) {
        buf_put_double(out, planner->cost[e]);
        buf_put_double(out, planner->open_cost[e]);
    }
    buf_put_double(out, planner->gaps);
    buf_put_double(out, planner->used_cost);
    buf_put_double(out, planner->used_open_cost);
    buf_put_double(out, planner->dearest);
    buf_put_i64(out, planner->next_sweep_ns);
    save_sweep(&planner->sweep, out);
    buf_put_u32(out, planner->count);
    for (uint32_t i = 0; i < planner->count; i++) {
        buf_put_u8(out, planner->resources[i].seen);
        if (planner->resources[i].seen)
            save_resource(&planner->resources[i], out);
    }
    save_bursts(planner, out);
    planner_signals_save(planner, out);
}

/* The user has another timer than when this was saved: what the old one cost says nothing of it,
 * and the best single time to live stands in for its past. */
static void forget_baseline(struct planner *planner)
{
    planner->cost[EXPERT_BASELINE] = planner->cost[EXPERT_TTL];
    planner->open_cost[EXPERT_BASELINE] = planner->open_cost[EXPERT_TTL];
    planner->sweep.cost[EXPERT_BASELINE] = planner->sweep.cost[EXPERT_TTL];
    for (uint32_t i = 0; i < planner->count; i++) {
        struct planner_resource *resource = &planner->resources[i];
        resource->shadow[EXPERT_BASELINE] = resource->shadow[EXPERT_TTL];
        resource->balance = 0;
    }
}

bool planner_load(struct policy *policy, struct buf_reader *in)
{
    struct planner *planner = (struct planner *)policy;
    int64_t baseline_ns;
    if (!planner_pool_load(&planner->pool, in) || !recall_duration(in, &baseline_ns))
        return false;
    for (int e = 0; e < EXPERT_COUNT; e++)
        if (!recall_positive(in, &planner->cost[e]) || !recall_positive(in, &planner->open_cost[e]))
            return false;
    if (!recall_positive(in, &planner->gaps) || !recall_positive(in, &planner->used_cost) ||
        !recall_positive(in, &planner->used_open_cost) || !recall_positive(in, &planner->dearest) ||
        !recall_deadline(in, &planner->next_sweep_ns) || !load_sweep(&planner->sweep, in))
        return false;
    uint32_t count = buf_get_u32(in);
    if (in->failed || planner->sweep.next > count || planner_grow(policy, count) != FW_OK)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        bool seen;
        if (!recall_flag(in, &seen) || (seen && !load_resource(&planner->resources[i], in)))
            return false;
    }
    if (baseline_ns != planner->baseline_ns)
        forget_baseline(planner);
    return load_bursts(planner, in) && planner_signals_load(planner, in);
}
