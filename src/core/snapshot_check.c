/* SPDX-License-Identifier: MIT
 * Whether an engine that was read agrees with itself; what follows from its resources' states is
 * worked out here. */
#include "core/state.h"

/* What is worked out from the states: bytes held, loads that run. False: they contradict. */
static bool sum_up(struct engine *engine)
{
    uint32_t resting = 0;
    engine->loads_running = 0;
    place_forget(engine);
    engine->host_used = engine->host_promised = 0;
    for (uint32_t i = 0; i < engine->resource_count; i++) {
        struct resource *resource = &engine->resources[i];
        if (resource_held(resource) > 0 || resource_loading(resource))
            place_restore(engine, resource);
        place_charge(engine, resource, 0, resource_held(resource));
        if (resource_loading(resource)) {
            engine->loads_running++;
            place_load_begins(engine, resource);
        }
        resting += resource->level > 0;
        bool between = resource->state == RESOURCE_HALF || resource->state == RESOURCE_RAISING ||
                       resource->state == RESOURCE_LOWERING;
        if (between && resource->level == 0)
            return false;
        if (!resource->levels)
            continue;
        engine->levelled = true;
        engine->host_used += resource->levels->held_bytes;
        engine->host_promised += resource->levels->promised_bytes;
    }
    for (uint32_t i = engine->rest_first; i != RESOURCE_NONE; i = engine->resources[i].levels->next)
        if (engine->resources[i].level == 0 || resting-- == 0)
            return false;
    return resting == 0;
}

/* The lists must agree with the states they are made of. */
bool snapshot_is_consistent(struct engine *engine)
{
    uint32_t occupied = 0;
    for (uint32_t i = engine->occupied_first; i != RESOURCE_NONE;
         i = engine->resources[i].occupied_next) {
        if (!resource_occupies(&engine->resources[i]) || ++occupied > engine->resource_count)
            return false;
    }
    for (uint32_t i = 0; i < engine->resource_count; i++) {
        const struct resource *resource = &engine->resources[i];
        occupied -= resource_occupies(resource);
        bool waits = resource_absent(resource) || resource->state == RESOURCE_UNLOADING ||
                     resource->state == RESOURCE_RAISING || resource->state == RESOURCE_LOWERING;
        if (resource->queued && !waits)
            return false;
        if (resource->plan.next > resource->plan.count)
            return false;
    }
    return occupied == 0 && sum_up(engine);
}
