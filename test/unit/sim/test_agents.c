/* SPDX-License-Identifier: MIT
 * Agents in a closed loop whose models do not fit together (P10): what dwelling saves them, that it
 * leaves alone whom it cannot help, and that saving and loading the engine changes nothing. */
#include "base/time.h"
#include "sim/agents.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

static const uint64_t sizes[] = {UINT64_C(16) << 30, UINT64_C(16) << 30};
static const int64_t load_ns[] = {20 * TIME_SECOND, 20 * TIME_SECOND};

static struct agents_settings two_agents(const char *policy, int64_t dwell_ns)
{
    struct agents_settings settings = {
        .agents = {{.models = {0}, .steps = 1, .think_s = 2, .run_s = 1},
                   {.models = {1}, .steps = 1, .think_s = 2, .run_s = 1}},
        .agent_count = 2,
        .model_count = 2,
        .sizes = sizes,
        .load_ns = load_ns,
        .from_ns = 10 * TIME_MINUTE,
        .until_ns = 2 * TIME_HOUR,
        .seed = 11};
    option_defaults(engine_option_rows, engine_option_count, &settings.engine);
    settings.engine.memory = UINT64_C(24) << 30;
    settings.engine.hold_timeout_ns = TIME_DAY;
    settings.engine.dwell_ns = dwell_ns;
    (void)snprintf(settings.engine.policy, sizeof settings.engine.policy, "%s", policy);
    return settings;
}

static struct agents_result run(const struct agents_settings *settings)
{
    struct agents_result result;
    struct fw_detail detail = {""};
    assert_int_equal(agents_run(settings, &result, &detail), FW_OK);
    return result;
}

static void two_agents_share_what_holds_one_model(void **state)
{
    (void)state;
    struct agents_settings settings = two_agents("lru", TIME_MINUTE);
    struct agents_result lru = run(&settings);
    settings = two_agents("planner", 0);
    struct agents_result restless = run(&settings);
    settings = two_agents("planner", TIME_MINUTE);
    struct agents_result dwelling = run(&settings);
    assert_int_equal(restless.dwelt + lru.dwelt, 0);
    /* Before, a load a request and two loads of waiting. */
    assert_true(restless.loads * 10 > restless.requests * 9 && lru.loads * 10 > lru.requests * 9);
    assert_true(restless.mean_wait_s > 35 && lru.mean_wait_s > 35);
    assert_true(dwelling.loads * 4 < dwelling.requests);
    assert_true(dwelling.requests > 2 * lru.requests);
    assert_true(dwelling.mean_wait_s * 3 < lru.mean_wait_s);
    /* Nobody waits longer by more than a load takes. */
    assert_true(dwelling.max_wait_s <= restless.max_wait_s + 20);
}

/* It needs the one while the other answers: whatever stays, it waits for a load each time. */
static void one_that_alternates_is_left_alone(void **state)
{
    (void)state;
    struct agents_settings settings = two_agents("planner", TIME_MINUTE);
    settings.agents[0] = (struct agent){.models = {0, 1}, .steps = 2, .think_s = 2, .run_s = 1};
    settings.agent_count = 1;
    struct agents_result with = run(&settings);
    settings.engine.dwell_ns = 0;
    struct agents_result without = run(&settings);
    assert_true(with.requests > 100 && with.dwelt == 0);
    assert_true(with.decision_hash == without.decision_hash);
}

/* The snapshot law, with stays in every state of being earned and waited for. */
static void saving_and_loading_changes_nothing(void **state)
{
    (void)state;
    struct agents_settings settings = two_agents("planner", TIME_MINUTE);
    settings.until_ns = 30 * TIME_MINUTE;
    struct agents_result once = run(&settings);
    settings.reloads = true;
    struct agents_result again = run(&settings);
    assert_true(once.dwelt > 0 && once.requests == again.requests);
    assert_true(once.decision_hash == again.decision_hash);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_agents_share_what_holds_one_model),
        cmocka_unit_test(one_that_alternates_is_left_alone),
        cmocka_unit_test(saving_and_loading_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
