/* SPDX-License-Identifier: MIT
 * The protocols of `eval next`. p1, after IPredict (Gueniche et al.): folds, each tested once on
 * the ends of its sessions with everything else as training. p2: from an empty state each item is
 * predicted, scored, then learned; scored may be the later part alone. holdout: the same, but in
 * the later part nothing is counted any more, only the weights of mixtures go on adapting. */
#ifndef FOREWARM_CLI_EVAL_SCORE_H
#define FOREWARM_CLI_EVAL_SCORE_H

#include "cli/eval_predictors.h"

enum { EVAL_THRESHOLDS = 5, EVAL_DECILES = 10, EVAL_TIMES = 100000, EVAL_TIME_NS = 10 };
extern const double eval_thresholds[EVAL_THRESHOLDS]; /* issue what is likelier; the first: all */

struct eval_decile {
    uint64_t count, hits;
    double predicted; /* sum */
};
struct eval_hits {
    uint64_t asked, at_1, at_3, at_20;
    double reciprocal; /* sum over hits within EVAL_GUESSES */
};
struct eval_score {
    struct eval_hits hits;
    struct eval_hits first; /* of the first `first_max` questions */
    uint64_t first_max;
    uint64_t answered, too_small;
    uint64_t issued[EVAL_THRESHOLDS], useful[EVAL_THRESHOLDS];
    struct eval_decile deciles[EVAL_DECILES];
    uint32_t *observe_times, *predict_times; /* counts of calls by EVAL_TIME_NS */
    uint64_t bytes;                          /* of what was learned, at the end */
};
struct eval_how {
    size_t folds;
    uint32_t suffix, window;
    const size_t *order; /* of the sessions */
};

struct eval_online {
    size_t from;     /* events before it teach and are not scored */
    bool holdout;    /* and those from it on do not teach the counts */
    bool firsts;     /* also the first item of a session is asked for */
    int64_t idle_ns; /* with times: the pause after which a session is over; 0: none is */
};

FW_MUST_CHECK enum fw_err eval_score_init(struct eval_score *score);
void eval_score_fini(struct eval_score *score);
/* Both add to the score. */
FW_MUST_CHECK enum fw_err eval_folds(const struct eval_predictor *predictor,
                                     const struct eval_sessions *sessions,
                                     const struct eval_how *how, struct eval_score *score);
FW_MUST_CHECK enum fw_err eval_online(const struct eval_predictor *predictor,
                                      const struct eval_sessions *sessions,
                                      const struct eval_online *how, struct eval_score *score);
double eval_median_ns(const uint32_t *times); /* NAN: none */
/* The largest difference of predicted and observed over deciles with at least 200 guesses; NAN:
 * there is none. */
double eval_calibration_error(const struct eval_score *score);

#endif
