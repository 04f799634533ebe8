/* SPDX-License-Identifier: MIT
 * The events of all sessions in one ring, 8 bytes each; the oldest make way. Sessions may
 * interleave: each event knows how far back the one before it in its session lies. A `link` is for
 * whoever indexes the events: the event before it in some chain. What is not in the ring (a session
 * that was idle while many others ran) is copied in once more when it is needed. */
#ifndef FOREWARM_LEARN_SEQUENCE_PAST_H
#define FOREWARM_LEARN_SEQUENCE_PAST_H

#include <stdbool.h>
#include <stdint.h>

enum {
    SEQUENCE_ORDERS = 5,           /* items of context that count */
    SEQUENCE_ITEMS = 1 << 16,      /* numbers of items are below */
    SEQUENCE_BEYOND = UINT16_MAX,  /* this one and any from here on are neither learned nor told */
    SEQUENCE_OPEN = 64,            /* sessions whose latest event is known, at the same time */
    SEQUENCE_APART = UINT8_MAX,    /* events of others between two of a session, at most */
    SEQUENCE_EVENTS_MAX = 1 << 23, /* in the ring */
    SEQUENCE_POSITION_MASK = 0xffffff,
};

struct sequence_event {
    uint16_t item; /* SEQUENCE_BEYOND: one not learned */
    uint16_t link_low;
    uint16_t same; /* back to the event before with the same item; 0: none, or too far */
    uint8_t link_high;
    uint8_t back; /* to the event before in the same session; 0: none is known */
};
/* Positions are counted from 1 and start again at 2^32; links hold their lowest 24 bits. */
struct sequence_past {
    struct sequence_event *events;
    uint32_t capacity, max;                   /* max: a power of two */
    uint32_t written;                         /* the position of the next event */
    uint32_t open[SEQUENCE_OPEN], open_count; /* latest events of sessions, the newest first */
};

bool sequence_past_init(struct sequence_past *past, uint32_t max_events);
void sequence_past_fini(struct sequence_past *past);
static inline struct sequence_event *sequence_past_at(const struct sequence_past *past,
                                                      uint32_t position)
{
    return &past->events[position & (past->max - 1)];
}
static inline bool sequence_past_holds(const struct sequence_past *past, uint32_t position)
{
    return past->written - position - 1 < past->max && position != 0 &&
           (position & (past->max - 1)) < past->capacity; /* else damage that was read */
}
/* The event before in the session; 0: none. */
static inline uint32_t sequence_past_before(const struct sequence_past *past, uint32_t position)
{
    uint32_t back = sequence_past_at(past, position)->back, before = position - back;
    return back > 0 && sequence_past_holds(past, before) ? before : 0;
}
/* The event after it in the session; 0: none, or none known. */
static inline uint32_t sequence_past_after(const struct sequence_past *past, uint32_t position)
{
    for (uint32_t step = 1; step <= SEQUENCE_APART && position + step != past->written; step++)
        if (sequence_past_at(past, position + step)->back == step)
            return position + step;
    return 0;
}
/* A position from its lowest 24 bits; 0: none, or overwritten. */
static inline uint32_t sequence_past_full(const struct sequence_past *past, uint32_t low)
{
    uint32_t position = past->written - ((past->written - low) & SEQUENCE_POSITION_MASK);
    return low != 0 && sequence_past_holds(past, position) ? position : 0;
}
static inline uint32_t sequence_past_link(const struct sequence_event *event)
{
    return event->link_low | (uint32_t)event->link_high << 16;
}
static inline void sequence_past_set_link(struct sequence_event *event, uint32_t low)
{
    event->link_low = (uint16_t)low;
    event->link_high = (uint8_t)(low >> 16);
}
/* How many of the latest `len` items are those up to `position`, at most `most`. */
uint32_t sequence_past_match(const struct sequence_past *past, uint32_t position,
                             const uint32_t *items, uint32_t len, uint32_t most);
/* `next` came after `items`: its position; 0 when memory is short. */
uint32_t sequence_past_add(struct sequence_past *past, const uint32_t *items, uint32_t len,
                           uint32_t next);
/* The session is over: the position of its last event, 0 when memory is short. */
uint32_t sequence_past_end(struct sequence_past *past, const uint32_t *items, uint32_t len);

#endif
