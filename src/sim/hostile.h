/* SPDX-License-Identifier: MIT
 * A hostile world for `simulate`: it performs the engine's actions badly (slow loads, failures,
 * replies that come after the edge gave up, losses) but keeps the edge's promises, and holds the
 * engine to its own: single flight     a resource is warmed only when the world holds nothing of it
 *   no unload in use  it is unloaded only after the drain was answered and while nothing runs
 *   budget            what is loaded, loading, being cancelled or unloaded never exceeds the memory
 * budget one end           every held request ends exactly once: released, sent to the fallback,
 * refused, or gone. Host memory: what levels between cold and warm hold never exceeds its budget,
 * and nothing is served from one. Budgets of warm-ups: in no hour begin more than are allowed, but
 * for those that a request, a pin or an operator causes. The first broken promise is kept as a
 * sentence. */
#ifndef FOREWARM_SIM_HOSTILE_H
#define FOREWARM_SIM_HOSTILE_H

#include "base/prng.h"
#include "core/action.h"
#include "core/settings.h"
#include "core/devices.h"
#include "sim/agenda.h"

enum { HOSTILE_RESOURCES_MAX = 16, HOSTILE_REQUESTS_MAX = 1 << 16, HOSTILE_FAILURE_MAX = 400 };

/* X(fault, name): what the world does to the engine; each is counted, so that a quiet simulation is
 * noticed. */
#define HOSTILE_FAULTS(X)                                                                          \
    X(FAULT_LOAD_FAILED, "load_failed")                                                            \
    X(FAULT_LOAD_SLOW, "load_slow")                                                                \
    X(FAULT_REPLY_LOST, "reply_lost")                                                              \
    X(FAULT_LATE_REPLY, "late_reply")                                                              \
    X(FAULT_CANCELLED, "cancelled")                                                                \
    X(FAULT_LOST, "lost")                                                                          \
    X(FAULT_DRAIN_CROSSED, "drain_crossed")                                                        \
    X(FAULT_GONE, "gone")                                                                          \
    X(FAULT_GONE_CROSSED, "gone_crossed")                                                          \
    X(FAULT_RESTART, "restart")                                                                    \
    X(FAULT_ADOPTED, "adopted")                                                                    \
    X(FAULT_CLOCK_STOOD, "clock_stood")                                                            \
    X(FAULT_CLOCK_JUMPED, "clock_jumped")                                                          \
    X(FAULT_WOKE_LATE, "woke_late")                                                                \
    X(FAULT_REFUSED, "refused")                                                                    \
    X(FAULT_FALLBACK, "fallback")                                                                  \
    X(FAULT_EVICTED, "evicted")                                                                    \
    X(FAULT_RETIRED, "retired")                                                                    \
    X(FAULT_PREWARMED, "prewarmed")                                                                \
    X(FAULT_RAISED, "raised")                                                                      \
    X(FAULT_HALF_LOADED, "half_loaded")                                                            \
    X(FAULT_LOWERED, "lowered")                                                                    \
    X(FAULT_DOUBTED, "doubted")                                                                    \
    X(FAULT_DECLINED, "declined")                                                                  \
    X(FAULT_DWELT, "dwelt")
enum hostile_fault {
#define X(fault, name) fault,
    HOSTILE_FAULTS(X)
#undef X
        FAULT_COUNT
};
extern const char *const hostile_fault_names[FAULT_COUNT];

enum hostile_state {
    HOSTILE_ABSENT,
    HOSTILE_LOADING,
    HOSTILE_READY,
    HOSTILE_CANCELLING,
    HOSTILE_UNLOADING,
    HOSTILE_HALF,
    HOSTILE_RAISING,
    HOSTILE_LOWERING
};

struct hostile_resource {
    enum hostile_state state;
    uint64_t attempt, size;
    uint32_t level; /* whose bytes it holds besides: where it is, comes from or goes to; 0 none */
    struct level_settings levels[LEVELS_MAX];
    uint32_t span, allowed; /* devices it takes an equal part of; those it may go to */
    uint32_t span_before, allowed_before; /* the same until the engine has heard of a change */
    uint32_t placed; /* where it was loaded; 0 on the one device without a name */
    uint32_t running;
    bool draining;       /* nothing new may start */
    bool drained;        /* DRAINED was delivered for the drain in force */
    bool drained_sent;   /* it is on its way */
    bool announced;      /* the engine said it is warm: requests are sent to it directly */
    bool lost_sent;      /* LOST is on its way */
    int64_t lost_ns;     /* when it arrives */
    int64_t warmups_max; /* its own budget, as that of all */
    int64_t budgeted_ns; /* it has one since then: what was begun before is not counted */
    bool proving;        /* it is doubted: the engine does not believe it warm */
    bool level_lost;     /* what it is loaded from is gone: it cannot go back there */
    uint64_t drain_attempt;
    int64_t last_report_ns; /* its warmer's reports keep their order */
};

enum hostile_request_state { REQUEST_NEW, REQUEST_HELD, REQUEST_RUNNING, REQUEST_ENDED };
struct hostile_request {
    uint32_t resource;
    enum hostile_request_state state;
    bool client_gone;
    int64_t arrived_ns;
};

enum { HOSTILE_STARTS_MAX = 4096 };
struct hostile_start {
    int64_t at_ns;
    uint32_t resource;
};

struct hostile {
    struct prng *prng;
    struct agenda agenda;
    struct hostile_resource resources[HOSTILE_RESOURCES_MAX];
    uint32_t resource_count;
    uint64_t budget, host_budget;     /* UINT64_MAX: none */
    struct devices devices;           /* when they have names; what is used is counted afresh */
    struct hostile_request *requests; /* by number - 1 */
    size_t request_count;
    uint64_t held; /* of these */
    double fail_share, slow_share, lost_share;
    int64_t load_ns, delay_ns; /* typical load, typical time a report takes */
    uint64_t faults[FAULT_COUNT];
    int64_t warmups_max;                             /* in any hour, of all; 0: no limit */
    bool strict;                                     /* even for requests and pins */
    struct hostile_start starts[HOSTILE_STARTS_MAX]; /* of warm-ups, a ring */
    uint64_t start_count;
    bool failed;
    char failure[HOSTILE_FAILURE_MAX];
};

FW_MUST_CHECK enum fw_err hostile_init(struct hostile *hostile, struct prng *prng,
                                       uint32_t resource_count);
void hostile_fini(struct hostile *hostile);
/* Something is wrong: keeps the first sentence. */
void hostile_fail(struct hostile *hostile, const char *check, const char *fmt, ...) FW_PRINTF(3, 4);
/* Performs an action decided in the step at `now_ns`, after checking that it may be. */
FW_MUST_CHECK enum fw_err hostile_perform(struct hostile *hostile, const struct action *action,
                                          int64_t now_ns);
/* The world's side of an event that is about to be told, and after the engine's answer was
 * performed. */
void hostile_deliver(struct hostile *hostile, const struct event *event);
void hostile_told(struct hostile *hostile, const struct event *event);
/* A new request; its number. 0: the simulation is full. `served`: sent directly, as the I/O threads
 * do. */
uint64_t hostile_request(struct hostile *hostile, uint32_t resource, bool served, int64_t now_ns);
FW_MUST_CHECK enum fw_err hostile_start(struct hostile *hostile, uint64_t request, int64_t now_ns);
FW_MUST_CHECK enum fw_err hostile_leave(struct hostile *hostile, uint64_t request, int64_t now_ns);
FW_MUST_CHECK enum fw_err hostile_lose(struct hostile *hostile, uint32_t resource, int64_t now_ns);
/* The daemon dies: connections and reports are gone, loads are killed; `keep` says which warm ones
 * survive. */
void hostile_crash(struct hostile *hostile, uint32_t keep_mask);
uint64_t hostile_memory(const struct hostile *hostile);

#endif
