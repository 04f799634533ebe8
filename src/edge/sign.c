/* SPDX-License-Identifier: MIT */
#include "edge/sign.h"
#include "base/time.h"
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name, *sentence;
} reason_rows[] = {
#define X(reason, name, sentence) {name, sentence},
    SIGN_REASONS(X)
#undef X
};

const char *sign_reason_name(enum sign_reason reason)
{
    return reason_rows[reason].name;
}

const char *sign_reason_sentence(enum sign_reason reason)
{
    return reason_rows[reason].sentence;
}

bool sign_id_ok(struct str id)
{
    for (size_t i = 0; i < id.len; i++) {
        char c = id.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '.' && c != '_' && c != '-')
            return false;
    }
    return id.len > 0 && id.len <= SIGN_ID_MAX;
}

struct parts {
    struct str method, target, edge, time, nonce, body_hash;
};

/* No part holds a line feed: heads are gated, ids are checked, the rest is ours. False: no memory.
 */
static bool compute(const struct parts *parts, const struct secret *secret, char hex[SIGN_HEX + 1])
{
    unsigned char digest[SECRET_DIGEST];
    unsigned len = 0;
    struct buf text;
    buf_init(&text, 2 * SERVER_HEAD_MAX);
    buf_printf(&text, "forewarm-1\n%.*s\n%.*s\n%.*s\n%.*s\n%.*s\n%.*s", STR_ARG(parts->method),
               STR_ARG(parts->target), STR_ARG(parts->edge), STR_ARG(parts->time),
               STR_ARG(parts->nonce), STR_ARG(parts->body_hash));
    bool ok = !text.failed && HMAC(EVP_sha256(), secret->bytes, (int)secret->len,
                                   (const unsigned char *)text.data, text.len, digest, &len);
    buf_fini(&text);
    if (ok)
        secret_hex(digest, sizeof digest, hex);
    return ok;
}

static void hash_body(struct str body, char hex[SIGN_HEX + 1])
{
    unsigned char digest[SECRET_DIGEST];
    secret_digest(body, digest);
    secret_hex(digest, sizeof digest, hex);
}

enum fw_err sign_write(const struct sign_message *message, const struct secret *secret,
                       int64_t now_ns, struct buf *lines)
{
    unsigned char random[NONCE_BYTES];
    char time[24], nonce[2 * NONCE_BYTES + 1], body[SIGN_HEX + 1], signature[SIGN_HEX + 1];
    if (RAND_bytes(random, sizeof random) != 1)
        return FW_IO;
    secret_hex(random, sizeof random, nonce);
    snprintf(time, sizeof time, "%lld", (long long)(now_ns / TIME_MILLISECOND));
    hash_body(message->body, body);
    const struct parts parts = {message->method, message->target, message->edge,
                                str_of(time),    str_of(nonce),   str_of(body)};
    if (!compute(&parts, secret, signature))
        return FW_NOMEM;
    buf_printf(lines,
               SIGN_EDGE ": %.*s\r\n" SIGN_TIME ": %s\r\n" SIGN_NONCE ": %s\r\n" SIGN_BODY
                         ": %s\r\n" SIGN_SIGNATURE ": %s\r\n",
               STR_ARG(message->edge), time, nonce, body, signature);
    return lines->failed ? FW_NOMEM : FW_OK;
}

/* ---- the core's side ---- */

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_nonce(struct str text, unsigned char nonce[NONCE_BYTES])
{
    if (text.len != 2 * NONCE_BYTES)
        return false;
    for (size_t i = 0; i < NONCE_BYTES; i++) {
        int high = hex_digit(text.data[2 * i]), low = hex_digit(text.data[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        nonce[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

static const struct sign_edge *find_edge(const struct sign_core *core, struct str id)
{
    for (size_t i = 0; i < core->count; i++)
        if (str_equal(str_of(core->edges[i].id), id))
            return &core->edges[i];
    return NULL;
}

static enum sign_reason check_nonce(const struct sign_core *core, struct str edge,
                                    const unsigned char *nonce, int64_t time_ms, int64_t now_ms)
{
    int64_t skew_ms = core->skew_ns / TIME_MILLISECOND;
    switch (nonces_take(core->nonces, edge, nonce, time_ms, now_ms - skew_ms)) {
    case NONCES_NEW:
        return SIGN_OK;
    case NONCES_SEEN:
        return SIGN_REPLAYED;
    default: /* what cannot be remembered is not served */
        return SIGN_TOO_OLD;
    }
}

enum sign_reason sign_check(const struct sign_core *core, const struct server_request *request,
                            int64_t now_ns)
{
    struct str signature = server_field_get(request, SIGN_SIGNATURE);
    struct parts parts = {.method = request->method,
                          .target = request->target,
                          .edge = server_field_get(request, SIGN_EDGE),
                          .time = server_field_get(request, SIGN_TIME),
                          .nonce = server_field_get(request, SIGN_NONCE),
                          .body_hash = server_field_get(request, SIGN_BODY)};
    unsigned char nonce[NONCE_BYTES];
    char hex[SIGN_HEX + 1];
    uint64_t time_ms;
    int64_t now_ms = now_ns / TIME_MILLISECOND, skew_ms = core->skew_ns / TIME_MILLISECOND;
    if (!signature.data && !parts.edge.data)
        return SIGN_MISSING;
    if (signature.len != SIGN_HEX || parts.body_hash.len != SIGN_HEX || !sign_id_ok(parts.edge) ||
        !read_nonce(parts.nonce, nonce) || !str_to_uint64(parts.time, &time_ms) ||
        time_ms > (uint64_t)INT64_MAX / 2)
        return SIGN_MALFORMED;
    const struct sign_edge *edge = find_edge(core, parts.edge);
    if (!edge)
        return SIGN_UNKNOWN_EDGE;
    if ((int64_t)time_ms < now_ms - skew_ms)
        return SIGN_EXPIRED;
    if ((int64_t)time_ms > now_ms + skew_ms)
        return SIGN_EARLY;
    if (!compute(&parts, &edge->secret, hex) || !secret_same(hex, signature.data, SIGN_HEX))
        return SIGN_WRONG;
    hash_body(request->body, hex);
    if (!secret_same(hex, parts.body_hash.data, SIGN_HEX))
        return SIGN_BODY_CHANGED;
    return check_nonce(core, parts.edge, nonce, (int64_t)time_ms, now_ms);
}
