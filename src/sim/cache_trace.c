/* SPDX-License-Identifier: MIT */
#include "sim/cache_trace_part.h"
#include "base/csv.h"
#include "base/grow.h"
#include "base/prng.h"
#include "sim/reader.h"
#include <stdlib.h>

enum { FIELD_KEY, FIELD_BYTES, FIELD_TIME, FIELD_COUNT, COLUMN_NONE = -1, ALIASES = 10 };
#define BYTES_MAX (UINT64_C(1) << 50)

static const char *const aliases[FIELD_COUNT][ALIASES] = {
    [FIELD_KEY] = {"lbn", "lba", "block", "key", "id", "obj_id"},
    [FIELD_BYTES] = {"size", "bytes", "obj_size"},
    [FIELD_TIME] = {"time", "time_s", "time_ms", "time_us", "time_ns", "timestamp", "t_s"},
};

struct rows {
    struct cache_trace_reader reader;
    bool header_read;
    uint32_t width;
    int columns[FIELD_COUNT];
    struct str time_name;
    char time_text[32];
};

void cache_trace_init(struct cache_trace *trace)
{
    *trace = (struct cache_trace){0};
}

void cache_trace_fini(struct cache_trace *trace)
{
    free(trace->requests);
    *trace = (struct cache_trace){0};
}

enum fw_err cache_trace_add(const struct cache_trace_reader *reader,
                            const struct cache_request *request)
{
    struct cache_trace *trace = reader->trace;
    if (trace->count == trace->capacity) {
        if (trace->count == CACHE_TRACE_REQUESTS_MAX)
            return err_set(reader->detail, FW_LIMIT, "%s: more than %d requests", reader->file,
                           (int)CACHE_TRACE_REQUESTS_MAX);
        uint64_t capacity =
            grow_capacity(trace->capacity, trace->count + 1, CACHE_TRACE_REQUESTS_MAX);
        struct cache_request *more = realloc(trace->requests, (size_t)capacity * sizeof *more);
        if (!more)
            return FW_NOMEM;
        trace->requests = more;
        trace->capacity = (size_t)capacity;
    }
    trace->requests[trace->count++] = *request;
    return FW_OK;
}

static bool parse_key(struct str text, uint64_t *key)
{
    int64_t value;
    if (!str_to_int64(text, &value))
        return str_to_uint64(text, key);
    *key = (uint64_t)value;
    return true;
}

enum fw_err cache_trace_bad(const struct cache_trace_reader *reader, uint64_t line,
                            const char *field, struct str found, const char *expected)
{
    char shown[61] = "";
    for (size_t i = 0; i < found.len && i < sizeof shown - 1; i++) {
        /* a NUL would end the message, others do things to terminals */
        bool plain = (unsigned char)found.data[i] >= ' ' && found.data[i] != 127;
        shown[i] = plain ? found.data[i] : '?';
    }
    return err_set(reader->detail, FW_INPUT, "%s:%llu: %s: found \"%s\", expected %s", reader->file,
                   (unsigned long long)line, field, shown, expected);
}

static enum fw_err take_header(struct rows *rows, const struct csv_row *row)
{
    rows->header_read = true;
    rows->width = row->count;
    for (int field = 0; field < FIELD_COUNT; field++) {
        rows->columns[field] = COLUMN_NONE;
        for (int i = 0; i < ALIASES && aliases[field][i]; i++)
            for (uint32_t at = 0; at < row->count && rows->columns[field] == COLUMN_NONE; at++)
                if (str_equal(str_trim(row->fields[at]), str_of(aliases[field][i]))) {
                    rows->columns[field] = (int)at;
                    if (field == FIELD_TIME)
                        rows->time_name = str_of(aliases[field][i]);
                }
    }
    if (rows->columns[FIELD_KEY] == COLUMN_NONE)
        return cache_trace_bad(
            &rows->reader, row->line, "header", str_trim(row->fields[0]),
            "whole numbers, one a line, or a header with one of the columns lbn, lba, "
            "block, key, id, obj_id");
    rows->reader.trace->sized = rows->columns[FIELD_BYTES] != COLUMN_NONE;
    rows->reader.trace->timed = rows->columns[FIELD_TIME] != COLUMN_NONE;
    return FW_OK;
}

static enum fw_err take_row(void *context, const struct csv_row *row)
{
    struct rows *rows = context;
    if (!rows->header_read)
        return take_header(rows, row);
    if (row->count != rows->width)
        return err_set(rows->reader.detail, FW_INPUT,
                       "%s:%llu: found %u fields, expected %u as in the header", rows->reader.file,
                       (unsigned long long)row->line, row->count, rows->width);
    struct cache_request request = {.bytes = 1};
    struct str text = str_trim(row->fields[rows->columns[FIELD_KEY]]);
    if (!parse_key(text, &request.key))
        return cache_trace_bad(&rows->reader, row->line, "key", text, "a whole number");
    if (rows->reader.trace->sized) {
        text = str_trim(row->fields[rows->columns[FIELD_BYTES]]);
        if (!str_to_uint64(text, &request.bytes) || request.bytes > BYTES_MAX)
            return cache_trace_bad(&rows->reader, row->line, "size", text,
                                   "a whole number of bytes up to 2^50");
    }
    if (rows->reader.trace->timed) {
        text = str_trim(row->fields[rows->columns[FIELD_TIME]]);
        if (!reader_parse_duration(text, rows->time_name, &request.at_ns) ||
            request.at_ns > CACHE_TRACE_INSTANT_MAX)
            return cache_trace_bad(&rows->reader, row->line, "time", text,
                                   "a number, 0 to 73 years");
    }
    return cache_trace_add(&rows->reader, &request);
}

static enum fw_err read_rows(struct rows *rows, struct str text)
{
    struct csv csv;
    csv_init(&csv, TRACE_ROW_MAX, take_row, rows, rows->reader.detail);
    csv.file = rows->reader.file;
    enum fw_err err = csv_feed(&csv, text.data, text.len);
    if (err == FW_OK)
        err = csv_end(&csv);
    csv_fini(&csv);
    return err;
}

static enum fw_err read_lines(struct rows *rows, struct str text)
{
    struct str line;
    for (uint64_t number = 1; reader_line(&text, &line); number++) {
        struct cache_request request = {.bytes = 1};
        line = str_trim(line);
        if (line.len == 0)
            continue;
        if (str_equal(line, STR("*"))) {
            rows->reader.trace->marks++;
            continue;
        }
        if (!parse_key(line, &request.key))
            return cache_trace_bad(&rows->reader, number, "key", line, "a whole number");
        FW_TRY(cache_trace_add(&rows->reader, &request));
    }
    return FW_OK;
}

static void set_times(struct cache_trace *trace, int64_t interval_ns)
{
    struct cache_request *requests = trace->requests;
    for (size_t i = 0; i < trace->count && !trace->timed; i++)
        requests[i].at_ns = (int64_t)i * interval_ns;
    for (size_t i = 1; i < trace->count && trace->timed; i++)
        if (requests[i].at_ns < requests[i - 1].at_ns)
            requests[i].at_ns = requests[i - 1].at_ns;
    for (size_t from = 0, to; trace->timed && from < trace->count; from = to) {
        for (to = from + 1; to < trace->count && requests[to].at_ns == requests[from].at_ns;)
            to++;
        int64_t span_ns = to < trace->count ? requests[to].at_ns - requests[from].at_ns : 0;
        for (size_t i = from + 1; i < to; i++)
            requests[i].at_ns +=
                (int64_t)((double)span_ns * (double)(i - from) / (double)(to - from));
    }
}

static enum fw_err count_keys(struct cache_trace *trace)
{
    struct map64 seen;
    map64_init(&seen, trace->count);
    enum fw_err err = FW_OK;
    uint64_t first = trace->requests[0].key;
    trace->renumbered = first <= 1;
    for (size_t i = 0; i < trace->count && err == FW_OK; i++) {
        const struct cache_request *request = &trace->requests[i];
        uint64_t before;
        if (request->bytes > trace->largest)
            trace->largest = request->bytes;
        if (map64_get(&seen, request->key, &before))
            continue;
        err = map64_set(&seen, request->key, 1);
        trace->renumbered &= request->key == first + trace->keys;
        trace->keys++;
        trace->keys_bytes += request->bytes;
    }
    map64_fini(&seen);
    return err;
}

static bool is_list(struct str text)
{
    struct str line;
    uint64_t key;
    while (reader_line(&text, &line)) {
        line = str_trim(line);
        if (line.len > 0)
            return str_equal(line, STR("*")) || parse_key(line, &key);
    }
    return true;
}

enum fw_err cache_trace_read_memory(struct cache_trace *trace, const char *name, struct str text,
                                    int64_t interval_ns, struct fw_detail *detail)
{
    struct rows rows = {.reader = {trace, name, detail}};
    if (str_trim(text).len > 0 && str_trim(text).data[0] == '{')
        FW_TRY(cache_trace_read_prefixes(&rows.reader, text));
    else
        FW_TRY(is_list(text) ? read_lines(&rows, text) : read_rows(&rows, text));
    if (trace->count == 0)
        return err_set(detail, FW_INPUT,
                       "%s: found no requests, expected whole numbers, one a line", name);
    if (!trace->timed && interval_ns > CACHE_TRACE_INSTANT_MAX / (int64_t)trace->count)
        return err_set(detail, FW_USAGE,
                       "--interval: so many requests (%zu) so far apart end after 73 years",
                       trace->count);
    set_times(trace, interval_ns);
    return count_keys(trace);
}

enum fw_err cache_trace_read(struct cache_trace *trace, const char *path, int64_t interval_ns,
                             struct fw_detail *detail)
{
    struct buf text;
    buf_init(&text, TRACE_BYTES_MAX);
    enum fw_err err = trace_load_file(path, &text, detail);
    if (err == FW_OK)
        err = cache_trace_read_memory(trace, path, buf_str(&text), interval_ns, detail);
    buf_fini(&text);
    return err;
}

void cache_trace_scramble(struct cache_trace *trace)
{
    for (size_t i = 0; i < trace->count; i++)
        trace->requests[i].key = prng_scramble(trace->requests[i].key + PRNG_GOLDEN);
    trace->renumbered = false;
}
