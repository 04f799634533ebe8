/* SPDX-License-Identifier: MIT
 * The commands we started: each in a process group of its own, its output read line by line, its
 * end noticed at once (pidfd), also when it was started by a forewarm that is no more. One thread
 * of its own watches them all.
 *
 * A child starts behind a gate: it waits until child_go, and goes away if we die before. Between
 * the two its number is written down, so that no child is ever running that a restart does not know
 * of. Its output is a pipe that it holds open for reading too: if we die it is not killed by
 * SIGPIPE, and the next forewarm reads on where we stopped. */
#ifndef FOREWARM_EDGE_CHILDREN_H
#define FOREWARM_EDGE_CHILDREN_H

#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { CHILD_LINE_MAX = 1024 };

struct children;
struct child;

struct child_spec {
    const char *resource;           /* for messages */
    const char *command;            /* run by /bin/sh -c, in its own process group */
    const char *directory;          /* "" ours */
    const char *const *environment; /* NAME=value, besides ours */
    uint32_t environment_count;
    const char *devices;        /* names, separated by commas; "" there are none */
    const char *device_numbers; /* "0,1" */
    uint64_t token;             /* FOREWARM_FENCING_TOKEN; 0 none */
    const char *log;            /* "" our log */
    bool die_with_us;           /* there is no state file that would remember it */
};

/* A child that was not stopped by us ended. On the watching thread; must not block. */
typedef void child_ended_fn(void *context, struct child *child);

FW_MUST_CHECK enum fw_err children_create(struct children **children, struct fw_detail *detail);
/* Ends the watching: from now on no `ended` is called and nothing is reaped. */
void children_stop(struct children *children);
/* Children that still run are let go, not stopped. Those that were not released yet must not be
 * used any more. */
void children_destroy(struct children **children);

FW_MUST_CHECK enum fw_err child_spawn(struct children *children, const struct child_spec *spec,
                                      child_ended_fn *ended, void *context, struct child **child,
                                      struct fw_detail *detail);
void child_go(struct child *child);
/* Takes over a process that a former forewarm started. FW_NOT_FOUND: it is not there any more, or
 * is another. */
FW_MUST_CHECK enum fw_err child_adopt(struct children *children, const struct child_spec *spec,
                                      pid_t pid, uint64_t start_time, child_ended_fn *ended,
                                      void *context, struct child **child,
                                      struct fw_detail *detail);

pid_t child_pid(const struct child *child);
uint64_t child_start_time(const struct child *child);
bool child_running(struct child *child);
/* From now on its end is expected: `ended` is not called any more. SIGTERM or SIGKILL to the whole
 * group. */
void child_stop(struct child *child, int signal_number);
/* It has ended, with status 0. */
bool child_succeeded(struct child *child);
/* "exited with status 127: sh: 1: exec: ./x: not found", "was killed by signal 9", with its last
 * line. */
void child_describe_end(struct child *child, char *text, size_t size);
/* Gives it back; when it still runs it is watched (and reaped) until it ends. */
void child_release(struct child *child);

#endif
