/* SPDX-License-Identifier: MIT
 * Machine and guesser together on virtual time: a source that takes 80 ms a load, sessions that ask
 * every 200 ms. Where there is an order, most misses are spared; where there is none, nothing is
 * loaded (specification F6: no harm). The account holds at every moment. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/prng.h"
#include "base/time.h"
#include "core/guesser.h"
#include "core/prefetcher.h"
#include <stdio.h>

enum { RUNNING_MAX = 16, SESSIONS = 10, WALKS = 12, STEPS = 9 };

struct world {
    struct prefetcher *machine;
    struct guesser *guesser;
    struct prng random;
    int64_t now_ns, load_ns;
    struct {
        struct prefetcher_load load;
        int64_t ends_ns;
    } running[RUNNING_MAX];
    uint32_t running_count;
    uint64_t waited, requests;
};

static void nobody(void *context, uint32_t id, uint32_t waiters,
                   const struct prefetcher_result *result)
{
    (void)id, (void)result;
    ((struct world *)context)->waited += waiters;
}

static void nothing(void *context, uint64_t value)
{
    (void)context, (void)value;
}

static void cancelled(void *context, uint32_t id, uint64_t attempt)
{
    (void)context, (void)id, (void)attempt;
}

static void open_world(struct world *world, uint32_t strategies, uint32_t entries)
{
    struct prefetcher_settings settings = prefetcher_defaults;
    struct guesser_settings guesses = guesser_defaults;
    const struct prefetcher_hooks hooks = {world, nobody, nothing, cancelled};
    *world = (struct world){.load_ns = 80 * TIME_MILLISECOND};
    settings.max_entries = entries;
    guesses.strategies = strategies;
    prng_init(&world->random, 9);
    assert_int_equal(prefetcher_create(&world->machine, &settings, &hooks, 0), FW_OK);
    assert_int_equal(guesser_create(&world->guesser, &guesses), FW_OK);
}

/* Loads begin and end as time passes. */
static void run_until(struct world *world, int64_t until_ns)
{
    struct prefetcher_load load;
    for (;;) {
        while (world->running_count < RUNNING_MAX &&
               prefetcher_next_load(world->machine, world->now_ns, &load)) {
            world->running[world->running_count].load = load;
            world->running[world->running_count++].ends_ns = world->now_ns + world->load_ns;
        }
        int64_t next_ns = prefetcher_deadline(world->machine);
        if (world->running_count > 0 && world->running[0].ends_ns < next_ns)
            next_ns = world->running[0].ends_ns;
        if (next_ns > until_ns)
            break;
        world->now_ns = next_ns > world->now_ns ? next_ns : world->now_ns + 1;
        prefetcher_tick(world->machine, world->now_ns);
        if (world->running_count == 0 || world->running[0].ends_ns > world->now_ns)
            continue;
        const struct prefetcher_result value = {.value = 1, .bytes = 1000, .ttl_ns = -1};
        load = world->running[0].load;
        world->running_count--;
        memmove(world->running, world->running + 1,
                world->running_count * sizeof world->running[0]);
        prefetcher_loaded(world->machine, load.id, load.attempt, &value, world->now_ns);
    }
    world->now_ns = until_ns;
}

static void ask(struct world *world, uint64_t session, const char *key)
{
    struct prefetcher_got got;
    (void)prefetcher_get(world->machine, str_of(key), session, session % SESSIONS, world->now_ns,
                         &got);
    world->requests++;
    (void)guesser_think(world->guesser, world->machine, world->now_ns, 8);
    const char *wrong = world->requests % 16 == 0 ? prefetcher_check(world->machine) : NULL;
    if (wrong)
        fail_msg("%s", wrong);
    run_until(world, world->now_ns + 200 * TIME_MILLISECOND / SESSIONS);
}

static struct prefetcher_stats close_world(struct world *world)
{
    struct prefetcher_stats stats;
    assert_null(prefetcher_check(world->machine));
    prefetcher_read_stats(world->machine, &stats);
    prefetcher_free(&world->machine);
    guesser_free(&world->guesser);
    return stats;
}

/* Ten sessions at a time walk known ways through 108 keys; the cache holds 30 of them. */
static void what_has_an_order_is_loaded_ahead(void **state)
{
    (void)state;
    for (uint32_t strategy = GUESSER_PATTERN; strategy <= GUESSER_MIX; strategy++) {
        struct world world;
        uint64_t walk[SESSIONS] = {0};
        open_world(&world, 1u << strategy, 30);
        for (int turn = 0; turn < 600; turn++)
            for (uint64_t s = 0; s < SESSIONS; s++) {
                char key[32];
                if (turn % STEPS == 0) {
                    prefetcher_session_end(world.machine,
                                           1 + s + SESSIONS * (uint64_t)(turn / STEPS) - SESSIONS,
                                           world.now_ns);
                    walk[s] = prng_below(&world.random, WALKS);
                }
                snprintf(key, sizeof key, strategy == GUESSER_NAMES ? "walk%u_%03u" : "k%u",
                         (unsigned)(strategy == GUESSER_NAMES ? walk[s]
                                                              : walk[s] * 37 + turn % STEPS * 991),
                         (unsigned)(turn % STEPS));
                ask(&world, 1 + s + SESSIONS * (uint64_t)(turn / STEPS), key);
            }
        const struct prefetcher_stats stats = close_world(&world);
        double accuracy = (double)(stats.ahead.in_time + stats.ahead.late) /
                          (double)(stats.ahead.issued - stats.ahead.pending);
        double coverage = (double)stats.spared / (double)stats.shadow_misses;
        printf("%-8s accuracy %.2f, coverage %.2f, %u loaded ahead for %u requests\n",
               guesser_name(NULL, strategy), accuracy, coverage, (unsigned)stats.ahead.issued,
               (unsigned)stats.requests);
        assert_true(accuracy >= 0.7);
        assert_true(coverage >= 0.4);
        assert_true(stats.spoilt * 50 <= stats.requests);
        assert_true(stats.ahead.in_time > 5 * stats.ahead.late);
    }
}

/* Nothing to learn: at most 2 % more loads, whatever the strategy. */
static void what_has_no_order_costs_nothing(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, (1u << GUESSER_BUILT_IN) - 1, 100);
    for (int i = 0; i < 6000; i++) {
        char key[32];
        snprintf(key, sizeof key, "item_%u", (unsigned)prng_below(&world.random, 3000));
        ask(&world, 1 + (uint64_t)i % SESSIONS, key);
    }
    run_until(&world, world.now_ns + TIME_SECOND);
    const struct prefetcher_stats stats = close_world(&world);
    assert_int_equal(world.waited, stats.misses + stats.joins); /* all got their answer */
    assert_true(stats.ahead.issued * 50 <= stats.requests);
    assert_true(stats.spoilt * 100 <= stats.requests);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_has_an_order_is_loaded_ahead),
        cmocka_unit_test(what_has_no_order_costs_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
