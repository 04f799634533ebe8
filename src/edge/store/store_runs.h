/* SPDX-License-Identifier: MIT
 * Where finished runs of agents outlive the process: an append-only log of their facts, in which a
 * run stands once however often it is sent, and a snapshot of what was learned from it up to a
 * place. What was learned is a function of the log, in its order; so forewarms that share one
 * (Redis) learn the same, and no one writes over what another has learned. One thread. */
#ifndef FOREWARM_EDGE_STORE_RUNS_H
#define FOREWARM_EDGE_STORE_RUNS_H

#include "edge/store/store.h"

enum {
    STORE_RUNS_IDS = 1000 * 1000, /* latest ids that are known again */
    STORE_RUNS_STATE_MAX = 1 << 30,
    STORE_RUNS_ID_MAX = 512
};

/* A place in the log: behind what was read so far. Both 0: its beginning. */
struct store_runs_at {
    uint64_t major, minor;
};
struct store_run {
    struct str id;    /* any bytes; runs of one id are one run */
    struct str facts; /* run_facts.h */
    bool known;       /* out: its id was in the log, it was not added */
};
/* Takes the facts of one run. */
typedef void store_run_fn(void *context, struct str facts);

struct store_runs;
struct store_runs_ops {
    /* What was learned, and up to where; at the beginning nothing. FW_VERSION, FW_CORRUPT. */
    enum fw_err (*load)(struct store_runs *runs, struct store_runs_at *at, struct buf *state,
                        struct fw_detail *detail);
    /* FW_OK: all of them are in the log, for good. Else none is known to be. */
    enum fw_err (*append)(struct store_runs *runs, struct store_run *batch, size_t count,
                          struct fw_detail *detail);
    /* Calls for those behind `at`, in their order, some thousands at most, and moves it. *more:
     * there may be others. FW_NOT_FOUND: what stood there is gone, load again. */
    enum fw_err (*read)(struct store_runs *runs, struct store_runs_at *at, store_run_fn *fn,
                        void *context, bool *more, struct fw_detail *detail);
    /* The snapshot from now on, unless there is a later one; older parts of the log may go. */
    enum fw_err (*save)(struct store_runs *runs, const struct store_runs_at *at, struct str state,
                        struct fw_detail *detail);
    void (*close)(struct store_runs *runs);
};
struct store_runs {
    const struct store_runs_ops *ops;
    bool shared; /* others write too */
};

/* Beside the store of the same address, which lives longer. */
FW_MUST_CHECK enum fw_err store_runs_open(struct store_runs **runs, struct store *store,
                                          const char *url, const char *password_file,
                                          struct fw_detail *detail);
void store_runs_close(struct store_runs **runs);

FW_MUST_CHECK enum fw_err store_runs_memory(struct store_runs **runs);
FW_MUST_CHECK enum fw_err store_runs_sqlite(struct store_runs **runs, struct store *store,
                                            struct fw_detail *detail);
FW_MUST_CHECK enum fw_err store_runs_redis(struct store_runs **runs, const char *url,
                                           const char *password_file, struct fw_detail *detail);

#endif
