/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/prng.h"
#include "plan/budget.h"
#include <math.h>
#include <string.h>

#define GIB (UINT64_C(1) << 30)

static void takes_the_least_worth_per_byte(void **state)
{
    (void)state;
    struct budget_candidate candidates[] = {{0, 4 * GIB, 3e-9, 10, true},
                                            {1, 4 * GIB, 1e-9, 20, true},
                                            {2, 4 * GIB, 2e-9, 5, true},
                                            {3, 4 * GIB, 0, 1, false}};
    uint32_t count;
    assert_true(budget_choose(candidates, 4, 6 * GIB, &count));
    assert_int_equal(count, 2);
    assert_int_equal(candidates[0].resource, 1);
    assert_int_equal(candidates[1].resource, 2);
    assert_true(budget_choose(candidates, 4, 0, &count));
    assert_int_equal(count, 0);
    assert_true(budget_choose(candidates, 4, 12 * GIB, &count));
    assert_int_equal(count, 3);
    assert_false(budget_choose(candidates, 4, 12 * GIB + 1, &count)); /* the busy one may not go */
    assert_int_equal(count, 0);
}

static void puts_back_what_is_not_needed(void **state)
{
    (void)state;
    /* 1 + 2 + 8 GiB are taken for 8; then the most valuable of the small ones go back, both of
     * them. */
    struct budget_candidate candidates[] = {
        {0, 1 * GIB, 1e-9, 1, true}, {1, 2 * GIB, 2e-9, 2, true}, {2, 8 * GIB, 3e-9, 3, true}};
    uint32_t count;
    assert_true(budget_choose(candidates, 3, 8 * GIB, &count));
    assert_int_equal(count, 1);
    assert_int_equal(candidates[0].resource, 2);
}

static void least_recently_used_without_worth(void **state)
{
    (void)state;
    struct budget_candidate candidates[] = {{7, GIB, 0, 30, true},
                                            {8, GIB, 0, 10, true},
                                            {9, GIB, NAN, 20, true},
                                            {6, GIB, 0, 10, true}};
    uint32_t count;
    assert_true(budget_choose(candidates, 4, 3 * GIB, &count));
    assert_int_equal(count, 3);
    assert_int_equal(candidates[0].resource, 6); /* equal stamps: by number */
    assert_int_equal(candidates[1].resource, 8);
    assert_int_equal(candidates[2].resource, 9);
}

/* Against every subset: enough is freed, nothing taken could be spared, and the loss is near the
 * least possible. */
static void close_to_the_best_subset(void **state)
{
    (void)state;
    struct prng prng;
    prng_init(&prng, 17);
    double lost = 0, best_lost = 0;
    int possible = 0;
    for (int round = 0; round < 2000; round++) {
        struct budget_candidate candidates[9], given[9];
        uint32_t n = 1 + (uint32_t)prng_below(&prng, 9), count;
        for (uint32_t i = 0; i < n; i++)
            candidates[i] = (struct budget_candidate){
                i, (4 + prng_below(&prng, 17)) * GIB, prng_exponential(&prng, 1e-9),
                (int64_t)prng_below(&prng, 5), prng_below(&prng, 5) > 0};
        memcpy(given, candidates, sizeof given);
        uint64_t need = (1 + prng_below(&prng, 60)) * GIB;
        double least = INFINITY;
        for (uint32_t set = 0; set < 1u << n; set++) {
            uint64_t freed = 0;
            double loss = 0;
            bool allowed = true;
            for (uint32_t i = 0; i < n; i++)
                if (set >> i & 1) {
                    freed += given[i].bytes;
                    loss += given[i].worth * (double)given[i].bytes;
                    allowed = allowed && given[i].evictable;
                }
            if (allowed && freed >= need && loss < least)
                least = loss;
        }
        bool found = budget_choose(candidates, n, need, &count);
        assert_int_equal(found, isfinite(least));
        if (!found)
            continue;
        uint64_t freed = 0;
        double loss = 0;
        for (uint32_t i = 0; i < count; i++) {
            assert_true(candidates[i].evictable);
            freed += candidates[i].bytes;
            loss += candidates[i].worth * (double)candidates[i].bytes;
        }
        assert_true(freed >= need);
        for (uint32_t i = 0; i < count; i++)
            assert_true(freed - candidates[i].bytes < need);
        assert_true(loss >= least * (1 - 1e-12));
        lost += loss;
        best_lost += least;
        possible++;
    }
    assert_true(possible > 500);
    assert_true(lost < 1.15 * best_lost);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_the_least_worth_per_byte),
        cmocka_unit_test(puts_back_what_is_not_needed),
        cmocka_unit_test(least_recently_used_without_worth),
        cmocka_unit_test(close_to_the_best_subset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
