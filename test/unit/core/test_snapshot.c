/* SPDX-License-Identifier: MIT
 * The snapshot law: run(a + b) == run(a), save, load, run(b). And: damage is refused, never
 * believed. */
#include "core/engine.h"
#include "base/prng.h"
#include "base/time.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

enum { RESOURCES = 12, OPEN_MAX = 256 };

struct open_request {
    uint64_t id;
    uint32_t resource;
};
/* A small world whose own state is a copyable value, so that a run can be forked. */
struct world {
    struct prng prng;
    int64_t now_ns;
    uint64_t next_request;
    struct open_request running[OPEN_MAX];
    uint32_t running_count;
    struct {
        uint32_t kind; /* what to report next; EVENT_TIME: nothing */
        uint64_t attempt;
    } pending[RESOURCES];
};

static struct engine_settings settings_of(const char *policy, uint64_t memory)
{
    struct engine_settings settings;
    option_defaults(engine_option_rows, engine_option_count, &settings);
    (void)snprintf(settings.policy, sizeof settings.policy, "%s", policy);
    settings.memory = memory;
    settings.max_resources = 100;
    settings.max_sessions = 5;
    settings.hold_timeout_ns = 20 * TIME_SECOND;
    return settings;
}

static void perform(struct world *world, const struct action *action)
{
    switch (action->kind) {
    case ACTION_WARM:
        world->pending[action->resource].kind = EVENT_LOADED;
        break;
    case ACTION_DRAIN:
        world->pending[action->resource].kind = EVENT_DRAINED;
        break;
    case ACTION_UNLOAD:
        world->pending[action->resource].kind = EVENT_UNLOADED;
        break;
    case ACTION_UNDRAIN:
        world->pending[action->resource].kind = EVENT_TIME;
        break;
    case ACTION_RELEASE:
        if (world->running_count < OPEN_MAX)
            world->running[world->running_count++] =
                (struct open_request){action->request, action->resource};
        return;
    default:
        return;
    }
    world->pending[action->resource].attempt = action->attempt;
}

static struct event next_event(struct world *world)
{
    struct event event = {.at_ns = world->now_ns};
    uint32_t resource = (uint32_t)prng_below(&world->prng, RESOURCES);
    event.resource = resource;
    switch (prng_below(&world->prng, 10)) {
    case 0:
    case 1:
    case 2:
    case 3:
        event.kind = EVENT_REQUEST;
        event.request = ++world->next_request;
        event.session = 1 + prng_below(&world->prng, 8);
        break;
    case 4:
    case 5:
    case 6:
        if (world->pending[resource].kind == EVENT_TIME)
            break;
        event.kind =
            prng_below(&world->prng, 10) == 0 && world->pending[resource].kind <= EVENT_PROVEN
                ? EVENT_FAILED
                : world->pending[resource].kind;
        event.attempt = world->pending[resource].attempt;
        world->pending[resource].kind = event.kind == EVENT_LOADED ? EVENT_PROVEN : EVENT_TIME;
        break;
    case 7:
        if (world->running_count == 0)
            break;
        event.kind = EVENT_END;
        event.resource = world->running[--world->running_count].resource;
        event.request = world->running[world->running_count].id;
        break;
    case 8:
        event.kind = EVENT_HINT;
        event.probability = 0.9;
        event.source = (uint32_t)prng_below(&world->prng, 4);
        if (prng_below(&world->prng, 3) == 0) { /* or something is expected for longer */
            event.kind = EVENT_EXPECT;
            event.eta_ns = (int64_t)prng_below(&world->prng, 600) * TIME_SECOND;
            event.duration_ns = 600 * TIME_SECOND;
            event.flags = prng_below(&world->prng, 2) ? EVENT_PLANNED : 0;
        }
        break;
    default:
        event.kind = prng_below(&world->prng, 2) ? EVENT_PIN : EVENT_UNPIN;
    }
    return event;
}

static void run(struct engine *engine, struct world *world, int steps)
{
    struct action_list actions = {0};
    for (int i = 0; i < steps; i++) {
        world->now_ns += (int64_t)prng_exponential(&world->prng, 3e9);
        const struct event event = next_event(world);
        actions.count = 0;
        assert_int_equal(engine_step(engine, &event, &actions), FW_OK);
        for (size_t j = 0; j < actions.count; j++)
            perform(world, &actions.items[j]);
    }
    action_list_fini(&actions);
}

static void configure(struct engine *engine, int64_t at_ns)
{
    struct action_list actions = {0};
    for (int i = 0; i < RESOURCES; i++) {
        char id[8] = {'m', (char)('a' + i)};
        const struct resource_settings settings = {.memory = (uint64_t)(5 + i % 4),
                                                   .has_fallback = i % 3 == 0,
                                                   .hold_timeout_ns = RESOURCE_INHERITS,
                                                   .load_time_ns = RESOURCE_INHERITS};
        const struct event event = {
            .at_ns = at_ns, .kind = EVENT_RESOURCE, .id = str_of(id), .settings = &settings};
        assert_int_equal(engine_step(engine, &event, &actions), FW_OK);
    }
    action_list_fini(&actions);
}

static struct engine *create(const struct engine_settings *settings)
{
    struct engine *engine = NULL;
    struct fw_detail detail = {""};
    assert_int_equal(engine_create(&engine, settings, NULL, &detail), FW_OK);
    return engine;
}

static void law_holds(const char *policy, uint64_t memory, uint64_t seed)
{
    const struct engine_settings settings = settings_of(policy, memory);
    struct engine *whole = create(&settings), *resumed = create(&settings);
    struct world world = {.pending = {{0}}};
    struct fw_detail detail = {""};
    struct buf saved, again;
    prng_init(&world.prng, seed);
    configure(whole, 0);
    run(whole, &world, 1500);
    buf_init(&saved, 1 << 26);
    buf_init(&again, 1 << 26);
    assert_int_equal(engine_save(whole, &saved), FW_OK);
    if (engine_load(resumed, saved.data, saved.len, &detail) != FW_OK)
        fail_msg("%s seed %llu: %s", policy, (unsigned long long)seed, detail.text);
    assert_int_equal(engine_save(resumed, &again), FW_OK);
    assert_int_equal(saved.len, again.len);
    assert_memory_equal(saved.data, again.data, saved.len);
    struct world copy = world;
    run(whole, &world, 1500);
    run(resumed, &copy, 1500);
    if (engine_decision_hash(whole) != engine_decision_hash(resumed))
        fail_msg("%s seed %llu: a resumed run decides differently", policy,
                 (unsigned long long)seed);
    assert_int_equal(engine_action_count(whole), engine_action_count(resumed));
    buf_fini(&saved);
    buf_fini(&again);
    engine_destroy(&whole);
    engine_destroy(&resumed);
}

static void snapshot_law(void **state)
{
    (void)state;
    static const char *const policies[] = {"planner",    "hazard-stop", "median",
                                           "median:10m", "ttl:60s",     "lru",
                                           "breakeven",  "hybrid",      "cold"};
    for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++)
        for (uint64_t seed = 1; seed <= 5; seed++) {
            law_holds(policies[i], UINT64_MAX, seed);
            law_holds(policies[i], 24, seed);
        }
}

/* A new configuration does not make what was learned unreadable: another policy, a budget that is
 * there no more. */
static void other_settings_read_it_too(void **state)
{
    (void)state;
    static const struct {
        const char *policy;
        uint64_t memory;
    } cases[] = {{"planner", 24}, {"planner", UINT64_MAX}, {"ttl:60s", 24}, {"median", UINT64_MAX}};
    for (size_t i = 0; i < 16; i++) {
        const struct engine_settings before = settings_of(cases[i / 4].policy, cases[i / 4].memory);
        const struct engine_settings after = settings_of(cases[i % 4].policy, cases[i % 4].memory);
        struct engine *engine = create(&before);
        struct world world = {.pending = {{0}}};
        struct fw_detail detail = {""};
        struct buf saved;
        prng_init(&world.prng, i);
        configure(engine, 0);
        run(engine, &world, 500);
        buf_init(&saved, 1 << 26);
        assert_int_equal(engine_save(engine, &saved), FW_OK);
        engine_destroy(&engine);
        engine = create(&after);
        if (engine_load(engine, saved.data, saved.len, &detail) != FW_OK)
            fail_msg("%s, then %s: %s", before.policy, after.policy, detail.text);
        engine_forget_world(engine, world.now_ns);
        configure(engine, world.now_ns);
        buf_fini(&saved);
        engine_destroy(&engine);
    }
}

static void damage_is_refused(void **state)
{
    (void)state;
    const struct engine_settings settings = settings_of("lru", 24);
    struct engine *engine = create(&settings);
    struct world world = {.pending = {{0}}};
    struct fw_detail detail = {""};
    struct buf saved;
    prng_init(&world.prng, 3);
    configure(engine, 0);
    run(engine, &world, 300);
    buf_init(&saved, 1 << 26);
    assert_int_equal(engine_save(engine, &saved), FW_OK);
    engine_destroy(&engine);
    engine = create(&settings);
    assert_int_equal(engine_load(engine, "hello, this is no snapshot", 26, &detail), FW_FOREIGN);
    assert_int_equal(engine_load(engine, saved.data, saved.len - 1, &detail), FW_CORRUPT);
    saved.data[saved.len / 2] ^= 1;
    assert_int_equal(engine_load(engine, saved.data, saved.len, &detail), FW_CORRUPT);
    saved.data[saved.len / 2] ^= 1;
    saved.data[8] = 9;
    assert_int_equal(engine_load(engine, saved.data, saved.len, &detail), FW_VERSION);
    assert_non_null(strstr(detail.text, "version 9"));
    saved.data[8] = 4;
    assert_int_equal(engine_load(engine, saved.data, saved.len, &detail), FW_OK);
    buf_fini(&saved);
    engine_destroy(&engine);
}

static void a_restart_forgets_the_world_not_the_lessons(void **state)
{
    (void)state;
    const struct engine_settings settings = settings_of("lru", 24);
    struct engine *engine = create(&settings);
    struct world world = {.pending = {{0}}};
    prng_init(&world.prng, 4);
    configure(engine, 0);
    run(engine, &world, 500);
    struct accounts before, after;
    engine_totals(engine, world.now_ns, &before);
    engine_forget_world(engine, world.now_ns);
    engine_totals(engine, world.now_ns, &after);
    assert_int_equal(engine_memory_used(engine), 0);
    assert_int_equal(before.requests, after.requests);
    assert_int_equal(after.held,
                     after.released + after.refused + after.fallbacks + after.cancelled);
    assert_int_equal(after.prewarm_issued, after.prewarm_hit + after.prewarm_expired +
                                               after.prewarm_cancelled + after.prewarm_failed);
    memset(world.pending, 0, sizeof world.pending);
    world.running_count = 0;
    configure(engine, world.now_ns);
    run(engine, &world, 500);
    engine_destroy(&engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(snapshot_law),
        cmocka_unit_test(other_settings_read_it_too),
        cmocka_unit_test(damage_is_refused),
        cmocka_unit_test(a_restart_forgets_the_world_not_the_lessons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
