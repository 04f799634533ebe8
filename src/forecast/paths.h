/* SPDX-License-Identifier: MIT
 * Joint paths of a demand series: what may come, step after step, errors staying together as those
 * of the past did. Quantiles of single steps do not tell how high the highest of many steps will
 * be; paths do. Normal scores, correlated as the errors of past forecasts were, are mapped through
 * the quantiles of each step (Pinson, Madsen, Nielsen, Papaefthymiou and Klockl, "From
 * probabilistic forecasts to statistical scenarios of short-term wind power production", Wind
 * Energy 12(1), 2009). The values of a step are its quantiles at evenly spaced levels, dealt to the
 * paths by rank (Clark et al., "The Schaake shuffle", J. Hydrometeorology 5(1), 2004): however many
 * paths, each step alone has the quantiles it was given. */
#ifndef FOREWARM_FORECAST_PATHS_H
#define FOREWARM_FORECAST_PATHS_H

#include "base/err.h"
#include <stdint.h>

/* PATHS_VALUES_MAX: steps times paths; more steps leave fewer paths, at least PATHS_LEAST. */
enum { PATHS_USUAL = 500, PATHS_LEAST = 50, PATHS_MAX = 10000, PATHS_VALUES_MAX = 1 << 22 };

/* The correlation of normal scores of errors k steps apart, made at the same time, is
 * shared + (1 - shared) * decay^k: a level that was misjudged, and what passes. Both in [0, 1). */
struct paths_law {
    double shared, decay;
    int pairs; /* of errors one step apart it was measured on; 0: paths_law_usual */
};
extern const struct paths_law paths_law_usual; /* where too few errors are known */

struct paths {
    int steps, count;
    double *value; /* of path p at step h - 1: value[(h - 1) * count + p] */
};

/* Of errors[origin * steps + h - 1], already divided by their usual size; NaN: not known. */
FW_MUST_CHECK enum fw_err paths_law_measure(struct paths_law *law, const double *errors,
                                            int origins, int steps);
/* The quantile of step h = 1 .. steps at a level in (0, 1), not falling in the level. */
typedef double paths_quantile_fn(void *context, int h, double level);
/* `count` in 1 .. PATHS_MAX is what is wished; see PATHS_VALUES_MAX. The same seed gives the same
 * paths. */
FW_MUST_CHECK enum fw_err paths_draw(struct paths *paths, int steps, int count,
                                     const struct paths_law *law, paths_quantile_fn *quantile,
                                     void *context, uint64_t seed);
void paths_fini(struct paths *paths); /* fine on a zeroed one */

#endif
