/* SPDX-License-Identifier: MIT
 * What value.c and value_sessions.c share. */
#ifndef FOREWARM_PLAN_VALUE_PART_H
#define FOREWARM_PLAN_VALUE_PART_H

#include "plan/value.h"

double
value_edge_s(int bin); /* lower edge: 0, 1 s, then a factor e^0.2079 each; the last bin is open */
int value_bin(double seconds);

FW_MUST_CHECK enum fw_err value_sessions_request(struct values *values, uint32_t resource,
                                                 uint64_t session, int64_t at_ns);
void value_sessions_rebuild(struct values *values, int64_t now_ns);
void value_sessions_save(const struct values *values, struct buf *out);
FW_MUST_CHECK bool value_sessions_load(struct values *values, struct buf_reader *in);

#endif
