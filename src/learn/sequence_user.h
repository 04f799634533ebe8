/* SPDX-License-Identifier: MIT
 * What one user wants next: the transitions of everybody (learn/sequence.h) and the user's own
 * habits in one probability. Of each user the latest items are kept, in a ring; from them come,
 * weighted by how recent they are, what followed the latest item, the latest two, and what is taken
 * most. A log-linear mixture with the global probabilities (as in sequence_mix.h) is learned
 * online, apart for users of whom little or much is known and for short and long runs of the same
 * item. Users are bounded; the one longest unseen makes way. Without a user it is the global
 * prediction, unchanged. */
#ifndef FOREWARM_LEARN_SEQUENCE_USER_H
#define FOREWARM_LEARN_SEQUENCE_USER_H

#include "learn/sequence.h"
#include "learn/sequence_lists.h"

enum {
    SEQUENCE_USER_ITEMS = 64, /* of a user that are kept, with the ends of sessions among them */
    SEQUENCE_USER_WAYS = 8,
    SEQUENCE_USER_GLOBAL = 24, /* candidates that everybody's transitions name */
    SEQUENCE_USER_OWN = 16,    /* candidates that the user's own items name */
    SEQUENCE_USER_EXPERTS = 4, /* everybody, own order 1, own order 2, own popularity */
    SEQUENCE_USER_FLAGS = 2,   /* the latest item, the one before it that was another */
    SEQUENCE_USER_FEATURES = SEQUENCE_USER_EXPERTS + SEQUENCE_USER_FLAGS,
    SEQUENCE_USER_KNOWN = 4, /* how much is known of the user */
    SEQUENCE_USER_RUNS =
        4, /* the latest item is new, it came once, two or three times, more in a row */
    SEQUENCE_USER_BINS = 16, /* of probabilities told, of equal width */
    SEQUENCE_USER_GATES = 6, /* by how much likelier the other one is thought */
    SEQUENCE_USER_CANDIDATES = SEQUENCE_USER_GLOBAL + SEQUENCE_USER_OWN,
};

struct sequence_user {
    uint64_t key; /* 0: a free place */
    uint64_t at;  /* when it was last seen, in items over all users */
    uint32_t items[SEQUENCE_USER_ITEMS];
    uint32_t count; /* written so far */
};
struct sequence_user_weights {
    double w[SEQUENCE_USER_FEATURES], squares[SEQUENCE_USER_FEATURES];
    double covered; /* how often what came was among the candidates */
};
/* What came when something else was thought likelier than the latest item: whoever leaves the
 * latest must have shown to be right more often than it would have been. */
struct sequence_user_gate {
    double other, latest;
};
/* What was told and what came, by probability told: sums, fading. */
struct sequence_user_bin {
    double told, came;
};
struct sequence_user_candidate {
    uint32_t item;
    double feature[SEQUENCE_USER_FEATURES]; /* logarithms and flags */
    double probability;                     /* given that one of the candidates comes */
    double told;                            /* that it comes, after the gate */
    double corrected;                       /* the same, as such words have come true */
};
struct sequence_users {
    struct sequence *global; /* the caller's */
    struct sequence_user *users;
    uint32_t sets, count;
    uint64_t seen, forgotten; /* items; users that made way */
    double rate;
    struct sequence_user_weights weights[SEQUENCE_USER_KNOWN][SEQUENCE_USER_RUNS];
    struct sequence_user_gate gates[SEQUENCE_USER_GATES];
    struct sequence_user_bin bins[SEQUENCE_USER_BINS];
    /* of the latest prediction */
    struct sequence_user_gate *gate;    /* NULL: the latest item was the likeliest */
    uint32_t other, latest;             /* if not: the likeliest, and the latest */
    struct sequence_user_weights *used; /* NULL: there was no user */
    struct sequence_user_candidate candidates[SEQUENCE_USER_CANDIDATES];
    uint32_t candidate_count;
};

/* `max_users` is rounded up to a multiple of the ways. */
FW_MUST_CHECK enum fw_err sequence_users_create(struct sequence_users **out,
                                                struct sequence *global, uint32_t max_users);
void sequence_users_free(struct sequence_users **users);
/* As the functions of sequence.h, which they call for what everybody does. `user` is any number or
 * hash of a name; 0: none. */
uint32_t sequence_users_predict(struct sequence_users *users, uint64_t user, const uint32_t *items,
                                uint32_t len, struct sequence_guess *guesses, uint32_t max);
void sequence_users_adapt(struct sequence_users *users, const uint32_t *came, uint32_t count);
void sequence_users_learn(struct sequence_users *users, uint64_t user, const uint32_t *items,
                          uint32_t len, uint32_t next);
void sequence_users_end(struct sequence_users *users, uint64_t user, const uint32_t *items,
                        uint32_t len);
uint64_t sequence_users_bytes(const struct sequence_users *users); /* with what everybody did */

#endif
