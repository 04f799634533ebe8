/* SPDX-License-Identifier: MIT
 * Numbers from text and back. The C library's own conversions follow the locale, so only its exact
 * printing of doubles is used, and the separator it chose is replaced. */
#include "base/check.h"
#include "base/str.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Takes a sign off the front; true if it was a minus. */
static bool take_sign(struct str *text)
{
    bool minus = text->len > 0 && text->data[0] == '-';
    if (text->len > 0 && (minus || text->data[0] == '+')) {
        text->data++;
        text->len--;
    }
    return minus;
}

static bool parse_digits(struct str text, uint64_t *value)
{
    if (text.len == 0)
        return false;
    uint64_t sum = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (!is_digit(text.data[i]))
            return false;
        if (__builtin_mul_overflow(sum, 10, &sum) ||
            __builtin_add_overflow(sum, (uint64_t)(text.data[i] - '0'), &sum))
            return false;
    }
    *value = sum;
    return true;
}

bool str_to_uint64(struct str text, uint64_t *value)
{
    bool minus = take_sign(&text);
    uint64_t magnitude;
    if (!parse_digits(text, &magnitude) || (minus && magnitude != 0))
        return false;
    *value = magnitude;
    return true;
}

bool str_to_int64(struct str text, int64_t *value)
{
    bool minus = take_sign(&text);
    uint64_t magnitude;
    if (!parse_digits(text, &magnitude) || magnitude > (uint64_t)INT64_MAX + (minus ? 1 : 0))
        return false;
    *value = minus ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

struct size_unit {
    const char *name;
    uint64_t bytes;
};
/* Binary ones first, largest first: str_from_size takes the first that divides. */
static const struct size_unit size_units[] = {
    {"EiB", UINT64_C(1) << 60},
    {"PiB", UINT64_C(1) << 50},
    {"TiB", UINT64_C(1) << 40},
    {"GiB", UINT64_C(1) << 30},
    {"MiB", UINT64_C(1) << 20},
    {"KiB", UINT64_C(1) << 10},
    {"B", 1},
    {"kB", UINT64_C(1000)},
    {"MB", UINT64_C(1000000)},
    {"GB", UINT64_C(1000000000)},
    {"TB", UINT64_C(1000000000000)},
    {"PB", UINT64_C(1000000000000000)},
    {"EB", UINT64_C(1000000000000000000)},
};

/* A part below one as numerator / denominator; digits past the eighteenth are cut. */
static bool parse_fraction(struct str digits, uint64_t *numerator, uint64_t *denominator)
{
    *numerator = 0;
    *denominator = 1;
    for (size_t i = 0; i < digits.len; i++) {
        if (!is_digit(digits.data[i]))
            return false;
        if (i >= 18)
            continue;
        *numerator = *numerator * 10 + (uint64_t)(digits.data[i] - '0');
        *denominator *= 10;
    }
    return digits.len > 0;
}

bool str_to_scaled(struct str number, uint64_t unit, uint64_t *value)
{
    struct str rest = number, whole_digits;
    uint64_t whole, numerator = 0, denominator = 1;
    if (!str_cut(&rest, '.', &whole_digits) || !parse_digits(whole_digits, &whole))
        return false;
    if (rest.data && !parse_fraction(rest, &numerator, &denominator))
        return false;
    unsigned __int128 part = (unsigned __int128)numerator * unit;
    unsigned __int128 sum = (unsigned __int128)whole * unit +
                            (part * 2 + denominator) / ((unsigned __int128)denominator * 2);
    if (sum > UINT64_MAX)
        return false;
    *value = (uint64_t)sum;
    return true;
}

bool str_to_size(struct str text, uint64_t *bytes)
{
    if (str_equal_nocase(text, STR("unlimited"))) {
        *bytes = UINT64_MAX;
        return true;
    }
    size_t digits = 0;
    while (digits < text.len && (is_digit(text.data[digits]) || text.data[digits] == '.'))
        digits++;
    struct str number = {text.data, digits};
    struct str unit = {text.data + digits, text.len - digits};
    if (unit.len > 1 && unit.data[0] == ' ')
        unit = (struct str){unit.data + 1, unit.len - 1};
    for (size_t i = 0; i < sizeof size_units / sizeof *size_units; i++)
        if (str_equal_nocase(unit, str_of(size_units[i].name)))
            return str_to_scaled(number, size_units[i].bytes, bytes);
    return false;
}

const char *str_from_size(uint64_t bytes, char text[STR_NUMBER_MAX])
{
    if (bytes == UINT64_MAX) {
        (void)snprintf(text, STR_NUMBER_MAX, "unlimited");
        return text;
    }
    const struct size_unit *unit = size_units;
    while (unit->bytes > 1 && (bytes == 0 || bytes % unit->bytes != 0))
        unit++;
    (void)snprintf(text, STR_NUMBER_MAX, "%" PRIu64 "%s", bytes / unit->bytes, unit->name);
    return text;
}

/* Replaces whatever the locale put between the digits (it may be several bytes) with a point. */
static void restore_point(char *text)
{
    char *to = text;
    bool in_separator = false;
    for (const char *from = text; *from; from++) {
        bool own = is_digit(*from) || *from == '-' || *from == '+' || *from == 'e';
        if (own)
            *to++ = *from;
        else if (!in_separator)
            *to++ = '.';
        in_separator = !own;
    }
    *to = '\0';
}

const char *str_from_double(double value, char text[STR_NUMBER_MAX])
{
    if (!isfinite(value)) {
        memcpy(text, "null", sizeof "null");
        return text;
    }
    if (fabs(value) < 1e15 && value == trunc(value)) {
        (void)snprintf(text, STR_NUMBER_MAX, "%s%" PRId64, value == 0 && signbit(value) ? "-" : "",
                       (int64_t)value);
        return text;
    }
    /* A decimal of up to 15 digits survives the way through a normal double, so 15 digits find the
     * shortest one if it has so few; subnormals have fewer bits and may need fewer digits. 17
     * always do. */
    int precision = fabs(value) < 0x1p-1022 ? 1 : 15;
    for (; precision <= 17; precision++) {
        (void)snprintf(text, STR_NUMBER_MAX, "%.*g", precision, value);
        restore_point(text);
        double back;
        if (str_to_double(str_of(text), &back) && back == value)
            break;
    }
    return text;
}

const char *str_from_fixed(double value, int decimals, char text[STR_NUMBER_MAX])
{
    CHECK(decimals >= 0 && decimals <= 9);
    if (!(fabs(value) < 1e15))
        return str_from_double(value, text);
    (void)snprintf(text, STR_NUMBER_MAX, "%.*f", decimals, value);
    restore_point(text);
    /* A value that rounds to nothing has no sign. */
    if (text[0] == '-' && text[strspn(text, "-0.")] == '\0')
        memmove(text, text + 1, strlen(text));
    return text;
}
