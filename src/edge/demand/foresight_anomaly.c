/* SPDX-License-Identifier: MIT
 * Anomalies of the last two weeks by ten minutes: one record an event, opened by the detector's
 * alert, over when demand is back at what was usual before it began. */
#include "edge/demand/foresight_part.h"
#include <math.h>
#include <stdio.h>

enum {
    FRESH_ROWS = 6, /* older alerts come from looking again, and are no news */
    CALM_ROWS = 3,  /* so long at the usual, and it is over */
    LASTS_DAYS = 7, /* then it is the usual */
};
/* Chance alone: so many deviations of a count whose mean is the usual one (Poisson). */
static const double least_deviations = 4, calm_deviations = 3;
static const double differs = 1.25;

struct anomaly_record *foresight_anomaly_place(struct foresight *foresight, uint64_t at)
{
    return &foresight->anomalies[at % FORESIGHT_ANOMALIES_MAX];
}

const struct anomaly_record *foresight_anomaly(const struct foresight *foresight, size_t at)
{
    if (at >= foresight->anomaly_count || at >= FORESIGHT_ANOMALIES_MAX)
        return NULL;
    return &foresight->anomalies[(foresight->anomaly_count - 1 - at) % FORESIGHT_ANOMALIES_MAX];
}

static void tell(struct foresight *foresight, const struct anomaly_record *record,
                 enum anomaly_change change)
{
    foresight->anomalies_changed = true;
    if (foresight->watch)
        foresight->watch(foresight->watch_context, record, change);
}

static void resolve(struct foresight *foresight, struct anomaly_record *record, int64_t at_ns)
{
    record->open = false;
    record->resolved_ns = at_ns;
    tell(foresight, record, ANOMALY_RESOLVED);
}

static double deviation(double usual)
{
    return sqrt(fmax(usual, 1));
}

/* The last row of the series whose end is at or before the instant, from 0. */
static size_t row_at(const struct series *series, int64_t at_ns)
{
    if (at_ns <= series->start_ns)
        return 0;
    size_t row = (size_t)((at_ns - series->start_ns) / series->step_ns);
    return row < series->count ? row : series->count - 1;
}

static double usual_at(const struct event_usual *usual, const struct series *series, size_t row,
                       double otherwise)
{
    double value = event_usual_at(usual, series, row);
    return isfinite(value) ? value : otherwise;
}

/* ---- opening ---- */

static bool known_already(struct foresight *foresight, const char *id, bool rose, int64_t alert_ns)
{
    for (size_t i = 0; i < FORESIGHT_ANOMALIES_MAX && i < foresight->anomaly_count; i++) {
        const struct anomaly_record *record = foresight_anomaly(foresight, i);
        if (strcmp(record->resource, id) != 0)
            continue;
        if (record->opened_ns >= alert_ns || (record->open && (record->multiplier > 1) == rose))
            return true;
    }
    return false;
}

static void describe(struct anomaly_record *record, const struct detect_event *event,
                     const struct foresight_work *work)
{
    (void)snprintf(record->class_name, sizeof record->class_name, "%s",
                   event_class_name(&work->classes, event->class));
    record->planned = event->seen.planned != NULL;
    record->probability = event->probability;
    (void)snprintf(record->reason, sizeof record->reason, "%.*s", (int)sizeof record->reason - 1,
                   event->reason);
}

static void open_one(struct foresight *foresight, const struct foresight_work *work,
                     const struct detect_event *event, double usual)
{
    const struct series *series = &work->known;
    struct anomaly_record *record = foresight_anomaly_place(foresight, foresight->anomaly_count);
    double value = series->value[event->alert];
    if (foresight->anomaly_count >= FORESIGHT_ANOMALIES_MAX && record->open)
        resolve(foresight, record, foresight->now_ns); /* forgotten: nobody waits for its end */
    *record = (struct anomaly_record){.number = ++foresight->anomaly_number,
                                      .open = true,
                                      .began_ns = series_at_ns(series, event->shape.begin),
                                      .opened_ns = series_at_ns(series, event->alert + 1),
                                      .value = value,
                                      .usual = usual,
                                      .multiplier = usual > 0   ? value / usual
                                                    : value > 0 ? INFINITY
                                                                : 1,
                                      .score = event->score,
                                      .p = event->p};
    memcpy(record->resource, work->id, sizeof record->resource);
    describe(record, event, work);
    foresight->anomaly_count++;
    foresight->stats.opened++;
    tell(foresight, record, ANOMALY_OPENED);
}

static void look_at_event(struct foresight *foresight, const struct foresight_work *work,
                          const struct detect_event *event)
{
    const struct series *series = &work->known;
    const struct event_ground ground = {series, NULL};
    struct event_usual usual;
    if (event->growth || event->alert + FRESH_ROWS < series->count ||
        event_usual_init(&usual, &ground, event->shape.begin) != FW_OK)
        return;
    double value = series->value[event->alert];
    double expected =
        usual_at(&usual, series, event->alert, 0); /* no level: it came from nothing */
    event_usual_fini(&usual);
    if (!(fabs(value - expected) >= least_deviations * deviation(expected)))
        return;
    if (!known_already(foresight, work->id, value > expected,
                       series_at_ns(series, event->alert + 1)))
        open_one(foresight, work, event, expected);
}

/* ---- while it goes on ---- */

static bool is_calm(double value, double usual)
{
    if (fabs(value - usual) <= calm_deviations * deviation(usual))
        return true;
    return value <= usual * differs && value >= usual / differs;
}

/* When the calm at the end of the series began; 0: there is none, or it is too short. */
static int64_t calm_since(const struct series *series, const struct event_usual *usual, size_t from,
                          struct anomaly_record *record)
{
    size_t calm = 0, first = 0;
    for (size_t row = from; row < series->count; row++) {
        double value = series->value[row], expected = usual_at(usual, series, row, record->usual);
        if (!isfinite(value))
            continue;
        double times = expected > 0 ? value / expected : 1;
        if (record->multiplier > 1 ? times > record->multiplier : times < record->multiplier)
            record->multiplier = times;
        if (!is_calm(value, expected))
            calm = 0;
        else if (calm++ == 0)
            first = row;
    }
    return calm >= CALM_ROWS ? series_at_ns(series, first) : 0;
}

/* Seen whole, an event may turn out to be of another class. */
static void look_again(struct foresight *foresight, struct anomaly_record *record,
                       const struct foresight_work *work, size_t row)
{
    struct anomaly_record before = *record;
    for (size_t i = 0; i < work->detection.event_count; i++) {
        const struct detect_event *event = &work->detection.events[i];
        if (event->growth || row < event->shape.begin || row >= event->shape.end)
            continue;
        describe(record, event, work);
        break;
    }
    if (strcmp(before.class_name, record->class_name) != 0 || before.planned != record->planned)
        tell(foresight, record, ANOMALY_CHANGED);
}

static void look_at_open(struct foresight *foresight, struct anomaly_record *record,
                         const struct foresight_work *work)
{
    const struct series *series = &work->known;
    const struct event_ground ground = {series, NULL};
    size_t alert = row_at(series, record->opened_ns - 1);
    struct event_usual usual;
    if (event_usual_init(&usual, &ground, row_at(series, record->began_ns)) != FW_OK)
        return;
    int64_t calm_ns = calm_since(series, &usual, alert, record);
    event_usual_fini(&usual);
    if (calm_ns > 0)
        resolve(foresight, record, calm_ns);
    else if (foresight->now_ns - record->opened_ns > LASTS_DAYS * TIME_DAY)
        resolve(foresight, record, foresight->now_ns);
    else
        look_again(foresight, record, work, alert);
}

void foresight_take_detection(struct foresight *foresight, struct foresight_series *series,
                              const struct foresight_work *work)
{
    if (work->known.count == 0)
        return;
    for (size_t i = 0; i < FORESIGHT_ANOMALIES_MAX && i < foresight->anomaly_count; i++) {
        struct anomaly_record *record =
            foresight_anomaly_place(foresight, foresight->anomaly_count - 1 - i);
        if (record->open && strcmp(record->resource, series->id) == 0)
            look_at_open(foresight, record, work);
    }
    for (size_t i = 0; i < work->detection.event_count; i++)
        look_at_event(foresight, work, &work->detection.events[i]);
}
