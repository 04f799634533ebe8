/* SPDX-License-Identifier: MIT
 * Upstreams over HTTPS: the handshake, whose failures say what is wrong with the certificate, and
 * the way of every byte through TLS. */
#include "edge/upstream_part.h"
#include <stdlib.h>

struct cipher_write {
    uv_write_t request;
    struct upstream *upstream;
    char data[];
};

static struct buf *take_cipher(struct upstream_pool *pool)
{
    buf_clear(&pool->cipher);
    pool->cipher.max = 4 * UPSTREAM_WRITE_BYTES;
    return &pool->cipher;
}

static void on_written(uv_write_t *request, int status)
{
    struct cipher_write *write = (struct cipher_write *)request;
    struct upstream *upstream = write->upstream;
    free(write);
    upstream_written(upstream, status);
}

/* What TLS wants sent: by the socket at once, or queued. False: the connection is broken. */
static bool flush(struct upstream *upstream)
{
    const struct buf *cipher = &upstream->pool->cipher;
    uv_stream_t *stream = (uv_stream_t *)&upstream->tcp;
    if (cipher->failed)
        return false;
    if (cipher->len == 0)
        return true;
    uv_buf_t all = {.base = cipher->data, .len = cipher->len};
    int sent = UV_EAGAIN;
    if (uv_stream_get_write_queue_size(stream) == 0)
        sent = uv_try_write(stream, &all, 1);
    if (sent < 0 && sent != UV_EAGAIN)
        return false;
    size_t done = sent < 0 ? 0 : (size_t)sent, left = cipher->len - done;
    if (left == 0)
        return true;
    struct cipher_write *write = malloc(sizeof *write + left);
    if (!write)
        return false;
    memcpy(write->data, cipher->data + done, left);
    write->upstream = upstream;
    uv_buf_t rest = {.base = write->data, .len = left};
    if (uv_write(&write->request, stream, &rest, 1, on_written) == 0)
        return true;
    free(write);
    return false;
}

bool upstream_tls_begin(struct upstream *upstream)
{
    const struct endpoint *endpoint = upstream->endpoint;
    upstream->context = tls_context_retain(endpoint->context);
    upstream->tls = tls_connect(endpoint->context, endpoint->host);
    if (!upstream->tls)
        return false;
    upstream->state = UPSTREAM_HANDSHAKE;
    tls_begin(upstream->tls, take_cipher(upstream->pool));
    return flush(upstream);
}

static void handshake_failed(struct upstream *upstream)
{
    char reason[320];
    snprintf(reason, sizeof reason, "%s", tls_failure(upstream->tls));
    upstream_report_failed(
        upstream, tls_certificate_failed(upstream->tls) ? FW_CERTIFICATE : FW_UPSTREAM, reason);
}

/* All that came is decrypted before any of it is handed on: behind the answer's end the connection
 * may be another request's, and what is left over must not become its answer. */
static size_t decrypt(struct upstream *upstream, const char *data, size_t len, bool *broken)
{
    struct upstream_pool *pool = upstream->pool;
    size_t total = 0, n;
    tls_feed(upstream->tls, data, len);
    do {
        n = tls_read(upstream->tls, pool->plain + total, UPSTREAM_PLAIN_BYTES - total,
                     take_cipher(pool));
        *broken |= !flush(upstream);
        total += n;
    } while (n > 0 && total < UPSTREAM_PLAIN_BYTES);
    return total;
}

void upstream_tls_read(struct upstream *upstream, const char *data, size_t len)
{
    bool broken = false, opening = upstream->state == UPSTREAM_HANDSHAKE;
    size_t n = decrypt(upstream, data, len, &broken);
    enum tls_state state = tls_state(upstream->tls);
    if (opening && state == TLS_FAILED) {
        handshake_failed(upstream);
        return;
    }
    if (opening && (broken || state == TLS_ENDED)) {
        upstream_report_failed(upstream, FW_UPSTREAM, "it closed the connection while TLS began");
        return;
    }
    if (opening && state == TLS_OPEN)
        upstream_opened(upstream);
    if (n > 0)
        upstream_data(upstream, upstream->pool->plain, n);
    if (upstream->state != UPSTREAM_HANDSHAKE && (broken || state >= TLS_ENDED))
        upstream_ended(upstream, state == TLS_ENDED && !broken ? FW_OK : FW_UPSTREAM);
}

size_t upstream_tls_send(struct upstream *upstream, const uv_buf_t *pieces, unsigned count)
{
    size_t total = 0;
    for (unsigned i = 0; i < count; i++) {
        for (size_t at = 0; at < pieces[i].len;) {
            size_t n = pieces[i].len - at;
            if (n > UPSTREAM_WRITE_BYTES)
                n = UPSTREAM_WRITE_BYTES;
            if (uv_stream_get_write_queue_size((uv_stream_t *)&upstream->tcp) > 0)
                return total; /* `writable` follows */
            if (!tls_write(upstream->tls, pieces[i].base + at, n, take_cipher(upstream->pool)) ||
                !flush(upstream)) {
                upstream_break_soon(upstream);
                return total + n;
            }
            at += n;
            total += n;
        }
    }
    return total;
}

void upstream_tls_end(struct upstream *upstream)
{
    struct buf *cipher = take_cipher(upstream->pool);
    tls_end(upstream->tls, cipher);
    uv_buf_t all = {.base = cipher->data, .len = cipher->len};
    if (cipher->len > 0 && uv_stream_get_write_queue_size((uv_stream_t *)&upstream->tcp) == 0)
        (void)uv_try_write((uv_stream_t *)&upstream->tcp, &all, 1);
}

void upstream_tls_free(struct upstream *upstream)
{
    tls_free(&upstream->tls);
    tls_context_release(&upstream->context);
}
