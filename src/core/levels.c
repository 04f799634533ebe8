/* SPDX-License-Identifier: MIT */
#include "core/levels.h"
#include "core/coder.h"
#include "core/state.h"
#include <stdlib.h>

/* Of a cold load: what a load from a level takes of which nothing is known. */
#define LEVEL_SHARE 4

enum fw_err levels_configure(struct resource *resource, const struct resource_settings *settings)
{
    if (!resource->levels && settings->level_count == 0)
        return FW_OK;
    if (!resource->levels) {
        resource->levels = calloc(1, sizeof *resource->levels);
        if (!resource->levels)
            return FW_NOMEM;
        resource->levels->half_since_ns = -1;
        resource->levels->next = resource->levels->previous = RESOURCE_NONE;
    }
    struct levels *levels = resource->levels;
    levels->count = (uint8_t)settings->level_count;
    for (uint8_t i = 0; i < levels->count; i++)
        levels->at[i].settings = settings->levels[i];
    if (levels->latest > levels->count)
        levels->latest = 0;
    return FW_OK;
}

void levels_settings(const struct resource *resource, struct resource_settings *settings)
{
    settings->level_count = resource->levels ? resource->levels->count : 0;
    for (uint32_t i = 0; i < settings->level_count; i++)
        settings->levels[i] = resource->levels->at[i].settings;
}

static void code_times(struct coder *coder, struct load_times *loads)
{
    uint32_t count = loads->count;
    for (int i = 0; i < LOADS_KEPT; i++)
        code_u32(coder, &loads->centiseconds[i]);
    code_u32(coder, &count);
    if (coder->in)
        load_times_restore(loads, count);
}

static void code_level(struct coder *coder, struct level *level)
{
    code_u64(coder, &level->settings.memory);
    code_u64(coder, &level->settings.host_memory);
    code_double(coder, &level->settings.idle_price);
    code_i64(coder, &level->settings.load_time_ns);
    code_bool(coder, &level->settings.from_cold);
    code_bool(coder, &level->settings.from_warm);
    code_times(coder, &level->loads);
    code_times(coder, &level->reaches);
    if (!(level->settings.idle_price >= 0 && level->settings.idle_price <= 1e6))
        coder_fail(coder);
}

void levels_code(struct coder *coder, struct resource *resource)
{
    uint8_t present = resource->levels != NULL;
    code_u8(coder, &present);
    code_u8(coder, &resource->level);
    code_u8(coder, &resource->aim);
    if (resource->level > LEVELS_MAX || resource->aim > LEVELS_MAX ||
        (!present && (resource->level > 0 || resource->aim > 0)))
        coder_fail(coder);
    if (!present || coder_failed(coder))
        return;
    if (coder->in) {
        resource->levels = calloc(1, sizeof *resource->levels);
        if (!resource->levels) {
            coder_fail(coder);
            return;
        }
        resource->levels->next = resource->levels->previous = RESOURCE_NONE;
    }
    struct levels *levels = resource->levels;
    for (int i = 0; i < LEVELS_MAX; i++)
        code_level(coder, &levels->at[i]);
    code_u8(coder, &levels->count);
    code_u8(coder, &levels->latest);
    code_bool(coder, &levels->wanted);
    code_i64(coder, &levels->half_since_ns);
    code_i64(coder, &levels->half_ns);
    code_i64(coder, &levels->until_ns);
    code_i64(coder, &levels->retry_at_ns);
    code_u64(coder, &levels->raises);
    code_u64(coder, &levels->held_bytes);
    code_u64(coder, &levels->promised_bytes);
    if (levels->count > LEVELS_MAX || levels->latest > levels->count)
        coder_fail(coder);
}

/* Those at a level, in order, and what was learned of levels in general. */
void levels_code_all(struct engine *engine, struct coder *coder)
{
    uint32_t count = 0, number = engine->rest_first;
    for (uint32_t i = number; !coder->in && i != RESOURCE_NONE;
         i = engine->resources[i].levels->next)
        count++;
    code_count(coder, &count, engine->resource_count);
    for (uint32_t i = 0; i < count && !coder_failed(coder); i++) {
        code_u32(coder, &number);
        if (number >= engine->resource_count || !engine->resources[number].levels ||
            (coder->in && (engine->resources[number].levels->next != RESOURCE_NONE ||
                           engine->rest_last == number))) {
            coder_fail(coder);
            return;
        }
        if (coder->in)
            rest_enter(engine, number);
        else
            number = engine->resources[number].levels->next;
    }
    for (int i = 0; i < LEVELS_MAX && !coder_failed(coder); i++) {
        load_law_code(&engine->level_laws[i].loads, coder);
        load_law_code(&engine->level_laws[i].reaches, coder);
    }
}

/* ---- how long loads take ---- */

static int64_t expected_of(const struct load_law *law, const struct load_times *times,
                           int64_t configured_ns, int64_t otherwise_ns)
{
    bool configured = configured_ns != RESOURCE_INHERITS;
    int64_t median_ns = load_times_median(times, configured ? configured_ns : otherwise_ns);
    if (configured)
        return median_ns;
    if (times->count == 0)
        return load_law_general(law, median_ns);
    return load_law_expected(law, times->count, median_ns, (double)times->median_log_s);
}

int64_t levels_load(const struct engine *engine, const struct resource *resource, uint8_t level)
{
    const struct level *at = levels_at(resource, level);
    int64_t cold_ns = decide_cold_load(engine, resource);
    return expected_of(&engine->level_laws[level - 1].loads, &at->loads, at->settings.load_time_ns,
                       cold_ns / LEVEL_SHARE);
}

int64_t levels_reach(const struct engine *engine, const struct resource *resource, uint8_t level)
{
    const struct level *at = levels_at(resource, level);
    int64_t saved_ns = decide_cold_load(engine, resource) - levels_load(engine, resource, level);
    return expected_of(&engine->level_laws[level - 1].reaches, &at->reaches, RESOURCE_INHERITS,
                       saved_ns > 0 ? saved_ns : 0);
}

void levels_learn(struct engine *engine, struct resource *resource, bool reached)
{
    struct level *at = levels_at(resource, resource->level);
    struct load_law *law = reached ? &engine->level_laws[resource->level - 1].reaches
                                   : &engine->level_laws[resource->level - 1].loads;
    struct load_times *times = reached ? &at->reaches : &at->loads;
    int64_t took_ns = engine->now_ns - resource->load_started_ns;
    load_law_add(law, took_ns, load_times_latest(times));
    load_times_add(times, took_ns);
    if (!reached)
        resource->levels->latest = resource->level <= resource->levels->count ? resource->level : 0;
}
