/* SPDX-License-Identifier: MIT
 * The events of a report: each with what demand was before, during and after it, and, for what was
 * planned or looks like a launch, day by day around it. */
#ifndef FOREWARM_CLI_REPORT_EVENTS_H
#define FOREWARM_CLI_REPORT_EVENTS_H

#include "base/json.h"
#include "cli/detect_output.h"

enum {
    REPORT_DAYS_BEFORE = 7, /* means are taken over so many days, */
    REPORT_DAYS_AFTER = 21, /* and the course of a launch is shown for so many behind its begin */
    REPORT_COURSES_MAX = 60,
};

/* Adds the key "events" (the latest ones, at most REPORT_EVENTS_MAX), "event_count" and
 * "detector". */
void report_events_json(const struct detect_output *found, struct json *json);

#endif
