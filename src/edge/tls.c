/* SPDX-License-Identifier: MIT
 * One end of a TLS connection, between buffers. */
#include "edge/tls.h"
#include "base/check.h"
#include "edge/tls_part.h"
#include <arpa/inet.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tls {
    SSL *ssl;
    const char *in; /* what is left of what was fed */
    size_t in_len;
    struct buf *out; /* during a call */
    uint8_t state;   /* enum tls_state */
    bool client, certificate_failed;
    char host[256];
    char failure[320];
};

/* --- the BIO: reads what was fed, writes into the caller's buffer --- */

static int bio_write(BIO *bio, const char *data, size_t len, size_t *written)
{
    struct tls *tls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (!tls->out)
        return 0;
    buf_add(tls->out, data, len);
    *written = len;
    return !tls->out->failed;
}

static int bio_read(BIO *bio, char *data, size_t size, size_t *read)
{
    struct tls *tls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *read = size < tls->in_len ? size : tls->in_len;
    if (*read == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    memcpy(data, tls->in, *read);
    tls->in += *read;
    tls->in_len -= *read;
    return 1;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *bio_method;

static void make_bio_method(void)
{
    bio_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "forewarm");
    CHECK(bio_method);
    BIO_meth_set_write_ex(bio_method, bio_write);
    BIO_meth_set_read_ex(bio_method, bio_read);
    BIO_meth_set_ctrl(bio_method, bio_control);
}

/* --- life --- */

static struct tls *tls_create(struct tls_context *context)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, make_bio_method);
    struct tls *tls = calloc(1, sizeof *tls);
    BIO *bio = BIO_new(bio_method);
    if (tls)
        tls->ssl = SSL_new(tls_context_ssl(context));
    if (!tls || !tls->ssl || !bio) {
        BIO_free(bio);
        tls_free(&tls);
        return NULL;
    }
    BIO_set_data(bio, tls);
    BIO_set_init(bio, 1);
    SSL_set_bio(tls->ssl, bio, bio);
    return tls;
}

struct tls *tls_accept(struct tls_context *context)
{
    struct tls *tls = tls_create(context);
    if (tls)
        SSL_set_accept_state(tls->ssl);
    return tls;
}

static bool is_address(const char *host)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

struct tls *tls_connect(struct tls_context *context, const char *host)
{
    struct tls *tls = tls_create(context);
    if (!tls)
        return NULL;
    X509_VERIFY_PARAM *expected = SSL_get0_param(tls->ssl);
    bool ok;
    tls->client = true;
    snprintf(tls->host, sizeof tls->host, "%s", host);
    SSL_set_connect_state(tls->ssl);
    X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (is_address(host)) /* addresses are no SNI (RFC 6066, 3) */
        ok = X509_VERIFY_PARAM_set1_ip_asc(expected, host) == 1;
    else
        ok = X509_VERIFY_PARAM_set1_host(expected, host, 0) == 1 &&
             SSL_set_tlsext_host_name(tls->ssl, host) == 1;
    if (!ok)
        tls_free(&tls);
    return tls;
}

void tls_free(struct tls **tls)
{
    if (*tls && (*tls)->ssl)
        SSL_free((*tls)->ssl);
    free(*tls);
    *tls = NULL;
}

enum tls_state tls_state(const struct tls *tls)
{
    return tls->state;
}

const char *tls_failure(const struct tls *tls)
{
    return tls->failure;
}

bool tls_certificate_failed(const struct tls *tls)
{
    return tls->certificate_failed;
}

/* --- what went wrong, in words --- */

static void explain_certificate(struct tls *tls, long result)
{
    const char *why;
    switch (result) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        why = "its certificate has expired";
        break;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        why = "its certificate is not valid yet; are the clocks right?";
        break;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        why = "its certificate is self-signed and not among the trusted authorities; name it in "
              "ca_file";
        break;
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        why = "its certificate is from an authority that is not trusted; name that in ca_file";
        break;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        snprintf(tls->failure, sizeof tls->failure, "its certificate is for another host than %s",
                 tls->host);
        return;
    default:
        why = X509_verify_cert_error_string(result);
        break;
    }
    snprintf(tls->failure, sizeof tls->failure, "%s", why);
}

static void fail(struct tls *tls)
{
    long result = tls->client ? SSL_get_verify_result(tls->ssl) : X509_V_OK;
    unsigned long code = ERR_peek_error();
    const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;
    bool handshake = tls->state == TLS_HANDSHAKE;
    tls->state = TLS_FAILED;
    if (handshake && result != X509_V_OK) {
        tls->certificate_failed = true;
        explain_certificate(tls, result);
    } else {
        snprintf(tls->failure, sizeof tls->failure, "%s: %s",
                 handshake ? "the TLS handshake failed" : "its TLS connection broke",
                 reason ? reason : "the connection was closed");
    }
    ERR_clear_error();
}

/* --- bytes --- */

/* After a call that did not do what was asked. */
static void settle(struct tls *tls, int result)
{
    switch (SSL_get_error(tls->ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        break;
    case SSL_ERROR_ZERO_RETURN:
        tls->state = TLS_ENDED;
        break;
    default:
        fail(tls);
        break;
    }
}

static void note_open(struct tls *tls)
{
    if (tls->state == TLS_HANDSHAKE && SSL_is_init_finished(tls->ssl))
        tls->state = TLS_OPEN;
}

void tls_begin(struct tls *tls, struct buf *out)
{
    tls->out = out;
    ERR_clear_error();
    int result = SSL_do_handshake(tls->ssl);
    if (result != 1)
        settle(tls, result);
    tls->out = NULL;
}

void tls_feed(struct tls *tls, const char *data, size_t len)
{
    tls->in = data;
    tls->in_len = len;
}

size_t tls_read(struct tls *tls, char *plain, size_t size, struct buf *out)
{
    size_t n = 0;
    if (tls->state == TLS_ENDED || tls->state == TLS_FAILED)
        return 0;
    tls->out = out;
    ERR_clear_error();
    int result = SSL_read_ex(tls->ssl, plain, size, &n);
    note_open(tls);
    if (result != 1) {
        n = 0;
        settle(tls, result);
    }
    tls->out = NULL;
    return n;
}

bool tls_write(struct tls *tls, const char *data, size_t len, struct buf *out)
{
    size_t written = 0;
    if (tls->state != TLS_OPEN && tls->state != TLS_ENDED)
        return false;
    if (len == 0)
        return true;
    tls->out = out;
    ERR_clear_error();
    int result = SSL_write_ex(tls->ssl, data, len, &written);
    if (result != 1 || written != len)
        fail(tls);
    tls->out = NULL;
    return tls->state != TLS_FAILED;
}

void tls_end(struct tls *tls, struct buf *out)
{
    if (tls->state != TLS_OPEN && tls->state != TLS_ENDED)
        return;
    tls->out = out;
    ERR_clear_error();
    (void)SSL_shutdown(tls->ssl);
    ERR_clear_error();
    tls->out = NULL;
}
