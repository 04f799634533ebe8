/* SPDX-License-Identifier: MIT
 * A piece of text that somebody else owns: pointer and length, not terminated. Conversions are
 * strict (the whole text must be a number) and independent of the locale. */
#ifndef FOREWARM_BASE_STR_H
#define FOREWARM_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *data;
    size_t len;
};

#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
/* For printf: "%.*s", STR_ARG(s) */
#define STR_ARG(s) (int)(s).len, (s).data

static inline struct str str_of(const char *text)
{
    return (struct str){text, text ? strlen(text) : 0};
}
static inline bool str_equal(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}
bool str_equal_nocase(struct str a, struct str b); /* ASCII letters only */
bool str_starts(struct str text, struct str prefix);
bool str_ends(struct str text, struct str suffix);
struct str str_trim(struct str text); /* ASCII white space at both ends */
/* Cuts the part before `separator` off the front of *rest. False when *rest is exhausted
 * (data == NULL). */
bool str_cut(struct str *rest, char separator, struct str *part);
bool str_to_int64(struct str text, int64_t *value); /* optional sign, decimal, in range */
bool str_to_uint64(struct str text, uint64_t *value);
/* Decimal with optional fraction and exponent, correctly rounded. Too large for a double, "inf" and
 * "nan": false. */
bool str_to_double(struct str text, double *value);
/* "24GiB", "512MiB", "1.5GB", "100B", in any case; a bare number is an error; "unlimited" is
 * UINT64_MAX. Parts of a byte are rounded. */
bool str_to_size(struct str text, uint64_t *bytes);
enum { STR_NUMBER_MAX = 40 };
/* Shortest decimal that reads back to the same double; "null" for NaN and infinities. Never a
 * locale's comma. */
const char *str_from_double(double value, char text[STR_NUMBER_MAX]);
/* Fixed number of decimals (0..9), rounded half to even on the exact value; |value| < 1e15. */
const char *str_from_fixed(double value, int decimals, char text[STR_NUMBER_MAX]);
/* Exact: "24GiB", "1536MiB", "100B". */
const char *str_from_size(uint64_t bytes, char text[STR_NUMBER_MAX]);
/* XXH64 with a seed: the same on every machine and in every release. */
uint64_t str_hash(const void *data, size_t len, uint64_t seed);
bool str_is_utf8(struct str text);
/* Length of the well-formed UTF-8 character that begins the text; 0 if there is none. */
size_t str_utf8_char(struct str text);
/* "1.5" of a unit, exact, then rounded to the nearest whole. False if that is too large. */
bool str_to_scaled(struct str number, uint64_t unit, uint64_t *value);

#endif
