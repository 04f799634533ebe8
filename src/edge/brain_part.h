/* SPDX-License-Identifier: MIT
 * Inside the brain: what its files share. All of it belongs to the brain thread, but the mailbox.
 */
#ifndef FOREWARM_EDGE_BRAIN_PART_H
#define FOREWARM_EDGE_BRAIN_PART_H

#include "edge/brain.h"
#include "edge/demand/foresight.h"
#include "edge/journal_file.h"
#include "learn/latency.h"
#include <pthread.h>

#define BRAIN_TICK_NS  TIME_SECOND            /* journal flush, save when changed */
#define BRAIN_DRAIN_NS (5 * TIME_MILLISECOND) /* how often a drain is looked at */
#define BRAIN_LOOK_NS  (5 * TIME_SECOND)      /* are warm resources still loaded? */
#define BRAIN_MARK_NS  (10 * TIME_SECOND)     /* decision hash into the journal */
enum { BRAIN_SAVE_SHARE = 20 };               /* saving takes at most one twentieth of the time */

/* Either an event or a function to run. */
struct brain_message {
    struct event event;
    brain_fn *fn;
    void *context;
    struct site *adopted; /* a site's adoption ended */
    bool found;
    struct site *looked;
};

struct brain_mailbox {
    pthread_mutex_t lock;
    pthread_cond_t adopted_one;
    struct brain_message *items;
    size_t count, capacity;
    uint32_t adopting;
    bool closed, attached;
};

struct brain_drain {
    uint32_t resource;
    uint64_t attempt;
    bool replace; /* not the engine's: what was loaded with an old configuration has to go */
};

/* How long its answers take to begin: streams, and whole ones. */
struct brain_latency {
    struct latency kinds[2];
    uint32_t added[2];   /* since the limit was worked out */
    int64_t answered_ns; /* when one last began at warm speed; wall time, 0 never */
    int64_t doubted_ns;  /* 0 never */
};

/* What the brain keeps beside a site. */
struct brain_place {
    struct brain_latency *latency; /* NULL: nothing was answered yet */
    struct site *site;
    bool busy; /* a task runs */
    bool adoption_tried;
    bool replacing;   /* waits for its last request to unload what an old configuration loaded */
    uint32_t devices; /* where the warm-up goes, a mask */
    uint64_t deferred_attempt; /* of a task that begins when the one before is done; 0 none */
    uint32_t deferred_kind, deferred_level; /* enum action_kind */
    uint32_t cause;                         /* of the warm-up under way */
    int64_t warm_began_ns;
    double service_s;          /* of its latest requests, mean; 0: none was answered yet */
    int64_t forecast_until_ns; /* others foretell it until then */
    uint32_t state;            /* as last entered */
    int64_t ready_ns;          /* when it last became warm */
    uint64_t expired_seen;
    uint64_t warmups[CAUSE_COUNT][BRAIN_RESULTS];
};

struct brain {
    struct brain_setup setup;
    struct config *config;
    struct engine *engine;
    struct action_list actions;
    struct brain_place *places; /* by resource number */
    uint32_t place_count;
    struct site_hooks hooks;
    struct journal_file *journal;
    struct metrics_shard *metrics;
    brain_watch_fn *watch;
    void *watch_context;

    uv_loop_t loop;
    uv_async_t wake;
    uv_timer_t deadline, tick, drain_timer;
    pthread_t thread;
    bool loop_made, running;
    atomic_bool stopping;
    struct brain_mailbox mailbox;

    const struct fleet_arrival *heard; /* from other forewarms: the brain's until fleet_took */
    uint32_t heard_count;
    bool hearing; /* what is stepped was seen by others */

    int64_t now_ns, monotonic_ns; /* the time as last looked at */
    int64_t stepped_ns;           /* of the last event */
    uint64_t event_count;
    int64_t marked_ns, looked_ns;
    struct brain_drain *drains;
    uint32_t drain_count, drain_capacity;
    char **sources;
    uint32_t source_count;
    bool events_planned; /* those of a configuration, once */

    /* demand */
    struct foresight *foresight;
    struct job foresight_job;
    struct foresight_work *foresight_work; /* the job's while `foreseeing` */
    bool foreseeing;
    struct job keep_job;
    struct foresight_parts *keeping;             /* the job's; NULL: nothing is being written */
    int64_t kept_ns, keeping_ns, demand_kept_ns; /* tried, what a job writes, what is written */
    atomic_int keep_err;
    struct fw_detail keep_detail;
    bool keep_failing;

    /* saving */
    struct job save_job;
    struct store_content content; /* the job's while `saving` */
    bool saving, changed;
    atomic_int save_err;
    struct fw_detail save_detail;
    bool save_failing;
    int64_t save_not_before_ns;
};

/* brain_act.c */
void brain_perform(struct brain *brain);
void brain_task_ended(struct brain *brain, uint32_t resource);
void brain_look_at_drains(struct brain *brain);
void brain_look_at_servers(struct brain *brain);
void brain_replace(struct brain *brain, uint32_t resource);
void brain_note_report(struct brain *brain, const struct event *event);
/* brain_latency.c */
/* What an I/O thread says of an answer's beginning, before the engine hears of it. False: it is not
 * for the engine. */
FW_MUST_CHECK bool brain_hear_latency(struct brain *brain, struct event *event);
/* brain_fleet.c */
void brain_tell(struct brain *brain, const struct event *event);
void brain_left_over(void *context, struct site *site);
/* brain_configure.c */
/* Sites of the resources that the engine knows from before, with their configuration; no event. */
void brain_prepare(struct brain *brain, struct config *config);
bool brain_make_place(struct brain *brain, uint32_t resource, struct str id);
/* brain_keep.c */
enum fw_err brain_restore(struct brain *brain, struct store_content *content,
                          struct fw_detail *detail);
/* Those that were not tried yet; each once. */
/* Those that were not tried yet; each once. */
void brain_adopt_all(struct brain *brain, const struct store_content *content);
void brain_save_if_changed(struct brain *brain);
void brain_save_last(struct brain *brain);
void brain_stop_orphans(const struct brain *brain, const struct store_content *content);

/* brain_prefill.c */
void brain_look_at_prefixes(struct brain *brain);
void brain_configure_prefixes(struct site *site);

/* brain_foresight.c */
FW_MUST_CHECK enum fw_err brain_foresee(struct brain *brain, const struct config *config,
                                        struct fw_detail *detail);
void brain_count(struct brain *brain, const struct event *event);
void brain_look_ahead(struct brain *brain);
void brain_keep_demand(struct brain *brain);
void brain_keep_demand_last(struct brain *brain);
/* A new configuration: what is foretold, and its planned events. */
void brain_foresee_anew(struct brain *brain, const struct config *config);

/* brain_events.c: those that are under way are told of when the daemon starts; a reload leaves them
 * alone, whether they were told of before or not. What is not configured any more is taken back. */
void brain_plan_events(struct brain *brain, const struct config *config);

#endif
