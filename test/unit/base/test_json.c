/* SPDX-License-Identifier: MIT
 * JSON as it is written, byte for byte. That other programs read it: fuzz/fuzz_json.c. */
#include "base/json.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void everything_once(struct json *json)
{
    json_object(json);
    json_key_str(json, "s", STR("a\"b"));
    json_key_text(json, "t", NULL);
    json_key_int(json, "i", INT64_MIN);
    json_key_uint(json, "u", UINT64_MAX);
    json_key_double(json, "d", 0.1);
    json_key_fixed(json, "f", 2.5, 2);
    json_key_bool(json, "b", true);
    json_key(json, "a");
    json_array(json);
    json_int(json, 1);
    json_null(json);
    json_double(json, NAN);
    json_array(json);
    json_array_end(json);
    json_object(json);
    json_object_end(json);
    json_raw(json, STR("{\"x\":1}"));
    json_array_end(json);
    json_object_end(json);
}

static void compact(void **state)
{
    (void)state;
    struct buf out;
    struct json json;
    buf_init(&out, 10000);
    json_init(&json, &out, false);
    everything_once(&json);
    assert_string_equal(out.data, "{\"s\":\"a\\\"b\",\"t\":null,\"i\":-9223372036854775808,"
                                  "\"u\":18446744073709551615,\"d\":0.1,\"f\":2.50,\"b\":true,"
                                  "\"a\":[1,null,null,[],{},{\"x\":1}]}");
    assert_int_equal(json.depth, 0);
    buf_fini(&out);
}

static void indented(void **state)
{
    (void)state;
    struct buf out;
    struct json json;
    buf_init(&out, 10000);
    json_init(&json, &out, true);
    json_object(&json);
    json_key_int(&json, "a", 1);
    json_key(&json, "b");
    json_array(&json);
    json_text(&json, "x");
    json_bool(&json, false);
    json_array_end(&json);
    json_key(&json, "c");
    json_object(&json);
    json_object_end(&json);
    json_object_end(&json);
    assert_string_equal(out.data,
                        "{\n  \"a\": 1,\n  \"b\": [\n    \"x\",\n    false\n  ],\n  \"c\": {}\n}");
    buf_fini(&out);
}

static void text_is_escaped(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        const char *json;
    } rows[] = {
        {{"", 0}, "\"\""},
        {{NULL, 0}, "\"\""},
        {{"\b\f\n\r\t\"\\/", 8}, "\"\\b\\f\\n\\r\\t\\\"\\\\/\""},
        {{"\0\x01\x1F\x7F", 4}, "\"\\u0000\\u0001\\u001f\x7F\""},
        {{"\xE2\x82\xAC\xF0\x9F\x98\x80", 7}, "\"\xE2\x82\xAC\xF0\x9F\x98\x80\""},
        {{"a\xFFz", 3}, "\"a\xEF\xBF\xBDz\""},
        {{"\xE2\x82", 2}, "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},
        {{"\xED\xA0\x80", 3},
         "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""}, /* a surrogate is no character */
        {{"\xC3\"", 2}, "\"\xEF\xBF\xBD\\\"\""}, /* half a character must not swallow the quote */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf out;
        buf_init(&out, 1000);
        json_escape(&out, rows[i].text);
        assert_string_equal(out.data, rows[i].json);
        assert_true(str_is_utf8(buf_str(&out)));
        buf_fini(&out);
    }
}

static void values_at_the_top_stand_alone(void **state)
{
    (void)state;
    struct buf out;
    struct json json;
    buf_init(&out, 1000);
    json_init(&json, &out, false);
    json_double(&json, INFINITY);
    buf_add_char(&out, '\n');
    json_array(&json);
    json_array_end(&json);
    assert_string_equal(out.data, "null\n[]"); /* one document a line is the caller's */
    buf_fini(&out);
}

static void a_full_buffer_is_noticed_once_at_the_end(void **state)
{
    (void)state;
    struct buf out;
    struct json json;
    buf_init(&out, 20);
    json_init(&json, &out, false);
    everything_once(&json);
    assert_true(out.failed);
    assert_true(out.len <= 20);
    buf_fini(&out);
}

static void the_deepest_nesting(void **state)
{
    (void)state;
    struct buf out;
    struct json json;
    buf_init(&out, 1000);
    json_init(&json, &out, false);
    for (int i = 0; i < JSON_DEPTH_MAX - 1; i++)
        json_array(&json);
    json_int(&json, 1);
    json_int(&json, 2);
    for (int i = 0; i < JSON_DEPTH_MAX - 1; i++)
        json_array_end(&json);
    assert_int_equal(out.len, 2 * (JSON_DEPTH_MAX - 1) + 3);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compact),
        cmocka_unit_test(indented),
        cmocka_unit_test(text_is_escaped),
        cmocka_unit_test(values_at_the_top_stand_alone),
        cmocka_unit_test(a_full_buffer_is_noticed_once_at_the_end),
        cmocka_unit_test(the_deepest_nesting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
