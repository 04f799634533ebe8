/* SPDX-License-Identifier: MIT
 * Certificates, keys and authorities. */
#include "edge/tls_part.h"
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct tls_context {
    SSL_CTX *ssl;
    _Atomic unsigned references;
};

SSL_CTX *tls_context_ssl(const struct tls_context *context)
{
    return context->ssl;
}

struct tls_context *tls_context_retain(struct tls_context *context)
{
    atomic_fetch_add(&context->references, 1);
    return context;
}

void tls_context_release(struct tls_context **out)
{
    struct tls_context *context = *out;
    *out = NULL;
    if (!context || atomic_fetch_sub(&context->references, 1) != 1)
        return;
    SSL_CTX_free(context->ssl);
    free(context);
}

static const unsigned char protocols[] = "\x08http/1.1";
enum { PROTOCOLS_LEN = sizeof protocols - 1 };

/* A client that names protocols must name ours (RFC 7301, 3.2). */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                           const unsigned char *in, unsigned in_len, void *context)
{
    unsigned char *chosen = NULL;
    (void)ssl, (void)context;
    if (SSL_select_next_proto(&chosen, out_len, protocols, PROTOCOLS_LEN, in, in_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/* A key with a passphrase: nobody is there to type it. */
static int no_passphrase(char *text, int size, int writing, void *context)
{
    (void)text, (void)size, (void)writing, (void)context;
    return -1;
}

static struct tls_context *make(const SSL_METHOD *method)
{
    struct tls_context *context = calloc(1, sizeof *context);
    if (context)
        context->ssl = SSL_CTX_new(method);
    if (!context || !context->ssl) {
        free(context);
        return NULL;
    }
    atomic_store(&context->references, 1);
    SSL_CTX_set_min_proto_version(context->ssl, TLS1_2_VERSION);
    SSL_CTX_set_options(context->ssl, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                          SSL_OP_CIPHER_SERVER_PREFERENCE);
    /* Buffers go back while nothing moves; sessions are resumed by tickets, so that none is kept.
     */
    SSL_CTX_set_mode(context->ssl, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context->ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_default_passwd_cb(context->ssl, no_passphrase);
    return context;
}

/* OpenSSL's reason, which names neither files nor secrets. */
static const char *reason(void)
{
    unsigned long code = ERR_peek_last_error();
    const char *text = code != 0 ? ERR_reason_error_string(code) : NULL;
    return text ? text : "it cannot be used";
}

static enum fw_err check_readable(const char *what, const char *key, const char *path,
                                  struct fw_detail *detail)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return err_set(detail, FW_IO, "%s.%s: \"%s\" cannot be read: %s", what, key, path,
                       strerror(errno));
    fclose(file);
    return FW_OK;
}

static enum fw_err use_files(SSL_CTX *ssl, const struct tls_files *files, struct fw_detail *detail)
{
    FW_TRY(check_readable(files->what, "certificate", files->certificate, detail));
    FW_TRY(check_readable(files->what, "key", files->key, detail));
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(ssl, files->certificate) != 1)
        return err_set(detail, FW_INPUT,
                       "%s.certificate: \"%s\": expected a PEM file with the certificate and its "
                       "chain, found: %s",
                       files->what, files->certificate, reason());
    if (SSL_CTX_use_PrivateKey_file(ssl, files->key, SSL_FILETYPE_PEM) != 1)
        return err_set(detail, FW_INPUT,
                       "%s.key: \"%s\": expected a PEM file with the key of that certificate, "
                       "without a passphrase, found: %s",
                       files->what, files->key, reason());
    return FW_OK;
}

enum fw_err tls_context_server(struct tls_context **out, const struct tls_files *files,
                               struct fw_detail *detail)
{
    struct tls_context *context = make(TLS_server_method());
    *out = NULL;
    if (!context)
        return err_set(detail, FW_NOMEM, "%s: no memory for it", files->what);
    SSL_CTX_set_alpn_select_cb(context->ssl, choose_protocol, NULL);
    SSL_CTX_set_num_tickets(context->ssl, 1);
    enum fw_err err = use_files(context->ssl, files, detail);
    ERR_clear_error();
    if (err != FW_OK)
        tls_context_release(&context);
    *out = context;
    return err;
}

/* OpenSSL works out what a certificate may be used for when it is first needed. Done here, before
 * other threads know the authorities, so that nothing about them changes afterwards. */
static void settle_authorities(SSL_CTX *ssl)
{
    STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(SSL_CTX_get_cert_store(ssl));
    for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
        X509 *authority = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
        if (authority)
            (void)X509_check_purpose(authority, -1, 0);
    }
}

enum fw_err tls_context_client(struct tls_context **out, const char *what, const char *ca_file,
                               struct fw_detail *detail)
{
    struct tls_context *context = make(TLS_client_method());
    enum fw_err err = FW_OK;
    *out = NULL;
    if (!context)
        return err_set(detail, FW_NOMEM, "%s: no memory for it", what);
    SSL_CTX_set_verify(context->ssl, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_alpn_protos(context->ssl, protocols, PROTOCOLS_LEN);
    ERR_clear_error();
    if (!ca_file[0]) {
        SSL_CTX_set_default_verify_paths(context->ssl);
    } else {
        FILE *file = fopen(ca_file, "re");
        if (!file)
            err = err_set(detail, FW_IO, "%s: \"%s\" cannot be read: %s", what, ca_file,
                          strerror(errno));
        else if (SSL_CTX_load_verify_file(context->ssl, ca_file) != 1)
            err = err_set(detail, FW_INPUT,
                          "%s: \"%s\": expected a PEM file with certificates, found: %s", what,
                          ca_file, reason());
        if (file)
            fclose(file);
    }
    settle_authorities(context->ssl);
    ERR_clear_error();
    if (err != FW_OK)
        tls_context_release(&context);
    *out = context;
    return err;
}

int64_t tls_context_ends_s(const struct tls_context *context)
{
    struct tm ends;
    const X509 *certificate = SSL_CTX_get0_certificate(context->ssl);
    if (!certificate || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &ends) != 1)
        return 0;
    return (int64_t)timegm(&ends);
}
