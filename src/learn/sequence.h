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
#include "learn/sequence_tree.h"
#include "learn/sequence_gaps.h"
#include "learn/sequence_mix.h"
#include "learn/sequence_store.h"

enum {
    SEQUENCE_BESIDE = 10,         /* positions over which items are counted as co-occurring */
    SEQUENCE_BESIDE_CLASS = 4,    /* 64 items beside each */
    SEQUENCE_POPULAR_MAX = 20,    /* always considered */
    SEQUENCE_TOLD_MAX = 4096,     /* items that the experts may name at once */
    SEQUENCE_COUNT_MAX = 1 << 20, /* of an item; then all are halved */
};

struct sequence_settings {
    uint32_t max_events;   /* in the ring of the past; 8 bytes each */
    uint32_t max_contexts; /* of two items and more; 8 bytes each */
    uint32_t max_entries;  /* of all rows of counts; 4 bytes each */
    uint32_t reach;        /* also counted after contexts that end up to reach - 1 items earlier */
    uint32_t similar; /* sessions asked, up to SEQUENCE_SUPERSETS; 0 predicts about twice as fast */
    double rate;      /* of learning the weights: .003 online, .005 from few examples */
};
struct sequence_guess {
    uint32_t item;
    double probability; /* that it is the next one, given that the session goes on */
};
struct sequence_item {
    struct sequence_node first;    /* the context of the item alone */
    struct sequence_listed listed; /* sessions with it */
    uint32_t latest;               /* the position of its latest event */
    uint32_t count;
    uint32_t beside; /* the row of what comes after it, by 1 / distance, once `first` has opened */
};
/* What similar sessions say of an item: apart from `told`, so that it stays close to the processor.
 */
struct sequence_heard {
    float sum;
    uint32_t session; /* the latest one that was counted */
};
struct sequence {
    struct sequence_settings settings;
    struct sequence_words arena; /* of all rows and lists */
    struct sequence_past past;
    struct sequence_tree tree;
    struct sequence_store store;
    struct sequence_mixer mixer;
    struct sequence_item *items;
    uint32_t item_count, item_capacity;
    uint64_t total; /* of the items' counts */
    uint16_t popular[SEQUENCE_POPULAR_MAX];
    uint32_t popular_count;
    /* of the latest prediction */
    uint32_t *place; /* per item: 16 bits of `now`, 16 bits of where in `told` */
    uint32_t now;
    struct sequence_heard *heard; /* per item; all 0 between predictions */
    uint16_t *told_items;
    float (*told)[SEQUENCE_FEATURES];
    uint32_t told_count;
    int order;
    struct sequence_found found;
    struct sequence_gaps gaps;
    struct sequence_candidates candidates;
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
/* For the parts of this learner: a new mark for `place`. */
uint32_t sequence_moment(struct sequence *sequence);
/* The same: the item, made if it is new; NULL: a number beyond, or memory is short. */
struct sequence_item *sequence_item_of(struct sequence *sequence, uint32_t item);
uint64_t sequence_bytes(const struct sequence *sequence); /* of what was learned */

#endif
