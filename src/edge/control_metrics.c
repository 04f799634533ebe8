/* SPDX-License-Identifier: MIT
 * /metrics: the shards of all threads, and what the engine has in its books. Made on the brain
 * thread, where the books are. /readyz stands here because it asks the brain too. */
#include "base/time.h"
#include "edge/prefixes.h"
#include "edge/control_part.h"

struct source {
    struct brain *brain;
    struct call *call;
};

static struct str resource_label(void *context, uint32_t resource)
{
    const struct source *source = context;
    if (resource >= engine_resource_count(brain_engine(source->brain)))
        return (struct str){NULL, 0};
    return engine_resource_id(brain_engine(source->brain), resource);
}

static void collect_warmups(const struct source *source, uint32_t resource, struct str id,
                            struct metrics_writer *writer)
{
    static const char *const results[BRAIN_RESULTS] = {"ok", "failed", "cancelled"};
    for (uint32_t cause = CAUSE_REQUEST; cause < CAUSE_COUNT; cause++)
        for (int result = 0; result < BRAIN_RESULTS; result++) {
            uint64_t count = brain_warmups(source->brain, resource, (enum cause)cause,
                                           (enum brain_result)result);
            const struct str labels[] = {id, str_of(cause_name(cause)), str_of(results[result])};
            if (count > 0)
                metrics_sample(writer, labels, 3, (double)count);
        }
}

static void collect_states(struct str id, uint32_t state, struct metrics_writer *writer)
{
    for (uint32_t i = 0; i < RESOURCE_STATE_COUNT; i++) {
        const struct str labels[] = {id, str_of(resource_state_name(i))};
        metrics_sample(writer, labels, 2, i == state ? 1 : 0);
    }
}

static void collect_declined(struct str id, const struct resource_view *view,
                             struct metrics_writer *writer)
{
    for (uint32_t i = 0; i < DECLINE_COUNT; i++) {
        const struct str labels[] = {id, str_of(decline_name(i))};
        if (view->declined[i] > 0)
            metrics_sample(writer, labels, 2, (double)view->declined[i]);
    }
}

static void collect_resource(const struct source *source, enum metric_id metric, uint32_t resource,
                             struct metrics_writer *writer)
{
    struct resource_view view;
    struct str id = engine_resource_id(brain_engine(source->brain), resource);
    engine_view(brain_engine(source->brain), resource, brain_now_ns(source->brain), &view);
    if (metric == METRIC_WARMUPS)
        collect_warmups(source, resource, id, writer);
    else if (metric == METRIC_STATE)
        collect_states(id, view.state, writer);
    else if (metric == METRIC_IDLE)
        metrics_sample(writer, &id, 1, time_to_seconds(view.accounts.idle_ns));
    else if (metric == METRIC_REGRET)
        metrics_sample(writer, &id, 1, time_to_seconds(view.accounts.regret_ns));
    else if (metric == METRIC_DOUBTED)
        metrics_sample(writer, &id, 1, (double)view.accounts.doubted);
    else if (metric == METRIC_DECLINED)
        collect_declined(id, &view, writer);
    else if (metric == METRIC_REPLICAS)
        metrics_sample(writer, &id, 1, control_replicas(source->brain, resource));
    else
        metrics_sample(writer, &id, 1, view.cost_usd);
}

static void collect_prefills(const struct source *source, enum metric_id metric, uint32_t resource,
                             struct metrics_writer *writer)
{
    const struct site *site = brain_site(source->brain, resource);
    struct prefixes *prefixes = atomic_load(&site->slot->prefixes);
    struct prefix_counts counts;
    if (!prefixes)
        return;
    prefixes_count(prefixes, &counts);
    struct str labels[2] = {str_of(site->id)};
    if (metric == METRIC_PREFILL_SECONDS)
        metrics_sample(writer, labels, 1, time_to_seconds(counts.spent_ns));
    for (int i = 0; i < PREFIX_RESULT_COUNT && metric == METRIC_PREFILLS; i++) {
        labels[1] = str_of(prefix_result_name(i));
        metrics_sample(writer, labels, 2, (double)counts.results[i]);
    }
}

static void collect_memory(const struct source *source, struct metrics_writer *writer)
{
    const struct str used = STR("used"), budget = STR("budget"), wanted = STR("wanted");
    struct engine_pressure pressure;
    uint64_t bytes = engine_memory_budget(brain_engine(source->brain));
    metrics_sample(writer, &used, 1, (double)engine_memory_used(brain_engine(source->brain)));
    const struct str host = STR("host_used");
    metrics_sample(writer, &host, 1, (double)engine_host_memory_used(brain_engine(source->brain)));
    if (bytes == UINT64_MAX)
        return;
    engine_pressure(brain_engine(source->brain), brain_now_ns(source->brain), &pressure);
    metrics_sample(writer, &budget, 1, (double)bytes);
    metrics_sample(writer, &wanted, 1, (double)pressure.wanted_bytes);
}

static void collect_devices(const struct source *source, struct metrics_writer *writer)
{
    struct engine_device devices[DEVICES_MAX];
    uint32_t count = engine_devices(brain_engine(source->brain), devices);
    for (uint32_t i = 0; i < count; i++) {
        const struct str used[] = {str_of(devices[i].name), STR("used")},
                         budget[] = {str_of(devices[i].name), STR("budget")};
        metrics_sample(writer, used, 2, (double)devices[i].used_bytes);
        metrics_sample(writer, budget, 2, (double)devices[i].budget_bytes);
    }
}

static void collect_fleet(const struct source *source, enum metric_id metric,
                          struct metrics_writer *writer)
{
    struct fleet_counts counts;
    fleet_counts(brain_fleet(source->brain), &counts);
    const struct {
        enum metric_id metric;
        struct str label;
        uint64_t value;
    } samples[] = {
        {METRIC_FLEET_ARRIVALS, STR("sent"), counts.sent},
        {METRIC_FLEET_ARRIVALS, STR("taken"), counts.taken},
        {METRIC_FLEET_ARRIVALS, STR("dropped"), counts.dropped},
        {METRIC_FLEET_LOADS, STR("granted"), counts.granted},
        {METRIC_FLEET_LOADS, STR("joined"), counts.joined},
        {METRIC_FLEET_LOADS, STR("lost"), counts.lost},
        {METRIC_FLEET_LOADS, STR("alone"), counts.alone},
    };
    if (metric == METRIC_FLEET_CONNECTED)
        metrics_sample(writer, NULL, 0, counts.connected);
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++)
        if (samples[i].metric == metric)
            metrics_sample(writer, &samples[i].label, 1, (double)samples[i].value);
}

static void collect_runs(struct runs *runs, enum metric_id metric, struct metrics_writer *writer)
{
    struct runs_counts counts;
    if (metric < METRIC_RUNS || metric > METRIC_RUN_GUESSES)
        return;
    runs_counts(runs, &counts);
    const struct {
        enum metric_id metric;
        struct str label;
        uint64_t value;
    } samples[] = {
        {METRIC_RUNS, STR("learned"), counts.learned},
        {METRIC_RUNS, STR("known_again"), counts.known_again},
        {METRIC_RUNS, STR("refused"), counts.refused},
        {METRIC_RUNS, STR("dropped"), counts.dropped + counts.unreadable},
        {METRIC_RUNS, STR("too_long"), counts.too_long},
        {METRIC_RUNS, STR("crowded"), counts.crowded},
        {METRIC_RUNS_OPEN, {0}, counts.open},
        {METRIC_RUN_PATHS, {0}, counts.nodes},
        {METRIC_RUN_GUESSES, {0}, counts.told},
    };
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++)
        if (samples[i].metric == metric)
            metrics_sample(writer, &samples[i].label, samples[i].label.len > 0,
                           (double)samples[i].value);
}

static void collect_watch(const struct control_setup *setup, enum metric_id metric,
                          struct metrics_writer *writer)
{
    if (metric == METRIC_SOURCE_AGE)
        sources_collect(setup->sources, writer);
    if (metric == METRIC_ALERTS || metric == METRIC_ALERT_NOTICES ||
        metric == METRIC_ALERTS_WAITING || metric == METRIC_ALERTS_DROPPED)
        alerts_collect(setup->alerts, metric, writer);
}

static void collect(void *context, enum metric_id metric, struct metrics_writer *writer)
{
    const struct source *source = context;
    const struct engine *engine = brain_engine(source->brain);
    const struct str control_plane = STR("control");
    struct accounts totals;
    struct engine_pressure pressure;
    switch (metric) {
    case METRIC_WARMUPS:
    case METRIC_STATE:
    case METRIC_IDLE:
    case METRIC_REGRET:
    case METRIC_COST:
    case METRIC_DOUBTED:
    case METRIC_DECLINED:
    case METRIC_REPLICAS:
        for (uint32_t i = 0; i < engine_resource_count(engine); i++)
            if (brain_site(source->brain, i) && brain_site(source->brain, i)->configured)
                collect_resource(source, metric, i, writer);
        break;
    case METRIC_PREFILLS:
    case METRIC_PREFILL_SECONDS:
        for (uint32_t i = 0; i < engine_resource_count(engine); i++)
            if (brain_site(source->brain, i) && brain_site(source->brain, i)->configured)
                collect_prefills(source, metric, i, writer);
        break;
    case METRIC_PREWARM_HITS:
        engine_totals(engine, brain_now_ns(source->brain), &totals);
        metrics_sample(writer, NULL, 0, (double)totals.prewarm_hit);
        break;
    case METRIC_MEMORY:
        collect_memory(source, writer);
        break;
    case METRIC_DEVICE_MEMORY:
        collect_devices(source, writer);
        break;
    case METRIC_OVERLOADED:
        engine_pressure(engine, brain_now_ns(source->brain), &pressure);
        metrics_sample(writer, NULL, 0, pressure.overloaded);
        break;
    case METRIC_CONNECTIONS:
        metrics_sample(writer, &control_plane, 1,
                       (double)atomic_load(&source->call->control->connections));
        break;
    case METRIC_EVENTS:
        metrics_sample(writer, NULL, 0, (double)brain_event_count(source->brain));
        break;
    case METRIC_FLEET_CONNECTED:
    case METRIC_FLEET_ARRIVALS:
    case METRIC_FLEET_LOADS:
        if (brain_fleet(source->brain))
            collect_fleet(source, metric, writer);
        break;
    case METRIC_PREFETCH_ISSUED:
    case METRIC_PREFETCH_USED:
    case METRIC_PREFETCH_LATE:
    case METRIC_PREFETCH_UNUSED:
    case METRIC_PAGES:
    case METRIC_PAGE_CACHE:
        control_collect_pages(source->call->control, metric, writer);
        break;
    default:
        collect_runs(source->call->control->setup.runs, metric, writer);
        control_collect_demand(source->brain, metric, writer);
        collect_watch(&source->call->control->setup, metric, writer);
    }
}

bool control_metrics(struct brain *brain, struct call *call)
{
    struct source source = {brain, call};
    const struct metrics_source from = {&source, resource_label, collect};
    metrics_write(call->control->setup.metrics, &from, &call->out);
    call->content_type = "text/plain; version=0.0.4; charset=utf-8";
    return true;
}

bool control_ready(struct brain *brain, struct call *call)
{
    struct json json;
    if (atomic_load(&call->control->draining)) {
        call->err = FW_CLOSED;
        return true;
    }
    json_init(&json, &call->out, false);
    json_object(&json);
    json_key_bool(&json, "ready", true);
    json_key_uint(&json, "resources", brain_config(brain)->resource_count);
    json_object_end(&json);
    return true;
}
