/* SPDX-License-Identifier: MIT
 * A small pool of threads for slow work: spawning, probes, load calls, writing files. Work comes in
 * steps: a step does one bounded thing and submits itself again for later, so four threads serve
 * any number of warm-ups. Steps that may wait for a server are `slow`; one thread is kept free of
 * them, so that stopping and saving never queue behind. */
#ifndef FOREWARM_EDGE_JOBS_H
#define FOREWARM_EDGE_JOBS_H

#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>

struct jobs;

/* Embedded in what it works for. Between submit and run it belongs to the pool. */
struct job {
    void (*run)(struct job *job);
    bool slow;
    /* the pool's own */
    int64_t due_ns;
    struct job *next;
};

FW_MUST_CHECK enum fw_err jobs_create(struct jobs **jobs, int64_t threads,
                                      struct fw_detail *detail);
/* Runs `job` on a pool thread, not before `delay_ns` from now. Any thread, also from within a step.
 */
void jobs_submit(struct jobs *jobs, struct job *job, int64_t delay_ns);
/* Lets running steps end and ends the threads; what is queued is not run any more. */
void jobs_destroy(struct jobs **jobs);

int64_t jobs_now_ns(void);  /* monotonic */
int64_t jobs_wall_ns(void); /* since 1970 */

#endif
