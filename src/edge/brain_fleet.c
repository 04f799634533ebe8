/* SPDX-License-Identifier: MIT
 * What the brain tells other forewarms and hears from them. */
#include "base/check.h"
#include "edge/brain_part.h"
#include "edge/log.h"

/* Every arrival that was seen here, once; what others told is not told on. */
void brain_tell(struct brain *brain, const struct event *event)
{
    if (brain->hearing || (event->kind != EVENT_REQUEST && event->kind != EVENT_OBSERVED))
        return;
    fleet_observed(brain->setup.fleet, engine_resource_id(brain->engine, event->resource),
                   event->session);
}

static void take_heard(struct brain *brain, void *context)
{
    (void)context;
    brain->hearing = true;
    for (uint32_t i = 0; i < brain->heard_count; i++) {
        uint32_t resource = brain_find(brain, str_of(brain->heard[i].id));
        if (resource == TABLE_NONE || !brain_site(brain, resource) ||
            !brain_site(brain, resource)->configured)
            continue;
        const struct event event = {
            .kind = EVENT_OBSERVED, .resource = resource, .session = brain->heard[i].session};
        brain_step(brain, &event);
    }
    brain->hearing = false;
    fleet_took(brain->setup.fleet);
}

void brain_take_arrivals(void *context, const struct fleet_arrival *arrivals, uint32_t count)
{
    struct brain *brain = context;
    brain->heard = arrivals;
    brain->heard_count = count;
    brain_call(brain, take_heard, NULL);
}

static void stop_left_over(struct brain *brain, void *context)
{
    struct site *site = context;
    CHECK(site->resource < brain->place_count);
    struct brain_place *place = &brain->places[site->resource];
    if (place->busy || !site_has_left_over(site))
        return;
    log_info("nobody uses what was left to others: it is stopped", LOG_TEXT("resource", site->id));
    place->busy = true;
    site_unload_left_over(site);
}

void brain_left_over(void *context, struct site *site)
{
    brain_call(context, stop_left_over, site);
}

struct fleet *brain_fleet(const struct brain *brain)
{
    return brain->setup.fleet;
}
