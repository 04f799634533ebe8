/* SPDX-License-Identifier: MIT
 * Demand: counts what the brain steps, has foresight's work done by job threads, tells the engine
 * what is foretold (as events, so that the journal has them) and keeps it all in the store. */
#include "base/check.h"
#include "edge/brain_part.h"
#include "edge/log.h"
#include <math.h>
#include <stdlib.h>

#define SIGNAL_SOURCE "forewarm"
/* Service times are remembered for about so many requests. */
static const double service_weight = 1. / 32;

static struct foresight_settings settings_of(const struct config *config)
{
    return (struct foresight_settings){.series_max = config->demand_resources,
                                       .forecast_max = config->forecast_resources,
                                       .horizon_ns = config->forecast_horizon_ns,
                                       .capacity_buffer = config->capacity_buffer};
}

/* ---- anomalies ---- */

static void on_anomaly(void *context, const struct anomaly_record *anomaly,
                       enum anomaly_change change)
{
    (void)context;
    const char *resource = anomaly->resource[0] ? anomaly->resource : "all";
    if (change == ANOMALY_OPENED)
        log_warn("demand is not as usual", LOG_INT("anomaly", anomaly->number),
                 LOG_TEXT("resource", resource), LOG_TEXT("class", anomaly->class_name),
                 LOG_TEXT("reason", anomaly->reason));
    else if (change == ANOMALY_RESOLVED)
        log_info("demand is as usual again", LOG_INT("anomaly", anomaly->number),
                 LOG_TEXT("resource", resource));
}

/* ---- life ---- */

enum fw_err brain_foresee(struct brain *brain, const struct config *config,
                          struct fw_detail *detail)
{
    const struct foresight_settings settings = settings_of(config);
    FW_TRY(foresight_create(&brain->foresight, &settings));
    FW_TRY(foresight_load(brain->foresight, brain->setup.store, brain->now_ns, detail));
    foresight_watch(brain->foresight, on_anomaly, NULL);
    return FW_OK;
}

static void plan_from(struct foresight *foresight, const struct config *config,
                      const struct config_event *event)
{
    struct plan_item item = {.start_ns = event->start_ns,
                             .end_ns = event->end_ns,
                             .requests = event->requests,
                             .multiplier = event->multiplier,
                             .origin = PLAN_CONFIG};
    (void)snprintf(item.name, sizeof item.name, "%s", event->name);
    (void)snprintf(item.class_name, sizeof item.class_name, "%s", event->class_name);
    for (uint32_t i = 0; event->resource && i < config->resource_count; i++) {
        const struct config_resource *resource = &config->resources[i];
        bool meant = strcmp(event->resource, resource->id) == 0;
        for (uint32_t j = 0; j < resource->alias_count && !meant; j++)
            meant = strcmp(event->resource, resource->aliases[j]) == 0;
        if (meant)
            (void)snprintf(item.resource, sizeof item.resource, "%s", resource->id);
    }
    if (foresight_plan(foresight, &item, NULL) != FW_OK)
        log_warn("a planned event is not in the calendar: it is full",
                 LOG_TEXT("event", event->name));
}

void brain_foresee_anew(struct brain *brain, const struct config *config)
{
    const struct foresight_settings settings = settings_of(config);
    foresight_set(brain->foresight, &settings);
    foresight_forget_plans(brain->foresight, PLAN_CONFIG);
    for (uint32_t i = 0; i < config->event_count; i++)
        plan_from(brain->foresight, config, &config->events[i]);
}

/* ---- counting ---- */

void brain_count(struct brain *brain, const struct event *event)
{
    bool request = event->kind == EVENT_OBSERVED ||
                   (event->kind == EVENT_REQUEST && !(event->flags & EVENT_AGAIN));
    struct brain_place *place =
        event->resource < brain->place_count ? &brain->places[event->resource] : NULL;
    if (!brain->foresight || !place || !place->site)
        return;
    if ((event->kind == EVENT_END || event->kind == EVENT_OBSERVED) && event->duration_ns > 0) {
        double took_s = time_to_seconds(event->duration_ns);
        place->service_s = place->service_s > 0
                               ? place->service_s + service_weight * (took_s - place->service_s)
                               : took_s;
    }
    if (!request)
        return;
    struct str id = engine_resource_id(brain->engine, event->resource);
    uint32_t series = foresight_series(brain->foresight, id, event->at_ns);
    foresight_request(brain->foresight, series, event->at_ns);
}

/* ---- work ---- */

/* The table's steps as expectations of the planner's: hours from now on. */
static void tell_engine(struct brain *brain, uint32_t series)
{
    struct foresight_view view;
    uint32_t known;
    if (!brain->config->forecast_signal || !foresight_see(brain->foresight, series, &view) ||
        view.id[0] == '\0')
        return;
    uint32_t resource = brain_find(brain, str_of(view.id));
    struct site *site = brain_site(brain, resource);
    (void)counts_sum(view.counts, COUNT_HOUR, FORESIGHT_HISTORY_HOURS, &known);
    if (!site || !site->configured || known < FORESIGHT_TRAIN_HOURS ||
        brain->places[resource].forecast_until_ns > brain->now_ns)
        return;
    const struct demand_forecast *table = &view.forecast->table;
    uint32_t source = brain_source(brain, STR(SIGNAL_SOURCE));
    int64_t told_ns = brain_now_ns(brain);
    for (int h = 0; h < table->count && h < FORESIGHT_TELL_HOURS; h++) {
        int64_t from_ns = table->start_ns + h * table->step_ns, to_ns = from_ns + table->step_ns;
        double requests = fmin(fmax(table->expected[h], 0), EXPECT_REQUESTS_MAX);
        int64_t now_ns = brain_now_ns(brain), begin_ns = from_ns > now_ns ? from_ns : now_ns;
        if (to_ns <= told_ns || to_ns <= now_ns)
            continue;
        const struct event event = {.kind = EVENT_EXPECT,
                                    .resource = resource,
                                    .source = source,
                                    .eta_ns = begin_ns - now_ns,
                                    .duration_ns = to_ns - begin_ns,
                                    .probability = requests * (double)(to_ns - begin_ns) /
                                                   (double)table->step_ns};
        brain_step(brain, &event);
    }
}

static void foreseen(struct brain *brain, void *context)
{
    (void)context;
    brain->foreseeing = false;
    uint32_t series = foresight_take(brain->foresight, brain->foresight_work, brain_now_ns(brain));
    brain->foresight_work = NULL;
    if (series != FORESIGHT_NONE)
        tell_engine(brain, series);
}

static void run_foresight(struct job *job)
{
    struct brain *brain = (struct brain *)((char *)job - offsetof(struct brain, foresight_job));
    foresight_run(brain->foresight_work);
    brain_call(brain, foreseen, NULL);
}

/* Of what is known how much one GPU does. */
static void ask_capacity(struct brain *brain)
{
    const struct config *config = brain->config;
    const char *id = foresight_work_id(brain->foresight_work);
    uint32_t resource = id[0] ? brain_find(brain, str_of(id)) : TABLE_NONE;
    struct capacity_settings settings = capacity_defaults;
    settings.unit_capacity = brain_unit_capacity(brain, resource);
    settings.target_utilization = config->target_utilization;
    settings.warning_utilization = fmax(settings.warning_utilization, config->target_utilization);
    settings.service_level = config->service_level;
    settings.lead_time_ns = config->scale_lead_time_ns;
    if (settings.unit_capacity > 0)
        foresight_ask_capacity(brain->foresight_work, &settings, config->engine.hour_price_usd);
}

void brain_look_ahead(struct brain *brain)
{
    int64_t now_ns = brain_now_ns(brain);
    foresight_tick(brain->foresight, now_ns);
    if (brain->foreseeing)
        return;
    brain->foresight_work = foresight_next(brain->foresight, now_ns);
    if (!brain->foresight_work)
        return;
    ask_capacity(brain);
    brain->foreseeing = true;
    brain->foresight_job = (struct job){.run = run_foresight, .slow = true};
    jobs_submit(brain->setup.jobs, &brain->foresight_job, 0);
}

/* ---- keeping ---- */

static enum fw_err keep(struct brain *brain)
{
    struct store *store = brain->setup.store;
    return store->ops->put_parts(store, FORESIGHT_KIND, brain->keeping->parts,
                                 brain->keeping->count, &brain->keep_detail);
}

static void kept(struct brain *brain, void *context)
{
    (void)context;
    bool failed = atomic_load(&brain->keep_err) != FW_OK;
    foresight_parts_free(&brain->keeping);
    if (failed)
        foresight_not_kept(brain->foresight);
    if (failed && !brain->keep_failing)
        log_error("demand cannot be kept; counting goes on",
                  LOG_TEXT("reason", brain->keep_detail.text),
                  LOG_TEXT("next", "make room or correct the path; it is tried again"));
    if (!failed && brain->keep_failing)
        log_info("demand is kept again");
    brain->keep_failing = failed;
    if (!failed)
        brain->demand_kept_ns = brain->keeping_ns;
}

static void run_keep(struct job *job)
{
    struct brain *brain = (struct brain *)((char *)job - offsetof(struct brain, keep_job));
    brain->keep_detail.text[0] = '\0';
    atomic_store(&brain->keep_err, (int)keep(brain));
    brain_call(brain, kept, NULL);
}

void brain_keep_demand(struct brain *brain)
{
    int64_t now_ns = brain->now_ns;
    if (!brain->setup.store->ops->lasting || brain->keeping ||
        now_ns - brain->kept_ns < FORESIGHT_FLUSH_NS)
        return;
    brain->kept_ns = now_ns;
    brain->keeping_ns = now_ns;
    brain->keeping = foresight_changed(brain->foresight, now_ns);
    if (!brain->keeping)
        return;
    brain->keep_job = (struct job){.run = run_keep};
    jobs_submit(brain->setup.jobs, &brain->keep_job, 0);
}

/* With thread and jobs gone; what a job was still to write counts as changed. */
void brain_keep_demand_last(struct brain *brain)
{
    if (!brain->foresight || !brain->setup.store->ops->lasting)
        return;
    if (brain->keeping) {
        foresight_parts_free(&brain->keeping);
        foresight_not_kept(brain->foresight);
    }
    brain->keeping = foresight_changed(brain->foresight, brain->now_ns);
    if (brain->keeping && keep(brain) != FW_OK)
        log_error("demand could not be kept at the end",
                  LOG_TEXT("reason", brain->keep_detail.text),
                  LOG_TEXT("next", "what was counted since the last time is lost"));
    foresight_parts_free(&brain->keeping);
}

/* ---- for the control plane ---- */

struct foresight *brain_foresight(const struct brain *brain)
{
    return brain->foresight;
}

int64_t brain_demand_kept_ns(const struct brain *brain)
{
    return brain->demand_kept_ns;
}

double brain_service_s(const struct brain *brain, uint32_t resource)
{
    return resource < brain->place_count ? brain->places[resource].service_s : 0;
}

double brain_unit_capacity(const struct brain *brain, uint32_t resource)
{
    const struct site *site = brain_site(brain, resource);
    if (!site || !site->configured)
        return 0;
    const struct config_resource *config = site->config;
    double service_s = brain_service_s(brain, resource);
    if (config->unit_capacity > 0)
        return config->unit_capacity;
    double span = config->engine.span > 1 ? (double)config->engine.span : 1;
    return service_s > 0 ? 3600 * (double)config->replica_concurrency / (service_s * span) : 0;
}

void brain_heard_forecast(struct brain *brain, uint32_t resource, int64_t until_ns)
{
    if (resource < brain->place_count && brain->places[resource].forecast_until_ns < until_ns)
        brain->places[resource].forecast_until_ns = until_ns;
}
