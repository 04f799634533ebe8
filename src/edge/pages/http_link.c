/* SPDX-License-Identifier: MIT */
#include "edge/pages/http_link.h"
#include "edge/head.h"

static void skip(struct str *rest, size_t count)
{
    rest->data += count;
    rest->len -= count;
}

static void skip_blanks(struct str *rest)
{
    while (rest->len > 0 && (rest->data[0] == ' ' || rest->data[0] == '\t'))
        skip(rest, 1);
}

static bool take(struct str *rest, char c)
{
    if (rest->len == 0 || rest->data[0] != c)
        return false;
    skip(rest, 1);
    return true;
}

/* --- parameters --- */

struct value {
    char text[HTTP_LINK_REL_MAX];
    size_t len;
};

static void add_char(struct value *value, char c)
{
    if (value->len < HTTP_LINK_REL_MAX - 1)
        value->text[value->len++] = c;
}

static bool take_quoted(struct str *rest, struct value *value)
{
    while (rest->len > 0) {
        char c = rest->data[0];
        skip(rest, 1);
        if (c == '"')
            return true;
        if (c == '\\') {
            if (rest->len == 0)
                return false;
            c = rest->data[0];
            skip(rest, 1);
        }
        add_char(value, c);
    }
    return false;
}

/* ";" was read. False: it cannot be read on. */
static bool take_parameter(struct str *rest, struct http_link *link, bool *has_rel)
{
    struct value value = {.len = 0};
    struct str name = {rest->data, 0};
    while (name.len < rest->len && head_is_token_char((unsigned char)name.data[name.len]))
        name.len++;
    skip(rest, name.len);
    skip_blanks(rest);
    if (take(rest, '=')) {
        skip_blanks(rest);
        if (take(rest, '"')) {
            if (!take_quoted(rest, &value))
                return false;
        } else {
            while (rest->len > 0 && rest->data[0] != ';' && rest->data[0] != ',' &&
                   rest->data[0] != ' ' && rest->data[0] != '\t') {
                add_char(&value, rest->data[0]);
                skip(rest, 1);
            }
        }
    } else if (name.len == 0 && rest->len > 0 && rest->data[0] != ';' && rest->data[0] != ',') {
        return false;
    }
    if (str_equal_nocase(name, STR("anchor")))
        link->anchored = true;
    if (!*has_rel && str_equal_nocase(name, STR("rel"))) {
        *has_rel = true;
        memcpy(link->rel, value.text, value.len);
        link->rel[value.len] = 0;
    }
    return true;
}

bool http_link_next(struct str *rest, struct http_link *link)
{
    bool has_rel = false;
    *link = (struct http_link){.rel = ""};
    skip_blanks(rest);
    while (take(rest, ','))
        skip_blanks(rest);
    if (!take(rest, '<'))
        return false;
    const char *end = rest->len > 0 ? memchr(rest->data, '>', rest->len) : NULL;
    if (!end)
        return false;
    link->reference = (struct str){rest->data, (size_t)(end - rest->data)};
    skip(rest, link->reference.len + 1);
    for (;;) {
        skip_blanks(rest);
        if (!take(rest, ';'))
            break;
        skip_blanks(rest);
        if (!take_parameter(rest, link, &has_rel))
            return false;
    }
    return rest->len == 0 || rest->data[0] == ',';
}

bool http_link_has(const struct http_link *link, const char *rel)
{
    struct str rest = str_of(link->rel), one;
    while (str_cut(&rest, ' ', &one))
        if (str_equal_nocase(str_trim(one), str_of(rel)))
            return true;
    return false;
}

/* --- references --- */

/* Bytes of RFC 3986 and nothing else; no %2e, %2f, %5c, %00, which the server may decode. */
static bool bytes_ok(struct str text)
{
    static const char allowed[] = "-._~:/?@!$&'()*+,;=%";
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i], low = (char)(c | 0x20);
        bool plain = (low >= 'a' && low <= 'z') || (c >= '0' && c <= '9');
        if (!plain && (c == 0 || !strchr(allowed, c)))
            return false;
        if (c != '%')
            continue;
        static const char hex[] = "0123456789abcdefABCDEF";
        if (text.len - i < 3 || text.data[i + 1] == 0 || text.data[i + 2] == 0 ||
            !strchr(hex, text.data[i + 1]) || !strchr(hex, text.data[i + 2]))
            return false;
        char high = text.data[i + 1], last = (char)(text.data[i + 2] | 0x20);
        if ((high == '2' && (last == 'e' || last == 'f')) || (high == '5' && last == 'c') ||
            (high == '0' && last == '0'))
            return false;
    }
    return true;
}

static bool has_scheme(struct str reference)
{
    for (size_t i = 0; i < reference.len; i++) {
        if (reference.data[i] == ':')
            return true;
        if (reference.data[i] == '/' || reference.data[i] == '?')
            return false;
    }
    return false;
}

static struct str path_of(struct str target)
{
    const char *query = target.len > 0 ? memchr(target.data, '?', target.len) : NULL;
    return query ? (struct str){target.data, (size_t)(query - target.data)} : target;
}

/* RFC 3986, 5.2.4, in place; `text` begins with "/". Returns the new length. */
static size_t remove_dots(char *text, size_t len)
{
    size_t out = 0;
    for (size_t at = 0; at < len;) {
        size_t end = at + 1;
        while (end < len && text[end] != '/')
            end++;
        struct str segment = {text + at + 1, end - at - 1};
        bool last = end == len;
        if (str_equal(segment, STR("."))) {
            if (last)
                text[out++] = '/';
        } else if (str_equal(segment, STR(".."))) {
            while (out > 0 && text[--out] != '/')
                continue;
            if (last)
                text[out++] = '/';
        } else {
            memmove(text + out, text + at, end - at);
            out += end - at;
        }
        at = end;
    }
    if (out == 0)
        text[out++] = '/';
    return out;
}

bool http_link_resolve(struct str base, struct str reference, char target[HTTP_LINK_TARGET_MAX],
                       size_t *len)
{
    const char *hash = reference.len > 0 ? memchr(reference.data, '#', reference.len) : NULL;
    if (hash)
        reference.len = (size_t)(hash - reference.data);
    if (!bytes_ok(reference) || has_scheme(reference) || str_starts(reference, STR("//")))
        return false;
    struct str path = path_of(reference), base_path = path_of(base);
    struct str query = {reference.data + path.len, reference.len - path.len};
    if (reference.len == 0 || !str_starts(base_path, STR("/")))
        return false; /* the page itself */
    struct str before = {"", 0};
    if (path.len == 0)
        before = base_path;
    else if (path.data[0] != '/') {
        before = base_path;
        while (before.data[before.len - 1] != '/')
            before.len--;
    }
    if (before.len + path.len + query.len > HTTP_LINK_TARGET_MAX)
        return false;
    memcpy(target, before.data, before.len);
    if (path.len > 0)
        memcpy(target + before.len, path.data, path.len);
    *len = before.len + path.len;
    if (path.len > 0)
        *len = remove_dots(target, *len);
    if (query.len > 0)
        memcpy(target + *len, query.data, query.len);
    *len += query.len;
    /* Dots removed may leave two slashes in front, which some take for an authority. */
    return !(*len > 1 && target[0] == '/' && target[1] == '/');
}
