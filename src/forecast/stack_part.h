/* SPDX-License-Identifier: MIT
 * What the two halves of stack.h share: a trained model. */
#ifndef FOREWARM_FORECAST_STACK_PART_H
#define FOREWARM_FORECAST_STACK_PART_H

#include "forecast/stack.h"

struct stack {
    struct stack_settings settings;
    struct boost *models[STACK_MODELS];
    struct boost *quantiles[STACK_LEVELS]; /* NULL: none */
};

/* FW_INPUT, with the series' number: too short, or not all numbers. */
FW_MUST_CHECK enum fw_err stack_check(const struct stack_series *series, int number,
                                      struct fw_detail *detail);
/* What the quantiles see at hour h: the columns of the mean, and more. */
enum { STACK_SEEN = STACK_COLUMNS + STACK_MORE };
/* What model `model` of the four predicts the rest of, at hour h. */
double stack_base(const struct stack_origin *origin, const struct stack_said *said, int model,
                  int h);

#endif
