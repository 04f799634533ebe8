/* SPDX-License-Identifier: MIT
 * What the files of demand share: the walk through a series' past, or on from an earlier one,
 * planned events on top of a forecast, and what is said of several steps together. */
#ifndef FOREWARM_FORECAST_DEMAND_PART_H
#define FOREWARM_FORECAST_DEMAND_PART_H

#include "forecast/demand.h"

/* What is usual h steps behind the n values of y: reference of a spike; 0 where too little is
 * known. `day`: steps. */
double demand_usual(const double *y, int n, int day, int h);

/* What planned events add to the logarithm h steps ahead, and how sure that is. */
double demand_event_logs(const struct demand_forecast *forecast, int h);
double demand_event_sd(const struct demand_forecast *forecast, int h);
/* A quantile with the uncertainty of an event beside its own. Both are taken as independent: their
 * logarithms add as squares. */
double demand_widened(double quantile, double mean, double level, double sd);

/* Paths and peaks, as far as they are asked for, of a forecast that is filled, from an ensemble
 * that has walked `series` to its end; `mean` is what it said last. */
FW_MUST_CHECK enum fw_err demand_joint_say(struct demand_forecast *forecast,
                                           const struct demand_settings *settings,
                                           const struct series *series,
                                           const struct ensemble *ensemble, const double *mean);

struct demand_walked {
    struct ensemble *ensemble; /* at the end of the series */
    struct ensemble_said said;
    struct spike_chance chance;
    double *spike_p, *spike_times; /* horizon of each (spike_chance.h) */
    struct buf_reader in;          /* behind the ensemble, where one was resumed */
};
/* `steps`: the horizon asked for. Free it also after an error. */
FW_MUST_CHECK enum fw_err demand_walk(struct demand_walked *walked, const struct series *series,
                                      const struct demand_settings *settings, int steps,
                                      struct fw_detail *detail);
void demand_walked_fini(struct demand_walked *walked);

#endif
