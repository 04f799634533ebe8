/* SPDX-License-Identifier: MIT */
#include "forecast/probability.h"

#include <math.h>
#include <stdlib.h>

struct row {
    double p;
    bool happened;
};

static int falling(const void *a, const void *b)
{
    const struct row *first = a, *second = b;
    return (first->p < second->p) - (first->p > second->p);
}

/* Down through the rows, the most likely first, a step where the probability changes. */
static void rank(struct probability_score *score, const struct row *rows)
{
    int hits = 0;
    double before = 0;
    score->average_precision = score->hits > 0 ? 0 : NAN;
    for (int i = 0; i < score->rows && score->hits > 0; i++) {
        hits += rows[i].happened;
        if (i + 1 < score->rows && rows[i + 1].p == rows[i].p)
            continue;
        double precision = (double)hits / (i + 1), recall = (double)hits / score->hits;
        score->average_precision += precision * (recall - before);
        before = recall;
        if (precision >= .8)
            score->recall_80 = recall;
        if (precision >= .95)
            score->recall_95 = recall;
    }
}

enum fw_err probability_score(struct probability_score *out, const double *p, const bool *happened,
                              int n)
{
    struct row *rows = malloc(((size_t)n + 1) * sizeof *rows);
    if (rows == NULL)
        return FW_NOMEM;
    *out = (struct probability_score){.rows = n};
    for (int i = 0; i < n; i++) {
        int bin = p[i] >= 1 ? PROBABILITY_BINS - 1 : (int)(p[i] * PROBABILITY_BINS);
        double error = p[i] - (happened[i] ? 1 : 0);
        rows[i] = (struct row){p[i], happened[i]};
        out->hits += happened[i];
        out->brier += error * error / n;
        out->bins[bin].rows++;
        out->bins[bin].said += p[i];
        out->bins[bin].came += happened[i];
    }
    for (int i = 0; i < PROBABILITY_BINS; i++) {
        double count = out->bins[i].rows > 0 ? out->bins[i].rows : NAN;
        out->bins[i].said /= count;
        out->bins[i].came /= count;
    }
    double share = n > 0 ? (double)out->hits / n : 0;
    out->base = share * (1 - share);
    qsort(rows, (size_t)n, sizeof *rows, falling);
    rank(out, rows);
    free(rows);
    return FW_OK;
}
