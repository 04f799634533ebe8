/* SPDX-License-Identifier: MIT */
#include "cli/eval_hints.h"
#include "base/table.h"
#include "learn/callpath_view.h"
#include "learn/compat_relay.h"
#include <math.h>
#include <stdlib.h>

const char *const eval_hints_ways[EVAL_HINTS_WAYS] = {"ours", "average", "relay-as-wired",
                                                      "relay-right-key"};
static const double osl_share = 0.9;

/* What is learned, and where asking stands. */
struct reference { /* relay's, which keeps agents apart */
    struct compat_relay relay;
    struct hint_trie trie;
};
struct exam {
    struct callpath *ours;
    struct callpath_view *view;
    struct table agents;
    struct reference *references; /* by number of the agent */
    struct eval_hints_score *scores;
    uint32_t process_calls; /* relay's counter */
};

/* ---- one call ---- */

struct question {
    const struct callpath_run *run;
    const struct callpath_call *call;
    uint32_t ordinal, index, index_of_name, remaining;
    double gap_ms; /* NaN: none */
};

static void score(struct eval_hints_score *score, const struct question *question,
                  const struct callpath_prediction *prediction, uint32_t counted, bool median_gap)
{
    const struct callpath_metric *metrics = prediction ? prediction->metrics : NULL;
    score->calls++;
    score->answered += prediction != NULL;
    double remaining = metrics ? metrics[CALLPATH_REMAINING].mean : 0;
    double median = metrics ? metrics[CALLPATH_REMAINING].p50 : 0;
    double total = (double)counted + floor(remaining + 0.5);
    score->remaining += fabs(remaining - question->remaining);
    score->remaining_median += fabs(median - question->remaining);
    score->total += fabs(total - (question->ordinal + question->remaining));
    if (question->call->tokens >= 0) {
        double over = question->call->tokens - (metrics ? metrics[CALLPATH_TOKENS].p90 : 0);
        score->pinball += over > 0 ? osl_share * over : (osl_share - 1) * over;
        score->sizes++;
    }
    if (!isnan(question->gap_ms)) {
        const struct callpath_metric *gap = metrics ? &metrics[CALLPATH_INTERARRIVAL] : NULL;
        double told = !gap ? 0 : median_gap ? gap->p50 : gap->mean;
        score->gap_ms += fabs(told - question->gap_ms);
        score->gaps++;
    }
}

static void ask(struct exam *exam, const struct question *question)
{
    const struct callpath_call *call = question->call;
    struct callpath_found found;
    uint32_t agent = table_find(&exam->agents, question->run->agent);
    const struct hint_trie *trie = &exam->references[agent].trie;
    exam->process_calls++;
    (void)callpath_find(exam->view, question->run->agent, call->path, call->depth, question->index,
                        &found);
    score(&exam->scores[EVAL_HINTS_OURS], question, found.prediction, question->ordinal, true);
    (void)callpath_find(exam->view, question->run->agent, NULL, 0, 0, &found);
    score(&exam->scores[EVAL_HINTS_AVERAGE], question, found.prediction, question->ordinal, true);
    (void)hint_trie_find(trie, call->path, call->depth - 1, exam->process_calls, &found);
    score(&exam->scores[EVAL_HINTS_WIRED], question, found.prediction, exam->process_calls, false);
    (void)hint_trie_find(trie, &call->path[call->depth - 1], 1, question->index_of_name, &found);
    score(&exam->scores[EVAL_HINTS_RIGHT_KEY], question, found.prediction, question->ordinal,
          false);
}

/* ---- one run ---- */

/* How often each path and each name has been called in this run. */
struct counters {
    struct table paths, names;
    uint32_t *of_path, *of_name;
    struct buf key;
};

static enum fw_err count_call(struct counters *counters, const struct callpath_call *call,
                              struct question *question)
{
    uint32_t path, name;
    buf_clear(&counters->key);
    for (uint32_t i = 0; i < call->depth; i++)
        buf_put_str(&counters->key, call->path[i]);
    if (counters->key.failed)
        return FW_NOMEM;
    FW_TRY(table_add(&counters->paths, buf_str(&counters->key), &path, NULL));
    FW_TRY(table_add(&counters->names, call->path[call->depth - 1], &name, NULL));
    question->index = ++counters->of_path[path];
    question->index_of_name = ++counters->of_name[name];
    return FW_OK;
}

static enum fw_err counters_init(struct counters *counters, uint32_t count)
{
    *counters = (struct counters){.of_path = calloc((size_t)count + 1, sizeof(uint32_t)),
                                  .of_name = calloc((size_t)count + 1, sizeof(uint32_t))};
    table_init(&counters->paths, CALLPATH_RUN_CALLS_MAX);
    table_init(&counters->names, CALLPATH_RUN_CALLS_MAX);
    buf_init(&counters->key, SIZE_MAX);
    return counters->of_path && counters->of_name ? FW_OK : FW_NOMEM;
}

static void counters_fini(struct counters *counters)
{
    table_fini(&counters->paths);
    table_fini(&counters->names);
    free(counters->of_path);
    free(counters->of_name);
    buf_fini(&counters->key);
}

/* The gap from the call's end to the first later start. */
static double gap_after(const struct callpath_run *run, uint32_t number)
{
    const struct callpath_call *call = &run->calls[number];
    int64_t next_ns = INT64_MAX;
    for (uint32_t i = 0; i < run->count; i++)
        if (i != number && run->calls[i].kind == CALLPATH_LLM &&
            run->calls[i].start_ns >= call->end_ns && run->calls[i].start_ns < next_ns &&
            (run->calls[i].start_ns > call->start_ns || i > number))
            next_ns = run->calls[i].start_ns;
    return call->end_ns == CALLPATH_OPEN || next_ns == INT64_MAX
               ? NAN
               : (double)(next_ns - call->end_ns) / 1e6;
}

/* Calls are asked about in the order of the record, which is that of their starts. */
static enum fw_err ask_run(struct exam *exam, const struct callpath_run *run)
{
    struct counters counters;
    uint32_t total = 0, ordinal = 0;
    enum fw_err err = counters_init(&counters, run->count);
    for (uint32_t i = 0; i < run->count; i++)
        total += run->calls[i].kind == CALLPATH_LLM;
    for (uint32_t i = 0; err == FW_OK && i < run->count; i++) {
        if (run->calls[i].kind != CALLPATH_LLM)
            continue;
        ordinal++;
        struct question question = {.run = run,
                                    .call = &run->calls[i],
                                    .ordinal = ordinal,
                                    .remaining = total - ordinal,
                                    .gap_ms = gap_after(run, i)};
        err = count_call(&counters, &run->calls[i], &question);
        if (err == FW_OK)
            ask(exam, &question);
    }
    counters_fini(&counters);
    return err;
}

/* ---- all ---- */

/* A reference for every agent there is. */
static enum fw_err begin(struct exam *exam, const struct run_record *runs, size_t count,
                         const struct callpath_weights *weights)
{
    uint32_t number;
    for (size_t i = 0; i < count; i++)
        FW_TRY(table_add(&exam->agents, runs[i].run.agent, &number, NULL));
    exam->references = calloc((size_t)exam->agents.count + 1, sizeof *exam->references);
    if (!exam->references)
        return FW_NOMEM;
    for (uint32_t i = 0; i < exam->agents.count; i++)
        FW_TRY(compat_relay_init(&exam->references[i].relay, weights));
    return FW_OK;
}

static enum fw_err examine(struct exam *exam, const struct run_record *runs, size_t count,
                           size_t split, struct fw_detail *detail)
{
    for (size_t i = 0; i < split; i++) {
        uint32_t agent = table_find(&exam->agents, runs[i].run.agent);
        FW_TRY(callpath_learn(exam->ours, &runs[i].run, detail));
        FW_TRY(compat_relay_add(&exam->references[agent].relay, &runs[i].run));
    }
    FW_TRY(callpath_view_create(&exam->view, exam->ours));
    for (uint32_t i = 0; i < exam->agents.count; i++)
        FW_TRY(compat_relay_build(&exam->references[i].relay, &exam->references[i].trie));
    for (size_t i = split; i < count; i++)
        FW_TRY(ask_run(exam, &runs[i].run));
    return FW_OK;
}

static void end(struct exam *exam)
{
    callpath_view_free(&exam->view);
    callpath_free(&exam->ours);
    for (uint32_t i = 0; i < exam->agents.count && exam->references; i++) {
        hint_trie_fini(&exam->references[i].trie);
        compat_relay_fini(&exam->references[i].relay);
    }
    free(exam->references);
    table_fini(&exam->agents);
}

enum fw_err eval_hints(const struct run_record *runs, size_t count, size_t split,
                       const struct callpath_settings *settings,
                       struct eval_hints_score scores[EVAL_HINTS_WAYS], struct fw_detail *detail)
{
    enum { AGENTS_MAX = 65536 };
    struct exam exam = {.scores = scores};
    table_init(&exam.agents, AGENTS_MAX);
    for (size_t i = 0; i < EVAL_HINTS_WAYS; i++)
        scores[i] = (struct eval_hints_score){0};
    enum fw_err err = callpath_create(&exam.ours, settings, detail);
    if (err == FW_OK)
        err = begin(&exam, runs, count, &settings->weights);
    if (err == FW_OK)
        err = examine(&exam, runs, count, split, detail);
    end(&exam);
    return err;
}
