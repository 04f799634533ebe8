/* SPDX-License-Identifier: MIT
 * Runs: any stride, backwards, interleaved, and none where there is nothing. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/prng.h"
#include "learn/strides.h"

static void any_stride_is_found(void **state)
{
    (void)state;
    static const int64_t strides[] = {1, -1, 2, 128, -4096, INT64_C(1) << 40, INT64_MAX};
    for (size_t i = 0; i < sizeof strides / sizeof strides[0]; i++) {
        struct strides s;
        strides_init(&s);
        uint64_t number = 1000;
        const struct stride_run *run = NULL;
        for (int step = 0; step < 10; step++, number += (uint64_t)strides[i])
            run = strides_observe(&s, number, step * 5);
        assert_int_equal(run->stride, (uint64_t)strides[i]);
        assert_int_equal(run->last, number - (uint64_t)strides[i]);
        assert_int_equal(run->steps, 9);
        assert_int_equal(run->gap_ns, 5);
    }
}

static void interleaved_runs_are_told_apart(void **state)
{
    (void)state;
    struct strides s;
    strides_init(&s);
    for (uint64_t step = 0; step < 20; step++) {
        const struct stride_run *a = strides_observe(&s, 100 + step, 0);
        assert_true(step < 2 || (a->stride == 1 && a->steps == step));
        const struct stride_run *b = strides_observe(&s, 900000 - 64 * step, 0);
        assert_true(step < 2 || (b->stride == (uint64_t)-64 && b->steps == step));
    }
}

static void the_same_number_again_breaks_no_run(void **state)
{
    (void)state;
    struct strides s;
    strides_init(&s);
    for (uint64_t step = 0; step < 10; step++) {
        uint32_t steps = strides_observe(&s, step * 3, 0)->steps;
        assert_int_equal(steps, step < 2 ? 0 : step);
        assert_int_equal(strides_observe(&s, step * 3, 0)->steps, 0);
    }
}

static void noise_makes_no_long_runs(void **state)
{
    (void)state;
    struct strides s;
    struct prng prng;
    strides_init(&s);
    prng_init(&prng, 3);
    uint32_t longest = 0;
    for (int i = 0; i < 100000; i++) {
        const struct stride_run *run = strides_observe(&s, prng_next(&prng), 0);
        longest = run->steps > longest ? run->steps : longest;
    }
    assert_int_equal(longest, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_stride_is_found),
        cmocka_unit_test(interleaved_runs_are_told_apart),
        cmocka_unit_test(the_same_number_again_breaks_no_run),
        cmocka_unit_test(noise_makes_no_long_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
