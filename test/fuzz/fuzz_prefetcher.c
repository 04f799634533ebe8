/* SPDX-License-Identifier: MIT
 * Random events against the pure prefetcher: each byte string is a program of gets, loads that end
 * in every way (twice, late, never), puts, drops, offers, clock steps. After each event everything
 * that must hold is looked at, and what the machine was given and gave back is counted outside. */
#include "base/time.h"
#include "core/guesser.h"
#include "core/prefetcher.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { IDS_MAX = 1 << 13, LOADS_MAX = 64, VALUES_MAX = 1 << 12, EVENTS_MAX = 1 << 12 };

struct world {
    struct prefetcher *prefetcher;
    struct guesser *guesser;
    const uint8_t *data;
    size_t len, at;
    int64_t now_ns;
    uint32_t waiting[IDS_MAX]; /* by id */
    uint64_t waiters;
    struct prefetcher_load loads[LOADS_MAX];
    uint32_t load_count;
    uint8_t owned[VALUES_MAX]; /* by the machine */
    uint64_t values, held;
};

static void expect(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "does not hold: %s\n", what);
    abort();
}

static uint8_t next(struct world *world)
{
    return world->at < world->len ? world->data[world->at++] : 0;
}

static void ended(void *context, uint32_t id, uint32_t waiters,
                  const struct prefetcher_result *result)
{
    struct world *world = context;
    expect(id < IDS_MAX && world->waiting[id] == waiters, "all who wait are told, once");
    expect(result->outcome != PREFETCHER_VALUE || world->owned[result->value],
           "those who wait get a value that is still there");
    world->waiting[id] = 0;
    world->waiters -= waiters;
}

static void left(void *context, uint64_t value)
{
    struct world *world = context;
    expect(value < VALUES_MAX && world->owned[value], "a value leaves once");
    world->owned[value] = 0;
    world->held--;
}

static void cancel(void *context, uint32_t id, uint64_t attempt)
{
    struct world *world = context;
    bool runs = false;
    for (uint32_t i = 0; i < world->load_count; i++)
        runs = runs || (world->loads[i].id == id && world->loads[i].attempt == attempt);
    expect(runs, "what is cancelled runs");
}

static uint64_t give(struct world *world)
{
    world->owned[world->values] = 1;
    world->held++;
    return world->values++;
}

/* Few keys, so that they meet again; empty, with NUL, long. */
static struct str pick_key(struct world *world)
{
    static char keys[PREFETCHER_KEY_MAX + 1];
    uint8_t which = next(world) % 24;
    keys[0] = (char)(which | 0x80);
    keys[1] = '\0';
    keys[2] = (char)which;
    size_t len = which == 0 ? 0 : which == 1 ? PREFETCHER_KEY_MAX : which == 2 ? 300 : 3;
    if (which == 3 && next(world) % 8 == 0)
        len = PREFETCHER_KEY_MAX + 1;
    return (struct str){keys, len};
}

static int64_t pick_ttl(struct world *world)
{
    static const int64_t ttls[] = {-1, -1, -1, 0, 1, TIME_SECOND, TIME_NEVER};
    return ttls[next(world) % 7];
}

static uint64_t pick_bytes(struct world *world)
{
    static const uint64_t sizes[] = {0, 1, 10, 100, 600, 1000, 5000, UINT64_MAX};
    return sizes[next(world) % 8];
}

static void get(struct world *world)
{
    struct prefetcher_got got;
    struct str key = pick_key(world);
    enum prefetcher_answer answer = prefetcher_get(world->prefetcher, key, next(world) % 3,
                                                   next(world) % 2, world->now_ns, &got);
    if (answer == PREFETCHER_HIT)
        expect(world->owned[got.value], "a hit is a value that is there");
    if (answer == PREFETCHER_WAIT) {
        expect(got.id < IDS_MAX, "ids are bounded");
        world->waiting[got.id]++;
        world->waiters++;
    }
    expect(key.len <= PREFETCHER_KEY_MAX || answer == PREFETCHER_REFUSED, "long keys are refused");
}

static void leave(struct world *world)
{
    uint32_t id = next(world);
    if (world->waiting[id] == 0)
        return;
    world->waiting[id]--;
    world->waiters--;
    prefetcher_leave(world->prefetcher, id, world->now_ns);
}

static void begin(struct world *world)
{
    struct prefetcher_load load;
    if (world->load_count < LOADS_MAX &&
        prefetcher_next_load(world->prefetcher, world->now_ns, &load))
        world->loads[world->load_count++] = load;
}

static void end(struct world *world)
{
    if (world->load_count == 0)
        return;
    uint32_t at = next(world) % world->load_count;
    struct prefetcher_load load = world->loads[at];
    struct prefetcher_result result = {.outcome = next(world) % 4, .error = 7};
    if (result.outcome == PREFETCHER_VALUE) {
        result.value = give(world);
        result.bytes = pick_bytes(world);
    }
    result.ttl_ns = pick_ttl(world);
    if (next(world) % 16 != 0) /* else it will be told twice */
        world->loads[at] = world->loads[--world->load_count];
    prefetcher_loaded(world->prefetcher, load.id, load.attempt, &result, world->now_ns);
}

static void offer(struct world *world)
{
    struct prefetcher_wish wish = {.probability = next(world) / 200.0,
                                   .weight = 1,
                                   .use_in_ns = (next(world) - 1) * (TIME_SECOND / 8),
                                   .session = next(world) % 3,
                                   .priority = 1};
    (void)prefetcher_offer(world->prefetcher, pick_key(world), &wish, world->now_ns);
}

static void step_clock(struct world *world)
{
    static const int64_t steps[] = {0, 1, TIME_MILLISECOND, TIME_SECOND, TIME_HOUR, -TIME_SECOND};
    uint8_t which = next(world) % 64;
    int64_t step = which < 6 ? steps[which] : TIME_MILLISECOND * which;
    if (which == 63)
        world->now_ns = next(world) % 2 ? INT64_MAX : INT64_MIN;
    else if (__builtin_add_overflow(world->now_ns, step, &world->now_ns))
        world->now_ns = 0;
    prefetcher_tick(world->prefetcher, world->now_ns);
    (void)prefetcher_deadline(world->prefetcher);
}

static void event(struct world *world)
{
    struct prefetcher_access_row access;
    switch (next(world) % 20) {
    case 0:
    case 1:
    case 2:
    case 3:
        get(world);
        break;
    case 4:
        leave(world);
        break;
    case 5:
    case 6:
    case 7:
        begin(world);
        break;
    case 8:
    case 9:
    case 10:
        end(world);
        break;
    case 11: {
        struct str key = pick_key(world);
        uint64_t bytes = pick_bytes(world), value = give(world);
        (void)prefetcher_put(world->prefetcher, key, value, bytes, pick_ttl(world), world->now_ns);
        break;
    }
    case 12:
        (void)prefetcher_drop(world->prefetcher, pick_key(world), world->now_ns);
        break;
    case 13:
        (void)prefetcher_peek(world->prefetcher, pick_key(world), world->now_ns, NULL);
        break;
    case 14:
        step_clock(world);
        break;
    case 15:
        if (next(world) % 4 == 0)
            (void)prefetcher_access(world->prefetcher, &access);
        else
            (void)guesser_think(world->guesser, world->prefetcher, world->now_ns, 8);
        expect(guesser_keys(world->guesser) <= 8 && guesser_sessions(world->guesser) <= 2,
               "what is learned is bounded");
        break;
    case 16:
        if (next(world) % 8 == 0)
            prefetcher_enable(world->prefetcher, next(world) % 4 != 0, world->now_ns);
        prefetcher_session_end(world->prefetcher, next(world) % 3, world->now_ns);
        prefetcher_headroom(world->prefetcher, next(world) / 128.0);
        break;
    default:
        offer(world);
    }
}

static void check(const struct world *world)
{
    struct prefetcher_stats stats;
    const char *wrong = prefetcher_check(world->prefetcher);
    expect(!wrong, wrong);
    prefetcher_read_stats(world->prefetcher, &stats);
    expect(stats.held == world->held, "values that are held are those that did not leave");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct world world;
    struct prefetcher_settings settings = prefetcher_defaults;
    struct guesser_settings guesser = guesser_defaults;
    guesser.strategies = (1u << GUESSER_MIX) - 1; /* all but the mixture, which is large */
    guesser.max_keys = 8;
    guesser.max_sessions = 2;
    guesser.max_contexts = 64;
    guesser.max_successors = 256;
    world = (struct world){.data = data, .len = len};
    const struct prefetcher_hooks hooks = {&world, ended, left, cancel};
    settings.algorithm = next(&world) % CACHE_ALGORITHM_COUNT;
    settings.capacity_bytes = 2000;
    settings.max_entries = 6;
    settings.max_keys = 4;
    settings.max_key_bytes = 2 * PREFETCHER_KEY_MAX;
    settings.max_queue = 4;
    settings.max_concurrent = 1 + next(&world) % 4;
    settings.max_stuck = next(&world) % 3;
    settings.value_ttl_ns = next(&world) % 2 ? TIME_NEVER : TIME_SECOND;
    settings.admission.bytes_per_s = next(&world) % 2 ? 0 : 1000;
    settings.admission.load_price = 0;
    if (prefetcher_create(&world.prefetcher, &settings, &hooks, 0) != FW_OK)
        return 0;
    if (guesser_create(&world.guesser, &guesser) != FW_OK)
        abort();
    for (int events = 0; events < EVENTS_MAX && world.at < len; events++) {
        event(&world);
        check(&world);
    }
    prefetcher_close(world.prefetcher, FW_CLOSED, world.now_ns);
    check(&world);
    while (world.load_count > 0) {
        struct prefetcher_load load = world.loads[--world.load_count];
        struct prefetcher_result result = {.outcome = PREFETCHER_FAILED};
        prefetcher_loaded(world.prefetcher, load.id, load.attempt, &result, world.now_ns);
        check(&world);
    }
    expect(world.waiters == 0, "after the end nobody waits");
    prefetcher_free(&world.prefetcher);
    guesser_free(&world.guesser);
    expect(world.held == 0, "after the end nothing is held");
    return 0;
}
