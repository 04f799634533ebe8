/* SPDX-License-Identifier: MIT
 * Comma-separated values (RFC 4180), fed in pieces: quoted fields may hold commas, quotes and line
 * ends; LF and CRLF; a last line without an end. Fields point into the parser and live until the
 * callback returns. */
#ifndef FOREWARM_BASE_CSV_H
#define FOREWARM_BASE_CSV_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

enum { CSV_FIELDS_MAX = 1024 };

struct csv_row {
    uint64_t line; /* 1-based line on which the row begins */
    const struct str *fields;
    uint32_t count;
};
typedef enum fw_err csv_row_fn(void *context, const struct csv_row *row);

struct csv {
    csv_row_fn *row_fn;
    void *context;
    struct buf text;
    struct {
        uint32_t from, len;
    } spans[CSV_FIELDS_MAX];
    uint32_t count;
    uint32_t field_from;
    uint64_t line, row_line;
    int state;
    uint32_t mark; /* bytes of a byte order mark seen at the beginning */
    /* True after csv_init. False: an empty line is a row of one empty field. */
    bool skip_empty_lines;
    /* Named in errors when set after csv_init: "trace.csv:7: ..."; else "line 7: ...". */
    const char *file;
    struct fw_detail *detail;
};

/* `row_max`: longest row in bytes; longer ones are FW_INPUT with the line. */
void csv_init(struct csv *csv, size_t row_max, csv_row_fn *row_fn, void *context,
              struct fw_detail *detail);
void csv_fini(struct csv *csv);
FW_MUST_CHECK enum fw_err csv_feed(struct csv *csv, const char *data, size_t len);
FW_MUST_CHECK enum fw_err csv_end(struct csv *csv); /* an open quote is FW_INPUT with its line */
void csv_write(struct buf *out, struct str field);  /* quoted only where needed */

#endif
