/* SPDX-License-Identifier: MIT
 * What the parts of synth_demand share. */
#ifndef FOREWARM_FORECAST_SYNTH_DEMAND_PART_H
#define FOREWARM_FORECAST_SYNTH_DEMAND_PART_H

#include "base/prng.h"
#include "base/time.h"
#include "forecast/synth_demand.h"

/* The usual demand at an instant, 1 on an average working day: time of day, weekend, month, ends
 * of months and quarters, holidays. */
double synth_demand_season(int64_t at_ns);
/* SYNTH_DEMAND_HOLIDAY, SYNTH_DEMAND_QUARTER_END or -1, of the day; holidays come first. */
int synth_demand_day_class(int64_t at_ns);
double synth_demand_day_factor(int class);

/* Draws the events and finds them places that do not overlap; adds those of the calendar. */
FW_MUST_CHECK enum fw_err synth_demand_place(struct synth_demand *demand, struct fw_detail *detail);
/* How many times the usual it makes a row of it; growth: also of rows behind it. */
double synth_demand_lift(const struct synth_demand_event *event, size_t row);

/* Rows of so many hours, at least 1. */
static inline size_t synth_demand_rows(const struct synth_demand_settings *settings, double hours)
{
    size_t rows = (size_t)(hours * (double)TIME_HOUR / (double)settings->step_ns + .5);
    return rows > 0 ? rows : 1;
}

static inline int64_t synth_demand_at_ns(const struct synth_demand_settings *settings, size_t row)
{
    return settings->start_ns + (int64_t)row * settings->step_ns;
}

#endif
