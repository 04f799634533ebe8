/* SPDX-License-Identifier: MIT
 * Entries lie in one array and are found by a hash of keys; queues are linked through them. The
 * algorithm knows queues alone. */
#include "base/check.h"
#include "base/grow.h"
#include "plan/cache_part.h"
#include <stdlib.h>

static const struct cache_algorithm *const algorithms[CACHE_ALGORITHM_COUNT] = {
    [CACHE_LRU] = &cache_lru,
    [CACHE_SIEVE] = &cache_sieve,
    [CACHE_S3FIFO] = &cache_s3fifo,
    [CACHE_LIRS] = &cache_lirs,
};

void cache_init(struct cache *cache, int algorithm, uint64_t capacity)
{
    CHECK(algorithm >= 0 && algorithm < CACHE_ALGORITHM_COUNT && capacity > 0);
    *cache = (struct cache){.algorithm = algorithms[algorithm],
                            .capacity = capacity,
                            .free = CACHE_NONE,
                            .hand = CACHE_NONE,
                            .stack_newest = CACHE_NONE,
                            .stack_oldest = CACHE_NONE};
    map64_init(&cache->index, CACHE_ENTRIES_MAX);
    for (int queue = 0; queue < CACHE_QUEUES; queue++)
        cache->lists[queue] = (struct cache_list){CACHE_NONE, CACHE_NONE, 0, 0};
}

void cache_fini(struct cache *cache)
{
    map64_fini(&cache->index);
    free(cache->entries);
    *cache = (struct cache){0};
}

const char *cache_algorithm_name(int algorithm)
{
    return algorithms[algorithm]->name;
}

const char *cache_algorithm_sentence(int algorithm)
{
    return algorithms[algorithm]->sentence;
}

void cache_link(struct cache *cache, uint32_t at, int queue)
{
    struct cache_entry *entry = &cache->entries[at];
    struct cache_list *list = &cache->lists[queue];
    entry->queue = (uint8_t)queue;
    entry->newer = CACHE_NONE;
    entry->older = list->newest;
    if (list->newest != CACHE_NONE)
        cache->entries[list->newest].newer = at;
    else
        list->oldest = at;
    list->newest = at;
    list->count++;
    list->bytes += entry->bytes;
    if (queue != CACHE_GHOST)
        cache->bytes += entry->bytes;
}

void cache_unlink(struct cache *cache, uint32_t at)
{
    struct cache_entry *entry = &cache->entries[at];
    struct cache_list *list = &cache->lists[entry->queue];
    if (entry->newer != CACHE_NONE)
        cache->entries[entry->newer].older = entry->older;
    else
        list->newest = entry->older;
    if (entry->older != CACHE_NONE)
        cache->entries[entry->older].newer = entry->newer;
    else
        list->oldest = entry->newer;
    list->count--;
    list->bytes -= entry->bytes;
    if (entry->queue != CACHE_GHOST)
        cache->bytes -= entry->bytes;
    entry->queue = CACHE_FREE;
}

void cache_free(struct cache *cache, uint32_t at)
{
    map64_remove(&cache->index, cache->entries[at].key, NULL);
    cache->entries[at].older = cache->free;
    cache->free = at;
}

void cache_evict(struct cache *cache, uint32_t at)
{
    if (cache->evicted)
        cache->evicted(cache->context, &cache->entries[at]);
    cache_unlink(cache, at);
    cache_free(cache, at);
}

void cache_evict_to_ghost(struct cache *cache, uint32_t at)
{
    if (cache->evicted)
        cache->evicted(cache->context, &cache->entries[at]);
    cache_unlink(cache, at);
    cache_link(cache, at, CACHE_GHOST);
}

/* Held or remembered. */
static uint32_t find(const struct cache *cache, uint64_t key)
{
    uint64_t at;
    return map64_get(&cache->index, key, &at) ? (uint32_t)at : CACHE_NONE;
}

const struct cache_entry *cache_peek(const struct cache *cache, uint64_t key)
{
    uint32_t at = find(cache, key);
    return at != CACHE_NONE && cache->entries[at].queue != CACHE_GHOST ? &cache->entries[at] : NULL;
}

/* The first use of what was fetched ahead: from now on an entry like others. */
static void pass_probation(struct cache *cache, uint32_t at)
{
    cache_unlink(cache, at);
    cache->algorithm->insert(cache, at);
}

bool cache_use(struct cache *cache, uint64_t key)
{
    uint32_t at = find(cache, key);
    if (at == CACHE_NONE || cache->entries[at].queue == CACHE_GHOST)
        return false;
    if (cache->entries[at].queue == CACHE_PROBATION)
        pass_probation(cache, at);
    else
        cache->algorithm->use(cache, at);
    return true;
}

static bool probation_over(const struct cache *cache, uint64_t more, uint32_t entries)
{
    const struct cache_list *list = &cache->lists[CACHE_PROBATION];
    uint64_t bytes = list->bytes + more;
    return bytes > cache->capacity / CACHE_PROBATION_MOST ||
           (bytes > cache->capacity / CACHE_PROBATION_SHARE &&
            list->count + entries > CACHE_PROBATION_ENTRIES);
}

/* The oldest guess has had its time: what was used would leave for it. */
static bool probation_stale(const struct cache *cache)
{
    const struct cache_list *list = &cache->lists[CACHE_PROBATION];
    uint32_t ghosts = cache->lists[CACHE_GHOST].count;
    uint32_t life = ((uint32_t)cache->index.count - ghosts) / CACHE_PROBATION_SHARE;
    life = life > CACHE_PROBATION_LIFE ? life : CACHE_PROBATION_LIFE;
    return cache->additions - cache->entries[list->oldest].added > life;
}

static void evict_next(struct cache *cache)
{
    const struct cache_list *probation = &cache->lists[CACHE_PROBATION];
    bool only = probation->bytes == cache->bytes;
    if (probation->count > 0 && (only || probation_over(cache, 0, 0) || probation_stale(cache)))
        cache_evict(cache, probation->oldest);
    else
        cache->algorithm->evict(cache);
}

static void make_room(struct cache *cache, uint64_t bytes, bool ahead)
{
    const struct cache_list *probation = &cache->lists[CACHE_PROBATION];
    while (ahead && probation->count > 0 && probation_over(cache, bytes, 1))
        cache_evict(cache, probation->oldest);
    while (cache->bytes > cache->capacity - bytes)
        evict_next(cache);
}

bool cache_shrink(struct cache *cache)
{
    if (cache->bytes == 0)
        return false;
    evict_next(cache);
    return true;
}

/* A free entry with this key in the index, so that nothing can fail afterwards. */
static enum fw_err new_entry(struct cache *cache, uint64_t key, uint32_t *at)
{
    if (cache->free == CACHE_NONE && cache->entry_count == cache->entry_capacity) {
        if (cache->entry_count == CACHE_ENTRIES_MAX)
            return FW_LIMIT;
        uint64_t capacity =
            grow_capacity(cache->entry_capacity, cache->entry_count + 1, CACHE_ENTRIES_MAX);
        struct cache_entry *entries = realloc(cache->entries, (size_t)capacity * sizeof *entries);
        if (!entries)
            return FW_NOMEM;
        cache->entries = entries;
        cache->entry_capacity = (uint32_t)capacity;
    }
    uint32_t next = cache->free != CACHE_NONE ? cache->free : cache->entry_count;
    FW_TRY(map64_set(&cache->index, key, next));
    if (cache->free != CACHE_NONE)
        cache->free = cache->entries[next].older;
    else
        cache->entry_count++;
    *at = next;
    return FW_OK;
}

static void take_out(struct cache *cache, uint32_t at)
{
    if (cache->algorithm->forget)
        cache->algorithm->forget(cache, at);
    cache_unlink(cache, at);
}

/* Another size for what is held; the entry keeps its place while others leave, or leaves itself if
 * it is the next to go. */
static void resize(struct cache *cache, uint32_t at, uint64_t bytes)
{
    struct cache_entry *entry = &cache->entries[at];
    cache->lists[entry->queue].bytes += bytes - entry->bytes;
    cache->bytes += bytes - entry->bytes;
    entry->bytes = bytes;
    make_room(cache, 0, false);
}

enum fw_err cache_add(struct cache *cache, uint64_t key, uint64_t bytes, bool ahead)
{
    bytes = bytes > 0 ? bytes : 1;
    if (bytes > (ahead ? cache->capacity / CACHE_PROBATION_MOST : cache->capacity))
        return FW_LIMIT;
    uint32_t at = find(cache, key);
    if (at != CACHE_NONE && cache->entries[at].queue != CACHE_GHOST) {
        if (!ahead && cache->entries[at].queue == CACHE_PROBATION)
            pass_probation(cache, at);
        if (cache->entries[at].bytes != bytes)
            resize(cache, at, bytes);
        return FW_OK;
    }
    uint8_t uses = at != CACHE_NONE; /* its key is remembered */
    if (at == CACHE_NONE)
        FW_TRY(new_entry(cache, key, &at));
    else
        take_out(cache, at);
    cache->entries[at] = (struct cache_entry){.key = key,
                                              .bytes = bytes,
                                              .added = cache->additions++,
                                              .newer = CACHE_NONE,
                                              .older = CACHE_NONE,
                                              .uses = uses};
    make_room(cache, bytes, ahead);
    if (ahead)
        cache_link(cache, at, CACHE_PROBATION);
    else
        cache->algorithm->insert(cache, at);
    return FW_OK;
}

bool cache_remove(struct cache *cache, uint64_t key)
{
    uint32_t at = find(cache, key);
    if (at == CACHE_NONE || cache->entries[at].queue == CACHE_GHOST)
        return false;
    take_out(cache, at);
    cache_free(cache, at);
    return true;
}
