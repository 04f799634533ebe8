/* SPDX-License-Identifier: MIT
 * Durations. Instants and their spellings: time_instant.c. */
#include "base/time.h"
#include <inttypes.h>
#include <stdio.h>

struct unit {
    const char *name;
    int64_t ns;
};
/* Longest first: in a text they may only become shorter. */
static const struct unit units[] = {
    {"w", 7 * TIME_DAY}, {"d", TIME_DAY},          {"h", TIME_HOUR},         {"m", TIME_MINUTE},
    {"s", TIME_SECOND},  {"ms", TIME_MILLISECOND}, {"us", TIME_MICROSECOND}, {"ns", 1},
};
enum { UNIT_COUNT = sizeof units / sizeof *units };

static bool is_number_part(char c)
{
    return (c >= '0' && c <= '9') || c == '.';
}

/* Index of the unit, at least `from`; UNIT_COUNT if there is none. */
static size_t find_unit(struct str name, size_t from)
{
    if (str_equal(name, STR("\xC2\xB5s")) || str_equal(name, STR("\xCE\xBCs")))
        name = STR("us"); /* micro sign and Greek mu */
    while (from < UNIT_COUNT && !str_equal(name, str_of(units[from].name)))
        from++;
    return from;
}

/* Cuts the run of characters that are (or are not) part of a number off the front. */
static struct str take_run(struct str *text, bool number)
{
    size_t len = 0;
    while (len < text->len && is_number_part(text->data[len]) == number)
        len++;
    struct str run = {text->data, len};
    *text = (struct str){text->data + len, text->len - len};
    return run;
}

bool time_parse_duration(struct str text, int64_t *duration_ns)
{
    if (str_equal(text, STR("never"))) {
        *duration_ns = TIME_NEVER;
        return true;
    }
    if (text.len == 0)
        return false;
    uint64_t sum = 0;
    for (size_t from = 0; text.len > 0;) {
        struct str number = take_run(&text, true);
        size_t unit = find_unit(take_run(&text, false), from);
        uint64_t part;
        if (unit == UNIT_COUNT || !str_to_scaled(number, (uint64_t)units[unit].ns, &part) ||
            __builtin_add_overflow(sum, part, &sum))
            return false;
        from = unit + 1;
    }
    if (sum >= (uint64_t)TIME_NEVER)
        return false;
    *duration_ns = (int64_t)sum;
    return true;
}

/* Appends `ns` in `unit` with as many decimals as it needs; returns the end. */
static char *add_exact(char *to, char *end, uint64_t ns, const struct unit *unit)
{
    uint64_t unit_ns = (uint64_t)unit->ns, part = ns % unit_ns;
    to += snprintf(to, (size_t)(end - to), "%" PRIu64, ns / unit_ns);
    if (part > 0) {
        *to++ = '.';
        for (; part > 0; part %= unit_ns) {
            unit_ns /= 10;
            *to++ = (char)('0' + part / unit_ns);
        }
    }
    to += snprintf(to, (size_t)(end - to), "%s", unit->name);
    return to;
}

const char *time_format_duration(int64_t duration_ns, char text[TIME_TEXT_MAX])
{
    char *to = text, *end = text + TIME_TEXT_MAX;
    if (duration_ns == TIME_NEVER || duration_ns == 0) {
        (void)snprintf(text, TIME_TEXT_MAX, "%s", duration_ns == 0 ? "0s" : "never");
        return text;
    }
    uint64_t rest = duration_ns < 0 ? 0 - (uint64_t)duration_ns : (uint64_t)duration_ns;
    if (duration_ns < 0)
        *to++ = '-';
    const struct unit *unit = units + 1; /* weeks are for people to write, days to read */
    for (; unit->ns > TIME_SECOND; unit++) {
        uint64_t count = rest / (uint64_t)unit->ns;
        rest %= (uint64_t)unit->ns;
        if (count > 0)
            to += snprintf(to, (size_t)(end - to), "%" PRIu64 "%s", count, unit->name);
    }
    if (rest > 0) {
        while (rest < (uint64_t)unit->ns)
            unit++;
        (void)add_exact(to, end, rest, unit);
    }
    return text;
}

/* Three figures, without zeros at the end: false if that rounds up to `limit` units. */
static bool format_figures(uint64_t ns, uint64_t unit_ns, uint64_t limit, const char *name,
                           const char *sign, char text[TIME_TEXT_MAX])
{
    uint64_t whole = ns / unit_ns;
    int decimals = unit_ns == 1 || whole >= 100 ? 0 : whole >= 10 ? 1 : 2;
    uint64_t scale = decimals == 2 ? 100 : decimals == 1 ? 10 : 1;
    uint64_t scaled = (ns * scale + unit_ns / 2) / unit_ns;
    if (scaled >= limit * scale)
        return false;
    while (decimals > 0 && scaled % 10 == 0) {
        scaled /= 10;
        scale /= 10;
        decimals--;
    }
    int len = snprintf(text, TIME_TEXT_MAX, "%s%" PRIu64, sign, scaled / scale);
    if (decimals > 0)
        len += snprintf(text + len, (size_t)(TIME_TEXT_MAX - len), ".%0*" PRIu64, decimals,
                        scaled % scale);
    (void)snprintf(text + len, (size_t)(TIME_TEXT_MAX - len), " %s", name);
    return true;
}

/* "2 h 10 min": two units, the second rounded and left out when 0. False if it rounds up to
 * `limit`. */
static bool format_pair(uint64_t ns, int64_t large, int64_t small, int64_t limit,
                        const char *large_name, const char *small_name, const char *sign,
                        char text[TIME_TEXT_MAX])
{
    uint64_t count = (ns + (uint64_t)small / 2) / (uint64_t)small;
    uint64_t per = (uint64_t)(large / small);
    if (limit != TIME_NEVER && count >= (uint64_t)(limit / small))
        return false;
    int len = snprintf(text, TIME_TEXT_MAX, "%s%" PRIu64 " %s", sign, count / per, large_name);
    if (count % per != 0)
        (void)snprintf(text + len, (size_t)(TIME_TEXT_MAX - len), " %" PRIu64 " %s", count % per,
                       small_name);
    return true;
}

const char *time_format_human(int64_t duration_ns, char text[TIME_TEXT_MAX])
{
    if (duration_ns == TIME_NEVER || duration_ns == 0) {
        (void)snprintf(text, TIME_TEXT_MAX, "%s", duration_ns == 0 ? "0 s" : "never");
        return text;
    }
    uint64_t ns = duration_ns < 0 ? 0 - (uint64_t)duration_ns : (uint64_t)duration_ns;
    const char *sign = duration_ns < 0 ? "-" : "";
    static const struct {
        uint64_t ns, limit;
        const char *name;
    } figures[] = {{1, 1000, "ns"},
                   {TIME_MICROSECOND, 1000, "us"},
                   {TIME_MILLISECOND, 1000, "ms"},
                   {TIME_SECOND, 60, "s"}};
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
        if (ns < figures[i].ns * figures[i].limit &&
            format_figures(ns, figures[i].ns, figures[i].limit, figures[i].name, sign, text))
            return text;
    if (!format_pair(ns, TIME_MINUTE, TIME_SECOND, TIME_HOUR, "min", "s", sign, text) &&
        !format_pair(ns, TIME_HOUR, TIME_MINUTE, TIME_DAY, "h", "min", sign, text))
        (void)format_pair(ns, TIME_DAY, TIME_HOUR, TIME_NEVER, "d", "h", sign, text);
    return text;
}
