/* SPDX-License-Identifier: MIT
 * Reading a series from CSV with a header: which column is the time, which the value, how times are
 * written and at what step is found from the file and reported. Holes stay holes; rows out of
 * order, twice or off the grid are put right by forecast/series and counted. */
#ifndef FOREWARM_CLI_SERIES_READ_H
#define FOREWARM_CLI_SERIES_READ_H

#include "base/json.h"
#include "base/option.h"
#include "forecast/series.h"

enum {
    SERIES_READ_COLUMNS_MAX = 64, /* numeric ones beside the value; those behind are left out */
    SERIES_READ_NAME_MAX = 64,    /* longer names are cut */
    SERIES_READ_NOTE_MAX = 256,
    SERIES_READ_ROWS_MAX = SERIES_SLOTS_MAX,
    SERIES_READ_ROW_BYTES_MAX = 1 << 20,
    SERIES_READ_CELLS_MAX = 1 << 27, /* slots of the value and the covariates together */
};

struct series_read_options {
    const char *time, *value; /* columns; NULL or "": found */
    int64_t every_ns;         /* 0: inferred */
    bool covariates;          /* other numeric columns, too */
};

struct series_read_column {
    char name[SERIES_READ_NAME_MAX];
    struct series series;
};

/* What was read. The covariates lie on the same grid as the value. */
struct series_read {
    char time_name[SERIES_READ_NAME_MAX], value_name[SERIES_READ_NAME_MAX];
    int time_style; /* enum trace_time */
    struct series value;
    uint32_t covariate_count, left_out; /* left_out: columns past the limit */
    struct series_read_column covariates[SERIES_READ_COLUMNS_MAX];
    uint32_t text_count; /* columns that hold no numbers and were not asked for */
    struct series_report report;
    size_t missing; /* rows without a value, or whose value is not finite */
    char
        note[SERIES_READ_NOTE_MAX]; /* what else is to be said of where it comes from; "" nothing */
};

/* "-" is standard input; gzip is found by its content. FW_INPUT names file, line, column, what was
 * found and what was expected; a series without any value is refused, too. */
FW_MUST_CHECK enum fw_err series_read(struct series_read *read, const char *path,
                                      const struct series_read_options *options,
                                      struct fw_detail *detail);
/* The same from memory; `name` is for messages. What the fuzzer calls. */
FW_MUST_CHECK enum fw_err series_read_memory(struct series_read *read, const char *name,
                                             struct str text,
                                             const struct series_read_options *options,
                                             struct fw_detail *detail);
void series_read_fini(struct series_read *read); /* fine on a zeroed one */
/* The covariate with this name (case does not matter), or NULL. */
const struct series *series_read_find(const struct series_read *read, const char *name);
/* What was found and what was put right, a sentence a line. */
void series_read_describe(const struct series_read *read, struct buf *out);
/* The same as one JSON value. */
void series_read_json(const struct series_read *read, struct json *json);

/* The flags --time, --value and --every, for the option rows of a command: place this in its struct
 * of options and these rows in its table. */
struct series_read_flags {
    char time[OPTION_TEXT_MAX], value[OPTION_TEXT_MAX];
    int64_t every_ns;
};
/* clang-format off */
#define SERIES_READ_AT(offset, field) ((offset) + offsetof(struct series_read_flags, field))
#define SERIES_READ_ROWS(offset) \
    {{"time", OPTION_TEXT, SERIES_READ_AT(offset, time), "", 0, 0, false, NULL, "column that holds the time; default: the first that looks like it"}, "COL", 0}, \
    {{"value", OPTION_TEXT, SERIES_READ_AT(offset, value), "", 0, 0, false, NULL, "column that holds the value; default: compute_tflops, value, y or requests"}, "COL", 0}, \
    {{"every", OPTION_DURATION, SERIES_READ_AT(offset, every_ns), "0s", 0, 400.0 * 86400e9, false, NULL, "distance between rows; 0s: found from the rows"}, "DUR", 0}
/* clang-format on */
struct series_read_options series_read_flags(const struct series_read_flags *flags,
                                             bool covariates);

/* An instant in one of the spellings a person would use in a file: "2026-03-01",
 * "2026-03-01 09:00", ISO 8601. */
FW_MUST_CHECK bool series_read_instant(struct str text, int64_t *at_ns);

#endif
