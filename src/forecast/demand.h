/* SPDX-License-Identifier: MIT
 * The forecast of one demand series, from the table of its values to the table people plan with:
 * which seasons it has, how well anything foretells it, what is expected, how wide, and how likely
 * a spike is. */
#ifndef FOREWARM_FORECAST_DEMAND_H
#define FOREWARM_FORECAST_DEMAND_H

#include "forecast/ensemble.h"
#include "forecast/events.h"
#include "forecast/paths.h"
#include "forecast/peaks.h"
#include "forecast/spike_chance.h"

enum {
    DEMAND_QUANTILES_MAX = 16,
    DEMAND_STEPS_MAX = 20000, /* ahead */
    DEMAND_ROWS_MAX = 200000, /* of a longer series, the latest are learned from */
};
/* A spike: more than so many times what is usual at that time, the higher of the mean of the same
 * time on the last two days and the median of the last quarter of a day. */
#define DEMAND_SPIKE 2.

enum demand_model {
    DEMAND_ENSEMBLE,
    DEMAND_PROPHET,
    DEMAND_RIDGE,
    DEMAND_BOOST,
    DEMAND_NAIVE,
    DEMAND_MODELS,
};
extern const char *const demand_models[DEMAND_MODELS + 1]; /* NULL at the end */

struct demand_settings {
    int64_t horizon_ns;
    enum demand_model model;
    double blend[2]; /* of the Prophet-style model and the boosted trees; zeros: learned weights */
    double quantiles[DEMAND_QUANTILES_MAX]; /* ascending, in (0, 1) */
    int quantile_count;
    double capacity_buffer;                /* recommended capacity over P95 */
    const struct calendar *calendar;       /* past and planned events; NULL: none */
    const struct members_prophet *prophet; /* the user's; NULL: ours */
    uint64_t seed;
    /* What the boosted quantiles see beside the series, a value for each of its steps, NaN where
       there is none: the share of the capacity in use, and requests waiting. NULL: not told. */
    const double *utilisation, *queue;
    int path_count;                   /* joint paths to draw, at most PATHS_MAX; 0: none */
    int64_t peak_window_ns;           /* the highest demand of windows so long, from each step on */
    int peak_count;                   /* at so many levels; 0: none */
    double peak_levels[PEAKS_LEVELS]; /* in (0, 1) */
    /* Told now and then how much of the work is done; NULL: nobody. */
    void (*progress)(void *context, uint64_t done, uint64_t total);
    void *context;
    struct buf *trained; /* where what was trained goes as bytes, versioned; NULL: nowhere */
    /* Such bytes: the series begins as the one they were trained on (demand_latest), and may have
     * gone on; model, blend and seed are theirs, the horizon at most. Without data: train. */
    struct str resume;
};
extern const struct demand_settings demand_defaults;

/* The levels at which capacity is planned for the highest demand: of the service, P95 and P99. */
enum demand_peak { DEMAND_PEAK_SERVICE, DEMAND_PEAK_P95, DEMAND_PEAK_P99, DEMAND_PEAKS };
void demand_ask_peaks(struct demand_settings *settings, int64_t window_ns, double service_level);

/* Could it be foretold? By stretch of the horizon, over its own past. */
struct demand_verdict {
    struct ensemble_verdict blocks;
    int block_count;            /* stretches the horizon reaches */
    int origins;                /* at which the past was asked */
    int usual[ENSEMBLE_BLOCKS]; /* steps up to which each stretch reaches */
};

struct demand_forecast {
    int64_t start_ns, step_ns;
    int day, week; /* steps */
    int count;     /* steps ahead; arrays of so many */
    int quantile_count;
    double *baseline; /* trend and seasons alone */
    double *expected; /* the mean, and what a spike would add as often as it comes */
    double *spike;    /* probability */
    double *quantile[DEMAND_QUANTILES_MAX];
    double *capacity;
    /* None unless asked for. Those of a step are the forecast's up to P90, above what past steps
       were (peaks.h); beyond a day ahead no wider than within it. */
    struct paths paths;
    struct paths_law law; /* of the errors of its own past */
    double *peaks;        /* count for each level asked for; NULL: none, or too little is known */
    struct demand_verdict verdict;
    struct events_effect events;
    bool resumed;               /* nothing was trained, */
    struct drift_verdict drift; /* but does it still hold? */
    struct spike_verdict spikes;
    double *memory;
};

/* The part of a series that is learned from; its values are those of the series. */
struct series demand_latest(const struct series *series);
/* FW_INPUT, in words: nothing known, a horizon of no step or too many, a model that such steps or
 * such a horizon are not for. */
FW_MUST_CHECK enum fw_err demand_forecast(const struct series *series,
                                          const struct demand_settings *settings,
                                          struct demand_forecast *forecast,
                                          struct fw_detail *detail);
/* One value a step, of what demand_ask_peaks asked for; NULL: too little is known. */
const double *demand_peaks(const struct demand_forecast *forecast, enum demand_peak level);
void demand_forecast_fini(struct demand_forecast *forecast);
/* The verdict in words, a sentence a line. */
void demand_describe(const struct demand_forecast *forecast, struct buf *out);
/* Steps of a day (0: a step is a day or longer, or does not divide one) and of a week. */
void demand_seasons(int64_t step_ns, int *day, int *week);

#endif
