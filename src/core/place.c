/* SPDX-License-Identifier: MIT
 * Where a resource goes, and what has to go for it. It goes where it fits most tightly, so that
 * large holes stay; where it fits nowhere, to the devices on which making room loses least, and the
 * victims are taken from those alone. One that spans several devices takes an equal part of each;
 * the devices are chosen one after the other, and what has been chosen to go is gone for the next.
 */
#include "core/state.h"
#include "base/check.h"
#include "base/grow.h"
#include <stdlib.h>

static bool has(uint32_t devices, uint32_t device)
{
    return (devices >> device & 1) != 0;
}

/* What lies half warm on devices, or sleeps there, is loaded there or nowhere; what cold ones can
 * be brought to belongs to no device. */
static bool lies(const struct resource *resource)
{
    return resource->state == RESOURCE_HALF &&
           (resource_held(resource) > 0 ||
            !levels_at(resource, resource->level)->settings.from_cold);
}

uint32_t place_span(const struct engine *engine, const struct resource *resource)
{
    if (lies(resource))
        return (uint32_t)__builtin_popcount(resource->placed);
    return engine->devices.named && resource->settings.span > 1 ? resource->settings.span : 1;
}

uint64_t place_share(const struct engine *engine, const struct resource *resource)
{
    return devices_share(resource_memory(resource), place_span(engine, resource));
}

uint32_t place_allowed(const struct engine *engine, const struct resource *resource)
{
    uint32_t all = devices_all(&engine->devices);
    if (lies(resource))
        return resource->placed;
    return engine->devices.named && resource->settings.devices != 0
               ? all & resource->settings.devices
               : all;
}

/* Bytes that loading it takes on each device beyond those that lie there. */
uint64_t place_missing(const struct engine *engine, const struct resource *resource)
{
    uint64_t share = place_share(engine, resource),
             held = lies(resource) ? place_part_of(resource, resource_held(resource)) : 0;
    return share > held ? share - held : 0;
}

int64_t place_load_time(const struct engine *engine, const struct resource *resource)
{
    return devices_load_time(&engine->devices, resource_memory(resource),
                             place_span(engine, resource), place_allowed(engine, resource));
}

bool place_possible(const struct engine *engine, const struct resource *resource)
{
    return devices_can_hold(&engine->devices, resource_memory(resource),
                            place_span(engine, resource), place_allowed(engine, resource));
}

bool place_is_open(const struct engine *engine, const struct resource *resource, uint32_t open)
{
    if (engine->devices.count == 1)
        return open != 0;
    uint32_t allowed = place_allowed(engine, resource), span = place_span(engine, resource);
    return (uint32_t)__builtin_popcount(allowed & open) >= span ||
           (uint32_t)__builtin_popcount(allowed) < span; /* will be refused */
}

uint64_t place_free(const struct engine *engine, uint32_t number)
{
    const struct device *device = &engine->devices.items[number];
    return device->memory > device->used ? device->memory - device->used : 0;
}

uint32_t place_loaders(const struct engine *engine)
{
    int64_t max = engine->settings.max_loads;
    if (max == 0)
        max = engine->limited && !engine->devices.named ? 1 : INT64_MAX;
    if (engine->loads_running >= max)
        return 0;
    uint32_t loaders = 0;
    for (uint32_t i = 0; i < engine->devices.count; i++)
        if (engine->devices.items[i].loads_running < engine->devices.items[i].loads_max)
            loaders |= 1u << i;
    return loaders;
}

/* ---- bytes ---- */

/* The devices it is on share its bytes, however many its settings ask for by now. */
uint64_t place_part_of(const struct resource *resource, uint64_t bytes)
{
    return devices_share(bytes, (uint32_t)__builtin_popcount(resource->placed));
}

void place_charge(struct engine *engine, const struct resource *resource, uint64_t before,
                  uint64_t after)
{
    if (before == after)
        return;
    CHECK(resource->placed != 0);
    for (uint32_t i = 0; i < engine->devices.count; i++) {
        struct device *device = &engine->devices.items[i];
        if (!has(resource->placed, i))
            continue;
        CHECK(device->used >= place_part_of(resource, before));
        device->used += place_part_of(resource, after) - place_part_of(resource, before);
    }
}

void place_forget(struct engine *engine)
{
    for (uint32_t i = 0; i < engine->devices.count; i++) {
        engine->devices.items[i].used = 0;
        engine->devices.items[i].loads_running = 0;
    }
}

void place_load_begins(struct engine *engine, const struct resource *resource)
{
    for (uint32_t i = 0; i < engine->devices.count; i++)
        engine->devices.items[i].loads_running += has(resource->placed, i);
}

void place_load_ends(struct engine *engine, const struct resource *resource)
{
    for (uint32_t i = 0; i < engine->devices.count; i++)
        engine->devices.items[i].loads_running -= has(resource->placed, i);
}

/* What is draining or unloading frees soon, device by device. */
static void bytes_coming(const struct engine *engine, uint64_t coming[DEVICES_MAX])
{
    memset(coming, 0, engine->devices.count * sizeof *coming);
    for (uint32_t i = engine->occupied_first; i != RESOURCE_NONE;
         i = engine->resources[i].occupied_next) {
        const struct resource *resource = &engine->resources[i];
        uint64_t held = resource_held(resource), stays = resource_stays(resource);
        if (held == stays)
            continue;
        uint64_t bytes = place_part_of(resource, held) - place_part_of(resource, stays);
        for (uint32_t device = 0; device < engine->devices.count; device++)
            if (has(resource->placed, device))
                coming[device] += bytes;
    }
}

uint32_t place_settled(const struct engine *engine)
{
    uint64_t coming[DEVICES_MAX];
    uint32_t settled = 0;
    bytes_coming(engine, coming);
    for (uint32_t i = 0; i < engine->devices.count; i++)
        if (coming[i] == 0)
            settled |= 1u << i;
    return settled;
}

/* ---- where it fits ---- */

/* The one of `devices` with the least free memory of at least `bytes`, what is `coming` included;
 * -1 none. */
static int tightest(const struct engine *engine, uint32_t devices, uint64_t bytes,
                    const uint64_t coming[DEVICES_MAX])
{
    int best = -1;
    uint64_t best_bytes = 0;
    for (uint32_t i = 0; i < engine->devices.count; i++) {
        uint64_t there = place_free(engine, i) + (coming ? coming[i] : 0);
        if (!has(devices, i) || there < bytes || (best >= 0 && there >= best_bytes))
            continue;
        best = (int)i;
        best_bytes = there;
    }
    return best;
}

static uint32_t fits(const struct engine *engine, const struct resource *resource, uint64_t bytes,
                     uint32_t devices, const uint64_t coming[DEVICES_MAX])
{
    uint32_t chosen = 0, left = devices & place_allowed(engine, resource);
    for (uint32_t span = place_span(engine, resource); span > 0; span--) {
        int device = tightest(engine, left, bytes, coming);
        if (device < 0)
            return 0;
        chosen |= 1u << device;
        left &= ~(1u << device);
    }
    return chosen;
}

uint32_t place_part(const struct engine *engine, const struct resource *resource, uint64_t bytes)
{
    uint32_t devices = place_loaders(engine);
    for (uint32_t i = 0; i < engine->devices.count; i++)
        if (engine->devices.items[i].memory < place_share(engine, resource))
            devices &= ~(1u << i);
    return fits(engine, resource, devices_share(bytes, place_span(engine, resource)), devices,
                NULL);
}

uint32_t place_now(const struct engine *engine, const struct resource *resource, uint32_t devices)
{
    return fits(engine, resource, place_missing(engine, resource), devices, NULL);
}

uint32_t place_soon(const struct engine *engine, const struct resource *resource, uint32_t devices)
{
    uint64_t coming[DEVICES_MAX];
    bytes_coming(engine, coming);
    return fits(engine, resource, place_missing(engine, resource), devices, coming);
}

/* The emptiest of `devices`. */
static uint32_t emptiest(const struct engine *engine, uint32_t devices)
{
    uint32_t best = RESOURCE_NONE;
    for (uint32_t i = 0; i < engine->devices.count; i++)
        if (has(devices, i) &&
            (best == RESOURCE_NONE || place_free(engine, i) > place_free(engine, best)))
            best = i;
    return best;
}

void place_found(struct engine *engine, struct resource *resource, uint32_t said)
{
    said &= devices_all(&engine->devices);
    if (said != 0) {
        resource->placed = (uint16_t)said;
        return;
    }
    uint32_t allowed = place_allowed(engine, resource), span = place_span(engine, resource),
             placed = resource->placed;
    if (placed != 0 && (placed & ~allowed) == 0 && (uint32_t)__builtin_popcount(placed) == span)
        return; /* where it was when we knew */
    for (placed = 0; span > 0 && allowed != 0; span--) {
        uint32_t device = emptiest(engine, allowed);
        CHECK(device < DEVICES_MAX);
        placed |= 1u << device;
        allowed &= ~(1u << device);
    }
    resource->placed = (uint16_t)(placed != 0 ? placed : 1);
}

void place_restore(struct engine *engine, struct resource *resource)
{
    if (resource->placed == 0 || (resource->placed & ~devices_all(&engine->devices)) != 0)
        resource->placed = 1; /* the devices have changed: soon it is found again, or is not */
}

/* ---- making room ---- */

static bool reserve(struct engine *engine)
{
    uint32_t need = engine->occupied_count;
    if (need <= engine->candidates_capacity && need <= engine->victims_capacity)
        return true;
    uint32_t capacity =
        (uint32_t)grow_capacity(engine->candidates_capacity, need > 16 ? need : 16, UINT32_MAX);
    struct budget_candidate *candidates =
        realloc(engine->candidates, capacity * sizeof *candidates);
    if (candidates) {
        engine->candidates = candidates;
        engine->candidates_capacity = capacity;
    }
    uint32_t *victims = realloc(engine->victims, capacity * sizeof *victims);
    if (victims) {
        engine->victims = victims;
        engine->victims_capacity = capacity;
    }
    if (!candidates || !victims)
        engine_fail(engine, FW_NOMEM);
    return candidates && victims;
}

static bool is_chosen(const struct engine *engine, uint32_t victims, uint32_t number)
{
    for (uint32_t i = 0; i < victims; i++)
        if (engine->victims[i] == number)
            return true;
    return false;
}

/* What could go from this device, apart from what was chosen already. */
static uint32_t gather(struct engine *engine, uint32_t number, uint32_t device, uint32_t chosen)
{
    uint32_t count = 0;
    if (engine->values)
        values_refresh(engine->values, engine->now_ns);
    rest_set_price(engine);
    for (uint32_t i = engine->occupied_first; i != RESOURCE_NONE;
         i = engine->resources[i].occupied_next) {
        const struct resource *resource = &engine->resources[i];
        if (i == number || !has(resource->placed, device) || !room_evictable(resource) ||
            is_chosen(engine, chosen, i))
            continue;
        uint64_t bytes = room_frees(engine, resource);
        if (bytes == 0)
            continue;
        double worth = resource->state == RESOURCE_HALF
                           ? rest_gain(engine, i, resource->level) / (double)bytes
                           : room_worth(engine, i, bytes);
        engine->candidates[count++] = (struct budget_candidate){
            i, bytes, worth,
            resource->last_request_ns > resource->state_since_ns ? resource->last_request_ns
                                                                 : resource->state_since_ns,
            false};
    }
    return count;
}

/* The cheapest way to free bytes on one device. */
struct way {
    uint32_t device; /* RESOURCE_NONE: there is none */
    uint32_t victims;
    int64_t priority; /* the highest among them */
    double loss;
    int64_t last_used_ns; /* the latest among them */
};

static struct way priced(const struct engine *engine, uint32_t device, uint32_t victims)
{
    struct way way = {device, victims, INT64_MIN, 0, INT64_MIN};
    for (uint32_t i = 0; i < victims; i++) {
        const struct budget_candidate *victim = &engine->candidates[i];
        int64_t priority = engine->resources[victim->resource].settings.priority;
        way.loss += victim->worth * (double)victim->bytes;
        way.priority = priority > way.priority ? priority : way.priority;
        if (victim->last_used_ns > way.last_used_ns)
            way.last_used_ns = victim->last_used_ns;
    }
    return way;
}

/* Victims at the front of `candidates`: lower priorities are tried first, higher ones only when
 * those do not suffice. */
static struct way choose_victims(struct engine *engine, uint32_t number, uint32_t device,
                                 uint64_t need_bytes, uint32_t chosen)
{
    uint32_t victims = 0, count = gather(engine, number, device, chosen);
    int64_t limit = INT64_MIN;
    for (;;) {
        int64_t next_limit = INT64_MAX;
        for (uint32_t i = 0; i < count; i++) {
            int64_t priority = engine->resources[engine->candidates[i].resource].settings.priority;
            if (priority > limit && priority < next_limit)
                next_limit = priority;
        }
        if (next_limit == INT64_MAX)
            return (struct way){.device = RESOURCE_NONE};
        limit = next_limit;
        for (uint32_t i = 0; i < count; i++)
            engine->candidates[i].evictable =
                engine->resources[engine->candidates[i].resource].settings.priority <= limit;
        if (budget_choose(engine->candidates, count, need_bytes, &victims))
            return priced(engine, device, victims);
    }
}

static bool is_better(const struct way *a, const struct way *b)
{
    if (b->device == RESOURCE_NONE || (a->victims == 0) != (b->victims == 0))
        return b->device == RESOURCE_NONE || a->victims == 0;
    if (a->priority != b->priority)
        return a->priority < b->priority;
    if (a->loss < b->loss || b->loss < a->loss)
        return a->loss < b->loss;
    return a->last_used_ns < b->last_used_ns;
}

/* What has been chosen to go frees bytes here, too. */
static uint64_t bytes_chosen(const struct engine *engine, uint32_t device, uint32_t chosen)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < chosen; i++)
        if (has(engine->resources[engine->victims[i]].placed, device))
            bytes += room_frees(engine, &engine->resources[engine->victims[i]]);
    return bytes;
}

static struct way way_on(struct engine *engine, uint32_t number, uint32_t device, uint64_t coming,
                         uint32_t chosen)
{
    const struct resource *resource = &engine->resources[number];
    uint64_t share = place_missing(engine, resource);
    uint64_t there = place_free(engine, device) + coming + bytes_chosen(engine, device, chosen);
    if (engine->devices.items[device].memory < place_share(engine, resource))
        return (struct way){.device = RESOURCE_NONE};
    if (there >= share)
        return (struct way){device, 0, INT64_MIN, 0, INT64_MIN};
    return choose_victims(engine, number, device, share - there, chosen);
}

/* One more device, with the victims on it appended to those chosen before. */
static bool add_device(struct engine *engine, uint32_t number, uint32_t devices,
                       const uint64_t coming[DEVICES_MAX], struct making_room *making)
{
    struct way best = {.device = RESOURCE_NONE};
    uint32_t latest = RESOURCE_NONE;
    for (uint32_t i = 0; i < engine->devices.count; i++) {
        if (!has(devices & ~making->devices, i))
            continue;
        struct way way = way_on(engine, number, i, coming[i], making->victims);
        latest = i;
        if (way.device != RESOURCE_NONE && is_better(&way, &best))
            best = way;
    }
    if (best.device == RESOURCE_NONE)
        return false;
    if (best.victims > 0 && latest != best.device) /* the scratch holds another device's */
        best = way_on(engine, number, best.device, coming[best.device], making->victims);
    for (uint32_t i = 0; i < best.victims; i++)
        engine->victims[making->victims++] = engine->candidates[i].resource;
    CHECK(best.device < DEVICES_MAX);
    making->devices |= 1u << best.device;
    making->loss += best.loss;
    return true;
}

bool place_make_room(struct engine *engine, uint32_t number, uint32_t devices,
                     struct making_room *making)
{
    const struct resource *resource = &engine->resources[number];
    uint64_t coming[DEVICES_MAX];
    *making = (struct making_room){0};
    if (!reserve(engine))
        return false;
    bytes_coming(engine, coming);
    devices &= place_allowed(engine, resource);
    for (uint32_t span = place_span(engine, resource); span > 0; span--)
        if (!add_device(engine, number, devices, coming, making))
            return false;
    return true;
}

bool place_relieve(struct engine *engine, uint32_t number, struct making_room *making)
{
    const struct device *device = &engine->devices.items[number];
    uint64_t coming[DEVICES_MAX];
    *making = (struct making_room){.devices = 1u << number};
    if (device->used <= device->memory || !reserve(engine))
        return false;
    bytes_coming(engine, coming);
    uint64_t over = device->used - device->memory;
    if (coming[number] >= over)
        return false;
    struct way way = choose_victims(engine, RESOURCE_NONE, number, over - coming[number], 0);
    if (way.device == RESOURCE_NONE)
        return false;
    for (uint32_t i = 0; i < way.victims; i++)
        engine->victims[making->victims++] = engine->candidates[i].resource;
    making->loss = way.loss;
    return true;
}
