/* SPDX-License-Identifier: MIT
 * The log, and what is learned from it: always in the log's order, so that what is known is the
 * same after a restart, and for all who share it. */
#include "base/time.h"
#include "edge/jobs.h"
#include "edge/log.h"
#include "edge/run_facts.h"
#include "edge/runs_part.h"
#include <stdio.h>
#include <stdlib.h>

enum { STATE_VERSION = 1, BATCH_BYTES_MAX = 1 << 30 };

/* ---- learning ---- */

enum fw_err runs_make_learners(struct runs *runs, struct fw_detail *detail)
{
    callpath_free(&runs->learner);
    callnext_free(&runs->next);
    runs->at = (struct store_runs_at){0, 0};
    runs->loaded = false;
    FW_TRY(callpath_create(&runs->learner, &runs->settings, detail));
    return callnext_create(&runs->next);
}

static void learn(void *context, struct str bytes)
{
    struct runs *runs = context;
    struct run_facts facts;
    struct fw_detail detail = {{0}};
    enum fw_err err = run_facts_get(&facts, bytes);
    if (err == FW_OK)
        err = callpath_learn(runs->learner, &facts.run, &detail);
    if (err == FW_OK)
        err = callnext_learn(runs->next, &facts.run, facts.models);
    run_facts_fini(&facts);
    runs->dirty = true;
    runs->unsaved++;
    if (err == FW_OK)
        return;
    atomic_fetch_add(&runs->unreadable, 1);
    log_error("a run in the log cannot be learned", LOG_TEXT("error", err_row(err)->name),
              LOG_TEXT("reason", detail.text), LOG_TEXT("next", "it is passed over"));
}

/* Figures for /metrics. */
static void show(struct runs *runs)
{
    struct callpath_counts counts = callpath_counts(runs->learner);
    atomic_store(&runs->learned, counts.runs);
    atomic_store(&runs->calls, counts.calls);
    atomic_store(&runs->nodes, counts.nodes);
    atomic_store(&runs->bytes, counts.bytes);
    atomic_store(&runs->nodes_dropped, counts.nodes_dropped);
}

static enum fw_err read_log(struct runs *runs, struct fw_detail *detail)
{
    bool more = true;
    enum fw_err err = FW_OK;
    while (err == FW_OK && more)
        err = runs->store->ops->read(runs->store, &runs->at, learn, runs, &more, detail);
    show(runs);
    return err;
}

enum fw_err runs_catch_up(struct runs *runs, struct fw_detail *detail)
{
    if (!runs->loaded)
        FW_TRY(runs_load(runs, detail));
    enum fw_err err = read_log(runs, detail);
    if (err != FW_NOT_FOUND)
        return err;
    /* We were away for so long that the log goes on without us: from the snapshot. */
    FW_TRY(runs_make_learners(runs, detail));
    return runs_load(runs, detail);
}

/* ---- the snapshot ---- */

static enum fw_err load_learners(struct runs *runs, struct str state)
{
    struct buf_reader in = {.data = (const uint8_t *)state.data, .len = state.len};
    uint32_t version = buf_get_u32(&in);
    struct str paths = buf_get_str(&in), next = buf_get_str(&in);
    if (!in.failed && version > STATE_VERSION)
        return FW_VERSION;
    if (in.failed || version == 0 || in.at != in.len)
        return FW_CORRUPT;
    struct buf_reader paths_in = {.data = (const uint8_t *)paths.data, .len = paths.len};
    struct buf_reader next_in = {.data = (const uint8_t *)next.data, .len = next.len};
    FW_TRY(callpath_load(runs->learner, &paths_in));
    return callnext_load(runs->next, &next_in);
}

/* FW_UNREACHABLE leaves it for later. */
enum fw_err runs_load(struct runs *runs, struct fw_detail *detail)
{
    struct buf state;
    buf_init(&state, STORE_RUNS_STATE_MAX);
    enum fw_err err = runs->store->ops->load(runs->store, &runs->at, &state, detail);
    if (err == FW_OK && state.len > 0)
        err = load_learners(runs, buf_str(&state));
    buf_fini(&state);
    if ((err == FW_CORRUPT || err == FW_VERSION) && !detail->text[0])
        (void)err_set(detail, err,
                      "state: what was learned of agents' runs %s: move the state away to start "
                      "afresh",
                      err == FW_CORRUPT ? "is damaged" : "was written by a newer forewarm");
    if (err != FW_OK)
        return err;
    runs->loaded = true;
    runs->dirty = true;
    return read_log(runs, detail);
}

void runs_save(struct runs *runs)
{
    struct buf state, part;
    struct fw_detail detail = {{0}};
    runs->save_ns = jobs_now_ns() + RUNS_SAVE_NS;
    if (runs->unsaved == 0 || !runs->loaded)
        return;
    buf_init(&state, STORE_RUNS_STATE_MAX);
    buf_init(&part, STORE_RUNS_STATE_MAX);
    buf_put_u32(&state, STATE_VERSION);
    callpath_save(runs->learner, &part);
    buf_put_str(&state, buf_str(&part));
    bool failed = part.failed;
    buf_clear(&part);
    callnext_save(runs->next, &part);
    buf_put_str(&state, buf_str(&part));
    failed |= part.failed || state.failed;
    enum fw_err err =
        failed ? FW_NOMEM
               : runs->store->ops->save(runs->store, &runs->at, buf_str(&state), &detail);
    buf_fini(&state);
    buf_fini(&part);
    if (err == FW_OK)
        runs->unsaved = 0;
    else
        log_warn("what was learned of runs cannot be kept now; the log holds it",
                 LOG_TEXT("reason", detail.text[0] ? detail.text : err_row(err)->sentence));
}

/* ---- batches ---- */

void runs_batch_init(struct runs_batch *batch)
{
    *batch = (struct runs_batch){.count = 0};
    buf_init(&batch->bytes, BATCH_BYTES_MAX);
}

void runs_batch_fini(struct runs_batch *batch)
{
    buf_fini(&batch->bytes);
    free(batch->runs);
    *batch = (struct runs_batch){.count = 0};
}

static bool grow(struct runs_batch *batch)
{
    if (batch->count < batch->capacity)
        return true;
    size_t capacity = batch->capacity ? batch->capacity * 2 : 64;
    struct store_run *runs = realloc(batch->runs, capacity * sizeof *runs);
    if (!runs)
        return false;
    batch->runs = runs;
    batch->capacity = capacity;
    return true;
}

/* Where its texts are is set at the end, when the bytes move no more: until then lengths. */
enum fw_err runs_batch_add(struct runs_batch *batch, struct str id, const struct callpath_run *run,
                           const struct str *models, struct fw_detail *detail)
{
    size_t before = batch->bytes.len;
    char made[STR_NUMBER_MAX];
    if (id.len > STORE_RUNS_ID_MAX)
        return err_set(detail, FW_LIMIT, "id: found %zu bytes, expected at most %d", id.len,
                       STORE_RUNS_ID_MAX);
    if (!grow(batch))
        return FW_NOMEM;
    run_facts_put(&batch->bytes, run, models);
    size_t facts = batch->bytes.len - before;
    if (id.len == 0) {
        int len =
            snprintf(made, sizeof made, "%016llx-%zu",
                     (unsigned long long)str_hash(batch->bytes.data + before, facts, 0), facts);
        id = (struct str){made, (size_t)len};
    }
    buf_add_str(&batch->bytes, id);
    if (batch->bytes.failed || facts > RUN_FACTS_MAX) {
        batch->bytes.len = before;
        batch->bytes.failed = false;
        return err_set(detail, FW_LIMIT,
                       "the run is too large: found %zu bytes, at most %d are kept", facts,
                       RUN_FACTS_MAX);
    }
    batch->runs[batch->count++] = (struct store_run){.id = {NULL, id.len}, .facts = {NULL, facts}};
    return FW_OK;
}

enum fw_err runs_commit(struct runs *runs, struct runs_batch *batch, uint64_t *known,
                        struct fw_detail *detail)
{
    const char *at = batch->bytes.data;
    *known = 0;
    for (size_t i = 0; i < batch->count; i++) {
        batch->runs[i].facts.data = at;
        batch->runs[i].id.data = at + batch->runs[i].facts.len;
        at += batch->runs[i].facts.len + batch->runs[i].id.len;
    }
    if (batch->count > 0)
        FW_TRY(runs->store->ops->append(runs->store, batch->runs, batch->count, detail));
    for (size_t i = 0; i < batch->count; i++)
        *known += batch->runs[i].known;
    atomic_fetch_add(&runs->known_again, *known);
    /* It is kept: whatever happens now, it will be learned. */
    enum fw_err err = runs_catch_up(runs, detail);
    if (err != FW_OK)
        log_warn("runs are in the log but not learned yet", LOG_TEXT("reason", detail->text));
    return FW_OK;
}

/* ---- what the proxy has seen ---- */

static bool unpack(const struct ended_run *ended, struct callpath_call *calls, struct str *models,
                   struct str *elements, struct callpath_run *run)
{
    uint32_t count = 0;
    *run = (struct callpath_run){
        .agent = ended->agent, .start_ns = INT64_MAX, .end_ns = 0, .calls = calls};
    for (uint32_t i = 0; i < ended->count; i++) {
        const struct ended_call *call = &ended->calls[i];
        struct buf_reader in = {.data = (const uint8_t *)ended->text.data + call->path,
                                .len = ended->text.len - call->path};
        if (call->cancelled)
            continue;
        calls[count] = (struct callpath_call){.kind = CALLPATH_LLM,
                                              .path = elements,
                                              .depth = call->depth,
                                              .parent = call->parent,
                                              .start_ns = call->start_ns,
                                              .end_ns = call->end_ns,
                                              .tokens = call->tokens};
        for (uint32_t j = 0; j < call->depth; j++)
            *elements++ = buf_get_str(&in);
        models[count++] = elements[-1];
        int64_t end_ns = call->end_ns == CALLPATH_OPEN ? call->start_ns : call->end_ns;
        run->start_ns = call->start_ns < run->start_ns ? call->start_ns : run->start_ns;
        run->end_ns = end_ns > run->end_ns ? end_ns : run->end_ns;
    }
    run->count = count;
    return count > 0;
}

static enum fw_err add_ended(struct runs_batch *batch, const struct ended_run *ended)
{
    struct fw_detail detail;
    struct callpath_run run;
    char id[STORE_RUNS_ID_MAX];
    enum fw_err err = FW_OK;
    struct callpath_call *calls = calloc((size_t)ended->count + 1, sizeof *calls);
    struct str *models = calloc((size_t)ended->count + 1, sizeof *models);
    struct str *elements = calloc((size_t)ended->count * CALLPATH_DEPTH_MAX + 1, sizeof *elements);
    if (!calls || !models || !elements)
        err = FW_NOMEM;
    else if (unpack(ended, calls, models, elements, &run)) {
        int len = snprintf(id, sizeof id, "seen/%016llx/%016llx/%lld",
                           (unsigned long long)str_hash(ended->agent.data, ended->agent.len, 0),
                           (unsigned long long)str_hash(ended->id.data, ended->id.len, 0),
                           (long long)run.start_ns);
        err = runs_batch_add(batch, (struct str){id, (size_t)len}, &run, models, &detail);
    }
    free(calls);
    free(models);
    free(elements);
    return err;
}

static void drop_first(struct runs *runs, size_t count)
{
    for (; count > 0 && runs->pending; count--) {
        struct ended_run *run = runs->pending;
        runs->pending = run->next;
        runs->pending_count--;
        ended_run_free(run);
    }
    if (!runs->pending)
        runs->pending_end = &runs->pending;
}

/* The oldest ones, as one batch. False: it cannot be written now. */
static bool commit_some(struct runs *runs)
{
    struct runs_batch batch;
    struct fw_detail detail = {{0}};
    uint64_t known;
    size_t count = 0;
    runs_batch_init(&batch);
    for (struct ended_run *run = runs->pending; run && count < RUNS_COMMIT_MAX; run = run->next) {
        if (add_ended(&batch, run) != FW_OK)
            atomic_fetch_add(&runs->dropped, 1);
        count++;
    }
    enum fw_err err = runs_commit(runs, &batch, &known, &detail);
    runs_batch_fini(&batch);
    if (err == FW_OK)
        drop_first(runs, count);
    else
        log_warn("seen runs cannot be written to the log now", LOG_TEXT("reason", detail.text),
                 LOG_INT("waiting", runs->pending_count));
    return err == FW_OK;
}

void runs_take_ended(struct runs *runs, int64_t now_ns)
{
    struct ended_run *ended = open_runs_take(runs->open, now_ns);
    *runs->pending_end = ended;
    for (; ended; ended = ended->next) {
        runs->pending_end = &ended->next;
        runs->pending_count++;
    }
    if (runs->pending_count > RUNS_PENDING_MAX) {
        atomic_fetch_add(&runs->dropped, runs->pending_count - RUNS_PENDING_MAX);
        drop_first(runs, runs->pending_count - RUNS_PENDING_MAX);
    }
    while (runs->pending && commit_some(runs))
        continue;
}
