/* SPDX-License-Identifier: MIT
 * Every error has its row; sentences are cut at a character. */
#include "base/err.h"
#include "base/str.h"
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static void every_row_is_whole_and_names_differ(void **state)
{
    (void)state;
    for (int i = 0; i < FW_ERR_COUNT; i++) {
        const struct err_row *row = err_row((enum fw_err)i);
        assert_true(str_starts(str_of(row->code), STR("FW_")));
        assert_true(strlen(row->name) > 0 && strlen(row->sentence) > 0 && strlen(row->next) > 0);
        assert_in_range(row->exit_status, 0, 3);
        assert_in_range(row->http_status, 200, 599);
        assert_int_equal(row->exit_status == 0, i == FW_OK);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(row->name, err_row((enum fw_err)j)->name);
    }
    assert_string_equal(err_row(FW_INPUT)->code, "FW_INPUT");
    assert_int_equal(err_row(FW_BODY_TOO_LARGE)->http_status, 413);
}

static void set_returns_the_error_and_writes_the_sentence(void **state)
{
    (void)state;
    struct fw_detail detail;
    assert_int_equal(err_set(&detail, FW_IO, "%s:%d: %s", "a.csv", 3, "no"), FW_IO);
    assert_string_equal(detail.text, "a.csv:3: no");
    assert_int_equal(err_set(NULL, FW_LIMIT, "%d", 1), FW_LIMIT);
}

static void long_sentences_end_in_dots(void **state)
{
    (void)state;
    struct fw_detail detail;
    char text[sizeof detail.text + 2];
    memset(text, 'x', sizeof text);
    text[sizeof detail.text - 1] = '\0'; /* just fits */
    err_set(&detail, FW_INPUT, "%s", text);
    assert_string_equal(detail.text, text);
    memset(text, 'x', sizeof text);
    text[sizeof detail.text] = '\0'; /* one too many */
    err_set(&detail, FW_INPUT, "%s", text);
    assert_int_equal(strlen(detail.text), sizeof detail.text - 1);
    assert_true(str_ends(str_of(detail.text), STR("x...")));
}

static void a_character_is_not_cut_in_half(void **state)
{
    (void)state;
    struct fw_detail detail;
    char text[2 * sizeof detail.text];
    for (size_t shift = 0; shift < 3; shift++) {
        size_t len = shift;
        memset(text, 'x', len);
        for (; len + 3 < sizeof text; len += 3)
            memcpy(text + len, "\xE2\x82\xAC", 3);
        text[len] = '\0';
        err_set(&detail, FW_INPUT, "%s", text);
        assert_true(str_is_utf8(str_of(detail.text)));
        assert_true(str_ends(str_of(detail.text), STR("\xE2\x82\xAC...")));
        assert_true(strlen(detail.text) >= sizeof detail.text - 4);
    }
}

static enum fw_err try_twice(enum fw_err first, int *calls)
{
    ++*calls;
    FW_TRY(first);
    ++*calls;
    return FW_NO;
}

static void try_returns_at_the_first_failure(void **state)
{
    (void)state;
    int calls = 0;
    assert_int_equal(try_twice(FW_LIMIT, &calls), FW_LIMIT);
    assert_int_equal(calls, 1);
    assert_int_equal(try_twice(FW_OK, &calls), FW_NO);
    assert_int_equal(calls, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_whole_and_names_differ),
        cmocka_unit_test(set_returns_the_error_and_writes_the_sentence),
        cmocka_unit_test(long_sentences_end_in_dots),
        cmocka_unit_test(a_character_is_not_cut_in_half),
        cmocka_unit_test(try_returns_at_the_first_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
