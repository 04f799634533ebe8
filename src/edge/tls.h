/* SPDX-License-Identifier: MIT
 * TLS between bytes and bytes: cipher text from a socket goes in, plain text comes out, and the
 * other way round. No socket and no loop is known here; whoever owns the connection feeds and
 * sends. TLS 1.2 and later (OpenSSL), ALPN http/1.1, no renegotiation, no compression. */
#ifndef FOREWARM_EDGE_TLS_H
#define FOREWARM_EDGE_TLS_H

#include "base/buf.h"
#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>

/* Certificates, keys and authorities: read once, shared by any number of connections and threads.
 */
struct tls_context;
struct tls_files {
    const char *what; /* of the option, for messages: "tls", "control.tls" */
    const char *certificate, *key;
};
FW_MUST_CHECK enum fw_err tls_context_server(struct tls_context **context,
                                             const struct tls_files *files,
                                             struct fw_detail *detail);
/* `ca_file` "": the system's authorities. */
FW_MUST_CHECK enum fw_err tls_context_client(struct tls_context **context, const char *what,
                                             const char *ca_file, struct fw_detail *detail);
struct tls_context *tls_context_retain(struct tls_context *context);
void tls_context_release(struct tls_context **context); /* fine with NULL */
/* When the server's certificate ends, seconds since 1970; 0 unknown. */
int64_t tls_context_ends_s(const struct tls_context *context);

struct tls; /* one end of one connection */
/* NULL when memory is short. */
struct tls *tls_accept(struct tls_context *context);
/* `host`: its certificate must be for this name or address, and it is sent as SNI. */
struct tls *tls_connect(struct tls_context *context, const char *host);
void tls_free(struct tls **tls);

enum tls_state {
    TLS_HANDSHAKE, /* not a byte may be trusted yet */
    TLS_OPEN,
    TLS_ENDED, /* the other end said that it sends no more */
    TLS_FAILED
};
enum tls_state tls_state(const struct tls *tls);
/* Why it failed, in words: which problem the certificate has. */
const char *tls_failure(const struct tls *tls);
bool tls_certificate_failed(const struct tls *tls);

/* Whatever is to be sent is appended to `out`. */
void tls_begin(struct tls *tls, struct buf *out); /* a client speaks first */
/* Cipher text that arrived. It must live until tls_read has returned 0. */
void tls_feed(struct tls *tls, const char *data, size_t len);
/* Plain bytes into `plain`; 0: all that was fed is used up, look at the state. */
size_t tls_read(struct tls *tls, char *plain, size_t size, struct buf *out);
/* False: it failed. Only when it is TLS_OPEN or TLS_ENDED. */
bool tls_write(struct tls *tls, const char *data, size_t len, struct buf *out);
void tls_end(struct tls *tls, struct buf *out); /* says that no more is sent */

#endif
