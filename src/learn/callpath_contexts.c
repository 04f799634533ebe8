/* SPDX-License-Identifier: MIT
 * What each call of a run contributes: its index, what remains after it, the gap to the next start,
 * and how much latency matters for it. O(n log n) in the run's calls. */
#include "base/grow.h"
#include "learn/callpath_part.h"
#include "learn/callpath_slack.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct start {
    int64_t at_ns;
    uint32_t call;
};
struct callpath_scratch {
    uint32_t capacity;                 /* calls */
    struct callpath_context *contexts; /* per call of a language model */
    struct start *order;               /* those calls by start */
    uint32_t *groups;                  /* of overlapping calls, per finished call in that order */
    uint32_t *sizes;                   /* finished calls of each group */
    double *slack;                     /* per call of the run */
    uint64_t *paths;                   /* open addressing: hash of a path; room for twice as many */
    uint32_t *seen;                    /* calls with it so far; 0: an empty place */
    struct callpath_slack_room room;
};

enum fw_err callpath_scratch_create(struct callpath_scratch **out)
{
    *out = calloc(1, sizeof **out);
    return *out ? FW_OK : FW_NOMEM;
}

static void free_arrays(struct callpath_scratch *scratch)
{
    free(scratch->contexts);
    free(scratch->order);
    free(scratch->groups);
    free(scratch->sizes);
    free(scratch->slack);
    free(scratch->paths);
    free(scratch->seen);
    callpath_slack_fini(&scratch->room);
    *scratch = (struct callpath_scratch){0};
}

void callpath_scratch_free(struct callpath_scratch **scratch)
{
    if (*scratch)
        free_arrays(*scratch);
    free(*scratch);
    *scratch = NULL;
}

static enum fw_err make_room(struct callpath_scratch *scratch, uint32_t count)
{
    if (scratch->capacity > 0 && count <= scratch->capacity)
        return FW_OK;
    free_arrays(scratch);
    uint32_t capacity = GROW_MIN;
    while (capacity < count)
        capacity *= 2;
    scratch->contexts = calloc(capacity, sizeof *scratch->contexts);
    scratch->order = calloc(capacity, sizeof *scratch->order);
    scratch->groups = calloc(capacity, sizeof *scratch->groups);
    scratch->sizes = calloc(capacity, sizeof *scratch->sizes);
    scratch->slack = calloc(capacity, sizeof *scratch->slack);
    scratch->paths = calloc(capacity, 2 * sizeof *scratch->paths);
    scratch->seen = calloc(capacity, 2 * sizeof *scratch->seen);
    if (!scratch->contexts || !scratch->order || !scratch->groups || !scratch->sizes ||
        !scratch->slack || !scratch->paths || !scratch->seen ||
        callpath_slack_init(&scratch->room, capacity) != FW_OK) {
        free_arrays(scratch);
        return FW_NOMEM;
    }
    scratch->capacity = capacity;
    return FW_OK;
}

/* ---- order ---- */

static int compare_starts(const void *a, const void *b)
{
    const struct start *left = a, *right = b;
    if (left->at_ns != right->at_ns)
        return left->at_ns < right->at_ns ? -1 : 1;
    return left->call < right->call ? -1 : left->call > right->call;
}

static uint32_t sort_calls(struct callpath_scratch *scratch, const struct callpath_run *run)
{
    uint32_t count = 0;
    bool sorted = true; /* the usual case */
    for (uint32_t i = 0; i < run->count; i++) {
        if (run->calls[i].kind != CALLPATH_LLM)
            continue;
        scratch->order[count] = (struct start){run->calls[i].start_ns, i};
        sorted = sorted &&
                 (count == 0 || scratch->order[count - 1].at_ns <= scratch->order[count].at_ns);
        count++;
    }
    if (!sorted)
        qsort(scratch->order, count, sizeof *scratch->order, compare_starts);
    return count;
}

/* ---- index, remaining, gap ---- */

static uint64_t path_hash(const struct callpath_call *call)
{
    uint64_t hash = call->depth;
    for (uint32_t i = 0; i < call->depth; i++)
        hash = callpath_hash(hash, call->path[i]);
    return hash;
}

static uint32_t next_index(struct callpath_scratch *scratch, uint32_t slots, uint64_t hash)
{
    uint32_t at = (uint32_t)hash & (slots - 1);
    while (scratch->seen[at] != 0 && scratch->paths[at] != hash)
        at = (at + 1) & (slots - 1);
    scratch->paths[at] = hash;
    return ++scratch->seen[at];
}

/* From the end of the call at place k to the first start of another at or after it, in ms. NaN if
 * there is none. */
static double gap_after(const struct start *order, uint32_t count, uint32_t k, int64_t end_ns)
{
    uint32_t low = k + 1, high = count;
    if (end_ns == CALLPATH_OPEN)
        return NAN;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (order[middle].at_ns < end_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count ? (double)(order[low].at_ns - end_ns) / 1e6 : NAN;
}

static void describe(struct callpath_scratch *scratch, const struct callpath_run *run,
                     uint32_t count)
{
    uint32_t slots = 2 * GROW_MIN;
    while (slots < 2 * count)
        slots *= 2;
    memset(scratch->seen, 0, slots * sizeof *scratch->seen);
    for (uint32_t k = 0; k < count; k++) {
        const struct callpath_call *call = &run->calls[scratch->order[k].call];
        bool known = call->end_ns != CALLPATH_OPEN && call->tokens >= 0;
        scratch->contexts[k] = (struct callpath_context){
            .call = scratch->order[k].call,
            .index = next_index(scratch, slots, path_hash(call)),
            .remaining = (double)(count - k - 1),
            .gap_ms = gap_after(scratch->order, count, k, call->end_ns),
            .tokens = known ? call->tokens : NAN,
            .score = NAN,
        };
    }
}

/* ---- how much latency matters ---- */

int64_t callpath_run_end(const struct callpath_run *run)
{
    int64_t latest_ns = CALLPATH_OPEN;
    if (run->end_ns != CALLPATH_OPEN)
        return run->end_ns;
    for (uint32_t i = 0; i < run->count; i++)
        latest_ns = run->calls[i].end_ns > latest_ns ? run->calls[i].end_ns : latest_ns;
    return latest_ns > run->start_ns ? latest_ns : run->start_ns;
}

/* Numbers the groups of calls that overlap, of finished calls in order of start; the last number
 * is returned. */
static uint32_t number_groups(struct callpath_scratch *scratch, const struct callpath_run *run,
                              uint32_t count)
{
    int64_t until_ns = CALLPATH_OPEN;
    uint32_t group = 0;
    if (count > 0)
        scratch->sizes[0] = 0;
    for (uint32_t k = 0; k < count; k++) {
        const struct callpath_call *call = &run->calls[scratch->order[k].call];
        if (call->end_ns == CALLPATH_OPEN)
            continue;
        if (until_ns == CALLPATH_OPEN) {
            until_ns = call->end_ns;
        } else if (call->start_ns < until_ns) {
            until_ns = call->end_ns > until_ns ? call->end_ns : until_ns;
        } else {
            scratch->sizes[++group] = 0;
            until_ns = call->end_ns;
        }
        scratch->groups[k] = group;
        scratch->sizes[group]++;
    }
    return group;
}

static double clamp(double value, double low, double high)
{
    return value < low ? low : value > high ? high : value;
}

/* On a fixed range, so that the calls of one run are not stretched over all of it. */
static double score_of(const struct callpath_weights *weights, double share, double group,
                       double last, double slack)
{
    double fanout = last > 0 ? (last - group) / last : 0;
    double place = last > 0 ? group / last : 0;
    double position = last > 0 ? (1 - place > place ? 1 - place : place) : 1;
    double raw = weights->critical * share + weights->fanout * fanout +
                 weights->position * position - weights->parallel * slack;
    double low = weights->position / 2 - weights->parallel;
    double high = weights->critical + weights->fanout + weights->position;
    return high > low ? clamp((raw - low) / (high - low), 0, 1) : 0.5;
}

static void score(struct callpath_scratch *scratch, const struct callpath_run *run, uint32_t count,
                  const struct callpath_weights *weights)
{
    uint32_t last = number_groups(scratch, run, count);
    double whole_ns = (double)(callpath_run_end(run) - run->start_ns);
    if (weights->parallel > 0)
        callpath_slack(&scratch->room, run, scratch->slack);
    for (uint32_t k = 0; k < count; k++) {
        const struct callpath_call *call = &run->calls[scratch->order[k].call];
        if (call->end_ns == CALLPATH_OPEN)
            continue;
        double slack = weights->parallel > 0 ? scratch->slack[scratch->order[k].call] : 0;
        double n = scratch->sizes[scratch->groups[k]],
               took_ns = (double)(call->end_ns - call->start_ns);
        if (n > 1)
            slack = (slack + (n - 1) / n) / 2;
        double share = whole_ns > 0 ? clamp(took_ns / whole_ns, 0, 1) : 1;
        scratch->contexts[k].score = score_of(weights, share, scratch->groups[k], last, slack);
    }
}

enum fw_err callpath_contexts(struct callpath_scratch *scratch, const struct callpath_run *run,
                              const struct callpath_weights *weights,
                              const struct callpath_context **contexts, uint32_t *count)
{
    FW_TRY(make_room(scratch, run->count));
    *count = sort_calls(scratch, run);
    describe(scratch, run, *count);
    if (weights->scored)
        score(scratch, run, *count, weights);
    *contexts = scratch->contexts;
    return FW_OK;
}

/* ---- what a run must be ---- */

static enum fw_err check_call(const struct callpath_call *call, uint32_t number,
                              struct fw_detail *detail)
{
    if (call->depth == 0)
        return err_set(detail, FW_INPUT, "calls[%u]: an empty path", number);
    for (uint32_t i = 0; i < call->depth && i < CALLPATH_DEPTH_MAX; i++)
        if (call->path[i].len > CALLPATH_NAME_MAX)
            return err_set(detail, FW_INPUT, "calls[%u]: a name of %zu bytes, expected at most %d",
                           number, call->path[i].len, CALLPATH_NAME_MAX);
    if (call->start_ns < 0)
        return err_set(detail, FW_INPUT, "calls[%u]: it starts before 1970", number);
    if (call->end_ns != CALLPATH_OPEN && call->end_ns < call->start_ns)
        return err_set(detail, FW_INPUT, "calls[%u]: it ends before it starts", number);
    if (call->tokens != CALLPATH_NO_TOKENS && !(call->tokens >= 0 && call->tokens <= UINT32_MAX))
        return err_set(detail, FW_INPUT, "calls[%u]: tokens, expected 0 to %u", number, UINT32_MAX);
    return FW_OK;
}

enum fw_err callpath_run_check(const struct callpath_run *run, struct fw_detail *detail)
{
    if (run->count > CALLPATH_RUN_CALLS_MAX)
        return err_set(detail, FW_LIMIT, "calls: found %u, expected at most %d", run->count,
                       CALLPATH_RUN_CALLS_MAX);
    if (run->agent.len > CALLPATH_NAME_MAX)
        return err_set(detail, FW_INPUT, "agent_id: a name of %zu bytes, expected at most %d",
                       run->agent.len, CALLPATH_NAME_MAX);
    if (run->start_ns < 0)
        return err_set(detail, FW_INPUT, "started_at: before 1970");
    if (run->end_ns != CALLPATH_OPEN && run->end_ns < run->start_ns)
        return err_set(detail, FW_INPUT, "ended_at: before started_at");
    for (uint32_t i = 0; i < run->count; i++)
        FW_TRY(check_call(&run->calls[i], i, detail));
    return FW_OK;
}
