/* SPDX-License-Identifier: MIT
 * Plans from a known intensity. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "plan/outlook.h"
#include <stdlib.h>

#define S    TIME_SECOND
#define LOAD (11 * S)

static double flat_law[GAPS_BINS], cold_s[GAPS_BINS];

/* A law without a habit: half-hours are as likely to end a gap as their rate says. */
static void prepare(double wait_price)
{
    double beyond = 1;
    for (int k = 0; k < GAPS_BINS; k++) {
        double hazard = gaps_widths_s[k] / (gaps_widths_s[k] + 3600);
        flat_law[k] = k == GAPS_OPEN ? beyond : beyond * hazard;
        beyond -= flat_law[k];
        cold_s[k] = 11 * (1 + wait_price);
    }
}

static struct outlook outlook_at(int64_t at_ns)
{
    struct outlook outlook = {.at_ns = at_ns};
    for (int i = 0; i < OUTLOOK_SLOTS; i++)
        outlook.rates[i] = 0.01;
    for (int i = 0; i < OUTLOOK_AGES; i++)
        outlook.usual[i] = 0.5;
    return outlook;
}

static struct keep_plan plan_of(const struct outlook *outlook, int64_t hold_ns)
{
    struct outlook_plan packed;
    struct keep_plan plan;
    outlook_make(outlook, flat_law, cold_s, LOAD, hold_ns, &packed);
    outlook_windows(&packed, &plan);
    assert_true(keep_valid(&plan));
    return plan;
}

static void nothing_expected_keeps_nothing(void **state)
{
    (void)state;
    prepare(54);
    struct outlook outlook = outlook_at(0);
    assert_int_equal(plan_of(&outlook, 0).count, 0);
    struct keep_plan held = plan_of(&outlook, 20 * S); /* but at least as long as it is told to */
    assert_int_equal(held.count, 1);
    assert_int_equal(held.windows[0].start_ns, 0);
    assert_true(held.windows[0].end_ns >= 20 * S && held.windows[0].end_ns < 60 * S);
}

/* Quiet all night, busy from nine to ten: ready at nine on the dot, and gone after ten. */
static void ready_when_the_day_begins(void **state)
{
    (void)state;
    prepare(300);
    struct outlook outlook = outlook_at(20 * TIME_HOUR + 600 * S);
    for (int i = 26; i < 28; i++) /* the half-hour of 20:00 is 0; 9:00 the next day is 26 */
        outlook.rates[i] = 4;
    struct keep_plan plan = plan_of(&outlook, 0);
    assert_int_equal(plan.count, 1);
    int64_t nine_ns = 13 * TIME_HOUR - 600 * S;
    assert_true(llabs(plan.windows[0].start_ns - nine_ns) < 15 * S); /* 1 part in 4,096 */
    assert_true(plan.windows[0].end_ns > nine_ns + 20 * TIME_MINUTE);
    assert_true(plan.windows[0].end_ns < nine_ns + 61 * TIME_MINUTE);
}

static void closing_time_ends_the_window(void **state)
{
    (void)state;
    prepare(300);
    struct outlook outlook = outlook_at(16 * TIME_HOUR + 45 * TIME_MINUTE);
    outlook.rates[0] = 3;
    struct keep_plan plan = plan_of(&outlook, 0);
    assert_int_equal(plan.count, 1);
    assert_int_equal(plan.windows[0].start_ns, 0);
    assert_true(plan.windows[0].end_ns <= 15 * TIME_MINUTE + S);
}

static void at_most_three_windows(void **state)
{
    (void)state;
    prepare(3000);
    struct outlook outlook = outlook_at(0);
    for (int i = 4; i < OUTLOOK_SLOTS; i += 12)
        outlook.rates[i] = 2;
    assert_int_equal(plan_of(&outlook, 0).count, OUTLOOK_WINDOWS);
}

static void ages_by_powers_of_two(void **state)
{
    (void)state;
    static const struct {
        double age_s;
        uint32_t place;
    } cases[] = {{0, 0}, {3599, 0}, {3600, 1}, {7200, 2}, {115199, 5}, {115200, 6}, {1e9, 6}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(outlook_age(cases[i].age_s), cases[i].place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_expected_keeps_nothing),
        cmocka_unit_test(ready_when_the_day_begins),
        cmocka_unit_test(closing_time_ends_the_window),
        cmocka_unit_test(at_most_three_windows),
        cmocka_unit_test(ages_by_powers_of_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
