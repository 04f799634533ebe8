/* SPDX-License-Identifier: MIT */
#include "edge/rewrite.h"

static bool is(struct str name, const char *lower)
{
    return str_equal_nocase(name, str_of(lower));
}

/* Fields that speak of one connection only. */
static bool hop_by_hop(struct str name)
{
    switch (name.len) {
    case 2:
        return is(name, "te");
    case 6:
        return is(name, "expect");
    case 7:
        return is(name, "trailer") || is(name, "upgrade");
    case 10:
        return is(name, "connection") || is(name, "keep-alive");
    case 17:
        return is(name, "transfer-encoding");
    default:
        return name.len > 6 && (name.data[0] | 0x20) == 'p' &&
               is((struct str){name.data, 6}, "proxy-");
    }
}

/* Fields that Connection names go with it, but never those that frame or route the message. */
static bool named_by_connection(struct str name, const struct server_field *fields, uint32_t count)
{
    if (is(name, "content-length") || is(name, "host") || is(name, "transfer-encoding"))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if (fields[i].name.len == 10 && is(fields[i].name, "connection") &&
            head_list_has(fields[i].value, name))
            return true;
    }
    return false;
}

/* Does Connection name more than close and keep-alive? Mostly not, and then no field needs to be
 * looked for in it. */
static bool connection_names(const struct server_field *fields, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (fields[i].name.len != 10 || !is(fields[i].name, "connection"))
            continue;
        if (!is(fields[i].value, "keep-alive") && !is(fields[i].value, "close"))
            return true;
    }
    return false;
}

static void add_field(struct buf *out, struct str name, struct str value)
{
    buf_add_str(out, name);
    buf_add(out, ": ", 2);
    buf_add_str(out, value);
    buf_add(out, "\r\n", 2);
}

static void add_number(struct buf *out, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + value % 10);
    while ((value /= 10) > 0);
    buf_add(out, digits + at, sizeof digits - at);
}

static void add_number_field(struct buf *out, struct str start, uint64_t value)
{
    buf_add_str(out, start);
    add_number(out, value);
    buf_add(out, "\r\n", 2);
}

static bool is_ours(struct str name)
{
    return name.len > 11 && (name.data[0] | 0x20) == 'x' &&
           is((struct str){name.data, 11}, "x-forewarm-");
}

static bool has_body_method(struct str method)
{
    return str_equal(method, STR("POST")) || str_equal(method, STR("PUT")) ||
           str_equal(method, STR("PATCH"));
}

void rewrite_request(const struct rewrite_request *rewrite, struct buf *out)
{
    const struct server_request *request = rewrite->request;
    bool names = connection_names(request->fields, request->field_count);
    buf_add_str(out, request->method);
    buf_add_char(out, ' ');
    buf_add_str(out, rewrite->prefix);
    buf_add_str(out, rewrite->target);
    buf_add(out, " HTTP/1.1\r\nHost: ", 17);
    buf_add_str(out, rewrite->host);
    buf_add(out, "\r\n", 2);
    for (uint32_t i = 0; i < request->field_count; i++) {
        const struct server_field *field = &request->fields[i];
        bool framing = field->name.len == 14 && is(field->name, "content-length");
        bool host = field->name.len == 4 && is(field->name, "host");
        if (framing || host || hop_by_hop(field->name) || is_ours(field->name) ||
            (rewrite->strip_authorization && field->name.len == 13 &&
             is(field->name, "authorization")) ||
            (rewrite->hints && !hint_header_passes(rewrite->hints, rewrite->hint_fields,
                                                   field->name, field->value)) ||
            (names && named_by_connection(field->name, request->fields, request->field_count)))
            continue;
        add_field(out, field->name, field->value);
    }
    buf_add_str(out, rewrite->extra);
    if (rewrite->content_length > 0 || has_body_method(request->method))
        add_number_field(out, STR("Content-Length: "), rewrite->content_length);
    buf_add(out, "\r\n", 2);
}

bool rewrite_is_stream(struct str content_type)
{
    struct str type;
    if (!content_type.data || !str_cut(&content_type, ';', &type))
        return false;
    type = str_trim(type);
    return is(type, "text/event-stream") || is(type, "application/x-ndjson") ||
           is(type, "application/ndjson") || is(type, "application/jsonl");
}

static void add_framing(const struct rewrite_response *rewrite, struct buf *out)
{
    const struct head *head = rewrite->head;
    switch (rewrite->body) {
    case REWRITE_LENGTH:
        add_number_field(out, STR("Content-Length: "), head->content_length);
        break;
    case REWRITE_NONE: /* HEAD tells the length it would have had */
        if (head->has_length && head->status != 204)
            add_number_field(out, STR("Content-Length: "), head->content_length);
        break;
    case REWRITE_CHUNKED:
    case REWRITE_CHUNK:
        buf_add_text(out, "Transfer-Encoding: chunked\r\n");
        break;
    default:
        break;
    }
    if (!rewrite->keep_alive)
        buf_add_text(out, "Connection: close\r\n");
    else if (rewrite->http_1_0)
        buf_add_text(out, "Connection: keep-alive\r\n");
}

void rewrite_response(const struct rewrite_response *rewrite, struct buf *out)
{
    const struct head *head = rewrite->head;
    bool names = connection_names(head->fields, head->field_count);
    bool stream = rewrite_is_stream(head_get(head, "content-type")), cached = false;
    buf_add(out, "HTTP/1.1 ", 9);
    add_number(out, (uint64_t)head->status);
    buf_add_char(out, ' ');
    buf_add_str(out, head->reason);
    buf_add(out, "\r\n", 2);
    for (uint32_t i = 0; i < head->field_count; i++) {
        const struct server_field *field = &head->fields[i];
        bool framing = field->name.len == 14 && is(field->name, "content-length");
        bool accel = stream && field->name.len == 17 && is(field->name, "x-accel-buffering");
        if (framing || accel || hop_by_hop(field->name) || is_ours(field->name) ||
            (names && named_by_connection(field->name, head->fields, head->field_count)))
            continue;
        cached |= field->name.len == 13 && is(field->name, "cache-control");
        add_field(out, field->name, field->value);
    }
    if (rewrite->resource.len > 0) {
        add_field(out, STR("x-forewarm-resource"), rewrite->resource);
        add_field(out, STR("x-forewarm-state"), rewrite->state);
        add_number_field(out, STR("x-forewarm-wait-ms: "),
                         (uint64_t)(rewrite->wait_ms > 0 ? rewrite->wait_ms : 0));
    }
    buf_add_str(out, rewrite->extra);
    if (stream)
        buf_add_text(out, cached ? "X-Accel-Buffering: no\r\n"
                                 : "X-Accel-Buffering: no\r\nCache-Control: no-cache\r\n");
    add_framing(rewrite, out);
    buf_add(out, "\r\n", 2);
}
