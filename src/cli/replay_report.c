/* SPDX-License-Identifier: MIT */
#include "cli/replay_report.h"
#include "base/csv.h"
#include "base/json.h"
#include "cli/output.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { COLUMNS = 13, CELL = STR_NUMBER_MAX };

static double percent_more(double value, double than)
{
    return than != 0 ? 100 * (value / than - 1) : 0;
}

static double wait_mean_s(const struct score_result *score)
{
    return score->requests > 0 ? time_to_seconds(score->wait_ns) / (double)score->requests : 0;
}

static double idle_vs_ttl600(const struct replay_report *report, const struct score_result *score)
{
    return report->ttl600.idle_ns > 0 ? (double)score->idle_ns / (double)report->ttl600.idle_ns : 0;
}

/* "1,234,567" */
static const char *grouped(uint64_t value, char text[CELL])
{
    char digits[CELL];
    int len = snprintf(digits, sizeof digits, "%" PRIu64, value), out = 0;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            text[out++] = ',';
        text[out++] = digits[i];
    }
    text[out] = '\0';
    return text;
}

static const char *instant(const struct trace *trace, int64_t at_ns, char text[TIME_TEXT_MAX])
{
    return trace_time_is_offset(trace->time) ? time_format_human(at_ns, text)
                                             : time_format_iso(at_ns, text);
}

static void write_trace(const struct replay_report *report, struct buf *out)
{
    const struct trace *trace = report->trace;
    char n[3][CELL], times[3][TIME_TEXT_MAX];
    int64_t from_ns = trace->requests[0].at_ns, to_ns = trace->requests[trace->count - 1].at_ns;
    buf_printf(out, "%s: %s, %s request%s for %s resource%s", report->source,
               trace_format_name(trace->format), grouped(trace->count, n[0]),
               trace->count == 1 ? "" : "s", grouped(trace->resources.count, n[1]),
               trace->resources.count == 1 ? "" : "s");
    if (trace->sessions.count > 0)
        buf_printf(out, " in %s session%s", grouped(trace->sessions.count, n[2]),
                   trace->sessions.count == 1 ? "" : "s");
    buf_printf(out, ", %s to %s (%s)\n", instant(trace, from_ns, times[0]),
               instant(trace, to_ns, times[1]), time_format_human(to_ns - from_ns, times[2]));
    buf_printf(out, "times: %s%s", trace_time_words(trace->time),
               trace->time_assumed ? " (assumed; --time-style says otherwise)" : "");
    if (trace->mapping[0])
        buf_printf(out, "; columns: %s", trace->mapping);
    if (trace->unsorted > 0)
        buf_printf(out, "; %s out of order, sorted", grouped(trace->unsorted, n[0]));
    if (trace->duplicates > 0)
        buf_printf(out, "; %s duplicates, kept", grouped(trace->duplicates, n[0]));
    if (trace->ignored > 0)
        buf_printf(out, "; %s health checks and the like left out", grouped(trace->ignored, n[0]));
    buf_add_char(out, '\n');
    if (trace->skipped > 0)
        buf_printf(out, "%s bad rows skipped; the first: %s\n", grouped(trace->skipped, n[0]),
                   trace->first_skipped);
    if (trace->journal.present)
        buf_printf(out,
                   "journal: %s events in %s runs, decision hash %016" PRIx64 "; %" PRIu64
                   " of the daemon's own hashes met, all equal%s\n",
                   grouped(trace->journal.events, n[0]), grouped(trace->journal.runs, n[1]),
                   trace->journal.hash, trace->journal.marks,
                   trace->journal.torn ? "; the file ends inside a record" : "");
}

static void write_terms(const struct replay_report *report, struct buf *out)
{
    char text[TIME_TEXT_MAX], number[2][STR_NUMBER_MAX];
    if (report->loads->count > 0)
        buf_printf(out, "loads: drawn from %zu measured ones, median %s", report->loads->count,
                   time_format_human(loads_median(report->loads), text));
    else
        buf_printf(out, "loads: %s each", time_format_duration(report->loads->fixed_ns, text));
    buf_printf(out, "; a second of waiting costs %s, an idle second %s",
               str_from_double(report->prices.wait, number[0]),
               str_from_double(report->prices.idle, number[1]));
    if (report->from_given)
        buf_printf(out, "; scored from %s", instant(report->trace, report->from_ns, text));
    if (report->unknown_hints > 0)
        buf_printf(out, "; %" PRIu64 " hints for resources that are not in the trace",
                   report->unknown_hints);
    buf_add_text(out, "\n\n");
}

static void fixed(char cell[CELL], double value, int decimals)
{
    char text[STR_NUMBER_MAX];
    snprintf(cell, CELL, "%s", str_from_fixed(value, decimals, text));
}

/* Three figures are enough for people; a wait of 12 ms is not 0.0. */
static void seconds(char cell[CELL], double value)
{
    fixed(cell, value, value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2);
}

static void fill_row(const struct replay_report *report, const char *name,
                     const struct score_result *score, bool closed_form, char (*cell)[CELL])
{
    double cost = score_cost(score, &report->prices);
    snprintf(cell[0], CELL, "%.39s", name);
    fixed(cell[1], score_cold_pct(score), 2);
    fixed(cell[2], score->cold_pct_p75_resource, 1);
    seconds(cell[3], wait_mean_s(score));
    seconds(cell[4], score->wait_p95_s);
    seconds(cell[5], score->wait_p99_s);
    grouped((uint64_t)time_to_seconds(score->idle_ns), cell[6]);
    fixed(cell[7], idle_vs_ttl600(report, score), 2);
    grouped(score->loads, cell[8]);
    grouped(score->prewarm_issued, cell[9]);
    grouped(score->prewarm_hit, cell[10]);
    grouped((uint64_t)cost, cell[11]);
    snprintf(cell[12], CELL, "%s", "-");
    if (report->has_ttl) {
        char text[STR_NUMBER_MAX];
        double more = percent_more(cost, score_cost(&report->best, &report->prices));
        snprintf(cell[12], CELL, "%s%.30s", more >= 0 ? "+" : "", str_from_fixed(more, 1, text));
    }
    if (closed_form) { /* only sums are known */
        for (int column = 2; column <= 5; column++)
            if (column != 3)
                cell[column][0] = '\0';
        cell[9][0] = cell[10][0] = '\0';
    }
}

static void write_table(const struct replay_report *report, struct buf *out)
{
    static const char *const heading[COLUMNS] = {
        "policy",    "cold %", "p75 res.", "wait s", "p95",  "p99",          "idle s",
        "x ttl:10m", "loads",  "prewarms", "used",   "cost", "% vs best ttl"};
    size_t rows = report->count + 1 + report->has_ttl;
    char(*texts)[CELL] = calloc(rows * COLUMNS, CELL);
    const char **cells = calloc(rows * COLUMNS, sizeof *cells);
    if (texts && cells) {
        for (size_t i = 0; i < report->count; i++)
            fill_row(report, report->rows[i].name, &report->rows[i].result.score, false,
                     &texts[(i + 1) * COLUMNS]);
        if (report->has_ttl) {
            char name[REPLAY_NAME_MAX], number[STR_NUMBER_MAX];
            snprintf(name, sizeof name, "best ttl, %s s",
                     str_from_fixed(time_to_seconds(report->best_ttl_ns), 0, number));
            fill_row(report, name, &report->best, true, &texts[(rows - 1) * COLUMNS]);
        }
        for (size_t i = 0; i < rows * COLUMNS; i++)
            cells[i] = i < COLUMNS ? heading[i] : texts[i];
        output_table(out, cells, rows, COLUMNS);
    } else {
        out->failed = true;
    }
    free(texts);
    free(cells);
}

static const struct replay_row *find_row(const struct replay_report *report, const char *name)
{
    for (size_t i = 0; i < report->count; i++)
        if (strcmp(report->rows[i].name, name) == 0)
            return &report->rows[i];
    return NULL;
}

/* Two lines: what the planner would have changed for users, and for the bill. */
static void write_summary(const struct replay_report *report, struct buf *out)
{
    const struct replay_row *planner = find_row(report, "planner");
    char a[CELL], b[CELL], number[STR_NUMBER_MAX], hours[2][STR_NUMBER_MAX];
    if (!planner || !report->has_ttl)
        return;
    const struct score_result *score = &planner->result.score, *fixed10 = &report->ttl600;
    double idle_pct = percent_more((double)score->idle_ns, (double)fixed10->idle_ns);
    double cost_pct =
        percent_more(score_cost(score, &report->prices), score_cost(fixed10, &report->prices));
    buf_printf(out,
               "\nAgainst a fixed 10 minutes the planner would have let %s requests wait instead "
               "of %s, and kept models warm "
               "and unused for %s h instead of %s h (%s%s %%).\n",
               grouped(score->cold, a), grouped(fixed10->cold, b),
               str_from_fixed(time_to_seconds(score->idle_ns) / 3600, 1, hours[0]),
               str_from_fixed(time_to_seconds(fixed10->idle_ns) / 3600, 1, hours[1]),
               idle_pct >= 0 ? "+" : "", str_from_fixed(idle_pct, 1, number));
    const char *share = str_from_fixed(fabs(cost_pct), 1, a);
    if (strcmp(share, "0.0") == 0) {
        buf_add_text(out, "In all that costs the same.\n");
        return;
    }
    buf_printf(
        out, "In all that costs %s %% %s, with a second of waiting worth %s idle ones.\n", share,
        cost_pct <= 0 ? "less" : "more",
        str_from_double(report->prices.wait / (report->prices.idle > 0 ? report->prices.idle : 1),
                        number));
}

/* A level between cold and warm: how much it was used, and its part of the cost. */
static void write_half(const struct replay_report *report, struct buf *out)
{
    char hours[STR_NUMBER_MAX], a[CELL], b[CELL], cost[CELL];
    for (size_t i = 0; i < report->count; i++) {
        const struct score_result *score = &report->rows[i].result.score;
        double half_s = time_to_seconds(score->half_ns);
        if (score->half_ns == 0)
            continue;
        buf_printf(out, "%s%s: half warm for %s h (%s of the cost); %s of %s loads from there\n",
                   i == 0 ? "\n" : "", report->rows[i].name,
                   str_from_fixed(half_s / 3600, 1, hours),
                   grouped((uint64_t)(half_s * report->prices.half), cost),
                   grouped(score->half_loads, a), grouped(score->loads, b));
    }
}

/* Where memory or loading was short, no policy helps: better said than shown as a bad policy. */
static void write_overload(const struct replay_report *report, struct buf *out)
{
    const struct replay_row *row = find_row(report, "planner");
    if (!row)
        row = &report->rows[0];
    const struct engine_pressure *pressure = &row->result.pressure;
    char number[2][STR_NUMBER_MAX];
    if (pressure->overloaded_minutes == 0)
        return;
    buf_printf(out,
               "\nOverloaded for %s h (%s): in these hours requests waited for a load or for room "
               "for 95 %% of "
               "the time, and loads stood in a queue.\n",
               str_from_fixed((double)pressure->overloaded_minutes / 60, 1, number[0]), row->name);
    if (pressure->most_short_bytes > 0)
        buf_printf(
            out,
            "What was asked for within an hour needs up to %s GB more than --memory: no order "
            "of loading makes up for that.\n",
            str_from_fixed((double)pressure->most_short_bytes / 1e9, 1, number[1]));
    else
        buf_add_text(out, "What was asked for fits into --memory; loading it takes too long.\n");
}

void replay_report_text(const struct replay_report *report, struct buf *out)
{
    write_trace(report, out);
    if (report->count == 0)
        return;
    write_terms(report, out);
    write_table(report, out);
    write_half(report, out);
    write_summary(report, out);
    write_overload(report, out);
}

static void write_trace_json(const struct replay_report *report, struct json *json)
{
    const struct trace *trace = report->trace;
    char text[TIME_TEXT_MAX];
    json_key(json, "trace");
    json_object(json);
    json_key_uint(json, "requests", trace->count);
    json_key_uint(json, "resources", trace->resources.count);
    json_key_uint(json, "sessions", trace->sessions.count);
    json_key_text(json, "from", time_format_iso(trace->requests[0].at_ns, text));
    json_key_text(json, "to", time_format_iso(trace->requests[trace->count - 1].at_ns, text));
    json_key_uint(json, "skipped", trace->skipped);
    json_key_uint(json, "duplicates", trace->duplicates);
    json_key_uint(json, "unsorted", trace->unsorted);
    json_key_uint(json, "ignored", trace->ignored);
    json_key_text(json, "format", trace_format_name(trace->format));
    json_key_text(json, "time_style", trace_time_name(trace->time));
    json_key_bool(json, "time_assumed", trace->time_assumed);
    json_key_text(json, "columns", trace->mapping);
    json_object_end(json);
    if (!trace->journal.present)
        return;
    char hash[24];
    snprintf(hash, sizeof hash, "%016" PRIx64, trace->journal.hash);
    json_key(json, "journal");
    json_object(json);
    json_key_uint(json, "runs", trace->journal.runs);
    json_key_uint(json, "events", trace->journal.events);
    json_key_uint(json, "marks", trace->journal.marks);
    json_key_bool(json, "torn", trace->journal.torn);
    json_key_text(json, "decision_hash", hash);
    json_object_end(json);
}

static void write_policy_json(const struct replay_report *report, const struct replay_row *row,
                              struct json *json)
{
    const struct score_result *score = &row->result.score;
    double cost = score_cost(score, &report->prices);
    char hash[24];
    json_object(json);
    json_key_text(json, "name", row->name);
    json_key_uint(json, "requests", score->requests);
    json_key_uint(json, "cold", score->cold);
    json_key_fixed(json, "cold_pct", score_cold_pct(score), 4);
    json_key_fixed(json, "cold_pct_p50_resource", score->cold_pct_p50_resource, 4);
    json_key_fixed(json, "cold_pct_p75_resource", score->cold_pct_p75_resource, 4);
    json_key_uint(json, "first_touch", score->first_touch);
    json_key_uint(json, "refused", score->refused);
    json_key(json, "wait_s");
    json_object(json);
    json_key_double(json, "mean", wait_mean_s(score));
    json_key_double(json, "p50", score->wait_p50_s);
    json_key_double(json, "p95", score->wait_p95_s);
    json_key_double(json, "p99", score->wait_p99_s);
    json_key_double(json, "total", time_to_seconds(score->wait_ns));
    json_object_end(json);
    json_key_double(json, "idle_s", time_to_seconds(score->idle_ns));
    json_key_fixed(json, "idle_vs_ttl600", idle_vs_ttl600(report, score), 6);
    json_key_uint(json, "loads", score->loads);
    json_key_double(json, "load_s", time_to_seconds(score->load_ns));
    json_key_uint(json, "unloads", score->unloads);
    json_key_double(json, "half_s", time_to_seconds(score->half_ns));
    json_key_uint(json, "half_loads", score->half_loads);
    json_key(json, "prewarms");
    json_object(json);
    json_key_uint(json, "issued", score->prewarm_issued);
    json_key_uint(json, "hit", score->prewarm_hit);
    json_key_uint(json, "expired", score->prewarm_expired);
    json_key_double(json, "wasted_s", time_to_seconds(score->prewarm_wasted_ns));
    json_object_end(json);
    json_key_double(json, "cost", cost);
    json_key(json, "cost_vs_best_ttl_pct");
    if (report->has_ttl)
        json_fixed(json, percent_more(cost, score_cost(&report->best, &report->prices)), 4);
    else
        json_null(json);
    if (report->memory_limited) {
        json_key(json, "overload");
        json_object(json);
        json_key_uint(json, "minutes", row->result.pressure.overloaded_minutes);
        json_key_uint(json, "short_bytes", row->result.pressure.most_short_bytes);
        json_object_end(json);
    }
    snprintf(hash, sizeof hash, "%016" PRIx64, row->result.decision_hash);
    json_key_text(json, "decision_hash", hash);
    json_object_end(json);
}

/* The journal's own hash; else the planner's; else the first policy's. */
static uint64_t main_hash(const struct replay_report *report)
{
    const struct replay_row *planner = find_row(report, "planner");
    if (report->trace->journal.present)
        return report->trace->journal.hash;
    if (planner)
        return planner->result.decision_hash;
    return report->count > 0 ? report->rows[0].result.decision_hash : 0;
}

/* What the closed form knows of a timer: sums. */
static void write_timer_json(const struct replay_report *report, const char *key, const char *ttl,
                             int64_t ttl_ns, const struct score_result *score, struct json *json)
{
    json_key(json, key);
    if (!report->has_ttl) {
        json_null(json);
        return;
    }
    json_object(json);
    json_key_double(json, ttl, time_to_seconds(ttl_ns));
    json_key_double(json, "cost", score_cost(score, &report->prices));
    json_key_uint(json, "requests", score->requests);
    json_key_uint(json, "cold", score->cold);
    json_key_fixed(json, "cold_pct", score_cold_pct(score), 4);
    json_key_double(json, "wait_s", time_to_seconds(score->wait_ns));
    json_key_double(json, "idle_s", time_to_seconds(score->idle_ns));
    json_key_uint(json, "loads", score->loads);
    json_key_double(json, "load_s", time_to_seconds(score->load_ns));
    json_object_end(json);
}

void replay_report_json_parts(const struct replay_report *report, struct json *json)
{
    write_trace_json(report, json);
    json_key(json, "policies");
    json_array(json);
    for (size_t i = 0; i < report->count; i++)
        write_policy_json(report, &report->rows[i], json);
    json_array_end(json);
    write_timer_json(report, "hindsight", "best_ttl_s", report->best_ttl_ns, &report->best, json);
    write_timer_json(report, "ttl600", "ttl_s", 10 * TIME_MINUTE, &report->ttl600, json);
}

void replay_report_json(const struct replay_report *report, struct buf *out)
{
    struct json json;
    char hash[24];
    double events = 0, spent_s = 0;
    for (size_t i = 0; i < report->count; i++) {
        events += (double)report->rows[i].result.events;
        spent_s += report->rows[i].seconds;
    }
    json_init(&json, out, true);
    json_object(&json);
    replay_report_json_parts(report, &json);
    snprintf(hash, sizeof hash, "%016" PRIx64, main_hash(report));
    json_key_text(&json, "decision_hash", hash);
    json_key_fixed(&json, "events_per_s", spent_s > 0 ? events / spent_s : 0, 0);
    json_object_end(&json);
    buf_add_char(out, '\n');
}

static void add_number(struct buf *out, double value)
{
    char text[STR_NUMBER_MAX];
    buf_add_char(out, ',');
    buf_add_text(out, str_from_double(value, text));
}

void replay_report_resources(const struct replay_report *report, const char *policy,
                             const struct score_sums *sums, struct buf *out)
{
    if (out->len == 0)
        buf_add_text(out, "policy,resource,requests,cold,wait_s,idle_s,loads,load_s,cost\n");
    for (uint32_t i = 0; i < report->trace->resources.count; i++) {
        if (sums[i].requests == 0 && sums[i].loads == 0 && sums[i].idle_ns == 0)
            continue;
        const double values[] = {(double)sums[i].requests,
                                 (double)sums[i].cold,
                                 time_to_seconds(sums[i].wait_ns),
                                 time_to_seconds(sums[i].idle_ns),
                                 (double)sums[i].loads,
                                 time_to_seconds(sums[i].load_ns),
                                 score_sums_cost(&sums[i], &report->prices)};
        csv_write(out, str_of(policy));
        buf_add_char(out, ',');
        csv_write(out, table_key(&report->trace->resources, i));
        for (size_t k = 0; k < sizeof values / sizeof values[0]; k++)
            add_number(out, values[k]);
        buf_add_char(out, '\n');
    }
}

void replay_report_csv(const struct replay_report *report, struct buf *out)
{
    buf_add_text(out, "policy,requests,cold,cold_pct,cold_pct_p75_resource,wait_mean_s,wait_p50_s,"
                      "wait_p95_s,wait_p99_s,idle_s,"
                      "idle_vs_ttl600,loads,unloads,prewarms_issued,prewarms_hit,prewarms_expired,"
                      "prewarms_wasted_s,cost,"
                      "cost_vs_best_ttl_pct,decision_hash,half_s,half_loads\n");
    for (size_t i = 0; i < report->count; i++) {
        const struct score_result *score = &report->rows[i].result.score;
        double cost = score_cost(score, &report->prices);
        const double values[] = {(double)score->requests,
                                 (double)score->cold,
                                 score_cold_pct(score),
                                 score->cold_pct_p75_resource,
                                 wait_mean_s(score),
                                 score->wait_p50_s,
                                 score->wait_p95_s,
                                 score->wait_p99_s,
                                 time_to_seconds(score->idle_ns),
                                 idle_vs_ttl600(report, score),
                                 (double)score->loads,
                                 (double)score->unloads,
                                 (double)score->prewarm_issued,
                                 (double)score->prewarm_hit,
                                 (double)score->prewarm_expired,
                                 time_to_seconds(score->prewarm_wasted_ns),
                                 cost};
        buf_add_text(out, report->rows[i].name);
        for (size_t k = 0; k < sizeof values / sizeof values[0]; k++)
            add_number(out, values[k]);
        if (report->has_ttl)
            add_number(out, percent_more(cost, score_cost(&report->best, &report->prices)));
        else
            buf_add_char(out, ',');
        buf_printf(out, ",%016" PRIx64, report->rows[i].result.decision_hash);
        add_number(out, time_to_seconds(score->half_ns));
        add_number(out, (double)score->half_loads);
        buf_add_char(out, '\n');
    }
}
