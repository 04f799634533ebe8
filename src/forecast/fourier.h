/* SPDX-License-Identifier: MIT
 * Regression of a series on sines and cosines of the day and the week, old steps forgotten by a
 * constant factor. All rows repeat after a week and do not depend on the series, so neither
 * does the Gram matrix at an origin: it is factored once for all series.
 * Dynamic harmonic regression: Young, Pedregal and Tych, J. Forecasting 18 (1999). */
#ifndef FOREWARM_FORECAST_FOURIER_H
#define FOREWARM_FORECAST_FOURIER_H

#include "base/err.h"
#include <stdbool.h>

enum {
    FOURIER_DAILY_MAX = 11,  /* harmonics of the day */
    FOURIER_WEEKLY_MAX = 55, /* highest harmonic of the week */
    FOURIER_SIZE_MAX = 1 + 2 * FOURIER_DAILY_MAX + 2 * FOURIER_WEEKLY_MAX,
    FOURIER_PERIOD_MAX = 1 << 16,
};

struct fourier_settings {
    int day, week; /* steps; day 0: steps of a day or longer. The week a multiple of the day */
    int daily;     /* harmonics of the day, below half its steps */
    int weekly;    /* harmonics 1 .. weekly of the week, those of the day left out; 0: none */
    double forget; /* factor a step */
    double lambda; /* ridge on all but the constant, for a standardised series */
};
/* The rows of a week, and the factored Gram matrices at the origins asked for. */
struct fourier {
    struct fourier_settings settings;
    int size;               /* unknowns */
    double *rows;           /* by step of the week, the constant first */
    double *factors;        /* by origin, size x size */
    int first, step, count; /* origins first, first + step, ... */
};
/* One series' share. */
struct fourier_state {
    double rhs[FOURIER_SIZE_MAX];
    double theta[FOURIER_SIZE_MAX];
};

/* Prepares origins first, first + step, ..., count of them (values before the origin are known). */
FW_MUST_CHECK enum fw_err fourier_init(struct fourier *fourier,
                                       const struct fourier_settings *settings, int first, int step,
                                       int count);
void fourier_fini(struct fourier *fourier);
void fourier_start(struct fourier_state *state);
void fourier_learn(const struct fourier *fourier, struct fourier_state *state, int t, double value);
/* Solves at a prepared origin, all values before it having been learned. */
void fourier_fit(const struct fourier *fourier, struct fourier_state *state, int origin);
double fourier_value(const struct fourier *fourier, const struct fourier_state *state, int t);

#endif
