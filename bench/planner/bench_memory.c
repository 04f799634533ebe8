/* SPDX-License-Identifier: MIT
 * Models that share a memory budget: mean, p95, p99 and longest wait of each policy as multiples of
 * LRU swapping, on real arrivals with drawn sizes. Learned from everything, scored on the later 40
 * % of the time. Usage: bench_memory gentd|az500 TRACE.csv.gz users_pct sample models memory_gb
 * rate_gb_s exec_s draw_from draws [recall precision ahead_s] */
#include "base/prng.h"
#include "sim/replay.h"
#include <stdio.h>
#include <stdlib.h>

#define GB 1e9
enum { POLICIES = 4, DRAWS_MAX = 64, MODELS_MAX = 512 };
static const char *const policies[POLICIES] = {"lru", "planner", "belady", "clairvoyant"};

struct row {
    double mean_s, p95_s, p99_s, max_s;
    double loads;
};
struct hints_of {
    double recall, precision;
    int64_t ahead_ns;
};
struct setup {
    struct trace trace;
    double memory_gb, rate_gb_s, exec_s;
    struct hints_of hints;
};

static void die(const char *what)
{
    fprintf(stderr, "bench_memory: %s\n", what);
    exit(3);
}

/* Keeps a share of the users (sample 0, 1, ... are disjoint) and the most requested models. */
static void narrow(struct trace *trace, double users_pct, uint64_t sample, uint32_t models)
{
    uint64_t per_cent = (uint64_t)users_pct;
    uint32_t *counts = calloc(trace->resources.count, sizeof *counts);
    bool *kept = calloc(trace->resources.count, sizeof *kept);
    size_t n = 0;
    if (!counts || !kept)
        die("no memory");
    for (size_t i = 0; i < trace->count; i++) {
        uint64_t place = prng_mix(trace->requests[i].session, 77) % 100;
        if (place / per_cent != sample && per_cent < 100)
            continue;
        trace->requests[n++] = trace->requests[i];
        counts[trace->requests[i].resource]++;
    }
    trace->count = n;
    for (uint32_t m = 0; m < models; m++) {
        uint32_t best = TABLE_NONE;
        for (uint32_t i = 0; i < trace->resources.count; i++)
            if (!kept[i] && counts[i] > 0 && (best == TABLE_NONE || counts[i] > counts[best]))
                best = i;
        if (best != TABLE_NONE)
            kept[best] = true;
    }
    n = 0;
    for (size_t i = 0; i < trace->count; i++)
        if (kept[trace->requests[i].resource])
            trace->requests[n++] = trace->requests[i];
    trace->count = n;
    free(counts);
    free(kept);
}

/* Synthetic hints: each cold-able request is announced with probability `recall`; false ones name a
 * random model at a true one's time until the precision is met. */
static size_t make_hints(const struct setup *setup, uint64_t seed, struct replay_hint **out)
{
    const struct trace *trace = &setup->trace;
    struct prng prng;
    struct replay_hint *hints = malloc((trace->count * 24 + 1) * sizeof *hints);
    size_t n = 0;
    if (!hints)
        die("no memory");
    prng_init(&prng, seed);
    for (size_t i = 0; i < trace->count && setup->hints.recall > 0; i++) {
        if (prng_uniform(&prng) >= setup->hints.recall)
            continue;
        struct replay_hint hint = {.at_ns = trace->requests[i].at_ns - setup->hints.ahead_ns,
                                   .eta_ns = setup->hints.ahead_ns,
                                   .probability = 1,
                                   .resource = trace->requests[i].resource,
                                   .source = 1};
        hints[n++] = hint;
        double wrong = 1 / setup->hints.precision - 1;
        for (; wrong > 0 && n < trace->count * 24; wrong -= 1)
            if (prng_uniform(&prng) < wrong) {
                hint.resource = trace->requests[prng_below(&prng, trace->count)].resource;
                hints[n++] = hint;
            }
    }
    *out = hints;
    return n;
}

static struct row run(const struct setup *setup, const char *policy, uint64_t draw)
{
    uint32_t count = setup->trace.resources.count;
    uint64_t *sizes = calloc(count, sizeof *sizes);
    int64_t *load_ns = calloc(count, sizeof *load_ns);
    struct replay_hint *hints = NULL;
    struct score_arrivals arrivals;
    struct loads loads;
    struct replay_result result;
    struct fw_detail detail = {""};
    if (!sizes || !load_ns || score_arrivals_init(&arrivals, &setup->trace) != FW_OK)
        die("no memory");
    for (uint32_t i = 0; i < count; i++) {
        struct prng prng;
        prng_init(&prng, prng_mix(draw, i));
        double gb = 4 + 16 * prng_uniform(&prng), load_s = gb / setup->rate_gb_s + 1;
        sizes[i] = (uint64_t)(gb * GB);
        load_ns[i] = time_from_seconds(load_s < 2 ? 2 : load_s);
    }
    loads_init(&loads, TIME_SECOND, draw);
    loads.by_resource_ns = load_ns;
    int64_t first_ns = setup->trace.requests[0].at_ns,
            last_ns = setup->trace.requests[setup->trace.count - 1].at_ns;
    struct replay_settings settings = {
        .trace = &setup->trace, .arrivals = &arrivals, .loads = &loads, .sizes = sizes};
    settings.hint_count = make_hints(setup, draw, &hints);
    settings.hints = hints;
    settings.from_ns = first_ns + (int64_t)((double)(last_ns - first_ns) * 0.6);
    option_defaults(engine_option_rows, engine_option_count, &settings.engine);
    settings.engine.memory = (uint64_t)(setup->memory_gb * GB);
    settings.engine.hold_timeout_ns = 30 * TIME_DAY;
    settings.engine.hold_limit = settings.engine.hold_total = 1000000;
    if (replay_run(&settings, policy, &result, &detail) != FW_OK)
        die(detail.text);
    if (result.score.refused > 0)
        die("a request was refused");
    struct row row = {time_to_seconds(result.score.wait_ns) / (double)result.score.requests,
                      result.score.wait_p95_s, result.score.wait_p99_s, result.score.wait_max_s,
                      (double)result.score.loads};
    score_arrivals_fini(&arrivals);
    free(hints);
    free(sizes);
    free(load_ns);
    return row;
}

static void read_trace(struct setup *setup, const char *kind, const char *path)
{
    struct trace_options options = {.skip_bad_rows = true};
    struct fw_detail detail = {""};
    snprintf(options.columns, sizeof options.columns, "%s",
             strcmp(kind, "gentd") == 0
                 ? "time=gmt_create,resource=checkpoint_model_version_id,session=groupId"
                 : "time=time_s,resource=function");
    trace_init(&setup->trace);
    if (trace_read(&setup->trace, &path, 1, &options, &detail) != FW_OK)
        die(detail.text);
}

static double ratio(double a, double b)
{
    return b > 0 ? a / b : 1;
}

int main(int argc, char **argv)
{
    if (argc < 11) {
        fprintf(stderr, "usage: bench_memory gentd|az500 TRACE users_pct sample models memory_gb "
                        "rate_gb_s exec_s draw_from draws "
                        "[recall precision ahead_s]\n");
        return 2;
    }
    static struct setup setup;
    struct row sums[POLICIES] = {{0}};
    read_trace(&setup, argv[1], argv[2]);
    narrow(&setup.trace, strtod(argv[3], NULL), strtoull(argv[4], NULL, 10),
           (uint32_t)strtoul(argv[5], NULL, 10));
    setup.memory_gb = strtod(argv[6], NULL);
    setup.rate_gb_s = strtod(argv[7], NULL);
    setup.exec_s = strtod(argv[8], NULL);
    uint64_t from = strtoull(argv[9], NULL, 10), draws = strtoull(argv[10], NULL, 10);
    if (argc > 13)
        setup.hints = (struct hints_of){strtod(argv[11], NULL), strtod(argv[12], NULL),
                                        time_from_seconds(strtod(argv[13], NULL))};
    for (size_t i = 0; i < setup.trace.count; i++)
        setup.trace.requests[i].duration_ns = time_from_seconds(setup.exec_s);
    for (uint64_t draw = from; draw < from + draws; draw++)
        for (int p = 0; p < POLICIES; p++) {
            struct row row = run(&setup, policies[p], draw);
            sums[p].mean_s += row.mean_s / (double)draws;
            sums[p].p95_s += row.p95_s / (double)draws;
            sums[p].p99_s += row.p99_s / (double)draws;
            sums[p].max_s += row.max_s / (double)draws;
            sums[p].loads += row.loads / (double)draws;
        }
    printf("%zu requests; lru: mean %.3f s, p95 %.1f, p99 %.1f, max %.1f, %.0f loads\n",
           setup.trace.count, sums[0].mean_s, sums[0].p95_s, sums[0].p99_s, sums[0].max_s,
           sums[0].loads);
    for (int p = 1; p < POLICIES; p++)
        printf("  %-12s mean %.3f  p95 %.3f  p99 %.3f  max %.3f  loads %.2f\n", policies[p],
               ratio(sums[p].mean_s, sums[0].mean_s), ratio(sums[p].p95_s, sums[0].p95_s),
               ratio(sums[p].p99_s, sums[0].p99_s), ratio(sums[p].max_s, sums[0].max_s),
               ratio(sums[p].loads, sums[0].loads));
    trace_fini(&setup.trace);
    return 0;
}
