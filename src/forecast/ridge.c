/* SPDX-License-Identifier: MIT */
#include "forecast/ridge.h"

#include "base/check.h"
#include "forecast/dense.h"
#include <math.h>
#include <string.h>

const struct ridge_settings ridge_hourly = {
    .lags = {1,  2,  3,   4,   23,  24,  25,  26,  47,  48,  49,  71, 72,
             73, 96, 120, 143, 144, 145, 166, 167, 168, 169, 170, 171},
    .count = 25,
    .lambda = 1,
    .forget = 1,
};

void ridge_init(struct ridge *ridge, const struct ridge_settings *settings)
{
    CHECK(settings->count > 0 && settings->count <= RIDGE_LAGS_MAX);
    memset(ridge, 0, sizeof *ridge);
    ridge->settings = *settings;
}

static int largest_lag(const struct ridge *ridge)
{
    return ridge->settings.lags[ridge->settings.count - 1];
}

void ridge_learn(struct ridge *ridge, const double *x, int t)
{
    int count = ridge->settings.count, size = count + 1;
    double row[RIDGE_SIZE_MAX], forget = ridge->settings.forget, sum = 0;
    if (t < largest_lag(ridge))
        return;
    for (int j = 0; j < count; j++)
        sum += row[j] = x[t - ridge->settings.lags[j]];
    row[count] = 1;
    bool usable = isfinite(sum + x[t]);
    if (!usable && forget >= 1)
        return;
    for (int i = 0; i < size; i++) {
        double *gram = ridge->gram + (long)i * size, by = usable ? row[i] : 0;
        for (int j = 0; j <= i; j++)
            gram[j] = forget * gram[j] + (usable ? by * row[j] : 0);
        ridge->rhs[i] = forget * ridge->rhs[i] + (usable ? by * x[t] : 0);
    }
}

bool ridge_fit(struct ridge *ridge)
{
    int size = ridge->settings.count + 1;
    double factor[RIDGE_SIZE_MAX * RIDGE_SIZE_MAX];
    memcpy(factor, ridge->gram, (size_t)size * (size_t)size * sizeof *factor);
    for (int i = 0; i < size; i++)
        factor[(long)i * size + i] += ridge->settings.lambda;
    memcpy(ridge->theta, ridge->rhs, (size_t)size * sizeof *ridge->theta);
    if (ridge->gram[(long)size * size - 1] <= 0 ||
        !dense_cholesky(factor, (size_t)size, (size_t)size)) {
        memset(ridge->theta, 0, sizeof ridge->theta);
        return false;
    }
    dense_solve(factor, (size_t)size, (size_t)size, ridge->theta);
    return true;
}

void ridge_path(const struct ridge *ridge, double *x, int n, int horizon, double low, double high)
{
    int count = ridge->settings.count;
    CHECK(n >= largest_lag(ridge));
    for (int t = n; t < n + horizon; t++) {
        double value = ridge->theta[count];
        for (int j = 0; j < count; j++)
            value += ridge->theta[j] * x[t - ridge->settings.lags[j]];
        x[t] = value < low ? low : value > high ? high : value;
    }
}
