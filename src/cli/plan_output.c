/* SPDX-License-Identifier: MIT */
#include "cli/plan_output.h"

#include "base/csv.h"
#include "base/json.h"
#include "base/time.h"
#include <math.h>

static void add_number(struct buf *out, double value, int decimals)
{
    char text[STR_NUMBER_MAX];
    buf_add_char(out, ',');
    buf_add_text(out, str_from_fixed(value, decimals, text));
}

static const char *row_time(const struct plan_output *plan, int t, char text[TIME_TEXT_MAX])
{
    const struct capacity_demand *demand = plan->question->demand;
    return time_format_iso(demand->start_ns + t * demand->step_ns, text);
}

static int units_of(const struct plan_output *plan, int t, int offer)
{
    const struct purchase *purchase = &plan->report->purchase;
    return purchase->units[(long)t * purchase->offer_count + offer];
}

/* ---- CSV ---- */

static void wide_header(const struct plan_output *plan, struct buf *out)
{
    char name[OFFERS_REGION_MAX + 32];
    for (int i = 0; i < CAPACITY_CASES; i++)
        buf_printf(out, ",%s_demand,%s_gpus", capacity_case_names[i], capacity_case_names[i]);
    buf_add_text(out, ",planned_demand,decided_by,unmet_gpus");
    for (int i = 0; i < plan->question->offers->count; i++) {
        const struct offer *offer = &plan->question->offers->rows[i];
        struct buf cell;
        buf_init(&cell, sizeof name);
        buf_printf(&cell, "%s %s", offers_tier_names[offer->tier], offer->region);
        buf_add_char(out, ',');
        csv_write(out, buf_str(&cell));
        buf_fini(&cell);
    }
}

static void wide_row(const struct plan_output *plan, int t, struct buf *out)
{
    const struct capacity_row *row = &plan->rows[t];
    for (int i = 0; i < CAPACITY_CASES; i++) {
        add_number(out, row->demand[i], 4);
        buf_printf(out, ",%d", row->gpus[i]);
    }
    add_number(out, row->planned, 4);
    buf_printf(out, ",%s,%d", capacity_reason_names[row->reason], plan->report->purchase.unmet[t]);
    for (int i = 0; i < plan->question->offers->count; i++)
        buf_printf(out, ",%d", units_of(plan, t, i));
}

void plan_output_csv(const struct plan_output *plan, struct buf *out)
{
    char text[TIME_TEXT_MAX];
    buf_add_text(out, "timestamp,recommended_gpus,burst_ready_gpus,recommended_cost_per_hour,"
                      "expected_utilization");
    if (plan->wide)
        wide_header(plan, out);
    buf_add_char(out, '\n');
    for (int t = 0; t < plan->question->demand->steps; t++) {
        const struct capacity_row *row = &plan->rows[t];
        buf_printf(out, "%s,%d,%d", row_time(plan, t, text), row->recommended, row->burst_ready);
        add_number(out, plan->report->purchase.cost_per_hour[t], 4);
        add_number(out, row->utilization, 6);
        if (plan->wide)
            wide_row(plan, t, out);
        buf_add_char(out, '\n');
    }
}

/* ---- JSON ---- */

static void json_settings(const struct plan_output *plan, struct json *json)
{
    const struct capacity_settings *settings = plan->question->settings;
    const struct paths_law *law = &plan->input->law;
    json_key_double(json, "unit_capacity", settings->unit_capacity);
    json_key_double(json, "batching_gain", settings->batching_gain);
    json_key_double(json, "target_utilization", settings->target_utilization);
    json_key_double(json, "warning_utilization", settings->warning_utilization);
    json_key_text(json, "rule", settings->buffer > 0 ? "buffer" : "service_level");
    json_key_double(json, "service_level", settings->service_level);
    json_key_double(json, "buffer", settings->buffer);
    json_key_double(json, "lead_time_s", (double)settings->lead_time_ns / 1e9);
    json_key_uint(json, "paths", (uint64_t)plan->question->demand->path_count);
    json_key_text(json, "highest_demand_by",
                  plan->question->demand->peak_service != NULL ? "past windows" : "joint paths");
    json_key(json, "error_correlation");
    json_object(json);
    json_key_fixed(json, "shared", law->shared, 4);
    json_key_fixed(json, "decay", law->decay, 4);
    json_key_bool(json, "measured", law->pairs > 0);
    json_object_end(json);
}

static void json_offers(const struct plan_output *plan, struct json *json)
{
    json_array(json);
    for (int i = 0; i < plan->question->offers->count; i++) {
        const struct offer *offer = &plan->question->offers->rows[i];
        double sum = 0;
        int steps = plan->question->demand->steps;
        for (int t = 0; t < steps; t++)
            sum += units_of(plan, t, i);
        json_object(json);
        json_key_text(json, "tier", offers_tier_names[offer->tier]);
        json_key_text(json, "region", offer->region);
        json_key_double(json, "price_per_hour", offer->per_hour);
        json_key_uint(json, "price_changes", (uint64_t)offer->change_count);
        json_key_fixed(json, "average_gpus", sum / steps, 4);
        json_object_end(json);
    }
    json_array_end(json);
}

static void json_row(const struct plan_output *plan, int t, struct json *json)
{
    char text[TIME_TEXT_MAX];
    const struct capacity_row *row = &plan->rows[t];
    json_object(json);
    json_key_text(json, "timestamp", row_time(plan, t, text));
    json_key_int(json, "recommended_gpus", row->recommended);
    json_key_int(json, "burst_ready_gpus", row->burst_ready);
    json_key_fixed(json, "recommended_cost_per_hour", plan->report->purchase.cost_per_hour[t], 4);
    json_key_fixed(json, "expected_utilization", row->utilization, 6);
    json_key_double(json, "planned_demand", row->planned);
    json_key_text(json, "decided_by", capacity_reason_names[row->reason]);
    json_key_int(json, "unmet_gpus", plan->report->purchase.unmet[t]);
    for (int i = 0; i < CAPACITY_CASES; i++) {
        json_key(json, capacity_case_names[i]);
        json_object(json);
        json_key_double(json, "demand", row->demand[i]);
        json_key_int(json, "gpus", row->gpus[i]);
        json_object_end(json);
    }
    json_key(json, "gpus_by_offer");
    json_array(json);
    for (int i = 0; i < plan->question->offers->count; i++)
        json_int(json, units_of(plan, t, i));
    json_array_end(json);
    json_object_end(json);
}

static void json_fleets(const struct plan_output *plan, struct json *json)
{
    json_object(json);
    for (int i = 0; i < CAPACITY_FLEETS; i++) {
        const struct capacity_account *fleet = &plan->report->fleets[i];
        json_key(json, capacity_fleet_names[i]);
        json_object(json);
        json_key_double(json, "hours", fleet->hours);
        json_key_fixed(json, "cost", fleet->cost, 2);
        json_key_fixed(json, "cost_per_month", fleet->cost_month, 2);
        json_key_fixed(json, "average_gpus", fleet->average, 4);
        json_key_int(json, "peak_gpus", fleet->peak);
        json_key_fixed(json, "utilization", fleet->utilization, 6);
        json_key_fixed(json, "shortage_hours", fleet->short_hours, 6);
        json_key_fixed(json, "missing_gpu_hours", fleet->missing_hours, 6);
        json_key_fixed(json, "strained_hours", fleet->strained_hours, 6);
        json_key_fixed(json, "shortage_probability", fleet->short_chance, 6);
        json_key_int(json, "unmet_gpus", fleet->unmet_peak);
        json_object_end(json);
    }
    json_object_end(json);
}

static void json_comparison(const struct capacity_report *report, struct json *json)
{
    json_object(json);
    json_key_bool(json, "current_told", report->current_told);
    json_key_fixed(json, "gpu_price_per_hour", report->unit_price, 6);
    json_key_fixed(json, "shortage_price_per_gpu_hour", report->short_price, 4);
    json_key_bool(json, "shortage_price_told", report->short_price_told);
    json_key_double(json, "increase_over_baseline", report->increase);
    json_key_double(json, "spike_protection_premium", report->premium);
    json_key_fixed(json, "extra_cost", report->extra_cost, 2);
    json_key_fixed(json, "avoided_shortage_hours", report->avoided_short_hours, 6);
    json_key_fixed(json, "avoided_missing_gpu_hours", report->avoided_missing_hours, 6);
    json_key_double(json, "cost_per_avoided_shortage_hour", report->cost_per_avoided_hour);
    json_key_double(json, "return_on_investment", report->returns);
    json_key_double(json, "all_on_demand_cost", report->on_demand_cost);
    json_key_fixed(json, "batching_10_percent_saves_per_month", report->batching_saving_month, 2);
    json_key_fixed(json, "spot_interruptions", report->purchase.interruptions, 4);
    json_object_end(json);
}

static void json_policy(const char *name, const struct scaling_policy *policy,
                        const struct scaling_result *result, struct json *json)
{
    json_key(json, name);
    json_object(json);
    json_key_double(json, "scale_up_above", policy->up);
    json_key_double(json, "scale_down_below", policy->down);
    json_key_double(json, "cooldown_up_s", (double)policy->cooldown_up_ns / 1e9);
    json_key_double(json, "cooldown_down_s", (double)policy->cooldown_down_ns / 1e9);
    json_key_double(json, "max_factor", policy->factor);
    json_key_double(json, "hours", result->hours);
    json_key_fixed(json, "gpu_hours", result->unit_hours, 4);
    json_key_fixed(json, "cost", result->cost, 2);
    json_key_fixed(json, "shortage_hours", result->short_hours, 4);
    json_key_fixed(json, "missing_gpu_hours", result->missing_unit_hours, 4);
    json_key_fixed(json, "strained_hours", result->strained_hours, 4);
    json_key_fixed(json, "utilization", result->utilization, 6);
    json_key_int(json, "first_gpus", result->first);
    json_key_int(json, "peak_gpus", result->peak);
    json_key_int(json, "scale_ups", result->ups);
    json_key_int(json, "scale_downs", result->downs);
    json_object_end(json);
}

static void json_scaling(const struct capacity_scaling *scaling, struct json *json)
{
    if (scaling == NULL) {
        json_null(json);
        return;
    }
    json_object(json);
    json_key_double(json, "tuned_on_share", scaling->share);
    json_key_uint(json, "policies_tried", SCALING_TRIED);
    json_policy("whole_history", &scaling->policy, &scaling->whole, json);
    json_policy("later_part", &scaling->policy, &scaling->before, json);
    json_policy("later_part_tuned", &scaling->tuned, &scaling->after, json);
    json_object_end(json);
}

struct saying {
    struct json *json;
    struct buf *out;
    int section;
};

static void say_json(void *context, enum capacity_section section, const char *sentence)
{
    struct saying *saying = context;
    while (saying->section < (int)section) {
        if (saying->section >= 0)
            json_array_end(saying->json);
        json_key(saying->json, capacity_section_names[++saying->section]);
        json_array(saying->json);
    }
    json_text(saying->json, sentence);
}

static void json_words(const struct plan_output *plan, struct json *json)
{
    struct saying saying = {json, NULL, -1};
    json_object(json);
    capacity_words(plan->question, plan->rows, plan->report, plan->scaling, say_json, &saying);
    while (saying.section < CAPACITY_SECTIONS - 1) {
        if (saying.section >= 0)
            json_array_end(json);
        json_key(json, capacity_section_names[++saying.section]);
        json_array(json);
    }
    json_array_end(json);
    json_object_end(json);
}

void plan_output_json(const struct plan_output *plan, struct buf *out)
{
    struct json json;
    json_init(&json, out, true);
    json_object(&json);
    json_key_text(&json, "input", plan->input->series ? "series" : "forecast");
    json_key(&json, "series");
    series_read_json(&plan->input->read, &json);
    json_key(&json, "settings");
    json_object(&json);
    json_settings(plan, &json);
    json_object_end(&json);
    json_key(&json, "offers");
    json_offers(plan, &json);
    json_key(&json, "plan");
    json_array(&json);
    for (int t = 0; t < plan->question->demand->steps; t++)
        json_row(plan, t, &json);
    json_array_end(&json);
    json_key(&json, "fleets");
    json_fleets(plan, &json);
    json_key(&json, "comparison");
    json_comparison(plan->report, &json);
    json_key(&json, "scaling_policy");
    json_scaling(plan->scaling, &json);
    json_key(&json, "recommendations");
    json_words(plan, &json);
    json_object_end(&json);
    buf_add_char(out, '\n');
}

/* ---- words ---- */

static void say_text(void *context, enum capacity_section section, const char *sentence)
{
    struct saying *saying = context;
    if (saying->section != (int)section)
        buf_printf(saying->out, "%s%s\n", saying->section < 0 ? "" : "\n",
                   capacity_section_titles[section]);
    saying->section = (int)section;
    buf_printf(saying->out, "  %s\n", sentence);
}

void plan_output_words(const struct plan_output *plan, struct buf *out)
{
    struct saying saying = {NULL, out, -1};
    capacity_words(plan->question, plan->rows, plan->report, plan->scaling, say_text, &saying);
}
