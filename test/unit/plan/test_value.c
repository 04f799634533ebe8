/* SPDX-License-Identifier: MIT */
#include "plan/value.h"
#include "base/prng.h"
#include "base/time.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

static void busier_is_worth_more(void **state)
{
    (void)state;
    struct values values;
    int64_t now_ns = 0;
    values_init(&values, 10);
    assert_int_equal(values_grow(&values, 3), FW_OK);
    for (int i = 0; i < 100; i++) {
        now_ns += TIME_MINUTE;
        assert_int_equal(values_request(&values, 0, 0, now_ns), FW_OK);
        if (i % 20 == 0)
            assert_int_equal(values_request(&values, 1, 0, now_ns), FW_OK);
    }
    values_refresh(&values, now_ns);
    double busy = values_expected(&values, 0, now_ns), rare = values_expected(&values, 1, now_ns);
    assert_true(busy > 3 * rare);
    assert_true(busy > 3 && busy < 12);                      /* one a minute for ten minutes */
    assert_true(values_expected(&values, 2, now_ns) == 0.0); /* never requested */
    assert_true(values_expected(&values, 0, now_ns + 20 * TIME_HOUR) < 0.1 * busy);
    values_fini(&values);
}

static void sessions_point_at_their_last_resource(void **state)
{
    (void)state;
    struct values values;
    int64_t now_ns = TIME_DAY;
    values_init(&values, 4);
    assert_int_equal(values_grow(&values, 2), FW_OK);
    for (int i = 0; i < 60;
         i++) { /* sessions come for ten requests on one resource, twenty seconds apart */
        for (int j = 0; j < 10; j++) {
            now_ns += 20 * TIME_SECOND;
            assert_int_equal(values_request(&values, (uint32_t)i % 2, (uint64_t)i + 1, now_ns),
                             FW_OK);
        }
    }
    now_ns += 5 * TIME_SECOND; /* the last session used resource 1 */
    values_refresh(&values, now_ns);
    assert_true(values.resources[1].from_sessions > values.resources[0].from_sessions);
    assert_true(values.resources[1].from_sessions_soon > 0.5);
    assert_int_equal(values.session_count, 4); /* bounded: the oldest made way */
    values_fini(&values);
}

/* Just asked for: one in the middle of a conversation comes back at once, a job by the clock does
 * not. */
static void the_clock_does_not_come_back_at_once(void **state)
{
    (void)state;
    struct values values;
    values_init(&values, 10);
    assert_int_equal(values_grow(&values, 2), FW_OK);
    int64_t at_ns = 0;
    for (int round = 0; round < 60; round++) {
        at_ns = round * 240 * TIME_SECOND;
        assert_int_equal(values_request(&values, 0, 0, at_ns), FW_OK);
        for (int i = 0; i < 10; i++)
            assert_int_equal(values_request(&values, 1, 0, at_ns + i * 15 * TIME_SECOND), FW_OK);
    }
    assert_true(values_comes_back(&values, 0, at_ns + 30 * TIME_SECOND) < 0.1);
    assert_true(values_comes_back(&values, 0, at_ns + 225 * TIME_SECOND) > 0.5);
    assert_true(values_comes_back(&values, 1, at_ns + 140 * TIME_SECOND) > 0.5);
    values_fini(&values);
}

static void saves_and_loads_alike(void **state)
{
    (void)state;
    struct values values, loaded;
    struct prng prng;
    struct buf saved, again;
    int64_t now_ns = 0;
    prng_init(&prng, 5);
    buf_init(&saved, 1 << 22);
    buf_init(&again, 1 << 22);
    values_init(&values, 20);
    values_init(&loaded, 20);
    assert_int_equal(values_grow(&values, 9), FW_OK);
    assert_int_equal(values_grow(&loaded, 9), FW_OK);
    for (int i = 0; i < 12000; i++) {
        now_ns += (int64_t)prng_exponential(&prng, 9e9);
        assert_int_equal(
            values_request(&values, (uint32_t)prng_below(&prng, 9), prng_below(&prng, 50), now_ns),
            FW_OK);
        values_refresh(&values, now_ns);
    }
    values_save(&values, &saved);
    struct buf_reader in = {.data = (const uint8_t *)saved.data, .len = saved.len};
    assert_true(values_load(&loaded, &in));
    assert_int_equal(in.at, in.len);
    values_save(&loaded, &again);
    assert_int_equal(saved.len, again.len);
    assert_memory_equal(saved.data, again.data, saved.len);
    in = (struct buf_reader){.data = (const uint8_t *)saved.data, .len = saved.len / 2};
    values_fini(&loaded);
    values_init(&loaded, 20);
    assert_int_equal(values_grow(&loaded, 9), FW_OK);
    assert_false(values_load(&loaded, &in));
    buf_fini(&saved);
    buf_fini(&again);
    values_fini(&values);
    values_fini(&loaded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(busier_is_worth_more),
        cmocka_unit_test(sessions_point_at_their_last_resource),
        cmocka_unit_test(the_clock_does_not_come_back_at_once),
        cmocka_unit_test(saves_and_loads_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
