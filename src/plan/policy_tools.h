/* SPDX-License-Identifier: MIT
 * What the policies share: arrays by resource, their arguments, and what to write when they have
 * learned nothing. */
#ifndef FOREWARM_PLAN_POLICY_TOOLS_H
#define FOREWARM_PLAN_POLICY_TOOLS_H

#include "plan/policies.h"

/* Makes room for `count` zeroed items, and some spare, so that growing one by one is cheap.
 * FW_LIMIT past `max`. */
FW_MUST_CHECK enum fw_err policy_array_grow(void **items, uint32_t *count, uint32_t *capacity,
                                            uint32_t wanted, uint32_t max, size_t size);
FW_MUST_CHECK enum fw_err policy_no_argument(const char *name, struct str argument,
                                             struct fw_detail *detail);
/* A duration > 0, or "never" where allowed. */
FW_MUST_CHECK enum fw_err policy_duration(const char *name, struct str argument, bool never,
                                          int64_t *duration_ns, struct fw_detail *detail);

/* For policies that know nothing of resources, and those that hold nothing but themselves. */
FW_MUST_CHECK enum fw_err policy_create_plain(struct policy **policy, const struct policy_ops *ops);
void policy_destroy_plain(struct policy *policy);
enum fw_err policy_grow_nothing(struct policy *policy, uint32_t count);
void policy_request_nothing(struct policy *policy, const struct policy_request *request);
void policy_save_nothing(const struct policy *policy, struct buf *out);
bool policy_load_nothing(struct policy *policy, struct buf_reader *in);

/* One window from age 0; empty with keep_ns <= 0. */
void policy_keep(struct keep_plan *plan, int64_t keep_ns);

extern const struct policy_ops policy_planner, policy_hazard_stop, policy_median, policy_hybrid,
    policy_breakeven, policy_ttl, policy_cold, policy_lru, policy_oracle, policy_oracle_reactive,
    policy_belady, policy_clairvoyant;

#endif
