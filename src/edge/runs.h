/* SPDX-License-Identifier: MIT
 * Runs of agents, and what is known from them. One thread takes finished runs (sent to
 * POST /v1/runs, or seen by the proxy), puts them into the log, learns from the log, publishes what
 * it has learned as a view that I/O threads read without a lock, and tells the planner what agents
 * that run will call next. Nothing of it ever holds up a request: what cannot be taken is dropped
 * and counted. */
#ifndef FOREWARM_EDGE_RUNS_H
#define FOREWARM_EDGE_RUNS_H

#include "edge/brain.h"
#include "edge/open_runs.h"
#include "edge/store/store_runs.h"
#include "learn/callnext.h"
#include "learn/callpath_view.h"

enum {
    RUNS_READERS = BUS_SENDERS_MAX, /* threads that may look up: by their sender's number */
    RUNS_QUEUE_MAX = 1 << 16,       /* notices of calls that wait for the thread */
    RUNS_PENDING_MAX = 10000        /* seen runs that wait for a log that cannot be written */
};

struct runs;

/* Reads what was kept: hints are there from the first request on. FW_VERSION, FW_CORRUPT, FW_IO. A
 * Redis that does not answer is no error: then nothing is known until it does. */
FW_MUST_CHECK enum fw_err runs_create(struct runs **out, struct store *store, struct config *config,
                                      struct fw_detail *detail);
/* `brain` hears of what comes next; NULL: nobody. */
FW_MUST_CHECK enum fw_err runs_start(struct runs *runs, struct brain *brain,
                                     struct fw_detail *detail);
/* Ends the thread; what has ended is learned and kept, tasks that wait are run with
 * runs_stopping(). Before the brain stops. */
void runs_stop(struct runs *runs);
void runs_destroy(struct runs **runs);
/* Headers and limits from now on; weights and half-lives stay until a restart. */
void runs_configure(struct runs *runs, struct config *config);

/* ---- I/O threads ---- */

struct runs_begun {
    struct open_call call;
    struct callpath_hints hints;
    char prefix[CALLPATH_PREFIX_LEN + 1];
};
/* A call of `name` (a resource) begins; `head->path` has room for the name and gets it. Of no run:
 * it is not counted, and gets what holds for any call of the agent there. */
void runs_begin(struct runs *runs, unsigned reader, struct run_head *head, struct str name,
                uint64_t session, int64_t at_ns, struct runs_begun *begun);
/* CALLPATH_NO_TOKENS: not known. */
void runs_end(struct runs *runs, struct open_call call, int64_t at_ns, double tokens);
void runs_cancel(struct runs *runs, struct open_call call);

/* ---- any thread ---- */

/* Work for the thread, in the order in which it is given. Embedded in what it works for. */
struct runs_task {
    void (*run)(struct runs *runs, struct runs_task *task);
    struct runs_task *next;
};
void runs_do(struct runs *runs, struct runs_task *task);
/* Returns when every task given before has been run. Not on its thread. */
void runs_await_tasks(struct runs *runs);

struct runs_counts {
    uint64_t learned, calls, known_again, refused, dropped, unreadable;
    uint64_t too_long, crowded, nodes_dropped;
    uint64_t nodes, bytes, open;
    uint64_t told; /* to the planner */
};
void runs_counts(struct runs *runs, struct runs_counts *counts);

/* ---- on its thread, from a task ---- */

/* Finished runs on their way into the log. */
struct runs_batch {
    struct buf bytes; /* ids and facts */
    struct store_run *runs;
    size_t count, capacity;
    bool failed; /* memory */
};
void runs_batch_init(struct runs_batch *batch);
void runs_batch_fini(struct runs_batch *batch);
/* `id` "" : one is made of what the run was. FW_LIMIT, FW_NOMEM: it was not added. */
FW_MUST_CHECK enum fw_err runs_batch_add(struct runs_batch *batch, struct str id,
                                         const struct callpath_run *run, const struct str *models,
                                         struct fw_detail *detail);
/* FW_OK: every one is kept and learned; `known` of them had been before. */
FW_MUST_CHECK enum fw_err runs_commit(struct runs *runs, struct runs_batch *batch, uint64_t *known,
                                      struct fw_detail *detail);
bool runs_stopping(const struct runs *runs);
void runs_count_refused(struct runs *runs, uint64_t count);
/* What is known of a call by now. */
struct runs_answer {
    bool found;
    struct callpath_prediction prediction;
    struct callpath_hints hints;
    uint32_t scale;
    size_t guess_count; /* what is called next; models live until the task ends */
    struct callnext_guess guesses[CALLNEXT_GUESSES_MAX];
};
void runs_ask(struct runs *runs, struct str agent, const struct str *path, uint32_t depth,
              uint32_t index, uint32_t ordinal, struct runs_answer *answer);

#endif
