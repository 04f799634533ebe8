/* SPDX-License-Identifier: MIT */
#include "cli/report_events.h"
#include "base/time.h"
#include "cli/report_page.h"
#include <math.h>
#include <string.h>

static void key_ms(struct json *json, const char *key, const struct series *series, size_t row)
{
    int64_t us = series_at_ns(series, row) / TIME_MICROSECOND;
    json_key_double(json, key, (double)us / 1000);
}

/* Rows of so many days; at least one. */
static size_t rows_of(const struct series *series, int days)
{
    int64_t rows = days * TIME_DAY / series->step_ns;
    return rows > 0 ? (size_t)rows : 1;
}

static double mean_of(const struct series *series, size_t from, size_t to)
{
    return from < to && to <= series->count ? event_shape_mean(series, from, to) : NAN;
}

static double mean_before(const struct series *series, size_t begin)
{
    size_t rows = rows_of(series, REPORT_DAYS_BEFORE);
    return mean_of(series, begin > rows ? begin - rows : 0, begin);
}

/* A mean a day, times the mean of the week before: from a week before it begins. */
static void write_course(const struct series *series, const struct event_shape *shape,
                         struct json *json)
{
    double before = mean_before(series, shape->begin);
    size_t day = rows_of(series, 1);
    json_key(json, "course");
    json_array(json);
    for (int d = -REPORT_DAYS_BEFORE; d < REPORT_DAYS_AFTER; d++) {
        size_t back = d < 0 ? (size_t)-d * day : 0, on = d < 0 ? 0 : (size_t)d * day;
        size_t from = shape->begin + on;
        double mean = from >= back && from - back + day <= series->count
                          ? event_shape_mean(series, from - back, from - back + day)
                          : NAN;
        json_double(json, before > 0 ? mean / before : NAN);
    }
    json_array_end(json);
}

static void write_event(const struct detect_output *found, const struct detect_event *event,
                        bool course, struct json *json)
{
    const struct series *series = &found->read->value;
    const struct event_shape *shape = &event->shape;
    size_t after = rows_of(series, REPORT_DAYS_BEFORE);
    size_t last = shape->end + after < series->count ? shape->end + after : series->count;
    json_object(json);
    key_ms(json, "at_ms", series, event->alert);
    key_ms(json, "begin_ms", series, shape->begin);
    key_ms(json, "end_ms", series, shape->end);
    json_key_bool(json, "ongoing", shape->ongoing);
    json_key_text(json, "class", event_class_name(found->classes, event->class));
    json_key_fixed(json, "probability", event->probability, 4);
    json_key_text(json, "reason", event->reason);
    json_key_text(json, "planned", event->seen.planned ? event->seen.planned->name : NULL);
    json_key_double(json, "multiplier", shape->multiplier);
    json_key_double(json, "duration_h", shape->duration_hours);
    json_key_double(json, "rise_h", shape->rise_hours);
    json_key_double(json, "before", mean_before(series, shape->begin));
    json_key_double(json, "during", mean_of(series, shape->begin, shape->end));
    json_key_double(json, "after", shape->ongoing ? NAN : mean_of(series, shape->end, last));
    if (course)
        write_course(series, shape, json);
    json_object_end(json);
}

static bool is_launch(const struct detect_output *found, const struct detect_event *event)
{
    return event->seen.planned ||
           strcmp(event_class_name(found->classes, event->class), "feature_launch") == 0;
}

void report_events_json(const struct detect_output *found, struct json *json)
{
    const struct detection *detection = &found->found[0].detection;
    size_t count = detection->event_count, courses = 0;
    size_t first = count > REPORT_EVENTS_MAX ? count - REPORT_EVENTS_MAX : 0;
    json_key_text(json, "detector", anomaly_method_name(found->found[0].method));
    json_key_uint(json, "event_count", count);
    json_key(json, "events");
    json_array(json);
    for (size_t i = first; i < count; i++) {
        const struct detect_event *event = &detection->events[i];
        bool course = is_launch(found, event) && courses < REPORT_COURSES_MAX;
        courses += course;
        write_event(found, event, course, json);
    }
    json_array_end(json);
}
