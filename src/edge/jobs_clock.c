/* SPDX-License-Identifier: MIT
 * The clocks, the only place where the daemon asks what time it is; a file of its own, so that a
 * test's program can bring others. */
#include "base/time.h"
#include "edge/jobs.h"
#include <time.h>

int64_t jobs_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * TIME_SECOND + now.tv_nsec;
}

int64_t jobs_wall_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * TIME_SECOND + now.tv_nsec;
}
