/* SPDX-License-Identifier: MIT */
#include "base/check.h"
#include "edge/upstream_part.h"
#include <stdlib.h>

struct upstream_write {
    uv_write_t request;
    struct upstream *upstream;
    char data[];
};

void upstream_pool_release(struct upstream_pool *pool)
{
    if (!pool->destroyed || pool->open > 0)
        return;
    while (pool->endpoints) {
        struct endpoint *endpoint = pool->endpoints;
        pool->endpoints = endpoint->next;
        endpoint_free(endpoint);
    }
    buf_fini(&pool->cipher);
    free(pool);
}

/* --- lists --- */

void upstream_list_add(struct upstream **list, struct upstream *upstream)
{
    upstream->next = *list;
    upstream->link = list;
    if (upstream->next)
        upstream->next->link = &upstream->next;
    *list = upstream;
}

void upstream_list_remove(struct upstream *upstream)
{
    if (!upstream->link)
        return;
    *upstream->link = upstream->next;
    if (upstream->next)
        upstream->next->link = upstream->link;
    upstream->link = NULL;
}

/* --- the end --- */

static void on_closed(uv_handle_t *handle)
{
    struct upstream *upstream = (struct upstream *)handle;
    struct upstream_pool *pool = upstream->pool;
    upstream_tls_free(upstream);
    free(upstream);
    pool->open--;
    upstream_pool_release(pool);
}

static void close_upstream(struct upstream *upstream)
{
    if (upstream->state == UPSTREAM_CLOSING)
        return;
    if (upstream->state == UPSTREAM_IDLE)
        upstream->endpoint->idle_count--;
    if (upstream->tls)
        upstream_tls_end(upstream);
    upstream->state = UPSTREAM_CLOSING;
    upstream->owner = NULL;
    upstream_list_remove(upstream);
    wheel_cancel(server_wheel(upstream->pool->server), &upstream->timer);
    if (upstream->restarting)
        return; /* its socket is being closed: on_restart frees it */
    if (upstream->tcp_open)
        uv_close((uv_handle_t *)&upstream->tcp, on_closed);
    else
        on_closed((uv_handle_t *)&upstream->tcp);
}

static void report_closed(struct upstream *upstream, enum fw_err err)
{
    void *owner = upstream->owner;
    struct upstream_pool *pool = upstream->pool;
    close_upstream(upstream);
    if (owner)
        pool->events.closed(owner, err);
}

void upstream_report_failed(struct upstream *upstream, enum fw_err err, const char *reason)
{
    void *owner = upstream->owner;
    struct upstream_pool *pool = upstream->pool;
    close_upstream(upstream);
    if (owner)
        pool->events.failed(owner, err, reason);
}

/* --- deadlines --- */

static void set_deadline(struct upstream *upstream, int64_t timeout_ns)
{
    struct server *server = upstream->pool->server;
    wheel_set(server_wheel(server), &upstream->timer, time_add(server_now(server), timeout_ns));
}

static void on_deadline(struct wheel_timer *timer, int64_t now_ns)
{
    struct upstream *upstream =
        (struct upstream *)((char *)timer - offsetof(struct upstream, timer));
    (void)now_ns;
    switch (upstream->state) {
    case UPSTREAM_RESOLVING:
        upstream_report_failed(upstream, FW_UPSTREAM_SLOW, "its name was not resolved in time");
        break;
    case UPSTREAM_CONNECTING:
        upstream_report_failed(upstream, FW_UPSTREAM_SLOW,
                               "the connection was not accepted in time");
        break;
    case UPSTREAM_HANDSHAKE:
        upstream_report_failed(upstream, FW_UPSTREAM_SLOW, "TLS was not agreed on in time");
        break;
    case UPSTREAM_BUSY:
        report_closed(upstream, upstream->broken ? FW_UPSTREAM : FW_UPSTREAM_SLOW);
        break;
    default:
        close_upstream(upstream);
        break;
    }
}

/* --- reading --- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct upstream *upstream = (struct upstream *)handle;
    (void)suggested;
    *buf = server_read_buffer(upstream->pool->server);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct upstream *upstream = (struct upstream *)stream;
    if (n == 0)
        return;
    if (upstream->tls && n > 0)
        upstream_tls_read(upstream, buf->base, (size_t)n);
    else if (upstream->state == UPSTREAM_HANDSHAKE)
        upstream_report_failed(upstream, FW_UPSTREAM, "it closed the connection while TLS began");
    else if (n < 0) /* under TLS an end that was not announced may be a cut */
        upstream_ended(upstream, n == UV_EOF && !upstream->tls ? FW_OK : FW_UPSTREAM);
    else
        upstream_data(upstream, buf->base, (size_t)n);
}

void upstream_data(struct upstream *upstream, const char *data, size_t len)
{
    if (upstream->state != UPSTREAM_BUSY) {
        close_upstream(upstream); /* an idle one has nothing to say */
        return;
    }
    upstream->awaited = true;
    set_deadline(upstream, upstream->pool->limits.chunk_timeout_ns);
    upstream->pool->events.data(upstream->owner, data, len);
}

void upstream_ended(struct upstream *upstream, enum fw_err err)
{
    if (upstream->state == UPSTREAM_BUSY)
        report_closed(upstream, err);
    else
        close_upstream(upstream);
}

static bool start_reading(struct upstream *upstream)
{
    if (!upstream->reading)
        upstream->reading = uv_read_start((uv_stream_t *)&upstream->tcp, on_alloc, on_read) == 0;
    return upstream->reading;
}

void upstream_pause(struct upstream *upstream)
{
    if (!upstream->reading)
        return;
    uv_read_stop((uv_stream_t *)&upstream->tcp);
    upstream->reading = false;
    wheel_set(server_wheel(upstream->pool->server), &upstream->timer, TIME_NEVER);
}

void upstream_resume(struct upstream *upstream)
{
    if (upstream->reading)
        return;
    set_deadline(upstream, upstream->pool->limits.chunk_timeout_ns);
    if (!start_reading(upstream))
        report_closed(upstream, FW_UPSTREAM);
}

void upstream_await(struct upstream *upstream)
{
    if (!upstream->awaited)
        set_deadline(upstream, upstream->pool->limits.first_byte_timeout_ns);
}

/* --- connecting --- */

static void on_restart(uv_handle_t *handle);

void upstream_opened(struct upstream *upstream)
{
    upstream->state = UPSTREAM_BUSY;
    wheel_set(server_wheel(upstream->pool->server), &upstream->timer, TIME_NEVER);
    upstream->pool->events.open(upstream->owner, upstream);
}

static void on_connected(uv_connect_t *request, int status)
{
    struct upstream *upstream =
        (struct upstream *)((char *)request - offsetof(struct upstream, connect));
    if (upstream->state != UPSTREAM_CONNECTING)
        return; /* closed meanwhile */
    if (status == 0) {
        uv_tcp_nodelay(&upstream->tcp, 1);
        if (!start_reading(upstream))
            upstream_report_failed(upstream, FW_UNREACHABLE, "its socket cannot be read");
        else if (!upstream->endpoint->context)
            upstream_opened(upstream);
        else if (!upstream_tls_begin(upstream))
            upstream_report_failed(upstream, FW_UPSTREAM, "TLS could not be begun");
        return;
    }
    if (upstream->address + 1u < upstream->endpoint->address_count) {
        upstream->address++;
        upstream->restarting =
            true; /* the next address needs a new socket, and a handle has but one */
        uv_close((uv_handle_t *)&upstream->tcp, on_restart);
        return;
    }
    if (upstream->endpoint->resolved_until_ns != TIME_NEVER)
        upstream->endpoint->resolved_until_ns = 0; /* the name may point elsewhere now */
    upstream_report_failed(upstream, FW_UNREACHABLE, uv_strerror(status));
}

void upstream_connect(struct upstream *upstream)
{
    const struct endpoint *endpoint = upstream->endpoint;
    CHECK(uv_tcp_init(upstream->pool->loop, &upstream->tcp) == 0);
    upstream->tcp_open = true;
    upstream->restarting = false;
    upstream->state = UPSTREAM_CONNECTING;
    int result = uv_tcp_connect(&upstream->connect, &upstream->tcp,
                                (const struct sockaddr *)&endpoint->addresses[upstream->address],
                                on_connected);
    if (result != 0)
        upstream_report_failed(upstream, FW_UNREACHABLE, uv_strerror(result));
}

static void on_restart(uv_handle_t *handle)
{
    struct upstream *upstream = (struct upstream *)handle;
    if (upstream->state == UPSTREAM_CLOSING)
        on_closed(handle); /* given up meanwhile */
    else
        upstream_connect(upstream);
}

/* --- taking and giving back --- */

void upstream_take(struct upstream_pool *pool, struct endpoint *endpoint, void *owner, bool fresh,
                   struct upstream **out)
{
    struct upstream *upstream = fresh ? NULL : endpoint->idle;
    *out = upstream;
    if (upstream) {
        upstream_list_remove(upstream);
        endpoint->idle_count--;
        upstream_list_add(&pool->busy, upstream);
        upstream->state = UPSTREAM_BUSY;
        upstream->owner = owner;
        upstream->reused = true;
        upstream->awaited = false;
        wheel_set(server_wheel(pool->server), &upstream->timer, TIME_NEVER);
        pool->events.open(owner, upstream);
        return;
    }
    upstream = calloc(1, sizeof *upstream);
    if (!upstream) {
        pool->events.failed(owner, FW_NOMEM, "there is no memory for a connection");
        return;
    }
    *out = upstream;
    upstream->pool = pool;
    upstream->endpoint = endpoint;
    upstream->owner = owner;
    upstream->timer.fire = on_deadline;
    upstream->timer.deadline_ns = TIME_NEVER;
    pool->open++;
    upstream_list_add(&pool->busy, upstream);
    set_deadline(upstream, pool->limits.connect_timeout_ns);
    if (endpoint->resolved_until_ns > server_now(pool->server))
        upstream_connect(upstream);
    else
        endpoint_resolve(upstream);
}

void upstream_drop_idle(struct endpoint *endpoint)
{
    while (endpoint->idle)
        close_upstream(endpoint->idle); /* NOLINT(clang-analyzer-unix.Malloc): it leaves the list */
}

bool upstream_reused(const struct upstream *upstream)
{
    return upstream->reused;
}

void upstream_release(struct upstream *upstream, bool reusable)
{
    struct endpoint *endpoint = upstream->endpoint;
    struct upstream_pool *pool = upstream->pool;
    upstream->owner = NULL;
    if (!reusable || upstream->state != UPSTREAM_BUSY || pool->destroyed ||
        endpoint->idle_count >= (uint32_t)pool->limits.keep ||
        upstream->context != endpoint->context ||
        uv_stream_get_write_queue_size((uv_stream_t *)&upstream->tcp) > 0 ||
        !start_reading(upstream)) {
        close_upstream(upstream);
        return;
    }
    upstream_list_remove(upstream);
    upstream_list_add(&endpoint->idle, upstream);
    endpoint->idle_count++;
    upstream->state = UPSTREAM_IDLE;
    set_deadline(upstream, pool->limits.idle_timeout_ns);
}

/* --- writing --- */

static void on_written(uv_write_t *request, int status)
{
    struct upstream_write *write = (struct upstream_write *)request;
    struct upstream *upstream = write->upstream;
    free(write);
    upstream_written(upstream, status);
}

void upstream_written(struct upstream *upstream, int status)
{
    if (upstream->state != UPSTREAM_BUSY || !upstream->owner)
        return;
    if (status < 0)
        report_closed(upstream, FW_UPSTREAM);
    else
        upstream->pool->events.writable(upstream->owner);
}

void upstream_break_soon(struct upstream *upstream)
{
    upstream->broken = true;
    wheel_set(server_wheel(upstream->pool->server), &upstream->timer,
              server_now(upstream->pool->server));
}

static size_t queue_some(struct upstream *upstream, const uv_buf_t *pieces, unsigned count,
                         size_t skip)
{
    struct upstream_write *write = malloc(sizeof *write + UPSTREAM_WRITE_BYTES);
    size_t at = 0;
    if (!write) {
        upstream_break_soon(upstream);
        return 0;
    }
    for (unsigned i = 0; i < count && at < UPSTREAM_WRITE_BYTES; i++) {
        size_t cut = skip < pieces[i].len ? skip : pieces[i].len;
        size_t n = pieces[i].len - cut;
        if (n > UPSTREAM_WRITE_BYTES - at)
            n = UPSTREAM_WRITE_BYTES - at;
        memcpy(write->data + at, pieces[i].base + cut, n);
        at += n;
        skip -= cut;
    }
    uv_buf_t buf = uv_buf_init(write->data, (unsigned)at);
    write->upstream = upstream;
    if (uv_write(&write->request, (uv_stream_t *)&upstream->tcp, &buf, 1, on_written) != 0) {
        free(write);
        upstream_break_soon(upstream);
    }
    return at;
}

size_t upstream_send(struct upstream *upstream, const uv_buf_t *pieces, unsigned count)
{
    size_t total = 0;
    for (unsigned i = 0; i < count; i++)
        total += pieces[i].len;
    if (upstream->broken)
        return total;
    if (uv_stream_get_write_queue_size((uv_stream_t *)&upstream->tcp) > 0)
        return 0; /* `writable` follows */
    if (upstream->tls)
        return upstream_tls_send(upstream, pieces, count);
    int sent = uv_try_write((uv_stream_t *)&upstream->tcp, pieces, count);
    if (sent < 0 && sent != UV_EAGAIN) {
        upstream_break_soon(upstream);
        return total;
    }
    size_t done = sent < 0 ? 0 : (size_t)sent;
    return done == total ? total : done + queue_some(upstream, pieces, count, done);
}

/* --- the pool --- */

enum fw_err upstream_pool_create(struct upstream_pool **out, uv_loop_t *loop, struct server *server,
                                 const struct upstream_limits *limits,
                                 const struct upstream_events *events)
{
    struct upstream_pool *pool = calloc(1, sizeof *pool);
    *out = pool;
    if (!pool)
        return FW_NOMEM;
    pool->loop = loop;
    pool->server = server;
    pool->limits = *limits;
    pool->events = *events;
    return FW_OK;
}

void upstream_pool_set_limits(struct upstream_pool *pool, const struct upstream_limits *limits)
{
    pool->limits = *limits;
}

void upstream_pool_destroy(struct upstream_pool **out)
{
    struct upstream_pool *pool = *out;
    *out = NULL;
    if (!pool)
        return;
    /* NOLINTBEGIN(clang-analyzer-unix.Malloc): closing takes it off its list */
    while (pool->busy)
        close_upstream(pool->busy);
    for (struct endpoint *endpoint = pool->endpoints; endpoint; endpoint = endpoint->next) {
        while (endpoint->idle)
            close_upstream(endpoint->idle);
        while (endpoint->waiting)
            close_upstream(endpoint->waiting);
        /* NOLINTEND(clang-analyzer-unix.Malloc) */
        if (endpoint->resolving)
            (void)uv_cancel((uv_req_t *)&endpoint->request);
    }
    pool->destroyed = true;
    upstream_pool_release(pool);
}
