/* SPDX-License-Identifier: MIT
 * Inside the server: connections and exchanges. A connection is small and carries no buffer of its
 * own; what a request needs (its head, its body, its fields) belongs to an exchange, which exists
 * from the request's first byte to its answer's end and then goes back to a free list.
 *
 *   IDLE -> HEAD -> BODY -> ACTIVE -> IDLE ...   ACTIVE: the handler has it; bytes that arrive wait
 * in `pending` any  -> LINGER -> CLOSED                     LINGER: our last byte is sent; input is
 * read and thrown away */
#ifndef FOREWARM_EDGE_CONNECTION_H
#define FOREWARM_EDGE_CONNECTION_H

#include "edge/http_parser.h"
#include "edge/server.h"
#include "edge/tls.h"
#include "edge/wheel.h"

enum {
    CONNECTION_READ_BYTES = 64 << 10,    /* one buffer a loop */
    CONNECTION_PLAIN_BYTES = 16 << 10,   /* a TLS record */
    CONNECTION_PENDING_BYTES = 64 << 10, /* pipelined input kept while a request is answered */
    CONNECTION_KEEP_BYTES = 16 << 10,    /* buffers up to this size stay with a free exchange */
    CONNECTION_FREE_MAX = 512,           /* free exchanges kept */
    CONNECTION_WATCH_MS = 50,            /* how often connections that are not read are looked at */
    CONNECTION_BODY_BYTES_PER_S = 1 << 10 /* slower bodies are cut after the grace time */
};
#define CONNECTION_LINGER_NS    (5 * TIME_SECOND)
#define CONNECTION_LINGER_BYTES (UINT64_C(128) << 20)

enum connection_state {
    CONNECTION_IDLE,
    CONNECTION_HEAD,
    CONNECTION_BODY,
    CONNECTION_ACTIVE,
    CONNECTION_LINGER,
    CONNECTION_CLOSED
};

struct connection {
    uv_tcp_t tcp;
    struct server *server;
    struct connection *next, **link; /* all connections */
    struct connection *next_stopped,
        **stopped_link; /* those that are not read; link NULL: not among them */
    struct exchange *exchange;
    struct wheel_timer timer;
    struct tls *tls; /* NULL: plain */
    struct buf pending;
    int64_t opened_ns;
    uint64_t lingered; /* bytes thrown away */
    uint32_t client;   /* its place in server->limits.clients; CLIENTS_REFUSED: none */
    size_t stalled;    /* length of the write queue when it was last looked at */
    uint8_t state;     /* enum connection_state */
    bool reading, feeding, eof, broken, shut;
    bool moved; /* a queued write was taken since it was last looked at */
    char peer[56];
};

struct exchange {
    struct connection *connection;
    struct exchange *next_free;
    void *context;
    struct server_request request;
    struct head head;
    struct server_field fields[SERVER_FIELDS_MAX];
    struct buf head_bytes, body;
    struct chunked chunked;
    size_t head_at; /* how far the blank line was looked for */
    int64_t started_ns;
    uint64_t parked; /* bytes counted against max_parked */
    bool close;      /* the connection ends with this exchange */
    bool begun, chunked_answer, ends_by_close, no_body;
    bool line_skipped; /* the empty line before the request */
    bool told_full;    /* the owner waits for `writable` */
};

struct server {
    uv_loop_t *loop;
    uv_tcp_t listener;
    uv_prepare_t prepare;
    uv_timer_t timer; /* for the wheel */
    uv_timer_t watch; /* for the stopped connections */
    struct server_limits limits;
    struct server_handler handler;
    struct wheel wheel;
    int64_t timer_at_ns; /* what `timer` is set to */
    struct connection *connections, *stopped;
    struct exchange *free_exchanges;
    size_t connection_count, free_count;
    uint64_t parked, parked_reserved; /* bytes here; bytes taken from the shared count */
    _Atomic uint64_t own_parked;
    uint16_t port;
    unsigned handles; /* open uv handles of the server itself */
    bool stopping, listening, destroyed;
    struct buf cipher; /* what TLS wants sent, while it is gathered */
    char read_buffer[CONNECTION_READ_BYTES];
    char plain[CONNECTION_PLAIN_BYTES]; /* what came out of TLS */
};

/* server.c */
void server_release(struct server *server); /* frees it once nothing is open any more */

/* connection.c */
void connection_accept(struct server *server);
void connection_close(
    struct connection *connection); /* now; an exchange in the handler's hands hears `gone` */
void connection_finish(struct connection *connection); /* the exchange's answer was handed over */
void connection_reset(struct connection *connection);  /* close so that the client sees an error */
void connection_watch(uv_timer_t *timer);              /* looks at the stopped ones */

void connection_take(struct connection *connection, const char *data, size_t len); /* plain bytes */
void connection_ended(struct connection *connection); /* the client sends no more */
void connection_arm(struct connection *connection);   /* the deadline of its state */
void connection_go_on(
    struct connection *connection); /* requests that came while others were answered */

/* connection_write.c */
void connection_send(struct connection *connection, const uv_buf_t *pieces, unsigned count);
/* Past TLS, or without it. */
void connection_send_raw(struct connection *connection, const uv_buf_t *pieces, unsigned count);
void connection_break(struct connection *connection); /* closed once its caller is off it */
size_t connection_queued(const struct connection *connection);

/* connection_tls.c */
void connection_tls_read(struct connection *connection, const char *data, size_t len);
void connection_tls_send(struct connection *connection, const uv_buf_t *pieces, unsigned count);
void connection_tls_end(struct connection *connection);

/* request.c: bytes in, requests out */
void request_feed(struct connection *connection, const char *data, size_t len);
struct exchange *exchange_take(struct server *server); /* NULL when memory is short */
void exchange_give(struct server *server, struct exchange *exchange);
bool exchange_park(struct server *server,
                   struct exchange *exchange); /* false: max_parked is reached */

#endif
