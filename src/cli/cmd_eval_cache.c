/* SPDX-License-Identifier: MIT
 * forewarm eval cache: traces of blocks and keys through the cache, with loads ahead and without.
 */
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/eval_cache_print.h"
#include "cli/output.h"
#include <stdlib.h>
#include <time.h>

enum {
    CHOICE_ALL_CACHES = CACHE_ALGORITHM_COUNT,
    CHOICE_ALL_PREFETCH = CACHE_RUN_PREFETCH_COUNT,
};
struct options {
    char size[OPTION_TEXT_MAX];
    int cache, prefetch;
    double score_from;
    bool scramble;
    int64_t load_ns, interval_ns;
};
static const char *const cache_choices[] = {"lru", "sieve", "s3fifo", "lirs", "all", NULL};
static const char *const prefetch_choices[] = {"none", "sequential", "pattern", "mix", "all", NULL};

#define AT(field) offsetof(struct options, field)
/* clang-format off */
static const struct args_row rows[] = {
    {{"size", OPTION_TEXT, AT(size), "", 0, 0, false, NULL, "room: 1000 (keys), 20MiB (needs sizes in the trace), 1% (of the different keys)"}, "N|SIZE|N%", 0},
    {{"cache", OPTION_CHOICE, AT(cache), "all", 0, 0, false, cache_choices, "what leaves when room is needed"}, NULL, 0},
    {{"prefetch", OPTION_CHOICE, AT(prefetch), "all", 0, 0, false, prefetch_choices, "what is loaded ahead"}, NULL, 0},
    {{"score_from", OPTION_DOUBLE, AT(score_from), "0", 0, 0.999, false, NULL, "the part of the requests that is learned from and not counted: 0.5, the first half"}, "PART", 0},
    {{"scramble", OPTION_BOOL, AT(scramble), "false", 0, 0, false, NULL, "give every key another number at random: neighbours tell nothing"}, NULL, 0},
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
        "perhaps size and time (seconds), or JSON lines with timestamp and hash_ids; gzip is "
        "understood.\n"
        "--prefetch: sequential looks along runs of numbers; pattern is the classic strategy, by "
        "fixed rules;\n"
        "mix adds to the runs what followed last time and what often comes a load's time later.\n"
        "Requests come when the trace says. A load ahead takes --load-time; a request before its "
        "end\n"
        "is a miss, and the load was late. accuracy: used or late, of those issued; coverage: "
        "misses\n"
        "spared, of those without loads ahead; timely: used, of used or late; pollution: requests\n"
        "missed only because of loads ahead; traffic: loads more than without, a request; net "
        "gain: waiting\n"
        "spared a request, less what loads in vain took; lead: from being there to the first use.",
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
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Once alone, for its speed, and once more beside the cache without loads ahead. */
static enum fw_err run_line(const struct cache_trace *trace, struct eval_cache_line *line)
{
    double before = seconds_now();
    FW_TRY(cache_run(trace, &line->settings, &line->result));
    double took = seconds_now() - before;
    line->per_second = took > 0 ? (double)trace->count / took : 0;
    line->settings.compare = true;
    return cache_run(trace, &line->settings, &line->result);
}

static enum fw_err run_lines(const struct options *options, struct eval_cache_answer *answer,
                             struct fw_detail *detail)
{
    const struct cache_trace *trace = answer->trace;
    struct cache_run_settings settings = {.load_ns = options->load_ns,
                                          .score_from =
                                              (size_t)((double)trace->count * options->score_from)};
    FW_TRY(parse_size(trace, options->size, &settings, detail));
    for (int cache = 0; cache < CACHE_ALGORITHM_COUNT; cache++) {
        for (int prefetch = 0; prefetch < CACHE_RUN_PREFETCH_COUNT; prefetch++) {
            if ((options->cache != CHOICE_ALL_CACHES && options->cache != cache) ||
                (options->prefetch != CHOICE_ALL_PREFETCH && options->prefetch != prefetch))
                continue;
            struct eval_cache_line *line = &answer->lines[answer->count++];
            *line = (struct eval_cache_line){.settings = settings};
            line->settings.algorithm = cache;
            line->settings.prefetch = prefetch;
            FW_TRY(run_line(trace, line));
        }
    }
    answer->bounded = !settings.by_bytes;
    return answer->bounded ? cache_bounds(trace, settings.capacity, settings.score_from,
                                          settings.load_ns, &answer->bounds)
                           : FW_OK;
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
    struct eval_cache_answer answer = {.trace = &trace};
    struct buf out;
    cache_trace_init(&trace);
    buf_init(&out, OUTPUT_MAX);
    err = options.size[0] != '\0'
              ? FW_OK
              : err_set(&detail, FW_USAGE, "--size is missing: how much room there is");
    if (err == FW_OK)
        err = cache_trace_read(&trace, args.operands[0], options.interval_ns, &detail);
    if (err == FW_OK && options.scramble)
        cache_trace_scramble(&trace);
    if (err == FW_OK)
        err = run_lines(&options, &answer, &detail);
    if (err == FW_OK && args.json)
        eval_cache_print_json(&answer, &out);
    else if (err == FW_OK)
        eval_cache_print_text(&answer, &out);
    int status = err == FW_OK ? output_print(&out, 0) : output_fail(spec.command, err, &detail);
    buf_fini(&out);
    cache_trace_fini(&trace);
    return status;
}
