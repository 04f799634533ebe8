/* SPDX-License-Identifier: MIT
 * A connection under TLS: cipher text from the socket becomes the plain bytes that requests are
 * made of, and answers become cipher text. One buffer a server for each direction. */
#include "edge/connection.h"
#include "edge/log.h"

enum { KEEP_BYTES = 256 << 10 };

/* What TLS wants sent leaves as it is. */
static void flush(struct connection *connection)
{
    struct buf *cipher = &connection->server->cipher;
    uv_buf_t piece = {.base = cipher->data, .len = cipher->len};
    if (cipher->failed)
        connection_break(connection);
    else if (cipher->len > 0)
        connection_send_raw(connection, &piece, 1);
    if (cipher->capacity > KEEP_BYTES)
        buf_fini(cipher);
    else
        buf_clear(cipher);
}

static struct buf *take_cipher(struct server *server)
{
    buf_clear(&server->cipher);
    server->cipher.max = SIZE_MAX / 2;
    return &server->cipher;
}

void connection_tls_send(struct connection *connection, const uv_buf_t *pieces, unsigned count)
{
    struct buf *cipher = take_cipher(connection->server);
    for (unsigned i = 0; i < count; i++)
        if (!tls_write(connection->tls, pieces[i].base, pieces[i].len, cipher)) {
            connection_break(connection);
            return;
        }
    flush(connection);
}

void connection_tls_end(struct connection *connection)
{
    struct buf *cipher = take_cipher(connection->server);
    tls_end(connection->tls, cipher);
    flush(connection);
}

static void failed(struct connection *connection)
{
    struct server *server = connection->server;
    log_debug("a client's TLS failed", LOG_TEXT("peer", connection->peer),
              LOG_TEXT("reason", tls_failure(connection->tls)));
    if (server->handler.refused)
        server->handler.refused(server->handler.context, SERVER_REFUSED_TLS);
    connection_close(connection);
}

/* `plain` is the server's: nobody who is called from here reads a client's TLS again. */
void connection_tls_read(struct connection *connection, const char *data, size_t len)
{
    struct server *server = connection->server;
    struct tls *tls = connection->tls;
    tls_feed(tls, data, len);
    for (;;) {
        size_t n = tls_read(tls, server->plain, sizeof server->plain, take_cipher(server));
        flush(connection);
        if (n == 0 || connection->state == CONNECTION_CLOSED)
            break;
        connection_take(connection, server->plain, n);
        if (connection->state == CONNECTION_CLOSED || connection->state == CONNECTION_LINGER)
            break;
    }
    if (connection->state == CONNECTION_CLOSED)
        return;
    if (tls_state(tls) == TLS_FAILED)
        failed(connection);
    else if (tls_state(tls) == TLS_ENDED)
        connection_ended(connection);
}
