/* SPDX-License-Identifier: MIT
 * Trend, seasons, holidays, regressors and planned events of a series, fitted together: the model
 * of Prophet (Taylor and Letham, "Forecasting at scale", 2018) with its parameters under the names
 * its users know, and the same maximum a posteriori, found from sums of products instead of by a
 * general optimiser.
 *
 *   y = g(t) (1 + X_m beta_m) + X_a beta_a + noise
 *   -lp = SSE/(2 sigma^2) + n ln sigma + (k^2+m^2)/50 + sum|delta|/tau + sum (beta-mean)^2/(2 s^2)
 * + 2 sigma^2
 *
 * in scaled units; lp is what Stan prints for the same parameters. Beyond the original: planned
 * events whose multiplier is a prior, models of the logarithm, rows added to a fitted model. */
#ifndef FOREWARM_FORECAST_PROPHET_H
#define FOREWARM_FORECAST_PROPHET_H

#include "base/buf.h"
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PROPHET_NAME_MAX = 64,
    PROPHET_COLUMNS_MAX = 2000, /* of seasons, holidays, regressors and events together */
    PROPHET_CHANGEPOINTS_MAX = 1000,
    PROPHET_SAMPLES_MAX = 100000,
    PROPHET_AUTO = -1,
};

enum prophet_growth { PROPHET_LINEAR, PROPHET_LOGISTIC, PROPHET_FLAT };
/* PROPHET_DEFAULT: seasons, regressors and holidays follow seasonality_mode. */
enum prophet_mode { PROPHET_DEFAULT, PROPHET_ADDITIVE, PROPHET_MULTIPLICATIVE };
enum prophet_scaling { PROPHET_ABSMAX, PROPHET_MINMAX };

/* Prior scales of 0 stand for the general one of the options. */
struct prophet_seasonality {
    const char *name;
    double period_days;
    int fourier_order;
    double prior_scale;
    enum prophet_mode mode;
};

struct prophet_holiday { /* one for each date; dates of one holiday share its name */
    const char *name;
    int64_t at_ns;                  /* any instant of the day */
    int lower_window, upper_window; /* days before (<= 0) and after (>= 0) that count, too */
    double prior_scale;
};

struct prophet_regressor {
    const char *name;
    double prior_scale;
    double prior_mean; /* of its coefficient, in scaled units as prior_scale is */
    int standardize;   /* PROPHET_AUTO: unless it is made of 0 and 1; else 0 or 1 */
    enum prophet_mode mode;
};

/* Demand is multiplied (with a logarithm all of it, else its trend): up within an hour, down again
 * with a half-life of a third of the duration. Events of one name share their multiplier, so past
 * ones teach the planned one. */
struct prophet_event {
    const char *name;
    int64_t at_ns;
    double expected_duration_hours;
    double expected_multiplier; /* > 0 */
    double log_sd;              /* of its logarithm; 0: .35 */
};

struct prophet_options {
    enum prophet_growth growth;
    const int64_t *changepoints_ns; /* NULL: laid out evenly */
    size_t changepoint_count;       /* of the given ones */
    int n_changepoints;
    double changepoint_range;
    double changepoint_prior_scale;
    int yearly_seasonality, weekly_seasonality,
        daily_seasonality; /* PROPHET_AUTO, 0, or an order */
    enum prophet_mode seasonality_mode, holidays_mode;
    double seasonality_prior_scale, holidays_prior_scale;
    double interval_width;
    int uncertainty_samples; /* 0: no intervals */
    enum prophet_scaling scaling;
    bool logarithm; /* fit ln y; everything multiplies then */
    uint64_t seed;
    const struct prophet_seasonality *seasonalities;
    size_t seasonality_count;
    const struct prophet_holiday *holidays;
    size_t holiday_count;
    const struct prophet_regressor *regressors;
    size_t regressor_count;
    const struct prophet_event *events;
    size_t event_count;
};
struct prophet_options prophet_defaults(void); /* Prophet's own */

struct prophet_rows {
    size_t count;
    const int64_t *at_ns;      /* in any order */
    const double *y;           /* NaN or infinite: missing. Not used to predict. */
    const double *cap, *floor; /* logistic growth; floor may be NULL for 0 */
    const double *const
        *regressor; /* one array for each regressor of the options, in their order */
    /* One array for each seasonality of the options: where it applies. NULL, or a NULL among them:
     * always. */
    const bool *const *condition;
};

struct prophet;

/* FW_INPUT names what was found and what was expected. With one row, or rows that are all equal,
 * the fit is a constant; prophet_describe says so. */
FW_MUST_CHECK enum fw_err prophet_fit(const struct prophet_options *options,
                                      const struct prophet_rows *rows, struct prophet **prophet,
                                      struct fw_detail *detail);
void prophet_destroy(struct prophet **prophet);
/* Adds rows to an additive linear or flat fit and solves again, without the rows it was made of.
 * *rebuild: scale or span have moved by more than a twentieth, a new fit is due. FW_UNSUPPORTED for
 * other fits. */
FW_MUST_CHECK enum fw_err prophet_update(struct prophet *prophet, const struct prophet_rows *rows,
                                         bool *rebuild, struct fw_detail *detail);

struct prophet_parameters { /* scaled units, as in Prophet */
    double k, m, sigma;
    const double *delta; /* changepoints of them */
    size_t changepoints;
    const double
        *beta; /* columns of them: seasons (own ones first), holidays by name, regressors, events */
    size_t columns;
};
struct prophet_parameters prophet_parameters(const struct prophet *prophet);
/* The counts must be the model's. */
void prophet_set_parameters(struct prophet *prophet, const struct prophet_parameters *parameters);
double prophet_lp(const struct prophet *prophet); /* at the fit */
/* lp of the model's parameters on these rows (those of the fit, usually). */
FW_MUST_CHECK enum fw_err prophet_objective(const struct prophet *prophet,
                                            const struct prophet_rows *rows, double *lp,
                                            struct fw_detail *detail);
/* What was found and what was put in place of what was asked for, a sentence a line. */
void prophet_describe(const struct prophet *prophet, struct buf *out);

enum prophet_kind { PROPHET_SEASON, PROPHET_HOLIDAY, PROPHET_REGRESSOR, PROPHET_EVENT };
struct prophet_component {
    char name[PROPHET_NAME_MAX];
    enum prophet_kind kind;
    bool multiplicative; /* its values are shares of the trend; else in units of y */
};
size_t prophet_components(const struct prophet *prophet);
const struct prophet_component *prophet_component(const struct prophet *prophet, size_t i);

struct prophet_forecast {
    size_t count, components;
    double *yhat, *yhat_lower, *yhat_upper; /* the bounds are yhat itself without samples */
    double *trend, *trend_lower, *trend_upper;
    double *additive_terms,
        *multiplicative_terms; /* yhat = trend (1 + multiplicative) + additive */
    double *holidays;          /* all of them together */
    double *component;         /* components x count, one after the other */
    double *memory;
};
FW_MUST_CHECK enum fw_err prophet_predict(const struct prophet *prophet,
                                          const struct prophet_rows *rows,
                                          struct prophet_forecast *forecast,
                                          struct fw_detail *detail);
void prophet_forecast_fini(struct prophet_forecast *forecast);

#endif
