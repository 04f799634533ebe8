/* SPDX-License-Identifier: MIT
 * P1: the rolling history is bounded. P3: median = sorted[n / 2]. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/prng.h"
#include "base/time.h"
#include "learn/history.h"
#include <stdlib.h>
#include <string.h>

#define S TIME_SECOND

static void p3_median_is_the_upper_of_two_middles(void **state)
{
    (void)state;
    int64_t gaps[8], even[] = {0, 10, 30}, odd[] = {0, 5, 105, 112}, one[] = {3, 10};
    assert_int_equal(history_median_of(even, 3, gaps), 20); /* 10, 20 -> place 1 */
    assert_int_equal(history_median_of(odd, 4, gaps),
                     7); /* 5, 7, 100: the outlier does not matter */
    assert_int_equal(history_median_of(one, 2, gaps), 7);
}

static void p1_forgets_the_oldest(void **state)
{
    (void)state;
    struct history history;
    int64_t stamps[4], at_ns, median_ns;
    assert_int_equal(history_init(&history, 4), FW_OK);
    assert_int_equal(history_grow(&history, 2), FW_OK);
    assert_false(history_last(&history, 0, &at_ns));
    assert_false(history_median_gap(&history, 0, &median_ns));
    history_add(&history, 1 * S, 0);
    history_add(&history, 2 * S, 1);
    history_add(&history, 4 * S, 0);
    history_add(&history, 9 * S, 0);
    assert_int_equal(history_resource_count(&history, 0), 3);
    assert_true(history_median_gap(&history, 0, &median_ns));
    assert_int_equal(median_ns, 5 * S);
    history_add(&history, 10 * S, 1); /* the stamp at 1 s goes */
    assert_int_equal(history_count(&history), 4);
    assert_int_equal(history_resource_count(&history, 0), 2);
    assert_int_equal(history_stamps(&history, 0, stamps, 4), 2);
    assert_int_equal(stamps[0], 4 * S);
    assert_int_equal(stamps[1], 9 * S);
    assert_int_equal(history_stamps(&history, 0, stamps, 1), 1);
    assert_int_equal(stamps[0], 9 * S);
    assert_true(history_median_gap(&history, 0, &median_ns));
    assert_int_equal(median_ns, 5 * S);
    history_add(&history, 11 * S, 1);
    history_add(&history, 12 * S, 1);
    assert_int_equal(history_resource_count(&history, 0), 1);
    assert_false(history_median_gap(&history, 0, &median_ns));
    assert_true(history_last(&history, 0, &at_ns));
    assert_int_equal(at_ns, 9 * S);
    history_fini(&history);
}

/* Against a plain array of everything. */
static void agrees_with_a_plain_list(void **state)
{
    (void)state;
    enum { TOTAL = 3000, KEEP = 50, RESOURCES = 30 };
    static int64_t at[TOTAL];
    static uint32_t who[TOTAL];
    struct history history;
    struct prng prng;
    prng_init(&prng, 7);
    assert_int_equal(history_init(&history, KEEP), FW_OK);
    assert_int_equal(history_grow(&history, RESOURCES), FW_OK);
    for (int n = 0; n < TOTAL; n++) {
        at[n] = (n ? at[n - 1] : 0) + (int64_t)prng_below(&prng, 5);
        who[n] =
            (uint32_t)(prng_below(&prng, RESOURCES) * prng_below(&prng, RESOURCES) / RESOURCES);
        history_add(&history, at[n], who[n]);
        uint32_t active = 0;
        for (uint32_t r = 0; r < RESOURCES; r++) {
            int64_t expected[KEEP], gaps[KEEP], found[KEEP], median_ns;
            uint32_t count = 0;
            for (int i = n < KEEP ? 0 : n - KEEP + 1; i <= n; i++)
                if (who[i] == r)
                    expected[count++] = at[i];
            active += count >= 2;
            assert_int_equal(history_stamps(&history, r, found, KEEP), count);
            assert_memory_equal(found, expected, count * sizeof *found);
            assert_int_equal(history_median_gap(&history, r, &median_ns), count >= 2);
            if (count >= 2)
                assert_int_equal(median_ns, history_median_of(expected, count, gaps));
        }
        assert_int_equal(history.active_count, active);
    }
    history_fini(&history);
}

static void survives_saving_and_refuses_damage(void **state)
{
    (void)state;
    struct history history, read;
    struct prng prng;
    prng_init(&prng, 9);
    for (int requests = 0; requests < 40; requests += 13) {
        assert_int_equal(history_init(&history, 20), FW_OK);
        assert_int_equal(history_grow(&history, 5), FW_OK);
        for (int i = 0; i < requests; i++)
            history_add(&history, i * S, (uint32_t)prng_below(&prng, 5));
        struct buf out, again;
        buf_init(&out, 10000);
        buf_init(&again, 10000);
        history_save(&history, &out);
        assert_int_equal(history_init(&read, 20), FW_OK);
        assert_int_equal(history_grow(&read, 5), FW_OK);
        struct buf_reader in = {(const uint8_t *)out.data, out.len, 0, false};
        assert_true(history_load(&read, &in));
        for (int i = 0; i < 30; i++) {
            uint32_t resource = (uint32_t)prng_below(&prng, 5);
            history_add(&history, (100 + i) * S, resource);
            history_add(&read, (100 + i) * S, resource);
        }
        buf_clear(&out);
        history_save(&history, &out);
        history_save(&read, &again);
        assert_true(str_equal(buf_str(&out), buf_str(&again)));
        history_fini(&read);
        assert_int_equal(history_init(&read, 20), FW_OK);
        assert_int_equal(history_grow(&read, 3), FW_OK); /* names a resource that is not there */
        in = (struct buf_reader){(const uint8_t *)out.data, out.len, 0, false};
        assert_false(history_load(&read, &in));
        history_fini(&read);
        history_fini(&history);
        buf_fini(&out);
        buf_fini(&again);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(p3_median_is_the_upper_of_two_middles),
        cmocka_unit_test(p1_forgets_the_oldest),
        cmocka_unit_test(agrees_with_a_plain_list),
        cmocka_unit_test(survives_saving_and_refuses_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
