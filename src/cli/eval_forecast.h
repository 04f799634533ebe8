/* SPDX-License-Identifier: MIT
 * The models that `eval forecast` compares, as a table, and their scores by the M4 competition's
 * rules: means over series, OWA relative to Naive 2 on the same series. */
#ifndef FOREWARM_CLI_EVAL_FORECAST_H
#define FOREWARM_CLI_EVAL_FORECAST_H

#include "cli/eval_series.h"
#include "cli/output.h"
#include <stdbool.h>

enum { EVAL_MODELS = 4, EVAL_HORIZON_MAX = 1000, EVAL_SEASON_MAX = 1000 };

struct eval_accuracy {
    double smape, mase, owa, msis, coverage; /* NaN: the model gives no interval */
    double cpu_s;                            /* of the process, learning included */
};
struct eval_task {
    const struct eval_series *train, *test; /* matched: test by train's numbers */
    int horizon, season;
    uint64_t seed;
    int threads;
    struct output_progress progress;
};
struct eval_path { /* one series' forecast; no interval: low is NULL */
    double *mean, *low, *high;
};
struct eval_model {
    const char *name;
    /* Forecasts all series: `paths` has one for each. */
    enum fw_err (*run)(struct eval_task *task, struct eval_path *paths, struct fw_detail *detail);
    bool intervals;
};
extern const struct eval_model eval_models[EVAL_MODELS];

/* Every name of one file is in the other with enough values; puts the test's rows in the order of
 * the training's. */
FW_MUST_CHECK enum fw_err eval_series_match(struct eval_series *train, struct eval_series *test,
                                            int horizon, int season, const char *train_path,
                                            const char *test_path, struct fw_detail *detail);
FW_MUST_CHECK enum fw_err eval_forecasts(struct eval_task *task, const bool chosen[EVAL_MODELS],
                                         struct eval_accuracy scores[EVAL_MODELS],
                                         struct fw_detail *detail);

#endif
