/* SPDX-License-Identifier: MIT */
#include "forecast/pareto.h"

#include "base/check.h"
#include <math.h>

#define SHAPE_MAX .5
#define PLOTTED   .35 /* the j-th of n stands for the share (j - .35) / n */

struct pareto pareto_fit(const double *excess, int n)
{
    double mean = 0, weighted = 0;
    CHECK(n >= 2);
    for (int i = 0; i < n; i++) {
        mean += excess[i] / n;
        weighted += (1 - (i + 1 - PLOTTED) / n) * excess[i] / n;
    }
    double rest = mean - 2 * weighted;
    if (!(mean > 0))
        return (struct pareto){0, 0};
    double shape = rest > 0 ? 2 - mean / rest : -SHAPE_MAX;
    shape = fmin(fmax(shape, -SHAPE_MAX), SHAPE_MAX);
    return (struct pareto){mean * (1 - shape), shape}; /* the mean is kept */
}

double pareto_quantile(const struct pareto *pareto, double above)
{
    CHECK(above > 0 && above <= 1);
    if (fabs(pareto->shape) < 1e-9)
        return -pareto->scale * log(above);
    return pareto->scale / pareto->shape * (pow(above, -pareto->shape) - 1);
}
