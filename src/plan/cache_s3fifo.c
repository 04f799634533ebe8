/* SPDX-License-Identifier: MIT
 * S3-FIFO (Yang et al., SOSP 2023, section 4.1, algorithm 1): new entries come into a small queue,
 * a tenth of the room; those used more than once there go on to the main queue, the others leave
 * and their keys are remembered for a while: who comes back goes to the main queue at once. There
 * an entry gets another round for each use, three at most. */
#include "plan/cache_part.h"

enum { SMALL_SHARE = 10, USES_MAX = 3, GHOST_TENTHS = 9 };

static void s3fifo_insert(struct cache *cache, uint32_t at)
{
    struct cache_entry *entry = &cache->entries[at];
    int queue = entry->uses > 0 ? CACHE_MAIN : CACHE_SMALL;
    entry->uses = 0;
    cache_link(cache, at, queue);
}

static void s3fifo_use(struct cache *cache, uint32_t at)
{
    if (cache->entries[at].uses < USES_MAX)
        cache->entries[at].uses++;
}

static void remember(struct cache *cache, uint32_t at)
{
    cache_evict_to_ghost(cache, at);
    uint64_t most = cache->capacity / 10 * GHOST_TENTHS + cache->capacity % 10 * GHOST_TENTHS / 10;
    const struct cache_list *ghosts = &cache->lists[CACHE_GHOST];
    while (ghosts->bytes > most) {
        uint32_t oldest = ghosts->oldest;
        cache_unlink(cache, oldest);
        cache_free(cache, oldest);
    }
}

/* False: all of them went on to the main queue. */
static bool evict_small(struct cache *cache)
{
    while (cache->lists[CACHE_SMALL].count > 0) {
        uint32_t at = cache->lists[CACHE_SMALL].oldest;
        if (cache->entries[at].uses <= 1) {
            remember(cache, at);
            return true;
        }
        cache_unlink(cache, at);
        cache->entries[at].uses = 0;
        cache_link(cache, at, CACHE_MAIN);
    }
    return false;
}

static void s3fifo_evict(struct cache *cache)
{
    uint64_t share = cache->capacity / SMALL_SHARE;
    bool small = cache->lists[CACHE_SMALL].bytes >= (share > 0 ? share : 1);
    if ((small || cache->lists[CACHE_MAIN].count == 0) && evict_small(cache))
        return;
    for (;;) { /* ends: each round takes a use away */
        uint32_t at = cache->lists[CACHE_MAIN].oldest;
        if (cache->entries[at].uses == 0) {
            cache_evict(cache, at);
            return;
        }
        cache->entries[at].uses--;
        cache_unlink(cache, at);
        cache_link(cache, at, CACHE_MAIN);
    }
}

const struct cache_algorithm cache_s3fifo = {
    .name = "s3fifo",
    .sentence = "a small queue keeps what is used once out of the large one",
    .insert = s3fifo_insert,
    .use = s3fifo_use,
    .evict = s3fifo_evict,
};
