/* SPDX-License-Identifier: MIT
 * What became of warm-ups, drains and unloads. */
#include "core/state.h"
#include <stdlib.h>

static const struct why why_lifecycle = {.reason = REASON_LIFECYCLE};

/* The largest of the latest few warm-ups is what it is taken to need; within one the largest
 * counts, too. */
static void measured(struct engine *engine, uint32_t number, uint64_t bytes)
{
    struct resource *resource = &engine->resources[number];
    if (!resource->sizes) {
        resource->sizes = calloc(1, sizeof *resource->sizes);
        if (!resource->sizes) {
            engine_fail(engine, FW_NOMEM);
            return;
        }
        resource->sizes->largest = resource->settings.memory; /* what it is charged with so far */
    }
    struct sizes *sizes = resource->sizes;
    if (sizes->proven_at_ns != resource->proven_at_ns || sizes->bytes[sizes->latest] == 0) {
        sizes->latest = (sizes->latest + 1) % SIZES_KEPT;
        sizes->bytes[sizes->latest] = 0;
        sizes->proven_at_ns = resource->proven_at_ns;
    }
    if (bytes > sizes->bytes[sizes->latest])
        sizes->bytes[sizes->latest] = bytes;
    uint64_t largest = 0;
    for (int i = 0; i < SIZES_KEPT; i++)
        largest = sizes->bytes[i] > largest ? sizes->bytes[i] : largest;
    engine_set_memory(engine, resource, resource->settings.memory, largest);
}

void reports_on_sized(struct engine *engine, const struct event *event)
{
    if (event->value == 0 || engine->resources[event->resource].state != RESOURCE_WARM)
        return;
    measured(engine, event->resource, event->value);
    room_pump(engine);
}

void reports_on_loaded(struct engine *engine, const struct event *event)
{
    engine_signal(engine, event->resource, SIGNAL_LOADED, &why_lifecycle);
}

void reports_on_proven(struct engine *engine, const struct event *event)
{
    struct resource *resource = &engine->resources[event->resource];
    restraint_succeeded(engine, event->resource);
    if (resource->cause == CAUSE_DOUBT || (event->flags & EVENT_INFERRED)) {
        /* It may have been there all the time: that teaches nothing about loading. */
    } else if (resource->level > 0) {
        levels_learn(engine, resource, false);
    } else {
        load_law_add(&engine->load_law, engine->now_ns - resource->load_started_ns,
                     load_times_latest(&resource->loads));
        load_times_add(&resource->loads, engine->now_ns - resource->load_started_ns);
        if (resource->levels)
            resource->levels->latest = 0;
    }
    resource->failures = 0;
    resource->accounts.warmups_ok++;
    engine_signal(engine, event->resource, SIGNAL_PROVEN, &why_lifecycle);
    if (event->value > 0)
        measured(engine, event->resource, event->value);
    if (resource->prewarm_open && resource->cause != CAUSE_PLAN &&
        resource->protect_until_ns < engine->now_ns)
        resource->protect_until_ns = time_add(engine->now_ns, engine->settings.prewarm_expiry_ns);
    ending_release(engine, event->resource);
    decide_settle(engine, event->resource);
    room_pump(engine);
}

/* It is where it was, cold; somebody may wait for it to be loaded from there. */
static void raise_failed(struct engine *engine, uint32_t number, bool cancelled)
{
    struct resource *resource = &engine->resources[number];
    if (!cancelled)
        resource->levels->retry_at_ns = time_add(engine->now_ns, engine->settings.retry_max_ns);
    engine_signal(engine, number, SIGNAL_CANCELLED, &(struct why){.reason = REASON_UNWANTED});
    room_pump(engine);
    decide_settle(engine, number);
}

void reports_on_raised(struct engine *engine, const struct event *event)
{
    struct resource *resource = &engine->resources[event->resource];
    if (resource->state == RESOURCE_UNLOADING && resource->level == 0)
        return; /* nobody asked for it */
    if (resource->state == RESOURCE_RAISING)
        levels_learn(engine, resource, true);
    else
        resource->accounts.unloads++;
    engine_signal(engine, event->resource, SIGNAL_RAISED, &why_lifecycle);
    room_pump(engine);
    if (resource->held > 0)
        room_want(engine, event->resource, CAUSE_REQUEST, &(struct why){.reason = REASON_DEMAND});
    decide_settle(engine, event->resource);
}

void reports_on_failed(struct engine *engine, const struct event *event)
{
    struct resource *resource = &engine->resources[event->resource];
    bool cancelled = event->status == FW_CANCELLED;
    if (resource->state == RESOURCE_RAISING) {
        raise_failed(engine, event->resource, cancelled);
        return;
    }
    if (resource->prewarm_open) {
        resource->prewarm_open = false;
        if (cancelled)
            resource->accounts.prewarm_cancelled++;
        else
            resource->accounts.prewarm_failed++;
    }
    if (cancelled) {
        resource->accounts.warmups_cancelled++;
        engine_signal(engine, event->resource,
                      resource->level > 0 ? SIGNAL_RAISED : SIGNAL_CANCELLED,
                      &(struct why){.reason = REASON_UNWANTED});
        if (resource->held > 0) /* a request came after the cancelling: begin again */
            room_want(engine, event->resource, CAUSE_REQUEST,
                      &(struct why){.reason = REASON_DEMAND});
    } else {
        resource->accounts.warmups_failed++;
        restraint_failed(engine, event->resource);
        int64_t pause_ns = engine->settings.retry_min_ns;
        for (uint8_t i = 0; i < resource->failures && pause_ns < engine->settings.retry_max_ns; i++)
            pause_ns *= 2;
        if (pause_ns > engine->settings.retry_max_ns)
            pause_ns = engine->settings.retry_max_ns;
        if (resource->failures < UINT8_MAX)
            resource->failures++;
        resource->retry_at_ns = time_add(engine->now_ns, pause_ns);
        const struct why why = {REASON_WARM_FAILED, {pause_ns}};
        engine_signal(engine, event->resource, SIGNAL_FAILED, &why);
        ending_turn_away(engine, event->resource, FW_MODEL_FAILED, &why);
        engine_set_timer(engine, event->resource, TIMER_RETRY, resource->retry_at_ns);
    }
    room_pump(engine);
    decide_settle(engine, event->resource);
}

void reports_on_unloaded(struct engine *engine, const struct event *event)
{
    struct resource *resource = &engine->resources[event->resource];
    resource->accounts.unloads += resource->state == RESOURCE_UNLOADING;
    engine_signal(engine, event->resource, SIGNAL_UNLOADED, &why_lifecycle);
    room_pump(engine);
    if (resource->held > 0)
        room_want(engine, event->resource, CAUSE_REQUEST, &(struct why){.reason = REASON_DEMAND});
    decide_settle(engine, event->resource);
}

void reports_on_drained(struct engine *engine, const struct event *event)
{
    struct resource *resource = &engine->resources[event->resource];
    if (resource->in_use > 0)
        return; /* cannot be: the edge drained it. Stay draining; its END will come. */
    if (resource->prewarm_open)
        ending_prewarm_expired(engine, resource);
    if (resource->levels)
        rest_drained(engine, event->resource);
    engine_signal(engine, event->resource, SIGNAL_DRAINED, &why_lifecycle);
}

void reports_on_lost(struct engine *engine, const struct event *event)
{
    struct resource *resource = &engine->resources[event->resource];
    if (resource->level > 0 &&
        (resource->state == RESOURCE_WARMING || resource->state == RESOURCE_VERIFYING)) {
        /* What it is loaded from is gone: a load that is cancelled now leaves nothing. */
        uint8_t level = resource->level;
        resource->level = 0;
        rest_settle_bytes(engine, event->resource, level);
        return;
    }
    if (!lifecycle_find(resource->state, SIGNAL_LOST))
        return;
    if (resource->prewarm_open) {
        resource->prewarm_open = false;
        resource->accounts.prewarm_failed++;
    }
    resource->accounts.lost++;
    engine_set_in_use(engine, resource, 0);
    engine_signal(engine, event->resource, SIGNAL_LOST, &(struct why){.reason = REASON_LOST});
    room_pump(engine);
    decide_settle(engine, event->resource);
}

void reports_on_found(struct engine *engine, const struct event *event)
{
    struct resource *resource = &engine->resources[event->resource];
    if (!lifecycle_find(resource->state, SIGNAL_FOUND))
        return;
    room_forget(engine, event->resource);
    resource->cause = CAUSE_NONE;
    place_found(engine, resource, event->devices);
    engine_signal(engine, event->resource, SIGNAL_FOUND, &why_lifecycle);
    if (event->value > 0)
        measured(engine, event->resource, event->value);
    engine_set_timer(engine, event->resource, TIMER_RETRY, TIME_NEVER);
    /* Nobody may have asked for it yet: it stays as long as something warmed ahead would. */
    int64_t until_ns = time_add(engine->now_ns, engine->settings.prewarm_expiry_ns);
    if (resource->protect_until_ns < until_ns)
        resource->protect_until_ns = until_ns;
    ending_release(engine, event->resource);
    if (resource
            ->configured) /* else it is about to be, or to be retired: see engine_forget_world */
        decide_settle(engine, event->resource);
}

/* What is learned of loading where no loader of ours can be timed. */
static void learn_inferred(struct engine *engine, struct resource *resource, int64_t load_ns)
{
    load_law_add(&engine->load_law, load_ns, load_times_latest(&resource->loads));
    load_times_add(&resource->loads, load_ns);
}

/* The request has waited for a load that we did not know of: it met something cold after all. */
void reports_on_doubted(struct engine *engine, const struct event *event)
{
    struct resource *resource = &engine->resources[event->resource];
    int64_t usual_ns = (int64_t)event->value;
    int64_t lost_ns = event->duration_ns > usual_ns ? event->duration_ns - usual_ns : 0;
    bool seen = (event->flags & EVENT_SEEN) != 0;
    if (resource->state != RESOURCE_WARM && !seen)
        return;
    resource->accounts.doubted++;
    resource->accounts.cold_requests++;
    resource->accounts.wait_ns += lost_ns;
    resource->accounts.regret_ns += lost_ns;
    if (event->flags & EVENT_INFERRED)
        learn_inferred(engine, resource, lost_ns);
    if (seen)
        return;
    resource->cause = CAUSE_DOUBT;
    resource->accounts.warmups[CAUSE_DOUBT]++;
    const struct why why = {REASON_DOUBTED, {event->duration_ns, usual_ns}};
    engine_signal(engine, event->resource, SIGNAL_DOUBT, &why);
}
