/* SPDX-License-Identifier: MIT
 * Agents in a closed loop (sim/agents.h) whose models do not fit together: loads and waits under
 * LRU swapping, the planner without dwelling and the planner as it is. What an agent gets done is
 * `requests`: who waits less asks more.
 *
 * usage: bench_agents [SEED-SEED]     prints a CSV row for each world and policy */
#include "sim/agents.h"
#include "base/time.h"
#include <stdio.h>
#include <stdlib.h>

#define GB        1e9
#define AGENTS(n) .agent_count = (n), .model_count = (n)

enum { MODELS = 4 };
static const uint64_t sizes[MODELS] = {16000000000, 16000000000, 16000000000, 16000000000};
static const int64_t load_ns[MODELS] = {20 * TIME_SECOND, 20 * TIME_SECOND, 20 * TIME_SECOND,
                                        20 * TIME_SECOND};

struct world_row {
    const char *name;
    struct agents_settings settings;
};
#define OWN(model, think)                                                                          \
    {                                                                                              \
        .models = {model}, .steps = 1, .think_s = (think), .run_s = 1                              \
    }
static const struct world_row worlds[] = {
    {"two agents that think 2 s", {.agents = {OWN(0, 2), OWN(1, 2)}, AGENTS(2)}},
    {"two agents that think 10 s", {.agents = {OWN(0, 10), OWN(1, 10)}, AGENTS(2)}},
    {"two agents that think 60 s", {.agents = {OWN(0, 60), OWN(1, 60)}, AGENTS(2)}},
    {"three agents that think 2 s", {.agents = {OWN(0, 2), OWN(1, 2), OWN(2, 2)}, AGENTS(3)}},
    {"one that thinks 2 s and one 60 s", {.agents = {OWN(0, 2), OWN(1, 60)}, AGENTS(2)}},
    {"one agent that alternates, thinks 2 s",
     {.agents = {{.models = {0, 1}, .steps = 2, .think_s = 2, .run_s = 1}},
      .agent_count = 1,
      .model_count = 2}},
    {"two agents that alternate, think 2 s",
     {.agents = {{.models = {0, 1}, .steps = 2, .think_s = 2, .run_s = 1},
                 {.models = {1, 0}, .steps = 2, .think_s = 2, .run_s = 1}},
      .agent_count = 2,
      .model_count = 2}},
    {"four agents, one model each, room for two, think 2 s",
     {.agents = {OWN(0, 2), OWN(1, 2), OWN(2, 2), OWN(3, 2)}, AGENTS(4)}},
};

static void run(const struct world_row *world, const char *name, const char *policy,
                const char *dwell_ns, unsigned long from, unsigned long to)
{
    struct agents_result sum = {0};
    for (unsigned long seed = from; seed <= to; seed++) {
        struct agents_settings settings = world->settings;
        struct agents_result result;
        struct fw_detail detail = {""};
        settings.sizes = sizes;
        settings.load_ns = load_ns;
        settings.seed = seed;
        settings.from_ns = TIME_HOUR;
        settings.until_ns = 5 * TIME_HOUR;
        option_defaults(engine_option_rows, engine_option_count, &settings.engine);
        settings.engine.memory = (uint64_t)((world->settings.model_count > 3 ? 40 : 24) * GB);
        settings.engine.hold_timeout_ns = TIME_DAY;
        snprintf(settings.engine.policy, sizeof settings.engine.policy, "%s", policy);
        if (dwell_ns)
            settings.engine.dwell_ns = strtoll(dwell_ns, NULL, 10);
        if (agents_run(&settings, &result, &detail) != FW_OK) {
            fprintf(stderr, "bench_agents: %s\n", detail.text);
            exit(3);
        }
        sum.requests += result.requests;
        sum.loads += result.loads;
        sum.dwelt += result.dwelt;
        sum.mean_wait_s += result.mean_wait_s;
        sum.p99_wait_s += result.p99_wait_s;
        sum.max_wait_s = result.max_wait_s > sum.max_wait_s ? result.max_wait_s : sum.max_wait_s;
    }
    double runs = (double)(to - from + 1);
    printf("\"%s\",%s,%.0f,%.0f,%.3f,%.2f,%.1f,%.1f,%.0f\n", world->name, name,
           (double)sum.requests / runs, (double)sum.loads / runs,
           sum.requests > 0 ? (double)sum.loads / (double)sum.requests : 0, sum.mean_wait_s / runs,
           sum.p99_wait_s / runs, sum.max_wait_s, (double)sum.dwelt / runs);
}

int main(int argc, char **argv)
{
    unsigned long from = 1, to = 5;
    if (argc > 1 && sscanf(argv[1], "%lu-%lu", &from, &to) != 2) {
        fprintf(stderr, "usage: bench_agents [SEED-SEED]\n");
        return 2;
    }
    printf(
        "world,policy,requests,loads,loads_a_request,mean_wait_s,p99_wait_s,max_wait_s,waited\n");
    for (size_t i = 0; i < sizeof worlds / sizeof worlds[0]; i++) {
        run(&worlds[i], "lru", "lru", NULL, from, to);
        run(&worlds[i], "planner without", "planner", "0", from, to);
        run(&worlds[i], "planner", "planner", NULL, from, to);
    }
    return 0;
}
