/* SPDX-License-Identifier: MIT */
#include "edge/jobs.h"
#include "base/time.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct jobs {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct job *queue; /* by due_ns, first come first */
    int64_t thread_count, slow_running;
    bool stopping;
    pthread_t threads[];
};

/* The first job that may run now, taken off the queue; else NULL and when to look again
 * (TIME_NEVER: on a wake). */
static struct job *take(struct jobs *jobs, int64_t *look_at_ns)
{
    int64_t now_ns = jobs_now_ns();
    *look_at_ns = TIME_NEVER;
    for (struct job **link = &jobs->queue; *link; link = &(*link)->next) {
        struct job *job = *link;
        if (job->due_ns > now_ns) {
            *look_at_ns = job->due_ns;
            return NULL;
        }
        if (job->slow && jobs->slow_running >= jobs->thread_count - 1)
            continue;
        *link = job->next;
        job->next = NULL;
        return job;
    }
    return NULL;
}

static void wait_until(struct jobs *jobs, int64_t at_ns)
{
    if (at_ns == TIME_NEVER) {
        pthread_cond_wait(&jobs->wake, &jobs->lock);
        return;
    }
    struct timespec until = {.tv_sec = at_ns / TIME_SECOND, .tv_nsec = at_ns % TIME_SECOND};
    pthread_cond_timedwait(&jobs->wake, &jobs->lock, &until);
}

static void *work(void *context)
{
    struct jobs *jobs = context;
    pthread_mutex_lock(&jobs->lock);
    while (!jobs->stopping) {
        int64_t look_at_ns;
        struct job *job = take(jobs, &look_at_ns);
        if (!job) {
            wait_until(jobs, look_at_ns);
            continue;
        }
        if (jobs->queue) /* this thread may have been the one that waited for the next */
            pthread_cond_signal(&jobs->wake);
        bool slow = job->slow; /* after run the job may be gone */
        jobs->slow_running += slow;
        pthread_mutex_unlock(&jobs->lock);
        job->run(job);
        pthread_mutex_lock(&jobs->lock);
        jobs->slow_running -= slow;
        if (slow)
            pthread_cond_signal(&jobs->wake);
    }
    pthread_mutex_unlock(&jobs->lock);
    return NULL;
}

enum fw_err jobs_create(struct jobs **jobs, int64_t threads, struct fw_detail *detail)
{
    struct jobs *made = calloc(1, sizeof *made + (size_t)threads * sizeof made->threads[0]);
    if (!made)
        return FW_NOMEM;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&made->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&made->lock, NULL);
    *jobs = made;
    for (int64_t i = 0; i < threads; i++) {
        int error = pthread_create(&made->threads[i], NULL, work, made);
        if (error != 0) {
            jobs_destroy(jobs);
            return err_set(detail, FW_IO, "a job thread could not be started: %s", strerror(error));
        }
        pthread_mutex_lock(&made->lock);
        made->thread_count++;
        pthread_mutex_unlock(&made->lock);
    }
    return FW_OK;
}

void jobs_submit(struct jobs *jobs, struct job *job, int64_t delay_ns)
{
    job->due_ns = time_add(jobs_now_ns(), delay_ns > 0 ? delay_ns : 0);
    pthread_mutex_lock(&jobs->lock);
    struct job **link = &jobs->queue;
    while (*link && (*link)->due_ns <= job->due_ns)
        link = &(*link)->next;
    job->next = *link;
    *link = job;
    pthread_cond_signal(&jobs->wake);
    pthread_mutex_unlock(&jobs->lock);
}

void jobs_destroy(struct jobs **jobs)
{
    struct jobs *gone = *jobs;
    if (!gone)
        return;
    pthread_mutex_lock(&gone->lock);
    gone->stopping = true;
    int64_t count = gone->thread_count;
    pthread_cond_broadcast(&gone->wake);
    pthread_mutex_unlock(&gone->lock);
    for (int64_t i = 0; i < count; i++)
        pthread_join(gone->threads[i], NULL);
    pthread_cond_destroy(&gone->wake);
    pthread_mutex_destroy(&gone->lock);
    free(gone);
    *jobs = NULL;
}
