/* SPDX-License-Identifier: MIT */
#include "sim/reader.h"
#include <stdio.h>
#include <stdlib.h>

const char *const reader_field_names[READER_FIELD_COUNT] = {"time", "resource", "session",
                                                            "duration"};

const char *const reader_aliases[READER_FIELD_COUNT][24] = {
    [READER_TIME] = {"time", "timestamp", "time_s", "time_ms", "at", "arrival", "arrival_time",
                     "arrived_at", "TIMESTAMP", "datetime", "date", "created", "created_at",
                     "gmt_create", "invoke_time_ms", "ts", "t_s", "t", NULL},
    [READER_RESOURCE] = {"resource", "model", "model_id", "model_name", "function", "func_name",
                         "function_name", "app", "service", "endpoint", "name", NULL},
    [READER_SESSION] = {"session", "session_id", "user", "user_id", "client", "client_id",
                        "conversation", "conversation_id", NULL},
    [READER_DURATION] = {"duration", "duration_s", "duration_ms", "duration_us", "service_time",
                         "service_time_s", NULL},
};

static enum fw_err take_mapping(struct reader *reader, struct str item)
{
    struct str rest = item, name, part;
    if (!str_cut(&rest, '=', &name) || !rest.data || rest.len == 0)
        return err_set(reader->detail, FW_USAGE,
                       "--columns: found \"%.*s\", expected FIELD=COLUMN with a field of time, "
                       "resource, session, duration",
                       STR_ARG(item));
    for (int field = 0; field < READER_FIELD_COUNT; field++) {
        if (!str_equal(str_trim(name), str_of(reader_field_names[field])))
            continue;
        struct reader_names *names = &reader->names[field];
        names->count = 0;
        while (str_cut(&rest, '+', &part)) {
            if (part.len == 0 || names->count == TRACE_COLUMN_PARTS)
                return err_set(reader->detail, FW_USAGE,
                               "--columns: found \"%.*s\", expected 1 to %d columns joined by +",
                               STR_ARG(item), TRACE_COLUMN_PARTS);
            names->parts[names->count++] = part;
        }
        if (names->count > 1 && (field == READER_TIME || field == READER_DURATION))
            return err_set(reader->detail, FW_USAGE,
                           "--columns: found \"%.*s\", expected one column for the %s",
                           STR_ARG(item), reader_field_names[field]);
        return FW_OK;
    }
    return err_set(
        reader->detail, FW_USAGE,
        "--columns: found the field \"%.*s\", expected time, resource, session or duration",
        STR_ARG(name));
}

enum fw_err reader_init(struct reader *reader, struct trace *trace, const char *file,
                        const struct trace_options *options, struct fw_detail *detail)
{
    *reader = (struct reader){
        .trace = trace, .options = options, .file = file, .detail = detail, .time = options->time};
    buf_init(&reader->joined, TRACE_ROW_MAX);
    trace->mapping[0] = '\0';
    struct str rest = str_of(options->columns), item;
    if (rest.len == 0)
        return FW_OK;
    while (str_cut(&rest, ',', &item))
        FW_TRY(take_mapping(reader, item));
    return FW_OK;
}

void reader_fini(struct reader *reader)
{
    buf_fini(&reader->joined);
}

/* What was found, cut to a readable length and without control characters. */
static void describe_found(struct str found, char text[128])
{
    enum { SHOWN = 80 };
    if (found.len == 0) {
        snprintf(text, 128, "nothing");
        return;
    }
    size_t n = 0;
    text[n++] = '"';
    for (size_t i = 0; i < found.len && i < SHOWN; i++) {
        unsigned char c = (unsigned char)found.data[i];
        text[n++] = c < 0x20 || c == 0x7f ? '?' : (char)c;
    }
    snprintf(text + n, 128 - n, "%s\"", found.len > SHOWN ? "..." : "");
}

enum fw_err reader_bad(struct reader *reader, uint64_t line, const char *field, struct str found,
                       const char *expected)
{
    struct trace *trace = reader->trace;
    char shown[128];
    describe_found(found, shown);
    if (!reader->options->skip_bad_rows)
        return err_set(
            reader->detail, FW_INPUT,
            "%s:%llu: %s: found %s, expected %s (--skip-bad-rows goes on without such rows)",
            reader->file, (unsigned long long)line, field, shown, expected);
    if (trace->skipped++ == 0)
        snprintf(trace->first_skipped, sizeof trace->first_skipped,
                 "%.200s:%llu: %s: found %s, expected %s", reader->file, (unsigned long long)line,
                 field, shown, expected);
    return FW_OK;
}

static enum fw_err make_room(struct trace *trace, struct fw_detail *detail)
{
    if (trace->count < trace->capacity)
        return FW_OK;
    size_t capacity = trace->capacity ? 2 * trace->capacity : 1024;
    struct trace_request *grown = realloc(trace->requests, capacity * sizeof *grown);
    if (!grown)
        return err_set(detail, FW_NOMEM, "no memory for %zu requests", capacity);
    trace->requests = grown;
    trace->capacity = capacity;
    return FW_OK;
}

enum fw_err reader_add_parsed(struct reader *reader, uint64_t line, int64_t at_ns,
                              struct str resource, struct str session, int64_t duration_ns,
                              uint64_t hash)
{
    struct trace *trace = reader->trace;
    struct trace_request request = {
        .at_ns = at_ns, .duration_ns = duration_ns, .row_hash = hash, .session_number = TABLE_NONE};
    FW_TRY(make_room(trace, reader->detail));
    enum fw_err err = table_add(&trace->resources, resource, &request.resource, NULL);
    if (err == FW_OK && session.len > 0) {
        err = table_add(&trace->sessions, session, &request.session_number, NULL);
        request.session = str_hash(session.data, session.len, 0) | 1; /* 0 means none */
    }
    if (err != FW_OK)
        return err_set(
            reader->detail, err, "%s:%llu: more than %d resources or %d sessions, or out of memory",
            reader->file, (unsigned long long)line, TRACE_RESOURCES_MAX, TRACE_SESSIONS_MAX);
    if (trace->count > 0 && at_ns < trace->requests[trace->count - 1].at_ns)
        trace->unsorted++;
    trace->requests[trace->count++] = request;
    return FW_OK;
}

enum fw_err reader_add(struct reader *reader, const struct reader_row *row)
{
    char field[160];
    int64_t at_ns = 0, duration_ns = 0;
    if (!trace_time_parse(row->time, reader->time, &at_ns)) {
        char expected[128];
        snprintf(expected, sizeof expected, "a time as in the first row (%s)",
                 trace_time_words(reader->time));
        snprintf(field, sizeof field, "time (%.*s)",
                 (int)(row->time_column.len < 100 ? row->time_column.len : 100),
                 row->time_column.data);
        return reader_bad(reader, row->line, field, row->time, expected);
    }
    if (row->resource.len == 0 || row->resource.len > TRACE_NAME_MAX) {
        snprintf(field, sizeof field, "resource (%.*s)",
                 (int)(row->resource_column.len < 100 ? row->resource_column.len : 100),
                 row->resource_column.data);
        return reader_bad(reader, row->line, field, row->resource, "a name of 1 to 4096 bytes");
    }
    if (row->duration.len > 0 &&
        !reader_parse_duration(row->duration, row->duration_column, &duration_ns)) {
        snprintf(field, sizeof field, "duration (%.*s)",
                 (int)(row->duration_column.len < 100 ? row->duration_column.len : 100),
                 row->duration_column.data);
        return reader_bad(reader, row->line, field, row->duration,
                          "a duration that is not negative");
    }
    struct str session = row->session.len <= TRACE_NAME_MAX ? row->session : (struct str){NULL, 0};
    return reader_add_parsed(reader, row->line, at_ns, row->resource, session, duration_ns,
                             row->hash);
}

enum fw_err reader_time_style(struct reader *reader, uint64_t line, struct str first,
                              struct str last, struct str column)
{
    if (reader->time == TRACE_TIME_AUTO)
        reader->time = trace_time_guess(first, last, column);
    if (reader->time != TRACE_TIME_AUTO) {
        reader->trace->time = reader->time;
        /* A fraction or a name that ends in _s says seconds; whole small numbers do not. */
        reader->trace->time_assumed =
            reader->options->time == TRACE_TIME_AUTO && reader->time == TRACE_TIME_OFFSET_S &&
            !memchr(first.data, '.', first.len) && !memchr(last.data, '.', last.len) &&
            !str_ends(column, STR("_s"));
        return FW_OK;
    }
    char shown[128];
    describe_found(first, shown);
    return err_set(reader->detail, FW_INPUT,
                   "%s:%llu: time (%.*s): found %s, expected seconds, milliseconds, microseconds "
                   "or nanoseconds, ISO 8601 or "
                   "YYYY-MM-DD HH:MM:SS",
                   reader->file, (unsigned long long)line, STR_ARG(column), shown);
}

bool reader_parse_duration(struct str text, struct str column, int64_t *duration_ns)
{
    double value = 0, unit = 1e9;
    if (str_ends(column, STR("_ms")) || str_ends(column, STR("Ms")))
        unit = 1e6;
    else if (str_ends(column, STR("_us")))
        unit = 1e3;
    else if (str_ends(column, STR("_ns")))
        unit = 1;
    if (!str_to_double(text, &value))
        return time_parse_duration(text, duration_ns) && *duration_ns != TIME_NEVER;
    if (!(value >= 0) || value * unit > 9e18)
        return false;
    *duration_ns = time_from_seconds(value * unit / 1e9);
    return true;
}

bool reader_line(struct str *rest, struct str *line)
{
    if (rest->len == 0)
        return false;
    const char *end = memchr(rest->data, '\n', rest->len);
    size_t len = end ? (size_t)(end - rest->data) : rest->len;
    *line = (struct str){rest->data, len};
    size_t used = end ? len + 1 : len;
    rest->data += used;
    rest->len -= used;
    if (line->len > 0 && line->data[line->len - 1] == '\r')
        line->len--;
    return true;
}

void reader_note(struct reader *reader, const char *field, struct str columns)
{
    char *mapping = reader->trace->mapping;
    size_t len = strlen(mapping), size = sizeof reader->trace->mapping;
    snprintf(mapping + len, size - len, "%s%s=%.*s", len > 0 ? "," : "", field,
             (int)(columns.len < 120 ? columns.len : 120), columns.data);
}

bool reader_is_upkeep(struct str method, struct str path)
{
    static const char *const paths[] = {"/health",          "/healthz",        "/readyz",
                                        "/livez",           "/ready",          "/live",
                                        "/metrics",         "/ping",           "/status",
                                        "/favicon.ico",     "/robots.txt",     "/stub_status",
                                        "/v2/health/ready", "/v2/health/live", "/health/liveliness",
                                        "/health/readiness"};
    if (str_equal(method, STR("OPTIONS")) || str_equal(method, STR("HEAD")))
        return true;
    if (path.len == 0)
        return false;
    const char *query = memchr(path.data, '?', path.len);
    if (query)
        path.len = (size_t)(query - path.data);
    while (path.len > 1 && path.data[path.len - 1] == '/')
        path.len--;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        if (str_equal(path, str_of(paths[i])))
            return true;
    return false;
}
