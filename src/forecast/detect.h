/* SPDX-License-Identifier: MIT
 * Anomalies of a whole series: the rows' scores as a stream would have given them, and the events
 * with their extent, their class and the reason. Scores and alerts use nothing that comes later;
 * extents and classes use all there is, and say so when an event is not over. */
#ifndef FOREWARM_FORECAST_DETECT_H
#define FOREWARM_FORECAST_DETECT_H

#include "forecast/anomaly.h"
#include "forecast/event_class.h"
#include "forecast/event_shape.h"

enum { DETECT_EVENTS_MAX = 100000, DETECT_NO_EVENT = -1 };

/* What else is known of the rows; each may be NULL, and lies on the grid of the series. */
struct detect_context {
    const struct series *tokens;  /* tokens a request */
    const struct series *share;   /* of the largest caller, in [0, 1] */
    const struct series *callers; /* different callers */
    const struct calendar *calendar;
    const struct event_classes *classes;
};

struct detect_row {
    double score, p;
    int32_t event; /* whose extent it lies in; DETECT_NO_EVENT */
};

struct detect_event {
    size_t alert;    /* row */
    uint32_t alerts; /* with those that only said it went on */
    bool growth;     /* seen week against week, by no single row */
    double score, p;
    struct event_shape shape;
    struct event_seen seen;
    size_t class; /* row of the classes, their count: none */
    double probability;
    char reason[EVENT_REASON_MAX + ANOMALY_WHY_MAX];
};

struct detection {
    size_t count; /* rows */
    struct detect_row *rows;
    struct detect_event *events; /* by alert */
    size_t event_count, event_capacity;
};

typedef void detect_progress_fn(void *context, size_t done, size_t total);
FW_MUST_CHECK enum fw_err detect_run(struct detection *detection, const struct series *series,
                                     const struct anomaly_settings *settings,
                                     const struct detect_context *context,
                                     detect_progress_fn *progress, void *progress_context);
void detect_fini(struct detection *detection);

#endif
