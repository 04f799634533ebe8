/* SPDX-License-Identifier: MIT
 * Guesses are trusted when they came true, and not before; depth follows from how long a load
 * takes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "plan/prefetch.h"
#include <stdlib.h>

static struct stride_run run_at(uint64_t last, uint32_t steps)
{
    return (struct stride_run){.last = last, .stride = 1, .steps = steps, .gap_ns = 10, .gap = 1};
}

/* One guess in `every` comes true: how many of 300 were worth a load? */
static int worth(uint32_t every)
{
    struct prefetch *prefetch = malloc(sizeof *prefetch);
    assert_non_null(prefetch);
    prefetch_init(prefetch);
    int count = 0;
    for (uint64_t i = 0; i < 300; i++) {
        struct stride_run run = run_at(i * 1000, 9);
        count += prefetch_worth(prefetch, &run, 1);
        prefetch_request(prefetch, every > 0 && i % every == 0 ? run.last + 1 : 999);
    }
    prefetch_fini(prefetch);
    free(prefetch);
    return count;
}

static void guesses_earn_their_loads(void **state)
{
    (void)state;
    assert_true(worth(1) >= 285 && worth(1) < 300); /* not the first ones */
    assert_int_equal(worth(2), 0);
    assert_int_equal(worth(0), 0);
}

static void too_late_is_wrong_and_so_is_wasted(void **state)
{
    (void)state;
    struct prefetch *prefetch = malloc(sizeof *prefetch);
    assert_non_null(prefetch);
    for (int wasted = 0; wasted < 2; wasted++) {
        prefetch_init(prefetch);
        for (uint64_t i = 0; i < 100; i++) {
            struct stride_run run = run_at(i * 1000, 9);
            assert_false(prefetch_worth(prefetch, &run, 1));
            if (wasted)
                prefetch_wasted(prefetch, run.last + 1);
            for (int other = 0; !wasted && other < 40; other++)
                prefetch_request(prefetch, 999);
            prefetch_request(prefetch, run.last + 1);
        }
        prefetch_fini(prefetch);
    }
    free(prefetch);
}

static void depth_is_what_a_load_takes(void **state)
{
    (void)state;
    struct stride_run run = run_at(0, 5);
    assert_int_equal(prefetch_depth(&run, 0), 1);
    assert_int_equal(prefetch_depth(&run, 10), 2);
    assert_int_equal(prefetch_depth(&run, 45), 6);
    assert_int_equal(prefetch_depth(&run, INT64_MAX), PREFETCH_AHEAD_MAX);
    run.steps = 1;
    assert_int_equal(prefetch_depth(&run, 1000), 1);
}

static void the_account_adds_up(void **state)
{
    (void)state;
    struct prefetch_account account = {10, 4, 3, 2, 1};
    assert_true(prefetch_account_holds(&account));
    account.late++;
    assert_false(prefetch_account_holds(&account));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(guesses_earn_their_loads),
        cmocka_unit_test(too_late_is_wrong_and_so_is_wasted),
        cmocka_unit_test(depth_is_what_a_load_takes),
        cmocka_unit_test(the_account_adds_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
