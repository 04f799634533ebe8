/* SPDX-License-Identifier: MIT
 * Intervals. Behind the fit's last row the trend goes on changing as often and as much as it did:
 * changepoints arrive as a Poisson process with as many a span as the fit has, their deltas are
 * Laplace with the mean size of the fit's; to that come what is not known of planned events, and
 * noise. Up to the last row only the latter two remain, which are normal, and no sample is drawn.
 */
#include "forecast/prophet_part.h"
#include "forecast/normal.h"
#include "base/prng.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct path {
    struct prng prng;
    double next_t; /* of its next changepoint */
    double rate, offset;
};

struct sampler {
    const struct prophet *p;
    const struct prophet_history *history;
    struct prophet_forecast *forecast;
    size_t paths, doubts; /* doubts: the columns of events */
    uint32_t *doubt;
    double *known;        /* cells of the row at work */
    double *error;        /* paths x doubts: how far their coefficients are off */
    double *yhat, *trend; /* of all paths, in the row at work */
    struct path *path;
    struct prophet_piece *piece;
    double delta_mean, deviate;
};

static double laplace(struct prng *prng, double mean)
{
    double size = prng_exponential(prng, mean);
    return prng_next(prng) >> 63 ? size : -size;
}

static void begin_paths(struct sampler *sampler)
{
    const struct prophet *p = sampler->p;
    double sum = 0;
    for (size_t j = 0; j < p->changepoints; j++)
        sum += fabs(p->theta[PROPHET_TREND + j]);
    sampler->delta_mean = p->changepoints > 0 ? sum / (double)p->changepoints + 1e-8 : 0;
    for (size_t s = 0; s < sampler->paths; s++) {
        struct path *path = &sampler->path[s];
        prng_init(&path->prng, prng_mix(p->seed, s));
        for (size_t d = 0; d < sampler->doubts; d++)
            sampler->error[s * sampler->doubts + d] =
                prng_normal(&path->prng, 0, p->sd[sampler->doubt[d]]);
        path->rate = path->offset = 0;
        path->next_t = p->changepoints > 0
                           ? 1 + prng_exponential(&path->prng, 1 / (double)p->changepoints)
                           : INFINITY;
    }
}

enum { CHANGES_MOST = 100000 }; /* a row: a forecast far beyond its history ends, too */

static void advance_path(const struct sampler *sampler, struct path *path, double t)
{
    for (int i = 0; i < CHANGES_MOST && path->next_t <= t; i++) {
        double delta = laplace(&path->prng, sampler->delta_mean);
        path->rate += delta;
        path->offset -= delta * path->next_t;
        path->next_t += prng_exponential(&path->prng, 1 / (double)sampler->p->changepoints);
    }
}

/* What the columns of a row come to: what multiplies, what adds. */
static void terms(const struct prophet *p, const double *cells, double *factor, double *sum)
{
    const double *beta = p->theta + PROPHET_TREND + p->changepoints;
    *factor = 1;
    *sum = 0;
    for (size_t c = 0; c < p->columns; c++)
        *(p->column[c].multiplicative ? factor : sum) += cells[c] * beta[c];
}

static double in_units(const struct prophet *p, double value, double floor)
{
    double y = value * p->y_scale + floor;
    return p->logarithm ? prophet_from_logarithm(p, y) : y;
}

/* Up to the end of the fit. */
static void known_row(struct sampler *sampler, uint32_t row)
{
    const struct prophet *p = sampler->p;
    struct prophet_forecast *forecast = sampler->forecast;
    double variance = p->sigma * p->sigma, floor = prophet_floor(p, sampler->history->rows, row);
    double trend = p->logarithm ? 0 : (forecast->trend[row] - floor) / p->y_scale;
    for (size_t d = 0; d < sampler->doubts; d++) {
        uint32_t c = sampler->doubt[d];
        double off = sampler->known[c] * p->sd[c] * (p->column[c].multiplicative ? trend : 1);
        variance += off * off;
    }
    double half = sampler->deviate * sqrt(variance) * p->y_scale, yhat = forecast->yhat[row];
    if (p->logarithm) {
        double middle = log(yhat + p->log_shift);
        forecast->yhat_lower[row] = prophet_from_logarithm(p, middle - half);
        forecast->yhat_upper[row] = prophet_from_logarithm(p, middle + half);
    } else {
        forecast->yhat_lower[row] = yhat - half;
        forecast->yhat_upper[row] = yhat + half;
    }
}

static void future_row(struct sampler *sampler, size_t i)
{
    const struct prophet *p = sampler->p;
    uint32_t row = sampler->history->order[i];
    double t = sampler->history->t[i], cap = sampler->history->cap[i], factor, sum;
    double floor = prophet_floor(p, sampler->history->rows, row);
    struct prophet_piece last = sampler->piece[p->changepoints];
    terms(p, sampler->known, &factor, &sum);
    for (size_t s = 0; s < sampler->paths; s++) {
        struct path *path = &sampler->path[s];
        double own_factor = factor, own_sum = sum;
        advance_path(sampler, path, t);
        struct prophet_piece piece = {last.rate + path->rate, last.offset + path->offset};
        for (size_t d = 0; d < sampler->doubts; d++) {
            uint32_t c = sampler->doubt[d];
            double off = sampler->known[c] * sampler->error[s * sampler->doubts + d];
            *(p->column[c].multiplicative ? &own_factor : &own_sum) += off;
        }
        sampler->trend[s] = prophet_trend(p, piece, t, cap);
        sampler->yhat[s] =
            sampler->trend[s] * own_factor + own_sum + prng_normal(&path->prng, 0, p->sigma);
    }
    double low = (1 - p->interval_width) / 2, high = (1 + p->interval_width) / 2;
    struct prophet_forecast *forecast = sampler->forecast;
    size_t n = sampler->paths;
    forecast->yhat_lower[row] = in_units(p, normal_sample_quantile(sampler->yhat, n, low), floor);
    forecast->yhat_upper[row] = in_units(p, normal_sample_quantile(sampler->yhat, n, high), floor);
    forecast->trend_lower[row] = in_units(p, normal_sample_quantile(sampler->trend, n, low), floor);
    forecast->trend_upper[row] =
        in_units(p, normal_sample_quantile(sampler->trend, n, high), floor);
}

static void collect_doubts(struct sampler *sampler)
{
    const struct prophet *p = sampler->p;
    for (size_t c = 0; c < p->columns; c++)
        if (p->part[p->column[c].part].public.kind == PROPHET_EVENT)
            sampler->doubt[sampler->doubts++] = (uint32_t)c;
}

static bool sampler_init(struct sampler *sampler)
{
    const struct prophet *p = sampler->p;
    sampler->paths = (size_t)p->uncertainty_samples;
    sampler->doubt = malloc((p->columns + 1) * sizeof *sampler->doubt);
    if (!sampler->doubt)
        return false;
    collect_doubts(sampler);
    sampler->known = calloc(dense_width(p->columns) + 1, sizeof *sampler->known);
    sampler->error = malloc((sampler->doubts + 2) * sampler->paths * sizeof *sampler->error);
    sampler->path = malloc(sampler->paths * sizeof *sampler->path);
    sampler->piece = malloc((p->changepoints + 1) * sizeof *sampler->piece);
    if (!sampler->known || !sampler->error || !sampler->path || !sampler->piece)
        return false;
    sampler->yhat = sampler->error + sampler->doubts * sampler->paths;
    sampler->trend = sampler->yhat + sampler->paths;
    sampler->deviate = normal_quantile((1 + p->interval_width) / 2);
    prophet_pieces(p, p->theta, sampler->piece);
    return true;
}

enum fw_err prophet_sample(const struct prophet *p, const struct prophet_history *history,
                           struct prophet_forecast *forecast, struct fw_detail *detail)
{
    struct sampler sampler = {.p = p, .history = history, .forecast = forecast};
    bool ready = sampler_init(&sampler);
    if (ready)
        begin_paths(&sampler);
    for (size_t i = 0; ready && i < history->n; i++) {
        prophet_features(p, history, i, 1, sampler.known, history->stride);
        if (history->t[i] <= 1)
            known_row(&sampler, history->order[i]);
        else
            future_row(&sampler, i);
    }
    free(sampler.doubt);
    free(sampler.known);
    free(sampler.error);
    free(sampler.path);
    free(sampler.piece);
    return ready ? FW_OK
                 : err_set(detail, FW_NOMEM, "no memory for %d samples", p->uncertainty_samples);
}
