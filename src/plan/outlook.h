/* SPDX-License-Identifier: MIT
 * A plan from a known intensity: how many gaps are expected to end in each half-hour of the
 * clock to come, from the resource's own calendar or from somebody's forecast.
 *
 * The hazard at an age and an instant is  h(age) f(t) / F(age): h the resource's law of gaps, f the
 * expected rate, F the mean of f over the time that the resource has been silent at such ages
 * before. A law learned from gaps that ended at nine in the morning knows that long gaps end; the
 * division takes the mornings out of it, the product puts this one in (Breslow's estimate of a
 * baseline, 1972, with the rate as the only covariate). The cheapest windows follow by the backward
 * recursion of plan/keep_bins.h over cells that end at the law's edges (two bins each) and at every
 * half-hour of the next three days.
 */
#ifndef FOREWARM_PLAN_OUTLOOK_H
#define FOREWARM_PLAN_OUTLOOK_H

#include "learn/clock.h"
#include "learn/gaps.h"
#include "plan/keep.h"

enum { OUTLOOK_SLOTS = 3 * CLOCK_SLOTS + 1, OUTLOOK_WINDOWS = 3, OUTLOOK_AGES = 7 };

struct outlook {
    int64_t at_ns;               /* age 0 */
    double rates[OUTLOOK_SLOTS]; /* gaps expected to end in the half-hour of at_ns, ... */
    double usual[OUTLOOK_AGES];  /* F: by age below 1, 2, 4, 8, 16, 32 hours, and above */
};
uint32_t outlook_age(double age_s); /* the place in `usual` */

/* At most three windows of age, milliseconds packed (learn/packed.h); 0 is 0. */
struct outlook_plan {
    uint16_t from[OUTLOOK_WINDOWS], to[OUTLOOK_WINDOWS];
    uint8_t count;
};

/* `mass`: of the law; cold_s[k]: what a cold start costs at the end of a gap in bin k. Ready at
 * least until hold_ns. */
void outlook_make(const struct outlook *outlook, const double mass[GAPS_BINS],
                  const double cold_s[GAPS_BINS], int64_t load_ns, int64_t hold_ns,
                  struct outlook_plan *plan);
void outlook_windows(const struct outlook_plan *outlook_plan, struct keep_plan *plan);

#endif
