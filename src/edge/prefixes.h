/* SPDX-License-Identifier: MIT
 * The latest prompts of sessions at one llama.cpp server, so that it can have read them again
 * before the session's next request comes. They are kept in memory only, at most so many bytes and
 * PREFIX_SESSIONS of them, the session longest silent makes way, and none outlives PREFIX_KEPT_NS;
 * they are written nowhere and logged nowhere. I/O threads put in, the brain chooses, one job at a
 * time prefills. Of every prefill that was begun there is one result:
 *     issued == used + unused + cancelled + failed + those that run or still wait to be used. */
#ifndef FOREWARM_EDGE_PREFIXES_H
#define FOREWARM_EDGE_PREFIXES_H

#include "base/buf.h"
#include "base/time.h"
#include "edge/jobs.h"
#include <stdatomic.h>

enum { PREFIX_SESSIONS = 64, PREFIX_BODY_MAX = 1 << 20, PREFIX_PATH_MAX = 64, PREFIX_TRIES = 3 };
#define PREFIX_KEPT_NS TIME_HOUR

/* X(result, name) */
#define PREFIX_RESULTS(X)                                                                          \
    X(PREFIX_USED, "used")                                                                         \
    X(PREFIX_UNUSED, "unused")                                                                     \
    X(PREFIX_CANCELLED, "cancelled")                                                               \
    X(PREFIX_FAILED, "failed")
enum prefix_result {
#define X(result, name) result,
    PREFIX_RESULTS(X)
#undef X
        PREFIX_RESULT_COUNT
};
const char *prefix_result_name(int result);

struct prefix_counts {
    uint64_t issued, results[PREFIX_RESULT_COUNT], bytes;
    int64_t spent_ns; /* the server's time */
    uint32_t sessions, open;
};
/* A session whose prompt is kept, as the brain sees it. */
struct prefix_view {
    uint64_t session;
    int64_t at_ns; /* its latest request */
    bool cached;   /* the server has it still, as far as can be told */
    bool tried;    /* often enough since then */
};
/* What a job works on; to be freed by `drop`, which is called instead of the job when that is never
 * run. */
struct prefix_work {
    uint64_t session;
    char path[PREFIX_PATH_MAX];
    struct buf body;
    void (*drop)(struct prefix_work *work);
};

struct prefixes;
FW_MUST_CHECK enum fw_err prefixes_create(struct prefixes **prefixes);
void prefixes_destroy(struct prefixes **prefixes);
void prefixes_limit(struct prefixes *prefixes, uint64_t max_bytes); /* 0: none are kept */

/* I/O threads: a request begins, whoever sends it: what is being prefilled steps aside. */
void prefixes_request(struct prefixes *prefixes, uint64_t session);
/* It was answered; `body` empty or `session` 0: nothing to keep of it. */
void prefixes_served(struct prefixes *prefixes, uint64_t session, struct str path, struct str body,
                     int64_t at_ns);
/* The server was loaded anew, or is gone: it has nothing cached. */
void prefixes_lost(struct prefixes *prefixes);
void prefixes_cancel(struct prefixes *prefixes);

/* The brain: who is kept. Returns how many; 0 while one is being prefilled. */
uint32_t prefixes_list(struct prefixes *prefixes, int64_t now_ns,
                       struct prefix_view views[PREFIX_SESSIONS], uint32_t *slots);
/* False: a request came between. `drop` is set by the caller; the body is the work's. */
FW_MUST_CHECK bool prefixes_begin(struct prefixes *prefixes, uint64_t session,
                                  struct prefix_work *work);
/* The job. `slots` of the server, 0 not told. PREFIX_USED: it is done, and waits to be used. */
void prefixes_end(struct prefixes *prefixes, uint64_t session, enum prefix_result result,
                  int64_t took_ns, uint32_t slots);
const atomic_bool *prefixes_cancelled(const struct prefixes *prefixes);
void prefixes_count(struct prefixes *prefixes, struct prefix_counts *counts);

#endif
