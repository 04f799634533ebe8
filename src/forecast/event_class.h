/* SPDX-License-Identifier: MIT
 * What kind of event was that? Classes are rows of ranges over what was seen: how many times the
 * usual, for how long, how fast it rose, whether few callers made it, whether requests changed
 * their size, whether it was planned. A class is as probable as its ranges fit (a soft edge around
 * each), times its prior; what fits none is none. Every answer comes with its reason in words. */
#ifndef FOREWARM_FORECAST_EVENT_CLASS_H
#define FOREWARM_FORECAST_EVENT_CLASS_H

#include "forecast/calendar.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    EVENT_MULTIPLIER,    /* highest level, times the usual */
    EVENT_DURATION,      /* hours */
    EVENT_RISE,          /* hours until nine tenths of it */
    EVENT_CONCENTRATION, /* share of the largest caller, or what stands for it, in [0, 1] */
    EVENT_TOKENS,        /* tokens a request, times the usual */
    EVENT_FEATURES,
};
extern const char *const event_feature_names[EVENT_FEATURES]; /* as in the file of classes */

struct event_seen {
    double feature[EVENT_FEATURES]; /* NAN: not known */
    bool ongoing;                   /* not over: it lasts at least so long */
    bool calendar;                  /* there is a calendar: what is not on it was not planned */
    const struct calendar_event *planned; /* NULL: nothing was */
};

struct event_range {
    double low, high; /* high may be INFINITY; both NAN: the class does not ask */
};
enum event_plan { EVENT_PLAN_ANY, EVENT_PLAN_YES, EVENT_PLAN_NO };
struct event_class {
    char name[CALENDAR_CLASS_MAX];
    struct event_range range[EVENT_FEATURES];
    int planned; /* enum event_plan */
    double prior;
};

enum { EVENT_CLASSES_MAX = 32, EVENT_REASON_MAX = 400 };
struct event_classes {
    struct event_class rows[EVENT_CLASSES_MAX];
    size_t count;
};

/* feature_launch, viral_event, api_abuse, gradual_growth. */
void event_classes_default(struct event_classes *classes);

struct event_verdict {
    size_t best; /* row; count of the rows: none */
    double
        probability[EVENT_CLASSES_MAX + 1]; /* the last one, at the count of the rows, is none's */
    char reason[EVENT_REASON_MAX];
};
void event_classify(const struct event_classes *classes, const struct event_seen *seen,
                    struct event_verdict *verdict);
/* The name of the verdict's class, "none" for none. */
const char *event_class_name(const struct event_classes *classes, size_t row);

#endif
