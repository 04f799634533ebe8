/* SPDX-License-Identifier: MIT
 * How many replicas a resource needs: GET /v1/scale/{id} for KEDA's metrics-api scaler, and the
 * gauge that Prometheus hands to a HorizontalPodAutoscaler. */
#include "base/time.h"
#include "edge/control_part.h"
#include <math.h>

struct scaling {
    struct foresight_view view;
    double replicas, rate, now, service_s; /* rate, service_s: NAN not known */
    uint32_t held;
};

/* Replicas whose mean use by so many requests a second is the target, where it is known what one
 * of them does (requests an hour). */
static double needed(double rate, double replica, double target)
{
    double busy = replica > 0 ? rate * 3600 / (replica * target) : 0;
    return rate > 0 ? fmax(ceil(busy - 1e-9), 1) : 0;
}

static struct scaling scale_of(struct brain *brain, uint32_t resource, int64_t now_ns)
{
    struct scaling scale;
    struct resource_view seen;
    const struct config *config = brain_config(brain);
    const struct site *site = brain_site(brain, resource);
    int64_t concurrency = site->config->replica_concurrency;
    double span = site->config->engine.span > 1 ? (double)site->config->engine.span : 1;
    control_see(brain, foresight_find(brain_foresight(brain), site->id), resource, &scale.view);
    engine_view(brain_engine(brain), resource, now_ns, &seen);
    scale.service_s = brain_service_s(brain, resource);
    /* A rate that decays is never 0; less than a request in an hour is nobody. */
    scale.now = seen.rate_per_s * 3600 < 1 ? 0 : seen.rate_per_s;
    double rate =
        foresight_rate(scale.view.forecast, FORESIGHT_P90, now_ns, config->scale_lead_time_ns);
    scale.rate = isfinite(rate) ? rate : NAN;
    double most = isfinite(rate) ? fmax(rate * 3600 < 1 ? 0 : rate, scale.now) : scale.now;
    double replicas =
        needed(most, brain_unit_capacity(brain, resource) * span, config->target_utilization);
    uint32_t waiting = seen.held + seen.in_use;
    replicas = fmax(replicas, ceil((double)waiting / (double)concurrency));
    scale.replicas = seen.pinned ? fmax(replicas, 1) : replicas;
    scale.held = seen.held;
    return scale;
}

double control_replicas(struct brain *brain, uint32_t resource)
{
    return scale_of(brain, resource, brain_now_ns(brain)).replicas;
}

bool control_scale(struct brain *brain, struct call *call)
{
    struct json json;
    call->err = control_resolve(brain, call, call->id);
    if (call->err != FW_OK)
        return true;
    int64_t now_ns = brain_now_ns(brain);
    struct scaling scale = scale_of(brain, call->resource, now_ns);
    const struct foresight_forecast *forecast = scale.view.forecast;
    json_init(&json, &call->out, false);
    json_object(&json);
    json_key_text(&json, "resource", scale.view.id);
    json_key_uint(&json, "replicas", (uint64_t)fmin(scale.replicas, 1e6));
    json_key_double(&json, "rate_p90", scale.rate);
    json_key_uint(&json, "queue", scale.held);
    json_key_double(&json, "now", scale.now);
    json_key_double(&json, "service_s", scale.service_s > 0 ? scale.service_s : NAN);
    control_write_age(&json, forecast->made_ns, now_ns);
    json_key_bool(&json, "stale", foresight_is_stale(forecast, now_ns));
    json_object_end(&json);
    return true;
}
