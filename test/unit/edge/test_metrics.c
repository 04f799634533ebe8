/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "edge/metrics.h"

static struct str resource_name(void *context, uint32_t resource)
{
    (void)context;
    return resource == 0 ? STR("qwen") : resource == 70 ? STR("a\"b\\c") : (struct str){0};
}

static void collect(void *context, enum metric_id metric, struct metrics_writer *writer)
{
    (void)context;
    struct str labels[] = {STR("qwen"), STR("warm")};
    if (metric == METRIC_STATE)
        metrics_sample(writer, labels, 2, 1);
    if (metric == METRIC_EVENTS)
        metrics_sample(writer, NULL, 0, 5);
}

static bool has(const struct buf *page, const char *line)
{
    struct str rest = buf_str(page), found;
    while (str_cut(&rest, '\n', &found)) {
        if (str_equal(found, str_of(line)))
            return true;
    }
    return false;
}

static void test_page(void **state)
{
    struct metrics *metrics;
    struct buf page;
    const struct metrics_source source = {.resource = resource_name, .collect = collect};
    (void)state;
    assert_int_equal(metrics_create(&metrics), FW_OK);
    struct metrics_shard *one = metrics_shard(metrics), *two = metrics_shard(metrics);
    metrics_add(one, METRIC_REQUESTS, 0, METRIC_WARM, 2);
    metrics_add(two, METRIC_REQUESTS, 0, METRIC_WARM, 3);
    metrics_add(two, METRIC_REQUESTS, 70, METRIC_FALLBACK, 1);
    metrics_add(two, METRIC_REQUESTS, 9, METRIC_COLD, 1); /* has no name any more */
    metrics_add(one, METRIC_RESPONSES, 0, 4, 7);
    metrics_move(one, METRIC_HELD, 3);
    metrics_move(two, METRIC_HELD, -1);
    metrics_observe(one, METRIC_COLD_WAIT, 1500 * 1000 * 1000LL);
    metrics_observe(two, METRIC_COLD_WAIT, 400 * 1000 * 1000LL);
    metrics_observe(two, METRIC_PREWARM_WASTE, 300001);
    buf_init(&page, 1 << 20);
    metrics_write(metrics, &source, &page);
    assert_false(page.failed);
    assert_true(has(&page, "forewarm_requests_total{resource=\"qwen\",state=\"warm\"} 5"));
    assert_true(
        has(&page, "forewarm_requests_total{resource=\"a\\\"b\\\\c\",state=\"fallback\"} 1"));
    assert_true(has(&page, "forewarm_responses_total{code=\"5xx\"} 7"));
    assert_true(has(&page, "forewarm_responses_total{code=\"2xx\"} 0"));
    assert_true(has(&page, "forewarm_client_gone_total 0"));
    assert_true(has(&page, "forewarm_held_requests 2"));
    /* What the source counts is not shown twice. */
    assert_true(has(&page, "forewarm_engine_events_total 5"));
    assert_false(has(&page, "forewarm_engine_events_total 0"));
    assert_true(has(&page, "forewarm_cold_wait_seconds_bucket{le=\"0.25\"} 0"));
    assert_true(has(&page, "forewarm_cold_wait_seconds_bucket{le=\"0.5\"} 1"));
    assert_true(has(&page, "forewarm_cold_wait_seconds_bucket{le=\"2.5\"} 2"));
    assert_true(has(&page, "forewarm_cold_wait_seconds_sum 1.9000000000000001") ||
                has(&page, "forewarm_cold_wait_seconds_sum 1.9"));
    assert_true(has(&page, "forewarm_cold_wait_seconds_count 2"));
    /* P7: the buckets of prewarm_waste_ms */
    assert_true(has(&page, "prewarm_waste_ms_bucket{le=\"300000\"} 0"));
    assert_true(has(&page, "prewarm_waste_ms_bucket{le=\"+Inf\"} 1"));
    assert_true(has(&page, "forewarm_resource_state{resource=\"qwen\",state=\"warm\"} 1"));
    assert_true(has(&page, "# TYPE forewarm_resource_state gauge"));
    buf_fini(&page);
    metrics_destroy(&metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_page)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
