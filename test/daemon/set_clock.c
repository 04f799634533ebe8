/* SPDX-License-Identifier: MIT
 * The clocks of a forewarm whose wall time a test sets: the eight bytes of the file that
 * FOREWARM_CLOCK names hold nanoseconds since 1970. Takes the place of edge/jobs_clock.c. */
#include "base/time.h"
#include "edge/jobs.h"
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static const int64_t *wall;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void map(void)
{
    const char *path = getenv("FOREWARM_CLOCK");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *bytes = fd >= 0 ? mmap(NULL, sizeof *wall, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
    if (bytes == MAP_FAILED)
        abort();
    close(fd);
    wall = bytes;
}

int64_t jobs_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * TIME_SECOND + now.tv_nsec;
}

int64_t jobs_wall_ns(void)
{
    pthread_once(&once, map);
    return __atomic_load_n(wall, __ATOMIC_RELAXED);
}
