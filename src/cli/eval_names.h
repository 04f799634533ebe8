/* SPDX-License-Identifier: MIT
 * Predictors of `eval next` that look at the names of items, or at the latest alone. */
#ifndef FOREWARM_CLI_EVAL_NAMES_H
#define FOREWARM_CLI_EVAL_NAMES_H

#include "cli/eval_predictors.h"

/* stride: learn/sequence_names.h */
enum fw_err eval_names_create(void **state, const struct eval_start *start);
void eval_names_free(void *state);
void eval_names_learn(void *state, const struct eval_place *at, uint32_t next);
void eval_names_end(void *state, const struct eval_place *at);
uint32_t eval_names_predict(void *state, const struct eval_place *at,
                            struct sequence_guess guesses[EVAL_GUESSES]);
uint64_t eval_names_bytes(const void *state);

#endif
