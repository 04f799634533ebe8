/* SPDX-License-Identifier: MIT */
#include "forecast/detect_part.h"
#include "base/grow.h"
#include "base/time.h"
#include "forecast/event_softmax.h"
#include "forecast/growth.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An alert within an event is another one when it rises half again as high. */
static const double higher = 1.5, differs = 1.25;
enum { PLAN_AHEAD_HOURS = 24, PROGRESS_ROWS = 4096, BACK_DAYS = 14 };

enum fw_err detect_add(struct detection *detection, const struct detect_event *event)
{
    if (detection->event_count == DETECT_EVENTS_MAX)
        return FW_LIMIT;
    if (detection->event_count == detection->event_capacity) {
        size_t capacity = (size_t)grow_capacity(detection->event_capacity,
                                                detection->event_count + 1, DETECT_EVENTS_MAX);
        struct detect_event *more = realloc(detection->events, capacity * sizeof *more);
        if (!more)
            return FW_NOMEM;
        detection->events = more;
        detection->event_capacity = capacity;
    }
    detection->events[detection->event_count++] = *event;
    return FW_OK;
}

/* The planned event that began nearest to this one: from a day before it on, until it was over.
 * Growth goes on for months, and what is planned within them is another event: its plan is one for
 * when it began, which its weekly medians tell to a week. */
static const struct calendar_event *find_plan(const struct detect_job *run,
                                              const struct detect_event *event)
{
    const struct event_shape *shape = &event->shape;
    const struct calendar *calendar = run->context->calendar;
    const struct calendar_event *best = NULL;
    int64_t begin_ns = series_at_ns(run->series, shape->begin), nearest_ns = INT64_MAX;
    int64_t end_ns = series_at_ns(run->series, shape->end);
    if (event->growth && end_ns > begin_ns + GROWTH_WEEK * TIME_DAY)
        end_ns = begin_ns + GROWTH_WEEK * TIME_DAY;
    for (size_t i = 0; calendar && i < calendar->count; i++) {
        int64_t at_ns = calendar->events[i].at_ns;
        if (at_ns < begin_ns - PLAN_AHEAD_HOURS * TIME_HOUR || at_ns >= end_ns)
            continue;
        int64_t distance_ns = at_ns < begin_ns ? begin_ns - at_ns : at_ns - begin_ns;
        if (distance_ns < nearest_ns) {
            nearest_ns = distance_ns;
            best = &calendar->events[i];
        }
    }
    return best;
}

/* The share of the largest caller, or what the number of callers says: as many as before for
 * several times the demand is few, as many more as the demand is many. */
static double concentration(const struct detect_job *run, const struct event_shape *shape)
{
    if (run->context->share)
        return fmin(fmax(event_shape_mean(run->context->share, shape->begin, shape->end), 0), 1);
    if (!run->context->callers || !(shape->multiplier > 1))
        return NAN;
    double more = event_shape_shift(run->context->callers, shape);
    return fmin(fmax(1 - (more - 1) / (shape->multiplier - 1), 0), 1);
}

void detect_classify(const struct detect_job *run, struct detect_event *event, const char *why)
{
    const struct event_shape *shape = &event->shape;
    struct event_verdict verdict;
    event->seen = (struct event_seen){.ongoing = shape->ongoing,
                                      .calendar = run->context->calendar != NULL,
                                      .planned = find_plan(run, event)};
    event->seen.feature[EVENT_MULTIPLIER] = shape->multiplier;
    event->seen.feature[EVENT_DURATION] = shape->duration_hours;
    event->seen.feature[EVENT_RISE] = shape->rise_hours;
    event->seen.feature[EVENT_CONCENTRATION] =
        run->context->share || run->context->callers ? concentration(run, shape) : NAN;
    event->seen.feature[EVENT_TOKENS] =
        run->context->tokens ? event_shape_shift(run->context->tokens, shape) : NAN;
    event_classify(run->context->classes, &event->seen, &verdict);
    event->class = verdict.best;
    event->probability = verdict.probability[verdict.best];
    snprintf(event->reason, sizeof event->reason, "%s (%s)", verdict.reason, why);
}

/* The rows an event explains: two weeks of it at most, then it is what is usual. */
size_t detect_explained_end(const struct detect_job *run, const struct event_shape *shape)
{
    size_t most = EVENT_SHAPE_DAYS * (size_t)event_shape_day_rows(run->series->step_ns);
    return shape->end - shape->begin > most ? shape->begin + most : shape->end;
}

/* Is this alert news? Not while an event goes on at about its height, and not the return from it.
 */
struct detect_event *detect_part_of(const struct detect_job *run, size_t row,
                                    const struct event_shape *shape)
{
    struct detection *detection = run->detection;
    size_t day = event_shape_day_rows(run->series->step_ns);
    for (size_t i = detection->event_count; i > 0; i--) {
        struct detect_event *event = &detection->events[i - 1];
        double a = event->shape.multiplier, b = shape->multiplier;
        size_t end = detect_explained_end(run, &event->shape);
        bool within = row >= event->shape.begin && row < end;
        bool behind = row >= event->shape.end && row - event->shape.end < BACK_DAYS * day;
        bool same_way = !(a > 0) || !(b > 0) || (a > 1) == (b > 1);
        bool high = a > 0 && b > 0 && fmax(a, 1 / a) * higher < fmax(b, 1 / b);
        bool begun_with = shape->begin < end && event->shape.begin < shape->end;
        if ((within || begun_with) && same_way && !high)
            return event;
        /* Back to the usual is news to the detector alone. */
        if ((within || behind) && shape->end - shape->begin == 1 && !(fabs(log(b)) > log(differs)))
            return event;
        if (detection->event_count - i >= 8)
            break;
    }
    return NULL;
}

static enum fw_err take_alert(const struct detect_job *run, size_t row,
                              const struct anomaly_result *result)
{
    char why[ANOMALY_WHY_MAX];
    struct detect_event event = {.alert = row, .alerts = 1, .score = result->score, .p = result->p};
    struct event_ground ground = {run->series, run->taken};
    FW_TRY(event_shape_find(&ground, row, &event.shape));
    struct detect_event *known = detect_part_of(run, row, &event.shape);
    if (known) {
        known->alerts++;
        return FW_OK;
    }
    detect_classify(run, &event, anomaly_why(run->settings->method, result, why));
    memset(run->taken + event.shape.begin, 1,
           detect_explained_end(run, &event.shape) - event.shape.begin);
    return detect_add(run->detection, &event);
}

static enum fw_err score_rows(const struct detect_job *run, struct anomaly *anomaly,
                              detect_progress_fn *progress, void *progress_context)
{
    const struct series *series = run->series;
    for (size_t i = 0; i < series->count; i++) {
        struct detect_row *row = &run->detection->rows[i];
        struct anomaly_result result = {.p = 1};
        row->event = DETECT_NO_EVENT;
        if (isfinite(series->value[i]))
            FW_TRY(anomaly_step(anomaly, series->value[i], &result));
        else
            anomaly_skip(anomaly);
        row->score = result.score;
        row->p = result.p;
        if (result.event)
            FW_TRY(take_alert(run, i, &result));
        if (progress && i % PROGRESS_ROWS == 0)
            progress(progress_context, i, series->count);
    }
    return FW_OK;
}

static enum fw_err find_growth(const struct detect_job *run)
{
    struct detection *detection = run->detection;
    struct growth growth;
    enum fw_err err = growth_init(&growth, run->series, run->taken);
    size_t day = 0;
    while (err == FW_OK) {
        struct detect_event event = {.growth = true, .alerts = 1};
        day = growth_next(&growth, run->series, day, &event.shape);
        if (day >= growth.days)
            break;
        event.alert = (day + 1) * growth.day_rows - 1;
        event.score = detection->rows[event.alert].score;
        event.p = detection->rows[event.alert].p;
        detect_classify(run, &event, "a week against that of four weeks before");
        err = detect_add(detection, &event);
        day += GROWTH_BACK;
    }
    growth_fini(&growth);
    return err;
}

/* The class somebody gave the event in the calendar; the count of the classes: none. */
static size_t label_of(const struct detect_job *run, const struct detect_event *event)
{
    const struct event_classes *classes = run->context->classes;
    size_t row = 0;
    if (!event->seen.planned || event->seen.planned->class_name[0] == '\0')
        return classes->count;
    while (row < classes->count &&
           strcmp(classes->rows[row].name, event->seen.planned->class_name) != 0)
        row++;
    return row;
}

static void ask_softmax(const struct detect_job *run, const struct event_softmax *softmax,
                        size_t count, struct detect_event *event)
{
    double probability[EVENT_CLASSES_MAX];
    if (label_of(run, event) < run->context->classes->count ||
        isnan(event->seen.feature[EVENT_MULTIPLIER]))
        return;
    event_softmax_tell(softmax, &event->seen, probability);
    size_t best = 0;
    for (size_t i = 1; i < run->context->classes->count; i++)
        if (probability[i] > probability[best])
            best = i;
    char reason[sizeof event->reason];
    memcpy(reason, event->reason, sizeof reason);
    event->class = best;
    event->probability = probability[best];
    snprintf(
        event->reason, sizeof event->reason, "as %s among %zu labelled events; by the rules: %.*s",
        event_class_name(run->context->classes, best), count, (int)sizeof reason - 128, reason);
}

/* Where enough events have a label, the others are compared with them. */
static enum fw_err learn_from_labels(const struct detect_job *run)
{
    struct detection *detection = run->detection;
    size_t classes = run->context->classes->count, count = 0;
    if (!run->context->calendar || detection->event_count < EVENT_SOFTMAX_LEAST)
        return FW_OK;
    struct event_example *examples = calloc(detection->event_count, sizeof *examples);
    struct event_softmax *softmax = calloc(1, sizeof *softmax);
    enum fw_err err = examples && softmax ? FW_OK : FW_NOMEM;
    for (size_t i = 0; i < detection->event_count && err == FW_OK; i++) {
        const struct detect_event *event = &detection->events[i];
        size_t label = label_of(run, event);
        if (label < classes && !isnan(event->seen.feature[EVENT_MULTIPLIER]))
            examples[count++] = (struct event_example){&event->seen, label};
    }
    if (err == FW_OK)
        err = event_softmax_learn(softmax, examples, count, classes);
    for (size_t i = 0; i < detection->event_count && err == FW_OK; i++)
        ask_softmax(run, softmax, count, &detection->events[i]);
    free(examples);
    free(softmax);
    return err == FW_NO ? FW_OK : err; /* too few: the rules stand */
}

static int by_alert(const void *left, const void *right)
{
    const struct detect_event *a = left, *b = right;
    if (a->alert != b->alert)
        return a->alert < b->alert ? -1 : 1;
    return (int)a->growth - (int)b->growth;
}

static void mark_rows(struct detection *detection)
{
    if (detection->event_count > 1)
        qsort(detection->events, detection->event_count, sizeof *detection->events, by_alert);
    for (int pass = 0; pass < 2; pass++) /* the events of rows before growth of weeks */
        for (size_t i = 0; i < detection->event_count; i++) {
            const struct detect_event *event = &detection->events[i];
            if (event->growth != (pass == 1))
                continue;
            for (size_t row = event->shape.begin; row < event->shape.end; row++)
                if (detection->rows[row].event == DETECT_NO_EVENT)
                    detection->rows[row].event = (int32_t)i;
        }
    for (size_t i = 0; i < detection->event_count; i++)
        detection->rows[detection->events[i].alert].event = (int32_t)i;
}

enum fw_err detect_run(struct detection *detection, const struct series *series,
                       const struct anomaly_settings *settings,
                       const struct detect_context *context, detect_progress_fn *progress,
                       void *progress_context)
{
    struct detect_job run = {detection, series, settings, context, calloc(series->count + 1, 1)};
    struct anomaly *anomaly = NULL;
    *detection = (struct detection){.count = series->count};
    detection->rows = calloc(series->count + 1, sizeof *detection->rows);
    enum fw_err err = detection->rows && run.taken ? anomaly_create(&anomaly, settings) : FW_NOMEM;
    if (err == FW_OK)
        err = score_rows(&run, anomaly, progress, progress_context);
    anomaly_destroy(&anomaly);
    if (err == FW_OK && (settings->method == ANOMALY_N9 || settings->method == ANOMALY_DEMAND))
        err = find_growth(&run);
    if (err == FW_OK)
        err = learn_from_labels(&run);
    free(run.taken);
    if (err == FW_OK)
        mark_rows(detection);
    else
        detect_fini(detection);
    return err;
}

void detect_fini(struct detection *detection)
{
    free(detection->rows);
    free(detection->events);
    *detection = (struct detection){0};
}
