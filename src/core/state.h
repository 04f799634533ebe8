/* SPDX-License-Identifier: MIT
 * The engine's inside, shared by the files that make it up (engine, decide, room, hints, report,
 * snapshot). */
#ifndef FOREWARM_CORE_STATE_H
#define FOREWARM_CORE_STATE_H

#include "base/heap.h"
#include "base/table.h"
#include "core/devices.h"
#include "core/dwell.h"
#include "core/engine.h"
#include "core/foretold.h"
#include "core/hold.h"
#include "core/levels.h"
#include "core/lifecycle.h"
#include "core/resource.h"
#include "core/session.h"
#include "learn/history.h"
#include "plan/budget.h"
#include "plan/value.h"

/* Timers of a resource; their heap ids are resource * TIMERS + timer. */
enum timer { TIMER_PLAN, TIMER_HOLD, TIMER_RETRY, TIMER_HINT, TIMERS };

enum { HINTED_KEPT = 64, SOURCES_MAX = 1024, DECISIONS_KEPT = 1 << 14 };
struct source {          /* how often a hint source was right */
    float used, settled; /* together at most SOURCE_MEMORY */
    float earned;        /* by its planned events: warm seconds, faded */
    uint64_t used_ever, settled_ever;
};

struct logged_decision {
    struct action action;
    uint64_t previous; /* number of the resource's decision before this one */
};

/* The last hour, minute by minute (pressure.c). */
enum { PRESSURE_MINUTES = 60 };
struct pressure {
    int64_t at_ns;         /* known up to here */
    bool loading, waiting; /* since then: requests wait for a load; loads stand in the queue */
    int64_t loading_ns[PRESSURE_MINUTES], waiting_ns[PRESSURE_MINUTES]; /* by minute of the hour */
    uint64_t overloaded_minutes, most_short_bytes;
};

/* A resource that a hint or a session's prediction speaks of. */
struct hinted {
    uint32_t resource;
    struct why foretold; /* the latest prediction; reason 0: none */
};

/* An event that is planned, until it is time to load for it. */
struct planned {
    int64_t wake_ns, from_ns, to_ns;
    uint32_t resource, source;
    double requests;
    bool multiplier; /* `requests` is how many times the usual number */
};

struct engine {
    struct engine_settings settings;
    struct engine_future future;
    struct policy *policy;
    int64_t now_ns;

    struct table ids;
    struct resource *resources;
    uint32_t resource_count, resource_capacity;

    struct heap timers;
    struct hold_pool hold;
    struct sessions sessions;
    struct transitions transitions;
    struct following following;
    struct foretold foretold;
    struct history history; /* the latest requests of all resources */
    struct source *sources;
    uint32_t source_count;
    struct planned *planned; /* by wake_ns; NULL: none ever */
    uint32_t planned_count;

    uint64_t host_used, host_promised;        /* by levels between cold and warm */
    uint32_t rest_first, rest_last;           /* resources at, from or to one */
    struct budget_candidate *rest_candidates; /* scratch for rest.c */
    uint32_t rest_capacity, rest_count;
    bool rest_gathered;
    double rest_price; /* seconds of waiting that a byte of host memory costs now; see
                          rest_set_price */
    bool levelled;     /* there is a resource with levels */
    struct level_law {
        struct load_law loads, reaches;
    } level_laws[LEVELS_MAX];

    struct devices devices;
    bool limited; /* memory has a budget */
    uint32_t occupied_first, occupied_last, occupied_count;
    struct budget_candidate *candidates; /* scratch for place.c */
    uint32_t *victims;                   /* chosen by place.c, in the order in which they go */
    uint32_t candidates_capacity, victims_capacity;
    uint32_t loads_running;
    uint32_t queue_first,
        queue_last; /* resources that wait for room or a loader, in order of asking */
    uint32_t queue_count;

    struct values *values; /* what resources are worth in memory; NULL: no budget, or a policy that
                              does not ask */
    uint32_t recent_first, recent_last;
    int64_t ahead_at_ns;               /* next look for something to load ahead; TIME_NEVER: none */
    int64_t latest_request_ns;         /* of any resource */
    struct hinted hinted[HINTED_KEPT]; /* resources with hints or predictions that may be open */
    uint32_t hinted_count;

    struct dwell dwell;
    struct load_law load_law;
    struct pressure pressure;

    struct spending spent;
    int64_t reserved_ns; /* expected of the loads that run, times devices */
    struct server *servers;
    uint32_t server_count;

    uint64_t attempts; /* numbers given to warm-ups, drains and unloads */
    uint64_t action_count, decision_hash;
    struct logged_decision *decisions; /* ring of DECISIONS_KEPT */
    uint64_t decision_count;
    struct action_list *actions; /* of the step that runs */
    enum fw_err step_err;
};

/* transition.c: actions leave, resources move */
void engine_emit(struct engine *engine, struct action *action);
void engine_signal(struct engine *engine, uint32_t number, enum signal signal,
                   const struct why *why);
void engine_set_timer(struct engine *engine, uint32_t number, enum timer timer,
                      int64_t deadline_ns);
void engine_set_memory(struct engine *engine, struct resource *resource, uint64_t configured,
                       uint64_t measured);
void engine_set_in_use(struct engine *engine, struct resource *resource, uint32_t in_use);
void engine_fail(struct engine *engine, enum fw_err err);

/* arrivals.c */
void arrivals_on_request(struct engine *engine, const struct event *event);
void arrivals_on_end(struct engine *engine, const struct event *event);
void arrivals_on_gone(struct engine *engine, const struct event *event);
void arrivals_on_observed(struct engine *engine, const struct event *event);

/* reports.c */
void reports_on_loaded(struct engine *engine, const struct event *event);
void reports_on_proven(struct engine *engine, const struct event *event);
void reports_on_failed(struct engine *engine, const struct event *event);
void reports_on_drained(struct engine *engine, const struct event *event);
void reports_on_unloaded(struct engine *engine, const struct event *event);
void reports_on_raised(struct engine *engine, const struct event *event);
void reports_on_lost(struct engine *engine, const struct event *event);
void reports_on_sized(struct engine *engine, const struct event *event);
void reports_on_found(struct engine *engine, const struct event *event);
void reports_on_doubted(struct engine *engine, const struct event *event);

/* wishes.c */
FW_MUST_CHECK enum fw_err engine_add_resource(struct engine *engine, struct str id,
                                              uint32_t *number);
void wishes_on_resource(struct engine *engine, const struct event *event);
void wishes_on_retire(struct engine *engine, const struct event *event);
void wishes_on_pin(struct engine *engine, const struct event *event);
void wishes_on_warm(struct engine *engine, const struct event *event);
void wishes_on_unload(struct engine *engine, const struct event *event);

/* decide.c: what the plan, hints and pins ask for now */
int64_t decide_expected_load(const struct engine *engine, const struct resource *resource);
/* From cold, wherever it is now. */
int64_t decide_cold_load(const struct engine *engine, const struct resource *resource);
/* When to begin to load for a window of the plan: a lead before it begins. */
int64_t decide_window_at(const struct engine *engine, const struct resource *resource,
                         const struct plan_window *window);
void decide_look_again(struct engine *engine, uint32_t number, int64_t deadline_ns);
int64_t decide_lead(const struct engine *engine, const struct resource *resource);
void decide_replan(struct engine *engine, uint32_t number, bool ready, int64_t gap_ns);
void decide_settle(struct engine *engine, uint32_t number);
void decide_fire_policy(struct engine *engine);

/* room.c: memory and loaders */
void room_want(struct engine *engine, uint32_t number, enum cause cause, const struct why *why);
void room_forget(struct engine *engine, uint32_t number);
void room_pump(struct engine *engine);
void room_enqueue(struct engine *engine, uint32_t number);
bool room_evictable(const struct resource *resource);
/* Bytes that letting it go would free on each of its devices. */
uint64_t room_frees(const struct engine *engine, const struct resource *resource);
void room_start_displacing(struct engine *engine, uint32_t number, uint32_t devices,
                           enum cause cause, const struct why *why, const uint32_t *victims,
                           uint32_t victim_count);
/* What has grown beyond its device's memory makes others go, or itself. */
void room_relieve(struct engine *engine);
void room_occupy(struct engine *engine, uint32_t number);
void room_vacate(struct engine *engine, uint32_t number);
double room_worth(const struct engine *engine, uint32_t number, uint64_t bytes);
void room_let_go(struct engine *engine, uint32_t number, const struct why *why);

/* rest.c: levels between cold and warm */
/* The level that a warm one would probably be loaded from if it were let go now; 0: from cold. */
uint8_t rest_fall(const struct engine *engine, const struct resource *resource);
/* What is lost in host memory when one more byte is needed there; before rest_loss is asked. */
void rest_set_price(struct engine *engine);
/* Seconds of waiting that letting a warm one go costs, with what makes way for it. */
double rest_loss(const struct engine *engine, uint32_t number);
double rest_gain(const struct engine *engine, uint32_t number, uint8_t level);
/* After a change of state: what it holds and has been promised of host memory. */
void rest_settle_bytes(struct engine *engine, uint32_t number, uint8_t level_before);
void rest_enter(struct engine *engine, uint32_t number);
void rest_leave(struct engine *engine, uint32_t number);
/* Chooses where a warm resource goes that is let go. */
void rest_let_go(struct engine *engine, uint32_t number);
void rest_drained(struct engine *engine, uint32_t number);
void rest_lower(struct engine *engine, uint32_t number, const struct why *why);
void rest_settle(struct engine *engine, uint32_t number);
void rest_settle_cold(struct engine *engine, uint32_t number);
void rest_try(struct engine *engine);

/* levels.c, snapshot_check.c */
struct coder;
/* What a load from a level takes, and what it takes to get there from cold. */
int64_t levels_load(const struct engine *engine, const struct resource *resource, uint8_t level);
int64_t levels_reach(const struct engine *engine, const struct resource *resource, uint8_t level);
void levels_learn(struct engine *engine, struct resource *resource, bool reached);
void levels_code_all(struct engine *engine, struct coder *coder);
bool snapshot_is_consistent(struct engine *engine);
/* place.c: on which devices; sets of devices are masks */
struct making_room {  /* what has to go so that something fits */
    uint32_t devices; /* where it would go */
    uint32_t victims; /* at the front of engine->victims; 0: what is on its way out suffices */
    double loss;      /* seconds of waiting that the victims are worth */
};
uint64_t place_missing(const struct engine *engine, const struct resource *resource);
uint64_t place_share(const struct engine *engine, const struct resource *resource);
/* Of bytes it holds, those on each device it is placed on. */
uint64_t place_part_of(const struct resource *resource, uint64_t bytes);
uint32_t place_span(const struct engine *engine, const struct resource *resource);
uint32_t place_allowed(const struct engine *engine, const struct resource *resource);
int64_t place_load_time(const struct engine *engine,
                        const struct resource *resource); /* 0 unknown */
bool place_possible(const struct engine *engine, const struct resource *resource);
/* Whether enough of its devices are among the `open` ones. */
bool place_is_open(const struct engine *engine, const struct resource *resource, uint32_t open);
uint32_t place_loaders(const struct engine *engine); /* with a loader that is free */
uint32_t place_settled(const struct engine *engine); /* with nothing on its way out */
uint64_t place_free(const struct engine *engine, uint32_t device);
/* Where a part of it of so many bytes may be brought now, so that all of it can follow; 0 nowhere.
 */
uint32_t place_part(const struct engine *engine, const struct resource *resource, uint64_t bytes);
/* Those of a device that make room for what it is overdrawn by. False: it is not, or all is in use.
 */
bool place_relieve(struct engine *engine, uint32_t device, struct making_room *making);
/* Where it fits as things are, within `devices`; 0: it does not. */
uint32_t place_now(const struct engine *engine, const struct resource *resource, uint32_t devices);
/* The same once what is on its way out has left. */
uint32_t place_soon(const struct engine *engine, const struct resource *resource, uint32_t devices);
/* The cheapest room for it within `devices`. False: what is in use leaves none. */
bool place_make_room(struct engine *engine, uint32_t number, uint32_t devices,
                     struct making_room *making);
/* It holds `after` bytes on the devices it is placed on, and held `before`. */
void place_charge(struct engine *engine, const struct resource *resource, uint64_t before,
                  uint64_t after);
void place_forget(struct engine *engine); /* nothing is anywhere */
void place_load_begins(struct engine *engine, const struct resource *resource);
void place_load_ends(struct engine *engine, const struct resource *resource);
/* For what was loaded without our saying where, and after the devices have changed. */
void place_found(struct engine *engine, struct resource *resource, uint32_t said);
void place_restore(struct engine *engine, struct resource *resource);

/* pressure.c: is there enough memory and loading? */
struct coder;
void pressure_note(struct engine *engine); /* after every change */
void pressure_code(struct engine *engine, struct coder *coder);

/* ahead.c: loading ahead under a memory budget */
FW_MUST_CHECK enum fw_err ahead_enable(struct engine *engine);
/* What was learned under a budget, from a snapshot; read past when there is none any more. */
FW_MUST_CHECK bool ahead_load(struct engine *engine, struct buf_reader *in);
void ahead_request(struct engine *engine, uint32_t number, uint64_t session);
void ahead_append_recent(struct engine *engine, uint32_t number);
void ahead_hint(struct engine *engine, uint32_t number);
void ahead_foretell(struct engine *engine, uint32_t number, const struct why *why);
/* Why a session's prediction wants it. */
struct why ahead_foretold_why(const struct engine *engine, uint32_t number);
void ahead_fire(struct engine *engine);
void ahead_try(struct engine *engine);
/* Stops a warm-up, or the way up to a level, that nobody waits for. */
void ahead_cancel(struct engine *engine, uint32_t number, enum reason reason);
void ahead_make_way(struct engine *engine);
/* Expected waiting of `load_ns` each within ten minutes. */
double ahead_worth(const struct engine *engine, uint32_t number, int64_t load_ns);
double ahead_value(const struct engine *engine, uint32_t number);

/* hints.c */
double hints_probability(const struct engine *engine, const struct resource *resource);
/* What a source's word is taken for, by what came of its earlier ones. */
double hints_believed(const struct engine *engine, uint32_t source, double said);
void hints_hear(struct engine *engine, const struct event *event);
/* The same for a planned event whose time to load has come. */
void hints_hear_planned(struct engine *engine, const struct event *event,
                        const struct planned *planned);
bool hints_is_planned(const struct open_hint *hint);
/* Its source's planned events have cost more than they saved, beyond a cold start of the resource.
 */
bool hints_is_silent(const struct engine *engine, const struct resource *resource, uint32_t source);
/* A request came, so long after what the plan's ages count from. */
void hints_request(struct engine *engine, uint32_t number, int64_t age_ns);
void hints_fire(struct engine *engine, uint32_t number);
/* With unlimited memory: warm it for a session's next request, or keep it for it, if that pays. */
void hints_foretell(struct engine *engine, uint32_t number, double probability,
                    const struct transition_guess *guess, const struct why *why);
int64_t hints_keep(struct engine *engine, uint32_t number);

/* foretold.c: what sessions will ask for next */
void foretold_request(struct engine *engine, uint32_t number, uint64_t session);
void foretold_expire(struct engine *engine);
double foretold_probability(const struct engine *engine, uint32_t number);
double foretold_shown(const struct engine *engine, uint32_t number, int64_t now_ns);
size_t foretold_next(const struct engine *engine, uint64_t session, struct next_resource *next,
                     size_t max);
void foretold_code(struct engine *engine, struct coder *coder);

/* expected.c: planned events and forecasts */
struct coder;
void expected_hear(struct engine *engine, const struct event *event);
int64_t expected_deadline(const struct engine *engine);
void expected_fire(struct engine *engine);
void expected_code(struct engine *engine, struct coder *coder);

/* ending.c: how holding and warming ahead end */
void ending_release(struct engine *engine, uint32_t number);
void ending_turn_away(struct engine *engine, uint32_t number, enum fw_err status,
                      const struct why *why);
void ending_hold_timeout(struct engine *engine, uint32_t number);
void ending_prewarm_hit(struct engine *engine, struct resource *resource);
void ending_prewarm_expired(struct engine *engine, struct resource *resource);

#endif
