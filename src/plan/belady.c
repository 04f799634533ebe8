/* SPDX-License-Identifier: MIT
 * Bounds for policies that share memory: what could be had by knowing the future. Both keep
 * everything while memory is free and evict what is needed latest (Belady, 1966); the clairvoyant
 * one also loads what is needed soon whenever the loader is idle. Belady's rule ignores sizes and
 * load times: a guide, not a strict bound. */
#include "plan/policy_tools.h"
#include <math.h>
#include <stdlib.h>

struct belady {
    struct policy policy;
    struct policy_settings settings;
    int64_t *last_ns; /* latest request by resource */
    uint32_t count, capacity;
};

static enum fw_err create(struct policy **policy, const struct policy_ops *ops,
                          const struct policy_settings *settings, struct str argument,
                          struct fw_detail *detail)
{
    FW_TRY(policy_no_argument(ops->name, argument, detail));
    struct belady *belady = calloc(1, sizeof *belady);
    if (!belady)
        return err_set(detail, FW_NOMEM, "policy %s: not enough memory", ops->name);
    belady->policy.ops = ops;
    belady->settings = *settings;
    *policy = &belady->policy;
    return FW_OK;
}

static enum fw_err belady_create(struct policy **policy, const struct policy_settings *settings,
                                 struct str argument, struct fw_detail *detail)
{
    return create(policy, &policy_belady, settings, argument, detail);
}

static enum fw_err clairvoyant_create(struct policy **policy,
                                      const struct policy_settings *settings, struct str argument,
                                      struct fw_detail *detail)
{
    return create(policy, &policy_clairvoyant, settings, argument, detail);
}

static void belady_destroy(struct policy *policy)
{
    free(((struct belady *)policy)->last_ns);
    free(policy);
}

static enum fw_err belady_grow(struct policy *policy, uint32_t count)
{
    struct belady *belady = (struct belady *)policy;
    return policy_array_grow((void **)&belady->last_ns, &belady->count, &belady->capacity, count,
                             belady->settings.max_resources, sizeof *belady->last_ns);
}

static void belady_request(struct policy *policy, const struct policy_request *request)
{
    ((struct belady *)policy)->last_ns[request->resource] = request->at_ns;
}

static bool belady_plan(struct policy *policy, const struct policy_request *request,
                        struct keep_plan *plan)
{
    (void)policy;
    (void)request;
    policy_keep(plan, TIME_NEVER);
    return true;
}

static double belady_worth(const struct policy *policy, uint32_t resource, int64_t age_ns,
                           int64_t load_ns, uint64_t bytes)
{
    const struct belady *belady = (const struct belady *)policy;
    int64_t now_ns = belady->last_ns[resource] + age_ns;
    int64_t next_ns = belady->settings.next_arrival(belady->settings.future, resource, now_ns);
    (void)load_ns;
    (void)bytes;
    return next_ns == TIME_NEVER ? 0 : 1 / (1 + time_to_seconds(next_ns - now_ns));
}

const struct policy_ops policy_belady = {
    .name = "belady",
    .syntax = "belady",
    .sentence = "knows the future: evicts what is needed latest (replay under --memory only)",
    .needs_future = true,
    .keeps_while_free = true,
    .create = belady_create,
    .destroy = belady_destroy,
    .grow = belady_grow,
    .request = belady_request,
    .plan = belady_plan,
    .worth = belady_worth,
    .save = policy_save_nothing,
    .load = policy_load_nothing,
};

const struct policy_ops policy_clairvoyant = {
    .name = "clairvoyant",
    .syntax = "clairvoyant",
    .sentence = "knows the future: belady, and loads ahead what is needed soon (replay under "
                "--memory only)",
    .predictive = true,
    .needs_future = true,
    .keeps_while_free = true,
    .create = clairvoyant_create,
    .destroy = belady_destroy,
    .grow = belady_grow,
    .request = belady_request,
    .plan = belady_plan,
    .worth = belady_worth,
    .save = policy_save_nothing,
    .load = policy_load_nothing,
};
