/* SPDX-License-Identifier: MIT */
#include "core/dwell.h"
#include "core/coder.h"
#include "core/state.h"

#define FORGET   4 /* of a usual return that is longer than the latest: a quarter each time */
#define PATIENCE 2 /* usual returns that are waited for */

static struct dwell_slot *find(struct engine *engine, uint32_t number)
{
    for (uint32_t i = 0; i < engine->dwell.count; i++)
        if (engine->dwell.slots[i].resource == number)
            return &engine->dwell.slots[i];
    return NULL;
}

/* An empty one, or that of what made way longest ago. */
static struct dwell_slot *take(struct engine *engine, uint32_t number)
{
    struct dwell *dwell = &engine->dwell;
    uint32_t at = dwell->count;
    if (dwell->count < DWELL_SLOTS)
        dwell->count++;
    else
        at = 0;
    for (uint32_t i = 0; dwell->count == DWELL_SLOTS && i < DWELL_SLOTS; i++)
        if (dwell->slots[i].idle_at_ns < dwell->slots[at].idle_at_ns)
            at = i;
    dwell->slots[at] = (struct dwell_slot){.resource = number, .waiter = RESOURCE_NONE};
    return &dwell->slots[at];
}

/* Policies that compare worth, and do not know the future. */
static bool applies(const struct engine *engine)
{
    return engine->values && !engine->policy->ops->needs_future && engine->settings.dwell_ns > 0;
}

/* How long it may stay once loaded: keeping it must not cost others more than loading it costs its
 * own. */
static int64_t stay(const struct engine *engine, const struct resource *resource)
{
    int64_t load_ns = decide_expected_load(engine, resource);
    return load_ns < engine->settings.dwell_ns ? load_ns : engine->settings.dwell_ns;
}

void dwell_displaced(struct engine *engine, uint32_t number)
{
    const struct resource *resource = &engine->resources[number];
    if (!applies(engine) || resource->state != RESOURCE_WARM)
        return;
    struct dwell_slot *slot = find(engine, number);
    if (!slot)
        slot = take(engine, number);
    slot->idle_at_ns = resource->idle_since_ns;
    slot->displaced = true;
    slot->waiter = RESOURCE_NONE;
}

static void note_return(struct dwell_slot *slot, int64_t return_ns)
{
    slot->return_ns -= slot->return_ns / FORGET;
    if (slot->return_ns < return_ns)
        slot->return_ns = return_ns;
}

void dwell_request(struct engine *engine, uint32_t number)
{
    if (engine->dwell.count == 0 || !applies(engine))
        return;
    const struct resource *resource = &engine->resources[number];
    struct dwell_slot *slot = find(engine, number);
    if (!slot)
        return;
    bool waited_for = slot->waiter != RESOURCE_NONE && resource->idle_since_ns >= 0;
    if (!slot->displaced && !waited_for)
        return;
    int64_t idle_ns = slot->displaced ? slot->idle_at_ns : resource->idle_since_ns,
            return_ns = engine->now_ns - idle_ns;
    bool soon = return_ns <= stay(engine, resource);
    if (soon)
        note_return(slot, return_ns);
    if (!slot->displaced)
        return;
    slot->displaced = false;
    if (!soon)
        slot->returns = 0;
    else if (slot->returns < DWELL_RETURNS)
        slot->returns++;
}

/* Requests that are kept waiting while this one stays. */
static int64_t kept_waiting(const struct engine *engine, const struct resource *resource)
{
    int64_t requests = 0;
    for (uint32_t i = engine->queue_first; i != RESOURCE_NONE; i = engine->resources[i].queue_next)
        if (place_allowed(engine, &engine->resources[i]) & resource->placed)
            requests += engine->resources[i].held;
    return requests > 0 ? requests : 1;
}

/* Until when it stays for those who will come back to it; in the past if it does not. */
static int64_t stays_until(const struct engine *engine, const struct dwell_slot *slot)
{
    const struct resource *resource = &engine->resources[slot->resource];
    if (slot->returns < DWELL_RETURNS || resource->state != RESOURCE_WARM ||
        resource->idle_since_ns < 0)
        return 0;
    int64_t end_ns = time_add(resource->proven_at_ns, stay(engine, resource));
    if (time_add(resource->idle_since_ns, slot->return_ns) > end_ns)
        return 0; /* whoever comes back comes too late */
    if (slot->return_ns > stay(engine, resource) / kept_waiting(engine, resource))
        return 0; /* all of them together would wait longer than one more load takes */
    int64_t patient_ns = time_add(resource->idle_since_ns, PATIENCE * slot->return_ns);
    return patient_ns < end_ns ? patient_ns : end_ns;
}

static void tell(struct engine *engine, struct dwell_slot *slot, uint32_t waiter)
{
    const struct resource *resource = &engine->resources[slot->resource];
    int64_t end_ns = time_add(resource->proven_at_ns, stay(engine, resource));
    struct action action = {.kind = ACTION_WAIT,
                            .resource = waiter,
                            .reason = REASON_DWELLING,
                            .cause = engine->resources[waiter].cause,
                            .numbers = {(int64_t)((uint64_t)UINT32_MAX << 32 | slot->resource),
                                        end_ns - engine->now_ns, slot->return_ns, slot->returns}};
    slot->waiter = waiter;
    engine_emit(engine, &action);
}

bool dwell_waits(struct engine *engine, uint32_t waiter, uint32_t victims)
{
    if (engine->dwell.count == 0 || !applies(engine))
        return false;
    struct dwell_slot *first = NULL;
    int64_t first_ns = TIME_NEVER;
    for (uint32_t i = 0; i < victims; i++) {
        struct dwell_slot *slot = find(engine, engine->victims[i]);
        int64_t until_ns = slot ? stays_until(engine, slot) : 0;
        if (until_ns > engine->now_ns && until_ns < first_ns) {
            first = slot;
            first_ns = until_ns;
        }
    }
    if (!first)
        return false;
    if (first_ns < engine->dwell.look_at_ns)
        engine->dwell.look_at_ns = first_ns;
    if (first->waiter != waiter)
        tell(engine, first, waiter);
    return true;
}

void dwell_forget_world(struct engine *engine)
{
    engine->dwell.look_at_ns = TIME_NEVER;
    for (uint32_t i = 0; i < engine->dwell.count; i++) {
        engine->dwell.slots[i].displaced = false;
        engine->dwell.slots[i].waiter = RESOURCE_NONE;
    }
}

void dwell_code(struct engine *engine, struct coder *coder)
{
    struct dwell *dwell = &engine->dwell;
    code_i64(coder, &dwell->look_at_ns);
    code_count(coder, &dwell->count, DWELL_SLOTS);
    for (uint32_t i = 0; i < dwell->count && !coder_failed(coder); i++) {
        struct dwell_slot *slot = &dwell->slots[i];
        code_i64(coder, &slot->idle_at_ns);
        code_i64(coder, &slot->return_ns);
        code_u32(coder, &slot->resource);
        code_u32(coder, &slot->waiter);
        code_u8(coder, &slot->returns);
        code_bool(coder, &slot->displaced);
        if (slot->resource >= engine->resource_count || slot->returns > DWELL_RETURNS ||
            slot->return_ns < 0 || slot->return_ns > 24 * TIME_HOUR)
            coder_fail(coder);
    }
}
