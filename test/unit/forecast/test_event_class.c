/* SPDX-License-Identifier: MIT
 * D6: events told apart by size, length, rise, callers, tokens and the calendar, with the reason in
 * words. */
#include "base/prng.h"
#include "forecast/event_softmax.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct event_classes classes;
static struct event_verdict verdict;

static const char *best(struct event_seen seen)
{
    double sum = 0;
    event_classes_default(&classes);
    event_classify(&classes, &seen, &verdict);
    for (size_t i = 0; i <= classes.count; i++) {
        sum += verdict.probability[i];
        assert_true(verdict.probability[i] <= verdict.probability[verdict.best]);
    }
    assert_float_equal(sum, 1, 1e-12);
    return event_class_name(&classes, verdict.best);
}

/* The specification's four kinds, from the series alone. */
static void test_four_kinds(void **state)
{
    (void)state;
    assert_string_equal(best((struct event_seen){{6, 168, 1, NAN, NAN}, .ongoing = false}),
                        "feature_launch");
    assert_string_equal(best((struct event_seen){{3, 60, 4, NAN, NAN}, .ongoing = false}),
                        "viral_event");
    assert_string_equal(best((struct event_seen){{3.5, 3, 0.5, NAN, NAN}, .ongoing = false}),
                        "api_abuse");
    assert_string_equal(best((struct event_seen){{1.7, 600, 400, NAN, NAN}, .ongoing = true}),
                        "gradual_growth");
    assert_true(verdict.probability[verdict.best] > .9);
    assert_string_equal(best((struct event_seen){{.3, 5, 1, NAN, NAN}, .ongoing = false}), "none");
    assert_non_null(strstr(verdict.reason, "fell to 0.30 times the usual"));
    assert_string_equal(best((struct event_seen){{40, 2000, 500, .9, 9}, .ongoing = false}),
                        "none");
}

/* Between two kinds the callers, the tokens and the calendar decide. */
static void test_what_decides(void **state)
{
    (void)state;
    struct event_seen seen = {{3, 10, 1, NAN, NAN}, .ongoing = false};
    seen.feature[EVENT_CONCENTRATION] = .9;
    assert_string_equal(best(seen), "api_abuse");
    double few = verdict.probability[2];
    assert_non_null(strstr(verdict.reason, "from few callers (90 %)"));
    seen.feature[EVENT_CONCENTRATION] = .05;
    (void)best(seen);
    assert_true(verdict.probability[2] < few / 2);
    struct calendar_event launch = {.name = "v2", .class_name = ""};
    struct event_seen middle = {{4.5, 90, 3, NAN, NAN}, .calendar = true};
    assert_string_equal(best(middle), "viral_event");
    assert_non_null(strstr(verdict.reason, "not planned"));
    middle.planned = &launch;
    assert_string_equal(best(middle), "feature_launch");
    assert_non_null(strstr(verdict.reason, "planned as \"v2\""));
    struct calendar_event named = {.name = "talk", .class_name = "viral_event"};
    middle.planned = &named;
    assert_string_equal(best(middle), "viral_event");
    assert_true(verdict.probability[1] > .9);
}

/* What is not over may become as long as its kind lasts. */
static void test_ongoing(void **state)
{
    (void)state;
    struct event_seen seen = {{6, 10, 1, NAN, NAN}, .ongoing = false};
    (void)best(seen);
    double over = verdict.probability[0];
    seen.ongoing = true;
    assert_string_equal(best(seen), "feature_launch");
    assert_true(verdict.probability[0] > over);
    assert_non_null(strstr(verdict.reason, "for 10 h so far"));
}

static void test_own_class(void **state)
{
    (void)state;
    event_classes_default(&classes);
    classes.rows[classes.count++] = (struct event_class){
        "outage", {{0, .2}, {1, 10}, {NAN, NAN}, {NAN, NAN}, {NAN, NAN}}, EVENT_PLAN_ANY, 1};
    struct event_seen seen = {{.1, 3, 1, NAN, NAN}, .ongoing = false};
    event_classify(&classes, &seen, &verdict);
    assert_string_equal(event_class_name(&classes, verdict.best), "outage");
    /* Outside one range by one soft edge (.15 in logarithms): a bell's value there, exp(-1/2). */
    classes.count = 1;
    classes.rows[0] = (struct event_class){
        "x", {{2, 4}, {NAN, NAN}, {NAN, NAN}, {NAN, NAN}, {NAN, NAN}}, EVENT_PLAN_ANY, 1};
    seen.feature[EVENT_MULTIPLIER] = 4 * exp(.15);
    event_classify(&classes, &seen, &verdict);
    assert_float_equal(verdict.probability[0], exp(-.5) / (exp(-.5) + .1), 1e-12);
}

/* Sixty labelled events of two kinds that differ in length and callers alone; then ones never seen.
 */
static void test_softmax(void **state)
{
    (void)state;
    static struct event_softmax softmax;
    static struct event_seen seen[60];
    struct event_example examples[60];
    struct prng prng;
    double probability[EVENT_CLASSES_MAX];
    prng_init(&prng, 3);
    for (size_t i = 0; i < 60; i++) {
        bool night = i % 2;
        seen[i] =
            (struct event_seen){{2 + prng_uniform(&prng),
                                 night ? 3 + 2 * prng_uniform(&prng) : 20 + 9 * prng_uniform(&prng),
                                 1, night ? .8 : .1, NAN},
                                .ongoing = false};
        examples[i] = (struct event_example){&seen[i], night ? 4 : 1};
    }
    assert_int_equal(event_softmax_learn(&softmax, examples, 49, 6), FW_NO); /* too few */
    assert_int_equal(event_softmax_learn(&softmax, examples, 60, 6), FW_OK);
    struct event_seen one = {{2.4, 4, 1, .7, NAN}, .ongoing = false},
                      other = {{2.4, 30, 1, NAN, NAN}, .ongoing = false};
    event_softmax_tell(&softmax, &one, probability);
    assert_true(probability[4] > .9);
    assert_float_equal(probability[0] + probability[2] + probability[3] + probability[5], 0,
                       0); /* never labelled */
    event_softmax_tell(&softmax, &other, probability);
    assert_true(probability[1] > .8);
    assert_float_equal(probability[1] + probability[4], 1, 1e-12);
    for (size_t i = 0; i < 60; i++)
        examples[i].class = 2;
    assert_int_equal(event_softmax_learn(&softmax, examples, 60, 6),
                     FW_NO); /* one kind tells nothing apart */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_four_kinds), cmocka_unit_test(test_what_decides),
        cmocka_unit_test(test_ongoing), cmocka_unit_test(test_own_class),
        cmocka_unit_test(test_softmax)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
