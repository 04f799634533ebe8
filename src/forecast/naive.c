/* SPDX-License-Identifier: MIT */
#include "forecast/naive.h"

#include <math.h>

void naive_seasonal(const double *y, int n, int season, double *path, int horizon)
{
    for (int h = 0; h < horizon; h++)
        path[h] = n < season ? y[n - 1] : y[n - season + h % season];
}

static double mean_of(const double *y, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += y[i];
    return sum / n;
}

bool naive_is_seasonal(const double *y, int n, int season)
{
    double mean = mean_of(y, n), variance = 0, squares = 0, correlation = 0;
    if (season < 2 || n < 3 * season)
        return false;
    for (int i = 0; i < n; i++)
        variance += (y[i] - mean) * (y[i] - mean);
    if (!(variance > 0))
        return false;
    for (int lag = 1; lag <= season; lag++) {
        double sum = 0;
        for (int i = lag; i < n; i++)
            sum += (y[i] - mean) * (y[i - lag] - mean);
        correlation = sum / variance;
        if (lag < season)
            squares += correlation * correlation;
    }
    return fabs(correlation) > 1.645 * sqrt((1 + 2 * squares) / n);
}

/* The centred moving average over one season; an even season's ends count half. */
static double trend_at(const double *y, int t, int season)
{
    int half = season / 2;
    double sum = 0;
    if (season % 2 == 1)
        return mean_of(y + t - half, season);
    for (int i = -half + 1; i < half; i++)
        sum += y[t + i];
    return (sum + (y[t - half] + y[t + half]) / 2) / season;
}

void naive_indices(const double *y, int n, int season, double *index)
{
    int half = season / 2;
    double all = 0;
    for (int i = 0; i < season; i++) {
        double sum = 0;
        int count = 0;
        for (int t = i; t + half < n; t += season) {
            if (t < half)
                continue;
            double ratio = y[t] / trend_at(y, t, season);
            if (!isfinite(ratio))
                continue;
            sum += ratio;
            count++;
        }
        index[i] = count > 0 ? sum / count : 1;
        all += index[i] / season;
    }
    for (int i = 0; i < season; i++)
        index[i] = all > 0 ? index[i] / all : 1;
}

void naive_two(const double *y, int n, int season, double *index, double *path, int horizon)
{
    bool seasonal = naive_is_seasonal(y, n, season);
    if (seasonal)
        naive_indices(y, n, season, index);
    double last = y[n - 1];
    double own = seasonal ? index[(n - 1) % season] : 1;
    for (int h = 0; h < horizon; h++)
        path[h] = seasonal && own > 0 ? last / own * index[(n + h) % season] : last;
}
