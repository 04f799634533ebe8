/* SPDX-License-Identifier: MIT
 * Demand as it was and will be: /v1/demand, /v1/forecast, /v1/anomalies, /v1/scale. */
#include "base/time.h"
#include "edge/control_part.h"
#include <math.h>

enum { HISTORY_HOURS = 168 };

/* ---- which series ---- */

/* The call's ?resource=, or the total without one. False: the call has its error. */
static bool find_series(struct brain *brain, struct call *call, struct foresight_view *view)
{
    const struct foresight *foresight = brain_foresight(brain);
    uint32_t series = FORESIGHT_TOTAL;
    if (call->id[0]) {
        call->err = control_resolve(brain, call, call->id);
        if (call->err != FW_OK)
            return false;
        series = foresight_find(foresight, brain_site(brain, call->resource)->id);
    }
    control_see(brain, series, call->resource, view);
    return true;
}

void control_see(struct brain *brain, uint32_t series, uint32_t resource,
                 struct foresight_view *view)
{
    static const struct foresight_forecast none;
    static const struct foresight_model model;
    static const struct foresight_validity validity;
    static const struct foresight_capacity capacity;
    if (!foresight_see(brain_foresight(brain), series, view))
        *view = (struct foresight_view){.id = brain_site(brain, resource)->id,
                                        .forecast = &none,
                                        .model = &model,
                                        .validity = &validity,
                                        .capacity = &capacity};
}

static void write_series_name(struct json *json, const char *id)
{
    json_key_text(json, "resource", id[0] ? id : NULL);
}

void control_write_age(struct json *json, int64_t made_ns, int64_t now_ns)
{
    json_key(json, "age_s");
    if (made_ns == 0)
        json_null(json);
    else
        json_fixed(json, time_to_seconds(now_ns - made_ns), 3);
}

/* ---- /v1/demand ---- */

static void write_slots(struct json *json, const struct counts *counts, enum count_grain grain,
                        uint32_t most)
{
    const struct count_grain_row *row = &count_grains[grain];
    int64_t first = counts ? counts->slot[grain] - (int64_t)most + 1 : 0;
    while (counts && first < counts->slot[grain] &&
           counts_get(counts, grain, first) == COUNT_MISSING)
        first++;
    control_write_time(json, "start", counts ? first * row->step_ns : 0);
    json_key_int(json, "every_s", row->step_ns / TIME_SECOND);
    json_key(json, "requests");
    json_array(json);
    for (int64_t slot = first; counts && slot <= counts->slot[grain]; slot++) {
        uint32_t value = counts_get(counts, grain, slot);
        if (value == COUNT_MISSING)
            json_null(json);
        else
            json_uint(json, value);
    }
    json_array_end(json);
}

bool control_demand(struct brain *brain, struct call *call)
{
    struct foresight_view view;
    struct json json;
    int grain = 0;
    while (grain < COUNT_GRAIN_COUNT && call->query[0] &&
           strcmp(call->query, count_grains[grain].name) != 0)
        grain++;
    if (grain == COUNT_GRAIN_COUNT) {
        call->err =
            err_set(&call->detail, FW_INPUT,
                    "grain: found \"%.40s\", expected minute, ten_minutes or hour", call->query);
        return true;
    }
    if (!call->query[0])
        grain = COUNT_HOUR;
    if (!find_series(brain, call, &view))
        return true;
    json_init(&json, &call->out, false);
    json_object(&json);
    write_series_name(&json, view.id);
    json_key_text(&json, "grain", count_grains[grain].name);
    write_slots(&json, view.counts, (enum count_grain)grain, count_grains[grain].slots);
    json_object_end(&json);
    return true;
}

/* ---- /v1/forecast ---- */

static void write_row(struct json *json, const struct demand_forecast *table, int h)
{
    char text[TIME_TEXT_MAX];
    json_object(json);
    json_key_text(json, "timestamp", time_format_iso(table->start_ns + h * table->step_ns, text));
    json_key_fixed(json, "baseline", table->baseline[h], 3);
    json_key_fixed(json, "expected_value", table->expected[h], 3);
    json_key_fixed(json, "spike_probability", table->spike[h], 6);
    for (int i = 0; i < FORESIGHT_QUANTILES; i++)
        json_key_fixed(json, foresight_quantile_names[i], table->quantile[i][h], 3);
    json_key_fixed(json, "recommended_capacity", table->capacity[h], 3);
    json_object_end(json);
}

static void write_past(struct json *json, const struct demand_forecast *table)
{
    const struct demand_verdict *verdict = &table->verdict;
    json_key(json, "past");
    json_array(json);
    for (int i = 0; table->count > 0 && i < verdict->block_count; i++) {
        json_object(json);
        json_key_int(json, "up_to_hours", verdict->usual[i]);
        json_key_int(json, "cases", verdict->blocks.cases[i]);
        json_key_double(json, "mean_absolute_error", verdict->blocks.error[i]);
        json_key_double(json, "last_day_error", verdict->blocks.day[i]);
        json_key_double(json, "last_week_error", verdict->blocks.week[i]);
        json_key_bool(json, "fell_back", verdict->blocks.fell_back[i]);
        json_object_end(json);
    }
    json_array_end(json);
}

static void write_validity(struct json *json, const struct foresight_validity *validity)
{
    json_key(json, "validation");
    if (validity->at_ns == 0) {
        json_null(json);
        return;
    }
    json_object(json);
    control_write_time(json, "at", validity->at_ns);
    json_key_uint(json, "hours", validity->hours);
    json_key_double(json, "mase", validity->mase);
    json_key_double(json, "naive_mase", validity->naive_mase);
    json_key_double(json, "ratio", validity->ratio);
    json_key_double(json, "coverage_90", validity->coverage);
    json_key_bool(json, "fell_back", validity->lost);
    json_key_uint(json, "validations", validity->validations);
    json_object_end(json);
}

static void write_model(struct json *json, const struct foresight_view *view)
{
    const struct foresight_model *model = view->model;
    const struct foresight_forecast *forecast = view->forecast;
    json_key_text(json, "model",
                  forecast->table.count == 0 ? NULL
                  : forecast->naive          ? "seasonal-naive"
                  : forecast->boosted        ? "ensemble+boost"
                                             : "ensemble");
    control_write_time(json, "trained_at", model->trained_ns);
    json_key(json, "accuracy");
    json_object(json);
    write_past(json, &forecast->table);
    write_validity(json, view->validity);
    json_object_end(json);
}

/* Why there is no forecast, or why it is not to be relied on. */
static const char *reason_of(const struct foresight_view *view, bool stale)
{
    if (view->forecast->failed)
        return view->forecast->reason;
    if (stale)
        return "it was not made anew in time";
    if (view->forecast->table.count > 0)
        return NULL;
    return view->foretold ? "too few hours are known yet"
                          : "not among the most demanded; see forecast_resources";
}

static void write_notes(struct json *json, const struct demand_forecast *table)
{
    struct buf notes;
    buf_init(&notes, 1 << 16);
    if (table->count > 0)
        demand_describe(table, &notes);
    buf_add_text(&notes, "events nobody announced, lasting changes and failures elsewhere are not "
                         "foreseen; plan by the quantiles, not by the mean\n");
    struct str rest = buf_str(&notes), line;
    json_key(json, "notes");
    json_array(json);
    while (rest.len > 0 && str_cut(&rest, '\n', &line))
        if (line.len > 0)
            json_str(json, line);
    json_array_end(json);
    buf_fini(&notes);
}

bool control_foresee(struct brain *brain, struct call *call)
{
    struct foresight_view view;
    struct json json;
    if (!find_series(brain, call, &view))
        return true;
    const struct foresight_forecast *forecast = view.forecast;
    int64_t now_ns = brain_now_ns(brain);
    bool stale = foresight_is_stale(forecast, now_ns);
    json_init(&json, &call->out, false);
    json_object(&json);
    write_series_name(&json, view.id);
    json_key_text(&json, "unit", "requests");
    json_key_int(&json, "every_s", TIME_HOUR / TIME_SECOND);
    control_write_time(&json, "made_at", forecast->made_ns);
    control_write_age(&json, forecast->made_ns, now_ns);
    json_key_uint(&json, "refreshes", forecast->refreshes);
    json_key_bool(&json, "stale", stale);
    json_key_text(&json, "reason", reason_of(&view, stale));
    write_model(&json, &view);
    json_key(&json, "history");
    json_object(&json);
    write_slots(&json, view.counts, COUNT_HOUR, HISTORY_HOURS);
    json_object_end(&json);
    json_key(&json, "forecast");
    json_array(&json);
    for (int h = 0; h < forecast->table.count; h++)
        write_row(&json, &forecast->table, h);
    json_array_end(&json);
    write_notes(&json, &forecast->table);
    json_object_end(&json);
    return true;
}

/* ---- /v1/anomalies ---- */

void control_write_anomaly(struct json *json, const struct anomaly_record *record)
{
    json_object(json);
    json_key_uint(json, "id", record->number);
    write_series_name(json, record->resource);
    json_key_text(json, "class", record->class_name);
    json_key_bool(json, "planned", record->planned);
    json_key_text(json, "state", record->open ? "open" : "resolved");
    control_write_time(json, "began_at", record->began_ns);
    control_write_time(json, "opened_at", record->opened_ns);
    control_write_time(json, "resolved_at", record->resolved_ns);
    json_key_int(json, "every_s", count_grains[COUNT_TEN].step_ns / TIME_SECOND);
    json_key_double(json, "value", record->value);
    json_key_double(json, "usual", record->usual);
    json_key_double(json, "multiplier", record->multiplier);
    json_key_fixed(json, "score", record->score, 4);
    json_key_fixed(json, "p_value", record->p, 6);
    json_key_fixed(json, "probability", record->probability, 4);
    json_key_text(json, "reason", record->reason);
    json_object_end(json);
}

bool control_anomalies(struct brain *brain, struct call *call)
{
    const struct foresight *foresight = brain_foresight(brain);
    const struct anomaly_record *record;
    struct json json;
    bool open_only = strcmp(call->query, "open") == 0;
    if (call->query[0] && !open_only && strcmp(call->query, "all") != 0) {
        call->err = err_set(&call->detail, FW_INPUT, "state: found \"%.40s\", expected open or all",
                            call->query);
        return true;
    }
    if (call->id[0]) {
        call->err = control_resolve(brain, call, call->id);
        if (call->err != FW_OK)
            return true;
    }
    const char *id = call->id[0] ? brain_site(brain, call->resource)->id : NULL;
    json_init(&json, &call->out, false);
    json_object(&json);
    json_key(&json, "anomalies");
    json_array(&json);
    for (size_t i = 0; (record = foresight_anomaly(foresight, i)) != NULL; i++)
        if ((record->open || !open_only) && (!id || strcmp(record->resource, id) == 0))
            control_write_anomaly(&json, record);
    json_array_end(&json);
    json_object_end(&json);
    return true;
}
