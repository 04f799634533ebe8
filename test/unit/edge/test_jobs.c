/* SPDX-License-Identifier: MIT
 * The pool: in time, in order, and with one thread that slow steps never take. */
#include "edge/jobs.h"
#include "base/time.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <cmocka.h>

struct step {
    struct job job;
    struct jobs *jobs;
    sem_t *done, *gate;
    atomic_int *order;
    int place, again;
};

static void note(struct job *job)
{
    struct step *step = (struct step *)job;
    step->place = atomic_fetch_add(step->order, 1) + 1;
    sem_post(step->done);
}

static void wait_at_gate(struct job *job)
{
    struct step *step = (struct step *)job;
    sem_post(step->done);
    sem_wait(step->gate);
    sem_post(step->done);
}

static void submit_again(struct job *job)
{
    struct step *step = (struct step *)job;
    if (step->again-- > 0)
        jobs_submit(step->jobs, job, TIME_MILLISECOND);
    else
        sem_post(step->done);
}

static void earlier_deadlines_go_first(void **state)
{
    (void)state;
    struct jobs *jobs = NULL;
    sem_t done;
    atomic_int order = 0;
    sem_init(&done, 0, 0);
    assert_int_equal(jobs_create(&jobs, 2, NULL), FW_OK);
    struct step late = {.job = {.run = note}, .done = &done, .order = &order}, early = late;
    int64_t began_ns = jobs_now_ns();
    jobs_submit(jobs, &late.job, 60 * TIME_MILLISECOND);
    jobs_submit(jobs, &early.job, 20 * TIME_MILLISECOND);
    sem_wait(&done);
    assert_true(jobs_now_ns() - began_ns >= 20 * TIME_MILLISECOND);
    sem_wait(&done);
    assert_true(jobs_now_ns() - began_ns >= 60 * TIME_MILLISECOND);
    assert_int_equal(early.place, 1);
    assert_int_equal(late.place, 2);
    jobs_destroy(&jobs);
    sem_destroy(&done);
}

/* Slow steps fill all threads but one; the others still run, and the third slow one waits for its
 * turn. */
static void slow_steps_leave_a_thread(void **state)
{
    (void)state;
    struct jobs *jobs = NULL;
    sem_t done, gate;
    atomic_int order = 0;
    sem_init(&done, 0, 0);
    sem_init(&gate, 0, 0);
    assert_int_equal(jobs_create(&jobs, 3, NULL), FW_OK);
    struct step slow[3];
    for (int i = 0; i < 3; i++) {
        slow[i] =
            (struct step){.job = {.run = wait_at_gate, .slow = true}, .done = &done, .gate = &gate};
        jobs_submit(jobs, &slow[i].job, 0);
    }
    sem_wait(&done);
    sem_wait(&done); /* two of the three wait at the gate */
    struct step quick = {.job = {.run = note}, .done = &done, .order = &order};
    jobs_submit(jobs, &quick.job, 0);
    sem_wait(&done);
    assert_int_equal(quick.place, 1);
    assert_int_equal(sem_trywait(&done), -1); /* the third slow one has not begun */
    for (int i = 0; i < 3; i++)
        sem_post(&gate);
    for (int i = 0; i < 4; i++)
        sem_wait(&done);
    jobs_destroy(&jobs);
    sem_destroy(&done);
    sem_destroy(&gate);
}

static void a_step_may_submit_itself(void **state)
{
    (void)state;
    struct jobs *jobs = NULL;
    sem_t done;
    sem_init(&done, 0, 0);
    assert_int_equal(jobs_create(&jobs, 2, NULL), FW_OK);
    struct step step = {.job = {.run = submit_again}, .jobs = jobs, .done = &done, .again = 50};
    jobs_submit(jobs, &step.job, 0);
    sem_wait(&done);
    jobs_destroy(&jobs);
    sem_destroy(&done);
}

/* What is not due yet when the pool ends is never run. */
static void the_end_does_not_wait_for_the_queue(void **state)
{
    (void)state;
    struct jobs *jobs = NULL;
    sem_t done;
    atomic_int order = 0;
    sem_init(&done, 0, 0);
    assert_int_equal(jobs_create(&jobs, 2, NULL), FW_OK);
    struct step late = {.job = {.run = note}, .done = &done, .order = &order};
    jobs_submit(jobs, &late.job, TIME_HOUR);
    jobs_destroy(&jobs);
    assert_null(jobs);
    assert_int_equal(order, 0);
    sem_destroy(&done);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(earlier_deadlines_go_first),
        cmocka_unit_test(slow_steps_leave_a_thread),
        cmocka_unit_test(a_step_may_submit_itself),
        cmocka_unit_test(the_end_does_not_wait_for_the_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
