/* SPDX-License-Identifier: MIT
 * The call-path learner: what it learns from runs, what look-ups find, and each defect of the
 * reference programs (D1 to D20 of the hints specification) that lies with the learner. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "callpath_script.h"

static void a_fixed_pipeline_is_foretold_without_error(void **state)
{
    (void)state;
    struct callpath *callpath = create();
    struct script script;
    for (int run = 0; run < 200; run++) {
        pipeline(&script, BEGIN_NS + run * TIME_MINUTE);
        learn(callpath, &script);
    }
    static const uint32_t indices[] = {1, 1, 1, 2, 1, 1, 1};
    for (uint32_t i = 0; i < 7; i++) {
        const struct callpath_call *made = &script.calls[i];
        struct callpath_view *view = NULL;
        struct callpath_found found;
        struct callpath_hints hints;
        assert_int_equal(callpath_view_create(&view, callpath), FW_OK);
        assert_true(callpath_find(view, STR("pipe"), made->path, made->depth, indices[i], &found));
        assert_int_equal(found.depth, 2);
        assert_int_equal(found.index, indices[i]);
        const struct callpath_metric *metrics = found.prediction->metrics;
        assert_number(metrics[CALLPATH_REMAINING].mean, 6 - i);
        assert_number(metrics[CALLPATH_REMAINING].p90, 6 - i);
        assert_number(metrics[CALLPATH_TOKENS].p90, 10 * (i + 1));
        callpath_hints(&found, i + 1, 0, &hints);
        assert_int_equal(hints.total_requests, 7);
        assert_int_equal(hints.osl, 10 * (i + 1));
        if (i < 6)
            assert_int_equal(hints.iat_ms, 50);
        else
            assert_false(hints.known & CALLPATH_HINT_IAT);
        callpath_view_free(&view);
    }
    callpath_free(&callpath);
}

/* D4: a name with a slash is one name. */
static void names_are_never_split(void **state)
{
    (void)state;
    struct callpath *callpath = create();
    struct script script;
    struct callpath_found found;
    begin(&script, "a", BEGIN_NS);
    call(&script, NULL, "meta/llama-3.1-8b", 0, 100, 9);
    call(&script, NULL, "other", 100, 200, 5);
    learn(callpath, &script);
    struct callpath_prediction got = look(callpath, "a", NULL, "meta/llama-3.1-8b", 1, &found);
    assert_int_equal(found.depth, 1);
    assert_number(got.metrics[CALLPATH_TOKENS].p90, 9);
    look(callpath, "a", "meta", "llama-3.1-8b", 1, &found);
    assert_int_equal(found.depth, 0);
    callpath_free(&callpath);
}

/* D5: calls that overlap give a gap of at least 0, or none. */
static void gaps_are_never_negative(void **state)
{
    (void)state;
    struct callpath *callpath = create();
    struct script script;
    begin(&script, "a", BEGIN_NS);
    call(&script, NULL, "x", 0, 1000, 1);
    call(&script, NULL, "y", 100, 300, 1);
    call(&script, NULL, "z", 1200, 1300, 1);
    learn(callpath, &script);
    struct callpath_prediction got = look(callpath, "a", NULL, "x", 1, NULL);
    assert_number(got.metrics[CALLPATH_INTERARRIVAL].p50, 200);
    got = look(callpath, "a", NULL, "y", 1, NULL);
    assert_number(got.metrics[CALLPATH_INTERARRIVAL].p50, 900);
    got = look(callpath, "a", NULL, "z", 1, NULL);
    assert_int_equal(got.metrics[CALLPATH_INTERARRIVAL].samples, 0);
    callpath_free(&callpath);
}

/* D1: looked up by the same key as learned, scopes and then the name. */
static void scopes_part_calls_of_one_name(void **state)
{
    (void)state;
    struct callpath *callpath = create();
    struct script script;
    struct callpath_found found;
    begin(&script, "a", BEGIN_NS);
    call(&script, "plan", "gpt", 0, 100, 1000);
    call(&script, "check", "gpt", 200, 300, 4);
    learn(callpath, &script);
    assert_number(look(callpath, "a", "plan", "gpt", 1, &found).metrics[CALLPATH_TOKENS].p90, 1000);
    assert_int_equal(found.depth, 2);
    assert_number(look(callpath, "a", "check", "gpt", 1, &found).metrics[CALLPATH_TOKENS].p90, 4);
    assert_int_equal(found.depth, 2);
    callpath_free(&callpath);
}

/* D2: the index begins again in every run, and so does what is counted of a run. */
static void indices_are_of_the_run_and_its_path(void **state)
{
    (void)state;
    struct callpath *callpath = create();
    struct script script;
    struct callpath_found found;
    struct callpath_hints hints;
    struct callpath_view *view = NULL;
    for (int run = 0; run < 100; run++) {
        pipeline(&script, BEGIN_NS + run * TIME_HOUR);
        learn(callpath, &script);
    }
    assert_int_equal(
        look(callpath, "pipe", "wf", "read", 1, &found).metrics[CALLPATH_REMAINING].samples, 100);
    assert_int_equal(
        look(callpath, "pipe", "wf", "read", 3, &found).metrics[CALLPATH_REMAINING].samples, 200);
    assert_int_equal(found.index, CALLPATH_ANY);
    assert_int_equal(callpath_view_create(&view, callpath), FW_OK);
    assert_true(callpath_find(view, STR("pipe"), script.calls[6].path, 2, 1, &found));
    callpath_hints(&found, 7, 0, &hints);
    assert_int_equal(hints.total_requests, 7);
    callpath_view_free(&view);
    callpath_free(&callpath);
}

/* D3: one meaning of a priority for each kind of server. D20: never beyond the cap. */
static void priorities_follow_the_dialect(void **state)
{
    (void)state;
    assert_int_equal(callpath_priority(CALLPATH_DYNAMO, 5, 5, 5), 5);
    assert_int_equal(callpath_priority(CALLPATH_DYNAMO, 1, 5, 5), 1);
    assert_int_equal(callpath_priority(CALLPATH_LEGACY, 5, 5, 5), 0);
    assert_int_equal(callpath_priority(CALLPATH_LEGACY, 1, 5, 5), 4);
    assert_int_equal(callpath_priority(CALLPATH_LEGACY, 7, 5, 5), 0);
    assert_int_equal(callpath_priority(CALLPATH_STRICT, 4, 5, 2), 2);
    assert_int_equal(callpath_priority(CALLPATH_DYNAMO, 2000000000, 5, 5), 5);
    assert_int_equal(callpath_priority(CALLPATH_LEGACY, 0, 2000000000, 5), 5);
}

/* D6: what was saved foretells at once when loaded, and learning goes on as if it never stopped. */
static struct callpath *create_with_slack(double parallel)
{
    struct callpath *callpath = NULL;
    struct callpath_settings settings = callpath_defaults;
    settings.weights.parallel = parallel;
    assert_int_equal(callpath_create(&callpath, &settings, NULL), FW_OK);
    return callpath;
}

/* D7: calls that overlap within a second are in one group: they are both first and last. */
static void overlap_is_seen_within_a_second(void **state)
{
    (void)state;
    struct callpath *apart = create(), *beside = create();
    struct script script;
    begin(&script, "a", BEGIN_NS);
    script.run.end_ns = BEGIN_NS + TIME_SECOND;
    call(&script, NULL, "x", 0, 300, 1);
    call(&script, NULL, "y", 300, 600, 1);
    call(&script, NULL, "z", 600, 900, 1);
    learn(apart, &script);
    begin(&script, "a", BEGIN_NS);
    script.run.end_ns = BEGIN_NS + TIME_SECOND;
    call(&script, NULL, "x", 0, 300, 1);
    call(&script, NULL, "y", 200, 500, 1);
    call(&script, NULL, "z", 400, 700, 1);
    learn(beside, &script);
    /* share .3: .15 + fanout .3 + position .2 of .1 to 1; in one group all are .15 + 0 + .2 */
    assert_int_equal(look(apart, "a", NULL, "x", 1, NULL).level, 3);
    assert_int_equal(look(apart, "a", NULL, "z", 1, NULL).level, 2);
    assert_int_equal(look(beside, "a", NULL, "x", 1, NULL).level, 2);
    assert_int_equal(look(beside, "a", NULL, "z", 1, NULL).level, 2);
    callpath_free(&apart);
    callpath_free(&beside);
}

/* D8: a short call beside a long tool has slack, and matters less for it. */
static void slack_beside_longer_siblings_counts(void **state)
{
    (void)state;
    struct callpath *callpath = create_with_slack(0.5);
    struct script script;
    begin(&script, "a", BEGIN_NS);
    call(&script, NULL, "alone", 0, 1000, 1)->parent = 1;
    call(&script, NULL, "short", 2000, 3000, 1)->parent = 2;
    call(&script, NULL, "tool", 1500, 9000, 1)->parent = 2;
    script.calls[2].kind = CALLPATH_TOOL;
    script.run.end_ns = BEGIN_NS + 10 * TIME_SECOND;
    learn(callpath, &script);
    uint32_t alone = look(callpath, "a", NULL, "alone", 1, NULL).level;
    uint32_t beside = look(callpath, "a", NULL, "short", 1, NULL).level;
    assert_true(beside < alone);
    /* The same without the tool as sibling. */
    struct callpath *other = create_with_slack(0.5);
    script.calls[2].parent = 3;
    learn(other, &script);
    assert_true(look(other, "a", NULL, "short", 1, NULL).level > beside);
    callpath_free(&callpath);
    callpath_free(&other);
}

/* The slack of every call by the definition, against two passes over what runs at an instant. */
/* D10: what was not scored is absent, and the scale is the one that was asked for. */
static void a_level_that_is_not_known_is_absent(void **state)
{
    (void)state;
    struct callpath_settings settings = callpath_defaults;
    struct callpath *callpath = NULL;
    struct script script;
    struct callpath_hints hints;
    settings.weights.scored = false;
    assert_int_equal(callpath_create(&callpath, &settings, NULL), FW_OK);
    pipeline(&script, BEGIN_NS);
    learn(callpath, &script);
    struct callpath_prediction got = look(callpath, "pipe", "wf", "plan", 1, NULL);
    struct callpath_found found = {&got, 2, 1};
    assert_int_equal(got.level, 0);
    callpath_hints(&found, 1, 0, &hints);
    assert_false(hints.known & CALLPATH_HINT_LEVEL);
    callpath_free(&callpath);
    settings.weights.scored = true;
    settings.weights.scale = 100;
    assert_int_equal(callpath_create(&callpath, &settings, NULL), FW_OK);
    learn(callpath, &script);
    assert_true(look(callpath, "pipe", "wf", "plan", 1, NULL).level > 5);
    callpath_free(&callpath);
}

/* D12: what two writers learned apart is, put together, what one would have learned: the same
 * samples while they are few, the same counts and nearly the same figures when many. */
/* D13: a stream of paths that never come again stays within the caps, and what is used stays. */
/* D13: indices beyond those told apart share one place. */
/* D14: the whole stack of scopes is the key, as deep as it goes; below the cap it is one place. */
static void deep_paths_are_learned_and_found(void **state)
{
    (void)state;
    struct callpath *callpath = create();
    struct str path[CALLPATH_DEPTH_MAX + 4];
    struct callpath_view *view = NULL;
    struct callpath_found found;
    for (uint32_t i = 0; i < CALLPATH_DEPTH_MAX + 4; i++)
        path[i] = STR("scope");
    struct callpath_call calls[2] = {
        {CALLPATH_LLM, path, 5, 0, BEGIN_NS, BEGIN_NS + 5, 50},
        {CALLPATH_LLM, path, CALLPATH_DEPTH_MAX + 4, 0, BEGIN_NS + 10, BEGIN_NS + 20, 90},
    };
    struct callpath_run run = {STR("a"), BEGIN_NS, CALLPATH_OPEN, calls, 2};
    assert_int_equal(callpath_learn(callpath, &run, NULL), FW_OK);
    assert_int_equal(callpath_view_create(&view, callpath), FW_OK);
    assert_true(callpath_find(view, STR("a"), path, CALLPATH_DEPTH_MAX + 4, 1, &found));
    assert_int_equal(found.depth, CALLPATH_DEPTH_MAX);
    assert_number(found.prediction->metrics[CALLPATH_TOKENS].p90, 90);
    assert_int_equal(callpath_counts(callpath).paths_cut, 1);
    callpath_view_free(&view);
    callpath_free(&callpath);
}

/* D15: nothing remains after the last call, which is a value and no lack of one. */
static void nothing_remaining_is_a_value(void **state)
{
    (void)state;
    struct callpath *callpath = create();
    struct script script;
    struct callpath_hints hints;
    pipeline(&script, BEGIN_NS);
    learn(callpath, &script);
    struct callpath_prediction got = look(callpath, "pipe", "wf", "tell", 1, NULL);
    struct callpath_found found = {&got, 2, 1};
    callpath_hints(&found, 7, 0, &hints);
    assert_true(hints.known & CALLPATH_HINT_TOTAL);
    assert_int_equal(hints.remaining, 0);
    assert_int_equal(hints.total_requests, 7);
    assert_false(hints.known & CALLPATH_HINT_IAT);
    callpath_free(&callpath);
}

/* D16: an explicit mark wins in both directions. */
static void an_explicit_mark_wins(void **state)
{
    (void)state;
    struct callpath_prediction learned = {.level = 4};
    struct callpath_found found = {&learned, 1, 1};
    struct callpath_hints hints;
    callpath_hints(&found, 1, 1, &hints);
    assert_int_equal(hints.level, 1);
    callpath_hints(&found, 1, 5, &hints);
    assert_int_equal(hints.level, 5);
    callpath_hints(&found, 1, 0, &hints);
    assert_int_equal(hints.level, 4);
    callpath_hints(NULL, 1, 3, &hints);
    assert_int_equal(hints.known, CALLPATH_HINT_LEVEL);
    callpath_hints(NULL, 1, 0, &hints);
    assert_int_equal(hints.known, 0);
}

/* D17: calls that hardly differ are not stretched over the whole scale. */
static void levels_are_not_stretched_over_a_run(void **state)
{
    (void)state;
    struct callpath *callpath = create();
    struct script script;
    uint32_t low = 5, high = 1;
    static const char *const names[] = {"x", "y"};
    begin(&script, "a", BEGIN_NS); /* two at once: one group, shares .500 and .501 */
    call(&script, NULL, "x", 0, 5000, 1);
    call(&script, NULL, "y", 0, 5010, 1);
    script.run.end_ns = BEGIN_NS + 10 * TIME_SECOND;
    learn(callpath, &script);
    for (int i = 0; i < 2; i++) {
        uint32_t level = look(callpath, "a", NULL, names[i], 1, NULL).level;
        low = level < low ? level : low;
        high = level > high ? level : high;
    }
    assert_int_equal(low, high);
    struct callpath *alone = create(); /* and one call that is all of its run matters most of all */
    begin(&script, "a", BEGIN_NS);
    call(&script, NULL, "x", 0, 1000, 1);
    learn(alone, &script);
    assert_int_equal(look(alone, "a", NULL, "x", 1, NULL).level, 4);
    callpath_free(&callpath);
    callpath_free(&alone);
}

/* D18: after a change the new is what is foretold: by age, and by number. */
/* Percentiles: exact to 32 samples, within 1 % of the exact ones after. */
/* Unfinished calls count among those that remain and as a next start, and tell nothing else. */
static void unfinished_calls_count_and_tell_no_more(void **state)
{
    (void)state;
    struct callpath *callpath = create();
    struct script script;
    begin(&script, "a", BEGIN_NS);
    call(&script, NULL, "x", 0, 100, 7);
    call(&script, NULL, "y", 150, -1, 9);
    learn(callpath, &script);
    struct callpath_prediction got = look(callpath, "a", NULL, "x", 1, NULL);
    assert_number(got.metrics[CALLPATH_REMAINING].mean, 1);
    assert_number(got.metrics[CALLPATH_INTERARRIVAL].mean, 50);
    got = look(callpath, "a", NULL, "y", 1, NULL);
    assert_int_equal(got.metrics[CALLPATH_REMAINING].samples, 1);
    assert_int_equal(got.metrics[CALLPATH_TOKENS].samples, 0);
    assert_int_equal(got.metrics[CALLPATH_INTERARRIVAL].samples, 0);
    assert_int_equal(got.level, 0);
    callpath_free(&callpath);
}

/* Bad input: nothing of it is learned, and what is wrong is said. */
static void bad_runs_are_refused_whole(void **state)
{
    (void)state;
    struct callpath *callpath = create();
    struct script script;
    struct fw_detail detail;
    static char long_name[CALLPATH_NAME_MAX + 2];
    memset(long_name, 'n', sizeof long_name - 1);
    for (int i = 0; i < 6; i++) {
        pipeline(&script, BEGIN_NS);
        enum fw_err expected = FW_INPUT;
        if (i == 0)
            script.calls[3].end_ns = script.calls[3].start_ns - 1;
        else if (i == 1)
            script.run.end_ns = script.run.start_ns - 1;
        else if (i == 2)
            script.calls[3].start_ns = -1;
        else if (i == 3)
            script.paths[3][1] = str_of(long_name);
        else if (i == 4)
            script.calls[3].depth = 0;
        else {
            script.run.count = CALLPATH_RUN_CALLS_MAX + 1;
            expected = FW_LIMIT;
        }
        detail.text[0] = '\0';
        assert_int_equal(callpath_learn(callpath, &script.run, &detail), expected);
        assert_true(detail.text[0] != '\0');
    }
    assert_int_equal(callpath_counts(callpath).nodes, 0);
    assert_int_equal(callpath_counts(callpath).runs, 0);
    struct callpath_settings settings = callpath_defaults;
    struct callpath *none = NULL;
    settings.weights.critical = settings.weights.fanout = settings.weights.position = 0;
    assert_int_equal(callpath_create(&none, &settings, &detail), FW_INPUT);
    assert_null(none);
    callpath_free(&callpath);
}

/* Damaged states are refused and leave the learner empty. */
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fixed_pipeline_is_foretold_without_error),
        cmocka_unit_test(names_are_never_split),
        cmocka_unit_test(gaps_are_never_negative),
        cmocka_unit_test(scopes_part_calls_of_one_name),
        cmocka_unit_test(indices_are_of_the_run_and_its_path),
        cmocka_unit_test(priorities_follow_the_dialect),
        cmocka_unit_test(overlap_is_seen_within_a_second),
        cmocka_unit_test(slack_beside_longer_siblings_counts),
        cmocka_unit_test(a_level_that_is_not_known_is_absent),
        cmocka_unit_test(deep_paths_are_learned_and_found),
        cmocka_unit_test(nothing_remaining_is_a_value),
        cmocka_unit_test(an_explicit_mark_wins),
        cmocka_unit_test(levels_are_not_stretched_over_a_run),
        cmocka_unit_test(unfinished_calls_count_and_tell_no_more),
        cmocka_unit_test(bad_runs_are_refused_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
