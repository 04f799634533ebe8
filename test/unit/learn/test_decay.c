/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/prng.h"
#include "base/time.h"
#include "learn/decay.h"
#include <math.h>

static void exp_and_log_are_right_to_the_last_bits(void **state)
{
    (void)state;
    struct prng prng;
    prng_init(&prng, 1);
    for (int i = 0; i < 200000; i++) {
        double x = prng_uniform(&prng) * 720 - 700;
        assert_true(fabs(decay_exp(x) / exp(x) - 1) < 1e-15);
        double y = exp(prng_uniform(&prng) * 1200 - 600);
        assert_true(fabs(decay_log(y) - log(y)) <= 1e-15 + 4e-16 * fabs(log(y)));
    }
    assert_true(decay_exp(0) == 1);
    assert_true(decay_exp(-701) == 0);
    assert_true(decay_exp(NAN) == 0);
    assert_true(decay_log(1) == 0);
    assert_true(isfinite(decay_log(0)) && decay_log(0) < -744);
}

static void halves_in_a_half_life(void **state)
{
    (void)state;
    assert_true(decay_over(0, TIME_HOUR) == 1);
    assert_true(decay_over(-5, TIME_HOUR) == 1);
    assert_true(fabs(decay_over(TIME_HOUR, TIME_HOUR) - exp(-1)) < 1e-15);
    assert_true(decay_over(TIME_NEVER, TIME_SECOND) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exp_and_log_are_right_to_the_last_bits),
        cmocka_unit_test(halves_in_a_half_life),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
