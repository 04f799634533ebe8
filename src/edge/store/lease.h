/* SPDX-License-Identifier: MIT
 * One forewarm's part in loading one resource that several forewarms share: who may load it now,
 * who waits for whom, and when a load has to stop. A pure state machine: times and replies are
 * handed in, requests come out; `fleet` sends them to Redis, the test sends them to a model of it.
 *
 * Leases with fencing tokens, after Kleppmann, "How to do distributed locking" (2016), and Gray and
 * Cheriton, "Leases" (SOSP 1989): a lease is renewed at a third of its time; its holder reckons
 * from when it *sent* the request that was granted, and stops at two thirds, so that it has a third
 * left to stop in; every grant has a higher token than all before. */
#ifndef FOREWARM_EDGE_LEASE_H
#define FOREWARM_EDGE_LEASE_H

#include <stdbool.h>
#include <stdint.h>

enum { LEASE_NODE_MAX = 96, LEASE_REASON_MAX = 256 };

/* X(state, name) */
#define LEASE_STATES(X)                                                                            \
    X(LEASE_IDLE, "idle")           /* nothing is wanted and nothing is held */                    \
    X(LEASE_ASKING, "asking")       /* wants to load, or to hear that another has */               \
    X(LEASE_LOADING, "loading")     /* holds the lease: loads */                                   \
    X(LEASE_ALONE, "alone")         /* loads without a lease: Redis does not answer */             \
    X(LEASE_JOINED, "joined")       /* another has proven it: only the probe is due here */        \
    X(LEASE_WARM, "warm")           /* warm here; says so at every third of the lease time */      \
    X(LEASE_LEAVING, "leaving")     /* does not need it any more: asks whether to unload */        \
    X(LEASE_UNLOADING, "unloading") /* holds the lease: unloads (token 0: alone) */                \
    X(LEASE_LEFT, "left")           /* others use it: it is not unloaded from here */              \
    X(LEASE_LOST, "lost")           /* was loading: has to stop, another may load now */           \
    X(LEASE_REFUSED, "refused")     /* the load that was waited for failed; `reason` */            \
    X(LEASE_TAKEN, "taken")         /* was warm: another unloaded it or loads it anew */
enum lease_state {
#define X(state, name) state,
    LEASE_STATES(X)
#undef X
};
const char *lease_state_name(enum lease_state state);

/* X(op, name in the script) */
#define LEASE_OPS(X)                                                                               \
    X(LEASE_LOAD, "load")                                                                          \
    X(LEASE_RENEW, "renew")                                                                        \
    X(LEASE_PROVEN, "proven")                                                                      \
    X(LEASE_FAILED, "failed")                                                                      \
    X(LEASE_BEAT, "beat")                                                                          \
    X(LEASE_CLAIM, "claim")                                                                        \
    X(LEASE_LEAVE, "leave")                                                                        \
    X(LEASE_UNLOADED, "unloaded")                                                                  \
    X(LEASE_GONE, "gone")                                                                          \
    X(LEASE_LOOK, "look")                                                                          \
    X(LEASE_BYE, "bye")
enum lease_op {
#define X(op, name) op,
    LEASE_OPS(X)
#undef X
        LEASE_OP_COUNT
};
const char *lease_op_name(enum lease_op op);

/* What is asked of Redis. */
struct lease_ask {
    enum lease_op op;
    uint64_t token;     /* the one it is about; LOAD, CLAIM, LEAVE: the highest ever heard of */
    uint64_t following; /* LOAD: the load that was waited for; 0 none */
    uint64_t not_there; /* LOAD: this load was said to be proven, and was not found; 0 none */
    const char *phase;  /* RENEW: "loading", "unloading"; FAILED: "failed", "cold" */
    const char *reason; /* FAILED */
};

enum lease_verdict {
    LEASE_IS_OK,
    LEASE_IS_GRANTED,
    LEASE_IS_JOINED,
    LEASE_IS_HELD,   /* another loads or unloads it */
    LEASE_IS_WAIT,   /* nothing is granted yet: Redis has just started */
    LEASE_IS_FAILED, /* the one that was followed failed */
    LEASE_IS_OTHERS, /* others use it */
    LEASE_IS_LOST
};

/* What Redis says. */
struct lease_reply {
    enum lease_verdict verdict;
    uint64_t token;                                  /* the latest ever granted */
    uint32_t others;                                 /* that use it, besides the one who asks */
    int64_t wait_ns;                                 /* WAIT */
    char holder[LEASE_NODE_MAX], by[LEASE_NODE_MAX]; /* who holds the lease; who loaded it */
    char phase[16]; /* "cold", "loading", "proven", "failed", "unloading" */
    char reason[LEASE_REASON_MAX];
};

struct lease_settings {
    int64_t lease_ns;
    bool alone; /* loads without a lease when Redis does not answer; else waits for it */
};

struct lease {
    const struct lease_settings *settings;
    const int64_t *contact_ns; /* the node's: when Redis last answered it anything */
    enum lease_state state;
    uint64_t token; /* of the lease that is held, or of the load that it is warm by; 0 none */
    uint64_t known; /* the highest ever heard of */
    uint64_t following, not_there;
    int64_t stop_ns;     /* LOADING, UNLOADING: stops then */
    int64_t due_ns;      /* the next request */
    bool waiting;        /* one is under way */
    enum lease_op asked; /* which */
    uint64_t asked_token;
    int64_t sent_ns;
    bool last_due;      /* something has to be said once: */
    enum lease_op last; /* PROVEN, FAILED, UNLOADED, GONE */
    uint64_t last_token;
    int64_t last_until_ns; /* and is not worth saying any more then */
    const char *last_phase;
    char reason[LEASE_REASON_MAX];
    struct lease_reply seen; /* the latest, for status */
};

void lease_init(struct lease *lease, const struct lease_settings *settings,
                const int64_t *contact_ns);

/* ---- what its owner wants, and what became of it ---- */

/* Wants it loaded. `not_there`: was JOINED, and it is not there. Nothing of ours may be loading. */
void lease_load(struct lease *lease, int64_t now_ns, bool not_there);
/* Is the load still ours? (LOADING before its stop, ALONE, JOINED) */
bool lease_valid(const struct lease *lease, int64_t now_ns);
/* False: the lease was lost just before. */
bool lease_proven(struct lease *lease, int64_t now_ns);
/* The load failed or was given up, and is over. `reason` NULL: given up, nobody's fault. */
void lease_failed(struct lease *lease, int64_t now_ns, const char *reason);
void lease_found(struct lease *lease, int64_t now_ns); /* warm without a load of ours */
void lease_gone(struct lease *lease, int64_t now_ns);  /* was warm, the server lost it */
void lease_leave(struct lease *lease, int64_t now_ns);
void lease_unloaded(struct lease *lease, int64_t now_ns);

/* ---- time, requests, replies ---- */

/* What time alone does. */
void lease_tick(struct lease *lease, int64_t now_ns);
/* Is a request due? Then it is under way until one of the two below. `reason` of the ask lives as
 * long as the lease does not change. */
bool lease_next(struct lease *lease, int64_t now_ns, struct lease_ask *ask);
void lease_answered(struct lease *lease, int64_t now_ns, const struct lease_reply *reply);
void lease_unanswered(struct lease *lease, int64_t now_ns);
/* When lease_tick or lease_next have something to do. */
int64_t lease_deadline(const struct lease *lease);

#endif
