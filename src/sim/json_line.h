/* SPDX-License-Identifier: MIT
 * JSON lines as request logs: one object a line, fields found by dotted names ("metadata.user_id").
 * The kinds of logs differ only in the names that are tried, so each kind is one table. */
#ifndef FOREWARM_SIM_JSON_LINE_H
#define FOREWARM_SIM_JSON_LINE_H

#include "sim/reader.h"

enum { JSON_LINE_NAMES_MAX = 24 };

struct json_line_kind {
    const char *names[READER_FIELD_COUNT][JSON_LINE_NAMES_MAX]; /* tried in order; NULL ends */
    const char *end[8];         /* when the request ended, where there is no duration */
    const char *fixed_resource; /* the log is of one service; NULL else */
    bool path_is_resource;      /* fall back to the path of the request line */
    int fixed_time;             /* enum trace_time, TRACE_TIME_AUTO: found */
};
extern const struct json_line_kind json_line_access, json_line_openai, json_line_mooncake;

enum fw_err json_line_read(struct reader *reader, struct str text,
                           const struct json_line_kind *kind);

#endif
