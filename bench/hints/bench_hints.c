/* SPDX-License-Identifier: MIT
 * What learning a run and looking up a call cost, as JSON: per run after 1 and after 10,000 past
 * runs, per look-up with its hints at one and three levels, per view made anew. Processor time,
 * medians of batches. */
#include "base/json.h"
#include "base/prng.h"
#include "base/stats.h"
#include "base/time.h"
#include "learn/callpath_view.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CALLS_MAX = 100, BATCHES = 15, LOOKUPS = 200000 };

struct shape {
    const char *name;
    uint32_t calls, names, depth;
};
struct script {
    struct callpath_call calls[CALLS_MAX];
    struct str paths[CALLS_MAX][3];
    char names[CALLS_MAX][16];
    struct callpath_run run;
};

static double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void fill(struct script *script, const struct shape *shape, struct prng *random,
                 int64_t begin_ns)
{
    int64_t at_ns = begin_ns;
    script->run =
        (struct callpath_run){STR("agent"), begin_ns, CALLPATH_OPEN, script->calls, shape->calls};
    for (uint32_t i = 0; i < shape->calls; i++) {
        uint32_t depth = 0;
        int64_t took_ns = TIME_MILLISECOND * (int64_t)(50 + prng_below(random, 2000));
        snprintf(script->names[i], sizeof script->names[i], "call-%u", i % shape->names);
        if (shape->depth > 1) {
            script->paths[i][depth++] = STR("workflow");
            script->paths[i][depth++] = STR("planner");
        }
        script->paths[i][depth++] = str_of(script->names[i]);
        script->calls[i] = (struct callpath_call){
            .kind = CALLPATH_LLM,
            .path = script->paths[i],
            .depth = depth,
            .start_ns = at_ns,
            .end_ns = at_ns + took_ns,
            .tokens = (double)(10 + prng_below(random, 4000)),
        };
        at_ns += took_ns + TIME_MILLISECOND * (int64_t)prng_below(random, 500);
    }
}

static void must(enum fw_err err)
{
    if (err != FW_OK) {
        fprintf(stderr, "bench_hints: %s\n", err_row(err)->sentence);
        exit(3);
    }
}

/* Median over batches of the cost of a run. */
static double learn(struct callpath *callpath, const struct shape *shape, struct prng *random,
                    int64_t *at_ns, uint32_t batch)
{
    static struct script scripts[64];
    double costs[BATCHES];
    for (size_t b = 0; b < BATCHES; b++) {
        double spent = 0;
        for (uint32_t i = 0; i < batch; i++) {
            for (uint32_t s = 0; s < 64; s++) {
                fill(&scripts[s], shape, random, *at_ns);
                *at_ns += TIME_MINUTE;
            }
            double from = now_ns();
            for (uint32_t s = 0; s < 64; s++)
                must(callpath_learn(callpath, &scripts[s].run, NULL));
            spent += now_ns() - from;
        }
        costs[b] = spent / (batch * 64.0);
    }
    stats_sort_doubles(costs, BATCHES);
    return costs[BATCHES / 2];
}

static double look_up(const struct callpath_view *view, const struct script *script,
                      uint32_t *checksum)
{
    double costs[BATCHES];
    for (size_t b = 0; b < BATCHES; b++) {
        double from = now_ns();
        for (uint32_t i = 0; i < LOOKUPS; i++) {
            const struct callpath_call *call = &script->calls[i % script->run.count];
            struct callpath_found found;
            struct callpath_hints hints;
            bool known =
                callpath_find(view, script->run.agent, call->path, call->depth, 1 + i % 3, &found);
            callpath_hints(known ? &found : NULL, i, 0, &hints);
            *checksum += hints.osl + hints.total_requests;
        }
        costs[b] = (now_ns() - from) / LOOKUPS;
    }
    stats_sort_doubles(costs, BATCHES);
    return costs[BATCHES / 2];
}

static double make_view(struct callpath *callpath, struct callpath_view **view)
{
    double from = now_ns();
    must(callpath_view_create(view, callpath));
    return now_ns() - from;
}

static void measure(const struct shape *shape, struct json *json)
{
    struct callpath *callpath = NULL;
    struct callpath_view *view = NULL;
    struct prng random;
    static struct script script;
    int64_t at_ns = 1800000000 * TIME_SECOND;
    uint32_t checksum = 0;
    prng_init(&random, 1);
    json_object(json);
    json_key_text(json, "name", shape->name);
    json_key_uint(json, "calls", shape->calls);
    json_key_uint(json, "depth", shape->depth);
    double first[BATCHES];
    for (size_t i = 0; i < BATCHES; i++) { /* one past run */
        struct callpath *fresh = NULL;
        must(callpath_create(&fresh, &callpath_defaults, NULL));
        fill(&script, shape, &random, at_ns);
        must(callpath_learn(fresh, &script.run, NULL));
        fill(&script, shape, &random, at_ns + TIME_MINUTE);
        double from = now_ns();
        must(callpath_learn(fresh, &script.run, NULL));
        first[i] = now_ns() - from;
        callpath_free(&fresh);
    }
    stats_sort_doubles(first, BATCHES);
    json_key_fixed(json, "learn_after_1_ns", first[BATCHES / 2], 0);
    must(callpath_create(&callpath, &callpath_defaults, NULL));
    for (uint32_t i = 0; i < 10000; i++) {
        fill(&script, shape, &random, at_ns);
        at_ns += TIME_MINUTE;
        must(callpath_learn(callpath, &script.run, NULL));
    }
    json_key_fixed(json, "learn_after_10000_ns",
                   learn(callpath, shape, &random, &at_ns, shape->calls > 10 ? 2 : 20), 0);
    json_key_fixed(json, "view_ns", make_view(callpath, &view), 0);
    json_key_fixed(json, "lookup_ns", look_up(view, &script, &checksum), 1);
    json_key_uint(json, "bytes", callpath_counts(callpath).bytes);
    json_key_uint(json, "checksum", checksum);
    json_object_end(json);
    callpath_view_free(&view);
    callpath_free(&callpath);
}

int main(void)
{
    static const struct shape shapes[] = {{"7x7", 7, 7, 1},
                                          {"7x7 deep", 7, 7, 3},
                                          {"3x100", 100, 3, 1},
                                          {"3x100 deep", 100, 3, 3},
                                          {"50x50", 50, 50, 1}};
    struct buf out;
    struct json json;
    buf_init(&out, 1 << 20);
    json_init(&json, &out, true);
    json_array(&json);
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        measure(&shapes[i], &json);
    json_array_end(&json);
    printf("%.*s\n", STR_ARG(buf_str(&out)));
    buf_fini(&out);
    return 0;
}
