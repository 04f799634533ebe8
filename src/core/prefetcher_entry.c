/* SPDX-License-Identifier: MIT
 * Entries: how a key becomes known, is held or remembered, and leaves. */
#include "base/check.h"
#include "base/grow.h"
#include "base/time.h"
#include "core/prefetcher_part.h"
#include <stdlib.h>

void prefetcher_list_add(struct prefetcher *p, struct prefetcher_list *list, uint32_t id)
{
    struct prefetcher_entry *e = &p->entries[id];
    e->older = list->youngest;
    e->younger = PREFETCHER_NONE;
    if (list->youngest != PREFETCHER_NONE)
        p->entries[list->youngest].younger = id;
    else
        list->oldest = id;
    list->youngest = id;
    list->count++;
}

void prefetcher_list_remove(struct prefetcher *p, struct prefetcher_list *list, uint32_t id)
{
    struct prefetcher_entry *e = &p->entries[id];
    if (e->older != PREFETCHER_NONE)
        p->entries[e->older].younger = e->younger;
    else
        list->oldest = e->younger;
    if (e->younger != PREFETCHER_NONE)
        p->entries[e->younger].older = e->older;
    else
        list->youngest = e->older;
    list->count--;
}

/* Where memory is short the limit is noticed when somebody asks, not before. */
void prefetcher_set_timer(struct prefetcher *p, uint32_t id, int64_t until_ns)
{
    p->entries[id].until_ns = until_ns;
    if (until_ns == TIME_NEVER)
        heap_remove(&p->timers, id);
    else
        (void)!heap_set(&p->timers, id, until_ns);
}

uint32_t prefetcher_find(const struct prefetcher *p, struct str key)
{
    return prefetcher_names_find(&p->names, key, prefetcher_names_hash(&p->names, key));
}

void prefetcher_forget(struct prefetcher *p, uint32_t id)
{
    struct prefetcher_entry *e = &p->entries[id];
    uint32_t names = e->names;
    CHECK(e->waiters == 0);
    heap_remove(&p->timers, id);
    *e = (struct prefetcher_entry){.names = names, .state = ENTRY_NONE};
    if (names == 0)
        prefetcher_names_remove(&p->names, id);
}

static bool make_room(struct prefetcher *p)
{
    if (p->remembered.count > 0) {
        prefetcher_remove(p, p->remembered.oldest, &p->stats.ahead.evicted);
        return true;
    }
    return cache_shrink(&p->cache);
}

uint32_t prefetcher_intern(struct prefetcher *p, struct str key)
{
    uint64_t hash = prefetcher_names_hash(&p->names, key);
    uint32_t id = prefetcher_names_find(&p->names, key, hash);
    if (id != PREFETCHER_NONE)
        return id;
    enum fw_err err = prefetcher_names_add(&p->names, key, hash, &id);
    while (err == FW_LIMIT && make_room(p))
        err = prefetcher_names_add(&p->names, key, hash, &id);
    if (err != FW_OK)
        return PREFETCHER_NONE;
    if (id >= p->entry_capacity) {
        uint64_t capacity = grow_capacity(p->entry_capacity, (uint64_t)id + 1, UINT32_MAX);
        struct prefetcher_entry *entries = realloc(p->entries, (size_t)capacity * sizeof *entries);
        if (!entries) {
            prefetcher_names_remove(&p->names, id);
            return PREFETCHER_NONE;
        }
        memset(entries + p->entry_capacity, 0,
               (size_t)(capacity - p->entry_capacity) * sizeof *entries);
        p->entries = entries;
        p->entry_capacity = (uint32_t)capacity;
    }
    return id;
}

uint64_t prefetcher_charge(const struct prefetcher *p, uint32_t id, uint64_t bytes)
{
    uint64_t capacity = p->settings.capacity_bytes, entries = p->settings.max_entries;
    uint64_t least = capacity / entries + (capacity % entries != 0);
    if (bytes > capacity)
        return UINT64_MAX;
    bytes += p->names.items[id].len;
    return bytes > least ? bytes : least;
}

/* What it holds is given back; not to the cache's index. */
static void let_go(struct prefetcher *p, uint32_t id, uint64_t *outcome)
{
    struct prefetcher_entry *e = &p->entries[id];
    if (e->flags & ENTRY_AHEAD)
        prefetcher_outcome(p, id, outcome);
    if (e->state == ENTRY_HELD) {
        p->stats.held_bytes -= e->bytes;
        p->stats.held--;
        p->stats.held_used -= (e->flags & ENTRY_USED) != 0;
        p->hooks.left(p->hooks.context, e->value);
    } else {
        prefetcher_list_remove(p, &p->remembered, id);
    }
    e->flags = 0;
    e->state = ENTRY_NONE;
}

void prefetcher_remove(struct prefetcher *p, uint32_t id, uint64_t *outcome)
{
    if (p->entries[id].state == ENTRY_HELD)
        cache_remove(&p->cache, p->names.items[id].stand_in);
    let_go(p, id, outcome);
    prefetcher_forget(p, id);
}

void prefetcher_evicted(void *context, const struct cache_entry *entry)
{
    struct prefetcher *p = context;
    uint32_t id = prefetcher_names_of(&p->names, entry->key);
    CHECK(id != PREFETCHER_NONE && p->entries[id].state == ENTRY_HELD);
    p->stats.evictions++;
    let_go(p, id, &p->stats.ahead.evicted);
    prefetcher_forget(p, id);
}

/* Another value for what is held already; it keeps its place. */
static bool replace(struct prefetcher *p, uint32_t id, uint64_t value, uint64_t bytes,
                    uint64_t charge)
{
    struct prefetcher_entry *e = &p->entries[id];
    uint64_t before = e->value, stand_in = p->names.items[id].stand_in;
    if (e->flags & ENTRY_AHEAD)
        prefetcher_outcome(p, id, &p->stats.ahead.cancelled);
    p->stats.held_bytes += bytes - e->bytes;
    e->value = value;
    e->bytes = bytes;
    e->since_ns = p->now_ns;
    p->hooks.left(p->hooks.context, before);
    /* Should it leave for its own new size, it is told as any other that leaves. */
    (void)!cache_add(&p->cache, stand_in, charge, false);
    return cache_peek(&p->cache, stand_in) != NULL;
}

static bool insert(struct prefetcher *p, uint32_t id, uint64_t value, uint64_t bytes,
                   uint64_t charge, bool ahead)
{
    struct prefetcher_entry *e = &p->entries[id];
    if (ahead && p->cache.bytes + charge > p->cache.capacity)
        p->displaced++;
    /* It is not HELD yet: only others can leave for it. */
    if (cache_add(&p->cache, p->names.items[id].stand_in, charge, ahead) != FW_OK)
        return false;
    e->state = ENTRY_HELD;
    e->value = value;
    e->bytes = bytes;
    e->since_ns = p->now_ns;
    e->failures = 0;
    p->stats.held++;
    p->stats.held_bytes += bytes;
    return true;
}

bool prefetcher_hold(struct prefetcher *p, uint32_t id, uint64_t value, uint64_t bytes,
                     int64_t ttl_ns, bool ahead)
{
    uint64_t charge = prefetcher_charge(p, id, bytes);
    bool held = p->entries[id].state == ENTRY_HELD;
    ttl_ns = ttl_ns < 0 ? p->settings.value_ttl_ns : ttl_ns;
    if (charge > p->settings.capacity_bytes || ttl_ns == 0) {
        p->stats.not_held++;
        return false;
    }
    if (held && !replace(p, id, value, bytes, charge))
        return true; /* it was held, and has left */
    if (!held && !insert(p, id, value, bytes, charge, ahead)) {
        p->stats.not_held++;
        return false;
    }
    prefetcher_set_timer(p, id, time_add(p->now_ns, ttl_ns));
    return true;
}

void prefetcher_remember(struct prefetcher *p, uint32_t id, enum prefetcher_state state,
                         int64_t until_ns)
{
    p->entries[id].state = (uint8_t)state;
    p->entries[id].since_ns = p->now_ns;
    prefetcher_list_add(p, &p->remembered, id);
    prefetcher_set_timer(p, id, until_ns);
    while (p->remembered.count > p->settings.max_keys)
        prefetcher_remove(p, p->remembered.oldest, &p->stats.ahead.evicted);
}
