/* SPDX-License-Identifier: MIT */
#include "forecast/prophet_part.h"
#include "base/check.h"
#include "base/str.h"
#include "base/time.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double SIGMA_OF_CONSTANT = 1e-9;

struct prophet_options prophet_defaults(void)
{
    return (struct prophet_options){.growth = PROPHET_LINEAR,
                                    .n_changepoints = 25,
                                    .changepoint_range = 0.8,
                                    .changepoint_prior_scale = 0.05,
                                    .yearly_seasonality = PROPHET_AUTO,
                                    .weekly_seasonality = PROPHET_AUTO,
                                    .daily_seasonality = PROPHET_AUTO,
                                    .seasonality_mode = PROPHET_ADDITIVE,
                                    .seasonality_prior_scale = 10,
                                    .holidays_prior_scale = 10,
                                    .interval_width = 0.8,
                                    .uncertainty_samples = 1000,
                                    .scaling = PROPHET_ABSMAX};
}

void prophet_priors(const struct prophet *p, double *precision, double *mean)
{
    size_t first = PROPHET_TREND + p->changepoints;
    for (size_t i = 0; i < first; i++) {
        precision[i] = i < PROPHET_TREND ? 1 / 25.0 : 0; /* k, m ~ N(0, 5); deltas have their own */
        mean[i] = 0;
    }
    for (size_t c = 0; c < p->columns; c++) {
        precision[first + c] = 1 / (p->column[c].prior_sd * p->column[c].prior_sd);
        mean[first + c] = p->column[c].prior_mean;
    }
}

/* The linear model, from the sums that are kept. */
static enum fw_err solve_sums(struct prophet *p, struct fw_detail *detail)
{
    size_t n = prophet_unknowns(p);
    double *gram = calloc(n * (n + 3), sizeof *gram);
    if (!gram)
        return err_set(detail, FW_NOMEM, "no memory for %zu unknowns", n);
    double *target = gram + n * n, *precision = target + n, *mean = precision + n;
    prophet_priors(p, precision, mean);
    struct prophet_problem problem = {.unknowns = n,
                                      .changepoints = p->changepoints,
                                      .gram = gram,
                                      .target = target,
                                      .target_square = p->sums.gram[0],
                                      .n = p->sums.n,
                                      .precision = precision,
                                      .mean = mean,
                                      .rate = 1 / p->changepoint_prior_scale,
                                      .fixed_k = p->growth == PROPHET_FLAT};
    double sigma_square = p->sigma * p->sigma;
    enum fw_err err = prophet_normal(&p->sums, p, p->theta, gram, target)
                          ? prophet_exact(&problem, p->theta, &sigma_square, p->sd, detail)
                          : err_set(detail, FW_NOMEM, "no memory for the normal equations");
    if (err == FW_OK) {
        double sum = p->sums.gram[0];
        for (size_t i = 0; i < n; i++)
            sum += p->theta[i] * (dense_dot(gram + i * n, p->theta, n) - 2 * target[i]);
        p->sigma = sqrt(sigma_square);
        p->lp = -prophet_cost(p, p->theta, fmax(sum, 0), p->sums.n, p->sigma);
    }
    free(gram);
    return err;
}

static bool linear_in_parameters(const struct prophet *p)
{
    return p->growth != PROPHET_LOGISTIC && !prophet_multiplicative(p);
}

static enum fw_err solve(struct prophet *p, struct prophet_history *history,
                         struct fw_detail *detail)
{
    size_t unknowns = prophet_unknowns(p);
    p->theta = calloc(unknowns, sizeof *p->theta);
    p->sd = calloc(p->columns + 1, sizeof *p->sd);
    if (!p->theta || !p->sd)
        return err_set(detail, FW_NOMEM, "no memory for %zu unknowns", unknowns);
    for (size_t c = 0; c < p->columns; c++)
        p->sd[c] = p->column[c].prior_sd;
    prophet_begin(p, history, p->theta);
    if ((p->constant && p->growth != PROPHET_LOGISTIC) || history->n == 1) {
        p->constant = true;
        p->sigma = SIGMA_OF_CONSTANT;
        for (size_t c = 0; c < p->columns; c++) /* what is planned still happens */
            p->theta[PROPHET_TREND + p->changepoints + c] = p->column[c].prior_mean;
        return FW_OK;
    }
    if (!linear_in_parameters(p)) {
        prophet_keep_cells(p, history);
        return prophet_newton(p, history, detail);
    }
    if (!prophet_sums_init(&p->sums, p))
        return err_set(detail, FW_NOMEM, "no memory for the sums of %zu columns", p->columns);
    prophet_sums_add(&p->sums, p, history);
    memset(p->theta, 0, unknowns * sizeof *p->theta);
    return solve_sums(p, detail);
}

static void take_options(struct prophet *p, const struct prophet_options *options)
{
    p->growth = options->growth;
    p->scaling = options->scaling;
    p->logarithm = options->logarithm;
    p->changepoint_prior_scale = options->changepoint_prior_scale;
    p->interval_width = options->interval_width;
    p->uncertainty_samples = options->uncertainty_samples;
    p->seed = options->seed;
}

static enum fw_err fit(struct prophet *p, const struct prophet_options *options,
                       struct prophet_history *history, struct fw_detail *detail)
{
    FW_TRY(prophet_choose_scales(p, history, detail));
    FW_TRY(prophet_history_scale(history, p, true, detail));
    FW_TRY(prophet_layout(p, options, history, detail));
    FW_TRY(prophet_lay_changepoints(p, options, history, detail));
    p->rows = history->n;
    p->left_out = history->rows->count - history->n;
    return solve(p, history, detail);
}

enum fw_err prophet_fit(const struct prophet_options *options, const struct prophet_rows *rows,
                        struct prophet **prophet, struct fw_detail *detail)
{
    *prophet = NULL;
    FW_TRY(prophet_check_options(options, detail));
    struct prophet *p = calloc(1, sizeof *p);
    struct prophet_history history;
    if (!p)
        return err_set(detail, FW_NOMEM, "no memory for a model");
    take_options(p, options);
    enum fw_err err = prophet_history_init(&history, p, true, rows, detail);
    if (err == FW_OK) {
        err = fit(p, options, &history, detail);
        prophet_history_fini(&history);
    }
    if (err != FW_OK)
        prophet_destroy(&p);
    *prophet = p;
    return err;
}

void prophet_destroy(struct prophet **prophet)
{
    struct prophet *p = *prophet;
    *prophet = NULL;
    if (!p)
        return;
    prophet_sums_fini(&p->sums);
    free(p->part);
    free(p->column);
    free(p->day);
    free(p->shape);
    free(p->changepoint);
    free(p->theta);
    free(p->sd);
    free(p);
}

enum fw_err prophet_check_inputs(const struct prophet *p, const struct prophet_history *history,
                                 struct fw_detail *detail)
{
    const struct prophet_rows *rows = history->rows;
    for (size_t i = 0; i < p->parts; i++) {
        const struct prophet_part *part = &p->part[i];
        if (part->public.kind != PROPHET_REGRESSOR)
            continue;
        const double *x = rows->regressor ? rows->regressor[part->input] : NULL;
        if (!x)
            return err_set(detail, FW_INPUT, "the rows have no regressor \"%s\"",
                           part->public.name);
        for (size_t j = 0; j < history->n; j++)
            if (!isfinite((x[history->order[j]] - part->mean) / part->sd))
                return err_set(detail, FW_INPUT, "row %u: regressor \"%s\" is not a number",
                               history->order[j] + 1, part->public.name);
    }
    return FW_OK;
}

enum fw_err prophet_update(struct prophet *p, const struct prophet_rows *rows, bool *rebuild,
                           struct fw_detail *detail)
{
    struct prophet_history history;
    *rebuild = true;
    if (!p->sums.gram)
        return err_set(detail, FW_UNSUPPORTED,
                       "rows can be added to a linear or flat fit whose parts add up; others are "
                       "fitted again");
    FW_TRY(prophet_history_init(&history, p, true, rows, detail));
    enum fw_err err = prophet_history_scale(&history, p, true, detail);
    if (err == FW_OK)
        err = prophet_check_inputs(p, &history, detail);
    if (err == FW_OK) {
        double most = 0;
        for (size_t i = 0; i < history.n; i++)
            most = fmax(most, fabs(history.z[i]));
        *rebuild = most > 1.05 || history.t[history.n - 1] > 1.05 || history.t[0] < 0;
        prophet_sums_add(&p->sums, p, &history);
        p->rows += history.n;
        p->left_out += rows->count - history.n;
        err = solve_sums(p, detail);
    }
    prophet_history_fini(&history);
    return err;
}

struct prophet_parameters prophet_parameters(const struct prophet *p)
{
    return (struct prophet_parameters){.k = p->theta[0],
                                       .m = p->theta[1],
                                       .sigma = p->sigma,
                                       .delta = p->theta + PROPHET_TREND,
                                       .changepoints = p->changepoints,
                                       .beta = p->theta + PROPHET_TREND + p->changepoints,
                                       .columns = p->columns};
}

void prophet_set_parameters(struct prophet *p, const struct prophet_parameters *parameters)
{
    CHECK(parameters->changepoints == p->changepoints && parameters->columns == p->columns);
    p->theta[0] = parameters->k;
    p->theta[1] = parameters->m;
    for (size_t j = 0; j < p->changepoints; j++)
        p->theta[PROPHET_TREND + j] = parameters->delta[j];
    for (size_t c = 0; c < p->columns; c++)
        p->theta[PROPHET_TREND + p->changepoints + c] = parameters->beta[c];
    p->sigma = parameters->sigma;
}

double prophet_lp(const struct prophet *p)
{
    return p->lp;
}

enum fw_err prophet_objective(const struct prophet *p, const struct prophet_rows *rows, double *lp,
                              struct fw_detail *detail)
{
    struct prophet_history history;
    FW_TRY(prophet_history_init(&history, p, true, rows, detail));
    enum fw_err err = prophet_history_scale(&history, p, true, detail);
    if (err == FW_OK)
        err = prophet_check_inputs(p, &history, detail);
    if (err == FW_OK) {
        double sum = 0;
        prophet_keep_cells(p, &history);
        if (prophet_sum_of_squares(p, &history, p->theta, &sum))
            *lp = -prophet_cost(p, p->theta, sum, (double)history.n, p->sigma);
        else
            err = err_set(detail, FW_NOMEM, "no memory for the objective");
    }
    prophet_history_fini(&history);
    return err;
}

void prophet_describe(const struct prophet *p, struct buf *out)
{
    char text[STR_NUMBER_MAX];
    buf_printf(out, "%zu rows fitted\n", p->rows);
    if (p->left_out > 0)
        buf_printf(out, "%zu %s no value and %s left out\n", p->left_out,
                   p->left_out == 1 ? "row has" : "rows have", p->left_out == 1 ? "was" : "were");
    if (p->one_instant)
        buf_add_text(out, "all rows are of one instant: the forecast is their mean\n");
    else if (p->constant)
        buf_add_text(out, "the values are all equal: the forecast is that value\n");
    if (p->logarithm_refused)
        buf_add_text(out, "there are negative values, which have no logarithm: the values "
                          "themselves are modelled\n");
    if (p->logarithm && p->log_shift > 0)
        buf_printf(out, "there are zeros: the logarithm is that of y + %s\n",
                   str_from_double(p->log_shift, text));
    if (p->changepoints < p->changepoints_asked && p->growth != PROPHET_FLAT)
        buf_printf(out, "%zu changepoints instead of %zu, for want of rows\n", p->changepoints,
                   p->changepoints_asked);
}

size_t prophet_components(const struct prophet *p)
{
    return p->parts;
}

const struct prophet_component *prophet_component(const struct prophet *p, size_t i)
{
    CHECK(i < p->parts);
    return &p->part[i].public;
}
