/* SPDX-License-Identifier: MIT */
#include "edge/run_record.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/time.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* Where reading stands, for messages; and where the record's memory is filled up to. */
struct reading {
    const struct run_record_place *place;
    struct fw_detail *detail;
    long call; /* number; -1: a field of the run itself */
    struct str *elements;
    char *text;
};

/* ---- messages ---- */

static void describe(const json_t *value, char *text, size_t size)
{
    const char *string = json_string_value(value);
    char *dump = string ? NULL : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    const char *shown = string ? string : dump ? dump : "null";
    size_t len = strlen(shown), kept = len < 60 ? len : 60;
    while (kept < len && kept > 0 && ((unsigned char)shown[kept] & 0xc0) == 0x80)
        kept--; /* no half characters */
    snprintf(text, size, "%s%.*s%s%s", string ? "\"" : "", (int)kept, shown,
             kept < len ? "..." : "", string ? "\"" : "");
    free(dump);
}

static enum fw_err wrong_words(const struct reading *reading, const char *field, const char *found,
                               const char *expected)
{
    char where[64], call[32] = "";
    if (reading->place->line > 0)
        snprintf(where, sizeof where, ":%zu: ", reading->place->line);
    else
        snprintf(where, sizeof where, ": runs[%zu]%s", reading->place->number,
                 reading->call >= 0 || field[0] ? "." : "");
    if (reading->call >= 0)
        snprintf(call, sizeof call, "calls[%ld]%s", reading->call, field[0] ? "." : "");
    return err_set(reading->detail, FW_INPUT, "%s%s%s%s%sfound %s, expected %s",
                   reading->place->file, where, call, field,
                   reading->call >= 0 || field[0] || reading->place->line == 0 ? ": " : "", found,
                   expected);
}

static enum fw_err wrong(const struct reading *reading, const char *field, const json_t *value,
                         const char *expected)
{
    char found[128] = "nothing";
    if (value)
        describe(value, found, sizeof found);
    return wrong_words(reading, field, found, expected);
}

static enum fw_err too_many(const struct reading *reading, const char *field, size_t count,
                            const char *things, int most)
{
    char found[64], expected[64];
    snprintf(found, sizeof found, "%zu %s", count, things);
    snprintf(expected, sizeof expected, "at most %d", most);
    return wrong_words(reading, field, found, expected);
}

/* A null is no value. */
static const json_t *field_of(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return json_is_null(value) ? NULL : value;
}

/* ---- how much there is ---- */

static size_t length_of(const json_t *value)
{
    return json_is_string(value) ? json_string_length(value) : 0;
}

static void measure(const json_t *json, const json_t *calls, size_t *elements, size_t *bytes)
{
    static const char *const texts[] = {"id", "parent_id", "name", "model_name"};
    size_t i, k;
    const json_t *call, *scope;
    *elements = 0;
    *bytes = length_of(json_object_get(json, "id")) + length_of(json_object_get(json, "agent_id"));
    json_array_foreach(calls, i, call)
    {
        const json_t *path = json_object_get(call, "path");
        for (size_t t = 0; t < sizeof texts / sizeof texts[0]; t++)
            *bytes += length_of(json_object_get(call, texts[t]));
        *elements += json_array_size(path) + 1;
        json_array_foreach(path, k, scope) *bytes += length_of(scope);
    }
}

/* ---- fields ---- */

static struct str keep(struct reading *reading, const char *text, size_t len)
{
    struct str kept = {reading->text, len};
    if (len > 0)
        memcpy(reading->text, text, len);
    reading->text += len;
    return kept;
}

/* *text is left alone where there is no such field. */
static enum fw_err take_text(struct reading *reading, const json_t *object, const char *field,
                             size_t max, bool required, struct str *text)
{
    const json_t *value = field_of(object, field);
    char expected[48];
    if (!value && !required)
        return FW_OK;
    if (!json_is_string(value) || json_string_length(value) > max ||
        (required && json_string_length(value) == 0)) {
        snprintf(expected, sizeof expected, "a string of %d to %zu bytes", required ? 1 : 0, max);
        return wrong(reading, field, value, expected);
    }
    *text = keep(reading, json_string_value(value), json_string_length(value));
    return FW_OK;
}

static enum fw_err take_time(const struct reading *reading, const json_t *object, const char *field,
                             bool required, int64_t *at_ns)
{
    const json_t *value = field_of(object, field);
    int64_t parsed_ns = 0;
    if (!value && !required)
        return FW_OK;
    struct str text = {json_string_value(value), length_of(value)};
    if (!json_is_string(value) || !time_parse_iso(text, &parsed_ns, NULL))
        return wrong(reading, field, value, "an RFC 3339 time");
    if (parsed_ns < 0 && !reading->place->as_it_is)
        return wrong(reading, field, value, "a time since 1970");
    *at_ns = parsed_ns;
    return FW_OK;
}

static enum fw_err take_end(const struct reading *reading, const json_t *object, int64_t start_ns,
                            int64_t *end_ns)
{
    *end_ns = CALLPATH_OPEN;
    FW_TRY(take_time(reading, object, "ended_at", false, end_ns));
    if (*end_ns != CALLPATH_OPEN && *end_ns < start_ns && !reading->place->as_it_is)
        return wrong(reading, "ended_at", field_of(object, "ended_at"),
                     "a time at or after started_at");
    return FW_OK;
}

static enum fw_err take_tokens(const struct reading *reading, const json_t *object, double *tokens)
{
    const json_t *value = field_of(object, "output_tokens");
    *tokens = CALLPATH_NO_TOKENS;
    if (!value)
        return FW_OK;
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        json_integer_value(value) > UINT32_MAX)
        return wrong(reading, "output_tokens", value, "a whole number from 0 to 4294967295");
    *tokens = (double)json_integer_value(value);
    return FW_OK;
}

static enum fw_err take_path(struct reading *reading, const json_t *object, struct str name,
                             struct callpath_call *call)
{
    const json_t *path = field_of(object, "path"), *scope;
    size_t i;
    call->path = reading->elements;
    if (path && !json_is_array(path))
        return wrong(reading, "path", path, "a list of scope names, outermost first");
    if (json_array_size(path) > RUN_RECORD_PATH_MAX)
        return too_many(reading, "path", json_array_size(path), "scopes", RUN_RECORD_PATH_MAX);
    json_array_foreach(path, i, scope)
    {
        if (!json_is_string(scope) || json_string_length(scope) > CALLPATH_NAME_MAX)
            return wrong(reading, "path", scope, "names of at most 1024 bytes");
        *reading->elements++ = keep(reading, json_string_value(scope), json_string_length(scope));
    }
    *reading->elements++ = name;
    call->depth = (uint32_t)(reading->elements - call->path);
    return FW_OK;
}

static enum fw_err take_call(struct reading *reading, const json_t *object,
                             struct callpath_call *call, struct run_record_call *more)
{
    if (!json_is_object(object))
        return wrong(reading, "", object, "an object");
    const json_t *kind = field_of(object, "kind");
    const char *text = json_string_value(kind);
    if (!text || (strcmp(text, "llm") != 0 && strcmp(text, "tool") != 0))
        return wrong(reading, "kind", kind, "\"llm\" or \"tool\"");
    call->kind = strcmp(text, "llm") == 0 ? CALLPATH_LLM : CALLPATH_TOOL;
    FW_TRY(take_text(reading, object, "name", CALLPATH_NAME_MAX, true, &more->name));
    FW_TRY(take_text(reading, object, "id", RUN_RECORD_ID_MAX, false, &more->id));
    FW_TRY(take_text(reading, object, "parent_id", RUN_RECORD_ID_MAX, false, &more->parent_id));
    FW_TRY(take_text(reading, object, "model_name", CALLPATH_NAME_MAX, false, &more->model));
    FW_TRY(take_time(reading, object, "started_at", true, &call->start_ns));
    FW_TRY(take_end(reading, object, call->start_ns, &call->end_ns));
    FW_TRY(take_tokens(reading, object, &call->tokens));
    FW_TRY(take_path(reading, object, more->name, call));
    call->parent =
        more->parent_id.len > 0 ? str_hash(more->parent_id.data, more->parent_id.len, 1) : 0;
    return FW_OK;
}

/* ---- the record ---- */

static enum fw_err allocate(struct run_record *record, struct reading *reading, const json_t *json,
                            const json_t *calls, struct str agent, struct callpath_call **call,
                            struct run_record_call **more)
{
    size_t count = json_array_size(calls), elements = 0, bytes = 0;
    measure(json, calls, &elements, &bytes);
    bytes += agent.len;
    char *memory = calloc(1, count * (sizeof **call + sizeof **more) +
                                 elements * sizeof(struct str) + bytes + 1);
    if (!memory)
        return FW_NOMEM;
    record->memory = memory;
    *call = (struct callpath_call *)(void *)memory;
    *more = (struct run_record_call *)(void *)(*call + count);
    reading->elements = (struct str *)(void *)(*more + count);
    reading->text = (char *)(reading->elements + elements);
    record->run.calls = *call;
    record->run.count = (uint32_t)count;
    record->more = *more;
    return FW_OK;
}

static enum fw_err fill(struct run_record *record, struct reading *reading, const json_t *json,
                        struct str agent)
{
    const json_t *calls = field_of(json, "calls"), *object;
    struct callpath_call *call = NULL;
    struct run_record_call *more = NULL;
    size_t i;
    if (!json_is_object(json))
        return wrong(reading, "", json, "an object: a run record");
    if (!json_is_array(calls))
        return wrong(reading, "calls", calls, "a list of calls");
    if (json_array_size(calls) > CALLPATH_RUN_CALLS_MAX)
        return too_many(reading, "calls", json_array_size(calls), "calls", CALLPATH_RUN_CALLS_MAX);
    FW_TRY(allocate(record, reading, json, calls, agent, &call, &more));
    FW_TRY(take_text(reading, json, "id", RUN_RECORD_ID_MAX, false, &record->id));
    record->run.agent = keep(reading, agent.data, agent.len);
    FW_TRY(take_text(reading, json, "agent_id", CALLPATH_NAME_MAX, agent.len == 0,
                     &record->run.agent));
    FW_TRY(take_time(reading, json, "started_at", true, &record->run.start_ns));
    FW_TRY(take_end(reading, json, record->run.start_ns, &record->run.end_ns));
    json_array_foreach(calls, i, object)
    {
        reading->call = (long)i;
        FW_TRY(take_call(reading, object, &call[i], &more[i]));
    }
    return FW_OK;
}

enum fw_err run_record_from(struct run_record *record, const json_t *json,
                            const struct run_record_place *place, struct str agent,
                            struct fw_detail *detail)
{
    struct reading reading = {.place = place, .detail = detail, .call = -1};
    *record = (struct run_record){0};
    enum fw_err err = fill(record, &reading, json, agent);
    if (err != FW_OK)
        run_record_fini(record);
    return err;
}

enum fw_err run_record_parse(struct run_record *record, struct str text,
                             const struct run_record_place *place, struct str agent,
                             struct fw_detail *detail)
{
    json_error_t error;
    json_t *json = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, &error);
    *record = (struct run_record){0};
    if (!json)
        return err_set(detail, FW_INPUT, "%s:%zu: column %d: %s", place->file, place->line,
                       error.column, error.text);
    enum fw_err err = run_record_from(record, json, place, agent, detail);
    json_decref(json);
    return err;
}

void run_record_fini(struct run_record *record)
{
    free(record->memory);
    *record = (struct run_record){0};
}
