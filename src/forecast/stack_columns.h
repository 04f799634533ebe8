/* SPDX-License-Identifier: MIT
 * The columns of the boosted model: what the last weeks of a series, and the members' forecasts,
 * say about the hour h after an origin, all relative to the same hour of the latest known day and
 * divided by the size of the series' own daily changes, so that one model serves all series. */
#ifndef FOREWARM_FORECAST_STACK_COLUMNS_H
#define FOREWARM_FORECAST_STACK_COLUMNS_H

#include "forecast/stack_members.h"

enum { STACK_COLUMNS = 53 };

/* What is the same for all hours after an origin; on the scale of z. */
struct stack_origin {
    const double *z;
    int at;           /* values known */
    double unit;      /* mean |z_t - z_(t-24)| before the origin */
    double day, week; /* means of the last 24 and 168 hours */
    double day_sd, week_sd;
    double against_day, against_week;         /* the last hour against a day and a week before */
    double day_against_day, day_against_week; /* the last day's mean against the same */
    double weekly_changes;                    /* mean |z_t - z_(t-168)| of up to 336 hours */
    double daily_changes;                     /* mean |z_t - z_(t-24)| of 168 hours */
    double changes_sum;                       /* running sum behind `unit`, up to `at` */
};
/* Moves on to a later origin (the first time from zero); at least STACK_FIRST. */
void stack_origin_move(struct stack_origin *origin, const double *z, int at);
/* The same hour of the latest known day: what forecasts are relative to. h from 1. */
double stack_origin_base(const struct stack_origin *origin, int h);
void stack_columns_fill(const struct stack_origin *origin, const struct stack_said *said, int h,
                        float columns[STACK_COLUMNS]);

#endif
