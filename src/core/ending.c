/* SPDX-License-Identifier: MIT
 * How holding ends (released, sent elsewhere, refused, timed out) and how warming ahead ends (used
 * or not). */
#include "core/state.h"
#include "base/check.h"

/* Waiting counts as regret when keeping the resource warm since its last request would have cost
 * less. */
static bool keeping_was_cheaper(const struct engine *engine, const struct resource *resource,
                                int64_t wait_ns)
{
    if (resource->previous_gap_ns < 0)
        return false;
    double keep = (double)resource->previous_gap_ns * engine->settings.idle_price;
    double cold = (double)decide_expected_load(engine, resource) +
                  (double)wait_ns * engine->settings.wait_price;
    return keep < cold;
}

void ending_release(struct engine *engine, uint32_t number)
{
    struct resource *resource = &engine->resources[number];
    int64_t waited_ns = 0;
    resource_account(resource, engine->now_ns);
    while (resource->held > 0) {
        struct held_request held = hold_take(&engine->hold, resource);
        struct action action = {.kind = ACTION_RELEASE,
                                .resource = number,
                                .request = held.request,
                                .reason = REASON_WARM,
                                .numbers = {engine->now_ns - held.at_ns}};
        waited_ns += engine->now_ns - held.at_ns;
        resource->in_use++;
        resource->accounts.released++;
        engine_emit(engine, &action);
    }
    if (resource->in_use > 0)
        resource->idle_since_ns = -1;
    resource->accounts.wait_ns += waited_ns;
    if (waited_ns > 0 && keeping_was_cheaper(engine, resource, waited_ns))
        resource->accounts.regret_ns += waited_ns;
    engine_set_timer(engine, number, TIMER_HOLD, TIME_NEVER);
}

static void turn_away_one(struct engine *engine, uint32_t number, enum fw_err status,
                          const struct why *why)
{
    struct resource *resource = &engine->resources[number];
    struct held_request held = hold_take(&engine->hold, resource);
    struct action action = {.kind = ACTION_REFUSE,
                            .resource = number,
                            .request = held.request,
                            .reason = why->reason,
                            .status = status};
    memcpy(action.numbers, why->numbers, sizeof action.numbers);
    resource->accounts.wait_ns += engine->now_ns - held.at_ns;
    if (resource->settings.has_fallback) {
        action.kind = ACTION_FALLBACK;
        action.status = FW_OK;
        resource->accounts.fallbacks++;
    } else {
        resource->accounts.refused++;
    }
    engine_emit(engine, &action);
}

void ending_turn_away(struct engine *engine, uint32_t number, enum fw_err status,
                      const struct why *why)
{
    while (engine->resources[number].held > 0)
        turn_away_one(engine, number, status, why);
    engine_set_timer(engine, number, TIMER_HOLD, TIME_NEVER);
}

void ending_hold_timeout(struct engine *engine, uint32_t number)
{
    struct resource *resource = &engine->resources[number];
    int64_t timeout_ns = resource->settings.hold_timeout_ns == RESOURCE_INHERITS
                             ? engine->settings.hold_timeout_ns
                             : resource->settings.hold_timeout_ns;
    const struct held_request *first;
    while ((first = hold_first(&engine->hold, resource)) != NULL) {
        int64_t deadline_ns = time_add(first->at_ns, timeout_ns);
        if (deadline_ns > engine->now_ns) {
            engine_set_timer(engine, number, TIMER_HOLD, deadline_ns);
            return;
        }
        const struct why why = {REASON_HOLD_TIMEOUT, {engine->now_ns - first->at_ns}};
        turn_away_one(engine, number, FW_MODEL_WARMING, &why);
    }
    room_pump(engine); /* perhaps nobody waits for it any more */
}

void ending_prewarm_hit(struct engine *engine, struct resource *resource)
{
    (void)engine;
    CHECK(resource->prewarm_open);
    resource->prewarm_open = false;
    resource->protect_until_ns = 0; /* from here on the plan decides */
    resource->accounts.prewarm_hit++;
}

void ending_prewarm_expired(struct engine *engine, struct resource *resource)
{
    CHECK(resource->prewarm_open);
    resource->prewarm_open = false;
    resource->protect_until_ns = 0;
    resource->accounts.prewarm_expired++;
    resource->accounts.prewarm_wasted_ns += engine->now_ns - resource->proven_at_ns;
    if (resource->cause == CAUSE_HINT || resource->cause == CAUSE_PAGE)
        resource->cooldown_until_ns = time_add(engine->now_ns, engine->settings.cooldown_ns);
}
