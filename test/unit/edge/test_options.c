/* SPDX-License-Identifier: MIT
 * The options users send: read, counted, and put into the probe. */
#include "edge/options.h"
#include "base/time.h"
#include "edge/scan.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static size_t read(const char *keys, const char *body, char text[OPTIONS_TEXT_MAX])
{
    struct scan_field options = {.key = STR("options")};
    struct scan_error error;
    assert_int_equal(scan_object(str_of(body), &options, 1, &error), FW_OK);
    size_t len = options_read(str_of(keys), str_of(body), options.raw, text);
    text[len] = 0;
    return len;
}

static void a_fingerprint_is_in_the_order_of_the_keys(void **state)
{
    (void)state;
    char text[OPTIONS_TEXT_MAX];
    (void)read("options.num_ctx lora options.num_gpu",
               "{\"lora\":\"x\",\"options\":{\"num_gpu\":9,\"seed\":1,\"num_ctx\":8192}}", text);
    assert_string_equal(text, "options.num_ctx=8192\nlora=\"x\"\noptions.num_gpu=9\n");
    assert_int_equal(
        read("options.num_ctx", "{\"num_ctx\":1,\"options\":{\"num_ctx\":null}}", text), 0);
    assert_int_equal(read("options.num_ctx", "{\"options\":{\"num_ctx\":[1]}}", text), 0);
}

static void spliced(const char *body, const char *text, const char *expected)
{
    struct buf out;
    buf_init(&out, 4096);
    assert_int_equal(options_splice(str_of(body), str_of(text), &out), FW_OK);
    buf_add_char(&out, 0);
    assert_string_equal(out.data, expected);
    buf_fini(&out);
}

static void only_the_options_change(void **state)
{
    (void)state;
    struct buf out;
    const char *two = "options.num_ctx=8192\nlora=\"x\"\n";
    spliced("{\"model\": \"m\"}", two,
            "{\"lora\":\"x\",\"options\":{\"num_ctx\":8192},\"model\": \"m\"}");
    spliced("{ \"options\" : { \"num_predict\" : 1, \"num_ctx\" : 1 } , \"lora\":\"y\"}", two,
            "{ \"options\" : { \"num_predict\" : 1, \"num_ctx\" : 8192 } , \"lora\":\"x\"}");
    spliced("{ }", "options.num_ctx=1\n", "{\"options\":{\"num_ctx\":1} }");
    spliced("{\"options\":null}", "options.num_ctx=1\n", "{\"options\":{\"num_ctx\":1}}");
    buf_init(&out, 4096);
    assert_int_equal(options_splice(STR("hello"), STR("lora=1\n"), &out), FW_INPUT);
    options_object(STR("{\"options\":{\"a\":1}}"), STR("options.num_ctx=2\n"), &out);
    assert_int_equal(out.len, strlen("{\"num_ctx\":2,\"a\":1}"));
    buf_fini(&out);
}

static bool note(options_slot *slot, const char *text, int64_t at_ns, bool *warn)
{
    char before[OPTIONS_TEXT_MAX];
    return options_note(slot, str_of(text), at_ns, warn, before);
}

static void the_most_used_of_late_win(void **state)
{
    (void)state;
    options_slot slot = NULL;
    char text[OPTIONS_TEXT_MAX];
    bool warn;
    assert_false(note(&slot, "", 0, &warn)); /* nobody sends any: nothing is kept */
    assert_null(atomic_load(&slot));
    for (int i = 0; i < 10; i++)
        assert_false(note(&slot, "options.num_ctx=1\n", TIME_SECOND, &warn));
    assert_true(note(&slot, "options.num_ctx=2\n", TIME_SECOND, &warn));
    assert_true(warn);
    assert_true(note(&slot, "", 2 * TIME_SECOND, &warn)); /* the server's own are others too */
    assert_false(warn);
    (void)options_most_used(&slot, 2 * TIME_SECOND, text);
    assert_string_equal(text, "options.num_ctx=1\n");
    for (int i = 0; i < 3; i++)
        (void)note(&slot, "options.num_ctx=2\n", 5 * TIME_HOUR, &warn);
    (void)options_most_used(&slot, 5 * TIME_HOUR, text);
    assert_string_equal(text, "options.num_ctx=2\n");
    for (int i = 0; i < 100; i++) { /* any number of them: what is used stays */
        char other[64];
        (void)snprintf(other, sizeof other, "options.num_ctx=%d\n", 1000 + i);
        (void)note(&slot, other, 5 * TIME_HOUR, &warn);
    }
    (void)options_most_used(&slot, 5 * TIME_HOUR, text);
    assert_string_equal(text, "options.num_ctx=2\n");
    options_free(&slot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fingerprint_is_in_the_order_of_the_keys),
        cmocka_unit_test(only_the_options_change),
        cmocka_unit_test(the_most_used_of_late_win),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
