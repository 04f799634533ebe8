/* SPDX-License-Identifier: MIT
 * How the engine changes: actions leave through here, logged and hashed, and resources move through
 * their life cycle. */
#include "core/state.h"
#include "base/check.h"
#include "base/prng.h"
#include <stdlib.h>

void engine_fail(struct engine *engine, enum fw_err err)
{
    if (engine->step_err == FW_OK)
        engine->step_err = err;
}

static bool is_decision(uint32_t kind)
{
    return kind != ACTION_STATE && kind != ACTION_RELEASE;
}

static void log_decision(struct engine *engine, const struct action *action)
{
    struct resource *resource = &engine->resources[action->resource];
    uint64_t number = ++engine->decision_count;
    engine->decisions[number % DECISIONS_KEPT] =
        (struct logged_decision){*action, resource->latest_decision};
    resource->latest_decision = number;
}

static uint64_t hash_action(uint64_t hash, const struct action *action)
{
    hash = prng_mix(hash, (uint64_t)action->at_ns);
    hash = prng_mix(hash, (uint64_t)action->kind << 32 | action->resource);
    hash = prng_mix(hash, action->request ^ action->attempt << 1);
    hash = prng_mix(hash, (uint64_t)action->reason << 32 | (uint64_t)action->cause << 16 |
                              action->status);
    if (action->devices != 0)
        hash = prng_mix(hash, action->devices);
    hash = prng_mix(hash, (uint64_t)action->numbers[0]);
    return prng_mix(hash, (uint64_t)action->numbers[1]);
}

void engine_emit(struct engine *engine, struct action *action)
{
    struct action_list *list = engine->actions;
    action->at_ns = engine->now_ns;
    if (list->count == list->capacity) {
        size_t capacity = list->capacity > 0 ? list->capacity * 2 : 16;
        struct action *items = realloc(list->items, capacity * sizeof *items);
        if (!items) {
            engine_fail(engine, FW_NOMEM);
            return;
        }
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = *action;
    engine->action_count++;
    engine->decision_hash = hash_action(engine->decision_hash, action);
    if (is_decision(action->kind))
        log_decision(engine, action);
}

void engine_set_timer(struct engine *engine, uint32_t number, enum timer timer, int64_t deadline_ns)
{
    uint32_t id = number * TIMERS + timer;
    if (deadline_ns == TIME_NEVER)
        heap_remove(&engine->timers, id);
    else if (heap_set(&engine->timers, id, deadline_ns) != FW_OK)
        engine_fail(engine, FW_NOMEM);
}

/* Where it goes is known from when it is on its way; where it was, until it is elsewhere. */
static void enter_level(struct resource *resource, uint32_t next)
{
    if (next == RESOURCE_RAISING || next == RESOURCE_UNLOADING)
        resource->level = resource->aim;
    else if (next == RESOURCE_COLD || next == RESOURCE_WARM || next == RESOURCE_FAILED)
        resource->level = 0;
    if (next != RESOURCE_DRAINING)
        resource->aim = 0;
}

static void enter_state(struct engine *engine, uint32_t number, uint32_t next)
{
    struct resource *resource = &engine->resources[number];
    bool occupied = resource_occupies(resource);
    bool was_loading = resource_loading(resource);
    bool was_warming = was_loading && resource->state != RESOURCE_RAISING;
    uint64_t held = resource_held(resource);
    uint8_t level = resource->level;
    engine->rest_gathered = false;
    resource_account(resource, engine->now_ns);
    tally_carry(&resource->accounts);
    if (next == RESOURCE_WARM && resource->state != RESOURCE_DRAINING)
        resource->proven_at_ns = engine->now_ns;
    resource->state = (uint8_t)next;
    resource->state_since_ns = engine->now_ns;
    resource->cancelling = false;
    if (resource->levels) {
        enter_level(resource, next);
        rest_settle_bytes(engine, number, level);
    }
    bool loading = resource_loading(resource);
    bool warm = next == RESOURCE_WARM || next == RESOURCE_DRAINING;
    if (loading && !was_loading) {
        engine->loads_running++;
        place_load_begins(engine, resource);
        resource->load_started_ns = engine->now_ns;
    }
    if (was_loading && !loading) {
        engine->loads_running--;
        place_load_ends(engine, resource);
        resource->accounts.load_ns += engine->now_ns - resource->load_started_ns;
        if (was_warming && resource->cause != CAUSE_DOUBT)
            restraint_end(engine, number, engine->now_ns - resource->load_started_ns);
    }
    resource->warm_since_ns = warm ? engine->now_ns : -1;
    resource->idle_since_ns = warm && resource->in_use == 0 ? engine->now_ns : -1;
    place_charge(engine, resource, held, resource_held(resource));
    if (!occupied && resource_occupies(resource))
        room_occupy(engine, number);
    if (occupied && !resource_occupies(resource))
        room_vacate(engine, number);
}

void engine_signal(struct engine *engine, uint32_t number, enum signal signal,
                   const struct why *why)
{
    struct resource *resource = &engine->resources[number];
    const struct lifecycle_row *row = lifecycle_find(resource->state, signal);
    CHECK(row != NULL);
    enter_state(engine, number, row->next);
    struct action action = {.resource = number, .reason = why->reason, .cause = resource->cause};
    memcpy(action.numbers, why->numbers, sizeof action.numbers);
    if (row->action != LIFECYCLE_NO_ACTION) {
        resource->attempt = ++engine->attempts;
        action.kind = row->action;
        action.attempt = resource->attempt;
        action.status = resource->level;
        bool loads = row->action == ACTION_WARM || row->action == ACTION_RAISE;
        if (loads && engine->devices.named)
            action.devices = resource->placed;
        engine_emit(engine, &action);
    }
    struct action state = {.kind = ACTION_STATE,
                           .resource = number,
                           .reason = why->reason,
                           .cause = resource->cause,
                           .status = row->next,
                           .attempt = resource->attempt};
    memcpy(state.numbers, why->numbers, sizeof state.numbers);
    engine_emit(engine, &state);
}

void engine_set_memory(struct engine *engine, struct resource *resource, uint64_t configured,
                       uint64_t measured)
{
    uint64_t before = resource_held(resource);
    resource->settings.memory = configured;
    if (resource->sizes)
        resource->sizes->largest = measured;
    place_charge(engine, resource, before, resource_held(resource));
}

void engine_set_in_use(struct engine *engine, struct resource *resource, uint32_t in_use)
{
    resource_account(resource, engine->now_ns);
    resource->in_use = in_use;
    resource->idle_since_ns = resource->warm_since_ns >= 0 && in_use == 0 ? engine->now_ns : -1;
}
