/* SPDX-License-Identifier: MIT
 * Rest: what is neither cold nor warm. When a warm resource is let go, the level of warmth that
 * saves most is chosen for it, and what loses least per byte makes way there; when a loader is idle
 * and nobody waits, what is cold may be raised to a level. Under a budget of host memory levels are
 * kept while it is free, as warm ones are under a budget of memory; without one a level is kept as
 * long as the waiting it is expected to save is worth more than its price. Nothing here delays a
 * request: what has no room in host memory by the time its own memory is needed becomes cold. */
#include "base/check.h"
#include "core/levels.h"
#include "core/state.h"
#include <math.h>
#include <stdlib.h>

#define MARGIN           1.3
#define GAIN_MIN_S       0.1
#define FIRST_HORIZON_NS (30 * TIME_SECOND)
enum { HORIZONS = 14, LOOKED_AT = 256 }; /* 30 s, doubling up to 68 hours */

/* ---- host memory ---- */

static bool keeps_while_free(const struct engine *engine)
{
    return engine->policy->ops->keeps_while_free && engine->settings.host_memory != UINT64_MAX;
}

static uint64_t host_free(const struct engine *engine)
{
    uint64_t taken = engine->host_used + engine->host_promised;
    return engine->settings.host_memory > taken ? engine->settings.host_memory - taken : 0;
}

uint8_t rest_fall(const struct engine *engine, const struct resource *resource)
{
    const struct levels *levels = resource->levels;
    if (!keeps_while_free(engine))
        return levels->latest;
    uint8_t best = 0;
    int64_t best_ns = decide_cold_load(engine, resource);
    for (uint8_t level = 1; level <= levels->count; level++) {
        const struct level_settings *settings = &levels->at[level - 1].settings;
        int64_t load_ns = levels_load(engine, resource, level);
        if (settings->from_warm && settings->host_memory <= engine->settings.host_memory &&
            load_ns < best_ns) {
            best = level;
            best_ns = load_ns;
        }
    }
    return best;
}

void rest_enter(struct engine *engine, uint32_t number)
{
    struct levels *levels = engine->resources[number].levels;
    levels->next = RESOURCE_NONE;
    levels->previous = engine->rest_last;
    if (engine->rest_last != RESOURCE_NONE)
        engine->resources[engine->rest_last].levels->next = number;
    else
        engine->rest_first = number;
    engine->rest_last = number;
}

void rest_leave(struct engine *engine, uint32_t number)
{
    struct levels *levels = engine->resources[number].levels;
    if (levels->previous != RESOURCE_NONE)
        engine->resources[levels->previous].levels->next = levels->next;
    else
        engine->rest_first = levels->next;
    if (levels->next != RESOURCE_NONE)
        engine->resources[levels->next].levels->previous = levels->previous;
    else
        engine->rest_last = levels->previous;
}

void rest_settle_bytes(struct engine *engine, uint32_t number, uint8_t level_before)
{
    struct resource *resource = &engine->resources[number];
    struct levels *levels = resource->levels;
    bool draining = resource->state == RESOURCE_DRAINING;
    uint64_t held = resource->level == 0 ? 0
                    : resource->level == level_before
                        ? levels->held_bytes
                        : levels_at(resource, resource->level)->settings.host_memory;
    uint64_t promised = draining && resource->aim > 0
                            ? levels_at(resource, resource->aim)->settings.host_memory
                            : 0;
    CHECK(engine->host_used >= levels->held_bytes);
    CHECK(engine->host_promised >= levels->promised_bytes);
    engine->host_used = engine->host_used - levels->held_bytes + held;
    engine->host_promised = engine->host_promised - levels->promised_bytes + promised;
    levels->held_bytes = held;
    levels->promised_bytes = promised;
    if (level_before == 0 && resource->level > 0)
        rest_enter(engine, number);
    if (level_before > 0 && resource->level == 0)
        rest_leave(engine, number);
    if (levels->half_since_ns >= 0)
        levels->half_ns += engine->now_ns - levels->half_since_ns;
    levels->half_since_ns = resource->state == RESOURCE_HALF ? engine->now_ns : -1;
}

/* ---- worth ---- */

/* Seconds of waiting that being at the level saves against being cold. */
double rest_gain(const struct engine *engine, uint32_t number, uint8_t level)
{
    const struct resource *resource = &engine->resources[number];
    const struct policy_ops *ops = engine->policy->ops;
    int64_t saved_ns = decide_cold_load(engine, resource) - levels_load(engine, resource, level);
    if (saved_ns <= 0)
        return 0;
    if (engine->values)
        return ahead_worth(engine, number, saved_ns);
    if (!ops->worth || resource->last_request_ns < 0)
        return 0;
    double worth =
        ops->worth(engine->policy, number, engine->now_ns - resource->last_request_ns, saved_ns, 1);
    return worth > 0 ? worth : 0;
}

/* For how long from now the level is worth its price, TIME_NEVER for good; what that gains, in
 * seconds of being warm. Stopping at the best of the horizons is decided anew when it comes. Where
 * nothing is known of the future it is kept until it has cost as much as it could save. */
static int64_t horizon(const struct engine *engine, uint32_t number, uint8_t level, double *gain)
{
    const struct resource *resource = &engine->resources[number];
    const struct policy_ops *ops = engine->policy->ops;
    const struct level_settings *settings = &levels_at(resource, level)->settings;
    double saved_s =
        time_to_seconds(decide_cold_load(engine, resource) - levels_load(engine, resource, level)) *
        (1 + engine->settings.wait_price);
    int64_t age_ns = engine->now_ns - resource->last_request_ns, best_ns = 0;
    *gain = 0;
    if (saved_s <= 0 || resource->last_request_ns < 0)
        return 0;
    if (settings->idle_price <= 0) {
        *gain = saved_s;
        return TIME_NEVER;
    }
    if (!ops->probability) {
        *gain = saved_s;
        int64_t until_ns =
            time_add(resource->origin_ns, time_from_seconds(saved_s / settings->idle_price));
        return until_ns > engine->now_ns ? until_ns - engine->now_ns : 0;
    }
    double kept_s = 0, before = 0;
    int64_t from_ns = 0, to_ns = FIRST_HORIZON_NS;
    for (int i = 0; i < HORIZONS; i++, from_ns = to_ns, to_ns *= 2) {
        double comes = ops->probability(engine->policy, number, age_ns, to_ns);
        kept_s += time_to_seconds(to_ns - from_ns) * (1 - (before + comes) / 2);
        before = comes;
        double net = comes * saved_s - settings->idle_price * kept_s;
        if (net > *gain) {
            *gain = net;
            best_ns = to_ns;
        }
    }
    return best_ns;
}

/* ---- who makes way in host memory ---- */

static bool lowerable(const struct resource *resource)
{
    return resource->state == RESOURCE_HALF && !resource->queued && resource->held == 0 &&
           !resource->pinned;
}

/* Gathered once for all that is weighed between two changes. */
static bool gather(struct engine *engine, uint32_t *count)
{
    *count = engine->rest_count;
    if (engine->rest_gathered)
        return true;
    *count = 0;
    if (engine->values)
        values_refresh(engine->values, engine->now_ns);
    for (uint32_t i = engine->rest_first; i != RESOURCE_NONE && *count < LOOKED_AT;
         i = engine->resources[i].levels->next) {
        const struct resource *resource = &engine->resources[i];
        if (!lowerable(resource) || resource->levels->held_bytes == 0)
            continue;
        if (*count == engine->rest_capacity) {
            uint32_t capacity = *count > 0 ? *count * 2 : 16;
            struct budget_candidate *grown =
                realloc(engine->rest_candidates, capacity * sizeof *grown);
            if (!grown) {
                engine_fail(engine, FW_NOMEM);
                return false;
            }
            engine->rest_candidates = grown;
            engine->rest_capacity = capacity;
        }
        uint64_t bytes = resource->levels->held_bytes;
        engine->rest_candidates[(*count)++] = (struct budget_candidate){
            i, bytes, rest_gain(engine, i, resource->level) / (double)bytes,
            resource->last_request_ns > 0 ? resource->last_request_ns : 0, true};
    }
    engine->rest_gathered = true;
    engine->rest_count = *count;
    return true;
}

void rest_set_price(struct engine *engine)
{
    uint32_t count;
    engine->rest_price = 0;
    if (!engine->levelled || !keeps_while_free(engine) || !gather(engine, &count))
        return;
    for (uint32_t i = 0; i < count; i++)
        if (i == 0 || engine->rest_candidates[i].worth < engine->rest_price)
            engine->rest_price = engine->rest_candidates[i].worth;
    if (count == 0)
        engine->rest_price = INFINITY;
}

double rest_loss(const struct engine *engine, uint32_t number)
{
    const struct resource *resource = &engine->resources[number];
    uint8_t level = rest_fall(engine, resource);
    double cold = ahead_worth(engine, number, decide_cold_load(engine, resource));
    if (level == 0)
        return cold;
    uint64_t bytes = levels_at(resource, level)->settings.host_memory, room = host_free(engine);
    double half = ahead_worth(engine, number, levels_load(engine, resource, level));
    double displaced = bytes > room ? engine->rest_price * (double)(bytes - room) : 0;
    return half + displaced < cold ? half + displaced : cold;
}

static uint64_t host_coming(const struct engine *engine)
{
    uint64_t bytes = 0;
    for (uint32_t i = engine->rest_first; i != RESOURCE_NONE; i = engine->resources[i].levels->next)
        if (engine->resources[i].state == RESOURCE_LOWERING)
            bytes += engine->resources[i].levels->held_bytes;
    return bytes;
}

/* Those that would make room for `bytes`, at the front of rest_candidates, and what that loses.
 * False: there is no such room, or they are worth more than `gain`; of what nothing is known the
 * latest asked for is worth most. */
static bool make_room(struct engine *engine, uint32_t number, uint64_t bytes, double gain,
                      uint32_t *lowered, double *lost)
{
    uint32_t count;
    uint64_t room = host_free(engine);
    *lowered = 0;
    *lost = 0;
    if (bytes <= room)
        return true;
    room += host_coming(engine);
    if (bytes <= room)
        return true;
    if (bytes > engine->settings.host_memory || !gather(engine, &count) ||
        !budget_choose(engine->rest_candidates, count, bytes - room, lowered))
        return false;
    int64_t latest_ns = 0;
    for (uint32_t i = 0; i < *lowered; i++) {
        const struct budget_candidate *candidate = &engine->rest_candidates[i];
        *lost += candidate->worth * (double)candidate->bytes;
        if (candidate->last_used_ns > latest_ns)
            latest_ns = candidate->last_used_ns;
    }
    if (gain > *lost)
        return true;
    return gain == 0 && *lost == 0 && engine->resources[number].last_request_ns >= latest_ns;
}

static void lower_candidates(struct engine *engine, uint32_t lowered, uint64_t bytes)
{
    const struct why why = {REASON_HOST_EVICTED, {(int64_t)bytes}};
    for (uint32_t i = 0; i < lowered; i++)
        rest_lower(engine, engine->rest_candidates[i].resource, &why);
}

/* ---- the choice of a level ---- */

struct choice {
    uint8_t level;
    double gain;
    int64_t until_ns;
};

/* What being at the level is worth, less what must make way; negative: it cannot be. */
static double weigh(struct engine *engine, uint32_t number, uint8_t level, double margin,
                    int64_t *until_ns)
{
    uint32_t lowered;
    double lost, gain = rest_gain(engine, number, level);
    uint64_t bytes = levels_at(&engine->resources[number], level)->settings.host_memory;
    *until_ns = TIME_NEVER;
    if (!make_room(engine, number, bytes, gain, &lowered, &lost))
        return -1;
    if (keeps_while_free(engine))
        return lost > 0 ? gain - margin * lost : gain;
    int64_t for_ns = horizon(engine, number, level, &gain);
    *until_ns = time_add(engine->now_ns, for_ns);
    return for_ns > 0 ? gain : -1;
}

static struct choice choose(struct engine *engine, uint32_t number, bool from_warm)
{
    const struct resource *resource = &engine->resources[number];
    struct choice best = {.gain = -1};
    int64_t best_load_ns = INT64_MAX;
    for (uint8_t level = 1; level <= resource->levels->count; level++) {
        const struct level_settings *settings = &levels_at(resource, level)->settings;
        int64_t until_ns, load_ns = levels_load(engine, resource, level);
        if (!(from_warm ? settings->from_warm : settings->from_cold) ||
            load_ns >= decide_cold_load(engine, resource))
            continue;
        double gain = weigh(engine, number, level, from_warm ? 1 : MARGIN, &until_ns);
        if (gain < 0 || gain < best.gain || (gain == best.gain && load_ns >= best_load_ns))
            continue;
        best = (struct choice){level, gain, until_ns};
        best_load_ns = load_ns;
    }
    return best;
}

/* ---- down ---- */

void rest_let_go(struct engine *engine, uint32_t number)
{
    struct resource *resource = &engine->resources[number];
    struct levels *levels = resource->levels;
    resource->aim = 0;
    levels->wanted = false;
    if (!resource->configured || resource->dismissed)
        return;
    struct choice choice = choose(engine, number, true);
    if (choice.level == 0) {
        levels->wanted = true;
        return;
    }
    uint32_t lowered;
    double lost;
    uint64_t bytes = levels_at(resource, choice.level)->settings.host_memory;
    if (!make_room(engine, number, bytes, rest_gain(engine, number, choice.level), &lowered, &lost))
        return;
    lower_candidates(engine, lowered, bytes);
    resource->aim = choice.level;
    levels->until_ns = choice.until_ns;
}

void rest_drained(struct engine *engine, uint32_t number)
{
    struct resource *resource = &engine->resources[number];
    if (resource->aim == 0)
        return;
    uint64_t bytes = resource->levels->promised_bytes, budget = engine->settings.host_memory;
    if (engine->host_used <= budget && bytes <= budget - engine->host_used)
        return;
    resource->aim = 0; /* what was to make way is still there, and somebody waits for memory */
    resource->levels->wanted = true;
}

void rest_lower(struct engine *engine, uint32_t number, const struct why *why)
{
    engine->resources[number].aim = 0;
    engine_signal(engine, number, SIGNAL_LOWER, why);
}

void rest_settle(struct engine *engine, uint32_t number)
{
    struct resource *resource = &engine->resources[number];
    struct levels *levels = resource->levels;
    if (resource->state != RESOURCE_HALF || !lowerable(resource))
        return;
    if (!resource->configured || resource->level > levels->count) {
        rest_lower(engine, number, &(struct why){.reason = REASON_RETIRED});
        return;
    }
    if (keeps_while_free(engine))
        return;
    if (levels->until_ns <= engine->now_ns) {
        double gain;
        levels->until_ns =
            time_add(engine->now_ns, horizon(engine, number, resource->level, &gain));
    }
    if (levels->until_ns > engine->now_ns)
        decide_look_again(engine, number, levels->until_ns);
    else
        rest_lower(engine, number,
                   &(struct why){REASON_HALF_END, {engine->now_ns - resource->origin_ns}});
}

/* ---- up ---- */

static bool raisable(const struct engine *engine, const struct resource *resource)
{
    return resource->levels && resource->configured && resource->state == RESOURCE_COLD &&
           !resource->queued && !resource->dismissed &&
           resource->levels->retry_at_ns <= engine->now_ns;
}

static void raise_to(struct engine *engine, uint32_t number, const struct choice *choice)
{
    struct resource *resource = &engine->resources[number];
    const struct level_settings *settings = &levels_at(resource, choice->level)->settings;
    uint32_t lowered;
    double lost;
    uint32_t devices = place_part(engine, resource, settings->memory);
    if (devices == 0 || !make_room(engine, number, settings->host_memory,
                                   rest_gain(engine, number, choice->level), &lowered, &lost))
        return;
    lower_candidates(engine, lowered, settings->host_memory);
    uint64_t budget = engine->settings.host_memory;
    if (engine->host_used > budget || settings->host_memory > budget - engine->host_used)
        return; /* when they are gone */
    /* Without a budget it is in seconds of being warm. */
    double saved_s =
        keeps_while_free(engine) ? choice->gain : choice->gain / (1 + engine->settings.wait_price);
    const struct why why = {REASON_HALF_WORTH,
                            {levels_load(engine, resource, choice->level),
                             decide_cold_load(engine, resource), time_from_seconds(saved_s)}};
    resource->aim = choice->level;
    resource->placed = (uint16_t)devices;
    resource->cause = CAUSE_PLAN;
    resource->levels->wanted = false;
    resource->levels->until_ns = choice->until_ns;
    resource->levels->raises++;
    engine_signal(engine, number, SIGNAL_RAISE, &why);
}

static bool idle(const struct engine *engine)
{
    return engine->queue_first == RESOURCE_NONE &&
           (place_loaders(engine) & place_settled(engine)) != 0;
}

void rest_settle_cold(struct engine *engine, uint32_t number)
{
    const struct resource *resource = &engine->resources[number];
    if (!raisable(engine, resource) || !resource->levels->wanted || !idle(engine))
        return;
    struct choice choice = choose(engine, number, false);
    double reach_s =
        choice.level > 0 ? time_to_seconds(levels_reach(engine, resource, choice.level)) : 0;
    if (choice.level > 0 && (keeps_while_free(engine) || choice.gain > reach_s))
        raise_to(engine, number, &choice);
}

/* Of what shares memory: the cold one that gains most by a level. What a guess displaces there
 * must be worth clearly less. */
void rest_try(struct engine *engine)
{
    if (!engine->levelled || !idle(engine))
        return;
    struct choice best = {0};
    uint32_t best_number = RESOURCE_NONE, looked = 0;
    for (uint32_t i = engine->recent_first; i != RESOURCE_NONE && looked < LOOKED_AT;
         i = engine->resources[i].recent_next, looked++) {
        if (!raisable(engine, &engine->resources[i]))
            continue;
        bool guess = engine->values && engine->settings.enable_prewarming;
        if (!guess && !engine->resources[i].levels->wanted)
            continue;
        struct choice choice = choose(engine, i, false);
        double least = engine->values ? GAIN_MIN_S : 0;
        if (choice.level == 0 || choice.gain < least ||
            (best_number != RESOURCE_NONE && choice.gain <= best.gain))
            continue;
        best = choice;
        best_number = i;
        if (!engine->values)
            break; /* nothing is known of their worth: the latest asked for */
    }
    if (best_number != RESOURCE_NONE)
        raise_to(engine, best_number, &best);
}
