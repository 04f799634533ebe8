/* SPDX-License-Identifier: MIT
 * The planner's state as bytes, exactly. */
#include "plan/planner.h"
#include <math.h>
#include <stdlib.h>

static void save_plans(const struct planner_plans *plans, struct buf *out)
{
    for (int e = 0; e < EXPERT_COUNT - 1; e++) {
        buf_put_u64(out, plans->low[e]);
        buf_put_u32(out, plans->high[e]);
    }
    buf_put_u8(out, plans->ttl_edge);
    buf_put_u8(out, plans->used);
}

static bool load_plans(struct planner_plans *plans, struct buf_reader *in)
{
    bool fine = true;
    for (int e = 0; e < EXPERT_COUNT - 1; e++) {
        plans->low[e] = buf_get_u64(in);
        uint32_t high = buf_get_u32(in);
        plans->high[e] = (uint16_t)high;
        fine = fine && high <= UINT16_MAX;
    }
    plans->ttl_edge = buf_get_u8(in);
    plans->used = buf_get_u8(in);
    return fine && plans->ttl_edge < GAPS_BINS && plans->used < EXPERT_COUNT;
}

static void save_resource(const struct planner_resource *resource, struct buf *out)
{
    for (int k = 0; k < GAPS_BINS; k++) {
        buf_put_float(out, resource->gaps[k]);
        buf_put_u32(out, resource->waits[k]);
    }
    for (int e = 0; e < EXPERT_COUNT; e++)
        buf_put_float(out, resource->shadow[e]);
    for (int z = 0; z < PLANNER_RATES; z++)
        buf_put_float(out, resource->rates[z]);
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
}

static bool load_count(float *value, struct buf_reader *in)
{
    *value = buf_get_float(in);
    return isfinite(*value) && *value >= 0;
}

static bool load_flag(bool *value, struct buf_reader *in)
{
    uint8_t byte = buf_get_u8(in);
    *value = byte != 0;
    return byte <= 1;
}

static bool load_learned(struct planner_resource *resource, struct buf_reader *in)
{
    bool fine = true;
    for (int k = 0; k < GAPS_BINS; k++) {
        fine = load_count(&resource->gaps[k], in) && fine;
        uint32_t wait = buf_get_u32(in);
        resource->waits[k] = (uint16_t)wait;
        fine = fine && wait <= UINT16_MAX;
    }
    for (int e = 0; e < EXPERT_COUNT; e++)
        fine = load_count(&resource->shadow[e], in) && fine;
    for (int z = 0; z < PLANNER_RATES; z++)
        fine = load_count(&resource->rates[z], in) && fine;
    fine = load_count(&resource->busy, in) && fine;
    fine = load_count(&resource->short_gaps, in) && fine;
    return load_count(&resource->all_gaps, in) && fine;
}

static bool load_resource(struct planner_resource *resource, struct buf_reader *in)
{
    bool fine = load_learned(resource, in);
    resource->known = buf_get_u32(in);
    resource->last_ns = buf_get_i64(in);
    resource->load_ns = buf_get_i64(in);
    resource->planned_ns = buf_get_i64(in);
    fine = load_plans(&resource->plans, in) && fine;
    fine = load_plans(&resource->judged, in) && fine;
    resource->burst_began_ns = buf_get_i64(in);
    resource->burst_gap_ns = buf_get_i64(in);
    resource->burst_load_ns = buf_get_i64(in);
    resource->burst_waited_ns = buf_get_i64(in);
    fine = load_count(&resource->burst_guess, in) && fine;
    uint32_t before = buf_get_u32(in);
    resource->burst_before = (uint16_t)before;
    resource->burst_bin = buf_get_u8(in);
    fine = load_flag(&resource->due, in) && fine;
    fine = load_flag(&resource->hold, in) && fine;
    resource->context = buf_get_u8(in);
    resource->seen = true;
    return fine && !in->failed && before <= UINT16_MAX && resource->burst_bin < GAPS_BINS && resource->context < POOL_CONTEXTS &&
           resource->load_ns > 0 && resource->burst_gap_ns >= 0 && resource->burst_load_ns >= 0;
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
        int64_t deadline_ns = buf_get_i64(in);
        if (in->failed || number >= planner->count)
            return false;
        struct planner_resource *resource = &planner->resources[number];
        if (!resource->seen || resource->burst_open || resource->burst_load_ns == 0 || !(resource->gaps[resource->burst_bin] > 0))
            return false;
        resource->burst_open = true;
        if (heap_set(&planner->bursts, number, deadline_ns) != FW_OK)
            return false;
    }
    return !in->failed;
}

void planner_save(const struct policy *policy, struct buf *out)
{
    const struct planner *planner = (const struct planner *)policy;
    planner_pool_save(&planner->pool, out);
    for (int e = 0; e < EXPERT_COUNT; e++) {
        buf_put_double(out, planner->cost[e]);
        buf_put_double(out, planner->open_cost[e]);
    }
    buf_put_double(out, planner->gaps);
    buf_put_double(out, planner->used_cost);
    buf_put_double(out, planner->used_open_cost);
    buf_put_double(out, planner->dearest);
    buf_put_i64(out, planner->next_sweep_ns);
    buf_put_u32(out, planner->count);
    for (uint32_t i = 0; i < planner->count; i++) {
        buf_put_u8(out, planner->resources[i].seen);
        if (planner->resources[i].seen)
            save_resource(&planner->resources[i], out);
    }
    save_bursts(planner, out);
}

static bool load_cost(double *value, struct buf_reader *in)
{
    *value = buf_get_double(in);
    return isfinite(*value) && *value >= 0;
}

bool planner_load(struct policy *policy, struct buf_reader *in)
{
    struct planner *planner = (struct planner *)policy;
    bool fine = planner_pool_load(&planner->pool, in);
    for (int e = 0; e < EXPERT_COUNT; e++) {
        fine = load_cost(&planner->cost[e], in) && fine;
        fine = load_cost(&planner->open_cost[e], in) && fine;
    }
    fine = load_cost(&planner->gaps, in) && fine;
    fine = load_cost(&planner->used_cost, in) && fine;
    fine = load_cost(&planner->used_open_cost, in) && fine;
    fine = load_cost(&planner->dearest, in) && fine;
    planner->next_sweep_ns = buf_get_i64(in);
    uint32_t count = buf_get_u32(in);
    if (!fine || in->failed || planner_grow(policy, count) != FW_OK)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        uint8_t seen = buf_get_u8(in);
        if (in->failed || seen > 1 || (seen && !load_resource(&planner->resources[i], in)))
            return false;
    }
    return load_bursts(planner, in);
}
