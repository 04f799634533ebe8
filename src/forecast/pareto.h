/* SPDX-License-Identifier: MIT
 * The tail behind a high threshold: what exceeds it follows, the higher the nearer, a generalised
 * Pareto distribution (Pickands, Ann. Statist. 3, 1975), fitted by probability-weighted moments
 * (Hosking and Wallis, Technometrics 29, 1987, 3.2), so that a quantile further out than the errors
 * seen reach does not have to be the largest of them (McNeil and Frey, J. Empirical Finance 7,
 * 2000, 2.3). */
#ifndef FOREWARM_FORECAST_PARETO_H
#define FOREWARM_FORECAST_PARETO_H

struct pareto {
    double scale; /* 0: nothing exceeds */
    double shape; /* kept within [-.5, .5]: half the moments that the fit is made of */
};

/* Excesses over the threshold, ascending, not below 0; n at least 2. */
struct pareto pareto_fit(const double *excess, int n);
/* What a share `above` in (0, 1] of the excesses lies above. */
double pareto_quantile(const struct pareto *pareto, double above);

#endif
