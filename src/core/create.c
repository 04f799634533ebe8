/* SPDX-License-Identifier: MIT
 * Making, changing and ending an engine. */
#include "core/state.h"
#include <stdlib.h>

static struct policy_settings policy_settings_of(const struct engine_settings *settings,
                                                 const struct engine_future *future)
{
    return (struct policy_settings){
        .wait_price = settings->wait_price,
        .idle_price = settings->idle_price,
        .baseline_ns = settings->baseline_ns,
        .min_requests = settings->prewarm_min_requests,
        .horizon_ns = settings->prewarm_horizon_ns,
        .lead_time_ns = settings->prewarm_lead_time_ns,
        .tick_ns = settings->prewarm_tick_ns,
        .expiry_ns = settings->prewarm_expiry_ns,
        .history = settings->history,
        .max_resources = (uint32_t)settings->max_resources,
        .next_arrival = future ? future->next_arrival : NULL,
        .burst_wait = future ? future->burst_wait : NULL,
        .future = future ? future->context : NULL,
    };
}

enum fw_err engine_create(struct engine **out, const struct engine_settings *settings,
                          const struct engine_future *future, struct fw_detail *detail)
{
    enum fw_err err = FW_NOMEM;
    struct engine *engine = calloc(1, sizeof *engine);
    if (!engine)
        goto out;
    engine->settings = *settings;
    if (future)
        engine->future = *future;
    engine->queue_first = engine->queue_last = RESOURCE_NONE;
    engine->occupied_first = engine->occupied_last = RESOURCE_NONE;
    engine->recent_first = engine->recent_last = RESOURCE_NONE;
    engine->rest_first = engine->rest_last = RESOURCE_NONE;
    engine->ahead_at_ns = engine->dwell.look_at_ns = TIME_NEVER;
    engine->decision_hash = (uint64_t)settings->seed;
    load_law_init(&engine->load_law);
    for (int i = 0; i < LEVELS_MAX; i++) {
        load_law_init(&engine->level_laws[i].loads);
        load_law_init(&engine->level_laws[i].reaches);
    }
    table_init(&engine->ids, (uint32_t)settings->max_resources);
    heap_init(&engine->timers);
    hold_init(&engine->hold, (uint32_t)settings->hold_total);
    sessions_init(&engine->sessions, (uint32_t)settings->max_sessions);
    transitions_init(&engine->transitions, settings->transitions);
    following_init(&engine->following);
    engine->foretold.oldest_open = UINT32_MAX;
    err = devices_parse(&engine->devices, str_of(settings->devices), settings->memory, detail);
    if (err != FW_OK)
        goto out;
    engine->limited = engine->devices.named || settings->memory != UINT64_MAX;
    err = FW_NOMEM;
    engine->decisions = calloc(DECISIONS_KEPT, sizeof *engine->decisions);
    if (!engine->decisions)
        goto out;
    err = history_init(&engine->history, (uint32_t)settings->history);
    if (err != FW_OK)
        goto out;
    const struct policy_settings policy = policy_settings_of(settings, future);
    err = policy_create(&engine->policy, &policy, str_of(settings->policy), detail);
    if (err == FW_OK && engine->policy->ops->needs_future && !(future && future->next_arrival))
        err =
            err_set(detail, FW_INPUT,
                    "policy: found \"%s\", which needs to know the future: it works in replay only",
                    settings->policy);
    if (err == FW_OK)
        err = ahead_enable(engine);
out:
    if (err == FW_NOMEM)
        (void)err_set(detail, FW_NOMEM, "not enough memory for an engine");
    if (err != FW_OK)
        engine_destroy(&engine);
    *out = engine;
    return err;
}

void engine_destroy(struct engine **engine_ref)
{
    struct engine *engine = *engine_ref;
    if (!engine)
        return;
    for (uint32_t i = 0; i < engine->resource_count; i++)
        resource_fini(&engine->resources[i]);
    free(engine->resources);
    free(engine->sources);
    free(engine->planned);
    free(engine->servers);
    free(engine->decisions);
    free(engine->candidates);
    free(engine->rest_candidates);
    free(engine->victims);
    if (engine->policy)
        policy_destroy(&engine->policy);
    if (engine->values)
        values_fini(engine->values);
    free(engine->values);
    history_fini(&engine->history);
    sessions_fini(&engine->sessions);
    transitions_fini(&engine->transitions);
    free(engine->foretold.raised);
    hold_fini(&engine->hold);
    heap_fini(&engine->timers);
    table_fini(&engine->ids);
    free(engine);
    *engine_ref = NULL;
}

enum fw_err engine_reconfigure(struct engine *engine, const struct engine_settings *settings,
                               struct fw_detail *detail)
{
    for (size_t i = 0; i < engine_option_count; i++) {
        const struct option_row *row = &engine_option_rows[i];
        static const size_t sizes[] = {
            [OPTION_BOOL] = sizeof(bool),     [OPTION_INT] = sizeof(int64_t),
            [OPTION_DOUBLE] = sizeof(double), [OPTION_DURATION] = sizeof(int64_t),
            [OPTION_SIZE] = sizeof(uint64_t), [OPTION_TEXT] = OPTION_TEXT_MAX,
            [OPTION_CHOICE] = sizeof(int)};
        if (row->reloadable)
            memcpy((char *)&engine->settings + row->offset, (const char *)settings + row->offset,
                   sizes[row->type]);
    }
    if (!engine->devices.named) {
        engine->devices.items[0].memory = engine->settings.memory;
        engine->limited = engine->settings.memory != UINT64_MAX;
    }
    if (ahead_enable(engine) != FW_OK)
        return err_set(detail, FW_NOMEM, "not enough memory to plan with a memory budget");
    return FW_OK;
}

uint32_t engine_resource(const struct engine *engine, struct str id)
{
    return table_find(&engine->ids, id);
}

uint32_t engine_resource_count(const struct engine *engine)
{
    return engine->resource_count;
}

struct str engine_resource_id(const struct engine *engine, uint32_t resource)
{
    return table_key(&engine->ids, resource);
}
