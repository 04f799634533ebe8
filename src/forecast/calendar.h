/* SPDX-License-Identifier: MIT
 * What people know beforehand: launches and the like, planned or past, with what was expected of
 * them. */
#ifndef FOREWARM_FORECAST_CALENDAR_H
#define FOREWARM_FORECAST_CALENDAR_H

#include <stddef.h>
#include <stdint.h>

enum { CALENDAR_NAME_MAX = 128, CALENDAR_CLASS_MAX = 64 };

struct calendar_event {
    int64_t at_ns;
    int64_t duration_ns; /* 0: not told */
    double multiplier;   /* expected, times the usual; 0: not told */
    char name[CALENDAR_NAME_MAX];
    char class_name[CALENDAR_CLASS_MAX]; /* "": not told */
    uint64_t line;                       /* of the file, for messages */
};

struct calendar {
    struct calendar_event *events; /* by time */
    size_t count;
};

#endif
