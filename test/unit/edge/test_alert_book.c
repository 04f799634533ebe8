/* SPDX-License-Identifier: MIT
 * The book of alerts: one alert an event, each receiver told once of each end, in order; what is
 * kept and read back; bounds; the bodies that receivers get (D15). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "edge/alert_text.h"
#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define AT(seconds) ((INT64_C(1772316000) + (seconds)) * TIME_SECOND)

static struct config_alerts config;
static const char *const names[] = {"one", "two"};

static int set_up(void **state)
{
    static struct alert_book book;
    memset(&config, 0, sizeof config);
    for (int i = 0; i < ALERT_RULE_COUNT; i++)
        config.rules[i] = (struct config_rule){.on = true, .severity = ALERT_WARNING};
    assert_int_equal(alert_book_init(&book, 2), FW_OK);
    *state = &book;
    return 0;
}

static int tear_down(void **state)
{
    alert_book_fini(*state);
    return 0;
}

static void set(struct alert_book *book, const char *subject, bool held, int64_t at_s)
{
    alert_book_set(book, ALERT_FAILED, str_of(subject), held, "it failed", AT(at_s));
}

static bool sweep(struct alert_book *book, int64_t at_s)
{
    return alert_book_sweep(book, config.rules, AT(at_s));
}

/* What the receiver is told next, and that it took it. 'o' open, 'x' over, '-' nothing. */
static char tell(struct alert_book *book, uint32_t receiver, char subject[2])
{
    enum alert_stage stage;
    const struct alert *alert = alert_book_due(book, receiver, &stage);
    if (!alert)
        return '-';
    subject[0] = alert->subject[0];
    alert_book_told(book, alert->number, receiver, stage);
    return stage == ALERT_TOLD_OPEN ? 'o' : 'x';
}

static void one_alert_however_long_it_holds(void **state)
{
    struct alert_book *book = *state;
    char subject[2] = "";
    for (int i = 0; i < 100; i++) {
        set(book, "m", true, i);
        assert_int_equal(sweep(book, i), i == 0);
    }
    assert_int_equal(tell(book, 0, subject), 'o');
    assert_int_equal(tell(book, 0, subject), '-');
    set(book, "m", false, 100);
    assert_true(sweep(book, 100));
    assert_false(sweep(book, 101));
    assert_int_equal(tell(book, 0, subject), 'x');
    assert_int_equal(tell(book, 0, subject), '-');
    /* The other was away all the time: it hears of both ends, in order. */
    assert_int_equal(alert_book_waiting(book, 1), 1);
    assert_int_equal(tell(book, 1, subject), 'o');
    assert_int_equal(tell(book, 1, subject), 'x');
    assert_int_equal(tell(book, 1, subject), '-');
    /* The same again is another event. */
    set(book, "m", true, 200);
    assert_true(sweep(book, 200));
    assert_int_equal(tell(book, 0, subject), 'o');
    assert_int_equal(book->count, 2);
    assert_int_not_equal(book->alerts[0].number, book->alerts[1].number);
}

static void it_must_hold_for_a_while(void **state)
{
    struct alert_book *book = *state;
    config.rules[ALERT_FAILED].hold_ns = 60 * TIME_SECOND;
    config.rules[ALERT_FAILED].resolve_ns = 120 * TIME_SECOND;
    set(book, "m", true, 0);
    assert_false(sweep(book, 0));
    set(book, "m", false, 30);
    assert_false(sweep(book, 59)); /* it may come again within resolve_after */
    assert_int_equal(book->count, 1);
    assert_false(sweep(book, 150));
    assert_int_equal(book->count, 0);
    set(book, "m", true, 200);
    assert_false(sweep(book, 259));
    assert_true(sweep(book, 260));
    assert_int_equal(book->alerts[0].open_ns, AT(260));
    assert_int_equal(book->alerts[0].first_ns, AT(200));
    /* Flapping is one alert. */
    for (int i = 0; i < 10; i++) {
        set(book, "m", i % 2, 300 + 100 * i);
        assert_false(sweep(book, 300 + 100 * i));
    }
    set(book, "m", false, 1300);
    assert_false(sweep(book, 1310)); /* last held at 1200 */
    assert_true(sweep(book, 1320));
    assert_int_equal(book->alerts[0].over_ns, AT(1320));
}

static void a_moment_is_over_by_itself(void **state)
{
    struct alert_book *book = *state;
    config.rules[ALERT_ANOMALY].resolve_ns = 900 * TIME_SECOND;
    alert_book_note(book, ALERT_ANOMALY, STR("m"), "a launch", AT(0));
    assert_true(sweep(book, 5));
    alert_book_note(book, ALERT_ANOMALY, STR("m"), "a launch still", AT(600));
    assert_false(sweep(book, 1400));
    assert_string_equal(book->alerts[0].words, "a launch");
    assert_true(sweep(book, 1500));
    assert_int_equal(book->count, 1);
}

static void rules_may_be_off(void **state)
{
    struct alert_book *book = *state;
    char subject[2] = "";
    set(book, "m", true, 0);
    assert_true(sweep(book, 0));
    config.rules[ALERT_FAILED].on = false;
    assert_true(sweep(book, 1)); /* switched off while open: over */
    assert_int_equal(tell(book, 0, subject), 'o');
    assert_int_equal(tell(book, 0, subject), 'x');
    set(book, "n", true, 2);
    assert_false(sweep(book, 3));
    assert_int_equal(tell(book, 0, subject), '-');
}

static void what_is_not_set_again_is_taken_back(void **state)
{
    struct alert_book *book = *state;
    set(book, "a", true, 0);
    set(book, "b", true, 0);
    sweep(book, 0);
    alert_book_unset(book, ALERT_FAILED);
    set(book, "b", true, 10);
    assert_true(sweep(book, 10));
    assert_int_equal(book->alerts[0].over_ns, AT(10));
    assert_int_equal(book->alerts[1].over_ns, 0);
}

static void there_is_room_for_so_many(void **state)
{
    struct alert_book *book = *state;
    char subject[16], first[2];
    for (int i = 0; i < ALERTS_MAX + 7; i++) {
        (void)snprintf(subject, sizeof subject, "%d", i);
        set(book, subject, true, 0);
    }
    assert_int_equal(book->count, ALERTS_MAX);
    assert_int_equal(book->dropped, 7);
    sweep(book, 0);
    assert_int_equal(alert_book_waiting(book, 0), ALERTS_MAX);
    /* Those that are over and told make room; the latest are kept to be shown. */
    alert_book_unset(book, ALERT_FAILED);
    sweep(book, 1);
    for (int i = 0; i < 2 * ALERTS_MAX; i++) {
        assert_int_not_equal(tell(book, 0, first), '-');
        assert_int_not_equal(tell(book, 1, first), '-');
    }
    sweep(book, 2);
    assert_int_equal(book->count, ALERTS_PAST_MAX);
    set(book, "new", true, 3);
    assert_int_equal(book->count, ALERTS_PAST_MAX + 1);
    assert_int_equal(book->dropped, 7);
}

static void what_was_told_survives(void **state)
{
    struct alert_book *book = *state, again;
    struct buf text;
    struct fw_detail detail = {""};
    char subject[2] = "";
    set(book, "a", true, 0);
    set(book, "b", true, 0);
    set(book, "c", true, 0);
    sweep(book, 0);
    tell(book, 0, subject);
    set(book, "b", false, 1);
    sweep(book, 1);
    alert_book_note(book, ALERT_COLD, STR("waits"), "not yet an alert", AT(1));
    buf_init(&text, ALERT_FILE_MAX);
    alert_book_save(book, names, &text);
    assert_false(text.failed);
    assert_int_equal(alert_book_init(&again, 2), FW_OK);
    /* The receivers stand in another order now, and one is new. */
    const char *const others[] = {"three", "one"};
    assert_int_equal(alert_book_load(&again, others, buf_str(&text), &detail), FW_OK);
    assert_int_equal(again.count, 3);
    assert_int_equal(tell(&again, 1, subject), 'o');
    assert_string_equal(subject, "b");
    assert_int_equal(tell(&again, 1, subject), 'x');
    assert_int_equal(tell(&again, 1, subject), 'o');
    assert_string_equal(subject, "c");
    assert_int_equal(tell(&again, 1, subject), '-');
    /* The new one hears of what is open, not of what is over. */
    assert_int_equal(tell(&again, 0, subject), 'o');
    assert_string_equal(subject, "a");
    assert_int_equal(tell(&again, 0, subject), 'o');
    assert_string_equal(subject, "c");
    assert_int_equal(tell(&again, 0, subject), '-');
    /* A condition that holds still is no new alert, one that does not is over; numbers go on. */
    sweep(&again, 9);
    assert_int_equal(tell(&again, 0, subject), '-');
    alert_book_unset(&again, ALERT_FAILED);
    set(&again, "a", true, 10);
    sweep(&again, 10);
    assert_int_equal(tell(&again, 0, subject), 'x');
    assert_string_equal(subject, "c");
    assert_int_equal(tell(&again, 0, subject), '-');
    assert_true(again.next >= book->next);
    alert_book_fini(&again);
    buf_fini(&text);
}

static void nonsense_is_not_read(void **state)
{
    static const char *const texts[] = {
        "",
        "[]",
        "{",
        "{\"version\":1}",
        "{\"version\":1,\"next\":1,\"alerts\":[7]}",
        "{\"version\":1,\"next\":0,\"alerts\":[]}",
        "{\"version\":1,\"next\":5,\"alerts\":[{\"number\":1,\"rule\":\"none\"}]}",
        "{\"version\":1,\"next\":5,\"alerts\":[{\"number\":9,\"rule\":\"anomaly\",\"severity\":"
        "\"info\",\"subject\":\"m\",\"words\":\"w\",\"first_ns\":1,\"last_ns\":1,\"open_ns\":1,"
        "\"over_ns\":0,\"told\":{}}]}",
        "{\"version\":1,\"next\":5,\"alerts\":[{\"number\":1,\"rule\":\"anomaly\",\"severity\":"
        "\"info\",\"subject\":\"m\",\"words\":\"w\",\"first_ns\":1,\"last_ns\":1,\"open_ns\":1,"
        "\"over_ns\":0,\"told\":{\"one\":7}}]}",
        "{\"version\":1,\"next\":5,\"alerts\":[{\"number\":1,\"rule\":\"anomaly\",\"severity\":"
        "\"info\",\"subject\":\"m\",\"words\":\"w\",\"first_ns\":-1,\"last_ns\":1,\"open_ns\":1,"
        "\"over_ns\":0,\"told\":{}}]}",
    };
    struct alert_book *book = *state;
    struct fw_detail detail;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        detail.text[0] = '\0';
        assert_int_equal(alert_book_load(book, names, str_of(texts[i]), &detail), FW_CORRUPT);
        assert_true(detail.text[0] != '\0');
        assert_int_equal(book->count, 0);
    }
    assert_int_equal(
        alert_book_load(book, names, STR("{\"version\":2,\"next\":1,\"alerts\":[]}"), &detail),
        FW_VERSION);
}

static void receivers_change(void **state)
{
    struct alert_book *book = *state;
    char subject[2] = "";
    const uint32_t from[] = {1, ALERT_RECEIVER_NEW, 0};
    set(book, "a", true, 0);
    sweep(book, 0);
    tell(book, 0, subject);
    alert_book_receivers(book, from, 3);
    assert_int_equal(tell(book, 0, subject), 'o');
    assert_int_equal(tell(book, 1, subject), 'o');
    assert_int_equal(tell(book, 2, subject), '-');
}

/* ---- bodies ---- */

static json_t *body(struct alert_book *book, enum alert_kind kind, enum alert_stage stage)
{
    struct buf out;
    const struct alert_letter letter = {.kind = kind,
                                        .alerts = book->alerts,
                                        .count = 1,
                                        .stage = stage,
                                        .instance = "host:7700",
                                        .link = "http://host:7701/",
                                        .routing_key = "0123456789abcdef",
                                        .until_ns = AT(1000)};
    buf_init(&out, 1 << 20);
    alert_text_write(&letter, &out);
    assert_false(out.failed);
    json_t *root = json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    buf_fini(&out);
    return root;
}

static void is(json_t *root, const char *path, const char *expected)
{
    struct str rest = str_of(path), part;
    char key[64];
    while (str_cut(&rest, '.', &part)) {
        (void)snprintf(key, sizeof key, "%.*s", STR_ARG(part));
        root = json_object_get(root, key);
    }
    assert_non_null(root);
    assert_string_equal(json_string_value(root), expected);
}

static void bodies(void **state)
{
    struct alert_book *book = *state;
    char key[ALERT_KEY_MAX], again[ALERT_KEY_MAX];
    alert_book_set(book, ALERT_FAILED, STR("m<1>"), true, "m<1> & \"more\": failed", AT(0));
    sweep(book, 0);
    alert_text_key(book->alerts, "host:7700", key);
    json_t *list = body(book, ALERT_ALERTMANAGER, ALERT_TOLD_OPEN), *root = json_array_get(list, 0);
    assert_int_equal(json_array_size(list), 1);
    is(root, "labels.alertname", "ForewarmWarmupFailed");
    is(root, "labels.severity", "warning");
    is(root, "labels.subject", "m<1>");
    is(root, "startsAt", "2026-02-28T22:00:00Z");
    is(root, "endsAt", "2026-02-28T22:16:40Z");
    is(root, "generatorURL", "http://host:7701/");
    json_decref(list);
    root = body(book, ALERT_PAGERDUTY, ALERT_TOLD_OPEN);
    is(root, "event_action", "trigger");
    is(root, "dedup_key", key);
    is(root, "payload.summary", "m<1> & \"more\": failed");
    is(root, "payload.severity", "warning");
    json_decref(root);
    root = body(book, ALERT_SLACK, ALERT_TOLD_OPEN);
    is(root, "text",
       ":red_circle: *warning* m&lt;1&gt; &amp; \"more\": failed (host:7700, http://host:7701/)");
    json_decref(root);
    alert_book_unset(book, ALERT_FAILED);
    sweep(book, 90);
    root = body(book, ALERT_PAGERDUTY, ALERT_TOLD_OVER);
    is(root, "event_action", "resolve");
    is(root, "dedup_key", key);
    is(root, "payload.summary", "over after 1 min 30 s: m<1> & \"more\": failed");
    json_decref(root);
    root = body(book, ALERT_WEBHOOK, ALERT_TOLD_OVER);
    is(root, "status", "resolved");
    is(root, "key", key);
    is(root, "over", "2026-02-28T22:01:30Z");
    json_decref(root);
    list = body(book, ALERT_ALERTMANAGER, ALERT_TOLD_OVER);
    is(json_array_get(list, 0), "endsAt", "2026-02-28T22:01:30Z");
    json_decref(list);
    alert_text_key(book->alerts, "host:7700", again);
    assert_string_equal(key, again);
    alert_text_key(book->alerts, "other:7700", again);
    assert_string_not_equal(key, again);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(one_alert_however_long_it_holds),
        TEST(it_must_hold_for_a_while),
        TEST(a_moment_is_over_by_itself),
        TEST(rules_may_be_off),
        TEST(what_is_not_set_again_is_taken_back),
        TEST(there_is_room_for_so_many),
        TEST(what_was_told_survives),
        TEST(nonsense_is_not_read),
        TEST(receivers_change),
        TEST(bodies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
