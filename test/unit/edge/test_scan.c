/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <jansson.h>
#include <stdlib.h>
#include "base/prng.h"
#include "edge/form.h"
#include "edge/scan.h"

static enum fw_err scan(struct str text, struct scan_field *model, struct scan_field *stream)
{
    struct scan_field fields[2] = {{.key = STR("model")}, {.key = STR("stream")}};
    struct scan_error error = {0};
    enum fw_err err = scan_object(text, fields, 2, &error);
    assert_true(err == FW_OK || (error.expected && error.at <= text.len));
    *model = fields[0];
    *stream = fields[1];
    return err;
}

static void assert_model(const char *text, const char *expected)
{
    struct scan_field model, stream;
    char name[600];
    size_t len;
    assert_int_equal(scan(str_of(text), &model, &stream), FW_OK);
    assert_int_equal(model.type, SCAN_STRING);
    assert_true(scan_string(&model, name, sizeof name, &len));
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(name, expected, len);
}

static void test_model_is_found(void **state)
{
    struct scan_field model, stream;
    (void)state;
    assert_model("{\"model\":\"m\"}", "m");
    assert_model(" {\"a\":[1,2,{\"model\":\"no\"}],\"model\" : \"m\",\"b\":{\"model\":1}} ", "m");
    assert_model("{\"\\u006dodel\":\"\\u006d\\u00e9\\ud83d\\ude00\\n\"}",
                 "m\xc3\xa9\xf0\x9f\x98\x80\n");
    assert_model("{\"mo\\u0064el\":\"a\\/b\\\\\"}", "a/b\\");
    assert_int_equal(scan(STR("{\"stream\":true,\"model\":\"x\"}"), &model, &stream), FW_OK);
    assert_int_equal(stream.type, SCAN_TRUE);
    assert_true(str_equal(model.raw, STR("\"x\"")));
    assert_int_equal(scan(STR("{\"model\":\"x\",\"model\":1}"), &model, &stream), FW_OK);
    assert_true(model.twice && model.type == SCAN_STRING);
    assert_int_equal(scan(STR("{\"Model\":\"x\"}"), &model, &stream), FW_OK);
    assert_int_equal(model.type, SCAN_ABSENT);
}

static const char *const invalid[] = {
    "",
    " ",
    "{",
    "}",
    "[]",
    "1",
    "\"model\"",
    "{]",
    "[}",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\":1,}",
    "{,}",
    "{a:1}",
    "{'a':1}",
    "{\"a\":1 \"b\":2}",
    "{\"a\":1}}",
    "{\"a\":1}{",
    "{\"a\":01}",
    "{\"a\":-}",
    "{\"a\":1.}",
    "{\"a\":.5}",
    "{\"a\":1e}",
    "{\"a\":+1}",
    "{\"a\":0x1}",
    "{\"a\":NaN}",
    "{\"a\":tru}",
    "{\"a\":nulll}",
    "{\"a\":\"\\x\"}",
    "{\"a\":\"\\u12\"}",
    "{\"a\":\"\\u12g4\"}",
    "{\"a\":\"\t\"}",
    "{\"a\":\"\n\"}",
    "{\"a\":\"\x01\"}",
    "{\"a\":\"\\ud800\"}",
    "{\"a\":\"\\udc00\"}",
    "{\"a\":\"\\ud800\\ud800\"}",
    "{\"a\":\"\\ud800x\"}",
    "{\"a\":\"\xff\"}",
    "{\"a\":\"\xc0\x80\"}",
    "{\"a\":\"\xed\xa0\x80\"}",
    "{\"a\":\"\xf4\x90\x80\x80\"}",
    "{\"a\":\"\xe2\x82\"}",
    "{\"a\":[1,]}",
    "{\"a\":[,1]}",
    "{\"a\":[1 2]}",
    "{\"a\":{\"b\":1,}}",
    "{\"a\":1}\v",
    "\xef\xbb\xbf{}",
    "{\"a\":1//x\n}",
    "{\"a\":[}",
    "{\"a\":{]}",
};
static const char *const valid[] = {
    "{}",
    " { } ",
    "{\"a\":-0}",
    "{\"a\":0.5e-7}",
    "{\"a\":1E+2}",
    "{\"a\":[[],{},[{}]]}",
    "{\"a\":\"\x7f\"}",
    "{\"a\":\"\xc2\x80\xe2\x82\xac\xf0\x9f\x98\x80\"}",
    "{\"\":\"\"}",
    "{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}",
    "\t\r\n{\"a\"\n:\r1\t,\"b\" : null , \"c\":[ true , false ]}\n",
    "{\"a\":12345678901234567}",
};

static void test_grammar(void **state)
{
    struct scan_field model, stream;
    (void)state;
    for (size_t i = 0; i < sizeof invalid / sizeof *invalid; i++) {
        if (scan(str_of(invalid[i]), &model, &stream) != FW_INPUT)
            fail_msg("accepted: %s", invalid[i]);
    }
    for (size_t i = 0; i < sizeof valid / sizeof *valid; i++) {
        if (scan(str_of(valid[i]), &model, &stream) != FW_OK)
            fail_msg("refused: %s", valid[i]);
    }
}

static void test_depth(void **state)
{
    struct scan_field model, stream;
    char text[300];
    (void)state;
    for (int depth = SCAN_DEPTH_MAX - 1; depth <= SCAN_DEPTH_MAX; depth++) {
        size_t at = (size_t)snprintf(text, sizeof text, "{\"a\":");
        for (int i = 0; i < depth; i++)
            text[at++] = '[';
        for (int i = 0; i < depth; i++)
            text[at++] = ']';
        text[at++] = '}';
        assert_int_equal(scan((struct str){text, at}, &model, &stream),
                         depth < SCAN_DEPTH_MAX ? FW_OK : FW_INPUT);
    }
}

/* Special characters at every distance from the start, for the eight bytes at a time. */
static void test_every_alignment(void **state)
{
    struct scan_field model, stream;
    char text[128];
    (void)state;
    for (int pad = 0; pad < 40; pad++) {
        int len = snprintf(text, sizeof text, "{\"%.*s\":\"%.*s\\n\",\"model\":\"m\xc3\xa9\"}", pad,
                           "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", pad,
                           "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb");
        assert_int_equal(scan((struct str){text, (size_t)len}, &model, &stream), FW_OK);
        assert_true(str_equal(model.raw, STR("\"m\xc3\xa9\"")));
        char *tab = strstr(text, "\\n");
        tab[0] = '\x1f';
        assert_int_equal(scan((struct str){text, (size_t)len}, &model, &stream), FW_INPUT);
    }
}

/* Does the text hold "\u0000", or a number jansson's range ends before? There they may differ. */
static bool may_differ(struct str text, const json_error_t *error)
{
    (void)text;
    return json_error_code(error) == json_error_numeric_overflow ||
           json_error_code(error) == json_error_null_character ||
           json_error_code(error) == json_error_stack_overflow;
}

enum { TEXT_MAX = 1 << 14 };

static size_t grow(struct prng *prng, char *text, size_t at, int depth)
{
    static const char *const leaves[] = {
        "1",         "-2.5e3",       "true", "false", "null", "\"x\"", "\"\\u00e9\\ud83d\\ude00\"",
        "\"model\"", "\"\xc3\xa9\"", "{}",   "[]",    " 0 "};
    static const char *const keys[] = {"\"model\"", "\"\\u006dodel\"", "\"stream\"", "\"a\"",
                                       "\"\"",      " \"b\" "};
    if (depth == 0 || prng_next(prng) % 3 == 0)
        return at + (size_t)snprintf(text + at, TEXT_MAX - at, "%s", leaves[prng_next(prng) % 12]);
    bool object = prng_next(prng) % 2;
    text[at++] = object ? '{' : '[';
    for (uint64_t i = prng_next(prng) % 4; i > 0; i--) {
        if (object)
            at += (size_t)snprintf(text + at, TEXT_MAX - at, "%s:", keys[prng_next(prng) % 6]);
        at = grow(prng, text, at, depth - 1);
        if (i > 1)
            text[at++] = ',';
    }
    text[at++] = object ? '}' : ']';
    return at;
}

/* Random texts, most of them JSON or nearly: both accept or both refuse, and both find the same
 * name. */
static void test_like_jansson(void **state)
{
    struct prng prng;
    struct scan_field model, stream;
    char text[TEXT_MAX];
    int accepted = 0;
    (void)state;
    prng_init(&prng, 11);
    for (int i = 0; i < 60000; i++) {
        size_t len = (size_t)snprintf(text, sizeof text, "{\"model\":\"m%d\",\"x\":", i);
        len = grow(&prng, text, len, 4);
        text[len++] = '}';
        for (uint64_t edits = prng_next(&prng) % 3; edits > 0; edits--)
            text[prng_next(&prng) % len] =
                (char)(prng_next(&prng) % 3 ? prng_next(&prng)
                                            : (uint64_t) "{}[]\",:\\"[prng_next(&prng) % 8]);
        json_error_t error;
        json_t *root = json_loadb(text, len, 0, &error);
        enum fw_err err = scan((struct str){text, len}, &model, &stream);
        bool theirs = root && json_is_object(root);
        if ((err == FW_OK) != theirs && !(!root && may_differ((struct str){text, len}, &error)))
            fail_msg("%s: %.*s (%s)", err == FW_OK ? "only we accept" : "only jansson accepts",
                     (int)len, text, error.text);
        const json_t *name = json_object_get(root, "model");
        if (err == FW_OK && theirs && !model.twice && model.type == SCAN_STRING) {
            char out[600];
            size_t out_len;
            assert_true(scan_string(&model, out, sizeof out, &out_len));
            assert_true(json_is_string(name));
            assert_int_equal(json_string_length(name), out_len);
            assert_memory_equal(json_string_value(name), out, out_len);
            accepted++;
        }
        json_decref(root);
    }
    assert_true(accepted > 10000); /* the comparison is about something */
}

/* --- forms --- */

static void test_urlencoded(void **state)
{
    struct str raw;
    char value[16];
    (void)state;
    assert_int_equal(form_find(STR("a=1&model=x%2fy&b"), STR("model"), &raw), FORM_FOUND);
    assert_true(str_equal(raw, STR("x%2fy")));
    assert_int_equal(form_get(STR("mo%64el=x%2fy+z"), STR("model"), value, sizeof value),
                     FORM_FOUND);
    assert_string_equal(value, "x/y z");
    assert_int_equal(form_get(STR("model=a&mode%6c=b"), STR("model"), value, sizeof value),
                     FORM_TWICE);
    assert_int_equal(form_get(STR("xmodel=a&modelx=b&="), STR("model"), value, sizeof value),
                     FORM_ABSENT);
    assert_int_equal(form_get(STR("model=%zz"), STR("model"), value, sizeof value), FORM_BROKEN);
    assert_int_equal(form_get(STR("model=%4"), STR("model"), value, sizeof value), FORM_BROKEN);
    assert_int_equal(form_get(STR("model=0123456789abcdef"), STR("model"), value, sizeof value),
                     FORM_TOO_LONG);
    assert_int_equal(form_get(STR("model="), STR("model"), value, sizeof value), FORM_FOUND);
    assert_string_equal(value, "");
}

static void test_encode_decode(void **state)
{
    char text[256], encoded[1024], decoded[512];
    size_t len;
    (void)state;
    for (int i = 0; i < 256; i++)
        text[i] = (char)i;
    size_t n = form_encode((struct str){text, 256}, encoded, sizeof encoded);
    assert_int_equal(form_decode((struct str){encoded, n}, true, decoded, sizeof decoded, &len),
                     FORM_FOUND);
    assert_int_equal(len, 256);
    assert_memory_equal(decoded, text, 256);
}

static void test_boundaries(void **state)
{
    struct str boundary;
    (void)state;
    assert_true(form_boundary(STR("multipart/form-data; boundary=abc"), &boundary));
    assert_true(str_equal(boundary, STR("abc")));
    assert_true(form_boundary(STR("multipart/form-data; x=\"a;boundary=no\"; Boundary=\"a b\""),
                              &boundary));
    assert_true(str_equal(boundary, STR("a b")));
    assert_false(form_boundary(STR("multipart/form-data"), &boundary));
    assert_false(form_boundary(STR("multipart/form-data; boundary="), &boundary));
    assert_false(form_boundary(STR("boundary=abc"), &boundary));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model_is_found), cmocka_unit_test(test_grammar),
        cmocka_unit_test(test_depth),          cmocka_unit_test(test_every_alignment),
        cmocka_unit_test(test_like_jansson),   cmocka_unit_test(test_urlencoded),
        cmocka_unit_test(test_encode_decode),  cmocka_unit_test(test_boundaries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
