/* SPDX-License-Identifier: MIT
 * Deadlines of numbered things. At most one deadline each; the earliest first, ties in the order in
 * which they were set, so that the order never depends on the heap's shape. */
#ifndef FOREWARM_BASE_HEAP_H
#define FOREWARM_BASE_HEAP_H

#include "base/err.h"
#include "base/fetch.h"
#include <stdbool.h>
#include <stdint.h>

struct heap_entry {
    int64_t deadline_ns;
    uint64_t sequence;
    uint32_t id;
};
struct heap {
    struct heap_entry *entries;
    uint32_t count, capacity;
    uint32_t *position; /* of id in entries, + 1; 0 = not there */
    uint32_t position_count;
    uint64_t next_sequence;
};

void heap_init(struct heap *heap);
void heap_fini(struct heap *heap);
/* Sets or moves the deadline of `id`. The same deadline again keeps its place among equals. */
FW_MUST_CHECK enum fw_err heap_set(struct heap *heap, uint32_t id, int64_t deadline_ns);
void heap_remove(struct heap *heap, uint32_t id); /* fine if absent */
bool heap_get(const struct heap *heap, uint32_t id, int64_t *deadline_ns);
/* Brings near what the others will read of this id. */
static inline void heap_fetch(const struct heap *heap, uint32_t id)
{
    if (id < heap->position_count)
        fetch(&heap->position[id], sizeof *heap->position);
}
bool heap_min(const struct heap *heap, uint32_t *id, int64_t *deadline_ns);

#endif
