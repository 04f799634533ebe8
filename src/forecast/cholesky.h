/* SPDX-License-Identifier: MIT
 * Symmetric positive systems of some dozen unknowns: ridge regressions. Ours, so that a forecast
 * does not depend on which processor's kernels a library picks.
 * Golub and Van Loan, Matrix Computations, 4th ed., 4.2. */
#ifndef FOREWARM_FORECAST_CHOLESKY_H
#define FOREWARM_FORECAST_CHOLESKY_H

#include <stdbool.h>

/* Replaces the lower triangle of `a` (n x n, row by row) by its factor L, a = L L'. False, `a` half
 * done, if it is not positive definite. */
bool cholesky_factor(double *a, int n);
/* Replaces b by the solution of L L' x = b. */
void cholesky_solve(const double *factor, int n, double *b);

#endif
