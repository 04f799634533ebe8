/* SPDX-License-Identifier: MIT
 * Bounds on what is to come from the errors made so far: the quantiles of the latest ones (split
 * conformal prediction: Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World, 2005),
 * moved by what was missed since (Gibbs and Candes, NeurIPS 2021), never further than the errors
 * are spread. Far out, where the history allows it, the tail is a generalised Pareto (pareto.h).
 * Errors may be of any scale; what they are divided by is the caller's. */
#ifndef FOREWARM_FORECAST_CONFORMAL_H
#define FOREWARM_FORECAST_CONFORMAL_H

enum { CONFORMAL_LEVELS = 9, CONFORMAL_ERRORS = 1008, CONFORMAL_TRUSTED = 20 };
/* .01 .05 .25 .5 .75 .9 .95 .975 .99 */
extern const double conformal_levels[CONFORMAL_LEVELS];

struct conformal {
    double together; /* errors that come and go together, as those of one origin: they count, and
                        move the bounds, as one. Set by the owner; at least 1 */
    double values[CONFORMAL_ERRORS]; /* a ring */
    double sorted[CONFORMAL_ERRORS];
    int count;                      /* ever */
    double moved[CONFORMAL_LEVELS]; /* zero from init */
};

/* All zeros, but for `together`, is a conformal without errors. */
void conformal_add(struct conformal *conformal, double error);
/* Bounds at all levels, ascending; zeros before the first error. */
void conformal_bounds(const struct conformal *conformal, double bounds[CONFORMAL_LEVELS]);
/* The bound at one level in (0, 1); zero before the first error. */
double conformal_at(const struct conformal *conformal, double level);
/* How much of what may come lies above `bound`, in [0, 1]. */
double conformal_above(const struct conformal *conformal, double bound);
/* Those without what was missed since: split conformal alone. */
void conformal_split(const struct conformal *conformal, double bounds[CONFORMAL_LEVELS]);

#endif
