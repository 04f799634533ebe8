/* SPDX-License-Identifier: MIT */
#include "learn/sequence_rows.h"
#include "base/grow.h"
#include <stdlib.h>
#include <string.h>

enum { COUNT_MAX = 60000 };

void sequence_words_init(struct sequence_words *arena, uint32_t max_words)
{
    *arena = (struct sequence_words){.max = max_words};
    for (int i = 0; i < SEQUENCE_ROW_CLASSES; i++)
        arena->free[i] = SEQUENCE_NONE;
}

void sequence_words_fini(struct sequence_words *arena)
{
    free(arena->words);
    *arena = (struct sequence_words){0};
}

uint32_t sequence_words_take(struct sequence_words *arena, int class)
{
    uint32_t at = arena->free[class], size = 2 * sequence_room(class);
    if (at != SEQUENCE_NONE) {
        arena->free[class] = arena->words[at] | (uint32_t)arena->words[at + 1] << 16;
        return at;
    }
    if (size > arena->max - arena->used)
        return SEQUENCE_NONE;
    if (arena->used + size > arena->capacity) {
        uint32_t capacity =
            (uint32_t)grow_capacity(arena->capacity, arena->used + size, arena->max);
        uint16_t *words = realloc(arena->words, (size_t)capacity * sizeof *words);
        if (!words)
            return SEQUENCE_NONE;
        arena->words = words;
        arena->capacity = capacity;
    }
    at = arena->used;
    arena->used += size;
    return at;
}

void sequence_words_give(struct sequence_words *arena, uint32_t at, int class)
{
    arena->words[at] = (uint16_t)arena->free[class];
    arena->words[at + 1] = (uint16_t)(arena->free[class] >> 16);
    arena->free[class] = at;
}

void sequence_row_release(struct sequence_words *arena, struct sequence_row *row)
{
    if (row->count > 0)
        sequence_words_give(arena, row->at, row->class);
    *row = (struct sequence_row){0};
}

/* Room for one more entry; false if there is none. */
static bool make_room(struct sequence_words *arena, struct sequence_row *row, int class_max)
{
    if (row->count > 0 && row->count < sequence_room(row->class))
        return true;
    int class = row->count > 0 ? row->class + 1 : 0;
    if (class > class_max)
        return false;
    uint32_t at = sequence_words_take(arena, class);
    if (at == SEQUENCE_NONE)
        return false;
    if (row->count > 0) {
        size_t size = row->count * sizeof *arena->words;
        memcpy(arena->words + at, sequence_row_items(arena, row), size);
        memcpy(arena->words + at + sequence_room(class), sequence_row_counts(arena, row), size);
        sequence_words_give(arena, row->at, row->class);
    }
    row->at = at;
    row->class = (uint8_t) class;
    return true;
}

static void halve(struct sequence_words *arena, struct sequence_row *row)
{
    uint16_t *items = arena->words + row->at, *counts = items + sequence_room(row->class);
    uint16_t kept = 0;
    row->total = 0;
    for (uint16_t i = 0; i < row->count; i++) {
        if (counts[i] < 2)
            continue;
        items[kept] = items[i];
        counts[kept] = counts[i] / 2;
        row->total += counts[kept++];
    }
    row->count = kept;
}

/* The place of `item`, or the count. Eight are compared at once. */
static uint16_t find(const uint16_t *items, uint16_t count, uint16_t item)
{
    uint16_t i = 0;
    for (; i + 8 <= count; i += 8) {
        uint16_t found = 0;
        for (int k = 0; k < 8; k++)
            found |= (uint16_t)(items[i + k] == item ? 0xffff : 0);
        if (found)
            break;
    }
    while (i < count && items[i] != item)
        i++;
    return i;
}

void sequence_row_add(struct sequence_words *arena, struct sequence_row *row, uint16_t item,
                      uint16_t weight, int class_max)
{
    uint16_t i = row->count ? find(sequence_row_items(arena, row), row->count, item) : 0;
    bool known = i < row->count;
    if (!known) {
        if (make_room(arena, row, class_max))
            row->count++;
        else if (row->count > 0)
            i = (uint16_t)(row->count - 1);
        else
            return;
    }
    uint16_t *items = arena->words + row->at, *counts = items + sequence_room(row->class);
    uint16_t value = (uint16_t)(known ? counts[i] + weight : weight);
    for (; i > 0 && counts[i - 1] < value; i--) {
        items[i] = items[i - 1];
        counts[i] = counts[i - 1];
    }
    items[i] = item;
    counts[i] = value;
    row->total += weight;
    if (value > COUNT_MAX)
        halve(arena, row);
}
