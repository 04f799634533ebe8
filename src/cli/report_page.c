/* SPDX-License-Identifier: MIT */
#include "cli/report_page.h"
#include "base/json.h"
#include "base/time.h"
#include "cli/report_events.h"
#include "web/page.h"
#include <math.h>
#include <stdio.h>

enum { PAGE_MAX = 1 << 27 };

/* Four figures and a bit: more cannot be seen. */
static void figure(struct json *json, double value)
{
    double size = fabs(value);
    if (!isfinite(value))
        json_null(json);
    else
        json_fixed(json, value, size >= 1000 ? 0 : size >= 100 ? 1 : size >= 1 ? 3 : 6);
}

static void key_figures(struct json *json, const char *key, const double *values, size_t count)
{
    json_key(json, key);
    json_array(json);
    for (size_t i = 0; i < count; i++)
        figure(json, values[i]);
    json_array_end(json);
}

static void key_ms(struct json *json, const char *key, int64_t ns)
{
    int64_t us = ns / TIME_MICROSECOND;
    json_key_double(json, key, (double)us / 1000);
}

/* ---- what was ---- */

struct stretch {
    double mean, high;
};

static struct stretch stretch_of(const struct series *series, size_t from, size_t rows)
{
    double sum = 0, high = NAN;
    size_t known = 0;
    for (size_t i = from; i < from + rows && i < series->count; i++) {
        if (!isfinite(series->value[i]))
            continue;
        sum += series->value[i];
        high = known++ == 0 ? series->value[i] : fmax(high, series->value[i]);
    }
    return (struct stretch){known > 0 ? sum / (double)known : NAN, high};
}

static void write_history(const struct series *series, struct json *json)
{
    size_t rows = (series->count - 1) / REPORT_POINTS_MAX + 1;
    json_key(json, "history");
    json_object(json);
    key_ms(json, "start_ms", series->start_ns);
    json_key_double(json, "step_ms", (double)series->step_ns / 1e6 * (double)rows);
    json_key_uint(json, "rows_a_point", rows);
    json_key(json, "values");
    json_array(json);
    for (size_t i = 0; i < series->count; i += rows)
        figure(json, stretch_of(series, i, rows).mean);
    json_array_end(json);
    if (rows > 1) {
        json_key(json, "high");
        json_array(json);
        for (size_t i = 0; i < series->count; i += rows)
            figure(json, stretch_of(series, i, rows).high);
        json_array_end(json);
    }
    json_object_end(json);
}

/* ---- what comes ---- */

static void write_verdict(const struct demand_verdict *verdict, struct json *json)
{
    json_key(json, "verdict");
    json_array(json);
    for (int i = 0; i < verdict->block_count; i++) {
        json_object(json);
        json_key_int(json, "up_to_steps", verdict->usual[i]);
        json_key_int(json, "cases", verdict->blocks.cases[i]);
        json_key_double(json, "error", verdict->blocks.error[i]);
        json_key_double(json, "last_day_error", verdict->blocks.day[i]);
        json_key_double(json, "last_week_error", verdict->blocks.week[i]);
        json_key_bool(json, "fell_back", verdict->blocks.fell_back[i]);
        json_object_end(json);
    }
    json_array_end(json);
}

static void write_forecast(const struct report_page *page, struct json *json)
{
    const struct demand_forecast *forecast = page->forecast;
    size_t count = (size_t)forecast->count;
    json_key(json, "forecast");
    json_object(json);
    key_ms(json, "start_ms", forecast->start_ns);
    json_key_double(json, "step_ms", (double)forecast->step_ns / 1e6);
    json_key_text(json, "model", demand_models[page->settings->model]);
    json_key_double(json, "spike_times", DEMAND_SPIKE);
    json_key_double(json, "buffer", page->settings->capacity_buffer);
    key_figures(json, "baseline", forecast->baseline, count);
    key_figures(json, "expected", forecast->expected, count);
    key_figures(json, "spike", forecast->spike, count);
    key_figures(json, "capacity", forecast->capacity, count);
    json_key(json, "levels");
    json_array(json);
    for (int i = 0; i < forecast->quantile_count; i++)
        json_double(json, page->settings->quantiles[i]);
    json_array_end(json);
    json_key(json, "quantiles");
    json_array(json);
    for (int i = 0; i < forecast->quantile_count; i++) {
        json_array(json);
        for (size_t h = 0; h < count; h++)
            figure(json, forecast->quantile[i][h]);
        json_array_end(json);
    }
    json_array_end(json);
    write_verdict(&forecast->verdict, json);
    json_object_end(json);
}

/* ---- what it is made of ---- */

static void write_parts(const struct report_page *page, struct json *json)
{
    const struct decomposition *parts = page->parts;
    json_key(json, "parts");
    if (!parts) {
        json_null(json);
        json_key_text(json, "no_parts", page->no_parts);
        return;
    }
    json_object(json);
    json_key_bool(json, "multiplies", parts->multiplies);
    json_key_double(json, "explained", parts->explained);
    key_ms(json, "start_ms", parts->trend_start_ns);
    json_key_double(json, "step_ms", (double)parts->trend_step_ns / 1e6);
    key_figures(json, "trend", parts->trend, parts->trend_count);
    json_key(json, "cycles");
    json_array(json);
    for (size_t i = 0; i < parts->cycle_count; i++) {
        const struct decompose_cycle *cycle = &parts->cycles[i];
        json_object(json);
        json_key_text(json, "name", cycle->name);
        json_key_double(json, "period_ms", (double)cycle->period_ns / 1e6);
        key_figures(json, "values", cycle->value, cycle->count);
        json_object_end(json);
    }
    json_array_end(json);
    json_object_end(json);
}

static void write_plan(const struct report_page *page, struct json *json)
{
    struct buf text;
    json_key(json, "plan");
    if (!page->plan) {
        json_null(json);
        json_key_text(json, "no_plan", page->no_plan);
        return;
    }
    buf_init(&text, PAGE_MAX);
    report_plan_json(page->plan, &text);
    json_raw(json, str_trim(buf_str(&text)));
    if (text.failed)
        json->out->failed = true;
    buf_fini(&text);
}

void report_page_json(const struct report_page *page, struct buf *out)
{
    struct json json;
    struct buf notes;
    buf_init(&notes, 1 << 20);
    series_read_describe(page->read, &notes);
    json_init(&json, out, false);
    json_object(&json);
    json_key_text(&json, "source", page->source);
    json_key_text(&json, "program", "forewarm " FOREWARM_VERSION);
    json_key_text(&json, "value", page->read->value_name);
    json_key_str(&json, "reading", buf_str(&notes));
    json_key(&json, "series");
    series_read_json(page->read, &json);
    write_history(&page->read->value, &json);
    report_events_json(page->found, &json);
    write_forecast(page, &json);
    buf_clear(&notes);
    demand_describe(page->forecast, &notes);
    json_key_str(&json, "judged", buf_str(&notes));
    write_plan(page, &json);
    write_parts(page, &json);
    json_object_end(&json);
    buf_fini(&notes);
}

/* For those who read without scripts. */
static void write_text(const struct report_page *page, struct buf *out)
{
    char time[TIME_TEXT_MAX];
    const struct demand_forecast *forecast = page->forecast;
    detect_output_text(page->found, out);
    demand_describe(forecast, out);
    buf_add_text(out, "time,expected,capacity\n");
    for (int h = 0; h < forecast->count; h++)
        buf_printf(out, "%s,%.6g,%.6g\n",
                   time_format_iso(forecast->start_ns + h * forecast->step_ns, time),
                   forecast->expected[h], forecast->capacity[h]);
}

enum fw_err report_page_html(const struct report_page *page, struct buf *out)
{
    struct buf data, text;
    buf_init(&data, PAGE_MAX);
    buf_init(&text, PAGE_MAX);
    report_page_json(page, &data);
    write_text(page, &text);
    const struct page_part parts[] = {
        {"style", page_asset("report.css"), PAGE_RAW},
        {"script", page_asset("report.js"), PAGE_RAW},
        {"data", buf_str(&data), PAGE_JSON},
        {"text", buf_str(&text), PAGE_TEXT},
    };
    page_write(out, page_asset("report.html"), parts, sizeof parts / sizeof parts[0]);
    bool failed = data.failed || text.failed || out->failed;
    buf_fini(&data);
    buf_fini(&text);
    return failed ? FW_LIMIT : FW_OK;
}
