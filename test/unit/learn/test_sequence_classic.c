/* SPDX-License-Identifier: MIT
 * F1, F2: the three classic strategies, with their priorities and expected times worked out by
 * hand. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/time.h"
#include "learn/sequence_classic.h"
#include <math.h>

#define S          TIME_SECOND
#define NEAR(a, b) assert_true(fabs((a) - (b)) < 1e-6)

static void sequential_looks_three_ahead(void **state) /* F1, F2 */
{
    (void)state;
    struct classic_name next[CLASSIC_LOOKAHEAD];
    assert_int_equal(classic_sequential(STR("news_page_9"), next), 3);
    assert_string_equal(next[0].text, "news_page_10");
    assert_string_equal(next[1].text, "news_page_11");
    assert_string_equal(next[2].text, "news_page_12");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(next[i].priority, i + 1);
        assert_int_equal(next[i].expected_ns, 2 * (i + 1) * S);
    }
}

static void sequential_needs_a_plain_number(void **state)
{
    (void)state;
    struct classic_name next[CLASSIC_LOOKAHEAD];
    const char *const none[] = {"page",    "page_",   "page_x",
                                "page_+5", "page_-5", "7",
                                "",        "page_7x", "page_99999999999999999999"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_int_equal(classic_sequential(str_of(none[i]), next), 0);
    assert_int_equal(classic_sequential(STR("a_18446744073709551614"), next), 1);
    assert_string_equal(next[0].text, "a_18446744073709551615");
    char longest[CLASSIC_NAME_MAX + 2] = "";
    memset(longest, 'x', sizeof longest - 1);
    longest[CLASSIC_NAME_MAX - 1] = '_';
    longest[CLASSIC_NAME_MAX] = '1';
    assert_int_equal(classic_sequential(str_of(longest), next), 0);
}

/* One history over everybody: 1 2 1 2 1 3, then ten more successors of 4. */
static void pattern_issues_what_has_more_than_a_tenth(void **state) /* F1, F2 */
{
    (void)state;
    struct classic classic;
    struct classic_request out[CLASSIC_WINDOW];
    assert_int_equal(classic_init(&classic, 100, 1000), FW_OK);
    const uint32_t history[] = {1, 2, 1, 2, 1, 3};
    for (int i = 0; i < 6; i++)
        classic_pattern_learn(&classic, history[i]);
    assert_int_equal(classic_pattern(&classic, 1, out), 2); /* 2 twice, 3 once */
    assert_int_equal(out[0].item, 2);
    NEAR(out[0].probability, 2.0 / 3);
    assert_int_equal(out[0].priority, 3); /* trunc((1 - 2/3) * 10) */
    assert_int_equal(out[0].expected_ns, 3 * S / 2);
    assert_int_equal(out[1].item, 3);
    assert_int_equal(out[1].priority, 6);
    assert_int_equal(out[1].expected_ns, 3 * S);
    assert_int_equal(classic_pattern(&classic, 2, out), 1);
    assert_int_equal(out[0].priority, 0); /* one successor: p = 1 */
    assert_int_equal(classic_pattern(&classic, 3, out), 0);
    assert_int_equal(classic_pattern(&classic, 5000, out), 0);
    for (uint32_t i = 0; i < 10; i++) { /* each a tenth: not more than 10 % */
        classic_pattern_learn(&classic, 4);
        classic_pattern_learn(&classic, 50 + i);
    }
    assert_int_equal(classic_pattern(&classic, 4, out), 0);
    classic_fini(&classic);
}

static void user_behaviour_issues_the_first_three_seen(void **state) /* F1, F2 */
{
    (void)state;
    struct classic classic;
    struct classic_request out[CLASSIC_TOP];
    assert_int_equal(classic_init(&classic, 100, 1000), FW_OK);
    const uint32_t next[] = {9, 8, 8, 8, 7, 6, 6, 6, 6};
    for (int i = 0; i < 9; i++)
        classic_user_learn(&classic, 1, next[i]);
    assert_int_equal(classic_user(&classic, 1, out), 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(out[i].item, 9 - i); /* in the order first seen, however often */
        assert_int_equal(out[i].priority, (int)i + 1);
        assert_int_equal(out[i].expected_ns, (i + 1) * S);
    }
    assert_int_equal(classic_user(&classic, 2, out), 0);
    classic_fini(&classic);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sequential_looks_three_ahead),
        cmocka_unit_test(sequential_needs_a_plain_number),
        cmocka_unit_test(pattern_issues_what_has_more_than_a_tenth),
        cmocka_unit_test(user_behaviour_issues_the_first_three_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
