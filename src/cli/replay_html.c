/* SPDX-License-Identifier: MIT */
#include "cli/replay_html.h"
#include "base/json.h"
#include "web/page.h"

/* A name longer than this is cut: the page is for people. */
enum { NAME_MAX_BYTES = 160, PAGE_MAX = 1 << 26 };

/* Whole milliseconds, as browsers count. */
static double ms(int64_t at_ns)
{
    int64_t at_ms = at_ns / TIME_MILLISECOND;
    return (double)at_ms;
}

static void key_seconds(struct json *json, const char *key, int64_t duration_ns)
{
    json_key_fixed(json, key, time_to_seconds(duration_ns), 3);
}

static void key_name(struct json *json, const struct trail *trail, uint32_t resource)
{
    struct str name = table_key(&trail->trace->resources, resource);
    char cut[NAME_MAX_BYTES + 8];
    size_t len = 0, step;
    if (name.len > NAME_MAX_BYTES) {
        while ((step = str_utf8_char((struct str){name.data + len, name.len - len})) > 0 &&
               len + step <= NAME_MAX_BYTES)
            len += step;
        if (len == 0)
            len = NAME_MAX_BYTES;
        memcpy(cut, name.data, len);
        memcpy(cut + len, "\xE2\x80\xA6", 3); /* ... as one character */
        name = (struct str){cut, len + 3};
    }
    json_key_str(json, "name", name);
}

static void write_terms(const struct replay_page *page, struct json *json)
{
    const struct replay_report *report = page->report;
    const char *slash = strrchr(report->source, '/');
    json_key_text(json, "source", slash ? slash + 1 : report->source);
    json_key_text(json, "program", "forewarm " FOREWARM_VERSION);
    json_key_text(json, "shown", page->shown);
    json_key_bool(json, "offset_times", trace_time_is_offset(report->trace->time));
    json_key_bool(json, "memory_limited", report->memory_limited);
    json_key_bool(json, "from_given", report->from_given);
    json_key_double(json, "from_ms", ms(page->trail->from_ns));
    json_key_double(json, "to_ms", ms(page->trail->until_ns));
    json_key_double(json, "idle_price", report->prices.idle);
    json_key_double(json, "wait_price", report->prices.wait);
    json_key_uint(json, "measured_loads", report->loads->count);
    key_seconds(json, "load_s", loads_median(report->loads));
}

/* All timers there are, as a line to be above or below. */
static void write_curve(const struct replay_page *page, struct json *json)
{
    json_key(json, "curve");
    json_array(json);
    for (int i = 0; page->report->has_ttl && i < SCORE_GRID; i++) {
        struct score_result score;
        score_ttl(page->arrivals, page->report->loads, score_grid_ttl(i), page->report->from_ns,
                  &score);
        json_object(json);
        key_seconds(json, "ttl_s", score_grid_ttl(i));
        key_seconds(json, "idle_s", score.idle_ns);
        json_key_fixed(json, "cold_pct", score_cold_pct(&score), 4);
        key_seconds(json, "wait_s", score.wait_ns);
        json_key_fixed(json, "cost", score_cost(&score, &page->report->prices), 3);
        json_object_end(json);
    }
    json_array_end(json);
}

/* column, count, column, count, ... of those that are not zero */
static void write_counts(struct json *json, const char *key, const uint32_t counts[TRAIL_COLUMNS])
{
    json_key(json, key);
    json_array(json);
    for (int i = 0; i < TRAIL_COLUMNS; i++) {
        if (counts[i] == 0)
            continue;
        json_int(json, i);
        json_uint(json, counts[i]);
    }
    json_array_end(json);
}

/* from, to, percent, ...: columns that were warm, or half warm, for the same share of their time */
static void write_share(struct json *json, const char *key, const int64_t *spent_ns,
                        int64_t column_ns)
{
    json_key(json, key);
    json_array(json);
    for (int i = 0, next; i < TRAIL_COLUMNS; i = next) {
        int share = (int)((100 * (double)spent_ns[i] / (double)column_ns) + 0.5);
        if (share == 0 && spent_ns[i] > 0)
            share = 1;
        for (next = i + 1; next < TRAIL_COLUMNS; next++)
            if ((int)((100 * (double)spent_ns[next] / (double)column_ns) + 0.5) != share)
                break;
        if (share == 0)
            continue;
        json_int(json, i);
        json_int(json, next);
        json_int(json, share);
    }
    json_array_end(json);
}

static void write_sums(struct json *json, const struct trail_sums *sums)
{
    json_key_uint(json, "requests", sums->requests);
    json_key_uint(json, "cold", sums->cold);
    json_key_uint(json, "loads", sums->loads);
    key_seconds(json, "wait_s", sums->wait_ns);
    key_seconds(json, "warm_s", sums->warm_ns);
    key_seconds(json, "idle_s", sums->idle_ns);
}

static void write_lane(const struct replay_page *page, uint32_t lane, struct json *json)
{
    const struct trail *trail = page->trail;
    const uint32_t resource = trail->lane_resources[lane];
    struct score_result timer = {0};
    json_object(json);
    key_name(json, trail, resource);
    write_sums(json, &trail->sums[lane]);
    if (page->report->has_ttl) {
        score_ttl_resource(page->arrivals, page->report->loads, resource, 10 * TIME_MINUTE,
                           page->report->from_ns, &timer);
        json_key_uint(json, "timer_cold", timer.cold);
        key_seconds(json, "timer_wait_s", timer.wait_ns);
        key_seconds(json, "timer_idle_s", timer.idle_ns);
    }
    json_key(json, "views");
    json_array(json);
    for (uint32_t view = 0; view < trail->view_count; view++) {
        const struct trail_lane *drawn = trail_lane(trail, view, lane);
        json_object(json);
        write_share(json, "warm", drawn->warm_ns, trail->views[view].column_ns);
        if (trail->half_seen)
            write_share(json, "half", drawn->half_ns, trail->views[view].column_ns);
        write_counts(json, "requests", drawn->requests);
        write_counts(json, "cold", drawn->cold);
        write_counts(json, "used", drawn->used);
        write_counts(json, "unused", drawn->unused);
        json_object_end(json);
    }
    json_array_end(json);
    json_object_end(json);
}

static void write_sets(const struct trail *trail, struct json *json)
{
    json_key(json, "sets");
    json_array(json);
    for (uint32_t set = 0; set < TRAIL_SET_COUNT; set++) {
        json_object(json);
        json_key_text(json, "name", trail_set_name(set));
        json_key_text(json, "words", trail_set_words(set));
        json_key(json, "lanes");
        json_array(json);
        for (uint32_t i = 0; i < trail->set_counts[set]; i++)
            json_uint(json, trail->set_lanes[set][i]);
        json_array_end(json);
        json_object_end(json);
    }
    json_array_end(json);
}

static void write_lanes(const struct replay_page *page, struct json *json)
{
    const struct trail *trail = page->trail;
    json_key(json, "views");
    json_array(json);
    for (uint32_t view = 0; view < trail->view_count; view++) {
        json_object(json);
        json_key_double(json, "from_ms", ms(trail->views[view].from_ns));
        json_key_double(json, "to_ms", ms(trail->views[view].to_ns));
        json_key_double(json, "column_ms", (double)trail->views[view].column_ns / 1e6);
        json_object_end(json);
    }
    json_array_end(json);
    json_key_int(json, "columns", TRAIL_COLUMNS);
    json_key(json, "lanes");
    json_array(json);
    for (uint32_t lane = 0; lane < trail->lane_count; lane++)
        write_lane(page, lane, json);
    json_array_end(json);
    write_sets(trail, json);
    json_key(json, "others");
    json_object(json);
    json_key_uint(json, "resources", trail->trace->resources.count - trail->lane_count);
    write_sums(json, &trail->sums[TRAIL_LANES_MAX]);
    json_object_end(json);
}

static void write_worst(const struct trail *trail, struct json *json)
{
    struct buf because;
    buf_init(&because, 4096);
    json_key(json, "worst");
    json_array(json);
    for (size_t i = 0; i < trail->worst_count; i++) {
        const struct trail_cold *cold = &trail->worst[i];
        bool unloaded = cold->origin != TRAIL_FIRST && cold->origin != TRAIL_LATE;
        buf_clear(&because);
        if (unloaded)
            reason_describe(cold->reason, cold->numbers, NULL, NULL, &because);
        json_object(json);
        key_name(json, trail, cold->resource);
        json_key_double(json, "at_ms", ms(cold->at_ns));
        json_key_text(json, "origin", trail_origin_name(cold->origin));
        json_key_text(json, "words", trail_origin_words(cold->origin));
        json_key_str(json, "because", buf_str(&because));
        json_key_uint(json, "requests", cold->requests);
        key_seconds(json, "wait_s", cold->wait_ns);
        key_seconds(json, "wait_max_s", cold->wait_max_ns);
        if (cold->gap_ns >= 0)
            key_seconds(json, "gap_s", cold->gap_ns);
        if (unloaded && cold->let_go_ns >= 0)
            key_seconds(json, "unloaded_s", cold->at_ns - cold->let_go_ns);
        if (cold->load_from_ns >= 0)
            key_seconds(json, "load_begun_s", cold->load_from_ns - cold->at_ns);
        key_seconds(json, "load_s", cold->load_ns);
        json_key_bool(json, "regretted", cold->regretted);
        json_object_end(json);
    }
    json_array_end(json);
    buf_fini(&because);
}

static void write_accounts(const struct trail *trail, struct json *json)
{
    json_key(json, "loads");
    json_array(json);
    for (uint32_t cause = 0; cause < CAUSE_COUNT; cause++) {
        const struct trail_loads *loads = &trail->loads[cause];
        if (loads->begun == 0)
            continue;
        json_object(json);
        json_key_text(json, "cause", cause_name(cause));
        json_key_uint(json, "begun", loads->begun);
        json_key_uint(json, "used", loads->used);
        json_key_uint(json, "unused", loads->unused);
        key_seconds(json, "wasted_s", loads->wasted_ns);
        json_object_end(json);
    }
    json_array_end(json);
    json_key(json, "waits");
    json_array(json);
    for (uint32_t origin = 0; origin < TRAIL_ORIGIN_COUNT; origin++) {
        const struct trail_waits *waits = &trail->waits[origin];
        if (waits->starts == 0)
            continue;
        json_object(json);
        json_key_text(json, "origin", trail_origin_name(origin));
        json_key_text(json, "words", trail_origin_words(origin));
        json_key_uint(json, "starts", waits->starts);
        json_key_uint(json, "requests", waits->requests);
        key_seconds(json, "wait_s", waits->wait_ns);
        json_key_uint(json, "regretted", waits->regretted);
        key_seconds(json, "regret_s", waits->regret_ns);
        json_object_end(json);
    }
    json_array_end(json);
}

static void write_data(const struct replay_page *page, struct buf *out)
{
    struct json json;
    json_init(&json, out, false);
    json_object(&json);
    write_terms(page, &json);
    json_key(&json, "report");
    json_object(&json);
    replay_report_json_parts(page->report, &json);
    json_object_end(&json);
    write_curve(page, &json);
    write_lanes(page, &json);
    write_worst(page->trail, &json);
    write_accounts(page->trail, &json);
    json_object_end(&json);
}

enum fw_err replay_html(const struct replay_page *page, struct buf *out)
{
    struct buf data, text;
    buf_init(&data, PAGE_MAX);
    buf_init(&text, PAGE_MAX);
    write_data(page, &data);
    replay_report_text(page->report, &text); /* for those who read without scripts */
    const struct page_part parts[] = {
        {"style", page_asset("page.css"), PAGE_RAW},
        {"script", page_asset("replay.js"), PAGE_RAW},
        {"data", buf_str(&data), PAGE_JSON},
        {"text", buf_str(&text), PAGE_TEXT},
    };
    page_write(out, page_asset("replay.html"), parts, sizeof parts / sizeof parts[0]);
    bool failed = data.failed || text.failed || out->failed;
    buf_fini(&data);
    buf_fini(&text);
    return failed ? FW_LIMIT : FW_OK;
}
