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
#define LOOK_NS       TIME_HOUR /* before it begins: how long loads take is looked at again then */
#define LOOK_LEADS    4         /* or so many loads before, if that is longer */
#define SAME_NS       TIME_SECOND /* starts closer than that are of the same event */
#define PATIENCE      2.0         /* cold starts' worth of waiting for the first request */
#define CERTAIN       0.98        /* as sure as a source's word is ever taken to be */

/* When to begin to load: so that it is loaded when it begins, as loads go. */
static int64_t lead_ns_of(const struct engine *engine, const struct planned *planned)
{
    const struct resource *resource = &engine->resources[planned->resource];
    int64_t expected_ns = decide_expected_load(engine, resource);
    int64_t load_ns = load_times_quantile(&resource->loads, LEAD_QUANTILE, expected_ns);
    return load_ns > expected_ns ? load_ns : expected_ns;
}

/* When to wake up for it; what loads take may have changed by then. */
static int64_t wake_at(const struct engine *engine, const struct planned *planned)
{
    int64_t lead_ns = lead_ns_of(engine, planned), look_ns = lead_ns;
    for (int i = 1; i < LOOK_LEADS; i++)
        look_ns = time_add(look_ns, lead_ns);
    if (look_ns < LOOK_NS)
        look_ns = LOOK_NS;
    if (planned->from_ns - engine->now_ns <= look_ns)
        look_ns = lead_ns;
    int64_t wake_ns = planned->from_ns > look_ns ? planned->from_ns - look_ns : 0;
    return wake_ns > engine->now_ns ? wake_ns : engine->now_ns;
}

static void remove_at(struct engine *engine, uint32_t at)
{
    engine->planned_count--;
    memmove(engine->planned + at, engine->planned + at + 1,
            (engine->planned_count - at) * sizeof *engine->planned);
}

/* What a source said before of the same event. */
static void take_back(struct engine *engine, const struct planned *planned)
{
    for (uint32_t i = engine->planned_count; i-- > 0;) {
        const struct planned *other = &engine->planned[i];
        int64_t apart_ns = other->from_ns - planned->from_ns;
        if (other->resource == planned->resource && other->source == planned->source &&
            apart_ns > -SAME_NS && apart_ns < SAME_NS)
            remove_at(engine, i);
    }
}

static void insert(struct engine *engine, const struct planned *planned)
{
    uint32_t at = engine->planned_count++;
    for (; at > 0 && engine->planned[at - 1].wake_ns > planned->wake_ns; at--)
        engine->planned[at] = engine->planned[at - 1];
    engine->planned[at] = *planned;
}

/* The usual number is known better when it is time to load than when it was announced. */
static double requests_of(const struct engine *engine, const struct planned *planned)
{
    const struct daily *daily = engine->resources[planned->resource].daily;
    if (!planned->multiplier)
        return planned->requests;
    double usual = daily ? daily_rate(daily, planned->from_ns) *
                               time_to_seconds(planned->to_ns - planned->from_ns)
                         : 0;
    double requests = planned->requests * usual;
    return requests < EXPECT_REQUESTS_MAX ? requests : EXPECT_REQUESTS_MAX;
}

static void plan_event(struct engine *engine, const struct event *event)
{
    struct planned planned = {.from_ns = time_add(engine->now_ns, event->eta_ns),
                              .resource = event->resource,
                              .source = event->source,
                              .requests = event->probability,
                              .multiplier = (event->flags & EVENT_MULTIPLIER) != 0};
    take_back(engine, &planned);
    if (!(planned.requests > 0))
        return;
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
    planned.to_ns = time_add(planned.from_ns, event->duration_ns);
    planned.wake_ns = wake_at(engine, &planned);
    insert(engine, &planned);
}

void expected_hear(struct engine *engine, const struct event *event)
{
    const struct policy_ops *ops = engine->policy->ops;
    if (!(event->probability >= 0 && event->probability <= EXPECT_REQUESTS_MAX) ||
        event->eta_ns < 0 || event->duration_ns <= 0)
        return; /* says nothing */
    if (event->flags & EVENT_PLANNED) {
        plan_event(engine, event);
        return;
    }
    int64_t from_ns = time_add(engine->now_ns, event->eta_ns);
    double requests = event->probability;
    const struct daily *daily = engine->resources[event->resource].daily;
    if (event->flags & EVENT_MULTIPLIER)
        requests *= daily ? daily_rate(daily, from_ns) * time_to_seconds(event->duration_ns) : 0;
    if (!(requests <= EXPECT_REQUESTS_MAX))
        requests = EXPECT_REQUESTS_MAX;
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

/* For how long from its begin the first request is waited for. A cold start is worth S warm
 * seconds: for as long as that has not been spent, whatever is expected; and where requests at the
 * expected rate pay, for as long as they still would, given that the event may not happen at all:
 * silence for t leaves odds of o exp(-rate t). */
static double patience_s(const struct engine *engine, const struct planned *planned)
{
    const struct resource *resource = &engine->resources[planned->resource];
    const struct engine_settings *settings = &engine->settings;
    double span_s = time_to_seconds(planned->to_ns - planned->from_ns),
           rate = planned->requests / span_s,
           start_s =
               time_to_seconds(decide_expected_load(engine, resource)) * (1 + settings->wait_price),
           probability = hints_believed(engine, planned->source, 1 - decay_exp(-planned->requests));
    if (settings->idle_price <= 0)
        return span_s;
    double even_s = start_s / settings->idle_price, patience = PATIENCE * even_s;
    if (probability > CERTAIN)
        probability = CERTAIN;
    if (rate * even_s > 1) {
        double odds = probability / (1 - probability) * (rate * even_s - 1);
        double pays_s = odds > 1 ? decay_log(odds) / rate : 0;
        patience = pays_s > patience ? pays_s : patience;
    }
    return patience < span_s ? patience : span_s;
}

/* It is time to load: a hint, whose wait lasts while waiting for the first request pays. */
void expected_fire(struct engine *engine)
{
    struct planned planned = engine->planned[0];
    const struct resource *resource = &engine->resources[planned.resource];
    remove_at(engine, 0);
    planned.wake_ns = wake_at(engine, &planned);
    if (planned.wake_ns > engine->now_ns) {
        insert(engine, &planned);
        return;
    }
    planned.requests = requests_of(engine, &planned);
    /* Its source's word is for the begin; the hint is for a load that begins now. */
    int64_t until_ns = planned.from_ns > engine->now_ns ? planned.from_ns - engine->now_ns : 0;
    int64_t load_ns = decide_expected_load(engine, resource),
            eta_ns = until_ns < load_ns ? until_ns : load_ns,
            patience_ns = time_from_seconds(patience_s(engine, &planned));
    const struct event hint = {.kind = EVENT_HINT,
                               .at_ns = engine->now_ns,
                               .resource = planned.resource,
                               .source = planned.source,
                               .probability = 1 - decay_exp(-planned.requests),
                               .duration_ns = time_add(patience_ns, until_ns - eta_ns),
                               .eta_ns = eta_ns};
    hints_hear_planned(engine, &hint, &planned);
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
        code_bool(coder, &planned->multiplier);
        if (planned->resource >= engine->resource_count || planned->wake_ns < before_ns ||
            planned->from_ns < 0 || planned->to_ns < planned->from_ns ||
            !(planned->requests >= 0 && planned->requests <= EXPECT_REQUESTS_MAX))
            coder_fail(coder);
        before_ns = planned->wake_ns;
    }
}

static struct planned_event event_of(const struct engine *engine, uint32_t resource,
                                     uint32_t source, int64_t from_ns, int64_t to_ns,
                                     double requests)
{
    double earned_s = source < engine->source_count ? (double)engine->sources[source].earned : 0;
    return (struct planned_event){
        .from_ns = from_ns,
        .to_ns = to_ns,
        .requests = requests,
        .resource = resource,
        .source = source,
        .earned_s = earned_s,
        .silent = hints_is_silent(engine, &engine->resources[resource], source)};
}

bool engine_planned(const struct engine *engine, uint32_t at, struct planned_event *event)
{
    if (at >= engine->planned_count)
        return false;
    const struct planned *planned = &engine->planned[at];
    *event = event_of(engine, planned->resource, planned->source, planned->from_ns, planned->to_ns,
                      requests_of(engine, planned));
    return true;
}

bool engine_planned_open(const struct engine *engine, uint32_t resource,
                         struct planned_event *event)
{
    const struct open_hint *hint = engine->resources[resource].hint;
    if (!resource_hinted(&engine->resources[resource]) || !hints_is_planned(hint))
        return false;
    *event = event_of(engine, resource, hint->source, hint->numbers[0], hint->numbers[1],
                      (double)hint->numbers[2]);
    return true;
}

size_t engine_signals(const struct engine *engine, uint32_t resource, struct policy_signal *signals)
{
    const struct policy_ops *ops = engine->policy->ops;
    return ops->signals ? ops->signals(engine->policy, resource, signals) : 0;
}
