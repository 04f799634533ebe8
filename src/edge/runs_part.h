/* SPDX-License-Identifier: MIT
 * Inside `runs`: runs.c is the thread and the doors, runs_keep.c the log and what is learned,
 * runs_view.c what is published, runs_tell.c what the planner hears. */
#ifndef FOREWARM_EDGE_RUNS_PART_H
#define FOREWARM_EDGE_RUNS_PART_H

#include "edge/runs.h"
#include <pthread.h>
#include <stdatomic.h>

#define RUNS_TICK_NS (1 * TIME_SECOND)
#define RUNS_PUBLISH_NS                                                                            \
    (50 * TIME_MILLISECOND) /* between two views, and ten times as long as one takes */
#define RUNS_SAVE_NS (60 * TIME_SECOND)
enum { RUNS_SAVE_AFTER = 50000, RUNS_COMMIT_MAX = 1024 };

struct retired_view {
    struct callpath_view *view;
    struct retired_view *next;
};

struct runs {
    struct store_runs *store;
    struct open_runs *open;
    struct brain *brain;
    struct callpath_settings settings;
    pthread_t thread;
    bool running;

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t wake;
    struct runs_task *tasks, **tasks_end;
    size_t task_count;
    bool woken, stop;

    atomic_bool stopping, plans;
    _Atomic uint64_t learned, calls, known_again, refused, dropped, unreadable, told, nodes, bytes,
        nodes_dropped;

    /* what I/O threads read: the view, and which one each of them holds */
    _Atomic(struct callpath_view *) view;
    _Atomic(struct callpath_view *) held[RUNS_READERS];

    /* the thread's */
    struct callpath *learner;
    struct callnext *next;
    struct store_runs_at at;
    bool loaded;
    struct retired_view *retired;
    bool dirty; /* learned since the view was made */
    int64_t publish_ns, save_ns;
    uint64_t unsaved; /* runs learned since the snapshot */
    struct ended_run *pending, **pending_end;
    size_t pending_count;
    uint32_t source;
};

/* runs_keep.c */
enum fw_err runs_make_learners(struct runs *runs, struct fw_detail *detail);
enum fw_err runs_load(struct runs *runs, struct fw_detail *detail);
/* Learns what is in the log and was not learned yet. */
enum fw_err runs_catch_up(struct runs *runs, struct fw_detail *detail);
void runs_take_ended(struct runs *runs, int64_t now_ns); /* seen runs, into the log */
void runs_save(struct runs *runs);
/* runs_view.c */
void runs_publish(struct runs *runs);
const struct callpath_view *runs_hold(struct runs *runs, unsigned reader);
void runs_let_go(struct runs *runs, unsigned reader);
void runs_free_views(struct runs *runs); /* nobody reads any more */
/* runs_tell.c */
void runs_notice(struct runs *runs, const struct run_head *head, uint32_t depth, uint32_t index,
                 uint64_t session);

#endif
