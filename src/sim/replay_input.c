/* SPDX-License-Identifier: MIT
 * What a replay is told besides the trace: sizes of resources and hints. */
#include "base/csv.h"
#include "sim/replay.h"
#include <stdio.h>
#include <stdlib.h>

enum { HEADER_COLUMNS = 7 };

/* A CSV with a header whose columns are known by name. */
struct input {
    const struct trace *trace;
    const char *name;
    struct fw_detail *detail;
    const char *const *columns; /* wanted names; the first `required` must be there */
    int count, required;
    int at[HEADER_COLUMNS]; /* -1: absent */
    bool header_read;
    enum fw_err (*take)(struct input *input, const struct csv_row *row);
    uint64_t *sizes; /* sizes */
    bool *sized;
    uint64_t other_size;
    uint8_t *spans; /* NULL: not wanted */
    uint8_t other_span;
    bool has_other;
    struct replay_hint *hints; /* hints */
    size_t hint_count, hint_capacity;
    uint64_t unknown;
    bool planned;
    int time;
    struct table sources;
};

static enum fw_err bad_field(const struct input *input, const struct csv_row *row,
                             const char *field, struct str found, const char *expected)
{
    return err_set(input->detail, FW_INPUT, "%s:%llu: %s: found \"%.*s\", expected %s", input->name,
                   (unsigned long long)row->line, field, (int)(found.len < 80 ? found.len : 80),
                   found.data, expected);
}

static enum fw_err take_header(struct input *input, const struct csv_row *row)
{
    input->header_read = true;
    for (int column = 0; column < input->count; column++) {
        input->at[column] = -1;
        for (uint32_t i = 0; i < row->count; i++)
            if (str_equal(str_trim(row->fields[i]), str_of(input->columns[column])))
                input->at[column] = (int)i;
        if (input->at[column] < 0 && column < input->required)
            return bad_field(input, row, "header", row->fields[0], input->columns[column]);
    }
    return FW_OK;
}

static struct str field(const struct input *input, const struct csv_row *row, int column)
{
    int at = input->at[column];
    return at >= 0 && (uint32_t)at < row->count ? str_trim(row->fields[at]) : (struct str){"", 0};
}

static enum fw_err take_row(void *context, const struct csv_row *row)
{
    struct input *input = context;
    return input->header_read ? input->take(input, row) : take_header(input, row);
}

static enum fw_err read_rows(struct input *input, struct str text)
{
    struct csv csv;
    csv_init(&csv, 1 << 16, take_row, input, input->detail);
    csv.skip_empty_lines = true;
    enum fw_err err = csv_feed(&csv, text.data, text.len);
    if (err == FW_OK)
        err = csv_end(&csv);
    csv_fini(&csv);
    return err;
}

static enum fw_err take_size(struct input *input, const struct csv_row *row)
{
    struct str id = field(input, row, 0), memory = field(input, row, 1),
               bytes = field(input, row, 2);
    uint64_t size = 0;
    bool ok = bytes.len > 0 ? str_to_uint64(bytes, &size) : str_to_size(memory, &size);
    if (!ok || size == 0 || size == UINT64_MAX)
        return bad_field(
            input, row, bytes.len > 0 ? "bytes" : "memory", bytes.len > 0 ? bytes : memory,
            bytes.len > 0 ? "a number of bytes greater than 0" : "a size with a unit such as 5GiB");
    struct str text = field(input, row, 3);
    uint64_t span = 1;
    if (text.len > 0 && (!str_to_uint64(text, &span) || span < 1 || span > DEVICES_MAX))
        return bad_field(input, row, "span", text, "1 to 16 devices");
    if (str_equal(id, STR("*"))) {
        input->other_size = size;
        input->other_span = (uint8_t)span;
        input->has_other = true;
        return FW_OK;
    }
    uint32_t number = table_find(&input->trace->resources, id);
    if (number == TABLE_NONE)
        return FW_OK; /* sizes of a whole fleet may be given to a part of its log */
    input->sizes[number] = size;
    if (input->spans)
        input->spans[number] = (uint8_t)span;
    input->sized[number] = true;
    return FW_OK;
}

enum fw_err replay_read_sizes(const struct trace *trace, const char *name, struct str text,
                              uint64_t *sizes, uint8_t *spans, struct fw_detail *detail)
{
    static const char *const columns[] = {"resource", "memory", "bytes", "span"};
    uint32_t count = trace->resources.count;
    struct input input = {.trace = trace,
                          .name = name,
                          .detail = detail,
                          .columns = columns,
                          .count = 4,
                          .required = 1,
                          .spans = spans,
                          .take = take_size,
                          .sizes = sizes,
                          .sized = calloc(count ? count : 1, sizeof(bool))};
    if (!input.sized)
        return FW_NOMEM;
    enum fw_err err = read_rows(&input, text);
    for (uint32_t i = 0; i < count && err == FW_OK; i++) {
        if (input.sized[i])
            continue;
        if (spans)
            spans[i] = input.other_span;
        sizes[i] = input.other_size;
        if (!input.has_other)
            err = err_set(detail, FW_INPUT,
                          "%s: found no size of \"%.*s\", expected a row for it or for *", name,
                          STR_ARG(table_key(&trace->resources, i)));
    }
    free(input.sized);
    return err;
}

static enum fw_err add_hint(struct input *input, const struct replay_hint *hint)
{
    if (input->hint_count == REPLAY_HINTS_MAX)
        return err_set(input->detail, FW_LIMIT, "%s: more than %d hints", input->name,
                       REPLAY_HINTS_MAX);
    if (input->hint_count == input->hint_capacity) {
        size_t capacity = input->hint_capacity ? 2 * input->hint_capacity : 1024;
        struct replay_hint *grown = realloc(input->hints, capacity * sizeof *grown);
        if (!grown)
            return FW_NOMEM;
        input->hints = grown;
        input->hint_capacity = capacity;
    }
    input->hints[input->hint_count++] = *hint;
    return FW_OK;
}

static enum fw_err take_hint(struct input *input, const struct csv_row *row)
{
    struct str time = field(input, row, 0), id = field(input, row, 1),
               probability = field(input, row, 2), eta = field(input, row, 3),
               session = field(input, row, 4), source = field(input, row, 5);
    struct replay_hint hint = {.probability = 1};
    double eta_s = 0;
    if (input->time == TRACE_TIME_AUTO)
        input->time = trace_time_guess(time, (struct str){"", 0}, STR("time"));
    if (!trace_time_parse(time, input->time, &hint.at_ns))
        return bad_field(input, row, "time", time, "a time as in the first row");
    if (probability.len > 0 && (!str_to_double(probability, &hint.probability) ||
                                !(hint.probability >= 0 && hint.probability <= 1)))
        return bad_field(input, row, "probability", probability, "a number from 0 to 1");
    if (eta.len > 0 && (!str_to_double(eta, &eta_s) || !(eta_s >= 0 && eta_s < 1e9)))
        return bad_field(input, row, "eta_s", eta, "seconds from now");
    hint.eta_ns = time_from_seconds(eta_s);
    hint.resource = table_find(&input->trace->resources, id);
    if (hint.resource == TABLE_NONE) {
        input->unknown++;
        return FW_OK;
    }
    if (session.len > 0)
        hint.session = str_hash(session.data, session.len, 0) | 1;
    if (source.len > 0) {
        FW_TRY(table_add(&input->sources, source, &hint.source, NULL));
        hint.source++; /* 0 is unnamed */
    }
    return add_hint(input, &hint);
}

static int compare_hints(const void *a, const void *b)
{
    const struct replay_hint *x = a, *y = b;
    if (x->at_ns != y->at_ns)
        return x->at_ns < y->at_ns ? -1 : 1;
    if (x->resource != y->resource)
        return x->resource < y->resource ? -1 : 1;
    return x->eta_ns < y->eta_ns ? -1 : x->eta_ns > y->eta_ns;
}

enum fw_err replay_read_hints(const struct trace *trace, const char *name, struct str text,
                              struct replay_hint **hints, size_t *count, uint64_t *unknown,
                              struct fw_detail *detail)
{
    static const char *const columns[] = {"time",  "resource", "probability",
                                          "eta_s", "session",  "source"};
    struct input input = {.trace = trace,
                          .name = name,
                          .detail = detail,
                          .columns = columns,
                          .count = 6,
                          .required = 2,
                          .take = take_hint,
                          .time =
                              trace_time_is_offset(trace->time) ? trace->time : TRACE_TIME_AUTO};
    table_init(&input.sources, 1 << 16);
    enum fw_err err = read_rows(&input, text);
    table_fini(&input.sources);
    if (err != FW_OK) {
        free(input.hints);
        return err;
    }
    if (input.hint_count > 0)
        qsort(input.hints, input.hint_count, sizeof *input.hints, compare_hints);
    *hints = input.hints;
    *count = input.hint_count;
    *unknown = input.unknown;
    return FW_OK;
}

/* ---- what is expected ---- */

#define KNOWN_AHEAD_NS (3 * TIME_DAY)
enum { OTHER_SOURCES = 512 };

static enum fw_err take_time(struct input *input, const struct csv_row *row, const char *name,
                             struct str text, int64_t *at_ns)
{
    if (input->time == TRACE_TIME_AUTO)
        input->time = trace_time_guess(text, (struct str){"", 0}, STR("time"));
    if (!trace_time_parse(text, input->time, at_ns))
        return bad_field(input, row, name, text, "a time as in the first row");
    return FW_OK;
}

static enum fw_err add_expected(struct input *input, struct str id, const struct replay_hint *row)
{
    struct replay_hint hint = *row;
    if (!str_equal(id, STR("*"))) {
        hint.resource = table_find(&input->trace->resources, id);
        if (hint.resource != TABLE_NONE)
            return add_hint(input, &hint);
        input->unknown++;
        return FW_OK;
    }
    for (hint.resource = 0; hint.resource < input->trace->resources.count; hint.resource++)
        FW_TRY(add_hint(input, &hint));
    return FW_OK;
}

static enum fw_err take_expected(struct input *input, const struct csv_row *row)
{
    struct str id = field(input, row, 0), start = field(input, row, 1), end = field(input, row, 3),
               requests = field(input, row, 4), source = field(input, row, 5),
               known = field(input, row, 6);
    struct replay_hint hint = {.probability = 1, .planned = input->planned};
    int64_t start_ns, first_ns = input->trace->count > 0 ? input->trace->requests[0].at_ns : 0;
    if (start.len == 0)
        start = field(input, row, 2);
    FW_TRY(take_time(input, row, "start", start, &start_ns));
    int64_t end_ns = time_add(start_ns, TIME_HOUR);
    if (end.len > 0)
        FW_TRY(take_time(input, row, "end", end, &end_ns));
    if (end_ns <= start_ns)
        return bad_field(input, row, "end", end, "an instant after start");
    if (requests.len > 0 && (!str_to_double(requests, &hint.probability) ||
                             !(hint.probability >= 0 && hint.probability <= 1e9)))
        return bad_field(input, row, "expected_requests", requests, "a number from 0 to 1e9");
    hint.at_ns = start_ns - KNOWN_AHEAD_NS > first_ns ? start_ns - KNOWN_AHEAD_NS : first_ns;
    if (known.len > 0)
        FW_TRY(take_time(input, row, "known", known, &hint.at_ns));
    if (hint.at_ns >= end_ns)
        return FW_OK; /* over before anybody knew */
    hint.eta_ns = start_ns > hint.at_ns ? start_ns - hint.at_ns : 0;
    hint.span_ns = end_ns - (start_ns > hint.at_ns ? start_ns : hint.at_ns);
    if (source.len > 0) {
        FW_TRY(table_add(&input->sources, source, &hint.source, NULL));
        hint.source += OTHER_SOURCES; /* the names of hints have their own */
    }
    return add_expected(input, id, &hint);
}

enum fw_err replay_read_expected(const struct trace *trace, const char *name, struct str text,
                                 bool planned, struct replay_hint **hints, size_t *count,
                                 uint64_t *unknown, struct fw_detail *detail)
{
    static const char *const columns[] = {"resource",          "start",  "timestamp", "end",
                                          "expected_requests", "source", "known"};
    struct input input = {.trace = trace,
                          .name = name,
                          .detail = detail,
                          .columns = columns,
                          .count = 7,
                          .required = 1,
                          .take = take_expected,
                          .hints = *hints,
                          .hint_count = *count,
                          .hint_capacity = *count,
                          .planned = planned,
                          .time =
                              trace_time_is_offset(trace->time) ? trace->time : TRACE_TIME_AUTO};
    table_init(&input.sources, 1 << 16);
    enum fw_err err = read_rows(&input, text);
    table_fini(&input.sources);
    if (err == FW_OK && input.hint_count > 0)
        qsort(input.hints, input.hint_count, sizeof *input.hints, compare_hints);
    *hints = input.hints;
    *count = input.hint_count;
    *unknown += input.unknown;
    return err;
}
