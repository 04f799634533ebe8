/* SPDX-License-Identifier: MIT
 * One client connection: reading, writing, deadlines, and how it ends. */
#include "edge/connection.h"
#include "base/check.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

static void on_closed(uv_handle_t *handle)
{
    struct connection *connection = (struct connection *)handle;
    struct server *server = connection->server;
    tls_free(&connection->tls);
    free(connection);
    server->connection_count--;
    server_release(server);
}

static void unwatch(struct connection *connection)
{
    if (!connection->stopped_link)
        return;
    *connection->stopped_link = connection->next_stopped;
    if (connection->next_stopped)
        connection->next_stopped->stopped_link = connection->stopped_link;
    connection->stopped_link = NULL;
    if (!connection->server->stopped)
        uv_timer_stop(&connection->server->watch);
}

void connection_close(struct connection *connection)
{
    struct server *server = connection->server;
    if (connection->state == CONNECTION_CLOSED)
        return;
    bool handed_over = connection->state == CONNECTION_ACTIVE;
    connection->state = CONNECTION_CLOSED;
    wheel_cancel(&server->wheel, &connection->timer);
    unwatch(connection);
    *connection->link = connection->next;
    if (connection->next)
        connection->next->link = connection->link;
    uv_close((uv_handle_t *)&connection->tcp, on_closed);
    buf_fini(&connection->pending);
    if (connection->client != CLIENTS_REFUSED)
        clients_leave(server->limits.clients, connection->client);
    struct exchange *exchange = connection->exchange;
    connection->exchange = NULL;
    if (!exchange)
        return;
    if (handed_over)
        server->handler.gone(server->handler.context, exchange);
    exchange_give(server, exchange);
}

void connection_reset(struct connection *connection)
{
    struct linger hard = {.l_onoff = 1, .l_linger = 0};
    uv_os_fd_t fd;
    if (uv_fileno((uv_handle_t *)&connection->tcp, &fd) == 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    connection_close(connection);
}

/* --- reading --- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct connection *connection = (struct connection *)handle;
    (void)suggested;
    *buf = server_read_buffer(connection->server);
    if (connection->state == CONNECTION_ACTIVE || connection->pending.len > 0)
        buf->len = CONNECTION_PENDING_BYTES - connection->pending.len;
}

static void watch(struct connection *connection)
{
    struct server *server = connection->server;
    if (connection->stopped_link)
        return;
    if (!server->stopped)
        uv_timer_start(&server->watch, connection_watch, CONNECTION_WATCH_MS, CONNECTION_WATCH_MS);
    connection->next_stopped = server->stopped;
    connection->stopped_link = &server->stopped;
    if (server->stopped)
        server->stopped->stopped_link = &connection->next_stopped;
    server->stopped = connection;
}

/* libuv does not see the end of a stream it does not read: asks the kernel. */
void connection_watch(uv_timer_t *timer)
{
    struct server *server = timer->data;
    short gone = POLLHUP | POLLERR | (server->limits.abort_on_half_close ? POLLRDHUP : 0);
    struct connection *next;
    for (struct connection *connection = server->stopped; connection; connection = next) {
        struct pollfd pollfd = {.events = POLLRDHUP};
        next = connection->next_stopped;
        if (uv_fileno((uv_handle_t *)&connection->tcp, &pollfd.fd) == 0 &&
            poll(&pollfd, 1, 0) == 1 && pollfd.revents & gone)
            connection_close(connection);
    }
}

static void stop_reading(struct connection *connection)
{
    if (!connection->reading)
        return;
    uv_read_stop((uv_stream_t *)&connection->tcp);
    connection->reading = false;
    watch(connection);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf);

static void start_reading(struct connection *connection)
{
    if (connection->reading || connection->eof || connection->state == CONNECTION_CLOSED)
        return;
    unwatch(connection);
    connection->reading = uv_read_start((uv_stream_t *)&connection->tcp, on_alloc, on_read) == 0;
    if (!connection->reading)
        connection_close(connection);
}

static void on_eof(struct connection *connection)
{
    connection->eof = true;
    connection->reading = false;
    switch (connection->state) {
    case CONNECTION_LINGER:
        if (connection->shut)
            connection_close(connection);
        break;
    case CONNECTION_ACTIVE: /* a half-close, or the client left: the setting says which it is taken
                               for */
        if (connection->server->limits.abort_on_half_close)
            connection_close(connection);
        else
            connection->exchange->close |= connection->pending.len == 0;
        break;
    default:
        if (connection_queued(connection) == 0)
            connection_close(connection);
        break;
    }
}

/* Said under TLS: what may follow on the socket is of no interest. */
void connection_ended(struct connection *connection)
{
    if (connection->eof)
        return;
    if (connection->reading)
        uv_read_stop((uv_stream_t *)&connection->tcp);
    on_eof(connection);
}

void connection_take(struct connection *connection, const char *data, size_t len)
{
    if (connection->pending.len > 0) { /* behind what waits already */
        buf_add(&connection->pending, data, len);
        if (connection->pending.failed)
            connection_close(connection);
        else
            connection_go_on(connection);
    } else {
        request_feed(connection, data, len);
    }
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct connection *connection = (struct connection *)stream;
    if (n == UV_EOF) {
        on_eof(connection);
        return;
    }
    if (n == UV_ENOBUFS) {
        stop_reading(connection);
        return;
    }
    if (n < 0) {
        connection_close(connection);
        return;
    }
    if (connection->state == CONNECTION_LINGER) {
        connection->lingered += (uint64_t)n;
        if (connection->lingered > CONNECTION_LINGER_BYTES)
            connection_close(connection);
        return;
    }
    if (connection->tls)
        connection_tls_read(connection, buf->base, (size_t)n);
    else
        connection_take(connection, buf->base, (size_t)n);
    if (connection->state == CONNECTION_CLOSED)
        return;
    if (connection->pending.len >= CONNECTION_PENDING_BYTES)
        stop_reading(connection);
    connection_arm(connection);
}

/* Requests that came while others were answered. */
void connection_go_on(struct connection *connection)
{
    if (connection->feeding || connection->state != CONNECTION_IDLE)
        return;
    if (connection->pending.len > 0 && connection_queued(connection) <= SERVER_QUEUE_LOW) {
        struct buf waiting = connection->pending;
        connection->pending = (struct buf){0};
        request_feed(connection, waiting.data, waiting.len);
        buf_fini(&waiting);
    }
    if (connection->state == CONNECTION_CLOSED)
        return;
    if (connection->pending.len < CONNECTION_PENDING_BYTES)
        start_reading(connection);
    if (connection->eof && connection->state < CONNECTION_ACTIVE &&
        connection_queued(connection) == 0)
        connection_close(connection);
}

/* --- the end of an exchange, and of the connection --- */

static void on_shutdown(uv_shutdown_t *request, int status)
{
    struct connection *connection = (struct connection *)request->handle;
    free(request);
    if (connection->state == CONNECTION_CLOSED)
        return;
    connection->shut = true;
    if (status < 0 || connection->eof)
        connection_close(connection);
    else
        connection_arm(connection);
}

/* Sends what is queued, then FIN; reads on for a while, so that unread input does not turn our last
 * words into a reset. */
static void connection_linger(struct connection *connection)
{
    connection->state = CONNECTION_LINGER;
    buf_fini(&connection->pending);
    if (connection->tls)
        connection_tls_end(connection);
    uv_shutdown_t *request = malloc(sizeof *request);
    if (!request || uv_shutdown(request, (uv_stream_t *)&connection->tcp, on_shutdown) != 0) {
        free(request);
        connection_close(connection);
        return;
    }
    start_reading(connection);
    if (connection->state != CONNECTION_CLOSED)
        connection_arm(connection);
}

void connection_finish(struct connection *connection)
{
    struct server *server = connection->server;
    struct exchange *exchange = connection->exchange;
    if (server->handler.done)
        server->handler.done(server->handler.context, exchange);
    bool last = exchange->close || server->stopping;
    connection->exchange = NULL;
    connection->state = CONNECTION_IDLE;
    exchange_give(server, exchange);
    if (last) {
        connection_linger(connection);
        return;
    }
    if (connection->feeding)
        return; /* request_feed goes on by itself */
    connection_go_on(connection);
    if (connection->state != CONNECTION_CLOSED)
        connection_arm(connection);
}

/* --- deadlines --- */

static int64_t body_deadline(const struct connection *connection)
{
    const struct exchange *exchange = connection->exchange;
    CHECK(exchange);
    const struct server_limits *limits = &connection->server->limits;
    int64_t paced = (int64_t)(exchange->body.len / CONNECTION_BODY_BYTES_PER_S) * TIME_SECOND;
    return time_add(exchange->started_ns,
                    paced > limits->body_grace_ns ? paced : limits->body_grace_ns);
}

/* The deadline of the state the connection is in. A write that does not move has its own, and is
 * looked at first. */
void connection_arm(struct connection *connection)
{
    struct server *server = connection->server;
    const struct server_limits *limits = &server->limits;
    int64_t deadline = TIME_NEVER;
    if (connection->broken)
        return; /* set already */
    switch (connection->state) {
    case CONNECTION_IDLE:
        if (connection->tls && tls_state(connection->tls) == TLS_HANDSHAKE)
            deadline = time_add(connection->opened_ns, limits->head_timeout_ns);
        else
            deadline = time_add(server_now(server), limits->idle_timeout_ns);
        break;
    case CONNECTION_HEAD:
        CHECK(connection->exchange);
        deadline = time_add(connection->exchange->started_ns, limits->head_timeout_ns);
        break;
    case CONNECTION_BODY:
        deadline = body_deadline(connection);
        break;
    case CONNECTION_LINGER:
        deadline = time_add(server_now(server), CONNECTION_LINGER_NS);
        break;
    default:
        break;
    }
    if (connection_queued(connection) > 0) {
        int64_t stalled = time_add(server_now(server), limits->write_timeout_ns);
        connection->stalled = connection_queued(connection);
        connection->moved = false;
        if (stalled < deadline || connection->state == CONNECTION_LINGER)
            deadline = stalled;
    }
    wheel_set(&server->wheel, &connection->timer, deadline);
}

static void too_slow(struct connection *connection)
{
    connection->exchange->close = true;
    connection->state = CONNECTION_ACTIVE;
    exchange_error(connection->exchange, FW_REQUEST_TIMEOUT, -1,
                   STR("the request did not arrive in time"));
}

static void on_deadline(struct wheel_timer *timer, int64_t now_ns)
{
    struct connection *connection =
        (struct connection *)((char *)timer - offsetof(struct connection, timer));
    size_t queued = connection_queued(connection);
    if (connection->broken || (queued > 0 && queued >= connection->stalled && !connection->moved)) {
        connection_close(connection); /* the client does not take its answer */
        return;
    }
    if (queued > 0) {
        connection_arm(connection);
        return;
    }
    switch (connection->state) {
    case CONNECTION_HEAD:
        too_slow(connection);
        break;
    case CONNECTION_BODY:
        if (now_ns < body_deadline(connection))
            connection_arm(connection);
        else
            too_slow(connection);
        break;
    case CONNECTION_ACTIVE:
        break;
    default:
        connection_close(connection);
        break;
    }
}

/* --- the beginning --- */

static void note_peer(struct connection *connection, const struct sockaddr_storage *address)
{
    char text[INET6_ADDRSTRLEN] = "?";
    unsigned port = 0;
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)address;
        uv_ip4_name(in, text, sizeof text);
        port = ntohs(in->sin_port);
    } else if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
        uv_ip6_name(in6, text, sizeof text);
        port = ntohs(in6->sin6_port);
    }
    snprintf(connection->peer, sizeof connection->peer, strchr(text, ':') ? "[%s]:%u" : "%s:%u",
             text, port);
}

/* Told so, if the socket takes it at once, and closed; without a farewell when there are very many
 * connections, and under TLS, where a word costs a handshake. */
static void turn_away(struct connection *connection, enum server_refusal why)
{
    static char full[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: "
                         "0\r\nConnection: close\r\n\r\n";
    static char many[] = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: "
                         "0\r\nConnection: close\r\n\r\n";
    struct server *server = connection->server;
    uv_buf_t piece = why == SERVER_REFUSED_CONNECTIONS ? uv_buf_init(full, sizeof full - 1)
                                                       : uv_buf_init(many, sizeof many - 1);
    if (server->handler.refused)
        server->handler.refused(server->handler.context, why);
    if (server->limits.tls ||
        server->connection_count > 2 * (size_t)server->limits.max_connections) {
        connection_close(connection);
        return;
    }
    (void)uv_try_write((uv_stream_t *)&connection->tcp, &piece, 1);
    connection_linger(connection);
}

static bool is_limited(const struct server_limits *limits)
{
    return limits->clients && (limits->client.connections > 0 || limits->client.requests_per_s > 0);
}

/* False: it has been sent away. */
static bool admit(struct connection *connection)
{
    struct server *server = connection->server;
    const struct server_limits *limits = &server->limits;
    struct sockaddr_storage address = {0};
    int len = sizeof address;
    if (server->connection_count > (size_t)limits->max_connections || server->stopping) {
        turn_away(connection, SERVER_REFUSED_CONNECTIONS);
        return false;
    }
    (void)uv_tcp_getpeername(&connection->tcp, (struct sockaddr *)&address, &len);
    if (is_limited(limits)) {
        connection->client =
            clients_enter(limits->clients, &limits->client, &address, server_now(server));
        if (connection->client == CLIENTS_REFUSED) {
            turn_away(connection, SERVER_REFUSED_CLIENT_CONNECTIONS);
            return false;
        }
    }
    if (limits->tls) {
        connection->tls = tls_accept(limits->tls);
        if (!connection->tls) {
            connection_close(connection);
            return false;
        }
    }
    note_peer(connection, &address);
    return true;
}

void connection_accept(struct server *server)
{
    struct connection *connection = calloc(1, sizeof *connection);
    CHECK(connection); /* not taking it would stop the listener for good */
    connection->server = server;
    connection->client = CLIENTS_REFUSED;
    connection->opened_ns = server_now(server);
    connection->timer.fire = on_deadline;
    connection->timer.deadline_ns = TIME_NEVER;
    CHECK(uv_tcp_init(server->loop, &connection->tcp) == 0);
    server->connection_count++;
    connection->next = server->connections;
    connection->link = &server->connections;
    if (connection->next)
        connection->next->link = &connection->next;
    server->connections = connection;
    if (uv_accept((uv_stream_t *)&server->listener, (uv_stream_t *)&connection->tcp) != 0) {
        connection_close(connection);
        return;
    }
    uv_tcp_nodelay(&connection->tcp, 1);
    if (!admit(connection))
        return;
    start_reading(connection);
    if (connection->state != CONNECTION_CLOSED)
        connection_arm(connection);
}
