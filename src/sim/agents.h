/* SPDX-License-Identifier: MIT
 * Agents in a closed loop: each asks, waits for the answer, thinks, and asks again. A log cannot
 * show what swapping costs them, for in a log requests come when they came; here an agent that is
 * kept waiting asks less often. What an agent does next depends on the seed, the agent and the
 * number of its request alone, so that two policies meet the same luck. */
#ifndef FOREWARM_SIM_AGENTS_H
#define FOREWARM_SIM_AGENTS_H

#include "core/settings.h"
#include "core/action.h"
#include "base/err.h"

enum { AGENTS_MAX = 32, AGENT_STEPS_MAX = 8 };

struct agent {
    uint32_t models[AGENT_STEPS_MAX]; /* asked for in turn, round and round */
    uint32_t steps;
    double think_s, run_s; /* means; the first exponential, the second always the same */
};
struct agents_settings {
    struct agent agents[AGENTS_MAX];
    uint32_t agent_count, model_count;
    const uint64_t *sizes;  /* bytes by model */
    const int64_t *load_ns; /* by model */
    struct engine_settings engine;
    int64_t from_ns, until_ns; /* scored are requests that are made in between; begins at 0 */
    uint64_t seed;
    bool reloads; /* saves and loads the engine after every event: nothing may change */
    /* Called for every action; may be NULL. */
    void (*on_action)(void *context, const struct action *action);
    void *context;
};
struct agents_result {
    uint64_t requests, loads, dwelt; /* dwelt: loads that were made to wait by it */
    double mean_wait_s, p99_wait_s, max_wait_s;
    uint64_t decision_hash;
};

FW_MUST_CHECK enum fw_err agents_run(const struct agents_settings *settings,
                                     struct agents_result *result, struct fw_detail *detail);

#endif
