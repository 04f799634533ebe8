/* SPDX-License-Identifier: MIT
 * D12: the synthetic demand is what it says: trend, seasons, events in their classes' ranges,
 * labels that fit the rows, columns that fit each other; one seed, one series. */
#include "base/time.h"
#include "forecast/synth_demand.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const int64_t monday_2024_ns = INT64_C(1704067200) * TIME_SECOND;
static struct fw_detail detail;

static struct synth_demand_settings settings_of(uint64_t seed, bool events, double noise)
{
    struct synth_demand_settings settings = {.seed = seed,
                                             .start_ns = monday_2024_ns,
                                             .step_ns = TIME_HOUR,
                                             .rows = 730 * 24,
                                             .trend_from = 100,
                                             .trend_to = 500,
                                             .noise = noise};
    for (int i = 0; i <= SYNTH_DEMAND_GROWTH && events; i++)
        settings.events[i] = synth_demand_default_events(i, 730 * TIME_DAY, 5);
    return settings;
}

static struct synth_demand made(struct synth_demand_settings settings)
{
    struct synth_demand demand;
    assert_int_equal(synth_demand_make(&demand, &settings, &detail), FW_OK);
    return demand;
}

static struct buf written(uint64_t seed)
{
    struct synth_demand demand = made(settings_of(seed, true, .04));
    struct buf out;
    buf_init(&out, (size_t)1 << 28);
    synth_demand_write_csv(&demand, true, &out);
    synth_demand_write_labels(&demand, &out);
    synth_demand_write_events(&demand, &out);
    assert_false(out.failed);
    synth_demand_fini(&demand);
    return out;
}

static void test_seed(void **state)
{
    (void)state;
    struct buf one = written(7), again = written(7), other = written(8);
    assert_true(str_equal(buf_str(&one), buf_str(&again)));
    assert_false(str_equal(buf_str(&one), buf_str(&other)));
    buf_fini(&one);
    buf_fini(&again);
    buf_fini(&other);
}

static double mean_of(const struct synth_demand *demand, size_t begin, size_t rows)
{
    double sum = 0;
    for (size_t i = begin; i < begin + rows; i++)
        sum += demand->rows[i].compute_tflops;
    return sum / (double)rows;
}

/* Without noise and events: the seasons alone. The first Monday is a holiday, the second is not. */
static void test_seasons(void **state)
{
    (void)state;
    struct synth_demand demand = made(settings_of(1, false, 0));
    struct synth_demand_settings flat = settings_of(1, false, 0);
    flat.trend_to = 100;
    struct synth_demand level = made(flat);
    assert_int_equal(demand.chance_count, 0);
    assert_float_equal(mean_of(&demand, 24, 4 * 24), 100, 5);
    assert_float_equal(mean_of(&demand, 730 * 24 - 14 * 24, 24), 500, 25);
    const struct synth_demand_row *friday = &level.rows[11 * 24], *saturday = &level.rows[12 * 24];
    double busy = 0, rest = 0;
    for (size_t h = 0; h < 24; h++) {
        assert_float_equal(saturday[h].compute_tflops, .7 * friday[h].compute_tflops, 1e-9);
        *(h >= 9 && h < 17 ? &busy : &rest) +=
            friday[h].compute_tflops / (h >= 9 && h < 17 ? 8 : 16);
    }
    assert_true(busy > 1.6 * rest);
    assert_true(mean_of(&level, 0, 24) < .7 * mean_of(&level, 7 * 24, 24)); /* New Year */
    size_t march_29 = 88 * 24, march_22 = 81 * 24; /* Fridays; the quarter ends */
    assert_float_equal(mean_of(&level, march_29, 24), 1.15 * mean_of(&level, march_22, 24), 1e-9);
    assert_true(level.of_class[SYNTH_DEMAND_HOLIDAY] == 10);
    assert_true(level.of_class[SYNTH_DEMAND_QUARTER_END] == 8);
    synth_demand_fini(&demand);
    synth_demand_fini(&level);
}

static void check_event(const struct synth_demand *demand, const struct synth_demand *plain,
                        const struct synth_demand_event *event)
{
    static const double multiplier[][2] = {{5, 7}, {2, 4}, {2, 5}, {1.5, 2}};
    static const double hours[][2] = {{72, 336}, {24, 96}, {1, 6}, {336, 10000}};
    double length = (double)(event->end - event->begin), highest = 0;
    assert_in_range(event->class, 0, SYNTH_DEMAND_GROWTH);
    assert_true(event->multiplier >= multiplier[event->class][0]);
    assert_true(event->multiplier <= multiplier[event->class][1]);
    assert_true(length >= hours[event->class][0] && length <= hours[event->class][1]);
    for (size_t i = event->begin; i < event->end; i++) {
        assert_ptr_equal(&demand->events[demand->rows[i].event], event);
        assert_true((demand->rows[i].concentration > .4) == (event->class == SYNTH_DEMAND_ABUSE));
        double times = demand->rows[i].compute_tflops / plain->rows[i].compute_tflops;
        highest = fmax(highest, times);
    }
    assert_int_equal(demand->rows[event->begin - 1].event, -1);
    if (event->class != SYNTH_DEMAND_GROWTH)
        assert_float_equal(highest, event->multiplier, 1e-9);
    if (event->class == SYNTH_DEMAND_LAUNCH)
        assert_true(fabs(event->expected / event->multiplier - 1) <= .15);
    if (event->class == SYNTH_DEMAND_ABUSE)
        assert_true(event->tokens < .6 || event->tokens > 1.7);
}

/* The multiplier is what the event makes of the same series without it; several seeds. */
static void test_events(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct synth_demand_settings settings = settings_of(seed, true, 0);
        settings.events[SYNTH_DEMAND_GROWTH] = 0;
        struct synth_demand demand = made(settings), plain = made(settings_of(seed, false, 0));
        size_t labelled = 0, length = 0;
        assert_int_equal(demand.of_class[SYNTH_DEMAND_LAUNCH], 8);
        assert_int_equal(demand.of_class[SYNTH_DEMAND_VIRAL], 15);
        assert_int_equal(demand.of_class[SYNTH_DEMAND_ABUSE], 24);
        assert_int_equal(demand.chance_count, 47);
        for (size_t i = 0; i < demand.chance_count; i++) {
            check_event(&demand, &plain, &demand.events[i]);
            length += demand.events[i].end - demand.events[i].begin;
            if (i > 0)
                assert_true(demand.events[i].begin >= demand.events[i - 1].end + 48);
        }
        assert_true(demand.events[0].begin >= 28 * 24);
        for (size_t i = 0; i < demand.count; i++) {
            labelled += demand.rows[i].event >= 0;
            if (demand.rows[i].event < 0)
                assert_float_equal(demand.rows[i].compute_tflops, plain.rows[i].compute_tflops,
                                   1e-9);
        }
        assert_int_equal(labelled, length);
        synth_demand_fini(&demand);
        synth_demand_fini(&plain);
    }
}

/* Growth stays, and the trend still ends where it was asked to. */
static void test_growth(void **state)
{
    (void)state;
    struct synth_demand demand = made(settings_of(3, true, 0));
    size_t growths = 0, last = demand.count - 1;
    for (size_t i = 0; i < demand.chance_count; i++) {
        const struct synth_demand_event *event = &demand.events[i];
        if (event->class != SYNTH_DEMAND_GROWTH)
            continue;
        growths++;
        assert_true(event->end - event->begin >= 14 * 24);
        double before = mean_of(&demand, event->begin - 24, 24);
        double after = mean_of(&demand, event->end, 24);
        assert_true(after > .6 * event->multiplier * before); /* weekends and months in between */
    }
    assert_int_equal(growths, 2);
    struct synth_demand plain = made(settings_of(3, false, 0));
    if (demand.rows[last].event < 0)
        assert_float_equal(demand.rows[last].compute_tflops, plain.rows[last].compute_tflops, 1e-6);
    synth_demand_fini(&demand);
    synth_demand_fini(&plain);
}

/* Compute is requests times tokens; the service is slower and fuller when there is more to do. */
static void test_columns(void **state)
{
    (void)state;
    struct synth_demand demand = made(settings_of(2, true, .04));
    double calm_ms = 0, launch_ms = 0, calm_queue = 0, launch_queue = 0;
    size_t calm = 0, launch = 0;
    for (size_t i = 0; i < demand.count; i++) {
        const struct synth_demand_row *row = &demand.rows[i];
        assert_true(row->compute_tflops > 0 && isfinite(row->compute_tflops));
        assert_true(row->requests >= 1 && row->queue >= 0 && row->latency_ms > 100);
        assert_true(row->tokens > 100 && row->tokens < 1500);
        assert_float_equal(row->requests * row->tokens * .035 / 3600, row->compute_tflops,
                           .6 * row->tokens * .035 / 3600);
        bool rises = row->event >= 0 && demand.events[row->event].class == SYNTH_DEMAND_LAUNCH &&
                     i < demand.events[row->event].begin + 12;
        *(rises ? &launch_ms : &calm_ms) += row->latency_ms;
        *(rises ? &launch_queue : &calm_queue) += row->queue;
        (*(rises ? &launch : &calm))++;
    }
    assert_true(launch_ms / (double)launch > 2 * calm_ms / (double)calm);
    assert_true(launch_queue / (double)launch > 10 * calm_queue / (double)calm);
    synth_demand_fini(&demand);
}

/* What cannot be made is said, and other steps and short series are made. */
static void test_limits(void **state)
{
    (void)state;
    struct synth_demand demand;
    struct synth_demand_settings settings = settings_of(1, true, .04);
    settings.rows = 30 * 24;
    assert_int_equal(synth_demand_make(&demand, &settings, &detail), FW_INPUT);
    assert_non_null(strstr(detail.text, "found room for"));
    synth_demand_fini(&demand);
    settings.step_ns = 7 * TIME_HOUR;
    assert_int_equal(synth_demand_make(&demand, &settings, &detail), FW_USAGE);
    synth_demand_fini(&demand);
    settings = settings_of(1, false, .04);
    settings.rows = 1;
    demand = made(settings);
    assert_int_equal(demand.count, 1);
    synth_demand_fini(&demand);
    settings = settings_of(1, true, .04);
    settings.step_ns = 10 * TIME_MINUTE;
    settings.rows *= 6;
    demand = made(settings);
    for (size_t i = 0; i < demand.chance_count; i++)
        if (demand.events[i].class == SYNTH_DEMAND_ABUSE)
            assert_in_range(demand.events[i].end - demand.events[i].begin, 6, 36);
    synth_demand_fini(&demand);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seed),    cmocka_unit_test(test_seasons),
        cmocka_unit_test(test_events),  cmocka_unit_test(test_growth),
        cmocka_unit_test(test_columns), cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
