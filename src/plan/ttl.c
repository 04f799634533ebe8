/* SPDX-License-Identifier: MIT
 * A fixed time to live: unload that long after the last request. */
#include "plan/policy_tools.h"
#include <stdlib.h>

struct ttl {
    struct policy policy;
    int64_t keep_ns;
};

static enum fw_err ttl_create(struct policy **policy, const struct policy_settings *settings,
                              struct str argument, struct fw_detail *detail)
{
    int64_t keep_ns;
    (void)settings;
    FW_TRY(policy_duration("ttl", argument, true, &keep_ns, detail));
    struct ttl *ttl = malloc(sizeof *ttl);
    if (!ttl)
        return FW_NOMEM;
    *ttl = (struct ttl){{&policy_ttl}, keep_ns};
    *policy = &ttl->policy;
    return FW_OK;
}

static bool ttl_plan(struct policy *policy, const struct policy_request *request,
                     struct keep_plan *plan)
{
    (void)request;
    policy_keep(plan, ((struct ttl *)policy)->keep_ns);
    return true;
}

const struct policy_ops policy_ttl = {
    .name = "ttl",
    .syntax = "ttl:DUR",
    .sentence = "unload a fixed time after the last request",
    .create = ttl_create,
    .destroy = policy_destroy_plain,
    .grow = policy_grow_nothing,
    .request = policy_request_nothing,
    .plan = ttl_plan,
    .save = policy_save_nothing,
    .load = policy_load_nothing,
};
