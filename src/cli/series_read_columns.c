/* SPDX-License-Identifier: MIT
 * Which column is which: by the user's word, else by name and by what the first row holds. */
#include "base/time.h"
#include "cli/series_read_part.h"
#include <stdlib.h>

static const char *const time_names[] = {"timestamp", "time", "ds",    "date", "datetime",
                                         "date_time", "ts",   "t",     "t_s",  "time_s",
                                         "time_ms",   "at",   "epoch", "t_ms", NULL};
static const char *const value_names[] = {"compute_tflops", "value", "y", "requests", NULL};

static bool is_one_of(struct str name, const char *const *names)
{
    for (; *names; names++)
        if (str_equal_nocase(name, str_of(*names)))
            return true;
    return false;
}

enum fw_err series_read_header(struct series_rows *rows, const struct csv_row *row)
{
    double number;
    int64_t at_ns;
    for (uint32_t i = 0; i < row->count; i++) {
        struct str name = str_trim(row->fields[i]);
        if (str_to_double(name, &number) || series_read_instant(name, &at_ns))
            return err_set(rows->detail, FW_INPUT,
                           "%s:%llu: field %u: found \"%.*s\", expected a header with the names of "
                           "the columns",
                           rows->file, (unsigned long long)row->line, i + 1,
                           (int)(name.len < 60 ? name.len : 60), name.data);
    }
    rows->names = calloc((size_t)row->count + 1, sizeof *rows->names);
    if (!rows->names)
        return FW_NOMEM;
    rows->width = row->count;
    for (uint32_t i = 0; i < row->count; i++) {
        struct str name = str_trim(row->fields[i]);
        char *copy = malloc(name.len + 1);
        if (!copy)
            return FW_NOMEM;
        if (name.len > 0)
            memcpy(copy, name.data, name.len);
        copy[name.len] = '\0';
        rows->names[i] = (struct str){copy, name.len};
    }
    return FW_OK;
}

/* "timestamp, value, other", for messages. */
static void list_names(const struct series_rows *rows, char text[256])
{
    struct buf names;
    buf_init(&names, 4096);
    for (uint32_t i = 0; i < rows->width && names.len < 200; i++) {
        if (i > 0)
            buf_add_text(&names, ", ");
        struct str name = rows->names[i];
        buf_add(&names, name.data, name.len < 60 ? name.len : 60);
    }
    size_t len = names.failed || names.len > 255 ? 0 : names.len;
    if (len > 0)
        memcpy(text, names.data, len);
    text[len] = '\0';
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < 0x20)
            text[i] = '?';
    buf_fini(&names);
}

static enum fw_err find_named(const struct series_rows *rows, const char *flag, const char *wanted,
                              uint32_t *at)
{
    for (int pass = 0; pass < 2; pass++) /* exactly as written wins */
        for (uint32_t i = 0; i < rows->width; i++)
            if (pass == 0 ? str_equal(rows->names[i], str_of(wanted))
                          : str_equal_nocase(rows->names[i], str_of(wanted))) {
                *at = i;
                return FW_OK;
            }
    char names[256];
    list_names(rows, names);
    return err_set(rows->detail, FW_INPUT,
                   "%s:1: --%s: found no column \"%.60s\", expected one of %s", rows->file, flag,
                   wanted, names);
}

static enum fw_err find_time(struct series_rows *rows, const struct csv_row *row)
{
    int64_t at_ns;
    if (rows->options->time && rows->options->time[0] != '\0')
        return find_named(rows, "time", rows->options->time, &rows->time_at);
    for (uint32_t i = 0; i < rows->width; i++) {
        struct str text = str_trim(row->fields[i]);
        if (is_one_of(rows->names[i], time_names) || series_read_instant(text, &at_ns) ||
            time_parse_clf(text, &at_ns)) {
            rows->time_at = i;
            return FW_OK;
        }
    }
    char names[256];
    list_names(rows, names);
    return err_set(rows->detail, FW_INPUT,
                   "%s:1: found no column that looks like a time among %s, expected one named "
                   "timestamp, time, ds or date, or --time COL",
                   rows->file, names);
}

static bool holds_number(const struct series_rows *rows, const struct csv_row *row, uint32_t at)
{
    double number;
    return at != rows->time_at && series_read_number(str_trim(row->fields[at]), &number);
}

static enum fw_err find_value(struct series_rows *rows, const struct csv_row *row, uint32_t *at)
{
    if (rows->options->value && rows->options->value[0] != '\0')
        return find_named(rows, "value", rows->options->value, at);
    for (const char *const *name = value_names; *name; name++)
        for (uint32_t i = 0; i < rows->width; i++)
            if (i != rows->time_at && str_equal_nocase(rows->names[i], str_of(*name))) {
                *at = i;
                return FW_OK;
            }
    /* None of the names: the only column with numbers is meant. */
    uint32_t numbers = 0;
    for (uint32_t i = 0; i < rows->width; i++)
        if (holds_number(rows, row, i)) {
            *at = i;
            numbers++;
        }
    if (numbers == 1)
        return FW_OK;
    char names[256];
    list_names(rows, names);
    return err_set(rows->detail, FW_INPUT,
                   "%s:1: found the columns %s, expected one named compute_tflops, value, y or "
                   "requests, or --value COL",
                   rows->file, names);
}

enum fw_err series_read_choose(struct series_rows *rows, const struct csv_row *row)
{
    FW_TRY(find_time(rows, row));
    FW_TRY(find_value(rows, row, &rows->columns[0].at));
    if (rows->columns[0].at == rows->time_at)
        return err_set(rows->detail, FW_INPUT,
                       "%s:1: found \"%.60s\" as time and value, expected two columns", rows->file,
                       rows->names[rows->time_at].data);
    rows->column_count = 1;
    for (uint32_t i = 0; i < rows->width && rows->options->covariates; i++) {
        if (i == rows->columns[0].at || !holds_number(rows, row, i))
            continue;
        if (rows->column_count == 1 + SERIES_READ_COLUMNS_MAX)
            rows->left_out++;
        else
            rows->columns[rows->column_count++].at = i;
    }
    return FW_OK;
}
