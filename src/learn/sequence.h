/* SPDX-License-Identifier: MIT
 * What a session wants next, after what it just did: items are small numbers, a session is the list
 * of its items so far, which the caller keeps. Contexts of order 1 to 5 with back-off, contexts
 * with gaps, forward co-occurrence, similar sessions and popularity each give a distribution;
 * sequence_mix.h makes one calibrated probability of them.
 * Counts are shared by all sessions, the context is the session's own: never one global history.
 * Memory is bounded by the settings; everything depends on the order of calls alone.
 * Absolute discounting: Ney, Essen and Kneser, Computer Speech and Language 8 (1994); method C:
 * Moffat, IEEE Trans. Communications 38(11) (1990). */
#ifndef FOREWARM_LEARN_SEQUENCE_H
#define FOREWARM_LEARN_SEQUENCE_H

#include "base/err.h"
#include "learn/sequence_contexts.h"
#include "learn/sequence_mix.h"
#include "learn/sequence_store.h"

enum {
    SEQUENCE_SKIPS = 6,       /* kinds of contexts with gaps */
    SEQUENCE_SUCCESSORS = 64, /* of one context; of the items themselves 256 */
    SEQUENCE_BESIDE = 10,     /* positions over which items are counted as co-occurring */
    SEQUENCE_ITEMS = 1 << 16, /* items beyond are neither learned nor predicted */
};

struct sequence_settings {
    uint32_t max_contexts; /* 1 << 21: about 100 MB when all are used */
    uint32_t max_entries;  /* successors over all contexts */
    uint32_t reach;        /* also counted after contexts that end up to reach - 1 items earlier */
    double rate;           /* of learning the weights: .003 online, .005 from few examples */
};
struct sequence_guess {
    uint32_t item;
    double probability; /* that it is the next one, given that the session goes on */
};
struct sequence_counts {
    float p[SEQUENCE_EXPERTS];
};
struct sequence {
    struct sequence_settings settings;
    struct sequence_contexts contexts;
    struct sequence_list *beside; /* per item: what comes after it, by 1 / distance */
    struct sequence_arena beside_arena;
    struct sequence_list popular; /* every item, by count */
    struct sequence_arena popular_arena;
    float *popularity; /* the same, by item */
    double popularity_total;
    struct sequence_store store;
    struct sequence_mixer mixer;
    /* of the latest prediction */
    struct sequence_counts *told; /* per item */
    uint32_t *stamp, now, *touched, touched_count;
    int expert;
    int order;
    struct sequence_candidate candidates[SEQUENCE_CANDIDATES];
    uint32_t candidate_count;
};

extern const struct sequence_settings sequence_defaults;
FW_MUST_CHECK enum fw_err sequence_create(struct sequence **out,
                                          const struct sequence_settings *settings);
void sequence_free(struct sequence **sequence);
/* The likeliest first; at most `max`. Equal ones by number. */
uint32_t sequence_predict(struct sequence *sequence, const uint32_t *items, uint32_t len,
                          struct sequence_guess *guesses, uint32_t max);
/* What came after the latest prediction (one of `came`): teaches the weights. */
void sequence_adapt(struct sequence *sequence, const uint32_t *came, uint32_t count);
/* After `items` came `next`: teaches the counts. */
void sequence_learn(struct sequence *sequence, const uint32_t *items, uint32_t len, uint32_t next);
/* The session is over, and others may resemble it. */
void sequence_end(struct sequence *sequence, const uint32_t *items, uint32_t len);
uint64_t sequence_bytes(const struct sequence *sequence); /* of what was learned */

#endif
