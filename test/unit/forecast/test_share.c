/* SPDX-License-Identifier: MIT
 * Fixed share: weights by hand, a change of the best expert is followed, sleepers keep their place.
 */
#include "forecast/share.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Losses 1 and 3 are .5 and 1.5 of their mean. */
static void test_by_hand(void **state)
{
    (void)state;
    struct share share;
    double weights[2], losses[] = {1, 3}, nothing[] = {0, 0};
    share_init(&share, 2);
    share_update(&share, 2, .1);
    assert_int_equal(share.updates, 0);
    share_add(&share, nothing, 3); /* both were right: tells nothing */
    share_update(&share, 2, .1);
    assert_int_equal(share.updates, 0);
    share_add(&share, losses, 3);
    share_add(&share, losses, 3);
    share_update(&share, 2, .1);
    share_weights(&share, 3, weights);
    double first = exp(-1.) / (exp(-1.) + exp(-3.));
    double ours = .9 * first + .05, theirs = (1 - ours) * exp(-.5 * (1.5 / .5 - 1));
    assert_float_equal(weights[0], ours / (ours + theirs), 1e-12);
    assert_float_equal(weights[0] + weights[1], 1, 1e-12);
    share_weights(&share, 2, weights);
    assert_true(weights[0] == 0 && weights[1] == 1);
    share_weights(&share, 0, weights);
    assert_true(weights[0] == 0 && weights[1] == 0);
}

/* 500 updates of one best, then the other: five are enough to be believed. */
static void test_a_change_is_followed(void **state)
{
    (void)state;
    struct share share;
    double weights[3];
    share_init(&share, 3);
    for (int t = 0; t < 505; t++) {
        double losses[] = {t < 500 ? 1 : 6, t < 500 ? 6 : 1, 3};
        share_add(&share, losses, 7);
        share_update(&share, 2, .05);
        share_weights(&share, 7, weights);
        if (t == 499)
            assert_true(weights[0] > .9 && weights[1] < .03);
    }
    assert_true(weights[1] > .8);
}

/* The one that never errs is believed alone. */
static void test_the_infallible(void **state)
{
    (void)state;
    struct share share;
    double weights[2], losses[] = {0, 1};
    share_init(&share, 2);
    share_add(&share, losses, 3);
    share_update(&share, .1, .2);
    share_weights(&share, 3, weights);
    assert_true(weights[0] == 1 && weights[1] == 0 && share.weight[1] > .1);
}

/* The third says nothing while the others lose alike: its weight stays; infinity is no case. */
static void test_sleepers(void **state)
{
    (void)state;
    struct share share;
    double weights[3], losses[] = {2, 2, 1e300}, broken[] = {1, INFINITY, 1};
    share_init(&share, 3);
    for (int t = 0; t < 50; t++) {
        share_add(&share, losses, 3);
        share_add(&share, broken, 7);
        share_update(&share, 4, .02);
    }
    share_weights(&share, 7, weights);
    for (int i = 0; i < 3; i++)
        assert_float_equal(weights[i], 1. / 3, 1e-12);
    assert_int_equal(share.updates, 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_a_change_is_followed),
        cmocka_unit_test(test_the_infallible),
        cmocka_unit_test(test_sleepers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
