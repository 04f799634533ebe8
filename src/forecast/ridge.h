/* SPDX-License-Identifier: MIT
 * Ridge regression of a series on its own past: x_t = theta_0 + sum_j theta_j x_(t - lag_j), with
 * the normal equations carried along, so that one more value costs one rank-1 update and the same
 * model can be asked at every origin. Old rows are forgotten by a constant factor a step.
 * Hoerl and Kennard, Technometrics 12(1), 1970; forgetting: Ljung, System Identification, 11.2. */
#ifndef FOREWARM_FORECAST_RIDGE_H
#define FOREWARM_FORECAST_RIDGE_H

#include <stdbool.h>

enum { RIDGE_LAGS_MAX = 32, RIDGE_SIZE_MAX = RIDGE_LAGS_MAX + 1 };

struct ridge_settings {
    int lags[RIDGE_LAGS_MAX]; /* ascending, in steps */
    int count;
    double lambda; /* on the scale of a standardised series; over the constant too */
    double forget; /* 1: nothing is forgotten; 0.999: by 0.1 % a step */
};
struct ridge {
    struct ridge_settings settings;
    double gram[RIDGE_SIZE_MAX * RIDGE_SIZE_MAX]; /* lower triangle */
    double rhs[RIDGE_SIZE_MAX];
    double theta[RIDGE_SIZE_MAX]; /* of the latest fit; the constant last */
};

/* The lags that the M4 hourly recipe uses (25 of them): the last four hours, and around one, two
 * and three days and a week ago. */
extern const struct ridge_settings ridge_hourly;

void ridge_init(struct ridge *ridge, const struct ridge_settings *settings);
/* Learns x[t] from the values before it; t below the largest lag, or a missing value (NaN) among
 * those needed: nothing is learned, time passes. */
void ridge_learn(struct ridge *ridge, const double *x, int t);
/* Solves for theta. False (theta is zero) if there was nothing to learn from. */
bool ridge_fit(struct ridge *ridge);
/* x[n .. n+horizon-1] := the forecast by the latest fit from x[0 .. n-1], each step on the ones
 * before it, kept within [low, high]. `n` at least the largest lag. */
void ridge_path(const struct ridge *ridge, double *x, int n, int horizon, double low, double high);

#endif
