/* SPDX-License-Identifier: MIT
 * The gate: what a message head may look like before anything believes it. Stricter than RFC 9112
 * wherever peers disagree, because a disagreement is a smuggled request (llhttp alone lets
 * obs-fold, bare LF and doubled Host fields pass: CVE-2024-27982 and reference probes).
 * http_parser.h gives the second opinion; both must accept. */
#ifndef FOREWARM_EDGE_HEAD_H
#define FOREWARM_EDGE_HEAD_H

#include "edge/server.h"

/* What the head says about the body and the connection. */
struct head {
    struct server_field
        *fields; /* SERVER_FIELDS_MAX of them; names and values point into the head's bytes */
    uint32_t field_count;
    struct str method, target; /* requests */
    int status;                /* responses */
    struct str reason;
    bool http_1_0;
    bool has_length; /* Content-Length, once, digits */
    bool chunked;    /* Transfer-Encoding: chunked, once */
    bool host;
    bool expect_continue;
    bool close, keep_alive; /* tokens of Connection */
    uint64_t content_length;
};

enum head_find { HEAD_MORE, HEAD_FOUND, HEAD_BAD };
/* Looks for the blank line. *at: where to go on, 0 at first; the length with the blank line once
 * found. Line ends that are not CRLF are HEAD_BAD at once, so that a head which can never be
 * complete does not have to time out. */
enum head_find head_find_end(const char *data, size_t len, size_t *at);

/* `data` is a whole head with its blank line, without the empty line that may precede a request.
 * FW_OK, or FW_BAD_REQUEST (400), FW_NOT_IMPLEMENTED (501), FW_HTTP_VERSION (505),
 * FW_HEAD_TOO_LARGE (431: too many fields), with a sentence in `why`. */
FW_MUST_CHECK enum fw_err head_read_request(struct head *head, const char *data, size_t len,
                                            const char **why);
/* A response's head: the same rules for lines, fields and framing. FW_UPSTREAM if it breaks them.
 */
FW_MUST_CHECK enum fw_err head_read_response(struct head *head, const char *data, size_t len,
                                             const char **why);

struct str head_get(const struct head *head, const char *name); /* data NULL if absent */
/* Does the comma-separated list hold the token (ASCII case does not matter)? */
bool head_list_has(struct str list, struct str token);
bool head_is_token_char(unsigned char c);

#endif
