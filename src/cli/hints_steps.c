/* SPDX-License-Identifier: MIT
 * Runs of --compat nat: lists of steps. {type, t, uuid, name, parent_id, ancestry {function_id,
 * function_name, parent_id, parent_name}, span_start?, completion_tokens?}; t in seconds since
 * 1970. */
#include "cli/hints_read.h"
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct reading {
    const struct run_record_place *place;
    struct fw_detail *detail;
    size_t step;
};

static enum fw_err wrong(const struct reading *reading, const char *field, const json_t *value,
                         const char *expected)
{
    char where[64];
    char *found = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    if (reading->place->line > 0)
        snprintf(where, sizeof where, ":%zu: ", reading->place->line);
    else
        snprintf(where, sizeof where, ": runs[%zu].", reading->place->number);
    enum fw_err err =
        err_set(reading->detail, FW_INPUT, "%s%ssteps[%zu]%s%s: found %.60s, expected %s",
                reading->place->file, where, reading->step, field[0] ? "." : "", field,
                found ? found : "nothing", expected);
    free(found);
    return err;
}

/* No data where there is no such field, or null. */
static enum fw_err take_text(const struct reading *reading, const json_t *object, const char *field,
                             bool required, struct str *text)
{
    const json_t *value = json_object_get(object, field);
    *text = (struct str){NULL, 0};
    if (!required && (!value || json_is_null(value)))
        return FW_OK;
    if (!json_is_string(value) || json_string_length(value) > CALLPATH_NAME_MAX)
        return wrong(reading, field, value, "a string of at most 1024 bytes");
    *text = (struct str){json_string_value(value), json_string_length(value)};
    return FW_OK;
}

static enum fw_err take_number(const struct reading *reading, const json_t *object,
                               const char *field, bool required, bool *given, double *number)
{
    const json_t *value = json_object_get(object, field);
    static const double most = 1e15;
    *given = value && !json_is_null(value);
    if (!*given && !required)
        return FW_OK;
    if (!json_is_number(value) || !(fabs(json_number_value(value)) <= most))
        return wrong(reading, field, value, "a number");
    *number = json_number_value(value);
    return FW_OK;
}

static enum compat_nat_type type_of(const char *text)
{
    static const char *const names[] = {
        [COMPAT_NAT_LLM_START] = "LLM_START",           [COMPAT_NAT_LLM_END] = "LLM_END",
        [COMPAT_NAT_TOOL_START] = "TOOL_START",         [COMPAT_NAT_TOOL_END] = "TOOL_END",
        [COMPAT_NAT_FUNCTION_START] = "FUNCTION_START", [COMPAT_NAT_FUNCTION_END] = "FUNCTION_END",
        [COMPAT_NAT_SPAN_START] = "SPAN_START",         [COMPAT_NAT_SPAN_END] = "SPAN_END",
    };
    enum compat_nat_type type = 0;
    while (type < COMPAT_NAT_OTHER && strcmp(text, names[type]) != 0)
        type++;
    return type;
}

static enum fw_err take_step(const struct reading *reading, const json_t *object,
                             struct compat_nat_step *step)
{
    bool given;
    const json_t *type = json_object_get(object, "type");
    const json_t *ancestry = json_object_get(object, "ancestry");
    if (!json_is_object(object))
        return wrong(reading, "", object, "an object");
    if (!json_is_string(type))
        return wrong(reading, "type", type, "a string such as \"LLM_START\"");
    step->type = type_of(json_string_value(type));
    FW_TRY(take_number(reading, object, "t", true, &given, &step->at_s));
    if (step->type == COMPAT_NAT_OTHER) /* its time alone matters */
        return FW_OK;
    FW_TRY(take_text(reading, object, "uuid", true, &step->uuid));
    FW_TRY(take_text(reading, object, "parent_id", false, &step->parent_id));
    FW_TRY(take_number(reading, object, "span_start", false, &step->has_span_start,
                       &step->span_start_s));
    FW_TRY(take_number(reading, object, "completion_tokens", false, &given, &step->tokens));
    if (step->type != COMPAT_NAT_LLM_END)
        return FW_OK;
    if (!json_is_object(ancestry))
        return wrong(reading, "ancestry", ancestry, "an object");
    FW_TRY(take_text(reading, ancestry, "function_id", true, &step->function_id));
    FW_TRY(take_text(reading, ancestry, "function_name", true, &step->function_name));
    FW_TRY(take_text(reading, ancestry, "parent_id", false, &step->function_parent_id));
    return take_text(reading, ancestry, "parent_name", false, &step->function_parent_name);
}

enum fw_err hints_steps(const json_t *run, const struct run_record_place *place,
                        struct compat_nat_step **steps, uint32_t *count, struct fw_detail *detail)
{
    struct reading reading = {place, detail, 0};
    const json_t *list = json_is_array(run) ? run : json_object_get(run, "steps"), *object;
    *steps = NULL;
    *count = 0;
    if (!json_is_array(list))
        return wrong(&reading, "", run, "a list of steps, or an object with steps");
    if (json_array_size(list) > COMPAT_NAT_STEPS_MAX)
        return wrong(&reading, "", NULL, "at most 16777216 steps");
    *steps = calloc(json_array_size(list) + 1, sizeof **steps);
    if (!*steps)
        return FW_NOMEM;
    json_array_foreach(list, reading.step, object)
    {
        enum fw_err err = take_step(&reading, object, &(*steps)[*count]);
        if (err != FW_OK) {
            free(*steps);
            *steps = NULL;
            return err;
        }
        ++*count;
    }
    return FW_OK;
}
