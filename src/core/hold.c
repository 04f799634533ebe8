/* SPDX-License-Identifier: MIT */
#include "core/hold.h"
#include "base/check.h"
#include <stdlib.h>

void hold_init(struct hold_pool *pool, uint32_t max)
{
    *pool = (struct hold_pool){.max = max, .free_first = RESOURCE_NONE};
    map64_init(&pool->by_request, max);
}

void hold_fini(struct hold_pool *pool)
{
    free(pool->entries);
    map64_fini(&pool->by_request);
    *pool = (struct hold_pool){0};
}

static enum fw_err entry_alloc(struct hold_pool *pool, uint32_t *number)
{
    if (pool->free_first != RESOURCE_NONE) {
        *number = pool->free_first;
        pool->free_first = pool->entries[*number].next;
        return FW_OK;
    }
    if (pool->count == pool->capacity) {
        uint32_t capacity = pool->capacity > 0 ? pool->capacity * 2 : 16;
        struct held_request *entries = realloc(pool->entries, capacity * sizeof *entries);
        if (!entries)
            return FW_NOMEM;
        pool->entries = entries;
        pool->capacity = capacity;
    }
    *number = pool->count++;
    return FW_OK;
}

static void entry_free(struct hold_pool *pool, uint32_t number)
{
    pool->entries[number].next = pool->free_first;
    pool->free_first = number;
    pool->used--;
}

enum fw_err hold_add(struct hold_pool *pool, struct resource *resource, uint32_t number,
                     uint64_t request, int64_t at_ns)
{
    uint32_t entry;
    if (pool->used >= pool->max)
        return FW_LIMIT;
    FW_TRY(entry_alloc(pool, &entry));
    pool->used++;
    enum fw_err err = map64_set(&pool->by_request, request, entry);
    if (err != FW_OK) {
        entry_free(pool, entry);
        return err;
    }
    pool->entries[entry] =
        (struct held_request){request, at_ns, number, RESOURCE_NONE, resource->held_last};
    if (resource->held_last != RESOURCE_NONE)
        pool->entries[resource->held_last].next = entry;
    else
        resource->held_first = entry;
    resource->held_last = entry;
    resource->held++;
    return FW_OK;
}

const struct held_request *hold_first(const struct hold_pool *pool, const struct resource *resource)
{
    return resource->held_first == RESOURCE_NONE ? NULL : &pool->entries[resource->held_first];
}

static struct held_request entry_take(struct hold_pool *pool, struct resource *resource,
                                      uint32_t entry)
{
    struct held_request held = pool->entries[entry];
    if (held.previous != RESOURCE_NONE)
        pool->entries[held.previous].next = held.next;
    else
        resource->held_first = held.next;
    if (held.next != RESOURCE_NONE)
        pool->entries[held.next].previous = held.previous;
    else
        resource->held_last = held.previous;
    resource->held--;
    CHECK(map64_remove(&pool->by_request, held.request, NULL));
    entry_free(pool, entry);
    return held;
}

struct held_request hold_take(struct hold_pool *pool, struct resource *resource)
{
    CHECK(resource->held_first != RESOURCE_NONE);
    return entry_take(pool, resource, resource->held_first);
}

bool hold_find(const struct hold_pool *pool, uint64_t request, uint32_t *resource)
{
    uint64_t entry;
    if (!map64_get(&pool->by_request, request, &entry))
        return false;
    *resource = pool->entries[entry].resource;
    return true;
}

struct held_request hold_remove(struct hold_pool *pool, struct resource *resource, uint64_t request)
{
    uint64_t entry = 0;
    CHECK(map64_get(&pool->by_request, request, &entry));
    return entry_take(pool, resource, (uint32_t)entry);
}
