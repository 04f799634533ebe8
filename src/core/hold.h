/* SPDX-License-Identifier: MIT
 * Requests that wait for their resource: one bounded pool, a first-in first-out list a resource. */
#ifndef FOREWARM_CORE_HOLD_H
#define FOREWARM_CORE_HOLD_H

#include "base/table.h"
#include "core/resource.h"

struct held_request {
    uint64_t request;
    int64_t at_ns;
    uint32_t resource;
    uint32_t next, previous; /* in the resource's list; `next` also chains free entries */
};
struct hold_pool {
    struct held_request *entries;
    uint32_t count, capacity, max, free_first, used;
    struct map64 by_request;
};

void hold_init(struct hold_pool *pool, uint32_t max);
void hold_fini(struct hold_pool *pool);
/* FW_LIMIT when the pool is full. */
FW_MUST_CHECK enum fw_err hold_add(struct hold_pool *pool, struct resource *resource,
                                   uint32_t number, uint64_t request, int64_t at_ns);
/* The oldest request of the resource, or NULL. */
const struct held_request *hold_first(const struct hold_pool *pool,
                                      const struct resource *resource);
/* Takes the oldest out. */
struct held_request hold_take(struct hold_pool *pool, struct resource *resource);
bool hold_find(const struct hold_pool *pool, uint64_t request, uint32_t *resource);
/* Takes a request out of the middle; it must be held for this resource. */
struct held_request hold_remove(struct hold_pool *pool, struct resource *resource,
                                uint64_t request);

#endif
