/* SPDX-License-Identifier: MIT
 * SIEVE (Zhang et al., NSDI 2024, section 3, algorithm 1): one queue in the order of arrival. A
 * hand goes from the oldest to the newest; what was used since it last came by loses its mark and
 * stays where it is, the first without a mark leaves. */
#include "plan/cache_part.h"

static void sieve_insert(struct cache *cache, uint32_t at)
{
    cache->entries[at].uses = 0;
    cache_link(cache, at, CACHE_MAIN);
}

static void sieve_use(struct cache *cache, uint32_t at)
{
    cache->entries[at].uses = 1;
}

static void sieve_forget(struct cache *cache, uint32_t at)
{
    if (cache->hand == at)
        cache->hand = cache->entries[at].newer;
}

static void sieve_evict(struct cache *cache)
{
    uint32_t oldest = cache->lists[CACHE_MAIN].oldest;
    uint32_t at = cache->hand != CACHE_NONE ? cache->hand : oldest;
    while (cache->entries[at].uses > 0) { /* ends: each pass takes a mark away */
        cache->entries[at].uses = 0;
        at = cache->entries[at].newer != CACHE_NONE ? cache->entries[at].newer : oldest;
    }
    cache->hand = cache->entries[at].newer;
    cache_evict(cache, at);
}

const struct cache_algorithm cache_sieve = {
    .name = "sieve",
    .sentence = "a hand passes over what was used since it last came",
    .insert = sieve_insert,
    .use = sieve_use,
    .forget = sieve_forget,
    .evict = sieve_evict,
};
