/* SPDX-License-Identifier: MIT
 * What somebody expects: a forecast goes to the policy, which judges it by what it would have
 * saved; a planned event waits here and becomes a hint of its source when it is time to load, so
 * that it is believed as much as its source has been right, and works for what was never asked for
 * before. */
#include "core/state.h"
#include "core/coder.h"
#include "learn/decay.h"
#include <stdlib.h>

#define LEAD_QUANTILE 0.9
#define LOOKS         4 /* an event is over when its first request is this many mean gaps late */

/* When to wake up for it: so that it is loaded when it begins, as loads go. */
static int64_t wake_at(const struct engine *engine, const struct planned *planned)
{
    const struct resource *resource = &engine->resources[planned->resource];
    int64_t expected_ns = decide_expected_load(engine, resource);
    int64_t load_ns = load_times_quantile(&resource->loads, LEAD_QUANTILE, expected_ns);
    int64_t lead_ns = load_ns > expected_ns ? load_ns : expected_ns;
    return planned->from_ns > lead_ns ? planned->from_ns - lead_ns : 0;
}

static void remove_first(struct engine *engine)
{
    engine->planned_count--;
    memmove(engine->planned, engine->planned + 1, engine->planned_count * sizeof *engine->planned);
}

static void insert(struct engine *engine, const struct planned *planned)
{
    uint32_t at = engine->planned_count++;
    for (; at > 0 && engine->planned[at - 1].wake_ns > planned->wake_ns; at--)
        engine->planned[at] = engine->planned[at - 1];
    engine->planned[at] = *planned;
}

static void plan_event(struct engine *engine, const struct event *event, double requests)
{
    if (engine->planned_count == PLANNED_MAX) {
        engine_fail(engine, FW_LIMIT);
        return;
    }
    if (!engine->planned)
        engine->planned = calloc(PLANNED_MAX, sizeof *engine->planned);
    if (!engine->planned) {
        engine_fail(engine, FW_NOMEM);
        return;
    }
    struct planned planned = {.from_ns = time_add(engine->now_ns, event->eta_ns),
                              .resource = event->resource,
                              .source = event->source,
                              .requests = requests};
    planned.to_ns = time_add(planned.from_ns, event->duration_ns);
    planned.wake_ns = wake_at(engine, &planned);
    if (planned.wake_ns < engine->now_ns)
        planned.wake_ns = engine->now_ns;
    insert(engine, &planned);
}

void expected_hear(struct engine *engine, const struct event *event)
{
    const struct policy_ops *ops = engine->policy->ops;
    if (!(event->probability >= 0 && event->probability <= EXPECT_REQUESTS_MAX) ||
        event->eta_ns < 0 || event->duration_ns <= 0)
        return; /* says nothing */
    int64_t from_ns = time_add(engine->now_ns, event->eta_ns);
    double requests = event->probability;
    const struct daily *daily = engine->resources[event->resource].daily;
    if (event->flags & EVENT_MULTIPLIER)
        requests *= daily ? daily_rate(daily, from_ns) * time_to_seconds(event->duration_ns) : 0;
    if (!(requests <= EXPECT_REQUESTS_MAX))
        requests = EXPECT_REQUESTS_MAX;
    if (event->flags & EVENT_PLANNED) {
        plan_event(engine, event, requests);
        return;
    }
    const struct policy_expect expect = {event->resource,
                                         event->source,
                                         engine->now_ns,
                                         from_ns,
                                         time_add(from_ns, event->duration_ns),
                                         requests};
    if (ops->expect && expect.to_ns != TIME_NEVER)
        engine_fail(engine, ops->expect(engine->policy, &expect));
}

int64_t expected_deadline(const struct engine *engine)
{
    return engine->planned_count > 0 ? engine->planned[0].wake_ns : TIME_NEVER;
}

/* It is time to load: a hint, whose wait lasts while the first request may still come; to the end,
 * where so many are expected that staying pays. */
void expected_fire(struct engine *engine)
{
    struct planned planned = engine->planned[0];
    const struct resource *resource = &engine->resources[planned.resource];
    double span_s = time_to_seconds(planned.to_ns - planned.from_ns),
           load_s = time_to_seconds(decide_expected_load(engine, resource)),
           patience_s = LOOKS * span_s / (planned.requests + 1);
    remove_first(engine);
    if (planned.requests * load_s * (1 + engine->settings.wait_price) >
            engine->settings.idle_price * span_s ||
        patience_s > span_s)
        patience_s = span_s;
    /* Its source's word is for the begin; the hint is for a load that begins now. */
    int64_t until_ns = planned.from_ns > engine->now_ns ? planned.from_ns - engine->now_ns : 0;
    int64_t load_ns = time_from_seconds(load_s), eta_ns = until_ns < load_ns ? until_ns : load_ns;
    const struct event hint = {.kind = EVENT_HINT,
                               .at_ns = engine->now_ns,
                               .resource = planned.resource,
                               .source = planned.source,
                               .probability = 1 - decay_exp(-planned.requests),
                               .duration_ns =
                                   time_add(time_from_seconds(patience_s), until_ns - eta_ns),
                               .eta_ns = eta_ns};
    hints_hear(engine, &hint);
}

void expected_code(struct engine *engine, struct coder *coder)
{
    code_count(coder, &engine->planned_count, PLANNED_MAX);
    if (coder->in && engine->planned_count > 0 &&
        !(engine->planned = calloc(PLANNED_MAX, sizeof *engine->planned)))
        coder_fail(coder);
    int64_t before_ns = 0;
    for (uint32_t i = 0; i < engine->planned_count && !coder_failed(coder); i++) {
        struct planned *planned = &engine->planned[i];
        code_i64(coder, &planned->wake_ns);
        code_i64(coder, &planned->from_ns);
        code_i64(coder, &planned->to_ns);
        code_u32(coder, &planned->resource);
        code_u32(coder, &planned->source);
        code_double(coder, &planned->requests);
        if (planned->resource >= engine->resource_count || planned->wake_ns < before_ns ||
            planned->from_ns < 0 || planned->to_ns < planned->from_ns ||
            !(planned->requests >= 0 && planned->requests <= EXPECT_REQUESTS_MAX))
            coder_fail(coder);
        before_ns = planned->wake_ns;
    }
}

size_t engine_signals(const struct engine *engine, uint32_t resource, struct policy_signal *signals)
{
    const struct policy_ops *ops = engine->policy->ops;
    return ops->signals ? ops->signals(engine->policy, resource, signals) : 0;
}
