/* SPDX-License-Identifier: MIT */
#include "forecast/prophet_part.h"
#include "base/time.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW_MOST = 366, KEY_MAX = PROPHET_NAME_MAX + 16, DEFAULT_SPREAD_PERCENT = 35 };

/* A holiday's offset has a column of its own; columns stand in the order of these keys, as
 * Prophet's do. */
struct key {
    char text[KEY_MAX];
    const struct prophet_holiday *holiday;
    int64_t day;
};

static int compare_keys(const void *left, const void *right)
{
    const struct key *a = left, *b = right;
    int order = strcmp(a->text, b->text);
    return order != 0 ? order : (a->day > b->day) - (a->day < b->day);
}

static int64_t day_of(int64_t at_ns)
{
    return at_ns / TIME_DAY - (at_ns % TIME_DAY < 0);
}

static enum fw_err check_holiday(const struct prophet_holiday *holiday, size_t i,
                                 struct fw_detail *detail)
{
    size_t len = holiday->name ? strlen(holiday->name) : 0;
    if (len == 0 || len >= PROPHET_NAME_MAX)
        return err_set(detail, FW_INPUT,
                       "holiday %zu: its name has %zu characters, expected 1 to %d", i + 1, len,
                       PROPHET_NAME_MAX - 1);
    if (holiday->lower_window > 0 || holiday->lower_window < -WINDOW_MOST ||
        holiday->upper_window < 0 || holiday->upper_window > WINDOW_MOST)
        return err_set(detail, FW_INPUT,
                       "holiday \"%s\": window from %d to %d days, expected -%d to 0 and 0 to %d",
                       holiday->name, holiday->lower_window, holiday->upper_window,
                       (int)WINDOW_MOST, (int)WINDOW_MOST);
    if (!(holiday->prior_scale == 0 ||
          (holiday->prior_scale >= 1e-9 && holiday->prior_scale <= 1e9)))
        return err_set(detail, FW_INPUT, "holiday \"%s\": prior scale %g, expected one above 0",
                       holiday->name, holiday->prior_scale);
    return FW_OK;
}

static enum fw_err expand_holidays(const struct prophet_options *options, struct key **keys,
                                   size_t *count, struct fw_detail *detail)
{
    size_t n = 0;
    for (size_t i = 0; i < options->holiday_count; i++) {
        FW_TRY(check_holiday(&options->holidays[i], i, detail));
        n += (size_t)(options->holidays[i].upper_window - options->holidays[i].lower_window + 1);
    }
    struct key *key = calloc(n + 1, sizeof *key);
    if (!key)
        return err_set(detail, FW_NOMEM, "no memory for %zu days", n);
    *keys = key;
    *count = n;
    for (size_t i = 0; i < options->holiday_count; i++) {
        const struct prophet_holiday *holiday = &options->holidays[i];
        for (int offset = holiday->lower_window; offset <= holiday->upper_window; offset++, key++) {
            key->holiday = holiday;
            key->day = day_of(holiday->at_ns) + offset;
            snprintf(key->text, sizeof key->text, "%s_delim_%c%d", holiday->name,
                     offset >= 0 ? '+' : '-', abs(offset));
        }
    }
    return FW_OK;
}

static int compare_days(const void *left, const void *right)
{
    const struct prophet_day *a = left, *b = right;
    if (a->day != b->day)
        return a->day < b->day ? -1 : 1;
    return (a->column > b->column) - (a->column < b->column);
}

static enum fw_err add_holiday(struct prophet *p, const struct prophet_options *options,
                               const struct key *key, size_t n, struct fw_detail *detail)
{
    struct prophet_part part = {
        .public = {.kind = PROPHET_HOLIDAY, .multiplicative = p->holidays_multiplicative},
        .prior_scale = key->holiday->prior_scale > 0 ? key->holiday->prior_scale
                                                     : options->holidays_prior_scale};
    for (size_t i = 0; i < p->parts; i++)
        if (strcmp(p->part[i].public.name, key->holiday->name) == 0)
            return err_set(detail, FW_INPUT, "two components are called \"%s\"",
                           key->holiday->name);
    for (size_t i = 0; i < n; i++) {
        if (key[i].holiday->prior_scale != key->holiday->prior_scale)
            return err_set(detail, FW_INPUT, "holiday \"%s\" has two prior scales, %g and %g",
                           key->holiday->name, key->holiday->prior_scale,
                           key[i].holiday->prior_scale);
        bool first = i == 0 || strcmp(key[i].text, key[i - 1].text) != 0;
        part.count += first;
        p->day[p->days].day = key[i].day;
        p->day[p->days].column = (uint32_t)p->columns + part.count - 1;
        p->days += first || key[i].day != key[i - 1].day;
    }
    memcpy(part.public.name, key->holiday->name, strlen(key->holiday->name) + 1);
    return prophet_add_part(p, &part, detail);
}

enum fw_err prophet_lay_holidays(struct prophet *p, const struct prophet_options *options,
                                 struct fw_detail *detail)
{
    enum prophet_mode mode = options->holidays_mode;
    if (mode == PROPHET_DEFAULT)
        mode = options->seasonality_mode;
    p->holidays_multiplicative = mode == PROPHET_MULTIPLICATIVE;
    if (options->holiday_count == 0)
        return FW_OK;
    struct key *keys = NULL;
    size_t count = 0;
    FW_TRY(expand_holidays(options, &keys, &count, detail));
    p->day = calloc(count + 1, sizeof *p->day);
    if (!p->day || !keys) {
        free(keys);
        return err_set(detail, FW_NOMEM, "no memory for %zu days", count);
    }
    qsort(keys, count, sizeof *keys, compare_keys);
    enum fw_err err = FW_OK;
    for (size_t i = 0, end; err == FW_OK && i < count; i = end) {
        for (end = i; end < count && strcmp(keys[end].holiday->name, keys[i].holiday->name) == 0;)
            end++;
        err = add_holiday(p, options, keys + i, end - i, detail);
    }
    free(keys);
    if (err == FW_OK)
        qsort(p->day, p->days, sizeof *p->day, compare_days);
    return err;
}

static enum fw_err check_event(const struct prophet_event *event, size_t i,
                               struct fw_detail *detail)
{
    size_t len = event->name ? strlen(event->name) : 0;
    if (len == 0 || len >= PROPHET_NAME_MAX)
        return err_set(detail, FW_INPUT, "event %zu: its name has %zu characters, expected 1 to %d",
                       i + 1, len, PROPHET_NAME_MAX - 1);
    if (!(event->expected_multiplier > 1e-6 && event->expected_multiplier < 1e6))
        return err_set(detail, FW_INPUT,
                       "event \"%s\": expected_multiplier is %g, expected a number above 0",
                       event->name, event->expected_multiplier);
    if (!(event->expected_duration_hours > 0 && event->expected_duration_hours < 1e6))
        return err_set(detail, FW_INPUT,
                       "event \"%s\": expected_duration_hours is %g, expected a number above 0",
                       event->name, event->expected_duration_hours);
    if (!(event->log_sd >= 0 && event->log_sd < 100))
        return err_set(detail, FW_INPUT, "event \"%s\": its spread is %g, expected 0 or more",
                       event->name, event->log_sd);
    return FW_OK;
}

/* The prior of an event's coefficient: in a model of logarithms, that of ln m itself; else that of
 * m - 1, whose spread is m times that of ln m. */
static void event_prior(const struct prophet *p, const struct prophet_event *event,
                        struct prophet_column *column)
{
    double sd = event->log_sd > 0 ? event->log_sd : DEFAULT_SPREAD_PERCENT / 100.0;
    column->prior_mean = p->logarithm ? log(event->expected_multiplier) / p->y_scale
                                      : event->expected_multiplier - 1;
    column->prior_sd = p->logarithm ? sd / p->y_scale : sd * event->expected_multiplier;
}

enum fw_err prophet_lay_events(struct prophet *p, const struct prophet_options *options,
                               struct fw_detail *detail)
{
    if (options->event_count == 0)
        return FW_OK;
    if (options->event_count > PROPHET_EVENTS_MAX)
        return err_set(detail, FW_LIMIT, "there are more than %d events", (int)PROPHET_EVENTS_MAX);
    p->shape = calloc(options->event_count, sizeof *p->shape);
    if (!p->shape)
        return err_set(detail, FW_NOMEM, "no memory for %zu events", options->event_count);
    for (size_t i = 0; i < options->event_count; i++) {
        const struct prophet_event *event = &options->events[i];
        FW_TRY(check_event(event, i, detail));
        size_t at = 0;
        while (at < p->parts && strcmp(p->part[at].public.name, event->name) != 0)
            at++;
        if (at < p->parts && p->part[at].public.kind != PROPHET_EVENT)
            return err_set(detail, FW_INPUT, "two components are called \"%s\"", event->name);
        if (at == p->parts) {
            struct prophet_part part = {.public = {.kind = PROPHET_EVENT, .multiplicative = true},
                                        .count = 1,
                                        .prior_scale = 1};
            memcpy(part.public.name, event->name, strlen(event->name) + 1);
            FW_TRY(prophet_add_part(p, &part, detail));
        }
        uint32_t column = p->part[at].first;
        event_prior(p, event,
                    &p->column[column]); /* the last one of a name is the one that is planned */
        p->shape[p->shapes++] =
            (struct prophet_shape){event->at_ns, event->expected_duration_hours / 3, column};
    }
    return FW_OK;
}
