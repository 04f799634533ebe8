/* SPDX-License-Identifier: MIT */
#include "cli/detect_follow.h"
#include "base/json.h"
#include "base/time.h"
#include "cli/series_read_part.h"
#include "forecast/detect_stream.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    FIRST_ROWS = 12,       /* seen before the step is taken from them */
    GAP_ROWS_MAX = 100000, /* what is longer is a wrong time */
    TOLD_MAX = 5,          /* bad rows told one by one */
    REST_MIN = 3,
    CHUNK_BYTES = 1 << 16,
    COLUMNS = 4,
    AT_TOKENS = 1,
    AT_SHARE,
    AT_CALLERS,
};

struct first_row {
    int64_t at_ns;
    struct detect_stream_row row;
};

struct following {
    const struct detect_follow *how;
    struct fw_detail *detail;
    struct csv csv;
    struct series_rows rows; /* row 0 the first one; what comes is row 1 */
    uint32_t at[COLUMNS];    /* place of each column among those read; 0: there is none */
    struct first_row first[FIRST_ROWS];
    uint32_t first_count;
    struct detect_stream *stream;    /* NULL: the step is not known yet */
    int64_t start_ns, step_ns, next; /* slot */
    uint64_t read, events, bad, late;
    struct buf line;
};

/* ---- telling ---- */

static void put_csv(struct following *following, const struct detect_event *event, const char *time,
                    double value)
{
    struct buf *out = &following->line;
    char text[STR_NUMBER_MAX];
    buf_printf(out, "%s,%s,", time, str_from_double(value, text));
    buf_printf(out, "%s,1,", str_from_fixed(event->score, 6, text));
    csv_write(out, str_of(event_class_name(following->how->classes, event->class)));
    buf_printf(out, ",%s,",
               event->growth ? "growth" : anomaly_method_name(following->how->anomaly.method));
    buf_printf(out, "%s,%llu,", str_from_fixed(event->p, 6, text),
               (unsigned long long)following->events);
    buf_printf(out, "%s,", str_from_fixed(event->probability, 3, text));
    csv_write(out, str_of(event->reason));
    buf_add_char(out, '\n');
}

static void put_json(struct following *following, const struct detect_event *event,
                     const char *time, double value)
{
    const struct series *series = detect_stream_series(following->stream);
    char begin[TIME_TEXT_MAX];
    struct json json;
    json_init(&json, &following->line, false);
    json_object(&json);
    json_key_uint(&json, "event", following->events);
    json_key_text(&json, "at", time);
    json_key_double(&json, "value", value);
    json_key_text(&json, "begin", time_format_iso(series_at_ns(series, event->shape.begin), begin));
    json_key_text(&json, "class", event_class_name(following->how->classes, event->class));
    json_key_fixed(&json, "probability", event->probability, 4);
    json_key_text(&json, "reason", event->reason);
    json_key_fixed(&json, "score", event->score, 6);
    json_key_fixed(&json, "p_value", event->p, 6);
    json_key_text(&json, "method",
                  event->growth ? "growth" : anomaly_method_name(following->how->anomaly.method));
    for (int i = 0; i < EVENT_FEATURES; i++)
        json_key_double(&json, event_feature_names[i], event->seen.feature[i]);
    json_key_text(&json, "planned", event->seen.planned ? event->seen.planned->name : NULL);
    json_object_end(&json);
    buf_add_char(&following->line, '\n');
}

static enum fw_err flush(struct following *following)
{
    struct str line = buf_str(&following->line);
    if (following->line.failed)
        return FW_NOMEM;
    bool written = fwrite(line.data, 1, line.len, stdout) == line.len && fflush(stdout) == 0;
    buf_clear(&following->line);
    return written ? FW_OK
                   : err_set(following->detail, FW_IO, "standard output: %s", strerror(errno));
}

static enum fw_err tell(struct following *following, const struct detect_event *event)
{
    const struct series *series = detect_stream_series(following->stream);
    char time[TIME_TEXT_MAX];
    double value = series->value[event->alert];
    following->events++;
    time_format_iso(series_at_ns(series, event->alert), time);
    if (following->how->json)
        put_json(following, event, time, value);
    else
        put_csv(following, event, time, value);
    return flush(following);
}

/* ---- rows to slots ---- */

static enum fw_err begin(struct following *following, int64_t start_ns, int64_t step_ns)
{
    const struct detect_follow *how = following->how;
    struct detect_stream_settings settings = {.anomaly = how->anomaly,
                                              .start_ns = start_ns,
                                              .step_ns = step_ns,
                                              .tokens = following->at[AT_TOKENS] > 0,
                                              .share = following->at[AT_SHARE] > 0,
                                              .callers = following->at[AT_CALLERS] > 0,
                                              .calendar = how->calendar,
                                              .classes = how->classes};
    char step[TIME_TEXT_MAX];
    uint32_t learn = settings.anomaly.learn_rows;
    uint64_t half_day = (uint64_t)(TIME_DAY / 2 / step_ns);
    uint64_t rest = half_day < learn / 4 ? half_day : learn / 4;
    settings.anomaly.day_rows = event_shape_day_rows(step_ns);
    if (settings.anomaly.refractory_rows == 0)
        settings.anomaly.refractory_rows = rest < REST_MIN ? REST_MIN : (uint32_t)rest;
    following->start_ns = start_ns;
    following->step_ns = step_ns;
    if (!how->quiet)
        fprintf(stderr, "following \"%.60s\", a row every %s%s; silent for the first %u rows\n",
                following->rows.names[following->rows.columns[0].at].data,
                time_format_duration(step_ns, step),
                how->reading.every_ns == 0 ? " (found from the first rows)" : "", learn);
    return detect_stream_create(&following->stream, &settings);
}

static enum fw_err step(struct following *following, const struct detect_stream_row *row)
{
    const struct detect_event *event;
    following->next++;
    FW_TRY(detect_stream_step(following->stream, row, &event));
    return event != NULL ? tell(following, event) : FW_OK;
}

/* Into the slot it is nearest to; slots without a row are holes. */
static enum fw_err place(struct following *following, int64_t at_ns,
                         const struct detect_stream_row *row)
{
    static const struct detect_stream_row hole = {NAN, NAN, NAN, NAN};
    int64_t since_ns = time_between(following->start_ns, at_ns);
    int64_t slot = since_ns / following->step_ns;
    slot += since_ns % following->step_ns >= following->step_ns - following->step_ns / 2;
    if (slot < following->next || since_ns < 0) {
        following->late++;
        return FW_OK;
    }
    if (slot - following->next > GAP_ROWS_MAX) {
        char time[TIME_TEXT_MAX];
        return err_set(following->detail, FW_INPUT,
                       "%s:%llu: column \"%.60s\": found %s, more than %d steps behind the row "
                       "before",
                       following->rows.file, (unsigned long long)following->rows.last_line,
                       following->rows.names[following->rows.time_at].data,
                       time_format_iso(at_ns, time), (int)GAP_ROWS_MAX);
    }
    while (following->next < slot)
        FW_TRY(step(following, &hole));
    return step(following, row);
}

/* The step of the first rows, which may come in any order. */
static enum fw_err begin_with_first(struct following *following)
{
    int64_t at_ns[FIRST_ROWS];
    size_t count = 0;
    for (uint32_t i = 0; i < following->first_count; i++) {
        size_t k = count;
        while (k > 0 && at_ns[k - 1] > following->first[i].at_ns)
            k--;
        if (k > 0 && at_ns[k - 1] == following->first[i].at_ns)
            continue;
        memmove(at_ns + k + 1, at_ns + k, (count - k) * sizeof *at_ns);
        at_ns[k] = following->first[i].at_ns;
        count++;
    }
    int64_t step_ns = count > 1 ? series_infer_step_ns(at_ns, count) : 0;
    if (step_ns <= 0)
        return err_set(following->detail, FW_INPUT,
                       "%s: found %zu different times in the first rows and no common step between "
                       "them, expected --every DUR",
                       following->rows.file, count);
    FW_TRY(begin(following, at_ns[0], step_ns));
    for (size_t k = 0; k < count; k++)
        for (uint32_t i = 0; i < following->first_count; i++)
            if (following->first[i].at_ns == at_ns[k])
                FW_TRY(place(following, at_ns[k], &following->first[i].row));
    return FW_OK;
}

static enum fw_err take(struct following *following, int64_t at_ns,
                        const struct detect_stream_row *row)
{
    following->read++;
    if (following->stream != NULL)
        return place(following, at_ns, row);
    if (following->how->reading.every_ns > 0) {
        FW_TRY(begin(following, at_ns, following->how->reading.every_ns));
        return place(following, at_ns, row);
    }
    following->first[following->first_count++] = (struct first_row){at_ns, *row};
    return following->first_count == FIRST_ROWS ? begin_with_first(following) : FW_OK;
}

/* ---- reading ---- */

static void find_columns(struct following *following)
{
    static const struct {
        const char *name;
        int column;
    } known[] = {{"avg_tokens_per_request", AT_TOKENS},
                 {"tokens_per_request", AT_TOKENS},
                 {"caller_concentration", AT_SHARE},
                 {"distinct_callers", AT_CALLERS}};
    const struct series_rows *rows = &following->rows;
    for (uint32_t i = 1; i < rows->column_count; i++)
        for (size_t k = 0; k < sizeof known / sizeof *known; k++)
            if (str_equal_nocase(rows->names[rows->columns[i].at], str_of(known[k].name)) &&
                following->at[known[k].column] == 0)
                following->at[known[k].column] = i;
}

static double value_of(const struct following *following, int column, size_t row)
{
    uint32_t at = following->at[column];
    return at > 0 && !following->rows.columns[at].text ? following->rows.columns[at].values[row]
                                                       : NAN;
}

static enum fw_err take_row(void *context, const struct csv_row *row)
{
    struct following *following = context;
    struct series_rows *rows = &following->rows;
    bool header = rows->width == 0;
    size_t at = rows->count;
    enum fw_err err = series_read_row(rows, row);
    if (err == FW_OK && !header) {
        if (at == 0)
            find_columns(following);
        struct detect_stream_row values = {
            rows->columns[0].values[at], value_of(following, AT_TOKENS, at),
            value_of(following, AT_SHARE, at), value_of(following, AT_CALLERS, at)};
        rows->count = 1;
        err = take(following, rows->at_ns[at], &values);
    }
    if (err != FW_INPUT || header || !following->how->skip_bad_rows)
        return err;
    if (following->bad++ < TOLD_MAX && !following->how->quiet)
        fprintf(stderr, "left out: %s\n", following->detail->text);
    following->detail->text[0] = '\0';
    return FW_OK;
}

static enum fw_err read_on(struct following *following, int file)
{
    char chunk[CHUNK_BYTES];
    for (;;) {
        ssize_t len = read(file, chunk, sizeof chunk);
        if (len < 0 && errno == EINTR)
            continue;
        if (len < 0)
            return err_set(following->detail, FW_IO, "%s: %s", following->rows.file,
                           strerror(errno));
        if (len == 0)
            return csv_end(&following->csv);
        FW_TRY(csv_feed(&following->csv, chunk, (size_t)len));
    }
}

static enum fw_err finish(struct following *following)
{
    if (following->rows.width == 0)
        return err_set(following->detail, FW_INPUT,
                       "%s: the input is empty, expected a header such as timestamp,value and rows",
                       following->rows.file);
    if (following->stream == NULL && following->first_count > 0)
        FW_TRY(begin_with_first(following));
    if (!following->how->quiet)
        fprintf(stderr, "%llu rows, %llu event%s; %llu rows left out, %llu came late or twice\n",
                (unsigned long long)following->read, (unsigned long long)following->events,
                following->events == 1 ? "" : "s", (unsigned long long)following->bad,
                (unsigned long long)following->late);
    return FW_OK;
}

enum fw_err detect_follow(const struct detect_follow *how, struct fw_detail *detail)
{
    bool standard = strcmp(how->path, "-") == 0;
    int file = standard ? STDIN_FILENO : open(how->path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return err_set(detail, errno == ENOENT ? FW_NOT_FOUND : FW_IO, "%s: %s", how->path,
                       strerror(errno));
    struct following *following = calloc(1, sizeof *following);
    enum fw_err err = following != NULL ? FW_OK : FW_NOMEM;
    if (err == FW_OK) {
        following->how = how;
        following->detail = detail;
        following->rows.file = standard ? "standard input" : how->path;
        following->rows.options = &how->reading;
        following->rows.detail = detail;
        buf_init(&following->line, 1 << 20);
        csv_init(&following->csv, SERIES_READ_ROW_BYTES_MAX, take_row, following, detail);
        following->csv.file = following->rows.file;
        if (!how->json) {
            buf_add_text(&following->line, "timestamp,value,score,is_anomaly,class,method,p_value,"
                                           "event,probability,reason\n");
            err = flush(following);
        }
        if (err == FW_OK)
            err = read_on(following, file);
        if (err == FW_OK)
            err = finish(following);
        detect_stream_destroy(&following->stream);
        csv_fini(&following->csv);
        series_rows_fini(&following->rows);
        buf_fini(&following->line);
    }
    free(following);
    if (!standard)
        (void)close(file);
    return err;
}
