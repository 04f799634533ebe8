/* SPDX-License-Identifier: MIT
 * The Azure LLM inference traces (AzurePublicDataset): TIMESTAMP,ContextTokens,GeneratedTokens. The
 * trace is of one service, so there is one resource; it has no sessions and no durations. */
#include "base/csv.h"
#include "sim/reader.h"

enum { AZURE_COLUMNS = 3 };

struct azure {
    struct reader *reader;
    bool header_read;
};

static enum fw_err take_row(void *context, const struct csv_row *row)
{
    static const char *const names[AZURE_COLUMNS] = {"TIMESTAMP", "ContextTokens",
                                                     "GeneratedTokens"};
    struct azure *azure = context;
    struct reader *reader = azure->reader;
    if (!azure->header_read) {
        azure->header_read = true;
        for (uint32_t i = 0; i < AZURE_COLUMNS; i++)
            if (i >= row->count || !str_equal(str_trim(row->fields[i]), str_of(names[i])))
                return err_set(reader->detail, FW_INPUT,
                               "%s:%llu: header: column %u is not %s, expected "
                               "TIMESTAMP,ContextTokens,GeneratedTokens",
                               reader->file, (unsigned long long)row->line, i + 1, names[i]);
        reader_note(reader, "time", STR("TIMESTAMP"));
        return FW_OK;
    }
    reader->trace->rows++;
    if (row->count != AZURE_COLUMNS)
        return reader_bad(reader, row->line, "row", row->fields[0], "three fields");
    if (reader->time == TRACE_TIME_AUTO)
        FW_TRY(reader_time_style(reader, row->line, row->fields[0], (struct str){"", 0},
                                 STR("TIMESTAMP")));
    uint64_t hash = 0, tokens;
    for (uint32_t i = 0; i < AZURE_COLUMNS; i++) {
        if (i > 0 && !str_to_uint64(str_trim(row->fields[i]), &tokens))
            return reader_bad(reader, row->line, names[i], row->fields[i],
                              "a whole number of tokens");
        hash = str_hash(row->fields[i].data, row->fields[i].len, hash);
    }
    struct reader_row request = {.line = row->line,
                                 .time = str_trim(row->fields[0]),
                                 .resource = STR("service"),
                                 .time_column = STR("TIMESTAMP"),
                                 .hash = hash};
    return reader_add(reader, &request);
}

enum fw_err read_azure(struct reader *reader, struct str text)
{
    struct azure azure = {.reader = reader};
    struct fw_detail inner = {""};
    struct fw_detail *outer = reader->detail;
    struct csv csv;
    csv_init(&csv, TRACE_ROW_MAX, take_row, &azure, &inner);
    csv.skip_empty_lines = true;
    enum fw_err err = csv_feed(&csv, text.data, text.len);
    if (err == FW_OK)
        err = csv_end(&csv);
    csv_fini(&csv);
    if (err != FW_OK && inner.text[0] != '\0')
        return err_set(outer, err, "%s: %s", reader->file, inner.text);
    return err;
}
