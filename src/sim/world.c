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
    free(world->items);
    free(world->resources);
    *world = (struct world){0};
}

static bool before(const struct world_item *a, const struct world_item *b)
{
    return a->event.at_ns != b->event.at_ns ? a->event.at_ns < b->event.at_ns
                                            : a->sequence < b->sequence;
}

static enum fw_err schedule(struct world *world, const struct event *event)
{
    if (world->count == world->capacity) {
        size_t capacity = world->capacity ? 2 * world->capacity : 256;
        struct world_item *grown = realloc(world->items, capacity * sizeof *grown);
        if (!grown)
            return FW_NOMEM;
        world->items = grown;
        world->capacity = capacity;
    }
    struct world_item item = {*event, world->next_sequence++};
    size_t at = world->count++;
    for (; at > 0 && before(&item, &world->items[(at - 1) / 2]); at = (at - 1) / 2)
        world->items[at] = world->items[(at - 1) / 2];
    world->items[at] = item;
    return FW_OK;
}

static struct world_item take_first(struct world *world)
{
    struct world_item first = world->items[0], last = world->items[--world->count];
    size_t at = 0, child;
    while ((child = 2 * at + 1) < world->count) {
        if (child + 1 < world->count && before(&world->items[child + 1], &world->items[child]))
            child++;
        if (!before(&world->items[child], &last))
            break;
        world->items[at] = world->items[child];
        at = child;
    }
    world->items[at] = last;
    return first;
}

static enum fw_err begin_load(struct world *world, const struct action *action)
{
    struct world_resource *resource = &world->resources[action->resource];
    int64_t load_ns = loads_draw(world->loads, action->resource, resource->loads++);
    struct event event = {.at_ns = time_add(action->at_ns, load_ns),
                          .kind = EVENT_LOADED,
                          .resource = action->resource,
                          .attempt = action->attempt,
                          .duration_ns = load_ns};
    FW_TRY(schedule(world, &event));
    event.kind = EVENT_PROVEN;
    event.duration_ns = 0;
    return schedule(world, &event);
}

static enum fw_err report(struct world *world, const struct action *action, uint32_t kind,
                          uint32_t status)
{
    struct event event = {.at_ns = action->at_ns,
                          .kind = kind,
                          .resource = action->resource,
                          .attempt = action->attempt,
                          .status = status};
    return schedule(world, &event);
}

/* Takes the completions of a load out of the heap: it was cancelled. */
static void forget_attempt(struct world *world, uint32_t resource, uint64_t attempt)
{
    for (size_t i = 0; i < world->count; i++) {
        struct event *event = &world->items[i].event;
        if (event->resource == resource && event->attempt == attempt &&
            (event->kind == EVENT_LOADED || event->kind == EVENT_PROVEN))
            event->kind = EVENT_TIME; /* still due, but says nothing */
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
    return schedule(world, &event);
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
        return report(world, action, EVENT_UNLOADED, 0);
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
    return world->count > 0 ? world->items[0].event.at_ns : TIME_NEVER;
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
    if (world->count == 0)
        return false;
    *event = take_first(world).event;
    if (event->kind == EVENT_END)
        note_end(world, event);
    return true;
}
