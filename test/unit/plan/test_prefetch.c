/* SPDX-License-Identifier: MIT
 * Guesses are trusted when they came true, and not before, and the surer they must be the less they
 * spare; depth follows from how long a load takes. */
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

static struct admission prices;

static enum prefetch_verdict judge(struct prefetch *prefetch, const struct prefetch_guess *guess,
                                   int64_t load_ns)
{
    double worth;
    return prefetch_judge(prefetch, &prices, guess, load_ns, &worth);
}

/* One guess in `every` is wrong (0: all are right), each would spare its share of 50 ns: how many
 * of 3000 are worth a load? */
static int worth(uint32_t every, int64_t gap_ns)
{
    struct prefetch *prefetch = malloc(sizeof *prefetch);
    assert_non_null(prefetch);
    prefetch_init(prefetch);
    admission_init(&prices, &prefetch_admission, 0);
    int count = 0;
    for (uint64_t i = 0; i < 3000; i++) {
        struct stride_run run = run_at(i * 1000, 9);
        run.gap_ns = gap_ns;
        struct prefetch_guess guess = prefetch_guess_run(&run, 1, 50);
        count += judge(prefetch, &guess, 50) == PREFETCH_WORTH;
        prefetch_request(prefetch, every > 0 && i % every == 0 ? 999 : run.last + 1);
    }
    prefetch_fini(prefetch);
    free(prefetch);
    return count;
}

/* F4: a load ahead is judged by what it is worth, with the comparison of plan/admission.h. */
static void guesses_earn_their_loads(void **state)
{
    (void)state;
    assert_true(worth(0, 50) >= 2950 && worth(0, 50) < 3000); /* not the first ones */
    assert_int_equal(worth(1, 50), 0);
    assert_int_equal(worth(2, 50), 0); /* half is not seven tenths */
    assert_true(worth(5, 50) > 2000);
}

static void what_spares_little_must_be_surer(void **state)
{
    (void)state;
    assert_true(worth(5, 35) > 0);     /* .8 * .7 * 3 is more than .2 * 7 */
    assert_int_equal(worth(5, 25), 0); /* .8 * .5 * 3 is not */
    assert_true(worth(0, 10) > 2900);
    assert_int_equal(worth(0, 0), 0); /* nothing would be spared */
}

static void too_late_is_wrong_and_so_is_wasted(void **state)
{
    (void)state;
    struct prefetch *prefetch = malloc(sizeof *prefetch);
    assert_non_null(prefetch);
    admission_init(&prices, &prefetch_admission, 0);
    for (int wasted = 0; wasted < 2; wasted++) {
        prefetch_init(prefetch);
        for (uint64_t i = 0; i < 100; i++) {
            struct stride_run run = run_at(i * 1000, 9);
            struct prefetch_guess guess = prefetch_guess_run(&run, 1, 5);
            assert_int_equal(judge(prefetch, &guess, 5), PREFETCH_DOUBTED);
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
    run.steps = 0;
    assert_int_equal(prefetch_depth(&run, 1000), 1);
}

static void guesses_are_told_apart(void **state)
{
    (void)state;
    struct stride_run run = run_at(7, 5), far = run;
    far.stride = 64;
    struct stream stream = {.at = 5, .steps = 5};
    struct stream_event now = {1, 100}, then = {9, 125};
    struct pairs_context context = {.next = {4, 5}, .counts = {9, 1}, .visits = 10};
    struct prefetch_guess guesses[] = {
        prefetch_guess_run(&run, 3, 100),       prefetch_guess_run(&far, 3, 100),
        prefetch_guess_run(&run, 40, 100),      prefetch_guess_stream(&stream, &now, &then, 8, 100),
        prefetch_guess_pair(&context, 1, 0, 6), prefetch_guess_pair(&context, 2, 0, 6),
        prefetch_guess_pair(&context, 2, 1, 6)};
    static const struct {
        uint64_t key;
        uint32_t saves;
    } expected[] = {{10, 307}, {199, 307}, {47, 1024}, {9, 256}, {4, 1024}, {4, 1024}, {5, 1024}};
    for (size_t i = 0; i < sizeof guesses / sizeof guesses[0]; i++) {
        assert_int_equal(guesses[i].key, expected[i].key);
        assert_int_equal(guesses[i].saves, expected[i].saves);
        assert_true(guesses[i].class < PREFETCH_CLASSES);
        assert_true(guesses[i].within <= PREFETCH_WITHIN_MAX);
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal(guesses[i].class, guesses[j].class);
    }
}

/* F6: every load ahead has one outcome. */
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
        cmocka_unit_test(what_spares_little_must_be_surer),
        cmocka_unit_test(too_late_is_wrong_and_so_is_wasted),
        cmocka_unit_test(depth_is_what_a_load_takes),
        cmocka_unit_test(guesses_are_told_apart),
        cmocka_unit_test(the_account_adds_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
