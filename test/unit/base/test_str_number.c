/* SPDX-License-Identifier: MIT
 * Whole numbers and sizes, to their limits and one past them. */
#include "base/str.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void int64_to_its_limits(void **state)
{
    (void)state;
    int64_t n = 77;
    assert_true(str_to_int64(STR("9223372036854775807"), &n) && n == INT64_MAX);
    assert_true(str_to_int64(STR("-9223372036854775808"), &n) && n == INT64_MIN);
    assert_true(str_to_int64(STR("+007"), &n) && n == 7);
    assert_true(str_to_int64(STR("-0"), &n) && n == 0);
    n = 77;
    const char *bad[] = {"9223372036854775808",
                         "-9223372036854775809",
                         "99999999999999999999",
                         "",
                         "-",
                         "+",
                         "--1",
                         "+-1",
                         "1 ",
                         " 1",
                         "1.0",
                         "1e3",
                         "0x10",
                         "1_000",
                         "\xD9\xA1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(str_to_int64(str_of(bad[i]), &n));
    assert_int_equal(n, 77); /* a failure changes nothing */
    assert_false(str_to_int64(STR("1\0"), &n));
}

static void uint64_to_its_limits(void **state)
{
    (void)state;
    uint64_t n = 77;
    assert_true(str_to_uint64(STR("18446744073709551615"), &n) && n == UINT64_MAX);
    assert_true(str_to_uint64(STR("-0"), &n) && n == 0);
    assert_false(str_to_uint64(STR("18446744073709551616"), &n));
    assert_false(str_to_uint64(STR("184467440737095516150"), &n));
    assert_false(str_to_uint64(STR("-1"), &n));
    assert_false(str_to_uint64(STR(""), &n));
}

static void sizes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {
        {"0B", 0},
        {"100B", 100},
        {"24GiB", UINT64_C(24) << 30},
        {"24gib", UINT64_C(24) << 30},
        {"24 GiB", UINT64_C(24) << 30},
        {"512MiB", UINT64_C(512) << 20},
        {"1.5GB", 1500000000},
        {"1.5KiB", 1536},
        {"0.5B", 1}, /* to the nearest byte */
        {"0.49B", 0},
        {"0.1GiB", 107374182},
        {"1kB", 1000},
        {"7TB", UINT64_C(7000000000000)},
        {"15EiB", UINT64_C(15) << 60},
        {"15.999999999999999999EiB", UINT64_C(18446744073709551615) - 0},
        {"18446744073709551615B", UINT64_MAX},
        {"unlimited", UINT64_MAX},
        {"1.0000000000000000009999GiB", UINT64_C(1) << 30},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        uint64_t bytes = 3;
        assert_true(str_to_size(str_of(good[i].text), &bytes));
        assert_true(bytes == good[i].bytes);
    }
    const char *bad[] = {"",        "24",   "0",       "GiB",    ".5GiB",  "1.GiB",
                         "1..5GiB", "-1B",  "+1B",     "16EiB",  "1e3B",   "18446744073709551616B",
                         "24G",     "24Gi", "24  GiB", "24GiB ", " 24GiB", "1,5GB",
                         "1.5",     "24 "};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint64_t bytes = 3;
        assert_false(str_to_size(str_of(bad[i]), &bytes));
        assert_int_equal(bytes, 3);
    }
}

static void sizes_print_exactly(void **state)
{
    (void)state;
    static const struct {
        uint64_t bytes;
        const char *text;
    } rows[] = {
        {0, "0B"},
        {100, "100B"},
        {1000, "1000B"},
        {1024, "1KiB"},
        {UINT64_C(1536) << 20, "1536MiB"},
        {UINT64_C(24) << 30, "24GiB"},
        {UINT64_C(1) << 63, "8EiB"},
        {UINT64_MAX - 1, "18446744073709551614B"},
        {UINT64_MAX, "unlimited"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[STR_NUMBER_MAX];
        uint64_t back = 1;
        assert_string_equal(str_from_size(rows[i].bytes, text), rows[i].text);
        assert_true(str_to_size(str_of(text), &back));
        assert_true(back == rows[i].bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(int64_to_its_limits),
        cmocka_unit_test(uint64_to_its_limits),
        cmocka_unit_test(sizes),
        cmocka_unit_test(sizes_print_exactly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
