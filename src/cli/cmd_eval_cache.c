/* SPDX-License-Identifier: MIT
 * forewarm eval cache: traces of blocks and keys through the cache, with loads ahead and without.
 */
#include "base/json.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "sim/cache_run.h"
#include <stdlib.h>
#include <time.h>

enum {
    CHOICE_ALL_CACHES = CACHE_ALGORITHM_COUNT,
    CHOICE_ALL_PREFETCH = CACHE_RUN_PREFETCH_COUNT,
    COLUMNS = 11,
    RUNS_MAX = CACHE_ALGORITHM_COUNT * CACHE_RUN_PREFETCH_COUNT,
    CELL_MAX = STR_NUMBER_MAX,
};
struct options {
    char size[OPTION_TEXT_MAX];
    int cache, prefetch;
    int64_t load_ns, interval_ns;
};
static const char *const cache_choices[] = {"lru", "sieve", "s3fifo", "all", NULL};
static const char *const prefetch_choices[] = {"none", "sequential", "all", NULL};

#define AT(field) offsetof(struct options, field)
/* clang-format off */
static const struct args_row rows[] = {
    {{"size", OPTION_TEXT, AT(size), "", 0, 0, false, NULL, "room: 1000 (keys), 20MiB (needs sizes in the trace), 1% (of the different keys)"}, "N|SIZE|N%", 0},
    {{"cache", OPTION_CHOICE, AT(cache), "all", 0, 0, false, cache_choices, "what leaves when room is needed"}, NULL, 0},
    {{"prefetch", OPTION_CHOICE, AT(prefetch), "all", 0, 0, false, prefetch_choices, "what is loaded ahead"}, NULL, 0},
    {{"load_time", OPTION_DURATION, AT(load_ns), "5ms", 0, 3600e9, false, NULL, "how long a load takes"}, "DUR", 0},
    {{"interval", OPTION_DURATION, AT(interval_ns), "1ms", 0, 3600e9, false, NULL, "time between requests of a trace without times"}, "DUR", 0},
};
/* clang-format on */
static const struct args_spec spec = {
    .command = "eval cache",
    .operands = "TRACE",
    .sentence = "Miss ratios of a trace of blocks or keys, with loads ahead and without.",
    .rows = rows,
    .row_count = sizeof rows / sizeof rows[0],
    .operands_min = 1,
    .operands_max = 1,
    .more =
        "TRACE: a whole number a line, or CSV with a column lbn, lba, block, key, id or obj_id, "
        "and\n"
        "perhaps size and time (seconds); gzip is understood.\n"
        "Requests come when the trace says. A load ahead takes --load-time; a request before its "
        "end\n"
        "is a miss, and the load was late. accuracy: used or late, of those issued; coverage: "
        "misses\n"
        "spared, of those without loads ahead; timely: used, of used or late; pollution: requests\n"
        "missed only because of loads ahead; traffic: loads more than without, a request.",
};

struct line {
    struct cache_run_settings settings;
    struct cache_run_result result;
    double per_second;
};

/* "1000", "20MiB", "1%". */
static enum fw_err parse_size(const struct cache_trace *trace, const char *text,
                              struct cache_run_settings *settings, struct fw_detail *detail)
{
    struct str size = str_of(text);
    double percent;
    settings->by_bytes = false;
    if (str_to_uint64(size, &settings->capacity)) {
        /* keys */
    } else if (str_ends(size, STR("%")) &&
               str_to_double((struct str){size.data, size.len - 1}, &percent) && percent > 0 &&
               percent <= 100) {
        settings->capacity = (uint64_t)((double)trace->keys * percent / 100);
        settings->capacity += settings->capacity == 0;
    } else if (str_to_size(size, &settings->capacity)) {
        settings->by_bytes = true;
        if (!trace->sized)
            return err_set(
                detail, FW_USAGE,
                "--size: found \"%s\", expected a number of keys: the trace has no sizes", text);
    } else {
        settings->capacity = 0;
    }
    if (settings->capacity == 0)
        return err_set(
            detail, FW_USAGE,
            "--size: found \"%s\", expected how many keys there is room for (1000), a size "
            "(20MiB) or a share of the keys (1%%)",
            text);
    return FW_OK;
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Once alone, for its speed, and once more beside the cache without loads ahead. */
static enum fw_err run_line(const struct cache_trace *trace, struct line *line)
{
    double before = seconds_now();
    FW_TRY(cache_run(trace, &line->settings, &line->result));
    double took = seconds_now() - before;
    line->per_second = took > 0 ? (double)trace->count / took : 0;
    line->settings.compare = true;
    return cache_run(trace, &line->settings, &line->result);
}

static void fill_cells(const struct line *line, char cells[COLUMNS][CELL_MAX], const char **row)
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

static void print_text(const struct cache_trace *trace, const struct line *lines, size_t count,
                       struct buf *out)
{
    static const char *const heading[COLUMNS] = {
        "cache",  "ahead",     "miss ratio", "byte misses", "accuracy",    "coverage",
        "timely", "pollution", "traffic",    "issued",      "M requests/s"};
    const char *rows_of_cells[(RUNS_MAX + 1) * COLUMNS];
    char texts[RUNS_MAX][COLUMNS][CELL_MAX];
    for (int i = 0; i < COLUMNS; i++)
        rows_of_cells[i] = heading[i];
    for (size_t i = 0; i < count; i++)
        fill_cells(&lines[i], texts[i], &rows_of_cells[(i + 1) * COLUMNS]);
    char size[STR_NUMBER_MAX];
    buf_printf(out, "%zu requests for %llu keys, room for ", trace->count,
               (unsigned long long)trace->keys);
    if (lines[0].settings.by_bytes)
        buf_printf(out, "%s\n\n", str_from_size(lines[0].settings.capacity, size));
    else
        buf_printf(out, "%llu keys\n\n", (unsigned long long)lines[0].settings.capacity);
    output_table(out, rows_of_cells, count + 1, COLUMNS);
    if (trace->renumbered)
        buf_add_text(out,
                     "\nThe keys are numbered in the order in which they first come: every first "
                     "request follows its\nneighbour. What sequential spares of those would not "
                     "be spared with the real names.\n");
}

static void json_account(struct json *json, const struct prefetch_account *account)
{
    json_key_uint(json, "issued", account->issued);
    json_key_uint(json, "used", account->used);
    json_key_uint(json, "late", account->late);
    json_key_uint(json, "unused", account->unused);
    json_key_uint(json, "pending", account->pending);
}

static void json_line(struct json *json, const struct line *line)
{
    const struct cache_run_result *result = &line->result;
    json_object(json);
    json_key_text(json, "cache", cache_algorithm_name(line->settings.algorithm));
    json_key_text(json, "prefetch", cache_run_prefetch_names[line->settings.prefetch]);
    json_key_uint(json, "misses", result->misses);
    json_key_double(json, "miss_ratio", cache_run_miss_ratio(result));
    json_key_uint(json, "bytes_missed", result->bytes_missed);
    json_key_uint(json, "bytes_ahead", result->bytes_ahead);
    json_account(json, &result->account);
    json_key_double(json, "accuracy", cache_run_accuracy(result));
    json_key_double(json, "coverage", cache_run_coverage(result));
    json_key_double(json, "timeliness", cache_run_timeliness(result));
    json_key_double(json, "pollution", cache_run_pollution(result));
    json_key_double(json, "extra_traffic", cache_run_traffic(result));
    json_key_fixed(json, "requests_per_second", line->per_second, 0);
    json_object_end(json);
}

static void print_json(const struct cache_trace *trace, const struct options *options,
                       const struct line *lines, size_t count, struct buf *out)
{
    struct json json;
    json_init(&json, out, true);
    json_object(&json);
    json_key_uint(&json, "requests", trace->count);
    json_key_uint(&json, "keys", trace->keys);
    json_key_bool(&json, "sized", trace->sized);
    json_key_bool(&json, "timed", trace->timed);
    json_key_bool(&json, "renumbered", trace->renumbered);
    json_key_uint(&json, "marks", trace->marks);
    json_key_uint(&json, "capacity", lines[0].settings.capacity);
    json_key_text(&json, "unit", lines[0].settings.by_bytes ? "bytes" : "keys");
    json_key_double(&json, "load_time_s", (double)options->load_ns / 1e9);
    json_key(&json, "runs");
    json_array(&json);
    for (size_t i = 0; i < count; i++)
        json_line(&json, &lines[i]);
    json_array_end(&json);
    json_object_end(&json);
    buf_add_char(out, '\n');
}

static enum fw_err run_lines(const struct cache_trace *trace, const struct options *options,
                             struct line *lines, size_t *count, struct fw_detail *detail)
{
    struct cache_run_settings settings = {.load_ns = options->load_ns};
    FW_TRY(parse_size(trace, options->size, &settings, detail));
    for (int cache = 0; cache < CACHE_ALGORITHM_COUNT; cache++) {
        for (int prefetch = 0; prefetch < CACHE_RUN_PREFETCH_COUNT; prefetch++) {
            if ((options->cache != CHOICE_ALL_CACHES && options->cache != cache) ||
                (options->prefetch != CHOICE_ALL_PREFETCH && options->prefetch != prefetch))
                continue;
            struct line *line = &lines[(*count)++];
            *line = (struct line){.settings = settings};
            line->settings.algorithm = cache;
            line->settings.prefetch = prefetch;
            FW_TRY(run_line(trace, line));
        }
    }
    return FW_OK;
}

int cmd_eval_cache(int argc, char **argv)
{
    struct options options;
    struct args args = {0};
    struct fw_detail detail = {""};
    enum fw_err err = args_parse(&args, &spec, &options, argc, argv, &detail);
    if (err != FW_OK || args.done)
        return err != FW_OK ? output_fail(spec.command, err, &detail) : 0;
    struct cache_trace trace;
    struct line lines[RUNS_MAX];
    size_t count = 0;
    struct buf out;
    cache_trace_init(&trace);
    buf_init(&out, OUTPUT_MAX);
    err = options.size[0] != '\0'
              ? FW_OK
              : err_set(&detail, FW_USAGE, "--size is missing: how much room there is");
    if (err == FW_OK)
        err = cache_trace_read(&trace, args.operands[0], options.interval_ns, &detail);
    if (err == FW_OK)
        err = run_lines(&trace, &options, lines, &count, &detail);
    if (err == FW_OK && args.json)
        print_json(&trace, &options, lines, count, &out);
    else if (err == FW_OK)
        print_text(&trace, lines, count, &out);
    int status = err == FW_OK ? output_print(&out, 0) : output_fail(spec.command, err, &detail);
    buf_fini(&out);
    cache_trace_fini(&trace);
    return status;
}
