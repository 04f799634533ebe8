/* SPDX-License-Identifier: MIT
 * Text: cutting, trimming, UTF-8, hashing. Numbers: test_str_number.c, test_str_double.c. */
#include "base/str.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void comparing(void **state)
{
    (void)state;
    assert_true(str_equal((struct str){NULL, 0}, STR("")));
    assert_false(str_equal(STR("a"), STR("a\0")));
    assert_true(str_equal_nocase(STR("Content-TYPE"), STR("content-type")));
    assert_false(
        str_equal_nocase(STR("@["), STR("`{"))); /* neighbours of the letters, 0x20 apart */
    assert_false(str_equal_nocase(STR("\xC4"), STR("\xE4"))); /* ASCII only */
    assert_true(str_starts(STR("abc"), STR("")));
    assert_true(str_starts(STR("abc"), STR("abc")));
    assert_false(str_starts(STR("ab"), STR("abc")));
    assert_true(str_ends(STR("abc"), STR("bc")));
    assert_false(str_ends(STR("c"), STR("bc")));
    assert_true(str_ends((struct str){NULL, 0}, STR("")));
}

static void trimming(void **state)
{
    (void)state;
    assert_true(str_equal(str_trim(STR(" \t\r\n\v\fa b\n ")), STR("a b")));
    assert_int_equal(str_trim(STR("  \n")).len, 0);
    assert_int_equal(str_trim((struct str){NULL, 0}).len, 0);
    assert_true(
        str_equal(str_trim(STR("\xC2\xA0x")), STR("\xC2\xA0x"))); /* ASCII white space only */
}

static void cutting(void **state)
{
    (void)state;
    struct str rest = STR("a,,b,"), part;
    const char *expected[] = {"a", "", "b", ""};
    for (int i = 0; i < 4; i++) {
        assert_true(str_cut(&rest, ',', &part));
        assert_true(str_equal(part, str_of(expected[i])));
    }
    assert_false(str_cut(&rest, ',', &part));
    rest = STR("");
    assert_true(str_cut(&rest, ',', &part)); /* an empty text is one empty part */
    assert_int_equal(part.len, 0);
    assert_false(str_cut(&rest, ',', &part));
}

static void utf8(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        bool valid;
    } rows[] = {
        {{"", 0}, true},
        {{"\0", 1}, true},
        {{"\x7F", 1}, true},
        {{"\xC2\x80", 2}, true},
        {{"\xDF\xBF", 2}, true},
        {{"\xE0\xA0\x80", 3}, true},
        {{"\xED\x9F\xBF", 3}, true},     /* U+D7FF */
        {{"\xEE\x80\x80", 3}, true},     /* U+E000 */
        {{"\xF0\x90\x80\x80", 4}, true}, /* U+10000 */
        {{"\xF4\x8F\xBF\xBF", 4}, true}, /* U+10FFFF */
        {{"\x80", 1}, false},            /* a continuation without a beginning */
        {{"\xC0\x80", 2}, false},        /* overlong NUL */
        {{"\xC1\xBF", 2}, false},
        {{"\xE0\x9F\xBF", 3}, false},     /* overlong */
        {{"\xED\xA0\x80", 3}, false},     /* surrogate */
        {{"\xF0\x8F\xBF\xBF", 4}, false}, /* overlong */
        {{"\xF4\x90\x80\x80", 4}, false}, /* past U+10FFFF */
        {{"\xF5\x80\x80\x80", 4}, false},
        {{"\xC2", 1}, false},
        {{"\xE2\x82", 2}, false},
        {{"\xF0\x9F\x98", 3}, false},
        {{"\xE2\x28\xA1", 3}, false},
        {{"\xC2\xC2", 2}, false},
        {{"ok\xFF", 3}, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(str_is_utf8(rows[i].text), rows[i].valid);
    assert_int_equal(str_utf8_char(STR("\xE2\x82\xAC!")), 3);
    assert_int_equal(str_utf8_char(STR("!")), 1);
    assert_int_equal(str_utf8_char(STR("\xFF")), 0);
    assert_int_equal(str_utf8_char(STR("")), 0);
}

static void hashing_is_xxh64(void **state)
{
    (void)state;
    assert_true(str_hash("", 0, 0) == UINT64_C(0xEF46DB3751D8E999));
    assert_true(str_hash(NULL, 0, 0) == UINT64_C(0xEF46DB3751D8E999));
    assert_true(str_hash("a", 1, 0) == UINT64_C(0xD24EC4F1A98C6E5B));
    assert_true(str_hash("abc", 3, 0) == UINT64_C(0x44BC2CF5AD770999));
    const char *pangram = "The quick brown fox jumps over the lazy dog"; /* one stripe and a rest */
    assert_true(str_hash(pangram, strlen(pangram), 0) == UINT64_C(0x0B242D361FDA71BC));
    assert_true(str_hash("abc", 3, 1) != str_hash("abc", 3, 0));
    char zeros[100] = {0};
    for (size_t len = 1; len < sizeof zeros; len++)
        assert_true(str_hash(zeros, len, 0) != str_hash(zeros, len - 1, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comparing), cmocka_unit_test(trimming),         cmocka_unit_test(cutting),
        cmocka_unit_test(utf8),      cmocka_unit_test(hashing_is_xxh64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
