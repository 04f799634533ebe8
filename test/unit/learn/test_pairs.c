/* SPDX-License-Identifier: MIT
 * Pairs: what comes a load's time later is counted, not what comes sooner; bounded. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/prng.h"
#include "learn/pairs.h"

enum { MOST = PAIRS_SETS_FIRST * PAIRS_WAYS };

static void see(struct pairs *pairs, uint64_t key, int64_t at_ns)
{
    assert_int_equal(pairs_observe(pairs, key, at_ns, 50), FW_OK);
}

static uint32_t count_of(const struct pairs *pairs, int order, uint64_t key)
{
    const struct pairs_context *context = pairs_latest(pairs, order);
    for (int i = 0; context && i < PAIRS_NEXT; i++)
        if (context->next[i] == key)
            return context->counts[i];
    return 0;
}

static void what_comes_in_time_is_counted(void **state)
{
    (void)state;
    struct pairs pairs;
    pairs_init(&pairs, MOST);
    assert_null(pairs_latest(&pairs, 1));
    for (int64_t round = 0; round < 10; round++) { /* 1, soon after 2, and 3 a load later */
        int64_t at_ns = round * 100000;
        see(&pairs, 1, at_ns);
        see(&pairs, 2, at_ns + 10);
        see(&pairs, 3, at_ns + 55);
    }
    see(&pairs, 1, 2000000);
    assert_int_equal(count_of(&pairs, 1, 3), 10);
    assert_int_equal(count_of(&pairs, 1, 2), 0); /* too soon */
    assert_int_equal(count_of(&pairs, 2, 3), 9); /* 3 and 1 before it: not the first time */
    assert_int_equal(pairs_latest(&pairs, 1)->visits, 11);
    see(&pairs, 2, 2000010);
    assert_int_equal(count_of(&pairs, 1, 3), 0); /* 45 after 2: not a load */
    see(&pairs, 9, 9000000);
    see(&pairs, 1, 9000051);
    see(&pairs, 9, 9000060);
    assert_int_equal(count_of(&pairs, 1, 1), 1);
    pairs_fini(&pairs);
}

/* Two keys tell more than one. */
static void two_keys_tell_apart(void **state)
{
    (void)state;
    struct pairs pairs;
    pairs_init(&pairs, MOST);
    for (int64_t round = 0; round < 20; round++) {
        int64_t at_ns = round * 100000;
        see(&pairs, round % 2 ? 100 : 200, at_ns);
        see(&pairs, 7, at_ns + 10);
        see(&pairs, round % 2 ? 101 : 201, at_ns + 70);
    }
    see(&pairs, 100, 9000000);
    see(&pairs, 7, 9000010);
    assert_true(count_of(&pairs, 1, 101) >= 8 && count_of(&pairs, 1, 201) >= 8);
    assert_true(count_of(&pairs, 2, 101) >= 8 && count_of(&pairs, 2, 201) == 0);
    pairs_fini(&pairs);
}

static void memory_is_bounded(void **state)
{
    (void)state;
    struct pairs pairs;
    struct prng prng;
    prng_init(&prng, 4);
    pairs_init(&pairs, 2 * MOST);
    for (int64_t i = 0; i < 100000; i++) {
        see(&pairs, prng_below(&prng, 30000), i * 10);
        for (int order = 1; order <= PAIRS_ORDERS; order++) {
            const struct pairs_context *context = pairs_latest(&pairs, order);
            assert_true(!context || (context->visits > 0 && context->visits <= PAIRS_COUNT_MAX));
            for (int n = 0; context && n < PAIRS_NEXT; n++)
                assert_true(context->counts[n] <= PAIRS_COUNT_MAX);
        }
    }
    assert_int_equal(pairs.sets * PAIRS_WAYS, 2 * MOST);
    assert_true(pairs.used <= 2 * MOST);
    pairs_fini(&pairs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_in_time_is_counted),
        cmocka_unit_test(two_keys_tell_apart),
        cmocka_unit_test(memory_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
