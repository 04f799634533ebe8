/* SPDX-License-Identifier: MIT */
#include "forecast/scale.h"

#include "base/stats.h"
#include <math.h>
#include <stdlib.h>

struct scale scale_choose(const double *y, int n)
{
    struct scale scale = {0};
    double least = INFINITY;
    size_t above = 0;
    double *positive = malloc((size_t)(n > 0 ? n : 1) * sizeof *positive);
    for (int i = 0; i < n; i++) {
        if (isfinite(y[i]))
            least = fmin(least, y[i]);
        if (positive != NULL && isfinite(y[i]) && y[i] > 0)
            positive[above++] = y[i];
    }
    scale.logs = least >= 0 && above > 0;
    if (scale.logs && least <= 0) {
        stats_sort_doubles(positive, above);
        scale.added = stats_quantile(positive, above, .5) / 100;
    }
    free(positive);
    return scale;
}

double scale_in(const struct scale *scale, double y)
{
    return scale->logs ? log(y + scale->added) : y;
}

double scale_out(const struct scale *scale, double z)
{
    return scale->logs ? fmax(exp(z) - scale->added, 0) : z;
}
