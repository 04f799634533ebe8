/* SPDX-License-Identifier: MIT
 * Small dense matrices, row by row: sums of outer products and Cholesky's factor, for systems of at
 * most some hundred unknowns. Every sum runs in one fixed order, so the same input gives the same
 * bits whatever the width of the machine's vectors (docs/decisions/0016-forecast.md). */
#ifndef FOREWARM_FORECAST_DENSE_H
#define FOREWARM_FORECAST_DENSE_H

#include <stdbool.h>
#include <stddef.h>

enum { DENSE_LANES = 4 };

/* The width of a row that holds `n` numbers and is a whole number of lanes. */
static inline size_t dense_width(size_t n)
{
    return (n + DENSE_LANES - 1) / DENSE_LANES * DENSE_LANES;
}

/* Upper triangle of gram += the sum over `count` rows of row' row; `width` from dense_width, gram
 * is width x width. What lies below the diagonal blocks is not touched. */
void dense_outer(double *gram, const double *rows, size_t count, size_t width);
/* to += factor * from, over `width` numbers. */
void dense_add(double *to, const double *from, double factor, size_t width);
double dense_dot(const double *a, const double *b, size_t n);

/* The lower factor L with L L' = A, in place of A's lower triangle (n x n, `stride` numbers a row).
 * False when A is not positive definite. */
bool dense_cholesky(double *a, size_t n, size_t stride);
/* Solves L L' x = x with that factor, in place. */
void dense_solve(const double *factor, size_t n, size_t stride, double *x);

#endif
