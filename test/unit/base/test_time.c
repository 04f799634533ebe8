/* SPDX-License-Identifier: MIT
 * Durations: read, written, rounded for people. Instants: test_time_instant.c. */
#include "base/prng.h"
#include "base/time.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void durations_with_units(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ns;
    } rows[] = {
        {"90s", 90 * TIME_SECOND},
        {"5m", 5 * TIME_MINUTE},
        {"1h30m", 90 * TIME_MINUTE},
        {"250ms", 250 * TIME_MILLISECOND},
        {"1.5s", 1500 * TIME_MILLISECOND},
        {"0s", 0},
        {"0ns", 0},
        {"10us", 10 * TIME_MICROSECOND},
        {"10\xC2\xB5s", 10 * TIME_MICROSECOND},
        {"10\xCE\xBCs", 10 * TIME_MICROSECOND},
        {"7d", 7 * TIME_DAY},
        {"2w", 14 * TIME_DAY},
        {"1w1d1h1m1s1ms1us1ns", 8 * TIME_DAY + TIME_HOUR + TIME_MINUTE + TIME_SECOND + 1001001},
        {"0.5m30s", TIME_MINUTE},
        {"0.1d", 8640 * TIME_SECOND},
        {"0.3333333333s", 333333333}, /* to the nearest nanosecond */
        {"0.5ns", 1},
        {"9223372036854775806ns", INT64_MAX - 1},
        {"never", TIME_NEVER},
        {"106751d", 106751 * TIME_DAY},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t ns = -7;
        if (!time_parse_duration(str_of(rows[i].text), &ns) || ns != rows[i].ns)
            fail_msg("%s: %lld", rows[i].text, (long long)ns);
    }
}

static void what_is_no_duration_is_refused(void **state)
{
    (void)state;
    const char *bad[] = {"",
                         "0",
                         "90",
                         "1.5",
                         "s",
                         "-5s",
                         "+5s",
                         "5 s",
                         " 5s",
                         "5s ",
                         "1h30",
                         "30m1h",
                         "1s1s",
                         "1.s",
                         ".5s",
                         "1..5s",
                         "1,5s",
                         "5sec",
                         "5S",
                         "5M",
                         "1e3s",
                         "Never",
                         "9223372036854775807ns",
                         "9223372036854775808ns",
                         "106752d",
                         "18446744073709551616s",
                         "15251w",
                         "99999999999999999999999d"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t ns = -7;
        if (time_parse_duration(str_of(bad[i]), &ns))
            fail_msg("\"%s\" was read as %lld", bad[i], (long long)ns);
        assert_int_equal(ns, -7);
    }
}

static void durations_print_in_their_usual_form(void **state)
{
    (void)state;
    static const struct {
        int64_t ns;
        const char *text;
    } rows[] = {
        {0, "0s"},
        {1, "1ns"},
        {1500, "1.5us"},
        {250 * TIME_MILLISECOND, "250ms"},
        {1500 * TIME_MILLISECOND, "1.5s"},
        {11 * TIME_SECOND, "11s"},
        {10 * TIME_MINUTE, "10m"},
        {90 * TIME_MINUTE, "1h30m"},
        {90 * TIME_SECOND, "1m30s"},
        {TIME_DAY, "1d"},
        {14 * TIME_DAY, "14d"},
        {TIME_HOUR + 1, "1h1ns"},
        {TIME_MINUTE + TIME_MILLISECOND, "1m1ms"},
        {TIME_SECOND + 1, "1.000000001s"},
        {TIME_NEVER, "never"},
        {TIME_NEVER - 1, "106751d23h47m16.854775806s"},
        {-90 * TIME_SECOND, "-1m30s"},
        {INT64_MIN, "-106751d23h47m16.854775808s"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[TIME_TEXT_MAX];
        assert_string_equal(time_format_duration(rows[i].ns, text), rows[i].text);
    }
}

static void every_duration_comes_back(void **state)
{
    (void)state;
    struct prng prng;
    prng_init(&prng, 4);
    for (int i = 0; i < 100000; i++) {
        int64_t ns = (int64_t)(prng_next(&prng) >> (1 + prng_below(&prng, 63))), back;
        if (i % 2 == 0)
            ns -= ns % (i % 4 == 0 ? TIME_SECOND : TIME_MILLISECOND);
        char text[TIME_TEXT_MAX];
        if (!time_parse_duration(str_of(time_format_duration(ns, text)), &back) || back != ns)
            fail_msg("%lld: %s", (long long)ns, text);
    }
}

static void people_get_three_figures(void **state)
{
    (void)state;
    static const struct {
        int64_t ns;
        const char *text;
    } rows[] = {
        {0, "0 s"},
        {999, "999 ns"},
        {1234, "1.23 us"},
        {12345, "12.3 us"},
        {123456, "123 us"},
        {999499, "999 us"},
        {999500, "1 ms"}, /* rounding climbs to the next unit */
        {340 * TIME_MILLISECOND, "340 ms"},
        {1200 * TIME_MILLISECOND, "1.2 s"},
        {1999 * TIME_MILLISECOND, "2 s"},
        {9999 * TIME_MILLISECOND, "10 s"},
        {59940 * TIME_MILLISECOND, "59.9 s"},
        {59960 * TIME_MILLISECOND, "1 min"},
        {TIME_MINUTE + 500 * TIME_MILLISECOND, "1 min 1 s"},
        {10 * TIME_MINUTE, "10 min"},
        {TIME_HOUR - 1, "1 h"},
        {130 * TIME_MINUTE, "2 h 10 min"},
        {TIME_DAY - 1, "1 d"},
        {76 * TIME_HOUR, "3 d 4 h"},
        {TIME_NEVER, "never"},
        {TIME_NEVER - 1, "106752 d"},
        {-1200 * TIME_MILLISECOND, "-1.2 s"},
        {INT64_MIN, "-106752 d"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[TIME_TEXT_MAX];
        assert_string_equal(time_format_human(rows[i].ns, text), rows[i].text);
    }
}

static void seconds_and_sums_stay_in_range(void **state)
{
    (void)state;
    assert_int_equal(time_from_seconds(NAN), 0);
    assert_int_equal(time_from_seconds(-1), 0);
    assert_int_equal(time_from_seconds(0), 0);
    assert_int_equal(time_from_seconds(0.4e-9), 0);
    assert_int_equal(time_from_seconds(0.6e-9), 1);
    assert_int_equal(time_from_seconds(1.5), 1500000000);
    assert_true(time_from_seconds(9.3e9) == TIME_NEVER);
    assert_true(time_from_seconds(INFINITY) == TIME_NEVER);
    assert_true(time_from_seconds(9.2e9) == INT64_C(9200000000000000000));
    assert_true(time_add(TIME_NEVER, 0) == TIME_NEVER);
    assert_true(time_add(0, TIME_NEVER) == TIME_NEVER);
    assert_true(time_add(-5, TIME_NEVER) == TIME_NEVER);
    assert_true(time_add(INT64_MAX - 5, 5) == TIME_NEVER);
    assert_true(time_add(INT64_MAX - 5, 6) == TIME_NEVER);
    assert_int_equal(time_add(-5, 6), 1);
    assert_int_equal(time_between(6, -5), -11);
    assert_true(time_between(INT64_MIN, 0) == INT64_MAX);
    assert_true(time_between(1, INT64_MIN) == INT64_MIN);
    assert_true(time_to_seconds(1500000000) == 1.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_with_units),
        cmocka_unit_test(what_is_no_duration_is_refused),
        cmocka_unit_test(durations_print_in_their_usual_form),
        cmocka_unit_test(every_duration_comes_back),
        cmocka_unit_test(people_get_three_figures),
        cmocka_unit_test(seconds_and_sums_stay_in_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
