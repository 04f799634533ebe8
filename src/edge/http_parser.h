/* SPDX-License-Identifier: MIT
 * llhttp behind a small door: the second opinion on request heads and chunked bodies, and what
 * finds the end of responses. Always strict: without it a bare CR hides a live Transfer-Encoding
 * (CVE-2023-30589). */
#ifndef FOREWARM_EDGE_HTTP_PARSER_H
#define FOREWARM_EDGE_HTTP_PARSER_H

#include "edge/head.h"
#include <llhttp.h>

/* Does llhttp read this request head as the gate did: accepted, same framing, same length? */
bool http_parser_agrees(const struct head *head, const char *data, size_t len);

/* A chunked request body, limits and all. */
enum { CHUNKED_DIGITS_MAX = 15, CHUNKED_EXTENSION_MAX = 256, CHUNKED_TRAILER_MAX = 8 << 10 };
enum chunked_state {
    CHUNKED_SIZE,
    CHUNKED_EXTENSION,
    CHUNKED_SIZE_LF,
    CHUNKED_DATA,
    CHUNKED_DATA_CR,
    CHUNKED_DATA_LF,
    CHUNKED_TRAILER_START,
    CHUNKED_TRAILER,
    CHUNKED_TRAILER_LF,
    CHUNKED_END_LF,
    CHUNKED_DONE,
    CHUNKED_BAD
};
struct chunked {
    enum chunked_state state;
    uint64_t left; /* of the chunk's data */
    uint32_t digits, extension, trailer;
    bool trailer_name;            /* in the name of a trailer field */
    llhttp_t second;              /* the second opinion, fed the same bytes */
    uint64_t bytes, second_bytes; /* of body that each has seen */
    bool second_done;
};
void chunked_init(struct chunked *chunked);
/* Reads from `data` and appends the body to `body`. *used: bytes read, never past the end of the
 * message. FW_OK: look at chunked_complete; FW_BAD_REQUEST; FW_BODY_TOO_LARGE past `max` bytes;
 * FW_NOMEM. */
FW_MUST_CHECK enum fw_err chunked_feed(struct chunked *chunked, const char *data, size_t len,
                                       size_t *used, struct buf *body, uint64_t max);
bool chunked_complete(const struct chunked *chunked);

/* A response whose head the gate has read. */
struct http_response {
    llhttp_t parser;
    bool no_body; /* it answers HEAD */
    bool complete;
    bool until_eof; /* the end of the connection ends it */
    bool head_seen;
    void *context;
    void (*body)(void *context, const char *data, size_t len); /* de-chunked pieces; may be NULL */
};
void http_response_init(struct http_response *response, bool answers_head);
/* The whole head in one call: FW_OK, or FW_UPSTREAM when llhttp disagrees with the gate. */
FW_MUST_CHECK enum fw_err http_response_head(struct http_response *response,
                                             const struct head *head, const char *data, size_t len);
/* Body bytes as received. *used: bytes that belong to this response. */
FW_MUST_CHECK enum fw_err http_response_feed(struct http_response *response, const char *data,
                                             size_t len, size_t *used);
/* The connection ended: is the response whole? */
bool http_response_finish(struct http_response *response);

#endif
