/* SPDX-License-Identifier: MIT
 * What the readers of traces share: where a bad row is reported, how a row becomes a request, how
 * columns are named. One reader a format, each in its own file; the table that finds them is in
 * trace.c. */
#ifndef FOREWARM_SIM_READER_H
#define FOREWARM_SIM_READER_H

#include "base/buf.h"
#include "sim/trace.h"

/* What a column mapping asks for: each may be several columns joined. */
enum reader_field {
    READER_TIME,
    READER_RESOURCE,
    READER_SESSION,
    READER_DURATION,
    READER_FIELD_COUNT
};
extern const char *const reader_field_names[READER_FIELD_COUNT];

struct reader_names {
    uint32_t count; /* 0: not named by the user */
    struct str parts[TRACE_COLUMN_PARTS];
};

struct reader {
    struct trace *trace;
    const struct trace_options *options;
    const char *file;
    struct fw_detail *detail;
    struct reader_names names[READER_FIELD_COUNT]; /* point into the options */
    int time;                                      /* enum trace_time, found once */
    struct buf joined;                             /* scratch for names made of several columns */
};

FW_MUST_CHECK enum fw_err reader_init(struct reader *reader, struct trace *trace, const char *file,
                                      const struct trace_options *options,
                                      struct fw_detail *detail);
void reader_fini(struct reader *reader);

/* A row cannot be read: FW_OK when bad rows are skipped (it is counted), else FW_INPUT with
 * everything said. */
FW_MUST_CHECK enum fw_err reader_bad(struct reader *reader, uint64_t line, const char *field,
                                     struct str found, const char *expected);

/* One request as text. Empty session: none; empty duration: unknown. */
struct reader_row {
    uint64_t line;
    struct str time, resource, session, duration;
    struct str time_column, resource_column, duration_column; /* names, for messages and units */
    uint64_t hash;
};
/* Parses and adds; bad fields go through reader_bad. The time style must be known. */
FW_MUST_CHECK enum fw_err reader_add(struct reader *reader, const struct reader_row *row);
/* The same when the numbers are known already. */
FW_MUST_CHECK enum fw_err reader_add_parsed(struct reader *reader, uint64_t line, int64_t at_ns,
                                            struct str resource, struct str session,
                                            int64_t duration_ns, uint64_t hash);
/* Finds the style of times once; FW_INPUT with the line when neither text is a time. */
FW_MUST_CHECK enum fw_err reader_time_style(struct reader *reader, uint64_t line, struct str first,
                                            struct str last, struct str column);
/* "0.25" in the unit that the column's name ends with (_ms, _us, _ns, else seconds), or "250ms". */
bool reader_parse_duration(struct str text, struct str column, int64_t *duration_ns);
/* Cuts the next line (without its end) off *rest. */
bool reader_line(struct str *rest, struct str *line);
/* Notes which columns are used, for the report. */
void reader_note(struct reader *reader, const char *field, struct str columns);
/* Is this call no demand: health checks, scrapes, preflights? */
bool reader_is_upkeep(struct str method, struct str path);

/* Names under which a field is looked for when the user named none; the first that is there wins.
 */
extern const char *const reader_aliases[READER_FIELD_COUNT][24];

/* The readers. */
enum fw_err read_arrivals(struct reader *reader, struct str text);
enum fw_err read_azure(struct reader *reader, struct str text);
enum fw_err read_access(struct reader *reader, struct str text);
enum fw_err read_openai(struct reader *reader, struct str text);
enum fw_err read_mooncake(struct reader *reader, struct str text);
enum fw_err read_journal(struct reader *reader, struct str text);
bool read_access_detect(struct str line);
int read_json_detect(struct str line); /* enum trace_format, TRACE_AUTO: none of ours */

#endif
