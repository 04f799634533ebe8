/* SPDX-License-Identifier: MIT
 * The price of loads ahead: what pays, by the byte; how budgets move it; no flapping at the edge.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/time.h"
#include "plan/admission.h"

static struct admission_case usual_case(double probability, uint64_t bytes)
{
    return (struct admission_case){.probability = probability,
                                   .weight = 1,
                                   .saved_ns = TIME_SECOND,
                                   .load_ns = TIME_SECOND,
                                   .hold_ns = 10 * TIME_SECOND,
                                   .bytes = bytes};
}

static double worth(const struct admission *admission, double probability, uint64_t bytes)
{
    const struct admission_case of = usual_case(probability, bytes);
    return admission_worth(admission, &of);
}

static void worth_is_benefit_less_costs_by_the_byte(void **state)
{
    (void)state;
    struct admission admission;
    struct admission_settings settings = admission_defaults;
    settings.load_price = 0.25;
    settings.byte_second_price_ns = 1000;
    admission_init(&admission, &settings, 0);
    struct admission_case of = usual_case(0.75, 1000);
    of.displaced_ns = 1e8;
    /* (.75 s - .25 s - 10 s * 1000 B * 1 us - .1 s) / 1000 B */
    assert_float_equal(admission_worth(&admission, &of), (5e8 - 1e7 - 1e8) / 1000, 1e-6);
    of.weight = 2;
    assert_float_equal(admission_worth(&admission, &of), (12.5e8 - 1e7 - 1e8) / 1000, 1e-6);
    assert_true(worth(&admission, 0.25, 1) < 0);
    assert_true(worth(&admission, 0.9, 100) > worth(&admission, 0.9, 200));
    assert_false(admission_wants(&admission, worth(&admission, 0.25, 1)));
    assert_true(admission_wants(&admission, worth(&admission, 0.3, 1)));
}

/* Bytes a second: what is loaded over a minute is what was allowed, and the best is taken. */
static void a_budget_of_bytes_is_kept_and_raises_the_price(void **state)
{
    (void)state;
    struct admission admission;
    struct admission_settings settings = admission_defaults;
    uint64_t bytes = 0, good = 0, poor = 0;
    settings.bytes_per_s = 1000;
    settings.load_price = 0;
    admission_init(&admission, &settings, 0);
    for (int64_t at_ns = 0; at_ns < TIME_MINUTE; at_ns += 10 * TIME_MILLISECOND) {
        double p = at_ns / (10 * TIME_MILLISECOND) % 10 == 0 ? 0.9 : 0.1; /* ten times what fits */
        double value = worth(&admission, p, 100);
        if (!admission_wants(&admission, value) ||
            !admission_may_begin(&admission, value, 100, at_ns))
            continue;
        admission_begin(&admission, 100, at_ns);
        admission_end(&admission, 100, 100);
        bytes += 100;
        *(p > 0.5 ? &good : &poor) += 1;
    }
    assert_true(bytes <= 62000 + 100);
    assert_true(bytes >= 40000);
    assert_true(good > 9 * poor);
    assert_true(admission_price(&admission) > 0);
    assert_true(admission_ready(&admission, TIME_MINUTE) <= TIME_MINUTE + TIME_SECOND);
}

static void waste_raises_the_price_and_use_lowers_it(void **state)
{
    (void)state;
    struct admission admission;
    struct admission_settings settings = admission_defaults;
    settings.waste_share = 0.3;
    admission_init(&admission, &settings, 0);
    int64_t at_ns = 0;
    double value = worth(&admission, 0.5, 100);
    assert_true(admission_wants(&admission, value));
    for (int i = 0; i < 50; i++) {
        admission_outcome(&admission, 100, false);
        (void)admission_may_begin(&admission, value, 100, at_ns += TIME_SECOND);
    }
    assert_true(admission_waste(&admission) > 0.9);
    assert_false(admission_wants(&admission, value));
    assert_true(admission_price(&admission) > value);
    for (int i = 0; i < 400; i++) {
        admission_outcome(&admission, 100, true);
        (void)admission_may_begin(&admission, value, 100, at_ns += TIME_SECOND);
    }
    assert_true(admission_wants(&admission, value));
    assert_true(admission_price(&admission) == 0);
}

static void one_giant_does_not_stop_everything(void **state)
{
    (void)state;
    struct admission admission;
    struct admission_settings settings = admission_defaults;
    settings.bytes_per_s = 1000;
    admission_init(&admission, &settings, 0);
    for (int i = 0; i < 100; i++)
        admission_outcome(&admission, 100, true);
    admission_begin(&admission, 100, 0);
    admission_end(&admission, 100, UINT64_MAX);
    admission_outcome(&admission, UINT64_MAX, false);
    assert_true(admission_waste(&admission) < 0.2);
    assert_true(admission_ready(&admission, 0) <= 61 * TIME_SECOND);
}

/* A price that lets nothing in hears of nothing: time alone brings it down. */
static void waste_is_forgotten(void **state)
{
    (void)state;
    struct admission admission;
    admission_init(&admission, &admission_defaults, 0);
    double value = worth(&admission, 0.5, 100);
    int64_t at_ns = 0;
    for (int i = 0; i < 50; i++) {
        assert_true(admission_wants(&admission, value) || i > 0);
        admission_outcome(&admission, 100, false);
        admission_turn(&admission, at_ns += TIME_SECOND);
    }
    assert_false(admission_wants(&admission, value));
    admission_turn(&admission, at_ns + TIME_SECOND);
    assert_false(admission_wants(&admission, value));
    for (int i = 0; i < 300; i++)
        admission_turn(&admission, at_ns += TIME_SECOND);
    assert_true(admission_wants(&admission, value));
}

/* To come in it must be worth a tenth more than the price, to begin a tenth less is enough. */
static void hysteresis_of_a_tenth(void **state)
{
    (void)state;
    struct admission admission;
    admission_init(&admission, &admission_defaults, 0);
    admission.usual = 100;
    admission.price = 1;
    assert_false(admission_wants(&admission, 105));
    admission.usual = 100;
    assert_true(admission_wants(&admission, 115));
    admission.usual = 100;
    assert_true(admission_may_begin(&admission, 95, 1, 0));
    assert_false(admission_may_begin(&admission, 85, 1, 0));
}

static void slots_follow_the_headroom(void **state)
{
    (void)state;
    struct admission admission;
    struct admission_settings settings = admission_defaults;
    settings.concurrent = 4;
    admission_init(&admission, &settings, 0);
    double value = worth(&admission, 0.9, 1);
    admission_headroom(&admission, 0.5);
    assert_int_equal(admission_slots(&admission), 2);
    for (int i = 0; i < 2; i++) {
        assert_true(admission_may_begin(&admission, value, 1, 0));
        admission_begin(&admission, 1, 0);
    }
    assert_false(admission_may_begin(&admission, value, 1, 0));
    admission_end(&admission, 1, 1);
    assert_true(admission_may_begin(&admission, value, 1, 0));
    admission_headroom(&admission, -1);
    assert_false(admission_may_begin(&admission, value, 1, 0));
    admission_headroom(&admission, 7);
    assert_int_equal(admission_slots(&admission), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(worth_is_benefit_less_costs_by_the_byte),
        cmocka_unit_test(a_budget_of_bytes_is_kept_and_raises_the_price),
        cmocka_unit_test(waste_raises_the_price_and_use_lowers_it),
        cmocka_unit_test(waste_is_forgotten),
        cmocka_unit_test(one_giant_does_not_stop_everything),
        cmocka_unit_test(hysteresis_of_a_tenth),
        cmocka_unit_test(slots_follow_the_headroom),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
