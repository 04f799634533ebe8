/* SPDX-License-Identifier: MIT
 * CSV with a header: one row a request. Columns are found by name: the user's mapping, else
 * well-known names. */
#include "base/csv.h"
#include "sim/reader.h"
#include <stdio.h>

enum { COLUMN_NONE = -1 };

struct arrivals {
    struct reader *reader;
    bool header_read;
    bool style_found;
    uint32_t width;
    int columns[READER_FIELD_COUNT][TRACE_COLUMN_PARTS]; /* numbers in the header */
    uint32_t parts[READER_FIELD_COUNT];                  /* 0: the trace has no such column */
    char names[READER_FIELD_COUNT][TRACE_COLUMNS_TEXT];  /* as one text: "a+b" */
    char last_time[64];                                  /* the last row's, for the style */
};

static int find_column(const struct csv_row *header, struct str name)
{
    for (uint32_t i = 0; i < header->count; i++)
        if (str_equal(str_trim(header->fields[i]), name))
            return (int)i;
    return COLUMN_NONE;
}

static enum fw_err missing_column(struct arrivals *arrivals, const struct csv_row *header,
                                  int field, struct str name)
{
    char known[300] = "";
    size_t len = 0;
    for (uint32_t i = 0; i < header->count && len + 40 < sizeof known; i++)
        len += (size_t)snprintf(known + len, sizeof known - len, "%s%.*s", i > 0 ? ", " : "",
                                (int)(header->fields[i].len < 30 ? header->fields[i].len : 30),
                                header->fields[i].data);
    return err_set(arrivals->reader->detail, FW_INPUT,
                   "%s:%llu: header: found the columns %s, expected one%s%.*s%s for the %s "
                   "(--columns %s=COLUMN)",
                   arrivals->reader->file, (unsigned long long)header->line, known,
                   name.len > 0 ? " named \"" : "", STR_ARG(name), name.len > 0 ? "\"" : "",
                   reader_field_names[field], reader_field_names[field]);
}

static void use_column(struct arrivals *arrivals, int field, int column, struct str name)
{
    char *text = arrivals->names[field];
    size_t len = strlen(text);
    snprintf(text + len, TRACE_COLUMNS_TEXT - len, "%s%.*s", len > 0 ? "+" : "", STR_ARG(name));
    arrivals->columns[field][arrivals->parts[field]++] = column;
}

static enum fw_err take_header(struct arrivals *arrivals, const struct csv_row *header)
{
    arrivals->header_read = true;
    arrivals->width = header->count;
    for (int field = 0; field < READER_FIELD_COUNT; field++) {
        const struct reader_names *names = &arrivals->reader->names[field];
        for (uint32_t i = 0; i < names->count; i++) {
            int column = find_column(header, names->parts[i]);
            if (column == COLUMN_NONE)
                return missing_column(arrivals, header, field, names->parts[i]);
            use_column(arrivals, field, column, names->parts[i]);
        }
        for (size_t i = 0;
             names->count == 0 && arrivals->parts[field] == 0 && reader_aliases[field][i]; i++) {
            int column = find_column(header, str_of(reader_aliases[field][i]));
            if (column != COLUMN_NONE)
                use_column(arrivals, field, column, str_of(reader_aliases[field][i]));
        }
        if (arrivals->parts[field] == 0 && field <= READER_RESOURCE)
            return missing_column(arrivals, header, field, (struct str){"", 0});
        if (arrivals->parts[field] > 0)
            reader_note(arrivals->reader, reader_field_names[field],
                        str_of(arrivals->names[field]));
    }
    return FW_OK;
}

/* The field's text; several columns are joined by "+". An empty part makes a joined name empty: it
 * names nothing. */
static struct str row_field(struct arrivals *arrivals, const struct csv_row *row, int field,
                            size_t *from)
{
    struct buf *joined = &arrivals->reader->joined;
    if (arrivals->parts[field] == 0)
        return (struct str){"", 0};
    if (arrivals->parts[field] == 1)
        return str_trim(row->fields[arrivals->columns[field][0]]);
    *from = joined->len;
    for (uint32_t i = 0; i < arrivals->parts[field]; i++) {
        struct str part = str_trim(row->fields[arrivals->columns[field][i]]);
        if (part.len == 0)
            return (struct str){"", 0};
        if (i > 0)
            buf_add_char(joined, '+');
        buf_add_str(joined, part);
    }
    return (struct str){joined->data + *from, joined->len - *from};
}

static uint64_t hash_row(const struct csv_row *row)
{
    uint64_t hash = row->count;
    for (uint32_t i = 0; i < row->count; i++)
        hash = str_hash(row->fields[i].data, row->fields[i].len, hash);
    return hash;
}

static enum fw_err take_row(void *context, const struct csv_row *row)
{
    struct arrivals *arrivals = context;
    struct reader *reader = arrivals->reader;
    if (!arrivals->header_read)
        return take_header(arrivals, row);
    reader->trace->rows++;
    if (row->count != arrivals->width) {
        char found[64], expected[64];
        snprintf(found, sizeof found, "%u fields", row->count);
        snprintf(expected, sizeof expected, "%u as in the header", arrivals->width);
        return reader_bad(reader, row->line, "row", str_of(found), expected);
    }
    buf_clear(&reader->joined);
    if (!buf_reserve(&reader->joined, TRACE_ROW_MAX / 2)) /* so that joined names do not move */
        return err_set(reader->detail, FW_NOMEM, "no memory for a row");
    size_t from = 0;
    struct str time = row_field(arrivals, row, READER_TIME, &from);
    if (!arrivals->style_found) {
        FW_TRY(reader_time_style(reader, row->line, time, str_of(arrivals->last_time),
                                 str_of(arrivals->names[READER_TIME])));
        arrivals->style_found = true;
    }
    struct reader_row request = {.line = row->line,
                                 .time = time,
                                 .resource = row_field(arrivals, row, READER_RESOURCE, &from),
                                 .session = row_field(arrivals, row, READER_SESSION, &from),
                                 .duration = row_field(arrivals, row, READER_DURATION, &from),
                                 .time_column = str_of(arrivals->names[READER_TIME]),
                                 .resource_column = str_of(arrivals->names[READER_RESOURCE]),
                                 .duration_column = str_of(arrivals->names[READER_DURATION]),
                                 .hash = hash_row(row)};
    return reader_add(reader, &request);
}

/* The time of the last row, as far as a look at the last line can say; "" when it cannot. */
struct peek {
    struct arrivals *arrivals;
    bool header;
};
static enum fw_err peek_row(void *context, const struct csv_row *row)
{
    struct peek *peek = context;
    struct arrivals *arrivals = peek->arrivals;
    if (peek->header) {
        peek->header = false;
        struct fw_detail ignored;
        struct reader quiet = *arrivals->reader;
        quiet.detail = &ignored;
        struct arrivals probe = {.reader = &quiet};
        char mapping[sizeof quiet.trace->mapping];
        memcpy(mapping, quiet.trace->mapping, sizeof mapping);
        bool ok = take_header(&probe, row) == FW_OK;
        memcpy(quiet.trace->mapping, mapping, sizeof mapping);
        arrivals->columns[READER_TIME][0] = ok ? probe.columns[READER_TIME][0] : COLUMN_NONE;
        return FW_OK;
    }
    int column = arrivals->columns[READER_TIME][0];
    if (column != COLUMN_NONE && (uint32_t)column < row->count)
        snprintf(arrivals->last_time, sizeof arrivals->last_time, "%.*s",
                 (int)(row->fields[column].len < 60 ? row->fields[column].len : 60),
                 row->fields[column].data);
    return FW_OK;
}

static void peek_last(struct arrivals *arrivals, struct str text)
{
    struct peek peek = {.arrivals = arrivals, .header = true};
    struct str rest = text, header;
    if (!reader_line(&rest, &header) || rest.len == 0)
        return;
    size_t end = rest.len;
    while (end > 0 && (rest.data[end - 1] == '\n' || rest.data[end - 1] == '\r'))
        end--;
    size_t begin = end;
    while (begin > 0 && rest.data[begin - 1] != '\n')
        begin--;
    struct csv csv;
    struct fw_detail ignored;
    csv_init(&csv, TRACE_ROW_MAX, peek_row, &peek, &ignored);
    if (csv_feed(&csv, header.data, header.len) == FW_OK && csv_feed(&csv, "\n", 1) == FW_OK &&
        csv_feed(&csv, rest.data + begin, end - begin) == FW_OK)
        (void)!csv_end(
            &csv); /* a torn last line says nothing here and is reported when it is read */
    csv_fini(&csv);
}

static enum fw_err name_place(struct reader *reader, enum fw_err err)
{
    char text[sizeof reader->detail->text];
    memcpy(text, reader->detail->text, sizeof text);
    if (err == FW_OK || str_starts(str_of(text), str_of(reader->file)))
        return err;
    return err_set(reader->detail, err, "%s: %s", reader->file, text);
}

enum fw_err read_arrivals(struct reader *reader, struct str text)
{
    struct arrivals arrivals = {.reader = reader};
    peek_last(&arrivals, text);
    memset(arrivals.columns, 0, sizeof arrivals.columns);
    struct csv csv;
    csv_init(&csv, TRACE_ROW_MAX, take_row, &arrivals, reader->detail);
    csv.skip_empty_lines = true;
    enum fw_err err = csv_feed(&csv, text.data, text.len);
    if (err == FW_OK)
        err = csv_end(&csv);
    csv_fini(&csv);
    return name_place(reader, err);
}
