/* SPDX-License-Identifier: MIT
 * Inside the fleet: what its files share. */
#ifndef FOREWARM_EDGE_FLEET_PART_H
#define FOREWARM_EDGE_FLEET_PART_H

#include "base/time.h"
#include "edge/fleet.h"
#include "edge/store/redis_link.h"
#include <pthread.h>
#include <stdatomic.h>

enum { FLEET_STREAM_KEPT = 100000, FLEET_READ_MAX = 1000, FLEET_SEND_MAX = 256 };
#define FLEET_IDLE_NS  (100 * TIME_MILLISECOND) /* how often the stream is read */
#define FLEET_STALE_NS (30 * TIME_SECOND)       /* older arrivals are of no use any more */

struct fleet_seat {
    struct fleet *fleet;
    struct fleet_seat *next;
    char scope[CONFIG_ID_MAX + 300];
    struct fleet_hooks hooks;
    struct lease lease;
    enum lease_state told; /* the guard's: what the hooks were told of */
    bool left;             /* its server was left to others, and is still ours to stop */
    uint64_t left_token;   /* the load that was left */
};

struct fleet_told {
    int64_t at_ns; /* monotonic */
    struct fleet_arrival arrival;
};

struct fleet {
    struct config *config;
    char node[LEASE_NODE_MAX]; /* with its nonce */
    char name[LEASE_NODE_MAX];
    struct lease_settings settings;
    struct redis_link link; /* the thread's */
    pthread_t thread, guard;
    bool running, guarding;
    atomic_bool stopping;
    fleet_take_fn *take;
    void *take_context;
    atomic_bool taking; /* what was read is not yet taken */

    /* the thread's */
    char last_id[64]; /* of the stream */
    struct fleet_arrival *heard;
    bool was_connected, ever;
    int64_t read_ns, nodes_ns;

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t wake, wake_guard;
    int64_t contact_ns;
    struct fleet_seat *seats;
    struct fleet_told *told; /* a ring */
    uint32_t told_first, told_count;
    struct fleet_counts counts;
    struct fleet_names names;
};

int64_t fleet_now_ns(void);
/* fleet_stream.c: FW_UNREACHABLE: the connection is to be given up. */
FW_MUST_CHECK enum fw_err fleet_tell(struct fleet *fleet, struct fw_detail *detail);
FW_MUST_CHECK enum fw_err fleet_hear(struct fleet *fleet, struct fw_detail *detail);
FW_MUST_CHECK enum fw_err fleet_meet(struct fleet *fleet, struct fw_detail *detail);
void fleet_depart(struct fleet *fleet);
/* fleet_thread.c: who talks to Redis, and who never waits for it */
void *fleet_run(void *context);
void *fleet_guard(void *context);
/* Waits at most until then. Under the lock. */
void fleet_wait(struct fleet *fleet, pthread_cond_t *cond, int64_t until_ns);

#endif
