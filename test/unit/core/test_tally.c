/* SPDX-License-Identifier: MIT
 * What the engine keeps narrower than it shows: no count is lost when 32 bits are not enough, and
 * the kept median is the median. */
#include "core/resource.h"
#include "base/prng.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static void full_counts_move_and_none_is_lost(void **state)
{
    (void)state;
    struct tally tally = {.requests = TALLY_FULL - 1, .released = 7, .warmups[CAUSE_PIN] = 3};
    struct accounts sum = {0};
    tally_carry(&tally);
    assert_null(tally.carried); /* not yet */
    tally.requests++;
    tally_carry(&tally);
    assert_non_null(tally.carried);
    assert_int_equal(tally.requests | tally.released | tally.warmups[CAUSE_PIN], 0);
    tally.requests = TALLY_FULL + 5;
    tally.lost = 1;
    tally.wait_ns = INT64_C(1) << 60;
    tally_carry(&tally);
    tally.requests = 2;
    tally_add(&tally, &sum);
    assert_int_equal(sum.requests, 2 * (uint64_t)TALLY_FULL + 7);
    assert_int_equal(sum.released, 7);
    assert_int_equal(sum.warmups[CAUSE_PIN], 3);
    assert_int_equal(sum.lost, 1);
    assert_int_equal(sum.wait_ns, INT64_C(1) << 60);
    tally_fini(&tally);
}

/* Whatever the accounts, a tally of them says the same again. */
static void accounts_survive_a_tally(void **state)
{
    (void)state;
    struct prng prng;
    prng_init(&prng, 5);
    for (int round = 0; round < 2000; round++) {
        struct accounts accounts, again = {0};
        struct tally tally = {0};
        uint64_t numbers[sizeof accounts / sizeof(uint64_t)];
        bool large = round % 2;
        for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
            numbers[i] = prng_next(&prng) >> (large ? 2 : 33);
        memcpy(&accounts, numbers, sizeof accounts);
        assert_int_equal(tally_set(&tally, &accounts), FW_OK);
        assert_int_equal(tally.carried != NULL, large);
        tally_carry(&tally);
        tally_add(&tally, &again);
        assert_memory_equal(&accounts, &again, sizeof accounts);
        tally_fini(&tally);
    }
}

/* 1 KiB a resource in all: this, the planner's 192 bytes, timers, the name, and its gaps' bins. */
static void memory_is_what_is_said(void **state)
{
    (void)state;
    assert_true(sizeof(struct resource) <= 488);
}

static int by_value(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

static void the_median_is_of_the_last_eight_loads(void **state)
{
    (void)state;
    struct load_times loads = {.count = 0};
    struct prng prng;
    int64_t all_ns[100];
    prng_init(&prng, 6);
    assert_int_equal(load_times_median(&loads, 77), 77);
    for (int n = 1; n <= 100; n++) {
        int64_t last_ns[LOADS_KEPT];
        int kept = n < LOADS_KEPT ? n : LOADS_KEPT;
        all_ns[n - 1] = (int64_t)prng_below(&prng, 90000000) * 10 * TIME_MILLISECOND; /* 10 days */
        load_times_add(&loads, all_ns[n - 1]);
        memcpy(last_ns, all_ns + n - kept, (size_t)kept * sizeof *last_ns);
        qsort(last_ns, (size_t)kept, sizeof *last_ns, by_value);
        assert_int_equal(load_times_median(&loads, 77), last_ns[(kept + 1) / 2 - 1]);
        assert_int_equal(load_times_quantile(&loads, 1, 77), last_ns[kept - 1]);
        struct load_times restored = loads;
        load_times_restore(&restored, loads.count);
        assert_int_equal(restored.median, loads.median);
        assert_int_equal(restored.count % LOADS_KEPT, loads.count % LOADS_KEPT);
    }
}

static void settings_are_kept_whole(void **state)
{
    (void)state;
    const struct resource_settings settings = {.memory = UINT64_MAX,
                                               .on_cold = ON_COLD_REFUSE,
                                               .hold_timeout_ns = RESOURCE_INHERITS,
                                               .load_time_ns = 123456789,
                                               .priority = -1000,
                                               .pin = true,
                                               .has_fallback = true};
    const struct kept_settings kept = kept_settings_of(&settings);
    const struct resource_settings again = kept_settings_wide(&kept);
    assert_int_equal(again.memory, settings.memory);
    assert_int_equal(again.on_cold, settings.on_cold);
    assert_int_equal(again.hold_timeout_ns, settings.hold_timeout_ns);
    assert_int_equal(again.load_time_ns, settings.load_time_ns);
    assert_int_equal(again.priority, settings.priority);
    assert_true(again.pin && again.has_fallback);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_what_is_said),
        cmocka_unit_test(full_counts_move_and_none_is_lost),
        cmocka_unit_test(accounts_survive_a_tally),
        cmocka_unit_test(the_median_is_of_the_last_eight_loads),
        cmocka_unit_test(settings_are_kept_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
