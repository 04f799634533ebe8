/* SPDX-License-Identifier: MIT
 * P3: the time-of-day pattern. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/time.h"
#include "learn/daily.h"
#include <math.h>
#include <string.h>

/* Monday 2024-01-01 00:00 UTC */
#define MONDAY (INT64_C(1704067200) * TIME_SECOND)

static void learns_office_hours(void **state)
{
    (void)state;
    struct daily daily = {0};
    assert_true(daily_rate(&daily, MONDAY) == 0);
    for (int day = 0; day < 28; day++)
        for (int hour = 9; hour < 17; hour++)
            for (int minute = 0; minute < 60 && day % 7 < 5; minute += 6)
                daily_learn(&daily,
                            MONDAY + day * TIME_DAY + hour * TIME_HOUR + minute * TIME_MINUTE);
    int64_t next = MONDAY + 28 * TIME_DAY;
    double noon = daily_rate(&daily, next + 12 * TIME_HOUR),
           night = daily_rate(&daily, next + 3 * TIME_HOUR);
    double saturday = daily_rate(&daily, next + 5 * TIME_DAY + 12 * TIME_HOUR);
    assert_true(noon > 0.8 / 360 && noon < 1.2 / 360); /* ten an hour is the truth */
    assert_true(night < noon / 30);
    assert_true(saturday < noon / 30);
    assert_true(daily_hour_factor(&daily, 12) > 2.8 &&
                daily_hour_factor(&daily, 12) < 3.01); /* 24 / 8 */
    assert_true(daily_weekday_factor(&daily, 0) > 1.25 &&
                daily_weekday_factor(&daily, 0) < 1.41); /* 7 / 5, less what faded since Monday */
    double sum = 0;
    for (int hour = 0; hour < 24; hour++)
        sum += daily_hour_factor(&daily, hour);
    assert_true(fabs(sum - 24) < 1e-6);
}

static void takes_a_day_as_flat_until_two_were_seen(void **state)
{
    (void)state;
    struct daily daily = {0};
    for (int minute = 0; minute < 60; minute++)
        daily_learn(&daily, MONDAY + 9 * TIME_HOUR + minute * TIME_MINUTE);
    assert_true(daily_hour_factor(&daily, 3) == 1);
    assert_true(daily_weekday_factor(&daily, 3) == 1);
    assert_true(fabs(daily_rate(&daily, MONDAY + 10 * TIME_HOUR) - 1.0 / 60) < 1e-4);
}

static void fades(void **state)
{
    (void)state;
    struct daily daily = {0};
    daily_learn(&daily, MONDAY);
    daily_learn(&daily, MONDAY + 28 * TIME_DAY);
    assert_true(fabs((double)daily.hours[0] - (1 + exp(-1))) < 1e-6);
}

static void survives_saving(void **state)
{
    (void)state;
    struct daily daily = {0}, read;
    memset(&read, 0, sizeof read);
    for (int i = 0; i < 100; i++)
        daily_learn(&daily, MONDAY + i * 3701 * TIME_SECOND);
    struct buf out;
    buf_init(&out, 1000);
    daily_save(&daily, &out);
    struct buf_reader in = {(const uint8_t *)out.data, out.len, 0, false};
    assert_true(daily_load(&read, &in));
    assert_memory_equal(&daily, &read, sizeof daily);
    for (size_t cut = 0; cut < out.len; cut++) {
        struct buf_reader short_in = {(const uint8_t *)out.data, cut, 0, false};
        assert_false(daily_load(&read, &short_in));
    }
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_office_hours),
        cmocka_unit_test(takes_a_day_as_flat_until_two_were_seen),
        cmocka_unit_test(fades),
        cmocka_unit_test(survives_saving),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
