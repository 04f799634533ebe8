/* SPDX-License-Identifier: MIT */
#include <jansson.h>
#include "cli/eval_nab.h"
#include "base/csv.h"
#include "base/grow.h"
#include "base/stats.h"
#include "base/time.h"
#include "cli/output.h"
#include "sim/trace.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROW_BYTES_MAX = 4096 };

struct reading {
    struct csv csv;
    struct eval_nab_file *file;
    const char *path;
    struct fw_detail *detail;
    bool header;
};

static enum fw_err bad(const struct reading *reading, uint64_t line, const char *column,
                       struct str found, const char *expected)
{
    return err_set(reading->detail, FW_INPUT, "%s:%llu: %s: found \"%.*s\", expected %s",
                   reading->path, (unsigned long long)line, column,
                   (int)(found.len < 60 ? found.len : 60), found.data, expected);
}

static enum fw_err make_room(struct reading *reading)
{
    struct eval_nab_file *file = reading->file;
    if (file->rows < file->capacity)
        return FW_OK;
    if (file->rows == EVAL_NAB_ROWS_MAX)
        return err_set(reading->detail, FW_LIMIT, "%s: more than %d rows", reading->path,
                       (int)EVAL_NAB_ROWS_MAX);
    size_t capacity = (size_t)grow_capacity(file->capacity, file->rows + 1, EVAL_NAB_ROWS_MAX);
    int64_t *times = realloc(file->at_ns, capacity * sizeof *times);
    if (times)
        file->at_ns = times;
    double *values = times ? realloc(file->value, capacity * sizeof *values) : NULL;
    if (!values)
        return err_set(reading->detail, FW_NOMEM, "%s: no memory for %zu rows", reading->path,
                       capacity);
    file->value = values;
    file->capacity = capacity;
    return FW_OK;
}

static enum fw_err take_row(void *context, const struct csv_row *row)
{
    struct reading *reading = context;
    struct eval_nab_file *file = reading->file;
    if (row->count < 2)
        return bad(reading, row->line, "row", row->fields[0], "timestamp,value");
    struct str time = str_trim(row->fields[0]), value = str_trim(row->fields[1]);
    if (!reading->header) {
        reading->header = true;
        return str_equal(time, STR("timestamp"))
                   ? FW_OK
                   : bad(reading, row->line, "header", time, "timestamp,value");
    }
    FW_TRY(make_room(reading));
    if (!time_parse_iso(time, &file->at_ns[file->rows], NULL))
        return bad(reading, row->line, "timestamp", time, "YYYY-MM-DD HH:MM:SS");
    if (!str_to_double(value, &file->value[file->rows]))
        return bad(reading, row->line, "value", value, "a number");
    file->rows++;
    buf_add_str(&file->texts, time);
    buf_add_char(&file->texts, ',');
    buf_add_str(&file->texts, value);
    buf_add_char(&file->texts, '\n');
    return file->texts.failed ? FW_NOMEM : FW_OK;
}

static enum fw_err feed(void *context, const char *data, size_t len)
{
    return csv_feed(&((struct reading *)context)->csv, data, len);
}

static enum fw_err read_series(struct eval_nab_file *file, const char *dir,
                               struct fw_detail *detail)
{
    char path[PATH_MAX];
    struct reading *reading = calloc(1, sizeof *reading);
    if (!reading)
        return FW_NOMEM;
    snprintf(path, sizeof path, "%s/%s", dir, file->name);
    if (access(path, F_OK) != 0)
        snprintf(path, sizeof path, "%s/%s.gz", dir, file->name);
    reading->file = file;
    reading->path = path;
    reading->detail = detail;
    csv_init(&reading->csv, ROW_BYTES_MAX, take_row, reading, detail);
    reading->csv.file = path;
    enum fw_err err = trace_feed_file(path, feed, reading, detail);
    if (err == FW_OK)
        err = csv_end(&reading->csv);
    csv_fini(&reading->csv);
    free(reading);
    if (err == FW_OK && file->rows == 0)
        err = err_set(detail, FW_INPUT, "%s: found no rows, expected timestamp,value", path);
    file->score = err == FW_OK ? calloc(file->rows + 1, sizeof *file->score) : NULL;
    return err == FW_OK && !file->score ? FW_NOMEM : err;
}

/* The first row at this time. */
static enum fw_err find_row(const struct eval_nab_file *file, const json_t *time, size_t *row,
                            const char *labels, struct fw_detail *detail)
{
    int64_t at_ns;
    const char *text = json_string_value(time);
    if (!text || !time_parse_iso(str_of(text), &at_ns, NULL))
        return err_set(detail, FW_INPUT,
                       "%s: %s: found \"%.40s\", expected the time of a row, YYYY-MM-DD HH:MM:SS",
                       labels, file->name, text ? text : "no text");
    for (*row = 0; *row < file->rows; ++*row)
        if (file->at_ns[*row] == at_ns)
            return FW_OK;
    return err_set(detail, FW_INPUT,
                   "%s: %s: found \"%.40s\", expected the time of one of its rows", labels,
                   file->name, text);
}

static enum fw_err read_windows(struct eval_nab_file *file, const json_t *list, const char *labels,
                                struct fw_detail *detail)
{
    size_t count = json_array_size(list);
    if (!json_is_array(list) || count > EVAL_NAB_WINDOWS_MAX)
        return err_set(detail, FW_INPUT, "%s: %s: expected a list of at most %d windows", labels,
                       file->name, (int)EVAL_NAB_WINDOWS_MAX);
    file->windows = calloc(count + 1, sizeof *file->windows);
    if (!file->windows)
        return FW_NOMEM;
    for (size_t i = 0; i < count; i++) {
        const json_t *pair = json_array_get(list, i);
        struct nab_window *window = &file->windows[i];
        if (json_array_size(pair) != 2)
            return err_set(detail, FW_INPUT, "%s: %s: window %zu: expected [begin, end]", labels,
                           file->name, i + 1);
        FW_TRY(find_row(file, json_array_get(pair, 0), &window->first, labels, detail));
        FW_TRY(find_row(file, json_array_get(pair, 1), &window->last, labels, detail));
        if (window->last < window->first || (i > 0 && window->first <= file->windows[i - 1].last))
            return err_set(detail, FW_INPUT,
                           "%s: %s: window %zu: expected windows in order that do not overlap",
                           labels, file->name, i + 1);
        file->window_count++;
    }
    return FW_OK;
}

static int by_name(const void *left, const void *right)
{
    const struct eval_nab_file *a = left, *b = right;
    return strcmp(a->name, b->name);
}

/* Names come from a file and go into paths: none may lead out of its folder. */
static bool name_is_safe(const char *name)
{
    struct str rest = str_of(name), part;
    bool safe = rest.len > 0 && rest.len < PATH_MAX / 4 && name[0] != '/';
    while (safe && str_cut(&rest, '/', &part))
        safe = part.len > 0 && part.data[0] != '.';
    return safe;
}

static enum fw_err take_names(struct eval_nab *nab, json_t *root, const char *labels,
                              struct fw_detail *detail)
{
    const char *name;
    json_t *list;
    if (!json_is_object(root) || json_object_size(root) > EVAL_NAB_FILES_MAX ||
        json_object_size(root) == 0)
        return err_set(detail, FW_INPUT,
                       "%s: expected an object of 1 to %d files with their windows", labels,
                       (int)EVAL_NAB_FILES_MAX);
    nab->files = calloc(json_object_size(root), sizeof *nab->files);
    if (!nab->files)
        return FW_NOMEM;
    json_object_foreach(root, name, list)
    {
        if (!name_is_safe(name))
            return err_set(detail, FW_INPUT, "%s: found \"%.60s\", expected folder/file.csv",
                           labels, name);
        struct eval_nab_file *file = &nab->files[nab->count++];
        buf_init(&file->texts, SIZE_MAX / 2);
        file->name = strdup(name);
        if (!file->name)
            return FW_NOMEM;
    }
    qsort(nab->files, nab->count, sizeof *nab->files, by_name);
    return FW_OK;
}

enum fw_err eval_nab_read(struct eval_nab *nab, const char *dir, const char *labels,
                          struct fw_detail *detail)
{
    struct buf text;
    json_error_t why;
    *nab = (struct eval_nab){0};
    buf_init(&text, 1 << 26);
    enum fw_err err = trace_load_file(labels, &text, detail);
    json_t *root = NULL;
    if (err == FW_OK &&
        !(root = json_loadb(buf_str(&text).data, text.len, JSON_REJECT_DUPLICATES, &why)))
        err = err_set(detail, FW_INPUT, "%s:%d:%d: not valid JSON: %s", labels, why.line,
                      why.column, why.text);
    if (err == FW_OK)
        err = take_names(nab, root, labels, detail);
    for (size_t i = 0; i < nab->count && err == FW_OK; i++) {
        err = read_series(&nab->files[i], dir, detail);
        if (err == FW_OK)
            err = read_windows(&nab->files[i], json_object_get(root, nab->files[i].name), labels,
                               detail);
    }
    json_decref(root);
    buf_fini(&text);
    if (err != FW_OK)
        eval_nab_fini(nab);
    return err;
}

void eval_nab_fini(struct eval_nab *nab)
{
    for (size_t i = 0; i < nab->count; i++) {
        struct eval_nab_file *file = &nab->files[i];
        buf_fini(&file->texts);
        free(file->name);
        free(file->at_ns);
        free(file->value);
        free(file->score);
        free(file->windows);
    }
    free(nab->files);
    *nab = (struct eval_nab){0};
}

uint32_t eval_nab_day_rows(const struct eval_nab_file *file)
{
    if (file->rows < 2)
        return 0;
    int64_t *steps = malloc((file->rows - 1) * sizeof *steps);
    if (!steps)
        return 0;
    for (size_t i = 0; i + 1 < file->rows; i++)
        steps[i] = file->at_ns[i + 1] - file->at_ns[i];
    stats_sort_int64(steps, file->rows - 1);
    int64_t step_ns = steps[(file->rows - 1) / 2];
    free(steps);
    if (step_ns <= 0 || step_ns > TIME_DAY)
        return 0;
    return (uint32_t)((TIME_DAY + step_ns / 2) / step_ns);
}

static enum fw_err make_folder(const char *path, struct fw_detail *detail)
{
    if (mkdir(path, 0777) == 0 || errno == EEXIST)
        return FW_OK;
    return err_set(detail, FW_IO, "%s: %s", path, strerror(errno));
}

static void write_rows(const struct eval_nab_file *file, struct buf *out)
{
    struct str rest = buf_str(&file->texts), line;
    size_t window = 0;
    buf_add_text(out, "timestamp,value,anomaly_score,label\n");
    for (size_t i = 0; i < file->rows && str_cut(&rest, '\n', &line); i++) {
        char number[STR_NUMBER_MAX];
        while (window < file->window_count && i > file->windows[window].last)
            window++;
        bool inside = window < file->window_count && i >= file->windows[window].first;
        buf_add_str(out, line);
        buf_add_char(out, ',');
        buf_add_text(out, str_from_double(file->score[i], number));
        buf_add_text(out, inside ? ",1\n" : ",0\n");
    }
}

static enum fw_err write_file(const struct eval_nab_file *file, const char *dir,
                              struct fw_detail *detail)
{
    char path[PATH_MAX];
    const char *slash = strrchr(file->name, '/'), *base = slash ? slash + 1 : file->name;
    size_t folder = slash ? (size_t)(slash - file->name) : 0;
    /* Each folder of the name in turn. */
    for (size_t i = 0; i <= folder && folder > 0; i++) {
        if (i < folder && file->name[i] != '/')
            continue;
        snprintf(path, sizeof path, "%s/%.*s", dir, (int)i, file->name);
        FW_TRY(make_folder(path, detail));
    }
    if (snprintf(path, sizeof path, "%s/%.*s%sforewarm_%s", dir, (int)folder, file->name,
                 folder > 0 ? "/" : "", base) >= (int)sizeof path)
        return err_set(detail, FW_USAGE, "%s: the name is too long", dir);
    struct buf out;
    buf_init(&out, OUTPUT_MAX);
    write_rows(file, &out);
    enum fw_err err = out.failed ? FW_NOMEM : output_file(path, buf_str(&out), detail);
    buf_fini(&out);
    return err;
}

enum fw_err eval_nab_write(const struct eval_nab *nab, const char *dir, struct fw_detail *detail)
{
    FW_TRY(make_folder(dir, detail));
    for (size_t i = 0; i < nab->count; i++)
        FW_TRY(write_file(&nab->files[i], dir, detail));
    return FW_OK;
}
