/* SPDX-License-Identifier: MIT
 * Synthetic traffic: the same from the same seed, with the popularity, daily shape and load times
 * that were asked. */
#include "base/stats.h"
#include "base/time.h"
#include "sim/synth.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static struct synth_settings basic(void)
{
    return (struct synth_settings){.profile = SYNTH_DEFAULT,
                                   .seed = 7,
                                   .span_ns = 10 * TIME_DAY,
                                   .day_ns = TIME_DAY,
                                   .resources = 10,
                                   .rate = 0.1,
                                   .zipf = 1.1,
                                   .session_requests = 4,
                                   .think_ns = 20 * TIME_SECOND,
                                   .bursts = 0,
                                   .burst_requests = 10,
                                   .duration_ns = TIME_SECOND,
                                   .client_max = 1e12};
}

static void make(struct synth *synth, const struct synth_settings *settings, const char *clients)
{
    struct fw_detail detail = {""};
    synth_init(synth);
    if (synth_make(synth, settings, str_of(clients), "clients", &detail) != FW_OK)
        fail_msg("%s", detail.text);
    for (size_t i = 1; i < synth->count; i++)
        assert_true(synth->requests[i - 1].at_ns <= synth->requests[i].at_ns);
}

static void test_same_seed_same_trace(void **state)
{
    (void)state;
    struct synth_settings settings = basic();
    struct synth a, b, c;
    make(&a, &settings, "");
    make(&b, &settings, "");
    settings.seed = 8;
    make(&c, &settings, "");
    struct buf text[3];
    struct synth *all[] = {&a, &b, &c};
    for (int i = 0; i < 3; i++) {
        buf_init(&text[i], SIZE_MAX / 2);
        synth_write_csv(all[i], 0, &text[i]);
    }
    assert_true(str_equal(buf_str(&text[0]), buf_str(&text[1])));
    assert_false(str_equal(buf_str(&text[0]), buf_str(&text[2])));
    for (int i = 0; i < 3; i++) {
        buf_fini(&text[i]);
        synth_fini(all[i]);
    }
}

static void test_rate_popularity_and_daily_shape(void **state)
{
    (void)state;
    struct synth_settings settings = basic();
    struct synth synth;
    make(&synth, &settings, "");
    double expected = settings.rate * time_to_seconds(settings.span_ns);
    assert_true(fabs((double)synth.count - expected) < 0.05 * expected);
    size_t of[10] = {0}, night = 0, day = 0;
    for (size_t i = 0; i < synth.count; i++) {
        of[synth.requests[i].resource]++;
        int64_t hour = synth.requests[i].at_ns % TIME_DAY / TIME_HOUR;
        night += hour >= 1 && hour < 5;
        day += hour >= 9 && hour < 13;
    }
    assert_true(of[0] > of[4] && of[4] > of[9] / 2 && of[0] > 3 * of[9]);
    assert_true(day > 5 * night);
    synth_fini(&synth);
}

static void test_a_day_can_be_compressed(void **state)
{
    (void)state;
    struct synth_settings settings = basic();
    settings.day_ns = 10 * TIME_MINUTE;
    settings.span_ns = 100 * TIME_MINUTE;
    settings.rate = 10;
    settings.think_ns = TIME_SECOND;
    struct synth synth;
    make(&synth, &settings, "");
    size_t night = 0, day = 0;
    for (size_t i = 0; i < synth.count; i++) {
        int64_t hour = synth.requests[i].at_ns % settings.day_ns / (settings.day_ns / 24);
        night += hour >= 1 && hour < 5;
        day += hour >= 9 && hour < 13;
    }
    assert_true(day > 5 * night && night > 0);
    synth_fini(&synth);
}

static void test_sessions_follow_transitions(void **state)
{
    (void)state;
    struct synth_settings settings = basic();
    settings.zipf = 0;
    settings.resources = 50;
    struct synth synth;
    make(&synth, &settings, "");
    /* The most frequent move away from a resource takes far more than its share of 1/49. */
    static size_t moves[50][50];
    size_t moved[50] = {0};
    struct map64 last;
    map64_init(&last, 1 << 20);
    for (size_t i = 0; i < synth.count; i++) {
        uint64_t from;
        if (map64_get(&last, synth.requests[i].session, &from) &&
            from != synth.requests[i].resource) {
            moves[from][synth.requests[i].resource]++;
            moved[from]++;
        }
        assert_int_equal(map64_set(&last, synth.requests[i].session, synth.requests[i].resource),
                         FW_OK);
    }
    size_t concentrated = 0;
    for (int from = 0; from < 50; from++)
        for (int to = 0; to < 50; to++)
            concentrated += moves[from][to] * 3 > moved[from];
    assert_true(concentrated > 40);
    map64_fini(&last);
    synth_fini(&synth);
}

/* What follows is mostly decided by the last two models, and one call begins when the one before
 * has ended. */
static void test_pipelines_go_in_turn(void **state)
{
    (void)state;
    struct synth_settings settings = basic();
    struct synth synth;
    settings.profile = SYNTH_PIPELINES;
    settings.session_requests = 6;
    settings.rate = 0.05;
    make(&synth, &settings, "");
    double expected = settings.rate * time_to_seconds(settings.span_ns);
    assert_true(fabs((double)synth.count - expected) < 0.15 * expected);
    enum { KINDS = 11 * 11 };
    static uint32_t after[KINDS][10];
    uint64_t sessions = 0;
    for (size_t i = 0; i < synth.count; i++)
        sessions = synth.requests[i].session > sessions ? synth.requests[i].session : sessions;
    struct run {
        uint32_t before, last;
        int64_t ends_ns;
    } *runs = calloc(sessions + 1, sizeof *runs);
    assert_non_null(runs);
    for (size_t i = 0; i < synth.count; i++) {
        const struct synth_request *request = &synth.requests[i];
        struct run *run = &runs[request->session];
        assert_true(request->session > 0 && request->at_ns >= run->ends_ns);
        after[run->before * 11 + run->last][request->resource]++;
        run->before = run->last;
        run->last = request->resource + 1;
        run->ends_ns = request->at_ns + request->duration_ns;
    }
    size_t followed = 0, likeliest = 0;
    for (int kind = 1; kind < KINDS; kind++) { /* 0: a run's first */
        uint32_t most = 0;
        for (int i = 0; i < 10; i++) {
            followed += after[kind][i];
            most = after[kind][i] > most ? after[kind][i] : most;
        }
        likeliest += most;
    }
    assert_true((double)likeliest > 0.6 * (double)followed);
    free(runs);
    synth_fini(&synth);
}

static void test_cron_keeps_its_clock(void **state)
{
    (void)state;
    struct synth_settings settings = basic();
    settings.profile = SYNTH_CRON;
    settings.span_ns = 30 * TIME_DAY;
    struct synth synth;
    make(&synth, &settings, "");
    /* Gaps between ticks (calls of one tick are seconds apart) stay within a fifth of their median.
     */
    for (uint32_t resource = 0; resource < 10; resource++) {
        double *gaps = calloc(synth.count, sizeof *gaps);
        assert_non_null(gaps);
        size_t n = 0;
        int64_t last_ns = -1;
        for (size_t i = 0; i < synth.count; i++) {
            if (synth.requests[i].resource != resource)
                continue;
            double gap = time_to_seconds(synth.requests[i].at_ns - last_ns);
            if (last_ns >= 0 && gap > 20)
                gaps[n++] = gap;
            last_ns = synth.requests[i].at_ns;
        }
        stats_sort_doubles(gaps, n);
        double median = stats_quantile(gaps, n, 0.5);
        assert_true(n > 10 && stats_quantile(gaps, n, 0.9) < 1.2 * median &&
                    stats_quantile(gaps, n, 0.1) > 0.8 * median);
        free(gaps);
    }
    synth_fini(&synth);
}

static void test_servegen_has_the_rates_of_its_windows(void **state)
{
    (void)state;
    struct synth_settings settings = basic();
    settings.profile = SYNTH_SERVEGEN;
    settings.span_ns = 0;
    struct synth synth;
    make(&synth, &settings,
         "client,t_s,rate_rps,cv,dist,p1,p2\n7,0,2,1,Gamma,0.7,0.04\n7,1200,1,2,Weibull,0.5,0.1\n9,"
         "600,0.5,1,Exponential,1,1\n");
    assert_int_equal(synth.resources.count, 2);
    assert_true(str_equal(table_key(&synth.resources, 0), STR("client-7")));
    size_t first = 0, second = 0, gap = 0, other = 0;
    for (size_t i = 0; i < synth.count; i++) {
        int64_t window = synth.requests[i].at_ns / (600 * TIME_SECOND);
        other += synth.requests[i].resource == 1;
        first += synth.requests[i].resource == 0 && window == 0;
        gap += synth.requests[i].resource == 0 && window == 1;
        second += synth.requests[i].resource == 0 && window == 2;
    }
    assert_true(first > 1050 && first < 1350);
    assert_int_equal(gap, 0); /* no window, no requests */
    assert_true(second > 480 && second < 720);
    assert_true(other > 230 && other < 370);
    synth_fini(&synth);
}

static void test_servegen_names_bad_rows(void **state)
{
    (void)state;
    struct synth_settings settings = basic();
    settings.profile = SYNTH_SERVEGEN;
    struct synth synth;
    struct fw_detail detail = {""};
    synth_init(&synth);
    const char *text = "client,t_s,rate_rps,cv,dist,p1,p2\n7,0,2,1,Pareto,0.7,0.04\n";
    assert_int_equal(synth_make(&synth, &settings, str_of(text), "clients", &detail), FW_INPUT);
    assert_string_equal(
        detail.text, "clients:2: dist: found \"Pareto\", expected Gamma, Weibull or Exponential");
    synth_fini(&synth);
}

/* planning.md section 2: the published quantiles of measured load times. */
static void test_load_times_have_the_published_quantiles(void **state)
{
    (void)state;
    const struct {
        int law;
        double p50, p90, p99, mean; /* 0: not published */
    } cases[] = {{SYNTH_LAW_BASE, 22.7, 42.0, 51.9, 22.0},
                 {SYNTH_LAW_LORA, 4.4, 0, 8.2, 0},
                 {SYNTH_LAW_CONTROLNET, 3.9, 0, 16.7, 0},
                 {SYNTH_LAW_PIPELINE, 8.5, 26.8, 54.3, 0}};
    enum { DRAWS = 100000 };
    double *values = calloc(DRAWS, sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct prng prng;
        prng_init(&prng, 5);
        double sum = 0;
        for (int k = 0; k < DRAWS; k++)
            sum += values[k] = synth_load_time_s(cases[i].law, &prng);
        stats_sort_doubles(values, DRAWS);
        assert_true(fabs(stats_quantile(values, DRAWS, 0.5) / cases[i].p50 - 1) < 0.02);
        assert_true(cases[i].p90 == 0 ||
                    fabs(stats_quantile(values, DRAWS, 0.9) / cases[i].p90 - 1) < 0.02);
        assert_true(fabs(stats_quantile(values, DRAWS, 0.99) / cases[i].p99 - 1) < 0.03);
        assert_true(cases[i].mean == 0 || fabs(sum / DRAWS / cases[i].mean - 1) < 0.02);
    }
    free(values);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_seed_same_trace),
        cmocka_unit_test(test_rate_popularity_and_daily_shape),
        cmocka_unit_test(test_a_day_can_be_compressed),
        cmocka_unit_test(test_sessions_follow_transitions),
        cmocka_unit_test(test_pipelines_go_in_turn),
        cmocka_unit_test(test_cron_keeps_its_clock),
        cmocka_unit_test(test_servegen_has_the_rates_of_its_windows),
        cmocka_unit_test(test_servegen_names_bad_rows),
        cmocka_unit_test(test_load_times_have_the_published_quantiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
