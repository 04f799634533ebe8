/* SPDX-License-Identifier: MIT */
#include "core/resource.h"
#include "base/check.h"
#include <stdlib.h>

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

void load_times_add(struct load_times *loads, int64_t load_ns)
{
    int64_t centiseconds =
        load_ns < 0 ? 0 : (load_ns + 5 * TIME_MILLISECOND) / (10 * TIME_MILLISECOND);
    loads->centiseconds[loads->count % LOADS_KEPT] =
        centiseconds > UINT32_MAX ? UINT32_MAX : (uint32_t)centiseconds;
    loads->count++;
    if (loads->count == 2 * LOADS_KEPT * (UINT32_MAX / (4 * LOADS_KEPT)))
        loads->count = LOADS_KEPT; /* long before it wraps */
}

int64_t load_times_quantile(const struct load_times *loads, double q, int64_t otherwise)
{
    uint32_t sorted[LOADS_KEPT];
    uint32_t n = loads->count < LOADS_KEPT ? loads->count : LOADS_KEPT;
    if (n == 0)
        return otherwise;
    for (uint32_t i = 0; i < n; i++) { /* insertion sort: there are eight */
        uint32_t value = loads->centiseconds[i], j = i;
        for (; j > 0 && sorted[j - 1] > value; j--)
            sorted[j] = sorted[j - 1];
        sorted[j] = value;
    }
    uint32_t rank = (uint32_t)(q * n + 0.999999);
    rank = rank < 1 ? 1 : rank > n ? n : rank;
    return (int64_t)sorted[rank - 1] * 10 * TIME_MILLISECOND;
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
        .settings = {.hold_timeout_ns = RESOURCE_INHERITS, .load_time_ns = RESOURCE_INHERITS},
        .hint = {.start_at_ns = TIME_NEVER, .expire_at_ns = TIME_NEVER},
    };
}

uint64_t resource_memory(const struct resource *resource)
{
    return resource->measured_memory > 0 ? resource->measured_memory : resource->settings.memory;
}

bool resource_occupies(const struct resource *resource)
{
    return resource->state != RESOURCE_COLD && resource->state != RESOURCE_FAILED;
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
