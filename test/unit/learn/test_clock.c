/* SPDX-License-Identifier: MIT
 * When in the day and the week gaps end (P3). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/time.h"
#include "learn/clock.h"
#include <math.h>

#define NEAR(a, b, tolerance) assert_true(fabs((a) - (b)) <= (tolerance))

static int64_t at(int64_t day, int64_t minute)
{
    return day * TIME_DAY + minute * TIME_MINUTE;
}

/* Three gaps end at nine each working day for eight weeks: day 4 was a Monday. */
static void learns_the_day_and_the_week(void **state)
{
    (void)state;
    struct clock_profile profile = {0};
    struct clock_pool pool = {0};
    struct clock_rates rates;
    for (int64_t day = 4; day < 60; day++)
        for (int64_t i = 0; i < 3 && (day - 4) % 7 < 5; i++) {
            clock_learn(&profile, at(day, 540 + i));
            clock_pool_learn(&pool, at(day, 540 + i));
        }
    clock_rates(&profile, &pool, at(60, 0), &rates);
    int64_t monday = clock_slot(at(60, 540)), saturday = clock_slot(at(65, 540));
    double at_nine = clock_rate(&rates, monday); /* 3, less what leaning on a flat day takes */
    assert_true(at_nine > 2 && at_nine < 3.2);
    assert_true(clock_rate(&rates, saturday) < 0.1 * at_nine);
    assert_true(clock_rate(&rates, clock_slot(at(60, 180))) < 0.05);
    assert_int_equal(clock_days(&profile), 53); /* from the first Monday to the last Friday */
}

/* With few gaps of its own a resource takes after everybody, and its mean rate is its own. */
static void leans_on_everybody(void **state)
{
    (void)state;
    struct clock_profile profile = {0};
    struct clock_pool pool = {0};
    struct clock_rates rates;
    for (int64_t day = 4; day < 34; day++)
        for (int64_t i = 0; i < 50; i++)
            clock_pool_learn(&pool, at(day, 600));
    clock_learn(&profile, at(30, 600));
    clock_learn(&profile, at(33, 600));
    clock_rates(&profile, &pool, at(34, 0), &rates);
    assert_true(rates.hours[20] > 0.9 * 2 / 4.0); /* 10:00 */
    assert_true(rates.hours[3] < 0.03);
    NEAR(rates.weekdays[0], 1, 0.25);
}

static void a_silent_resource_fades(void **state)
{
    (void)state;
    struct clock_profile profile = {0};
    struct clock_pool pool = {0};
    struct clock_rates soon, late;
    for (int64_t day = 4; day < 34; day++)
        clock_learn(&profile, at(day, 600));
    clock_rates(&profile, &pool, at(34, 0), &soon);
    clock_rates(&profile, &pool, at(94, 0), &late);
    assert_true(late.hours[20] < 0.4 * soon.hours[20]);
}

/* Counts past what 16 bits hold are halved together: the shape stays. */
static void counts_do_not_overflow(void **state)
{
    (void)state;
    struct clock_profile profile = {0};
    struct clock_pool pool = {0};
    struct clock_rates rates;
    for (int i = 0; i < 20000; i++)
        clock_learn(&profile, at(4 + i / 10000, (i % 3 == 0 ? 60 : 600)));
    clock_rates(&profile, &pool, at(6, 0), &rates);
    assert_true(profile.shift > 0);
    NEAR(rates.hours[20] / rates.hours[2], 2, 0.1);
    NEAR(rates.hours[20] + rates.hours[2], 10000, 800);
    for (int i = 0; i < 300000; i++) /* and what is certain is not counted any more */
        clock_learn(&profile, at(5, 600));
    assert_true(profile.shift <= 6);
}

static void saved_and_loaded(void **state)
{
    (void)state;
    struct clock_profile profile = {0}, copy;
    struct clock_pool pool = {0}, pool_copy = {0};
    struct buf out, again;
    buf_init(&out, 1 << 16);
    buf_init(&again, 1 << 16);
    for (int64_t i = 0; i < 500; i++) {
        clock_learn(&profile, at(i / 7, i * 37 % 1440));
        clock_pool_learn(&pool, at(i / 7, i * 37 % 1440));
    }
    clock_save(&profile, &out);
    clock_pool_save(&pool, &out);
    struct buf_reader in = {.data = (const unsigned char *)out.data, .len = out.len};
    assert_true(clock_load(&copy, &in) && clock_pool_load(&pool_copy, &in));
    assert_int_equal(in.at, in.len);
    clock_save(&copy, &again);
    clock_pool_save(&pool_copy, &again);
    assert_int_equal(out.len, again.len);
    assert_memory_equal(out.data, again.data, out.len);
    in = (struct buf_reader){.data = (const unsigned char *)out.data, .len = out.len / 2};
    assert_false(clock_load(&copy, &in) && clock_pool_load(&pool_copy, &in));
    buf_fini(&out);
    buf_fini(&again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_the_day_and_the_week),
        cmocka_unit_test(leans_on_everybody),
        cmocka_unit_test(a_silent_resource_fades),
        cmocka_unit_test(counts_do_not_overflow),
        cmocka_unit_test(saved_and_loaded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
