/* SPDX-License-Identifier: MIT
 * What the detection of a whole series (detect.h) and that of a stream (detect_stream.h) share. */
#ifndef FOREWARM_FORECAST_DETECT_PART_H
#define FOREWARM_FORECAST_DETECT_PART_H

#include "forecast/detect.h"

struct detect_job {
    struct detection *detection;
    const struct series *series;
    const struct anomaly_settings *settings;
    const struct detect_context *context;
    unsigned char *taken; /* rows that events explain */
};

FW_MUST_CHECK enum fw_err detect_add(struct detection *detection, const struct detect_event *event);
/* What kind of event it is by its shape; `why`: what the detector saw. */
void detect_classify(const struct detect_job *run, struct detect_event *event, const char *why);
/* The end of the rows an event explains. */
size_t detect_explained_end(const struct detect_job *run, const struct event_shape *shape);
/* The event that an alert belongs to, NULL: it is news. */
struct detect_event *detect_part_of(const struct detect_job *run, size_t row,
                                    const struct event_shape *shape);

#endif
