/* SPDX-License-Identifier: MIT */
#include "forecast/cholesky.h"

#include <math.h>

static double dot(const double *a, const double *b, int n)
{
    double sum[4] = {0};
    int i = 0;
    for (; i + 4 <= n; i += 4)
        for (int k = 0; k < 4; k++)
            sum[k] += a[i + k] * b[i + k];
    for (; i < n; i++)
        sum[0] += a[i] * b[i];
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

bool cholesky_factor(double *a, int n)
{
    for (int i = 0; i < n; i++) {
        double *row = a + (long)i * n;
        for (int j = 0; j < i; j++) {
            const double *other = a + (long)j * n;
            row[j] = (row[j] - dot(row, other, j)) / other[j];
        }
        double rest = row[i] - dot(row, row, i);
        if (!(rest > 0) || !isfinite(rest))
            return false;
        row[i] = sqrt(rest);
    }
    return true;
}

void cholesky_solve(const double *factor, int n, double *b)
{
    for (int i = 0; i < n; i++)
        b[i] = (b[i] - dot(factor + (long)i * n, b, i)) / factor[(long)i * n + i];
    for (int i = n - 1; i >= 0; i--) {
        b[i] /= factor[(long)i * n + i];
        const double *row = factor + (long)i * n;
        for (int j = 0; j < i; j++)
            b[j] -= row[j] * b[i];
    }
}
