/* SPDX-License-Identifier: MIT
 * The scaling policy by hand (D11): thresholds, lead time, cool-downs, the most it may be; holes;
 * a policy tuned on one part. */
#include "plan/scaling.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static const int64_t MINUTE = INT64_C(60) * 1000000000;

static struct scaling_world world_of(const double *demand, size_t count)
{
    return (struct scaling_world){.demand = demand,
                                  .count = count,
                                  .step_ns = 60 * MINUTE,
                                  .lead_time_ns = 6 * MINUTE,
                                  .unit = 10,
                                  .target = .7,
                                  .warning = .85,
                                  .per_hour = 2,
                                  .short_price = 100};
}

static void test_up_and_down(void **state)
{
    (void)state;
    /* The fleet is that of the first hour: 70 / 7 = 10. 120 needs more; the middle of .7 and .5 is
     * .6: 20 of them, serving after six minutes in which 20 are missing. Back at 70 the cool-down
     * is long over: 12 at once. */
    static const double demand[] = {70, 120, 70};
    struct scaling_world world = world_of(demand, 3);
    struct scaling_result result = scaling_simulate(&world, &scaling_defaults, 0, 3, 1);
    assert_int_equal(result.first, 10);
    assert_int_equal(result.peak, 20);
    assert_int_equal(result.ups, 1);
    assert_int_equal(result.downs, 1);
    assert_float_equal(result.short_hours, .1, 1e-12);
    assert_float_equal(result.missing_unit_hours, .1 * 2, 1e-12);
    assert_float_equal(result.strained_hours, .1, 1e-12);
    assert_float_equal(result.unit_hours, 10 + 20 + 12, 1e-9);
    assert_float_equal(result.cost, 84, 1e-9);
    assert_float_equal(result.total, 84 + 20, 1e-9);
    assert_float_equal(result.utilization, (.7 + .1 + .9 * .6 + 70. / 120) / 3, 1e-9);
}

static void test_cooldown(void **state)
{
    (void)state;
    /* Down may follow a change only after ten minutes: at steps of five, two of 12 are paid for. */
    static const double demand[] = {70, 120, 120, 70, 70, 70, 70};
    struct scaling_world world = world_of(demand, 7);
    world.step_ns = 5 * MINUTE;
    world.lead_time_ns = 0;
    struct scaling_result result = scaling_simulate(&world, &scaling_defaults, 0, 7, 1);
    assert_int_equal(result.ups, 1);
    assert_int_equal(result.downs, 1);
    assert_float_equal(result.unit_hours * 12, 10 + 20 + 20 + 4 * 12, 1e-9);
    struct scaling_policy slow = scaling_defaults;
    slow.cooldown_down_ns = 20 * MINUTE;
    result = scaling_simulate(&world, &slow, 0, 7, 1);
    assert_float_equal(result.unit_hours * 12, 10 + 4 * 20 + 2 * 12, 1e-9);
}

static void test_limits(void **state)
{
    (void)state;
    /* Never more than three times the first fleet; a hole takes no time; zero keeps one unit. */
    static const double demand[] = {70, 1000, NAN, 1000, 0, 0};
    struct scaling_world world = world_of(demand, 6);
    struct scaling_result result = scaling_simulate(&world, &scaling_defaults, 0, 6, 1);
    assert_int_equal(result.peak, 30);
    assert_float_equal(result.hours, 5, 1e-12);
    assert_float_equal(result.short_hours, 2, 1e-9);
    assert_float_equal(result.missing_unit_hours, .1 * 90 + 1.9 * 70, 1e-9);
    assert_float_equal(result.unit_hours, 10 + 30 + 30 + 1 + 1, 1e-9);
    static const double none[] = {NAN, NAN};
    world = world_of(none, 2);
    result = scaling_simulate(&world, &scaling_defaults, 0, 2, 0);
    assert_float_equal(result.hours, 0, 0);
    assert_float_equal(result.utilization, 0, 0);
}

static void test_tuned(void **state)
{
    (void)state;
    /* A daily peak that the default's three times cannot reach: what is tuned on the first part
     * misses less on the later one, and is found from the first part alone. */
    enum { HOURS = 24 * 20 };
    double demand[HOURS];
    for (int t = 0; t < HOURS; t++)
        demand[t] = t % 24 == 12 ? 900 : 50;
    struct scaling_world world = world_of(demand, HOURS);
    struct scaling_policy tuned = scaling_tune(&world, .6);
    assert_true(tuned.factor > scaling_defaults.factor);
    size_t from = HOURS * 6 / 10;
    struct scaling_result before = scaling_simulate(&world, &scaling_defaults, from, HOURS, from);
    struct scaling_result after = scaling_simulate(&world, &tuned, from, HOURS, from);
    assert_true(after.total < .8 * before.total);
    for (size_t t = from; t < HOURS; t++)
        demand[t] = 0;
    struct scaling_policy again = scaling_tune(&world, .6);
    assert_float_equal(again.up, tuned.up, 0);
    assert_float_equal(again.down, tuned.down, 0);
    assert_float_equal(again.factor, tuned.factor, 0);
    assert_true(again.cooldown_down_ns == tuned.cooldown_down_ns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_up_and_down),
        cmocka_unit_test(test_cooldown),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_tuned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
