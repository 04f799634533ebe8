/* SPDX-License-Identifier: MIT
 * Connections to upstreams: one pool a thread, one list an endpoint. The last one used is the first
 * one used again; the list is capped; idle connections are read, so that one the server closed is
 * dropped when it happens and not when it is needed. Names are resolved by libuv's workers and
 * remembered for a while. */
#ifndef FOREWARM_EDGE_UPSTREAM_H
#define FOREWARM_EDGE_UPSTREAM_H

#include "edge/config.h"
#include "edge/server.h"
#include "edge/wheel.h"

enum { UPSTREAM_ADDRESSES_MAX = 8, UPSTREAM_WRITE_BYTES = 64 << 10 };
#define UPSTREAM_DNS_NS (30 * TIME_SECOND)

struct upstream_pool;
struct endpoint;
struct upstream; /* one connection */

struct upstream_limits {
    int64_t connect_timeout_ns, first_byte_timeout_ns, chunk_timeout_ns, idle_timeout_ns;
    int64_t keep; /* idle connections kept an endpoint */
};

/* What becomes of a connection, told to the one that took it. After `failed` and `closed` it is no
 * longer the owner's. */
struct upstream_events {
    void (*open)(void *owner, struct upstream *upstream);
    void (*failed)(void *owner, enum fw_err err, const char *reason); /* never opened */
    void (*data)(void *owner, const char *data, size_t len);
    void (*closed)(void *owner, enum fw_err err); /* FW_OK: orderly end; FW_UPSTREAM: broken;
                                                     FW_UPSTREAM_SLOW: a deadline */
    void (*writable)(void *owner);                /* upstream_send may take more */
};

FW_MUST_CHECK enum fw_err upstream_pool_create(struct upstream_pool **pool, uv_loop_t *loop,
                                               struct server *server,
                                               const struct upstream_limits *limits,
                                               const struct upstream_events *events);
void upstream_pool_set_limits(struct upstream_pool *pool, const struct upstream_limits *limits);
/* Closes everything; run the loop once more afterwards. Connections in use must have been given
 * back. */
void upstream_pool_destroy(struct upstream_pool **pool);

/* The endpoint for a URL's host and port; lives as long as the pool. NULL when memory is short. */
struct endpoint *upstream_endpoint(struct upstream_pool *pool, const struct config_url *url);
struct str
endpoint_authority(const struct endpoint *endpoint); /* "host:port", for the Host field */

/* Takes an idle connection, or opens one (always a new one if `fresh`). Answers by events; `open`
 * may come at once, before this returns, for an idle one. The result is what upstream_release
 * takes; NULL: failed was called. */
void upstream_take(struct upstream_pool *pool, struct endpoint *endpoint, void *owner, bool fresh,
                   struct upstream **upstream);
bool upstream_reused(const struct upstream *upstream);
/* Writes what the socket takes now and, if nothing was queued yet, queues some of the rest. Returns
 * bytes that are taken care of; when fewer than offered, `writable` follows. A broken connection
 * takes everything and then reports closed. */
size_t upstream_send(struct upstream *upstream, const uv_buf_t *pieces, unsigned count);
/* Some of the request is out: from now the first byte of the answer, or room for more, is awaited;
 * every byte sets the time for the next. */
void upstream_await(struct upstream *upstream);
void upstream_pause(struct upstream *upstream); /* stop reading: the client is slower */
void upstream_resume(struct upstream *upstream);
/* Gives it back: into the pool if `reusable`, else closed. No event follows. */
void upstream_release(struct upstream *upstream, bool reusable);

#endif
