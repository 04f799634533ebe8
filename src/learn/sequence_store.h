/* SPDX-License-Identifier: MIT
 * Sessions that are over, and which of them hold most of the latest items of the present one, as a
 * set (the idea of CPT, Gueniche et al., ADMA 2013). A session is its last event in the past; each
 * item knows the latest sessions with it, 2 bytes each. */
#ifndef FOREWARM_LEARN_SEQUENCE_STORE_H
#define FOREWARM_LEARN_SEQUENCE_STORE_H

#include "learn/sequence_past.h"
#include "learn/sequence_rows.h"

enum {
    SEQUENCE_SESSIONS = 8192,    /* kept */
    SEQUENCE_SESSION_ITEMS = 96, /* the latest of one session */
    SEQUENCE_RECENT = 7,         /* items of the present session that are looked up */
    SEQUENCE_SUPERSETS = 64,     /* sessions that share most, that are asked at most */
    SEQUENCE_LISTED_CLASS = 6,   /* 512 latest sessions of an item */
};

/* The latest sessions with an item. */
struct sequence_listed {
    uint32_t at;   /* in the arena */
    uint32_t seen; /* sessions with it, ever; the next goes to `seen` modulo the room at the end */
    uint8_t class;
};
struct sequence_store {
    uint32_t *sessions; /* the positions of their last events; 0: none */
    uint32_t ended;
    struct sequence_words *arena; /* the learner's */
    struct sequence_past *past;
    /* scratch of one question */
    float *shared;   /* per session */
    uint16_t *found; /* sessions with something shared */
};

bool sequence_store_init(struct sequence_store *store, struct sequence_past *past,
                         struct sequence_words *arena);
void sequence_store_fini(struct sequence_store *store);
uint64_t sequence_store_bytes(const struct sequence_store *store);
/* A session that is over ends in the event at `position`; returns its number for the lists. */
uint16_t sequence_store_end(struct sequence_store *store, uint32_t position);
void sequence_listed_add(struct sequence_words *arena, struct sequence_listed *listed,
                         uint16_t session);
/* Up to `wanted` <= SEQUENCE_SUPERSETS of the sessions that share most with the present one, whose
 * latest different items have these lists: their numbers and weights in (0, 1]. */
uint32_t sequence_store_search(struct sequence_store *store,
                               const struct sequence_listed *const *lists, uint32_t count,
                               uint32_t wanted, uint16_t *sessions, float *weights);

#endif
