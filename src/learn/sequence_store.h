/* SPDX-License-Identifier: MIT
 * Past sessions, and which of them resemble the present one. Events lie in a ring, the oldest make
 * way; each points to the event before it with the same item, so that the sessions of an item are
 * found from its latest. Two questions are asked of it: what came after the shared items in the
 * nearest sessions (Garg et al., STAN, SIGIR 2019, without its time decay), and what is found in
 * the sessions that hold most of the latest items as a set (the idea of CPT, Gueniche et al.,
 * 2013).
 */
#ifndef FOREWARM_LEARN_SEQUENCE_STORE_H
#define FOREWARM_LEARN_SEQUENCE_STORE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    SEQUENCE_SESSIONS = 8192,     /* kept */
    SEQUENCE_EVENTS = 1 << 19,    /* kept over all of them */
    SEQUENCE_SESSION_ITEMS = 256, /* the latest of one session */
    SEQUENCE_RECENT = 7,          /* items of the present session that are looked up */
    SEQUENCE_SIMILAR = 200,       /* nearest sessions that are asked */
    SEQUENCE_SUPERSETS = 100,     /* sessions that share most, that are asked */
    SEQUENCE_CHAIN = 1000,        /* latest sessions of an item that are looked at */
    SEQUENCE_FADE = 16,           /* positions after which a vote counts nothing */
};

struct sequence_event {
    uint32_t item, session;
    uint32_t before; /* absolute number + 1 of the first event with this item in the session
                      * before that has it; 0 none */
};
struct sequence_session {
    uint32_t at; /* absolute number of its first event */
    uint16_t len;
};
struct sequence_similar {
    uint32_t session;
    uint32_t after;     /* the position after the most recent item shared */
    uint32_t after_all; /* the position after the last of the items shared */
    float score;        /* by recency */
    float shared;       /* idf of the items shared, as a set */
};
struct sequence_store {
    struct sequence_event *events;
    struct sequence_session *sessions;
    uint32_t written, ended; /* events, sessions: absolute numbers; they start again at zero */
    uint32_t *latest;        /* per item: absolute number + 1 of its latest event; 0 none */
    uint32_t *seen_in;       /* per item: sessions with it */
    uint32_t item_max;
    /* scratch of one question */
    uint32_t *stamp, now;           /* per session: when it was found */
    uint32_t *found_at;             /* and its place in `found` */
    uint32_t *told, telling;        /* per item: the session that told of it */
    struct sequence_similar *found; /* by score, later the first of them by what is shared */
    uint32_t found_count;
    float fade[SEQUENCE_FADE]; /* exp(-i / 2) */
};

bool sequence_store_init(struct sequence_store *store, uint32_t item_max);
void sequence_store_fini(struct sequence_store *store);
void sequence_store_end(struct sequence_store *store, const uint32_t *items, uint32_t len);
uint64_t sequence_store_bytes(const struct sequence_store *store);

/* Gives weight to an item; called for each that the sessions tell of. */
typedef void sequence_vote_fn(void *context, uint32_t item, float weight);
/* Looks for sessions that share one of the latest items of `items`. */
void sequence_store_search(struct sequence_store *store, const uint32_t *items, uint32_t len);
/* From the latest search: what came after the shared items. */
void sequence_store_after(struct sequence_store *store, sequence_vote_fn *vote, void *context);
/* From the latest search: what came after all that is shared, in the sessions that share most. */
void sequence_store_subset(struct sequence_store *store, sequence_vote_fn *vote, void *context);

#endif
