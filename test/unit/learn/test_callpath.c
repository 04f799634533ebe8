/* SPDX-License-Identifier: MIT
 * The call-path learner: what it learns from runs, what look-ups find, and each defect of the
 * reference programs (D1 to D20 of the hints specification) that lies with the learner. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/prng.h"
#include "base/stats.h"
#include "base/time.h"
#include "learn/callpath_view.h"
#include <string.h>

enum { CALLS_MAX = 128 };
#define assert_number(found, expected) assert_true((found) == (double)(expected))
#define BEGIN_NS                       (1800000000 * TIME_SECOND)

/* A run under construction: calls of one agent, times in ms after its beginning. */
struct script {
    struct callpath_call calls[CALLS_MAX];
    struct str paths[CALLS_MAX][4];
    struct callpath_run run;
};

static void begin(struct script *script, const char *agent, int64_t at_ns)
{
    memset(script, 0, sizeof *script);
    script->run = (struct callpath_run){str_of(agent), at_ns, CALLPATH_OPEN, script->calls, 0};
}

static struct callpath_call *call(struct script *script, const char *scope, const char *name,
                                  int64_t from_ms, int64_t to_ms, double tokens)
{
    uint32_t number = script->run.count++, depth = 0;
    struct callpath_call *made = &script->calls[number];
    if (scope)
        script->paths[number][depth++] = str_of(scope);
    script->paths[number][depth++] = str_of(name);
    *made = (struct callpath_call){
        .kind = CALLPATH_LLM,
        .path = script->paths[number],
        .depth = depth,
        .start_ns = script->run.start_ns + from_ms * TIME_MILLISECOND,
        .end_ns = to_ms < 0 ? CALLPATH_OPEN : script->run.start_ns + to_ms * TIME_MILLISECOND,
        .tokens = tokens,
    };
    return made;
}

static struct callpath *create(void)
{
    struct callpath *callpath = NULL;
    assert_int_equal(callpath_create(&callpath, &callpath_defaults, NULL), FW_OK);
    return callpath;
}

static void learn(struct callpath *callpath, const struct script *script)
{
    struct fw_detail detail = {""};
    enum fw_err err = callpath_learn(callpath, &script->run, &detail);
    if (err != FW_OK)
        fail_msg("%s", detail.text);
}

/* Looks up in a view of its own; the prediction is copied, all zero if there is none. */
static struct callpath_prediction look(struct callpath *callpath, const char *agent,
                                       const char *scope, const char *name, uint32_t index,
                                       struct callpath_found *found)
{
    struct callpath_view *view = NULL;
    struct callpath_found here;
    struct callpath_prediction prediction = {0};
    struct str path[2];
    uint32_t depth = 0;
    if (scope)
        path[depth++] = str_of(scope);
    if (name)
        path[depth++] = str_of(name);
    found = found ? found : &here;
    assert_int_equal(callpath_view_create(&view, callpath), FW_OK);
    if (callpath_find(view, str_of(agent), path, depth, index, found))
        prediction = *found->prediction;
    callpath_view_free(&view);
    return prediction;
}

/* Seven steps in a row, each 100 ms long and 50 ms after the one before. */
static void pipeline(struct script *script, int64_t at_ns)
{
    static const char *const names[] = {"plan", "search", "read", "read", "write", "check", "tell"};
    begin(script, "pipe", at_ns);
    for (int i = 0; i < 7; i++)
        call(script, "wf", names[i], i * 150, i * 150 + 100, 10 * (i + 1));
}

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fixed_pipeline_is_foretold_without_error),
        cmocka_unit_test(names_are_never_split),
        cmocka_unit_test(gaps_are_never_negative),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
