/* SPDX-License-Identifier: MIT */
#include "sim/agents.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/grow.h"
#include "base/prng.h"
#include "base/time.h"
#include "core/engine.h"
#include "sim/world.h"
#include <stdio.h>
#include <stdlib.h>

enum { REQUESTS_MAX = 1 << 24 };
#define SNAPSHOT_MAX ((size_t)1 << 28)

struct made { /* a request, by number - 1 */
    int64_t at_ns;
    uint32_t agent;
};
struct agents {
    const struct agents_settings *settings;
    struct engine *engine;
    struct world world;
    struct loads loads;
    struct action_list actions;
    struct prng prngs[AGENTS_MAX];
    int64_t next_ns[AGENTS_MAX]; /* its next request; TIME_NEVER: it waits */
    uint64_t made_of[AGENTS_MAX];
    struct made *made;
    size_t made_count, made_capacity;
    double *waits_s;
    size_t wait_count, wait_capacity;
    struct agents_result *result;
    int64_t now_ns;
};

static enum fw_err note_wait(struct agents *agents, const struct made *made, int64_t answered_ns)
{
    if (made->at_ns < agents->settings->from_ns)
        return FW_OK;
    if (agents->wait_count == agents->wait_capacity) {
        size_t capacity =
            grow_capacity(agents->wait_capacity, agents->wait_count + 1, REQUESTS_MAX);
        double *grown = realloc(agents->waits_s, capacity * sizeof *grown);
        if (!grown)
            return FW_NOMEM;
        agents->waits_s = grown;
        agents->wait_capacity = capacity;
    }
    agents->waits_s[agents->wait_count++] = time_to_seconds(answered_ns - made->at_ns);
    return FW_OK;
}

static enum fw_err perform(struct agents *agents, const struct action *action)
{
    const struct made *made = action->request > 0 ? &agents->made[action->request - 1] : NULL;
    bool scored = action->at_ns >= agents->settings->from_ns;
    agents->result->loads += scored && action->kind == ACTION_WARM;
    agents->result->dwelt += scored && action->kind == ACTION_WAIT;
    if (agents->settings->on_action)
        agents->settings->on_action(agents->settings->context, action);
    CHECK(action->kind != ACTION_REFUSE && action->kind != ACTION_FALLBACK);
    if (action->kind != ACTION_RELEASE || !made)
        return world_perform(&agents->world, action, -1, 0);
    FW_TRY(note_wait(agents, made, action->at_ns));
    return world_perform(&agents->world, action, made->at_ns,
                         time_from_seconds(agents->settings->agents[made->agent].run_s));
}

static enum fw_err reload(struct agents *agents)
{
    struct buf saved;
    struct fw_detail detail = {""};
    struct engine *loaded = NULL;
    buf_init(&saved, SNAPSHOT_MAX);
    enum fw_err err = engine_save(agents->engine, &saved);
    if (err == FW_OK)
        err = engine_create(&loaded, &agents->settings->engine, NULL, &detail);
    if (err == FW_OK)
        err = engine_load(loaded, saved.data, saved.len, &detail);
    buf_fini(&saved);
    if (err != FW_OK) {
        engine_destroy(&loaded);
        return err;
    }
    engine_destroy(&agents->engine);
    agents->engine = loaded;
    return FW_OK;
}

static enum fw_err step(struct agents *agents, struct event event)
{
    agents->now_ns = event.at_ns;
    agents->actions.count = 0;
    if (agents->settings->reloads)
        FW_TRY(reload(agents));
    FW_TRY(engine_step(agents->engine, &event, &agents->actions));
    for (size_t i = 0; i < agents->actions.count; i++)
        FW_TRY(perform(agents, &agents->actions.items[i]));
    return FW_OK;
}

static enum fw_err introduce(struct agents *agents)
{
    for (uint32_t i = 0; i < agents->settings->model_count; i++) {
        char id[16];
        int len = snprintf(id, sizeof id, "m%u", i);
        const struct resource_settings settings = {.memory = agents->settings->sizes[i],
                                                   .hold_timeout_ns = RESOURCE_INHERITS,
                                                   .load_time_ns = RESOURCE_INHERITS};
        FW_TRY(step(agents, (struct event){.kind = EVENT_RESOURCE,
                                           .resource = i,
                                           .id = {id, (size_t)len},
                                           .settings = &settings}));
    }
    return FW_OK;
}

static int64_t think(struct agents *agents, uint32_t agent)
{
    return time_from_seconds(
        prng_exponential(&agents->prngs[agent], agents->settings->agents[agent].think_s));
}

static enum fw_err ask(struct agents *agents, uint32_t number)
{
    const struct agent *agent = &agents->settings->agents[number];
    if (agents->made_count == agents->made_capacity) {
        size_t capacity =
            grow_capacity(agents->made_capacity, agents->made_count + 1, REQUESTS_MAX);
        struct made *grown = realloc(agents->made, capacity * sizeof *grown);
        if (!grown)
            return FW_NOMEM;
        agents->made = grown;
        agents->made_capacity = capacity;
    }
    uint32_t model = agent->models[agents->made_of[number]++ % agent->steps];
    struct event event = {.at_ns = agents->next_ns[number],
                          .kind = EVENT_REQUEST,
                          .resource = model,
                          .request = agents->made_count + 1,
                          .session = number + 1};
    agents->made[agents->made_count++] = (struct made){event.at_ns, number};
    agents->next_ns[number] = TIME_NEVER;
    return step(agents, event);
}

static enum fw_err complete(struct agents *agents)
{
    struct event event;
    CHECK(world_take(&agents->world, &event));
    if (event.kind == EVENT_END) {
        uint32_t agent = agents->made[event.request - 1].agent;
        agents->next_ns[agent] = time_add(event.at_ns, think(agents, agent));
    }
    return step(agents, event);
}

/* As in replay.c: of one instant first the engine's own timers, then what completes, then requests.
 */
static enum fw_err drive(struct agents *agents)
{
    for (;;) {
        uint32_t first = 0;
        for (uint32_t i = 1; i < agents->settings->agent_count; i++)
            if (agents->next_ns[i] < agents->next_ns[first])
                first = i;
        int64_t ask_ns = agents->next_ns[first], world_ns = world_next(&agents->world),
                timer_ns = engine_next_deadline(agents->engine);
        if (timer_ns < agents->now_ns)
            timer_ns = agents->now_ns;
        int64_t next_ns = ask_ns < world_ns ? ask_ns : world_ns;
        next_ns = timer_ns < next_ns ? timer_ns : next_ns;
        if (next_ns > agents->settings->until_ns)
            return FW_OK;
        if (timer_ns == next_ns)
            FW_TRY(step(agents, (struct event){.at_ns = timer_ns, .kind = EVENT_TIME}));
        else if (world_ns == next_ns)
            FW_TRY(complete(agents));
        else
            FW_TRY(ask(agents, first));
    }
}

static int compare_waits(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

/* Who still waits at the end has waited so long, too. */
static enum fw_err tell(struct agents *agents)
{
    struct agents_result *result = agents->result;
    double sum_s = 0;
    for (size_t i = 0; i < agents->made_count; i++)
        if (engine_holds(agents->engine, i + 1))
            FW_TRY(note_wait(agents, &agents->made[i], agents->settings->until_ns));
    result->requests = agents->wait_count;
    result->decision_hash = engine_decision_hash(agents->engine);
    if (agents->wait_count == 0)
        return FW_OK;
    qsort(agents->waits_s, agents->wait_count, sizeof *agents->waits_s, compare_waits);
    for (size_t i = 0; i < agents->wait_count; i++)
        sum_s += agents->waits_s[i];
    result->mean_wait_s = sum_s / (double)agents->wait_count;
    result->p99_wait_s = agents->waits_s[(agents->wait_count - 1) * 99 / 100];
    result->max_wait_s = agents->waits_s[agents->wait_count - 1];
    return FW_OK;
}

enum fw_err agents_run(const struct agents_settings *settings, struct agents_result *result,
                       struct fw_detail *detail)
{
    struct agents agents = {.settings = settings, .result = result};
    CHECK(settings->agent_count >= 1 && settings->agent_count <= AGENTS_MAX);
    *result = (struct agents_result){0};
    loads_init(&agents.loads, TIME_SECOND, settings->seed);
    agents.loads.by_resource_ns = settings->load_ns;
    FW_TRY(engine_create(&agents.engine, &settings->engine, NULL, detail));
    enum fw_err err = world_init(&agents.world, &agents.loads, settings->model_count);
    if (err == FW_OK)
        err = introduce(&agents);
    for (uint32_t i = 0; i < settings->agent_count; i++) {
        prng_init(&agents.prngs[i], prng_mix(settings->seed, i));
        agents.next_ns[i] = think(&agents, i);
    }
    if (err == FW_OK)
        err = drive(&agents);
    if (err == FW_OK)
        err = tell(&agents);
    if (err != FW_OK)
        (void)err_set(detail, err, "%s", err_row(err)->sentence);
    free(agents.made);
    free(agents.waits_s);
    action_list_fini(&agents.actions);
    world_fini(&agents.world);
    engine_destroy(&agents.engine);
    return err;
}
