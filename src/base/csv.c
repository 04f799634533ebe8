/* SPDX-License-Identifier: MIT */
#include "base/csv.h"
#include "base/check.h"
#include <inttypes.h>

enum state {
    FIELD_START,
    PLAIN,    /* in a field without quotes; a quote in it stands for itself */
    PLAIN_CR, /* behind a CR, which ends the row if LF follows and is data if not */
    QUOTED,
    QUOTED_QUOTE, /* behind a quote inside quotes: the end, or half of a quote */
    QUOTED_CR,    /* behind the CR after a closing quote: LF must follow */
};

static const char byte_order_mark[] = "\xEF\xBB\xBF";
enum { BYTE_ORDER_MARK_LEN = 3 };

void csv_init(struct csv *csv, size_t row_max, csv_row_fn *row_fn, void *context,
              struct fw_detail *detail)
{
    CHECK(row_max < UINT32_MAX);
    csv->row_fn = row_fn;
    csv->context = context;
    csv->file = NULL;
    csv->detail = detail;
    csv->count = csv->field_from = 0;
    csv->line = csv->row_line = 1;
    csv->state = FIELD_START;
    csv->mark = 0;
    csv->skip_empty_lines = true;
    buf_init(&csv->text, row_max);
}

void csv_fini(struct csv *csv)
{
    buf_fini(&csv->text);
}

static enum fw_err refuse(struct csv *csv, uint64_t line, const char *sentence)
{
    if (csv->file)
        return err_set(csv->detail, FW_INPUT, "%s:%" PRIu64 ": %s", csv->file, line, sentence);
    return err_set(csv->detail, FW_INPUT, "line %" PRIu64 ": %s", line, sentence);
}

static enum fw_err add(struct csv *csv, const char *data, size_t len)
{
    bool fits = len <= csv->text.max - csv->text.len;
    buf_add(&csv->text, data, len);
    if (!csv->text.failed)
        return FW_OK;
    return fits ? FW_NOMEM
                : refuse(csv, csv->row_line,
                         "the row is longer than the limit; is a quote left open?");
}

static enum fw_err end_field(struct csv *csv)
{
    if (csv->count == CSV_FIELDS_MAX)
        return refuse(csv, csv->row_line, "more than 1024 fields in a row");
    csv->spans[csv->count].from = csv->field_from;
    csv->spans[csv->count].len = (uint32_t)csv->text.len - csv->field_from;
    csv->count++;
    csv->field_from = (uint32_t)csv->text.len;
    csv->state = FIELD_START;
    return FW_OK;
}

/* `quoted`: the last field was; only a line without a character is empty. */
static enum fw_err end_row(struct csv *csv, bool quoted)
{
    bool empty = csv->count == 0 && csv->text.len == 0 && !quoted;
    enum fw_err err = FW_OK;
    if (!empty || !csv->skip_empty_lines) {
        struct str fields[CSV_FIELDS_MAX];
        FW_TRY(end_field(csv));
        const char *base = buf_str(&csv->text).data;
        for (uint32_t i = 0; i < csv->count; i++)
            fields[i] = (struct str){base + csv->spans[i].from, csv->spans[i].len};
        err = csv->row_fn(csv->context, &(struct csv_row){csv->row_line, fields, csv->count});
    }
    buf_clear(&csv->text);
    csv->count = csv->field_from = 0;
    csv->row_line = csv->line;
    csv->state = FIELD_START;
    return err;
}

static size_t plain_run(const char *data, size_t len)
{
    size_t run = 0;
    while (run < len && data[run] != ',' && data[run] != '\n' && data[run] != '\r')
        run++;
    return run;
}

/* Each step below handles at least one byte of data[0..len) and says how many in *used. */
static enum fw_err step_plain(struct csv *csv, const char *data, size_t len, size_t *used)
{
    *used = plain_run(data, len);
    if (*used > 0) {
        csv->state = PLAIN;
        return add(csv, data, *used);
    }
    *used = 1;
    if (data[0] == ',')
        return end_field(csv);
    if (data[0] == '\r') {
        csv->state = PLAIN_CR;
        return FW_OK;
    }
    csv->line++;
    return end_row(csv, false);
}

static enum fw_err step_plain_cr(struct csv *csv, const char *data, size_t *used)
{
    if (data[0] == '\n') {
        *used = 1;
        csv->line++;
        return end_row(csv, false);
    }
    *used = 0;
    csv->state = PLAIN;
    return add(csv, "\r", 1);
}

static enum fw_err step_quoted(struct csv *csv, const char *data, size_t len, size_t *used)
{
    size_t run = 0;
    for (; run < len && data[run] != '"'; run++)
        csv->line += data[run] == '\n';
    *used = run;
    if (run < len) {
        csv->state = QUOTED_QUOTE;
        *used = run + 1;
    }
    return add(csv, data, run);
}

static enum fw_err step_quoted_quote(struct csv *csv, char c)
{
    switch (c) {
    case '"':
        csv->state = QUOTED;
        return add(csv, "\"", 1);
    case ',':
        return end_field(csv);
    case '\r':
        csv->state = QUOTED_CR;
        return FW_OK;
    case '\n':
        csv->line++;
        return end_row(csv, true);
    default:
        return refuse(csv, csv->line,
                      "text behind a closing quote; expected a comma or the end of the line");
    }
}

static enum fw_err step_quoted_cr(struct csv *csv, char c)
{
    if (c != '\n')
        return refuse(csv, csv->line,
                      "a carriage return behind a closing quote without a line feed");
    csv->line++;
    return end_row(csv, true);
}

static enum fw_err step(struct csv *csv, const char *data, size_t len, size_t *used)
{
    *used = 1;
    switch (csv->state) {
    case FIELD_START:
        if (data[0] == '"') {
            csv->state = QUOTED;
            return FW_OK;
        }
        return step_plain(csv, data, len, used);
    case PLAIN:
        return step_plain(csv, data, len, used);
    case PLAIN_CR:
        return step_plain_cr(csv, data, used);
    case QUOTED:
        return step_quoted(csv, data, len, used);
    case QUOTED_QUOTE:
        return step_quoted_quote(csv, data[0]);
    default:
        return step_quoted_cr(csv, data[0]);
    }
}

static enum fw_err consume(struct csv *csv, const char *data, size_t len)
{
    while (len > 0) {
        size_t used;
        FW_TRY(step(csv, data, len, &used));
        data += used;
        len -= used;
    }
    return FW_OK;
}

/* A byte order mark at the very beginning is not part of the first field's name. What only looked
 * like the beginning of one is handed on. */
static enum fw_err end_mark(struct csv *csv)
{
    size_t matched = csv->mark;
    csv->mark = BYTE_ORDER_MARK_LEN;
    return matched < BYTE_ORDER_MARK_LEN ? consume(csv, byte_order_mark, matched) : FW_OK;
}

enum fw_err csv_feed(struct csv *csv, const char *data, size_t len)
{
    for (; csv->mark < BYTE_ORDER_MARK_LEN && len > 0; data++, len--) {
        if (data[0] != byte_order_mark[csv->mark]) {
            FW_TRY(end_mark(csv));
            break;
        }
        csv->mark++;
    }
    return consume(csv, data, len);
}

enum fw_err csv_end(struct csv *csv)
{
    FW_TRY(end_mark(csv));
    if (csv->state == QUOTED)
        return refuse(csv, csv->row_line,
                      "the row that begins here has a quoted field that does not end");
    bool quoted = csv->state == QUOTED_QUOTE || csv->state == QUOTED_CR;
    bool begun = csv->count > 0 || csv->text.len > 0 || csv->state != FIELD_START;
    return begun ? end_row(csv, quoted) : FW_OK;
}

void csv_write(struct buf *out, struct str field)
{
    bool plain = !str_starts(field, (struct str){byte_order_mark, BYTE_ORDER_MARK_LEN});
    for (size_t i = 0; i < field.len && plain; i++)
        plain = field.data[i] != ',' && field.data[i] != '"' && field.data[i] != '\n' &&
                field.data[i] != '\r';
    if (plain) {
        buf_add_str(out, field);
        return;
    }
    buf_add_char(out, '"');
    struct str rest = field, part;
    for (bool first = true; str_cut(&rest, '"', &part); first = false) {
        if (!first)
            buf_add_text(out, "\"\"");
        buf_add_str(out, part);
    }
    buf_add_char(out, '"');
}
