/* SPDX-License-Identifier: MIT
 * What the plan asks for now: keep, let go, warm ahead, or look again later. */
#include "core/state.h"

int64_t decide_cold_load(const struct engine *engine, const struct resource *resource)
{
    const struct load_times *loads = &resource->loads;
    bool configured = resource->settings.load_time_ns != RESOURCE_INHERITS;
    int64_t median_ns = load_times_median(loads, configured ? resource->settings.load_time_ns
                                                            : engine->settings.load_time_ns);
    if (!configured && loads->count == 0 && engine->devices.named) {
        int64_t read_ns = place_load_time(engine, resource);
        if (read_ns > 0)
            return read_ns;
    }
    if (configured) /* people know what is special about it */
        return median_ns;
    if (loads->count == 0)
        return load_law_general(&engine->load_law, median_ns);
    return load_law_expected(&engine->load_law, loads->count, median_ns,
                             (double)loads->median_log_s);
}

int64_t decide_expected_load(const struct engine *engine, const struct resource *resource)
{
    if (!resource->levels)
        return decide_cold_load(engine, resource);
    bool warm = resource->state == RESOURCE_WARM || resource->state == RESOURCE_DRAINING;
    uint8_t level = warm ? rest_fall(engine, resource) : resource->level;
    return level > 0 ? levels_load(engine, resource, level) : decide_cold_load(engine, resource);
}

int64_t decide_lead(const struct engine *engine, const struct resource *resource)
{
    return load_law_lead(&engine->load_law, decide_expected_load(engine, resource));
}

static struct policy_request request_of(const struct engine *engine, uint32_t number, bool ready,
                                        int64_t gap_ns)
{
    const struct resource *resource = &engine->resources[number];
    return (struct policy_request){number, resource->last_request_ns, gap_ns,
                                   decide_expected_load(engine, resource), ready};
}

static void take_plan(struct engine *engine, struct resource *resource,
                      const struct policy_request *request)
{
    struct keep_plan plan;
    plan.count = 0;
    plan.cold_cost_ns = 0;
    if (!engine->policy->ops->plan(engine->policy, request, &plan))
        resource->plan.next = 0; /* the plan in force stays; its ages count anew */
    else if (plan_store_set(&resource->plan, &plan) != FW_OK)
        engine_fail(engine, FW_NOMEM);
}

void decide_replan(struct engine *engine, uint32_t number, bool ready, int64_t gap_ns)
{
    const struct policy_request request = request_of(engine, number, ready, gap_ns);
    engine->policy->ops->request(engine->policy, &request);
    take_plan(engine, &engine->resources[number], &request);
}

/* Looks again at `deadline_ns`. An earlier look that is due anyway will set the later one: moving
 * the timer at every request would cost more than one look that finds nothing to do. */
void decide_look_again(struct engine *engine, uint32_t number, int64_t deadline_ns)
{
    int64_t set_ns;
    bool set = heap_get(&engine->timers, number * TIMERS + TIMER_PLAN, &set_ns);
    if (set && set_ns > engine->now_ns && set_ns <= deadline_ns)
        return;
    engine_set_timer(engine, number, TIMER_PLAN, deadline_ns);
}

int64_t decide_window_at(const struct engine *engine, const struct resource *resource,
                         const struct plan_window *window)
{
    return time_add(resource->last_request_ns, window->start_ns) - decide_lead(engine, resource);
}

/* Until when the plan wants a warm resource to stay; in the past if it does not. */
static int64_t keep_until(struct engine *engine, struct resource *resource)
{
    int64_t age_ns = engine->now_ns - resource->origin_ns;
    int64_t until_ns = resource->protect_until_ns;
    if (resource->last_request_ns < 0)
        return until_ns;
    plan_store_pass(&resource->plan, age_ns);
    const struct plan_window *window = plan_store_window(&resource->plan, resource->plan.next);
    if (!window)
        return until_ns;
    /* Letting go now would only mean to begin loading again at once. */
    bool begins = decide_window_at(engine, resource, window) <= engine->now_ns;
    int64_t plan_ns = begins ? time_add(resource->origin_ns, window->end_ns) : 0;
    return plan_ns > until_ns ? plan_ns : until_ns;
}

static bool keeps_for_good(const struct engine *engine, const struct resource *resource)
{
    if (!resource->configured)
        return false;
    return resource->pinned || (engine->policy->ops->keeps_while_free && engine->limited);
}

static void settle_warm(struct engine *engine, uint32_t number)
{
    struct resource *resource = &engine->resources[number];
    if (resource->in_use > 0 || keeps_for_good(engine, resource))
        return;
    int64_t until_ns = resource->configured ? keep_until(engine, resource) : 0;
    if (until_ns <= engine->now_ns && !resource->prewarm_open)
        until_ns = hints_keep(engine, number);
    if (until_ns > engine->now_ns) {
        decide_look_again(engine, number, until_ns);
        return;
    }
    struct why why = {REASON_KEEP_END,
                      {engine->now_ns - resource->origin_ns, resource->plan.cold_cost_ns}};
    if (!resource->configured)
        why = (struct why){.reason = REASON_RETIRED};
    else if (why.numbers[1] == 0) /* a policy that weighs nothing: ttl, cold, median, lru */
        why.reason = REASON_KEPT;
    if (resource->configured && resource->prewarm_open)
        why = (struct why){REASON_PREWARM_EXPIRED, {engine->now_ns - resource->proven_at_ns}};
    room_let_go(engine, number, &why);
}

static void settle_cold(struct engine *engine, uint32_t number)
{
    struct resource *resource = &engine->resources[number];
    if (!resource->configured || resource->queued)
        return;
    if (resource->pinned) {
        room_want(engine, number, CAUSE_PIN, &(struct why){.reason = REASON_PINNED});
        return;
    }
    if (!engine->settings.enable_prewarming || resource->last_request_ns < 0)
        return;
    if (engine->values)
        return; /* what shares memory is loaded ahead by comparison: ahead.c */
    int64_t age_ns = engine->now_ns - resource->origin_ns;
    const struct plan_window *window;
    plan_store_pass(&resource->plan, age_ns);
    while ((window = plan_store_window(&resource->plan, resource->plan.next)) != NULL) {
        int64_t begin_ns = decide_window_at(engine, resource, window);
        if (begin_ns > engine->now_ns) {
            decide_look_again(engine, number, begin_ns);
            return;
        }
        /* A window that means to keep what is no longer there is over; the next one may load it
         * ahead. */
        if (window->start_ns > 0) {
            if (restraint_gives_way(engine, number, CAUSE_PLAN)) {
                decide_look_again(engine, number, restraint_again_ns(engine, number));
                return;
            }
            const struct why why = {REASON_PLAN_WINDOW,
                                    {window->start_ns, decide_lead(engine, resource)}};
            room_want(engine, number, CAUSE_PLAN, &why);
            if (!resource_absent(resource))
                return;
        }
        resource->plan.next++;
    }
}

void decide_settle(struct engine *engine, uint32_t number)
{
    if (engine->resources[number].state == RESOURCE_WARM)
        settle_warm(engine, number);
    else if (resource_absent(&engine->resources[number]))
        settle_cold(engine, number);
    if (!engine->resources[number].levels)
        return;
    if (engine->resources[number].state == RESOURCE_HALF)
        rest_settle(engine, number);
    else
        rest_settle_cold(engine, number);
}

/* ---- what a policy asks for by its own timer ---- */

static bool sink_is_warm(void *context, uint32_t number)
{
    const struct engine *engine = context;
    const struct resource *resource = &engine->resources[number];
    return resource->queued || (!resource_absent(resource) && resource->state != RESOURCE_FAILED);
}

static void sink_prewarm(void *context, const struct policy_order *order)
{
    struct engine *engine = context;
    struct resource *resource = &engine->resources[order->resource];
    if (!engine->settings.enable_prewarming || !resource->configured || !resource_absent(resource))
        return;
    const struct why why = {REASON_MEDIAN, {order->numbers[0], order->numbers[1]}};
    room_want(engine, order->resource, CAUSE_PLAN, &why);
    if (resource->state == RESOURCE_WARMING)
        resource->protect_until_ns =
            TIME_NEVER; /* until it is used, or the policy's tick says it expired */
}

static void sink_expire(void *context, uint32_t number)
{
    struct engine *engine = context;
    struct resource *resource = &engine->resources[number];
    if (!resource->prewarm_open || resource->cause != CAUSE_PLAN)
        return;
    resource->protect_until_ns = 0;
    decide_settle(engine, number);
}

static void sink_replan(void *context, uint32_t number)
{
    struct engine *engine = context;
    struct resource *resource = &engine->resources[number];
    const struct policy_request request =
        request_of(engine, number, true, resource->previous_gap_ns);
    take_plan(engine, resource, &request);
    decide_settle(engine, number);
}

void decide_fire_policy(struct engine *engine)
{
    const struct policy_sink sink = {engine, sink_is_warm, sink_prewarm, sink_expire, sink_replan};
    engine->policy->ops->fire(engine->policy, engine->now_ns, &sink);
}
