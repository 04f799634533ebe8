/* SPDX-License-Identifier: MIT */
#include "edge/form.h"

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum form_find form_decode(struct str raw, bool plus, char *decoded, size_t size, size_t *len)
{
    size_t n = 0;
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.data[i];
        if (c == '%') {
            int high = i + 2 < raw.len ? hex(raw.data[i + 1]) : -1,
                low = high >= 0 ? hex(raw.data[i + 2]) : -1;
            if (low < 0)
                return FORM_BROKEN;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        if (n + 1 >= size)
            return FORM_TOO_LONG;
        decoded[n++] = c;
    }
    decoded[n] = '\0';
    *len = n;
    return FORM_FOUND;
}

size_t form_encode(struct str text, char *out, size_t size)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t n = 0;
    for (size_t i = 0; i < text.len && n + 3 <= size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '-' || c == '.' || c == '_' || c == '~';
        if (plain) {
            out[n++] = (char)c;
            continue;
        }
        out[n++] = '%';
        out[n++] = digits[c >> 4];
        out[n++] = digits[c & 15];
    }
    return n;
}

/* The name of a pair, decoded, is `name`? A name is never longer decoded than written. */
static bool name_matches(struct str raw, struct str name)
{
    char decoded[128];
    size_t len;
    return form_decode(raw, true, decoded, sizeof decoded, &len) == FORM_FOUND &&
           str_equal((struct str){decoded, len}, name);
}

enum form_find form_find(struct str form, struct str name, struct str *raw)
{
    struct str pair, key;
    bool found = false;
    while (str_cut(&form, '&', &pair)) {
        struct str value = pair;
        if (!str_cut(&value, '=', &key) || !name_matches(key, name))
            continue;
        if (found)
            return FORM_TWICE;
        found = true;
        *raw = value.data ? value : (struct str){"", 0};
    }
    return found ? FORM_FOUND : FORM_ABSENT;
}

enum form_find form_get(struct str form, struct str name, char *decoded, size_t size)
{
    struct str raw;
    size_t len;
    enum form_find found = form_find(form, name, &raw);
    return found == FORM_FOUND ? form_decode(raw, true, decoded, size, &len) : found;
}

/* A parameter of a header value: `; name=token` or `; name="quoted"`. Escapes inside quotes are
 * refused. */
static bool parameter(struct str value, struct str name, struct str *out)
{
    struct str rest = value, part;
    bool first = true;
    while (rest.data && rest.len > 0) {
        /* A semicolon inside quotes does not end the part. */
        size_t i = 0;
        for (bool quoted = false; i < rest.len && (quoted || rest.data[i] != ';'); i++)
            quoted ^= rest.data[i] == '"';
        part = str_trim((struct str){rest.data, i});
        rest = i < rest.len ? (struct str){rest.data + i + 1, rest.len - i - 1} : (struct str){0};
        struct str key, text = part;
        if (first || !str_cut(&text, '=', &key) || !text.data ||
            !str_equal_nocase(str_trim(key), name)) {
            first = false;
            continue;
        }
        text = str_trim(text);
        if (text.len >= 2 && text.data[0] == '"' && text.data[text.len - 1] == '"')
            text = (struct str){text.data + 1, text.len - 2};
        *out = text;
        return memchr(text.data, '\\', text.len) == NULL &&
               memchr(text.data, '"', text.len) == NULL;
    }
    return false;
}

bool form_boundary(struct str content_type, struct str *boundary)
{
    return parameter(content_type, STR("boundary"), boundary) && boundary->len > 0 &&
           boundary->len <= 70;
}

/* The next "--boundary" at the start of a line, at or behind `at`. */
static const char *next_delimiter(struct str body, struct str boundary, const char *at)
{
    const char *end = body.data + body.len;
    while (at < end && (size_t)(end - at) >= boundary.len + 2) {
        const char *found = memmem(at, (size_t)(end - at), boundary.data, boundary.len);
        if (!found)
            return NULL;
        const char *dashes = found - 2;
        if (dashes >= at && dashes[0] == '-' && dashes[1] == '-' &&
            (dashes == body.data ||
             (dashes - body.data >= 2 && dashes[-1] == '\n' && dashes[-2] == '\r')))
            return dashes;
        at = found + 1;
    }
    return NULL;
}

/* Is the part whose header lines these are named `name`? */
static bool part_is(struct str lines, struct str name)
{
    struct str line, key, value;
    while (str_cut(&lines, '\n', &line)) {
        value = str_trim(line);
        if (!str_cut(&value, ':', &key) || !value.data ||
            !str_equal_nocase(str_trim(key), STR("content-disposition")))
            continue;
        struct str found;
        return parameter(value, STR("name"), &found) && str_equal(found, name);
    }
    return false;
}

enum form_find form_find_part(struct str body, struct str boundary, struct str name,
                              struct str *raw)
{
    const char *end = body.data + body.len;
    const char *at = next_delimiter(body, boundary, body.data);
    bool found = false;
    if (!at)
        return FORM_BROKEN;
    for (;;) {
        at += 2 + boundary.len;
        if (end - at >= 2 && at[0] == '-' && at[1] == '-')
            return found ? FORM_FOUND : FORM_ABSENT;
        while (at < end && (*at == ' ' || *at == '\t'))
            at++;
        if (end - at < 2 || at[0] != '\r' || at[1] != '\n')
            return FORM_BROKEN;
        const char *next = next_delimiter(body, boundary, at);
        if (!next || next - at < 4)
            return FORM_BROKEN; /* every part is closed by a delimiter */
        const char *blank = memmem(at, (size_t)(next - at), "\r\n\r\n", 4);
        if (!blank)
            return FORM_BROKEN;
        if (part_is((struct str){at + 2, (size_t)(blank - at)}, name)) {
            if (found)
                return FORM_TWICE;
            found = true;
            const char *value = blank + 4;
            *raw = (struct str){value, next - 2 > value ? (size_t)(next - 2 - value) : 0};
        }
        at = next;
    }
}
