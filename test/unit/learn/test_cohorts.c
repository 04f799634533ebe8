/* SPDX-License-Identifier: MIT
 * Tools side by side, the gate that lets one go first (D19: what is left to wait is worked out at
 * once from what has passed, so a late waiter waits no longer), and prompts that stay the same. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "callpath_script.h"
#include "learn/cohorts.h"
#include "learn/prompts.h"

static void tool(struct script *script, const char *name, int64_t from_ms, int64_t to_ms)
{
    call(script, NULL, name, from_ms, to_ms, CALLPATH_NO_TOKENS)->kind = CALLPATH_TOOL;
}

static uint64_t seen(const struct cohorts *cohorts, const char *key)
{
    uint32_t number = table_find(&cohorts->keys, str_of(key));
    return number == TABLE_NONE ? 0 : cohorts->of[number].seen;
}

static void tools_side_by_side_are_cohorts(void **state)
{
    (void)state;
    struct cohorts cohorts;
    struct script script;
    cohorts_init(&cohorts);
    begin(&script, "a", BEGIN_NS);
    tool(&script, "web", 0, 100);
    tool(&script, "db", 50, 300);
    tool(&script, "web", 60, 90);
    tool(&script, "late", 100, 200); /* the first has ended when this begins */
    tool(&script, "alone", 300, 400);
    tool(&script, "open", 310, -1);
    call(&script, NULL, "model", 0, 1000, 1);
    assert_int_equal(cohorts_learn(&cohorts, &script.run), FW_OK);
    assert_int_equal(cohorts_learn(&cohorts, &script.run), FW_OK);
    assert_int_equal(cohorts.keys.count, 3);
    assert_int_equal(seen(&cohorts, "db|web"), 2);
    assert_int_equal(seen(&cohorts, "db|web|web"), 2);
    assert_int_equal(seen(&cohorts, "db|late"), 2);
    cohorts_fini(&cohorts);
}

/* A hundred tools at once: bounded, and what is left out is counted. */
static void cohorts_are_bounded(void **state)
{
    (void)state;
    struct cohorts cohorts;
    static struct script script;
    cohorts_init(&cohorts);
    begin(&script, "a", BEGIN_NS);
    for (int i = 0; i < 100; i++)
        tool(&script, "t", i, 1000);
    assert_int_equal(cohorts_learn(&cohorts, &script.run), FW_OK);
    assert_int_equal(cohorts.keys.count, COHORT_SIZE_MAX - 1);
    assert_int_equal(cohorts.left_out, 100 - COHORT_SIZE_MAX);
    cohorts_fini(&cohorts);
}

static void one_goes_first_where_it_pays(void **state)
{
    (void)state;
    /* length * F * min(seen, 4) > 12 + 4 F^2, F = size - 1, seen >= 2 */
    for (uint32_t size = 0; size < 20; size++)
        for (uint64_t times = 0; times < 8; times++)
            for (uint64_t length = 0; length < 60; length++) {
                uint64_t followers = size - UINT64_C(1), weight = times < 4 ? times : 4;
                bool expected = size >= 2 && times >= 2 &&
                                length * followers * weight > 12 + 4 * followers * followers;
                assert_int_equal(cohorts_warm_first(length, size, times), expected);
            }
    assert_int_equal(cohorts_wait_ns(TIME_SECOND, 0), 150 * TIME_MILLISECOND);
    assert_int_equal(cohorts_wait_ns(100 * TIME_MILLISECOND, 0), 100 * TIME_MILLISECOND);
    assert_int_equal(cohorts_wait_ns(TIME_SECOND, 140 * TIME_MILLISECOND), 10 * TIME_MILLISECOND);
    assert_int_equal(cohorts_wait_ns(TIME_SECOND, TIME_SECOND), 0);
}

static const struct prompts_prices prices = {1.25, 0.1, 1024};

static void ask(struct prompts *prompts, int number, bool same_tools)
{
    struct prompts_block blocks[4] = {
        {same_tools ? 1 : 100 + (uint64_t)number, 4000}, /* tools */
        {2, 4000},                                       /* system */
        {3 + (uint64_t)(number % 2), 400},
        {1000 + (uint64_t)number, 400},
    };
    assert_int_equal(prompts_add(prompts, blocks, 4, BEGIN_NS + number * 30 * TIME_SECOND), FW_OK);
}

static void what_stays_of_prompts_is_found(void **state)
{
    (void)state;
    struct prompts prompts = {.seen = 0};
    static struct prompts_report report;
    prompts_report(&prompts, &prices, &report);
    assert_int_equal(report.requests, 0);
    for (int i = 0; i < 250; i++)
        ask(&prompts, i, true);
    prompts_report(&prompts, &prices, &report);
    assert_int_equal(report.requests, 100);
    assert_int_equal(report.place_count, 4);
    assert_int_equal(report.stable_blocks, 2);
    assert_int_equal(report.stable_tokens, 2000);
    assert_int_equal(report.places[0].class, PROMPTS_STABLE);
    assert_int_equal(report.places[2].class, PROMPTS_SEMI);
    assert_int_equal(report.places[3].class, PROMPTS_VARIABLE);
    assert_true(report.reads >= 99 && report.reads <= 99);
    assert_true(report.net_tokens > 2000 * (0.9 * 99 - 0.25) - 1e-6 &&
                report.net_tokens < 2000 * (0.9 * 99 - 0.25) + 1e-6);
    assert_int_equal(report.life, PROMPTS_MINUTE);
    assert_int_equal(report.median_gap_ns, 30 * TIME_SECOND);
    prompts_fini(&prompts);
}

/* What stays behind something that changes cannot be cached; few requests are not trusted; a short
 * prefix is not cached at all. */
static void what_cannot_be_cached_is_told(void **state)
{
    (void)state;
    struct prompts prompts = {.seen = 0};
    static struct prompts_report report;
    struct prompts_prices high = prices;
    for (int i = 0; i < 100; i++)
        ask(&prompts, i, false);
    prompts_report(&prompts, &prices, &report);
    assert_int_equal(report.stable_blocks, 0);
    assert_int_equal(report.places[1].class, PROMPTS_STABLE);
    assert_true(report.net_tokens <= 0);
    prompts_fini(&prompts);
    for (int i = 0; i < 3; i++)
        ask(&prompts, i, true);
    prompts_report(&prompts, &prices, &report);
    assert_int_equal(report.stable_blocks, 2);
    assert_true(report.places[0].confidence < 0.16 && report.reads < 0.31);
    high.least_tokens = 2001;
    prompts_report(&prompts, &high, &report);
    assert_true(report.net_tokens <= 0);
    prompts_fini(&prompts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tools_side_by_side_are_cohorts),
        cmocka_unit_test(cohorts_are_bounded),
        cmocka_unit_test(one_goes_first_where_it_pays),
        cmocka_unit_test(what_stays_of_prompts_is_found),
        cmocka_unit_test(what_cannot_be_cached_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
