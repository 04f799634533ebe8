/* SPDX-License-Identifier: MIT
 * The signals' state as bytes, exactly. */
#include "learn/recall.h"
#include "plan/planner.h"
#include <math.h>
#include <stdlib.h>

static void save_plan(const struct outlook_plan *plan, struct buf *out)
{
    buf_put_u8(out, plan->count);
    for (int i = 0; plan->count != SIGNAL_UNKNOWN && i < plan->count; i++) {
        buf_put_u32(out, plan->from[i]);
        buf_put_u32(out, plan->to[i]);
    }
}

static bool load_plan(struct outlook_plan *plan, struct buf_reader *in)
{
    plan->count = buf_get_u8(in);
    if (in->failed || plan->count == SIGNAL_UNKNOWN)
        return !in->failed;
    if (plan->count > OUTLOOK_WINDOWS)
        return false;
    for (int i = 0; i < plan->count; i++)
        if (!recall_u16(in, &plan->from[i]) || !recall_u16(in, &plan->to[i]))
            return false;
    return true;
}

static void save_plans(const struct signal_plans *plans, struct buf *out)
{
    save_plan(&plans->plan, out);
    save_plan(&plans->judged, out);
    buf_put_float(out, plans->track.lead_s);
    buf_put_float(out, plans->track.squares);
    buf_put_float(out, plans->track.cost_s);
    buf_put_u32(out, plans->track.judged);
    buf_put_u8(out, plans->track.acts);
}

static bool load_plans(struct signal_plans *plans, struct buf_reader *in)
{
    if (!load_plan(&plans->plan, in) || !load_plan(&plans->judged, in))
        return false;
    plans->track.lead_s = buf_get_float(in);
    return isfinite(plans->track.lead_s) && recall_count(in, &plans->track.squares) &&
           recall_count(in, &plans->track.cost_s) && recall_u16(in, &plans->track.judged) &&
           recall_flag(in, &plans->track.acts);
}

static void save_forecast(const struct signal_forecast *forecast, struct buf *out)
{
    buf_put_u8(out, forecast != NULL);
    if (!forecast)
        return;
    save_plans(&forecast->plans, out);
    buf_put_i64(out, forecast->first_hour);
    buf_put_u32(out, forecast->source);
    for (int i = 0; i < FORECAST_HOURS; i++)
        buf_put_u32(out, forecast->expected[i]);
}

static bool load_forecast(struct signal_forecast **forecast, struct buf_reader *in)
{
    bool present;
    if (!recall_flag(in, &present) || !present)
        return !in->failed;
    if (!(*forecast = calloc(1, sizeof **forecast)) || !load_plans(&(*forecast)->plans, in))
        return false;
    (*forecast)->first_hour = buf_get_i64(in);
    if (!recall_u16(in, &(*forecast)->source))
        return false;
    for (int i = 0; i < FORECAST_HOURS; i++)
        if (!recall_u16(in, &(*forecast)->expected[i]))
            return false;
    return (*forecast)->first_hour >= 0 && (*forecast)->first_hour <= RECALL_INSTANT_MAX &&
           (*forecast)->source < SIGNAL_SOURCES;
}

static void save_resource(const struct signal_resource *resource, struct buf *out)
{
    buf_put_u8(out, resource != NULL);
    if (!resource)
        return;
    clock_save(&resource->clock, out);
    for (int i = 0; i < OUTLOOK_AGES; i++) {
        buf_put_float(out, resource->met[i]);
        buf_put_float(out, resource->silent[i]);
    }
    save_plans(&resource->plans, out);
    save_forecast(resource->forecast, out);
    buf_put_u8(out, resource->followed);
    buf_put_u8(out, resource->followed_judged);
    buf_put_u8(out, resource->short_gaps);
    buf_put_u8(out, resource->skipped);
}

static bool load_resource(struct signal_resource **to, struct buf_reader *in)
{
    bool present;
    if (!recall_flag(in, &present) || !present)
        return !in->failed;
    struct signal_resource *resource = *to = calloc(1, sizeof **to);
    if (!resource || !clock_load(&resource->clock, in))
        return false;
    for (int i = 0; i < OUTLOOK_AGES; i++)
        if (!recall_count(in, &resource->met[i]) || !recall_count(in, &resource->silent[i]))
            return false;
    if (!load_plans(&resource->plans, in) || !load_forecast(&resource->forecast, in))
        return false;
    resource->followed = buf_get_u8(in);
    resource->followed_judged = buf_get_u8(in);
    resource->short_gaps = buf_get_u8(in);
    resource->skipped = buf_get_u8(in);
    return !in->failed && resource->followed <= SIGNAL_NONE &&
           resource->followed_judged <= SIGNAL_NONE;
}

static bool load_signed(double *value, struct buf_reader *in)
{
    *value = buf_get_double(in);
    return !in->failed && isfinite(*value);
}

void planner_signals_save(const struct planner *planner, struct buf *out)
{
    const struct planner_signals *signals = &planner->signals;
    clock_pool_save(&signals->clock, out);
    for (int i = 0; i < SIGNAL_SOURCES; i++) {
        const struct signal_pool *pool = &signals->pools[i];
        buf_put_double(out, pool->lead_s);
        buf_put_double(out, pool->squares);
        buf_put_double(out, pool->cost_s);
        buf_put_double(out, pool->gaps);
        buf_put_double(out, pool->open_lead_s);
        buf_put_double(out, signals->sweep_lead_s[i]);
    }
    for (uint32_t i = 0; i < planner->count; i++) {
        buf_put_u8(out, planner->resources[i].signals_judged);
        save_resource(signals->resources[i], out);
    }
}

/* A plan that is followed must be there. */
static bool consistent(const struct signal_resource *resource)
{
    if (!resource)
        return true;
    bool forecast = resource->forecast != NULL;
    return (resource->followed != SIGNAL_CLOCK || resource->plans.plan.count != SIGNAL_UNKNOWN) &&
           (forecast || (resource->followed != SIGNAL_FORECAST &&
                         resource->followed_judged != SIGNAL_FORECAST));
}

bool planner_signals_load(struct planner *planner, struct buf_reader *in)
{
    struct planner_signals *signals = &planner->signals;
    if (!clock_pool_load(&signals->clock, in))
        return false;
    for (int i = 0; i < SIGNAL_SOURCES; i++) {
        struct signal_pool *pool = &signals->pools[i];
        if (!load_signed(&pool->lead_s, in) || !recall_positive(in, &pool->squares) ||
            !recall_positive(in, &pool->cost_s) || !recall_positive(in, &pool->gaps) ||
            !load_signed(&pool->open_lead_s, in) || !load_signed(&signals->sweep_lead_s[i], in))
            return false;
    }
    for (uint32_t i = 0; i < planner->count; i++)
        if (!recall_flag(in, &planner->resources[i].signals_judged) ||
            !load_resource(&signals->resources[i], in) || !consistent(signals->resources[i]) ||
            (planner->resources[i].signals_judged && !signals->resources[i]))
            return false;
    return true;
}
