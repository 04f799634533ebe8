/* SPDX-License-Identifier: MIT
 * The forecasts that cost nothing, and that others must beat: the last season again, and Naive 2 of
 * the M competitions (Makridakis, Spiliotis and Assimakopoulos, Int. J. Forecasting 36(1), 2020):
 * the last value of the seasonally adjusted series, if a test finds it seasonal. */
#ifndef FOREWARM_FORECAST_NAIVE_H
#define FOREWARM_FORECAST_NAIVE_H

#include <stdbool.h>

/* path[h] = the latest known value a whole number of seasons before. n at least `season`, else the
 * last value. */
void naive_seasonal(const double *y, int n, int season, double *path, int horizon);
/* Autocorrelation at lag `season` against 1.645 of Bartlett's standard errors; false below three
 * seasons. */
bool naive_is_seasonal(const double *y, int n, int season);
/* Multiplicative indices of the classical decomposition, mean 1: index[i] belongs to time i modulo
 * the season. n at least two seasons. */
void naive_indices(const double *y, int n, int season, double *index);
/* Naive 2; `index` is room for one season. */
void naive_two(const double *y, int n, int season, double *index, double *path, int horizon);

#endif
