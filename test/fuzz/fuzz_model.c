/* SPDX-License-Identifier: MIT
 * The model scanner against jansson: both accept a text or both refuse it, and both find the same
 * name and the same `stream`. They may differ on depth, on the range of numbers, on NUL, and on
 * other members that are there twice. The forms are run beside it: what they find lies in the text.
 */
#include "base/check.h"
#include "edge/form.h"
#include "edge/scan.h"
#include <jansson.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static bool may_differ(const json_error_t *error)
{
    enum json_error_code code = json_error_code(error);
    return code == json_error_numeric_overflow || code == json_error_null_character ||
           code == json_error_null_byte_in_key || code == json_error_stack_overflow;
}

static void check_model(const json_t *root, const struct scan_field *model,
                        const struct scan_field *stream)
{
    const json_t *name = json_object_get(root, "model");
    char text[1 << 12];
    size_t len;
    CHECK((model->type == SCAN_ABSENT) == !name);
    CHECK((stream->type == SCAN_ABSENT) == !json_object_get(root, "stream"));
    if (!stream->twice)
        CHECK((stream->type == SCAN_TRUE) == json_is_true(json_object_get(root, "stream")));
    if (!name || model->twice)
        return;
    CHECK((model->type == SCAN_STRING) == json_is_string(name));
    if (json_is_string(name) && scan_string(model, text, sizeof text, &len)) {
        CHECK(len == json_string_length(name));
        CHECK(memcmp(text, json_string_value(name), len) == 0);
    }
}

static void check_json(struct str text)
{
    struct scan_field fields[2] = {{.key = STR("model")}, {.key = STR("stream")}};
    struct scan_error where;
    json_error_t error;
    enum fw_err err = scan_object(text, fields, 2, &where);
    json_t *root = json_loadb(text.data, text.len, 0, &error);
    if (err != FW_OK) {
        CHECK(where.at <= text.len && where.expected);
        /* jansson may take what is deeper than we go, and it overlooks a NUL behind a number. */
        CHECK(!json_is_object(root) || strstr(where.expected, "levels") ||
              memchr(text.data, '\0', text.len));
    } else if (root) {
        CHECK(json_is_object(root));
        check_model(root, &fields[0], &fields[1]);
    } else {
        CHECK(may_differ(&error));
    }
    json_decref(root);
}

static void check_inside(struct str text, struct str raw)
{
    CHECK(raw.len == 0 || (raw.data >= text.data && raw.data + raw.len <= text.data + text.len));
}

static void check_forms(struct str text)
{
    struct str raw = {0};
    char decoded[64];
    if (form_find(text, STR("model"), &raw) == FORM_FOUND)
        check_inside(text, raw);
    (void)form_get(text, STR("model"), decoded, sizeof decoded);
    if (form_find_part(text, STR("B"), STR("model"), &raw) == FORM_FOUND)
        check_inside(text, raw);
    if (form_boundary(text, &raw))
        check_inside(text, raw);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct str text = {len > 0 ? (const char *)data : "", len};
    check_json(text);
    check_forms(text);
    return 0;
}
