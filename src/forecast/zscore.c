/* SPDX-License-Identifier: MIT */
#include "forecast/zscore.h"
#include <math.h>
#include <string.h>

static const double score_max = 1e6, value_max = 1e150;

void zscore_init(struct zscore *zscore, uint32_t rows, bool changes)
{
    memset(zscore, 0, sizeof *zscore);
    zscore->changes = changes;
    zscore->rows = rows < ZSCORE_ROWS_MIN   ? ZSCORE_ROWS_MIN
                   : rows > ZSCORE_ROWS_MAX ? ZSCORE_ROWS_MAX
                                            : rows;
}

/* Mean, then spread around it: two passes, which nothing can make negative or drift. */
static double score(const struct zscore *zscore, double x)
{
    double mean = 0, square = 0;
    for (uint32_t i = 0; i < zscore->count; i++)
        mean += zscore->ring[i];
    mean /= (double)zscore->count;
    for (uint32_t i = 0; i < zscore->count; i++)
        square += (zscore->ring[i] - mean) * (zscore->ring[i] - mean);
    double sd = sqrt(square / (double)zscore->count);
    /* Of what never moved, a move within rounding is no news. */
    double least = 1e-6 * (fabs(mean) + fabs(zscore->previous)) + 1e-12;
    return fmin(fabs(x - mean) / fmax(sd, least), score_max);
}

double zscore_step(struct zscore *zscore, double value)
{
    double result = 0;
    value = fmax(-value_max, fmin(value, value_max));
    bool usable = !zscore->changes || zscore->begun;
    double x = zscore->changes ? value - zscore->previous : value;
    if (usable) {
        if (zscore->count >= ZSCORE_ROWS_MIN)
            result = score(zscore, x);
        zscore->ring[zscore->next] = x;
        zscore->next = zscore->next + 1 == zscore->rows ? 0 : zscore->next + 1;
        zscore->count += zscore->count < zscore->rows;
    }
    zscore->previous = value;
    zscore->begun = true;
    return result;
}

void zscore_skip(struct zscore *zscore)
{
    zscore->begun = false;
}
