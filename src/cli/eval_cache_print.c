/* SPDX-License-Identifier: MIT */
#include "cli/eval_cache_print.h"
#include "base/json.h"
#include "cli/output.h"

enum { COLUMNS = 11, WAIT_COLUMNS = 12, CELL_MAX = STR_NUMBER_MAX };

static void fill_cells(const struct eval_cache_line *line, char cells[COLUMNS][CELL_MAX],
                       const char **row)
{
    const struct cache_run_result *result = &line->result;
    bool ahead = line->settings.prefetch != CACHE_RUN_NONE;
    const double values[] = {
        cache_run_miss_ratio(result),
        result->bytes > 0 ? (double)result->bytes_missed / (double)result->bytes : 0,
        cache_run_accuracy(result),
        cache_run_coverage(result),
        cache_run_timeliness(result),
        cache_run_pollution(result),
        cache_run_traffic(result)};
    row[0] = cache_algorithm_name(line->settings.algorithm);
    row[1] = cache_run_prefetch_names[line->settings.prefetch];
    for (int i = 0; i < 7; i++)
        row[2 + i] = i < 2 || ahead ? str_from_fixed(values[i], 4, cells[2 + i]) : "-";
    row[9] = str_from_fixed((double)result->account.issued, 0, cells[9]);
    row[10] = str_from_fixed(line->per_second / 1e6, 2, cells[10]);
}

static void print_scores(const struct eval_cache_answer *answer, struct buf *out)
{
    static const char *const heading[COLUMNS] = {
        "cache",  "ahead",     "miss ratio", "byte misses", "accuracy",    "coverage",
        "timely", "pollution", "traffic",    "issued",      "M requests/s"};
    const char *rows_of_cells[(EVAL_CACHE_LINES_MAX + 1) * COLUMNS];
    char texts[EVAL_CACHE_LINES_MAX][COLUMNS][CELL_MAX];
    for (int i = 0; i < COLUMNS; i++)
        rows_of_cells[i] = heading[i];
    for (size_t i = 0; i < answer->count; i++)
        fill_cells(&answer->lines[i], texts[i], &rows_of_cells[(i + 1) * COLUMNS]);
    output_table(out, rows_of_cells, answer->count + 1, COLUMNS);
}

static const char *milliseconds(double ns, char text[CELL_MAX])
{
    return str_from_fixed(ns / 1e6, 3, text);
}

static void fill_waits(const struct eval_cache_line *line, char cells[WAIT_COLUMNS][CELL_MAX],
                       const char **row)
{
    const struct cache_run_result *result = &line->result;
    const struct cache_waits_summary *both[] = {&result->waits, &result->waits_without};
    row[0] = cache_algorithm_name(line->settings.algorithm);
    row[1] = cache_run_prefetch_names[line->settings.prefetch];
    for (int i = 0; i < 2; i++) {
        const double values[] = {both[i]->mean_ns, (double)both[i]->p50_ns, (double)both[i]->p95_ns,
                                 (double)both[i]->p99_ns};
        for (int j = 0; j < 4; j++)
            row[2 + 4 * i + j] = milliseconds(values[j], cells[2 + 4 * i + j]);
    }
    row[10] = milliseconds(cache_run_net_ns(result, line->settings.load_ns), cells[10]);
    row[11] = milliseconds((double)result->leads.p50_ns, cells[11]);
}

/* Of those with loads ahead: who waits how long. */
static void print_waits(const struct eval_cache_answer *answer, struct buf *out)
{
    static const char *const heading[WAIT_COLUMNS] = {"cache", "ahead", "wait ms",  "p50",
                                                      "p95",   "p99",   "without",  "p50",
                                                      "p95",   "p99",   "net gain", "lead p50"};
    const char *rows_of_cells[(EVAL_CACHE_LINES_MAX + 1) * WAIT_COLUMNS];
    char texts[EVAL_CACHE_LINES_MAX][WAIT_COLUMNS][CELL_MAX];
    size_t count = 0;
    for (int i = 0; i < WAIT_COLUMNS; i++)
        rows_of_cells[i] = heading[i];
    for (size_t i = 0; i < answer->count; i++)
        if (answer->lines[i].settings.prefetch != CACHE_RUN_NONE) {
            fill_waits(&answer->lines[i], texts[count], &rows_of_cells[(count + 1) * WAIT_COLUMNS]);
            count++;
        }
    if (count == 0)
        return;
    buf_add_char(out, '\n');
    output_table(out, rows_of_cells, count + 1, WAIT_COLUMNS);
}

static double of_requests(const struct eval_cache_answer *answer, uint64_t misses)
{
    return (double)misses / (double)answer->lines[0].result.requests;
}

void eval_cache_print_text(const struct eval_cache_answer *answer, struct buf *out)
{
    const struct cache_trace *trace = answer->trace;
    const struct cache_run_settings *settings = &answer->lines[0].settings;
    const struct cache_bounds *bounds = &answer->bounds;
    char size[STR_NUMBER_MAX];
    buf_printf(out, "%zu requests for %llu keys, room for ", trace->count,
               (unsigned long long)trace->keys);
    if (settings->by_bytes)
        buf_printf(out, "%s", str_from_size(settings->capacity, size));
    else
        buf_printf(out, "%llu keys", (unsigned long long)settings->capacity);
    if (settings->score_from > 0)
        buf_printf(out, "; counted from request %zu on", settings->score_from + 1);
    buf_add_text(out, "\n\n");
    print_scores(answer, out);
    print_waits(answer, out);
    if (answer->bounded)
        buf_printf(
            out,
            "\nWho knows the future misses %s without loads ahead, %s with loads ahead of "
            "what was asked for before,\n%s with loads ahead of anything.\n",
            str_from_fixed(of_requests(answer, bounds->belady), 4, (char[CELL_MAX]){0}),
            str_from_fixed(of_requests(answer, bounds->seen), 4, (char[CELL_MAX]){0}),
            str_from_fixed(of_requests(answer, bounds->clairvoyant), 4, (char[CELL_MAX]){0}));
    if (trace->renumbered)
        buf_add_text(out,
                     "\nThe keys are numbered in the order in which they first come: every first "
                     "request follows its\nneighbour. What loads ahead spare of those would not "
                     "be spared with the real names; see --scramble.\n");
}

static void json_account(struct json *json, const struct cache_run_result *result)
{
    json_key_uint(json, "issued", result->account.issued);
    json_key_uint(json, "used", result->account.used);
    json_key_uint(json, "late", result->account.late);
    json_key_uint(json, "unused", result->account.unused);
    json_key_uint(json, "pending", result->account.pending);
    json_key_uint(json, "early_evicted", result->account.unused - result->refused);
    json_key_uint(json, "refused", result->refused);
}

static void json_waits(struct json *json, const char *name, const struct cache_waits_summary *waits)
{
    json_key(json, name);
    json_object(json);
    json_key_double(json, "mean", waits->mean_ns / 1e9);
    json_key_double(json, "p50", (double)waits->p50_ns / 1e9);
    json_key_double(json, "p95", (double)waits->p95_ns / 1e9);
    json_key_double(json, "p99", (double)waits->p99_ns / 1e9);
    json_object_end(json);
}

static void json_line(struct json *json, const struct eval_cache_line *line)
{
    const struct cache_run_result *result = &line->result;
    json_object(json);
    json_key_text(json, "cache", cache_algorithm_name(line->settings.algorithm));
    json_key_text(json, "prefetch", cache_run_prefetch_names[line->settings.prefetch]);
    json_key_uint(json, "misses", result->misses);
    json_key_double(json, "miss_ratio", cache_run_miss_ratio(result));
    json_key_uint(json, "bytes_missed", result->bytes_missed);
    json_key_uint(json, "bytes_ahead", result->bytes_ahead);
    json_account(json, result);
    json_key_double(json, "accuracy", cache_run_accuracy(result));
    json_key_double(json, "coverage", cache_run_coverage(result));
    json_key_double(json, "timeliness", cache_run_timeliness(result));
    json_key_double(json, "pollution", cache_run_pollution(result));
    json_key_double(json, "extra_traffic", cache_run_traffic(result));
    json_key_double(json, "extra_bytes", cache_run_traffic_bytes(result));
    json_key_double(json, "wasted_byte_s", result->wasted_byte_s);
    json_key_double(json, "net_gain_s", cache_run_net_ns(result, line->settings.load_ns) / 1e9);
    json_waits(json, "wait_s", &result->waits);
    json_waits(json, "wait_without_s", &result->waits_without);
    json_waits(json, "lead_s", &result->leads);
    json_key_fixed(json, "requests_per_second", line->per_second, 0);
    json_object_end(json);
}

void eval_cache_print_json(const struct eval_cache_answer *answer, struct buf *out)
{
    const struct cache_trace *trace = answer->trace;
    const struct cache_run_settings *settings = &answer->lines[0].settings;
    struct json json;
    json_init(&json, out, true);
    json_object(&json);
    json_key_uint(&json, "requests", trace->count);
    json_key_uint(&json, "scored", answer->lines[0].result.requests);
    json_key_uint(&json, "keys", trace->keys);
    json_key_bool(&json, "sized", trace->sized);
    json_key_bool(&json, "timed", trace->timed);
    json_key_bool(&json, "renumbered", trace->renumbered);
    json_key_uint(&json, "marks", trace->marks);
    json_key_uint(&json, "capacity", settings->capacity);
    json_key_text(&json, "unit", settings->by_bytes ? "bytes" : "keys");
    json_key_double(&json, "load_time_s", (double)settings->load_ns / 1e9);
    if (answer->bounded) {
        json_key(&json, "bounds");
        json_object(&json);
        json_key_double(&json, "belady", of_requests(answer, answer->bounds.belady));
        json_key_double(&json, "seen", of_requests(answer, answer->bounds.seen));
        json_key_double(&json, "clairvoyant", of_requests(answer, answer->bounds.clairvoyant));
        json_object_end(&json);
    }
    json_key(&json, "runs");
    json_array(&json);
    for (size_t i = 0; i < answer->count; i++)
        json_line(&json, &answer->lines[i]);
    json_array_end(&json);
    json_object_end(&json);
    buf_add_char(out, '\n');
}
