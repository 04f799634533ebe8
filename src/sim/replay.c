/* SPDX-License-Identifier: MIT */
#include "sim/replay.h"
#include "base/check.h"
#include "sim/world.h"
#include <string.h>

enum {
    SAME_INSTANT_MAX = 1 << 20
}; /* timers at one instant: more would be a policy that does not move on */

struct replay {
    const struct replay_settings *settings;
    struct engine *engine;
    struct world world;
    struct score score;
    struct action_list actions;
    struct replay_result *result;
    int64_t now_ns;
    size_t answered; /* requests */
    uint32_t same_instant;
};

static int64_t future_arrival(void *context, uint32_t resource, int64_t at_ns)
{
    const struct score_arrivals *arrivals = context;
    size_t low = arrivals->first[resource], high = arrivals->first[resource + 1], end = high;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (arrivals->at_ns[middle] > at_ns)
            high = middle;
        else
            low = middle + 1;
    }
    return low < end ? arrivals->at_ns[low] : TIME_NEVER;
}

static int64_t future_wait(void *context, uint32_t resource, int64_t at_ns, int64_t load_ns)
{
    const struct score_arrivals *arrivals = context;
    size_t low = arrivals->first[resource], high = arrivals->first[resource + 1], end = high;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (arrivals->at_ns[middle] >= at_ns)
            high = middle;
        else
            low = middle + 1;
    }
    int64_t wait_ns = 0;
    for (; low < end && arrivals->at_ns[low] < time_add(at_ns, load_ns); low++)
        wait_ns = time_add(wait_ns, time_add(at_ns, load_ns) - arrivals->at_ns[low]);
    return wait_ns;
}

/* One event into the engine, and everything that follows from it into the world and the score. */
static enum fw_err step(struct replay *replay, const struct event *event)
{
    const struct trace *trace = replay->settings->trace;
    CHECK(event->at_ns >= replay->now_ns);
    replay->same_instant =
        event->at_ns == replay->now_ns && event->kind == EVENT_TIME ? replay->same_instant + 1 : 0;
    CHECK(replay->same_instant < SAME_INSTANT_MAX);
    replay->now_ns = event->at_ns;
    replay->result->events++;
    replay->actions.count = 0;
    FW_TRY(engine_step(replay->engine, event, &replay->actions));
    for (size_t i = 0; i < replay->actions.count; i++) {
        const struct action *action = &replay->actions.items[i];
        bool of_request = action->request > 0 && action->request <= trace->count;
        int64_t arrived_at_ns = of_request ? trace->requests[action->request - 1].at_ns : -1;
        int64_t duration_ns = of_request ? trace->requests[action->request - 1].duration_ns : 0;
        replay->answered +=
            of_request && (action->kind == ACTION_RELEASE || action->kind == ACTION_FALLBACK ||
                           action->kind == ACTION_REFUSE);
        score_action(&replay->score, action, arrived_at_ns);
        if (replay->settings->on_action)
            replay->settings->on_action(replay->settings->context, action);
        FW_TRY(world_perform(&replay->world, action, arrived_at_ns, duration_ns));
    }
    return FW_OK;
}

static void add_half(const struct replay_settings *replay, uint32_t number,
                     struct resource_settings *settings)
{
    const struct replay_half *half = replay->half;
    double bytes = half->memory_share * (double)settings->memory;
    settings->level_count = 1;
    settings->levels[0] = (struct level_settings){
        .host_memory = settings->memory > 0 ? (uint64_t)bytes : half->memory,
        .idle_price = half->price,
        .load_time_ns = half->world.by_resource_ns  ? half->world.by_resource_ns[number]
                        : half->world.fixed_ns >= 0 ? half->world.fixed_ns
                                                    : RESOURCE_INHERITS,
        .from_cold = true,
        .from_warm = true};
}

/* All resources before the first request, in the order of the trace, so that both count them alike.
 */
static enum fw_err introduce(struct replay *replay)
{
    const struct trace *trace = replay->settings->trace;
    const struct resource_settings plain = {.on_cold = ON_COLD_HOLD,
                                            .hold_timeout_ns = RESOURCE_INHERITS,
                                            .load_time_ns = RESOURCE_INHERITS};
    int64_t at_ns = trace->count > 0 ? trace->requests[0].at_ns : 0;
    if (replay->settings->hint_count > 0 && replay->settings->hints[0].at_ns < at_ns)
        at_ns = replay->settings->hints[0].at_ns;
    for (uint32_t number = 0; number < trace->resources.count; number++) {
        struct resource_settings settings = plain;
        if (replay->settings->sizes)
            settings.memory = replay->settings->sizes[number];
        if (replay->settings->spans)
            settings.span = replay->settings->spans[number];
        if (replay->settings->loads->by_resource_ns)
            settings.load_time_ns = replay->settings->loads->by_resource_ns[number];
        if (replay->settings->half)
            add_half(replay->settings, number, &settings);
        struct event event = {.at_ns = at_ns,
                              .kind = EVENT_RESOURCE,
                              .resource = number,
                              .id = table_key(&trace->resources, number),
                              .settings = &settings};
        FW_TRY(step(replay, &event));
        CHECK(engine_resource(replay->engine, event.id) == number);
    }
    return FW_OK;
}

static enum fw_err arrive(struct replay *replay, size_t i)
{
    const struct trace_request *request = &replay->settings->trace->requests[i];
    struct event event = {.at_ns = request->at_ns,
                          .kind = EVENT_REQUEST,
                          .resource = request->resource,
                          .request = i + 1,
                          .session = request->session};
    score_arrival(&replay->score, request);
    if (replay->settings->on_arrival)
        replay->settings->on_arrival(replay->settings->context, i,
                                     score_is_ready(&replay->score, request->resource));
    if (replay->settings->on_progress)
        replay->settings->on_progress(replay->settings->context, i + 1);
    return step(replay, &event);
}

static enum fw_err hear(struct replay *replay, size_t i)
{
    const struct replay_hint *hint = &replay->settings->hints[i];
    struct event event = {.at_ns = hint->at_ns,
                          .kind = EVENT_HINT,
                          .resource = hint->resource,
                          .session = hint->session,
                          .source = hint->source,
                          .probability = hint->probability,
                          .eta_ns = hint->eta_ns};
    if (hint->span_ns > 0) {
        event.kind = EVENT_EXPECT;
        event.duration_ns = hint->span_ns;
        event.flags = hint->planned ? EVENT_PLANNED : 0;
    }
    return step(replay, &event);
}

static enum fw_err complete(struct replay *replay)
{
    struct event event;
    CHECK(world_take(&replay->world, &event));
    score_event(&replay->score, &event);
    return step(replay, &event);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static enum fw_err drive(struct replay *replay)
{
    const struct replay_settings *settings = replay->settings;
    const struct trace *trace = settings->trace;
    int64_t last_ns = trace->count > 0 ? trace->requests[trace->count - 1].at_ns : 0;
    int64_t end_ns = time_add(last_ns, REPLAY_TAIL_NS);
    for (size_t request = 0, hint = 0;;) {
        int64_t request_ns = request < trace->count ? trace->requests[request].at_ns : TIME_NEVER;
        int64_t hint_ns = hint < settings->hint_count ? settings->hints[hint].at_ns : TIME_NEVER;
        int64_t world_ns = world_next(&replay->world),
                timer_ns = engine_next_deadline(replay->engine);
        if (timer_ns < replay->now_ns)
            timer_ns = replay->now_ns;
        int64_t next_ns = earlier(earlier(request_ns, hint_ns), earlier(world_ns, timer_ns));
        bool all_answered = request == trace->count && replay->answered == trace->count;
        if (next_ns == TIME_NEVER || next_ns > end_ns || (all_answered && next_ns > last_ns))
            return FW_OK;
        if (timer_ns == next_ns)
            FW_TRY(step(replay, &(struct event){.at_ns = timer_ns, .kind = EVENT_TIME}));
        else if (world_ns == next_ns)
            FW_TRY(complete(replay));
        else if (hint_ns == next_ns)
            FW_TRY(hear(replay, hint++));
        else
            FW_TRY(arrive(replay, request++));
    }
}

static void stop_all(struct replay *replay)
{
    for (uint32_t number = 0; number < replay->settings->trace->resources.count; number++)
        score_stop(&replay->score, number, replay->now_ns);
}

enum fw_err replay_run(const struct replay_settings *settings, const char *policy,
                       struct replay_result *result, struct fw_detail *detail)
{
    struct replay replay = {.settings = settings, .result = result};
    struct engine_settings engine = settings->engine;
    const struct engine_future future = {future_arrival, future_wait, (void *)settings->arrivals};
    *result = (struct replay_result){0};
    if (strlen(policy) >= sizeof engine.policy)
        return err_set(detail, FW_INPUT, "policy: the name is longer than %zu bytes",
                       sizeof engine.policy - 1);
    memcpy(engine.policy, policy, strlen(policy) + 1);
    FW_TRY(engine_create(&replay.engine, &engine, &future, detail));
    enum fw_err err = world_init(&replay.world, settings->loads, settings->trace->resources.count);
    replay.world.half = settings->half ? &settings->half->world : NULL;
    replay.world.sizes = settings->sizes;
    if (err == FW_OK)
        err = devices_parse(&replay.world.devices, str_of(engine.devices), engine.memory, detail);
    if (err == FW_OK)
        err = score_init(&replay.score, settings->trace, settings->from_ns);
    if (err == FW_OK)
        err = introduce(&replay);
    if (err == FW_OK)
        err = drive(&replay);
    if (err == FW_OK) {
        stop_all(&replay);
        err = score_finish(&replay.score);
    }
    if (err != FW_OK)
        err_set(detail, err, "policy %s: %s", policy, err_row(err)->sentence);
    for (uint32_t i = 0;
         settings->by_resource && err == FW_OK && i < settings->trace->resources.count; i++)
        settings->by_resource[i] = replay.score.resources[i].sums;
    result->score = replay.score.result;
    engine_pressure(replay.engine, replay.now_ns, &result->pressure);
    result->decision_hash = engine_decision_hash(replay.engine);
    result->actions = engine_action_count(replay.engine);
    score_fini(&replay.score);
    world_fini(&replay.world);
    action_list_fini(&replay.actions);
    engine_destroy(&replay.engine);
    return err;
}
