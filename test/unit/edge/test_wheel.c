/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "base/prng.h"
#include "edge/wheel.h"

struct probe {
    struct wheel_timer timer;
    int64_t fired_at_ns;
    int fired;
    struct wheel *wheel;
    struct probe *other; /* cancelled when this one fires */
    int64_t again_ns;    /* set again after this long */
};

static void on_fire(struct wheel_timer *timer, int64_t now_ns)
{
    struct probe *probe = (struct probe *)timer;
    probe->fired++;
    probe->fired_at_ns = now_ns;
    if (probe->other)
        wheel_cancel(probe->wheel, &probe->other->timer);
    if (probe->again_ns > 0)
        wheel_set(probe->wheel, &probe->timer, now_ns + probe->again_ns);
}

static struct probe probe_of(struct wheel *wheel)
{
    return (struct probe){.timer = {.fire = on_fire, .deadline_ns = TIME_NEVER}, .wheel = wheel};
}

/* Runs the wheel as a loop would: whenever wheel_next says, never otherwise. */
static void run_until(struct wheel *wheel, int64_t until_ns)
{
    for (int64_t next; (next = wheel_next(wheel)) <= until_ns;)
        wheel_run(wheel, next);
    wheel_run(wheel, until_ns);
}

static void test_fires_at_its_deadline_or_a_tick_later(void **state)
{
    static const int64_t deadlines[] = {0,
                                        1,
                                        WHEEL_TICK_NS,
                                        50 * TIME_MILLISECOND,
                                        TIME_SECOND,
                                        WHEEL_SLOTS * WHEEL_TICK_NS,
                                        WHEEL_SLOTS * WHEEL_TICK_NS + 1,
                                        600 * TIME_SECOND,
                                        TIME_DAY};
    (void)state;
    for (size_t i = 0; i < sizeof deadlines / sizeof *deadlines; i++) {
        struct wheel wheel;
        int64_t start = 1234567 * TIME_MILLISECOND + 3;
        wheel_init(&wheel, start);
        struct probe probe = probe_of(&wheel);
        wheel_set(&wheel, &probe.timer, start + deadlines[i]);
        if (deadlines[i] > 0) {
            run_until(&wheel, start + deadlines[i] - 1);
            assert_int_equal(probe.fired, 0);
        }
        run_until(&wheel, start + deadlines[i] + 2 * WHEEL_TICK_NS);
        assert_int_equal(probe.fired, 1);
        assert_true(probe.fired_at_ns >= start + deadlines[i]);
        assert_true(wheel_next(&wheel) == TIME_NEVER);
    }
}

static void test_moving_later_costs_nothing_and_holds(void **state)
{
    struct wheel wheel;
    (void)state;
    wheel_init(&wheel, 0);
    struct probe probe = probe_of(&wheel);
    wheel_set(&wheel, &probe.timer, TIME_SECOND);
    struct wheel_timer **place = probe.timer.link;
    for (int i = 0; i < 100; i++)
        wheel_set(&wheel, &probe.timer, (2 + i) * TIME_SECOND);
    assert_ptr_equal(probe.timer.link, place); /* still where it was put first */
    run_until(&wheel, 100 * TIME_SECOND);
    assert_int_equal(probe.fired, 0);
    run_until(&wheel, 102 * TIME_SECOND);
    assert_int_equal(probe.fired, 1);
}

static void test_moving_earlier_and_never(void **state)
{
    struct wheel wheel;
    (void)state;
    wheel_init(&wheel, 0);
    struct probe probe = probe_of(&wheel);
    wheel_set(&wheel, &probe.timer, 100 * TIME_SECOND);
    wheel_set(&wheel, &probe.timer, TIME_SECOND);
    run_until(&wheel, TIME_SECOND + 2 * WHEEL_TICK_NS);
    assert_int_equal(probe.fired, 1);
    wheel_set(&wheel, &probe.timer, 2 * TIME_SECOND);
    wheel_set(&wheel, &probe.timer, TIME_NEVER);
    run_until(&wheel, 1000 * TIME_SECOND);
    assert_int_equal(probe.fired, 1);
    wheel_cancel(&wheel, &probe.timer);
    wheel_cancel(&wheel, &probe.timer);
}

static void test_cancelling_and_setting_while_it_runs(void **state)
{
    struct wheel wheel;
    (void)state;
    wheel_init(&wheel, 0);
    struct probe first = probe_of(&wheel), second = probe_of(&wheel), third = probe_of(&wheel);
    /* Whichever of the two runs first cancels the other. */
    first.other = &second;
    second.other = &first;
    third.again_ns = TIME_SECOND;
    wheel_set(&wheel, &first.timer, TIME_SECOND);
    wheel_set(&wheel, &second.timer, TIME_SECOND);
    wheel_set(&wheel, &third.timer, TIME_SECOND);
    run_until(&wheel, TIME_SECOND + TIME_SECOND / 2);
    assert_int_equal(first.fired + second.fired, 1);
    run_until(&wheel, 10 * TIME_SECOND + TIME_SECOND / 2);
    assert_in_range(third.fired, 9, 10);
}

static void test_a_late_wheel_catches_up_once(void **state)
{
    struct wheel wheel;
    (void)state;
    wheel_init(&wheel, 0);
    struct probe probes[100];
    for (int i = 0; i < 100; i++) {
        probes[i] = probe_of(&wheel);
        wheel_set(&wheel, &probes[i].timer, (i + 1) * TIME_SECOND);
    }
    wheel_run(&wheel, TIME_DAY);
    for (int i = 0; i < 100; i++)
        assert_int_equal(probes[i].fired, 1);
}

/* Against the plain truth: a list of deadlines. */
static void test_random_operations(void **state)
{
    enum { COUNT = 64, STEPS = 200000 };
    static struct probe probes[COUNT];
    int64_t deadlines[COUNT], now = 0;
    struct wheel wheel;
    struct prng prng;
    (void)state;
    prng_init(&prng, 7);
    wheel_init(&wheel, now);
    for (int i = 0; i < COUNT; i++) {
        probes[i] = probe_of(&wheel);
        deadlines[i] = TIME_NEVER;
    }
    for (int step = 0; step < STEPS; step++) {
        uint64_t random = prng_next(&prng);
        int i = (int)(random % COUNT);
        int64_t length = (int64_t)(random >> 8 & 0xffff) * TIME_MILLISECOND;
        switch (random >> 32 & 3) {
        case 0:
            wheel_cancel(&wheel, &probes[i].timer);
            deadlines[i] = TIME_NEVER;
            break;
        case 1:
            now += length / 1000;
            wheel_run(&wheel, now);
            break;
        default:
            deadlines[i] = now + length;
            wheel_set(&wheel, &probes[i].timer, deadlines[i]);
            break;
        }
        for (int j = 0; j < COUNT; j++) {
            if (probes[j].fired > 0) {
                assert_true(deadlines[j] <= now);
                probes[j].fired = 0;
                deadlines[j] = TIME_NEVER;
            }
            assert_true(deadlines[j] == TIME_NEVER || deadlines[j] + 2 * WHEEL_TICK_NS > now);
            assert_true(deadlines[j] == TIME_NEVER ||
                        wheel_next(&wheel) <= deadlines[j] + WHEEL_TICK_NS);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fires_at_its_deadline_or_a_tick_later),
        cmocka_unit_test(test_moving_later_costs_nothing_and_holds),
        cmocka_unit_test(test_moving_earlier_and_never),
        cmocka_unit_test(test_cancelling_and_setting_while_it_runs),
        cmocka_unit_test(test_a_late_wheel_catches_up_once),
        cmocka_unit_test(test_random_operations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
