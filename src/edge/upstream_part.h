/* SPDX-License-Identifier: MIT
 * Inside the upstream pools: connections (upstream.c), endpoints and their names (endpoint.c). */
#ifndef FOREWARM_EDGE_UPSTREAM_PART_H
#define FOREWARM_EDGE_UPSTREAM_PART_H

#include "edge/tls.h"
#include "edge/upstream.h"
#include <stdio.h>

enum { UPSTREAM_PLAIN_BYTES = 96 << 10 }; /* a read, and the record that was begun before it */

enum upstream_state {
    UPSTREAM_RESOLVING,
    UPSTREAM_CONNECTING,
    UPSTREAM_HANDSHAKE, /* of TLS */
    UPSTREAM_BUSY,
    UPSTREAM_IDLE,
    UPSTREAM_CLOSING
};

struct upstream {
    uv_tcp_t tcp;
    uv_connect_t connect;
    struct upstream_pool *pool;
    struct endpoint *endpoint;
    struct upstream *next,
        **link; /* in the endpoint's idle or waiting list, or among the busy ones */
    void *owner;
    struct wheel_timer timer;
    struct tls *tls;             /* NULL: plain */
    struct tls_context *context; /* that it was checked with */
    uint8_t state;
    uint8_t address; /* which of the endpoint's is tried */
    bool reused, reading, awaited;
    bool tcp_open, restarting, broken;
};

struct endpoint {
    struct endpoint *next;
    struct upstream_pool *pool;
    char host[256], authority[272];
    uint16_t port;
    struct tls_context *context; /* NULL: plain */
    char *ca_file;               /* with TLS */
    struct sockaddr_storage addresses[UPSTREAM_ADDRESSES_MAX];
    unsigned address_count;
    int64_t resolved_until_ns; /* TIME_NEVER for numeric hosts */
    bool resolving;
    uv_getaddrinfo_t request;
    struct upstream *idle, *waiting;
    uint32_t idle_count;
};

struct upstream_pool {
    uv_loop_t *loop;
    struct server *server;
    struct upstream_limits limits;
    struct upstream_events events;
    struct endpoint *endpoints;
    struct upstream *busy;
    struct buf cipher; /* what TLS wants sent, while it is gathered */
    char plain[UPSTREAM_PLAIN_BYTES];
    size_t open; /* handles and look-ups that must end before the pool is freed */
    bool destroyed;
};

/* upstream.c */
void upstream_list_add(struct upstream **list, struct upstream *upstream);
void upstream_list_remove(struct upstream *upstream);
void upstream_pool_release(struct upstream_pool *pool); /* frees it once nothing is open any more */
void upstream_connect(struct upstream *upstream);       /* to the address whose turn it is */
void upstream_report_failed(struct upstream *upstream, enum fw_err err, const char *reason);

void upstream_opened(struct upstream *upstream); /* it may be written to */
void upstream_data(struct upstream *upstream, const char *data, size_t len);
void upstream_ended(struct upstream *upstream, enum fw_err err);
void upstream_written(struct upstream *upstream, int status);
/* A write failed while the caller stands on the connection: it hears of it a moment later. */
void upstream_break_soon(struct upstream *upstream);
void upstream_drop_idle(struct endpoint *endpoint);

/* upstream_tls.c */
bool upstream_tls_begin(struct upstream *upstream); /* false: broken, or no memory */
void upstream_tls_read(struct upstream *upstream, const char *data, size_t len);
size_t upstream_tls_send(struct upstream *upstream, const uv_buf_t *pieces, unsigned count);
void upstream_tls_end(struct upstream *upstream);
void upstream_tls_free(struct upstream *upstream);

/* endpoint.c */
void endpoint_free(struct endpoint *endpoint);
void endpoint_resolve(struct upstream *upstream); /* then upstream_connect, or failed */

#endif
