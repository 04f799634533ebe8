/* SPDX-License-Identifier: MIT */
#include "edge/pages/http_date.h"
#include <stdio.h>

static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
static const char *const long_days[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                        "Friday", "Saturday", "Sunday"};
static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
enum { YEAR_MAX = 2261, CENTURY_AHEAD = 50 };

struct reader {
    struct str rest;
    bool failed;
};

static void expect(struct reader *reader, const char *text)
{
    struct str wanted = str_of(text);
    if (reader->failed || !str_starts(reader->rest, wanted)) {
        reader->failed = true;
        return;
    }
    reader->rest = (struct str){reader->rest.data + wanted.len, reader->rest.len - wanted.len};
}

static int number(struct reader *reader, size_t digits)
{
    int value = 0;
    if (reader->failed || reader->rest.len < digits) {
        reader->failed = true;
        return 0;
    }
    for (size_t i = 0; i < digits; i++) {
        char c = reader->rest.data[i];
        reader->failed |= c < '0' || c > '9';
        value = value * 10 + (c - '0');
    }
    reader->rest = (struct str){reader->rest.data + digits, reader->rest.len - digits};
    return reader->failed ? 0 : value;
}

/* Which of the names begins the rest; it is taken off. */
static int name(struct reader *reader, const char *const *names, int count)
{
    for (int i = 0; !reader->failed && i < count; i++) {
        struct str one = str_of(names[i]);
        if (!str_starts(reader->rest, one))
            continue;
        reader->rest = (struct str){reader->rest.data + one.len, reader->rest.len - one.len};
        return i;
    }
    reader->failed = true;
    return 0;
}

static void clock_time(struct reader *reader, struct time_civil *civil)
{
    civil->hour = number(reader, 2);
    expect(reader, ":");
    civil->minute = number(reader, 2);
    expect(reader, ":");
    civil->second = number(reader, 2);
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" */
static void read_fixed(struct reader *reader, struct time_civil *civil)
{
    name(reader, days, 7);
    expect(reader, ", ");
    civil->day = number(reader, 2);
    expect(reader, " ");
    civil->month = 1 + name(reader, months, 12);
    expect(reader, " ");
    civil->year = number(reader, 4);
    expect(reader, " ");
    clock_time(reader, civil);
    expect(reader, " GMT");
}

/* "Sunday, 06-Nov-94 08:49:37 GMT": a year more than 50 years ahead is one of the past. */
static void read_rfc850(struct reader *reader, int64_t now_ns, struct time_civil *civil)
{
    int this_year = time_civil(now_ns).year;
    name(reader, long_days, 7);
    expect(reader, ", ");
    civil->day = number(reader, 2);
    expect(reader, "-");
    civil->month = 1 + name(reader, months, 12);
    expect(reader, "-");
    civil->year = this_year / 100 * 100 + number(reader, 2);
    if (civil->year > this_year + CENTURY_AHEAD)
        civil->year -= 100;
    expect(reader, " ");
    clock_time(reader, civil);
    expect(reader, " GMT");
}

/* "Sun Nov  6 08:49:37 1994" */
static void read_asctime(struct reader *reader, struct time_civil *civil)
{
    name(reader, days, 7);
    expect(reader, " ");
    civil->month = 1 + name(reader, months, 12);
    expect(reader, " ");
    if (str_starts(reader->rest, STR(" "))) {
        expect(reader, " ");
        civil->day = number(reader, 1);
    } else {
        civil->day = number(reader, 2);
    }
    expect(reader, " ");
    clock_time(reader, civil);
    expect(reader, " ");
    civil->year = number(reader, 4);
}

static bool in_month(const struct time_civil *civil)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = civil->year % 4 == 0 && (civil->year % 100 != 0 || civil->year % 400 == 0);
    int length = lengths[civil->month - 1] + (civil->month == 2 && leap);
    return civil->day >= 1 && civil->day <= length;
}

bool http_date_parse(struct str text, int64_t now_ns, int64_t *at_ns)
{
    struct reader reader = {text, false};
    struct time_civil civil = {0};
    *at_ns = 0;
    if (text.len > 3 && text.data[3] == ',')
        read_fixed(&reader, &civil);
    else if (text.len > 3 && text.data[3] == ' ')
        read_asctime(&reader, &civil);
    else
        read_rfc850(&reader, now_ns, &civil);
    if (reader.failed || reader.rest.len > 0 || !in_month(&civil) || civil.hour > 23 ||
        civil.minute > 59 || civil.second > 60)
        return false;
    if (civil.second == 60) /* a leap second is the one before */
        civil.second = 59;
    if (civil.year > YEAR_MAX)
        *at_ns = TIME_NEVER;
    else if (civil.year >= 1970)
        *at_ns = time_from_civil(&civil);
    return true;
}

void http_date_write(int64_t at_ns, char text[HTTP_DATE_LEN + 1])
{
    struct time_civil civil = time_civil(at_ns > 0 ? at_ns : 0);
    char wide[128]; /* the compiler does not know how small the numbers are */
    snprintf(wide, sizeof wide, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[civil.weekday % 7],
             civil.day, months[(civil.month + 11) % 12], civil.year, civil.hour, civil.minute,
             civil.second);
    memcpy(text, wide, HTTP_DATE_LEN);
    text[HTTP_DATE_LEN] = 0;
}
