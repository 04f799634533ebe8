/* SPDX-License-Identifier: MIT */
#include "sim/hostile_check.h"
#include "base/time.h"
#include <inttypes.h>

static uint64_t held_bytes(const struct hostile_resource *resource)
{
    bool between = resource->state == HOSTILE_HALF || resource->state == HOSTILE_RAISING ||
                   resource->state == HOSTILE_LOWERING;
    if (resource->state == HOSTILE_ABSENT)
        return 0;
    return between && resource->level > 0 ? resource->levels[resource->level - 1].memory
                                          : resource->size;
}

uint64_t hostile_memory(const struct hostile *hostile)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < hostile->resource_count; i++)
        bytes += held_bytes(&hostile->resources[i]);
    return bytes;
}

void hostile_check_budgets(struct hostile *hostile, uint32_t number, const char *what)
{
    bool takes = held_bytes(&hostile->resources[number]) > 0 &&
                 hostile->resources[number].state != HOSTILE_UNLOADING;
    uint64_t bytes = hostile_memory(hostile), host_bytes = 0;
    for (uint32_t i = 0; i < hostile->resource_count; i++) {
        const struct hostile_resource *resource = &hostile->resources[i];
        host_bytes += resource->level > 0 ? resource->levels[resource->level - 1].host_memory : 0;
    }
    if (takes && bytes > hostile->budget) /* what was loaded may have grown beyond it */
        hostile_fail(hostile, "budget", "%s r%u makes %" PRIu64 " of %" PRIu64 " bytes", what,
                     number, bytes, hostile->budget);
    if (host_bytes > hostile->host_budget)
        hostile_fail(hostile, "host budget", "%s r%u makes %" PRIu64 " of %" PRIu64 " bytes", what,
                     number, host_bytes, hostile->host_budget);
}

/* Bytes that the world holds on one of the devices. */
static uint64_t device_bytes(const struct hostile *hostile, uint32_t device)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < hostile->resource_count; i++) {
        const struct hostile_resource *resource = &hostile->resources[i];
        if (resource->placed >> device & 1)
            bytes +=
                devices_share(held_bytes(resource), (uint32_t)__builtin_popcount(resource->placed));
    }
    return bytes;
}

static uint32_t device_loads(const struct hostile *hostile, uint32_t device)
{
    uint32_t loads = 0;
    for (uint32_t i = 0; i < hostile->resource_count; i++)
        loads += (hostile->resources[i].state == HOSTILE_LOADING ||
                  hostile->resources[i].state == HOSTILE_RAISING ||
                  hostile->resources[i].state == HOSTILE_CANCELLING) &&
                 (hostile->resources[i].placed >> device & 1);
    return loads;
}

static bool goes_to(uint32_t devices, uint32_t span, uint32_t allowed)
{
    return (uint32_t)__builtin_popcount(devices) == span && (devices & ~allowed) == 0;
}

/* Neither memory nor loaders are overdrawn, device by device. */
void hostile_check_devices(struct hostile *hostile, uint32_t number, const struct action *action)
{
    struct hostile_resource *resource = &hostile->resources[number];
    const struct level_settings *at =
        resource->level > 0 ? &resource->levels[resource->level - 1] : NULL;
    bool lies = at && (at->memory > 0 || !at->from_cold);
    if (lies && action->kind == ACTION_WARM && action->devices != resource->placed)
        hostile_fail(hostile, "devices", "r%u lies half warm on the devices %x, but goes to %x",
                     number, resource->placed, action->devices);
    resource->placed = action->devices;
    if (!hostile->devices.named && action->devices != 0)
        hostile_fail(hostile, "devices", "r%u goes to the devices %x, but there are none", number,
                     action->devices);
    if (!hostile->devices.named)
        return;
    /* What lies somewhere, or did until a loss that nobody has noticed yet, was put there by the
     * settings of then. */
    bool lay = action->kind == ACTION_WARM && resource->level_lost;
    if (!lies && !lay && !goes_to(action->devices, resource->span, resource->allowed) &&
        !goes_to(action->devices, resource->span_before, resource->allowed_before))
        hostile_fail(hostile, "devices", "r%u goes to the devices %x, but may go to %u of %x",
                     number, action->devices, resource->span, resource->allowed);
    for (uint32_t i = 0; i < hostile->devices.count; i++) {
        const struct device *device = &hostile->devices.items[i];
        if (!(action->devices >> i & 1))
            continue;
        if (held_bytes(resource) > 0 && device_bytes(hostile, i) > device->memory)
            hostile_fail(hostile, "budget",
                         "warming r%u (%" PRIu64 " bytes) makes %" PRIu64 " of %" PRIu64 " on %s",
                         number, resource->size, device_bytes(hostile, i), device->memory,
                         device->name);
        if (device_loads(hostile, i) > device->loads_max)
            hostile_fail(hostile, "loaders", "warming r%u makes %u loads of %u on %s", number,
                         device_loads(hostile, i), device->loads_max, device->name);
    }
}

/* Those within the hour before, of one resource or of all. */
static uint64_t starts_within(const struct hostile *hostile, uint32_t resource, int64_t now_ns)
{
    uint64_t count = 0;
    for (uint64_t i = hostile->start_count; i > 0 && hostile->start_count - i < HOSTILE_STARTS_MAX;
         i--) {
        const struct hostile_start *start = &hostile->starts[(i - 1) % HOSTILE_STARTS_MAX];
        if (now_ns - start->at_ns > TIME_HOUR)
            break;
        count +=
            resource == UINT32_MAX || (start->resource == resource &&
                                       start->at_ns >= hostile->resources[resource].budgeted_ns);
    }
    return count;
}

void hostile_check_warmups(struct hostile *hostile, const struct action *action, int64_t now_ns)
{
    bool must = action->cause == CAUSE_REQUEST || action->cause == CAUSE_PIN;
    int64_t own = hostile->resources[action->resource].warmups_max;
    uint64_t all_count = starts_within(hostile, UINT32_MAX, now_ns),
             own_count = starts_within(hostile, action->resource, now_ns);
    hostile->starts[hostile->start_count++ % HOSTILE_STARTS_MAX] =
        (struct hostile_start){now_ns, action->resource};
    if (action->cause == CAUSE_OPERATOR || (must && !hostile->strict))
        return;
    if (hostile->warmups_max > 0 && all_count >= (uint64_t)hostile->warmups_max)
        hostile_fail(hostile, "budget of warm-ups",
                     "warming r%u for %s is number %" PRIu64 " within an hour, %lld are allowed",
                     action->resource, cause_name(action->cause), all_count + 1,
                     (long long)hostile->warmups_max);
    if (own > 0 && own_count >= (uint64_t)own)
        hostile_fail(hostile, "budget of warm-ups",
                     "warming r%u for %s is its number %" PRIu64
                     " within an hour, %lld are allowed",
                     action->resource, cause_name(action->cause), own_count + 1, (long long)own);
}
