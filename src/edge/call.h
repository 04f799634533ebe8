/* SPDX-License-Identifier: MIT
 * One HTTP call with libcurl, for job threads: loads, unloads, state questions and probes. It
 * blocks until the answer is whole, the time is over or somebody cancels. */
#ifndef FOREWARM_EDGE_CALL_H
#define FOREWARM_EDGE_CALL_H

#include "edge/config.h"
#include <stdatomic.h>

enum { CALL_BODY_MAX = 1 << 20 };

struct call_result {
    long status;        /* 0: no answer */
    int64_t latency_ns; /* from the start to the answer's last byte */
    struct buf body;    /* its first CALL_BODY_MAX bytes */
};

/* `upstream`: what a path is under. FW_OK: the expected status and body. FW_PROBE: another answer
 * came. FW_TIMEOUT, FW_UNREACHABLE, FW_UPSTREAM, FW_CANCELLED (`cancel`, may be NULL, became true).
 * The detail says what was found and what was expected, never a body that was sent. `result` may be
 * looked at in every case and is freed with call_result_fini. */
FW_MUST_CHECK enum fw_err call_perform(const struct config_call *call,
                                       const struct config_url *upstream, int64_t timeout_ns,
                                       const atomic_bool *cancel, struct call_result *result,
                                       struct fw_detail *detail);
void call_result_fini(struct call_result *result);
/* scheme://host:port/prefix/path of a call. */
void call_address(const struct config_call *call, const struct config_url *upstream,
                  struct buf *out);

/* Can a TCP connection to the upstream be made now? Waits at most `timeout_ns`. */
bool call_connects(const struct config_url *upstream, int64_t timeout_ns);

#endif
