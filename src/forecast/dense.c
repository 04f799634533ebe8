/* SPDX-License-Identifier: MIT */
#include "forecast/dense.h"
#include <math.h>
#include <string.h>

typedef double lanes __attribute__((vector_size(DENSE_LANES * sizeof(double))));

static inline void load(lanes *to, const double *from)
{
    memcpy(to, from, sizeof *to);
}

static inline void store(double *to, const lanes *from)
{
    memcpy(to, from, sizeof *from);
}

/* Four rows at a time: an element of the sum is fetched and put back once for all of them. */
static void outer_of_four(double *gram, const double *r, size_t width)
{
    const double *r0 = r, *r1 = r + width, *r2 = r1 + width, *r3 = r2 + width;
    for (size_t i = 0; i < width; i++) {
        const double x0 = r0[i], x1 = r1[i], x2 = r2[i], x3 = r3[i];
        double *line = gram + i * width;
        for (size_t j = i / DENSE_LANES * DENSE_LANES; j < width; j += DENSE_LANES) {
            lanes sum, a0, a1, a2, a3;
            load(&sum, line + j);
            load(&a0, r0 + j);
            load(&a1, r1 + j);
            load(&a2, r2 + j);
            load(&a3, r3 + j);
            sum += a0 * x0;
            sum += a1 * x1;
            sum += a2 * x2;
            sum += a3 * x3;
            store(line + j, &sum);
        }
    }
}

void dense_outer(double *gram, const double *rows, size_t count, size_t width)
{
    size_t at = 0;
    for (; at + 4 <= count; at += 4)
        outer_of_four(gram, rows + at * width, width);
    for (; at < count; at++)
        for (size_t i = 0; i < width; i++)
            for (size_t j = i / DENSE_LANES * DENSE_LANES; j < width; j++)
                gram[i * width + j] += rows[at * width + i] * rows[at * width + j];
}

void dense_add(double *to, const double *from, double factor, size_t width)
{
    for (size_t j = 0; j < width; j += DENSE_LANES) {
        lanes sum, term;
        load(&sum, to + j);
        load(&term, from + j);
        sum += term * factor;
        store(to + j, &sum);
    }
}

double dense_dot(const double *a, const double *b, size_t n)
{
    lanes sums = {0};
    size_t i = 0;
    for (; i + DENSE_LANES <= n; i += DENSE_LANES) {
        lanes x, y;
        load(&x, a + i);
        load(&y, b + i);
        sums += x * y;
    }
    double sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    for (; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

bool dense_cholesky(double *a, size_t n, size_t stride)
{
    for (size_t i = 0; i < n; i++) {
        double *row = a + i * stride;
        for (size_t j = 0; j < i; j++)
            row[j] = (row[j] - dense_dot(row, a + j * stride, j)) / a[j * stride + j];
        double pivot = row[i] - dense_dot(row, row, i);
        if (!(pivot > 0) || !isfinite(pivot))
            return false;
        row[i] = sqrt(pivot);
    }
    return true;
}

void dense_solve(const double *factor, size_t n, size_t stride, double *x)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (x[i] - dense_dot(factor + i * stride, x, i)) / factor[i * stride + i];
    for (size_t i = n; i-- > 0;) {
        x[i] /= factor[i * stride + i];
        for (size_t j = 0; j < i; j++)
            x[j] -= factor[i * stride + j] * x[i];
    }
}
