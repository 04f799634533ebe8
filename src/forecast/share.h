/* SPDX-License-Identifier: MIT
 * Weights of experts of which now this one is best, now that one: exponential weights of which a
 * part is shared out evenly again after every update, so that an expert that turns good is believed
 * within some updates, however bad it was before (fixed share: Herbster and Warmuth, Machine
 * Learning 32, 1998). An expert that says nothing loses what the others lose on average (Freund,
 * Schapire, Singer and Warmuth, STOC 1997). Losses count relative to their mean over the experts of
 * the same case, so that hard cases weigh no more than easy ones. */
#ifndef FOREWARM_FORECAST_SHARE_H
#define FOREWARM_FORECAST_SHARE_H

#include <stdint.h>

enum { SHARE_EXPERTS = 20 };

struct share {
    int experts;
    double weight[SHARE_EXPERTS]; /* sum 1 */
    double loss[SHARE_EXPERTS];   /* since the last update, relative */
    double past[SHARE_EXPERTS];   /* of all updates, slowly forgotten */
    double cases;
    int updates;
};

/* 1 to SHARE_EXPERTS experts, believed alike. */
void share_init(struct share *share, int experts);
/* One case: what each lost, not below 0; bit i of `awake`: expert i said something. */
void share_add(struct share *share, const double *losses, uint32_t awake);
/* The mean of the cases since the last update counts as one; none: nothing changes. */
void share_update(struct share *share, double eagerness, double shared);
/* The weights of those awake, a little tempered by their long past, sum 1 (all 0 when none is). */
void share_weights(const struct share *share, uint32_t awake, double *weights);

#endif
