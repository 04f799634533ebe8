/* SPDX-License-Identifier: MIT
 * Linear probing over powers of two. Slots hold numbers, keys lie one after another in an arena: a
 * look-up touches one slot, one key row and the key's bytes. */
#include "base/table.h"
#include "base/check.h"
#include "base/grow.h"
#include <stdlib.h>

enum { SLOTS_MIN = 16 };
/* Part of no stored format: only where keys lie depends on it, never the order they come in. */
static const uint64_t table_seed = UINT64_C(0x9E3779B97F4A7C15);

void table_init(struct table *table, uint32_t max)
{
    *table = (struct table){.max = max < TABLE_NONE ? max : TABLE_NONE - 1};
}

void table_fini(struct table *table)
{
    free(table->slots);
    free(table->keys);
    free(table->arena);
    *table = (struct table){0};
}

struct str table_key(const struct table *table, uint32_t number)
{
    CHECK(number < table->count);
    const struct table_key *key = &table->keys[number];
    return (struct str){table->arena + key->offset, key->len};
}

/* The slot of the key, or the free one where it belongs. Needs slots. */
static uint32_t find_slot(const struct table *table, struct str key, uint32_t hash)
{
    uint32_t mask = table->slot_count - 1;
    for (uint32_t at = hash & mask;; at = (at + 1) & mask) {
        uint32_t held = table->slots[at];
        if (held == 0)
            return at;
        const struct table_key *row = &table->keys[held - 1];
        if (row->hash == hash && str_equal(key, (struct str){table->arena + row->offset, row->len}))
            return at;
    }
}

static enum fw_err grow_slots(struct table *table)
{
    uint64_t count = table->slot_count ? (uint64_t)table->slot_count * 2 : SLOTS_MIN;
    if (count > UINT32_C(1) << 31)
        return FW_LIMIT;
    uint32_t *slots = calloc((size_t)count, sizeof *slots);
    if (!slots)
        return FW_NOMEM;
    uint32_t mask = (uint32_t)count - 1;
    for (uint32_t number = 0; number < table->count; number++) {
        uint32_t at = table->keys[number].hash & mask;
        while (slots[at] != 0)
            at = (at + 1) & mask;
        slots[at] = number + 1;
    }
    free(table->slots);
    table->slots = slots;
    table->slot_count = (uint32_t)count;
    return FW_OK;
}

static enum fw_err grow_keys(struct table *table)
{
    uint64_t capacity = grow_capacity(table->keys_capacity, table->count + 1, table->max);
    struct table_key *keys = realloc(table->keys, (size_t)capacity * sizeof *keys);
    if (!keys)
        return FW_NOMEM;
    table->keys = keys;
    table->keys_capacity = (uint32_t)capacity;
    return FW_OK;
}

static enum fw_err grow_arena(struct table *table, size_t needed)
{
    size_t capacity = grow_capacity(table->arena_capacity, needed, UINT32_MAX);
    char *arena = realloc(table->arena, capacity);
    if (!arena)
        return FW_NOMEM;
    table->arena = arena;
    table->arena_capacity = capacity;
    return FW_OK;
}

/* Room for one more key of this length, in every part, before anything changes. */
static enum fw_err make_room(struct table *table, size_t len)
{
    if (table->count >= table->max)
        return FW_LIMIT;
    if (len > UINT32_MAX || table->arena_len > UINT32_MAX - len)
        return FW_LIMIT;
    if (table->count == table->keys_capacity)
        FW_TRY(grow_keys(table));
    if (table->arena_len + len > table->arena_capacity || !table->arena)
        FW_TRY(grow_arena(table, table->arena_len + len));
    if (((uint64_t)table->count + 1) * 4 > (uint64_t)table->slot_count * 3)
        FW_TRY(grow_slots(table));
    return FW_OK;
}

static uint32_t hash_key(struct str key)
{
    return (uint32_t)str_hash(key.data, key.len, table_seed);
}

enum fw_err table_add(struct table *table, struct str key, uint32_t *number, bool *added)
{
    uint32_t hash = hash_key(key);
    if (added)
        *added = false;
    if (table->slot_count > 0) {
        uint32_t held = table->slots[find_slot(table, key, hash)];
        if (held != 0) {
            *number = held - 1;
            return FW_OK;
        }
    }
    FW_TRY(make_room(table, key.len));
    uint32_t at = find_slot(table, key, hash);
    if (key.len > 0)
        memcpy(table->arena + table->arena_len, key.data, key.len);
    table->keys[table->count] =
        (struct table_key){(uint32_t)table->arena_len, (uint32_t)key.len, hash};
    table->arena_len += key.len;
    table->slots[at] = ++table->count;
    *number = table->count - 1;
    if (added)
        *added = true;
    return FW_OK;
}

uint32_t table_find(const struct table *table, struct str key)
{
    if (table->slot_count == 0)
        return TABLE_NONE;
    uint32_t held = table->slots[find_slot(table, key, hash_key(key))];
    return held != 0 ? held - 1 : TABLE_NONE;
}

void map64_init(struct map64 *map, size_t max)
{
    *map = (struct map64){.max = max};
}

void map64_fini(struct map64 *map)
{
    free(map->slots);
    *map = (struct map64){0};
}

/* Keys are often small numbers or pointers: the finalizer of MurmurHash3 (Appleby) spreads every
 * bit. */
static size_t map64_home(const struct map64 *map, uint64_t key)
{
    key ^= key >> 33;
    key *= UINT64_C(0xFF51AFD7ED558CCD);
    key ^= key >> 33;
    key *= UINT64_C(0xC4CEB9FE1A85EC53);
    key ^= key >> 33;
    return (size_t)key & (map->slot_count - 1);
}

static size_t map64_slot(const struct map64 *map, uint64_t key)
{
    size_t at = map64_home(map, key);
    while (map->slots[at].used && map->slots[at].key != key)
        at = (at + 1) & (map->slot_count - 1);
    return at;
}

static enum fw_err map64_grow(struct map64 *map)
{
    struct map64 bigger = {.slot_count = map->slot_count ? map->slot_count * 2 : SLOTS_MIN};
    bigger.slots = calloc(bigger.slot_count, sizeof *bigger.slots);
    if (!bigger.slots)
        return FW_NOMEM;
    for (size_t i = 0; i < map->slot_count; i++)
        if (map->slots[i].used)
            bigger.slots[map64_slot(&bigger, map->slots[i].key)] = map->slots[i];
    free(map->slots);
    map->slots = bigger.slots;
    map->slot_count = bigger.slot_count;
    return FW_OK;
}

enum fw_err map64_set(struct map64 *map, uint64_t key, uint64_t value)
{
    if (map->slot_count > 0) {
        struct map64_slot *slot = &map->slots[map64_slot(map, key)];
        if (slot->used) {
            slot->value = value;
            return FW_OK;
        }
    }
    if (map->count >= map->max)
        return FW_LIMIT;
    if ((map->count + 1) * 3 > map->slot_count * 2)
        FW_TRY(map64_grow(map));
    map->slots[map64_slot(map, key)] = (struct map64_slot){key, value, true};
    map->count++;
    return FW_OK;
}

bool map64_get(const struct map64 *map, uint64_t key, uint64_t *value)
{
    if (map->count == 0)
        return false;
    const struct map64_slot *slot = &map->slots[map64_slot(map, key)];
    if (slot->used)
        *value = slot->value;
    return slot->used;
}

/* Closes the gap by moving later entries of the run back, so that no tombstones build up (Knuth,
 * The Art of Computer Programming 3, 6.4, algorithm R). */
static void map64_close_gap(struct map64 *map, size_t gap)
{
    size_t mask = map->slot_count - 1;
    for (size_t at = (gap + 1) & mask; map->slots[at].used; at = (at + 1) & mask) {
        size_t home = map64_home(map, map->slots[at].key);
        if (((at - home) & mask) >= ((at - gap) & mask)) {
            map->slots[gap] = map->slots[at];
            gap = at;
        }
    }
    map->slots[gap] = (struct map64_slot){0};
}

bool map64_remove(struct map64 *map, uint64_t key, uint64_t *value)
{
    if (map->count == 0)
        return false;
    size_t at = map64_slot(map, key);
    if (!map->slots[at].used)
        return false;
    if (value)
        *value = map->slots[at].value;
    map64_close_gap(map, at);
    map->count--;
    return true;
}
