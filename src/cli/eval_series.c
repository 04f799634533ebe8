/* SPDX-License-Identifier: MIT */
#include "cli/eval_series.h"

#include "base/csv.h"
#include "base/grow.h"
#include "cli/output.h"
#include "sim/trace.h"
#include <stdlib.h>

enum { ROW_MAX = 1 << 22 };

struct reading {
    struct eval_series *series;
    const char *path;
    bool heading_seen;
    struct fw_detail *detail;
};

static enum fw_err add_value(struct eval_series *series, double value)
{
    if (series->value_count == series->value_capacity) {
        uint64_t next = grow_capacity((uint64_t)series->value_capacity,
                                      (uint64_t)series->value_count + 1, EVAL_VALUES_MAX);
        double *grown = next > (uint64_t)series->value_count
                            ? realloc(series->values, next * sizeof *grown)
                            : NULL;
        if (!grown)
            return FW_NOMEM;
        series->values = grown;
        series->value_capacity = (int)next;
    }
    series->values[series->value_count++] = value;
    return FW_OK;
}

static enum fw_err add_name(struct reading *reading, const struct csv_row *row)
{
    struct eval_series *series = reading->series;
    uint32_t number;
    bool added;
    enum fw_err err = table_add(&series->names, str_trim(row->fields[0]), &number, &added);
    if (err == FW_OK && !added)
        return err_set(reading->detail, FW_INPUT, "%s:%llu: series \"%.*s\" stands there twice",
                       reading->path, (unsigned long long)row->line, STR_ARG(row->fields[0]));
    FW_TRY(err);
    if (series->count == series->row_capacity) {
        uint64_t next = grow_capacity((uint64_t)series->row_capacity, (uint64_t)series->count + 1,
                                      EVAL_SERIES_MAX);
        struct eval_row *grown = realloc(series->rows, next * sizeof *grown);
        if (!grown)
            return FW_NOMEM;
        series->rows = grown;
        series->row_capacity = (int)next;
    }
    series->rows[series->count++] = (struct eval_row){.from = series->value_count};
    return FW_OK;
}

static enum fw_err read_row(void *context, const struct csv_row *row)
{
    struct reading *reading = context;
    struct eval_series *series = reading->series;
    if (!reading->heading_seen) {
        reading->heading_seen = true;
        return FW_OK;
    }
    FW_TRY(add_name(reading, row));
    uint32_t count = row->count;
    while (count > 1 && str_trim(row->fields[count - 1]).len == 0)
        count--;
    if (count < 2)
        return err_set(reading->detail, FW_INPUT,
                       "%s:%llu: found no values, expected a name and "
                       "then numbers",
                       reading->path, (unsigned long long)row->line);
    for (uint32_t i = 1; i < count; i++) {
        double value;
        if (!str_to_double(str_trim(row->fields[i]), &value))
            return err_set(reading->detail, FW_INPUT,
                           "%s:%llu: value %u: found \"%.*s\", expected a number", reading->path,
                           (unsigned long long)row->line, i, STR_ARG(row->fields[i]));
        FW_TRY(add_value(series, value));
    }
    series->rows[series->count - 1].n = (int)count - 1;
    return FW_OK;
}

enum fw_err eval_series_read(struct eval_series *series, const char *path, struct fw_detail *detail)
{
    struct buf text;
    struct csv csv;
    struct reading reading = {.series = series, .path = path, .detail = detail};
    *series = (struct eval_series){0};
    table_init(&series->names, EVAL_SERIES_MAX);
    buf_init(&text, OUTPUT_MAX);
    csv_init(&csv, ROW_MAX, read_row, &reading, detail);
    csv.file = path;
    enum fw_err err = trace_load_file(path, &text, detail);
    if (err == FW_OK)
        err = csv_feed(&csv, text.data, text.len);
    if (err == FW_OK)
        err = csv_end(&csv);
    if (err == FW_OK && series->count == 0)
        err = err_set(detail, FW_INPUT,
                      "%s:1: found no series, expected a heading and a series a "
                      "line",
                      path);
    csv_fini(&csv);
    buf_fini(&text);
    return err;
}

void eval_series_fini(struct eval_series *series)
{
    table_fini(&series->names);
    free(series->rows);
    free(series->values);
    *series = (struct eval_series){0};
}
