/* SPDX-License-Identifier: MIT */
#include "forecast/share.h"

#include "base/check.h"
#include <math.h>
#include <stdbool.h>

#define LOSS_MAX 3.  /* times the mean of a case: one miss does not end an expert */
#define KEPT     .98 /* of the loss of all updates before, from update to update */
#define PATIENCE .5  /* eagerness of the weights by that long loss */

void share_init(struct share *share, int experts)
{
    CHECK(experts >= 1 && experts <= SHARE_EXPERTS);
    *share = (struct share){.experts = experts};
    for (int i = 0; i < experts; i++)
        share->weight[i] = 1. / experts;
}

static bool is_awake(uint32_t awake, int expert)
{
    return awake >> expert & 1;
}

void share_add(struct share *share, const double *losses, uint32_t awake)
{
    double sum = 0, believed = 0, lost = 0, relative[SHARE_EXPERTS];
    int count = 0;
    for (int i = 0; i < share->experts; i++)
        if (is_awake(awake, i)) {
            sum += losses[i];
            count++;
        }
    if (!(sum > 0) || !isfinite(sum))
        return;
    for (int i = 0; i < share->experts; i++)
        if (is_awake(awake, i)) {
            relative[i] = fmin(losses[i] * count / sum, LOSS_MAX);
            believed += share->weight[i];
            lost += share->weight[i] * relative[i];
        }
    for (int i = 0; i < share->experts; i++)
        share->loss[i] += is_awake(awake, i) ? relative[i] : believed > 0 ? lost / believed : 1;
    share->cases++;
}

void share_update(struct share *share, double eagerness, double shared)
{
    double sum = 0;
    if (share->cases <= 0)
        return;
    for (int i = 0; i < share->experts; i++) {
        double loss = share->loss[i] / share->cases;
        share->past[i] = KEPT * share->past[i] + loss;
        sum += share->weight[i] *= exp(-eagerness * loss);
    }
    for (int i = 0; i < share->experts; i++) {
        share->weight[i] = (1 - shared) * share->weight[i] / sum + shared / share->experts;
        share->loss[i] = 0;
    }
    share->cases = 0;
    share->updates++;
}

/* What was shared out is little, but it does not vanish: an expert that never errs is to be
 * believed alone. */
static double patience(double past, double least)
{
    if (past <= least)
        return 1;
    return least > 0 ? exp(-PATIENCE * (past / least - 1)) : 0;
}

void share_weights(const struct share *share, uint32_t awake, double *weights)
{
    double sum = 0, least = INFINITY;
    for (int i = 0; i < share->experts; i++)
        if (is_awake(awake, i))
            least = fmin(least, share->past[i]);
    for (int i = 0; i < share->experts; i++)
        sum += weights[i] =
            is_awake(awake, i) ? share->weight[i] * patience(share->past[i], least) : 0;
    for (int i = 0; i < share->experts; i++)
        weights[i] = sum > 0 ? weights[i] / sum : 0;
}
