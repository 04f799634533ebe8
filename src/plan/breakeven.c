/* SPDX-License-Identifier: MIT
 * Break-even: keep until the warm time paid for equals what a cold start would have cost, B = L +
 * lambda * W. With B known this never costs more than twice perfect unloading (the ski-rental
 * argument: Karlin et al., 1988). */
#include "learn/burst.h"
#include "plan/keep.h"
#include "plan/policy_tools.h"
#include <stdlib.h>

struct breakeven {
    struct policy policy;
    double wait_price;
    uint32_t max;
    struct burst *bursts; /* by resource */
    uint32_t count, capacity;
};

static enum fw_err breakeven_create(struct policy **policy, const struct policy_settings *settings,
                                    struct str argument, struct fw_detail *detail)
{
    FW_TRY(policy_no_argument("breakeven", argument, detail));
    struct breakeven *breakeven = calloc(1, sizeof *breakeven);
    if (!breakeven)
        return FW_NOMEM;
    breakeven->policy.ops = &policy_breakeven;
    breakeven->wait_price = keep_lambda(settings);
    breakeven->max = settings->max_resources;
    *policy = &breakeven->policy;
    return FW_OK;
}

static void breakeven_destroy(struct policy *policy)
{
    free(((struct breakeven *)policy)->bursts);
    free(policy);
}

static enum fw_err breakeven_grow(struct policy *policy, uint32_t count)
{
    struct breakeven *breakeven = (struct breakeven *)policy;
    void *bursts = breakeven->bursts;
    enum fw_err err = policy_array_grow(&bursts, &breakeven->count, &breakeven->capacity, count,
                                        breakeven->max, sizeof *breakeven->bursts);
    breakeven->bursts = bursts;
    return err;
}

static void breakeven_request(struct policy *policy, const struct policy_request *request)
{
    struct breakeven *breakeven = (struct breakeven *)policy;
    burst_learn(&breakeven->bursts[request->resource], request->at_ns, request->gap_ns,
                request->load_ns);
}

static bool breakeven_plan(struct policy *policy, const struct policy_request *request,
                           struct keep_plan *plan)
{
    const struct breakeven *breakeven = (const struct breakeven *)policy;
    double wait_s = burst_wait_s(&breakeven->bursts[request->resource], request->load_ns);
    int64_t cold_ns =
        time_from_seconds(time_to_seconds(request->load_ns) + breakeven->wait_price * wait_s);
    policy_keep(plan, cold_ns);
    plan->cold_cost_ns = cold_ns;
    return true;
}

static void breakeven_save(const struct policy *policy, struct buf *out)
{
    const struct breakeven *breakeven = (const struct breakeven *)policy;
    buf_put_u32(out, breakeven->count);
    for (uint32_t i = 0; i < breakeven->count; i++)
        burst_save(&breakeven->bursts[i], out);
}

static bool breakeven_load(struct policy *policy, struct buf_reader *in)
{
    struct breakeven *breakeven = (struct breakeven *)policy;
    uint32_t count = buf_get_u32(in);
    if (in->failed || breakeven_grow(policy, count) != FW_OK)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!burst_load(&breakeven->bursts[i], in))
            return false;
    return true;
}

const struct policy_ops policy_breakeven = {
    .name = "breakeven",
    .syntax = "breakeven",
    .sentence = "keep for as long as a cold start would cost",
    .create = breakeven_create,
    .destroy = breakeven_destroy,
    .grow = breakeven_grow,
    .request = breakeven_request,
    .plan = breakeven_plan,
    .save = breakeven_save,
    .load = breakeven_load,
};
