/* SPDX-License-Identifier: MIT
 * Planned events (D7): what launches of the past did is learned for the next one; without a past
 * the user's expectation stands, and the forecast is that much wider. */
#include "base/prng.h"
#include "base/time.h"
#include "forecast/demand.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { HOURS = 24 * 42, AHEAD = 48 };
static double values[HOURS];
static struct series series = {.step_ns = TIME_HOUR, .count = HOURS, .value = values};

/* Launches at these hours multiply by 4, with a half-life of 16 hours. */
static const int launches[] = {24 * 10, 24 * 20, 24 * 30};

static void make(bool launched)
{
    struct prng prng;
    double noise = 0;
    prng_init(&prng, 2);
    for (int t = 0; t < HOURS; t++) {
        noise = .7 * noise + prng_normal(&prng, 0, .04);
        double logs = .4 * sin(t * 6.2831853 / 24) + noise;
        for (int i = 0; i < 3 && launched; i++)
            if (t > launches[i])
                logs += log(4) * pow(.5, (t - launches[i]) / 16.);
        values[t] = 100 * exp(logs);
    }
}

static struct calendar_event event_at(int hour, double multiplier)
{
    struct calendar_event event = {.at_ns = hour * TIME_HOUR,
                                   .duration_ns = 48 * TIME_HOUR,
                                   .multiplier = multiplier,
                                   .name = "a launch",
                                   .class_name = "feature_launch"};
    return event;
}

static struct demand_forecast foretell(const struct calendar *calendar)
{
    struct demand_forecast forecast;
    struct demand_settings settings = demand_defaults;
    struct fw_detail detail = {""};
    settings.horizon_ns = AHEAD * TIME_HOUR;
    settings.calendar = calendar;
    assert_int_equal(demand_forecast(&series, &settings, &forecast, &detail), FW_OK);
    return forecast;
}

static void the_past_teaches_the_next(void **state)
{
    (void)state;
    struct calendar_event events[4];
    struct calendar calendar = {events, 4};
    struct buf text;
    make(true);
    for (int i = 0; i < 3; i++)
        events[i] = event_at(launches[i], 6);
    events[3] = event_at(HOURS + 12, 6);
    struct demand_forecast with = foretell(&calendar);
    assert_int_equal(with.events.class_count, 1);
    assert_int_equal(with.events.classes[0].past, 3);
    assert_int_equal(with.events.classes[0].planned, 1);
    assert_true(fabs(exp(with.events.classes[0].learned) - 4) < .5);
    for (int h = 1; h <= AHEAD; h++) {
        double calm = 100 * exp(.4 * sin((HOURS + h - 1) * 6.2831853 / 24));
        double truth = h - 1 > 12 ? calm * exp(log(4) * pow(.5, (h - 13) / 16.)) : calm;
        assert_true(fabs(with.expected[h - 1] / truth - 1) < .35);
        assert_true(with.quantile[0][h - 1] <= with.quantile[4][h - 1]);
    }
    assert_true(with.spike[14] > .7 && with.spike[5] < .05);
    buf_init(&text, 10000);
    demand_describe(&with, &text);
    buf_add_char(&text, '\0');
    assert_non_null(
        strstr(text.data, "feature_launch: 3 past, 1 planned; expected x6, taken for x"));
    buf_fini(&text);
    demand_forecast_fini(&with);
}

static void expectation_stands_without_a_past(void **state)
{
    (void)state;
    struct calendar_event events[2] = {event_at(HOURS + 12, 6), event_at(9 * HOURS, 2)};
    struct calendar calendar = {events, 2};
    make(false);
    struct demand_forecast with = foretell(&calendar), without = foretell(NULL);
    assert_true(fabs(exp(with.events.classes[0].learned) - 6) < .3);
    assert_int_equal(with.events.outside, 1);
    double before = with.quantile[3][6] / with.expected[6];
    double after = with.quantile[3][15] / with.expected[15];
    assert_true(after > 1.3 * before); /* P95: nobody knows how big it will be */
    assert_true(fabs(with.expected[6] / without.expected[6] - 1) < .05);
    assert_true(with.expected[15] > 3.5 * without.expected[15]);
    demand_forecast_fini(&with);
    demand_forecast_fini(&without);
}

static void below_zero_cannot_be_multiplied(void **state)
{
    (void)state;
    struct calendar_event event = event_at(HOURS + 1, 2);
    struct calendar calendar = {&event, 1};
    struct demand_forecast forecast;
    struct demand_settings settings = demand_defaults;
    struct fw_detail detail = {""};
    make(false);
    values[7] = -1;
    settings.calendar = &calendar;
    assert_int_equal(demand_forecast(&series, &settings, &forecast, &detail), FW_INPUT);
    assert_non_null(strstr(detail.text, "-1 at step 8 cannot be multiplied"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_past_teaches_the_next),
        cmocka_unit_test(expectation_stands_without_a_past),
        cmocka_unit_test(below_zero_cannot_be_multiplied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
