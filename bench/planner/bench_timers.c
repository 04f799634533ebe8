/* SPDX-License-Identifier: MIT
 * Is the planner ever worse than the timer a user has? Every log is replayed whole, from an empty
 * state, and so is every resource of it alone, as the log of somebody who has only that one: what
 * each policy cost, beside each fixed timer.
 *
 * usage: bench_timers NAME COLUMNS LOAD FROM UNTIL POLICIES TIMERS PRICES TRACE...
 *   LOAD        11s
 *   FROM UNTIL  per cent of the resources, by a hash of their name, that are replayed alone;
 *               0 0: the trace as it is, all resources together
 *   POLICIES TIMERS PRICES  separated by commas; `planner@` is the planner that is told the timer
 * it is compared with as its baseline prints a CSV row a price, policy and timer. */
#include "base/prng.h"
#include "base/str.h"
#include "sim/replay.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES_MAX = 8, LOG_REQUESTS_MIN = 5 };
#define WORSE 1.05 /* a log counts as worse from here on */

struct names {
    char name[NAMES_MAX][64];
    int count;
};
struct tally {
    double cost, timer_cost;        /* of all logs */
    double worst_pct, worst_starts; /* of one log: per cent above the timer; in cold starts */
    int worse;
};
struct bench {
    const char *name, *columns;
    int64_t load_ns;
    uint32_t from, until;
    struct names policies, timers, prices;
    struct tally tally[NAMES_MAX][NAMES_MAX][NAMES_MAX]; /* [price][policy][timer] */
    int logs;
    double requests;
};

static void die(const char *what)
{
    fprintf(stderr, "bench_timers: %s\n", what);
    exit(3);
}

static void read_names(struct names *names, const char *list)
{
    struct str rest = str_of(list), item;
    while (str_cut(&rest, ',', &item)) {
        if (names->count == NAMES_MAX || item.len >= sizeof names->name[0])
            die("too many names in a list, or one too long");
        memcpy(names->name[names->count++], item.data, item.len);
    }
}

/* `timer`: of "planner@"; NULL where no baseline is told. */
static double run(struct replay_settings *settings, const char *policy, const char *timer,
                  double price)
{
    settings->engine.baseline_ns = 0;
    if (timer && strncmp(timer, "ttl:", 4) == 0 &&
        !time_parse_duration(str_of(timer + 4), &settings->engine.baseline_ns))
        die("TIMERS: expected ttl:DUR or breakeven");
    struct replay_result result;
    struct fw_detail detail = {""};
    settings->engine.wait_price = price;
    if (replay_run(settings, policy, &result, &detail) != FW_OK)
        die(detail.text);
    struct score_prices prices = {.idle = 1, .wait = price};
    return score_cost(&result.score, &prices);
}

/* One log. `start`: what a cold start costs that nobody else waits for. */
static void count(struct tally *tally, double cost, double timer, double start)
{
    tally->cost += cost;
    tally->timer_cost += timer;
    tally->worse += cost > WORSE * timer;
    tally->worst_pct = fmax(tally->worst_pct, 100 * (cost / timer - 1));
    tally->worst_starts = fmax(tally->worst_starts, (cost - timer) / start);
}

static void compare(struct bench *bench, struct replay_settings *settings, int p, double price)
{
    double timers[NAMES_MAX];
    for (int t = 0; t < bench->timers.count; t++)
        timers[t] = run(settings, bench->timers.name[t], NULL, price);
    double start = time_to_seconds(bench->load_ns) * (1 + price);
    for (int i = 0; i < bench->policies.count; i++) {
        const char *policy = bench->policies.name[i];
        size_t len = strlen(policy);
        bool told = len > 0 && policy[len - 1] == '@';
        char name[sizeof bench->policies.name[0]];
        snprintf(name, sizeof name, "%.*s", (int)(len - told), policy);
        double cost = told ? 0 : run(settings, name, NULL, price);
        for (int t = 0; t < bench->timers.count; t++) {
            if (told)
                cost = run(settings, name, bench->timers.name[t], price);
            count(&bench->tally[p][i][t], cost, timers[t], start);
        }
    }
}

static void run_log(struct bench *bench, const struct trace *trace)
{
    struct score_arrivals arrivals;
    struct loads loads;
    if (trace->count < LOG_REQUESTS_MIN)
        return;
    loads_init(&loads, bench->load_ns, 1);
    if (score_arrivals_init(&arrivals, trace) != FW_OK)
        die("no memory");
    struct replay_settings settings = {.trace = trace, .arrivals = &arrivals, .loads = &loads};
    option_defaults(engine_option_rows, engine_option_count, &settings.engine);
    settings.engine.load_time_ns = bench->load_ns;
    settings.engine.hold_timeout_ns = 30 * TIME_DAY;
    settings.engine.hold_limit = settings.engine.hold_total = 100000000;
    settings.from_ns = trace->requests[0].at_ns;
    for (int p = 0; p < bench->prices.count; p++)
        compare(bench, &settings, p, strtod(bench->prices.name[p], NULL));
    bench->logs++;
    bench->requests += (double)trace->count;
    score_arrivals_fini(&arrivals);
    loads_fini(&loads);
}

static uint32_t percent_of(struct str name)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ (uint8_t)name.data[i]) * 16777619u;
    return (hash >> 8) % 100;
}

static void run_alone(struct bench *bench, const struct trace *trace, uint32_t resource)
{
    struct trace one;
    trace_init(&one);
    uint32_t number;
    if (table_add(&one.resources, table_key(&trace->resources, resource), &number, NULL) != FW_OK ||
        !(one.requests = malloc(trace->count * sizeof *one.requests)))
        die("no memory");
    one.capacity = trace->count;
    for (size_t i = 0; i < trace->count; i++)
        if (trace->requests[i].resource == resource) {
            one.requests[one.count] = trace->requests[i];
            one.requests[one.count].session_number = TABLE_NONE;
            one.requests[one.count].session = 0;
            one.requests[one.count++].resource = 0;
        }
    run_log(bench, &one);
    trace_fini(&one);
}

static void run_file(struct bench *bench, const char *path)
{
    struct trace trace;
    struct trace_options options = {.skip_bad_rows = true};
    struct fw_detail detail = {""};
    snprintf(options.columns, sizeof options.columns, "%s", bench->columns);
    trace_init(&trace);
    if (trace_read(&trace, &path, 1, &options, &detail) != FW_OK)
        die(detail.text);
    for (size_t i = 0; i < trace.count; i++)
        trace.requests[i].duration_ns = 0; /* as in the figures compared with */
    if (bench->until == 0)
        run_log(bench, &trace);
    for (uint32_t i = 0; bench->until > 0 && i < trace.resources.count; i++) {
        uint32_t percent = percent_of(table_key(&trace.resources, i));
        if (percent >= bench->from && percent < bench->until)
            run_alone(bench, &trace, i);
    }
    trace_fini(&trace);
}

static void tell(const struct bench *bench, int p, int i, int t)
{
    const struct tally *tally = &bench->tally[p][i][t];
    printf("%s,%s,%d,%.0f,%s,%s,%.0f,%+.1f,%d,%+.1f,%.1f\n", bench->name, bench->prices.name[p],
           bench->logs, bench->requests, bench->policies.name[i], bench->timers.name[t],
           tally->cost, 100 * (tally->cost / tally->timer_cost - 1), tally->worse, tally->worst_pct,
           tally->worst_starts);
}

int main(int argc, char **argv)
{
    static struct bench bench;
    if (argc < 10 || !time_parse_duration(str_of(argv[3]), &bench.load_ns)) {
        fprintf(stderr, "usage: bench_timers NAME COLUMNS LOAD FROM UNTIL POLICIES TIMERS PRICES "
                        "TRACE...\n");
        return 2;
    }
    bench.name = argv[1];
    bench.columns = argv[2];
    bench.from = (uint32_t)strtoul(argv[4], NULL, 10);
    bench.until = (uint32_t)strtoul(argv[5], NULL, 10);
    read_names(&bench.policies, argv[6]);
    read_names(&bench.timers, argv[7]);
    read_names(&bench.prices, argv[8]);
    for (int i = 9; i < argc; i++)
        run_file(&bench, argv[i]);
    printf("trace,price,logs,requests,policy,timer,cost,pct,worse,worst_pct,worst_starts\n");
    for (int p = 0; p < bench.prices.count; p++)
        for (int i = 0; i < bench.policies.count; i++)
            for (int t = 0; t < bench.timers.count; t++)
                tell(&bench, p, i, t);
    return 0;
}
