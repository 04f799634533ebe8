/* SPDX-License-Identifier: MIT
 * GPUs and money: /v1/plan, of one resource or of all that are foretold. */
#include "base/time.h"
#include "edge/control_part.h"
#include <math.h>

static void write_units(struct json *json, int recommended, int burst_ready, double cost)
{
    json_key_int(json, "recommended_gpus", recommended);
    json_key_int(json, "burst_ready_gpus", burst_ready);
    json_key_fixed(json, "recommended_cost_per_hour", cost, 4);
}

static void write_row(struct json *json, const struct foresight_capacity *capacity, int t)
{
    char text[TIME_TEXT_MAX];
    const struct capacity_row *row = &capacity->rows[t];
    json_object(json);
    json_key_text(json, "timestamp",
                  time_format_iso(capacity->start_ns + t * capacity->step_ns, text));
    write_units(json, row->recommended, row->burst_ready, capacity->cost_per_hour[t]);
    json_key_fixed(json, "expected_utilization", row->utilization, 6);
    json_key_fixed(json, "planned_demand", row->planned, 3);
    json_key_text(json, "decided_by", capacity_reason_names[row->reason]);
    for (int i = 0; i < CAPACITY_CASES; i++)
        json_key_int(json, capacity_case_names[i], row->gpus[i]);
    json_object_end(json);
}

static void write_settings(struct json *json, const struct foresight_capacity *capacity)
{
    const struct capacity_settings *settings = &capacity->settings;
    json_key(json, "settings");
    json_object(json);
    json_key_double(json, "unit_capacity", settings->unit_capacity);
    json_key_double(json, "unit_cost_per_hour", capacity->unit_cost);
    json_key_double(json, "target_utilization", settings->target_utilization);
    json_key_double(json, "warning_utilization", settings->warning_utilization);
    json_key_double(json, "service_level", settings->service_level);
    json_key_double(json, "lead_time_s", time_to_seconds(settings->lead_time_ns));
    json_object_end(json);
}

static void write_plan(struct json *json, const struct foresight_view *view, double unit,
                       int64_t now_ns)
{
    const struct foresight_capacity *capacity = view->capacity;
    bool stale = capacity->steps > 0 && (now_ns - capacity->made_ns > FORESIGHT_STALE_NS ||
                                         capacity->failed || view->forecast->failed);
    const char *why = capacity->failed         ? capacity->reason
                      : view->forecast->failed ? view->forecast->reason
                      : stale                  ? "it was not made anew in time"
                      : capacity->steps > 0    ? NULL
                      : !(unit > 0) ? "no request was answered yet, and no unit_capacity is set"
                                    : "too few hours are known yet";
    json_object(json);
    json_key_text(json, "resource", view->id);
    control_write_time(json, "made_at", capacity->made_ns);
    json_key(json, "age_s");
    if (capacity->made_ns > 0)
        json_fixed(json, time_to_seconds(now_ns - capacity->made_ns), 3);
    else
        json_null(json);
    json_key_bool(json, "stale", stale);
    json_key_text(json, "reason", why);
    write_settings(json, capacity);
    json_key(json, "plan");
    json_array(json);
    for (int t = 0; t < capacity->steps; t++)
        write_row(json, capacity, t);
    json_array_end(json);
    json_key(json, "report");
    if (capacity->steps > 0)
        json_raw(json, buf_str(&capacity->words));
    else
        json_null(json);
    json_object_end(json);
}

/* The row of an instant; NULL: none is planned then. */
static const struct capacity_row *row_at(const struct foresight_capacity *capacity, int64_t at_ns,
                                         double *cost)
{
    int64_t t = capacity->steps > 0 ? (at_ns - capacity->start_ns) / capacity->step_ns : -1;
    if (t < 0 || t >= capacity->steps || at_ns < capacity->start_ns)
        return NULL;
    *cost = capacity->cost_per_hour[t];
    return &capacity->rows[t];
}

/* The sums of all plans, hour by hour from the one under way on. */
static void write_total(struct json *json, const struct foresight *foresight, int64_t now_ns,
                        int64_t horizon_ns)
{
    char text[TIME_TEXT_MAX];
    struct foresight_view view;
    int64_t first_ns = now_ns / TIME_HOUR * TIME_HOUR;
    for (int64_t at_ns = first_ns; at_ns < now_ns + horizon_ns; at_ns += TIME_HOUR) {
        int recommended = 0, burst_ready = 0, plans = 0;
        double cost = 0, one = 0;
        for (uint32_t i = 1; foresight_see(foresight, i, &view); i++) {
            const struct capacity_row *row =
                view.foretold ? row_at(view.capacity, at_ns, &one) : NULL;
            if (!row)
                continue;
            recommended += row->recommended;
            burst_ready += row->burst_ready;
            cost += one;
            plans++;
        }
        if (plans == 0)
            continue;
        json_object(json);
        json_key_text(json, "timestamp", time_format_iso(at_ns, text));
        write_units(json, recommended, burst_ready, cost);
        json_object_end(json);
    }
}

bool control_plan(struct brain *brain, struct call *call)
{
    const struct foresight *foresight = brain_foresight(brain);
    struct foresight_view view;
    struct json json;
    int64_t now_ns = brain_now_ns(brain);
    if (call->id[0]) {
        call->err = control_resolve(brain, call, call->id);
        if (call->err != FW_OK)
            return true;
    }
    const char *id = call->id[0] ? brain_site(brain, call->resource)->id : NULL;
    json_init(&json, &call->out, false);
    json_object(&json);
    json_key(&json, "plans");
    json_array(&json);
    for (uint32_t i = 1; foresight_see(foresight, i, &view); i++) {
        uint32_t resource = brain_find(brain, str_of(view.id));
        if (id ? strcmp(id, view.id) == 0 : view.foretold)
            write_plan(&json, &view, brain_unit_capacity(brain, resource), now_ns);
    }
    json_array_end(&json);
    json_key(&json, "total");
    json_array(&json);
    if (!id)
        write_total(&json, foresight, now_ns, brain_config(brain)->forecast_horizon_ns);
    json_array_end(&json);
    json_object_end(&json);
    return true;
}
