/* SPDX-License-Identifier: MIT
 * Room: the memory budget and the loaders. What waits for them stands in one queue; requests go
 * before operators' and pins' wishes, higher priority first, then in order of asking. The front of
 * the queue is not overtaken. Warming ahead never queues: it happens when there is room and a
 * loader, or not at all. */
#include "core/state.h"
#include "base/check.h"
#include <stdlib.h>

/* A prewarm may displace what is worth clearly less than itself (reference: Belady bounds,
 * docs/guide/serve.md). */
#define DISPLACE_MARGIN 1.3

/* ---- who holds memory ---- */

void room_occupy(struct engine *engine, uint32_t number)
{
    struct resource *resource = &engine->resources[number];
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

/* The queued resource whose turn it is; those still unloading are passed over until they are cold.
 */
static uint32_t front_of_queue(const struct engine *engine)
{
    uint32_t best = RESOURCE_NONE;
    for (uint32_t i = engine->queue_first; i != RESOURCE_NONE;
         i = engine->resources[i].queue_next) {
        const struct resource *resource = &engine->resources[i];
        if (resource_absent(resource) &&
            (best == RESOURCE_NONE || goes_before(resource, &engine->resources[best])))
            best = i;
    }
    return best;
}

/* ---- memory ---- */

uint64_t room_free(const struct engine *engine)
{
    return engine->settings.memory > engine->memory_used
               ? engine->settings.memory - engine->memory_used
               : 0;
}

uint64_t room_on_its_way(const struct engine *engine)
{
    uint64_t bytes = 0;
    for (uint32_t i = engine->occupied_first; i != RESOURCE_NONE;
         i = engine->resources[i].occupied_next)
        bytes += resource_held(&engine->resources[i]) - resource_stays(&engine->resources[i]);
    return bytes;
}

static double worth_of(const struct engine *engine, uint32_t number)
{
    const struct resource *resource = &engine->resources[number];
    const struct policy_ops *ops = engine->policy->ops;
    uint64_t bytes = room_frees(engine, resource);
    if (resource->state == RESOURCE_HALF)
        return rest_gain(engine, number, resource->level) / (double)(bytes > 0 ? bytes : 1);
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
    return held > stays ? held - stays : 0;
}

static bool gather_candidates(struct engine *engine, uint32_t *count)
{
    *count = 0;
    if (engine->values)
        values_refresh(engine->values, engine->now_ns);
    for (uint32_t i = engine->occupied_first; i != RESOURCE_NONE;
         i = engine->resources[i].occupied_next) {
        if (!room_evictable(&engine->resources[i]) ||
            room_frees(engine, &engine->resources[i]) == 0)
            continue;
        if (*count == engine->candidates_capacity) {
            uint32_t capacity = *count > 0 ? *count * 2 : 16;
            struct budget_candidate *grown = realloc(engine->candidates, capacity * sizeof *grown);
            if (!grown) {
                engine_fail(engine, FW_NOMEM);
                return false;
            }
            engine->candidates = grown;
            engine->candidates_capacity = capacity;
        }
        const struct resource *resource = &engine->resources[i];
        engine->candidates[(*count)++] = (struct budget_candidate){
            i, room_frees(engine, resource), worth_of(engine, i),
            resource->last_request_ns > resource->state_since_ns ? resource->last_request_ns
                                                                 : resource->state_since_ns,
            false};
    }
    return true;
}

/* Victims at the front of `candidates`: lower priorities are tried first, higher ones only when
 * those do not suffice. */
static bool choose_victims(struct engine *engine, uint64_t need_bytes, uint32_t *victims)
{
    uint32_t count;
    if (!gather_candidates(engine, &count))
        return false;
    int64_t limit = INT64_MIN;
    for (;;) {
        int64_t next_limit = INT64_MAX;
        for (uint32_t i = 0; i < count; i++) {
            int64_t priority = engine->resources[engine->candidates[i].resource].settings.priority;
            if (priority > limit && priority < next_limit)
                next_limit = priority;
        }
        if (next_limit == INT64_MAX)
            return false;
        limit = next_limit;
        for (uint32_t i = 0; i < count; i++)
            engine->candidates[i].evictable =
                engine->resources[engine->candidates[i].resource].settings.priority <= limit;
        if (budget_choose(engine->candidates, count, need_bytes, victims))
            return true;
    }
}

void room_let_go(struct engine *engine, uint32_t number, const struct why *why)
{
    struct resource *resource = &engine->resources[number];
    if (resource->state == RESOURCE_LOWERING)
        return; /* another of those let go has needed its host memory already */
    if (why->reason == REASON_EVICTED)
        resource->accounts.evictions++;
    /* The window it stood in is over, whoever ended it: settling must not load it again at once. */
    const struct plan_window *window = plan_store_window(&resource->plan, resource->plan.next);
    if (window &&
        window->start_ns - decide_lead(engine, resource) <= engine->now_ns - resource->origin_ns)
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
        room_let_go(engine, engine->candidates[i].resource, &why);
}

/* ---- starting ---- */

bool room_loader_free(const struct engine *engine)
{
    int64_t max = engine->settings.max_loads;
    if (max == 0)
        max = engine->settings.memory == UINT64_MAX ? INT64_MAX : 1;
    return engine->loads_running < max;
}

static void start(struct engine *engine, uint32_t number, enum cause cause, const struct why *why)
{
    struct resource *resource = &engine->resources[number];
    room_forget(engine, number);
    resource->cause = (uint8_t)(resource->held > 0 ? CAUSE_REQUEST : cause);
    resource->accounts.warmups[resource->cause]++;
    if (resource->cause != CAUSE_REQUEST && resource->cause != CAUSE_PIN) {
        resource->prewarm_open = true;
        resource->accounts.prewarm_issued++;
    }
    engine_signal(engine, number, SIGNAL_WANT, why);
}

void room_start_displacing(struct engine *engine, uint32_t number, enum cause cause,
                           const struct why *why, const uint32_t *victims, uint32_t victim_count)
{
    struct resource *resource = &engine->resources[number];
    const struct why evicted = {REASON_EVICTED, {(int64_t)resource_memory(resource)}};
    if (victim_count == 0) {
        start(engine, number, cause, why);
        return;
    }
    for (uint32_t i = 0; i < victim_count; i++)
        room_let_go(engine, victims[i], &evicted);
    resource->cause = (uint8_t)cause;
    room_enqueue(engine, number); /* it starts when they are gone */
}

static bool fits_budget(const struct engine *engine, const struct resource *resource)
{
    return engine->settings.memory == UINT64_MAX ||
           resource_memory(resource) <= engine->settings.memory;
}

/* Bytes that loading it takes beyond those it holds. */
static uint64_t missing_bytes(const struct resource *resource)
{
    uint64_t bytes = resource_memory(resource), held = resource_held(resource);
    return bytes > held ? bytes - held : 0;
}

static bool fits_now(const struct engine *engine, const struct resource *resource)
{
    return engine->settings.memory == UINT64_MAX || missing_bytes(resource) <= room_free(engine);
}

static void refuse_too_large(struct engine *engine, uint32_t number)
{
    struct resource *resource = &engine->resources[number];
    const struct why why = {REASON_TOO_LARGE,
                            {(int64_t)resource_memory(resource), (int64_t)engine->settings.memory}};
    room_forget(engine, number);
    ending_turn_away(engine, number, FW_LIMIT, &why);
}

/* Warming ahead: what it displaces must be worth clearly less than it is. */
static void start_ahead(struct engine *engine, uint32_t number, enum cause cause,
                        const struct why *why)
{
    struct resource *resource = &engine->resources[number];
    uint32_t victims;
    if (!room_loader_free(engine) || engine->queue_first != RESOURCE_NONE ||
        !fits_budget(engine, resource))
        return;
    if (fits_now(engine, resource)) {
        start(engine, number, cause, why);
        return;
    }
    if (!engine->policy->ops->worth)
        return;
    uint64_t need_bytes = missing_bytes(resource) - room_free(engine);
    if (room_on_its_way(engine) > 0 || !choose_victims(engine, need_bytes, &victims))
        return;
    double lost = 0;
    for (uint32_t i = 0; i < victims; i++)
        lost += engine->candidates[i].worth * (double)engine->candidates[i].bytes;
    if (worth_of(engine, number) * (double)resource_memory(resource) <= DISPLACE_MARGIN * lost)
        return;
    evict(engine, victims, need_bytes);
    resource->cause = (uint8_t)cause;
    room_enqueue(engine, number); /* it starts when they are gone */
}

/* What a queued resource is waiting for was decided when it asked; the words come from its cause.
 */
static struct why why_of_cause(const struct engine *engine, const struct resource *resource)
{
    static const uint32_t reasons[CAUSE_COUNT] = {
        [CAUSE_NONE] = REASON_DEMAND,      [CAUSE_REQUEST] = REASON_DEMAND,
        [CAUSE_PLAN] = REASON_PLAN_WINDOW, [CAUSE_HINT] = REASON_HINTED,
        [CAUSE_PAGE] = REASON_ASKED,       [CAUSE_OPERATOR] = REASON_OPERATOR,
        [CAUSE_PIN] = REASON_PINNED,
    };
    enum cause cause = resource->held > 0 ? CAUSE_REQUEST : (enum cause)resource->cause;
    return (struct why){reasons[cause], {decide_expected_load(engine, resource)}};
}

/* Starts the queued resource or sets its room in motion. False: the queue has to wait. */
static bool serve_front(struct engine *engine, uint32_t number)
{
    struct resource *resource = &engine->resources[number];
    uint32_t victims;
    if (!fits_budget(engine, resource)) {
        refuse_too_large(engine, number);
        return true;
    }
    if (fits_now(engine, resource)) {
        const struct why why = why_of_cause(engine, resource);
        start(engine, number, (enum cause)resource->cause, &why);
        return true;
    }
    uint64_t missing = missing_bytes(resource) - room_free(engine),
             coming = room_on_its_way(engine);
    bool ahead = resource->cause == CAUSE_PLAN || resource->cause == CAUSE_HINT;
    if (coming < missing && ahead && resource->held == 0) {
        room_forget(
            engine,
            number); /* its room went to a request: it is weighed afresh when the loader is idle */
        return true;
    }
    if (coming < missing && choose_victims(engine, missing - coming, &victims))
        evict(engine, victims, resource_memory(resource));
    return false;
}

void room_pump(struct engine *engine)
{
    uint32_t number;
    ahead_make_way(engine);
    while (room_loader_free(engine) && (number = front_of_queue(engine)) != RESOURCE_NONE)
        if (!serve_front(engine, number))
            return;
    ahead_try(engine);
    rest_try(engine);
}

void room_want(struct engine *engine, uint32_t number, enum cause cause, const struct why *why)
{
    struct resource *resource = &engine->resources[number];
    bool ahead = cause == CAUSE_PLAN || cause == CAUSE_HINT;
    if (!resource->configured ||
        (!resource_absent(resource) && resource->state != RESOURCE_UNLOADING &&
         resource->state != RESOURCE_RAISING && resource->state != RESOURCE_LOWERING))
        return; /* single flight: it is on its way, or has failed and waits */
    if (resource->queued) {
        if (cause == CAUSE_REQUEST)
            resource->cause = CAUSE_REQUEST;
        return;
    }
    if (ahead && resource_absent(resource)) {
        start_ahead(engine, number, cause, why);
        return;
    }
    if (ahead)
        return;
    if (!fits_budget(engine, resource)) {
        refuse_too_large(engine, number);
        return;
    }
    resource->cause = (uint8_t)cause;
    if (engine->queue_first == RESOURCE_NONE && resource_absent(resource) &&
        room_loader_free(engine) && fits_now(engine, resource)) {
        start(engine, number, cause, why);
        return;
    }
    room_enqueue(engine, number);
    if (resource->state == RESOURCE_RAISING)
        ahead_cancel(engine, number, REASON_GAVE_WAY);
    room_pump(engine);
}
