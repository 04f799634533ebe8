/* SPDX-License-Identifier: MIT
 * Counts: slots by three grains, what is missing is not zero, rings do not grow, pages come back.
 */
#include "edge/demand/counts.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define BEGIN (1000 * TIME_DAY)

static uint32_t latest(const struct counts *counts, enum count_grain grain, int64_t back)
{
    return counts_get(counts, grain, counts->slot[grain] - back);
}

static void slots_close_with_time(void **state)
{
    (void)state;
    struct counts counts;
    assert_int_equal(counts_init(&counts), FW_OK);
    counts_begin(&counts, 0, BEGIN);
    for (int i = 0; i < 130; i++) { /* two requests a minute */
        counts_move(&counts, BEGIN + i * TIME_MINUTE);
        counts_add(&counts, 2);
    }
    assert_int_equal(latest(&counts, COUNT_MINUTE, 0), 2);
    assert_int_equal(latest(&counts, COUNT_MINUTE, 129), 2);
    assert_int_equal(latest(&counts, COUNT_MINUTE, 130), COUNT_MISSING);
    assert_int_equal(latest(&counts, COUNT_TEN, 0), 20);
    assert_int_equal(latest(&counts, COUNT_HOUR, 0), 20);
    assert_int_equal(latest(&counts, COUNT_HOUR, 1), 120);
    counts_move(&counts, BEGIN + 140 * TIME_MINUTE); /* nobody came: that is known */
    assert_int_equal(latest(&counts, COUNT_MINUTE, 1), 0);
    uint32_t known;
    assert_int_equal(counts_sum(&counts, COUNT_HOUR, 10, &known), 240);
    assert_int_equal(known, 2);
    counts_fini(&counts);
}

/* The daemon was away for half an hour, and then for a few seconds. */
static void what_nobody_counted_is_missing(void **state)
{
    (void)state;
    struct counts counts;
    assert_int_equal(counts_init(&counts), FW_OK);
    counts_begin(&counts, 0, BEGIN);
    counts_add(&counts, 7);
    counts_move(&counts, BEGIN + 10 * TIME_MINUTE);
    counts_begin(&counts, BEGIN + 10 * TIME_MINUTE, BEGIN + 40 * TIME_MINUTE);
    counts_add(&counts, 1);
    assert_int_equal(latest(&counts, COUNT_HOUR, 0), COUNT_MISSING);
    assert_int_equal(latest(&counts, COUNT_TEN, 4), 7);
    assert_int_equal(latest(&counts, COUNT_TEN, 3), COUNT_MISSING);
    assert_int_equal(latest(&counts, COUNT_TEN, 1), COUNT_MISSING);
    assert_int_equal(latest(&counts, COUNT_TEN, 0), 1);
    counts_begin(&counts, BEGIN + 40 * TIME_MINUTE, BEGIN + 40 * TIME_MINUTE + 5 * TIME_SECOND);
    counts_add(&counts, 1);
    assert_int_equal(latest(&counts, COUNT_TEN, 0), 2);
    assert_int_equal(latest(&counts, COUNT_MINUTE, 0), 2);
    /* A process that stood still has not counted, either. */
    counts_move(&counts, BEGIN + 41 * TIME_MINUTE + COUNT_LATE_NS);
    assert_int_equal(latest(&counts, COUNT_MINUTE, 3), COUNT_MISSING);
    struct series series;
    assert_int_equal(counts_series(&counts, COUNT_TEN, 100, &series), FW_OK);
    assert_int_equal(series.count, 5);
    assert_true(series.value[0] == 7 && isnan(series.value[1]));
    series_fini(&series);
    counts_fini(&counts);
}

static void rings_turn_and_pages_come_back(void **state)
{
    (void)state;
    struct counts counts, again;
    struct buf page;
    int64_t now_ns = BEGIN;
    buf_init(&page, 1 << 20);
    assert_int_equal(counts_init(&counts), FW_OK);
    assert_int_equal(counts_init(&again), FW_OK);
    counts_begin(&counts, 0, now_ns);
    for (uint32_t i = 0; i < 30 * 24 * 6; i++, now_ns += 10 * TIME_MINUTE) {
        counts_move(&counts, now_ns);
        counts_add(&counts, i);
    }
    for (int g = 0; g < COUNT_GRAIN_COUNT; g++)
        for (uint32_t i = 0; i < count_grains[g].slots / count_grains[g].page; i++) {
            buf_clear(&page);
            counts_put_page(&counts, (enum count_grain)g, i, &page);
            assert_true(counts_get_page(&again, (enum count_grain)g, i, buf_str(&page), now_ns));
            assert_false(
                counts_get_page(&again, (enum count_grain)g, i + 1, buf_str(&page), now_ns));
        }
    assert_int_equal(counts.changed[0] | counts.changed[1] | counts.changed[2], 0);
    counts_begin(&again, now_ns - 10 * TIME_MINUTE, now_ns - 10 * TIME_MINUTE);
    for (int g = 0; g < COUNT_GRAIN_COUNT; g++) {
        uint32_t whole = count_grains[g].slots - count_grains[g].page; /* the rest is cut */
        for (int64_t back = 0; back < (int64_t)whole; back++)
            assert_int_equal(latest(&again, (enum count_grain)g, back),
                             latest(&counts, (enum count_grain)g, back));
    }
    page.len--;
    assert_false(counts_get_page(&again, COUNT_HOUR, 0, buf_str(&page), now_ns));
    buf_fini(&page);
    counts_fini(&counts);
    counts_fini(&again);
}

/* Whatever is added, nothing overflows into "missing". */
static void counts_saturate(void **state)
{
    (void)state;
    struct counts counts;
    assert_int_equal(counts_init(&counts), FW_OK);
    counts_add(&counts, 1); /* not begun: nowhere to go */
    counts_begin(&counts, 0, BEGIN);
    counts_add(&counts, UINT32_MAX - 3);
    counts_add(&counts, 1000);
    assert_int_equal(latest(&counts, COUNT_HOUR, 0), UINT32_MAX - 1);
    counts_fini(&counts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots_close_with_time),
        cmocka_unit_test(what_nobody_counted_is_missing),
        cmocka_unit_test(rings_turn_and_pages_come_back),
        cmocka_unit_test(counts_saturate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
