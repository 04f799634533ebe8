/* SPDX-License-Identifier: MIT
 * An engine on a test bench: time by hand, events one by one, the actions of the last step to look
 * at. */
#ifndef FOREWARM_TEST_ENGINE_BENCH_H
#define FOREWARM_TEST_ENGINE_BENCH_H

#include "base/time.h"
#include "core/engine.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define SECONDS(n) ((int64_t)(n)*TIME_SECOND)

struct bench { /* an engine and what it last asked for */
    struct engine *engine;
    struct engine_settings settings;
    struct action_list actions;
    int64_t now_ns;
};

static inline struct bench bench_of(const char *policy)
{
    struct bench bench = {0};
    option_defaults(engine_option_rows, engine_option_count, &bench.settings);
    (void)snprintf(bench.settings.policy, sizeof bench.settings.policy, "%s", policy);
    return bench;
}

static inline void bench_start(struct bench *bench)
{
    struct fw_detail detail = {""};
    assert_int_equal(engine_create(&bench->engine, &bench->settings, NULL, &detail), FW_OK);
}

static inline void bench_end(struct bench *bench)
{
    engine_destroy(&bench->engine);
    action_list_fini(&bench->actions);
}

static inline void step(struct bench *bench, struct event event)
{
    event.at_ns = bench->now_ns;
    bench->actions.count = 0;
    assert_int_equal(engine_step(bench->engine, &event, &bench->actions), FW_OK);
}

static inline uint32_t add(struct bench *bench, const char *id, struct resource_settings settings)
{
    if (settings.hold_timeout_ns == 0)
        settings.hold_timeout_ns = RESOURCE_INHERITS;
    if (settings.load_time_ns == 0)
        settings.load_time_ns = RESOURCE_INHERITS;
    step(bench, (struct event){.kind = EVENT_RESOURCE, .id = str_of(id), .settings = &settings});
    return engine_resource(bench->engine, str_of(id));
}

static inline void request(struct bench *bench, uint32_t resource, uint64_t id)
{
    step(bench, (struct event){.kind = EVENT_REQUEST, .resource = resource, .request = id});
}

static inline const struct action *find(const struct bench *bench, uint32_t kind)
{
    for (size_t i = 0; i < bench->actions.count; i++)
        if (bench->actions.items[i].kind == kind)
            return &bench->actions.items[i];
    return NULL;
}

static inline size_t count(const struct bench *bench, uint32_t kind)
{
    size_t n = 0;
    for (size_t i = 0; i < bench->actions.count; i++)
        n += bench->actions.items[i].kind == kind;
    return n;
}

static inline struct resource_view view(const struct bench *bench, uint32_t resource)
{
    struct resource_view view;
    engine_view(bench->engine, resource, bench->now_ns, &view);
    return view;
}

static inline void report(struct bench *bench, uint32_t kind, uint32_t resource)
{
    step(bench, (struct event){
                    .kind = kind, .resource = resource, .attempt = view(bench, resource).attempt});
}

static inline void warm_up(struct bench *bench, uint32_t resource, int64_t load_ns)
{
    bench->now_ns += load_ns;
    report(bench, EVENT_LOADED, resource);
    assert_int_equal(view(bench, resource).state, RESOURCE_VERIFYING);
    report(bench, EVENT_PROVEN, resource);
    assert_int_equal(view(bench, resource).state, RESOURCE_WARM);
}

static inline void end(struct bench *bench, uint32_t resource, uint64_t id, int64_t held_ns)
{
    step(bench,
         (struct event){
             .kind = EVENT_END, .resource = resource, .request = id, .value = (uint64_t)held_ns});
}

#endif
