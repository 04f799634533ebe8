/* SPDX-License-Identifier: MIT
 * JSON: whatever is written, from any bytes and in any nesting, jansson reads, and finds the same
 * values. The input is a little program: each byte is one call of the writer, followed by its
 * operand. */
#include <jansson.h>

#include "base/json.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { OUT_MAX = 1 << 20 };

static void require(bool condition)
{
    if (!condition)
        abort();
}

struct writer {
    struct json json;
    struct buf_reader in;
    bool in_object[JSON_DEPTH_MAX];
    unsigned keys;
};

/* Inside an object every value needs a key of its own. */
static void write_key(struct writer *writer)
{
    char key[32];
    if (!writer->in_object[writer->json.depth])
        return;
    (void)snprintf(key, sizeof key, "k%u", writer->keys++);
    json_key(&writer->json, key);
}

static struct str take_text(struct writer *writer)
{
    size_t len = buf_get_u8(&writer->in);
    if (len > writer->in.len - writer->in.at)
        len = writer->in.len - writer->in.at;
    struct str text = {(const char *)writer->in.data + writer->in.at, len};
    writer->in.at += len;
    return text;
}

static void open_or_close(struct writer *writer, bool object)
{
    struct json *json = &writer->json;
    if (json->depth + 1 < JSON_DEPTH_MAX) {
        write_key(writer);
        if (object)
            json_object(json);
        else
            json_array(json);
        writer->in_object[json->depth] = object;
    }
}

static void end(struct writer *writer)
{
    if (writer->in_object[writer->json.depth])
        json_object_end(&writer->json);
    else
        json_array_end(&writer->json);
}

static void write_scalar(struct writer *writer, unsigned call)
{
    struct json *json = &writer->json;
    write_key(writer);
    switch (call) {
    case 3:
        json_str(json, take_text(writer));
        break;
    case 4:
        json_int(json, buf_get_i64(&writer->in));
        break;
    case 5:
        json_double(json, buf_get_double(&writer->in));
        break;
    case 6:
        json_fixed(json, buf_get_double(&writer->in), (int)(buf_get_u8(&writer->in) % 10));
        break;
    case 7:
        json_bool(json, buf_get_u8(&writer->in) & 1);
        break;
    default:
        json_null(json);
        break;
    }
}

static void check_document(const uint8_t *data, size_t len, bool indent)
{
    struct buf out;
    struct writer writer = {.in = {data, len, 0, false}};
    buf_init(&out, OUT_MAX);
    json_init(&writer.json, &out, indent);
    json_array(&writer.json);
    while (!writer.in.failed && writer.in.at < writer.in.len) {
        unsigned call = buf_get_u8(&writer.in) % 9;
        if (call == 0 || call == 1)
            open_or_close(&writer, call == 1);
        else if (call == 2 && writer.json.depth > 1)
            end(&writer);
        else
            write_scalar(&writer, call);
    }
    while (writer.json.depth > 0)
        end(&writer);
    require(!out.failed && str_is_utf8(buf_str(&out)));
    json_t *root = json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    require(root != NULL);
    json_decref(root);
    buf_fini(&out);
}

static void check_text(struct str text)
{
    struct buf out;
    buf_init(&out, OUT_MAX);
    json_escape(&out, text);
    require(!out.failed);
    json_t *value = json_loadb(out.data, out.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    require(value != NULL && json_is_string(value));
    struct str back = {json_string_value(value), json_string_length(value)};
    require(str_is_utf8(back));
    if (str_is_utf8(text))
        require(str_equal(back, text));
    json_decref(value);
    buf_fini(&out);
}

static void check_double(double value)
{
    char text[STR_NUMBER_MAX];
    json_t *back = json_loads(str_from_double(value, text), JSON_DECODE_ANY, NULL);
    require(back != NULL);
    if (!isfinite(value))
        require(json_is_null(back));
    else
        require(json_number_value(back) == value);
    json_decref(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len < 1 || len > 1 << 11)
        return 0;
    check_document(data + 1, len - 1, data[0] & 1);
    check_text((struct str){(const char *)data, len});
    struct buf_reader reader = {data, len, 0, false};
    while (reader.len - reader.at >= sizeof(double))
        check_double(buf_get_double(&reader));
    return 0;
}
