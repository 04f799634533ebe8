/* SPDX-License-Identifier: MIT
 * The two protocols of `eval next`. p1, after IPredict (Gueniche et al.): folds in file order, each
 * tested once on the ends of its sessions with everything else as training. p2: from an empty state
 * each item is predicted, scored, then learned. */
#ifndef FOREWARM_CLI_EVAL_SCORE_H
#define FOREWARM_CLI_EVAL_SCORE_H

#include "cli/eval_predictors.h"

enum { EVAL_THRESHOLDS = 5, EVAL_DECILES = 10, EVAL_TIMES = 100000, EVAL_TIME_NS = 10 };
extern const double eval_thresholds[EVAL_THRESHOLDS]; /* issue what is likelier; the first: all */

struct eval_decile {
    uint64_t count, hits;
    double predicted; /* sum */
};
struct eval_score {
    uint64_t asked, answered, hits, hits_3, too_small;
    double reciprocal; /* sum over hits within EVAL_GUESSES */
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

FW_MUST_CHECK enum fw_err eval_score_init(struct eval_score *score);
void eval_score_fini(struct eval_score *score);
/* Both add to the score. */
FW_MUST_CHECK enum fw_err eval_folds(const struct eval_predictor *predictor,
                                     const struct eval_sessions *sessions,
                                     const struct eval_how *how, struct eval_score *score);
FW_MUST_CHECK enum fw_err eval_prequential(const struct eval_predictor *predictor,
                                           const struct eval_sessions *sessions,
                                           struct eval_score *score);
double eval_median_ns(const uint32_t *times); /* NAN: none */
/* The largest difference of predicted and observed over deciles with at least 200 guesses; NAN:
 * there is none. */
double eval_calibration_error(const struct eval_score *score);

#endif
