/* SPDX-License-Identifier: MIT
 * One HTTP call with libcurl, for job threads: loads, unloads, state questions and probes. It
 * blocks until the answer is whole, the time is over or somebody cancels. With https the server's
 * certificate and name are always checked. */
#ifndef FOREWARM_EDGE_CALL_H
#define FOREWARM_EDGE_CALL_H

#include "edge/config.h"
#include <stdatomic.h>

enum { CALL_BODY_MAX = 1 << 20, CALL_HEAD_MAX = 16 << 10, CALLS_AT_ONCE_MAX = 32 };

struct call_result {
    long status;        /* 0: no answer */
    bool sent;          /* the server got something of the request */
    int64_t latency_ns; /* from the start to the answer's last byte */
    struct buf body;    /* its first CALL_BODY_MAX bytes */
    struct buf head;    /* its header lines, the first CALL_HEAD_MAX bytes */
};

/* A call as it goes out. Texts may be NULL: none. */
struct call_request {
    const char *method, *address; /* the whole address */
    const void *body;             /* any bytes */
    size_t body_bytes;
    const char *const *headers; /* "Name: value" */
    uint32_t header_count;
    const char *token;   /* sent as Authorization: Bearer; in no message */
    const char *ca_file; /* certificates the server's is checked against, instead of the system's */
    int64_t timeout_ns;
    /* Given the answer's body as it comes, instead of keeping it; false: it has seen enough, and
     * the call ends with FW_OK. */
    bool (*take)(void *context, struct str piece);
    void *context;
};

/* FW_OK: an answer came whole, whatever its status. Else as call_perform. */
FW_MUST_CHECK enum fw_err call_send(const struct call_request *request, const atomic_bool *cancel,
                                    struct call_result *result, struct fw_detail *detail);
/* Up to CALLS_AT_ONCE_MAX calls at the same time. FW_OK: every one was answered; else the first
 * failure. All results are to be freed. */
FW_MUST_CHECK enum fw_err call_send_all(const struct call_request *requests, uint32_t count,
                                        const atomic_bool *cancel, struct call_result *results,
                                        struct fw_detail *detail);
/* The value of a header field of the answer, without blanks around it; false: it has none. */
bool call_header(const struct call_result *result, const char *name, struct str *value);

/* `upstream`: what a path is under. FW_OK: the expected status and body. FW_PROBE: another answer
 * came. FW_TIMEOUT, FW_UNREACHABLE, FW_UPSTREAM, FW_CANCELLED (`cancel`, may be NULL, became true).
 * The detail says what was found and what was expected, never a body that was sent. `result` may be
 * looked at in every case and is freed with call_result_fini. */
FW_MUST_CHECK enum fw_err call_perform(const struct config_call *call,
                                       const struct config_url *upstream, int64_t timeout_ns,
                                       const atomic_bool *cancel, struct call_result *result,
                                       struct fw_detail *detail);
/* The same, so many at the same time (at most CALLS_AT_ONCE_MAX). Each must be answered as
 * expected; the result is the first one's, with the latency of the slowest. */
FW_MUST_CHECK enum fw_err call_perform_all(const struct config_call *call,
                                           const struct config_url *upstream, uint32_t count,
                                           int64_t timeout_ns, const atomic_bool *cancel,
                                           struct call_result *result, struct fw_detail *detail);
/* A short, printable beginning of an answer, for messages. */
enum { CALL_EXCERPT_MAX = 84 };
const char *call_excerpt(struct str body, char text[CALL_EXCERPT_MAX]);
void call_result_fini(struct call_result *result);
/* scheme://host:port/prefix/path of a call. */
void call_address(const struct config_call *call, const struct config_url *upstream,
                  struct buf *out);

/* Can a TCP connection to the upstream be made now? Waits at most `timeout_ns`. */
bool call_connects(const struct config_url *upstream, int64_t timeout_ns);

#endif
