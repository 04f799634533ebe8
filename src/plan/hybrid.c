/* SPDX-License-Identifier: MIT
 * The hybrid histogram of "Serverless in the Wild" (Shahrad et al., USENIX ATC 2020), as simulators
 * run it: one-minute bins over a range, a window between the 5th and the 99th percentile where the
 * histogram is telling, the whole range where it is not, and around a moving average of the long
 * gaps (for the paper's ARIMA) where most are out of range. */
#include "learn/recall.h"
#include "plan/policy_tools.h"
#include <math.h>
#include <stdlib.h>

#define BIN_NS        TIME_MINUTE
#define RANGE_MAX_NS  TIME_DAY
#define HEAD          0.05
#define TAIL          0.99
#define CV_LIMIT      2.0
#define REPLAN_ALWAYS 50 /* up to so many gaps; from then on after every fiftieth part of them */

struct hybrid_resource {
    uint32_t gaps, outside; /* ever; of them >= range */
    uint32_t planned_gaps;  /* when it was last planned */
    bool planned;
    double outside_average_s; /* f: 0.7 old + 0.3 new */
    double squares;           /* sum of squared bin counts: whole numbers */
};
struct hybrid {
    struct policy policy;
    int64_t range_ns;
    uint32_t bins, max;
    struct hybrid_resource *resources;
    uint32_t count, capacity;
    uint32_t *counts;                       /* `bins` a resource */
    uint32_t counts_count, counts_capacity; /* in resources */
};

static enum fw_err hybrid_create(struct policy **policy, const struct policy_settings *settings,
                                 struct str argument, struct fw_detail *detail)
{
    int64_t range_ns = TIME_HOUR;
    if (argument.data)
        FW_TRY(policy_duration("hybrid", argument, false, &range_ns, detail));
    if (range_ns < 2 * BIN_NS || range_ns > RANGE_MAX_NS || range_ns % BIN_NS != 0)
        return err_set(detail, FW_INPUT,
                       "policy 'hybrid': found '%.*s', expected whole minutes from 2m to 24h",
                       STR_ARG(argument));
    struct hybrid *hybrid = calloc(1, sizeof *hybrid);
    if (!hybrid)
        return FW_NOMEM;
    hybrid->policy.ops = &policy_hybrid;
    hybrid->range_ns = range_ns;
    hybrid->bins = (uint32_t)(range_ns / BIN_NS);
    hybrid->max = settings->max_resources;
    *policy = &hybrid->policy;
    return FW_OK;
}

static void hybrid_destroy(struct policy *policy)
{
    struct hybrid *hybrid = (struct hybrid *)policy;
    free(hybrid->resources);
    free(hybrid->counts);
    free(hybrid);
}

static enum fw_err hybrid_grow(struct policy *policy, uint32_t count)
{
    struct hybrid *hybrid = (struct hybrid *)policy;
    void *items = hybrid->counts;
    enum fw_err err = policy_array_grow(&items, &hybrid->counts_count, &hybrid->counts_capacity,
                                        count, hybrid->max, hybrid->bins * sizeof *hybrid->counts);
    hybrid->counts = items;
    if (err != FW_OK)
        return err;
    items = hybrid->resources;
    err = policy_array_grow(&items, &hybrid->count, &hybrid->capacity, count, hybrid->max,
                            sizeof *hybrid->resources);
    hybrid->resources = items;
    return err;
}

static void hybrid_request(struct policy *policy, const struct policy_request *request)
{
    struct hybrid *hybrid = (struct hybrid *)policy;
    struct hybrid_resource *resource = &hybrid->resources[request->resource];
    if (request->gap_ns < 0 || resource->gaps == UINT32_MAX)
        return;
    resource->gaps++;
    if (request->gap_ns >= hybrid->range_ns) {
        double gap_s = time_to_seconds(request->gap_ns);
        resource->outside_average_s =
            resource->outside > 0 ? 0.7 * resource->outside_average_s + 0.3 * gap_s : gap_s;
        resource->outside++;
        return;
    }
    uint32_t *bin = &hybrid->counts[(size_t)request->resource * hybrid->bins +
                                    (size_t)(request->gap_ns / BIN_NS)];
    resource->squares += 2.0 * *bin + 1;
    (*bin)++;
}

/* Sample standard deviation over mean of the bin counts; 0 for an empty histogram. */
static double variation(const struct hybrid *hybrid, const struct hybrid_resource *resource)
{
    double inside = resource->gaps - resource->outside, bins = hybrid->bins;
    if (!(inside > 0))
        return 0;
    double mean = inside / bins;
    return sqrt((resource->squares - inside * mean) / (bins - 1)) / mean;
}

static uint32_t percentile(const uint32_t *counts, uint32_t bins, uint32_t inside, double share)
{
    double below = 0;
    for (uint32_t i = 0; i < bins; i++) {
        below += counts[i];
        if (below / inside >= share)
            return i;
    }
    return bins - 1;
}

static void choose(const struct hybrid *hybrid, const struct policy_request *request,
                   struct keep_plan *plan)
{
    const struct hybrid_resource *resource = &hybrid->resources[request->resource];
    const uint32_t *counts = &hybrid->counts[(size_t)request->resource * hybrid->bins];
    int64_t start_ns = 0, end_ns = hybrid->range_ns;
    if (resource->gaps >= 2 && resource->outside * 2.0 >= resource->gaps) {
        start_ns = time_from_seconds(0.85 * resource->outside_average_s);
        end_ns = time_from_seconds(1.15 * resource->outside_average_s);
    } else if (variation(hybrid, resource) >= CV_LIMIT) {
        uint32_t inside = resource->gaps - resource->outside;
        start_ns = time_from_seconds(0.9 * 60 * percentile(counts, hybrid->bins, inside, HEAD));
        end_ns = time_from_seconds(1.1 * 60 * (percentile(counts, hybrid->bins, inside, TAIL) + 1));
    }
    if (start_ns < request->load_ns)
        start_ns = 0;
    plan->count = 1;
    plan->windows[0] = (struct plan_window){start_ns, end_ns};
    plan->cold_cost_ns = 0;
}

static bool hybrid_plan(struct policy *policy, const struct policy_request *request,
                        struct keep_plan *plan)
{
    struct hybrid *hybrid = (struct hybrid *)policy;
    struct hybrid_resource *resource = &hybrid->resources[request->resource];
    uint32_t since = resource->gaps - resource->planned_gaps;
    if (resource->planned && resource->gaps > REPLAN_ALWAYS &&
        since < resource->gaps / REPLAN_ALWAYS)
        return false;
    resource->planned = true;
    resource->planned_gaps = resource->gaps;
    choose(hybrid, request, plan);
    return true;
}

static void hybrid_save(const struct policy *policy, struct buf *out)
{
    const struct hybrid *hybrid = (const struct hybrid *)policy;
    buf_put_u32(out, hybrid->bins);
    buf_put_u32(out, hybrid->count);
    for (uint32_t i = 0; i < hybrid->count; i++) {
        const struct hybrid_resource *resource = &hybrid->resources[i];
        buf_put_u32(out, resource->gaps);
        buf_put_u32(out, resource->outside);
        buf_put_u32(out, resource->planned_gaps);
        buf_put_u8(out, resource->planned);
        buf_put_double(out, resource->outside_average_s);
        if (resource->gaps > resource->outside)
            for (uint32_t k = 0; k < hybrid->bins; k++)
                buf_put_u32(out, hybrid->counts[(size_t)i * hybrid->bins + k]);
    }
}

static bool load_resource(struct hybrid *hybrid, uint32_t number, struct buf_reader *in)
{
    struct hybrid_resource *resource = &hybrid->resources[number];
    resource->gaps = buf_get_u32(in);
    resource->outside = buf_get_u32(in);
    resource->planned_gaps = buf_get_u32(in);
    if (!recall_flag(in, &resource->planned) ||
        !recall_positive(in, &resource->outside_average_s) || resource->outside > resource->gaps ||
        resource->planned_gaps > resource->gaps)
        return false;
    uint64_t inside = 0;
    resource->squares = 0;
    if (resource->gaps > resource->outside)
        for (uint32_t k = 0; k < hybrid->bins; k++) {
            uint32_t n = buf_get_u32(in);
            hybrid->counts[(size_t)number * hybrid->bins + k] = n;
            inside += n;
            resource->squares += (double)n * n;
        }
    return !in->failed && inside == resource->gaps - resource->outside;
}

static bool hybrid_load(struct policy *policy, struct buf_reader *in)
{
    struct hybrid *hybrid = (struct hybrid *)policy;
    uint32_t bins = buf_get_u32(in), count = buf_get_u32(in);
    if (in->failed || bins != hybrid->bins || hybrid_grow(policy, count) != FW_OK)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!load_resource(hybrid, i, in))
            return false;
    return true;
}

const struct policy_ops policy_hybrid = {
    .name = "hybrid",
    .syntax = "hybrid[:DUR]",
    .sentence = "a one-minute histogram of gaps over a range (1 h): unload and load again around "
                "where they fall (ATC 2020)",
    .predictive = true,
    .create = hybrid_create,
    .destroy = hybrid_destroy,
    .grow = hybrid_grow,
    .request = hybrid_request,
    .plan = hybrid_plan,
    .save = hybrid_save,
    .load = hybrid_load,
};
