/* SPDX-License-Identifier: MIT
 * What several experts say of the next item, made one calibrated probability: a log-linear mixture
 * p(x) ~ product of P_e(x)^w_e (Genest and Zidek, Statistical Science 1(1), 1986), its weights
 * learned online per matched order by the gradient of the log loss with AdaGrad's steps (Duchi,
 * Hazan and Singer, JMLR 12, 2011). Whether an item was in the session before, and whether it was
 * the last, are features whose weights are learned too: the repeat gate. Candidates come from a
 * linear mixture with multiplicative weights. */
#ifndef FOREWARM_LEARN_SEQUENCE_MIX_H
#define FOREWARM_LEARN_SEQUENCE_MIX_H

#include "learn/sequence_past.h"

enum sequence_expert {
    SEQUENCE_DISCOUNT, /* contexts of order 5..1, absolute discounting */
    SEQUENCE_ESCAPE,   /* the same, PPM's method C */
    SEQUENCE_TOGETHER, /* forward co-occurrence */
    SEQUENCE_SKIP,     /* contexts with gaps */
    SEQUENCE_SUBSET,   /* sessions that hold the latest items */
    SEQUENCE_POPULAR,
    SEQUENCE_EXPERTS
};
enum {
    SEQUENCE_AGAIN = SEQUENCE_EXPERTS, /* was in the session */
    SEQUENCE_LAST,                     /* is the session's last */
    SEQUENCE_FEATURES,
    SEQUENCE_CANDIDATES = 64,
    SEQUENCE_BINS = 32, /* of equal width */
    SEQUENCE_GROUPS = SEQUENCE_ORDERS + 1,
};

/* What was told and what came, by probability told: the mixture's own errors are corrected. */
struct sequence_bin {
    double told, came; /* sums, fading */
};
struct sequence_weights {
    float w[SEQUENCE_FEATURES];
    float squares[SEQUENCE_FEATURES]; /* of the gradients so far */
};
struct sequence_mixer {
    struct sequence_weights common;                    /* of all orders, and */
    struct sequence_weights by_order[SEQUENCE_GROUPS]; /* what to add: few examples suffice */
    float linear[SEQUENCE_EXPERTS];
    float covered[SEQUENCE_GROUPS]; /* how often what came was among the candidates */
    struct sequence_bin bins[SEQUENCE_BINS];
    float rate;
};
struct sequence_candidates {
    uint32_t count;
    uint32_t item[SEQUENCE_CANDIDATES];
    float told[SEQUENCE_CANDIDATES][SEQUENCE_FEATURES];    /* probabilities; flags are 0 or 1 */
    float feature[SEQUENCE_CANDIDATES][SEQUENCE_FEATURES]; /* their logarithms; flags */
    float probability[SEQUENCE_CANDIDATES];                /* given that one of them comes */
    float corrected[SEQUENCE_CANDIDATES];                  /* that it comes */
};

void sequence_mixer_init(struct sequence_mixer *mixer, double rate);
/* Sets features and probabilities; what is known of the context has length `order`. */
void sequence_mixer_weigh(const struct sequence_mixer *mixer, int order,
                          struct sequence_candidates *candidates);
/* What came was one of `came`: learns from the candidates as they were weighed. */
void sequence_mixer_learn(struct sequence_mixer *mixer, int order,
                          const struct sequence_candidates *candidates, const uint32_t *came,
                          uint32_t came_count);

#endif
