/* SPDX-License-Identifier: MIT
 * From a forecast's joint paths to GPUs and money; on a job's thread. */
#include "base/json.h"
#include "edge/demand/foresight_part.h"
#include "plan/capacity_words.h"
#include <stdio.h>
#include <stdlib.h>

enum { WORDS_BYTES_MAX = 1 << 20 };

void foresight_ask_capacity(struct foresight_work *work, const struct capacity_settings *settings,
                            double unit_cost)
{
    if (work->kind != WORK_REFRESH)
        return;
    work->capacity.settings = *settings;
    work->capacity.unit_cost = unit_cost;
    work->capacity.asked = true;
    work->settings.path_count = FORESIGHT_PATHS;
    demand_ask_peaks(&work->settings, settings->lead_time_ns, settings->service_level);
}

void foresight_capacity_fini(struct foresight_capacity *capacity)
{
    free(capacity->rows);
    free(capacity->cost_per_hour);
    buf_fini(&capacity->words);
    *capacity = (struct foresight_capacity){0};
}

/* ---- the report as members of a JSON object ---- */

static void write_fleets(struct json *json, const struct capacity_report *report)
{
    json_key(json, "fleets");
    json_object(json);
    for (int i = CAPACITY_FLEET_BASELINE; i < CAPACITY_FLEETS; i++) {
        const struct capacity_account *fleet = &report->fleets[i];
        json_key(json, capacity_fleet_names[i]);
        json_object(json);
        json_key_fixed(json, "cost_per_month", fleet->cost_month, 2);
        json_key_fixed(json, "average_gpus", fleet->average, 4);
        json_key_int(json, "peak_gpus", fleet->peak);
        json_key_fixed(json, "utilization", fleet->utilization, 6);
        json_key_fixed(json, "shortage_hours", fleet->short_hours, 6);
        json_key_fixed(json, "shortage_probability", fleet->short_chance, 6);
        json_object_end(json);
    }
    json_object_end(json);
}

static void write_comparison(struct json *json, const struct capacity_report *report)
{
    json_key(json, "comparison");
    json_object(json);
    json_key_fixed(json, "gpu_price_per_hour", report->unit_price, 6);
    json_key_double(json, "increase_over_baseline", report->increase);
    json_key_double(json, "spike_protection_premium", report->premium);
    json_key_double(json, "cost_per_avoided_shortage_hour", report->cost_per_avoided_hour);
    json_object_end(json);
}

struct saying {
    struct json *json;
    int section;
};

static void open_section(struct saying *saying, int section)
{
    while (saying->section < section) {
        if (saying->section >= 0)
            json_array_end(saying->json);
        json_key(saying->json, capacity_section_names[++saying->section]);
        json_array(saying->json);
    }
}

static void say(void *context, enum capacity_section section, const char *sentence)
{
    struct saying *saying = context;
    open_section(saying, (int)section);
    json_text(saying->json, sentence);
}

static void write_words(struct foresight_capacity *capacity,
                        const struct capacity_question *question,
                        const struct capacity_report *report)
{
    struct json json;
    struct saying saying = {&json, -1};
    buf_init(&capacity->words, WORDS_BYTES_MAX);
    json_init(&json, &capacity->words, false);
    json_object(&json);
    write_fleets(&json, report);
    write_comparison(&json, report);
    json_key(&json, "recommendations");
    json_object(&json);
    capacity_words(question, capacity->rows, report, NULL, say, &saying);
    open_section(&saying, CAPACITY_SECTIONS - 1);
    json_array_end(&json);
    json_object_end(&json);
    json_object_end(&json);
}

static enum fw_err plan(struct foresight_work *work, const struct demand_forecast *table,
                        struct fw_detail *detail)
{
    struct foresight_capacity *capacity = &work->capacity;
    struct capacity_report report = {0};
    struct offers offers = offers_flat(capacity->unit_cost);
    offers.service_level = capacity->settings.service_level;
    offers.lead_time_ns = capacity->settings.lead_time_ns;
    struct capacity_demand demand = {.start_ns = table->start_ns,
                                     .step_ns = table->step_ns,
                                     .steps = table->count,
                                     .baseline = table->baseline,
                                     .expected = table->expected,
                                     .p95 = table->quantile[FORESIGHT_P95],
                                     .spike = table->spike,
                                     .paths = table->paths.value,
                                     .path_count = table->paths.count};
    demand.peak_service = demand_peaks(table, DEMAND_PEAK_SERVICE);
    demand.peak_p95 = demand_peaks(table, DEMAND_PEAK_P95);
    demand.peak_p99 = demand_peaks(table, DEMAND_PEAK_P99);
    const struct capacity_question question = {&demand, &capacity->settings, &offers, -1, -1};
    capacity->rows = calloc((size_t)table->count, sizeof *capacity->rows);
    capacity->cost_per_hour = calloc((size_t)table->count, sizeof *capacity->cost_per_hour);
    if (!capacity->rows || !capacity->cost_per_hour)
        return FW_NOMEM;
    FW_TRY(capacity_plan(&demand, &capacity->settings, capacity->rows, detail));
    FW_TRY(capacity_report(&question, capacity->rows, &report, detail));
    memcpy(capacity->cost_per_hour, report.purchase.cost_per_hour,
           (size_t)table->count * sizeof *capacity->cost_per_hour);
    write_words(capacity, &question, &report);
    capacity_report_fini(&report);
    capacity->start_ns = table->start_ns;
    capacity->step_ns = table->step_ns;
    capacity->steps = table->count;
    return capacity->words.failed ? FW_NOMEM : FW_OK;
}

/* A plan that cannot be made leaves the forecast as good as it is. */
void foresight_plan_capacity(struct foresight_work *work, const struct demand_forecast *table)
{
    struct foresight_capacity *capacity = &work->capacity;
    struct fw_detail detail = {{0}};
    enum fw_err err = plan(work, table, &detail);
    if (err == FW_OK)
        return;
    foresight_capacity_fini(capacity);
    capacity->failed = true;
    (void)snprintf(capacity->reason, sizeof capacity->reason, "%s",
                   detail.text[0] ? detail.text : err_row(err)->sentence);
}
