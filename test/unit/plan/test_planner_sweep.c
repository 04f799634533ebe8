/* SPDX-License-Identifier: MIT
 * The planner's slow bookkeeping: a slice of the resources a request, the whole
 * taken over at the end, and a snapshot in the middle changes nothing. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/prng.h"
#include "plan/planner.h"
#include <string.h>

#define S     TIME_SECOND
#define LOAD  (11 * S)
#define SWEEP (900 * S)
enum { MANY = 2 * PLANNER_SLICE + PLANNER_SLICE / 2 };

static struct planner *make(uint32_t count)
{
    struct policy_settings settings = {.wait_price = 54, .idle_price = 1, .max_resources = 100000};
    struct policy *policy;
    struct fw_detail detail;
    assert_int_equal(policy_create(&policy, &settings, STR("planner"), &detail), FW_OK);
    assert_int_equal(policy->ops->grow(policy, count), FW_OK);
    return (struct planner *)policy;
}

static void destroy(struct planner *planner)
{
    struct policy *policy = &planner->policy;
    policy_destroy(&policy);
}

static bool ask(struct planner *planner, uint32_t resource, int64_t at_ns, struct keep_plan *plan)
{
    struct policy *policy = &planner->policy;
    const struct planner_resource *known = &planner->resources[resource];
    struct policy_request request = {.resource = resource,
                                     .at_ns = at_ns,
                                     .load_ns = LOAD,
                                     .gap_ns = known->seen ? at_ns - known->last_ns : -1};
    policy->ops->request(policy, &request);
    return policy->ops->plan(policy, &request, plan);
}

/* Every resource is asked for once, one a millisecond. */
static struct planner *all_once(int64_t *at_ns)
{
    struct planner *planner = make(MANY);
    struct keep_plan plan;
    for (uint32_t i = 0; i < MANY; i++)
        (void)ask(planner, i, *at_ns += TIME_MILLISECOND, &plan);
    return planner;
}

static double open_gaps(const struct planner *planner)
{
    return planner->pool.all.at_risk[0]; /* those that have outlived the first bin */
}

static void a_request_looks_at_one_slice(void **state)
{
    (void)state;
    int64_t at_ns = 0;
    struct planner *planner = all_once(&at_ns);
    struct keep_plan plan;
    assert_false(planner->sweep.running);
    at_ns = SWEEP + TIME_MILLISECOND; /* when it is due, counted from the first request */
    (void)ask(planner, 0, at_ns, &plan);
    assert_true(planner->sweep.running);
    assert_int_equal(planner->sweep.next, PLANNER_SLICE);
    assert_true(open_gaps(planner) == 0 && planner->used_open_cost == 0);
    (void)ask(planner, MANY - 1, at_ns + S, &plan); /* its gap ends before its slice comes */
    assert_int_equal(planner->sweep.next, 2 * PLANNER_SLICE);
    (void)ask(planner, 1, at_ns + 2 * S, &plan); /* in a slice that was counted */
    assert_false(planner->sweep.running);
    assert_true(open_gaps(planner) == MANY - 1);
    assert_true(planner->used_open_cost > 0);
    assert_int_equal(planner->next_sweep_ns, at_ns + SWEEP);
    (void)ask(planner, 2, at_ns + 3 * S, &plan);
    assert_false(planner->sweep.running); /* once each time it is due */
    destroy(planner);
}

/* In a long silence many sweeps fall due; the last of them is as of the latest time it was due. */
static void a_silence_is_swept_once(void **state)
{
    (void)state;
    int64_t at_ns = 0;
    struct planner *planner = all_once(&at_ns);
    struct keep_plan plan;
    for (int i = 0; i < 3; i++)
        (void)ask(planner, (uint32_t)i, 10 * SWEEP + 5 * S + i, &plan);
    assert_false(planner->sweep.running);
    assert_int_equal(planner->sweep.at_ns, 10 * SWEEP + TIME_MILLISECOND);
    assert_int_equal(planner->next_sweep_ns, 11 * SWEEP + TIME_MILLISECOND);
    assert_true(open_gaps(planner) == MANY);
    destroy(planner);
}

/* Resources that come while it runs belong to the next one; slices end at the last resource. */
static void resources_may_come_meanwhile(void **state)
{
    (void)state;
    int64_t at_ns = 0;
    struct planner *planner = all_once(&at_ns);
    struct policy *policy = &planner->policy;
    struct keep_plan plan;
    (void)ask(planner, 0, SWEEP + S, &plan);
    assert_int_equal(policy->ops->grow(policy, MANY + PLANNER_SLICE), FW_OK);
    for (uint32_t i = 0; i < 3; i++)
        (void)ask(planner, MANY + i, SWEEP + 2 * S + i, &plan);
    assert_false(planner->sweep.running);
    assert_int_equal(planner->sweep.next, MANY + PLANNER_SLICE);
    assert_true(open_gaps(planner) == MANY);
    destroy(planner);
}

static void run(struct planner *planner, struct prng *prng, int64_t *at_ns, int requests)
{
    struct keep_plan plan;
    for (int i = 0; i < requests; i++) {
        *at_ns += (int64_t)prng_exponential(prng, 100e9);
        (void)ask(planner, (uint32_t)prng_below(prng, MANY), *at_ns, &plan);
    }
}

/* The snapshot law, wherever in a sweep the snapshot is taken. */
static void a_snapshot_in_the_middle_changes_nothing(void **state)
{
    (void)state;
    int64_t at_ns = 0;
    struct planner *whole = all_once(&at_ns);
    struct prng prng;
    int running = 0;
    prng_init(&prng, 4);
    for (int round = 0; round < 12; round++) {
        struct buf saved, again;
        struct planner *resumed = make(0);
        struct policy *policy = &resumed->policy;
        buf_init(&saved, 1 << 26);
        buf_init(&again, 1 << 26);
        run(whole, &prng, &at_ns, 7);
        running += whole->sweep.running;
        planner_save(&whole->policy, &saved);
        struct buf_reader in = {.data = (const uint8_t *)saved.data, .len = saved.len};
        assert_true(planner_load(policy, &in));
        struct prng copy = prng;
        int64_t copy_ns = at_ns;
        run(resumed, &copy, &copy_ns, 40);
        buf_clear(&saved);
        run(whole, &prng, &at_ns, 40);
        planner_save(&whole->policy, &saved);
        planner_save(&resumed->policy, &again);
        assert_int_equal(saved.len, again.len);
        assert_memory_equal(saved.data, again.data, saved.len);
        destroy(resumed);
        buf_fini(&saved);
        buf_fini(&again);
    }
    assert_in_range(running, 1, 11); /* in the middle of some, between others */
    destroy(whole);
}

static void damaged_sweeps_are_refused(void **state)
{
    (void)state;
    int64_t at_ns = 0;
    struct planner *planner = all_once(&at_ns), *fresh = make(0);
    struct keep_plan plan;
    struct buf saved;
    (void)ask(planner, 0, SWEEP + S, &plan);
    assert_true(planner->sweep.running);
    planner->sweep.next = MANY + 1; /* past the last resource */
    buf_init(&saved, 1 << 26);
    planner_save(&planner->policy, &saved);
    struct buf_reader in = {.data = (const uint8_t *)saved.data, .len = saved.len};
    assert_false(planner_load(&fresh->policy, &in));
    destroy(fresh);
    planner->sweep.next = 10; /* fewer looked at than counted */
    fresh = make(0);
    buf_clear(&saved);
    planner_save(&planner->policy, &saved);
    in = (struct buf_reader){.data = (const uint8_t *)saved.data, .len = saved.len};
    assert_false(planner_load(&fresh->policy, &in));
    destroy(fresh);
    destroy(planner);
    buf_fini(&saved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_looks_at_one_slice),
        cmocka_unit_test(a_silence_is_swept_once),
        cmocka_unit_test(resources_may_come_meanwhile),
        cmocka_unit_test(a_snapshot_in_the_middle_changes_nothing),
        cmocka_unit_test(damaged_sweeps_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
