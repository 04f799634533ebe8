/* SPDX-License-Identifier: MIT */
#include "learn/callpath.h"
#include "base/check.h"
#include "base/time.h"
#include "learn/callpath_part.h"
#include <math.h>
#include <stdlib.h>

enum { MAX_NODES_LEAST = 64, MAX_BYTES_LEAST = 1 << 20, HALF_LIFE_SAMPLES_MAX = 1 << 20 };

const struct callpath_settings callpath_defaults = {
    .weights = {true, 5, 0.5, 0.3, 0.2, 0.0},
    .half_life_ns = 7 * TIME_DAY,
    .half_life_samples = 500,
    .max_nodes = CALLPATH_NODES_MAX,
    .max_bytes = 256u << 20,
};

static enum fw_err check_weights(const struct callpath_weights *weights, struct fw_detail *detail)
{
    const double values[] = {weights->critical, weights->fanout, weights->position,
                             weights->parallel};
    static const char *const names[] = {"w_critical", "w_fanout", "w_position", "w_parallel"};
    double sum = 0;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        if (!(values[i] >= 0 && values[i] <= 1e6))
            return err_set(detail, FW_INPUT, "%s: expected a number from 0 to 1e6", names[i]);
        sum += values[i];
    }
    if (!(sum > 0))
        return err_set(detail, FW_INPUT,
                       "w_critical, w_fanout, w_position, w_parallel: all are 0, expected at "
                       "least one above");
    if (weights->scale < 1 || weights->scale > CALLPATH_SCALE_MAX)
        return err_set(detail, FW_INPUT, "scale: found %u, expected 1 to %d", weights->scale,
                       CALLPATH_SCALE_MAX);
    return FW_OK;
}

static enum fw_err check_settings(const struct callpath_settings *settings,
                                  struct fw_detail *detail)
{
    if (settings->weights.scored)
        FW_TRY(check_weights(&settings->weights, detail));
    if (settings->half_life_ns < TIME_MINUTE)
        return err_set(detail, FW_INPUT, "half_life: expected at least a minute");
    if (settings->half_life_samples < 1 || settings->half_life_samples > HALF_LIFE_SAMPLES_MAX)
        return err_set(detail, FW_INPUT, "half_life_samples: found %u, expected 1 to %d",
                       settings->half_life_samples, HALF_LIFE_SAMPLES_MAX);
    if (settings->max_nodes < MAX_NODES_LEAST || settings->max_nodes > CALLPATH_NODES_LIMIT)
        return err_set(detail, FW_INPUT, "max_nodes: found %u, expected %d to %d",
                       settings->max_nodes, MAX_NODES_LEAST, CALLPATH_NODES_LIMIT);
    if (settings->max_bytes < MAX_BYTES_LEAST)
        return err_set(detail, FW_INPUT, "max_bytes: expected at least 1MiB");
    return FW_OK;
}

enum fw_err callpath_create(struct callpath **out, const struct callpath_settings *settings,
                            struct fw_detail *detail)
{
    *out = NULL;
    FW_TRY(check_settings(settings, detail));
    struct callpath *callpath = calloc(1, sizeof *callpath);
    if (!callpath)
        return FW_NOMEM;
    callpath->settings = *settings;
    callpath_fading_init(&callpath->fading, settings);
    enum fw_err err = callpath_nodes_init(callpath);
    if (err == FW_OK)
        err = callpath_scratch_create(&callpath->scratch);
    *out = callpath;
    if (err != FW_OK)
        callpath_free(out);
    return err;
}

void callpath_free(struct callpath **callpath)
{
    if (!*callpath)
        return;
    callpath_nodes_fini(*callpath);
    callpath_scratch_free(&(*callpath)->scratch);
    free(*callpath);
    *callpath = NULL;
}

struct callpath_counts callpath_counts(const struct callpath *callpath)
{
    return callpath->counts;
}

const struct callpath_settings *callpath_settings_of(const struct callpath *callpath)
{
    return &callpath->settings;
}

/* ---- learning ---- */

static enum fw_err add_to(struct callpath *callpath, uint32_t node, uint32_t index, int32_t step,
                          const struct callpath_context *context)
{
    const double values[CALLPATH_METRICS] = {
        [CALLPATH_REMAINING] = context->remaining,
        [CALLPATH_INTERARRIVAL] = context->gap_ms,
        [CALLPATH_TOKENS] = context->tokens,
    };
    struct callpath_pack *pack = NULL;
    FW_TRY(callpath_nodes_pack(callpath, node, index, &pack));
    for (size_t m = 0; m < CALLPATH_METRICS; m++)
        if (!isnan(values[m]))
            FW_TRY(callpath_stat_add(&pack->stats[m], &callpath->fading, values[m], step,
                                     &callpath->counts.bytes));
    if (!isnan(context->score))
        callpath_mean_add(&pack->score, &callpath->fading, context->score, step);
    return FW_OK;
}

/* The nodes from the agent's down along the call's path. */
static enum fw_err find_nodes(struct callpath *callpath, uint32_t root,
                              const struct callpath_call *call,
                              uint32_t nodes[CALLPATH_DEPTH_MAX + 1], uint32_t *count)
{
    uint32_t depth = call->depth < CALLPATH_DEPTH_MAX ? call->depth : CALLPATH_DEPTH_MAX;
    callpath->counts.paths_cut += call->depth > CALLPATH_DEPTH_MAX;
    nodes[0] = root;
    for (uint32_t i = 0; i < depth; i++)
        FW_TRY(callpath_nodes_child(callpath, nodes[i], call->path[i], &nodes[i + 1]));
    *count = depth + 1;
    for (uint32_t i = *count; i-- > 0;)
        callpath_nodes_use(callpath, nodes[i]);
    callpath_nodes_use(callpath, 0);
    return FW_OK;
}

static enum fw_err learn_call(struct callpath *callpath, uint32_t root,
                              const struct callpath_call *call, int32_t step,
                              const struct callpath_context *context)
{
    uint32_t nodes[CALLPATH_DEPTH_MAX + 1], count = 0;
    uint32_t index = context->index <= CALLPATH_INDEX_MAX ? context->index : CALLPATH_TAIL;
    FW_TRY(find_nodes(callpath, root, call, nodes, &count));
    for (uint32_t i = 0; i < count; i++) {
        FW_TRY(add_to(callpath, nodes[i], index, step, context));
        FW_TRY(add_to(callpath, nodes[i], CALLPATH_ANY, step, context));
    }
    callpath->counts.calls++;
    return FW_OK;
}

enum fw_err callpath_learn(struct callpath *callpath, const struct callpath_run *run,
                           struct fw_detail *detail)
{
    const struct callpath_context *contexts = NULL;
    uint32_t count = 0, root = 0;
    FW_TRY(callpath_run_check(run, detail));
    FW_TRY(
        callpath_contexts(callpath->scratch, run, &callpath->settings.weights, &contexts, &count));
    if (count > 0)
        FW_TRY(callpath_nodes_child(callpath, 0, run->agent, &root));
    int64_t end_ns = callpath_run_end(run);
    int32_t step = callpath_step(&callpath->fading, end_ns);
    callpath->latest_ns = end_ns > callpath->latest_ns ? end_ns : callpath->latest_ns;
    for (uint32_t i = 0; i < count; i++)
        FW_TRY(learn_call(callpath, root, &run->calls[contexts[i].call], step, &contexts[i]));
    callpath->counts.runs++;
    callpath_nodes_shrink(callpath);
    return FW_OK;
}
