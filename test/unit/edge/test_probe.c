/* SPDX-License-Identifier: MIT
 * The verdict on probes: what is warm, what is not yet, what has changed for good. */
#include "edge/warmers/probe.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define MS TIME_MILLISECOND

static enum probe_verdict judge(const struct stats_recent *learned, uint32_t count,
                                const int64_t *latencies)
{
    return probe_judge(learned, 3.0, latencies, count);
}

static struct stats_recent learned_of(int64_t latency_ns)
{
    struct stats_recent learned = {0};
    for (int i = 0; i < 5; i++)
        stats_recent_add(&learned, latency_ns);
    return learned;
}

static void nothing_learned_needs_two_that_agree(void **state)
{
    (void)state;
    const struct stats_recent nothing = {0};
    const int64_t latencies[] = {2000 * MS, 400 * MS, 390 * MS};
    assert_int_equal(judge(&nothing, 1, latencies), PROBE_AGAIN);
    assert_int_equal(judge(&nothing, 2, latencies), PROBE_AGAIN);
    assert_int_equal(judge(&nothing, 3, latencies), PROBE_WARM);
}

static void learned_speed_is_enough_at_once(void **state)
{
    (void)state;
    const struct stats_recent learned = learned_of(100 * MS);
    assert_int_equal(judge(&learned, 1, (const int64_t[]){300 * MS}), PROBE_WARM);
    assert_int_equal(judge(&learned, 1, (const int64_t[]){301 * MS}), PROBE_AGAIN);
    assert_int_equal(judge(&learned, 2, (const int64_t[]){900 * MS, 110 * MS}), PROBE_WARM);
}

/* Two slow ones in a row are not believed when something better is known. */
static void slow_but_steady_is_not_warm_yet(void **state)
{
    (void)state;
    const struct stats_recent learned = learned_of(100 * MS);
    int64_t latencies[PROBE_MAX];
    for (int i = 0; i < PROBE_MAX; i++)
        latencies[i] = 1000 * MS;
    for (uint32_t count = 1; count < PROBE_PATIENCE; count++)
        assert_int_equal(judge(&learned, count, latencies), PROBE_AGAIN);
    assert_int_equal(judge(&learned, PROBE_PATIENCE, latencies), PROBE_CHANGED);
}

static void noise_counts_for_nothing(void **state)
{
    (void)state;
    const struct stats_recent learned = learned_of(1 * MS);
    assert_int_equal(judge(&learned, 1, (const int64_t[]){20 * MS}), PROBE_WARM);
    assert_int_equal(judge(&learned, 1, (const int64_t[]){22 * MS}), PROBE_AGAIN);
}

static void what_never_settles_is_not_warm(void **state)
{
    (void)state;
    const struct stats_recent nothing = {0};
    int64_t latencies[PROBE_MAX];
    for (int i = 0; i < PROBE_MAX; i++)
        latencies[i] = (i % 2 ? 100 : 5000) * MS;
    for (uint32_t count = 1; count < PROBE_MAX; count++)
        assert_int_equal(judge(&nothing, count, latencies), PROBE_AGAIN);
    assert_int_equal(judge(&nothing, PROBE_MAX, latencies), PROBE_UNSTABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_learned_needs_two_that_agree),
        cmocka_unit_test(learned_speed_is_enough_at_once),
        cmocka_unit_test(slow_but_steady_is_not_warm_yet),
        cmocka_unit_test(noise_counts_for_nothing),
        cmocka_unit_test(what_never_settles_is_not_warm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
