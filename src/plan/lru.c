/* SPDX-License-Identifier: MIT
 * Keep everything until its memory is needed; then the least recently used goes. No timer. */
#include "plan/policy_tools.h"

static enum fw_err lru_create(struct policy **policy, const struct policy_settings *settings,
                              struct str argument, struct fw_detail *detail)
{
    (void)settings;
    FW_TRY(policy_no_argument("lru", argument, detail));
    return policy_create_plain(policy, &policy_lru);
}

static bool lru_plan(struct policy *policy, const struct policy_request *request,
                     struct keep_plan *plan)
{
    (void)policy;
    (void)request;
    policy_keep(plan, TIME_NEVER);
    return true;
}

const struct policy_ops policy_lru = {
    .name = "lru",
    .syntax = "lru",
    .sentence = "keep until the memory is needed; evict the least recently used",
    .keeps_while_free = true,
    .create = lru_create,
    .destroy = policy_destroy_plain,
    .grow = policy_grow_nothing,
    .request = policy_request_nothing,
    .plan = lru_plan,
    .save = policy_save_nothing,
    .load = policy_load_nothing,
};
