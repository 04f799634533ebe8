/* SPDX-License-Identifier: MIT
 * Inside the alerts: what their files share. */
#ifndef FOREWARM_EDGE_ALERTS_PART_H
#define FOREWARM_EDGE_ALERTS_PART_H

#include "edge/alert_book.h"
#include "edge/alerts.h"
#include <pthread.h>

enum { ALERT_NAME_MAX = 96, ALERT_MINUTES = 61 };

/* What became of notices. X(outcome, name) */
#define ALERT_OUTCOMES(X)                                                                          \
    X(ALERT_SENT, "sent")                                                                          \
    X(ALERT_RETRIED, "retried")                                                                    \
    X(ALERT_REFUSED, "refused")
enum alert_outcome {
#define X(outcome, name) outcome,
    ALERT_OUTCOMES(X)
#undef X
        ALERT_OUTCOME_COUNT
};

struct alert_receiver {
    struct alerts *alerts;
    struct config_receiver config;
    uint32_t number;
    pthread_t thread;
    bool running;
    uint32_t failures;     /* in a row */
    int64_t not_before_ns; /* monotonic: of the next try */
    int64_t repeat_at_ns;  /* monotonic: of the next repetition of what is open */
    uint64_t outcomes[ALERT_OUTCOME_COUNT];
    char said[256]; /* why the last try failed; "" it did not */
};

/* Requests so far, at a minute: for the share of the last hour. */
struct alert_minute {
    int64_t at_ns;
    uint64_t requests, cold;
};

struct alerts {
    struct store *store;
    struct brain *brain;
    struct jobs *jobs;
    struct job look; /* the pool's between looks */
    char instance[ALERT_NAME_MAX];
    struct alert_minute minutes[ALERT_MINUTES]; /* the job's; a ring */
    uint32_t minute_count, minute_next;

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t wake;
    struct config *config;
    struct alert_book book;
    struct alert_receiver receivers[ALERT_RECEIVERS_MAX];
    uint32_t receiver_count;
    bool unsaved;
    int64_t save_not_before_ns; /* monotonic: after one that failed */
    atomic_bool stopping;       /* the receivers' threads; cancels their calls */

    pthread_mutex_t save_lock; /* one at a time, in order; taken before `lock` */
};

/* alerts.c: what changed goes into the store; not under the lock. */
void alerts_save(struct alerts *alerts);
/* alerts_send.c */
FW_MUST_CHECK enum fw_err alerts_begin_sending(struct alerts *alerts, struct fw_detail *detail);
void alerts_end_sending(struct alerts *alerts);
/* alerts_look.c: the job. */
void alerts_look(struct job *job);

#endif
