/* SPDX-License-Identifier: MIT
 * A lease's requests as calls of lease.lua, and their answers. */
#ifndef FOREWARM_EDGE_LEASE_WIRE_H
#define FOREWARM_EDGE_LEASE_WIRE_H

#include "edge/store/lease.h"
#include "edge/store/redis_link.h"

/* Appends the call; its answer is taken by lease_wire_take in the same order. `scope`: the
 * resource. */
FW_MUST_CHECK bool lease_wire_put(struct redis_link *link, const char *node, const char *scope,
                                  int64_t lease_ns, const struct lease_ask *ask);
FW_MUST_CHECK enum fw_err lease_wire_take(struct redis_link *link, struct lease_reply *reply,
                                          struct fw_detail *detail);

#endif
