/* SPDX-License-Identifier: MIT
 * What /proc says of processes: when one started (so that a reused number is not taken for it), and
 * what a process group uses. */
#ifndef FOREWARM_EDGE_PROCFS_H
#define FOREWARM_EDGE_PROCFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Start of the process in clock ticks since boot (field 22 of /proc/PID/stat); 0: there is no such
 * process, or it is a zombie. */
uint64_t procfs_start_time(pid_t pid);
/* A variable of the environment it was started with. */
bool procfs_variable(pid_t pid, const char *name, char *value, size_t size);
/* Memory of all processes of the group: the sum of Pss (shared pages by share) of
 * /proc/PID/smaps_rollup, or of the resident set of /proc/PID/statm where that cannot be read. */
uint64_t procfs_group_bytes(pid_t group);
/* Does the group have a living member? */
bool procfs_group_lives(pid_t group);

#endif
