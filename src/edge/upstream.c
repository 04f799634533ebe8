/* SPDX-License-Identifier: MIT */
#include "edge/upstream.h"
#include "base/check.h"
#include <stdio.h>
#include <stdlib.h>

enum upstream_state {
    UPSTREAM_RESOLVING,
    UPSTREAM_CONNECTING,
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
    size_t open; /* handles and look-ups that must end before the pool is freed */
    bool destroyed;
};

struct upstream_write {
    uv_write_t request;
    struct upstream *upstream;
    char data[];
};

static void pool_release(struct upstream_pool *pool)
{
    if (!pool->destroyed || pool->open > 0)
        return;
    while (pool->endpoints) {
        struct endpoint *endpoint = pool->endpoints;
        pool->endpoints = endpoint->next;
        free(endpoint);
    }
    free(pool);
}

/* --- lists --- */

static void list_add(struct upstream **list, struct upstream *upstream)
{
    upstream->next = *list;
    upstream->link = list;
    if (upstream->next)
        upstream->next->link = &upstream->next;
    *list = upstream;
}

static void list_remove(struct upstream *upstream)
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
    free(upstream);
    pool->open--;
    pool_release(pool);
}

static void close_upstream(struct upstream *upstream)
{
    if (upstream->state == UPSTREAM_CLOSING)
        return;
    if (upstream->state == UPSTREAM_IDLE)
        upstream->endpoint->idle_count--;
    upstream->state = UPSTREAM_CLOSING;
    upstream->owner = NULL;
    list_remove(upstream);
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

static void report_failed(struct upstream *upstream, enum fw_err err, const char *reason)
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
        report_failed(upstream, FW_UPSTREAM_SLOW, "its name was not resolved in time");
        break;
    case UPSTREAM_CONNECTING:
        report_failed(upstream, FW_UPSTREAM_SLOW, "the connection was not accepted in time");
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
    if (upstream->state != UPSTREAM_BUSY) {
        close_upstream(upstream); /* an idle one has nothing to say */
        return;
    }
    if (n < 0) {
        report_closed(upstream, n == UV_EOF ? FW_OK : FW_UPSTREAM);
        return;
    }
    upstream->awaited = true;
    set_deadline(upstream, upstream->pool->limits.chunk_timeout_ns);
    upstream->pool->events.data(upstream->owner, buf->base, (size_t)n);
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

static void on_connected(uv_connect_t *request, int status)
{
    struct upstream *upstream =
        (struct upstream *)((char *)request - offsetof(struct upstream, connect));
    if (upstream->state != UPSTREAM_CONNECTING)
        return; /* closed meanwhile */
    if (status == 0) {
        upstream->state = UPSTREAM_BUSY;
        wheel_set(server_wheel(upstream->pool->server), &upstream->timer, TIME_NEVER);
        uv_tcp_nodelay(&upstream->tcp, 1);
        if (start_reading(upstream))
            upstream->pool->events.open(upstream->owner, upstream);
        else
            report_failed(upstream, FW_UNREACHABLE, "its socket cannot be read");
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
    report_failed(upstream, FW_UNREACHABLE, uv_strerror(status));
}

static void connect_next(struct upstream *upstream)
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
        report_failed(upstream, FW_UNREACHABLE, uv_strerror(result));
}

static void on_restart(uv_handle_t *handle)
{
    struct upstream *upstream = (struct upstream *)handle;
    if (upstream->state == UPSTREAM_CLOSING)
        on_closed(handle); /* given up meanwhile */
    else
        connect_next(upstream);
}

/* --- names --- */

static void take_addresses(struct endpoint *endpoint, const struct addrinfo *found)
{
    endpoint->address_count = 0;
    for (; found && endpoint->address_count < UPSTREAM_ADDRESSES_MAX; found = found->ai_next) {
        struct sockaddr_storage *address = &endpoint->addresses[endpoint->address_count];
        if (found->ai_family == AF_INET) {
            memcpy(address, found->ai_addr, sizeof(struct sockaddr_in));
            ((struct sockaddr_in *)address)->sin_port = htons(endpoint->port);
        } else if (found->ai_family == AF_INET6) {
            memcpy(address, found->ai_addr, sizeof(struct sockaddr_in6));
            ((struct sockaddr_in6 *)address)->sin6_port = htons(endpoint->port);
        } else {
            continue;
        }
        endpoint->address_count++;
    }
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct endpoint *endpoint = request->data;
    struct upstream_pool *pool = endpoint->pool;
    endpoint->resolving = false;
    if (status == 0)
        take_addresses(endpoint, found);
    uv_freeaddrinfo(found);
    bool ok = status == 0 && endpoint->address_count > 0;
    if (ok && !pool->destroyed)
        endpoint->resolved_until_ns = server_now(pool->server) + UPSTREAM_DNS_NS;
    while (endpoint->waiting) {
        struct upstream *upstream = endpoint->waiting;
        list_remove(upstream); /* NOLINT(clang-analyzer-unix.Malloc): the last one left the list */
        list_add(&pool->busy, upstream);
        if (ok)
            connect_next(upstream);
        else
            report_failed(upstream, FW_UNREACHABLE, "its name cannot be resolved");
    }
    pool->open--;
    pool_release(pool);
}

static void resolve(struct upstream *upstream)
{
    struct endpoint *endpoint = upstream->endpoint;
    static const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC};
    upstream->state = UPSTREAM_RESOLVING;
    list_remove(upstream);
    list_add(&endpoint->waiting, upstream);
    if (endpoint->resolving)
        return;
    endpoint->request.data = endpoint;
    if (uv_getaddrinfo(upstream->pool->loop, &endpoint->request, on_resolved, endpoint->host, NULL,
                       &hints) != 0) {
        report_failed(upstream, FW_UNREACHABLE, "its name cannot be looked up");
        return;
    }
    endpoint->resolving = true;
    endpoint->pool->open++;
}

struct endpoint *upstream_endpoint(struct upstream_pool *pool, const struct config_url *url)
{
    struct endpoint **link = &pool->endpoints, *endpoint;
    for (; (endpoint = *link) != NULL; link = &endpoint->next) {
        if (endpoint->port == url->port && strcmp(endpoint->host, url->host) == 0)
            return endpoint;
    }
    endpoint = calloc(1, sizeof *endpoint);
    if (!endpoint)
        return NULL;
    endpoint->pool = pool;
    endpoint->port = url->port;
    snprintf(endpoint->host, sizeof endpoint->host, "%s", url->host);
    snprintf(endpoint->authority, sizeof endpoint->authority,
             strchr(url->host, ':') ? "[%s]:%u" : "%s:%u", url->host, url->port);
    struct sockaddr_storage *address = &endpoint->addresses[0];
    if (uv_ip4_addr(url->host, url->port, (struct sockaddr_in *)address) == 0 ||
        uv_ip6_addr(url->host, url->port, (struct sockaddr_in6 *)address) == 0) {
        endpoint->address_count = 1;
        endpoint->resolved_until_ns = TIME_NEVER;
    }
    *link = endpoint;
    return endpoint;
}

struct str endpoint_authority(const struct endpoint *endpoint)
{
    return str_of(endpoint->authority);
}

/* --- taking and giving back --- */

void upstream_take(struct upstream_pool *pool, struct endpoint *endpoint, void *owner, bool fresh,
                   struct upstream **out)
{
    struct upstream *upstream = fresh ? NULL : endpoint->idle;
    *out = upstream;
    if (upstream) {
        list_remove(upstream);
        endpoint->idle_count--;
        list_add(&pool->busy, upstream);
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
    list_add(&pool->busy, upstream);
    set_deadline(upstream, pool->limits.connect_timeout_ns);
    if (endpoint->resolved_until_ns > server_now(pool->server))
        connect_next(upstream);
    else
        resolve(upstream);
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
        uv_stream_get_write_queue_size((uv_stream_t *)&upstream->tcp) > 0 ||
        !start_reading(upstream)) {
        close_upstream(upstream);
        return;
    }
    list_remove(upstream);
    list_add(&endpoint->idle, upstream);
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
    if (upstream->state != UPSTREAM_BUSY || !upstream->owner)
        return;
    if (status < 0)
        report_closed(upstream, FW_UPSTREAM);
    else
        upstream->pool->events.writable(upstream->owner);
}

/* A write failed while the caller stands on the connection: it hears of it a moment later. */
static void break_soon(struct upstream *upstream)
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
        break_soon(upstream);
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
        break_soon(upstream);
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
    int sent = uv_try_write((uv_stream_t *)&upstream->tcp, pieces, count);
    if (sent < 0 && sent != UV_EAGAIN) {
        break_soon(upstream);
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
    pool_release(pool);
}
