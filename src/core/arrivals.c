/* SPDX-License-Identifier: MIT
 * Requests as they come, wait, run and end. */
#include "core/state.h"
#include "learn/decay.h"
#include <stdlib.h>

#define RATE_TIME_CONSTANT_S 600.0
enum { QUEUE_LOOKED_AT = 64 };

static void learn_time_of_day(struct engine *engine, struct resource *resource)
{
    if (!resource->daily)
        resource->daily = calloc(1, sizeof *resource->daily);
    if (resource->daily)
        daily_learn(resource->daily, engine->now_ns);
    else
        engine_fail(engine, FW_NOMEM);
}

/* Learns from an arrival, wherever it is served. */
static void learn_request(struct engine *engine, uint32_t number, const struct event *event)
{
    struct resource *resource = &engine->resources[number];
    int64_t gap_ns =
        resource->last_request_ns < 0 ? -1 : engine->now_ns - resource->last_request_ns;
    bool ready = resource->state == RESOURCE_WARM || resource->state == RESOURCE_WARMING ||
                 resource->state == RESOURCE_VERIFYING;
    if (gap_ns > 0)
        resource->rate *= (float)decay_exp(-time_to_seconds(gap_ns) / RATE_TIME_CONSTANT_S);
    resource->rate += 1;
    if (++resource->accounts.requests >= TALLY_FULL)
        tally_carry(&resource->accounts);
    if (resource->held == 0) /* of a burst that waits together, the gap before its first */
        resource->previous_gap_ns = gap_ns;
    resource->dismissed = false;
    resource->last_request_ns = engine->now_ns;
    int64_t age_ns = engine->now_ns - resource->origin_ns;
    if (resource->origin_ns < engine->now_ns)
        resource->origin_ns = engine->now_ns;
    history_add(&engine->history, engine->now_ns, number);
    learn_time_of_day(engine, resource);
    ahead_request(engine, number, event->session);
    hints_request(engine, number, age_ns);
    if (event->session != 0)
        foretold_request(engine, number, event->session);
    decide_replan(engine, number, ready, gap_ns);
}

static void start_request(struct engine *engine, struct resource *resource)
{
    engine_set_in_use(engine, resource, resource->in_use + 1);
    if (resource->prewarm_open)
        ending_prewarm_hit(engine, resource);
}

static void refuse_one(struct engine *engine, const struct event *event, enum fw_err status,
                       const struct why *why)
{
    struct resource *resource = &engine->resources[event->resource];
    struct action action = {
        .resource = event->resource, .request = event->request, .reason = why->reason};
    memcpy(action.numbers, why->numbers, sizeof action.numbers);
    if (resource->settings.has_fallback && resource->settings.on_cold != ON_COLD_REFUSE) {
        action.kind = ACTION_FALLBACK;
        resource->accounts.fallbacks++;
    } else {
        action.kind = ACTION_REFUSE;
        action.status = status;
        resource->accounts.refused++;
    }
    resource->accounts
        .held++; /* held for no time at all: so that what became of held requests adds up */
    engine_emit(engine, &action);
}

static int64_t remaining_load(const struct engine *engine, const struct resource *resource)
{
    int64_t expected_ns = decide_expected_load(engine, resource);
    bool loading = resource->state == RESOURCE_WARMING || resource->state == RESOURCE_VERIFYING;
    int64_t spent_ns = loading ? engine->now_ns - resource->load_started_ns : 0;
    return expected_ns > spent_ns ? expected_ns - spent_ns : TIME_SECOND;
}

/* Until it is warm: its own load, and those that wait for a loader before it. */
static int64_t expected_wait(const struct engine *engine, const struct resource *resource)
{
    int64_t before_ns = 0;
    uint32_t at = resource_loading(resource) ? RESOURCE_NONE : engine->queue_first;
    for (int i = 0; at != RESOURCE_NONE && i < QUEUE_LOOKED_AT; i++) {
        const struct resource *other = &engine->resources[at];
        if (other == resource)
            break;
        before_ns = time_add(before_ns, decide_expected_load(engine, other));
        at = other->queue_next;
    }
    uint32_t loaders = engine->loads_running > 0 ? engine->loads_running : 1;
    return time_add(remaining_load(engine, resource), before_ns / loaders);
}

/* Does the fallback begin to answer before it is warm and does? Both are compared with the answer
 * of a warm one, which cancels out. */
static bool fallback_is_sooner(const struct engine *engine, const struct resource *resource,
                               const struct event *event, struct why *why)
{
    int64_t wait_ns = expected_wait(engine, resource);
    int64_t later_ns = event->value < INT64_MAX ? (int64_t)event->value : INT64_MAX;
    *why = (struct why){REASON_SOONER, {wait_ns, later_ns}};
    return later_ns < wait_ns;
}

/* A request for a resource that is not warm: hold it, send it elsewhere or refuse it; and see to
 * the warming. */
static void meet_cold(struct engine *engine, const struct event *event)
{
    struct resource *resource = &engine->resources[event->resource];
    resource->accounts.cold_requests++;
    if (!resource->configured) {
        refuse_one(engine, event, FW_MODEL_UNKNOWN, &(struct why){.reason = REASON_RETIRED});
        return;
    }
    if (resource->state == RESOURCE_FAILED) {
        const struct why why = {REASON_WARM_FAILED, {resource->retry_at_ns - engine->now_ns}};
        refuse_one(engine, event, FW_MODEL_FAILED, &why);
        return;
    }
    bool soonest = resource->settings.on_cold == ON_COLD_SOONEST &&
                   resource->settings.has_fallback && !(event->flags & EVENT_NO_HOLD);
    bool holds = resource->settings.on_cold == ON_COLD_HOLD && !(event->flags & EVENT_NO_HOLD);
    struct why sooner;
    if (soonest && fallback_is_sooner(engine, resource, event, &sooner)) {
        refuse_one(engine, event, FW_MODEL_WARMING, &sooner);
    } else if (!soonest && !holds) {
        const struct why why = {REASON_COLD_POLICY, {remaining_load(engine, resource)}};
        refuse_one(engine, event, FW_MODEL_WARMING, &why);
    } else if (resource->held >= (uint64_t)engine->settings.hold_limit ||
               hold_add(&engine->hold, resource, event->resource, event->request, engine->now_ns) !=
                   FW_OK) {
        const struct why why = {REASON_HOLD_FULL,
                                {resource->held, remaining_load(engine, resource)}};
        refuse_one(engine, event, FW_OVERLOADED, &why);
        return;
    } else {
        resource->accounts.held++;
        if (resource->held == 1) {
            int64_t timeout_ns = resource->settings.hold_timeout_ns == RESOURCE_INHERITS
                                     ? engine->settings.hold_timeout_ns
                                     : resource->settings.hold_timeout_ns;
            engine_set_timer(engine, event->resource, TIMER_HOLD,
                             time_add(engine->now_ns, timeout_ns));
        }
    }
    if (resource->prewarm_open)
        ending_prewarm_hit(
            engine, resource); /* it was being warmed ahead: the request waits for the rest only */
    const struct why why = {REASON_DEMAND, {decide_expected_load(engine, resource)}};
    room_want(engine, event->resource, CAUSE_REQUEST, &why);
}

static void release_one(struct engine *engine, uint32_t number, uint64_t request)
{
    struct action action = {
        .kind = ACTION_RELEASE, .resource = number, .request = request, .reason = REASON_WARM};
    engine_emit(engine, &action);
}

void arrivals_on_request(struct engine *engine, const struct event *event)
{
    uint32_t number = event->resource;
    struct resource *resource = &engine->resources[number];
    if (!(event->flags & EVENT_AGAIN)) {
        dwell_request(engine, number);
        learn_request(engine, number, event);
    }
    if (resource->state == RESOURCE_DRAINING)
        engine_signal(engine, number, SIGNAL_WANT, &(struct why){.reason = REASON_WANTED});
    if (event->flags & EVENT_SERVED) {
        start_request(engine, resource);
    } else if (resource->state == RESOURCE_WARM) {
        start_request(engine, resource);
        release_one(engine, number, event->request);
    } else {
        meet_cold(engine, event);
    }
    decide_settle(engine, number);
    if (event->session != 0 && engine->hinted_count > 0)
        ahead_try(engine);
}

void arrivals_on_end(struct engine *engine, const struct event *event)
{
    struct resource *resource = &engine->resources[event->resource];
    if (resource->in_use == 0)
        return; /* its resource was lost meanwhile, or we restarted */
    engine_set_in_use(engine, resource, resource->in_use - 1);
    int64_t origin_ns =
        engine->now_ns - (int64_t)event->value; /* when it would have ended, had it not waited */
    if (origin_ns > resource->origin_ns)
        resource->origin_ns = origin_ns;
    decide_settle(engine, event->resource);
    room_pump(engine);
}

void arrivals_on_gone(struct engine *engine, const struct event *event)
{
    uint32_t number;
    if (!hold_find(&engine->hold, event->request, &number))
        return; /* its release is on the way: the edge answers that with an END */
    struct resource *resource = &engine->resources[number];
    struct held_request held = hold_remove(&engine->hold, resource, event->request);
    resource->accounts.cancelled++;
    resource->accounts.wait_ns += engine->now_ns - held.at_ns;
}

void arrivals_on_observed(struct engine *engine, const struct event *event)
{
    learn_request(engine, event->resource, event);
    decide_settle(engine, event->resource);
    if (event->session != 0 && engine->hinted_count > 0)
        ahead_try(engine);
}
