/* SPDX-License-Identifier: MIT
 * CSV: the same rows whatever the pieces; what csv_write makes of them reads back as they were. */
#include "base/csv.h"
#include "base/prng.h"
#include <stdlib.h>

enum { ROW_MAX = 4096, OUT_MAX = 1 << 20 };

static void require(bool condition)
{
    if (!condition)
        abort();
}

/* Rows as counts and lengths with their bytes: no field can be taken for another. */
struct record {
    struct buf rows, written;
    uint64_t last_line;
};

static enum fw_err record_row(void *context, const struct csv_row *row)
{
    struct record *record = context;
    require(row->count >= 1 && row->count <= CSV_FIELDS_MAX);
    require(row->line > record->last_line);
    record->last_line = row->line;
    buf_put_u32(&record->rows, row->count);
    for (uint32_t i = 0; i < row->count; i++) {
        buf_put_str(&record->rows, row->fields[i]);
        if (i > 0)
            buf_add_char(&record->written, ',');
        csv_write(&record->written, row->fields[i]);
    }
    /* One empty field alone would be an empty line. */
    if (row->count == 1 && row->fields[0].len == 0)
        buf_add_text(&record->written, "\"\"");
    buf_add_text(&record->written, "\n");
    return FW_OK;
}

static enum fw_err parse(struct record *record, struct str text, uint64_t seed, bool keep_empty)
{
    static struct csv csv;
    struct fw_detail detail = {""};
    struct prng prng;
    enum fw_err err = FW_OK;
    *record = (struct record){.last_line = 0};
    buf_init(&record->rows, OUT_MAX);
    buf_init(&record->written, OUT_MAX);
    prng_init(&prng, seed);
    csv_init(&csv, ROW_MAX, record_row, record, &detail);
    csv.skip_empty_lines = !keep_empty;
    while (text.len > 0 && err == FW_OK) {
        size_t piece = seed == 0 ? text.len : 1 + (size_t)prng_below(&prng, 8);
        if (piece > text.len)
            piece = text.len;
        err = csv_feed(&csv, text.data, piece);
        text = (struct str){text.data + piece, text.len - piece};
    }
    if (err == FW_OK)
        err = csv_end(&csv);
    csv_fini(&csv);
    require(err == FW_OK || (err == FW_INPUT && detail.text[0] != '\0'));
    return err;
}

static void record_fini(struct record *record)
{
    buf_fini(&record->rows);
    buf_fini(&record->written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len < 1 || len > 1 << 16)
        return 0;
    struct str text = {(const char *)data + 1, len - 1};
    bool keep_empty = data[0] & 1;
    struct record whole, pieces, again;
    enum fw_err err = parse(&whole, text, 0, keep_empty);
    require(parse(&pieces, text, 1 + data[0], keep_empty) == err);
    require(str_equal(buf_str(&whole.rows), buf_str(&pieces.rows)));
    if (!whole.written.failed && !whole.rows.failed) {
        require(parse(&again, buf_str(&whole.written), 0, keep_empty) == FW_OK);
        require(str_equal(buf_str(&whole.rows), buf_str(&again.rows)));
        record_fini(&again);
    }
    record_fini(&whole);
    record_fini(&pieces);
    return 0;
}
