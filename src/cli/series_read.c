/* SPDX-License-Identifier: MIT */
#include "cli/series_read.h"
#include "base/check.h"
#include "base/csv.h"
#include "base/grow.h"
#include "base/time.h"
#include "cli/series_read_part.h"
#include "sim/trace.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { SHOWN = 60 };

enum fw_err series_read_refuse(const struct series_rows *rows, uint64_t line, struct str column,
                               struct str found, const char *expected)
{
    char text[SHOWN + 1];
    size_t n = 0;
    for (; n < found.len && n < SHOWN; n++)
        text[n] = (unsigned char)found.data[n] < 0x20 ? '?' : found.data[n];
    text[n] = '\0';
    return err_set(rows->detail, FW_INPUT, "%s:%llu: column \"%.*s\": found %s%s%s, expected %s",
                   rows->file, (unsigned long long)line,
                   (int)(column.len < SHOWN ? column.len : SHOWN), column.data,
                   n > 0 ? "\"" : "nothing", text, n > 0 ? "\"" : "", expected);
}

bool series_read_instant(struct str text, int64_t *at_ns)
{
    char longer[SHOWN];
    text = str_trim(text);
    if (time_parse_iso(text, at_ns, NULL))
        return true;
    /* "2026-03-01 09:00": without seconds. */
    if (text.len != 16 || text.data[13] != ':')
        return false;
    memcpy(longer, text.data, text.len);
    memcpy(longer + text.len, ":00", 3);
    return time_parse_iso((struct str){longer, text.len + 3}, at_ns, NULL);
}

static bool parse_time(struct str text, int style, int64_t *at_ns)
{
    if (style == TRACE_TIME_ISO || style == TRACE_TIME_CIVIL)
        return series_read_instant(text, at_ns);
    return trace_time_parse(text, style, at_ns);
}

bool series_read_missing(struct str text)
{
    static const char *const words[] = {"na", "nan", "n/a", "null", "none", "nil", "-", "?"};
    bool missing = text.len == 0;
    for (size_t i = 0; i < sizeof words / sizeof words[0] && !missing; i++)
        missing = str_equal_nocase(text, str_of(words[i]));
    return missing;
}

/* A number, NAN for what is missing, an infinity by its name. */
bool series_read_number(struct str text, double *value)
{
    if (series_read_missing(text)) {
        *value = NAN;
        return true;
    }
    if (str_to_double(text, value))
        return true;
    double sign = 1;
    if (text.len > 1 && (text.data[0] == '-' || text.data[0] == '+')) {
        sign = text.data[0] == '-' ? -1 : 1;
        text = (struct str){text.data + 1, text.len - 1};
    }
    *value = sign * INFINITY;
    return str_equal_nocase(text, STR("inf")) || str_equal_nocase(text, STR("infinity"));
}

static enum fw_err make_room(struct series_rows *rows)
{
    if (rows->count < rows->capacity)
        return FW_OK;
    if (rows->count == SERIES_READ_ROWS_MAX)
        return err_set(rows->detail, FW_LIMIT, "%s: more than %d rows", rows->file,
                       (int)SERIES_READ_ROWS_MAX);
    size_t capacity = (size_t)grow_capacity(rows->capacity, rows->count + 1, SERIES_READ_ROWS_MAX);
    int64_t *times = realloc(rows->at_ns, capacity * sizeof *times);
    if (!times)
        return err_set(rows->detail, FW_NOMEM, "%s: no memory for %zu rows", rows->file, capacity);
    rows->at_ns = times;
    for (uint32_t i = 0; i < rows->column_count; i++) {
        double *values = realloc(rows->columns[i].values, capacity * sizeof *values);
        if (!values)
            return err_set(rows->detail, FW_NOMEM, "%s: no memory for %zu rows", rows->file,
                           capacity);
        rows->columns[i].values = values;
    }
    rows->capacity = capacity;
    return FW_OK;
}

/* How times are written shows in the first row; a column's later rows must follow it. */
static enum fw_err take_style(struct series_rows *rows, uint64_t line, struct str text)
{
    int64_t at_ns;
    rows->style = trace_time_guess(text, text, rows->names[rows->time_at]);
    if (rows->style == TRACE_TIME_AUTO && series_read_instant(text, &at_ns))
        rows->style = TRACE_TIME_CIVIL;
    if (rows->style != TRACE_TIME_AUTO)
        return FW_OK;
    return series_read_refuse(
        rows, line, rows->names[rows->time_at], text,
        "seconds or milliseconds since 1970, ISO 8601 or YYYY-MM-DD HH:MM:SS");
}

static enum fw_err take_values(struct series_rows *rows, const struct csv_row *row)
{
    for (uint32_t i = 0; i < rows->column_count; i++) {
        struct series_column *column = &rows->columns[i];
        struct str text = str_trim(row->fields[column->at]);
        double *value = &column->values[rows->count];
        if (column->text || series_read_number(text, value))
            continue;
        if (i == 0)
            return series_read_refuse(rows, row->line, rows->names[column->at], text,
                                      "a number, or nothing where it is missing");
        column->text = true; /* a covariate that holds words is none */
    }
    return FW_OK;
}

enum fw_err series_read_row(void *context, const struct csv_row *row)
{
    struct series_rows *rows = context;
    if (rows->width == 0)
        return series_read_header(rows, row);
    if (row->count != rows->width)
        return err_set(rows->detail, FW_INPUT,
                       "%s:%llu: found %u fields, expected %u as in the header", rows->file,
                       (unsigned long long)row->line, row->count, rows->width);
    if (rows->count == 0)
        FW_TRY(series_read_choose(rows, row));
    FW_TRY(make_room(rows));
    struct str text = str_trim(row->fields[rows->time_at]);
    if (rows->count == 0)
        FW_TRY(take_style(rows, row->line, text));
    if (!parse_time(text, rows->style, &rows->at_ns[rows->count])) {
        char expected[128];
        int len = snprintf(expected, sizeof expected, "a time as in the first row (%s)",
                           trace_time_words(rows->style));
        CHECK(len > 0 && len < (int)sizeof expected);
        return series_read_refuse(rows, row->line, rows->names[rows->time_at], text, expected);
    }
    FW_TRY(take_values(rows, row));
    rows->last_line = row->line;
    rows->count++;
    return FW_OK;
}

static void copy_name(char to[SERIES_READ_NAME_MAX], struct str name)
{
    size_t len = name.len < SERIES_READ_NAME_MAX ? name.len : SERIES_READ_NAME_MAX - 1;
    while (len < name.len && len > 0 && ((unsigned char)name.data[len] & 0xC0) == 0x80)
        len--;
    memcpy(to, name.data, len);
    to[len] = '\0';
}

static enum fw_err lay(struct series_rows *rows, const struct series_column *column,
                       int64_t step_ns, struct series *series, struct series_report *report)
{
    struct fw_detail why = {""};
    struct series_rules rules = {.step_ns = step_ns, .merge = SERIES_MEAN};
    enum fw_err err =
        series_regular(rows->at_ns, column->values, rows->count, &rules, series, report, &why);
    if (err == FW_OK)
        return FW_OK;
    return err_set(rows->detail, err, "%s: column \"%.*s\": %s%s", rows->file, SHOWN,
                   rows->names[rows->time_at].data, why.text,
                   step_ns == 0 && err == FW_INPUT ? " (--every DUR gives one)" : "");
}

static enum fw_err check_cells(const struct series_rows *rows, const struct series_read *read)
{
    uint64_t columns = rows->column_count, slots = read->value.count;
    if (columns <= 1 || columns * slots <= SERIES_READ_CELLS_MAX)
        return FW_OK;
    return err_set(rows->detail, FW_LIMIT,
                   "%s: %llu columns of %llu steps: more than %d values together; is a timestamp "
                   "wrong? Else leave columns out",
                   rows->file, (unsigned long long)columns, (unsigned long long)slots,
                   (int)SERIES_READ_CELLS_MAX);
}

static enum fw_err lay_covariates(struct series_rows *rows, struct series_read *read)
{
    for (uint32_t i = 1; i < rows->column_count; i++) {
        struct series_column *column = &rows->columns[i];
        struct series_report report;
        if (column->text) {
            read->text_count++;
            continue;
        }
        struct series_read_column *to = &read->covariates[read->covariate_count];
        FW_TRY(lay(rows, column, read->report.step_ns, &to->series, &report));
        copy_name(to->name, rows->names[column->at]);
        read->covariate_count++;
        if (to->series.count != read->value.count || to->series.start_ns != read->value.start_ns)
            return err_set(rows->detail, FW_INPUT,
                           "%s: column \"%s\" does not lie on one grid with \"%s\"", rows->file,
                           to->name, read->value_name);
    }
    return FW_OK;
}

enum fw_err series_read_finish(struct series_rows *rows, struct series_read *read)
{
    if (rows->width == 0)
        return err_set(rows->detail, FW_INPUT,
                       "%s: the file is empty, expected a header such as timestamp,value and rows",
                       rows->file);
    if (rows->count == 0)
        return err_set(rows->detail, FW_INPUT, "%s: found a header and no rows, expected values",
                       rows->file);
    const struct series_column *value = &rows->columns[0];
    copy_name(read->time_name, rows->names[rows->time_at]);
    copy_name(read->value_name, rows->names[value->at]);
    read->time_style = rows->style;
    read->left_out = rows->left_out;
    for (size_t i = 0; i < rows->count; i++)
        read->missing += !isfinite(value->values[i]);
    if (read->missing == rows->count)
        return err_set(rows->detail, FW_INPUT,
                       "%s: column \"%s\": none of the %zu rows has a value, expected numbers",
                       rows->file, read->value_name, rows->count);
    FW_TRY(lay(rows, value, rows->options->every_ns, &read->value, &read->report));
    FW_TRY(check_cells(rows, read));
    /* The report's step is what the rows were laid on; the covariates follow it. */
    return lay_covariates(rows, read);
}

void series_rows_fini(struct series_rows *rows)
{
    free(rows->at_ns);
    for (uint32_t i = 0; i < rows->column_count; i++)
        free(rows->columns[i].values);
    for (uint32_t i = 0; i < rows->width; i++)
        free((char *)(uintptr_t)rows->names[i].data);
    free(rows->names);
    *rows = (struct series_rows){0};
}

struct feeding {
    struct csv csv;
    struct series_rows rows;
};

static enum fw_err feed(void *context, const char *data, size_t len)
{
    return csv_feed(&((struct feeding *)context)->csv, data, len);
}

/* Reads from the file, or from memory when there is a text. */
static enum fw_err read_from(struct series_read *read, const char *name, const struct str *text,
                             const struct series_read_options *options, struct fw_detail *detail)
{
    *read = (struct series_read){0};
    struct feeding *feeding = calloc(1, sizeof *feeding);
    if (!feeding)
        return FW_NOMEM;
    struct series_rows *rows = &feeding->rows;
    rows->file = strcmp(name, "-") == 0 ? "standard input" : name;
    rows->options = options;
    rows->detail = detail;
    csv_init(&feeding->csv, SERIES_READ_ROW_BYTES_MAX, series_read_row, rows, detail);
    feeding->csv.file = rows->file;
    enum fw_err err = text ? csv_feed(&feeding->csv, text->data, text->len)
                           : trace_feed_file(name, feed, feeding, detail);
    if (err == FW_OK)
        err = csv_end(&feeding->csv);
    if (err == FW_OK)
        err = series_read_finish(rows, read);
    csv_fini(&feeding->csv);
    series_rows_fini(rows);
    free(feeding);
    if (err != FW_OK)
        series_read_fini(read);
    return err;
}

enum fw_err series_read(struct series_read *read, const char *path,
                        const struct series_read_options *options, struct fw_detail *detail)
{
    return read_from(read, path, NULL, options, detail);
}

enum fw_err series_read_memory(struct series_read *read, const char *name, struct str text,
                               const struct series_read_options *options, struct fw_detail *detail)
{
    return read_from(read, name, &text, options, detail);
}

void series_read_fini(struct series_read *read)
{
    series_fini(&read->value);
    for (uint32_t i = 0; i < SERIES_READ_COLUMNS_MAX; i++)
        series_fini(&read->covariates[i].series);
    *read = (struct series_read){0};
}
