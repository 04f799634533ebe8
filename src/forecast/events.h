/* SPDX-License-Identifier: MIT
 * Planned events in a forecast. What events of the past did teaches what planned ones of the same
 * class will do: each multiplies demand, up within an hour and down again with a half-life of a
 * third of its duration; the logarithm of the multiplier has the user's expectation as its prior
 * and the class's past as its evidence (one regression with trend and seasons, prophet.h). What
 * past events added is taken out before the rest is forecast, and what planned ones will add is put
 * on top, with its own uncertainty: events of a class differ by EVENTS_SPREAD among themselves. */
#ifndef FOREWARM_FORECAST_EVENTS_H
#define FOREWARM_FORECAST_EVENTS_H

#include "forecast/calendar.h"
#include "forecast/series.h"
#include <stdbool.h>

enum { EVENTS_CLASSES_MAX = 32 };
#define EVENTS_SPREAD .35 /* sd of the logarithm of the multiplier, within a class */

struct events_class {
    char name[CALENDAR_CLASS_MAX];
    int past, planned; /* events that reach into the series, and beyond its end */
    double expected;   /* multiplier told, or the class's usual one */
    double learned;    /* what it is taken for now */
    double log_sd;     /* of the next one's logarithm */
};
struct events_effect {
    int known, horizon; /* steps */
    double *logs;       /* known + horizon: what events add to the logarithm of demand */
    double *sd;         /* the same: of those logarithms */
    struct events_class classes[EVENTS_CLASSES_MAX];
    int class_count;
    int outside; /* events that touch neither the series nor the horizon */
};

/* FW_INPUT: demand below zero (there is nothing to multiply). FW_LIMIT: too many classes. */
FW_MUST_CHECK enum fw_err events_learn(const struct series *series, int horizon,
                                       const struct calendar *calendar,
                                       struct events_effect *effect, struct fw_detail *detail);
void events_fini(struct events_effect *effect);
/* What was learned, a sentence a line. */
void events_describe(const struct events_effect *effect, struct buf *out);

#endif
