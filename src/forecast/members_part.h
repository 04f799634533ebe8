/* SPDX-License-Identifier: MIT
 * What the parts of members.h share. */
#ifndef FOREWARM_FORECAST_MEMBERS_PART_H
#define FOREWARM_FORECAST_MEMBERS_PART_H

#include "forecast/members.h"

/* Regression on the last rows of x (standardised within), n of them known; path on x's scale.
 * False: too few rows. */
bool members_regress(const struct members *members, const double *x, int n, double *path);
/* The costlier models, fitted again from time to time. */
uint32_t members_ask_models(struct members *members, int origin, double *paths);
bool members_ask_prophet(struct members *members, int origin, double *path);
/* Is a model that was made at an origin (0: never) to be made again? */
bool members_due(const struct members *members, int made, int origin, int days);
void members_models_fini(struct members *members);

#endif
