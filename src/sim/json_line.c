/* SPDX-License-Identifier: MIT */
#include "sim/json_line.h"
#include <jansson.h>
#include <stdio.h>

/* Units of durations by the name of the field; anything else is in seconds (or ends in _ms, _us,
 * _ns). */
static const struct {
    const char *name, *as;
} duration_units[] = {
    {"duration", "duration_ms"}, /* Envoy's %DURATION% is in milliseconds; access logs only */
    {"latency", "latency_ms"},   {"usage.total_time", "s"},
    {"request_time", "s"},       {"response_time", "s"},
};

struct value {
    struct str text, name;
    char number[STR_NUMBER_MAX];
};

/* A member by its whole name, else by the part before each dot. */
static json_t *find_member(json_t *object, const char *name)
{
    json_t *member = json_object_get(object, name);
    const char *dot = strchr(name, '.');
    if (member || !dot)
        return member;
    char head[64];
    size_t len = (size_t)(dot - name);
    if (len >= sizeof head)
        return NULL;
    memcpy(head, name, len);
    head[len] = '\0';
    json_t *inner = json_object_get(object, head);
    return json_is_object(inner) ? find_member(inner, dot + 1) : NULL;
}

/* Numbers become text again, so that times are read exactly as they were written. */
static bool member_value(json_t *object, const char *name, struct value *value)
{
    json_t *member = find_member(object, name);
    value->name = str_of(name);
    if (json_is_string(member)) {
        value->text = str_trim((struct str){json_string_value(member), json_string_length(member)});
    } else if (json_is_integer(member)) {
        snprintf(value->number, sizeof value->number, "%" JSON_INTEGER_FORMAT,
                 json_integer_value(member));
        value->text = str_of(value->number);
    } else if (json_is_real(member)) {
        value->text = str_of(str_from_double(json_real_value(member), value->number));
    } else {
        return false;
    }
    return value->text.len > 0 && !str_equal(value->text, STR("-"));
}

static bool first_value(json_t *object, const char *const *names, size_t count, struct value *value)
{
    for (size_t i = 0; i < count && names[i]; i++)
        if (member_value(object, names[i], value))
            return true;
    *value = (struct value){.text = {"", 0}, .name = str_of(names[0] ? names[0] : "")};
    return false;
}

/* What the user mapped, else the kind's names. Joined parts go into the reader's scratch. */
static bool field_value(struct reader *reader, const struct json_line_kind *kind, json_t *object,
                        int field, struct value *value)
{
    const struct reader_names *names = &reader->names[field];
    if (names->count == 0)
        return first_value(object, kind->names[field], JSON_LINE_NAMES_MAX, value);
    size_t from = reader->joined.len;
    for (uint32_t i = 0; i < names->count; i++) {
        char name[256];
        snprintf(name, sizeof name, "%.*s",
                 (int)(names->parts[i].len < 255 ? names->parts[i].len : 255),
                 names->parts[i].data);
        if (!member_value(object, name, value)) {
            value->text = (struct str){"", 0};
            value->name = names->parts[i];
            return false;
        }
        value->name = names->parts[i];
        if (names->count == 1)
            return true;
        if (i > 0)
            buf_add_char(&reader->joined, '+');
        buf_add_str(&reader->joined, value->text);
    }
    value->text = (struct str){reader->joined.data + from, reader->joined.len - from};
    return true;
}

/* "POST /v1/chat/completions HTTP/1.1" or a plain path or URL: method (may be empty) and path
 * without query. */
static void split_request(struct str text, struct str *method, struct str *path)
{
    struct str rest = text, word;
    *method = (struct str){"", 0};
    *path = text;
    if (memchr(text.data, ' ', text.len) && str_cut(&rest, ' ', &word)) {
        *method = word;
        if (rest.data && str_cut(&rest, ' ', &word))
            *path = word;
    }
    const char *scheme = memmem(path->data, path->len, "://", 3);
    if (scheme) {
        size_t skip = (size_t)(scheme - path->data) + 3;
        const char *slash = memchr(path->data + skip, '/', path->len - skip);
        if (slash)
            *path = (struct str){slash, path->len - (size_t)(slash - path->data)};
    }
    const char *query = memchr(path->data, '?', path->len);
    if (query)
        path->len = (size_t)(query - path->data);
}

/* The call's path, and whether it is upkeep rather than demand. */
static bool request_path(json_t *object, struct value *path, bool *upkeep)
{
    static const char *const paths[] = {"request_uri", "uri",       "path", "url",
                                        "request",     "http.path", NULL};
    static const char *const methods[] = {"request_method", "method", "http.method", NULL};
    struct value method;
    struct str inline_method;
    *upkeep = false;
    if (!first_value(object, paths, 7, path))
        return false;
    split_request(path->text, &inline_method, &path->text);
    if (!first_value(object, methods, 4, &method))
        method.text = inline_method;
    *upkeep = reader_is_upkeep(method.text, path->text);
    return path->text.len > 0;
}

static struct str duration_unit(const struct json_line_kind *kind, struct str name)
{
    for (size_t i = 0; i < sizeof duration_units / sizeof duration_units[0]; i++)
        if (str_equal(name, str_of(duration_units[i].name)) && (kind->path_is_resource || i > 0))
            return str_of(duration_units[i].as);
    return name;
}

struct json_row {
    struct value time, resource, session, duration, end;
    struct reader_row row;
};

/* The duration, or the end minus the beginning where both are logged. */
static void set_duration(struct reader *reader, const struct json_line_kind *kind, json_t *object,
                         struct json_row *out)
{
    int64_t from_ns, to_ns;
    if (field_value(reader, kind, object, READER_DURATION, &out->duration)) {
        out->row.duration = out->duration.text;
        out->row.duration_column = reader->names[READER_DURATION].count
                                       ? out->duration.name
                                       : duration_unit(kind, out->duration.name);
        return;
    }
    if (!first_value(object, kind->end, 8, &out->end) ||
        !trace_time_parse(out->row.time, reader->time, &from_ns) ||
        !trace_time_parse(out->end.text, reader->time, &to_ns) || to_ns < from_ns)
        return;
    snprintf(out->duration.number, sizeof out->duration.number, "%lld",
             (long long)(to_ns - from_ns));
    out->row.duration = str_of(out->duration.number);
    out->row.duration_column = STR("end_ns");
}

static enum fw_err take_object(struct reader *reader, const struct json_line_kind *kind,
                               uint64_t line, json_t *object, uint64_t hash)
{
    struct json_row out = {.row = {.line = line, .hash = hash}};
    struct value path;
    bool upkeep = false, has_path = request_path(object, &path, &upkeep);
    if (upkeep) {
        reader->trace->ignored++;
        return FW_OK;
    }
    (void)field_value(reader, kind, object, READER_TIME, &out.time);
    out.row.time = out.time.text;
    out.row.time_column = out.time.name;
    if (reader->time == TRACE_TIME_AUTO && out.time.text.len == 0)
        return reader_bad(reader, line, "time", out.time.text, "a time");
    if (reader->time == TRACE_TIME_AUTO)
        FW_TRY(reader_time_style(reader, line, out.time.text, (struct str){"", 0}, out.time.name));
    bool has_resource = field_value(reader, kind, object, READER_RESOURCE, &out.resource);
    if (!has_resource && kind->path_is_resource && has_path &&
        reader->names[READER_RESOURCE].count == 0)
        out.resource = path;
    out.row.resource = kind->fixed_resource ? str_of(kind->fixed_resource) : out.resource.text;
    out.row.resource_column = out.resource.name;
    if (field_value(reader, kind, object, READER_SESSION, &out.session))
        out.row.session = out.session.text;
    set_duration(reader, kind, object, &out);
    return reader_add(reader, &out.row);
}

static enum fw_err take_line(struct reader *reader, const struct json_line_kind *kind,
                             uint64_t line, struct str text)
{
    json_error_t error;
    json_t *object = text.len <= TRACE_ROW_MAX ? json_loadb(text.data, text.len, 0, &error) : NULL;
    if (!json_is_object(object)) {
        json_decref(object);
        return reader_bad(reader, line, "line", text, "one JSON object of at most 1 MiB");
    }
    buf_clear(&reader->joined);
    enum fw_err err = FW_OK;
    if (!buf_reserve(&reader->joined, TRACE_ROW_MAX))
        err = err_set(reader->detail, FW_NOMEM, "no memory for a line");
    if (err == FW_OK)
        err = take_object(reader, kind, line, object, str_hash(text.data, text.len, 0));
    json_decref(object);
    return err;
}

enum fw_err json_line_read(struct reader *reader, struct str text,
                           const struct json_line_kind *kind)
{
    struct str rest = text, line;
    uint64_t number = 0;
    if (kind->fixed_time != TRACE_TIME_AUTO && reader->time == TRACE_TIME_AUTO) {
        reader->time = kind->fixed_time;
        reader->trace->time = kind->fixed_time;
    }
    while (reader_line(&rest, &line)) {
        number++;
        line = str_trim(line);
        if (line.len == 0)
            continue;
        reader->trace->rows++;
        FW_TRY(take_line(reader, kind, number, line));
    }
    return FW_OK;
}
