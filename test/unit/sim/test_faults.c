/* SPDX-License-Identifier: MIT
 * simulate: the checks notice what they are for, seeds repeat, and what seeds have found stays
 * fixed. */
#include "base/time.h"
#include "core/engine.h"
#include "sim/faults.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static struct prng prng;
static struct hostile world;

static int set_up(void **state)
{
    (void)state;
    prng_init(&prng, 1);
    assert_int_equal(hostile_init(&world, &prng, 3), FW_OK);
    for (int i = 0; i < 3; i++)
        world.resources[i].size = (uint64_t)4 << 30;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    hostile_fini(&world);
    return 0;
}

static void perform(uint32_t kind, uint32_t resource, uint64_t request, uint64_t attempt)
{
    const struct action action = {.kind = kind,
                                  .resource = resource,
                                  .request = request,
                                  .attempt = attempt,
                                  .cause = CAUSE_REQUEST};
    assert_int_equal(hostile_perform(&world, &action, 0), FW_OK);
}

static void deliver(uint32_t kind, uint32_t resource, uint64_t attempt)
{
    const struct event event = {.kind = kind, .resource = resource, .attempt = attempt};
    hostile_deliver(&world, &event);
    hostile_told(&world, &event);
}

static void make_ready(uint32_t resource, uint64_t attempt)
{
    perform(ACTION_WARM, resource, 0, attempt);
    deliver(EVENT_PROVEN, resource, attempt);
    assert_false(world.failed);
    assert_int_equal(world.resources[resource].state, HOSTILE_READY);
}

static void assert_noticed(const char *check)
{
    assert_true(world.failed);
    if (!str_starts(str_of(world.failure), str_of(check)))
        fail_msg("\"%s\" is not about %s", world.failure, check);
}

static void test_two_loads_at_once_are_noticed(void **state)
{
    (void)state;
    perform(ACTION_WARM, 0, 0, 1);
    assert_false(world.failed);
    perform(ACTION_WARM, 0, 0, 2);
    assert_noticed("single flight");
}

static void test_unloading_what_runs_is_noticed(void **state)
{
    (void)state;
    make_ready(0, 1);
    assert_int_equal(hostile_request(&world, 0, false, 0), 1);
    perform(ACTION_RELEASE, 0, 1, 0);
    perform(ACTION_DRAIN, 0, 0, 2);
    assert_false(world.failed);
    perform(ACTION_UNLOAD, 0, 0, 3);
    assert_noticed("no unload in use");
}

static void test_unloading_before_the_drain_is_answered_is_noticed(void **state)
{
    (void)state;
    make_ready(0, 1);
    perform(ACTION_DRAIN, 0, 0, 2);
    perform(ACTION_UNLOAD, 0, 0, 3);
    assert_noticed("no unload in use");
}

static void test_a_drain_that_is_answered_allows_the_unload(void **state)
{
    (void)state;
    make_ready(0, 1);
    perform(ACTION_DRAIN, 0, 0, 2);
    deliver(EVENT_DRAINED, 0, 2);
    perform(ACTION_UNLOAD, 0, 0, 3);
    assert_false(world.failed);
    deliver(EVENT_UNLOADED, 0, 3);
    assert_int_equal(world.resources[0].state, HOSTILE_ABSENT);
}

static void test_too_much_memory_is_noticed(void **state)
{
    (void)state;
    world.budget = (uint64_t)9 << 30;
    make_ready(0, 1);
    perform(ACTION_WARM, 1, 0, 2);
    assert_false(world.failed);
    perform(ACTION_WARM, 2, 0, 3);
    assert_noticed("budget");
}

static void test_a_second_end_of_a_request_is_noticed(void **state)
{
    (void)state;
    assert_int_equal(hostile_request(&world, 0, false, 0), 1);
    perform(ACTION_REFUSE, 0, 1, 0);
    assert_false(world.failed);
    perform(ACTION_FALLBACK, 0, 1, 0);
    assert_noticed("one end");
}

static void test_a_release_to_what_is_not_ready_is_noticed(void **state)
{
    (void)state;
    assert_int_equal(hostile_request(&world, 0, false, 0), 1);
    perform(ACTION_RELEASE, 0, 1, 0);
    assert_noticed("life cycle");
}

/* Half warm, lost, warmed before anybody noticed, and given up: the loss is told before the end of
 * that load, or it would be taken for the loss of the next one. */
static void test_a_loss_is_told_before_what_came_after(void **state)
{
    (void)state;
    const struct action warm = {.kind = ACTION_WARM, .attempt = 2, .status = 1};
    world.delay_ns = TIME_SECOND;
    world.load_ns = 0;
    for (int i = 0; i < 100; i++) {
        struct event event;
        world.agenda.count = 0;
        world.resources[0].last_report_ns = 0;
        world.resources[0].state = HOSTILE_HALF;
        world.resources[0].level = 1;
        assert_int_equal(hostile_lose(&world, 0, 0), FW_OK);
        assert_int_equal(hostile_perform(&world, &warm, 0), FW_OK);
        perform(ACTION_CANCEL, 0, 0, 2);
        while (agenda_take(&world.agenda, &event) && event.kind == EVENT_TIME) {
        }
        assert_int_equal(event.kind, EVENT_LOST);
        hostile_told(&world, &event);
        while (agenda_take(&world.agenda, &event) && event.kind == EVENT_TIME) {
        }
        assert_int_equal(event.kind, EVENT_FAILED);
        assert_int_equal(event.status, FW_SPAWN); /* what it was loaded from is gone */
        hostile_deliver(&world, &event);
        assert_int_equal(world.resources[0].state, HOSTILE_ABSENT);
    }
    assert_false(world.failed);
}

/* What sleeps on a device wakes there, whatever the settings say by now, also when it is gone and
 * nobody has noticed; else the settings count. */
static void test_what_is_lost_unnoticed_is_woken_where_it_lay(void **state)
{
    (void)state;
    struct fw_detail detail;
    struct hostile_resource *resource = &world.resources[0];
    assert_int_equal(devices_parse(&world.devices, STR("2x24GiB"), UINT64_MAX, &detail), FW_OK);
    struct action warm = {.kind = ACTION_WARM, .attempt = 2, .status = 1, .devices = 2};
    resource->state = HOSTILE_HALF;
    resource->level = 1;
    resource->levels[0] = (struct level_settings){.host_memory = 1, .from_warm = true};
    resource->placed = 2;
    resource->span = resource->span_before = 1;
    resource->allowed = resource->allowed_before = 1;
    assert_int_equal(hostile_lose(&world, 0, 0), FW_OK);
    assert_int_equal(hostile_perform(&world, &warm, 0), FW_OK);
    assert_false(world.failed);
    resource->state = HOSTILE_ABSENT;
    resource->lost_sent = false;
    warm.attempt = 3;
    warm.status = 0;
    assert_int_equal(hostile_perform(&world, &warm, 0), FW_OK);
    assert_noticed("devices");
}

static void test_seeds_pass_repeat_and_differ(void **state)
{
    (void)state;
    struct faults_result a, b;
    uint64_t met[FAULT_COUNT] = {0}, snapshots = 0;
    for (uint64_t seed = 1; seed <= 25; seed++) {
        assert_int_equal(faults_run_checked(seed, FAULTS_STEPS_DEFAULT, &a, NULL), FW_OK);
        if (a.failed)
            fail_msg("seed %d: %s", (int)seed, a.failure);
        for (int fault = 0; fault < FAULT_COUNT; fault++)
            met[fault] += a.faults[fault];
        snapshots += a.snapshots;
    }
    /* A world that is not hostile would prove nothing. */
    for (int fault = 0; fault < FAULT_COUNT; fault++)
        if (met[fault] == 0)
            fail_msg("no seed met %s", hostile_fault_names[fault]);
    assert_true(snapshots > 100);
    assert_int_equal(faults_run(1, 100, &a, NULL), FW_OK);
    assert_int_equal(faults_run(2, 100, &b, NULL), FW_OK);
    assert_true(a.decision_hash != b.decision_hash);
}

static struct engine *engine;
static struct action_list actions;

static void tell(struct event event)
{
    actions.count = 0;
    assert_int_equal(engine_step(engine, &event, &actions), FW_OK);
}

static bool took(uint32_t kind, uint32_t resource)
{
    for (size_t i = 0; i < actions.count; i++)
        if (actions.items[i].kind == kind && actions.items[i].resource == resource)
            return true;
    return false;
}

static void open_engine(void)
{
    struct engine_settings settings;
    struct fw_detail detail;
    option_defaults(engine_option_rows, engine_option_count, &settings);
    memcpy(settings.policy, "ttl:1h", sizeof "ttl:1h");
    assert_int_equal(engine_create(&engine, &settings, NULL, &detail), FW_OK);
}

/* Found by a seed: an operator warmed what had failed, and the retry that was still planned found
 * it warm. */
static void test_an_operator_ends_the_pause_after_a_failure(void **state)
{
    (void)state;
    const struct resource_settings plain = {.hold_timeout_ns = RESOURCE_INHERITS,
                                            .load_time_ns = RESOURCE_INHERITS};
    open_engine();
    tell((struct event){.at_ns = 1, .kind = EVENT_RESOURCE, .id = STR("a"), .settings = &plain});
    tell((struct event){.at_ns = 2, .kind = EVENT_REQUEST, .request = 1});
    tell((struct event){
        .at_ns = 3, .kind = EVENT_FAILED, .attempt = actions.items[0].attempt, .status = FW_SPAWN});
    tell((struct event){.at_ns = 4, .kind = EVENT_WARM, .flags = EVENT_IGNORE_COOLDOWN});
    assert_true(took(ACTION_WARM, 0));
    uint64_t attempt = 0;
    for (size_t i = 0; i < actions.count; i++)
        if (actions.items[i].kind == ACTION_WARM)
            attempt = actions.items[i].attempt;
    tell((struct event){.at_ns = 5, .kind = EVENT_PROVEN, .attempt = attempt});
    tell((struct event){.at_ns = TIME_MINUTE, .kind = EVENT_TIME});
    struct resource_view view;
    engine_view(engine, 0, TIME_MINUTE, &view);
    assert_int_equal(view.state, RESOURCE_WARM);
    engine_destroy(&engine);
    action_list_fini(&actions);
}

/* Found by a seed: after a restart a pin began a load although another resource still held the
 * memory. */
static void test_what_survived_a_restart_is_known_before_anything_loads(void **state)
{
    (void)state;
    struct engine_settings settings;
    struct fw_detail detail;
    struct resource_settings big = {.memory = (uint64_t)6 << 30,
                                    .hold_timeout_ns = RESOURCE_INHERITS,
                                    .load_time_ns = RESOURCE_INHERITS};
    option_defaults(engine_option_rows, engine_option_count, &settings);
    settings.memory = (uint64_t)8 << 30;
    assert_int_equal(engine_create(&engine, &settings, NULL, &detail), FW_OK);
    tell((struct event){.at_ns = 1, .kind = EVENT_RESOURCE, .id = STR("a"), .settings = &big});
    tell((struct event){.at_ns = 1, .kind = EVENT_RESOURCE, .id = STR("b"), .settings = &big});
    engine_forget_world(engine, 2);
    tell((struct event){.at_ns = 3, .kind = EVENT_FOUND, .resource = 1});
    assert_false(took(ACTION_DRAIN, 1));
    big.pin = true;
    tell((struct event){.at_ns = 3, .kind = EVENT_RESOURCE, .id = STR("a"), .settings = &big});
    assert_false(took(ACTION_WARM, 0)); /* first b must go */
    assert_int_equal(engine_memory_used(engine), (uint64_t)6 << 30);
    engine_destroy(&engine);
    action_list_fini(&actions);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_two_loads_at_once_are_noticed),
        TEST(test_unloading_what_runs_is_noticed),
        TEST(test_unloading_before_the_drain_is_answered_is_noticed),
        TEST(test_a_drain_that_is_answered_allows_the_unload),
        TEST(test_too_much_memory_is_noticed),
        TEST(test_a_second_end_of_a_request_is_noticed),
        TEST(test_a_release_to_what_is_not_ready_is_noticed),
        TEST(test_a_loss_is_told_before_what_came_after),
        TEST(test_what_is_lost_unnoticed_is_woken_where_it_lay),
        cmocka_unit_test(test_seeds_pass_repeat_and_differ),
        cmocka_unit_test(test_an_operator_ends_the_pause_after_a_failure),
        cmocka_unit_test(test_what_survived_a_restart_is_known_before_anything_loads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
