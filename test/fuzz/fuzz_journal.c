/* SPDX-License-Identifier: MIT
 * Any bytes as a journal: whole and in pieces they read alike, and every record that is read writes
 * back to itself. */
#include "base/check.h"
#include "core/journal.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { OUT_MAX = 1 << 20 };

static void write_back(struct buf *out, uint64_t *number, const struct journal_record *record)
{
    switch (record->kind) {
    case JOURNAL_BEGIN:
    case JOURNAL_SETTINGS:
        journal_put_settings(out, number, (enum journal_kind)record->kind, &record->settings);
        break;
    case JOURNAL_SNAPSHOT:
        journal_put_snapshot(out, number, record->snapshot);
        break;
    case JOURNAL_EVENT:
        journal_put_event(out, number, &record->event);
        break;
    default:
        journal_put_mark(out, number, (enum journal_kind)record->kind, &record->mark);
    }
}

/* What was written back reads as the same kind at the same place. */
static void read_back(const struct buf *out, uint64_t before, const struct journal_record *expected)
{
    struct journal_reader reader = {.number = before, .header_read = true};
    struct journal_record *record = calloc(1, sizeof *record);
    size_t used;
    CHECK(record);
    CHECK(journal_read(&reader, out->data, out->len, record, &used, NULL) == FW_OK &&
          used == out->len);
    CHECK(record->kind == expected->kind && record->number == expected->number);
    CHECK(record->event.at_ns == expected->event.at_ns &&
          record->event.flags == expected->event.flags);
    CHECK(str_equal(record->event.id, expected->event.id));
    free(record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct journal_reader whole = {0};
    struct journal_record *record = calloc(1, sizeof *record);
    struct fw_detail detail = {{0}};
    size_t from = 0, used;
    enum fw_err err;
    CHECK(record);
    while ((err = journal_read(&whole, data + from, len - from, record, &used, &detail)) == FW_OK) {
        struct buf out;
        uint64_t before = record->number - 1, number = before;
        buf_init(&out, OUT_MAX);
        write_back(&out, &number, record);
        if (!out.failed)
            read_back(&out, before, record);
        buf_fini(&out);
        from += used;
    }
    CHECK(used == 0 && whole.offset == from);
    CHECK(err == FW_NO || err == FW_CORRUPT || err == FW_FOREIGN || err == FW_VERSION ||
          err == FW_INPUT);
    /* In pieces that grow by one byte it stops at the same place. */
    struct journal_reader pieces = {0};
    size_t at = 0;
    for (size_t have = 0; have <= len && len < 600;) {
        if (journal_read(&pieces, data + at, have - at, record, &used, &detail) != FW_OK)
            have++;
        at += used;
    }
    CHECK(len >= 600 || at == from);
    free(record);
    return 0;
}
