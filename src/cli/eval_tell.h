/* SPDX-License-Identifier: MIT
 * What `eval next` found, as a table or as JSON. */
#ifndef FOREWARM_CLI_EVAL_TELL_H
#define FOREWARM_CLI_EVAL_TELL_H

#include "cli/eval_score.h"

enum eval_protocol { EVAL_P1, EVAL_P2, EVAL_HOLDOUT };
extern const char *const eval_protocols[]; /* in this order, NULL at the end */
enum { EVAL_PREDICTORS_MAX = 16, EVAL_ORDERS_MAX = 100 };

struct eval_result {
    const struct eval_predictor *predictor;
    struct eval_score score;
    double by_order[EVAL_ORDERS_MAX]; /* p1: hit@1 of each order of the sessions */
    size_t orders;
};
struct eval_results {
    const struct eval_sessions *sessions;
    int protocol;
    struct eval_result of[EVAL_PREDICTORS_MAX];
    size_t count;
};

int eval_tell(const struct eval_results *results, bool as_json); /* the exit status */

#endif
