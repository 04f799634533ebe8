/* SPDX-License-Identifier: MIT
 * Overload is said, and only when it is there (P9: the resources available). */
#include "engine_bench.h"
#include "base/buf.h"

#define GIB (UINT64_C(1) << 30)

static struct bench three(void)
{
    struct bench bench = bench_of("planner");
    bench.settings.memory = 20 * GIB;
    bench.settings.hold_timeout_ns = TIME_DAY;
    bench.now_ns = 17000 * TIME_DAY;
    bench_start(&bench);
    for (int i = 0; i < 3; i++) {
        char id[] = {(char)('a' + i), '\0'};
        (void)add(&bench, id, (struct resource_settings){.memory = 12 * GIB});
    }
    return bench;
}

/* The world's part at this instant: what drains is empty, what unloads is gone, what runs ends. */
static void answer(struct bench *bench)
{
    for (int again = 1; again;) {
        again = 0;
        for (uint32_t r = 0; r < 3; r++) {
            uint32_t state = view(bench, r).state;
            bool runs = view(bench, r).in_use > 0;
            if (runs)
                end(bench, r, 0, 0);
            else if (state == RESOURCE_DRAINING)
                report(bench, EVENT_DRAINED, r);
            else if (state == RESOURCE_UNLOADING)
                report(bench, EVENT_UNLOADED, r);
            again |= runs || state == RESOURCE_DRAINING || state == RESOURCE_UNLOADING;
        }
    }
}

/* The load that runs takes this long. */
static void load(struct bench *bench, int64_t load_ns)
{
    bench->now_ns += load_ns;
    for (uint32_t r = 0; r < 3; r++)
        if (view(bench, r).state == RESOURCE_WARMING) {
            report(bench, EVENT_PROVEN, r);
            break;
        }
    answer(bench);
}

static struct engine_pressure pressure_of(const struct bench *bench)
{
    struct engine_pressure pressure;
    engine_pressure(bench->engine, bench->now_ns, &pressure);
    return pressure;
}

static void calm_is_not_overload(void **state)
{
    (void)state;
    struct bench bench = three();
    for (uint64_t i = 0; i < 40; i++) {
        request(&bench, i % 3, i + 1);
        answer(&bench);
        load(&bench, 10 * TIME_SECOND);
        bench.now_ns += 5 * TIME_MINUTE;
        load(&bench, 0); /* what was loaded ahead meanwhile */
    }
    struct engine_pressure pressure = pressure_of(&bench);
    assert_false(pressure.overloaded);
    assert_int_equal(pressure.overloaded_minutes, 0);
    assert_int_equal(pressure.wanted_bytes, 36 * GIB);
    assert_int_equal(pressure.short_bytes, 16 * GIB);
    bench_end(&bench);
}

/* A load takes a minute; all three are asked for all the time, and only one fits. */
static void too_little_memory_is_said(void **state)
{
    (void)state;
    struct bench bench = three();
    uint64_t id = 0;
    for (int minute = 0; minute < 200; minute++) {
        for (uint32_t r = 0; r < 3; r++)
            if (view(&bench, r).held == 0)
                request(&bench, r, ++id);
        answer(&bench);
        load(&bench, TIME_MINUTE);
        if (minute == 50)
            assert_false(pressure_of(&bench).overloaded); /* an hour has to pass first */
    }
    struct engine_pressure pressure = pressure_of(&bench);
    assert_true(pressure.overloaded);
    assert_true(pressure.loading >= 0.95 && pressure.waiting >= 0.9);
    assert_int_equal(pressure.short_bytes, 16 * GIB);
    assert_int_equal(pressure.most_short_bytes, 16 * GIB);
    assert_in_range(pressure.overloaded_minutes, 130, 145);
    assert_true(pressure.behind_ns > 0);
    bench.now_ns += 3 * TIME_HOUR; /* asked later, with nothing in between: still at it */
    assert_true(pressure_of(&bench).loading > 0.99);
    bench_end(&bench);
}

/* Saved in the middle of an hour, it goes on counting. */
static void survives_a_restart(void **state)
{
    (void)state;
    struct bench bench = three(), again = three();
    struct buf bytes;
    struct fw_detail detail = {""};
    uint64_t id = 0;
    for (int minute = 0; minute < 100; minute++) {
        for (uint32_t r = 0; r < 3; r++)
            if (view(&bench, r).held == 0)
                request(&bench, r, ++id);
        answer(&bench);
        load(&bench, TIME_MINUTE);
    }
    buf_init(&bytes, 1 << 24);
    assert_int_equal(engine_save(bench.engine, &bytes), FW_OK);
    bench_end(&again);
    again.engine = NULL;
    again.actions = (struct action_list){0};
    again.now_ns = bench.now_ns;
    bench_start(&again);
    assert_int_equal(engine_load(again.engine, bytes.data, bytes.len, &detail), FW_OK);
    struct engine_pressure a = pressure_of(&bench), b = pressure_of(&again);
    assert_true(a.overloaded && b.overloaded);
    assert_true(a.loading == b.loading && a.waiting == b.waiting);
    assert_int_equal(a.overloaded_minutes, b.overloaded_minutes);
    assert_int_equal(a.most_short_bytes, b.most_short_bytes);
    buf_fini(&bytes);
    bench_end(&bench);
    bench_end(&again);
}

static void no_limit_no_pressure(void **state)
{
    (void)state;
    struct bench bench = bench_of("planner");
    bench_start(&bench);
    (void)add(&bench, "a", (struct resource_settings){.memory = GIB});
    request(&bench, 0, 1);
    struct engine_pressure pressure = pressure_of(&bench);
    assert_false(pressure.overloaded);
    assert_int_equal(pressure.wanted_bytes, 0);
    bench_end(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calm_is_not_overload),
        cmocka_unit_test(too_little_memory_is_said),
        cmocka_unit_test(survives_a_restart),
        cmocka_unit_test(no_limit_no_pressure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
