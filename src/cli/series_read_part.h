/* SPDX-License-Identifier: MIT
 * What the parts of the series reader share: rows as they were read, before they are laid on a
 * grid. */
#ifndef FOREWARM_CLI_SERIES_READ_PART_H
#define FOREWARM_CLI_SERIES_READ_PART_H

#include "base/csv.h"
#include "cli/series_read.h"

struct series_column {
    uint32_t at; /* field of the row */
    bool text;   /* a field was no number */
    double *values;
};

struct series_rows {
    const char *file;
    const struct series_read_options *options;
    struct fw_detail *detail;
    uint32_t width; /* 0: no header yet */
    struct str *names;
    uint32_t time_at;
    int style; /* enum trace_time */
    uint32_t column_count, left_out;
    struct series_column columns[1 + SERIES_READ_COLUMNS_MAX]; /* the value first */
    int64_t *at_ns;
    size_t count, capacity;
    uint64_t last_line;
};

/* Keeps the names of the columns. */
FW_MUST_CHECK enum fw_err series_read_header(struct series_rows *rows, const struct csv_row *row);
/* Finds time, value and covariates; the first row shows what holds numbers. */
FW_MUST_CHECK enum fw_err series_read_choose(struct series_rows *rows, const struct csv_row *row);
/* The header, then row after row, as csv.h gives them; `context` is a struct series_rows. */
FW_MUST_CHECK enum fw_err series_read_row(void *context, const struct csv_row *row);
FW_MUST_CHECK enum fw_err series_read_finish(struct series_rows *rows, struct series_read *read);
void series_rows_fini(struct series_rows *rows);
FW_MUST_CHECK enum fw_err series_read_refuse(const struct series_rows *rows, uint64_t line,
                                             struct str column, struct str found,
                                             const char *expected);
bool series_read_missing(struct str text);
bool series_read_number(struct str text, double *value);

#endif
