/* SPDX-License-Identifier: MIT
 * What `eval next` compares, as a table: each predictor learns from sessions item by item and names
 * what it would expect or prefetch next. */
#ifndef FOREWARM_CLI_EVAL_PREDICTORS_H
#define FOREWARM_CLI_EVAL_PREDICTORS_H

#include "cli/eval_sessions.h"
#include "learn/sequence.h"

enum { EVAL_GUESSES = 20 };

struct eval_start {
    const struct eval_sessions *sessions;
    uint32_t reach; /* items at the end of a session that count as next */
    double rate;
};
/* A session, and how much of it is known. */
struct eval_place {
    const uint32_t *items;
    uint32_t len, session, user;
};
struct eval_predictor {
    const char *name;
    enum fw_err (*create)(void **state, const struct eval_start *start);
    void (*free)(void *state);
    void (*learn)(void *state, const struct eval_place *at, uint32_t next);
    void (*end)(void *state, const struct eval_place *at); /* NULL: it makes no difference */
    uint32_t (*predict)(void *state, const struct eval_place *at,
                        struct sequence_guess guesses[EVAL_GUESSES]);
    void (*adapt)(void *state, const uint32_t *came, uint32_t count); /* NULL: it has no weights */
    uint64_t (*bytes)(const void *state);
    bool answers_first; /* also for a session of which nothing is known yet */
};

extern const struct eval_predictor eval_predictors[];
extern const size_t eval_predictor_count;

#endif
