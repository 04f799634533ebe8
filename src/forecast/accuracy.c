/* SPDX-License-Identifier: MIT */
#include "forecast/accuracy.h"

#include <math.h>

double accuracy_smape(const double *y, const double *f, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) {
        double size = fabs(y[i]) + fabs(f[i]);
        sum += size > 0 ? 200 * fabs(y[i] - f[i]) / size : 0;
    }
    return sum / n;
}

double accuracy_unit(const double *history, int n, int season)
{
    double sum = 0;
    for (int i = season; i < n; i++)
        sum += fabs(history[i] - history[i - season]);
    return n > season ? sum / (n - season) : NAN;
}

double accuracy_mae(const double *y, const double *f, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += fabs(y[i] - f[i]);
    return sum / n;
}

double accuracy_wape(const double *y, const double *f, int n)
{
    double error = 0, size = 0;
    for (int i = 0; i < n; i++) {
        error += fabs(y[i] - f[i]);
        size += fabs(y[i]);
    }
    return error / size;
}

double accuracy_msis(const double *y, const double *low, const double *high, int n, double alpha,
                     double unit)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += high[i] - low[i] + 2 / alpha * (fmax(low[i] - y[i], 0) + fmax(y[i] - high[i], 0));
    return sum / n / unit;
}

double accuracy_coverage(const double *y, const double *low, const double *high, int n)
{
    int inside = 0;
    for (int i = 0; i < n; i++)
        inside += y[i] >= low[i] && y[i] <= high[i];
    return (double)inside / n;
}

double accuracy_pinball(const double *y, const double *q, int n, double tau)
{
    double sum = 0;
    for (int i = 0; i < n; i++) {
        double error = y[i] - q[i];
        sum += fmax(tau * error, (tau - 1) * error);
    }
    return sum / n;
}
