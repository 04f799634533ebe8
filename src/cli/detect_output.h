/* SPDX-License-Identifier: MIT
 * What `detect` found, as CSV, as JSON and as text. */
#ifndef FOREWARM_CLI_DETECT_OUTPUT_H
#define FOREWARM_CLI_DETECT_OUTPUT_H

#include "cli/series_read.h"
#include "forecast/detect.h"

/* One run of a detector over the series. */
struct detect_found {
    int method;
    struct anomaly_settings settings;
    struct detection detection;
};
struct detect_output {
    const struct series_read *read;
    const struct event_classes *classes;
    const struct detect_found *found;
    size_t found_count;
};

/* timestamp,value,score,is_anomaly,class,method,p_value,event,probability,reason: a row for each
 * row and method. The value of a gap is empty. */
void detect_output_csv(const struct detect_output *output, struct buf *out);
void detect_output_json(const struct detect_output *output, struct buf *out);
void detect_output_text(const struct detect_output *output, struct buf *out);

#endif
