/* SPDX-License-Identifier: MIT */
#include "cli/eval_events.h"
#include "base/check.h"
#include "base/csv.h"
#include "base/grow.h"
#include "sim/trace.h"
#include <stdlib.h>

enum field { ITEM, USER, SESSION, TIME, FIELDS };
static const char *const field_names[FIELDS] = {"item", "user", "session", "time"};
enum { ROW_MAX = 1 << 20, ABSENT = -1 };

struct row {
    uint32_t item, user, session; /* as named in the file */
    uint32_t number;              /* of the row: equal times stay in order */
    int64_t at_ns;
};
struct read {
    struct eval_sessions *sessions;
    const struct eval_columns *columns;
    const char *name;
    struct fw_detail *detail;
    int at[FIELDS]; /* column of each, or ABSENT */
    bool has_header;
    int time_style;
    struct table session_names;
    struct row *rows;
    size_t count, capacity;
};

/* ---- which column is what ---- */

static int column_of(const struct csv_row *header, struct str name)
{
    for (uint32_t i = 0; i < header->count; i++)
        if (str_equal(header->fields[i], name))
            return (int)i;
    return ABSENT;
}

static enum fw_err map_one(struct read *read, const struct csv_row *header, struct str mapping)
{
    struct str field, column = mapping;
    (void)str_cut(&column, '=', &field);
    int which = 0;
    while (which < FIELDS && !str_equal(field, str_of(field_names[which])))
        which++;
    if (which == FIELDS || !column.data || column.len == 0)
        return err_set(read->detail, FW_USAGE,
                       "--columns: found \"%.*s\", expected item=, user=, session= or time= and "
                       "a column's name",
                       STR_ARG(mapping));
    read->at[which] = column_of(header, column);
    if (read->at[which] == ABSENT)
        return err_set(read->detail, FW_INPUT, "%s:%llu: found no column \"%.*s\" for %s",
                       read->name, (unsigned long long)header->line, STR_ARG(column),
                       field_names[which]);
    return FW_OK;
}

static enum fw_err map_columns(struct read *read, const struct csv_row *header)
{
    struct str rest = str_of(read->columns->text), mapping;
    for (int i = 0; i < FIELDS; i++)
        read->at[i] = ABSENT;
    while (str_cut(&rest, ',', &mapping))
        FW_TRY(map_one(read, header, mapping));
    if (read->at[ITEM] == ABSENT || (read->at[USER] == ABSENT && read->at[SESSION] == ABSENT))
        return err_set(read->detail, FW_USAGE,
                       "--columns: found \"%s\", expected item= and one of user= and session=",
                       read->columns->text);
    read->has_header = true;
    return FW_OK;
}

/* ---- rows ---- */

static enum fw_err bad(struct read *read, uint64_t line, int field, struct str found,
                       const char *expected)
{
    if (read->columns->skip_bad_rows) {
        read->sessions->skipped++;
        return FW_OK;
    }
    int shown = found.len < 60 ? (int)found.len : 60;
    return err_set(read->detail, FW_INPUT, "%s:%llu: %s: found \"%.*s\", expected %s", read->name,
                   (unsigned long long)line, field_names[field], shown, found.data, expected);
}

static enum fw_err parse_time(struct read *read, const struct csv_row *row, struct row *out,
                              bool *good)
{
    struct str text = row->fields[read->at[TIME]];
    if (read->time_style == TRACE_TIME_AUTO)
        read->time_style = trace_time_guess(text, text, STR(""));
    *good = read->time_style != TRACE_TIME_AUTO &&
            trace_time_parse(text, read->time_style, &out->at_ns);
    return *good ? FW_OK : bad(read, row->line, TIME, text, "a time, written as in the first row");
}

static enum fw_err add_row(void *context, const struct csv_row *row)
{
    struct read *read = context;
    struct row out = {0};
    if (!read->has_header)
        return map_columns(read, row);
    for (int i = 0; i < FIELDS; i++) {
        if (read->at[i] == ABSENT)
            continue;
        if ((uint32_t)read->at[i] >= row->count)
            return bad(read, row->line, i, STR(""), "a row with as many fields as the header");
        if (row->fields[read->at[i]].len == 0)
            return bad(read, row->line, i, STR(""), "something");
    }
    bool good = true;
    if (read->at[TIME] != ABSENT)
        FW_TRY(parse_time(read, row, &out, &good));
    if (!good)
        return FW_OK;
    enum fw_err err = eval_sessions_word(read->sessions, row->fields[read->at[ITEM]], read->name,
                                         (size_t)row->line, &out.item, read->detail);
    if (err == FW_INPUT && read->columns->skip_bad_rows) {
        read->sessions->skipped++;
        return FW_OK;
    }
    FW_TRY(err);
    int user = read->at[USER] == ABSENT ? SESSION : USER;
    int session = read->at[SESSION] == ABSENT ? USER : SESSION;
    FW_TRY(table_add(&read->sessions->users, row->fields[read->at[user]], &out.user, NULL));
    FW_TRY(table_add(&read->session_names, row->fields[read->at[session]], &out.session, NULL));
    if (read->count == read->capacity) {
        size_t capacity = (size_t)grow_capacity(read->capacity, read->count + 1, EVAL_EVENTS_MAX);
        struct row *grown =
            read->count < EVAL_EVENTS_MAX ? realloc(read->rows, capacity * sizeof *grown) : NULL;
        if (!grown)
            return FW_NOMEM;
        read->rows = grown;
        read->capacity = capacity;
    }
    out.number = (uint32_t)read->count;
    read->rows[read->count++] = out;
    return FW_OK;
}

/* ---- sessions of rows ---- */

static int by_session(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    if (x->user != y->user)
        return x->user < y->user ? -1 : 1;
    if (x->session != y->session)
        return x->session < y->session ? -1 : 1;
    if (x->at_ns != y->at_ns)
        return x->at_ns < y->at_ns ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

struct placed {
    struct eval_event event;
    uint32_t number;
};

static int by_time(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;
    if (x->event.at_ns != y->event.at_ns)
        return x->event.at_ns < y->event.at_ns ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

static bool begins(const struct read *read, size_t i)
{
    if (i == 0)
        return true;
    const struct row *row = &read->rows[i], *before = row - 1;
    return row->user != before->user || row->session != before->session ||
           (read->columns->idle_ns > 0 && row->at_ns - before->at_ns >= read->columns->idle_ns);
}

static enum fw_err arrange(struct read *read)
{
    struct eval_sessions *sessions = read->sessions;
    CHECK(read->count > 0);
    struct placed *placed = malloc(read->count * sizeof *placed);
    sessions->items = malloc(read->count * sizeof *sessions->items);
    sessions->starts = malloc((read->count + 1) * sizeof *sessions->starts);
    sessions->session_users = malloc(read->count * sizeof *sessions->session_users);
    sessions->events = malloc(read->count * sizeof *sessions->events);
    if (!placed || !sessions->items || !sessions->starts || !sessions->session_users ||
        !sessions->events) {
        free(placed);
        return FW_NOMEM;
    }
    qsort(read->rows, read->count, sizeof *read->rows, by_session);
    for (size_t i = 0; i < read->count; i++) {
        if (begins(read, i)) {
            sessions->session_users[sessions->count] = read->rows[i].user;
            sessions->starts[sessions->count++] = i;
        }
        sessions->items[i] = read->rows[i].item;
        uint32_t session = (uint32_t)(sessions->count - 1);
        placed[i].event = (struct eval_event){session, (uint32_t)(i - sessions->starts[session]),
                                              read->rows[i].at_ns};
        placed[i].number = read->rows[i].number;
    }
    sessions->starts[sessions->count] = sessions->item_count = read->count;
    qsort(placed, read->count, sizeof *placed, by_time);
    for (size_t i = 0; i < read->count; i++)
        sessions->events[i] = placed[i].event;
    sessions->timed = read->at[TIME] != ABSENT;
    free(placed);
    return FW_OK;
}

enum fw_err eval_events_parse(struct eval_sessions *sessions, const char *name, struct str text,
                              const struct eval_columns *columns, struct fw_detail *detail)
{
    struct read read = {.sessions = sessions, .columns = columns, .name = name, .detail = detail};
    struct csv *csv = malloc(sizeof *csv);
    if (!csv)
        return FW_NOMEM;
    table_init(&read.session_names, EVAL_EVENTS_MAX);
    csv_init(csv, ROW_MAX, add_row, &read, detail);
    csv->file = name;
    enum fw_err err = csv_feed(csv, text.data, text.len);
    if (err == FW_OK)
        err = csv_end(csv);
    csv_fini(csv);
    free(csv);
    if (err == FW_OK && columns->idle_ns > 0 && read.at[TIME] == ABSENT)
        err = err_set(detail, FW_USAGE, "--idle: found no time= in --columns, expected one");
    if (err == FW_OK && read.count == 0)
        err = err_set(detail, FW_INPUT, "%s: found no event, expected a header and rows", name);
    if (err == FW_OK)
        err = arrange(&read);
    table_fini(&read.session_names);
    free(read.rows);
    return err;
}
