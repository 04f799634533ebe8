/* SPDX-License-Identifier: MIT
 * What the files of the cache share: an algorithm's row, and queues of entries. */
#ifndef FOREWARM_PLAN_CACHE_PART_H
#define FOREWARM_PLAN_CACHE_PART_H

#include "plan/cache.h"

struct cache_algorithm {
    const char *name, *sentence;
    /* The entry is new, in no queue; `uses` > 0: its key is remembered from before. */
    void (*insert)(struct cache *cache, uint32_t at);
    void (*use)(struct cache *cache, uint32_t at);
    /* Before an entry, or a key that is remembered, is taken out of its queue by others. NULL:
     * nothing points at it. */
    void (*forget)(struct cache *cache, uint32_t at);
    /* Lets one entry leave; there is one. */
    void (*evict)(struct cache *cache);
};
extern const struct cache_algorithm cache_lru, cache_sieve, cache_s3fifo, cache_lirs;

void cache_link(struct cache *cache, uint32_t at, int queue); /* as the newest */
void cache_unlink(struct cache *cache, uint32_t at);
/* Tells the owner and frees the entry. */
void cache_evict(struct cache *cache, uint32_t at);
/* Tells the owner and keeps the key alone. */
void cache_evict_to_ghost(struct cache *cache, uint32_t at);
void cache_free(struct cache *cache, uint32_t at); /* unlinked before */

#endif
