/* SPDX-License-Identifier: MIT
 * Runs under construction, for the tests of the call-path learner. */
#ifndef FOREWARM_TEST_CALLPATH_SCRIPT_H
#define FOREWARM_TEST_CALLPATH_SCRIPT_H

#include "base/prng.h"
#include "base/stats.h"
#include "base/time.h"
#include "learn/callpath_slack.h"
#include "learn/callpath_stat.h"
#include "learn/callpath_view.h"
#include <stdio.h>
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

static inline void begin(struct script *script, const char *agent, int64_t at_ns)
{
    memset(script, 0, sizeof *script);
    script->run = (struct callpath_run){str_of(agent), at_ns, CALLPATH_OPEN, script->calls, 0};
}

static inline struct callpath_call *call(struct script *script, const char *scope, const char *name,
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

static inline struct callpath *create(void)
{
    struct callpath *callpath = NULL;
    assert_int_equal(callpath_create(&callpath, &callpath_defaults, NULL), FW_OK);
    return callpath;
}

static inline void learn(struct callpath *callpath, const struct script *script)
{
    struct fw_detail detail = {""};
    enum fw_err err = callpath_learn(callpath, &script->run, &detail);
    if (err != FW_OK)
        fail_msg("%s", detail.text);
}

/* Looks up in a view of its own; the prediction is copied, all zero if there is none. */
static inline struct callpath_prediction look(struct callpath *callpath, const char *agent,
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
static inline void pipeline(struct script *script, int64_t at_ns)
{
    static const char *const names[] = {"plan", "search", "read", "read", "write", "check", "tell"};
    begin(script, "pipe", at_ns);
    for (int i = 0; i < 7; i++)
        call(script, "wf", names[i], i * 150, i * 150 + 100, 10 * (i + 1));
}

#endif
