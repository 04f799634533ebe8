/* SPDX-License-Identifier: MIT
 * What a session asks for next, from what all sessions do (transitions.h) and from what this one
 * did lately: whether sessions like it stay with their last resource, to which of its own it goes
 * back, and what it did the last times it stood here. A log-linear mixture p(x) ~ exp(sum of w_f
 * f(x)) (Genest and Zidek, Statistical Science 1(1), 1986), its weights learned online from the
 * gradient of the log loss with AdaGrad's steps (Duchi, Hazan and Singer, JMLR 12, 2011), one set
 * of weights a kind of past: how long it has stayed, and among how many it moves. The weights begin
 * where the mixture says what the transitions say; both are judged by their log loss as they go,
 * and for each kind the one that has been better speaks. A session's own past is all that is kept
 * of it: eight resources. Everything depends on the order of calls alone. */
#ifndef FOREWARM_LEARN_FOLLOWING_H
#define FOREWARM_LEARN_FOLLOWING_H

#include "learn/transitions.h"

enum {
    FOLLOWING_PAST = 8,
    FOLLOWING_KINDS = 14,
    FOLLOWING_FEATURES = 8,
    FOLLOWING_TOLD = 8, /* by the transitions */
    FOLLOWING_CANDIDATES = FOLLOWING_TOLD + FOLLOWING_PAST,
};
enum following_source { FOLLOWING_TRANSITIONS, FOLLOWING_MIXTURE, FOLLOWING_SOURCES };

/* What one session asked for. */
struct following_past {
    uint32_t latest[FOLLOWING_PAST]; /* the latest first */
    uint8_t count;
    float moves, stays; /* requests after the first, and those for the same again; faded */
};
struct following_weights {
    double of[FOLLOWING_FEATURES], squares[FOLLOWING_FEATURES]; /* of the gradients */
};
/* One kind of past. */
struct following_kind {
    struct following_weights weights; /* beside those of all kinds */
    double visits, went_on; /* sessions that stood so, and those that asked for more; faded */
    double came, covered;   /* what came, and what of it was among the candidates */
    double loss[2][FOLLOWING_SOURCES]; /* where the transitions do not know the context, and do */
    double won; /* by first guesses that were not the last, less what the last would have */
    uint8_t delays[TRANSITION_DELAYS]; /* until what came, as in transitions.h */
};
struct following {
    struct following_weights weights; /* of all kinds */
    struct following_kind kinds[FOLLOWING_KINDS];
};

void following_init(struct following *following);
/* Where it stands, for transitions; `past` must not be empty. */
struct transition_context following_stands(const struct following_past *past);
void following_remember(struct following_past *past, uint32_t resource);

/* A session with this past asked for `resource` after `delay_ns`: teaches the weights. To be told
 * before the transitions learn it. */
void following_learn(struct following *following, const struct transitions *transitions,
                     const struct following_past *past, uint32_t resource, int64_t delay_ns);
/* A session has this past now. */
void following_visit(struct following *following, const struct following_past *past);
/* What may come next with at least the probability `least`, most likely first (of equals the lower
 * number); returns how many. */
size_t following_guess(const struct following *following, const struct transitions *transitions,
                       const struct following_past *past, double least,
                       struct transition_guess *guesses, size_t max);

void following_save(const struct following *following, struct buf *out);
FW_MUST_CHECK bool following_load(struct following *following, struct buf_reader *in);

#endif
