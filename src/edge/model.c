/* SPDX-License-Identifier: MIT */
#include "edge/model.h"
#include "edge/head.h"

/* --- in the path --- */

/* Paths whose next part is a model: llama-swap, KServe/Triton, TorchServe. */
static const char *const path_prefixes[] = {"/upstream/", "/v2/models/", "/predictions/",
                                            "/v1/models/"};

/* Ids may hold '/' and ':', which the path uses too: the longest configured id that ends at a
 * boundary. */
static bool find_in_path(struct model *model, const struct view *view, struct str path)
{
    struct str prefix = {0};
    size_t len;
    for (size_t i = 0; i < sizeof path_prefixes / sizeof *path_prefixes && !prefix.data; i++) {
        if (str_starts(path, str_of(path_prefixes[i])))
            prefix = str_of(path_prefixes[i]);
    }
    if (!prefix.data)
        return false;
    struct str rest = {path.data + prefix.len, path.len - prefix.len};
    if (rest.len > MODEL_NAME_MAX)
        rest.len = MODEL_NAME_MAX;
    while (form_decode(rest, false, model->text, sizeof model->text, &len) != FORM_FOUND) {
        if (rest.len == 0)
            return false;
        rest.len--; /* cut in the middle of %XX, or too long by its NUL */
    }
    for (size_t n = len; n > 0; n--) {
        char next = n < len ? model->text[n] : '/';
        if (next != '/' && next != ':')
            continue;
        if (view_find(view, (struct str){model->text, n})) {
            model->name = (struct str){model->text, n};
            model->place = MODEL_PATH;
            return true;
        }
    }
    /* No configured id: the part up to the next slash, for the message. */
    const char *slash = memchr(model->text, '/', len);
    model->name = (struct str){model->text, slash ? (size_t)(slash - model->text) : len};
    model->place = MODEL_PATH;
    return model->name.len > 0;
}

/* --- in bodies --- */

static enum fw_err take_text(struct model *model, enum model_place place, struct str raw,
                             enum form_find found, struct fw_detail *detail)
{
    size_t len = 0;
    if (found == FORM_ABSENT)
        return FW_OK;
    if (found == FORM_TWICE)
        return err_set(detail, FW_INPUT, "the field \"model\" is there twice; expected once");
    if (found == FORM_FOUND) {
        if (place == MODEL_PART) {
            found = raw.len < sizeof model->text ? FORM_FOUND : FORM_TOO_LONG;
            len = found == FORM_FOUND ? raw.len : 0;
            memcpy(model->text, raw.data, len);
        } else {
            found = form_decode(raw, true, model->text, sizeof model->text, &len);
        }
    }
    if (found != FORM_FOUND)
        return err_set(detail, FW_INPUT,
                       found == FORM_TOO_LONG ? "the field \"model\" is longer than 511 bytes"
                                              : "the form cannot be read");
    struct str name = {model->text, len};
    if (len == 0 || memchr(model->text, '\0', len) || !str_is_utf8(name))
        return err_set(detail, FW_INPUT,
                       "the field \"model\" is empty or not text; expected a model's name");
    model->name = name;
    model->raw = raw;
    model->place = place;
    return FW_OK;
}

static enum fw_err find_in_parts(struct model *model, struct str body, struct str type,
                                 struct fw_detail *detail)
{
    struct str boundary, raw = {0}, stream = {0};
    if (!form_boundary(type, &boundary))
        return err_set(detail, FW_INPUT, "the multipart body's Content-Type has no boundary");
    enum form_find found = form_find_part(body, boundary, STR("model"), &raw);
    if (found == FORM_BROKEN)
        return err_set(detail, FW_INPUT,
                       "the multipart body cannot be read: a part does not end in its boundary");
    model->stream = form_find_part(body, boundary, STR("stream"), &stream) == FORM_FOUND &&
                    str_equal_nocase(stream, STR("true"));
    return take_text(model, MODEL_PART, raw, found, detail);
}

static enum fw_err take_json(struct model *model, const struct scan_field *field,
                             struct fw_detail *detail)
{
    size_t len;
    if (field->type == SCAN_ABSENT)
        return FW_OK;
    if (field->twice)
        return err_set(detail, FW_INPUT, "the member \"model\" is there twice; expected once");
    if (field->type != SCAN_STRING)
        return err_set(detail, FW_INPUT, "the member \"model\" is not a string");
    if (!scan_string(field, model->text, sizeof model->text, &len))
        return err_set(detail, FW_INPUT, "the member \"model\" is longer than 512 bytes");
    if (len == 0 || memchr(model->text, '\0', len))
        return err_set(detail, FW_INPUT,
                       "the member \"model\" is empty or holds a NUL; expected a model's name");
    model->name = (struct str){model->text, len};
    model->raw = field->raw;
    model->place = MODEL_JSON;
    return FW_OK;
}

/* --- resource_from: "slm_{quality}" --- */

struct from_part {
    struct str literal, field; /* the literal before a {field}; field data NULL: the end */
};

static uint32_t split_from(const struct config_resource_from *from,
                           struct from_part parts[RESOURCE_FROM_PARTS_MAX + 1])
{
    struct str rest = str_of(from->text);
    uint32_t count = 0;
    while (rest.len > 0 && count <= RESOURCE_FROM_PARTS_MAX) {
        const char *open = memchr(rest.data, '{', rest.len), *end = rest.data + rest.len;
        const char *shut = open ? memchr(open, '}', (size_t)(end - open)) : NULL;
        if (!shut || count == RESOURCE_FROM_PARTS_MAX) {
            parts[count++] = (struct from_part){rest, {0}};
            break;
        }
        parts[count++] = (struct from_part){{rest.data, (size_t)(open - rest.data)},
                                            {open + 1, (size_t)(shut - open - 1)}};
        rest = (struct str){shut + 1, (size_t)(end - shut - 1)};
    }
    return count;
}

/* A header of this name, with '_' written as '-', also "x-forewarm-NAME"; else the JSON member. */
static bool from_value(const struct server_request *request, struct str name,
                       const struct scan_field *fields, size_t field_count, char *out, size_t size,
                       size_t *len)
{
    char header[128] = "x-forewarm-";
    size_t prefix = strlen(header);
    if (name.len + prefix >= sizeof header)
        return false;
    for (size_t i = 0; i < name.len; i++)
        header[prefix + i] = (char)(name.data[i] == '_' ? '-' : name.data[i]);
    header[prefix + name.len] = '\0';
    struct str value = server_field_get(request, header);
    if (!value.data)
        value = server_field_get(request, header + prefix);
    if (value.data && value.len <= size) {
        memcpy(out, value.data, value.len);
        *len = value.len;
        return value.len > 0;
    }
    for (size_t i = 0; i < field_count; i++) {
        if (str_equal(fields[i].key, name) && fields[i].type == SCAN_STRING)
            return scan_string(&fields[i], out, size, len) && *len > 0;
    }
    return false;
}

static void find_from(struct model *model, const struct server_request *request,
                      const struct from_part *parts, uint32_t part_count,
                      const struct scan_field *fields, size_t field_count)
{
    size_t at = 0, len;
    for (uint32_t i = 0; i < part_count; i++) {
        if (at + parts[i].literal.len > sizeof model->text)
            return;
        memcpy(model->text + at, parts[i].literal.data, parts[i].literal.len);
        at += parts[i].literal.len;
        if (!parts[i].field.data)
            continue;
        if (!from_value(request, parts[i].field, fields, field_count, model->text + at,
                        sizeof model->text - at, &len))
            return;
        at += len;
    }
    if (at == 0)
        return;
    model->name = (struct str){model->text, at};
    model->raw = (struct str){0};
    model->place = MODEL_HEADERS;
}

/* --- all together --- */

enum body_kind { BODY_NONE, BODY_JSON, BODY_FORM, BODY_PARTS, BODY_OTHER };

static struct str media_type(struct str content_type)
{
    struct str type;
    return str_cut(&content_type, ';', &type) ? str_trim(type) : (struct str){"", 0};
}

static enum body_kind body_kind(struct str body, struct str content_type)
{
    struct str type = media_type(content_type);
    if (body.len == 0)
        return BODY_NONE;
    size_t blank = 0;
    while (blank < body.len && memchr(" \t\r\n", body.data[blank], 4))
        blank++;
    bool object = blank < body.len && body.data[blank] == '{';
    if (str_equal_nocase(type, STR("multipart/form-data")))
        return BODY_PARTS;
    if (str_equal_nocase(type, STR("application/x-www-form-urlencoded")))
        return object ? BODY_JSON : BODY_FORM; /* what curl -d says of the JSON it sends */
    bool json =
        type.len == 0 || str_equal_nocase(type, STR("application/json")) ||
        str_equal_nocase(type, STR("text/plain")) || str_equal_nocase(type, STR("text/json")) ||
        (type.len > 5 && str_equal_nocase((struct str){type.data + type.len - 5, 5}, STR("+json")));
    return json ? BODY_JSON : BODY_OTHER;
}

static enum fw_err read_json(struct model *model, struct str body, struct scan_field *fields,
                             size_t count, struct fw_detail *detail)
{
    struct scan_error error;
    if (scan_object(body, fields, count, &error) != FW_OK)
        return err_set(detail, FW_INPUT, "the JSON body cannot be read: byte %zu: expected %s",
                       error.at, error.expected);
    model->stream = fields[1].type == SCAN_TRUE;
    model->body = body;
    if (fields[2].type == SCAN_OBJECT)
        model->options = fields[2].raw;
    model->nvext = fields[3];
    return take_json(model, &fields[0], detail);
}

static enum fw_err read_body(struct model *model, const struct server_request *request,
                             struct scan_field *fields, size_t count, struct fw_detail *detail)
{
    struct str type = server_field_get(request, "content-type"), raw = {0};
    enum body_kind kind = body_kind(request->body, type);
    if (kind == BODY_NONE || kind == BODY_OTHER)
        return FW_OK;
    struct str encoding = server_field_get(request, "content-encoding");
    if (encoding.data && !str_equal_nocase(encoding, STR("identity")))
        return err_set(
            detail, FW_MEDIA_TYPE,
            "the model's name cannot be read from a body with Content-Encoding; send it plain");
    if (kind == BODY_PARTS)
        return find_in_parts(model, request->body, type, detail);
    if (kind == BODY_FORM)
        return take_text(model, MODEL_FORM, raw, form_find(request->body, STR("model"), &raw),
                         detail);
    return read_json(model, request->body, fields, count, detail);
}

static enum fw_err read_query(struct model *model, const struct server_request *request,
                              struct fw_detail *detail)
{
    struct str raw = {0};
    enum form_find found = form_find(request->query, STR("model"), &raw);
    return take_text(model, MODEL_QUERY, raw, found, detail);
}

enum fw_err model_find(struct model *model, const struct view *view,
                       const struct server_request *request, struct fw_detail *detail)
{
    const struct config *config = view->config;
    struct from_part parts[RESOURCE_FROM_PARTS_MAX + 1];
    struct scan_field fields[SCAN_FIELDS_MAX] = {{.key = STR("model")},
                                                 {.key = STR("stream")},
                                                 {.key = STR("options")},
                                                 {.key = STR("nvext")}};
    size_t count = 4;
    uint32_t part_count =
        config->resource_from.text[0] ? split_from(&config->resource_from, parts) : 0;
    for (uint32_t i = 0; i < part_count && count < SCAN_FIELDS_MAX; i++) {
        if (parts[i].field.data)
            fields[count++].key = parts[i].field;
    }
    model->place = MODEL_NOWHERE;
    model->name = model->raw = model->body = model->options = (struct str){0};
    model->stream = false;
    bool in_path = find_in_path(model, view, request->path);
    if (in_path)
        return FW_OK;
    FW_TRY(read_body(model, request, fields, count, detail));
    if (model->place == MODEL_NOWHERE && request->query.len > 0)
        FW_TRY(read_query(model, request, detail));
    if (model->place == MODEL_NOWHERE && part_count > 0)
        find_from(model, request, parts, part_count, fields, count);
    if (model->place == MODEL_NOWHERE && config->default_resource[0]) {
        model->name = str_of(config->default_resource);
        model->place = MODEL_DEFAULT;
    }
    if (model->place == MODEL_NOWHERE)
        return err_set(detail, FW_MODEL_MISSING,
                       "the request names no model: expected a JSON member, form field or query "
                       "parameter \"model\"");
    return FW_OK;
}

size_t model_spell(const struct model *model, struct str name, char *out, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    size_t n = 0;
    if (model->place == MODEL_FORM || model->place == MODEL_QUERY) {
        n = form_encode(name, out, size);
        return n < size - 3 ? n : 0;
    }
    bool json = model->place == MODEL_JSON;
    if (name.len * 6 + 2 > size)
        return 0;
    if (json)
        out[n++] = '"';
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.data[i];
        if (json && c < 0x20) {
            memcpy(out + n, "\\u00", 4);
            out[n + 4] = digits[c >> 4];
            out[n + 5] = digits[c & 15];
            n += 6;
            continue;
        }
        if (json && (c == '"' || c == '\\'))
            out[n++] = '\\';
        out[n++] = (char)c;
    }
    if (json)
        out[n++] = '"';
    return n;
}
