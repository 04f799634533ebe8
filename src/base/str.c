/* SPDX-License-Identifier: MIT */
#include "base/str.h"

static unsigned char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c - 'A' + 'a') : (unsigned char)c;
}

bool str_equal_nocase(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.data[i]) != lower(b.data[i]))
            return false;
    return true;
}

bool str_starts(struct str text, struct str prefix)
{
    return text.len >= prefix.len && str_equal((struct str){text.data, prefix.len}, prefix);
}

bool str_ends(struct str text, struct str suffix)
{
    return text.len >= suffix.len &&
           str_equal((struct str){text.data + (text.len - suffix.len), suffix.len}, suffix);
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_trim(struct str text)
{
    while (text.len > 0 && is_space(text.data[0])) {
        text.data++;
        text.len--;
    }
    while (text.len > 0 && is_space(text.data[text.len - 1]))
        text.len--;
    return text;
}

bool str_cut(struct str *rest, char separator, struct str *part)
{
    if (!rest->data)
        return false;
    const char *found = rest->len > 0 ? memchr(rest->data, separator, rest->len) : NULL;
    if (!found) {
        *part = *rest;
        *rest = (struct str){NULL, 0};
        return true;
    }
    size_t len = (size_t)(found - rest->data);
    *part = (struct str){rest->data, len};
    *rest = (struct str){found + 1, rest->len - len - 1};
    return true;
}

static uint64_t rotate_left(uint64_t x, int bits)
{
    return (x << bits) | (x >> (64 - bits));
}

static uint64_t read_little_endian(const unsigned char *data, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value |= (uint64_t)data[i] << (8 * i);
    return value;
}

/* XXH64 (Collet, xxHash specification 0.1.1). */
#define XXH_1 UINT64_C(0x9E3779B185EBCA87)
#define XXH_2 UINT64_C(0xC2B2AE3D27D4EB4F)
#define XXH_3 UINT64_C(0x165667B19E3779F9)
#define XXH_4 UINT64_C(0x85EBCA77C2B2AE63)
#define XXH_5 UINT64_C(0x27D4EB2F165667C5)

static uint64_t hash_round(uint64_t lane, uint64_t input)
{
    return rotate_left(lane + input * XXH_2, 31) * XXH_1;
}

/* Four lanes over stripes of 32 bytes; moves *data behind the last whole stripe. */
static uint64_t hash_stripes(const unsigned char **data, size_t len, uint64_t seed)
{
    uint64_t lanes[4] = {seed + XXH_1 + XXH_2, seed + XXH_2, seed, seed - XXH_1};
    for (; len >= 32; len -= 32)
        for (int i = 0; i < 4; i++, *data += 8)
            lanes[i] = hash_round(lanes[i], read_little_endian(*data, 8));
    uint64_t hash = rotate_left(lanes[0], 1) + rotate_left(lanes[1], 7) +
                    rotate_left(lanes[2], 12) + rotate_left(lanes[3], 18);
    for (int i = 0; i < 4; i++)
        hash = (hash ^ hash_round(0, lanes[i])) * XXH_1 + XXH_4;
    return hash;
}

uint64_t str_hash(const void *data, size_t len, uint64_t seed)
{
    const unsigned char *at = data;
    uint64_t hash = len >= 32 ? hash_stripes(&at, len, seed) : seed + XXH_5;
    hash += len;
    size_t rest = len % 32;
    for (; rest >= 8; rest -= 8, at += 8)
        hash = rotate_left(hash ^ hash_round(0, read_little_endian(at, 8)), 27) * XXH_1 + XXH_4;
    if (rest >= 4) {
        hash = rotate_left(hash ^ (read_little_endian(at, 4) * XXH_1), 23) * XXH_2 + XXH_3;
        at += 4;
        rest -= 4;
    }
    for (; rest > 0; rest--, at++)
        hash = rotate_left(hash ^ (*at * XXH_5), 11) * XXH_1;
    hash = (hash ^ (hash >> 33)) * XXH_2;
    hash = (hash ^ (hash >> 29)) * XXH_3;
    return hash ^ (hash >> 32);
}

size_t str_utf8_char(struct str text)
{
    const unsigned char *c = (const unsigned char *)text.data;
    if (text.len == 0)
        return 0;
    if (c[0] < 0x80)
        return 1;
    /* Unicode 15, table 3-7: the second byte's range keeps out overlong forms, surrogates and >
     * U+10FFFF. */
    size_t len = c[0] < 0xE0 ? 2 : c[0] < 0xF0 ? 3 : 4;
    unsigned char low = c[0] == 0xE0 ? 0xA0 : c[0] == 0xF0 ? 0x90 : 0x80;
    unsigned char high = c[0] == 0xED ? 0x9F : c[0] == 0xF4 ? 0x8F : 0xBF;
    if (c[0] < 0xC2 || c[0] > 0xF4 || text.len < len || c[1] < low || c[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((c[i] & 0xC0) != 0x80)
            return 0;
    return len;
}

bool str_is_utf8(struct str text)
{
    while (text.len > 0) {
        size_t len = str_utf8_char(text);
        if (len == 0)
            return false;
        text.data += len;
        text.len -= len;
    }
    return true;
}
