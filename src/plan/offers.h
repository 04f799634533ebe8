/* SPDX-License-Identifier: MIT
 * Where units of capacity come from, and what they cost: offers by tier and region, with prices
 * that change at known instants.
 *
 * owned      paid for whether used or not, and used first
 * reserved   likewise, but only as many as pay: one more is reserved if all its hours cost less
 * than renting it in the hours it is needed (the break-even of ski rental, with the forecast known)
 * spot       rented by the hour and taken away by chance: never more than a share of what is
 * needed, and so many that what is left after interruptions is enough at the service level; only
 *            where that is cheaper than on demand
 * on_demand  rented by the hour, the cheapest region first */
#ifndef FOREWARM_PLAN_OFFERS_H
#define FOREWARM_PLAN_OFFERS_H

#include "base/err.h"
#include <stdint.h>

enum offers_tier { OFFERS_OWNED, OFFERS_RESERVED, OFFERS_ON_DEMAND, OFFERS_SPOT, OFFERS_TIERS };
extern const char *const offers_tier_names[OFFERS_TIERS + 1]; /* NULL at the end */

enum { OFFERS_MAX = 64, OFFERS_CHANGES_MAX = 64, OFFERS_REGION_MAX = 48, OFFERS_SPOT_MAX = 4096 };

struct offers_change {
    int64_t at_ns;
    double per_hour;
};
struct offer {
    char region[OFFERS_REGION_MAX];
    enum offers_tier tier;
    double per_hour; /* of a unit, until the first change; >= 0 */
    int most;        /* units to be had; 0: no limit (owned and reserved must have one) */
    double interruptions_per_hour; /* of a unit of spot; >= 0 */
    int change_count;
    struct offers_change changes[OFFERS_CHANGES_MAX]; /* ascending */
};

struct offers {
    int count;
    struct offer rows[OFFERS_MAX];
    double spot_share;    /* of a step's units that may be spot; [0, 1] */
    double service_level; /* at which spot does what it is counted for */
    int64_t lead_time_ns; /* in which an interrupted unit is replaced */
};
/* All of them rented at one price. */
struct offers offers_flat(double per_hour);

/* What is had at each step. */
struct purchase {
    int steps, offer_count;
    int *units;            /* of offer i at step t: units[t * offer_count + i] */
    int *unmet;            /* by step: units that no offer has left */
    double *cost_per_hour; /* by step, all units together, prices averaged over the step */
    double interruptions;  /* of spot units, expected over all steps */
};

/* Mean price of a unit from one instant to a later one. */
double offers_price(const struct offer *offer, int64_t from_ns, int64_t to_ns);
/* Spot units of which at least `needed` stay with probability `level` when each goes away with
 * probability `risk`: the binomial law. -1: more than OFFERS_SPOT_MAX. */
int offers_spot_units(int needed, double risk, double level);
/* `units`: needed by step. FW_INPUT, in words: an offer that makes no sense. Free with
 * purchase_fini, fine on a zeroed one. */
FW_MUST_CHECK enum fw_err offers_buy(const struct offers *offers, const int *units, int steps,
                                     int64_t start_ns, int64_t step_ns, struct purchase *purchase,
                                     struct fw_detail *detail);
void purchase_fini(struct purchase *purchase);

#endif
