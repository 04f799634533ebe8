/* SPDX-License-Identifier: MIT
 * D15, D16: days of live running on a virtual clock: forecasts every hour, training every day,
 * validation every week, anomalies opened and resolved once; what fails leaves the last good
 * forecast, marked; all of it with flat memory, and over restarts. */
#include "base/prng.h"
#include "edge/demand/foresight_part.h"
#include <malloc.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#define BEGIN ((int64_t)20000 * TIME_DAY) /* a Wednesday */
#define STEP  (10 * TIME_MINUTE)
static const struct foresight_settings settings = {
    .series_max = 8, .forecast_max = 4, .horizon_ns = 2 * TIME_DAY, .capacity_buffer = 1.3};
static const struct store nowhere = {.ops = NULL};

static enum fw_err none_put(struct store *store, const char *kind, const struct store_part *parts,
                            size_t count, struct fw_detail *detail)
{
    (void)store, (void)kind, (void)parts, (void)count, (void)detail;
    return FW_OK;
}

static enum fw_err none_get(struct store *store, const char *kind, store_part_fn *take,
                            void *context, struct fw_detail *detail)
{
    (void)store, (void)kind, (void)take, (void)context, (void)detail;
    return FW_OK;
}

struct live {
    struct foresight *foresight;
    struct prng prng;
    int64_t now_ns;
    double times; /* the usual */
    double noise;
    int opened, changed, resolved;
    struct anomaly_record last;
};

static void note(void *context, const struct anomaly_record *anomaly, enum anomaly_change change)
{
    struct live *live = context;
    live->opened += change == ANOMALY_OPENED;
    live->changed += change == ANOMALY_CHANGED;
    live->resolved += change == ANOMALY_RESOLVED;
    live->last = *anomaly;
}

static void begin(struct live *live, struct store *store, int64_t now_ns)
{
    static const struct store_ops ops = {
        .name = "none", .put_parts = none_put, .get_parts = none_get};
    struct store none = nowhere;
    struct fw_detail detail = {{0}};
    none.ops = &ops;
    *live = (struct live){.now_ns = now_ns, .times = 1, .noise = .15};
    prng_init(&live->prng, 5);
    assert_int_equal(foresight_create(&live->foresight, &settings), FW_OK);
    assert_int_equal(foresight_load(live->foresight, store ? store : &none, now_ns, &detail),
                     FW_OK);
    foresight_watch(live->foresight, note, live);
}

static void end(struct live *live)
{
    foresight_destroy(&live->foresight);
}

/* Whatever is due. */
static void work(struct live *live)
{
    struct foresight_work *piece;
    while ((piece = foresight_next(live->foresight, live->now_ns)) != NULL) {
        assert_null(foresight_next(live->foresight, live->now_ns)); /* one at a time */
        foresight_run(piece);
        (void)foresight_take(live->foresight, piece, live->now_ns);
    }
}

static double usual(int64_t at_ns)
{
    double hour = (double)(at_ns % TIME_DAY) / (double)TIME_HOUR;
    return 30 + 25 * sin((hour - 9) * 3.14159265 / 12);
}

/* Ten minutes with their requests, of one resource. */
static void step(struct live *live, const char *id)
{
    uint32_t series = foresight_series(live->foresight, str_of(id), live->now_ns);
    double mean = usual(live->now_ns) * live->times;
    int requests = (int)fmax(mean * (1 + live->noise * (2 * prng_uniform(&live->prng) - 1)), 0);
    for (int i = 0; i < requests; i++)
        foresight_request(live->foresight, series, live->now_ns);
    live->now_ns += STEP;
    foresight_tick(live->foresight, live->now_ns);
}

/* So many hours; work is looked for every so often. */
static void hours(struct live *live, const char *id, int count, int64_t every_ns)
{
    for (int i = 0; i < count * 6; i++) {
        step(live, id);
        if (live->now_ns % every_ns == 0)
            work(live);
    }
}

static struct foresight_view seen(const struct live *live, const char *id)
{
    struct foresight_view view;
    assert_true(foresight_see(live->foresight, foresight_find(live->foresight, id), &view));
    return view;
}

/* ---- D15: hourly, daily, weekly ---- */

static void a_fortnight_is_lived_through(void **state)
{
    (void)state;
    struct live live;
    struct foresight_stats stats;
    begin(&live, NULL, BEGIN);
    hours(&live, "m", 24, TIME_HOUR);
    uint32_t refreshes = seen(&live, "m").forecast->refreshes;
    hours(&live, "m", 24, TIME_HOUR); /* a day: a forecast every hour */
    assert_int_equal(seen(&live, "m").forecast->refreshes, refreshes + 24);
    assert_int_equal(seen(&live, "").forecast->refreshes, refreshes + 24);
    hours(&live, "m", 1, TIME_HOUR);
    assert_int_equal(seen(&live, "m").model->trainings, 1);
    hours(&live, "m", 24, TIME_HOUR);
    assert_int_equal(seen(&live, "m").model->trainings, 2);
    assert_int_equal(seen(&live, "m").validity->validations, 0);
    hours(&live, "m", 24 * 7, 6 * TIME_HOUR);
    struct foresight_view view = seen(&live, "m");
    assert_int_equal(view.validity->validations, 1);
    assert_in_range(view.model->trainings, 7, 9);
    assert_in_range(view.validity->hours, FORESIGHT_VALID_HOURS, 168);
    assert_true(view.validity->ratio > 0 && view.validity->ratio < 1); /* noise: the mean wins */
    assert_true(view.validity->coverage > .2 &&
                view.validity->coverage <= 1); /* few errors are known */
    assert_false(view.forecast->naive);
    /* What is said has the shape of the day, and its bounds stand around it. */
    const struct demand_forecast *table = &view.forecast->table;
    assert_int_equal(table->count, 48);
    for (int h = 0; h < table->count; h++) {
        double mean = 6 * usual(table->start_ns + h * TIME_HOUR + TIME_HOUR / 2);
        assert_true(fabs(table->expected[h] - mean) < .25 * mean + 10);
        assert_true(table->quantile[FORESIGHT_P5][h] <= table->quantile[FORESIGHT_P50][h]);
        assert_true(table->quantile[FORESIGHT_P90][h] <= table->quantile[FORESIGHT_P99][h]);
    }
    size_t before = mallinfo2().uordblks;
    hours(&live, "m", 24 * 7, 6 * TIME_HOUR);
    size_t after = mallinfo2().uordblks;
    assert_true(after < before + (64 << 10)); /* flat */
    view = seen(&live, "m");
    assert_int_equal(view.validity->validations, 2);
    assert_true(view.validity->coverage > .85 && view.validity->ratio < 1);
    foresight_count(live.foresight, &stats);
    assert_int_equal(stats.failures, 0);
    assert_int_equal(live.opened, 0); /* noise is no anomaly */
    end(&live);
}

/* ---- D16: actual against predicted ---- */

static void who_loses_to_the_naive_is_not_listened_to(void **state)
{
    (void)state;
    struct live live;
    begin(&live, NULL, BEGIN);
    hours(&live, "m", 24 * 4, TIME_HOUR);
    struct foresight_series *series = live.foresight->series[foresight_find(live.foresight, "m")];
    series->said_since_ns = live.now_ns - FORESIGHT_VALIDATE_NS + TIME_HOUR;
    int64_t now = live.now_ns / TIME_HOUR;
    for (int64_t hour = now - 167; hour <= now + 1; hour++) /* it was said that nobody comes */
        series->said[hour % SAID_HOURS] = (struct foresight_said){.hour = hour, .high = 1};
    hours(&live, "m", 2, TIME_HOUR);
    /* Of three days of what came, and a day before each: fewer than are judged. */
    assert_int_equal(series->validity.validations, 0);
    hours(&live, "m", 24 * 2, TIME_HOUR);
    assert_int_equal(series->validity.validations, 1);
    assert_true(series->validity.ratio > 1 && series->validity.lost);
    assert_true(series->validity.coverage < .9);
    assert_true(seen(&live, "m").forecast->naive);
    /* The model goes on in the shadow, and comes back a week later. */
    hours(&live, "m", 24 * 7 + 6, 6 * TIME_HOUR);
    assert_int_equal(series->validity.validations, 2);
    assert_false(series->validity.lost);
    assert_false(seen(&live, "m").forecast->naive);
    end(&live);
}

static void what_fails_leaves_the_last_good_one(void **state)
{
    (void)state;
    struct live live;
    begin(&live, NULL, BEGIN);
    hours(&live, "m", 30, TIME_HOUR);
    struct foresight_view view = seen(&live, "m");
    int64_t made_ns = view.forecast->made_ns;
    assert_false(foresight_is_stale(view.forecast, live.now_ns));
    for (int i = 0; i < 6; i++)
        step(&live, "m");
    struct foresight_work *piece;
    while ((piece = foresight_next(live.foresight, live.now_ns)) != NULL) {
        foresight_run(piece);
        piece->err = FW_NOMEM;
        assert_int_equal(foresight_take(live.foresight, piece, live.now_ns), FORESIGHT_NONE);
    }
    view = seen(&live, "m");
    assert_int_equal(view.forecast->made_ns, made_ns);
    assert_int_equal(view.forecast->table.count, 48);
    assert_true(view.forecast->failed && foresight_is_stale(view.forecast, live.now_ns));
    assert_string_equal(view.forecast->reason, "There was not enough memory.");
    step(&live, "m"); /* tried again after five minutes */
    work(&live);
    view = seen(&live, "m");
    assert_true(view.forecast->made_ns > made_ns &&
                !foresight_is_stale(view.forecast, live.now_ns));
    assert_true(foresight_is_stale(view.forecast, live.now_ns + FORESIGHT_STALE_NS + TIME_MINUTE));
    assert_true(
        isnan(foresight_rate(view.forecast, FORESIGHT_P90, live.now_ns + 3 * TIME_DAY, STEP)));
    assert_true(foresight_rate(view.forecast, FORESIGHT_P90, live.now_ns, STEP) > 0);
    end(&live);
}

/* ---- anomalies ---- */

static void an_anomaly_opens_once_and_is_resolved_once(void **state)
{
    (void)state;
    struct live live;
    begin(&live, NULL, BEGIN);
    hours(&live, "m", 24 * 4 + 10, TIME_HOUR);
    assert_int_equal(live.opened, 0);
    live.times = 6;
    hours(&live, "m", 2, STEP);
    assert_int_equal(live.opened, 2); /* the resource's, and the total's */
    assert_int_equal(live.resolved, 0);
    assert_true(live.last.open && live.last.multiplier > 3 &&
                live.last.value > 3 * live.last.usual);
    assert_true(live.last.reason[0] && live.last.class_name[0]);
    assert_true(live.last.opened_ns <= live.now_ns && live.last.began_ns < live.last.opened_ns);
    live.times = 1;
    hours(&live, "m", 6, STEP);
    assert_int_equal(live.opened, 2);
    assert_int_equal(live.resolved, 2);
    const struct anomaly_record *record = foresight_anomaly(live.foresight, 0);
    assert_true(!record->open && record->resolved_ns > record->opened_ns);
    assert_null(foresight_anomaly(live.foresight, 2));
    end(&live);
}

/* ---- planned events ---- */

static void a_planned_event_raises_the_forecast(void **state)
{
    (void)state;
    struct live live;
    struct plan_item item = {.resource = "m", .name = "launch", .requests = 4, .multiplier = true};
    uint64_t number, again;
    begin(&live, NULL, BEGIN);
    hours(&live, "m", 24 * 4, TIME_HOUR);
    double before = seen(&live, "m").forecast->table.expected[12];
    item.start_ns = live.now_ns + 12 * TIME_HOUR;
    item.end_ns = item.start_ns + 6 * TIME_HOUR;
    item.origin = PLAN_API;
    assert_int_equal(foresight_plan(live.foresight, &item, &number), FW_OK);
    foresight_hurry(live.foresight, "m");
    work(&live);
    assert_true(seen(&live, "m").forecast->table.expected[12] > 1.5 * before);
    assert_true(seen(&live, "m").forecast->table.expected[13] > 2 * before);
    /* It is all there is, so the total rises alike. */
    assert_true(seen(&live, "").forecast->table.expected[13] > 2 * before);
    item.requests = 2;
    assert_int_equal(foresight_plan(live.foresight, &item, &again), FW_OK);
    assert_int_equal(again, number); /* said again, not twice */
    assert_null(foresight_plan_at(live.foresight, 1));
    assert_true(foresight_unplan(live.foresight, number));
    assert_false(foresight_unplan(live.foresight, number));
    foresight_hurry(live.foresight, "m");
    work(&live);
    assert_true(fabs(seen(&live, "m").forecast->table.expected[12] - before) < .01 * before);
    end(&live);
}

/* ---- limits ---- */

static void series_are_bounded(void **state)
{
    (void)state;
    struct live live;
    struct foresight_stats stats;
    char id[16];
    begin(&live, NULL, BEGIN);
    for (int i = 0; i < 20; i++) {
        snprintf(id, sizeof id, "m%d", i);
        uint32_t series = foresight_series(live.foresight, str_of(id), live.now_ns);
        assert_int_equal(series != FORESIGHT_NONE, i < 8);
        foresight_request(live.foresight, series, live.now_ns);
    }
    foresight_count(live.foresight, &stats);
    assert_int_equal(stats.series, 8);
    assert_int_equal(stats.dropped, 12);
    assert_int_equal(foresight_find(live.foresight, "m9"), FORESIGHT_NONE);
    for (int i = 0; i < 8 * 24 * 6; i++) /* a week without a request: m0 to m6 make room */
        step(&live, "m7");
    uint32_t series = foresight_series(live.foresight, STR("new"), live.now_ns);
    assert_int_not_equal(series, FORESIGHT_NONE);
    assert_int_equal(foresight_find(live.foresight, "m0"), FORESIGHT_NONE);
    assert_int_equal(foresight_find(live.foresight, "new"), series);
    assert_int_not_equal(foresight_find(live.foresight, "m7"), FORESIGHT_NONE);
    end(&live);
}

/* ---- keeping ---- */

static void everything_is_there_after_a_restart(void **state)
{
    (void)state;
    char folder[] = "/tmp/forewarm-foresight-XXXXXX", path[64], url[80];
    struct store *store = NULL;
    struct fw_detail detail = {{0}};
    struct live live;
    struct plan_item item = {.name = "launch",
                             .requests = 50,
                             .start_ns = BEGIN + 9 * TIME_DAY,
                             .end_ns = BEGIN + 10 * TIME_DAY};
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/state.db", folder);
    snprintf(url, sizeof url, "sqlite:%s", path);
    assert_int_equal(store_open(&store, url, "", &detail), FW_OK);
    begin(&live, store, BEGIN);
    hours(&live, "org/m:1", 24 * 3 + 10, TIME_HOUR);
    live.times = 8;
    hours(&live, "org/m:1", 1, STEP);
    assert_int_equal(live.opened, 2);
    item.origin = PLAN_API;
    assert_int_equal(foresight_plan(live.foresight, &item, NULL), FW_OK);
    struct foresight_parts *parts = foresight_changed(live.foresight, live.now_ns);
    assert_non_null(parts);
    assert_int_equal(
        store->ops->put_parts(store, FORESIGHT_KIND, parts->parts, parts->count, &detail), FW_OK);
    foresight_parts_free(&parts);
    uint32_t known = 0, known_again = 0;
    struct foresight_view view = seen(&live, "org/m:1");
    uint64_t sum = counts_sum(view.counts, COUNT_HOUR, 1000, &known);
    struct foresight_model model = *view.model;
    int64_t now_ns = live.now_ns;
    struct anomaly_record last = *foresight_anomaly(live.foresight, 0);
    end(&live); /* as kill -9 would: nothing more is written */
    store_close(&store);
    assert_int_equal(store_open(&store, url, "", &detail), FW_OK);
    begin(&live, store, now_ns + 20 * TIME_SECOND);
    assert_int_equal(live.changed, 2); /* who begins to watch hears what is open */
    view = seen(&live, "org/m:1");
    assert_int_equal(counts_sum(view.counts, COUNT_HOUR, 1000, &known_again), sum);
    assert_int_equal(known_again, known);
    assert_memory_equal(view.model, &model, sizeof model);
    assert_string_equal(foresight_plan_at(live.foresight, 0)->name, "launch");
    assert_string_equal(foresight_anomaly(live.foresight, 0)->reason, last.reason);
    live.now_ns = now_ns + STEP;
    live.times = 8;
    hours(&live, "org/m:1", 1, STEP); /* it goes on: no news */
    live.times = 1;
    hours(&live, "org/m:1", 3, STEP);
    assert_int_equal(live.opened, 0);
    assert_int_equal(live.resolved, 2);
    assert_int_equal(seen(&live, "org/m:1").forecast->failed, false);
    end(&live);
    store_close(&store);
    unlink(path);
    rmdir(folder);
}

/* Parts that are damaged are left out; the rest is there. */
static void damaged_parts_are_left_out(void **state)
{
    (void)state;
    struct live live;
    begin(&live, NULL, BEGIN);
    hours(&live, "m", 50, TIME_HOUR);
    struct foresight_series *series = live.foresight->series[1];
    struct foresight_parts *parts = foresight_changed(live.foresight, live.now_ns);
    for (size_t i = 0; i < parts->count; i++) {
        struct str data = parts->parts[i].data;
        if (parts->parts[i].name[0] != 'l')
            continue;
        assert_true(foresight_get_learned(series, data));
        for (size_t len = 0; len < data.len; len += 7)
            assert_false(foresight_get_learned(series, (struct str){data.data, len}));
    }
    foresight_parts_free(&parts);
    end(&live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fortnight_is_lived_through),
        cmocka_unit_test(who_loses_to_the_naive_is_not_listened_to),
        cmocka_unit_test(what_fails_leaves_the_last_good_one),
        cmocka_unit_test(an_anomaly_opens_once_and_is_resolved_once),
        cmocka_unit_test(a_planned_event_raises_the_forecast),
        cmocka_unit_test(series_are_bounded),
        cmocka_unit_test(everything_is_there_after_a_restart),
        cmocka_unit_test(damaged_parts_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
