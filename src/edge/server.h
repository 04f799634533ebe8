/* SPDX-License-Identifier: MIT
 * An HTTP/1.1 server on one libuv loop: accepts, gates and parses heads, buffers bodies, keeps
 * deadlines, writes answers. Who answers is a callback: the proxy on the data plane, the control
 * API on the control plane. */
#ifndef FOREWARM_EDGE_SERVER_H
#define FOREWARM_EDGE_SERVER_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "edge/clients.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct server;
struct tls_context;
struct exchange; /* one request and its answer on a connection */

enum { SERVER_HEAD_MAX = 32 << 10, SERVER_FIELDS_MAX = 100 };

struct server_field {
    struct str name, value;
};
struct server_request {
    struct str method, target; /* as sent */
    struct str path, query;    /* target split at '?', not decoded */
    const struct server_field *fields;
    uint32_t field_count;
    struct str body; /* complete */
    bool http_1_0, keep_alive;
    struct str peer; /* "127.0.0.1:54321" */
};
/* The field's value by case-insensitive name; data NULL if absent. */
struct str server_field_get(const struct server_request *request, const char *name);
/* A query parameter, decoded into `decoded` (max its size); false if absent or too long. */
bool server_query_get(const struct server_request *request, const char *name, char *decoded,
                      size_t size);

/* X(id, name) */
#define SERVER_REFUSALS(X)                                                                         \
    X(SERVER_REFUSED_CONNECTIONS, "connections")                                                   \
    X(SERVER_REFUSED_CLIENT_CONNECTIONS, "client_connections")                                     \
    X(SERVER_REFUSED_CLIENT_REQUESTS, "client_requests")                                           \
    X(SERVER_REFUSED_TLS, "tls")                                                                   \
    X(SERVER_REFUSED_TOKEN, "token")                                                               \
    X(SERVER_REFUSED_SIGNATURE, "signature")
enum server_refusal {
#define X(id, name) id,
    SERVER_REFUSALS(X)
#undef X
};

struct server_handler {
    void *context;
    /* The request is complete. It and its texts live until the exchange ends. Answer now or later,
     * on this loop's thread. */
    void (*request)(void *context, struct exchange *exchange, const struct server_request *request);
    /* The client left before the answer was finished. The exchange is dead after this call. */
    void (*gone)(void *context, struct exchange *exchange);
    /* The answer was handed to the socket (or failed); the exchange is dead after this call. May be
     * NULL. */
    void (*done)(void *context, struct exchange *exchange);
    /* Enough of a streamed answer has left for more to be written (exchange_queued fell below
     * SERVER_QUEUE_LOW after it had passed SERVER_QUEUE_HIGH). May be NULL. */
    void (*writable)(void *context, struct exchange *exchange);
    /* An answer with this status begins, also one the server gives by itself. For counting. May be
     * NULL. */
    void (*answered)(void *context, int status);
    /* A connection or request was not taken. For counting. May be NULL. */
    void (*refused)(void *context, enum server_refusal why);
};
enum { SERVER_QUEUE_HIGH = 64 << 10, SERVER_QUEUE_LOW = 32 << 10 };

struct server_limits {
    uint64_t max_body, max_parked;
    int64_t max_connections;
    int64_t head_timeout_ns, body_grace_ns, idle_timeout_ns, write_timeout_ns;
    bool abort_on_half_close;
    struct tls_context *tls; /* NULL: plain HTTP. This and the next are kept by the server */
    struct clients *clients; /* NULL: clients are not limited */
    struct client_limits client;
    _Atomic uint64_t *parked; /* bytes of request bodies in memory, shared by servers that share
                                 max_parked; NULL: own */
};

/* Binds 127.0.0.1:7700 style addresses, with SO_REUSEPORT when `share`. FW_IN_USE says what to do.
 * Port 0 takes any. */
FW_MUST_CHECK enum fw_err server_create(struct server **server, uv_loop_t *loop, const char *listen,
                                        bool share, const struct server_limits *limits,
                                        const struct server_handler *handler,
                                        struct fw_detail *detail);
uint16_t server_port(const struct server *server);
/* After a reload. `parked` stays what it was. */
void server_set_limits(struct server *server, const struct server_limits *limits);
/* Stops accepting; idle connections close; open exchanges go on. Then destroy once
 * server_connections is 0, or later by force. */
void server_stop(struct server *server);
size_t server_connections(const struct server *server);
void server_destroy(
    struct server **server); /* closes everything; run the loop once more afterwards */

/* The server's timers, for those who work on the same loop. Only on its thread. */
struct wheel;
struct wheel *server_wheel(struct server *server);
int64_t server_now(const struct server *server); /* what wheel deadlines are measured in */
/* 64 KiB that whoever reads on this loop may read into; valid until its read callback returns. */
uv_buf_t server_read_buffer(struct server *server);

/* An exchange may be dead when exchange_answer, exchange_error, exchange_end or exchange_abort
 * returns. Its owner may hang its own state here. */
void exchange_set_context(struct exchange *exchange, void *context);
void *exchange_context(const struct exchange *exchange);
const struct server_request *exchange_request(const struct exchange *exchange);

/* A whole answer at once. `extra` is "Name: value\r\n..." lines or empty. Content-Length is written
 * here. */
void exchange_answer(struct exchange *exchange, int status, const char *content_type,
                     struct str extra, struct str body);
/* The OpenAI-shaped error of an error row: {"error":{"message","type","code","param"}};
 * retry_after_s < 0: no header. */
void exchange_error(struct exchange *exchange, enum fw_err err, int64_t retry_after_s,
                    struct str message);
/* The same with further "Name: value\r\n" lines. */
void exchange_error_with(struct exchange *exchange, enum fw_err err, int64_t retry_after_s,
                         struct str message, struct str extra);
/* A streamed answer: head, any number of pieces, end. Chunked for HTTP/1.1, close-delimited
 * for 1.0. */
void exchange_begin(struct exchange *exchange, int status, const char *content_type,
                    struct str extra);
void exchange_write(struct exchange *exchange, struct str data);
size_t exchange_queued(const struct exchange *exchange); /* bytes not yet taken by the socket */
void exchange_end(struct exchange *exchange);
void exchange_abort(
    struct exchange *exchange); /* cut: the client sees that the answer is not whole */

/* For the proxy, which writes answers that are framed already: head and body bytes as they are to
 * be sent. The status is for the counters. `keep_alive` must be what the head says. */
void exchange_relay_begin(struct exchange *exchange, int status, bool keep_alive,
                          bool ends_by_close);
void exchange_relay(struct exchange *exchange, const uv_buf_t *pieces, unsigned count);
bool exchange_keep_alive(
    const struct exchange *exchange); /* may the connection be kept after this exchange? */
const char *server_status_reason(int status);

#endif
