/* SPDX-License-Identifier: MIT
 * A changepoint's column is (t - s)+, and so its products with any other column are differences of
 * sums over the rows behind s: sum(t x) - s sum(x). Those sums are kept for each segment between
 * changepoints, which is why a model with 25 changepoints costs little more than one with none. */
#include "forecast/prophet_part.h"
#include <stdlib.h>
#include <string.h>

bool prophet_sums_init(struct prophet_sums *sums, const struct prophet *p)
{
    sums->width = dense_width(PROPHET_BASE + p->columns);
    sums->segments = p->changepoints + 1;
    sums->n = 0;
    sums->kept = sums->width * (sums->width + 2 * sums->segments);
    sums->gram = calloc(sums->kept + 2 * (PROPHET_BLOCK + 1) * sums->width, sizeof *sums->gram);
    if (!sums->gram)
        return false;
    sums->one = sums->gram + sums->width * sums->width;
    sums->time = sums->one + sums->width * sums->segments;
    sums->rows = sums->gram + sums->kept;
    sums->cells = sums->rows + PROPHET_BLOCK * sums->width;
    sums->terms = sums->cells + PROPHET_BLOCK * sums->width;
    return true;
}

void prophet_sums_clear(struct prophet_sums *sums)
{
    memset(sums->gram, 0, sums->kept * sizeof *sums->gram);
    sums->n = 0;
}

void prophet_sums_fini(struct prophet_sums *sums)
{
    free(sums->gram);
    *sums = (struct prophet_sums){0};
}

static void take_rows(struct prophet_sums *sums, const struct prophet *p, const double *t,
                      size_t count, size_t *segment)
{
    size_t width = sums->width;
    dense_outer(sums->gram, sums->rows, count, width);
    for (size_t i = 0; i < count; i++) {
        const double *row = sums->rows + i * width;
        *segment = prophet_segment(p, *segment, t[i]);
        dense_add(sums->one + *segment * width, row, row[1], width);
        dense_add(sums->time + *segment * width, row, row[2], width);
    }
    sums->n += (double)count;
}

void prophet_sums_add(struct prophet_sums *sums, const struct prophet *p,
                      const struct prophet_history *history)
{
    size_t width = sums->width, segment = 0;
    for (size_t from = 0; from < history->n; from += PROPHET_BLOCK) {
        size_t count = history->n - from < PROPHET_BLOCK ? history->n - from : PROPHET_BLOCK;
        prophet_features(p, history, from, count, sums->rows + PROPHET_BASE, width);
        for (size_t i = 0; i < count; i++) {
            double *row = sums->rows + i * width;
            row[0] = history->z[from + i];
            row[1] = 1;
            row[2] = history->t[from + i];
        }
        take_rows(sums, p, history->t + from, count, &segment);
    }
}

/* With w = 1 + X_m beta_m and h = w dg/du, the row of derivatives is h (t - ...) for the trend, g x
 * for what multiplies and x for what adds; the target is what they should sum to: z - mu + row
 * theta. Returns z - mu. */
static double linearised_row(const struct prophet *p, const double *theta,
                             const struct prophet_terms *terms, struct prophet_piece piece,
                             double t, double z, double cap, const double *cells, double *row)
{
    double trend = prophet_trend(p, piece, t, cap), slope = prophet_trend_slope(p, trend, cap);
    double factor = 1 + dense_dot(cells, terms->multiply, p->columns);
    double height = slope * factor, line = piece.rate * t + piece.offset;
    if (p->growth == PROPHET_LOGISTIC) /* k enters the offset once more, as -k m */
        line -= theta[0] * theta[1];
    for (size_t c = 0; c < p->columns; c++)
        row[PROPHET_BASE + c] = cells[c] * (p->column[c].multiplicative ? trend : 1);
    row[0] = z - trend + height * line;
    row[1] = height;
    row[2] = height * t;
    return z - trend * factor - dense_dot(cells, terms->add, p->columns);
}

double prophet_sums_linearised(struct prophet_sums *sums, const struct prophet *p,
                               const struct prophet_history *history, const double *theta,
                               const struct prophet_piece *piece)
{
    size_t segment = 0, at = 0;
    double sum_of_squares = 0;
    struct prophet_terms terms = prophet_terms(p, theta, sums->terms);
    for (size_t from = 0; from < history->n; from += PROPHET_BLOCK) {
        size_t count = history->n - from < PROPHET_BLOCK ? history->n - from : PROPHET_BLOCK;
        const double *cells = prophet_cells(p, history, from, count, sums->cells);
        for (size_t i = 0; i < count; i++) {
            double t = history->t[from + i];
            at = prophet_segment(p, at, t);
            double off = linearised_row(p, theta, &terms, piece[at], t, history->z[from + i],
                                        history->cap[from + i], cells + i * history->stride,
                                        sums->rows + i * sums->width);
            sum_of_squares += off * off;
        }
        take_rows(sums, p, history->t + from, count, &segment);
    }
    return sum_of_squares;
}

/* A column of the trend: a t + b from its first segment on. */
struct line {
    double a, b;
    size_t first;
};

static struct line line_of(const struct prophet *p, const double *theta, size_t unknown)
{
    bool logistic = p->growth == PROPHET_LOGISTIC;
    if (unknown == 0)
        return (struct line){1, logistic ? -theta[1] : 0, 0};
    if (unknown == 1)
        return (struct line){0, logistic ? -theta[0] : 1, 0};
    return (struct line){1, -p->changepoint[unknown - PROPHET_TREND], unknown - PROPHET_TREND + 1};
}

/* Row `unknown` of the normal equations, which belongs to the trend: right of the diagonal. `one`
 * and `time` are sums from a segment to the end. */
static void trend_row(const struct prophet_sums *sums, const struct prophet *p, const double *theta,
                      size_t unknown, const double *one, const double *time, double *row,
                      double *target)
{
    size_t trend = PROPHET_TREND + p->changepoints, width = sums->width;
    struct line line = line_of(p, theta, unknown);
    const double *one_from = one + line.first * width, *time_from = time + line.first * width;
    for (size_t q = unknown; q < trend; q++) {
        struct line other = line_of(p, theta, q); /* never begins before this one */
        const double *o = one + other.first * width, *t = time + other.first * width;
        row[q] = line.a * other.a * t[2] + (line.a * other.b + line.b * other.a) * o[2] +
                 line.b * other.b * o[1];
    }
    for (size_t c = 0; c < p->columns; c++)
        row[trend + c] = line.a * time_from[PROPHET_BASE + c] + line.b * one_from[PROPHET_BASE + c];
    *target = line.a * time_from[0] + line.b * one_from[0];
}

bool prophet_normal(const struct prophet_sums *sums, const struct prophet *p, const double *theta,
                    double *gram, double *target)
{
    size_t unknowns = prophet_unknowns(p), trend = PROPHET_TREND + p->changepoints,
           width = sums->width;
    double *one = malloc(2 * sums->segments * width * sizeof *one);
    if (!one)
        return false;
    double *time = one + sums->segments * width;
    memcpy(one, sums->one, 2 * sums->segments * width * sizeof *one);
    for (size_t s = sums->segments - 1; s-- > 0;) {
        dense_add(one + s * width, one + (s + 1) * width, 1, width);
        dense_add(time + s * width, time + (s + 1) * width, 1, width);
    }
    for (size_t i = 0; i < trend; i++)
        trend_row(sums, p, theta, i, one, time, gram + i * unknowns, &target[i]);
    for (size_t c = 0; c < p->columns; c++) {
        const double *from = sums->gram + (PROPHET_BASE + c) * width + PROPHET_BASE;
        double *row = gram + (trend + c) * unknowns + trend;
        memcpy(row + c, from + c, (p->columns - c) * sizeof *row);
        target[trend + c] = sums->gram[PROPHET_BASE + c];
    }
    for (size_t i = 0; i < unknowns; i++)
        for (size_t j = 0; j < i; j++)
            gram[i * unknowns + j] = gram[j * unknowns + i];
    free(one);
    return true;
}
