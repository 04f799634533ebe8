/* SPDX-License-Identifier: MIT
 * A score made into a probability: the rising curve nearest to what happened, by pooling adjacent
 * violators (Ayer, Brunk, Ewing, Reid and Silverman, Ann. Math. Statist. 26(4), 1955). Between the
 * middles of the pools it is a straight line, so that scores that differ mostly stay apart. */
#ifndef FOREWARM_FORECAST_ISOTONIC_H
#define FOREWARM_FORECAST_ISOTONIC_H

#include "base/buf.h"
#include "base/err.h"

struct isotonic {
    int count;         /* pools */
    double *at, *mean; /* of each: mean score, and mean of what happened; both rise */
};

/* n scores, in any order and at least one, and what happened at each; all finite. */
FW_MUST_CHECK enum fw_err isotonic_fit(struct isotonic *out, const double *score,
                                       const double *happened, int n);
void isotonic_fini(struct isotonic *isotonic);
double isotonic_at(const struct isotonic *isotonic, double score);
/* As bytes; and back (FW_CORRUPT: no rising curve). */
void isotonic_save(const struct isotonic *isotonic, struct buf *out);
FW_MUST_CHECK enum fw_err isotonic_load(struct isotonic *out, struct buf_reader *in,
                                        struct fw_detail *detail);

#endif
