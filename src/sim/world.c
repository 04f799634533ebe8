/* SPDX-License-Identifier: MIT */
#include "sim/world.h"
#include "base/check.h"
#include "base/time.h"
#include <stdlib.h>

enum fw_err world_init(struct world *world, const struct loads *loads, uint32_t resource_count)
{
    *world = (struct world){.loads = loads, .resource_count = resource_count};
    world->resources = calloc(resource_count ? resource_count : 1, sizeof *world->resources);
    return world->resources ? FW_OK : FW_NOMEM;
}

void world_fini(struct world *world)
{
    agenda_fini(&world->agenda);
    free(world->resources);
    *world = (struct world){0};
}

/* As drawn; where the bandwidth of the devices is known, what reading its bytes takes. */
static int64_t cold_load(const struct world *world, const struct action *action, uint64_t number)
{
    int64_t read_ns = 0;
    if (world->sizes)
        read_ns = devices_load_time(&world->devices, world->sizes[action->resource],
                                    (uint32_t)__builtin_popcount(action->devices), action->devices);
    return read_ns > 0 ? read_ns : loads_draw(world->loads, action->resource, number);
}

static int64_t half_load(const struct world *world, uint32_t resource, int64_t cold_ns)
{
    const struct world_half *half = world->half;
    int64_t load_ns = half->by_resource_ns  ? half->by_resource_ns[resource]
                      : half->fixed_ns >= 0 ? half->fixed_ns
                                            : (int64_t)(half->share * (double)cold_ns);
    return load_ns < cold_ns ? load_ns : cold_ns;
}

/* Reading into host memory is the part of a load that need not be done again. */
static enum fw_err begin_raise(struct world *world, const struct action *action)
{
    struct world_resource *resource = &world->resources[action->resource];
    int64_t cold_ns = cold_load(world, action, resource->loads);
    int64_t raise_ns = cold_ns - half_load(world, action->resource, cold_ns);
    struct event event = {.at_ns = time_add(action->at_ns, raise_ns),
                          .kind = EVENT_RAISED,
                          .resource = action->resource,
                          .attempt = action->attempt,
                          .duration_ns = raise_ns};
    return agenda_put(&world->agenda, &event);
}

static enum fw_err begin_load(struct world *world, const struct action *action)
{
    struct world_resource *resource = &world->resources[action->resource];
    int64_t cold_ns = cold_load(world, action, resource->loads++);
    int64_t load_ns = action->status > 0 ? half_load(world, action->resource, cold_ns) : cold_ns;
    struct event event = {.at_ns = time_add(action->at_ns, load_ns),
                          .kind = EVENT_LOADED,
                          .resource = action->resource,
                          .attempt = action->attempt,
                          .duration_ns = load_ns};
    FW_TRY(agenda_put(&world->agenda, &event));
    event.kind = EVENT_PROVEN;
    event.duration_ns = 0;
    return agenda_put(&world->agenda, &event);
}

static enum fw_err report(struct world *world, const struct action *action, uint32_t kind,
                          uint32_t status)
{
    struct event event = {.at_ns = action->at_ns,
                          .kind = kind,
                          .resource = action->resource,
                          .attempt = action->attempt,
                          .status = status};
    return agenda_put(&world->agenda, &event);
}

/* The completions of a load that was cancelled say nothing any more. */
static void forget_attempt(struct world *world, uint32_t resource, uint64_t attempt)
{
    for (size_t i = 0; i < world->agenda.count; i++) {
        struct event *event = &world->agenda.items[i].event;
        if (event->resource == resource && event->attempt == attempt &&
            (event->kind == EVENT_LOADED || event->kind == EVENT_PROVEN ||
             event->kind == EVENT_RAISED))
            event->kind = EVENT_TIME;
    }
}

static enum fw_err begin_request(struct world *world, const struct action *action,
                                 int64_t arrived_at_ns, int64_t duration_ns)
{
    struct event event = {.at_ns = time_add(action->at_ns, duration_ns),
                          .kind = EVENT_END,
                          .resource = action->resource,
                          .request = action->request,
                          .duration_ns = duration_ns,
                          .value = (uint64_t)(action->at_ns - arrived_at_ns)};
    world->resources[action->resource].running++;
    return agenda_put(&world->agenda, &event);
}

enum fw_err world_perform(struct world *world, const struct action *action, int64_t arrived_at_ns,
                          int64_t duration_ns)
{
    CHECK(action->resource < world->resource_count);
    struct world_resource *resource = &world->resources[action->resource];
    switch (action->kind) {
    case ACTION_WARM:
        return begin_load(world, action);
    case ACTION_DRAIN:
        if (resource->running == 0)
            return report(world, action, EVENT_DRAINED, 0);
        resource->drain = action->attempt;
        return FW_OK;
    case ACTION_UNDRAIN:
        resource->drain = 0;
        return FW_OK;
    case ACTION_UNLOAD:
        return report(world, action, action->status > 0 ? EVENT_RAISED : EVENT_UNLOADED, 0);
    case ACTION_LOWER:
        return report(world, action, EVENT_UNLOADED, 0);
    case ACTION_RAISE:
        return begin_raise(world, action);
    case ACTION_CANCEL:
        forget_attempt(world, action->resource, action->attempt);
        return report(world, action, EVENT_FAILED, FW_CANCELLED);
    case ACTION_RELEASE:
        return begin_request(world, action, arrived_at_ns, duration_ns);
    default: /* refused, sent elsewhere, or a change of state to be seen: nothing is to be done here
              */
        return FW_OK;
    }
}

int64_t world_next(const struct world *world)
{
    return agenda_next(&world->agenda);
}

/* The last request of a draining resource ended: the drain is reported at the same instant. */
static void note_end(struct world *world, const struct event *event)
{
    struct world_resource *resource = &world->resources[event->resource];
    CHECK(resource->running > 0);
    if (--resource->running > 0 || resource->drain == 0)
        return;
    const struct action drain = {
        .at_ns = event->at_ns, .resource = event->resource, .attempt = resource->drain};
    resource->drain = 0;
    CHECK(report(world, &drain, EVENT_DRAINED, 0) == FW_OK); /* room was just made by the END */
}

bool world_take(struct world *world, struct event *event)
{
    if (!agenda_take(&world->agenda, event))
        return false;
    if (event->kind == EVENT_END)
        note_end(world, event);
    return true;
}
