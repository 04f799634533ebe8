/* SPDX-License-Identifier: MIT
 * Always cold: unload as soon as nothing runs. What everything else is measured against. */
#include "plan/policy_tools.h"

static enum fw_err cold_create(struct policy **policy, const struct policy_settings *settings,
                               struct str argument, struct fw_detail *detail)
{
    (void)settings;
    FW_TRY(policy_no_argument("cold", argument, detail));
    return policy_create_plain(policy, &policy_cold);
}

static bool cold_plan(struct policy *policy, const struct policy_request *request,
                      struct keep_plan *plan)
{
    (void)policy;
    (void)request;
    policy_keep(plan, 0);
    return true;
}

const struct policy_ops policy_cold = {
    .name = "cold",
    .syntax = "cold",
    .sentence = "unload right after use; every request after a pause is cold",
    .create = cold_create,
    .destroy = policy_destroy_plain,
    .grow = policy_grow_nothing,
    .request = policy_request_nothing,
    .plan = cold_plan,
    .save = policy_save_nothing,
    .load = policy_load_nothing,
};
