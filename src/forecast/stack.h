/* SPDX-License-Identifier: MIT
 * Forecasts of hourly series, up to two days ahead: rolling forecasts of cheap linear models become
 * columns of boosted trees that learn, over all series at once, when to believe whom. Four such
 * models, each predicting what one base forecast leaves over, are averaged. Where asked for, five
 * more (boost.h, pinball loss) say the quantiles of what the first base leaves over.
 * The competition it is measured by: Makridakis, Spiliotis and Assimakopoulos, "The M4
 * Competition", Int. J. Forecasting 36(1), 2020; stacking: Wolpert, Neural Networks 5 (1992). */
#ifndef FOREWARM_FORECAST_STACK_H
#define FOREWARM_FORECAST_STACK_H

#include "forecast/boost.h"
#include "forecast/stack_more.h"

enum { STACK_MODELS = 4, STACK_BLOCKS = 3, STACK_LEVELS = 5 };
extern const double stack_levels[STACK_LEVELS]; /* .5 .75 .9 .95 .99 */

struct stack_series {
    const double *y; /* hourly, no gaps, at least STACK_LENGTH_MIN values */
    int n;
    struct stack_beside beside; /* all zeros: nothing is told */
};
struct stack_settings {
    int hours_per_origin; /* drawn at random, of 48 */
    int rounds;
    int quantile_rounds; /* of the quantiles; 0: none */
    int threads;
    uint64_t seed;
    double
        widths[STACK_BLOCKS]; /* 95 % half-width over the series' scale: hours 1-6, 7-24, 25-48 */
};
extern const struct stack_settings stack_defaults;

struct stack;
/* FW_INPUT: a series is too short or holds what is no number; detail names it. */
FW_MUST_CHECK enum fw_err stack_train(struct stack **out, const struct stack_series *series,
                                      int count, const struct stack_settings *settings,
                                      struct fw_detail *detail);
void stack_free(struct stack **stack);

struct stack_forecast {
    double mean[STACK_HORIZON];
    double low[STACK_HORIZON], high[STACK_HORIZON]; /* 95 % */
    double log_mean[STACK_HORIZON];                 /* on the scale of z, */
    double log_scale;                               /* and the series' scale of errors there */
    bool positive;
    bool quantiles; /* were trained: by level, on the scale of z, ascending */
    double log_quantile[STACK_LEVELS][STACK_HORIZON];
};
/* The hours after the series' end, or, with `origins` above 1, after each of the origins that lie
 * `spacing` hours (a multiple of STACK_STEP) apart and end there: forecasts[0] is the latest. */
FW_MUST_CHECK enum fw_err stack_forecast(struct stack *stack, const struct stack_series *series,
                                         int origins, int spacing, struct stack_forecast *forecasts,
                                         struct fw_detail *detail);

/* The model as bytes, versioned; and back. */
FW_MUST_CHECK enum fw_err stack_save(struct stack *stack, struct buf *out,
                                     struct fw_detail *detail);
FW_MUST_CHECK enum fw_err stack_load(struct stack **out, struct buf_reader *in, int threads,
                                     struct fw_detail *detail);

#endif
