/* SPDX-License-Identifier: MIT
 * What each call of a run contributes. */
#include "learn/compat_nat.h"
#include <stdlib.h>
#include <string.h>

/* ---- order ---- */

struct placed {
    double at_s;
    uint32_t step;
};

static int compare_placed(const void *a, const void *b)
{
    const struct placed *left = a, *right = b;
    if (left->at_s < right->at_s || left->at_s > right->at_s)
        return left->at_s < right->at_s ? -1 : 1;
    return left->step < right->step ? -1 : left->step > right->step;
}

/* The first start strictly after the instant; count if there is none. */
static uint32_t first_after(const double *starts, uint32_t count, double at_s)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (starts[middle] > at_s)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* ---- slack ---- */

/* A text as a key that keeps null and "" apart. */
static struct str key_of(struct str text, char *place)
{
    if (!text.data)
        return (struct str){NULL, 0};
    place[0] = '=';
    if (text.len > 0)
        memcpy(place + 1, text.data, text.len);
    return (struct str){place, text.len + 1};
}

struct span {
    double from_s, to_s;
    struct str parent;
    uint32_t next; /* of the same parent */
    bool begun, ended;
};
struct siblings {
    struct table uuids, parents;
    struct span *spans; /* by number of the uuid */
    uint32_t *first;    /* by number of the parent; TABLE_NONE ends */
    char *place;        /* for the longest key */
};

static bool is_start(enum compat_nat_type type)
{
    return type % 2 == 0;
}

static enum fw_err pair_spans(struct siblings *siblings, const struct compat_nat_step *steps,
                              uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct compat_nat_step *step = &steps[i];
        uint32_t number;
        if (step->type == COMPAT_NAT_OTHER)
            continue;
        FW_TRY(table_add(&siblings->uuids, key_of(step->uuid, siblings->place), &number, NULL));
        struct span *span = &siblings->spans[number];
        if (is_start(step->type)) {
            span->begun = true;
            span->from_s = step->at_s;
            span->parent = step->parent_id;
        } else {
            span->ended = true;
            span->to_s = step->at_s;
        }
    }
    return FW_OK;
}

static enum fw_err group_spans(struct siblings *siblings)
{
    for (uint32_t i = 0; i < siblings->uuids.count; i++) {
        struct span *span = &siblings->spans[i];
        uint32_t parent;
        bool added;
        if (!span->begun || !span->ended)
            continue;
        FW_TRY(
            table_add(&siblings->parents, key_of(span->parent, siblings->place), &parent, &added));
        span->next = added ? TABLE_NONE : siblings->first[parent];
        siblings->first[parent] = i;
    }
    return FW_OK;
}

static void siblings_fini(struct siblings *siblings)
{
    table_fini(&siblings->uuids);
    table_fini(&siblings->parents);
    free(siblings->spans);
    free(siblings->first);
    free(siblings->place);
}

static enum fw_err siblings_init(struct siblings *siblings, const struct compat_nat_step *steps,
                                 uint32_t count)
{
    size_t longest = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct str texts[] = {steps[i].uuid, steps[i].parent_id, steps[i].function_parent_id};
        for (size_t t = 0; t < 3; t++)
            longest = texts[t].len > longest ? texts[t].len : longest;
    }
    *siblings = (struct siblings){.spans = calloc((size_t)count + 1, sizeof(struct span)),
                                  .first = calloc((size_t)count + 1, sizeof(uint32_t)),
                                  .place = malloc(longest + 1)};
    table_init(&siblings->uuids, COMPAT_NAT_STEPS_MAX);
    table_init(&siblings->parents, COMPAT_NAT_STEPS_MAX);
    if (!siblings->spans || !siblings->first || !siblings->place)
        return FW_NOMEM;
    FW_TRY(pair_spans(siblings, steps, count));
    return group_spans(siblings);
}

static uint32_t spans_of(const struct siblings *siblings, struct str parent)
{
    uint32_t number = table_find(&siblings->parents, key_of(parent, siblings->place));
    return number == TABLE_NONE ? TABLE_NONE : siblings->first[number];
}

static double slack_of(const struct siblings *siblings, const struct compat_nat_step *step)
{
    double took = step->at_s - step->span_start_s, longest = 0;
    uint32_t own = table_find(&siblings->uuids, key_of(step->uuid, siblings->place));
    uint32_t at = TABLE_NONE;
    if (!step->has_span_start || took <= 0)
        return 0;
    if (step->function_parent_id.len > 0)
        at = spans_of(siblings, step->function_parent_id);
    if (at == TABLE_NONE)
        at = spans_of(siblings, step->parent_id);
    for (; at != TABLE_NONE; at = siblings->spans[at].next) {
        const struct span *span = &siblings->spans[at];
        double from = span->from_s > step->span_start_s ? span->from_s : step->span_start_s;
        double to = span->to_s < step->at_s ? span->to_s : step->at_s;
        if (at != own && from < to && span->to_s - span->from_s > longest)
            longest = span->to_s - span->from_s;
    }
    if (longest <= 0)
        return 0;
    double slack = 1 - took / longest;
    return slack > 0 ? slack : 0;
}

/* ---- contexts ---- */

/* A run taken apart: its steps by time, the starts of calls, and how often each function called. */
struct run {
    const struct compat_nat_step *steps;
    struct placed *order;
    double *starts;
    uint32_t *seen; /* by number of the function */
    struct table functions;
    struct siblings siblings;
    uint32_t count, start_count, end_count;
    double took_s;
};

static enum fw_err run_init(struct run *run, const struct compat_nat_step *steps, uint32_t count,
                            bool parallel)
{
    *run = (struct run){.steps = steps,
                        .order = calloc((size_t)count + 1, sizeof(struct placed)),
                        .starts = calloc((size_t)count + 1, sizeof(double)),
                        .seen = calloc((size_t)count + 1, sizeof(uint32_t)),
                        .count = count};
    table_init(&run->functions, COMPAT_NAT_STEPS_MAX);
    if (!run->order || !run->starts || !run->seen)
        return FW_NOMEM;
    for (uint32_t i = 0; i < count; i++)
        run->order[i] = (struct placed){steps[i].at_s, i};
    qsort(run->order, count, sizeof *run->order, compare_placed);
    run->took_s = count >= 2 ? run->order[count - 1].at_s - run->order[0].at_s : 0;
    for (uint32_t i = 0; i < count; i++) {
        enum compat_nat_type type = steps[run->order[i].step].type;
        if (type == COMPAT_NAT_LLM_START)
            run->starts[run->start_count++] = run->order[i].at_s;
        run->end_count += type == COMPAT_NAT_LLM_END;
    }
    return parallel ? siblings_init(&run->siblings, steps, count) : FW_OK;
}

static void run_fini(struct run *run)
{
    free(run->order);
    free(run->starts);
    free(run->seen);
    table_fini(&run->functions);
    siblings_fini(&run->siblings);
}

static enum fw_err describe(struct run *run, const struct compat_nat_step *step, uint32_t number,
                            bool parallel, struct compat_nat_context *context)
{
    uint32_t function, next = first_after(run->starts, run->start_count, step->at_s);
    FW_TRY(table_add(&run->functions, step->function_id, &function, NULL));
    *context = (struct compat_nat_context){
        .index = ++run->seen[function],
        .remaining = run->end_count - number - 1,
        .has_gap = next < run->start_count,
        .tokens = step->tokens,
        .run_s = run->took_s,
        .call = {.start_s = step->has_span_start ? step->span_start_s : 0,
                 .end_s = step->at_s,
                 .took_s = step->has_span_start ? step->at_s - step->span_start_s : 0},
    };
    if (context->has_gap)
        context->gap_ms = (run->starts[next] - step->at_s) * 1000.0;
    if (step->function_parent_name.len > 0)
        context->path[context->depth++] = step->function_parent_name;
    context->path[context->depth++] = step->function_name;
    if (parallel)
        context->call.slack = slack_of(&run->siblings, step);
    return FW_OK;
}

static enum fw_err score(struct compat_nat_context *contexts, uint32_t count,
                         const struct callpath_weights *weights, double run_s)
{
    struct compat_call *calls = calloc((size_t)count + 1, sizeof *calls);
    if (!calls)
        return FW_NOMEM;
    for (uint32_t i = 0; i < count; i++)
        calls[i] = contexts[i].call;
    enum fw_err err = compat_groups(calls, count);
    if (err == FW_OK && weights->scored)
        err = compat_scores(calls, count, run_s, weights);
    for (uint32_t i = 0; i < count; i++)
        contexts[i].call = calls[i];
    free(calls);
    return err;
}

enum fw_err compat_nat_contexts(const struct compat_nat_step *steps, uint32_t count,
                                const struct callpath_weights *weights,
                                struct compat_nat_context **contexts, uint32_t *context_count)
{
    struct run run;
    bool parallel = weights->scored && weights->parallel > 0;
    *context_count = 0;
    *contexts = NULL;
    enum fw_err err = run_init(&run, steps, count, parallel);
    if (err == FW_OK)
        *contexts = calloc((size_t)run.end_count + 1, sizeof **contexts);
    if (err == FW_OK && !*contexts)
        err = FW_NOMEM;
    for (uint32_t i = 0; err == FW_OK && i < count; i++) {
        const struct compat_nat_step *step = &steps[run.order[i].step];
        if (step->type == COMPAT_NAT_LLM_END) {
            err = describe(&run, step, *context_count, parallel, &(*contexts)[*context_count]);
            ++*context_count;
        }
    }
    if (err == FW_OK)
        err = score(*contexts, *context_count, weights, run.took_s);
    run_fini(&run);
    if (err != FW_OK) {
        free(*contexts);
        *contexts = NULL;
        *context_count = 0;
    }
    return err;
}
