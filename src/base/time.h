/* SPDX-License-Identifier: MIT
 * Time as int64_t nanoseconds since 1970-01-01 UTC, and durations in the same unit. Nothing here
 * asks what time it is: instants come from outside, in events. */
#ifndef FOREWARM_BASE_TIME_H
#define FOREWARM_BASE_TIME_H

#include "base/err.h"
#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

#define TIME_MICROSECOND INT64_C(1000)
#define TIME_MILLISECOND INT64_C(1000000)
#define TIME_SECOND      INT64_C(1000000000)
#define TIME_MINUTE      (60 * TIME_SECOND)
#define TIME_HOUR        (3600 * TIME_SECOND)
#define TIME_DAY         (86400 * TIME_SECOND)
#define TIME_NEVER       INT64_MAX

static inline double time_to_seconds(int64_t ns)
{
    return (double)ns / 1e9;
}

/* Rounds to the nearest nanosecond, halves up; clamps to [0, TIME_NEVER]; a NaN gives 0. */
static inline int64_t time_from_seconds(double seconds)
{
    double ns = seconds * 1e9;
    if (!(ns > 0))
        return 0;
    if (!(ns < 0x1p63))
        return TIME_NEVER;
    int64_t whole_ns = (int64_t)ns; /* what is cut off is exact */
    return whole_ns + (ns - (double)whole_ns >= 0.5);
}

/* From one instant to another, negative when that is earlier; at the ends of int64_t it stays there
 * instead of overflowing. */
static inline int64_t time_between(int64_t from_ns, int64_t to_ns)
{
    int64_t ns;
    if (__builtin_sub_overflow(to_ns, from_ns, &ns))
        return to_ns < from_ns ? INT64_MIN : INT64_MAX;
    return ns;
}

/* Sum of an instant and a duration >= 0 that stays at TIME_NEVER instead of overflowing. */
static inline int64_t time_add(int64_t at_ns, int64_t duration_ns)
{
    int64_t sum;
    if (at_ns == TIME_NEVER || duration_ns == TIME_NEVER ||
        __builtin_add_overflow(at_ns, duration_ns, &sum))
        return TIME_NEVER;
    return sum;
}

/* "90s", "5m", "1h30m", "250ms", "1.5s", "0s", "10us", "7d", "2w", "never" (TIME_NEVER). A bare
 * number is an error. */
FW_MUST_CHECK bool time_parse_duration(struct str text, int64_t *duration_ns);
enum { TIME_TEXT_MAX = 40 };
/* Shortest exact spelling that time_parse_duration reads back: "10m", "1h30m", "11s", "1.5s",
 * "250ms". */
const char *time_format_duration(int64_t duration_ns, char text[TIME_TEXT_MAX]);
/* For people: at most three significant figures, "1.2 s", "340 ms", "2 h 10 min". */
const char *time_format_human(int64_t duration_ns, char text[TIME_TEXT_MAX]);

enum time_style {
    TIME_EPOCH_S,
    TIME_EPOCH_MS,
    TIME_EPOCH_US,
    TIME_EPOCH_NS,
    TIME_ISO,
    TIME_CIVIL,
    TIME_CLF,
    TIME_OFFSET_S,
    TIME_OFFSET_MS
};

/* ISO 8601 ("2024-11-15T16:57:50.123Z", "+02:00" and "+0200" offsets, a blank for T; without a zone
 * it is UTC), any number of fraction digits (past nanoseconds cut). `style` (may be NULL) gets
 * TIME_ISO or TIME_CIVIL (blank). */
FW_MUST_CHECK bool time_parse_iso(struct str text, int64_t *at_ns, enum time_style *style);
/* "10/Oct/2000:13:55:36 -0700", as Apache and nginx write it (without the brackets). */
FW_MUST_CHECK bool time_parse_clf(struct str text, int64_t *at_ns);
/* A decimal number of seconds, milliseconds, ... since 1970, exact (no detour through double). */
FW_MUST_CHECK bool time_parse_epoch(struct str text, enum time_style style, int64_t *at_ns);
/* "2024-11-15T16:57:50Z", with ".123456789" cut to what is needed. */
const char *time_format_iso(int64_t at_ns, char text[TIME_TEXT_MAX]);

struct time_civil {
    int year, month, day; /* 1..12, 1..31 */
    int hour, minute, second;
    int weekday; /* 0 Monday .. 6 Sunday */
    int64_t nanosecond;
};
struct time_civil time_civil(int64_t at_ns);
int64_t time_from_civil(const struct time_civil *civil); /* proleptic Gregorian, weekday ignored */

#endif
