/* SPDX-License-Identifier: MIT
 * Answers: whole ones, streamed ones, errors, and those the proxy has framed already. */
#include "base/check.h"
#include "base/json.h"
#include "edge/connection.h"
#include <stdio.h>

const char *server_status_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } rows[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {413, "Content Too Large"},
        {415, "Unsupported Media Type"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {499, "Client Closed Request"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].status == status)
            return rows[i].reason;
    }
    return "Status";
}

void exchange_set_context(struct exchange *exchange, void *context)
{
    exchange->context = context;
}

void *exchange_context(const struct exchange *exchange)
{
    return exchange->context;
}

const struct server_request *exchange_request(const struct exchange *exchange)
{
    return &exchange->request;
}

bool exchange_keep_alive(const struct exchange *exchange)
{
    return !exchange->close && !exchange->connection->server->stopping;
}

size_t exchange_queued(const struct exchange *exchange)
{
    return connection_queued(exchange->connection);
}

static void answered(struct exchange *exchange, int status)
{
    const struct server_handler *handler = &exchange->connection->server->handler;
    CHECK(!exchange->begun);
    exchange->begun = true;
    if (handler->answered)
        handler->answered(handler->context, status);
}

static void send_pieces(struct exchange *exchange, const uv_buf_t *pieces, unsigned count)
{
    connection_send(exchange->connection, pieces, count);
    if (connection_queued(exchange->connection) > SERVER_QUEUE_HIGH)
        exchange->told_full = true;
}

/* The lines every answer of ours begins with. `framing` is a line about the body's length. */
static void write_head(struct exchange *exchange, struct buf *head, int status,
                       const char *content_type, struct str extra, const char *framing)
{
    buf_printf(head, "HTTP/1.1 %d %s\r\n", status, server_status_reason(status));
    if (content_type && *content_type)
        buf_printf(head, "Content-Type: %s\r\n", content_type);
    buf_add_str(head, extra);
    buf_add_text(head, framing);
    if (!exchange_keep_alive(exchange)) {
        exchange->close = true;
        buf_add_text(head, "Connection: close\r\n");
    } else if (exchange->request.http_1_0) {
        buf_add_text(head, "Connection: keep-alive\r\n");
    }
    buf_add_text(head, "\r\n");
}

enum { ANSWER_HEAD_MAX = 64 << 10 };

void exchange_answer(struct exchange *exchange, int status, const char *content_type,
                     struct str extra, struct str body)
{
    struct buf head;
    char framing[64];
    buf_init(&head, ANSWER_HEAD_MAX);
    snprintf(framing, sizeof framing, "Content-Length: %zu\r\n", body.len);
    bool bodiless = status == 204 || status == 304;
    answered(exchange, status);
    write_head(exchange, &head, status, content_type, extra, bodiless ? "" : framing);
    if (head.failed) {
        buf_fini(&head);
        exchange_abort(exchange);
        return;
    }
    uv_buf_t pieces[2] = {uv_buf_init(head.data, (unsigned)head.len),
                          {.base = (char *)(uintptr_t)body.data, .len = body.len}};
    send_pieces(exchange, pieces, bodiless || exchange->no_body || body.len == 0 ? 1 : 2);
    buf_fini(&head);
    connection_finish(exchange->connection);
}

static const char *error_type(int status)
{
    switch (status) {
    case 401:
        return "authentication_error";
    case 404:
        return "not_found_error";
    case 429:
        return "rate_limit_error";
    default:
        return status < 500 ? "invalid_request_error" : "server_error";
    }
}

void exchange_error_with(struct exchange *exchange, enum fw_err err, int64_t retry_after_s,
                         struct str message, struct str extra)
{
    const struct err_row *row = err_row(err);
    struct buf body, lines;
    struct json json;
    buf_init(&body, 16 << 10);
    json_init(&json, &body, false);
    json_object(&json);
    json_key(&json, "error");
    json_object(&json);
    json_key_str(&json, "message", message.len > 0 ? message : str_of(row->sentence));
    json_key_text(&json, "type", error_type(row->http_status));
    json_key_text(&json, "code", row->name);
    json_key_text(&json, "param",
                  err == FW_MODEL_MISSING || err == FW_MODEL_UNKNOWN ? "model" : NULL);
    json_object_end(&json);
    json_object_end(&json);
    buf_add_char(&body, '\n');
    buf_init(&lines, ANSWER_HEAD_MAX);
    buf_add_str(&lines, extra);
    if (retry_after_s >= 0)
        buf_printf(&lines, "Retry-After: %lld\r\n", (long long)retry_after_s);
    exchange_answer(exchange, row->http_status, "application/json", buf_str(&lines),
                    buf_str(&body));
    buf_fini(&lines);
    buf_fini(&body);
}

void exchange_error(struct exchange *exchange, enum fw_err err, int64_t retry_after_s,
                    struct str message)
{
    exchange_error_with(exchange, err, retry_after_s, message, (struct str){0});
}

void exchange_begin(struct exchange *exchange, int status, const char *content_type,
                    struct str extra)
{
    struct buf head;
    buf_init(&head, ANSWER_HEAD_MAX);
    answered(exchange, status);
    exchange->chunked_answer = !exchange->request.http_1_0 && !exchange->no_body;
    exchange->ends_by_close = exchange->request.http_1_0;
    exchange->close |= exchange->ends_by_close;
    write_head(exchange, &head, status, content_type, extra,
               exchange->request.http_1_0 ? "" : "Transfer-Encoding: chunked\r\n");
    uv_buf_t piece = uv_buf_init(head.data, (unsigned)head.len);
    if (!head.failed)
        send_pieces(exchange, &piece, 1);
    buf_fini(&head);
}

void exchange_write(struct exchange *exchange, struct str data)
{
    char size[24];
    static char crlf[] = "\r\n";
    CHECK(exchange->begun);
    if (data.len == 0 || exchange->no_body)
        return;
    uv_buf_t body = {.base = (char *)(uintptr_t)data.data, .len = data.len};
    if (!exchange->chunked_answer) {
        send_pieces(exchange, &body, 1);
        return;
    }
    int n = snprintf(size, sizeof size, "%zx\r\n", data.len);
    uv_buf_t pieces[3] = {uv_buf_init(size, (unsigned)n), body, uv_buf_init(crlf, 2)};
    send_pieces(exchange, pieces, 3);
}

void exchange_end(struct exchange *exchange)
{
    static char last[] = "0\r\n\r\n";
    CHECK(exchange->begun);
    if (exchange->chunked_answer) {
        uv_buf_t piece = uv_buf_init(last, sizeof last - 1);
        send_pieces(exchange, &piece, 1);
    }
    connection_finish(exchange->connection);
}

/* A missing terminator or missing bytes show the cut by themselves; where the end of the connection
 * is the end of the answer, only a reset does. */
void exchange_abort(struct exchange *exchange)
{
    struct connection *connection = exchange->connection;
    const struct server_handler *handler = &connection->server->handler;
    if (exchange->begun && !exchange->ends_by_close) {
        exchange->close = true;
        connection_finish(connection);
        return;
    }
    if (handler->done)
        handler->done(handler->context, exchange);
    connection->state = CONNECTION_LINGER; /* nobody's any more: closing tells no handler */
    connection_reset(connection);
}

void exchange_relay_begin(struct exchange *exchange, int status, bool keep_alive,
                          bool ends_by_close)
{
    answered(exchange, status);
    exchange->ends_by_close = ends_by_close;
    exchange->close |= !keep_alive;
    exchange->chunked_answer = false; /* the proxy writes the framing */
}

void exchange_relay(struct exchange *exchange, const uv_buf_t *pieces, unsigned count)
{
    send_pieces(exchange, pieces, count);
}

/* --- what handlers read --- */

struct str server_field_get(const struct server_request *request, const char *name)
{
    struct str wanted = str_of(name);
    for (uint32_t i = 0; i < request->field_count; i++) {
        if (str_equal_nocase(request->fields[i].name, wanted))
            return request->fields[i].value;
    }
    return (struct str){0};
}
