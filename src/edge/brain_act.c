/* SPDX-License-Identifier: MIT
 * Performing what the engine asks for. */
#include "base/check.h"
#include "base/time.h"
#include "edge/brain_part.h"
#include "edge/log.h"
#include "edge/prefixes.h"
#include <stdlib.h>

/* ---- drains ---- */

static void add_drain(struct brain *brain, struct brain_drain drain)
{
    if (brain->drain_count == brain->drain_capacity) {
        uint32_t capacity = brain->drain_capacity > 0 ? brain->drain_capacity * 2 : 16;
        struct brain_drain *drains = realloc(brain->drains, capacity * sizeof *drains);
        CHECK(drains);
        brain->drains = drains;
        brain->drain_capacity = capacity;
    }
    brain->drains[brain->drain_count++] = drain;
}

static void remove_drain(struct brain *brain, uint32_t resource)
{
    for (uint32_t i = 0; i < brain->drain_count; i++)
        if (brain->drains[i].resource == resource && !brain->drains[i].replace) {
            brain->drains[i] = brain->drains[--brain->drain_count];
            return;
        }
}

/* Nothing runs any more? A drain stays here until the engine has left the state: the request's end
 * may still be on its way to the engine when the slot is free already. */
void brain_look_at_drains(struct brain *brain)
{
    for (uint32_t i = brain->drain_count; i-- > 0;) {
        if (i >= brain->drain_count)
            continue; /* stepping below removed some */
        const struct brain_drain drain = brain->drains[i];
        struct brain_place *place = &brain->places[drain.resource];
        if (atomic_load(&place->site->slot->in_flight) > 0)
            continue;
        if (!drain.replace) {
            const struct event event = {
                .kind = EVENT_DRAINED, .resource = drain.resource, .attempt = drain.attempt};
            brain_step(brain, &event);
        } else if (!place->busy) {
            brain->drains[i] = brain->drains[--brain->drain_count];
            place->replacing = false;
            place->busy = true;
            site_unload(place->site, 0, 0);
        }
    }
}

/* What was loaded with an old configuration: nothing new starts on it, and when its last request is
 * over it goes. */
void brain_replace(struct brain *brain, uint32_t resource)
{
    struct brain_place *place = &brain->places[resource];
    if (!atomic_exchange(&place->site->proven, false))
        return;
    log_info("its configuration changed: what is loaded will be replaced",
             LOG_TEXT("resource", place->site->id));
    atomic_store(&place->site->slot->warm, 0);
    place->replacing = true;
    add_drain(brain, (struct brain_drain){.resource = resource, .replace = true});
    const struct event event = {.kind = EVENT_LOST, .resource = resource};
    brain_step(brain, &event);
}

/* ---- tasks ---- */

/* At most one task at a time: a look at its server, or what an old configuration loaded and has to
 * go, may still be under way. */
static void begin(struct brain *brain, const struct action *action)
{
    struct brain_place *place = &brain->places[action->resource];
    bool up =
        action->kind == ACTION_WARM || action->kind == ACTION_RAISE || action->kind == ACTION_PROVE;
    CHECK(place->site && (place->site->configured || !up));
    if (up && action->kind != ACTION_PROVE)
        place->devices = action->devices;
    if (place->busy || (up && place->replacing)) {
        place->deferred_attempt = action->attempt;
        place->deferred_kind = action->kind;
        place->deferred_level = action->status;
        return;
    }
    place->busy = true;
    if (up)
        site_set_devices(place->site, place->devices, brain->engine);
    if (action->kind == ACTION_WARM)
        site_warm(place->site, action->attempt, action->status);
    else if (action->kind == ACTION_PROVE)
        site_prove(place->site, action->attempt);
    else if (action->kind == ACTION_RAISE)
        site_raise(place->site, action->attempt, action->status);
    else if (action->kind == ACTION_LOWER)
        site_lower(place->site, action->attempt, action->status);
    else
        site_unload(place->site, action->attempt, action->status);
}

void brain_look_at_servers(struct brain *brain)
{
    for (uint32_t i = 0; i < brain->place_count; i++) {
        struct brain_place *place = &brain->places[i];
        if (!place->site || place->busy || place->replacing || place->state != RESOURCE_WARM ||
            !site_can_look(place->site))
            continue;
        place->busy = true;
        site_look(place->site);
    }
}

static void cancel(struct brain *brain, uint32_t resource, uint64_t attempt)
{
    struct brain_place *place = &brain->places[resource];
    if (place->deferred_attempt != attempt) {
        site_cancel(place->site);
        return;
    }
    place->deferred_attempt = 0;
    const struct event event = {
        .kind = EVENT_FAILED, .resource = resource, .attempt = attempt, .status = FW_CANCELLED};
    brain_post(brain, &event);
}

void brain_task_ended(struct brain *brain, uint32_t resource)
{
    struct brain_place *place = &brain->places[resource];
    uint64_t attempt = place->deferred_attempt;
    place->busy = false;
    if (attempt == 0 || place->replacing)
        return;
    const struct action action = {.kind = place->deferred_kind,
                                  .resource = resource,
                                  .attempt = attempt,
                                  .status = place->deferred_level};
    place->deferred_attempt = 0;
    begin(brain, &action);
}

/* ---- what is counted ---- */

void brain_note_report(struct brain *brain, const struct event *event)
{
    if (event->resource >= brain->place_count)
        return;
    struct brain_place *place = &brain->places[event->resource];
    if (event->kind == EVENT_PROVEN) {
        place->warmups[place->cause][BRAIN_OK]++;
        if (brain->metrics)
            metrics_observe(brain->metrics, METRIC_WARMUP_SECONDS,
                            jobs_now_ns() - place->warm_began_ns);
    } else if (event->kind == EVENT_FAILED && place->state != RESOURCE_RAISING) {
        place->warmups[place->cause]
                      [event->status == FW_CANCELLED ? BRAIN_CANCELLED : BRAIN_FAILED]++;
    }
}

/* P7: a prewarm that expired unused is a waste, by the time it stood there. */
static void count_waste(struct brain *brain, uint32_t resource)
{
    struct brain_place *place = &brain->places[resource];
    struct resource_view view;
    engine_view(brain->engine, resource, brain->stepped_ns, &view);
    if (brain->metrics && view.accounts.prewarm_expired > place->expired_seen)
        metrics_observe(brain->metrics, METRIC_PREWARM_WASTE,
                        (brain->stepped_ns - place->ready_ns) / TIME_MILLISECOND);
    place->expired_seen = view.accounts.prewarm_expired;
}

static void log_action(const struct brain *brain, const struct action *action)
{
    struct buf why;
    buf_init(&why, 512);
    engine_describe(brain->engine, action, &why);
    log_debug("decided", LOG_TEXT("action", action_kind_name(action->kind)),
              LOG_STR("resource", engine_resource_id(brain->engine, action->resource)),
              LOG_TEXT("reason", reason_name(action->reason)), LOG_STR("why", buf_str(&why)));
    buf_fini(&why);
}

/* ---- one action ---- */

static void enter_state(struct brain *brain, const struct action *action)
{
    struct brain_place *place = &brain->places[action->resource];
    struct slot *slot = place->site->slot;
    struct prefixes *prefixes = atomic_load(&slot->prefixes);
    if (action->status == RESOURCE_WARM && place->state != RESOURCE_DRAINING)
        place->ready_ns = action->at_ns;
    if (prefixes && action->status != RESOURCE_WARM && action->status != RESOURCE_DRAINING)
        prefixes_lost(prefixes);
    place->state = action->status;
    atomic_store(&slot->state, action->status);
    atomic_store(&slot->warm, action->status == RESOURCE_WARM ? 1 : 0);
    if (action->status != RESOURCE_DRAINING)
        remove_drain(brain, action->resource);
    if (action->status == RESOURCE_UNLOADING || action->status == RESOURCE_COLD)
        count_waste(brain, action->resource);
    if (brain->watch)
        brain->watch(brain->watch_context, action->resource);
}

static void perform(struct brain *brain, const struct action *action)
{
    struct brain_place *place = &brain->places[action->resource];
    switch ((enum action_kind)action->kind) {
    case ACTION_WARM:
    case ACTION_PROVE:
        place->cause = action->cause;
        place->warm_began_ns = jobs_now_ns();
        begin(brain, action);
        break;
    case ACTION_DRAIN:
        atomic_store(&place->site->slot->warm, 0);
        add_drain(brain, (struct brain_drain){action->resource, action->attempt, false});
        break;
    case ACTION_UNDRAIN:
        remove_drain(brain, action->resource);
        break;
    case ACTION_UNLOAD:
    case ACTION_RAISE:
    case ACTION_LOWER:
        begin(brain, action);
        break;
    case ACTION_CANCEL:
        cancel(brain, action->resource, action->attempt);
        break;
    case ACTION_RELEASE:
    case ACTION_FALLBACK:
    case ACTION_REFUSE:
        bus_send_action(brain->setup.bus, action);
        break;
    case ACTION_STATE:
        enter_state(brain, action);
        break;
    case ACTION_DECLINE:
    case ACTION_WAIT:
    case ACTION_KIND_COUNT:
        break;
    }
    if (action->kind != ACTION_STATE && action->kind != ACTION_RELEASE)
        log_action(brain, action);
}

void brain_perform(struct brain *brain)
{
    for (size_t i = 0; i < brain->actions.count; i++) {
        const struct action action = brain->actions.items[i]; /* a copy: the list may grow */
        CHECK(brain_make_place(brain, action.resource,
                               engine_resource_id(brain->engine, action.resource)));
        perform(brain, &action);
    }
    brain->actions.count = 0;
}
