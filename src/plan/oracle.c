/* SPDX-License-Identifier: MIT
 * Policies that know the future, for `replay`: how far from the possible a real one is. `oracle`
 * loads just in time and never waits except at a first touch; `oracle-reactive` never loads ahead
 * but knows when keeping pays. */
#include "plan/keep.h"
#include "plan/policy_tools.h"
#include <stdlib.h>

struct oracle {
    struct policy policy;
    struct policy_settings settings;
    double wait_price;
};

static enum fw_err create(struct policy **policy, const struct policy_ops *ops,
                          const struct policy_settings *settings, struct str argument,
                          struct fw_detail *detail)
{
    FW_TRY(policy_no_argument(ops->name, argument, detail));
    struct oracle *oracle = malloc(sizeof *oracle);
    if (!oracle)
        return FW_NOMEM;
    *oracle = (struct oracle){{ops}, *settings, keep_lambda(settings)};
    *policy = &oracle->policy;
    return FW_OK;
}

static enum fw_err oracle_create(struct policy **policy, const struct policy_settings *settings,
                                 struct str argument, struct fw_detail *detail)
{
    return create(policy, &policy_oracle, settings, argument, detail);
}

static enum fw_err oracle_reactive_create(struct policy **policy,
                                          const struct policy_settings *settings,
                                          struct str argument, struct fw_detail *detail)
{
    return create(policy, &policy_oracle_reactive, settings, argument, detail);
}

static int64_t next_arrival(const struct oracle *oracle, const struct policy_request *request)
{
    return oracle->settings.next_arrival(oracle->settings.future, request->resource,
                                         request->at_ns);
}

/* Windows stay open: the request is certain to come, and the plan it brings takes over. */
static bool oracle_plan(struct policy *policy, const struct policy_request *request,
                        struct keep_plan *plan)
{
    int64_t next_ns = next_arrival((const struct oracle *)policy, request);
    policy_keep(plan, 0);
    if (next_ns == TIME_NEVER)
        return true;
    int64_t gap_ns = next_ns - request->at_ns;
    plan->count = 1;
    plan->windows[0] = (struct plan_window){gap_ns <= request->load_ns ? 0 : gap_ns, TIME_NEVER};
    return true;
}

static bool oracle_reactive_plan(struct policy *policy, const struct policy_request *request,
                                 struct keep_plan *plan)
{
    const struct oracle *oracle = (const struct oracle *)policy;
    int64_t next_ns = next_arrival(oracle, request);
    policy_keep(plan, 0);
    if (next_ns == TIME_NEVER)
        return true;
    int64_t wait_ns = oracle->settings.burst_wait(oracle->settings.future, request->resource,
                                                  next_ns, request->load_ns);
    int64_t cold_ns = time_from_seconds(time_to_seconds(request->load_ns) +
                                        oracle->wait_price * time_to_seconds(wait_ns));
    if (next_ns - request->at_ns <= cold_ns)
        policy_keep(plan, TIME_NEVER);
    plan->cold_cost_ns = cold_ns;
    return true;
}

const struct policy_ops policy_oracle = {
    .name = "oracle",
    .syntax = "oracle",
    .sentence = "knows the future: loads just in time (replay only)",
    .predictive = true,
    .needs_future = true,
    .create = oracle_create,
    .destroy = policy_destroy_plain,
    .grow = policy_grow_nothing,
    .request = policy_request_nothing,
    .plan = oracle_plan,
    .save = policy_save_nothing,
    .load = policy_load_nothing,
};

const struct policy_ops policy_oracle_reactive = {
    .name = "oracle-reactive",
    .syntax = "oracle-reactive",
    .sentence = "knows the future but never loads ahead: perfect unloading (replay only)",
    .needs_future = true,
    .create = oracle_reactive_create,
    .destroy = policy_destroy_plain,
    .grow = policy_grow_nothing,
    .request = policy_request_nothing,
    .plan = oracle_reactive_plan,
    .save = policy_save_nothing,
    .load = policy_load_nothing,
};
