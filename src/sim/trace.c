/* SPDX-License-Identifier: MIT */
#include "sim/trace.h"
#include "base/buf.h"
#include "base/stats.h"
#include "core/journal.h"
#include "sim/reader.h"
#include <stdio.h>
#include <stdlib.h>

typedef enum fw_err read_fn(struct reader *reader, struct str text);

static read_fn *const readers[TRACE_FORMAT_COUNT] = {
    [TRACE_ARRIVALS] = read_arrivals, [TRACE_AZURE_LLM] = read_azure,
    [TRACE_ACCESS_LOG] = read_access, [TRACE_OPENAI_LOG] = read_openai,
    [TRACE_MOONCAKE] = read_mooncake, [TRACE_JOURNAL] = read_journal,
};

const char *const trace_format_names[] = {
#define X(format, name, sentence) name,
    TRACE_FORMATS(X)
#undef X
        NULL};

const char *trace_format_name(int format)
{
    return format >= 0 && format < TRACE_FORMAT_COUNT ? trace_format_names[format] : "?";
}

void trace_init(struct trace *trace)
{
    *trace = (struct trace){0};
    table_init(&trace->resources, TRACE_RESOURCES_MAX);
    table_init(&trace->sessions, TRACE_SESSIONS_MAX);
}

void trace_fini(struct trace *trace)
{
    table_fini(&trace->resources);
    table_fini(&trace->sessions);
    free(trace->requests);
    *trace = (struct trace){0};
}

/* The first line that is not blank. */
static struct str first_line(struct str text)
{
    struct str line = {NULL, 0};
    while (reader_line(&text, &line))
        if (str_trim(line).len > 0)
            return str_trim(line);
    return (struct str){"", 0};
}

static int detect_format(struct str text)
{
    struct buf header;
    buf_init(&header, 64);
    journal_put_header(&header);
    bool journal = header.len >= 8 && text.len >= 8 && memcmp(text.data, header.data, 8) == 0;
    buf_fini(&header);
    if (journal)
        return TRACE_JOURNAL;
    struct str line = first_line(text);
    if (line.len > 0 && line.data[0] == '{')
        return read_json_detect(line);
    if (str_starts(line, STR("TIMESTAMP,ContextTokens,GeneratedTokens")))
        return TRACE_AZURE_LLM;
    if (read_access_detect(line))
        return TRACE_ACCESS_LOG;
    return memchr(line.data, ',', line.len) ? TRACE_ARRIVALS : TRACE_AUTO;
}

/* A byte order mark says nothing; editors on Windows write it. */
static struct str without_mark(struct str text)
{
    if (str_starts(text, STR("\xEF\xBB\xBF")))
        return (struct str){text.data + 3, text.len - 3};
    return text;
}

enum fw_err trace_read_memory(struct trace *trace, const char *name, struct str text,
                              const struct trace_options *options, struct fw_detail *detail)
{
    text = without_mark(text);
    if (text.len == 0)
        return err_set(detail, FW_INPUT, "%s: the file is empty, expected a trace", name);
    int format = options->format != TRACE_AUTO ? options->format : detect_format(text);
    if (format == TRACE_AUTO)
        return err_set(detail, FW_INPUT,
                       "%s:1: found neither a CSV header, an access log line, a JSON line with a "
                       "time nor a journal; name it "
                       "with --format",
                       name);
    struct reader reader;
    enum fw_err err = reader_init(&reader, trace, name, options, detail);
    trace->format = format;
    if (err == FW_OK)
        err = readers[format](&reader, text);
    reader_fini(&reader);
    return err;
}

/* Stable: merges runs bottom-up through one second array. */
static enum fw_err sort_requests(struct trace *trace, struct fw_detail *detail)
{
    size_t n = trace->count;
    struct trace_request *from = trace->requests, *to = malloc((n ? n : 1) * sizeof *to);
    if (!to)
        return err_set(detail, FW_NOMEM, "no memory to sort %zu requests", n);
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t left = 0; left < n; left += 2 * width) {
            size_t middle = left + width < n ? left + width : n;
            size_t right = left + 2 * width < n ? left + 2 * width : n;
            size_t i = left, j = middle;
            for (size_t k = left; k < right; k++)
                to[k] = i < middle && (j >= right || from[i].at_ns <= from[j].at_ns) ? from[i++]
                                                                                     : from[j++];
        }
        struct trace_request *swap = from;
        from = to;
        to = swap;
    }
    free(to);
    trace->requests = from;
    trace->capacity = n;
    return FW_OK;
}

static enum fw_err count_duplicates(struct trace *trace, struct fw_detail *detail)
{
    trace->duplicates = 0;
    int64_t *hashes = malloc((trace->count ? trace->count : 1) * sizeof *hashes);
    if (!hashes)
        return err_set(detail, FW_NOMEM, "no memory for %zu hashes", trace->count);
    for (size_t i = 0; i < trace->count; i++)
        hashes[i] = (int64_t)trace->requests[i].row_hash;
    stats_sort_int64(hashes, trace->count);
    for (size_t i = 1; i < trace->count; i++)
        trace->duplicates += hashes[i] == hashes[i - 1];
    free(hashes);
    return FW_OK;
}

enum fw_err trace_finish(struct trace *trace, struct fw_detail *detail)
{
    FW_TRY(count_duplicates(trace, detail));
    bool sorted = true;
    for (size_t i = 1; i < trace->count && sorted; i++)
        sorted = trace->requests[i - 1].at_ns <= trace->requests[i].at_ns;
    return sorted ? FW_OK : sort_requests(trace, detail);
}

enum fw_err trace_read(struct trace *trace, const char *const *paths, size_t count,
                       const struct trace_options *options, struct fw_detail *detail)
{
    for (size_t i = 0; i < count; i++) {
        struct buf text;
        buf_init(&text, TRACE_BYTES_MAX);
        const char *name = strcmp(paths[i], "-") == 0 ? "standard input" : paths[i];
        enum fw_err err = trace_load_file(paths[i], &text, detail);
        if (err == FW_OK)
            err = trace_read_memory(trace, name, buf_str(&text), options, detail);
        buf_fini(&text);
        FW_TRY(err);
    }
    if (trace->count == 0)
        return err_set(detail, FW_INPUT,
                       "%s: no request in it (%llu rows, %llu skipped, %llu not demand)",
                       count > 0 ? paths[0] : "trace", (unsigned long long)trace->rows,
                       (unsigned long long)trace->skipped, (unsigned long long)trace->ignored);
    return trace_finish(trace, detail);
}
