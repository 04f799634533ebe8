/* SPDX-License-Identifier: MIT
 * Short rows of items with counts, most counted first, 4 bytes an entry, in one arena of bounded
 * size. A row doubles up to its limit; from there on a newcomer takes the place of the least
 * counted. When a count no longer fits, the row is halved, so that what was long ago fades. */
#ifndef FOREWARM_LEARN_SEQUENCE_ROWS_H
#define FOREWARM_LEARN_SEQUENCE_ROWS_H

#include <stdbool.h>
#include <stdint.h>

enum { SEQUENCE_ROW_CLASSES = 7, SEQUENCE_ROW_MIN = 4 };
#define SEQUENCE_NONE UINT32_MAX

struct sequence_row {
    uint32_t at;    /* in the arena: `room` items, then their counts */
    uint32_t total; /* of the counts; of those of former entries too */
    uint16_t count;
    uint8_t class; /* room for 4 << class entries; meaningless while `count` is 0 */
};
struct sequence_words {
    uint16_t *words; /* two an entry */
    uint32_t used, capacity, max;
    uint32_t free[SEQUENCE_ROW_CLASSES]; /* blocks given back, linked by their first two words */
};

void sequence_words_init(struct sequence_words *arena, uint32_t max_words);
void sequence_words_fini(struct sequence_words *arena);
/* A block of 2 * (SEQUENCE_ROW_MIN << class) words; SEQUENCE_NONE: no room. */
uint32_t sequence_words_take(struct sequence_words *arena, int class);
void sequence_words_give(struct sequence_words *arena, uint32_t at, int class);
static inline uint32_t sequence_room(int class)
{
    return (uint32_t)SEQUENCE_ROW_MIN << class;
}
static inline const uint16_t *sequence_row_items(const struct sequence_words *arena,
                                                 const struct sequence_row *row)
{
    return arena->words + row->at;
}
static inline const uint16_t *sequence_row_counts(const struct sequence_words *arena,
                                                  const struct sequence_row *row)
{
    return arena->words + row->at + sequence_room(row->class);
}
/* Counts `item` by `weight` more; at most room for classes up to `class_max`. */
void sequence_row_add(struct sequence_words *arena, struct sequence_row *row, uint16_t item,
                      uint16_t weight, int class_max);
void sequence_row_release(struct sequence_words *arena, struct sequence_row *row);

#endif
