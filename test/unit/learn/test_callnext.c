/* SPDX-License-Identifier: MIT
 * What an agent calls next: by place and index, some steps ahead, bounded, kept. */
#include "learn/callnext.h"
#include "base/prng.h"
#include "base/time.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
/* cmocka wants the three above */
#include <cmocka.h>

enum { STEPS_MAX = 8 };

/* Calls a second apart, each of the model that is its name. */
static void learn(struct callnext *next, const char *agent, const char *const *steps,
                  uint32_t count)
{
    struct callpath_call calls[STEPS_MAX];
    struct str models[STEPS_MAX];
    for (uint32_t i = 0; i < count; i++) {
        models[i] = str_of(steps[i]);
        calls[i] = (struct callpath_call){.kind = CALLPATH_LLM,
                                          .path = &models[i],
                                          .depth = 1,
                                          .start_ns = (int64_t)i * TIME_SECOND,
                                          .end_ns = (int64_t)i * TIME_SECOND + 1};
    }
    const struct callpath_run run = {str_of(agent), 0, CALLPATH_OPEN, calls, count};
    assert_int_equal(callnext_learn(next, &run, models), FW_OK);
}

static size_t find(const struct callnext *next, const char *agent, const char *name, uint32_t index,
                   struct callnext_guess guesses[CALLNEXT_GUESSES_MAX])
{
    struct str path = str_of(name);
    return callnext_find(next, str_of(agent), &path, 1, index, 0.05, guesses);
}

static void a_pipeline_is_known_ahead(void **state)
{
    (void)state;
    static const char *const steps[] = {"plan", "code", "judge"};
    struct callnext *next = NULL;
    struct callnext_guess guesses[CALLNEXT_GUESSES_MAX];
    assert_int_equal(callnext_create(&next), FW_OK);
    assert_int_equal(find(next, "a", "plan", 1, guesses), 0);
    for (int i = 0; i < 300; i++)
        learn(next, "a", steps, 3);
    assert_int_equal(find(next, "a", "plan", 1, guesses), 2);
    assert_true(str_equal(guesses[0].model, STR("code")) && guesses[0].probability == 1);
    assert_true(guesses[0].delay_ns == TIME_SECOND && guesses[1].delay_ns == 2 * TIME_SECOND);
    assert_true(str_equal(guesses[1].model, STR("judge")));
    assert_int_equal(find(next, "a", "judge", 1, guesses), 0);
    assert_int_equal(find(next, "b", "plan", 1, guesses), 0);
    callnext_free(&next);
}

/* The first "m" is followed by x, the second by y: the index tells which. */
static void the_index_tells_apart(void **state)
{
    (void)state;
    static const char *const steps[] = {"m", "x", "m", "y"};
    struct callnext *next = NULL;
    struct callnext_guess guesses[CALLNEXT_GUESSES_MAX];
    assert_int_equal(callnext_create(&next), FW_OK);
    for (int i = 0; i < 5; i++)
        learn(next, "a", steps, 4);
    assert_true(find(next, "a", "m", 1, guesses) > 0);
    assert_true(str_equal(guesses[0].model, STR("x")) && guesses[0].probability == 1);
    assert_true(find(next, "a", "m", 2, guesses) > 0);
    assert_true(str_equal(guesses[0].model, STR("y")) && guesses[0].probability == 1);
    assert_int_equal(find(next, "a", "m", 9, guesses), 3); /* by any index: either, then m */
    assert_true(guesses[0].probability == 0.5 && guesses[1].probability == 0.5);
    callnext_free(&next);
}

/* What agents did lately counts more than what they did long ago. */
static void habits_change(void **state)
{
    (void)state;
    static const char *const before[] = {"m", "old"}, *const after[] = {"m", "new"};
    struct callnext *next = NULL;
    struct callnext_guess guesses[CALLNEXT_GUESSES_MAX];
    assert_int_equal(callnext_create(&next), FW_OK);
    for (int i = 0; i < 1000; i++)
        learn(next, "a", before, 2);
    for (int i = 0; i < 200; i++)
        learn(next, "a", after, 2);
    assert_true(find(next, "a", "m", 1, guesses) >= 1);
    assert_true(str_equal(guesses[0].model, STR("new")) && guesses[0].probability > 0.9);
    callnext_free(&next);
}

static void bounded_and_kept(void **state)
{
    (void)state;
    static const char *const steps[] = {"plan", "code"};
    struct callnext *next = NULL, *again = NULL;
    struct callnext_guess guesses[CALLNEXT_GUESSES_MAX];
    struct buf saved, twice;
    char agent[32];
    assert_int_equal(callnext_create(&next), FW_OK);
    for (int i = 0; i < CALLNEXT_PLACES_MAX; i++) {
        snprintf(agent, sizeof agent, "agent %d", i);
        learn(next, agent, steps, 2);
    }
    assert_int_equal(callnext_places(next), CALLNEXT_PLACES_MAX);
    assert_int_equal(find(next, "agent 0", "plan", 1, guesses), 0); /* seen longest ago */
    assert_int_equal(find(next, agent, "plan", 1, guesses), 1);
    buf_init(&saved, 64 << 20);
    buf_init(&twice, 64 << 20);
    callnext_save(next, &saved);
    assert_int_equal(callnext_create(&again), FW_OK);
    struct buf_reader in = {.data = (const uint8_t *)saved.data, .len = saved.len};
    assert_int_equal(callnext_load(again, &in), FW_OK);
    learn(next, "a", steps, 2);
    learn(again, "a", steps, 2);
    buf_clear(&saved);
    callnext_save(next, &saved);
    callnext_save(again, &twice);
    assert_true(str_equal(buf_str(&saved), buf_str(&twice)));
    /* Damaged in any byte it loads or is refused, and never more. */
    callnext_free(&again);
    for (size_t at = 0; at < saved.len; at += 1 + saved.len / 97) {
        assert_int_equal(callnext_create(&again), FW_OK);
        saved.data[at] ^= 0x55;
        in = (struct buf_reader){.data = (const uint8_t *)saved.data, .len = saved.len};
        if (callnext_load(again, &in) != FW_OK)
            assert_int_equal(callnext_places(again), 0);
        saved.data[at] ^= 0x55;
        callnext_free(&again);
    }
    buf_fini(&saved);
    buf_fini(&twice);
    callnext_free(&next);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pipeline_is_known_ahead),
        cmocka_unit_test(the_index_tells_apart),
        cmocka_unit_test(habits_change),
        cmocka_unit_test(bounded_and_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
