/* SPDX-License-Identifier: MIT
 * The events of llama-server's router: how far a load is, in pieces of any size. */
#include "edge/warmers/llama.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static const char stream[] =
    ": ping\n\n"
    "data: {\"model\":\"other\",\"event\":\"model_status\",\"data\":{\"status\":\"loaded\"}}\n\n"
    "data: "
    "{\"model\":\"m\",\"event\":\"download_progress\",\"data\":{\"https://x\":{\"done\":1}}}\n\n"
    "data: {\"model\":\"*\",\"event\":\"models_reload\"}\r\n\r\n"
    "data: no JSON\n\n"
    "data: "
    "{\"model\":\"m\",\"event\":\"model_status\",\"data\":{\"status\":\"loading\",\"progress\":"
    "{\"stages\":[\"text_model\",\"spec_model\",\"mmproj_model\"],\"current\":\"spec_model\","
    "\"value\":0.5}}}\r\n\r\n";
static const char end[] =
    "data: {\"model\":\"m\",\"event\":\"model_status\",\"data\":{\"status\":\"loaded\"}}\n\n";

static struct llama_events begin(void)
{
    struct llama_events events = {.model = "m", .permille = -1};
    buf_init(&events.rest, LLAMA_EVENT_MAX);
    return events;
}

static void pieces_of_any_size(void **state)
{
    (void)state;
    for (size_t size = 1; size < sizeof stream; size++) {
        struct llama_events events = begin();
        for (size_t at = 0; at < sizeof stream - 1; at += size) {
            size_t left = sizeof stream - 1 - at;
            assert_true(
                llama_take_events(&events, (struct str){stream + at, left < size ? left : size}));
        }
        assert_int_equal(events.permille, 500);
        assert_false(events.ended);
        assert_false(llama_take_events(&events, str_of(end)));
        assert_true(events.ended);
        buf_fini(&events.rest);
    }
}

static void values_out_of_bounds(void **state)
{
    (void)state;
    static const struct {
        const char *progress;
        int permille;
    } cases[] = {{"{}", 0},
                 {"{\"value\":7}", 1000},
                 {"{\"value\":-1,\"stages\":[\"a\",\"b\"],\"current\":\"b\"}", 500},
                 {"{\"value\":\"x\",\"stages\":[1,null],\"current\":\"b\"}", 0},
                 {"{\"value\":0.25,\"stages\":3}", 250}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct llama_events events = begin();
        struct buf line;
        buf_init(&line, 1000);
        buf_printf(&line,
                   "data: {\"model\":\"m\",\"event\":\"model_status\",\"data\":{\"status\":"
                   "\"loading\",\"progress\":%s}}\n",
                   cases[i].progress);
        assert_true(llama_take_events(&events, buf_str(&line)));
        assert_int_equal(events.permille, cases[i].permille);
        buf_fini(&line);
        buf_fini(&events.rest);
    }
}

static void a_line_without_end_is_dropped(void **state)
{
    (void)state;
    static char junk[LLAMA_EVENT_MAX];
    struct llama_events events = begin();
    for (size_t i = 0; i < sizeof junk; i++)
        junk[i] = 'x';
    for (int i = 0; i < 5; i++)
        assert_true(llama_take_events(&events, (struct str){junk, sizeof junk - 1}));
    assert_true(events.rest.len <= LLAMA_EVENT_MAX);
    assert_true(llama_take_events(&events, STR("\n")));
    assert_false(llama_take_events(&events, str_of(end)));
    buf_fini(&events.rest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_of_any_size),
        cmocka_unit_test(values_out_of_bounds),
        cmocka_unit_test(a_line_without_end_is_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
