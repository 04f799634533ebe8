/* SPDX-License-Identifier: MIT
 * Instants: the calendar, and the spellings that logs use. */
#include "base/check.h"
#include "base/time.h"
#include <inttypes.h>
#include <stdio.h>

enum { SECONDS_A_DAY = 86400 };

/* Days since 1970-01-01. Counting years from March puts the leap day last, and 400 years are one
 * cycle (Hinnant, "chrono-Compatible Low-Level Date Algorithms", 2014). */
static int64_t days_from_date(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static void date_from_days(int64_t days, struct time_civil *civil)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted_month = (5 * day_of_year + 2) / 153;
    civil->day = (int)(day_of_year - (153 * shifted_month + 2) / 5 + 1);
    civil->month = (int)(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
    civil->year = (int)(year_of_era + era * 400 + (civil->month <= 2));
}

struct time_civil time_civil(int64_t at_ns)
{
    int64_t seconds = at_ns / TIME_SECOND, nanosecond = at_ns % TIME_SECOND;
    if (nanosecond < 0) {
        nanosecond += TIME_SECOND;
        seconds--;
    }
    int64_t days = seconds / SECONDS_A_DAY, of_day = seconds % SECONDS_A_DAY;
    if (of_day < 0) {
        of_day += SECONDS_A_DAY;
        days--;
    }
    struct time_civil civil = {.nanosecond = nanosecond};
    date_from_days(days, &civil);
    civil.hour = (int)(of_day / 3600);
    civil.minute = (int)(of_day / 60 % 60);
    civil.second = (int)(of_day % 60);
    civil.weekday = (int)(((days + 3) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
    return civil;
}

static bool instant(const struct time_civil *civil, int64_t offset_s, int64_t *at_ns)
{
    int64_t seconds = days_from_date(civil->year, civil->month, civil->day) * SECONDS_A_DAY +
                      civil->hour * INT64_C(3600) + civil->minute * INT64_C(60) + civil->second -
                      offset_s;
    __int128 ns = (__int128)seconds * TIME_SECOND + civil->nanosecond;
    if (ns < INT64_MIN || ns >= TIME_NEVER)
        return false;
    *at_ns = (int64_t)ns;
    return true;
}

int64_t time_from_civil(const struct time_civil *civil)
{
    int64_t at_ns;
    CHECK(civil->month >= 1 && civil->month <= 12);
    if (!instant(civil, 0, &at_ns))
        return civil->year < 1970 ? INT64_MIN : TIME_NEVER;
    return at_ns;
}

static bool take_char(struct str *text, char c)
{
    if (text->len == 0 || text->data[0] != c)
        return false;
    text->data++;
    text->len--;
    return true;
}

/* Exactly `digits` digits, in bounds. */
static bool take_number(struct str *text, size_t digits, int min, int max, int *number)
{
    if (text->len < digits)
        return false;
    int sum = 0;
    for (size_t i = 0; i < digits; i++) {
        if (text->data[i] < '0' || text->data[i] > '9')
            return false;
        sum = sum * 10 + (text->data[i] - '0');
    }
    *text = (struct str){text->data + digits, text->len - digits};
    *number = sum;
    return sum >= min && sum <= max;
}

static bool date_exists(const struct time_civil *civil)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = civil->year % 4 == 0 && (civil->year % 100 != 0 || civil->year % 400 == 0);
    return civil->day <= days[civil->month - 1] + (leap && civil->month == 2);
}

/* ".123456": at least one digit; what is past nanoseconds is cut. */
static bool take_fraction(struct str *text, int64_t *nanosecond)
{
    if (!take_char(text, '.') && !take_char(text, ','))
        return true;
    int digit;
    int64_t place = TIME_SECOND / 10;
    if (!take_number(text, 1, 0, 9, &digit))
        return false;
    do {
        *nanosecond += digit * place;
        place /= 10;
    } while (take_number(text, 1, 0, 9, &digit));
    return true;
}

/* "+02:00", "+0200", "+02" */
static bool take_offset(struct str *text, int64_t *offset_s)
{
    bool minus = take_char(text, '-');
    int hours, minutes = 0;
    if ((!minus && !take_char(text, '+')) || !take_number(text, 2, 0, 23, &hours))
        return false;
    if ((take_char(text, ':') || text->len > 0) && !take_number(text, 2, 0, 59, &minutes))
        return false;
    *offset_s = (minus ? -1 : 1) * (hours * INT64_C(3600) + minutes * INT64_C(60));
    return true;
}

/* Second 60 is a leap second: it is read as the first of the next minute, as POSIX time has it. */
static bool take_clock(struct str *text, struct time_civil *civil)
{
    return take_number(text, 2, 0, 23, &civil->hour) && take_char(text, ':') &&
           take_number(text, 2, 0, 59, &civil->minute) && take_char(text, ':') &&
           take_number(text, 2, 0, 60, &civil->second);
}

bool time_parse_iso(struct str text, int64_t *at_ns, enum time_style *style)
{
    struct time_civil civil = {0};
    int64_t offset_s = 0;
    enum time_style found = TIME_ISO;
    if (!take_number(&text, 4, 1, 9999, &civil.year) || !take_char(&text, '-') ||
        !take_number(&text, 2, 1, 12, &civil.month) || !take_char(&text, '-') ||
        !take_number(&text, 2, 1, 31, &civil.day) || !date_exists(&civil))
        return false;
    if (text.len > 0) {
        if (take_char(&text, ' '))
            found = TIME_CIVIL;
        else if (!take_char(&text, 'T') && !take_char(&text, 't'))
            return false;
        if (!take_clock(&text, &civil) || !take_fraction(&text, &civil.nanosecond))
            return false;
        (void)take_char(&text, ' ');
        if (text.len > 0 && !take_char(&text, 'Z') && !take_char(&text, 'z') &&
            !str_equal(text, STR("UTC")) && !take_offset(&text, &offset_s))
            return false;
        if (str_equal(text, STR("UTC")))
            text.len = 0;
    }
    if (text.len > 0 || !instant(&civil, offset_s, at_ns))
        return false;
    if (style)
        *style = found;
    return true;
}

bool time_parse_clf(struct str text, int64_t *at_ns)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct time_civil civil = {0};
    int64_t offset_s;
    if (!take_number(&text, 2, 1, 31, &civil.day) || !take_char(&text, '/') || text.len < 3)
        return false;
    while (civil.month < 12 && memcmp(months + (size_t)civil.month * 3, text.data, 3) != 0)
        civil.month++;
    if (civil.month++ == 12)
        return false;
    text = (struct str){text.data + 3, text.len - 3};
    return take_char(&text, '/') && take_number(&text, 4, 1, 9999, &civil.year) &&
           date_exists(&civil) && take_char(&text, ':') && take_clock(&text, &civil) &&
           take_char(&text, ' ') && take_offset(&text, &offset_s) && text.len == 0 &&
           instant(&civil, offset_s, at_ns);
}

/* Decimal exponent of one unit of the style in nanoseconds. */
static int style_exponent(enum time_style style)
{
    switch (style) {
    case TIME_EPOCH_S:
    case TIME_OFFSET_S:
        return 9;
    case TIME_EPOCH_MS:
    case TIME_OFFSET_MS:
        return 6;
    case TIME_EPOCH_US:
        return 3;
    case TIME_EPOCH_NS:
        return 0;
    case TIME_ISO:
    case TIME_CIVIL:
    case TIME_CLF:
        break;
    }
    return -1;
}

/* Adds digits to *sum; those behind the point lower *exponent; those below a nanosecond are cut
 * later. */
static bool take_digits(struct str *text, bool behind_point, uint64_t *sum, int *exponent,
                        bool *any)
{
    int digit;
    while (take_number(text, 1, 0, 9, &digit)) {
        *any = true;
        if (behind_point && *sum >= UINT64_MAX / 10)
            continue; /* more than any unit can use */
        if (__builtin_mul_overflow(*sum, 10, sum) ||
            __builtin_add_overflow(*sum, (uint64_t)digit, sum))
            return false;
        *exponent -= behind_point;
    }
    return true;
}

bool time_parse_epoch(struct str text, enum time_style style, int64_t *at_ns)
{
    int exponent = style_exponent(style);
    uint64_t sum = 0;
    bool any = false;
    CHECK(exponent >= 0);
    bool minus = take_char(&text, '-');
    if (!minus)
        (void)take_char(&text, '+');
    if (!take_digits(&text, false, &sum, &exponent, &any))
        return false;
    if (take_char(&text, '.') && !take_digits(&text, true, &sum, &exponent, &any))
        return false;
    if (any && (take_char(&text, 'e') || take_char(&text, 'E'))) {
        int64_t shift;
        if (!str_to_int64(text, &shift) || shift < -40 || shift > 40)
            return false;
        exponent += (int)shift;
        text.len = 0;
    }
    if (!any || text.len > 0)
        return false;
    for (; exponent > 0 && sum > 0; exponent--)
        if (__builtin_mul_overflow(sum, 10, &sum))
            return false;
    for (; exponent < 0; exponent++)
        sum /= 10;
    if (sum >= (uint64_t)TIME_NEVER)
        return false;
    *at_ns = minus ? -(int64_t)sum : (int64_t)sum;
    return true;
}

const char *time_format_iso(int64_t at_ns, char text[TIME_TEXT_MAX])
{
    struct time_civil civil = time_civil(at_ns);
    int len = snprintf(text, TIME_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02d", civil.year,
                       civil.month, civil.day, civil.hour, civil.minute, civil.second);
    if (civil.nanosecond > 0) {
        len += snprintf(text + len, (size_t)(TIME_TEXT_MAX - len), ".%09" PRId64, civil.nanosecond);
        while (text[len - 1] == '0')
            len--;
    }
    (void)snprintf(text + len, (size_t)(TIME_TEXT_MAX - len), "Z");
    return text;
}
