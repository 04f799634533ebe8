/* SPDX-License-Identifier: MIT */
#include "cli/holiday_file.h"
#include "base/csv.h"
#include "base/grow.h"
#include "base/time.h"
#include "cli/event_file.h"
#include "cli/series_read.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DS, HOLIDAY, LOWER, UPPER, PRIOR, COLUMNS, ROW_BYTES_MAX = 1 << 16, SHOWN = 60 };
static const char *const columns[COLUMNS] = {"ds", "holiday", "lower_window", "upper_window",
                                             "prior_scale"};
#define PRIOR_MAX 1e6

struct reading {
    struct holiday_list *list;
    const char *file;
    struct fw_detail *detail;
    bool header;
    int at[COLUMNS]; /* field of each; -1: there is none */
};

static enum fw_err add(struct holiday_list *list, struct str name, struct prophet_holiday **row)
{
    if (list->count == list->capacity) {
        size_t capacity = (size_t)grow_capacity(list->capacity, list->count + 1, HOLIDAY_FILE_MAX);
        struct prophet_holiday *rows = realloc(list->rows, capacity * sizeof *rows);
        if (!rows)
            return FW_NOMEM;
        list->rows = rows;
        char(*names)[PROPHET_NAME_MAX] = realloc(list->names, capacity * sizeof *names);
        if (!names)
            return FW_NOMEM;
        list->names = names;
        list->capacity = capacity;
    }
    memcpy(list->names[list->count], name.data, name.len);
    list->names[list->count][name.len] = '\0';
    *row = &list->rows[list->count++];
    **row = (struct prophet_holiday){0};
    return FW_OK;
}

static enum fw_err refuse(const struct reading *reading, uint64_t line, int column,
                          struct str found, const char *expected)
{
    return err_set(reading->detail, FW_INPUT, "%s:%llu: column \"%s\": found \"%.*s\", expected %s",
                   reading->file, (unsigned long long)line, columns[column],
                   (int)(found.len < SHOWN ? found.len : SHOWN), found.data, expected);
}

static enum fw_err take_header(struct reading *reading, const struct csv_row *row)
{
    for (int i = 0; i < COLUMNS; i++) {
        reading->at[i] = -1;
        for (uint32_t k = 0; k < row->count; k++)
            if (str_equal_nocase(str_trim(row->fields[k]), str_of(columns[i])))
                reading->at[i] = (int)k;
    }
    reading->header = true;
    if (reading->at[DS] < 0 || reading->at[HOLIDAY] < 0)
        return err_set(reading->detail, FW_INPUT,
                       "%s:%llu: found no column \"%s\", expected ds,holiday and where wanted "
                       "lower_window,upper_window,prior_scale",
                       reading->file, (unsigned long long)row->line,
                       columns[reading->at[DS] < 0 ? DS : HOLIDAY]);
    return FW_OK;
}

static struct str field(const struct reading *reading, const struct csv_row *row, int column)
{
    int at = reading->at[column];
    return at >= 0 && (uint32_t)at < row->count ? str_trim(row->fields[at]) : STR("");
}

/* A whole number of days within [low, high]; 0 where nothing is told. */
static enum fw_err take_days(const struct reading *reading, const struct csv_row *row, int column,
                             int low, int high, int *days)
{
    struct str text = field(reading, row, column);
    double value = 0;
    if (text.len > 0 &&
        (!str_to_double(text, &value) || value != floor(value) || value < low || value > high))
        return refuse(reading, row->line, column, text,
                      column == LOWER ? "whole days, -366 to 0" : "whole days, 0 to 366");
    *days = (int)value;
    return FW_OK;
}

static enum fw_err take_row(void *context, const struct csv_row *row)
{
    struct reading *reading = context;
    struct prophet_holiday *holiday;
    if (!reading->header)
        return take_header(reading, row);
    struct str when = field(reading, row, DS), name = field(reading, row, HOLIDAY);
    struct str prior = field(reading, row, PRIOR);
    if (reading->list->count == HOLIDAY_FILE_MAX)
        return err_set(reading->detail, FW_LIMIT, "%s: more than %d holidays", reading->file,
                       (int)HOLIDAY_FILE_MAX);
    if (name.len == 0 || name.len >= PROPHET_NAME_MAX || !str_is_utf8(name))
        return refuse(reading, row->line, HOLIDAY, name, "a name of 1 to 63 bytes");
    FW_TRY(add(reading->list, name, &holiday));
    if (!series_read_instant(when, &holiday->at_ns))
        return refuse(reading, row->line, DS, when, "a date, as 2026-12-25");
    FW_TRY(take_days(reading, row, LOWER, -HOLIDAY_WINDOW_MAX, 0, &holiday->lower_window));
    FW_TRY(take_days(reading, row, UPPER, 0, HOLIDAY_WINDOW_MAX, &holiday->upper_window));
    if (prior.len > 0 && (!str_to_double(prior, &holiday->prior_scale) ||
                          !(holiday->prior_scale > 0) || holiday->prior_scale > PRIOR_MAX))
        return refuse(reading, row->line, PRIOR, prior, "a number above 0, at most 1e6");
    return FW_OK;
}

static enum fw_err parse_csv(struct reading *reading, struct str text)
{
    struct csv csv;
    csv_init(&csv, ROW_BYTES_MAX, take_row, reading, reading->detail);
    csv.file = reading->file;
    enum fw_err err = csv_feed(&csv, text.data, text.len);
    if (err == FW_OK)
        err = csv_end(&csv);
    csv_fini(&csv);
    if (err == FW_OK && reading->list->count == 0)
        err = err_set(reading->detail, FW_INPUT, "%s: found no holiday, expected rows",
                      reading->file);
    return err;
}

static enum fw_err parse_events(struct reading *reading, struct str text)
{
    struct calendar calendar;
    FW_TRY(event_file_parse(&calendar, reading->file, text, reading->detail));
    enum fw_err err = FW_OK;
    for (size_t i = 0; i < calendar.count && err == FW_OK; i++) {
        const struct calendar_event *event = &calendar.events[i];
        struct prophet_holiday *holiday = NULL;
        struct str name = str_of(event->name);
        if (reading->list->count == HOLIDAY_FILE_MAX || name.len >= PROPHET_NAME_MAX ||
            event->duration_ns > HOLIDAY_WINDOW_MAX * TIME_DAY)
            err = err_set(reading->detail, FW_INPUT,
                          "%s:%llu: \"%.60s\": expected a name below %d bytes, at most %d days and "
                          "%d holidays",
                          reading->file, (unsigned long long)event->line, event->name,
                          PROPHET_NAME_MAX, (int)HOLIDAY_WINDOW_MAX, (int)HOLIDAY_FILE_MAX);
        else
            err = add(reading->list, name, &holiday);
        if (err != FW_OK || holiday == NULL)
            break;
        holiday->at_ns = event->at_ns;
        holiday->upper_window =
            event->duration_ns > 0 ? (int)((event->duration_ns - 1) / TIME_DAY) : 0;
    }
    event_file_fini(&calendar);
    return err;
}

/* The first line of a CSV names its columns. */
static bool looks_like_csv(struct str text)
{
    struct str rest = text, line = {"", 0};
    while (line.len == 0 && str_cut(&rest, '\n', &line))
        line = str_trim(line);
    if (line.len >= 3 && memcmp(line.data, "\xef\xbb\xbf", 3) == 0)
        line = (struct str){line.data + 3, line.len - 3};
    if (line.len == 0 || strchr("-[{#", line.data[0]) != NULL)
        return false;
    return memchr(line.data, ',', line.len) != NULL;
}

enum fw_err holiday_file_parse(struct holiday_list *holidays, const char *name, struct str text,
                               struct fw_detail *detail)
{
    struct reading reading = {.list = holidays, .file = name, .detail = detail};
    *holidays = (struct holiday_list){0};
    enum fw_err err =
        looks_like_csv(text) ? parse_csv(&reading, text) : parse_events(&reading, text);
    for (size_t i = 0; i < holidays->count; i++)
        holidays->rows[i].name = holidays->names[i];
    if (err != FW_OK)
        holiday_file_fini(holidays);
    return err;
}

void holiday_file_fini(struct holiday_list *holidays)
{
    free(holidays->rows);
    free(holidays->names);
    *holidays = (struct holiday_list){0};
}
