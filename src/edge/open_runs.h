/* SPDX-License-Identifier: MIT
 * Runs of agents while they go on, as the proxy sees them: which calls were made, and the number
 * that each has in its run, counted alike when hints are looked up and when the run is learned. A
 * run ends when it says so, when nothing was heard of it for a while, or when there are too many.
 * Any thread may call; everything is short. */
#ifndef FOREWARM_EDGE_OPEN_RUNS_H
#define FOREWARM_EDGE_OPEN_RUNS_H

#include "edge/run_head.h"

enum {
    OPEN_RUNS_CALLS_MAX = 1024,    /* of one run; a longer one is not learned */
    OPEN_RUNS_ALL_CALLS = 1 << 18, /* of all together: then the most silent run has ended */
    OPEN_RUNS_TEXT_MAX = 64 << 10  /* names of one run */
};

struct open_call { /* a call's place; run 0: it is not counted */
    uint64_t run;
    uint32_t number;
};
struct open_begun {
    struct open_call call;
    uint32_t index;   /* from 1: the run's calls with this very path */
    uint32_t ordinal; /* from 1: its calls */
};

/* What a run was, once it is over. */
struct ended_call {
    uint32_t path, depth; /* where in `text`: depth times a length (4 bytes) and so many bytes */
    uint64_t parent, path_hash;
    int64_t start_ns, end_ns; /* CALLPATH_OPEN: never seen */
    double tokens;
    bool cancelled; /* it never reached a server */
};
struct ended_run {
    struct ended_run *next;
    struct str agent, id; /* in `names` */
    struct ended_call *calls;
    uint32_t count;
    struct buf text, names;
};

struct open_runs;
FW_MUST_CHECK enum fw_err open_runs_create(struct open_runs **out, size_t max_runs,
                                           int64_t idle_ns);
void open_runs_destroy(struct open_runs **runs);
void open_runs_set_limits(struct open_runs *runs, size_t max_runs, int64_t idle_ns);

/* A call of `name` begins. True: a run has ended because of it, see open_runs_take. */
bool open_runs_begin(struct open_runs *runs, const struct run_head *head, struct str name,
                     int64_t at_ns, struct open_begun *begun);
/* It is over; CALLPATH_NO_TOKENS: not known. True: so is its run. */
bool open_runs_end(struct open_runs *runs, struct open_call call, int64_t at_ns, double tokens);
/* It was never made. */
bool open_runs_cancel(struct open_runs *runs, struct open_call call);

/* The runs that have ended by now, oldest first; each is freed by the taker. */
struct ended_run *open_runs_take(struct open_runs *runs, int64_t now_ns);
void ended_run_free(struct ended_run *run);

struct open_runs_counts {
    size_t open, calls; /* now */
    uint64_t too_long;  /* runs of more than OPEN_RUNS_CALLS_MAX calls, not learned */
    uint64_t crowded;   /* ended because there were too many */
};
struct open_runs_counts open_runs_counts(struct open_runs *runs);

#endif
