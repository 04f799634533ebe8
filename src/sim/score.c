/* SPDX-License-Identifier: MIT */
#include "sim/score.h"
#include "base/check.h"
#include "base/stats.h"
#include "core/engine.h"
#include <stdlib.h>

double score_cost(const struct score_result *result, const struct score_prices *prices)
{
    return prices->idle * time_to_seconds(result->idle_ns) + time_to_seconds(result->load_ns) +
           prices->wait * time_to_seconds(result->wait_ns) +
           prices->half * time_to_seconds(result->half_ns);
}

double score_sums_cost(const struct score_sums *sums, const struct score_prices *prices)
{
    return prices->idle * time_to_seconds(sums->idle_ns) + time_to_seconds(sums->load_ns) +
           prices->wait * time_to_seconds(sums->wait_ns) +
           prices->half * time_to_seconds(sums->half_ns);
}

double score_cold_pct(const struct score_result *result)
{
    return result->requests > 0 ? 100.0 * (double)result->cold / (double)result->requests : 0;
}

enum fw_err score_init(struct score *score, const struct trace *trace, int64_t from_ns)
{
    uint32_t count = trace->resources.count;
    *score = (struct score){.trace = trace, .from_ns = from_ns};
    if (trace->count > 0)
        score->until_ns = trace->requests[trace->count - 1].at_ns;
    score->resources = calloc(count ? count : 1, sizeof *score->resources);
    score->waits_s = malloc((trace->count ? trace->count : 1) * sizeof *score->waits_s);
    if (!score->resources || !score->waits_s) {
        score_fini(score);
        return FW_NOMEM;
    }
    for (uint32_t i = 0; i < count; i++)
        score->resources[i] = (struct score_resource){
            .ready_at_ns = -1, .idle_from_ns = -1, .load_from_ns = -1, .half_from_ns = -1};
    return FW_OK;
}

void score_fini(struct score *score)
{
    free(score->resources);
    free(score->waits_s);
    *score = (struct score){0};
}

bool score_is_ready(const struct score *score, uint32_t resource)
{
    return score->resources[resource].ready_at_ns >= 0;
}

static bool scored(const struct score *score, int64_t at_ns)
{
    return at_ns >= score->from_ns && at_ns <= score->until_ns;
}

/* The part of [from, to) that is scored. */
static int64_t scored_span(const struct score *score, int64_t from_ns, int64_t to_ns)
{
    if (from_ns < score->from_ns)
        from_ns = score->from_ns;
    if (to_ns > score->until_ns)
        to_ns = score->until_ns;
    return to_ns > from_ns ? to_ns - from_ns : 0;
}

static void stop_idle(struct score *score, struct score_resource *resource, int64_t at_ns)
{
    if (resource->idle_from_ns >= 0) {
        int64_t idle_ns = scored_span(score, resource->idle_from_ns, at_ns);
        score->result.idle_ns += idle_ns;
        resource->sums.idle_ns += idle_ns;
    }
    resource->idle_from_ns = -1;
}

void score_arrival(struct score *score, const struct trace_request *request)
{
    struct score_resource *resource = &score->resources[request->resource];
    bool first = !resource->seen;
    resource->seen = true;
    if (resource->prewarm_open) {
        resource->prewarm_open = false;
        score->result.prewarm_hit += resource->prewarm_scored;
    }
    if (!scored(score, request->at_ns))
        return;
    bool cold = resource->ready_at_ns < 0;
    score->result.requests++;
    score->result.first_touch += first;
    score->result.cold += cold;
    resource->sums.requests++;
    resource->sums.cold += cold;
}

static void note_wait(struct score *score, struct score_resource *resource, int64_t arrived_at_ns,
                      int64_t until_ns)
{
    if (arrived_at_ns < 0 || !scored(score, arrived_at_ns))
        return;
    score->result.wait_ns += until_ns - arrived_at_ns;
    resource->sums.wait_ns += until_ns - arrived_at_ns;
    CHECK(score->wait_count < score->trace->count);
    score->waits_s[score->wait_count++] = time_to_seconds(until_ns - arrived_at_ns);
}

static void stop_load(struct score *score, struct score_resource *resource, int64_t at_ns)
{
    if (resource->load_from_ns >= 0 && scored(score, resource->load_from_ns)) {
        score->result.load_ns += at_ns - resource->load_from_ns;
        resource->sums.load_ns += at_ns - resource->load_from_ns;
    }
    resource->load_from_ns = -1;
}

/* A prewarm that ends without a request: unloaded, failed or lost. */
static void close_prewarm(struct score *score, struct score_resource *resource, int64_t at_ns)
{
    if (!resource->prewarm_open)
        return;
    resource->prewarm_open = false;
    if (!resource->prewarm_scored)
        return;
    score->result.prewarm_expired++;
    if (resource->ready_at_ns >= 0)
        score->result.prewarm_wasted_ns += at_ns - resource->ready_at_ns;
}

static void stop_ready(struct score *score, struct score_resource *resource, int64_t at_ns)
{
    stop_idle(score, resource, at_ns);
    close_prewarm(score, resource, at_ns);
    resource->ready_at_ns = -1;
}

static void begin_load(struct score *score, struct score_resource *resource,
                       const struct action *action)
{
    resource->load_from_ns = action->at_ns;
    resource->prewarm_open = action->cause != CAUSE_REQUEST;
    resource->prewarm_scored = scored(score, action->at_ns);
    if (!resource->prewarm_scored)
        return;
    score->result.loads++;
    score->result.half_loads += action->status > 0;
    resource->sums.loads++;
    score->result.prewarm_issued += resource->prewarm_open;
}

static void stop_half(struct score *score, struct score_resource *resource, int64_t at_ns)
{
    if (resource->half_from_ns >= 0) {
        int64_t half_ns = scored_span(score, resource->half_from_ns, at_ns);
        score->result.half_ns += half_ns;
        resource->sums.half_ns += half_ns;
    }
    resource->half_from_ns = -1;
}

static void note_state(struct score *score, struct score_resource *resource,
                       const struct action *action)
{
    stop_half(score, resource, action->at_ns);
    if (action->status == RESOURCE_HALF)
        resource->half_from_ns = action->at_ns;
}

void score_action(struct score *score, const struct action *action, int64_t arrived_at_ns)
{
    struct score_resource *resource = &score->resources[action->resource];
    switch (action->kind) {
    case ACTION_WARM:
        begin_load(score, resource, action);
        break;
    case ACTION_UNLOAD:
        score->result.unloads += scored(score, action->at_ns);
        stop_ready(score, resource, action->at_ns);
        break;
    case ACTION_RAISE:
        resource->load_from_ns = action->at_ns;
        break;
    case ACTION_STATE:
        note_state(score, resource, action);
        break;
    case ACTION_RELEASE:
        note_wait(score, resource, arrived_at_ns, action->at_ns);
        stop_idle(score, resource, action->at_ns);
        resource->running++;
        break;
    case ACTION_FALLBACK:
    case ACTION_REFUSE:
        note_wait(score, resource, arrived_at_ns, action->at_ns);
        score->result.refused += arrived_at_ns >= 0 && scored(score, arrived_at_ns);
        break;
    default:
        break;
    }
}

void score_event(struct score *score, const struct event *event)
{
    struct score_resource *resource = &score->resources[event->resource];
    switch (event->kind) {
    case EVENT_PROVEN:
        stop_load(score, resource, event->at_ns);
        resource->ready_at_ns = event->at_ns;
        resource->idle_from_ns = event->at_ns;
        break;
    case EVENT_RAISED:
        stop_load(score, resource, event->at_ns);
        break;
    case EVENT_FAILED:
        stop_load(score, resource, event->at_ns);
        close_prewarm(score, resource, event->at_ns);
        break;
    case EVENT_LOST:
        stop_ready(score, resource, event->at_ns);
        break;
    case EVENT_END:
        CHECK(resource->running > 0);
        if (--resource->running == 0 && resource->ready_at_ns >= 0)
            resource->idle_from_ns = event->at_ns;
        break;
    default:
        break;
    }
}

void score_stop(struct score *score, uint32_t number, int64_t until_ns)
{
    struct score_resource *resource = &score->resources[number];
    stop_load(score, resource, until_ns);
    stop_half(score, resource, until_ns);
    stop_idle(score, resource, until_ns);
    /* A prewarm still open at the end is neither hit nor expired: it is left pending. */
    resource->ready_at_ns = -1;
}

enum fw_err score_finish(struct score *score)
{
    struct score_result *result = &score->result;
    stats_sort_doubles(score->waits_s, score->wait_count);
    result->wait_p50_s = stats_quantile(score->waits_s, score->wait_count, 0.5);
    result->wait_p95_s = stats_quantile(score->waits_s, score->wait_count, 0.95);
    result->wait_p99_s = stats_quantile(score->waits_s, score->wait_count, 0.99);
    result->wait_max_s = score->wait_count > 0 ? score->waits_s[score->wait_count - 1] : 0;
    uint32_t count = score->trace->resources.count, used = 0;
    double *pct = malloc((count ? count : 1) * sizeof *pct);
    if (!pct)
        return FW_NOMEM;
    for (uint32_t i = 0; i < count; i++) {
        const struct score_sums *sums = &score->resources[i].sums;
        if (sums->requests > 0)
            pct[used++] = 100.0 * (double)sums->cold / (double)sums->requests;
    }
    stats_sort_doubles(pct, used);
    result->cold_pct_p50_resource = stats_quantile(pct, used, 0.5);
    result->cold_pct_p75_resource = stats_quantile(pct, used, 0.75);
    free(pct);
    return FW_OK;
}
