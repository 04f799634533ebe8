/* SPDX-License-Identifier: MIT
 * Reading a trie. */
#include "cli/hints_json.h"
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Where reading stands: "root.children["a"].predictions_any_index". */
struct reading {
    const char *name;
    struct fw_detail *detail;
    struct buf place;
};

static enum fw_err wrong(struct reading *reading, const char *field, const json_t *value,
                         const char *expected)
{
    char *found = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    enum fw_err err = err_set(
        reading->detail, FW_INPUT, "%s: %.*s%s%s: found %.60s, expected %s", reading->name,
        (int)reading->place.len, reading->place.data ? reading->place.data : "",
        reading->place.len > 0 && field[0] ? "." : "", field, found ? found : "nothing", expected);
    free(found);
    return err;
}

/* Goes one level down; the length to come back to is returned. */
static size_t enter(struct reading *reading, const char *field, const char *key)
{
    size_t len = reading->place.len;
    if (key)
        buf_printf(&reading->place, ".%s[\"%.64s\"]", field, key);
    else
        buf_printf(&reading->place, "%s%s", len > 0 ? "." : "", field);
    return len;
}

static const json_t *map_of(const json_t *object, const char *field)
{
    const json_t *value = json_object_get(object, field);
    return json_is_null(value) ? NULL : value;
}

static enum fw_err read_metric(struct reading *reading, const json_t *prediction, const char *field,
                               struct callpath_metric *metric)
{
    static const char *const names[] = {"mean", "p50", "p90", "p95"};
    double *const to[] = {&metric->mean, &metric->p50, &metric->p90, &metric->p95};
    const json_t *object = map_of(prediction, field);
    *metric = (struct callpath_metric){0};
    if (!object)
        return FW_OK;
    if (!json_is_object(object))
        return wrong(reading, field, object, "an object");
    size_t len = enter(reading, field, NULL);
    const json_t *samples = json_object_get(object, "sample_count");
    if (samples && (!json_is_integer(samples) || json_integer_value(samples) < 0 ||
                    json_integer_value(samples) > UINT32_MAX))
        return wrong(reading, "sample_count", samples, "a whole number from 0 to 4294967295");
    metric->samples = (uint32_t)json_integer_value(samples);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const json_t *value = json_object_get(object, names[i]);
        if (value && !json_is_number(value))
            return wrong(reading, names[i], value, "a number");
        *to[i] = json_number_value(value);
    }
    reading->place.len = len;
    return FW_OK;
}

static enum fw_err read_prediction(struct reading *reading, const json_t *object,
                                   struct callpath_prediction *prediction)
{
    if (!json_is_object(object))
        return wrong(reading, "", object, "an object");
    FW_TRY(
        read_metric(reading, object, "remaining_calls", &prediction->metrics[CALLPATH_REMAINING]));
    FW_TRY(read_metric(reading, object, "interarrival_ms",
                       &prediction->metrics[CALLPATH_INTERARRIVAL]));
    FW_TRY(read_metric(reading, object, "output_tokens", &prediction->metrics[CALLPATH_TOKENS]));
    const json_t *level = map_of(object, "latency_sensitivity");
    if (level && (!json_is_integer(level) || json_integer_value(level) < 1 ||
                  json_integer_value(level) > UINT32_MAX))
        return wrong(reading, "latency_sensitivity", level, "a whole number above 0, or null");
    prediction->level = (uint32_t)json_integer_value(level);
    return FW_OK;
}

static enum fw_err read_one(struct reading *reading, const json_t *object, const char *field,
                            bool *has, struct callpath_prediction *prediction)
{
    const json_t *value = map_of(object, field);
    size_t len = reading->place.len;
    if (!value)
        return FW_OK;
    enter(reading, field, NULL);
    FW_TRY(read_prediction(reading, value, prediction));
    *has = true;
    reading->place.len = len;
    return FW_OK;
}

static enum fw_err read_indices(struct reading *reading, struct hint_trie *trie, uint32_t node,
                                const json_t *object)
{
    const json_t *map = map_of(object, "predictions_by_call_index"), *value;
    const char *key;
    if (map && !json_is_object(map))
        return wrong(reading, "predictions_by_call_index", map, "an object");
    json_object_foreach((json_t *)map, key, value)
    {
        uint64_t index;
        struct callpath_prediction prediction = {0}, *to;
        size_t len = enter(reading, "predictions_by_call_index", key);
        if (!str_to_uint64(str_of(key), &index) || index > UINT32_MAX)
            return wrong(reading, "", NULL, "a call index as key, a whole number");
        FW_TRY(read_prediction(reading, value, &prediction));
        FW_TRY(hint_trie_entry(trie, node, (uint32_t)index, &to));
        *to = prediction;
        reading->place.len = len;
    }
    return FW_OK;
}

/* As deep as the parser lets a document be. */
static enum fw_err read_node(struct reading *reading, struct hint_trie *trie, uint32_t node,
                             const json_t *object)
{
    const json_t *children, *child;
    struct callpath_prediction prediction = {0}, beyond = {0};
    bool has = false, has_beyond = false;
    const char *key;
    if (!json_is_object(object))
        return wrong(reading, "", object, "an object: a node");
    FW_TRY(read_indices(reading, trie, node, object));
    FW_TRY(read_one(reading, object, "predictions_any_index", &has, &prediction));
    FW_TRY(read_one(reading, object, "predictions_beyond_index", &has_beyond, &beyond));
    trie->nodes[node].has_any = has;
    trie->nodes[node].any = prediction;
    trie->nodes[node].has_beyond = has_beyond;
    trie->nodes[node].beyond = beyond;
    children = map_of(object, "children");
    if (children && !json_is_object(children))
        return wrong(reading, "children", children, "an object");
    void *at = json_object_iter((json_t *)children);
    for (; at; at = json_object_iter_next((json_t *)children, at)) {
        uint32_t number;
        key = json_object_iter_key(at);
        child = json_object_iter_value(at);
        size_t len = enter(reading, "children", key);
        FW_TRY(hint_trie_child(trie, node, str_of(key), &number));
        FW_TRY(read_node(reading, trie, number, child));
        reading->place.len = len;
    }
    return FW_OK;
}

static enum fw_err read_envelope(struct reading *reading, struct hints_file *file,
                                 const json_t *json, bool versioned)
{
    if (!json_is_object(json))
        return wrong(reading, "", json, "an object: a trie as `hints learn` writes it");
    const json_t *version = map_of(json, "version"), *workflow = map_of(json, "workflow_name");
    const char *text = json_string_value(version);
    if (versioned && (!text || strcmp(text, "1.0") != 0))
        return wrong(reading, "version", version, "\"1.0\"");
    if (workflow && !json_is_string(workflow))
        return wrong(reading, "workflow_name", workflow, "a string");
    file->workflow_len = workflow ? json_string_length(workflow) : 0;
    file->workflow = malloc(file->workflow_len + 1);
    if (!file->workflow)
        return FW_NOMEM;
    memcpy(file->workflow, workflow ? json_string_value(workflow) : "", file->workflow_len);
    enter(reading, "root", NULL);
    if (!map_of(json, "root"))
        return wrong(reading, "", NULL, "an object: a node");
    FW_TRY(hint_trie_init(&file->trie));
    return read_node(reading, &file->trie, 0, map_of(json, "root"));
}

enum fw_err hints_json_read(struct hints_file *file, const char *name, struct str text,
                            bool versioned, struct fw_detail *detail)
{
    enum { PLACE_MAX = 1 << 16 };
    json_error_t error;
    struct reading reading = {name, detail, {0}};
    *file = (struct hints_file){.workflow = NULL};
    json_t *json = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, &error);
    if (!json)
        return err_set(detail, FW_INPUT, "%s:%d:%d: %s", name, error.line, error.column,
                       error.text);
    buf_init(&reading.place, PLACE_MAX);
    enum fw_err err = read_envelope(&reading, file, json, versioned);
    buf_fini(&reading.place);
    json_decref(json);
    if (err != FW_OK)
        hints_json_fini(file);
    return err;
}

void hints_json_fini(struct hints_file *file)
{
    hint_trie_fini(&file->trie);
    free(file->workflow);
    *file = (struct hints_file){.workflow = NULL};
}
