/* SPDX-License-Identifier: MIT
 * Signed requests from an edge to its core: HMAC-SHA256 (RFC 2104, FIPS 198-1) over
 *
 *   forewarm-1 LF method LF path?query LF edge LF time LF nonce LF sha256(body)
 *
 * in the headers below; times in milliseconds since 1970, hashes in lower-case hex. The body's hash
 * travels too, so that a changed body is told from a wrong secret. docs/decisions/0015-access.md
 * says what this protects against and what it does not. */
#ifndef FOREWARM_EDGE_SIGN_H
#define FOREWARM_EDGE_SIGN_H

#include "base/buf.h"
#include "edge/nonces.h"
#include "edge/secret.h"
#include "edge/server.h"

#define SIGN_EDGE      "x-forewarm-edge"
#define SIGN_TIME      "x-forewarm-time"
#define SIGN_NONCE     "x-forewarm-nonce"
#define SIGN_BODY      "x-forewarm-content-sha256"
#define SIGN_SIGNATURE "x-forewarm-signature"
/* Of a refusal: its reason. */
#define SIGN_REFUSED "x-forewarm-refused"

enum { SIGN_ID_MAX = 64, SIGN_HEX = 2 * SECRET_DIGEST, SIGN_LINES_MAX = 512 };

/* X(reason, name, what is wrong) */
#define SIGN_REASONS(X)                                                                            \
    X(SIGN_OK, "ok", "the signature is right")                                                     \
    X(SIGN_MISSING, "missing_signature", "the request is not signed")                              \
    X(SIGN_MALFORMED, "malformed_signature", "a header of the signature is missing or malformed")  \
    X(SIGN_UNKNOWN_EDGE, "unknown_edge", "no edge of this name is configured")                     \
    X(SIGN_EXPIRED, "expired", "it was signed longer ago than the skew allows")                    \
    X(SIGN_EARLY, "not_yet_valid", "it was signed further in the future than the skew allows")     \
    X(SIGN_TOO_OLD, "too_old",                                                                     \
      "it was signed before what is remembered of nonces begins, so that it could be a replay")    \
    X(SIGN_BODY_CHANGED, "body_changed", "the body is not the one that was signed")                \
    X(SIGN_WRONG, "wrong_signature",                                                               \
      "the signature does not fit: another secret, or a changed "                                  \
      "method, path, time or nonce")                                                               \
    X(SIGN_REPLAYED, "replayed_nonce", "a request with this nonce has been served already")
enum sign_reason {
#define X(reason, name, sentence) reason,
    SIGN_REASONS(X)
#undef X
        SIGN_REASON_COUNT
};
const char *sign_reason_name(enum sign_reason reason);
const char *sign_reason_sentence(enum sign_reason reason);

struct sign_message {
    struct str method, target; /* path and query as they are sent */
    struct str edge, body;
};
/* The five header lines, with the time and a nonce from the system's random bytes. FW_IO: there
 * are none. */
FW_MUST_CHECK enum fw_err sign_write(const struct sign_message *message,
                                     const struct secret *secret, int64_t now_ns,
                                     struct buf *lines);

/* An edge as its core knows it. */
struct sign_edge {
    char id[SIGN_ID_MAX + 1];
    struct secret secret;
};
struct sign_core {
    struct sign_edge *edges;
    size_t count;
    int64_t skew_ns;
    struct nonces *nonces; /* shared with earlier and later configurations */
};
/* Takes the nonce when everything is right. */
enum sign_reason sign_check(const struct sign_core *core, const struct server_request *request,
                            int64_t now_ns);
/* Letters, digits, '.', '_' and '-': it goes into headers and messages. */
bool sign_id_ok(struct str id);

#endif
