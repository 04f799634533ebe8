/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "edge/tokens.h"
#include <string.h>

static const char file_text[] = "# the dashboard's\n"
                                "3f9c2c0b7d0e4d5f  observe\r\n"
                                "\n"
                                "a81b6f7f2d9c4c11\tobserve,warm use # and why\n"
                                "ffffffffffffffff admin";

static void test_scopes(void **state)
{
    struct tokens tokens = {0};
    struct fw_detail detail;
    char text[64];
    (void)state;
    assert_int_equal(tokens_parse(&tokens, "t", str_of(file_text), &detail), FW_OK);
    assert_int_equal(tokens.count, 3);
    assert_int_equal(tokens_find(&tokens, STR("3f9c2c0b7d0e4d5f")), TOKEN_OBSERVE);
    assert_int_equal(tokens_find(&tokens, STR("a81b6f7f2d9c4c11")),
                     TOKEN_OBSERVE | TOKEN_WARM | TOKEN_USE);
    assert_int_equal(tokens_find(&tokens, STR("ffffffffffffffff")), TOKEN_ADMIN);
    assert_int_equal(tokens_find(&tokens, STR("fffffffffffffff")), 0);
    assert_int_equal(tokens_find(&tokens, STR("ffffffffffffffffu")), 0);
    assert_int_equal(tokens_find(&tokens, STR("")), 0);
    tokens_describe(TOKEN_WARM | TOKEN_ADMIN, " or ", text, sizeof text);
    assert_string_equal(text, "warm or admin");
    tokens_fini(&tokens);
}

static void refused(const char *text, const char *expected)
{
    struct tokens tokens = {0};
    struct fw_detail detail = {{0}};
    assert_int_not_equal(tokens_parse(&tokens, "t", str_of(text), &detail), FW_OK);
    assert_string_equal(detail.text, expected);
    tokens_fini(&tokens);
}

/* What is wrong is said by its place: a word of the file may be a secret. */
static void test_wrong_files(void **state)
{
    (void)state;
    refused("", "t: holds no token, expected lines with a token and its scopes");
    refused("# nothing\n", "t: holds no token, expected lines with a token and its scopes");
    refused("short use\n",
            "t:1: token: found 5 bytes, expected a token of 8 to 1024 bytes and its scopes");
    refused("\n\n0123456789abcdef\n",
            "t:3: scopes: missing, expected some of observe, warm, admin and use");
    refused("0123456789abcdef use s3cr3t-part\n",
            "t:1: scopes: word 2 is none of observe, warm, admin and use");
}

static void test_bearer(void **state)
{
    (void)state;
    assert_true(str_equal(tokens_bearer(STR("Bearer abc ")), STR("abc")));
    assert_true(str_equal(tokens_bearer(STR("bEARER abc")), STR("abc")));
    assert_int_equal(tokens_bearer(STR("Bearer ")).len, 0);
    assert_int_equal(tokens_bearer(STR("Basic abcdefgh")).len, 0);
    assert_int_equal(tokens_bearer((struct str){0}).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scopes),
        cmocka_unit_test(test_wrong_files),
        cmocka_unit_test(test_bearer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
