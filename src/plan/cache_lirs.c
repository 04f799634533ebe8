/* SPDX-License-Identifier: MIT
 * LIRS (Jiang and Zhang, SIGMETRICS 2002, section 3): what counts is not how long ago the last use
 * was, but how many others were used between the last two. Entries with a short such distance
 * ("LIR", CACHE_MAIN) take nearly all of the room; the others ("HIR", CACHE_SMALL) pass through the
 * rest of it. A stack holds, by last use, all LIR entries and what was used since the oldest of
 * them, held or not (CACHE_GHOST): who is used again while it is there has a shorter distance than
 * that one, and takes its place. */
#include "plan/cache_part.h"

enum { HIR_SHARE = 100, GHOSTS_MOST = 2 /* times the room */ };

static void stack_push(struct cache *cache, uint32_t at)
{
    struct cache_entry *entry = &cache->entries[at];
    entry->stack_newer = CACHE_NONE;
    entry->stack_older = cache->stack_newest;
    entry->in_stack = true;
    if (cache->stack_newest != CACHE_NONE)
        cache->entries[cache->stack_newest].stack_newer = at;
    else
        cache->stack_oldest = at;
    cache->stack_newest = at;
}

static void stack_remove(struct cache *cache, uint32_t at)
{
    struct cache_entry *entry = &cache->entries[at];
    if (entry->stack_newer != CACHE_NONE)
        cache->entries[entry->stack_newer].stack_older = entry->stack_older;
    else
        cache->stack_newest = entry->stack_older;
    if (entry->stack_older != CACHE_NONE)
        cache->entries[entry->stack_older].stack_newer = entry->stack_newer;
    else
        cache->stack_oldest = entry->stack_newer;
    entry->in_stack = false;
}

static void drop_ghost(struct cache *cache, uint32_t at)
{
    stack_remove(cache, at);
    cache_unlink(cache, at);
    cache_free(cache, at);
}

/* The oldest of the stack is LIR, always. */
static void prune(struct cache *cache)
{
    for (uint32_t at; (at = cache->stack_oldest) != CACHE_NONE;) {
        if (cache->entries[at].queue == CACHE_MAIN)
            return;
        if (cache->entries[at].queue == CACHE_GHOST)
            drop_ghost(cache, at);
        else
            stack_remove(cache, at);
    }
}

static uint64_t lir_room(const struct cache *cache)
{
    uint64_t share = cache->capacity / HIR_SHARE;
    return cache->capacity - cache->lists[CACHE_PROBATION].bytes - (share > 0 ? share : 1);
}

/* Who joined the LIR entries makes those with the longest distance leave them. */
static void demote(struct cache *cache)
{
    const struct cache_list *lir = &cache->lists[CACHE_MAIN];
    while (lir->count > 1 && lir->bytes > lir_room(cache)) {
        uint32_t at = cache->stack_oldest;
        stack_remove(cache, at);
        cache_unlink(cache, at);
        cache_link(cache, at, CACHE_SMALL);
        prune(cache);
    }
}

static void lirs_insert(struct cache *cache, uint32_t at)
{
    struct cache_entry *entry = &cache->entries[at];
    bool known = entry->uses > 0;
    entry->uses = 0;
    stack_push(cache, at);
    if (known || cache->lists[CACHE_MAIN].bytes + entry->bytes <= lir_room(cache)) {
        cache_link(cache, at, CACHE_MAIN);
        demote(cache);
        prune(cache);
    } else {
        cache_link(cache, at, CACHE_SMALL);
    }
}

static void lirs_use(struct cache *cache, uint32_t at)
{
    struct cache_entry *entry = &cache->entries[at];
    bool near = entry->in_stack;
    int queue = near ? CACHE_MAIN : CACHE_SMALL;
    if (near)
        stack_remove(cache, at);
    stack_push(cache, at);
    if (entry->queue != CACHE_MAIN) {
        cache_unlink(cache, at);
        cache_link(cache, at, queue);
        demote(cache);
    }
    prune(cache);
}

static void lirs_forget(struct cache *cache, uint32_t at)
{
    if (!cache->entries[at].in_stack)
        return;
    bool oldest = cache->stack_oldest == at;
    stack_remove(cache, at);
    if (oldest)
        prune(cache);
}

static void lirs_evict(struct cache *cache)
{
    const struct cache_list *hir = &cache->lists[CACHE_SMALL], *ghosts = &cache->lists[CACHE_GHOST];
    uint32_t at = hir->count > 0 ? hir->oldest : cache->stack_oldest;
    if (hir->count > 0 && cache->entries[at].in_stack) {
        cache_evict_to_ghost(cache, at);
        while (ghosts->bytes / GHOSTS_MOST > cache->capacity)
            drop_ghost(cache, ghosts->oldest);
        return;
    }
    if (cache->entries[at].in_stack)
        stack_remove(cache, at);
    cache_evict(cache, at);
    prune(cache);
}

const struct cache_algorithm cache_lirs = {
    .name = "lirs",
    .sentence = "what was used twice within a short distance stays",
    .insert = lirs_insert,
    .use = lirs_use,
    .forget = lirs_forget,
    .evict = lirs_evict,
};
