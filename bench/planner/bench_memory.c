/* SPDX-License-Identifier: MIT
 * Models that share a memory budget: mean, p95, p99 and longest wait of each policy as multiples of
 * LRU swapping, on real arrivals with drawn sizes (4 to 20 GB; a load takes bytes / rate + 1 s, at
 * least 2 s). Learned from everything, scored on the later part of the time. Averaged over samples
 * of users and draws of sizes; the error is a bootstrap over these.
 *
 * usage: bench_memory KEY=VALUE...
 *   name=TEXT trace=FILE columns=MAP  users=100 (per cent) samples=0-3  draws=1-5
 *   models=8 (the most requested ones) skip=0 (of these)  memory=24 rate=0.6 (GB, GB/s)
 *   sizes=log (evenly on a logarithmic scale) or even
 *   host=0 (GB of host memory, in which a model may rest) speed=10 (times the rate, from there)
 *   exec=5 (seconds) or exec=trace (the duration column)  from=0.6 until=1 (shares of the time)
 *   policies=lru,planner,...  (the first is the unit; `one`: LRU with room for one model;
 *   `without`: the planner without what sessions foretell; `restless`: without dwelling)
 *   recall=0 precision=1 ahead=30 (hints, which only the planner is told)
 * prints a CSV row a policy. */
#include "base/prng.h"
#include "sim/replay.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GB 1e9
enum { POLICIES_MAX = 12, RUNS_MAX = 256, RESAMPLES = 1000 };

struct row {
    double mean_s, p95_s, p99_s, max_s, loads, cold_pct, overloaded_pct, short_gb;
};
struct hints_of {
    double recall, precision;
    int64_t ahead_ns;
};
struct setup {
    struct trace trace; /* narrowed to the sample of users */
    const char *name, *path, *columns, *exec, *sizes;
    double users_pct, memory_gb, rate_gb_s, host_gb, speed, from, until;
    uint64_t sample_from, sample_to, draw_from, draw_to;
    uint32_t models, skip;
    char policies[POLICIES_MAX][64];
    int policy_count;
    struct hints_of hints;
    double requests;
};

static void die(const char *what)
{
    fprintf(stderr, "bench_memory: %s\n", what);
    exit(3);
}

/* Keeps a share of the users (sample 0, 1, ... are disjoint) and, after the first `skip`, the most
 * requested models. */
static void narrow(struct trace *trace, double users_pct, uint64_t sample, uint32_t skip,
                   uint32_t models)
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
    for (uint32_t m = 0; m < skip + models; m++) {
        uint32_t best = TABLE_NONE;
        for (uint32_t i = 0; i < trace->resources.count; i++)
            if (!kept[i] && counts[i] > 0 && (best == TABLE_NONE || counts[i] > counts[best]))
                best = i;
        if (best == TABLE_NONE)
            break;
        kept[best] = m >= skip;
        if (m < skip)
            counts[best] = 0;
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
        if (trace->requests[i].at_ns < setup->hints.ahead_ns)
            continue; /* before the trace's first second */
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

static void draw_loads(const struct setup *setup, uint64_t draw, bool one, uint64_t *sizes,
                       int64_t *load_ns, int64_t *half_ns)
{
    for (uint32_t i = 0; i < setup->trace.resources.count; i++) {
        struct prng prng;
        prng_init(&prng, prng_mix(draw, i));
        double at = prng_uniform(&prng);
        double gb = strcmp(setup->sizes, "even") == 0 ? 4 + 16 * at : 4 * pow(5, at),
               load_s = gb / setup->rate_gb_s + 1;
        sizes[i] = (uint64_t)((one ? setup->memory_gb : gb) * GB);
        load_ns[i] = time_from_seconds(load_s < 2 ? 2 : load_s);
        half_ns[i] = time_from_seconds(gb / (setup->speed * setup->rate_gb_s) + 1);
    }
}

static struct row run(const struct setup *setup, const char *policy, uint64_t draw,
                      const struct score_arrivals *arrivals, const struct replay_hint *hints,
                      size_t hint_count)
{
    uint32_t count = setup->trace.resources.count;
    uint64_t *sizes = calloc(count, sizeof *sizes);
    int64_t *load_ns = calloc(2 * (size_t)count, sizeof *load_ns), *half_ns = load_ns + count;
    struct loads loads;
    struct replay_result result;
    struct fw_detail detail = {""};
    if (!sizes || !load_ns)
        die("no memory");
    bool one = strcmp(policy, "one") == 0;
    draw_loads(setup, draw, one, sizes, load_ns, half_ns);
    const struct replay_half half = {
        .world = {.by_resource_ns = half_ns, .fixed_ns = -1}, .memory_share = 1, .price = 0.1};
    loads_init(&loads, TIME_SECOND, draw);
    loads.by_resource_ns = load_ns;
    int64_t first_ns = setup->trace.requests[0].at_ns,
            last_ns = setup->trace.requests[setup->trace.count - 1].at_ns;
    struct replay_settings settings = {.trace = &setup->trace,
                                       .arrivals = arrivals,
                                       .loads = &loads,
                                       .sizes = sizes,
                                       .half = setup->host_gb > 0 ? &half : NULL,
                                       .hints = hints,
                                       .hint_count = hint_count};
    double share = setup->until < 1 ? setup->from / setup->until : setup->from;
    settings.from_ns = first_ns + (int64_t)((double)(last_ns - first_ns) * share);
    option_defaults(engine_option_rows, engine_option_count, &settings.engine);
    settings.engine.memory = (uint64_t)(setup->memory_gb * GB);
    if (setup->host_gb > 0)
        settings.engine.host_memory = (uint64_t)(setup->host_gb * GB);
    settings.engine.hold_timeout_ns = 30 * TIME_DAY;
    settings.engine.hold_limit = settings.engine.hold_total = 1000000;
    bool without = strcmp(policy, "without") == 0;
    if (without)
        settings.engine.transitions = 0;
    bool restless = strcmp(policy, "restless") == 0;
    if (restless)
        settings.engine.dwell_ns = 0;
    if (replay_run(&settings,
                   one                   ? "lru"
                   : without || restless ? "planner"
                                         : policy,
                   &result, &detail) != FW_OK)
        die(detail.text);
    if (result.score.refused > 0)
        die("a request was refused");
    free(sizes);
    free(load_ns);
    const struct score_result *score = &result.score;
    return (struct row){time_to_seconds(score->wait_ns) / (double)score->requests,
                        score->wait_p95_s,
                        score->wait_p99_s,
                        score->wait_max_s,
                        (double)score->loads,
                        score_cold_pct(score),
                        100.0 * (double)result.pressure.overloaded_minutes /
                            (time_to_seconds(last_ns - first_ns) / 60),
                        (double)result.pressure.most_short_bytes / GB};
}

/* ---- the trace ---- */

static void read_trace(struct setup *setup, uint64_t sample)
{
    struct trace_options options = {.skip_bad_rows = true};
    struct fw_detail detail = {""};
    struct trace *trace = &setup->trace;
    snprintf(options.columns, sizeof options.columns, "%s", setup->columns);
    trace_init(trace);
    if (trace_read(trace, &setup->path, 1, &options, &detail) != FW_OK)
        die(detail.text);
    int64_t first_ns = trace->requests[0].at_ns;
    double span_ns = (double)(trace->requests[trace->count - 1].at_ns - first_ns);
    while (setup->until < 1 && trace->count > 0 &&
           trace->requests[trace->count - 1].at_ns > first_ns + (int64_t)(setup->until * span_ns))
        trace->count--;
    narrow(trace, setup->users_pct, sample, setup->skip, setup->models);
    if (trace->count == 0)
        die("no requests are left");
    for (size_t i = 0; i < trace->count && strcmp(setup->exec, "trace") != 0; i++)
        trace->requests[i].duration_ns = time_from_seconds(strtod(setup->exec, NULL));
    setup->requests += (double)trace->count;
}

static int run_all(struct setup *setup, struct row (*rows)[POLICIES_MAX])
{
    int runs = 0;
    for (uint64_t sample = setup->sample_from; sample <= setup->sample_to; sample++) {
        struct score_arrivals arrivals;
        read_trace(setup, sample);
        if (score_arrivals_init(&arrivals, &setup->trace) != FW_OK)
            die("no memory");
        for (uint64_t draw = setup->draw_from; draw <= setup->draw_to; draw++, runs++) {
            struct replay_hint *hints;
            size_t hint_count = make_hints(setup, draw, &hints);
            if (runs == RUNS_MAX)
                die("too many runs");
            for (int p = 0; p < setup->policy_count; p++) {
                bool told = strcmp(setup->policies[p], "planner") == 0 ||
                            strcmp(setup->policies[p], "without") == 0 ||
                            strcmp(setup->policies[p], "restless") == 0;
                rows[runs][p] =
                    run(setup, setup->policies[p], draw, &arrivals, hints, told ? hint_count : 0);
            }
            free(hints);
        }
        score_arrivals_fini(&arrivals);
        trace_fini(&setup->trace);
    }
    setup->requests /= (double)(setup->sample_to - setup->sample_from + 1);
    return runs;
}

/* ---- telling ---- */

static double ratio(double a, double b)
{
    return b > 0 ? a / b : 1;
}

/* Sums over runs, run i counted times[i] times. */
static struct row sum_rows(struct row (*rows)[POLICIES_MAX], int runs, int policy,
                           const uint32_t *times)
{
    struct row sum = {0};
    for (int i = 0; i < runs; i++) {
        const struct row *row = &rows[i][policy];
        sum.mean_s += times[i] * row->mean_s;
        sum.p95_s += times[i] * row->p95_s;
        sum.p99_s += times[i] * row->p99_s;
        sum.max_s += times[i] * row->max_s;
        sum.loads += times[i] * row->loads;
        sum.cold_pct += times[i] * row->cold_pct;
        sum.overloaded_pct += times[i] * row->overloaded_pct;
        sum.short_gb += times[i] * row->short_gb;
    }
    return sum;
}

static double error_of_mean(struct row (*rows)[POLICIES_MAX], int runs, int policy)
{
    struct prng prng;
    double sum = 0, squares = 0;
    prng_init(&prng, 2026);
    for (int s = 0; s < RESAMPLES; s++) {
        uint32_t times[RUNS_MAX] = {0};
        for (int i = 0; i < runs; i++)
            times[prng_below(&prng, (uint64_t)runs)]++;
        double mean = ratio(sum_rows(rows, runs, policy, times).mean_s,
                            sum_rows(rows, runs, 0, times).mean_s);
        sum += mean;
        squares += mean * mean;
    }
    double variance = squares / RESAMPLES - (sum / RESAMPLES) * (sum / RESAMPLES);
    return sqrt(variance > 0 ? variance : 0);
}

static void print_rows(const struct setup *setup, struct row (*rows)[POLICIES_MAX], int runs)
{
    uint32_t once[RUNS_MAX];
    for (int i = 0; i < runs; i++)
        once[i] = 1;
    struct row unit = sum_rows(rows, runs, 0, once);
    printf("row,policy,runs,requests,unit_mean_s,unit_p99_s,unit_max_s,cold_pct,mean,se,p95,p99,"
           "max,loads,worse_mean,worse_p99,worse_max,overloaded_pct,short_gb\n");
    for (int p = 0; p < setup->policy_count; p++) {
        struct row sum = sum_rows(rows, runs, p, once);
        int worse[3] = {0};
        for (int i = 0; i < runs; i++) {
            worse[0] += rows[i][p].mean_s > rows[i][0].mean_s * 1.0005;
            worse[1] += rows[i][p].p99_s > rows[i][0].p99_s * 1.0005;
            worse[2] += rows[i][p].max_s > rows[i][0].max_s * 1.0005;
        }
        printf(
            "%s,%s,%d,%.0f,%.3f,%.1f,%.1f,%.1f,%.3f,%.3f,%.3f,%.3f,%.3f,%.2f,%d,%d,%d,%.1f,%.1f\n",
            setup->name, setup->policies[p], runs, setup->requests, unit.mean_s / runs,
            unit.p99_s / runs, unit.max_s / runs, sum.cold_pct / runs,
            ratio(sum.mean_s, unit.mean_s), error_of_mean(rows, runs, p),
            ratio(sum.p95_s, unit.p95_s), ratio(sum.p99_s, unit.p99_s),
            ratio(sum.max_s, unit.max_s), ratio(sum.loads, unit.loads), worse[0], worse[1],
            worse[2], sum.overloaded_pct / runs, sum.short_gb / runs);
    }
}

/* ---- what is asked for ---- */

static void read_range(const char *text, uint64_t *from, uint64_t *to)
{
    char *end;
    *from = *to = strtoull(text, &end, 10);
    if (*end == '-')
        *to = strtoull(end + 1, NULL, 10);
}

static void read_policies(struct setup *setup, const char *text)
{
    struct str rest = str_of(text), item;
    setup->policy_count = 0;
    while (str_cut(&rest, ',', &item)) {
        if (setup->policy_count == POLICIES_MAX || item.len >= sizeof setup->policies[0])
            die("policies: too many or too long");
        char *name = setup->policies[setup->policy_count++];
        memcpy(name, item.data, item.len);
        name[item.len] = '\0';
    }
}

static bool read_number(struct setup *setup, const char *key, const char *value)
{
    const struct {
        const char *key;
        double *number;
    } numbers[] = {{"users", &setup->users_pct},
                   {"memory", &setup->memory_gb},
                   {"rate", &setup->rate_gb_s},
                   {"host", &setup->host_gb},
                   {"speed", &setup->speed},
                   {"from", &setup->from},
                   {"until", &setup->until},
                   {"recall", &setup->hints.recall},
                   {"precision", &setup->hints.precision}};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (strcmp(key, numbers[i].key) == 0) {
            *numbers[i].number = strtod(value, NULL);
            return true;
        }
    return false;
}

static void read_setting(struct setup *setup, char *key, const char *value)
{
    if (read_number(setup, key, value))
        return;
    if (strcmp(key, "name") == 0)
        setup->name = value;
    else if (strcmp(key, "trace") == 0)
        setup->path = value;
    else if (strcmp(key, "columns") == 0)
        setup->columns = value;
    else if (strcmp(key, "exec") == 0)
        setup->exec = value;
    else if (strcmp(key, "sizes") == 0)
        setup->sizes = value;
    else if (strcmp(key, "samples") == 0)
        read_range(value, &setup->sample_from, &setup->sample_to);
    else if (strcmp(key, "draws") == 0)
        read_range(value, &setup->draw_from, &setup->draw_to);
    else if (strcmp(key, "models") == 0)
        setup->models = (uint32_t)strtoul(value, NULL, 10);
    else if (strcmp(key, "skip") == 0)
        setup->skip = (uint32_t)strtoul(value, NULL, 10);
    else if (strcmp(key, "policies") == 0)
        read_policies(setup, value);
    else if (strcmp(key, "ahead") == 0)
        setup->hints.ahead_ns = time_from_seconds(strtod(value, NULL));
    else
        die(key);
}

int main(int argc, char **argv)
{
    static struct row rows[RUNS_MAX][POLICIES_MAX];
    static struct setup setup = {.name = "row",
                                 .path = "",
                                 .columns = "",
                                 .exec = "5",
                                 .sizes = "log",
                                 .users_pct = 100,
                                 .memory_gb = 24,
                                 .rate_gb_s = 0.6,
                                 .speed = 10,
                                 .from = 0.6,
                                 .until = 1,
                                 .draw_from = 1,
                                 .draw_to = 5,
                                 .models = 8,
                                 .hints = {0, 1, 30 * TIME_SECOND}};
    read_policies(&setup, "lru,planner");
    for (int i = 1; i < argc; i++) {
        char *value = strchr(argv[i], '=');
        if (!value)
            die("expected KEY=VALUE");
        *value++ = '\0';
        read_setting(&setup, argv[i], value);
    }
    int runs = run_all(&setup, rows);
    print_rows(&setup, rows, runs);
    return 0;
}
