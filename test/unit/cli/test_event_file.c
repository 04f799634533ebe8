/* SPDX-License-Identifier: MIT
 * The calendar of events (D7: date, name, expected_multiplier, expected_duration_hours) and the
 * user's own classes (D6: customisable), with every problem at its place. */
#include "base/time.h"
#include "cli/event_file.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static void test_calendar(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "- {date: 2026-03-01, name: spring launch, expected_multiplier: 6, "
        "expected_duration_hours: 168}\n"
        "- date: 2026-02-01 09:00\n  name: conference\n  class: viral_event\n",
        "[{\"date\": \"2026-03-01\", \"name\": \"spring launch\", \"expected_multiplier\": 6,"
        " \"expected_duration_hours\": 168}, {\"date\": \"2026-02-01T09:00:00Z\", \"name\": "
        "\"conference\","
        " \"class\": \"viral_event\"}]",
        "events:\n- {date: 2026-03-01, name: spring launch, expected_multiplier: 6, "
        "expected_duration_hours: 168}\n"
        "- {date: 2026-02-01 09:00:00, name: conference, class: viral_event, expected_multiplier: "
        "null}\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct calendar calendar;
        struct fw_detail detail = {""};
        if (event_file_parse(&calendar, "e.yaml", str_of(texts[i]), &detail) != FW_OK)
            fail_msg("%s", detail.text);
        assert_int_equal(calendar.count, 2); /* by time */
        assert_string_equal(calendar.events[0].name, "conference");
        assert_string_equal(calendar.events[0].class_name, "viral_event");
        assert_float_equal(calendar.events[0].multiplier, 0, 0);
        assert_float_equal(calendar.events[1].multiplier, 6, 0);
        assert_int_equal(calendar.events[1].duration_ns, 168 * TIME_HOUR);
        assert_int_equal(calendar.events[1].at_ns - calendar.events[0].at_ns,
                         28 * TIME_DAY - 9 * TIME_HOUR);
        event_file_fini(&calendar);
    }
    struct calendar nothing;
    assert_int_equal(event_file_parse(&nothing, "e.yaml", STR(""), NULL), FW_OK);
    assert_int_equal(nothing.count, 0);
    event_file_fini(&nothing);
}

static void refused(const char *text, bool classes, const char *words)
{
    struct calendar calendar;
    struct event_classes rows = {.count = 0};
    struct fw_detail detail = {""};
    enum fw_err err = classes ? event_file_parse_classes(&rows, "e.yaml", str_of(text), &detail)
                              : event_file_parse(&calendar, "e.yaml", str_of(text), &detail);
    assert_int_equal(err, FW_INPUT);
    if (!strstr(detail.text, words))
        fail_msg("found: %s\nexpected: %s", detail.text, words);
}

static void test_problems(void **state)
{
    (void)state;
    refused("- {date: soon, name: x}", false,
            "e.yaml:1:10: date: found \"soon\", expected YYYY-MM-DD");
    refused("- {name: x}\n", false, "e.yaml:1:3: date: missing");
    refused("- {date: 2026-01-01}\n", false, "name: missing");
    refused("- {date: 2026-01-01, name: x, expected_multiplier: -2}", false,
            "expected_multiplier: found \"-2\", expected a number above 0");
    refused("- {date: 2026-01-01, name: x, expected_duration_hours: long}", false,
            "found \"long\"");
    refused("- {date: 2026-01-01, name: x, multiplyer: 2}", false, "found the key \"multiplyer\"");
    refused("date: 2026-01-01\nname: x\n", false, "expected a list");
    refused("- 5\n", false, "e.yaml:1:3: item: found a single value, expected a mapping");
    refused("- {date: [", false, "not valid YAML");
    refused("- {name: x, multiplier: [5, 2]}", true,
            "multiplier: found \"2\", expected a number no less than");
    refused("- {name: x, multiplier: 5}", true,
            "multiplier: found a single value, expected a list");
    refused("- {name: x, multiplier: [5]}", true, "found 1 values, expected [least, most]");
    refused("- {name: x}", true, "found no range");
    refused("- {name: none, multiplier: [1, 2]}", true, "expected another name");
    refused("- {name: x, multiplier: [1, 2], planned: perhaps}", true,
            "planned: found \"perhaps\"");
}

/* D6: a class of the user's own, and one of ours with other ranges. */
static void test_classes(void **state)
{
    (void)state;
    struct event_classes classes;
    struct fw_detail detail = {""};
    event_classes_default(&classes);
    size_t before = classes.count;
    const char *text =
        "classes:\n- {name: nightly_batch, multiplier: [1.5, 3], duration_hours: [1, 4], planned: "
        "true}\n"
        "- {name: api_abuse, multiplier: [10, inf], caller_concentration: [0.9, 1], prior: 2}\n";
    if (event_file_parse_classes(&classes, "c.yaml", str_of(text), &detail) != FW_OK)
        fail_msg("%s", detail.text);
    assert_int_equal(classes.count, before + 1);
    assert_string_equal(classes.rows[before].name, "nightly_batch");
    assert_int_equal(classes.rows[before].planned, EVENT_PLAN_YES);
    assert_true(isnan(classes.rows[before].range[EVENT_RISE].low));
    assert_float_equal(classes.rows[2].range[EVENT_MULTIPLIER].low, 10, 0);
    assert_true(isinf(classes.rows[2].range[EVENT_MULTIPLIER].high));
    assert_float_equal(classes.rows[2].prior, 2, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_calendar),
                                       cmocka_unit_test(test_problems),
                                       cmocka_unit_test(test_classes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
