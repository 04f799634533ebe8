/* SPDX-License-Identifier: MIT
 * Least recently used: one queue in the order of last uses. */
#include "plan/cache_part.h"

static void lru_insert(struct cache *cache, uint32_t at)
{
    cache_link(cache, at, CACHE_MAIN);
}

static void lru_use(struct cache *cache, uint32_t at)
{
    cache_unlink(cache, at);
    cache_link(cache, at, CACHE_MAIN);
}

static void lru_evict(struct cache *cache)
{
    cache_evict(cache, cache->lists[CACHE_MAIN].oldest);
}

const struct cache_algorithm cache_lru = {
    .name = "lru",
    .sentence = "the least recently used leaves",
    .insert = lru_insert,
    .use = lru_use,
    .evict = lru_evict,
};
