/* SPDX-License-Identifier: MIT
 * A small HTTP/1.1 server on one libuv loop (llhttp reads the requests): one request at a time a
 * connection, keep-alive, bodies up to a limit, whole or chunked answers, and word when a client
 * leaves. */
#ifndef MODELSERVER_HTTP_H
#define MODELSERVER_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

enum { HTTP_BODY_MAX = 16 << 20, HTTP_PATH_MAX = 512, HTTP_HEAD_MAX = 32 << 10 };

struct http;
struct http_connection;

struct http_request {
    const char *method;
    const char *path; /* without the query */
    const char *body;
    size_t body_len;
};

struct http_handler {
    void *context;
    /* The request is complete: answer now or later. It lives until the answer ends. */
    void (*request)(void *context, struct http_connection *connection,
                    const struct http_request *request);
    /* The client left before its answer ended: the connection is dead after this call. */
    void (*gone)(void *context, struct http_connection *connection);
};

/* NULL, with the reason in `error`, when the address cannot be had. `on_empty` is called when a
 * stopped server has no connection left. */
struct http *http_create(uv_loop_t *loop, const char *host, uint16_t port,
                         const struct http_handler *handler, void (*on_empty)(void *context),
                         char *error, size_t error_max);
uint16_t http_port(const struct http *http);
void http_stop(
    struct http *http); /* no new connections; idle ones close, busy ones after their answer */
void http_destroy(
    struct http *http); /* closes everything; run the loop once more, then http_free */
void http_free(struct http *http);

void http_set_owner(struct http_connection *connection, void *owner);
void *http_owner(const struct http_connection *connection);

void http_answer(struct http_connection *connection, int status, const char *type, const char *body,
                 size_t len);
/* A streamed answer: begin, any number of pieces, end. */
void http_begin(struct http_connection *connection, int status, const char *type);
void http_write(struct http_connection *connection, const char *data, size_t len);
void http_end(struct http_connection *connection);

#endif
