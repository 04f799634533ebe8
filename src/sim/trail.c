/* SPDX-License-Identifier: MIT */
#include "sim/trail_draw.h"
#include "base/check.h"
#include "core/engine.h"
#include <stdlib.h>

static const struct {
    const char *name, *words;
} origins[] = {
#define X(origin, name, words) {name, words},
    TRAIL_ORIGINS(X)
#undef X
};

static const struct {
    const char *name, *words;
} sets[] = {
#define X(set, name, words) {name, words},
    TRAIL_SETS(X)
#undef X
};

const char *trail_set_name(uint32_t set)
{
    return set < TRAIL_SET_COUNT ? sets[set].name : "?";
}

const char *trail_set_words(uint32_t set)
{
    return set < TRAIL_SET_COUNT ? sets[set].words : "?";
}

const char *trail_origin_name(uint32_t origin)
{
    return origin < TRAIL_ORIGIN_COUNT ? origins[origin].name : "?";
}

const char *trail_origin_words(uint32_t origin)
{
    return origin < TRAIL_ORIGIN_COUNT ? origins[origin].words : "?";
}

/* The part of [from, to) that is scored. */
static int64_t scored_span(const struct trail *trail, int64_t from_ns, int64_t to_ns)
{
    if (from_ns < trail->from_ns)
        from_ns = trail->from_ns;
    if (to_ns > trail->until_ns)
        to_ns = trail->until_ns;
    return to_ns > from_ns ? to_ns - from_ns : 0;
}

/* ---- set-up ---- */

enum fw_err trail_init(struct trail *trail, const struct trace *trace,
                       const struct score_prices *prices, int64_t from_ns)
{
    uint32_t count = trace->resources.count;
    *trail = (struct trail){.trace = trace, .prices = *prices, .from_ns = from_ns};
    CHECK(trace->count > 0);
    trail->until_ns = trace->requests[trace->count - 1].at_ns;
    trail->resources = calloc(count, sizeof *trail->resources);
    trail->lanes = calloc((size_t)TRAIL_VIEWS_MAX * TRAIL_LANES_MAX, sizeof *trail->lanes);
    if (!trail->resources || !trail->lanes) {
        trail_fini(trail);
        return FW_NOMEM;
    }
    for (uint32_t i = 0; i < count; i++)
        trail->resources[i] = (struct trail_resource){.last_request_ns = -1,
                                                      .ready_ns = -1,
                                                      .half_ns = -1,
                                                      .load_from_ns = -1,
                                                      .let_go_ns = -1,
                                                      .lane = TABLE_NONE};
    enum fw_err err = trail_draw_choose(trail);
    if (err != FW_OK)
        trail_fini(trail);
    return err;
}

void trail_fini(struct trail *trail)
{
    free(trail->resources);
    free(trail->lanes);
    *trail = (struct trail){0};
}

/* ---- sums: of everything, and of each lane ---- */

static struct trail_sums *lane_sums(struct trail *trail, const struct trail_resource *resource)
{
    return &trail->sums[resource->lane == TABLE_NONE ? TRAIL_LANES_MAX : resource->lane];
}

static void add_idle(struct trail *trail, const struct trail_resource *resource, int64_t to_ns)
{
    int64_t from_ns =
        resource->busy_ns > resource->ready_ns ? resource->busy_ns : resource->ready_ns;
    int64_t idle_ns = scored_span(trail, from_ns, to_ns);
    trail->total.idle_ns += idle_ns;
    lane_sums(trail, resource)->idle_ns += idle_ns;
}

/* ---- cold starts ---- */

static uint32_t origin_of(const struct trail_resource *resource)
{
    if (resource->loading && resource->ahead)
        return TRAIL_LATE;
    if (!resource->loaded)
        return resource->last_request_ns < 0 ? TRAIL_FIRST : TRAIL_OTHER;
    switch (resource->reason) {
    case REASON_KEPT:
    case REASON_KEEP_END:
        return TRAIL_LET_GO;
    case REASON_PREWARM_EXPIRED:
        return TRAIL_EXPIRED;
    case REASON_EVICTED:
    case REASON_GAVE_WAY:
        return TRAIL_EVICTED;
    default:
        return TRAIL_OTHER;
    }
}

static bool is_worse(const struct trail_cold *a, const struct trail_cold *b)
{
    return a->wait_ns > b->wait_ns || (a->wait_ns == b->wait_ns && a->at_ns < b->at_ns);
}

static void rank(struct trail *trail, const struct trail_cold *cold)
{
    size_t at = trail->worst_count;
    while (at > 0 && is_worse(cold, &trail->worst[at - 1]))
        at--;
    if (at == TRAIL_WORST_MAX)
        return;
    if (trail->worst_count < TRAIL_WORST_MAX)
        trail->worst_count++;
    for (size_t i = trail->worst_count - 1; i > at; i--)
        trail->worst[i] = trail->worst[i - 1];
    trail->worst[at] = *cold;
}

/* The rule of the engine's account: keeping it through the whole gap would have cost less. */
static bool keeping_was_cheaper(const struct trail *trail, const struct trail_cold *cold)
{
    double keep = trail->prices.idle * (double)cold->gap_ns;
    double start = (double)cold->load_ns + trail->prices.wait * (double)cold->wait_ns;
    return cold->gap_ns >= 0 && keep < start;
}

static void close_cold(struct trail *trail, struct trail_resource *resource)
{
    struct trail_cold *cold = &resource->open;
    struct trail_waits *waits = &trail->waits[cold->origin];
    if (!resource->opened)
        return;
    resource->opened = false;
    if (cold->requests == 0)
        return; /* all before the scored part */
    cold->regretted = keeping_was_cheaper(trail, cold);
    waits->starts++;
    waits->requests += cold->requests;
    waits->wait_ns += cold->wait_ns;
    waits->regretted += cold->regretted;
    waits->regret_ns += cold->regretted ? cold->wait_ns : 0;
    rank(trail, cold);
}

static void open_cold(struct trail *trail, const struct trace_request *request)
{
    struct trail_resource *resource = &trail->resources[request->resource];
    bool gap = resource->last_request_ns >= 0;
    close_cold(trail, resource);
    resource->opened = true;
    resource->answered = false;
    resource->open =
        (struct trail_cold){.resource = request->resource,
                            .origin = origin_of(resource),
                            .reason = resource->reason,
                            .gap_ns = gap ? request->at_ns - resource->last_request_ns : -1,
                            .let_go_ns = resource->let_go_ns,
                            .load_from_ns = resource->loading ? resource->load_from_ns : -1};
    memcpy(resource->open.numbers, resource->numbers, sizeof resource->numbers);
}

void trail_arrival(struct trail *trail, size_t number, bool ready)
{
    const struct trace_request *request = &trail->trace->requests[number];
    struct trail_resource *resource = &trail->resources[request->resource];
    bool counts = trail_scored(trail, request->at_ns);
    if (!ready && (!resource->opened || resource->answered))
        open_cold(trail, request);
    if (resource->ahead) {
        resource->ahead = false;
        trail_draw_ahead(trail, resource->lane, resource->load_from_ns, true);
        trail->loads[resource->cause].used += resource->ahead_scored;
    }
    resource->last_request_ns = request->at_ns;
    if (!counts)
        return;
    if (!ready && resource->open.requests++ == 0)
        resource->open.at_ns = request->at_ns;
    trail->total.requests++;
    trail->total.cold += !ready;
    lane_sums(trail, resource)->requests++;
    lane_sums(trail, resource)->cold += !ready;
    trail_draw_request(trail, resource->lane, request->at_ns, !ready);
}

/* ---- what the engine did ---- */

static void answer(struct trail *trail, struct trail_resource *resource, int64_t at_ns,
                   const struct trace_request *request)
{
    int64_t wait_ns = at_ns - request->at_ns;
    if (!trail_scored(trail, request->at_ns) || wait_ns == 0)
        return;
    trail->total.wait_ns += wait_ns;
    lane_sums(trail, resource)->wait_ns += wait_ns;
    if (!resource->opened) {
        trail->waits[TRAIL_OTHER].wait_ns += wait_ns;
        return;
    }
    resource->open.wait_ns += wait_ns;
    if (wait_ns > resource->open.wait_max_ns)
        resource->open.wait_max_ns = wait_ns;
}

static void release(struct trail *trail, struct trail_resource *resource, int64_t at_ns,
                    const struct trace_request *request)
{
    answer(trail, resource, at_ns, request);
    add_idle(trail, resource, at_ns);
    int64_t end_ns = at_ns + request->duration_ns;
    if (end_ns > resource->busy_ns)
        resource->busy_ns = end_ns;
}

static void begin_load(struct trail *trail, struct trail_resource *resource,
                       const struct action *action)
{
    bool counts = trail_scored(trail, action->at_ns);
    struct trail_loads *loads = &trail->loads[action->cause < CAUSE_COUNT ? action->cause : 0];
    resource->loading = resource->loaded = true;
    resource->load_from_ns = action->at_ns;
    resource->cause = action->cause < CAUSE_COUNT ? action->cause : 0;
    resource->ahead = action->cause != CAUSE_REQUEST;
    resource->ahead_scored = counts;
    if (resource->opened && !resource->answered)
        resource->open.load_from_ns = action->at_ns;
    loads->begun += counts;
    loads->used += counts && !resource->ahead;
    trail->total.loads += counts;
    lane_sums(trail, resource)->loads += counts;
}

static void end_load(struct trail *trail, struct trail_resource *resource, int64_t at_ns)
{
    if (!resource->loading)
        return;
    int64_t load_ns = at_ns - resource->load_from_ns;
    resource->loading = false;
    if (resource->opened && !resource->answered)
        resource->open.load_ns = load_ns;
    resource->answered = true;
    if (!trail_scored(trail, resource->load_from_ns))
        return;
    trail->total.load_ns += load_ns;
    lane_sums(trail, resource)->load_ns += load_ns;
}

static void end_ahead(struct trail *trail, struct trail_resource *resource, int64_t at_ns)
{
    if (!resource->ahead)
        return;
    resource->ahead = false;
    trail_draw_ahead(trail, resource->lane, resource->load_from_ns, false);
    if (!resource->ahead_scored)
        return;
    trail->loads[resource->cause].unused++;
    if (resource->ready_ns >= 0)
        trail->loads[resource->cause].wasted_ns += at_ns - resource->ready_ns;
}

static void end_ready(struct trail *trail, struct trail_resource *resource, int64_t at_ns)
{
    if (resource->ready_ns < 0)
        return;
    int64_t warm_ns = scored_span(trail, resource->ready_ns, at_ns);
    trail->total.warm_ns += warm_ns;
    lane_sums(trail, resource)->warm_ns += warm_ns;
    trail_draw_warm(trail, resource->lane, resource->ready_ns,
                    at_ns < trail->until_ns ? at_ns : trail->until_ns, false);
    add_idle(trail, resource, at_ns);
    resource->ready_ns = -1;
}

static void end_half(struct trail *trail, struct trail_resource *resource, int64_t at_ns)
{
    if (resource->half_ns >= 0)
        trail_draw_warm(trail, resource->lane, resource->half_ns,
                        at_ns < trail->until_ns ? at_ns : trail->until_ns, true);
    resource->half_ns = -1;
}

static void enter_state(struct trail *trail, struct trail_resource *resource,
                        const struct action *action)
{
    end_half(trail, resource, action->at_ns);
    switch (action->status) {
    case RESOURCE_HALF:
        trail->half_seen = true;
        resource->half_ns = action->at_ns;
        if (!resource->loading)
            break;
        resource->reason = action->reason; /* a load from there was cancelled */
        end_load(trail, resource, action->at_ns);
        end_ahead(trail, resource, action->at_ns);
        break;
    case RESOURCE_WARM:
        end_load(trail, resource, action->at_ns);
        if (resource->ready_ns < 0)
            resource->ready_ns = action->at_ns;
        break;
    case RESOURCE_COLD:
    case RESOURCE_FAILED:
        if (resource->ready_ns >= 0 || resource->loading)
            resource->reason = action->reason; /* it was lost, cancelled or failed */
        end_load(trail, resource, action->at_ns);
        end_ahead(trail, resource, action->at_ns);
        end_ready(trail, resource, action->at_ns);
        break;
    default:
        break;
    }
}

void trail_action(struct trail *trail, const struct action *action)
{
    struct trail_resource *resource = &trail->resources[action->resource];
    bool of_request = action->request > 0 && action->request <= trail->trace->count;
    const struct trace_request *request =
        of_request ? &trail->trace->requests[action->request - 1] : NULL;
    switch (action->kind) {
    case ACTION_WARM:
        begin_load(trail, resource, action);
        break;
    case ACTION_DRAIN:
        resource->reason = action->reason;
        memcpy(resource->numbers, action->numbers, sizeof resource->numbers);
        break;
    case ACTION_UNLOAD:
        resource->let_go_ns = action->at_ns;
        end_ahead(trail, resource, action->at_ns);
        end_ready(trail, resource, action->at_ns);
        break;
    case ACTION_RELEASE:
        if (of_request)
            release(trail, resource, action->at_ns, request);
        break;
    case ACTION_FALLBACK:
    case ACTION_REFUSE:
        if (of_request)
            answer(trail, resource, action->at_ns, request);
        break;
    case ACTION_STATE:
        enter_state(trail, resource, action);
        break;
    default:
        break;
    }
}

void trail_finish(struct trail *trail)
{
    for (uint32_t i = 0; i < trail->trace->resources.count; i++) {
        struct trail_resource *resource = &trail->resources[i];
        close_cold(trail, resource);
        end_ready(trail, resource, trail->until_ns);
        end_half(trail, resource, trail->until_ns);
    }
}
