/* SPDX-License-Identifier: MIT
 * Times as traces write them. The style is found once, from the first and the last row, and then
 * holds. */
#include "sim/trace.h"

const char *const trace_time_names[] = {
#define X(style, name, words) name,
    TRACE_TIMES(X)
#undef X
        NULL};

const char *trace_time_name(int style)
{
    return style >= 0 && style < TRACE_TIME_COUNT ? trace_time_names[style] : "?";
}

const char *trace_time_words(int style)
{
    static const char *const words_of[] = {
#define X(style, name, words) words,
        TRACE_TIMES(X)
#undef X
    };
    return style >= 0 && style < TRACE_TIME_COUNT ? words_of[style] : "?";
}

static bool is_epoch_scale(int style)
{
    return style >= TRACE_TIME_S && style <= TRACE_TIME_NS;
}

bool trace_time_parse(struct str text, int style, int64_t *at_ns)
{
    static const enum time_style epochs[] = {TIME_EPOCH_S, TIME_EPOCH_MS, TIME_EPOCH_US,
                                             TIME_EPOCH_NS};
    enum time_style found;
    switch (style) {
    case TRACE_TIME_ISO:
    case TRACE_TIME_CIVIL:
        return time_parse_iso(text, at_ns, &found) && *at_ns >= 0;
    case TRACE_TIME_CLF:
        return time_parse_clf(text, at_ns) && *at_ns >= 0;
    default:
        if (is_epoch_scale(style))
            return time_parse_epoch(text, epochs[style - TRACE_TIME_S], at_ns) && *at_ns >= 0;
        if (trace_time_is_offset(style) && style < TRACE_TIME_COUNT)
            return time_parse_epoch(text, epochs[style - TRACE_TIME_OFFSET_S], at_ns) &&
                   *at_ns >= 0;
        return false;
    }
}

static int guess_number(double largest, struct str column)
{
    /* 1e8 s is 1973 and 1e11 s is the year 5138: between them lie seconds, the next thousand-fold
     * milliseconds, ... */
    if (largest >= 1e17)
        return TRACE_TIME_NS;
    if (largest >= 1e14)
        return TRACE_TIME_US;
    if (largest >= 1e11)
        return TRACE_TIME_MS;
    if (largest >= 1e8 && !str_ends(column, STR("_ms")) && !str_ends(column, STR("_us")) &&
        !str_ends(column, STR("_ns")))
        return TRACE_TIME_S;
    if (str_ends(column, STR("_ms")))
        return TRACE_TIME_OFFSET_MS;
    if (str_ends(column, STR("_us")))
        return TRACE_TIME_OFFSET_US;
    if (str_ends(column, STR("_ns")))
        return TRACE_TIME_OFFSET_NS;
    return TRACE_TIME_OFFSET_S;
}

int trace_time_guess(struct str first, struct str last, struct str column)
{
    double a = -1, b = -1;
    bool a_ok = str_to_double(first, &a), b_ok = str_to_double(last, &b);
    if (a_ok || b_ok)
        return guess_number(a > b ? a : b, column);
    const struct str samples[] = {first, last};
    for (int i = 0; i < 2; i++) {
        int64_t at_ns;
        enum time_style style;
        if (time_parse_iso(samples[i], &at_ns, &style))
            return style == TIME_CIVIL ? TRACE_TIME_CIVIL : TRACE_TIME_ISO;
        if (time_parse_clf(samples[i], &at_ns))
            return TRACE_TIME_CLF;
    }
    return TRACE_TIME_AUTO;
}
