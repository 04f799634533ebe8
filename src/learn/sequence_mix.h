/* SPDX-License-Identifier: MIT
 * What several experts say of the next item, made one calibrated probability: a log-linear mixture
 * p(x) ~ product of P_e(x)^w_e (Genest and Zidek, Statistical Science 1(1), 1986), its weights
 * learned online per matched order by the gradient of the log loss with AdaGrad's steps (Duchi,
 * Hazan and Singer, JMLR 12, 2011). Whether an item was in the session before, and whether it was
 * the last, are features whose weights are learned too: the repeat gate. Candidates come from a
 * linear mixture with multiplicative weights. */
#ifndef FOREWARM_LEARN_SEQUENCE_MIX_H
#define FOREWARM_LEARN_SEQUENCE_MIX_H

#include <stdbool.h>
#include <stdint.h>

enum sequence_expert {
    SEQUENCE_DISCOUNT,   /* contexts of order 5..1, absolute discounting */
    SEQUENCE_ESCAPE,     /* the same, PPM's method C */
    SEQUENCE_TOGETHER,   /* forward co-occurrence */
    SEQUENCE_SKIP,       /* contexts with gaps, and as sets */
    SEQUENCE_NEIGHBOURS, /* similar sessions */
    SEQUENCE_SUBSET,     /* sessions that hold the latest items */
    SEQUENCE_POPULAR,
    SEQUENCE_EXPERTS
};
enum {
    SEQUENCE_ORDERS = 5,
    SEQUENCE_CANDIDATES = 60,
    SEQUENCE_FLAGS = 2, /* in the session; the session's last */
    SEQUENCE_BINS = 16, /* of equal width */
    SEQUENCE_FEATURES = SEQUENCE_EXPERTS + SEQUENCE_FLAGS,
};

/* What was told and what came, by probability told: the mixture's own errors are corrected. */
struct sequence_bin {
    double told, came; /* sums, fading */
};
struct sequence_weights {
    double w[SEQUENCE_FEATURES];
    double squares[SEQUENCE_FEATURES]; /* of the gradients so far */
};
struct sequence_mixer {
    struct sequence_weights by_order[SEQUENCE_ORDERS + 1];
    double linear[SEQUENCE_EXPERTS];
    double covered[SEQUENCE_ORDERS + 1]; /* how often what came was among the candidates */
    struct sequence_bin bins[SEQUENCE_BINS];
    double rate;
};
struct sequence_candidate {
    uint32_t item;
    float p[SEQUENCE_EXPERTS];
    bool flags[SEQUENCE_FLAGS];
    float linear;
    double feature[SEQUENCE_FEATURES]; /* logarithms and flags */
    double probability;                /* given that one of the candidates comes */
    double corrected;                  /* that it comes */
};

void sequence_mixer_init(struct sequence_mixer *mixer, double rate);
/* Sets both probabilities; what is known of the context has length `order`. */
void sequence_mixer_weigh(const struct sequence_mixer *mixer, int order,
                          struct sequence_candidate *candidates, uint32_t count);
/* What came was one of `came`: learns from the candidates as they were weighed. */
void sequence_mixer_learn(struct sequence_mixer *mixer, int order,
                          const struct sequence_candidate *candidates, uint32_t count,
                          const uint32_t *came, uint32_t came_count);

#endif
