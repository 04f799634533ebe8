/* SPDX-License-Identifier: MIT
 * How fast the engine decides and how much it remembers. Arrivals are made beforehand; the world
 * answers the engine's actions after fixed times (a load takes 5 s, an answer 0.5 s), so that what
 * is measured is engine_step and a few queues.
 *
 * bursts: requests come in bursts of 5 on average, about 1 s apart; the silence between bursts is
 * drawn per resource, from a mean between 2 minutes and 6 hours. One request in four names a
 * session.
 *
 * lone: all but one gap in twenty are longer than a load, so that nearly every request ends a gap,
 * settles the one before and plans; and most gaps are short enough to find the resource warm.
 *
 * Usage: bench_engine RESOURCES REQUESTS bursts|lone [POLICY]
 * Prints "metric value unit" a line. */
#include "base/prng.h"
#include "base/time.h"
#include "core/engine.h"
#include "plan/policies.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOAD_NS    (5 * TIME_SECOND)
#define SERVICE_NS (TIME_SECOND / 2)

struct arrival {
    int64_t at_ns;
    uint32_t resource;
};
struct queue { /* of events, each due the same time after it was put: so in order */
    struct event *events;
    size_t first, count, capacity;
};
struct bench {
    struct engine *engine;
    struct action_list actions;
    struct arrival *arrivals;
    size_t arrival_count;
    struct queue answers, loads, proofs, unloads;
    uint64_t events, steps, warms; /* steps: timers too, and from the beginning */
};

static void die(const char *what)
{
    fprintf(stderr, "bench_engine: %s\n", what);
    exit(3);
}

/* Time on the processor: others may share it. */
static int64_t cpu_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * TIME_SECOND + now.tv_nsec;
}

static int64_t clock_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * TIME_SECOND + now.tv_nsec;
}

/* Bytes of this process, from the kernel: "VmRSS:" resident now, "VmHWM:" at most so far. */
static double resident_bytes(const char *name)
{
    char line[256];
    double kib = -1;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, name, strlen(name)) == 0)
            kib = strtod(line + strlen(name), NULL);
    if (!file || kib < 0)
        die("no /proc/self/status");
    (void)fclose(file);
    return kib * 1024;
}

static int by_time(const void *left, const void *right)
{
    const struct arrival *a = left, *b = right;
    if (a->at_ns != b->at_ns)
        return a->at_ns < b->at_ns ? -1 : 1;
    return (a->resource > b->resource) - (a->resource < b->resource);
}

/* The mean silence of a resource, seconds: the same whenever it is asked for. */
static double mean_silence_s(uint32_t resource, bool lone)
{
    struct prng own;
    prng_init(&own, prng_mix(7, resource));
    double mean_s = 120 * (double)(1 << prng_below(&own, 8)) * (0.7 + 0.7 * prng_uniform(&own));
    return lone ? 20 + 60 * prng_uniform(&own) : mean_s;
}

/* As many as there will be about `requests` until `horizon_s`; every resource is asked for in its
 * first half. */
static void make_arrivals(struct bench *bench, uint32_t resources, size_t requests, bool lone)
{
    struct prng prng;
    double rate = 0, per_burst = lone ? 1 : 5;
    prng_init(&prng, 1);
    for (uint32_t i = 0; i < resources; i++)
        rate += per_burst / (mean_silence_s(i, lone) + time_to_seconds(LOAD_NS) + per_burst);
    double horizon_s = (double)requests / rate;
    requests += requests / 4; /* chance */
    bench->arrivals = malloc(requests * sizeof *bench->arrivals);
    if (!bench->arrivals)
        die("no memory");
    for (uint32_t i = 0; i < resources; i++) {
        double mean_s = mean_silence_s(i, lone);
        double at_s = prng_uniform(&prng) * (mean_s < horizon_s / 2 ? mean_s : horizon_s / 2);
        while (at_s < horizon_s && bench->arrival_count < requests) {
            do {
                bench->arrivals[bench->arrival_count++] =
                    (struct arrival){time_from_seconds(at_s), i};
                at_s += prng_exponential(&prng, 1);
            } while (prng_uniform(&prng) < (lone ? 0.05 : 0.8) && bench->arrival_count < requests);
            at_s += time_to_seconds(LOAD_NS) + 0.001 + prng_exponential(&prng, mean_s);
        }
    }
    qsort(bench->arrivals, bench->arrival_count, sizeof *bench->arrivals, by_time);
}

static void put(struct queue *queue, const struct event *event)
{
    if (queue->count == queue->capacity) { /* a power of two */
        size_t capacity = queue->capacity ? queue->capacity * 2 : 1024;
        struct event *events = malloc(capacity * sizeof *events);
        if (!events)
            die("no memory");
        for (size_t i = 0; i < queue->count; i++)
            events[i] = queue->events[(queue->first + i) & (queue->capacity - 1)];
        free(queue->events);
        *queue = (struct queue){events, 0, queue->count, capacity};
    }
    queue->events[(queue->first + queue->count++) & (queue->capacity - 1)] = *event;
}

static void answer(struct bench *bench, const struct action *action)
{
    struct event event = {.at_ns = action->at_ns,
                          .resource = action->resource,
                          .attempt = action->attempt,
                          .request = action->request};
    switch (action->kind) {
    case ACTION_RELEASE:
        event.kind = EVENT_END;
        event.at_ns += SERVICE_NS;
        event.value = (uint64_t)action->numbers[0];
        put(&bench->answers, &event);
        break;
    case ACTION_WARM:
        bench->warms++;
        event.kind = EVENT_LOADED;
        event.at_ns += LOAD_NS;
        put(&bench->loads, &event);
        event.kind = EVENT_PROVEN;
        event.at_ns += TIME_SECOND / 10;
        put(&bench->proofs, &event);
        break;
    case ACTION_DRAIN:
    case ACTION_UNLOAD:
        event.kind = action->kind == ACTION_DRAIN ? EVENT_DRAINED : EVENT_UNLOADED;
        event.at_ns += TIME_SECOND / 5;
        put(&bench->unloads, &event);
        break;
    default:
        break;
    }
}

static void step(struct bench *bench, const struct event *event)
{
    bench->actions.count = 0;
    if (engine_step(bench->engine, event, &bench->actions) != FW_OK)
        die("the engine has no memory");
    bench->events++;
    bench->steps++;
    for (size_t i = 0; i < bench->actions.count; i++)
        answer(bench, &bench->actions.items[i]);
}

static int64_t due_ns(const struct queue *queue)
{
    return queue->count > 0 ? queue->events[queue->first].at_ns : TIME_NEVER;
}

/* Everything the world has to say up to `until_ns`, in order. */
static void catch_up(struct bench *bench, int64_t until_ns)
{
    struct queue *queues[] = {&bench->loads, &bench->proofs, &bench->answers, &bench->unloads};
    for (;;) {
        struct queue *next = queues[0];
        for (int i = 1; i < 4; i++)
            if (due_ns(queues[i]) < due_ns(next))
                next = queues[i];
        int64_t timer_ns = engine_next_deadline(bench->engine), due = due_ns(next);
        if (timer_ns <= due && timer_ns <= until_ns) {
            step(bench, &(struct event){.at_ns = timer_ns, .kind = EVENT_TIME});
            bench->events--; /* timers are not events */
            continue;
        }
        if (due > until_ns || due == TIME_NEVER)
            return;
        const struct event event = next->events[next->first];
        next->first = (next->first + 1) & (next->capacity - 1);
        next->count--;
        step(bench, &event);
    }
}

static void replay(struct bench *bench, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        const struct arrival *arrival = &bench->arrivals[i];
        const struct event event = {.at_ns = arrival->at_ns,
                                    .kind = EVENT_REQUEST,
                                    .resource = arrival->resource,
                                    .request = i + 1,
                                    .session = i % 4 == 0 ? 1 + prng_mix(3, i / 64) % 50000 : 0};
        catch_up(bench, arrival->at_ns);
        step(bench, &event);
    }
}

static void configure(struct bench *bench, uint32_t resources, const char *policy)
{
    struct engine_settings settings;
    struct fw_detail detail = {""};
    option_defaults(engine_option_rows, engine_option_count, &settings);
    (void)snprintf(settings.policy, sizeof settings.policy, "%s", policy);
    settings.load_time_ns = LOAD_NS;
    if (engine_create(&bench->engine, &settings, NULL, &detail) != FW_OK)
        die(detail.text);
    for (uint32_t i = 0; i < resources; i++) {
        char id[48];
        const struct resource_settings own = {.memory = UINT64_C(8) << 30,
                                              .hold_timeout_ns = RESOURCE_INHERITS,
                                              .load_time_ns = RESOURCE_INHERITS};
        (void)snprintf(id, sizeof id, "tenant-%u/model-%u", i / 16, i);
        const struct event event = {.kind = EVENT_RESOURCE, .id = str_of(id), .settings = &own};
        step(bench, &event);
    }
}

static int by_value(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

/* The planner alone: the median of single calls of plan, less what looking at the clock takes. */
static double plan_ns(uint32_t resources, size_t plans)
{
    struct policy_settings settings = {
        .wait_price = 54, .idle_price = 1, .max_resources = resources};
    struct policy *policy;
    struct keep_plan plan;
    struct prng prng;
    int64_t *took = malloc(plans * sizeof *took), *last = calloc(resources, sizeof *last);
    int64_t now_ns = TIME_SECOND, clock_cost_ns = INT64_MAX;
    prng_init(&prng, 3);
    if (!took || !last || policy_create(&policy, &settings, STR("planner"), NULL) != FW_OK ||
        policy->ops->grow(policy, resources) != FW_OK)
        die("no memory");
    for (size_t i = 0; i < plans; i++) {
        uint32_t number = (uint32_t)prng_below(&prng, resources);
        int64_t gap_ns = last[number] ? now_ns - last[number] : -1;
        const struct policy_request request = {number, now_ns, gap_ns, LOAD_NS, true};
        policy->ops->request(policy, &request);
        int64_t at_ns = clock_ns();
        bool planned = policy->ops->plan(policy, &request, &plan);
        took[i] = clock_ns() - at_ns;
        at_ns = clock_ns();
        int64_t cost_ns = clock_ns() - at_ns;
        clock_cost_ns = cost_ns < clock_cost_ns ? cost_ns : clock_cost_ns;
        last[number] = now_ns;
        now_ns += (int64_t)prng_exponential(&prng, 600e9 / resources);
        if (!planned)
            i--; /* the plan in force stays: asked nothing */
    }
    qsort(took, plans, sizeof *took, by_value);
    double median_ns = (double)(took[plans / 2] - clock_cost_ns);
    free(took);
    free(last);
    policy_destroy(&policy);
    return median_ns;
}

int main(int argc, char **argv)
{
    if (argc < 4)
        die("usage: bench_engine RESOURCES REQUESTS bursts|lone [POLICY]");
    uint32_t resources = (uint32_t)strtoul(argv[1], NULL, 10);
    size_t requests = (size_t)strtoull(argv[2], NULL, 10);
    const char *policy = argc > 4 ? argv[4] : "planner";
    struct bench bench = {0};
    make_arrivals(&bench, resources, requests, strcmp(argv[3], "lone") == 0);
    double before = resident_bytes("VmRSS:");
    configure(&bench, resources, policy);
    double configured = resident_bytes("VmRSS:");
    size_t learn = bench.arrival_count / 4; /* by then most resources have a plan */
    replay(&bench, 0, learn);
    bench.events = 0;
    int64_t began_ns = cpu_ns();
    replay(&bench, learn, bench.arrival_count);
    double seconds = time_to_seconds(cpu_ns() - began_ns);
    double after = resident_bytes("VmRSS:");
    printf("events_per_s %.0f events/s\n", (double)bench.events / seconds);
    printf("ns_per_event %.1f ns\n", seconds * 1e9 / (double)bench.events);
    printf("requests %zu requests\n", bench.arrival_count - learn);
    printf("events %llu events\n", (unsigned long long)bench.events);
    printf("steps %llu steps\n", (unsigned long long)bench.steps);
    printf("warms %llu loads\n", (unsigned long long)bench.warms);
    printf("bytes_configured %.1f bytes/resource\n", (configured - before) / resources);
    printf("bytes_used %.1f bytes/resource\n", (after - before) / resources);
    printf("resident_peak %.0f bytes\n", resident_bytes("VmHWM:"));
    printf("hash %016llx\n", (unsigned long long)engine_decision_hash(bench.engine));
    if (strcmp(policy, "planner") == 0 && resources <= 10000)
        printf("plan_median %.0f ns\n", plan_ns(resources, 200000));
    engine_destroy(&bench.engine);
    return 0;
}
