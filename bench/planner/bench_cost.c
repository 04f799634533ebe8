/* SPDX-License-Identifier: MIT
 * What policies cost without a memory limit, beside the best single time to live in hindsight of
 * the same part of the same trace, with a standard error: a bootstrap over resources in which the
 * best time to live is found anew for every sample. Several files of one kind (seeds), or one file
 * several times (load times are then drawn with other seeds), are summed resource by resource, so
 * that the error is over resources, not over draws.
 *
 * usage: bench_cost NAME COLUMNS FROM UNTIL LOADS POLICIES PRICES TRACE...
 *   FROM, UNTIL  shares of the trace's time: what is scored; what lies after UNTIL is not seen
 *   LOADS        11s | csv:FILE (drawn from measured ones) | each:FILE (resource,load_ms)
 *   POLICIES     separated by commas (`without`: the planner without what sessions foretell);
 *   PRICES       10,54,300
 * prints a CSV row a price and policy. */
#include "base/prng.h"
#include "base/str.h"
#include "sim/replay.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POLICIES_MAX = 16, PRICES_MAX = 8, SAMPLES = 400, LINE = 512 };

struct parts { /* seconds */
    double idle, load, wait;
};
struct summary { /* summed over the files */
    double requests, cold, wait_s, p95_s, p99_s, idle_s, loads, prewarms, hits;
};
struct bench {
    const char *name, *columns, *load_spec;
    double from, until;
    char policies[POLICIES_MAX][64];
    int policy_count;
    double prices[PRICES_MAX];
    int price_count;
    struct table resources; /* of all files */
    struct parts *ttl;      /* [resource * SCORE_GRID + i] */
    struct parts *cost;     /* [(resource * PRICES_MAX + price) * POLICIES_MAX + policy] */
    struct summary summary[PRICES_MAX][POLICIES_MAX];
    int files;
};

static void die(const char *what)
{
    fprintf(stderr, "bench_cost: %s\n", what);
    exit(3);
}

static double price_of(const struct parts *parts, double wait_price)
{
    return parts->idle + parts->load + wait_price * parts->wait;
}

static void add_parts(struct parts *to, int64_t idle_ns, int64_t load_ns, int64_t wait_ns)
{
    to->idle += time_to_seconds(idle_ns);
    to->load += time_to_seconds(load_ns);
    to->wait += time_to_seconds(wait_ns);
}

/* ---- reading ---- */

static void read_text(const char *path, struct buf *text)
{
    struct fw_detail detail = {""};
    buf_init(text, TRACE_BYTES_MAX);
    if (trace_load_file(path, text, &detail) != FW_OK)
        die(detail.text);
}

static int64_t *read_each(const struct trace *trace, const char *path)
{
    int64_t *load_ns = calloc(trace->resources.count, sizeof *load_ns);
    struct buf text;
    read_text(path, &text);
    struct str rest = buf_str(&text), line, id;
    if (!load_ns)
        die("no memory");
    while (str_cut(&rest, '\n', &line)) {
        double ms;
        uint32_t number;
        if (!str_cut(&line, ',', &id) || !str_to_double(str_trim(line), &ms) ||
            (number = table_find(&trace->resources, id)) == TABLE_NONE)
            continue;
        load_ns[number] = time_from_seconds(ms / 1000);
    }
    for (uint32_t i = 0; i < trace->resources.count; i++)
        if (load_ns[i] == 0)
            die("a resource has no load time");
    buf_fini(&text);
    return load_ns;
}

static void set_loads(struct loads *loads, const struct trace *trace, const char *spec,
                      uint64_t seed)
{
    struct fw_detail detail = {""};
    loads_init(loads, 11 * TIME_SECOND, seed);
    if (strncmp(spec, "csv:", 4) == 0) {
        struct buf text;
        read_text(spec + 4, &text);
        if (loads_read(loads, spec + 4, buf_str(&text), &detail) != FW_OK)
            die(detail.text);
        buf_fini(&text);
    } else if (strncmp(spec, "each:", 5) == 0) {
        loads->by_resource_ns = read_each(trace, spec + 5);
    } else if (!time_parse_duration(str_of(spec), &loads->fixed_ns)) {
        die("LOADS: expected 11s, csv:FILE or each:FILE");
    }
}

static void read_trace(const struct bench *bench, const char *path, struct trace *trace)
{
    struct trace_options options = {.skip_bad_rows = true};
    struct fw_detail detail = {""};
    snprintf(options.columns, sizeof options.columns, "%s", bench->columns);
    trace_init(trace);
    if (trace_read(trace, &path, 1, &options, &detail) != FW_OK)
        die(detail.text);
    int64_t first_ns = trace->requests[0].at_ns,
            span_ns = trace->requests[trace->count - 1].at_ns - first_ns;
    while (bench->until < 1 && trace->requests[trace->count - 1].at_ns >
                                   first_ns + (int64_t)(bench->until * (double)span_ns))
        trace->count--;
    for (size_t i = 0; i < trace->count; i++)
        trace->requests[i].duration_ns = 0; /* as in the figures compared with */
}

/* ---- running ---- */

static bool depends_on_price(const char *policy)
{
    return strncmp(policy, "ttl:", 4) != 0 && strcmp(policy, "median") != 0 &&
           strcmp(policy, "hybrid") != 0 && strcmp(policy, "cold") != 0;
}

static struct parts *parts_of(struct bench *bench, uint32_t resource, int price, int policy)
{
    return &bench->cost[((size_t)resource * PRICES_MAX + (size_t)price) * POLICIES_MAX +
                        (size_t)policy];
}

static void grow(struct bench *bench, uint32_t before)
{
    size_t count = bench->resources.count;
    size_t ttl = SCORE_GRID, cost = (size_t)PRICES_MAX * POLICIES_MAX;
    bench->ttl = realloc(bench->ttl, count * ttl * sizeof *bench->ttl);
    bench->cost = realloc(bench->cost, count * cost * sizeof *bench->cost);
    if (!bench->ttl || !bench->cost)
        die("no memory");
    memset(bench->ttl + before * ttl, 0, (count - before) * ttl * sizeof *bench->ttl);
    memset(bench->cost + before * cost, 0, (count - before) * cost * sizeof *bench->cost);
}

static void run_policy(struct bench *bench, struct replay_settings *settings,
                       const uint32_t *numbers, int price, int policy)
{
    struct replay_result result;
    struct fw_detail detail = {""};
    const char *name = bench->policies[policy];
    bool without = strcmp(name, "without") == 0;
    uint64_t transitions = settings->engine.transitions;
    settings->engine.wait_price = bench->prices[price];
    settings->engine.transitions = without ? 0 : transitions;
    if (replay_run(settings, without ? "planner" : name, &result, &detail) != FW_OK)
        die(detail.text);
    settings->engine.transitions = transitions;
    const struct score_result *score = &result.score;
    struct summary *sum = &bench->summary[price][policy];
    sum->requests += (double)score->requests;
    sum->cold += (double)score->cold;
    sum->wait_s += time_to_seconds(score->wait_ns);
    sum->p95_s += score->wait_p95_s;
    sum->p99_s += score->wait_p99_s;
    sum->idle_s += time_to_seconds(score->idle_ns);
    sum->loads += (double)score->loads;
    sum->prewarms += (double)score->prewarm_issued;
    sum->hits += (double)score->prewarm_hit;
    for (uint32_t i = 0; i < settings->trace->resources.count; i++) {
        const struct score_sums *sums = &settings->by_resource[i];
        add_parts(parts_of(bench, numbers[i], price, policy), sums->idle_ns, sums->load_ns,
                  sums->wait_ns);
    }
}

static void run_file(struct bench *bench, const char *path)
{
    struct trace trace;
    struct loads loads;
    struct score_arrivals arrivals;
    read_trace(bench, path, &trace);
    set_loads(&loads, &trace, bench->load_spec, (uint64_t)bench->files + 1);
    uint32_t count = trace.resources.count, before = bench->resources.count;
    uint32_t *numbers = calloc(count, sizeof *numbers);
    struct score_sums *sums = calloc(count, sizeof *sums);
    if (!numbers || !sums || score_arrivals_init(&arrivals, &trace) != FW_OK)
        die("no memory");
    for (uint32_t i = 0; i < count; i++)
        if (table_add(&bench->resources, table_key(&trace.resources, i), &numbers[i], NULL) !=
            FW_OK)
            die("no memory");
    grow(bench, before);
    int64_t first_ns = trace.requests[0].at_ns, last_ns = trace.requests[trace.count - 1].at_ns;
    double share = bench->until < 1 ? bench->from / bench->until : bench->from;
    struct replay_settings settings = {
        .trace = &trace, .arrivals = &arrivals, .loads = &loads, .by_resource = sums};
    settings.from_ns = first_ns + (int64_t)((double)(last_ns - first_ns) * share);
    option_defaults(engine_option_rows, engine_option_count, &settings.engine);
    settings.engine.load_time_ns = loads_median(&loads);
    settings.engine.hold_timeout_ns = 30 * TIME_DAY;
    settings.engine.hold_limit = settings.engine.hold_total = 100000000;
    settings.engine.max_resources = count > 1000000 ? count : 1000000;
    for (int policy = 0; policy < bench->policy_count; policy++)
        for (int price = 0; price < bench->price_count; price++)
            if (price == 0 || depends_on_price(bench->policies[policy]))
                run_policy(bench, &settings, numbers, price, policy);
    for (uint32_t i = 0; i < count; i++)
        for (int k = 0; k < SCORE_GRID; k++) {
            struct score_result ttl = {0};
            score_ttl_resource(&arrivals, &loads, i, score_grid_ttl(k), settings.from_ns, &ttl);
            add_parts(&bench->ttl[(size_t)numbers[i] * SCORE_GRID + (size_t)k], ttl.idle_ns,
                      ttl.load_ns, ttl.wait_ns);
        }
    bench->files++;
    free(numbers);
    free(sums);
    free((void *)loads.by_resource_ns);
    loads_fini(&loads);
    score_arrivals_fini(&arrivals);
    trace_fini(&trace);
}

/* ---- telling ---- */

/* In per cent of the best time to live when resource i is counted times[i] times. */
static int compare_best(struct bench *bench, int price, const uint32_t *times, double *pct)
{
    double ttl[SCORE_GRID] = {0}, cost[POLICIES_MAX] = {0};
    for (uint32_t i = 0; i < bench->resources.count; i++) {
        if (times[i] == 0)
            continue;
        for (int k = 0; k < SCORE_GRID; k++)
            ttl[k] += times[i] * price_of(&bench->ttl[(size_t)i * SCORE_GRID + (size_t)k],
                                          bench->prices[price]);
        for (int p = 0; p < bench->policy_count; p++) {
            int at = depends_on_price(bench->policies[p]) ? price : 0;
            cost[p] += times[i] * price_of(parts_of(bench, i, at, p), bench->prices[price]);
        }
    }
    int best = 0;
    for (int k = 1; k < SCORE_GRID; k++)
        if (ttl[k] < ttl[best])
            best = k;
    for (int p = 0; p < bench->policy_count; p++)
        pct[p] = 100 * (cost[p] / ttl[best] - 1);
    return best;
}

static void print_price(struct bench *bench, int price)
{
    uint32_t count = bench->resources.count;
    uint32_t *times = malloc(count * sizeof *times);
    double pct[POLICIES_MAX], sample[POLICIES_MAX], sum[POLICIES_MAX] = {0},
                                                    squares[POLICIES_MAX] = {0};
    struct prng prng;
    if (!times)
        die("no memory");
    for (uint32_t i = 0; i < count; i++)
        times[i] = 1;
    int best = compare_best(bench, price, times, pct);
    prng_init(&prng, 2026);
    for (int s = 0; s < SAMPLES; s++) {
        memset(times, 0, count * sizeof *times);
        for (uint32_t i = 0; i < count; i++)
            times[prng_below(&prng, count)]++;
        (void)compare_best(bench, price, times, sample);
        for (int p = 0; p < bench->policy_count; p++) {
            sum[p] += sample[p];
            squares[p] += sample[p] * sample[p];
        }
    }
    for (int p = 0; p < bench->policy_count; p++) {
        const struct summary *of =
            &bench->summary[depends_on_price(bench->policies[p]) ? price : 0][p];
        double mean = sum[p] / SAMPLES, variance = squares[p] / SAMPLES - mean * mean;
        double files = bench->files, cost = 0;
        for (uint32_t i = 0; i < count; i++)
            cost +=
                price_of(parts_of(bench, i, depends_on_price(bench->policies[p]) ? price : 0, p),
                         bench->prices[price]);
        printf(
            "%s,%s,%g,%s,%d,%.0f,%u,%.2f,%.2f,%.3f,%.3f,%.2f,%.2f,%.0f,%.0f,%.0f,%.0f,%.0f,%.0f\n",
            bench->name, bench->load_spec, bench->prices[price], bench->policies[p], bench->files,
            of->requests / files, count, pct[p], sqrt(variance > 0 ? variance : 0),
            100 * of->cold / of->requests, of->wait_s / of->requests, of->p95_s / files,
            of->p99_s / files, of->idle_s / files, of->loads / files, of->prewarms / files,
            of->hits / files, cost / files, time_to_seconds(score_grid_ttl(best)));
    }
    free(times);
}

static void read_lists(struct bench *bench, const char *policies, const char *prices)
{
    struct str rest = str_of(policies), item;
    while (str_cut(&rest, ',', &item)) {
        if (bench->policy_count == POLICIES_MAX || item.len >= sizeof bench->policies[0])
            die("POLICIES: too many or too long");
        memcpy(bench->policies[bench->policy_count++], item.data, item.len);
    }
    rest = str_of(prices);
    while (str_cut(&rest, ',', &item))
        if (bench->price_count == PRICES_MAX ||
            !str_to_double(item, &bench->prices[bench->price_count++]))
            die("PRICES: expected up to 8 numbers");
}

int main(int argc, char **argv)
{
    if (argc < 9) {
        fprintf(stderr,
                "usage: bench_cost NAME COLUMNS FROM UNTIL LOADS POLICIES PRICES TRACE...\n");
        return 2;
    }
    static struct bench bench;
    bench.name = argv[1];
    bench.columns = argv[2];
    bench.from = strtod(argv[3], NULL);
    bench.until = strtod(argv[4], NULL);
    bench.load_spec = argv[5];
    read_lists(&bench, argv[6], argv[7]);
    table_init(&bench.resources, TRACE_RESOURCES_MAX);
    for (int i = 8; i < argc; i++)
        run_file(&bench, argv[i]);
    printf("trace,loads,price,policy,files,requests,resources,pct,se,cold_pct,wait_s,p95_s,p99_s,"
           "idle_s,load_count,prewarms,hits,cost,best_ttl_s\n");
    for (int price = 0; price < bench.price_count; price++)
        print_price(&bench, price);
    table_fini(&bench.resources);
    free(bench.ttl);
    free(bench.cost);
    return 0;
}
