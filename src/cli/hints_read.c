/* SPDX-License-Identifier: MIT */
#include <jansson.h>

#include "cli/hints_read.h"
#include "base/buf.h"
#include "sim/trace.h"
#include <stdlib.h>
#include <string.h>

/* ---- a document ---- */

static enum fw_err wrong(const char *path, const char *field, const json_t *value,
                         const char *expected, struct fw_detail *detail)
{
    char *found = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    enum fw_err err = err_set(detail, FW_INPUT, "%s: %s: found %.60s, expected %s", path, field,
                              found ? found : "nothing", expected);
    free(found);
    return err;
}

static enum fw_err config_number(const json_t *config, const char *path, const char *field,
                                 double least, double most, double *value, struct fw_detail *detail)
{
    const json_t *number = json_object_get(config, field);
    char place[64], expected[64];
    if (!number)
        return FW_OK;
    double found = json_number_value(number);
    if (!json_is_number(number) || !(found >= least && found <= most)) {
        snprintf(place, sizeof place, "config.%s", field);
        snprintf(expected, sizeof expected, "a number from %.0f to %.0f", least, most);
        return wrong(path, place, number, expected, detail);
    }
    *value = found;
    return FW_OK;
}

enum fw_err hints_config(const json_t *config, const char *path, struct callpath_weights *weights,
                         struct fw_detail *detail)
{
    static const double most = 1e6;
    *weights = callpath_defaults.weights;
    if (json_is_null(config)) {
        weights->scored = false;
        return FW_OK;
    }
    double scale = weights->scale;
    if (!json_is_object(config))
        return wrong(path, "config", config, "an object or null", detail);
    FW_TRY(config_number(config, path, "sensitivity_scale", 1, CALLPATH_SCALE_MAX, &scale, detail));
    FW_TRY(config_number(config, path, "w_critical", 0, most, &weights->critical, detail));
    FW_TRY(config_number(config, path, "w_fanout", 0, most, &weights->fanout, detail));
    FW_TRY(config_number(config, path, "w_position", 0, most, &weights->position, detail));
    FW_TRY(config_number(config, path, "w_parallel", 0, most, &weights->parallel, detail));
    weights->scale = (uint32_t)scale;
    if ((double)weights->scale < scale)
        return wrong(path, "config.sensitivity_scale", json_object_get(config, "sensitivity_scale"),
                     "a whole number", detail);
    return FW_OK;
}

static enum fw_err head_text(const json_t *document, const char *path, const char *field,
                             struct str *text, struct fw_detail *detail)
{
    const json_t *value = json_object_get(document, field);
    if (!value || json_is_null(value))
        return FW_OK;
    if (!json_is_string(value) || json_string_length(value) > CALLPATH_NAME_MAX)
        return wrong(path, field, value, "a string of at most 1024 bytes", detail);
    *text = (struct str){json_string_value(value), json_string_length(value)};
    return FW_OK;
}

static enum fw_err read_document(const char *path, const json_t *document, hints_run_fn *fn,
                                 void *context, struct hints_head *head, struct fw_detail *detail)
{
    const json_t *runs = json_object_get(document, "runs"), *config, *run;
    struct run_record_place place = {.file = path};
    FW_TRY(head_text(document, path, "agent_id", &head->agent, detail));
    FW_TRY(head_text(document, path, "name", &head->name, detail));
    config = json_object_get(document, "config");
    head->configured = config != NULL;
    if (config)
        FW_TRY(hints_config(config, path, &head->weights, detail));
    if (!json_is_array(runs))
        return wrong(path, "runs", runs, "a list of runs", detail);
    json_array_foreach(runs, place.number, run) FW_TRY(fn(context, head, run, &place, detail));
    return FW_OK;
}

/* ---- lines ---- */

static enum fw_err syntax(const char *path, size_t line, const json_error_t *error,
                          struct fw_detail *detail)
{
    return err_set(detail, FW_INPUT, "%s:%zu:%d: %s", path, line, error->column, error->text);
}

static enum fw_err read_lines(const char *path, struct str text, hints_run_fn *fn, void *context,
                              struct hints_head *head, struct fw_detail *detail)
{
    struct run_record_place place = {.file = path};
    struct str rest = text, line;
    while (str_cut(&rest, '\n', &line)) {
        json_error_t error;
        place.line++;
        line = str_trim(line);
        if (line.len == 0)
            continue;
        json_t *run = json_loadb(line.data, line.len, JSON_REJECT_DUPLICATES, &error);
        if (!run)
            return syntax(path, place.line, &error, detail);
        enum fw_err err = fn(context, head, run, &place, detail);
        json_decref(run);
        FW_TRY(err);
    }
    return FW_OK;
}

/* Is the first value of the text an object that has runs? Lines are runs themselves. */
static bool is_document(struct str text)
{
    struct str first = text, line = str_trim(text);
    json_error_t error;
    if (line.len == 0)
        return false;
    (void)str_cut(&first, '\n', &line);
    json_t *value = json_loadb(line.data, line.len, 0, &error);
    bool is_line = value && !json_object_get(value, "runs");
    json_decref(value);
    if (is_line)
        return false;
    return memmem(text.data, text.len, "\"runs\"", 6) != NULL;
}

enum fw_err hints_read_text(const char *path, struct str text, hints_run_fn *fn, void *context,
                            struct hints_head *head, struct fw_detail *detail)
{
    *head = (struct hints_head){.configured = false};
    if (!is_document(text))
        return read_lines(path, text, fn, context, head, detail);
    json_error_t error;
    json_t *document = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, &error);
    if (!document)
        return syntax(path, (size_t)(error.line > 0 ? error.line : 1), &error, detail);
    enum fw_err err = json_is_object(document)
                          ? read_document(path, document, fn, context, head, detail)
                          : wrong(path, "the document", document, "an object with runs", detail);
    json_decref(document);
    head->agent = head->name = (struct str){NULL, 0};
    return err;
}

enum fw_err hints_read(const char *path, hints_run_fn *fn, void *context, struct hints_head *head,
                       struct fw_detail *detail)
{
    struct buf text;
    buf_init(&text, HINTS_BYTES_MAX);
    enum fw_err err = trace_load_file(path, &text, detail);
    if (err == FW_OK)
        err = hints_read_text(strcmp(path, "-") == 0 ? "standard input" : path, buf_str(&text), fn,
                              context, head, detail);
    buf_fini(&text);
    return err;
}
