/* SPDX-License-Identifier: MIT
 * Heads leave this program freshly written: no byte of a client's framing reaches an upstream, and
 * what belongs to one connection stays on it (RFC 9110 7.6.1). */
#ifndef FOREWARM_EDGE_REWRITE_H
#define FOREWARM_EDGE_REWRITE_H

#include "edge/head.h"
#include "edge/hint_inject.h"

struct rewrite_request {
    const struct server_request *request;
    struct str prefix; /* of the upstream's URL */
    struct str target; /* path and query as they leave */
    struct str host;
    uint64_t content_length;
    bool strip_authorization;       /* it was for us */
    struct str extra;               /* further lines, with their CRLF */
    const struct hint_rules *hints; /* which hints of the client's go on; NULL: all that it sends */
    unsigned hint_fields;           /* that `extra` says */
};
void rewrite_request(const struct rewrite_request *rewrite, struct buf *out);

/* How the body reaches the client. */
enum rewrite_body {
    REWRITE_NONE,    /* HEAD, 204, 304 */
    REWRITE_LENGTH,  /* as received, Content-Length says where it ends */
    REWRITE_CHUNKED, /* as received, chunks and all */
    REWRITE_DECHUNK, /* chunks undone for HTTP/1.0, the end of the connection ends it */
    REWRITE_CHUNK,   /* the upstream ends it by closing: chunks made for HTTP/1.1 */
    REWRITE_CLOSE,   /* the upstream ends it by closing, and so do we (HTTP/1.0) */
    REWRITE_EVENTS,  /* inside the stream that comments have begun */
};
struct rewrite_response {
    const struct head *head;
    enum rewrite_body body;
    bool keep_alive, http_1_0;  /* the client's */
    struct str resource, state; /* x-forewarm-resource, x-forewarm-state; "": of no resource */
    int64_t wait_ms;
    struct str extra; /* further lines, with their CRLF */
};
void rewrite_response(const struct rewrite_response *rewrite, struct buf *out);
/* text/event-stream or NDJSON: pieces that must not wait for each other. */
bool rewrite_is_stream(struct str content_type);

#endif
