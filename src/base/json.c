/* SPDX-License-Identifier: MIT */
#include "base/json.h"
#include "base/check.h"
#include <inttypes.h>

void json_init(struct json *json, struct buf *out, bool indent)
{
    *json = (struct json){.out = out, .indent = indent, .first = {true}};
}

static void new_line(struct json *json)
{
    buf_add_char(json->out, '\n');
    for (int i = 0; i < json->depth; i++)
        buf_add_text(json->out, "  ");
}

/* What must stand before the next key or element. */
static void separate(struct json *json)
{
    if (json->depth == 0)
        return;
    if (!json->first[json->depth])
        buf_add_char(json->out, ',');
    if (json->indent)
        new_line(json);
    json->first[json->depth] = false;
}

static void before_value(struct json *json)
{
    if (json->after_key)
        json->after_key = false;
    else
        separate(json);
}

static void open(struct json *json, char bracket)
{
    CHECK(json->depth + 1 < JSON_DEPTH_MAX);
    before_value(json);
    buf_add_char(json->out, bracket);
    json->first[++json->depth] = true;
}

static void close(struct json *json, char bracket)
{
    CHECK(json->depth > 0 && !json->after_key);
    bool empty = json->first[json->depth--];
    if (json->indent && !empty)
        new_line(json);
    buf_add_char(json->out, bracket);
}

void json_object(struct json *json)
{
    open(json, '{');
}

void json_object_end(struct json *json)
{
    close(json, '}');
}

void json_array(struct json *json)
{
    open(json, '[');
}

void json_array_end(struct json *json)
{
    close(json, ']');
}

void json_key(struct json *json, const char *key)
{
    CHECK(json->depth > 0 && !json->after_key);
    separate(json);
    json_escape(json->out, str_of(key));
    buf_add_text(json->out, json->indent ? ": " : ":");
    json->after_key = true;
}

void json_str(struct json *json, struct str value)
{
    before_value(json);
    json_escape(json->out, value);
}

void json_text(struct json *json, const char *value)
{
    if (value)
        json_str(json, str_of(value));
    else
        json_null(json);
}

void json_int(struct json *json, int64_t value)
{
    before_value(json);
    buf_printf(json->out, "%" PRId64, value);
}

void json_uint(struct json *json, uint64_t value)
{
    before_value(json);
    buf_printf(json->out, "%" PRIu64, value);
}

void json_double(struct json *json, double value)
{
    char text[STR_NUMBER_MAX];
    before_value(json);
    buf_add_text(json->out, str_from_double(value, text));
}

void json_fixed(struct json *json, double value, int decimals)
{
    char text[STR_NUMBER_MAX];
    before_value(json);
    buf_add_text(json->out, str_from_fixed(value, decimals, text));
}

void json_bool(struct json *json, bool value)
{
    before_value(json);
    buf_add_text(json->out, value ? "true" : "false");
}

void json_null(struct json *json)
{
    before_value(json);
    buf_add_text(json->out, "null");
}

void json_raw(struct json *json, struct str value)
{
    before_value(json);
    buf_add_str(json->out, value);
}

void json_key_str(struct json *json, const char *key, struct str value)
{
    json_key(json, key);
    json_str(json, value);
}

void json_key_text(struct json *json, const char *key, const char *value)
{
    json_key(json, key);
    json_text(json, value);
}

void json_key_int(struct json *json, const char *key, int64_t value)
{
    json_key(json, key);
    json_int(json, value);
}

void json_key_uint(struct json *json, const char *key, uint64_t value)
{
    json_key(json, key);
    json_uint(json, value);
}

void json_key_double(struct json *json, const char *key, double value)
{
    json_key(json, key);
    json_double(json, value);
}

void json_key_fixed(struct json *json, const char *key, double value, int decimals)
{
    json_key(json, key);
    json_fixed(json, value, decimals);
}

void json_key_bool(struct json *json, const char *key, bool value)
{
    json_key(json, key);
    json_bool(json, value);
}

/* Bytes at the front that stand for themselves inside quotes. */
static size_t plain_run(struct str text)
{
    size_t run = 0;
    while (run < text.len) {
        unsigned char c = (unsigned char)text.data[run];
        if (c < 0x20 || c == '"' || c == '\\')
            break;
        size_t len = c < 0x80 ? 1 : str_utf8_char((struct str){text.data + run, text.len - run});
        if (len == 0)
            break;
        run += len;
    }
    return run;
}

static void escape_byte(struct buf *out, unsigned char c)
{
    static const char short_forms[] = "\bb\ff\nn\rr\tt\"\"\\\\";
    for (const char *form = short_forms; *form; form += 2)
        if ((unsigned char)form[0] == c) {
            char pair[2] = {'\\', form[1]};
            buf_add(out, pair, sizeof pair);
            return;
        }
    if (c < 0x20)
        buf_printf(out, "\\u%04x", c);
    else
        buf_add_text(out, "\xEF\xBF\xBD"); /* not UTF-8 */
}

void json_escape(struct buf *out, struct str value)
{
    buf_add_char(out, '"');
    while (value.len > 0) {
        size_t run = plain_run(value);
        buf_add(out, value.data, run);
        if (run < value.len)
            escape_byte(out, (unsigned char)value.data[run++]);
        value = (struct str){value.data + run, value.len - run};
    }
    buf_add_char(out, '"');
}
