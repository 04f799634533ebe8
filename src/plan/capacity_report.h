/* SPDX-License-Identifier: MIT
 * What a plan of capacity costs, what it saves from, and whether that is worth it: the same demand
 * done by the fleet of today, by each planning case and by what is recommended, all of them priced
 * by the same offers and judged on the same paths. Every figure is a sum over rows. */
#ifndef FOREWARM_PLAN_CAPACITY_REPORT_H
#define FOREWARM_PLAN_CAPACITY_REPORT_H

#include "plan/capacity.h"
#include "plan/offers.h"
#include <stdbool.h>

#define CAPACITY_MONTH_HOURS 730. /* a twelfth of 8760 */

/* One fleet over all steps. Of what happens by chance, the mean over the paths. */
struct capacity_account {
    double hours;          /* all steps together */
    double cost;           /* over them */
    double cost_month;     /* at that rate */
    double unit_hours;     /* needed; owned and reserved ones that rest are in the cost alone */
    double average;        /* units */
    int peak, peak_step;   /* most units, and the first step (from 0) that has so many */
    double utilization;    /* mean demand done over what the fleet can do; 0 without a fleet */
    double short_hours;    /* demand above what the fleet can do, */
    double missing_hours;  /* and units missing then, times hours */
    double strained_hours; /* above the warning utilisation */
    double short_chance;   /* share of paths with any shortage */
    int unmet_peak;        /* units no offer has left, at most */
};

enum capacity_fleet {
    CAPACITY_FLEET_NOW, /* as told; where not told that of the baseline */
    CAPACITY_FLEET_BASELINE,
    CAPACITY_FLEET_EXPECTED,
    CAPACITY_FLEET_RECOMMENDED,
    CAPACITY_FLEET_CONSERVATIVE,
    CAPACITY_FLEET_EMERGENCY,
    CAPACITY_FLEET_BURST, /* burst-ready units, if they ran all the time */
    CAPACITY_FLEETS,
};
extern const char *const capacity_fleet_names[CAPACITY_FLEETS];

struct capacity_question {
    const struct capacity_demand *demand;
    const struct capacity_settings *settings;
    const struct offers *offers;
    int current;        /* units that run today; -1: not told */
    double short_price; /* of an hour of a unit that is missing; < 0: what the service level says */
};

struct capacity_report {
    struct capacity_account fleets[CAPACITY_FLEETS];
    bool current_told, short_price_told;
    double unit_price;  /* of a unit's hour on demand, mean over the steps */
    double short_price; /* not told: unit_price * level / (1 - level), the newsvendor's ratio */
    double increase;    /* of cost, recommended over baseline, as a share; NaN: baseline is free */
    double premium;     /* for protection against spikes: over the expected case; NaN likewise */
    double extra_cost;  /* recommended over now, over the steps; may be below 0 */
    double avoided_short_hours, avoided_missing_hours; /* now less recommended */
    double cost_per_avoided_hour;                      /* NaN: none is avoided */
    double gain;           /* avoided_missing_hours at short_price, less extra_cost */
    double returns;        /* gain over extra_cost; NaN: it costs nothing more */
    double on_demand_cost; /* of the recommended, all of it on demand, over the steps; NaN: no such
                              offer */
    double batching_saving_month; /* were a unit to do 10 % more through larger batches */
    struct purchase purchase;     /* of the recommended; cost_per_hour is a column of the plan */
};

/* `rows` as capacity_plan made them. Free with capacity_report_fini, fine on a zeroed one. */
FW_MUST_CHECK enum fw_err capacity_report(const struct capacity_question *question,
                                          const struct capacity_row *rows,
                                          struct capacity_report *report, struct fw_detail *detail);
void capacity_report_fini(struct capacity_report *report);

#endif
