/* SPDX-License-Identifier: MIT
 * Stored heads as lines of text: what they vary by, whether they still hold, and what a 304 makes
 * of them. */
#include "edge/pages/http_date.h"
#include "edge/pages/http_rules.h"

static bool is(struct str name, const char *lower)
{
    return str_equal_nocase(name, str_of(lower));
}

bool http_rules_line(struct str *rest, struct server_field *field)
{
    struct str line;
    if (rest->len == 0 || !str_cut(rest, '\n', &line) || !str_cut(&line, ':', &field->name))
        return false;
    field->value = line.data ? str_trim(line) : STR("");
    return true;
}

struct str http_rules_get(struct str lines, const char *name)
{
    struct server_field field;
    while (http_rules_line(&lines, &field))
        if (is(field.name, name))
            return field.value;
    return (struct str){0};
}

/* --- what is stored --- */

/* Of one connection, of the framing, or ours to write anew. */
static bool is_dropped(struct str name)
{
    static const char *const names[] = {"connection",
                                        "keep-alive",
                                        "te",
                                        "trailer",
                                        "transfer-encoding",
                                        "upgrade",
                                        "content-length",
                                        "age",
                                        "proxy-authenticate",
                                        "proxy-authentication-info",
                                        "proxy-connection",
                                        "set-cookie"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (is(name, names[i]))
            return true;
    return name.len > 11 && is((struct str){name.data, 11}, "x-forewarm-");
}

static bool named_by_connection(const struct head *head, struct str name)
{
    for (uint32_t i = 0; i < head->field_count; i++)
        if (is(head->fields[i].name, "connection") && head_list_has(head->fields[i].value, name))
            return true;
    return false;
}

static void add_line(struct buf *out, struct str name, struct str value)
{
    buf_add_str(out, name);
    buf_add(out, ": ", 2);
    buf_add_str(out, value);
    buf_add(out, "\r\n", 2);
}

void http_rules_lines(const struct head *head, struct buf *out)
{
    for (uint32_t i = 0; i < head->field_count; i++) {
        const struct server_field *field = &head->fields[i];
        if (!is_dropped(field->name) && !named_by_connection(head, field->name))
            add_line(out, field->name, field->value);
    }
}

/* Fields that speak of the body that is stored: a 304 does not change them (3.2). */
static bool of_the_body(struct str name)
{
    return is(name, "content-encoding") || is(name, "content-type") || is(name, "content-range");
}

void http_rules_freshen(struct str lines, const struct head *not_modified, struct buf *out)
{
    struct server_field field;
    struct str rest = lines;
    while (http_rules_line(&rest, &field)) {
        struct str again = {0};
        for (uint32_t i = 0; i < not_modified->field_count && !of_the_body(field.name); i++)
            if (str_equal_nocase(not_modified->fields[i].name, field.name))
                again = not_modified->fields[i].value;
        if (!again.data)
            add_line(out, field.name, field.value);
    }
    for (uint32_t i = 0; i < not_modified->field_count; i++) {
        const struct server_field *new = &not_modified->fields[i];
        if (!is_dropped(new->name) && !of_the_body(new->name) &&
            !named_by_connection(not_modified, new->name))
            add_line(out, new->name, new->value);
    }
}

/* --- Vary --- */

void http_rules_vary_names(const struct head *head, struct buf *names)
{
    for (uint32_t i = 0; i < head->field_count; i++) {
        if (!is(head->fields[i].name, "vary"))
            continue;
        if (names->len > 0)
            buf_add_char(names, ',');
        buf_add_str(names, head->fields[i].value);
    }
}

static void add_values(struct str name, const struct server_field *fields, uint32_t count,
                       struct buf *key)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!str_equal_nocase(fields[i].name, name))
            continue;
        buf_add_char(key, '=');
        buf_add_str(key, str_trim(fields[i].value));
    }
    buf_add_char(key, '\n');
}

bool http_rules_vary_key(struct str names, const struct server_field *fields, uint32_t count,
                         struct buf *key)
{
    struct str name;
    uint32_t number = 0;
    while (str_cut(&names, ',', &name)) {
        name = str_trim(name);
        if (name.len == 0)
            continue;
        if (str_equal(name, STR("*")) || ++number > HTTP_RULES_VARY_MAX)
            return false;
        add_values(name, fields, count, key);
    }
    return !key->failed;
}

/* --- validation --- */

void http_rules_conditions(struct str lines, struct buf *out)
{
    struct str etag = http_rules_get(lines, "etag"),
               modified = http_rules_get(lines, "last-modified");
    if (etag.len > 0)
        add_line(out, STR("If-None-Match"), etag);
    if (modified.len > 0)
        add_line(out, STR("If-Modified-Since"), modified);
}

/* Weak comparison (RFC 9110, 8.8.3.2). */
static bool etag_equal(struct str a, struct str b)
{
    if (str_starts(a, STR("W/")))
        a = (struct str){a.data + 2, a.len - 2};
    if (str_starts(b, STR("W/")))
        b = (struct str){b.data + 2, b.len - 2};
    return a.len > 0 && b.data && str_equal(a, b);
}

/* One entity tag off a list; commas may stand inside of it. */
static bool take_etag(struct str *rest, struct str *etag)
{
    size_t at = 0;
    while (at < rest->len &&
           (rest->data[at] == ' ' || rest->data[at] == '\t' || rest->data[at] == ','))
        at++;
    size_t begin = at;
    if (rest->len - at >= 2 && rest->data[at] == 'W' && rest->data[at + 1] == '/')
        at += 2;
    if (at >= rest->len || rest->data[at] != '"')
        return false;
    at++;
    while (at < rest->len && rest->data[at] != '"')
        at++;
    if (at >= rest->len)
        return false;
    at++;
    *etag = (struct str){rest->data + begin, at - begin};
    *rest = (struct str){rest->data + at, rest->len - at};
    return true;
}

bool http_rules_client_has(const struct http_rules_request *request, struct str lines,
                           int64_t now_ns)
{
    struct str stored = http_rules_get(lines, "etag"), since = {0}, one;
    bool none_match = false;
    for (uint32_t i = 0; i < request->field_count; i++) {
        const struct server_field *field = &request->fields[i];
        if (is(field->name, "if-none-match")) {
            struct str rest = field->value;
            none_match = true;
            if (str_equal(str_trim(rest), STR("*")))
                return true;
            while (take_etag(&rest, &one))
                if (etag_equal(one, stored))
                    return true;
        } else if (is(field->name, "if-modified-since")) {
            since = field->value;
        }
    }
    int64_t since_ns, modified_ns;
    struct str modified = http_rules_get(lines, "last-modified");
    return !none_match && since.data && modified.data &&
           http_date_parse(str_trim(since), now_ns, &since_ns) &&
           http_date_parse(modified, now_ns, &modified_ns) && modified_ns <= since_ns;
}
