/* SPDX-License-Identifier: MIT
 * The daemon's journal told to a fresh engine: the same decision hash, requests as a trace, and
 * what is said of a journal that is torn, of another engine, or damaged. */
#include "base/time.h"
#include "core/engine.h"
#include "core/journal.h"
#include "sim/trace.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static struct engine_settings settings;
static struct engine *engine;
static struct action_list actions;
static struct buf journal;
static uint64_t number, events;
static struct trace trace;
static struct fw_detail detail;

static int set_up(void **state)
{
    (void)state;
    option_defaults(engine_option_rows, engine_option_count, &settings);
    assert_int_equal(engine_create(&engine, &settings, NULL, &detail), FW_OK);
    buf_init(&journal, 1 << 24);
    number = events = 0;
    journal_put_header(&journal);
    journal_put_settings(&journal, &number, JOURNAL_BEGIN, &settings);
    trace_init(&trace);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    engine_destroy(&engine);
    action_list_fini(&actions);
    buf_fini(&journal);
    trace_fini(&trace);
    return 0;
}

/* Tells the engine and writes it down, as the daemon does. */
static void tell(struct event event)
{
    actions.count = 0;
    journal_put_event(&journal, &number, &event);
    assert_int_equal(engine_step(engine, &event, &actions), FW_OK);
    events++;
}

static void mark(enum journal_kind kind)
{
    const struct journal_mark at = {engine_decision_hash(engine), engine_action_count(engine),
                                    events};
    journal_put_mark(&journal, &number, kind, &at);
}

/* Two resources, requests that are answered, loads that succeed. */
static void live(void)
{
    static const struct resource_settings plain = {.hold_timeout_ns = RESOURCE_INHERITS,
                                                   .load_time_ns = RESOURCE_INHERITS};
    int64_t at_ns = 1700000000 * TIME_SECOND;
    tell(
        (struct event){.at_ns = at_ns, .kind = EVENT_RESOURCE, .id = STR("a"), .settings = &plain});
    tell(
        (struct event){.at_ns = at_ns, .kind = EVENT_RESOURCE, .id = STR("b"), .settings = &plain});
    for (uint64_t i = 1; i <= 20; i++) {
        uint32_t resource = i % 3 == 0;
        at_ns += 40 * TIME_SECOND;
        tell((struct event){.at_ns = at_ns,
                            .kind = EVENT_REQUEST,
                            .resource = resource,
                            .request = i,
                            .session = 1 + i % 2});
        for (size_t k = 0; k < actions.count; k++) {
            if (actions.items[k].kind == ACTION_WARM) {
                uint64_t attempt = actions.items[k].attempt;
                tell((struct event){.at_ns = at_ns + TIME_SECOND,
                                    .kind = EVENT_PROVEN,
                                    .resource = resource,
                                    .attempt = attempt});
                break;
            }
        }
        tell((struct event){.at_ns = at_ns + 2 * TIME_SECOND,
                            .kind = EVENT_END,
                            .resource = resource,
                            .request = i,
                            .duration_ns = TIME_SECOND});
        if (i == 10)
            mark(JOURNAL_MARK);
    }
    mark(JOURNAL_END);
}

static enum fw_err read_back(size_t len)
{
    const struct trace_options options = {.format = TRACE_AUTO};
    enum fw_err err =
        trace_read_memory(&trace, "journal", (struct str){journal.data, len}, &options, &detail);
    return err == FW_OK ? trace_finish(&trace, &detail) : err;
}

static void test_the_same_hash_and_the_requests(void **state)
{
    (void)state;
    live();
    if (read_back(journal.len) != FW_OK)
        fail_msg("%s", detail.text);
    assert_int_equal(trace.format, TRACE_JOURNAL);
    assert_true(trace.journal.present && !trace.journal.torn);
    assert_int_equal(trace.journal.runs, 1);
    assert_int_equal(trace.journal.events, events);
    assert_int_equal(trace.journal.marks, 2);
    assert_true(trace.journal.hash == engine_decision_hash(engine));
    assert_int_equal(trace.count, 20);
    assert_int_equal(trace.sessions.count, 2);
    assert_true(str_equal(table_key(&trace.resources, trace.requests[2].resource), STR("b")));
    assert_int_equal(trace.requests[0].at_ns, (INT64_C(1700000000) + 40) * TIME_SECOND);
    assert_int_equal(trace.requests[0].duration_ns, TIME_SECOND);
}

static void test_a_torn_tail_is_said_and_the_rest_counts(void **state)
{
    (void)state;
    live();
    assert_int_equal(read_back(journal.len - 3), FW_OK);
    assert_true(trace.journal.torn);
    assert_int_equal(trace.journal.marks, 1);
    assert_int_equal(trace.count, 20);
}

static void test_another_hash_is_a_no(void **state)
{
    (void)state;
    live();
    const struct journal_mark wrong = {engine_decision_hash(engine) ^ 1,
                                       engine_action_count(engine), events};
    journal_put_mark(&journal, &number, JOURNAL_MARK, &wrong);
    assert_int_equal(read_back(journal.len), FW_NO);
    assert_non_null(strstr(detail.text, "this engine decides differently"));
}

static void test_damage_is_named(void **state)
{
    (void)state;
    live();
    journal.data[journal.len / 2 + 4] ^= 1; /* no length: that would be a torn end */
    enum fw_err err = read_back(journal.len);
    assert_int_equal(err, FW_CORRUPT);
    assert_true(str_starts(str_of(detail.text), STR("journal: ")));
}

static void test_impossible_events_do_not_reach_the_engine(void **state)
{
    (void)state;
    live();
    const struct event stranger = {
        .at_ns = 1800000000 * TIME_SECOND, .kind = EVENT_REQUEST, .resource = 7, .request = 99};
    journal_put_event(&journal, &number, &stranger);
    assert_int_equal(read_back(journal.len), FW_CORRUPT);
    assert_non_null(strstr(detail.text, "a resource that was never named"));
}

static void test_time_that_runs_backwards_is_refused(void **state)
{
    (void)state;
    live();
    const struct event early = {.at_ns = 5, .kind = EVENT_REQUEST, .resource = 0, .request = 99};
    journal_put_event(&journal, &number, &early);
    assert_int_equal(read_back(journal.len), FW_CORRUPT);
    assert_non_null(strstr(detail.text, "an event before the one before it"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_the_same_hash_and_the_requests),
        TEST(test_a_torn_tail_is_said_and_the_rest_counts),
        TEST(test_another_hash_is_a_no),
        TEST(test_damage_is_named),
        TEST(test_impossible_events_do_not_reach_the_engine),
        TEST(test_time_that_runs_backwards_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
