/* SPDX-License-Identifier: MIT
 * Demand that comes from elsewhere: slots are known when they are put, what is seen here does not
 * count beside it, a forecast waits for the latest hour and is marked when it does not come, with
 * the last good one kept (D15). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "edge/demand/foresight.h"
#include <cmocka.h>
#include <math.h>
#include <string.h>

#define HOUR(n) ((INT64_C(480000) + (n)) * TIME_HOUR)

static struct store *store;
static struct foresight *foresight;
static const struct foresight_settings settings = {
    .series_max = 4, .forecast_max = 2, .horizon_ns = 48 * TIME_HOUR, .capacity_buffer = 1.3};

static int set_up(void **state)
{
    struct fw_detail detail;
    (void)state;
    assert_int_equal(store_memory_open(&store), FW_OK);
    assert_int_equal(foresight_create(&foresight, &settings), FW_OK);
    assert_int_equal(foresight_load(foresight, store, HOUR(0), &detail), FW_OK);
    foresight_tick(foresight, HOUR(0));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    foresight_destroy(&foresight);
    store_close(&store);
    return 0;
}

static uint32_t hour(const char *id, int n)
{
    struct foresight_view view;
    assert_true(foresight_see(foresight, foresight_find(foresight, id), &view));
    return counts_get(view.counts, COUNT_HOUR, HOUR(n) / TIME_HOUR);
}

/* Hours [from, to) with so many requests each. */
static void put(const char *id, int from, int to, double requests, int64_t now_ns)
{
    double values[400];
    for (int i = from; i < to; i++)
        values[i - from] = requests + i % 24;
    foresight_feed(foresight, id, COUNT_HOUR, HOUR(from) / TIME_HOUR, values, (size_t)(to - from),
                   now_ns);
}

/* Time goes on minute by minute; all work that is due is done. */
static void go_to(int64_t from_ns, int64_t to_ns)
{
    struct foresight_work *work;
    for (int64_t at = from_ns; at <= to_ns; at += TIME_MINUTE) {
        foresight_tick(foresight, at);
        while ((work = foresight_next(foresight, at)) != NULL) {
            foresight_run(work);
            (void)foresight_take(foresight, work, at);
        }
    }
}

static const struct foresight_forecast *forecast(const char *id)
{
    static struct foresight_view view;
    assert_true(foresight_see(foresight, foresight_find(foresight, id), &view));
    return view.forecast;
}

static void slots_are_known_when_they_are_put(void **state)
{
    (void)state;
    assert_int_equal(foresight_feed_begin(foresight, STR(""), HOUR(0)), FORESIGHT_TOTAL);
    assert_int_not_equal(foresight_feed_begin(foresight, STR("m"), HOUR(0)), FORESIGHT_NONE);
    go_to(HOUR(0), HOUR(3));
    uint32_t other = foresight_series(foresight, STR("other"), HOUR(3));
    foresight_request(foresight, foresight_find(foresight, "m"), HOUR(3));
    foresight_request(foresight, other, HOUR(3));
    go_to(HOUR(3), HOUR(4));
    assert_int_equal(hour("m", 2), COUNT_MISSING);
    assert_int_equal(hour("m", 3), COUNT_MISSING); /* what was seen here is not all */
    assert_int_equal(hour("", 3), COUNT_MISSING);
    assert_int_equal(hour("other", 3), 1);
    const double values[] = {5.4, NAN, -1, INFINITY, 7, 1e30};
    foresight_feed(foresight, "m", COUNT_HOUR, HOUR(-2) / TIME_HOUR, values, 6, HOUR(4));
    assert_int_equal(hour("m", -2), 5);
    assert_int_equal(hour("m", -1), COUNT_MISSING);
    assert_int_equal(hour("m", 0), COUNT_MISSING);
    assert_int_equal(hour("m", 1), COUNT_MISSING);
    assert_int_equal(hour("m", 2), 7);
    assert_int_equal(hour("m", 3), COUNT_MISSING - 1);
    /* Not the one that is open, and not before what is kept. */
    foresight_feed(foresight, "m", COUNT_HOUR, HOUR(4) / TIME_HOUR, values, 1, HOUR(4));
    foresight_feed(foresight, "m", COUNT_HOUR, HOUR(-5000) / TIME_HOUR, values, 1, HOUR(4));
    foresight_feed(foresight, "m", COUNT_HOUR, -1, values, 1, HOUR(4));
    assert_int_equal(hour("m", 4), COUNT_MISSING);
    assert_int_equal(hour("m", -5000), COUNT_MISSING);
    /* Of what is not fed, nothing is taken. */
    foresight_feed(foresight, "other", COUNT_HOUR, HOUR(2) / TIME_HOUR, values, 1, HOUR(4));
    assert_int_not_equal(hour("other", 2), 5);
    foresight_feed_end(foresight, "m");
    go_to(HOUR(4), HOUR(5));
    foresight_request(foresight, foresight_find(foresight, "m"), HOUR(5));
    assert_int_equal(hour("m", 5), 1);
}

static void a_forecast_waits_for_the_latest_hour_but_not_for_ever(void **state)
{
    (void)state;
    assert_int_equal(foresight_feed_begin(foresight, STR(""), HOUR(0)), FORESIGHT_TOTAL);
    put("", -60, 0, 100, HOUR(0) + TIME_MINUTE);
    go_to(HOUR(0) + TIME_MINUTE, HOUR(0) + 2 * TIME_MINUTE);
    const struct foresight_forecast *made = forecast("");
    assert_true(made->table.count >= 24);
    assert_false(foresight_is_stale(made, HOUR(0) + 2 * TIME_MINUTE));
    uint32_t refreshes = made->refreshes;
    int64_t made_ns = made->made_ns;
    /* The next hour begins, and what the last one had is not known yet. */
    go_to(HOUR(0) + 3 * TIME_MINUTE, HOUR(1) + 5 * TIME_MINUTE);
    assert_int_equal(forecast("")->refreshes, refreshes);
    assert_false(forecast("")->failed);
    put("", 0, 1, 100, HOUR(1) + 5 * TIME_MINUTE);
    go_to(HOUR(1) + 5 * TIME_MINUTE, HOUR(1) + 6 * TIME_MINUTE);
    assert_true(forecast("")->refreshes > refreshes);
    assert_true(forecast("")->made_ns > made_ns);
    made_ns = forecast("")->made_ns;
    /* Then the server is away: the last good one stays, is marked, and says how old it is. */
    foresight_feed_failed(foresight, "", "it does not answer");
    go_to(HOUR(1) + 7 * TIME_MINUTE, HOUR(2) + 9 * TIME_MINUTE);
    assert_false(forecast("")->failed);
    go_to(HOUR(2) + 9 * TIME_MINUTE, HOUR(2) + 12 * TIME_MINUTE);
    assert_true(forecast("")->failed);
    assert_true(foresight_is_stale(forecast(""), HOUR(2) + 12 * TIME_MINUTE));
    assert_non_null(strstr(forecast("")->reason, "it does not answer"));
    assert_int_equal(forecast("")->made_ns, made_ns);
    assert_true(forecast("")->table.count >= 24);
    /* It is back: anew at once. */
    put("", 1, 2, 100, HOUR(2) + 20 * TIME_MINUTE);
    go_to(HOUR(2) + 20 * TIME_MINUTE, HOUR(2) + 21 * TIME_MINUTE);
    assert_false(foresight_is_stale(forecast(""), HOUR(2) + 21 * TIME_MINUTE));
    assert_true(forecast("")->made_ns > made_ns);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(slots_are_known_when_they_are_put),
        TEST(a_forecast_waits_for_the_latest_hour_but_not_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
