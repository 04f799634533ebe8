/* SPDX-License-Identifier: MIT */
#include "http.h"

#include <llhttp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { READ_BYTES = 64 << 10, EARLY_MAX = 64 << 10, BACKLOG = 1024 };

struct bytes {
    char *data;
    size_t len, capacity;
};

struct http_connection {
    uv_tcp_t tcp;
    llhttp_t parser;
    struct http *http;
    struct http_connection *previous, *next;
    void *owner;
    struct bytes path, body, early; /* early: what came behind the request that is being answered */
    size_t head_len;
    char field[8]; /* the start of the header name being read, lower case */
    uint32_t field_len;
    bool in_value;
    bool expects;   /* the client waits for 100 Continue */
    int refusal;    /* status to answer with when reading stops early */
    bool busy;      /* a request is with the handler */
    bool streaming; /* its answer has begun */
    bool keep;      /* the connection may be used again */
    bool closing;
    bool last; /* close once everything is written */
};

struct http {
    uv_loop_t *loop;
    uv_tcp_t listener;
    struct http_handler handler;
    void (*on_empty)(void *context);
    struct http_connection *connections;
    llhttp_settings_t settings;
    uint16_t port;
    bool stopped;
    char
        read_buffer[READ_BYTES]; /* one is enough: what was read is consumed before the next read */
};

struct write {
    uv_write_t request;
    char data[];
};

static bool bytes_add(struct bytes *bytes, const char *data, size_t len, size_t max)
{
    if (len > max - bytes->len)
        return false;
    if (bytes->len + len + 1 > bytes->capacity) {
        size_t capacity = 2 * (bytes->len + len) + 64;
        char *grown = realloc(bytes->data, capacity);
        if (!grown)
            return false;
        bytes->data = grown;
        bytes->capacity = capacity;
    }
    memcpy(bytes->data + bytes->len, data, len);
    bytes->len += len;
    bytes->data[bytes->len] = 0;
    return true;
}

/* --- connections --- */

static void on_closed(uv_handle_t *handle)
{
    struct http_connection *connection = handle->data;
    struct http *http = connection->http;
    if (connection->previous)
        connection->previous->next = connection->next;
    else
        http->connections = connection->next;
    if (connection->next)
        connection->next->previous = connection->previous;
    free(connection->path.data);
    free(connection->body.data);
    free(connection->early.data);
    free(connection);
    if (http->stopped && !http->connections && http->on_empty)
        http->on_empty(http->handler.context);
}

static void connection_close(struct http_connection *connection)
{
    if (connection->closing)
        return;
    connection->closing = true;
    if (connection->busy) {
        connection->busy = false;
        connection->http->handler.gone(connection->http->handler.context, connection);
    }
    uv_close((uv_handle_t *)&connection->tcp, on_closed);
}

static void on_written(uv_write_t *request, int status)
{
    struct http_connection *connection = request->data;
    free(request);
    bool empty = uv_stream_get_write_queue_size((uv_stream_t *)&connection->tcp) == 0;
    if (status < 0 || (connection->last && empty))
        connection_close(connection);
}

static void connection_write(struct http_connection *connection, const char *data, size_t len)
{
    if (connection->closing)
        return;
    uv_buf_t buffer = uv_buf_init((char *)data, (unsigned)len);
    int sent = uv_try_write((uv_stream_t *)&connection->tcp, &buffer, 1);
    if (sent == (int)len)
        return;
    if (sent < 0 && sent != UV_EAGAIN) {
        connection_close(connection);
        return;
    }
    size_t done = sent > 0 ? (size_t)sent : 0;
    struct write *write = malloc(sizeof *write + len - done);
    if (!write) {
        connection_close(connection);
        return;
    }
    memcpy(write->data, data + done, len - done);
    write->request.data = connection;
    buffer = uv_buf_init(write->data, (unsigned)(len - done));
    if (uv_write(&write->request, (uv_stream_t *)&connection->tcp, &buffer, 1, on_written) != 0) {
        free(write);
        connection_close(connection);
    }
}

static void connection_parse(struct http_connection *connection, const char *data, size_t len);

/* --- reading requests --- */

static const char *status_text(int status)
{
    return llhttp_status_name((llhttp_status_t)status);
}

static void refuse(struct http_connection *connection, int status)
{
    char body[256];
    int len = snprintf(body, sizeof body,
                       "{\"error\":{\"message\":\"%s\",\"type\":\"invalid_request_error\"}}",
                       status == 400 ? "not a request that can be read" : status_text(status));
    connection->keep = false;
    connection->busy = true;
    http_answer(connection, status, "application/json", body, (size_t)len);
}

static int stop_reading(struct http_connection *connection, int status)
{
    connection->refusal = status;
    return -1;
}

static int on_begin(llhttp_t *parser)
{
    struct http_connection *connection = parser->data;
    connection->path.len = connection->body.len = 0;
    connection->head_len = connection->field_len = 0;
    connection->in_value = connection->expects = false;
    return 0;
}

static int on_url(llhttp_t *parser, const char *at, size_t len)
{
    struct http_connection *connection = parser->data;
    return bytes_add(&connection->path, at, len, HTTP_PATH_MAX) ? 0 : stop_reading(connection, 414);
}

static int on_field(llhttp_t *parser, const char *at, size_t len)
{
    struct http_connection *connection = parser->data;
    if (connection->in_value)
        connection->field_len = 0;
    connection->in_value = false;
    for (size_t i = 0; i < len; i++, connection->field_len++)
        if (connection->field_len < sizeof connection->field)
            connection->field[connection->field_len] = (char)(at[i] | 0x20);
    connection->head_len += len;
    return connection->head_len <= HTTP_HEAD_MAX ? 0 : stop_reading(connection, 431);
}

static int on_value(llhttp_t *parser, const char *at, size_t len)
{
    struct http_connection *connection = parser->data;
    (void)at;
    connection->in_value = true;
    if (connection->field_len == 6 && memcmp(connection->field, "expect", 6) == 0)
        connection->expects = true;
    connection->head_len += len;
    return connection->head_len <= HTTP_HEAD_MAX ? 0 : stop_reading(connection, 431);
}

static int on_headers(llhttp_t *parser)
{
    struct http_connection *connection = parser->data;
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (parser->content_length > HTTP_BODY_MAX)
        return stop_reading(connection, 413);
    if (connection->expects)
        connection_write(connection, go_on, sizeof go_on - 1);
    return 0;
}

static int on_body(llhttp_t *parser, const char *at, size_t len)
{
    struct http_connection *connection = parser->data;
    return bytes_add(&connection->body, at, len, HTTP_BODY_MAX) ? 0 : stop_reading(connection, 413);
}

static int on_complete(llhttp_t *parser)
{
    struct http_connection *connection = parser->data;
    connection->keep = llhttp_should_keep_alive(parser) && !connection->http->stopped;
    return HPE_PAUSED;
}

static void dispatch(struct http_connection *connection)
{
    struct http *http = connection->http;
    char *query = connection->path.data ? strchr(connection->path.data, '?') : NULL;
    if (query)
        *query = 0;
    struct http_request request = {
        .method = llhttp_method_name((llhttp_method_t)connection->parser.method),
        .path = connection->path.data ? connection->path.data : "/",
        .body = connection->body.data ? connection->body.data : "",
        .body_len = connection->body.len,
    };
    connection->busy = true;
    http->handler.request(http->handler.context, connection, &request);
}

static void connection_parse(struct http_connection *connection, const char *data, size_t len)
{
    if (len > 0 && !connection->busy && !connection->closing && !connection->last) {
        enum llhttp_errno err = llhttp_execute(&connection->parser, data, len);
        if (err == HPE_OK)
            return;
        if (err != HPE_PAUSED) {
            if (!connection->closing)
                refuse(connection, connection->refusal);
            return;
        }
        const char *end = llhttp_get_error_pos(&connection->parser);
        llhttp_resume(&connection->parser);
        size_t left = len - (size_t)(end - data);
        if (left > 0 && !bytes_add(&connection->early, end, left, EARLY_MAX))
            connection_close(connection);
        else
            dispatch(
                connection); /* when it is answered at once, the early bytes were parsed there */
    }
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buffer)
{
    struct http_connection *connection = handle->data;
    (void)size;
    *buffer = uv_buf_init(connection->http->read_buffer, READ_BYTES);
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buffer)
{
    struct http_connection *connection = stream->data;
    if (len < 0)
        connection_close(connection);
    else if (connection->busy &&
             !bytes_add(&connection->early, buffer->base, (size_t)len, EARLY_MAX))
        connection_close(connection);
    else if (!connection->busy)
        connection_parse(connection, buffer->base, (size_t)len);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct http *http = listener->data;
    struct http_connection *connection = status < 0 ? NULL : calloc(1, sizeof *connection);
    if (!connection)
        return;
    connection->http = http;
    uv_tcp_init(http->loop, &connection->tcp);
    connection->tcp.data = connection;
    connection->next = http->connections;
    if (connection->next)
        connection->next->previous = connection;
    http->connections = connection;
    llhttp_init(&connection->parser, HTTP_REQUEST, &http->settings);
    connection->parser.data = connection;
    connection->refusal = 400;
    if (uv_accept(listener, (uv_stream_t *)&connection->tcp) != 0 ||
        uv_read_start((uv_stream_t *)&connection->tcp, on_alloc, on_read) != 0)
        connection_close(connection);
    else
        uv_tcp_nodelay(&connection->tcp, 1);
}

/* --- answering --- */

void http_set_owner(struct http_connection *connection, void *owner)
{
    connection->owner = owner;
}

void *http_owner(const struct http_connection *connection)
{
    return connection->owner;
}

static void answer_done(struct http_connection *connection)
{
    if (connection->closing)
        return;
    connection->busy = connection->streaming = false;
    if (!connection->keep || connection->http->stopped) {
        connection->last = true;
        if (uv_stream_get_write_queue_size((uv_stream_t *)&connection->tcp) == 0)
            connection_close(connection);
        return;
    }
    struct bytes early = connection->early;
    connection->early = (struct bytes){0};
    if (early.len > 0)
        connection_parse(connection, early.data, early.len);
    free(early.data);
}

static int head_make(char *head, size_t max, const struct http_connection *connection, int status,
                     const char *type)
{
    return snprintf(head, max, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\n%s", status,
                    status_text(status), type,
                    connection->keep && !connection->http->stopped ? "" : "Connection: close\r\n");
}

void http_answer(struct http_connection *connection, int status, const char *type, const char *body,
                 size_t len)
{
    size_t max = 256 + len;
    char *text = malloc(max);
    if (!text) {
        connection_close(connection);
        return;
    }
    size_t at = (size_t)head_make(text, max, connection, status, type);
    at += (size_t)snprintf(text + at, max - at, "Content-Length: %zu\r\n\r\n", len);
    bool head_only = connection->parser.method == HTTP_HEAD;
    memcpy(text + at, body, head_only ? 0 : len);
    connection_write(connection, text, at + (head_only ? 0 : len));
    free(text);
    answer_done(connection);
}

void http_begin(struct http_connection *connection, int status, const char *type)
{
    char head[256];
    int len = head_make(head, sizeof head, connection, status, type);
    len += snprintf(head + len, sizeof head - (size_t)len,
                    "Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n");
    connection->streaming = true;
    connection_write(connection, head, (size_t)len);
}

void http_write(struct http_connection *connection, const char *data, size_t len)
{
    char *chunk = len > 0 ? malloc(len + 32) : NULL;
    if (!chunk)
        return;
    int at = snprintf(chunk, 32, "%zx\r\n", len);
    memcpy(chunk + at, data, len);
    memcpy(chunk + at + len, "\r\n", 2);
    connection_write(connection, chunk, (size_t)at + len + 2);
    free(chunk);
}

void http_end(struct http_connection *connection)
{
    connection_write(connection, "0\r\n\r\n", 5);
    answer_done(connection);
}

/* --- the server --- */

struct http *http_create(uv_loop_t *loop, const char *host, uint16_t port,
                         const struct http_handler *handler, void (*on_empty)(void *context),
                         char *error, size_t error_max)
{
    struct http *http = calloc(1, sizeof *http);
    struct sockaddr_storage address;
    int len = sizeof address;
    if (!http)
        return NULL;
    *http = (struct http){.loop = loop, .handler = *handler, .on_empty = on_empty};
    llhttp_settings_init(&http->settings);
    http->settings.on_message_begin = on_begin;
    http->settings.on_url = on_url;
    http->settings.on_header_field = on_field;
    http->settings.on_header_value = on_value;
    http->settings.on_headers_complete = on_headers;
    http->settings.on_body = on_body;
    http->settings.on_message_complete = on_complete;
    uv_tcp_init(loop, &http->listener);
    http->listener.data = http;
    int err = uv_ip4_addr(host, port, (struct sockaddr_in *)&address);
    if (err == 0)
        err = uv_tcp_bind(&http->listener, (struct sockaddr *)&address, 0);
    if (err == 0)
        err = uv_listen((uv_stream_t *)&http->listener, BACKLOG, on_connection);
    if (err == 0)
        err = uv_tcp_getsockname(&http->listener, (struct sockaddr *)&address, &len);
    if (err != 0) {
        snprintf(error, error_max, "cannot listen on %s:%u: %s", host, port, uv_strerror(err));
        http->stopped = true;
        uv_close((uv_handle_t *)&http->listener, NULL);
        uv_run(loop, UV_RUN_NOWAIT);
        free(http);
        return NULL;
    }
    http->port = ntohs(((struct sockaddr_in *)&address)->sin_port);
    return http;
}

uint16_t http_port(const struct http *http)
{
    return http->port;
}

void http_stop(struct http *http)
{
    if (http->stopped)
        return;
    http->stopped = true;
    uv_close((uv_handle_t *)&http->listener, NULL);
    for (struct http_connection *connection = http->connections; connection;
         connection = connection->next)
        if (!connection->busy)
            connection_close(connection);
    if (!http->connections && http->on_empty)
        http->on_empty(http->handler.context);
}

void http_destroy(struct http *http)
{
    http->on_empty = NULL;
    http_stop(http);
    for (struct http_connection *connection = http->connections; connection;
         connection = connection->next)
        connection_close(connection);
}

void http_free(struct http *http)
{
    free(http);
}
