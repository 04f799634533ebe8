/* SPDX-License-Identifier: MIT
 * Cold or warm, from the times to the first byte alone. */
#include "learn/latency.h"
#include "base/prng.h"
#include "base/time.h"
#include "learn/decay.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

/* Log-normal around the median. */
static int64_t draw(struct prng *prng, double median_s, double sd)
{
    double normal = 0;
    for (int i = 0; i < 12; i++)
        normal += prng_uniform(prng);
    return time_from_seconds(median_s * decay_exp(sd * (normal - 6)));
}

static void little_is_known_at_first(void **state)
{
    (void)state;
    struct latency latency = {0};
    struct latency_norm norm;
    for (int i = 0; i < LATENCY_MIN - 1; i++)
        latency_add(&latency, TIME_SECOND, 1);
    assert_false(latency_norm(&latency, 1, 3, &norm));
    latency_add(&latency, TIME_SECOND, 1);
    assert_true(latency_norm(&latency, 1, 3, &norm));
    assert_true(norm.usual_ns > TIME_SECOND * 0.999 && norm.usual_ns < TIME_SECOND * 1.001);
    assert_true(norm.limit_ns > 2.99 * TIME_SECOND && norm.limit_ns < 3.01 * TIME_SECOND);
    assert_int_equal(norm.cold_ns, -1);
    assert_false(latency_norm(&latency, 9, 3, &norm)); /* under another load nothing is known */
}

/* 200 resources, each with a warm time, a spread and a cold start of 4 to 100 times the warm one:
 * of those drawn after 64, how many are taken for what they are not? */
static void cold_and_warm_are_told_apart(void **state)
{
    (void)state;
    struct prng prng;
    uint32_t cold = 0, missed = 0, warm = 0, alarms = 0;
    prng_init(&prng, 7);
    for (int resource = 0; resource < 200; resource++) {
        struct latency latency = {0};
        struct latency_norm norm;
        double warm_s = 0.02 + 0.5 * prng_uniform(&prng), sd = 0.1 + 0.25 * prng_uniform(&prng);
        double cold_s = warm_s * (4 + 96 * prng_uniform(&prng)) + 1;
        double share = 0.4 * prng_uniform(&prng);
        for (int i = 0; i < 164; i++) {
            bool is_cold = prng_uniform(&prng) < share;
            int64_t took_ns = is_cold ? time_add(draw(&prng, cold_s, 0.15), draw(&prng, warm_s, sd))
                                      : draw(&prng, warm_s, sd);
            if (i >= 64 && latency_norm(&latency, 1, 3, &norm)) {
                cold += is_cold;
                warm += !is_cold;
                missed += is_cold && took_ns <= norm.limit_ns;
                alarms += !is_cold && took_ns > norm.limit_ns;
            }
            latency_add(&latency, took_ns, 1);
        }
    }
    print_message("%u of %u cold ones missed, %u alarms in %u warm ones\n", missed, cold, alarms,
                  warm);
    assert_true(cold > 3000 && missed * 100 < cold);
    assert_true(warm > 10000 && alarms * 1000 < warm);
}

/* Long and short answers alike: no two heaps, and only what is far beyond the usual spread counts.
 */
static void a_wide_spread_is_one_part(void **state)
{
    (void)state;
    struct prng prng;
    struct latency latency = {0};
    struct latency_norm norm;
    prng_init(&prng, 3);
    for (int i = 0; i < 64; i++)
        latency_add(&latency, draw(&prng, 2, 0.6), 1);
    assert_true(latency_norm(&latency, 1, 3, &norm));
    assert_int_equal(norm.cold, 0);
    assert_true(norm.limit_ns > 10 * TIME_SECOND);
}

/* Many at once are slower, and nothing was loaded. */
static void a_crowd_is_no_cold_start(void **state)
{
    (void)state;
    struct prng prng;
    struct latency latency = {0};
    struct latency_norm norm;
    prng_init(&prng, 3);
    for (int i = 0; i < 64; i++) {
        latency_add(&latency, draw(&prng, 0.1, 0.1), 1);
        latency_add(&latency, draw(&prng, 1.5, 0.1), 16);
    }
    assert_true(latency_norm(&latency, 1, 3, &norm));
    assert_true(norm.limit_ns < TIME_SECOND);
    assert_true(latency_norm(&latency, 16, 3, &norm));
    assert_true(norm.limit_ns > 4 * TIME_SECOND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(little_is_known_at_first),
        cmocka_unit_test(cold_and_warm_are_told_apart),
        cmocka_unit_test(a_wide_spread_is_one_part),
        cmocka_unit_test(a_crowd_is_no_cold_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
