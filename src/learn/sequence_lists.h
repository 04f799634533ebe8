/* SPDX-License-Identifier: MIT
 * Lists of successors with their counts, most counted first, in one arena of bounded size. A list
 * doubles up to its limit; from there on a newcomer takes the place of the least counted. A list
 * whose counts grow past SEQUENCE_TOTAL_MAX is halved, so that what was long ago fades. */
#ifndef FOREWARM_LEARN_SEQUENCE_LISTS_H
#define FOREWARM_LEARN_SEQUENCE_LISTS_H

#include <stdbool.h>
#include <stdint.h>

enum { SEQUENCE_CLASSES = 10, SEQUENCE_TOTAL_MAX = 1 << 20 };
#define SEQUENCE_NONE UINT32_MAX

struct sequence_entry {
    uint32_t item;
    float count;
};
struct sequence_list {
    uint32_t at; /* first entry in the arena */
    uint16_t count;
    uint8_t class; /* room for 1 << class entries; count 0: none is held */
    float total;   /* sum of the counts */
};
struct sequence_arena {
    struct sequence_entry *entries;
    uint32_t used, capacity, max;
    uint32_t free[SEQUENCE_CLASSES]; /* lists given back, linked by their first entry's item */
};

void sequence_arena_init(struct sequence_arena *arena, uint32_t max_entries);
void sequence_arena_fini(struct sequence_arena *arena);
/* Counts `item` once more by `weight`; at most `limit` entries, up to 1 << (SEQUENCE_CLASSES - 1).
 * When there is no room the least counted makes way. */
void sequence_list_add(struct sequence_arena *arena, struct sequence_list *list, uint32_t item,
                       float weight, uint32_t limit);
void sequence_list_release(struct sequence_arena *arena, struct sequence_list *list);
static inline const struct sequence_entry *sequence_list_entries(const struct sequence_arena *arena,
                                                                 const struct sequence_list *list)
{
    return arena->entries + list->at;
}

#endif
