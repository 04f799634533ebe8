/* SPDX-License-Identifier: MIT */
#include "edge/control_body.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

enum { ITEMS_MAX = 100000 };

static void problem(struct fw_detail *detail, const char *text)
{
    size_t len = strlen(detail->text);
    snprintf(detail->text + len, sizeof detail->text - len, "%s%s", len > 0 ? "; " : "", text);
}

static const char *type_name(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    default:
        return "null";
    }
}

static void take_text(const struct control_field *field, const json_t *json,
                      struct control_value *value, struct fw_detail *detail)
{
    char text[256];
    if (!json_is_string(json)) {
        snprintf(text, sizeof text, "%s: found %s, expected a string", field->name,
                 type_name(json));
        problem(detail, text);
    } else if (json_string_length(json) == 0 || json_string_length(json) >= CONTROL_TEXT_MAX) {
        snprintf(text, sizeof text, "%s: found %zu bytes, expected 1 to %d", field->name,
                 json_string_length(json), CONTROL_TEXT_MAX - 1);
        problem(detail, text);
    } else {
        memcpy(value->text, json_string_value(json), json_string_length(json) + 1);
        value->given = true;
    }
}

static void take_number(const struct control_field *field, const json_t *json,
                        struct control_value *value, struct fw_detail *detail)
{
    char text[256];
    double number = json_number_value(json);
    if (!json_is_number(json)) {
        snprintf(text, sizeof text, "%s: found %s, expected a number", field->name,
                 type_name(json));
        problem(detail, text);
    } else if (number < field->min || number > field->max) {
        snprintf(text, sizeof text, "%s: found %g, expected %g to %g", field->name, number,
                 field->min, field->max);
        problem(detail, text);
    } else {
        value->number = number;
        value->given = true;
    }
}

static const struct control_field *find(const struct control_field *fields, size_t count,
                                        const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(fields[i].name, name) == 0)
            return &fields[i];
    return NULL;
}

static void take_object(json_t *object, const struct control_field *fields, size_t count,
                        struct control_value *values, struct fw_detail *detail)
{
    char text[256];
    for (void *at = json_object_iter(object); at; at = json_object_iter_next(object, at)) {
        const char *key = json_object_iter_key(at);
        const json_t *value = json_object_iter_value(at);
        const struct control_field *field = find(fields, count, key);
        if (!field) {
            snprintf(text, sizeof text, "%.60s: unknown field", key);
            problem(detail, text);
        } else if (json_is_null(value)) {
            continue;
        } else if (field->type == CONTROL_TEXT) {
            take_text(field, value, &values[field - fields], detail);
        } else {
            take_number(field, value, &values[field - fields], detail);
        }
    }
    for (size_t i = 0; i < count; i++)
        if (fields[i].required && !json_object_get(object, fields[i].name)) {
            snprintf(text, sizeof text, "%s: missing", fields[i].name);
            problem(detail, text);
        }
}

static json_t *load(struct str body, struct fw_detail *detail)
{
    json_error_t error;
    json_t *json = json_loadb(body.data, body.len, JSON_REJECT_DUPLICATES, &error);
    if (!json)
        (void)err_set(detail, FW_INPUT, "not valid JSON: line %d column %d: %s", error.line,
                      error.column, error.text);
    return json;
}

enum fw_err control_body_parse(struct str body, const struct control_field *fields, size_t count,
                               struct control_value *values, struct fw_detail *detail)
{
    memset(values, 0, count * sizeof *values);
    detail->text[0] = 0;
    if (str_trim(body).len == 0)
        body = STR("{}");
    json_t *json = load(body, detail);
    if (!json)
        return FW_INPUT;
    if (json_is_object(json))
        take_object(json, fields, count, values, detail);
    else
        (void)err_set(detail, FW_INPUT, "found %s, expected an object", type_name(json));
    json_decref(json);
    return detail->text[0] ? FW_INPUT : FW_OK;
}

static enum fw_err each_element(const json_t *array, control_item_fn *fn, void *context,
                                struct fw_detail *detail)
{
    if (json_array_size(array) > ITEMS_MAX)
        return err_set(detail, FW_LIMIT, "found %zu elements, at most %d in one call",
                       json_array_size(array), ITEMS_MAX);
    for (size_t i = 0; i < json_array_size(array); i++) {
        char *text = json_dumps(json_array_get(array, i), JSON_COMPACT | JSON_ENCODE_ANY);
        if (!text)
            return FW_NOMEM;
        fn(context, i + 1, str_of(text));
        free(text);
    }
    return FW_OK;
}

static enum fw_err each_line(struct str body, control_item_fn *fn, void *context,
                             struct fw_detail *detail)
{
    struct str line;
    size_t number = 0;
    while (str_cut(&body, '\n', &line)) {
        number++;
        if (number > ITEMS_MAX)
            return err_set(detail, FW_LIMIT, "more than %d lines in one call", ITEMS_MAX);
        line = str_trim(line);
        if (line.len > 0)
            fn(context, number, line);
    }
    return FW_OK;
}

/* An array is one JSON text; an object may span lines; anything else is taken line by line. */
enum fw_err control_body_each(struct str body, control_item_fn *fn, void *context,
                              struct fw_detail *detail)
{
    struct str text = str_trim(body);
    json_t *json = NULL;
    if (text.len > 0 && text.data[0] == '[') {
        json = load(text, detail);
        if (!json)
            return FW_INPUT;
        enum fw_err err = each_element(json, fn, context, detail);
        json_decref(json);
        return err;
    }
    if (text.len > 0 && text.data[0] == '{' &&
        (json = json_loadb(text.data, text.len, 0, NULL)) != NULL) {
        json_decref(json);
        fn(context, 1, text);
        return FW_OK;
    }
    return each_line(body, fn, context, detail);
}
