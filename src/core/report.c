/* SPDX-License-Identifier: MIT
 * What the engine tells of itself: resources as they stand, sums, decisions. Reading changes
 * nothing. */
#include "core/state.h"
#include "learn/decay.h"
#include <stdlib.h>

static int64_t planned_unload(const struct engine *engine, const struct resource *resource,
                              int64_t now_ns)
{
    if (resource->state != RESOURCE_WARM || resource->pinned ||
        (engine->policy->ops->keeps_while_free && engine->limited))
        return TIME_NEVER;
    struct plan_store plan = resource->plan; /* a copy: passing windows must not show */
    plan_store_pass(&plan, now_ns - resource->origin_ns);
    const struct plan_window *window = plan_store_window(&plan, plan.next);
    int64_t until_ns = resource->protect_until_ns;
    if (window && time_add(resource->last_request_ns, window->start_ns) <= now_ns) {
        int64_t end_ns = time_add(resource->origin_ns, window->end_ns);
        until_ns = end_ns > until_ns ? end_ns : until_ns;
    }
    return until_ns > now_ns ? until_ns : now_ns;
}

static int64_t planned_warm(const struct engine *engine, const struct resource *resource,
                            int64_t now_ns)
{
    if (!resource_absent(resource) || !engine->settings.enable_prewarming ||
        resource->last_request_ns < 0)
        return TIME_NEVER;
    struct plan_store plan = resource->plan;
    plan_store_pass(&plan, now_ns - resource->origin_ns);
    const struct plan_window *window;
    while ((window = plan_store_window(&plan, plan.next)) != NULL && window->start_ns == 0)
        plan.next++;
    if (!window)
        return TIME_NEVER;
    return decide_window_at(engine, resource, window);
}

/* The time by which a request has come with probability one half, searched by doubling and halving.
 */
static int64_t median_next(const struct engine *engine, uint32_t number, int64_t age_ns,
                           int64_t now_ns)
{
    const struct policy *policy = engine->policy;
    if (!policy->ops->probability)
        return TIME_NEVER;
    int64_t low_ns = 0, high_ns = TIME_SECOND;
    while (policy->ops->probability(policy, number, age_ns, high_ns) < 0.5) {
        low_ns = high_ns;
        high_ns *= 2;
        if (high_ns > 14 * TIME_DAY)
            return TIME_NEVER;
    }
    while (high_ns - low_ns > TIME_SECOND / 2) {
        int64_t middle_ns = low_ns + (high_ns - low_ns) / 2;
        if (policy->ops->probability(policy, number, age_ns, middle_ns) < 0.5)
            low_ns = middle_ns;
        else
            high_ns = middle_ns;
    }
    return time_add(now_ns, high_ns);
}

static void view_forecast(const struct engine *engine, uint32_t number, int64_t now_ns,
                          struct resource_view *view)
{
    const struct resource *resource = &engine->resources[number];
    view->next_request_ns = TIME_NEVER;
    if (resource->last_request_ns < 0)
        return;
    int64_t age_ns = now_ns - resource->last_request_ns;
    view->rate_per_s = (double)resource->rate * decay_exp(-time_to_seconds(age_ns) / 600.0) / 600.0;
    if (engine->policy->ops->probability)
        view->probability_10min =
            engine->policy->ops->probability(engine->policy, number, age_ns, 10 * TIME_MINUTE);
    view->session_probability = foretold_shown(engine, number, now_ns);
    view->next_request_ns = median_next(engine, number, age_ns, now_ns);
}

/* Adds the resource's accounts, brought up to `now_ns`. */
static void accounts_now(const struct resource *resource, int64_t now_ns, struct accounts *sum)
{
    tally_add(&resource->accounts, sum);
    if (resource->warm_since_ns >= 0)
        sum->warm_ns += now_ns - resource->warm_since_ns;
    if (resource->idle_since_ns >= 0)
        sum->idle_ns += now_ns - resource->idle_since_ns;
}

static void view_past(const struct engine *engine, uint32_t number, struct resource_view *view)
{
    const struct resource *resource = &engine->resources[number];
    view->remembered = history_resource_count(&engine->history, number);
    view->median_gap_ns = -1;
    /* The median is kept once worked out; what is looked at does not change by it. */
    (void)history_median_gap((struct history *)&engine->history, number, &view->median_gap_ns);
    for (int hour = 0; hour < DAILY_HOURS; hour++)
        view->hour_factor[hour] = resource->daily ? daily_hour_factor(resource->daily, hour) : 1;
    for (int day = 0; day < DAILY_WEEKDAYS; day++)
        view->weekday_factor[day] =
            resource->daily ? daily_weekday_factor(resource->daily, day) : 1;
}

static void view_levels(const struct engine *engine, const struct resource *resource,
                        int64_t now_ns, struct resource_view *view)
{
    const struct levels *levels = resource->levels;
    view->level = resource->level;
    view->level_count = levels->count;
    view->raises = levels->raises;
    view->half_ns =
        levels->half_ns + (levels->half_since_ns >= 0 ? now_ns - levels->half_since_ns : 0);
    for (uint8_t i = 0; i < levels->count; i++) {
        const struct level *level = &levels->at[i];
        view->levels[i] = (struct level_view){
            .memory = level->settings.memory,
            .host_memory = level->settings.host_memory,
            .load_ns = levels_load(engine, resource, i + 1),
            .reach_ns = level->settings.from_cold ? levels_reach(engine, resource, i + 1) : -1,
            .loads = level->loads.count < LOADS_KEPT ? level->loads.count : LOADS_KEPT};
    }
}

void engine_view(const struct engine *engine, uint32_t number, int64_t now_ns,
                 struct resource_view *view)
{
    const struct resource *resource = &engine->resources[number];
    bool loading = resource->state == RESOURCE_WARMING || resource->state == RESOURCE_VERIFYING;
    int64_t load_ns = decide_expected_load(engine, resource);
    *view = (struct resource_view){
        .state = resource->state,
        .configured = resource->configured,
        .pinned = resource->pinned,
        .prewarmed = resource->prewarm_open,
        .queued = resource->queued,
        .in_use = resource->in_use,
        .held = resource->held,
        .state_since_ns = resource->state_since_ns,
        .last_request_ns = resource->last_request_ns,
        .expected_load_ns = load_ns,
        .load_p90_ns = load_times_quantile(&resource->loads, 0.9, load_ns),
        .load_started_ns = loading ? resource->load_started_ns : -1,
        .warm_probe_ns = -1,
        .unload_at_ns = planned_unload(engine, resource, now_ns),
        .warm_at_ns = planned_warm(engine, resource, now_ns),
        .retry_at_ns = resource->retry_at_ns,
        .cooldown_until_ns = resource->cooldown_until_ns,
        .memory = resource_memory(resource),
        .devices = engine->devices.named && resource_occupies(resource) ? resource->placed : 0,
        .attempt = resource->attempt,
    };
    accounts_now(resource, now_ns, &view->accounts);
    uint32_t span = place_span(engine, resource);
    view->cost_usd = time_to_seconds(view->accounts.load_ns) * (span > 1 ? span : 1) *
                     engine->settings.hour_price_usd / 3600;
    if (resource->restraint)
        memcpy(view->declined, resource->restraint->declined, sizeof view->declined);
    view_forecast(engine, number, now_ns, view);
    view_past(engine, number, view);
    if (resource->levels)
        view_levels(engine, resource, now_ns, view);
}

void engine_totals(const struct engine *engine, int64_t now_ns, struct accounts *accounts)
{
    *accounts = (struct accounts){0};
    for (uint32_t i = 0; i < engine->resource_count; i++)
        accounts_now(&engine->resources[i], now_ns, accounts);
}

uint64_t engine_host_memory_used(const struct engine *engine)
{
    return engine->host_used;
}

uint64_t engine_memory_used(const struct engine *engine)
{
    return devices_used(&engine->devices);
}

uint32_t engine_devices(const struct engine *engine, struct engine_device devices[DEVICES_MAX])
{
    for (uint32_t i = 0; i < engine->devices.count; i++) {
        const struct device *device = &engine->devices.items[i];
        devices[i] = (struct engine_device){device->name, device->memory, device->used,
                                            device->loads_running};
    }
    return engine->devices.named ? engine->devices.count : 0;
}

bool engine_can_hold(const struct engine *engine, uint32_t number)
{
    return place_possible(engine, &engine->resources[number]);
}

enum fw_err engine_check_pin(const struct engine *engine, uint32_t number, uint64_t *pinned_bytes)
{
    uint32_t count = 0;
    *pinned_bytes = 0;
    for (uint32_t i = 0; i < engine->resource_count; i++)
        count += engine->resources[i].pinned;
    struct devices_part *parts = malloc((count + 1) * sizeof *parts);
    if (!parts)
        return FW_NOMEM;
    count = 0;
    for (uint32_t i = 0; i < engine->resource_count; i++) {
        const struct resource *resource = &engine->resources[i];
        if (!resource->pinned && i != number)
            continue;
        parts[count++] =
            (struct devices_part){resource_memory(resource), resource->settings.span,
                                  engine->devices.named ? resource->settings.devices : 0};
        if (!engine->devices.named)
            parts[count - 1].span = 1;
        if (i != number)
            *pinned_bytes += resource_memory(resource);
    }
    bool fit = devices_hold_all(&engine->devices, parts, count);
    free(parts);
    return fit ? FW_OK : FW_LIMIT;
}

uint64_t engine_memory_budget(const struct engine *engine)
{
    return devices_memory(&engine->devices);
}

size_t engine_decisions(const struct engine *engine, uint32_t number, struct decision *decisions,
                        size_t max)
{
    size_t count = 0;
    uint64_t at = engine->resources[number].latest_decision;
    while (at > 0 && count < max && engine->decision_count - at < DECISIONS_KEPT) {
        const struct logged_decision *logged = &engine->decisions[at % DECISIONS_KEPT];
        decisions[count++] = (struct decision){logged->action, at};
        at = logged->previous;
    }
    return count;
}

size_t engine_next(const struct engine *engine, uint64_t session, struct next_resource *next,
                   size_t max)
{
    return foretold_next(engine, session, next, max);
}

size_t engine_sessions(const struct engine *engine, struct open_session *sessions, size_t max)
{
    size_t count = 0;
    uint32_t at = engine->sessions.newest;
    for (; at != UINT32_MAX && count < max; at = engine->sessions.entries[at].older) {
        const struct session_entry *entry = &engine->sessions.entries[at];
        if (entry->past.count > 0)
            sessions[count++] =
                (struct open_session){entry->session, entry->last_at_ns, entry->past.latest[0]};
    }
    return count;
}

static struct str name_of(const void *context, uint32_t number)
{
    const struct engine *engine = context;
    return number < engine->resource_count ? table_key(&engine->ids, number) : STR("?");
}

void engine_describe(const struct engine *engine, const struct action *action, struct buf *out)
{
    reason_describe(action->reason, action->numbers, name_of, engine, out);
}

uint64_t engine_decision_hash(const struct engine *engine)
{
    return engine->decision_hash;
}

uint64_t engine_action_count(const struct engine *engine)
{
    return engine->action_count;
}

const char *resource_state_name(uint32_t state)
{
    static const char *const names[] = {
#define X(state, name) name,
        RESOURCE_STATES(X)
#undef X
    };
    return state < RESOURCE_STATE_COUNT ? names[state] : "?";
}

int64_t engine_now(const struct engine *engine)
{
    return engine->now_ns;
}

double engine_probability(const struct engine *engine, uint32_t number, int64_t now_ns,
                          int64_t horizon_ns)
{
    const struct policy_ops *ops = engine->policy->ops;
    int64_t last_ns = engine->resources[number].last_request_ns;
    if (!ops->probability || last_ns < 0)
        return 0;
    return ops->probability(engine->policy, number, now_ns - last_ns, horizon_ns);
}

bool engine_holds(const struct engine *engine, uint64_t request)
{
    uint32_t resource;
    return hold_find(&engine->hold, request, &resource);
}
