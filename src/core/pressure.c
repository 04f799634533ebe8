/* SPDX-License-Identifier: MIT
 * Overload: is there less memory, or are there fewer loaders, than the requests need? Kept as two
 * sums a minute over the last hour: how long requests waited for a load (or for room for one), and
 * how long loads stood in the queue behind others. What is loaded ahead is no pressure. Nothing is
 * decided by it: prefetching stops by itself when no loader is idle; it is for telling people that
 * no policy helps here. */
#include "core/coder.h"
#include "core/state.h"

#define HOUR_NS       (PRESSURE_MINUTES * TIME_MINUTE)
#define LOADING_SHARE 0.95
#define WAITING_SHARE 0.5

static bool is_limited(const struct engine *engine)
{
    return engine->limited || engine->settings.max_loads > 0;
}

static int64_t sum_of(const int64_t minutes[PRESSURE_MINUTES])
{
    int64_t sum = 0;
    for (int i = 0; i < PRESSURE_MINUTES; i++)
        sum += minutes[i];
    return sum;
}

static bool is_overloaded(const struct pressure *pressure)
{
    return (double)sum_of(pressure->loading_ns) >= LOADING_SHARE * (double)HOUR_NS &&
           (double)sum_of(pressure->waiting_ns) >= WAITING_SHARE * (double)HOUR_NS;
}

/* What was asked for within the last hour, were all of it warm together. */
static uint64_t wanted_bytes(const struct engine *engine, int64_t now_ns)
{
    uint64_t bytes = 0;
    for (uint32_t i = engine->recent_first; i != RESOURCE_NONE;
         i = engine->resources[i].recent_next) {
        const struct resource *resource = &engine->resources[i];
        if (now_ns - resource->last_request_ns >= HOUR_NS)
            break;
        bytes += resource_memory(resource);
    }
    return bytes;
}

static uint64_t short_bytes(const struct engine *engine, int64_t now_ns)
{
    uint64_t wanted = wanted_bytes(engine, now_ns);
    uint64_t memory = devices_memory(&engine->devices);
    return wanted > memory ? wanted - memory : 0;
}

/* Adds what was the case since then, up to the end of the minute at most. True: the minute ended.
 */
static bool pass(struct pressure *pressure, int64_t now_ns)
{
    if (now_ns - pressure->at_ns >= HOUR_NS + TIME_MINUTE) /* all of the hour was the same */
        pressure->at_ns = now_ns - now_ns % TIME_MINUTE - HOUR_NS;
    int64_t minute = pressure->at_ns / TIME_MINUTE, end_ns = (minute + 1) * TIME_MINUTE;
    int64_t until_ns = end_ns < now_ns ? end_ns : now_ns, span_ns = until_ns - pressure->at_ns;
    int slot = (int)(minute % PRESSURE_MINUTES);
    if (pressure->at_ns % TIME_MINUTE == 0)
        pressure->loading_ns[slot] = pressure->waiting_ns[slot] = 0;
    pressure->loading_ns[slot] += pressure->loading ? span_ns : 0;
    pressure->waiting_ns[slot] += pressure->waiting ? span_ns : 0;
    pressure->at_ns = until_ns;
    return until_ns == end_ns;
}

void pressure_note(struct engine *engine)
{
    struct pressure *pressure = &engine->pressure;
    if (!is_limited(engine))
        return;
    while (pressure->at_ns < engine->now_ns) {
        if (!pass(pressure, engine->now_ns) || !is_overloaded(pressure))
            continue;
        uint64_t missing = short_bytes(engine, engine->now_ns);
        pressure->overloaded_minutes++;
        if (missing > pressure->most_short_bytes)
            pressure->most_short_bytes = missing;
    }
    pressure->loading = engine->hold.used > 0;
    pressure->waiting = engine->queue_first != RESOURCE_NONE;
}

void pressure_code(struct engine *engine, struct coder *coder)
{
    struct pressure *pressure = &engine->pressure;
    code_i64(coder, &pressure->at_ns);
    code_bool(coder, &pressure->loading);
    code_bool(coder, &pressure->waiting);
    for (int i = 0; i < PRESSURE_MINUTES; i++) {
        code_i64(coder, &pressure->loading_ns[i]);
        code_i64(coder, &pressure->waiting_ns[i]);
        bool sane = pressure->loading_ns[i] >= 0 && pressure->loading_ns[i] <= TIME_MINUTE &&
                    pressure->waiting_ns[i] >= 0 && pressure->waiting_ns[i] <= TIME_MINUTE;
        if (!sane)
            coder_fail(coder);
    }
    code_u64(coder, &pressure->overloaded_minutes);
    code_u64(coder, &pressure->most_short_bytes);
    if (pressure->at_ns < 0 || pressure->at_ns > engine->now_ns)
        coder_fail(coder);
}

void engine_pressure(const struct engine *engine, int64_t now_ns, struct engine_pressure *out)
{
    struct pressure pressure = engine->pressure;
    *out = (struct engine_pressure){.overloaded_minutes = pressure.overloaded_minutes,
                                    .most_short_bytes = pressure.most_short_bytes};
    if (!is_limited(engine))
        return;
    while (pressure.at_ns < now_ns)
        (void)pass(&pressure, now_ns);
    out->loading = (double)sum_of(pressure.loading_ns) / (double)HOUR_NS;
    out->waiting = (double)sum_of(pressure.waiting_ns) / (double)HOUR_NS;
    out->overloaded = is_overloaded(&pressure);
    out->wanted_bytes = wanted_bytes(engine, now_ns);
    out->short_bytes = short_bytes(engine, now_ns);
    for (uint32_t i = engine->queue_first; i != RESOURCE_NONE; i = engine->resources[i].queue_next)
        out->behind_ns =
            time_add(out->behind_ns, decide_expected_load(engine, &engine->resources[i]));
}
