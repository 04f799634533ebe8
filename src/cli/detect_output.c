/* SPDX-License-Identifier: MIT */
#include "cli/detect_output.h"
#include "base/csv.h"
#include "base/time.h"
#include "cli/output.h"
#include <math.h>
#include <stdio.h>

static const char *class_of(const struct detect_output *output, const struct detect_event *event)
{
    return event_class_name(output->classes, event->class);
}

static void csv_row(const struct detect_output *output, const struct detect_found *found, size_t i,
                    const char *time, struct buf *out)
{
    char number[STR_NUMBER_MAX];
    const struct detect_row *row = &found->detection.rows[i];
    double value = output->read->value.value[i];
    const struct detect_event *event =
        row->event == DETECT_NO_EVENT ? NULL : &found->detection.events[row->event];
    bool alert = event && event->alert == i;
    buf_add_text(out, time);
    buf_add_char(out, ',');
    if (isfinite(value))
        buf_add_text(out, str_from_double(value, number));
    buf_add_char(out, ',');
    buf_add_text(out, str_from_fixed(row->score, 6, number));
    buf_add_text(out, alert ? ",1," : ",0,");
    csv_write(out, str_of(event ? class_of(output, event) : "none"));
    buf_add_char(out, ',');
    buf_add_text(out, anomaly_method_name(found->method));
    buf_add_char(out, ',');
    buf_add_text(out, str_from_fixed(row->p, 6, number));
    if (event)
        buf_printf(out, ",%d,", row->event + 1);
    else
        buf_add_text(out, ",,");
    if (alert) {
        buf_add_text(out, str_from_fixed(event->probability, 3, number));
        buf_add_char(out, ',');
        csv_write(out, str_of(event->reason));
    } else {
        buf_add_char(out, ',');
    }
    buf_add_char(out, '\n');
}

void detect_output_csv(const struct detect_output *output, struct buf *out)
{
    char time[TIME_TEXT_MAX];
    buf_add_text(
        out, "timestamp,value,score,is_anomaly,class,method,p_value,event,probability,reason\n");
    for (size_t i = 0; i < output->read->value.count; i++) {
        time_format_iso(series_at_ns(&output->read->value, i), time);
        for (size_t k = 0; k < output->found_count; k++)
            csv_row(output, &output->found[k], i, time, out);
    }
}

static void json_event(const struct detect_output *output, const struct detect_found *found,
                       size_t number, struct json *json)
{
    char text[TIME_TEXT_MAX];
    const struct detect_event *event = &found->detection.events[number];
    const struct series *series = &output->read->value;
    json_object(json);
    json_key_uint(json, "event", number + 1);
    json_key_text(json, "at", time_format_iso(series_at_ns(series, event->alert), text));
    json_key_text(json, "begin", time_format_iso(series_at_ns(series, event->shape.begin), text));
    json_key_text(json, "end", time_format_iso(series_at_ns(series, event->shape.end), text));
    json_key_bool(json, "ongoing", event->shape.ongoing);
    json_key_text(json, "class", class_of(output, event));
    json_key_fixed(json, "probability", event->probability, 4);
    json_key_text(json, "reason", event->reason);
    json_key_fixed(json, "score", event->score, 6);
    json_key_fixed(json, "p_value", event->p, 6);
    json_key_uint(json, "alerts", event->alerts);
    json_key_text(json, "seen_by", event->growth ? "growth" : anomaly_method_name(found->method));
    for (int i = 0; i < EVENT_FEATURES; i++)
        json_key_double(json, event_feature_names[i], event->seen.feature[i]);
    json_key_text(json, "planned", event->seen.planned ? event->seen.planned->name : NULL);
    json_object_end(json);
}

static void json_found(const struct detect_output *output, const struct detect_found *found,
                       struct json *json)
{
    const struct anomaly_settings *settings = &found->settings;
    json_object(json);
    json_key_text(json, "method", anomaly_method_name(found->method));
    json_key_double(json, "threshold",
                    settings->threshold > 0 ? settings->threshold
                                            : anomaly_threshold(found->method));
    json_key_uint(json, "day_rows", settings->day_rows);
    json_key_uint(json, "learn_rows", settings->learn_rows);
    json_key_uint(json, "refractory_rows", settings->refractory_rows);
    json_key(json, "events");
    json_array(json);
    for (size_t i = 0; i < found->detection.event_count; i++)
        json_event(output, found, i, json);
    json_array_end(json);
    json_object_end(json);
}

void detect_output_json(const struct detect_output *output, struct buf *out)
{
    struct json json;
    json_init(&json, out, true);
    json_object(&json);
    json_key(&json, "series");
    series_read_json(output->read, &json);
    json_key(&json, "methods");
    json_array(&json);
    for (size_t k = 0; k < output->found_count; k++)
        json_found(output, &output->found[k], &json);
    json_array_end(&json);
    json_object_end(&json);
    buf_add_char(out, '\n');
}

static void text_found(const struct detect_output *output, const struct detect_found *found,
                       struct buf *out)
{
    const struct detection *detection = &found->detection;
    buf_printf(out, "%s: %zu event%s%s\n", anomaly_method_name(found->method),
               detection->event_count, detection->event_count == 1 ? "" : "s",
               found->settings.learn_rows >= detection->count
                   ? " (the series is shorter than the learning period)"
                   : "");
    for (size_t i = 0; i < detection->event_count; i++) {
        const struct detect_event *event = &detection->events[i];
        char time[TIME_TEXT_MAX], number[STR_NUMBER_MAX];
        buf_printf(out, "%3zu. %s  %s (%s %%): %s\n", i + 1,
                   time_format_iso(series_at_ns(&output->read->value, event->alert), time),
                   class_of(output, event), str_from_fixed(100 * event->probability, 0, number),
                   event->reason);
    }
}

void detect_output_text(const struct detect_output *output, struct buf *out)
{
    series_read_describe(output->read, out);
    for (size_t k = 0; k < output->found_count; k++)
        text_found(output, &output->found[k], out);
}
