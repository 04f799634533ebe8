/* SPDX-License-Identifier: MIT */
#include "forecast/detect_stream.h"
#include "forecast/detect_part.h"
#include "forecast/growth.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW_DAYS = 56, GROWTH_HOURS_MIN = 14 * 24, COLUMNS = 4, EVENTS_KEPT = 64 };

struct detect_stream {
    struct detect_stream_settings settings;
    struct anomaly *anomaly;
    size_t day_rows, window; /* rows kept at least, whole days */
    struct series series, columns[COLUMNS - 1];
    double *values; /* COLUMNS times 2 * window */
    unsigned char *taken;
    struct detection detection; /* events alone, of the rows kept */
    struct detect_context context;
    uint64_t days, growth_day; /* since the beginning; and that of the latest growth */
    bool grew;
};

enum fw_err detect_stream_create(struct detect_stream **out,
                                 const struct detect_stream_settings *settings)
{
    struct detect_stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL)
        return FW_NOMEM;
    stream->settings = *settings;
    stream->day_rows = event_shape_day_rows(settings->step_ns);
    size_t window = WINDOW_DAYS * stream->day_rows;
    window = window < DETECT_STREAM_ROWS_MIN   ? DETECT_STREAM_ROWS_MIN
             : window > DETECT_STREAM_ROWS_MAX ? DETECT_STREAM_ROWS_MAX
                                               : window;
    stream->window = (window + stream->day_rows - 1) / stream->day_rows * stream->day_rows;
    stream->values = calloc(COLUMNS * 2 * stream->window, sizeof *stream->values);
    stream->taken = calloc(2 * stream->window, 1);
    enum fw_err err = stream->values != NULL && stream->taken != NULL
                          ? anomaly_create(&stream->anomaly, &settings->anomaly)
                          : FW_NOMEM;
    if (err != FW_OK) {
        detect_stream_destroy(&stream);
        return err;
    }
    stream->series = (struct series){settings->start_ns, settings->step_ns, 0, stream->values};
    for (size_t i = 0; i + 1 < COLUMNS; i++)
        stream->columns[i] = (struct series){settings->start_ns, settings->step_ns, 0,
                                             stream->values + (i + 1) * 2 * stream->window};
    stream->context =
        (struct detect_context){.tokens = settings->tokens ? &stream->columns[0] : NULL,
                                .share = settings->share ? &stream->columns[1] : NULL,
                                .callers = settings->callers ? &stream->columns[2] : NULL,
                                .calendar = settings->calendar,
                                .classes = settings->classes};
    *out = stream;
    return FW_OK;
}

void detect_stream_destroy(struct detect_stream **stream)
{
    if (*stream == NULL)
        return;
    anomaly_destroy(&(*stream)->anomaly);
    detect_fini(&(*stream)->detection);
    free((*stream)->values);
    free((*stream)->taken);
    free(*stream);
    *stream = NULL;
}

const struct series *detect_stream_series(const struct detect_stream *stream)
{
    return &stream->series;
}

static struct detect_job job_of(struct detect_stream *stream)
{
    return (struct detect_job){&stream->detection, &stream->series, &stream->settings.anomaly,
                               &stream->context, stream->taken};
}

/* ---- bounded memory ---- */

static size_t back_by(size_t row, size_t cut)
{
    return row > cut ? row - cut : 0;
}

/* Events that lie in rows that are gone, and the earliest of too many, go with them. */
static void forget_events(struct detect_stream *stream, size_t cut)
{
    struct detection *detection = &stream->detection;
    size_t kept = 0,
           excess = detection->event_count > EVENTS_KEPT ? detection->event_count - EVENTS_KEPT : 0;
    for (size_t i = excess; i < detection->event_count; i++) {
        struct detect_event *event = &detection->events[i];
        if (event->shape.end <= cut)
            continue;
        event->alert = back_by(event->alert, cut);
        event->shape.begin = back_by(event->shape.begin, cut);
        event->shape.end -= cut;
        detection->events[kept++] = *event;
    }
    detection->event_count = kept;
}

static void make_room(struct detect_stream *stream)
{
    size_t window = stream->window;
    if (stream->series.count < 2 * window)
        return;
    memmove(stream->values, stream->values + window, window * sizeof *stream->values);
    for (size_t i = 0; i + 1 < COLUMNS; i++)
        memmove(stream->columns[i].value, stream->columns[i].value + window,
                window * sizeof *stream->values);
    memmove(stream->taken, stream->taken + window, window);
    memset(stream->taken + window, 0, window);
    stream->series.start_ns = series_at_ns(&stream->series, window);
    stream->series.count = window;
    for (size_t i = 0; i + 1 < COLUMNS; i++) {
        stream->columns[i].start_ns = stream->series.start_ns;
        stream->columns[i].count = window;
    }
    forget_events(stream, window);
}

/* ---- alerts ---- */

/* Events that were not over have gone on since. */
static enum fw_err refresh(struct detect_stream *stream)
{
    struct detect_job job = job_of(stream);
    struct event_ground ground = {&stream->series, stream->taken};
    for (size_t i = 0; i < stream->detection.event_count; i++) {
        struct detect_event *event = &stream->detection.events[i];
        if (!event->shape.ongoing || event->growth)
            continue;
        size_t begin = event->shape.begin, end = detect_explained_end(&job, &event->shape);
        memset(stream->taken + begin, 0, end - begin);
        FW_TRY(event_shape_find(&ground, event->alert, &event->shape));
        begin = event->shape.begin;
        end = detect_explained_end(&job, &event->shape);
        memset(stream->taken + begin, 1, end - begin);
    }
    return FW_OK;
}

static enum fw_err alert(struct detect_stream *stream, const struct anomaly_result *result,
                         const struct detect_event **told)
{
    char why[ANOMALY_WHY_MAX];
    struct detect_job job = job_of(stream);
    struct event_ground ground = {&stream->series, stream->taken};
    struct detect_event event = {
        .alert = stream->series.count - 1, .alerts = 1, .score = result->score, .p = result->p};
    FW_TRY(refresh(stream));
    FW_TRY(event_shape_find(&ground, event.alert, &event.shape));
    struct detect_event *known = detect_part_of(&job, event.alert, &event.shape);
    if (known != NULL) {
        known->alerts++;
        return FW_OK;
    }
    detect_classify(&job, &event, anomaly_why(stream->settings.anomaly.method, result, why));
    size_t end = detect_explained_end(&job, &event.shape);
    memset(stream->taken + event.shape.begin, 1, end - event.shape.begin);
    FW_TRY(detect_add(&stream->detection, &event));
    *told = &stream->detection.events[stream->detection.event_count - 1];
    return FW_OK;
}

/* Growth that shows at the end of this very day, and did not in the last four weeks. */
static enum fw_err look_for_growth(struct detect_stream *stream, const struct detect_event **told)
{
    struct detect_job job = job_of(stream);
    struct growth growth;
    struct detect_event event = {.growth = true, .alerts = 1, .p = 1};
    if (stream->grew && stream->days < stream->growth_day + GROWTH_BACK)
        return FW_OK;
    FW_TRY(growth_init(&growth, &stream->series, stream->taken));
    size_t day = growth.days > 0
                     ? growth_next(&growth, &stream->series, growth.days - 1, &event.shape)
                     : growth.days;
    /* A week is a tail of an event as often as growth; two are not. */
    bool found = day < growth.days && event.shape.duration_hours >= GROWTH_HOURS_MIN;
    growth_fini(&growth);
    if (!found)
        return FW_OK;
    event.alert = stream->series.count - 1;
    stream->grew = true;
    stream->growth_day = stream->days;
    detect_classify(&job, &event, "a week against that of four weeks before");
    FW_TRY(detect_add(&stream->detection, &event));
    *told = &stream->detection.events[stream->detection.event_count - 1];
    return FW_OK;
}

enum fw_err detect_stream_step(struct detect_stream *stream, const struct detect_stream_row *row,
                               const struct detect_event **event)
{
    const double beside[COLUMNS - 1] = {row->tokens, row->share, row->callers};
    struct anomaly_result result = {.p = 1};
    int method = stream->settings.anomaly.method;
    *event = NULL;
    make_room(stream);
    size_t at = stream->series.count++;
    stream->series.value[at] = isfinite(row->value) ? row->value : NAN;
    for (size_t i = 0; i + 1 < COLUMNS; i++) {
        stream->columns[i].value[at] = beside[i];
        stream->columns[i].count = at + 1;
    }
    if (isfinite(row->value))
        FW_TRY(anomaly_step(stream->anomaly, row->value, &result));
    else
        anomaly_skip(stream->anomaly);
    if (result.event)
        FW_TRY(alert(stream, &result, event));
    if (stream->series.count % stream->day_rows != 0)
        return FW_OK;
    stream->days++;
    if (*event == NULL && (method == ANOMALY_N9 || method == ANOMALY_DEMAND))
        FW_TRY(look_for_growth(stream, event));
    return FW_OK;
}
