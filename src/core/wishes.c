/* SPDX-License-Identifier: MIT
 * What people and configuration files want of resources: add, retire, pin, warm, unload. */
#include "core/state.h"
#include "base/grow.h"
#include <stdlib.h>

enum fw_err engine_add_resource(struct engine *engine, struct str id, uint32_t *number)
{
    FW_TRY(table_add(&engine->ids, id, number, NULL));
    if (*number < engine->resource_count)
        return FW_OK;
    if (engine->resource_count == engine->resource_capacity) {
        uint32_t capacity =
            (uint32_t)grow_capacity(engine->resource_capacity, *number + 1, UINT32_MAX / TIMERS);
        struct resource *grown = realloc(engine->resources, capacity * sizeof *grown);
        if (!grown)
            return FW_NOMEM;
        engine->resources = grown;
        engine->resource_capacity = capacity;
    }
    FW_TRY(history_grow(&engine->history, *number + 1));
    FW_TRY(engine->policy->ops->grow(engine->policy, *number + 1));
    if (engine->values)
        FW_TRY(values_grow(engine->values, *number + 1));
    resource_init(&engine->resources[*number]);
    engine->resource_count = *number + 1;
    return FW_OK;
}

void wishes_on_resource(struct engine *engine, const struct event *event)
{
    uint32_t number = 0;
    enum fw_err err = engine_add_resource(engine, event->id, &number);
    if (err != FW_OK) {
        engine_fail(engine, err);
        return;
    }
    struct resource *resource = &engine->resources[number];
    uint64_t held = resource_held(resource);
    bool occupied = resource_occupies(resource);
    err = levels_configure(resource, event->settings);
    if (err == FW_OK)
        err = restraint_configure(engine, resource, event->settings);
    if (err != FW_OK) {
        engine_fail(engine, err);
        return;
    }
    engine->levelled |= resource->levels != NULL;
    place_charge(engine, resource, held, resource_held(resource));
    if (!occupied && resource_occupies(resource))
        room_occupy(engine, number);
    if (occupied && !resource_occupies(resource))
        room_vacate(engine, number);
    engine_set_memory(engine, resource, event->settings->memory,
                      resource->sizes ? resource->sizes->largest : 0);
    resource->settings = kept_settings_of(event->settings);
    resource->configured = true;
    resource->pinned = event->settings->pin;
    decide_settle(engine, number);
}

void wishes_on_retire(struct engine *engine, const struct event *event)
{
    struct resource *resource = &engine->resources[event->resource];
    const struct why why = {.reason = REASON_RETIRED};
    resource->configured = false;
    resource->pinned = false;
    room_forget(engine, event->resource);
    ending_turn_away(engine, event->resource, FW_MODEL_UNKNOWN, &why);
    decide_settle(engine, event->resource);
}

void wishes_on_pin(struct engine *engine, const struct event *event)
{
    engine->resources[event->resource].pinned = event->kind == EVENT_PIN;
    decide_settle(engine, event->resource);
}

void wishes_on_warm(struct engine *engine, const struct event *event)
{
    struct resource *resource = &engine->resources[event->resource];
    bool operator_asks = (event->flags & EVENT_IGNORE_COOLDOWN) != 0;
    if (!operator_asks && engine->now_ns < resource->cooldown_until_ns) {
        const struct why cooling = {REASON_COOLDOWN,
                                    {resource->cooldown_until_ns - engine->now_ns}};
        restraint_decline(engine, event->resource, CAUSE_PAGE, &cooling,
                          resource->cooldown_until_ns);
        return;
    }
    resource->protect_until_ns =
        time_add(engine->now_ns, time_add(decide_expected_load(engine, resource),
                                          engine->settings.prewarm_expiry_ns));
    const struct why why = {.reason = operator_asks ? REASON_OPERATOR : REASON_ASKED};
    if (resource->state == RESOURCE_DRAINING)
        engine_signal(engine, event->resource, SIGNAL_WANT, &why);
    else if (resource->state == RESOURCE_FAILED && operator_asks) {
        engine_set_timer(engine, event->resource, TIMER_RETRY, TIME_NEVER);
        engine_signal(engine, event->resource, SIGNAL_RETRY, &why);
    }
    room_want(engine, event->resource, operator_asks ? CAUSE_OPERATOR : CAUSE_PAGE, &why);
    decide_settle(engine, event->resource);
}

void wishes_on_unload(struct engine *engine, const struct event *event)
{
    struct resource *resource = &engine->resources[event->resource];
    const struct why why = {.reason = REASON_OPERATOR};
    resource->pinned = false;
    resource->protect_until_ns = 0;
    resource->plan.next = resource->plan.count; /* until the next request */
    resource->dismissed = true;
    if (resource->held > 0)
        return; /* somebody waits for it */
    room_forget(engine, event->resource);
    if ((resource->state == RESOURCE_WARM && resource->in_use == 0) ||
        resource->state == RESOURCE_HALF) {
        room_let_go(engine, event->resource, &why);
    } else if (resource_loading(resource) && resource->in_use == 0) { /* else it is only doubted */
        struct action action = {.kind = ACTION_CANCEL,
                                .resource = event->resource,
                                .reason = why.reason,
                                .attempt = resource->attempt,
                                .cause = resource->cause};
        engine_emit(engine, &action);
    }
}
