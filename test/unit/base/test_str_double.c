/* SPDX-License-Identifier: MIT
 * Doubles: correctly rounded one way, shortest the other way, in any locale. The C library's strtod
 * in the C locale is the yardstick: it rounds correctly. */
#include "base/prng.h"
#include "base/str.h"
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static char locale_dir[64];

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static void expect_like_strtod(const char *text)
{
    double value = 0;
    if (!str_to_double(str_of(text), &value))
        fail_msg("%.100s was refused", text);
    if (bits_of(value) != bits_of(strtod(text, NULL)))
        fail_msg("%.100s: %a, expected %a", text, value, strtod(text, NULL));
}

static void hard_cases_round_correctly(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "0",
        "-0",
        "+0.0",
        "0e999999999999",
        "1",
        ".5",
        "5.",
        "1.e2",
        "00012.500",
        "1E5",
        "1e+5",
        "1e-5",
        "1e22",
        "1e23",
        "8.5e22",
        "9007199254740993",
        "9007199254740992.5",
        "9007199254740993.0000000001",
        "123456789012345678",
        "0.1",
        "0.3",
        "2.2250738585072014e-308",
        "2.2250738585072011e-308",
        "2.2250738585072012e-308",
        "4.9406564584124654e-324",
        "2.4703282292062327e-324",
        "2.4703282292062328e-324",
        "2.4703282292062327208e-324",
        "1e-323",
        "1e-400",
        "1e-99999999999",
        "1.7976931348623157e308",
        "1.7976931348623158e308",
        "179769313486231580793728971405301e276",
        "6.631236846766476e-316",
        "3.237883913302901e-319",
        "6.9294956446009195e15",
        "7.2057594037927933e16",
        "9214843084008499",
        "1448997445238699",
        "0.500000000000000166533453693773481063544750213623046875",
        "0.500000000000000166533453693773481063544750213623046874",
        "0.500000000000000166533453693773481063544750213623046876",
        "3.518437208883201171875e13",
        "62.5364939768271845828",
        "8.10109172351e-10",
        "1.50000000000000011102230246251565",
        "5708990770823839524233143877797980545530986496.0",
        "2177.0e-30",
        "12345678901234567890123456789012345678901234567890",
        "0.00000000000000000000000000000000000000000000000000000000000000012345",
        "1000000000000000000000000000000000000000000000000000000000000000000e-66",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        expect_like_strtod(texts[i]);
}

/* The midpoint above a double, exactly, and moved by one in its last digit and far behind it. */
static void midpoints_of_any_length_are_decided(void **state)
{
    (void)state;
    struct prng prng;
    static char text[2000];
    prng_init(&prng, 5);
    for (int i = 0; i < 1000; i++) {
        uint64_t bits = prng_next(&prng) >> 1;
        if (i % 3 == 0)
            bits &= (UINT64_C(1) << 53) -
                    1; /* subnormals and the smallest normals: the longest digits */
        double low, high;
        memcpy(&low, &bits, sizeof low);
        high = nextafter(low, INFINITY);
        if (!isfinite(low) || !isfinite(high))
            continue;
        long double middle = ((long double)low + (long double)high) / 2;
        int len =
            snprintf(text, sizeof text - 1100, "%.800Le", middle); /* exact: at most 768 digits */
        expect_like_strtod(text);
        char *exponent = strchr(text, 'e');
        assert_true(len > 0 && exponent);
        exponent[-1] = '1'; /* just above */
        expect_like_strtod(text);
        char tail[16];
        (void)snprintf(tail, sizeof tail, "%s", exponent);
        memset(exponent, '0', 1000);
        exponent[1000] = '1'; /* above by a digit past every limit */
        (void)snprintf(exponent + 1001, sizeof tail, "%s", tail);
        expect_like_strtod(text);
    }
}

static void random_texts_round_like_strtod(void **state)
{
    (void)state;
    struct prng prng;
    prng_init(&prng, 6);
    for (int i = 0; i < 50000; i++) {
        char text[64];
        int exponent = (int)prng_below(&prng, 660) - 345;
        uint64_t digits = prng_next(&prng) >> prng_below(&prng, 60);
        (void)snprintf(text, sizeof text, "%llu.%llue%d", (unsigned long long)digits,
                       (unsigned long long)prng_below(&prng, 1000), exponent);
        double expected = strtod(text, NULL), value = 0;
        assert_int_equal(str_to_double(str_of(text), &value), isfinite(expected));
        if (isfinite(expected))
            assert_true(bits_of(value) == bits_of(expected));
    }
}

static void what_is_no_number_is_refused(void **state)
{
    (void)state;
    const char *bad[] = {"",
                         ".",
                         "-",
                         "+",
                         "e5",
                         ".e5",
                         "1e",
                         "1e+",
                         "1e-",
                         "--1",
                         "1.2.3",
                         "1,5",
                         " 1",
                         "1 ",
                         "inf",
                         "nan",
                         "NaN",
                         "Infinity",
                         "0x1p3",
                         "1e5.0",
                         "1d5",
                         "1f",
                         "1e309",
                         "-1e309",
                         "1.7976931348623159e308",
                         "1e99999999999999999999",
                         "1e+-5"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        double value = 77;
        if (str_to_double(str_of(bad[i]), &value))
            fail_msg("%s was read as %g", bad[i], value);
        assert_true(value == 77);
    }
    double value;
    assert_false(str_to_double(STR("1\0"), &value));
    static char nines[5000];
    memset(nines, '9', sizeof nines);
    assert_false(str_to_double((struct str){nines, sizeof nines}, &value));
    assert_true(str_to_double((struct str){nines, 308}, &value) && value == 1e308);
}

static void printing_is_shortest(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } rows[] = {
        {0, "0"},
        {-0.0, "-0"},
        {1, "1"},
        {-1, "-1"},
        {0.1, "0.1"},
        {1.0 / 3, "0.3333333333333333"},
        {2.0 / 3, "0.6666666666666666"},
        {100, "100"},
        {1e14, "100000000000000"},
        {999999999999999, "999999999999999"},
        {1e15, "1e+15"},
        {1e22, "1e+22"},
        {1e23, "1e+23"},
        {9.5367431640625e-07, "9.5367431640625e-07"},
        {5e-324, "5e-324"},
        {1e-323, "1e-323"},
        {2.2250738585072014e-308, "2.2250738585072014e-308"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {9007199254740992, "9007199254740992"},
        {0.30000000000000004, "0.30000000000000004"},
        {123456.789, "123456.789"},
        {NAN, "null"},
        {INFINITY, "null"},
        {-INFINITY, "null"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[STR_NUMBER_MAX];
        assert_string_equal(str_from_double(rows[i].value, text), rows[i].text);
    }
}

static void every_double_comes_back(void **state)
{
    (void)state;
    struct prng prng;
    prng_init(&prng, 8);
    for (int i = 0; i < 30000; i++) {
        uint64_t bits = prng_next(&prng);
        double value, back;
        char text[STR_NUMBER_MAX];
        if (i % 4 == 0)
            bits &=
                ~(UINT64_C(0x7FF) << 52) | (prng_below(&prng, 3) << 52); /* around the subnormals */
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value))
            continue;
        assert_true(str_to_double(str_of(str_from_double(value, text)), &back));
        assert_true(bits_of(back) == bits);
    }
}

static void fixed_decimals(void **state)
{
    (void)state;
    static const struct {
        double value;
        int decimals;
        const char *text;
    } rows[] = {
        {0, 2, "0.00"},
        {-0.001, 2, "0.00"},
        {-0.0, 0, "0"},
        {0.5, 0, "0"},
        {1.5, 0, "2"},
        {2.5, 0, "2"},
        {0.125, 2, "0.12"},
        {0.375, 2, "0.38"},
        {2.675, 2, "2.67"}, /* the double lies below */
        {1.005, 2, "1.00"},
        {-12.345, 1, "-12.3"},
        {99.995, 1, "100.0"},
        {1234567.891, 9, "1234567.891000000"},
        {999999999999999, 9, "999999999999999.000000000"},
        {1e300, 2, "1.0000000000000001e+300"},
        {NAN, 2, "null"},
        {-INFINITY, 0, "null"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[STR_NUMBER_MAX];
        const char *expected = rows[i].text;
        if (rows[i].value == 1e300)
            expected = "1e+300";
        assert_string_equal(str_from_fixed(rows[i].value, rows[i].decimals, text), expected);
    }
}

/* True in a locale with another separator: an installed one, else one made for the occasion. */
static bool enter_foreign_locale(void)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "fr_FR.utf8"};
    for (int attempt = 0; attempt < 2; attempt++) {
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            if (setlocale(LC_ALL, names[i]) && strcmp(localeconv()->decimal_point, ".") != 0)
                return true;
        char dir[] = "/tmp/forewarm-locale-XXXXXX", command[200];
        if (attempt > 0 || !mkdtemp(dir))
            break;
        (void)snprintf(command, sizeof command,
                       "localedef -f UTF-8 -i de_DE %s/de_DE.UTF-8 2>/dev/null", dir);
        if (system(command) == 0)
            (void)setenv("LOCPATH", dir, 1);
        (void)snprintf(locale_dir, sizeof locale_dir, "%s", dir);
    }
    return false;
}

static void leave_foreign_locale(void)
{
    char command[200];
    (void)setlocale(LC_ALL, "C");
    if (locale_dir[0] == '\0')
        return;
    (void)snprintf(command, sizeof command, "rm -r %s", locale_dir);
    assert_int_equal(system(command), 0);
}

static void the_locale_does_not_matter(void **state)
{
    (void)state;
    if (!enter_foreign_locale()) {
        leave_foreign_locale();
        print_message("no locale with another decimal separator is installed or can be made\n");
        skip();
    }
    char printed[STR_NUMBER_MAX], text[STR_NUMBER_MAX];
    double value;
    (void)snprintf(printed, sizeof printed, "%.1f", 0.5);
    assert_string_not_equal(printed, "0.5"); /* the locale is in force */
    assert_string_equal(str_from_double(0.5, text), "0.5");
    assert_string_equal(str_from_double(1.5e-7, text), "1.5e-07");
    assert_string_equal(str_from_fixed(-1234.5, 2, text), "-1234.50");
    assert_true(str_to_double(STR("0.5"), &value) && value == 0.5);
    assert_false(str_to_double(STR("0,5"), &value));
    leave_foreign_locale();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hard_cases_round_correctly),
        cmocka_unit_test(midpoints_of_any_length_are_decided),
        cmocka_unit_test(random_texts_round_like_strtod),
        cmocka_unit_test(what_is_no_number_is_refused),
        cmocka_unit_test(printing_is_shortest),
        cmocka_unit_test(every_double_comes_back),
        cmocka_unit_test(fixed_decimals),
        cmocka_unit_test(the_locale_does_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
