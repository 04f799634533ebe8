/* SPDX-License-Identifier: MIT */
#include "learn/sequence_past.h"
#include "base/grow.h"
#include <stdlib.h>
#include <string.h>

enum { EVENTS_FIRST = 64, COPIED_MAX = 64 /* of a session that is not in the ring at its end */ };

bool sequence_past_init(struct sequence_past *past, uint32_t max_events)
{
    *past = (struct sequence_past){.max = EVENTS_FIRST, .written = 1};
    while (past->max * 2 <= max_events && past->max < SEQUENCE_EVENTS_MAX)
        past->max *= 2;
    past->capacity = EVENTS_FIRST;
    past->events = calloc(past->capacity, sizeof *past->events);
    if (past->events)
        past->events[0].item = SEQUENCE_BEYOND; /* no position before the ring turns */
    return past->events != NULL;
}

void sequence_past_fini(struct sequence_past *past)
{
    free(past->events);
    *past = (struct sequence_past){0};
}

/* Until the ring is full its capacity grows with it; it never wraps before. */
static bool make_room(struct sequence_past *past)
{
    if (past->written < past->capacity || past->capacity == past->max)
        return true;
    uint32_t capacity = (uint32_t)grow_capacity(past->capacity, past->written + 1, past->max);
    struct sequence_event *events = realloc(past->events, capacity * sizeof *events);
    if (!events)
        return false;
    memset(events + past->capacity, 0, (capacity - past->capacity) * sizeof *events);
    past->events = events;
    past->capacity = capacity;
    return true;
}

static uint32_t append(struct sequence_past *past, uint32_t item, uint32_t back)
{
    if (!make_room(past))
        return 0;
    uint32_t position = past->written++;
    if (past->written == 0) /* 0 is no position */
        past->written = 1;
    *sequence_past_at(past, position) = (struct sequence_event){
        .item = (uint16_t)(item < SEQUENCE_BEYOND ? item : SEQUENCE_BEYOND), .back = (uint8_t)back};
    return position;
}

uint32_t sequence_past_match(const struct sequence_past *past, uint32_t position,
                             const uint32_t *items, uint32_t len, uint32_t most)
{
    uint32_t same = 0;
    for (; position != 0 && same < most && same < len; same++) {
        const struct sequence_event *event = sequence_past_at(past, position);
        if (event->item != items[len - 1 - same] || event->item >= SEQUENCE_BEYOND)
            break;
        position = sequence_past_before(past, position);
    }
    return same;
}

static void close_at(struct sequence_past *past, uint32_t i)
{
    past->open_count--;
    memmove(past->open + i, past->open + i + 1, (past->open_count - i) * sizeof *past->open);
}

static void open_first(struct sequence_past *past, uint32_t position)
{
    past->open_count += past->open_count < SEQUENCE_OPEN;
    memmove(past->open + 1, past->open, (past->open_count - 1) * sizeof *past->open);
    past->open[0] = position;
}

/* The open session that ends in `items`, as far as contexts reach; SEQUENCE_OPEN: none. */
static uint32_t find_open(const struct sequence_past *past, const uint32_t *items, uint32_t len)
{
    uint32_t wanted = len < SEQUENCE_ORDERS ? len : SEQUENCE_ORDERS;
    for (uint32_t i = 0; i < past->open_count; i++)
        if (sequence_past_holds(past, past->open[i]) &&
            sequence_past_match(past, past->open[i], items, len, wanted) == wanted)
            return i;
    return SEQUENCE_OPEN;
}

/* Writes the latest items once more. */
static uint32_t copy(struct sequence_past *past, const uint32_t *items, uint32_t len, uint32_t most)
{
    uint32_t position = 0;
    for (uint32_t i = len > most ? len - most : 0; i < len; i++)
        position = append(past, items[i], position != 0 && position + 1 == past->written);
    return position;
}

uint32_t sequence_past_add(struct sequence_past *past, const uint32_t *items, uint32_t len,
                           uint32_t next)
{
    uint32_t back = 0, i = len > 0 ? find_open(past, items, len) : SEQUENCE_OPEN;
    if (i < SEQUENCE_OPEN) {
        back = past->written - past->open[i];
        close_at(past, i);
    }
    if (len > 0 && (back == 0 || back > SEQUENCE_APART))
        back = copy(past, items, len, SEQUENCE_ORDERS) != 0;
    uint32_t position = append(past, next, back);
    if (position != 0)
        open_first(past, position);
    return position;
}

uint32_t sequence_past_end(struct sequence_past *past, const uint32_t *items, uint32_t len)
{
    if (len == 0)
        return 0;
    uint32_t i = find_open(past, items, len);
    if (i == SEQUENCE_OPEN)
        return copy(past, items, len, COPIED_MAX);
    uint32_t position = past->open[i];
    close_at(past, i);
    return position;
}
