/* SPDX-License-Identifier: MIT
 * Inside children: what the watching and the starting side share. */
#ifndef FOREWARM_EDGE_CHILD_PART_H
#define FOREWARM_EDGE_CHILD_PART_H

#include "base/time.h"
#include "edge/warmers/children.h"
#include <pthread.h>
#include <sys/resource.h>
#include <stdatomic.h>

enum { CHILDREN_MAX = 4096 };

struct child {
    struct children *owner;
    struct child *next;
    pid_t pid;
    uint64_t start_time;
    int pid_fd, output_fd, log_fd, gate_fd; /* -1: none */
    bool ours;                              /* our own child: has a status to be waited for */
    child_ended_fn *ended;
    void *context;
    char resource[256];
    /* under the owner's lock */
    bool running, stop_wanted, released, status_known;
    int status;
    char last_line[CHILD_LINE_MAX];
    /* the watching thread's own */
    char line[CHILD_LINE_MAX];
    size_t line_len;
};

struct children {
    pthread_t thread;
    pthread_mutex_t lock;
    atomic_bool stopping;
    int wake_fd;
    struct child *first;
    size_t count;
    struct rlimit files; /* as we found it: commands get this, whatever we took for ourselves */
};

void children_wake(struct children *children);

#endif
