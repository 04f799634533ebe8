/* SPDX-License-Identifier: MIT
 * What followed last time, in order: a log of what was asked for, and where each key was last. When
 * a key comes again, what came after it then may come again now, and the longer the two go on alike
 * the surer (temporal streaming: Wenisch et al., "Temporal Streaming of Shared Memory", ISCA 2005,
 * section 3). Several streams are followed at the same time, and what comes between is skipped: a
 * stream goes on if the key is among the next few of it. Matches of one, two, ... keys are contexts
 * of order one, two, ..., without a table of successors for each.
 * The memory is bounded: the log forgets what was longest ago. */
#ifndef FOREWARM_LEARN_STREAMS_H
#define FOREWARM_LEARN_STREAMS_H

#include "base/err.h"
#include <stdint.h>

enum {
    STREAMS_FOLLOWED = 8,     /* at the same time */
    STREAMS_SKIP = 16,        /* keys that a stream may pass over at once */
    STREAMS_LOG_FIRST = 4096, /* the log's first room; it doubles up to its limit */
    STREAMS_LOG_LIMIT = 1 << 20,
    STREAMS_WAYS = 4,
};

struct stream_event {
    uint64_t key;
    int64_t at_ns;
};
struct stream {
    uint64_t at;    /* the number of the event last time; 0: an empty place */
    uint64_t ahead; /* for the caller: up to which number it is dealt with; >= at */
    uint64_t came;  /* the number of the latest event of it */
    uint32_t steps; /* events that came where they were expected; 0: one key alone */
};
struct streams {
    struct stream_event *log; /* a ring of `room`: event n at n % room */
    uint32_t *index;          /* by key, in sets: where its latest event is, and some of its hash */
    uint64_t room, room_max;  /* powers of two */
    uint64_t count;           /* events ever; they are numbered from 1 */
    struct stream followed[STREAMS_FOLLOWED];
};

/* `room_max` events at most, a power of two, at least STREAMS_LOG_FIRST: 24 bytes
 * each. */
void streams_init(struct streams *streams, uint64_t room_max);
void streams_fini(struct streams *streams);
/* One more. The stream it continues or begins goes to *stream, valid until the next call; NULL if
 * the key is new, or forgotten. */
FW_MUST_CHECK enum fw_err streams_observe(struct streams *streams, uint64_t key, int64_t at_ns,
                                          struct stream **stream);
/* Brings near what streams_observe will read of this key. */
void streams_fetch(const struct streams *streams, uint64_t key);
/* The event `number`; NULL: forgotten, or not yet. */
const struct stream_event *streams_event(const struct streams *streams, uint64_t number);

#endif
