/* SPDX-License-Identifier: MIT
 * A 4-ary heap: half the levels of a binary one, and the children of an entry lie side by side in
 * memory. */
#include "base/heap.h"
#include "base/grow.h"
#include <stdlib.h>

enum { ARITY = 4, COUNT_MAX = INT32_MAX };

void heap_init(struct heap *heap)
{
    *heap = (struct heap){0};
}

void heap_fini(struct heap *heap)
{
    free(heap->entries);
    free(heap->position);
    *heap = (struct heap){0};
}

static inline bool before(const struct heap_entry *a, const struct heap_entry *b)
{
    return a->deadline_ns < b->deadline_ns ||
           (a->deadline_ns == b->deadline_ns && a->sequence < b->sequence);
}

static inline void place(struct heap *heap, uint32_t at, const struct heap_entry *entry)
{
    heap->entries[at] = *entry;
    heap->position[entry->id] = at + 1;
}

/* Puts `entry` at `at` or above. */
static void sift_up(struct heap *heap, uint32_t at, struct heap_entry entry)
{
    while (at > 0) {
        uint32_t parent = (at - 1) / ARITY;
        if (!before(&entry, &heap->entries[parent]))
            break;
        place(heap, at, &heap->entries[parent]);
        at = parent;
    }
    place(heap, at, &entry);
}

/* Puts `entry` at `at` or below. */
static void sift_down(struct heap *heap, uint32_t at, struct heap_entry entry)
{
    for (;;) {
        uint64_t first = (uint64_t)at * ARITY + 1;
        if (first >= heap->count)
            break;
        uint32_t least = (uint32_t)first;
        uint64_t end = first + ARITY < heap->count ? first + ARITY : heap->count;
        for (uint32_t child = least + 1; child < end; child++)
            if (before(&heap->entries[child], &heap->entries[least]))
                least = child;
        if (!before(&heap->entries[least], &entry))
            break;
        place(heap, at, &heap->entries[least]);
        at = least;
    }
    place(heap, at, &entry);
}

static void settle(struct heap *heap, uint32_t at, struct heap_entry entry)
{
    if (at > 0 && before(&entry, &heap->entries[(at - 1) / ARITY]))
        sift_up(heap, at, entry);
    else
        sift_down(heap, at, entry);
}

static enum fw_err grow_entries(struct heap *heap)
{
    if (heap->capacity == COUNT_MAX)
        return FW_LIMIT;
    uint32_t capacity = (uint32_t)grow_capacity(heap->capacity, heap->count + 1, COUNT_MAX);
    struct heap_entry *entries = realloc(heap->entries, capacity * sizeof *entries);
    if (!entries)
        return FW_NOMEM;
    heap->entries = entries;
    heap->capacity = capacity;
    return FW_OK;
}

static enum fw_err grow_position(struct heap *heap, uint32_t id)
{
    if (id >= COUNT_MAX)
        return FW_LIMIT;
    uint32_t count = (uint32_t)grow_capacity(heap->position_count, (uint64_t)id + 1, COUNT_MAX);
    uint32_t *position = realloc(heap->position, count * sizeof *position);
    if (!position)
        return FW_NOMEM;
    for (uint32_t i = heap->position_count; i < count; i++)
        position[i] = 0;
    heap->position = position;
    heap->position_count = count;
    return FW_OK;
}

static uint32_t position_of(const struct heap *heap, uint32_t id)
{
    return id < heap->position_count ? heap->position[id] : 0;
}

enum fw_err heap_set(struct heap *heap, uint32_t id, int64_t deadline_ns)
{
    uint32_t position = position_of(heap, id);
    if (position != 0) {
        struct heap_entry *held = &heap->entries[position - 1];
        if (held->deadline_ns != deadline_ns)
            settle(heap, position - 1, (struct heap_entry){deadline_ns, heap->next_sequence++, id});
        return FW_OK;
    }
    if (id >= heap->position_count)
        FW_TRY(grow_position(heap, id));
    if (heap->count == heap->capacity)
        FW_TRY(grow_entries(heap));
    heap->count++;
    sift_up(heap, heap->count - 1, (struct heap_entry){deadline_ns, heap->next_sequence++, id});
    return FW_OK;
}

void heap_remove(struct heap *heap, uint32_t id)
{
    uint32_t position = position_of(heap, id);
    if (position == 0)
        return;
    heap->position[id] = 0;
    heap->count--;
    if (position - 1 < heap->count)
        settle(heap, position - 1, heap->entries[heap->count]);
}

bool heap_get(const struct heap *heap, uint32_t id, int64_t *deadline_ns)
{
    uint32_t position = position_of(heap, id);
    if (position == 0)
        return false;
    *deadline_ns = heap->entries[position - 1].deadline_ns;
    return true;
}

bool heap_min(const struct heap *heap, uint32_t *id, int64_t *deadline_ns)
{
    if (heap->count == 0)
        return false;
    *id = heap->entries[0].id;
    *deadline_ns = heap->entries[0].deadline_ns;
    return true;
}
