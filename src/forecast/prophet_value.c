/* SPDX-License-Identifier: MIT */
#include "forecast/prophet_part.h"
#include <math.h>
#include <stdlib.h>

bool prophet_sum_of_squares(const struct prophet *p, const struct prophet_history *history,
                            const double *theta, double *sum)
{
    size_t stride = history->stride, at = 0;
    double *cells = malloc(((PROPHET_BLOCK + 2) * stride + 1) * sizeof *cells);
    struct prophet_piece *piece = malloc((p->changepoints + 1) * sizeof *piece);
    *sum = 0;
    if (!cells || !piece) {
        free(cells);
        free(piece);
        return false;
    }
    prophet_pieces(p, theta, piece);
    struct prophet_terms terms = prophet_terms(p, theta, cells + PROPHET_BLOCK * stride);
    for (size_t from = 0; from < history->n; from += PROPHET_BLOCK) {
        size_t count = history->n - from < PROPHET_BLOCK ? history->n - from : PROPHET_BLOCK;
        const double *row = prophet_cells(p, history, from, count, cells);
        for (size_t i = from; i < from + count; i++, row += stride) {
            at = prophet_segment(p, at, history->t[i]);
            double factor = 1 + dense_dot(row, terms.multiply, p->columns);
            double off = history->z[i] -
                         prophet_trend(p, piece[at], history->t[i], history->cap[i]) * factor -
                         dense_dot(row, terms.add, p->columns);
            *sum += off * off;
        }
    }
    free(cells);
    free(piece);
    return true;
}

/* The parameters' part of -lp. */
static double penalty(const struct prophet *p, const double *theta)
{
    double sum = (theta[0] * theta[0] + theta[1] * theta[1]) / 50;
    for (size_t j = 0; j < p->changepoints; j++)
        sum += fabs(theta[PROPHET_TREND + j]) / p->changepoint_prior_scale;
    for (size_t c = 0; c < p->columns; c++) {
        double off = (theta[PROPHET_TREND + p->changepoints + c] - p->column[c].prior_mean) /
                     p->column[c].prior_sd;
        sum += off * off / 2;
    }
    return sum;
}

double prophet_cost(const struct prophet *p, const double *theta, double sum_of_squares, double n,
                    double sigma)
{
    return sum_of_squares / (2 * sigma * sigma) + n * log(sigma) + penalty(p, theta) +
           2 * sigma * sigma;
}
