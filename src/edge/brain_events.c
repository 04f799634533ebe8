/* SPDX-License-Identifier: MIT
 * Planned events of the configuration, told to the engine as POST /v1/events tells it. */
#include "edge/brain_part.h"
#include <stdio.h>

#define EVENT_SOURCE "config:"

static uint32_t event_source(struct brain *brain, const struct config_event *event)
{
    char name[CONFIG_ID_MAX];
    int len = snprintf(name, sizeof name, EVENT_SOURCE "%s", event->name);
    return brain_source(brain, (struct str){name, (size_t)len});
}

static void tell_event(struct brain *brain, uint32_t resource, uint32_t source, int64_t start_ns,
                       int64_t end_ns, double requests, bool multiplier)
{
    int64_t now_ns = brain_now_ns(brain), from_ns = start_ns > now_ns ? start_ns : now_ns;
    if (!multiplier) /* of what has begun the part to come counts */
        requests *= (double)(end_ns - from_ns) / (double)(end_ns - start_ns);
    const struct event event = {.kind = EVENT_EXPECT,
                                .resource = resource,
                                .source = source,
                                .eta_ns = from_ns - now_ns,
                                .duration_ns = end_ns - from_ns,
                                .probability = requests,
                                .flags = EVENT_PLANNED | (multiplier ? EVENT_MULTIPLIER : 0u)};
    brain_step(brain, &event);
}

void brain_expect(struct brain *brain, uint32_t resource, const struct plan_item *item)
{
    tell_event(brain, resource, brain_source(brain, str_of(item->name)), item->start_ns,
               item->end_ns, item->requests, item->multiplier);
}

static bool is_of(const struct config *config, const struct config_event *event, uint32_t at)
{
    const struct config_resource *resource = &config->resources[at];
    if (!event->resource || str_equal(str_of(event->resource), str_of(resource->id)))
        return true;
    for (uint32_t i = 0; i < resource->alias_count; i++)
        if (str_equal(str_of(event->resource), str_of(resource->aliases[i])))
            return true;
    return false;
}

/* What an earlier configuration had planned. */
static void take_back_events(struct brain *brain)
{
    struct planned_event event;
    for (uint32_t i = 0; engine_planned(brain->engine, i, &event);) {
        const char *source = brain_source_name(brain, event.source);
        uint32_t next = i + 1;
        if (source && str_starts(str_of(source), STR(EVENT_SOURCE)) &&
            event.from_ns > brain_now_ns(brain)) {
            struct planned_event other;
            tell_event(brain, event.resource, event.source, event.from_ns, event.to_ns, 0, false);
            bool stays = engine_planned(brain->engine, i, &other) &&
                         other.resource == event.resource && other.source == event.source &&
                         other.from_ns == event.from_ns;
            next = stays ? i + 1 : 0; /* timers may have fired: begin again */
        }
        i = next;
    }
}

void brain_plan_events(struct brain *brain, const struct config *config)
{
    int64_t now_ns = brain_now_ns(brain);
    take_back_events(brain);
    for (uint32_t i = 0; i < config->event_count; i++) {
        const struct config_event *event = &config->events[i];
        if (event->end_ns <= now_ns || (brain->events_planned && event->start_ns <= now_ns))
            continue;
        uint32_t source = event_source(brain, event);
        for (uint32_t j = 0; j < config->resource_count; j++)
            if (is_of(config, event, j))
                tell_event(brain, engine_resource(brain->engine, str_of(config->resources[j].id)),
                           source, event->start_ns, event->end_ns, event->requests,
                           event->multiplier);
    }
    brain->events_planned = true;
}
