/* SPDX-License-Identifier: MIT
 * How good forecasts were. y: what happened; f, low, high: what was said; n of each. The errors of
 * the M4 competition: Makridakis, Spiliotis and Assimakopoulos, Int. J. Forecasting 36(1), 2020,
 * section 2; MSIS: Gneiting and Raftery, J. Amer. Statist. Assoc. 102 (2007), 6.2. */
#ifndef FOREWARM_FORECAST_ACCURACY_H
#define FOREWARM_FORECAST_ACCURACY_H

/* Mean of 200 |y - f| / (|y| + |f|), in per cent; both zero: no error. */
double accuracy_smape(const double *y, const double *f, int n);
/* Mean |x_t - x_(t - season)| of the history: the unit of MASE and MSIS. NaN if it is too short. */
double accuracy_unit(const double *history, int n, int season);
double accuracy_mae(const double *y, const double *f, int n);
/* sum |y - f| / sum |y| */
double accuracy_wape(const double *y, const double *f, int n);
/* Mean width plus 2 / alpha times what lies outside, over the unit; 95 %: alpha .05. */
double accuracy_msis(const double *y, const double *low, const double *high, int n, double alpha,
                     double unit);
/* Share of y within [low, high]. */
double accuracy_coverage(const double *y, const double *low, const double *high, int n);
/* Mean quantile loss at level tau (Koenker and Bassett, Econometrica 46, 1978). */
double accuracy_pinball(const double *y, const double *q, int n, double tau);

#endif
