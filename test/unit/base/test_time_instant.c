/* SPDX-License-Identifier: MIT
 * Instants: the calendar and the spellings of logs, against GNU date and by hand. */
#include "base/prng.h"
#include "base/time.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>
#include <cmocka.h>

static void iso_spellings(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds, ns;
        enum time_style style;
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0, 0, TIME_ISO},
        {"2024-11-15T16:57:50Z", 1731689870, 0, TIME_ISO},
        {"2024-11-15T16:57:50.123Z", 1731689870, 123000000, TIME_ISO},
        {"2024-11-15T16:57:50,123456789987Z", 1731689870, 123456789,
         TIME_ISO}, /* cut, not rounded */
        {"2024-11-15 16:57:50", 1731689870, 0, TIME_CIVIL},
        {"2024-11-15 16:57:50.5", 1731689870, 500000000, TIME_CIVIL},
        {"2024-11-15t16:57:50z", 1731689870, 0, TIME_ISO},
        {"2024-11-15T18:57:50+02:00", 1731689870, 0, TIME_ISO},
        {"2024-11-15T18:57:50+0200", 1731689870, 0, TIME_ISO},
        {"2024-11-15T18:57:50+02", 1731689870, 0, TIME_ISO},
        {"2024-11-15 09:27:50 -07:30", 1731689870, 0, TIME_CIVIL},
        {"2024-11-15 16:57:50 UTC", 1731689870, 0, TIME_CIVIL},
        {"2024-11-15", 1731628800, 0, TIME_ISO},
        {"2024-02-29T00:00:00Z", 1709164800, 0, TIME_ISO},
        {"2000-02-29T00:00:00Z", 951782400, 0, TIME_ISO},
        {"2016-12-31T23:59:60Z", 1483228800, 0, TIME_ISO}, /* a leap second */
        {"1969-12-31T23:59:59.75Z", -1, 750000000, TIME_ISO},
        {"1677-09-21T00:12:44Z", INT64_C(-9223372036), 0, TIME_ISO},
        {"2262-04-11T23:47:16Z", INT64_C(9223372036), 0, TIME_ISO},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t at_ns = 0;
        enum time_style style = TIME_CLF;
        if (!time_parse_iso(str_of(rows[i].text), &at_ns, &style) ||
            at_ns != rows[i].seconds * TIME_SECOND + rows[i].ns || style != rows[i].style)
            fail_msg("%s: %lld style %d", rows[i].text, (long long)at_ns, (int)style);
        assert_true(time_parse_iso(str_of(rows[i].text), &at_ns, NULL));
    }
}

static void what_is_no_instant_is_refused(void **state)
{
    (void)state;
    const char *bad[] = {"",
                         "2024",
                         "2024-11",
                         "2024-11-15T",
                         "2024-11-15 ",
                         "2024-11-15T16:57",
                         "24-11-15T16:57:50Z",
                         "2024-13-01T00:00:00Z",
                         "2024-00-01T00:00:00Z",
                         "2024-01-32T00:00:00Z",
                         "2023-02-29T00:00:00Z",
                         "1900-02-29T00:00:00Z",
                         "2024-04-31T00:00:00Z",
                         "2024-11-15T24:00:00Z",
                         "2024-11-15T16:60:00Z",
                         "2024-11-15T16:57:61Z",
                         "2024-11-15T16:57:50.Z",
                         "2024-11-15T16:57:50ZZ",
                         "2024-11-15T16:57:50+",
                         "2024-11-15T16:57:50+2",
                         "2024-11-15T16:57:50+02:0",
                         "2024-11-15T16:57:50+02:60",
                         "2024-11-15T16:57:50+24:00",
                         "2024-11-15T16:57:50 CET",
                         "2024/11/15T16:57:50Z",
                         "2024-11-15X16:57:50Z",
                         " 2024-11-15T16:57:50Z",
                         "2024-11-15T16:57:50Z ",
                         "2024-1-5T16:57:50Z",
                         "0000-01-01T00:00:00Z",
                         "1677-09-21T00:12:43Z",
                         "2262-04-11T23:47:17Z",
                         "9999-12-31T23:59:59Z",
                         "2024-11-15T16:57:50+02:"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t at_ns = -7;
        if (time_parse_iso(str_of(bad[i]), &at_ns, NULL))
            fail_msg("\"%s\" was read as %lld", bad[i], (long long)at_ns);
        assert_int_equal(at_ns, -7);
    }
}

static void access_log_instants(void **state)
{
    (void)state;
    int64_t at_ns = 0;
    assert_true(time_parse_clf(STR("10/Oct/2000:13:55:36 -0700"), &at_ns));
    assert_int_equal(at_ns, INT64_C(971211336) * TIME_SECOND);
    assert_true(time_parse_clf(STR("01/Jan/1970:00:00:00 +0000"), &at_ns));
    assert_int_equal(at_ns, 0);
    assert_true(time_parse_clf(STR("31/Dec/2024:23:59:59 +0530"), &at_ns));
    assert_int_equal(at_ns, INT64_C(1735669799) * TIME_SECOND);
    const char *bad[] = {"",
                         "10/Oct/2000:13:55:36",
                         "10/Okt/2000:13:55:36 -0700",
                         "10/oct/2000:13:55:36 -0700",
                         "1/Oct/2000:13:55:36 -0700",
                         "30/Feb/2000:13:55:36 -0700",
                         "10/Oct/2000 13:55:36 -0700",
                         "10/Oct/2000:13:55:36 -0700]",
                         "10/ctN/2000:13:55:36 -0700",
                         "10/De",
                         "10/Oct/2000:13:55:36 Z"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(time_parse_clf(str_of(bad[i]), &at_ns));
}

static void epochs_are_exact(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum time_style style;
        int64_t ns;
    } rows[] = {
        {"1731689870.123456789", TIME_EPOCH_S,
         INT64_C(1731689870123456789)}, /* a double would lose the end */
        {"1731689870.1234567891234567890123", TIME_EPOCH_S, INT64_C(1731689870123456789)},
        {"1731689870123.25", TIME_EPOCH_MS, INT64_C(1731689870123250000)},
        {"1731689870123456", TIME_EPOCH_US, INT64_C(1731689870123456000)},
        {"1731689870123456789", TIME_EPOCH_NS, INT64_C(1731689870123456789)},
        {"1.73168987e9", TIME_EPOCH_S, INT64_C(1731689870000000000)},
        {"173168987E+01", TIME_EPOCH_S, INT64_C(1731689870000000000)},
        {"15e-1", TIME_OFFSET_S, 1500000000},
        {"0.25", TIME_OFFSET_MS, 250000},
        {"-1.5", TIME_EPOCH_S, -1500000000},
        {"-0", TIME_EPOCH_S, 0},
        {"+.5", TIME_EPOCH_S, 500000000},
        {"5.", TIME_EPOCH_S, 5000000000},
        {"0e40", TIME_EPOCH_S, 0},
        {"9223372036.854775806", TIME_EPOCH_S, INT64_MAX - 1},
        {"0.0000000009", TIME_EPOCH_S, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t at_ns = -7;
        if (!time_parse_epoch(str_of(rows[i].text), rows[i].style, &at_ns) || at_ns != rows[i].ns)
            fail_msg("%s: %lld", rows[i].text, (long long)at_ns);
    }
    const char *bad[] = {"",
                         "-",
                         ".",
                         "e5",
                         "1e",
                         "1e+",
                         "1e99",
                         "--1",
                         "1.5.2",
                         "1,5",
                         " 1",
                         "1 ",
                         "nan",
                         "0x5",
                         "9223372036.854775807",
                         "9223372037",
                         "99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t at_ns = -7;
        if (time_parse_epoch(str_of(bad[i]), TIME_EPOCH_S, &at_ns))
            fail_msg("\"%s\" was read as %lld", bad[i], (long long)at_ns);
        assert_int_equal(at_ns, -7);
    }
}

static void the_calendar_agrees_with_the_library(void **state)
{
    (void)state;
    struct prng prng;
    prng_init(&prng, 11);
    for (int i = 0; i < 100000; i++) {
        int64_t at_ns = (int64_t)prng_next(&prng);
        struct time_civil civil = time_civil(at_ns);
        time_t seconds = (time_t)((at_ns - civil.nanosecond) / TIME_SECOND);
        struct tm tm;
        assert_non_null(gmtime_r(&seconds, &tm));
        assert_int_equal(civil.year, tm.tm_year + 1900);
        assert_int_equal(civil.month, tm.tm_mon + 1);
        assert_int_equal(civil.day, tm.tm_mday);
        assert_int_equal(civil.hour, tm.tm_hour);
        assert_int_equal(civil.minute, tm.tm_min);
        assert_int_equal(civil.second, tm.tm_sec);
        assert_int_equal(civil.weekday, (tm.tm_wday + 6) % 7);
        assert_in_range(civil.nanosecond, 0, TIME_SECOND - 1);
        assert_true(time_from_civil(&civil) == at_ns);
        char text[TIME_TEXT_MAX];
        int64_t back;
        assert_true(time_parse_iso(str_of(time_format_iso(at_ns, text)), &back, NULL));
        assert_true(back == at_ns);
    }
}

static void the_ends_of_time(void **state)
{
    (void)state;
    char text[TIME_TEXT_MAX];
    struct time_civil civil = time_civil(INT64_MIN);
    assert_true(time_from_civil(&civil) == INT64_MIN);
    assert_string_equal(time_format_iso(INT64_MIN, text), "1677-09-21T00:12:43.145224192Z");
    assert_string_equal(time_format_iso(INT64_MAX, text), "2262-04-11T23:47:16.854775807Z");
    assert_string_equal(time_format_iso(INT64_C(1731689870) * TIME_SECOND, text),
                        "2024-11-15T16:57:50Z");
    assert_string_equal(time_format_iso(1500000000, text), "1970-01-01T00:00:01.5Z");
    assert_string_equal(time_format_iso(-1, text), "1969-12-31T23:59:59.999999999Z");
    assert_true(time_from_civil(&(struct time_civil){.year = 3000, .month = 1, .day = 1}) ==
                TIME_NEVER);
    assert_true(time_from_civil(&(struct time_civil){.year = 1000, .month = 1, .day = 1}) ==
                INT64_MIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(iso_spellings),
        cmocka_unit_test(what_is_no_instant_is_refused),
        cmocka_unit_test(access_log_instants),
        cmocka_unit_test(epochs_are_exact),
        cmocka_unit_test(the_calendar_agrees_with_the_library),
        cmocka_unit_test(the_ends_of_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
