/* SPDX-License-Identifier: MIT */
#include "learn/sequence_lists.h"
#include "base/grow.h"
#include <stdlib.h>
#include <string.h>

void sequence_arena_init(struct sequence_arena *arena, uint32_t max_entries)
{
    *arena = (struct sequence_arena){.max = max_entries};
    for (int i = 0; i < SEQUENCE_CLASSES; i++)
        arena->free[i] = SEQUENCE_NONE;
}

void sequence_arena_fini(struct sequence_arena *arena)
{
    free(arena->entries);
    *arena = (struct sequence_arena){0};
}

static uint32_t take(struct sequence_arena *arena, int class)
{
    uint32_t at = arena->free[class], size = 1u << class;
    if (at != SEQUENCE_NONE) {
        arena->free[class] = arena->entries[at].item;
        return at;
    }
    if (size > arena->max - arena->used)
        return SEQUENCE_NONE;
    if (arena->used + size > arena->capacity) {
        uint32_t capacity =
            (uint32_t)grow_capacity(arena->capacity, arena->used + size, arena->max);
        struct sequence_entry *entries =
            realloc(arena->entries, (size_t)capacity * sizeof *entries);
        if (!entries)
            return SEQUENCE_NONE;
        arena->entries = entries;
        arena->capacity = capacity;
    }
    at = arena->used;
    arena->used += size;
    return at;
}

static void give(struct sequence_arena *arena, uint32_t at, int class)
{
    arena->entries[at].item = arena->free[class];
    arena->free[class] = at;
}

void sequence_list_release(struct sequence_arena *arena, struct sequence_list *list)
{
    if (list->count > 0)
        give(arena, list->at, list->class);
    *list = (struct sequence_list){0};
}

/* Room for one more entry; false if there is none. */
static bool make_room(struct sequence_arena *arena, struct sequence_list *list, uint32_t limit)
{
    if (list->count == 0) {
        uint32_t at = take(arena, 0);
        if (at == SEQUENCE_NONE)
            return false;
        *list = (struct sequence_list){.at = at};
        return true;
    }
    if (list->count >= limit)
        return false;
    if (list->count < 1u << list->class)
        return true;
    if (list->class + 1 >= SEQUENCE_CLASSES)
        return false;
    uint32_t at = take(arena, list->class + 1);
    if (at == SEQUENCE_NONE)
        return false;
    memcpy(arena->entries + at, arena->entries + list->at, list->count * sizeof *arena->entries);
    give(arena, list->at, list->class);
    list->at = at;
    list->class ++;
    return true;
}

static void halve(struct sequence_arena *arena, struct sequence_list *list)
{
    struct sequence_entry *entries = arena->entries + list->at;
    uint16_t kept = 0;
    list->total = 0;
    for (uint16_t i = 0; i < list->count; i++) {
        entries[i].count *= 0.5f;
        if (i > 0 && entries[i].count < 0.5f)
            continue;
        entries[kept++] = entries[i];
        list->total += entries[i].count;
    }
    list->count = kept;
}

void sequence_list_add(struct sequence_arena *arena, struct sequence_list *list, uint32_t item,
                       float weight, uint32_t limit)
{
    struct sequence_entry *entries = list->count ? arena->entries + list->at : NULL;
    uint16_t i = 0;
    while (i < list->count && entries[i].item != item)
        i++;
    if (i == list->count) {
        if (make_room(arena, list, limit)) {
            list->count++;
        } else if (list->count > 0) {
            i = (uint16_t)(list->count - 1);
            list->total -= arena->entries[list->at + i].count;
        } else {
            return;
        }
        entries = arena->entries + list->at;
        entries[i] = (struct sequence_entry){item, 0};
    }
    entries[i].count += weight;
    list->total += weight;
    for (; i > 0 && entries[i].count > entries[i - 1].count; i--) {
        struct sequence_entry above = entries[i - 1];
        entries[i - 1] = entries[i];
        entries[i] = above;
    }
    if (list->total > (float)SEQUENCE_TOTAL_MAX)
        halve(arena, list);
}
