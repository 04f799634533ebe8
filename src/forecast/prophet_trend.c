/* SPDX-License-Identifier: MIT */
#include "forecast/prophet_part.h"
#include <math.h>

size_t prophet_segment(const struct prophet *p, size_t segment, double t)
{
    while (segment < p->changepoints && t >= p->changepoint[segment])
        segment++;
    return segment;
}

void prophet_pieces(const struct prophet *p, const double *theta, struct prophet_piece *piece)
{
    bool logistic = p->growth == PROPHET_LOGISTIC;
    double rate = p->growth == PROPHET_FLAT ? 0 : theta[0];
    double offset = logistic ? -theta[0] * theta[1] : theta[1];
    piece[0] = (struct prophet_piece){rate, offset};
    for (size_t s = 0; s < p->changepoints; s++) {
        rate += theta[PROPHET_TREND + s];
        offset -= p->changepoint[s] * theta[PROPHET_TREND + s];
        piece[s + 1] = (struct prophet_piece){rate, offset};
    }
}

double prophet_trend(const struct prophet *p, struct prophet_piece piece, double t, double cap)
{
    double u = piece.rate * t + piece.offset;
    return p->growth == PROPHET_LOGISTIC ? cap / (1 + exp(-u)) : u;
}

double prophet_trend_slope(const struct prophet *p, double trend, double cap)
{
    return p->growth == PROPHET_LOGISTIC ? trend * (1 - trend / cap) : 1;
}

struct prophet_terms prophet_terms(const struct prophet *p, const double *theta, double *memory)
{
    const double *beta = theta + PROPHET_TREND + p->changepoints;
    double *multiply = memory, *add = memory + dense_width(p->columns);
    for (size_t c = 0; c < p->columns; c++) {
        multiply[c] = p->column[c].multiplicative ? beta[c] : 0;
        add[c] = beta[c] - multiply[c];
    }
    return (struct prophet_terms){multiply, add};
}

static double clamped(double value, double low, double high)
{
    return fmax(low, fmin(high, value));
}

/* Where Prophet begins: the trend goes through the first row and the last. */
void prophet_begin(const struct prophet *p, const struct prophet_history *history, double *theta)
{
    size_t last = history->n - 1;
    double first_z = history->z[0], last_z = history->z[last],
           span = history->t[last] - history->t[0];
    for (size_t i = 0; i < prophet_unknowns(p); i++)
        theta[i] = 0;
    if (p->growth == PROPHET_FLAT || !(span > 0)) {
        double sum = 0;
        for (size_t i = 0; i < history->n; i++)
            sum += history->z[i];
        theta[1] = sum / (double)history->n;
        if (p->growth != PROPHET_LOGISTIC)
            return;
        span = 1;
    }
    if (p->growth == PROPHET_LINEAR) {
        theta[0] = (last_z - first_z) / span;
        theta[1] = first_z - theta[0] * history->t[0];
        return;
    }
    double cap0 = history->cap[0], cap1 = history->cap[last];
    double r0 = cap0 / clamped(first_z, 0.01 * cap0, 0.99 * cap0);
    double r1 = cap1 / clamped(last_z, 0.01 * cap1, 0.99 * cap1);
    if (fabs(r0 - r1) <= 0.01)
        r0 *= 1.05;
    double l0 = log(r0 - 1), l1 = log(r1 - 1);
    theta[1] = l0 * span / (l0 - l1);
    theta[0] = (l0 - l1) / span;
}
