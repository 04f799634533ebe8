/* SPDX-License-Identifier: MIT
 * What the files of the Prophet-style model share. The way of the data: prophet_history (rows that
 * count, in order, scaled) -> prophet_features (columns) -> prophet_sums (sums of products) ->
 * prophet_exact (parameters)
 * -> prophet_predict and prophet_sample. */
#ifndef FOREWARM_FORECAST_PROPHET_PART_H
#define FOREWARM_FORECAST_PROPHET_PART_H

#include "forecast/dense.h"
#include "forecast/prophet.h"

enum {
    PROPHET_BLOCK = 64, /* rows that are worked on at a time */
    PROPHET_BASE =
        3, /* a row of sums begins with target, height and height x t; then the columns */
    PROPHET_TREND = 2, /* k and m come before the deltas */
    PROPHET_EVENTS_MAX = 10000
};

struct prophet_part {
    struct prophet_component public;
    uint32_t first, count;        /* its columns */
    uint32_t input;               /* which regressor or condition of the rows it reads */
    bool conditional;             /* seasons: applies where rows say so */
    double period_days;           /* seasons */
    double mean, sd, prior_scale; /* regressors: what is taken off and divided by; all: the prior */
};

struct prophet_column {
    uint32_t part;
    double prior_mean, prior_sd;
    bool multiplicative;
};

struct prophet_day {
    int64_t day; /* since 1970 */
    uint32_t column;
};

struct prophet_shape {
    int64_t at_ns;
    double half_life_hours;
    uint32_t column;
};

/* Sums of products of rows [target, height, height t, columns..., padding]: all that a solution
 * needs. In the trend's segment s, one + s width and time + s width are the sums of height row and
 * of height t row. */
struct prophet_sums {
    size_t width, segments;
    double n;
    double *gram, *one, *time; /* one piece of memory, that of gram */
    size_t kept;               /* how many numbers of it are sums; the rest is for rows at work */
    double *rows, *cells, *terms;
};

struct prophet {
    enum prophet_growth growth;
    enum prophet_scaling scaling;
    bool logarithm, constant;
    bool holidays_multiplicative;
    double changepoint_prior_scale, interval_width;
    int uncertainty_samples;
    uint64_t seed;
    int64_t start_ns;
    double span_ns, y_scale, y_floor; /* y_floor: what is taken off where rows have no floor */
    double log_shift;                 /* ln(y + log_shift) */
    struct prophet_part *part;
    size_t parts;
    struct prophet_column *column;
    size_t columns;
    struct prophet_day *day;
    size_t days;
    struct prophet_shape *shape;
    size_t shapes;
    uint32_t regressors, conditions; /* how many arrays the rows must bring */
    double *changepoint;             /* in t */
    size_t changepoints;
    double *theta; /* k, m, delta, beta */
    double *sd;    /* of beta, given the rest: events' own uncertainty */
    double sigma, lp;
    struct prophet_sums sums; /* kept where rows can be added */
    /* for prophet_describe */
    size_t rows, left_out, changepoints_asked;
    bool logarithm_refused, one_instant;
};

static inline size_t prophet_unknowns(const struct prophet *p)
{
    return PROPHET_TREND + p->changepoints + p->columns;
}

/* The rows that count, in order of time: t in [0, 1] over the fit, z = y scaled. */
struct prophet_history {
    const struct prophet_rows *rows;
    size_t n;
    uint32_t *order; /* into rows */
    double *t, *z, *cap;
    double *cells; /* n x stride columns when they were few enough to keep, else NULL */
    size_t stride;
};

/* --- prophet_history.c --- */
/* Selects and sorts. `with_y`: rows without a number in y are left out; else all rows stay. */
FW_MUST_CHECK enum fw_err prophet_history_init(struct prophet_history *history,
                                               const struct prophet *p, bool with_y,
                                               const struct prophet_rows *rows,
                                               struct fw_detail *detail);
/* A fit's own scales, from its rows. */
FW_MUST_CHECK enum fw_err prophet_choose_scales(struct prophet *p,
                                                const struct prophet_history *history,
                                                struct fw_detail *detail);
FW_MUST_CHECK enum fw_err prophet_history_scale(struct prophet_history *history,
                                                const struct prophet *p, bool with_y,
                                                struct fw_detail *detail);
void prophet_history_fini(struct prophet_history *history);
/* The floor of a row, in units of y or its logarithm. */
double prophet_floor(const struct prophet *p, const struct prophet_rows *rows, size_t row);

/* --- prophet_layout.c --- */
FW_MUST_CHECK enum fw_err prophet_layout(struct prophet *p, const struct prophet_options *options,
                                         const struct prophet_history *history,
                                         struct fw_detail *detail);
FW_MUST_CHECK enum fw_err prophet_lay_changepoints(struct prophet *p,
                                                   const struct prophet_options *options,
                                                   const struct prophet_history *history,
                                                   struct fw_detail *detail);
FW_MUST_CHECK enum fw_err prophet_check_options(const struct prophet_options *options,
                                                struct fw_detail *detail);

/* --- prophet_dates.c: holidays and planned events --- */
FW_MUST_CHECK enum fw_err prophet_lay_holidays(struct prophet *p,
                                               const struct prophet_options *options,
                                               struct fw_detail *detail);
FW_MUST_CHECK enum fw_err prophet_lay_events(struct prophet *p,
                                             const struct prophet_options *options,
                                             struct fw_detail *detail);
/* Adds a part with its columns (prior mean 0). */
FW_MUST_CHECK enum fw_err prophet_add_part(struct prophet *p, const struct prophet_part *part,
                                           struct fw_detail *detail);

/* --- prophet_features.c --- */
/* Columns of rows from..from+count of the history, each row `stride` numbers from the one before
 * it. */
void prophet_features(const struct prophet *p, const struct prophet_history *history, size_t from,
                      size_t count, double *cells, size_t stride);
/* The same, from what is kept when it is; `scratch` holds PROPHET_BLOCK x history->stride numbers.
 */
const double *prophet_cells(const struct prophet *p, const struct prophet_history *history,
                            size_t from, size_t count, double *scratch);
/* Keeps all columns when they are not too many. */
void prophet_keep_cells(const struct prophet *p, struct prophet_history *history);

/* --- prophet_trend.c --- */
/* In segment s (between changepoints), the trend is rate t + offset, through the logistic function
 * with growth logistic: there u = k (t - m) + sum delta_j (t - s_j)+. */
struct prophet_piece {
    double rate, offset;
};
void prophet_pieces(const struct prophet *p, const double *theta, struct prophet_piece *piece);
double prophet_trend(const struct prophet *p, struct prophet_piece piece, double t, double cap);
/* d trend / d u, where the trend has that value. */
double prophet_trend_slope(const struct prophet *p, double trend, double cap);
void prophet_begin(const struct prophet *p, const struct prophet_history *history, double *theta);
/* Segment of t, given that of an earlier t. */
size_t prophet_segment(const struct prophet *p, size_t segment, double t);

/* beta in two: what multiplies and what adds, 0 elsewhere. `memory` holds 2 x dense_width(columns)
 * numbers. */
struct prophet_terms {
    const double *multiply, *add;
};
struct prophet_terms prophet_terms(const struct prophet *p, const double *theta, double *memory);

/* --- prophet_sums.c --- */
FW_MUST_CHECK bool prophet_sums_init(struct prophet_sums *sums, const struct prophet *p);
void prophet_sums_clear(struct prophet_sums *sums);
void prophet_sums_fini(struct prophet_sums *sums);
/* The model linear in its parameters: additive, trend not logistic. */
void prophet_sums_add(struct prophet_sums *sums, const struct prophet *p,
                      const struct prophet_history *history);
/* Any model, linearised at theta; returns the sum of squares there. */
double prophet_sums_linearised(struct prophet_sums *sums, const struct prophet *p,
                               const struct prophet_history *history, const double *theta,
                               const struct prophet_piece *piece);
/* Normal equations of all unknowns (unknowns x unknowns, both triangles) from the sums. */
FW_MUST_CHECK bool prophet_normal(const struct prophet_sums *sums, const struct prophet *p,
                                  const double *theta, double *gram, double *target);

/* --- prophet_exact.c --- */
struct prophet_problem {
    size_t unknowns, changepoints;
    const double *gram, *target; /* G, b */
    double target_square, n;     /* y'y */
    const double *precision, *mean;
    double rate;          /* 1/tau */
    const double *centre; /* where the damping pulls to; NULL: none */
    double damping;       /* share of G's diagonal */
    bool fixed_k;         /* flat growth: k and the deltas stay where they are, 0 */
};
/* Minimises the penalised sum of squares and sigma^2 together, exactly: active set over the signs
 * of the deltas, alternating with the closed form of sigma^2. theta: where to begin, then the
 * solution. */
FW_MUST_CHECK enum fw_err prophet_exact(const struct prophet_problem *problem, double *theta,
                                        double *sigma_square, double *sd, struct fw_detail *detail);
/* sigma^2 that is best for a sum of squares of n residuals. */
double prophet_sigma_square(double sum_of_squares, double n);

/* --- prophet.c --- */
void prophet_priors(const struct prophet *p, double *precision, double *mean);
/* That the rows bring every regressor the model has. */
FW_MUST_CHECK enum fw_err prophet_check_inputs(const struct prophet *p,
                                               const struct prophet_history *history,
                                               struct fw_detail *detail);

/* --- prophet_newton.c --- */
FW_MUST_CHECK enum fw_err prophet_newton(struct prophet *p, const struct prophet_history *history,
                                         struct fw_detail *detail);

/* --- prophet_value.c --- */
FW_MUST_CHECK bool prophet_sum_of_squares(const struct prophet *p,
                                          const struct prophet_history *history,
                                          const double *theta, double *sum);
/* -lp */
double prophet_cost(const struct prophet *p, const double *theta, double sum_of_squares, double n,
                    double sigma);

/* --- prophet_sample.c --- */
/* Bounds of yhat and trend. */
FW_MUST_CHECK enum fw_err prophet_sample(const struct prophet *p,
                                         const struct prophet_history *history,
                                         struct prophet_forecast *forecast,
                                         struct fw_detail *detail);
/* --- prophet_predict.c --- */
/* y of its modelled logarithm. */
double prophet_from_logarithm(const struct prophet *p, double value);
/* Whether some column multiplies. */
bool prophet_multiplicative(const struct prophet *p);

#endif
