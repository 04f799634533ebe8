/* SPDX-License-Identifier: MIT
 * Foresight: each source finds what it is there for, together they load nothing for noise. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/prng.h"
#include "plan/foresee.h"
#include <stdlib.h>

enum { LOADS_MAX = 4096, LOAD_NS = 50, GAP_NS = 10 };

/* What was asked to be loaded, and when it is there; a cache that keeps nothing else. */
struct world {
    struct map64 loads;
    uint64_t issued, hits, requests;
    int64_t now_ns;
};

static bool is_held(void *context, uint64_t key)
{
    const struct world *world = context;
    uint64_t ready_ns;
    return map64_get(&world->loads, key, &ready_ns);
}

static bool load(void *context, uint64_t key)
{
    struct world *world = context;
    world->issued++;
    return map64_set(&world->loads, key, (uint64_t)(world->now_ns + LOAD_NS)) == FW_OK;
}

static struct world live(unsigned sources, uint64_t (*next)(struct prng *prng, uint64_t number),
                         uint64_t requests)
{
    struct foresee *foresee = malloc(sizeof *foresee);
    struct prng prng;
    struct world world = {.requests = requests};
    assert_non_null(foresee);
    prng_init(&prng, 11);
    foresee_init(foresee, sources);
    map64_init(&world.loads, 1 << 20);
    const struct foresee_door door = {&world, is_held, load};
    for (uint64_t i = 0; i < requests; i++) {
        uint64_t key = next(&prng, i), ready_ns;
        world.now_ns += GAP_NS;
        if (map64_remove(&world.loads, key, &ready_ns)) {
            world.hits += (int64_t)ready_ns <= world.now_ns;
            foresee_loaded(foresee);
            foresee_used(foresee);
        }
        assert_int_equal(foresee_request(foresee, key, world.now_ns, true, LOAD_NS, &door), FW_OK);
    }
    map64_fini(&world.loads);
    foresee_fini(foresee);
    free(foresee);
    return world;
}

static uint64_t scan(struct prng *prng, uint64_t number)
{
    (void)prng;
    return 1000 + number * 8;
}
/* The same two thousand keys in the same order, which has no order. */
static uint64_t tour(struct prng *prng, uint64_t number)
{
    (void)prng;
    return prng_scramble(number % 2000 + 5);
}
/* One of three hundred first keys, then something, and a load later what always comes after it. */
static uint64_t kept[5];
static uint64_t couples(struct prng *prng, uint64_t number)
{
    uint64_t with = kept[number % 5];
    if (number % 10 >= 5)
        return prng_scramble(with + (UINT64_C(1) << 33));
    kept[number % 5] = prng_below(prng, 300) + (number % 5) * 1000;
    return prng_scramble(kept[number % 5] + 1);
}
static uint64_t noise(struct prng *prng, uint64_t number)
{
    (void)number;
    return prng_next(prng);
}

static void each_source_finds_its_own(void **state)
{
    (void)state;
    static const unsigned sources[] = {FORESEE_STRIDES, FORESEE_STREAMS, FORESEE_PAIRS,
                                       FORESEE_ALL};
    uint64_t (*const worlds[])(struct prng *, uint64_t) = {scan, tour, couples};
    static const int found[][3] = {{1, 0, 0}, {0, 1, 0}, {0, 1, 1}, {1, 1, 1}};
    for (int s = 0; s < 4; s++)
        for (int w = 0; w < 3; w++) {
            struct world world = live(sources[s], worlds[w], 40000);
            double share = (double)world.hits / (double)world.requests;
            if (found[s][w]) { /* the second of each couple is half of all requests */
                assert_true(share > (w == 2 ? 0.35 : 0.8));
                assert_true(world.hits * 10 >= world.issued * 7);
            } else {
                assert_true(share < 0.1);
            }
        }
}

/* Where there is nothing to foresee next to nothing is loaded. */
static void noise_is_left_alone(void **state)
{
    (void)state;
    assert_true(live(FORESEE_ALL, noise, 40000).issued < 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_source_finds_its_own),
        cmocka_unit_test(noise_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
