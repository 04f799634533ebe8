/* SPDX-License-Identifier: MIT */
#include "core/resource.h"
#include "core/devices.h"
#include "base/check.h"
#include "core/levels.h"
#include <stdlib.h>

#define CENTISECOND_NS (10 * TIME_MILLISECOND)

enum fw_err plan_store_set(struct plan_store *store, const struct keep_plan *plan)
{
    if (plan->count > 1) {
        if (!store->more) {
            store->more = malloc((PLAN_WINDOWS_MAX - 1) * sizeof *store->more);
            if (!store->more)
                return FW_NOMEM;
        }
        memcpy(store->more, plan->windows + 1, (plan->count - 1) * sizeof *store->more);
    } else if (store->more) {
        free(store->more);
        store->more = NULL;
    }
    store->first = plan->windows[0];
    store->count = (uint8_t)plan->count;
    store->next = 0;
    store->cold_cost_ns = plan->cold_cost_ns;
    return FW_OK;
}

void plan_store_fini(struct plan_store *store)
{
    free(store->more);
    *store = (struct plan_store){0};
}

const struct plan_window *plan_store_window(const struct plan_store *store, uint8_t number)
{
    if (number >= store->count)
        return NULL;
    return number == 0 ? &store->first : &store->more[number - 1];
}

void plan_store_pass(struct plan_store *store, int64_t age_ns)
{
    const struct plan_window *window;
    while ((window = plan_store_window(store, store->next)) != NULL && window->end_ns <= age_ns)
        store->next++;
}

/* The place of a quantile among those kept; there is at least one. */
static uint32_t quantile(const struct load_times *loads, double q)
{
    uint8_t sorted[LOADS_KEPT];
    uint32_t n = loads->count < LOADS_KEPT ? loads->count : LOADS_KEPT;
    for (uint32_t i = 0; i < n; i++) { /* insertion sort: there are eight */
        uint32_t j = i;
        for (; j > 0 && loads->centiseconds[sorted[j - 1]] > loads->centiseconds[i]; j--)
            sorted[j] = sorted[j - 1];
        sorted[j] = (uint8_t)i;
    }
    uint32_t rank = (uint32_t)(q * n + 0.999999);
    rank = rank < 1 ? 1 : rank > n ? n : rank;
    return sorted[rank - 1];
}

static void find_median(struct load_times *loads)
{
    loads->median = (uint8_t)quantile(loads, 0.5);
    loads->median_log_s = (float)load_law_log_s(load_times_median(loads, 0));
}

int64_t load_times_latest(const struct load_times *loads)
{
    if (loads->count == 0)
        return -1;
    return loads->centiseconds[(loads->count - 1) % LOADS_KEPT] * CENTISECOND_NS;
}

void load_times_add(struct load_times *loads, int64_t load_ns)
{
    int64_t centiseconds = load_ns < 0 ? 0 : (load_ns + CENTISECOND_NS / 2) / CENTISECOND_NS;
    loads->centiseconds[loads->count % LOADS_KEPT] =
        centiseconds > UINT32_MAX ? UINT32_MAX : (uint32_t)centiseconds;
    loads->count++;
    if (loads->count == 2 * LOADS_KEPT)
        loads->count = LOADS_KEPT;
    find_median(loads);
}

void load_times_restore(struct load_times *loads, uint32_t count)
{
    loads->count = (uint8_t)(count < LOADS_KEPT ? count : LOADS_KEPT + count % LOADS_KEPT);
    if (count > 0)
        find_median(loads);
}

int64_t load_times_median(const struct load_times *loads, int64_t otherwise)
{
    if (loads->count == 0)
        return otherwise;
    return loads->centiseconds[loads->median] * CENTISECOND_NS;
}

int64_t load_times_quantile(const struct load_times *loads, double q, int64_t otherwise)
{
    if (loads->count == 0)
        return otherwise;
    return loads->centiseconds[quantile(loads, q)] * CENTISECOND_NS;
}

void resource_init(struct resource *resource)
{
    *resource = (struct resource){
        .state = RESOURCE_COLD,
        .held_first = RESOURCE_NONE,
        .held_last = RESOURCE_NONE,
        .queue_next = RESOURCE_NONE,
        .queue_previous = RESOURCE_NONE,
        .recent_next = RESOURCE_NONE,
        .recent_previous = RESOURCE_NONE,
        .occupied_next = RESOURCE_NONE,
        .occupied_previous = RESOURCE_NONE,
        .idle_since_ns = -1,
        .warm_since_ns = -1,
        .load_started_ns = -1,
        .last_request_ns = -1,
        .previous_gap_ns = -1,
        .settings = {.hold_timeout_ns = RESOURCE_INHERITS,
                     .load_time_ns = RESOURCE_INHERITS,
                     .span = 1},
    };
}

void resource_fini(struct resource *resource)
{
    plan_store_fini(&resource->plan);
    tally_fini(&resource->accounts);
    free(resource->hint);
    free(resource->daily);
    free(resource->sizes);
    resource->sizes = NULL;
    free(resource->levels);
    free(resource->restraint);
    resource->hint = NULL;
    resource->daily = NULL;
    resource->levels = NULL;
    resource->restraint = NULL;
}

struct kept_settings kept_settings_of(const struct resource_settings *settings)
{
    int64_t priority = settings->priority < INT16_MIN   ? INT16_MIN
                       : settings->priority > INT16_MAX ? INT16_MAX
                                                        : settings->priority;
    return (struct kept_settings){
        .memory = settings->memory,
        .hold_timeout_ns = settings->hold_timeout_ns,
        .load_time_ns = settings->load_time_ns,
        .priority = (int16_t)priority,
        .on_cold = (uint8_t)settings->on_cold,
        .pin = settings->pin,
        .has_fallback = settings->has_fallback,
        .span = (uint8_t)(settings->span < 1             ? 1
                          : settings->span > DEVICES_MAX ? DEVICES_MAX
                                                         : settings->span),
        .devices = (uint16_t)settings->devices,
    };
}

struct resource_settings kept_settings_wide(const struct kept_settings *kept)
{
    return (struct resource_settings){
        .memory = kept->memory,
        .on_cold = kept->on_cold,
        .hold_timeout_ns = kept->hold_timeout_ns,
        .load_time_ns = kept->load_time_ns,
        .priority = kept->priority,
        .pin = kept->pin,
        .has_fallback = kept->has_fallback,
        .span = kept->span,
        .devices = kept->devices,
    };
}

uint64_t resource_memory(const struct resource *resource)
{
    return resource->sizes ? resource->sizes->largest : resource->settings.memory;
}

bool resource_absent(const struct resource *resource)
{
    return resource->state == RESOURCE_COLD || resource->state == RESOURCE_HALF;
}

bool resource_loading(const struct resource *resource)
{
    return resource->state == RESOURCE_WARMING || resource->state == RESOURCE_VERIFYING ||
           resource->state == RESOURCE_RAISING;
}

static uint64_t level_memory(const struct resource *resource, uint8_t level)
{
    return level > 0 ? levels_at(resource, level)->settings.memory : 0;
}

uint64_t resource_held(const struct resource *resource)
{
    switch (resource->state) {
    case RESOURCE_COLD:
    case RESOURCE_FAILED:
        return 0;
    case RESOURCE_HALF:
    case RESOURCE_RAISING:
    case RESOURCE_LOWERING:
        return level_memory(resource, resource->level);
    default:
        return resource_memory(resource);
    }
}

uint64_t resource_stays(const struct resource *resource)
{
    switch (resource->state) {
    case RESOURCE_DRAINING:
        return level_memory(resource, resource->aim);
    case RESOURCE_UNLOADING:
        return level_memory(resource, resource->level);
    case RESOURCE_LOWERING:
        return 0;
    default:
        return resource_held(resource);
    }
}

bool resource_occupies(const struct resource *resource)
{
    return resource->state != RESOURCE_COLD && resource->state != RESOURCE_FAILED &&
           (resource->state < RESOURCE_HALF || resource_held(resource) > 0);
}

void resource_account(struct resource *resource, int64_t now_ns)
{
    if (resource->warm_since_ns >= 0) {
        resource->accounts.warm_ns += now_ns - resource->warm_since_ns;
        resource->warm_since_ns = now_ns;
    }
    if (resource->idle_since_ns >= 0) {
        resource->accounts.idle_ns += now_ns - resource->idle_since_ns;
        resource->idle_since_ns = now_ns;
    }
    CHECK(resource->accounts.idle_ns >= 0);
}
