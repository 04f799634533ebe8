/* SPDX-License-Identifier: MIT
 * A trace: who asked for what, when. Read from logs as they are found in the field, one reader a
 * format (read_*.c), and brought into one shape: requests in order of time, resources and sessions
 * numbered.
 *
 * Requests need not be sorted in the file (the sort is stable), duplicates are kept and counted. A
 * row that cannot be read stops the run with its place, unless bad rows are skipped; then they are
 * counted. */
#ifndef FOREWARM_SIM_TRACE_H
#define FOREWARM_SIM_TRACE_H

#include "base/err.h"
#include "base/table.h"
#include "base/time.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TRACE_RESOURCES_MAX = 1 << 22,
    TRACE_SESSIONS_MAX = 1 << 26,
    TRACE_ROW_MAX = 1 << 20, /* longest row of a text format, bytes */
    TRACE_COLUMN_PARTS = 8,  /* columns joined into one with "+" */
    TRACE_COLUMNS_TEXT = 1024,
    TRACE_NAME_MAX = 4096, /* a resource's or session's name */
};
#define TRACE_BYTES_MAX ((size_t)1 << 34) /* a file, uncompressed */

/* X(format, name, what it is) */
#define TRACE_FORMATS(X)                                                                           \
    X(TRACE_AUTO, "auto", "found from the content")                                                \
    X(TRACE_ARRIVALS, "arrivals", "CSV with a header: time, resource, session, duration")          \
    X(TRACE_AZURE_LLM, "azure-llm",                                                                \
      "CSV of the Azure LLM traces: TIMESTAMP,ContextTokens,GeneratedTokens")                      \
    X(TRACE_ACCESS_LOG, "access-log",                                                              \
      "nginx or Apache combined log, or JSON lines of nginx, Envoy, LiteLLM")                      \
    X(TRACE_OPENAI_LOG, "openai-log", "JSON lines with a time and a model")                        \
    X(TRACE_MOONCAKE, "mooncake",                                                                  \
      "JSON lines of the Mooncake traces: timestamp in ms, input_length")                          \
    X(TRACE_JOURNAL, "journal", "the journal a forewarm daemon wrote")
enum trace_format {
#define X(format, name, sentence) format,
    TRACE_FORMATS(X)
#undef X
        TRACE_FORMAT_COUNT
};
const char *trace_format_name(int format);
/* NULL-terminated names in the order of the enum, for option rows. */
extern const char *const trace_format_names[];

/* X(style, name, words for people) */
#define TRACE_TIMES(X)                                                                             \
    X(TRACE_TIME_AUTO, "auto", "not found yet")                                                    \
    X(TRACE_TIME_S, "s", "seconds since 1970")                                                     \
    X(TRACE_TIME_MS, "ms", "milliseconds since 1970")                                              \
    X(TRACE_TIME_US, "us", "microseconds since 1970")                                              \
    X(TRACE_TIME_NS, "ns", "nanoseconds since 1970")                                               \
    X(TRACE_TIME_ISO, "iso", "ISO 8601")                                                           \
    X(TRACE_TIME_CIVIL, "civil", "YYYY-MM-DD HH:MM:SS")                                            \
    X(TRACE_TIME_CLF, "clf", "common log format")                                                  \
    X(TRACE_TIME_OFFSET_S, "offset-s", "seconds from the start")                                   \
    X(TRACE_TIME_OFFSET_MS, "offset-ms", "milliseconds from the start")                            \
    X(TRACE_TIME_OFFSET_US, "offset-us", "microseconds from the start")                            \
    X(TRACE_TIME_OFFSET_NS, "offset-ns", "nanoseconds from the start")
enum trace_time {
#define X(style, name, words) style,
    TRACE_TIMES(X)
#undef X
        TRACE_TIME_COUNT
};
const char *trace_time_name(int style);
const char *trace_time_words(int style);
extern const char *const trace_time_names[];

/* Guesses how times are written from two samples (first and last row) and the column's name, whose
 * ending
 * ("_ms", "_s") tells small numbers apart. TRACE_TIME_AUTO when neither sample is a time. */
int trace_time_guess(struct str first, struct str last, struct str column);
FW_MUST_CHECK bool trace_time_parse(struct str text, int style, int64_t *at_ns);
static inline bool trace_time_is_offset(int style)
{
    return style >= TRACE_TIME_OFFSET_S;
}

struct trace_request {
    int64_t at_ns;
    int64_t duration_ns; /* service time, 0 unknown */
    uint64_t session;    /* hash of its name, 0 none */
    uint64_t row_hash;   /* of what stood in the file, to count duplicates */
    uint32_t resource;
    uint32_t session_number; /* TABLE_NONE none */
};

/* What a run of the daemon's journal came to when it was told to a fresh engine again
 * (read_journal.c). */
struct trace_journal {
    bool present;
    uint64_t runs, events, marks; /* marks: hashes the daemon wrote that were found equal */
    uint64_t hash;                /* decision hash at the end */
    bool torn;                    /* the file ends inside a record */
};

struct trace {
    struct table resources, sessions;
    struct trace_request *requests;
    size_t count, capacity;
    int format;          /* enum trace_format of the last file */
    int time;            /* enum trace_time of the last file */
    bool time_assumed;   /* small whole numbers without a unit in the name: seconds were assumed */
    uint64_t rows;       /* read, with those skipped and ignored */
    uint64_t skipped;    /* could not be read */
    uint64_t ignored;    /* read, but not demand: health checks, scrapes, failed calls of nobody */
    uint64_t duplicates; /* equal to an earlier row; kept */
    uint64_t unsorted;   /* earlier than the row before */
    char mapping[512];   /* which columns were used, for people */
    char first_skipped[512];
    struct trace_journal journal;
};

struct trace_options {
    int format; /* enum trace_format */
    int time;   /* enum trace_time */
    bool skip_bad_rows;
    char columns[TRACE_COLUMNS_TEXT]; /* "time=C,resource=C+D,session=C,duration=C"; "" defaults */
};

void trace_init(struct trace *trace);
void trace_fini(struct trace *trace);
/* Reads one file after the other ("-": standard input; gzip is found by its content), then sorts.
 */
FW_MUST_CHECK enum fw_err trace_read(struct trace *trace, const char *const *paths, size_t count,
                                     const struct trace_options *options, struct fw_detail *detail);
/* The same from memory; `name` is for messages. What the fuzzer calls. Does not sort: trace_finish
 * does. */
FW_MUST_CHECK enum fw_err trace_read_memory(struct trace *trace, const char *name, struct str text,
                                            const struct trace_options *options,
                                            struct fw_detail *detail);
FW_MUST_CHECK enum fw_err trace_finish(struct trace *trace, struct fw_detail *detail);
/* A file, unzipped, in pieces; "-" is standard input. What `feed` returns ends the reading. */
typedef enum fw_err trace_feed_fn(void *context, const char *data, size_t len);
FW_MUST_CHECK enum fw_err trace_feed_file(const char *path, trace_feed_fn *feed, void *context,
                                          struct fw_detail *detail);
/* A whole file, unzipped, into `out`. */
struct buf;
FW_MUST_CHECK enum fw_err trace_load_file(const char *path, struct buf *out,
                                          struct fw_detail *detail);

#endif
