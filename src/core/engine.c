/* SPDX-License-Identifier: MIT
 * The step: timers that are due, each at its own deadline; then the event. Events are handled in
 * arrivals.c (requests), reports.c (what became of warm-ups) and wishes.c (people); what follows is
 * decided in decide.c (plans), room.c (memory), hints.c and ending.c, and leaves as actions through
 * transition.c. */
#include "core/state.h"
#include "base/check.h"
#include "base/fetch.h"

typedef void handler_fn(struct engine *engine, const struct event *event);

struct handler {
    handler_fn *handle;
    bool reports;       /* speaks of an attempt: a stale one is ignored */
    uint32_t in_states; /* a bit each */
};

#define IN(state) (1u << (state))
#define LOADING   (IN(RESOURCE_WARMING) | IN(RESOURCE_VERIFYING))
/* clang-format off */
static const struct handler handlers[EVENT_KIND_COUNT] = {
    [EVENT_TIME]     = {NULL, false, 0},
    [EVENT_RESOURCE] = {wishes_on_resource, false, 0},
    [EVENT_RETIRE]   = {wishes_on_retire, false, 0},
    [EVENT_REQUEST]  = {arrivals_on_request, false, 0},
    [EVENT_END]      = {arrivals_on_end, false, 0},
    [EVENT_GONE]     = {arrivals_on_gone, false, 0},
    [EVENT_LOADED]   = {reports_on_loaded, true, IN(RESOURCE_WARMING)},
    [EVENT_PROVEN]   = {reports_on_proven, true, LOADING},
    [EVENT_FAILED]   = {reports_on_failed, true, LOADING | IN(RESOURCE_RAISING)},
    [EVENT_DRAINED]  = {reports_on_drained, true, IN(RESOURCE_DRAINING)},
    [EVENT_UNLOADED] = {reports_on_unloaded, true, IN(RESOURCE_UNLOADING) | IN(RESOURCE_LOWERING)},
    [EVENT_LOST]     = {reports_on_lost, false, 0},
    [EVENT_FOUND]    = {reports_on_found, false, 0},
    [EVENT_HINT]     = {hints_hear, false, 0},
    [EVENT_WARM]     = {wishes_on_warm, false, 0},
    [EVENT_UNLOAD]   = {wishes_on_unload, false, 0},
    [EVENT_PIN]      = {wishes_on_pin, false, 0},
    [EVENT_UNPIN]    = {wishes_on_pin, false, 0},
    [EVENT_OBSERVED] = {arrivals_on_observed, false, 0},
    [EVENT_EXPECT]   = {expected_hear, false, 0},
    [EVENT_SIZED]    = {reports_on_sized, false, 0},
    [EVENT_DOUBTED]  = {reports_on_doubted, false, 0},
    [EVENT_RAISED]   = {reports_on_raised, true, IN(RESOURCE_RAISING) | IN(RESOURCE_UNLOADING)},
};
/* clang-format on */

static void handle(struct engine *engine, const struct event *event)
{
    engine->rest_gathered = false;
    const struct handler *handler = &handlers[event->kind];
    if (!handler->handle)
        return;
    if (event->kind != EVENT_RESOURCE)
        CHECK(event->resource < engine->resource_count);
    if (handler->reports) {
        const struct resource *resource = &engine->resources[event->resource];
        if (!(handler->in_states & IN(resource->state)) || event->attempt != resource->attempt)
            return; /* an answer to something that is over */
    }
    handler->handle(engine, event);
}

static void fetch_resource(const struct engine *engine, uint32_t number)
{
    fetch(&engine->resources[number], sizeof *engine->resources);
}

/* What handling the event will read, before the timers that are due take their turn. */
static void fetch_for(const struct engine *engine, const struct event *event)
{
    const struct policy_ops *ops = engine->policy->ops;
    if (event->kind == EVENT_TIME || event->resource >= engine->resource_count)
        return;
    fetch_resource(engine, event->resource);
    if (event->kind != EVENT_REQUEST)
        return;
    fetch(engine->resources[event->resource].daily, sizeof(struct daily));
    heap_fetch(&engine->timers, event->resource * TIMERS + TIMER_PLAN);
    history_fetch(&engine->history, event->resource);
    if (ops->fetch)
        ops->fetch(engine->policy, event->resource);
}

static void fire_timer(struct engine *engine, uint32_t id)
{
    uint32_t number = id / TIMERS, next;
    int64_t next_ns;
    heap_remove(&engine->timers, id);
    if (heap_min(&engine->timers, &next, &next_ns))
        fetch_resource(engine, next / TIMERS);
    switch ((enum timer)(id % TIMERS)) {
    case TIMER_PLAN:
        decide_settle(engine, number);
        break;
    case TIMER_HOLD:
        ending_hold_timeout(engine, number);
        break;
    case TIMER_RETRY:
        engine_signal(engine, number, SIGNAL_RETRY, &(struct why){.reason = REASON_LIFECYCLE});
        decide_settle(engine, number);
        break;
    case TIMER_HINT:
        hints_fire(engine, number);
        break;
    case TIMERS:
        CHECK(!"a timer's number");
    }
}

static int64_t policy_deadline(const struct engine *engine)
{
    const struct policy_ops *ops = engine->policy->ops;
    return ops->deadline ? ops->deadline(engine->policy) : TIME_NEVER;
}

int64_t engine_next_deadline(const struct engine *engine)
{
    uint32_t id;
    int64_t deadline_ns = TIME_NEVER, policy_ns = policy_deadline(engine);
    (void)heap_min(&engine->timers, &id, &deadline_ns);
    if (engine->ahead_at_ns < deadline_ns)
        deadline_ns = engine->ahead_at_ns;
    if (engine->dwell.look_at_ns < deadline_ns)
        deadline_ns = engine->dwell.look_at_ns;
    if (expected_deadline(engine) < deadline_ns)
        deadline_ns = expected_deadline(engine);
    return policy_ns < deadline_ns ? policy_ns : deadline_ns;
}

/* Fires what is due first, if that is no later than `until_ns`. Of the same instant: a policy's
 * timer, then the look ahead, then what was planned, then what stays long enough, then the
 * resources'.
 */
static bool fire_next(struct engine *engine, int64_t until_ns)
{
    uint32_t id = 0;
    int64_t timer_ns = TIME_NEVER, policy_ns = policy_deadline(engine),
            ahead_ns = engine->ahead_at_ns, expected_ns = expected_deadline(engine),
            dwell_ns = engine->dwell.look_at_ns;
    (void)heap_min(&engine->timers, &id, &timer_ns);
    int64_t next_ns = policy_ns < ahead_ns ? policy_ns : ahead_ns;
    next_ns = timer_ns < next_ns ? timer_ns : next_ns;
    next_ns = expected_ns < next_ns ? expected_ns : next_ns;
    next_ns = dwell_ns < next_ns ? dwell_ns : next_ns;
    if (next_ns > until_ns || next_ns == TIME_NEVER)
        return false;
    if (next_ns > engine->now_ns)
        engine->now_ns = next_ns;
    engine->rest_gathered = false;
    if (policy_ns == next_ns)
        decide_fire_policy(engine);
    else if (ahead_ns == next_ns)
        ahead_fire(engine);
    else if (expected_ns == next_ns)
        expected_fire(engine);
    else if (dwell_ns == next_ns)
        room_pump(engine);
    else
        fire_timer(engine, id);
    pressure_note(engine);
    return true;
}

enum fw_err engine_step(struct engine *engine, const struct event *event,
                        struct action_list *actions)
{
    CHECK(event->at_ns >= engine->now_ns && event->kind < EVENT_KIND_COUNT);
    engine->actions = actions;
    engine->step_err = FW_OK;
    fetch_for(engine, event);
    while (fire_next(engine, event->at_ns)) {
    }
    engine->now_ns = event->at_ns;
    handle(engine, event);
    pressure_note(engine);
    engine->actions = NULL;
    return engine->step_err;
}
