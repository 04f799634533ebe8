/* SPDX-License-Identifier: MIT
 * The public door: what strangers may pass, and that it decides as the engine does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <forewarm/forewarm.h>

#define SECOND INT64_C(1000000000)

static struct fw_engine *create(const char *policy)
{
    struct fw_engine *engine = NULL;
    char error[200];
    const char *options[] = {policy, "load_time=10s", NULL};
    assert_int_equal(fw_engine_create(&engine, options, error, sizeof error), 0);
    assert_string_equal(error, "");
    return engine;
}

static void bad_options_are_named(void **state)
{
    (void)state;
    struct fw_engine *engine = NULL;
    char error[200];
    int err = fw_engine_create(&engine, (const char *[]){"memery=5GiB", NULL}, error, sizeof error);
    assert_string_equal(fw_error_name(err), "invalid_input");
    assert_non_null(strstr(error, "memory"));
    assert_null(engine);
    assert_int_not_equal(
        fw_engine_create(&engine, (const char *[]){"memory=5", NULL}, error, sizeof error), 0);
    assert_int_not_equal(
        fw_engine_create(&engine, (const char *[]){"memory", NULL}, error, sizeof error), 0);
    assert_int_not_equal(
        fw_engine_create(&engine, (const char *[]){"policy=oracle", NULL}, NULL, 0), 0);
    assert_string_equal(fw_error_name(-5), "usage");
}

static void a_request_is_held_and_released(void **state)
{
    (void)state;
    struct fw_engine *engine = create("policy=ttl:60s");
    struct fw_action action;
    uint32_t a = 9;
    char error[200];
    assert_int_equal(fw_engine_add(engine, 0, "a", NULL, &a, error, sizeof error), 0);
    assert_int_equal(a, 0);
    assert_int_equal(fw_engine_request(engine, SECOND, a, 7, 0), 0);
    assert_int_not_equal(fw_engine_request(engine, SECOND, a, 7, 0), 0); /* the number is taken */
    assert_true(fw_engine_next_action(engine, &action));
    assert_int_equal(action.kind, FW_ACTION_WARM);
    assert_string_equal(action.cause, "request");
    assert_non_null(strstr(action.reason, "a request waits"));
    assert_false(fw_engine_next_action(engine, &action));
    assert_string_equal(fw_engine_state(engine, a), "warming");
    assert_int_equal(fw_engine_report(engine, 11 * SECOND, FW_REPORT_PROVEN, a, action.attempt, 0),
                     0);
    assert_true(fw_engine_next_action(engine, &action));
    assert_int_equal(action.kind, FW_ACTION_RELEASE);
    assert_int_equal(action.request, 7);
    assert_int_equal(fw_engine_end(engine, 12 * SECOND, a, 7, 10 * SECOND), 0);
    assert_int_equal(fw_engine_deadline(engine),
                     62 * SECOND); /* it ran one second; the wait does not count */
    fw_engine_destroy(&engine);
    assert_null(engine);
    fw_engine_destroy(&engine);
}

static void strangers_are_checked(void **state)
{
    (void)state;
    struct fw_engine *engine = create("policy=lru");
    char error[200];
    assert_int_not_equal(fw_engine_request(engine, 0, 3, 1, 0), 0); /* no such resource */
    assert_int_equal(fw_engine_add(engine, SECOND, "a", NULL, NULL, error, sizeof error), 0);
    assert_int_not_equal(fw_engine_request(engine, 0, 0, 1, 0), 0); /* time goes back */
    assert_int_not_equal(fw_engine_request(engine, SECOND, 0, 0, 0), 0);
    assert_int_not_equal(fw_engine_hint(engine, SECOND, 0, 0, 1.5, 0), 0);
    assert_int_not_equal(fw_engine_report(engine, SECOND, (enum fw_report_kind)99, 0, 0, 0), 0);
    assert_int_equal(fw_engine_report(engine, SECOND, FW_REPORT_PROVEN, 0, 12345, 0),
                     0); /* stale: ignored */
    assert_int_not_equal(fw_engine_add(engine, 0, "b", NULL, NULL, error, sizeof error), 0);
    assert_non_null(strstr(error, "time does not go back"));
    assert_int_not_equal(fw_engine_add(engine, SECOND, "", NULL, NULL, error, sizeof error), 0);
    assert_string_equal(fw_engine_state(engine, 77), "cold");
    fw_engine_destroy(&engine);
}

static void saves_and_goes_on(void **state)
{
    (void)state;
    struct fw_engine *engine = create("policy=planner"), *resumed = create("policy=planner");
    void *data = NULL;
    size_t size = 0;
    char error[200];
    uint32_t a;
    assert_int_equal(fw_engine_add(engine, 0, "a", NULL, &a, error, sizeof error), 0);
    for (int i = 1; i <= 50; i++)
        assert_int_equal(fw_engine_observe(engine, i * 600 * SECOND, a, 0), 0);
    assert_true(fw_engine_probability(engine, a, 50 * 600 * SECOND, 900 * SECOND) > 0.5);
    assert_int_equal(fw_engine_save(engine, &data, &size), 0);
    assert_int_not_equal(fw_engine_load(resumed, data, size - 1, error, sizeof error), 0);
    assert_int_equal(fw_engine_load(resumed, data, size, error, sizeof error), 0);
    assert_int_equal(fw_engine_decision_hash(engine), fw_engine_decision_hash(resumed));
    assert_int_not_equal(fw_engine_load(resumed, data, size, error, sizeof error),
                         0);                                           /* not fresh any more */
    assert_int_not_equal(fw_engine_observe(resumed, SECOND, a, 0), 0); /* its clock came along */
    free(data);
    fw_engine_destroy(&engine);
    fw_engine_destroy(&resumed);
}

/* Planned events and forecasts (P10): ready when a launch begins; nonsense is refused. */
static void what_is_expected(void **state)
{
    (void)state;
    struct fw_engine *engine = create("policy=planner");
    struct fw_action action;
    char error[200];
    uint32_t a;
    const int64_t hour = 3600 * SECOND;
    assert_int_equal(fw_engine_add(engine, hour, "a", NULL, &a, error, sizeof error), 0);
    assert_int_equal(fw_engine_plan_event(engine, hour, a, 1, 5 * hour, 6 * hour, 200), 0);
    assert_int_equal(fw_engine_plan_event(engine, hour, a, 1, 3 * hour, 4 * hour, 200), 0);
    assert_int_equal(fw_engine_plan_event(engine, hour, a, 1, 3 * hour, 4 * hour, 0), 0);
    assert_int_equal(fw_engine_forecast(engine, hour, a, 2, 0, 2 * hour, 10), 0);
    while (!fw_engine_next_action(engine, &action))
        assert_int_equal(fw_engine_time(engine, fw_engine_deadline(engine)), 0);
    assert_int_equal(action.kind, FW_ACTION_WARM);
    assert_string_equal(action.cause, "hint");
    assert_true(action.at_ns >= 5 * hour - 60 * SECOND && action.at_ns <= 5 * hour - 10 * SECOND);
    const int64_t now = action.at_ns;
    assert_int_not_equal(fw_engine_plan_event(engine, now, a + 1, 1, 6 * hour, 7 * hour, 1), 0);
    assert_int_not_equal(fw_engine_plan_event(engine, now, a, 1, 7 * hour, 7 * hour, 1), 0);
    assert_int_not_equal(fw_engine_plan_event(engine, now, a, 1, hour, 2 * hour, 1), 0); /* over */
    assert_int_not_equal(fw_engine_plan_event(engine, now, a, 1, 6 * hour, 7 * hour, -1), 0);
    assert_int_not_equal(fw_engine_forecast(engine, now, a, 1, 6 * hour, FW_NEVER, 1), 0);
    assert_int_not_equal(fw_engine_forecast(engine, hour, a, 1, 6 * hour, 7 * hour, 1), 0);
    fw_engine_destroy(&engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_options_are_named), cmocka_unit_test(a_request_is_held_and_released),
        cmocka_unit_test(strangers_are_checked), cmocka_unit_test(saves_and_goes_on),
        cmocka_unit_test(what_is_expected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
