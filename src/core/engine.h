/* SPDX-License-Identifier: MIT
 * The brain: a pure function from events to actions. No clock, no I/O, no threads, no randomness
 * but a seed. `serve`, `replay`, `simulate` and the fuzzers are four drivers of engine_step, the
 * only door.
 *
 * A driver: stamps events with never-decreasing times; performs the actions; reports what became of
 * them as further events; and wakes the engine (EVENT_TIME) no later than engine_next_deadline.
 * Waking late changes nothing: timers that are due fire first, each at its own deadline, then the
 * event is handled.
 *
 * One thread at a time. Memory is bounded by the limits in the settings. */
#ifndef FOREWARM_CORE_ENGINE_H
#define FOREWARM_CORE_ENGINE_H

#include "core/action.h"
#include "core/devices.h"
#include "core/event.h"
#include "core/restraint.h"
#include "core/settings.h"
#include <stdbool.h>

struct engine;

/* The future, for the oracle policies in `replay`: the first arrival of the resource after `at_ns`,
 * TIME_NEVER if none. */
struct engine_future {
    int64_t (*next_arrival)(void *context, uint32_t resource, int64_t at_ns);
    /* Total seconds waited (ns) if a cold start with this load time met the burst beginning at
     * `at_ns`. */
    int64_t (*burst_wait)(void *context, uint32_t resource, int64_t at_ns, int64_t load_ns);
    void *context;
};

FW_MUST_CHECK enum fw_err engine_create(struct engine **engine,
                                        const struct engine_settings *settings,
                                        const struct engine_future *future,
                                        struct fw_detail *detail);
void engine_destroy(struct engine **engine);

/* Handles one event and appends what follows from it. FW_LIMIT and FW_NOMEM leave the engine
 * usable; the event had no effect. An event that cannot be (time going backwards, unknown numbers)
 * is a CHECK: the edge validates. */
FW_MUST_CHECK enum fw_err engine_step(struct engine *engine, const struct event *event,
                                      struct action_list *actions);
/* TIME_NEVER when nothing is due. */
int64_t engine_next_deadline(const struct engine *engine);

/* New settings at run time (reload). The policy and the limits marked as not reloadable keep their
 * old values. */
FW_MUST_CHECK enum fw_err engine_reconfigure(struct engine *engine,
                                             const struct engine_settings *settings,
                                             struct fw_detail *detail);

/* Numbers of resources: dense, in the order of their first EVENT_RESOURCE (or of the snapshot).
 * TABLE_NONE if unknown. */
uint32_t engine_resource(const struct engine *engine, struct str id);
uint32_t engine_resource_count(const struct engine *engine);
struct str engine_resource_id(const struct engine *engine, uint32_t resource);

/* X(state, name) */
#define RESOURCE_STATES(X)                                                                         \
    X(RESOURCE_COLD, "cold")                                                                       \
    X(RESOURCE_WARMING, "warming")                                                                 \
    X(RESOURCE_VERIFYING, "verifying")                                                             \
    X(RESOURCE_WARM, "warm")                                                                       \
    X(RESOURCE_DRAINING, "draining")                                                               \
    X(RESOURCE_UNLOADING, "unloading")                                                             \
    X(RESOURCE_FAILED, "failed")                                                                   \
    X(RESOURCE_HALF, "half")                                                                       \
    X(RESOURCE_RAISING, "raising")                                                                 \
    X(RESOURCE_LOWERING, "lowering")
enum resource_state {
#define X(state, name) state,
    RESOURCE_STATES(X)
#undef X
        RESOURCE_STATE_COUNT
};
const char *resource_state_name(uint32_t state);

/* What became of the work done, since the resource is known. Survives restarts. */
struct accounts {
    uint64_t requests;      /* arrivals, observed ones too */
    uint64_t cold_requests; /* arrivals that met a resource that was not warm */
    uint64_t released, refused, fallbacks,
        cancelled; /* what became of held requests; sum + still held = held */
    uint64_t held;
    int64_t wait_ns;               /* total time requests were held */
    uint64_t warmups[CAUSE_COUNT]; /* begun, by enum cause */
    uint64_t warmups_ok, warmups_failed, warmups_cancelled;
    uint64_t
        prewarm_issued; /* begun before a request: = hit + expired + cancelled + failed + pending */
    uint64_t prewarm_hit, prewarm_expired, prewarm_cancelled, prewarm_failed;
    int64_t prewarm_wasted_ns; /* warm time of the expired ones */
    uint64_t unloads, evictions, lost;
    uint64_t doubted;         /* answers at cold speed from what was believed warm */
    int64_t warm_ns, idle_ns; /* warm in all; warm with nothing running */
    int64_t load_ns;          /* spent loading and proving */
    int64_t
        regret_ns; /* waited although an earlier warm-up of ours was unloaded or came too late */
};

/* One resource as it stands, for status pages. */
struct resource_view {
    uint32_t state; /* enum resource_state */
    bool configured, pinned, prewarmed;
    uint32_t in_use, held;
    int64_t state_since_ns;
    int64_t last_request_ns;  /* -1 never */
    int64_t expected_load_ns; /* from measured loads, else configured */
    int64_t load_p90_ns;
    int64_t load_started_ns;   /* while warming or verifying; -1 else */
    int64_t warm_probe_ns;     /* median probe latency when warm; -1 unknown */
    int64_t unload_at_ns;      /* planned; TIME_NEVER none */
    int64_t warm_at_ns;        /* planned start of the next warm-up; TIME_NEVER none */
    int64_t next_request_ns;   /* expected; TIME_NEVER unknown */
    double rate_per_s;         /* decayed arrival rate, time constant 10 min */
    double probability_10min;  /* that a request comes within ten minutes */
    int64_t retry_at_ns;       /* while failed */
    int64_t cooldown_until_ns; /* hints and pages are ignored until then */
    bool queued;               /* waits for room or a loader */
    uint64_t memory;           /* bytes: measured, else configured, else 0 */
    uint32_t devices;          /* named devices it is on, a mask */
    uint64_t attempt;
    uint32_t level; /* between cold and warm: where it is, comes from or goes to; 0 none */
    uint32_t level_count;
    struct level_view {
        uint64_t memory, host_memory;
        int64_t load_ns;  /* expected from there to warm, and from cold to there */
        int64_t reach_ns; /* -1 unknown */
        uint32_t loads;   /* measured, as far as kept */
    } levels[LEVELS_MAX];
    uint64_t raises; /* from cold to a level between */
    int64_t half_ns; /* spent there */
    struct accounts accounts;
    double cost_usd;                  /* of all its loading */
    uint64_t declined[DECLINE_COUNT]; /* warm-ups that did not begin, by enum decline */
    /* what its past looks like */
    double session_probability; /* that an open session asks for it within two minutes of its last
                                   request, as far as that is believed */
    uint32_t remembered;        /* its requests in the rolling history */
    int64_t median_gap_ns;      /* of those; -1: fewer than two */
    double
        hour_factor[24]; /* times its mean rate, by hour of day (UTC); 1 until two days were seen */
    double weekday_factor[7]; /* the same by weekday, Monday first; 1 until two weeks were seen */
};
void engine_view(const struct engine *engine, uint32_t resource, int64_t now_ns,
                 struct resource_view *view);
void engine_totals(const struct engine *engine, int64_t now_ns, struct accounts *accounts);
/* Warm-ups that failed in a row at the resource's server, while its breaker lets but one at a time
 * through; else 0. */
uint32_t engine_breaker(const struct engine *engine, uint32_t resource);
/* Bytes that warm, loading and unloading resources hold now. */
uint64_t engine_memory_used(const struct engine *engine);
/* Bytes of host memory that half warm resources hold now. */
uint64_t engine_host_memory_used(const struct engine *engine);
/* Of all devices together; UINT64_MAX unlimited. */
uint64_t engine_memory_budget(const struct engine *engine);
/* Whether it fits when nothing else is there. */
bool engine_can_hold(const struct engine *engine, uint32_t resource);
/* Whether it can be kept beside all that are pinned; `pinned_bytes` is what those take without it.
 * FW_LIMIT: it cannot, on the devices it may go to. */
FW_MUST_CHECK enum fw_err engine_check_pin(const struct engine *engine, uint32_t resource,
                                           uint64_t *pinned_bytes);
/* The named devices; 0 when there is but one, without a name. Names live as long as the engine. */
struct engine_device {
    const char *name;
    uint64_t budget_bytes, used_bytes;
    uint32_t loads_running;
};
uint32_t engine_devices(const struct engine *engine, struct engine_device devices[DEVICES_MAX]);

/* Whether memory and loaders suffice, under a memory budget or a limit of loads; all 0 without one.
 */
struct engine_pressure {
    double loading;    /* share of the last hour in which requests waited for a load, or for room */
    double waiting;    /* share of it in which loads stood in the queue */
    bool overloaded;   /* loading >= 95 %, waiting >= 50 %: no policy helps */
    int64_t behind_ns; /* loading time that stands in the queue */
    uint64_t wanted_bytes;       /* all that was asked for within the hour, were it warm together */
    uint64_t short_bytes;        /* of that more than the budget */
    uint64_t overloaded_minutes; /* ever, as of minutes that ended */
    uint64_t most_short_bytes;   /* in them */
};
void engine_pressure(const struct engine *engine, int64_t now_ns, struct engine_pressure *pressure);

/* What else the policy listens to about a resource, and how that did; returns how many. */
struct policy_signal;
size_t engine_signals(const struct engine *engine, uint32_t resource,
                      struct policy_signal *signals);

/* An event that is planned, and what became of those that its source had planned before. */
struct planned_event {
    int64_t from_ns, to_ns;
    double requests;
    uint32_t resource, source;
    double earned_s; /* by the source's events, warm seconds, faded */
    bool silent;     /* they cost more than they saved: it is only looked at what this one would */
};
/* Those still to come, by when they are looked at: `at` from 0 on; false past the last. */
bool engine_planned(const struct engine *engine, uint32_t at, struct planned_event *planned);
/* The one of the resource whose first request is waited for; false: none. */
bool engine_planned_open(const struct engine *engine, uint32_t resource,
                         struct planned_event *planned);

/* The latest decisions about a resource, newest first: up to `max`, returns how many. */
struct decision {
    struct action action;
    uint64_t number; /* 1, 2, 3, ... over the engine's life */
};
size_t engine_decisions(const struct engine *engine, uint32_t resource, struct decision *decisions,
                        size_t max);

/* The session's likely next resources, most likely first, each with the probability that it is what
 * comes next, however late, and how long after the last request that usually is. Returns how many.
 */
struct next_resource {
    uint32_t resource;
    double probability;
    double delay_s, delay_p90_s; /* median, and nine of ten */
};
size_t engine_next(const struct engine *engine, uint64_t session, struct next_resource *next,
                   size_t max);
/* The latest sessions, the one that asked last first, with what it asked for; returns how many. */
struct open_session {
    uint64_t session; /* the number its requests came with */
    int64_t last_request_ns;
    uint32_t resource;
};
size_t engine_sessions(const struct engine *engine, struct open_session *sessions, size_t max);
/* An action's reason as a sentence that names resources; appended. */
void engine_describe(const struct engine *engine, const struct action *action, struct buf *out);
/* How a hint source did: hints that were followed by a request in time, of all. False if the source
 * is unknown. */
bool engine_hint_precision(const struct engine *engine, uint32_t source, uint64_t *used,
                           uint64_t *settled);

/* The time of the latest step. */
int64_t engine_now(const struct engine *engine);
/* P(a request of the resource within `horizon_ns` from `now_ns`); 0 when nothing is known. */
double engine_probability(const struct engine *engine, uint32_t resource, int64_t now_ns,
                          int64_t horizon_ns);
/* Whether a request of this number is held. */
bool engine_holds(const struct engine *engine, uint64_t request);

/* Hash over every action since the start: two runs that decided alike have the same. */
uint64_t engine_decision_hash(const struct engine *engine);
uint64_t engine_action_count(const struct engine *engine);

/* Snapshot law: run(a + b) == run(a), save, load, run(b). The format is versioned and checksummed.
 * engine_load is for a fresh engine made with the same settings; on failure the engine stays fresh.
 * FW_VERSION newer, FW_CORRUPT damaged, FW_FOREIGN not a snapshot. */
FW_MUST_CHECK enum fw_err engine_save(const struct engine *engine, struct buf *out);
FW_MUST_CHECK enum fw_err engine_load(struct engine *engine, const void *data, size_t len,
                                      struct fw_detail *detail);
/* After a restart: nothing is warm, in use or held any more; what was learned and the accounts
 * stay. Then EVENT_FOUND for every resource that the edge adopted, and only then EVENT_RESOURCE for
 * all that are configured: a pin or a plan may begin a load at once, and must know what holds
 * memory. What was found and is not configured is let go by EVENT_RETIRE. */
void engine_forget_world(struct engine *engine, int64_t now_ns);

#endif
