/* SPDX-License-Identifier: MIT */
#include "edge/scan.h"
#include "base/check.h"

struct scan {
    const char *at, *end;
    const char *expected; /* what was missing, once something was */
    uint64_t objects;     /* bit n: nesting level n is an object, else an array */
    int depth;
    bool escaped; /* the last string held escapes */
};

static bool fail(struct scan *scan, const char *expected)
{
    scan->expected = expected;
    return false;
}

static void skip_blanks(struct scan *scan)
{
    while (scan->at < scan->end &&
           (*scan->at == ' ' || *scan->at == '\n' || *scan->at == '\r' || *scan->at == '\t'))
        scan->at++;
}

/* --- strings --- */

#define ONES  UINT64_C(0x0101010101010101)
#define HIGHS UINT64_C(0x8080808080808080)

/* Eight bytes at a time to the first one that is not plain: quote, backslash, control or beyond
 * ASCII. */
static const char *skip_plain(const char *at, const char *end)
{
    while (end - at >= 8) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        uint64_t quote = word ^ (ONES * '"'), slash = word ^ (ONES * '\\');
        uint64_t special = word | (word - ONES * 0x20) | (quote - ONES) | (slash - ONES);
        if (special & HIGHS)
            break;
        at += 8;
    }
    while (at < end) {
        unsigned char c = (unsigned char)*at;
        if (c == '"' || c == '\\' || c < 0x20 || c >= 0x80)
            break;
        at++;
    }
    return at;
}

/* One character beyond ASCII: shortest form, no surrogates, not past U+10FFFF (RFC 3629). */
static bool utf8(struct scan *scan)
{
    const unsigned char *p = (const unsigned char *)scan->at;
    size_t left = (size_t)(scan->end - scan->at), n;
    unsigned char low = 0x80, high = 0xbf;
    if (p[0] >= 0xc2 && p[0] <= 0xdf) {
        n = 2;
    } else if (p[0] >= 0xe0 && p[0] <= 0xef) {
        n = 3;
        low = p[0] == 0xe0 ? 0xa0 : low;
        high = p[0] == 0xed ? 0x9f : high;
    } else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        n = 4;
        low = p[0] == 0xf0 ? 0x90 : low;
        high = p[0] == 0xf4 ? 0x8f : high;
    } else {
        return fail(scan, "UTF-8");
    }
    if (left < n || p[1] < low || p[1] > high)
        return fail(scan, "UTF-8");
    for (size_t i = 2; i < n; i++) {
        if (p[i] < 0x80 || p[i] > 0xbf)
            return fail(scan, "UTF-8");
    }
    scan->at += n;
    return true;
}

static int hex4(const char *p)
{
    int value = 0;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

/* Behind "\u": one or two groups of four digits. -1: not a character. */
static int32_t unicode_escape(const char **at, const char *end)
{
    if (end - *at < 4)
        return -1;
    int32_t first = hex4(*at);
    if (first < 0xd800 || first > 0xdfff) {
        *at += 4;
        return first;
    }
    if (first > 0xdbff || end - *at < 10 || (*at)[4] != '\\' || (*at)[5] != 'u')
        return -1;
    int32_t second = hex4(*at + 6);
    if (second < 0xdc00 || second > 0xdfff)
        return -1;
    *at += 10;
    return 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
}

static bool escape(struct scan *scan)
{
    scan->escaped = true;
    scan->at++;
    if (scan->at == scan->end)
        return fail(scan, "an escape");
    char c = *scan->at++;
    if (c == 'u')
        return unicode_escape(&scan->at, scan->end) >= 0 ||
               fail(scan, "four hexadecimal digits that make a character");
    return memchr("\"\\/bfnrt", c, 8) ? true : fail(scan, "an escape");
}

/* At a quote; ends behind the closing one. */
static bool string(struct scan *scan)
{
    scan->escaped = false;
    scan->at++;
    for (;;) {
        scan->at = skip_plain(scan->at, scan->end);
        if (scan->at == scan->end)
            return fail(scan, "the end of a string");
        unsigned char c = (unsigned char)*scan->at;
        if (c == '"') {
            scan->at++;
            return true;
        }
        if (c == '\\'   ? !escape(scan)
            : c >= 0x80 ? !utf8(scan)
                        : !fail(scan, "no control character in a string"))
            return false;
    }
}

/* --- numbers and names --- */

static bool digits(struct scan *scan)
{
    const char *start = scan->at;
    while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9')
        scan->at++;
    return scan->at > start || fail(scan, "a digit");
}

static bool number(struct scan *scan)
{
    if (*scan->at == '-')
        scan->at++;
    if (scan->at < scan->end && *scan->at == '0')
        scan->at++;
    else if (!digits(scan))
        return false;
    if (scan->at < scan->end && *scan->at == '.') {
        scan->at++;
        if (!digits(scan))
            return false;
    }
    if (scan->at < scan->end && (*scan->at == 'e' || *scan->at == 'E')) {
        scan->at++;
        if (scan->at < scan->end && (*scan->at == '+' || *scan->at == '-'))
            scan->at++;
        return digits(scan);
    }
    return true;
}

static bool name(struct scan *scan, struct str text)
{
    if ((size_t)(scan->end - scan->at) < text.len || memcmp(scan->at, text.data, text.len) != 0)
        return fail(scan, "a value");
    scan->at += text.len;
    return true;
}

/* A value that is not a container; what it is goes to *type. At a container: type only, nothing is
 * read. */
static bool scalar(struct scan *scan, enum scan_type *type)
{
    if (scan->at == scan->end)
        return fail(scan, "a value");
    switch (*scan->at) {
    case '"':
        *type = SCAN_STRING;
        return string(scan);
    case '{':
        *type = SCAN_OBJECT;
        return true;
    case '[':
        *type = SCAN_ARRAY;
        return true;
    case 't':
        *type = SCAN_TRUE;
        return name(scan, STR("true"));
    case 'f':
        *type = SCAN_FALSE;
        return name(scan, STR("false"));
    case 'n':
        *type = SCAN_NULL;
        return name(scan, STR("null"));
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        *type = SCAN_NUMBER;
        return number(scan);
    default:
        return fail(scan, "a value");
    }
}

/* --- containers --- */

static bool member_name(struct scan *scan)
{
    skip_blanks(scan);
    if (scan->at == scan->end || *scan->at != '"')
        return fail(scan, "a member's name in quotes");
    if (!string(scan))
        return false;
    skip_blanks(scan);
    if (scan->at == scan->end || *scan->at != ':')
        return fail(scan, "a colon");
    scan->at++;
    return true;
}

/* Into the container at scan->at. *empty: it ended at once. */
static bool enter(struct scan *scan, bool *empty)
{
    bool object = *scan->at == '{';
    if (scan->depth == SCAN_DEPTH_MAX)
        return fail(scan, "at most 64 levels of nesting");
    scan->objects = object ? scan->objects | UINT64_C(1) << scan->depth
                           : scan->objects & ~(UINT64_C(1) << scan->depth);
    scan->depth++;
    scan->at++;
    skip_blanks(scan);
    *empty = scan->at < scan->end && *scan->at == (object ? '}' : ']');
    return true;
}

/* Behind a value: closes what ends here. *next: a comma was read, another value follows at this
 * depth. */
static bool leave(struct scan *scan, int until, bool *next)
{
    for (;;) {
        *next = false;
        if (scan->depth == until)
            return true;
        skip_blanks(scan);
        if (scan->at == scan->end)
            return fail(scan, "a comma or a closing bracket");
        bool object = scan->objects >> (scan->depth - 1) & 1;
        if (*scan->at == ',') {
            scan->at++;
            *next = true;
            return true;
        }
        if (*scan->at != (object ? '}' : ']'))
            return fail(scan, object ? "a comma or }" : "a comma or ]");
        scan->at++;
        scan->depth--;
    }
}

/* A whole value, containers and all, without recursion. */
static bool value(struct scan *scan, enum scan_type *type)
{
    int until = scan->depth;
    enum scan_type inner;
    bool outermost = true;
    for (;;) {
        bool in_object = scan->depth > until && scan->objects >> (scan->depth - 1) & 1;
        if (in_object && !member_name(scan))
            return false;
        skip_blanks(scan);
        if (!scalar(scan, &inner))
            return false;
        if (outermost)
            *type = inner;
        outermost = false;
        bool next = false, empty = true;
        if (inner == SCAN_OBJECT || inner == SCAN_ARRAY) {
            if (!enter(scan, &empty))
                return false;
            if (!empty)
                continue;
        }
        if (!leave(scan, until, &next))
            return false;
        if (!next)
            return true;
    }
}

/* --- the outermost object --- */

/* Does the name as written, [at, end) between its quotes, mean `key`? */
static bool key_is(const char *at, const char *end, bool escaped, struct str key)
{
    if (!escaped)
        return str_equal((struct str){at, (size_t)(end - at)}, key);
    char text[SCAN_KEY_MAX];
    size_t len;
    struct scan_field field = {.raw = {at - 1, (size_t)(end - at) + 2}, .escaped = true};
    return scan_string(&field, text, sizeof text, &len) && str_equal((struct str){text, len}, key);
}

static bool member(struct scan *scan, struct scan_field *fields, size_t count)
{
    skip_blanks(scan);
    const char *start = scan->at;
    if (!member_name(scan))
        return false;
    /* The name ends at the last quote before the colon. */
    const char *quote = scan->at - 1;
    while (*quote != '"')
        quote--;
    struct scan_field *field = NULL;
    bool escaped = scan->escaped;
    for (size_t i = 0; i < count && !field; i++) {
        if (key_is(start + 1, quote, escaped, fields[i].key))
            field = &fields[i];
    }
    skip_blanks(scan);
    const char *begin = scan->at;
    enum scan_type type = SCAN_ABSENT;
    if (!value(scan, &type))
        return false;
    if (!field)
        return true;
    field->twice = field->type != SCAN_ABSENT;
    if (!field->twice) {
        field->type = type;
        field->raw = (struct str){begin, (size_t)(scan->at - begin)};
        field->escaped = scan->escaped;
    }
    return true;
}

static bool object(struct scan *scan, struct scan_field *fields, size_t count)
{
    bool next = true, empty;
    skip_blanks(scan);
    if (scan->at == scan->end || *scan->at != '{')
        return fail(scan, "an object");
    if (!enter(scan, &empty))
        return false;
    if (empty)
        return leave(scan, 0, &next);
    while (next) {
        if (!member(scan, fields, count) || !leave(scan, 0, &next))
            return false;
    }
    return true;
}

enum fw_err scan_object(struct str text, struct scan_field *fields, size_t count,
                        struct scan_error *error)
{
    struct scan scan = {.at = text.data, .end = text.data + text.len};
    CHECK(count <= SCAN_FIELDS_MAX);
    bool ok = object(&scan, fields, count);
    if (ok) {
        skip_blanks(&scan);
        if (scan.at != scan.end)
            ok = fail(&scan, "nothing behind the object");
    }
    if (ok)
        return FW_OK;
    *error = (struct scan_error){(size_t)(scan.at - text.data), scan.expected};
    return FW_INPUT;
}

/* --- undoing escapes --- */

static size_t put_utf8(int32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

static char plain_escape(char c)
{
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return c;
    }
}

bool scan_string(const struct scan_field *field, char *out, size_t size, size_t *len)
{
    const char *at = field->raw.data + 1, *end = field->raw.data + field->raw.len - 1;
    size_t n = 0;
    while (at < end) {
        char bytes[4] = {*at};
        size_t count = 1;
        if (*at != '\\') {
            at++;
        } else if (at[1] != 'u') {
            bytes[0] = plain_escape(at[1]);
            at += 2;
        } else {
            at += 2;
            count = put_utf8(unicode_escape(&at, end), bytes);
        }
        if (n + count > size)
            return false;
        memcpy(out + n, bytes, count);
        n += count;
    }
    *len = n;
    return true;
}
