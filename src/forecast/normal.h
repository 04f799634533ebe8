/* SPDX-License-Identifier: MIT
 * The standard normal distribution and order statistics of samples. */
#ifndef FOREWARM_FORECAST_NORMAL_H
#define FOREWARM_FORECAST_NORMAL_H

#include <stddef.h>

double normal_cdf(double x);
double normal_quantile(double p); /* 0 < p < 1; by bisection, to the last bits */
/* Quantile of values in any order, which are moved around: as stats_quantile of the sorted ones, in
 * linear time. n > 0, no NaN among them. */
double normal_sample_quantile(double *values, size_t n, double q);

#endif
