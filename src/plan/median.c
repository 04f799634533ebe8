/* SPDX-License-Identifier: MIT */
#include "plan/median.h"
#include "learn/recall.h"
#include "plan/policy_tools.h"
#include <stdlib.h>
#include <string.h>

/* A prewarm that was ordered and not used yet (P6). */
struct median_order {
    bool open;
    int64_t expire_at_ns;
};
struct median {
    struct policy policy;
    struct median_rule rule;
    int64_t keep_ns; /* the time to live below the rule; 0: unload right after use */
    int64_t tick_ns, expiry_ns;
    int64_t first_ns;     /* first request: ticks are whole multiples of tick_ns later */
    int64_t next_tick_ns; /* TIME_NEVER: nothing can happen before the next request */
    bool started;
    uint32_t max;
    struct history history;
    struct median_order *orders; /* by resource */
    uint32_t count, capacity, open_orders;
    struct median_prediction *predictions; /* room for every resource that can be active */
};

static int by_resource(const void *left, const void *right)
{
    uint32_t a = ((const struct median_prediction *)left)->resource,
             b = ((const struct median_prediction *)right)->resource;
    return (a > b) - (a < b);
}

static uint32_t predict(struct history *history, const struct median_rule *rule, int64_t now_ns,
                        struct median_prediction *predictions, uint32_t max, bool *future)
{
    uint32_t count = 0;
    *future = false;
    if (history_count(history) < rule->min_requests)
        return 0;
    for (uint32_t i = 0; i < history->active_count; i++) {
        uint32_t resource = history->active[i];
        int64_t median_ns, last_ns;
        if (history_resource_count(history, resource) < MEDIAN_STAMPS_MIN ||
            !history_median_gap(history, resource, &median_ns) ||
            !history_last(history, resource, &last_ns))
            continue;
        int64_t next_at_ns = time_add(last_ns, median_ns), distance_ns = next_at_ns - now_ns;
        *future = *future || distance_ns > 0;
        if (distance_ns > 0 && distance_ns <= rule->horizon_ns && count < max)
            predictions[count++] =
                (struct median_prediction){resource, median_ns, next_at_ns, distance_ns};
    }
    qsort(predictions, count, sizeof *predictions, by_resource);
    return count;
}

uint32_t median_predict_demand(struct history *history, const struct median_rule *rule,
                               int64_t now_ns, struct median_prediction *predictions, uint32_t max)
{
    bool future;
    return predict(history, rule, now_ns, predictions, max, &future);
}

bool median_should_prewarm(const struct median_rule *rule,
                           const struct median_prediction *prediction)
{
    return prediction->distance_ns > 0 && prediction->distance_ns <= rule->lead_time_ns;
}

static void median_destroy(struct policy *policy)
{
    struct median *median = (struct median *)policy;
    history_fini(&median->history);
    free(median->orders);
    free(median->predictions);
    free(median);
}

static enum fw_err median_create(struct policy **policy, const struct policy_settings *settings,
                                 struct str argument, struct fw_detail *detail)
{
    int64_t keep_ns = 0;
    if (argument.data)
        FW_TRY(policy_duration("median", argument, true, &keep_ns, detail));
    if (settings->history < 1 || settings->history > HISTORY_MAX || settings->tick_ns <= 0)
        return err_set(detail, FW_INPUT,
                       "policy 'median': found a history of %lld requests and a tick of %lld ns, "
                       "expected 1 to %d and more than 0",
                       (long long)settings->history, (long long)settings->tick_ns, HISTORY_MAX);
    struct median *median = calloc(1, sizeof *median);
    if (!median)
        return FW_NOMEM;
    median->policy.ops = &policy_median;
    median->rule =
        (struct median_rule){settings->min_requests, settings->horizon_ns, settings->lead_time_ns};
    median->keep_ns = keep_ns;
    median->tick_ns = settings->tick_ns;
    median->expiry_ns = settings->expiry_ns;
    median->next_tick_ns = TIME_NEVER;
    median->max = settings->max_resources;
    median->predictions = calloc((size_t)settings->history / 2 + 1, sizeof *median->predictions);
    if (!median->predictions ||
        history_init(&median->history, (uint32_t)settings->history) != FW_OK) {
        median_destroy(&median->policy);
        return FW_NOMEM;
    }
    *policy = &median->policy;
    return FW_OK;
}

static enum fw_err median_grow(struct policy *policy, uint32_t count)
{
    struct median *median = (struct median *)policy;
    if (count > median->max)
        return FW_LIMIT;
    FW_TRY(history_grow(&median->history, count));
    void *orders = median->orders;
    enum fw_err err = policy_array_grow(&orders, &median->count, &median->capacity, count,
                                        median->max, sizeof *median->orders);
    median->orders = orders;
    return err;
}

static void median_request(struct policy *policy, const struct policy_request *request)
{
    struct median *median = (struct median *)policy;
    struct median_order *order = &median->orders[request->resource];
    if (!median->started) {
        median->started = true;
        median->first_ns = request->at_ns;
    }
    if (order->open) { /* used: a hit */
        order->open = false;
        median->open_orders--;
    }
    history_add(&median->history, request->at_ns, request->resource);
    if (median->next_tick_ns == TIME_NEVER) { /* the first tick after now: one at now has been */
        int64_t ticks = (request->at_ns - median->first_ns) / median->tick_ns + 1;
        median->next_tick_ns =
            time_add(median->first_ns,
                     ticks > INT64_MAX / median->tick_ns ? TIME_NEVER : ticks * median->tick_ns);
    }
}

static bool median_plan(struct policy *policy, const struct policy_request *request,
                        struct keep_plan *plan)
{
    (void)request;
    policy_keep(plan, ((struct median *)policy)->keep_ns);
    return true;
}

static int64_t median_deadline(const struct policy *policy)
{
    return ((const struct median *)policy)->next_tick_ns;
}

/* One tick: predict, prewarm, and give up what nobody used. */
static void median_fire(struct policy *policy, int64_t now_ns, const struct policy_sink *sink)
{
    struct median *median = (struct median *)policy;
    bool future;
    uint32_t count = predict(&median->history, &median->rule, now_ns, median->predictions,
                             median->history.capacity / 2 + 1, &future);
    for (uint32_t i = 0; i < count; i++) {
        const struct median_prediction *prediction = &median->predictions[i];
        struct median_order *order = &median->orders[prediction->resource];
        if (order->open || !median_should_prewarm(&median->rule, prediction) ||
            sink->is_warm(sink->context, prediction->resource))
            continue;
        *order = (struct median_order){true, time_add(now_ns, median->expiry_ns)};
        median->open_orders++;
        const struct policy_order ask = {prediction->resource,
                                         order->expire_at_ns,
                                         {prediction->median_ns, prediction->distance_ns}};
        sink->prewarm(sink->context, &ask);
    }
    uint32_t left = median->open_orders;
    for (uint32_t resource = 0; resource < median->count && left > 0; resource++) {
        if (!median->orders[resource].open)
            continue;
        left--;
        if (median->orders[resource].expire_at_ns > now_ns)
            continue;
        median->orders[resource].open = false;
        median->open_orders--;
        sink->expire(sink->context, resource);
    }
    /* With no expectation ahead and nothing to give up, ticks do nothing until somebody asks again.
     */
    median->next_tick_ns =
        future || median->open_orders > 0 ? time_add(now_ns, median->tick_ns) : TIME_NEVER;
}

static void median_save(const struct policy *policy, struct buf *out)
{
    const struct median *median = (const struct median *)policy;
    buf_put_u32(out, median->count);
    buf_put_u8(out, median->started);
    buf_put_i64(out, median->first_ns);
    buf_put_i64(out, median->next_tick_ns);
    buf_put_u32(out, median->open_orders);
    for (uint32_t i = 0; i < median->count; i++)
        if (median->orders[i].open) {
            buf_put_u32(out, i);
            buf_put_i64(out, median->orders[i].expire_at_ns);
        }
    history_save(&median->history, out);
}

static bool median_load(struct policy *policy, struct buf_reader *in)
{
    struct median *median = (struct median *)policy;
    uint32_t count = buf_get_u32(in);
    bool fine = recall_flag(in, &median->started) && recall_instant(in, &median->first_ns) &&
                recall_deadline(in, &median->next_tick_ns);
    uint32_t orders = buf_get_u32(in);
    if (!fine || in->failed || orders > count || median_grow(policy, count) != FW_OK)
        return false;
    for (uint32_t i = 0, least = 0; i < orders; i++) {
        uint32_t resource = buf_get_u32(in);
        int64_t expire_at_ns;
        if (!recall_deadline(in, &expire_at_ns) || resource < least || resource >= count)
            return false;
        median->orders[resource] = (struct median_order){true, expire_at_ns};
        least = resource + 1;
    }
    median->open_orders = orders;
    return history_load(&median->history, in);
}

const struct policy_ops policy_median = {
    .name = "median",
    .syntax = "median[:DUR]",
    .sentence =
        "warm ahead one median gap after the last request; without DUR unload right after use",
    .predictive = true,
    .create = median_create,
    .destroy = median_destroy,
    .grow = median_grow,
    .request = median_request,
    .plan = median_plan,
    .deadline = median_deadline,
    .fire = median_fire,
    .save = median_save,
    .load = median_load,
};
