/* SPDX-License-Identifier: MIT
 * What a connection sends: taken by the socket at once if it can be, queued and counted if not. */
#include "edge/connection.h"
#include <stdlib.h>

struct write {
    uv_write_t request;
    struct connection *connection;
    char data[];
};

size_t connection_queued(const struct connection *connection)
{
    return uv_stream_get_write_queue_size((const uv_stream_t *)&connection->tcp);
}

static void on_drained(struct connection *connection)
{
    struct exchange *exchange = connection->exchange;
    if (exchange && connection->state == CONNECTION_ACTIVE && exchange->told_full &&
        connection_queued(connection) < SERVER_QUEUE_LOW) {
        struct server *server = connection->server;
        exchange->told_full = false;
        if (server->handler.writable)
            server->handler.writable(server->handler.context, exchange);
    }
    if (connection->state == CONNECTION_IDLE) {
        connection_go_on(connection);
        if (connection->state != CONNECTION_CLOSED)
            connection_arm(connection);
    }
}

static void on_written(uv_write_t *request, int status)
{
    struct write *write = (struct write *)request;
    struct connection *connection = write->connection;
    free(write);
    if (connection->state == CONNECTION_CLOSED)
        return;
    connection->moved = true;
    if (status < 0)
        connection_close(connection);
    else
        on_drained(connection);
}

/* A write failed while its caller stands on the connection: it is closed a moment later. */
void connection_break(struct connection *connection)
{
    connection->broken = true;
    wheel_set(&connection->server->wheel, &connection->timer, server_now(connection->server));
}

static void queue_rest(struct connection *connection, const uv_buf_t *pieces, unsigned count,
                       size_t skip)
{
    size_t total = 0, at = 0;
    for (unsigned i = 0; i < count; i++)
        total += pieces[i].len;
    struct write *write = malloc(sizeof *write + total - skip);
    if (!write) {
        connection_break(connection);
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        size_t cut = skip < pieces[i].len ? skip : pieces[i].len;
        memcpy(write->data + at, pieces[i].base + cut, pieces[i].len - cut);
        at += pieces[i].len - cut;
        skip -= cut;
    }
    write->connection = connection;
    uv_buf_t rest = uv_buf_init(write->data, (unsigned)at);
    if (connection_queued(connection) == 0) {
        connection->stalled = at;
        connection->moved = false;
        wheel_set(
            &connection->server->wheel, &connection->timer,
            time_add(server_now(connection->server), connection->server->limits.write_timeout_ns));
    }
    if (uv_write(&write->request, (uv_stream_t *)&connection->tcp, &rest, 1, on_written) != 0) {
        free(write);
        connection_break(connection);
    }
}

void connection_send(struct connection *connection, const uv_buf_t *pieces, unsigned count)
{
    if (connection->broken || connection->state == CONNECTION_CLOSED)
        return;
    if (connection->tls)
        connection_tls_send(connection, pieces, count);
    else
        connection_send_raw(connection, pieces, count);
}

void connection_send_raw(struct connection *connection, const uv_buf_t *pieces, unsigned count)
{
    if (connection->broken || connection->state == CONNECTION_CLOSED)
        return;
    size_t total = 0;
    for (unsigned i = 0; i < count; i++)
        total += pieces[i].len;
    int sent = UV_EAGAIN;
    if (connection_queued(connection) == 0)
        sent = uv_try_write((uv_stream_t *)&connection->tcp, pieces, count);
    if (sent < 0 && sent != UV_EAGAIN) {
        connection_break(connection);
        return;
    }
    if (sent < 0)
        sent = 0;
    if ((size_t)sent < total)
        queue_rest(connection, pieces, count, (size_t)sent);
}
