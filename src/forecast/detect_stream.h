/* SPDX-License-Identifier: MIT
 * Anomalies as rows come: each row is scored at once (anomaly.h), and an event is told in the row
 * that raises its alert, once, with its extent and class as far as they are known then. Memory is
 * bounded: the latest eight weeks of rows, or DETECT_STREAM_ROWS_MAX. Growth of weeks is looked for
 * at the end of each day. */
#ifndef FOREWARM_FORECAST_DETECT_STREAM_H
#define FOREWARM_FORECAST_DETECT_STREAM_H

#include "forecast/detect.h"

enum { DETECT_STREAM_ROWS_MAX = 200000, DETECT_STREAM_ROWS_MIN = 4000 };

struct detect_stream_settings {
    struct anomaly_settings anomaly;
    int64_t start_ns, step_ns; /* of the first row */
    bool tokens, share, callers;
    const struct calendar *calendar; /* NULL: none; both outlive the stream */
    const struct event_classes *classes;
};
/* NaN: missing. */
struct detect_stream_row {
    double value, tokens, share, callers;
};

struct detect_stream;
FW_MUST_CHECK enum fw_err detect_stream_create(struct detect_stream **stream,
                                               const struct detect_stream_settings *settings);
void detect_stream_destroy(struct detect_stream **stream);
/* The next row of the grid. *event: what it raised; NULL nothing. It lives until the next row; its
 * rows count from detect_stream_series. */
FW_MUST_CHECK enum fw_err detect_stream_step(struct detect_stream *stream,
                                             const struct detect_stream_row *row,
                                             const struct detect_event **event);
const struct series *detect_stream_series(const struct detect_stream *stream);

#endif
