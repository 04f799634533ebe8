/* SPDX-License-Identifier: MIT
 * Room: the memory budget and the loaders, on one device or several. What waits for them stands in
 * one queue; requests go before operators' and pins' wishes, higher priority first, then in order
 * of asking. Who waits for a device is not overtaken there. Warming ahead never queues: it happens
 * when there is room and a loader, or not at all. */
#include "core/state.h"

/* A prewarm may displace what is worth clearly less than itself (reference: Belady bounds,
 * docs/guide/serve.md). */
#define DISPLACE_MARGIN 1.3

/* ---- who holds memory ---- */

void room_occupy(struct engine *engine, uint32_t number)
{
    struct resource *resource = &engine->resources[number];
    engine->occupied_count++;
    resource->occupied_next = RESOURCE_NONE;
    resource->occupied_previous = engine->occupied_last;
    if (engine->occupied_last != RESOURCE_NONE)
        engine->resources[engine->occupied_last].occupied_next = number;
    else
        engine->occupied_first = number;
    engine->occupied_last = number;
}

void room_vacate(struct engine *engine, uint32_t number)
{
    struct resource *resource = &engine->resources[number];
    engine->occupied_count--;
    if (resource->occupied_previous != RESOURCE_NONE)
        engine->resources[resource->occupied_previous].occupied_next = resource->occupied_next;
    else
        engine->occupied_first = resource->occupied_next;
    if (resource->occupied_next != RESOURCE_NONE)
        engine->resources[resource->occupied_next].occupied_previous = resource->occupied_previous;
    else
        engine->occupied_last = resource->occupied_previous;
}

/* ---- the queue ---- */

void room_enqueue(struct engine *engine, uint32_t number)
{
    struct resource *resource = &engine->resources[number];
    resource->queued = true;
    resource->queue_next = RESOURCE_NONE;
    resource->queue_previous = engine->queue_last;
    if (engine->queue_last != RESOURCE_NONE)
        engine->resources[engine->queue_last].queue_next = number;
    else
        engine->queue_first = number;
    engine->queue_last = number;
    engine->queue_count++;
}

void room_forget(struct engine *engine, uint32_t number)
{
    struct resource *resource = &engine->resources[number];
    if (!resource->queued)
        return;
    resource->queued = false;
    if (resource->queue_previous != RESOURCE_NONE)
        engine->resources[resource->queue_previous].queue_next = resource->queue_next;
    else
        engine->queue_first = resource->queue_next;
    if (resource->queue_next != RESOURCE_NONE)
        engine->resources[resource->queue_next].queue_previous = resource->queue_previous;
    else
        engine->queue_last = resource->queue_previous;
    engine->queue_count--;
}

static bool goes_before(const struct resource *a, const struct resource *b)
{
    if ((a->held > 0) != (b->held > 0))
        return a->held > 0;
    return a->settings.priority > b->settings.priority;
}

/* The queued resource whose turn it is on the devices that are `open`; those still unloading are
 * passed over until they are cold. */
static uint32_t front_of_queue(const struct engine *engine, uint32_t open)
{
    uint32_t best = RESOURCE_NONE;
    for (uint32_t i = engine->queue_first; i != RESOURCE_NONE;
         i = engine->resources[i].queue_next) {
        const struct resource *resource = &engine->resources[i];
        if (resource_absent(resource) && !resource->passed_over &&
            place_is_open(engine, resource, open) &&
            (best == RESOURCE_NONE || goes_before(resource, &engine->resources[best])))
            best = i;
    }
    return best;
}

/* ---- memory ---- */

double room_worth(const struct engine *engine, uint32_t number, uint64_t bytes)
{
    const struct resource *resource = &engine->resources[number];
    const struct policy_ops *ops = engine->policy->ops;
    if (engine->values)
        return ahead_value(engine, number) / (double)(bytes > 0 ? bytes : 1);
    if (!ops->worth || resource->last_request_ns < 0)
        return 0;
    return ops->worth(engine->policy, number, engine->now_ns - resource->last_request_ns,
                      decide_expected_load(engine, resource), bytes > 0 ? bytes : 1);
}

bool room_evictable(const struct resource *resource)
{
    if (resource->in_use > 0 || resource->held > 0 || resource->pinned)
        return false;
    return resource->state == RESOURCE_WARM ||
           (resource->state == RESOURCE_HALF && !resource->queued && resource_held(resource) > 0);
}

uint64_t room_frees(const struct engine *engine, const struct resource *resource)
{
    uint64_t stays = 0;
    if (resource->state == RESOURCE_WARM && resource->levels) {
        uint8_t level = rest_fall(engine, resource);
        stays = level > 0 ? levels_at(resource, level)->settings.memory : 0;
    }
    uint64_t held = resource_absent(resource) ? resource_held(resource) : resource_memory(resource);
    held = place_part_of(resource, held);
    stays = place_part_of(resource, stays);
    return held > stays ? held - stays : 0;
}

void room_let_go(struct engine *engine, uint32_t number, const struct why *why)
{
    struct resource *resource = &engine->resources[number];
    if (resource->state == RESOURCE_LOWERING)
        return; /* another of those let go has needed its host memory already */
    if (why->reason == REASON_EVICTED || why->reason == REASON_OVERGROWN)
        resource->accounts.evictions++;
    /* The window it stood in is over, whoever ended it: settling must not load it again at once. */
    const struct plan_window *window = plan_store_window(&resource->plan, resource->plan.next);
    if (window && decide_window_at(engine, resource, window) <= engine->now_ns)
        resource->plan.next++;
    resource->protect_until_ns = 0;
    if (resource->state == RESOURCE_HALF) {
        rest_lower(engine, number, why);
        return;
    }
    if (resource->levels)
        rest_let_go(engine, number);
    engine_signal(engine, number, SIGNAL_LET_GO, why);
}

static void evict(struct engine *engine, uint32_t victims, uint64_t need_bytes)
{
    const struct why why = {REASON_EVICTED, {(int64_t)need_bytes}};
    for (uint32_t i = 0; i < victims; i++)
        room_let_go(engine, engine->victims[i], &why);
}

/* ---- starting ---- */

static void start(struct engine *engine, uint32_t number, uint32_t devices, enum cause cause,
                  const struct why *why)
{
    struct resource *resource = &engine->resources[number];
    room_forget(engine, number);
    resource->placed = (uint16_t)devices;
    resource->cause = (uint8_t)(resource->held > 0 ? CAUSE_REQUEST : cause);
    resource->accounts.warmups[resource->cause]++;
    if (resource->cause != CAUSE_REQUEST && resource->cause != CAUSE_PIN) {
        resource->prewarm_open = true;
        resource->accounts.prewarm_issued++;
    }
    restraint_begin(engine, number);
    engine_signal(engine, number, SIGNAL_WANT, why);
}

void room_start_displacing(struct engine *engine, uint32_t number, uint32_t devices,
                           enum cause cause, const struct why *why, const uint32_t *victims,
                           uint32_t victim_count)
{
    struct resource *resource = &engine->resources[number];
    const struct why evicted = {REASON_EVICTED, {(int64_t)resource_memory(resource)}};
    if (victim_count == 0) {
        start(engine, number, devices, cause, why);
        return;
    }
    for (uint32_t i = 0; i < victim_count; i++)
        room_let_go(engine, victims[i], &evicted);
    resource->cause = (uint8_t)cause;
    room_enqueue(engine, number); /* it starts when they are gone */
}

static void refuse_too_large(struct engine *engine, uint32_t number)
{
    struct resource *resource = &engine->resources[number];
    const struct why why = {
        REASON_TOO_LARGE,
        {(int64_t)resource_memory(resource), (int64_t)devices_memory(&engine->devices)}};
    room_forget(engine, number);
    ending_turn_away(engine, number, FW_LIMIT, &why);
}

/* Warming ahead: what it displaces must be worth clearly less than it is. */
static void start_ahead(struct engine *engine, uint32_t number, enum cause cause,
                        const struct why *why)
{
    struct resource *resource = &engine->resources[number];
    struct making_room making;
    uint32_t loaders = place_loaders(engine);
    if (loaders == 0 || engine->queue_first != RESOURCE_NONE || !place_possible(engine, resource))
        return;
    uint32_t now = place_now(engine, resource, loaders);
    if (now != 0) {
        start(engine, number, now, cause, why);
        return;
    }
    loaders &= place_settled(engine);
    if (!engine->policy->ops->worth || loaders == 0 ||
        !place_make_room(engine, number, loaders, &making))
        return;
    uint64_t bytes = resource_memory(resource);
    double worth = room_worth(engine, number, bytes) * (double)bytes;
    if (worth <= DISPLACE_MARGIN * making.loss)
        return;
    evict(engine, making.victims, bytes);
    resource->cause = (uint8_t)cause;
    room_enqueue(engine, number); /* it starts when they are gone */
}

/* What a queued resource is waiting for was decided when it asked; the words come from its cause.
 */
static struct why why_of_cause(const struct engine *engine, uint32_t number)
{
    const struct resource *resource = &engine->resources[number];
    static const uint32_t reasons[CAUSE_COUNT] = {
        [CAUSE_NONE] = REASON_DEMAND,      [CAUSE_REQUEST] = REASON_DEMAND,
        [CAUSE_PLAN] = REASON_PLAN_WINDOW, [CAUSE_HINT] = REASON_HINTED,
        [CAUSE_PAGE] = REASON_ASKED,       [CAUSE_OPERATOR] = REASON_OPERATOR,
        [CAUSE_PIN] = REASON_PINNED,       [CAUSE_SESSION] = REASON_FORETOLD,
    };
    enum cause cause = resource->held > 0 ? CAUSE_REQUEST : (enum cause)resource->cause;
    if (cause == CAUSE_SESSION)
        return ahead_foretold_why(engine, number);
    if (cause == CAUSE_PLAN && engine->values) {
        double value_s = ahead_value(engine, (uint32_t)(resource - engine->resources));
        return (struct why){REASON_ROOM_MADE, {(int64_t)((value_s < 1e9 ? value_s : 1e9) * 1e9)}};
    }
    return (struct why){reasons[cause], {decide_expected_load(engine, resource)}};
}

/* Starts the queued resource or sets its room in motion, within `devices`. False: it has to wait,
 * and `claimed` are the devices that nobody may take before it. */
static bool serve(struct engine *engine, uint32_t number, uint32_t devices, uint32_t *claimed)
{
    struct resource *resource = &engine->resources[number];
    struct making_room making;
    if (!restraint_admits(engine, number, (enum cause)resource->cause))
        return true;
    if (!place_possible(engine, resource)) {
        refuse_too_large(engine, number);
        return true;
    }
    uint32_t loaders = devices & place_loaders(engine);
    uint32_t now = place_now(engine, resource, loaders);
    if (now != 0) {
        const struct why why = why_of_cause(engine, number);
        start(engine, number, now, (enum cause)resource->cause, &why);
        return true;
    }
    *claimed = place_now(engine, resource, devices);
    if (*claimed == 0)
        *claimed = place_soon(engine, resource, devices);
    if (*claimed != 0)
        return false; /* there is room or soon will be: nothing goes for it */
    bool ahead = cause_is_ahead(resource->cause);
    if (ahead && resource->held == 0) {
        /* Its room went to a request: it is weighed afresh when the loader is idle. */
        room_forget(engine, number);
        return true;
    }
    *claimed = devices & place_allowed(engine, resource);
    if (!place_make_room(engine, number, loaders, &making))
        return false;
    *claimed = making.devices;
    if (dwell_waits(engine, number, making.victims))
        return false;
    for (uint32_t i = 0; i < making.victims; i++)
        dwell_displaced(engine, engine->victims[i]);
    evict(engine, making.victims, resource_memory(resource));
    return false;
}

static void forget_passes(struct engine *engine)
{
    for (uint32_t i = engine->queue_first; i != RESOURCE_NONE; i = engine->resources[i].queue_next)
        engine->resources[i].passed_over = false;
}

/* In order of turn; who waits for a device is not overtaken there. */
static bool serve_queue(struct engine *engine)
{
    uint32_t number, open = devices_all(&engine->devices);
    bool passed = false;
    while (open != 0 && place_loaders(engine) != 0 &&
           (number = front_of_queue(engine, open)) != RESOURCE_NONE) {
        uint32_t claimed = 0;
        if (serve(engine, number, open, &claimed))
            continue;
        open &= ~claimed;
        engine->resources[number].passed_over = passed = true;
    }
    if (passed)
        forget_passes(engine);
    return !passed;
}

void room_relieve(struct engine *engine)
{
    for (uint32_t i = 0; i < engine->devices.count; i++) {
        const struct device *device = &engine->devices.items[i];
        struct making_room making;
        if (device->used <= device->memory || !place_relieve(engine, i, &making))
            continue;
        const struct why why = {REASON_OVERGROWN, {(int64_t)(device->used - device->memory)}};
        for (uint32_t j = 0; j < making.victims; j++)
            room_let_go(engine, engine->victims[j], &why);
    }
}

void room_pump(struct engine *engine)
{
    engine->dwell.look_at_ns = TIME_NEVER; /* who still waits says so again */
    room_relieve(engine);
    ahead_make_way(engine);
    if (!serve_queue(engine))
        return;
    ahead_try(engine);
    rest_try(engine);
}

void room_want(struct engine *engine, uint32_t number, enum cause cause, const struct why *why)
{
    struct resource *resource = &engine->resources[number];
    bool ahead = cause_is_ahead(cause);
    if (!resource->configured ||
        (!resource_absent(resource) && resource->state != RESOURCE_UNLOADING &&
         resource->state != RESOURCE_RAISING && resource->state != RESOURCE_LOWERING))
        return; /* single flight: it is on its way, or has failed and waits */
    if (resource->queued) {
        if (cause == CAUSE_REQUEST)
            resource->cause = CAUSE_REQUEST;
        return;
    }
    if ((ahead && !resource_absent(resource)) || !restraint_admits(engine, number, cause))
        return;
    if (ahead) {
        start_ahead(engine, number, cause, why);
        return;
    }
    if (!place_possible(engine, resource)) {
        refuse_too_large(engine, number);
        return;
    }
    resource->cause = (uint8_t)cause;
    uint32_t now = 0;
    if (engine->queue_first == RESOURCE_NONE && resource_absent(resource))
        now = place_now(engine, resource, place_loaders(engine));
    if (now != 0) {
        start(engine, number, now, cause, why);
        return;
    }
    room_enqueue(engine, number);
    if (resource->state == RESOURCE_RAISING)
        ahead_cancel(engine, number, REASON_GAVE_WAY);
    room_pump(engine);
}
