/* SPDX-License-Identifier: MIT
 * The edge's side of one resource: its configuration, its slot, its warmer, and the task under way
 * (warm, unload, adopt), which runs in steps on job threads and ends with one event to the brain.
 *
 * Who touches what: the brain thread starts tasks and reads; a running task owns the part marked
 * so; what both look at is under `lock`. The brain starts a task only when the one before has
 * reported, so there is never more than one. */
#ifndef FOREWARM_EDGE_SITE_H
#define FOREWARM_EDGE_SITE_H

#include "base/stats.h"
#include "core/event.h"
#include "edge/fleet.h"
#include "edge/jobs.h"
#include "edge/store/kept.h"
#include "edge/view.h"
#include "edge/warmers/probe.h"
#include "edge/warmers/warmer.h"
#include <pthread.h>

/* X(stage, name) */
#define SITE_STAGES(X)                                                                             \
    X(SITE_COLD, "cold")                                                                           \
    X(SITE_LOADING, "loading")                                                                     \
    X(SITE_VERIFYING, "verifying")                                                                 \
    X(SITE_READY, "ready")                                                                         \
    X(SITE_UNLOADING, "unloading")                                                                 \
    X(SITE_FAILED, "failed")                                                                       \
    X(SITE_HALF, "half")                                                                           \
    X(SITE_RAISING, "raising")
enum site_stage {
#define X(stage, name) stage,
    SITE_STAGES(X)
#undef X
};
const char *site_stage_name(enum site_stage stage);

enum site_phase {
    SITE_IDLE,
    SITE_BEGIN_LOAD,
    SITE_AWAIT_LOAD,
    SITE_PROVE_AGAIN, /* what was warm is doubted: is it still loaded? */
    SITE_PROBE,
    SITE_BEGIN_CLEANUP, /* a failed or cancelled warm-up is taken down before it is reported */
    SITE_AWAIT_CLEANUP,
    SITE_BEGIN_UNLOAD,
    SITE_AWAIT_UNLOAD,
    SITE_ADOPT,
    SITE_LOOK, /* is what is warm still loaded? */
    SITE_RAISE,
    SITE_SLEEP,
    SITE_WAKE,
    SITE_SLEEP_AGAIN, /* a cancelled waking */
    SITE_LOWER,
    /* shared by several forewarms */
    SITE_AWAIT_LEASE,
    SITE_AWAIT_LEAVE,
    SITE_FENCED /* stops a load whose lease was lost */
};

struct site;
struct site_hooks {
    void *context;
    /* An event for the engine (at_ns is set by the brain); any thread. The last of a task: the site
     * is idle after it. */
    void (*report)(void *context, const struct event *event);
    /* A look ended. */
    void (*looked)(void *context, struct site *site);
    /* Adoption ended; when it succeeded, EVENT_FOUND was reported before. */
    void (*adopted)(void *context, struct site *site, bool found);
    /* What it started and left to others is not used any more. */
    void (*left_over)(void *context, struct site *site);
    bool (*remember)(void *context, struct site *site, const struct saved_child *child);
};

struct site {
    uint32_t resource;
    char id[CONFIG_ID_MAX];
    struct slot *slot;
    struct jobs *jobs;
    const struct site_hooks *hooks;
    struct config *latest; /* the brain's: retained; `config` is in it */
    const struct config_resource *config;
    bool configured;
    atomic_bool cancel;
    struct fleet *fleet;     /* NULL: none */
    struct fleet_seat *seat; /* NULL: not shared */
    atomic_bool cancelled;   /* by the brain, not by a lost lease */
    atomic_bool fenced;      /* its lease was lost: the load has to stop */
    atomic_bool proven;      /* warm: losing it now is an event */

    /* the running task's */
    struct job job;
    enum site_phase phase;
    uint64_t attempt;
    struct config *in_force; /* what it was loaded with: unloads and probes go by it */
    struct warmer warmer;
    _Atomic uint32_t level; /* between cold and warm: comes from, goes to, or is at; 0 none */
    bool asleep;            /* at it with its server running */
    struct child *doing;    /* a level's command that runs */
    int64_t doing_by_ns;    /* and is killed then */
    uint64_t told_bytes;    /* the latest size that the engine was told of */
    bool doubted, reloaded; /* the task proves again what was warm, and has loaded it again */
    enum site_phase after_lease, after_leave;
    bool joined; /* another forewarm loaded it: it is only probed here */
    bool alone_probed, clearing;
    uint32_t misses;  /* of probes of what was joined */
    uint32_t missing; /* looks in a row that did not find it loaded */
    int64_t begun_ns, phase_ns, deadline_ns, stop_deadline_ns, delay_ns; /* monotonic */
    int64_t latencies[PROBE_MAX];
    uint32_t probes;
    enum fw_err failure;
    struct fw_detail failure_detail;
    struct saved_child saved; /* to adopt */
    char saved_command[8192];

    pthread_mutex_t lock;
    /* under the lock */
    enum site_stage stage;
    int64_t stage_ns, warmup_ns; /* when the stage and the warm-up began (monotonic) */
    int64_t took_ns;             /* the last warm-up; -1 none */
    double told;                 /* the progress last told of: it does not go back */
    struct fw_detail error;      /* why the last warm-up failed, or what a running one waits for */
    struct fw_detail note;       /* the warmer's, see there */
    struct site_learned learned;
    bool learned_changed;
};

FW_MUST_CHECK enum fw_err site_create(struct site **site, uint32_t resource, struct str id,
                                      struct slot *slot, struct jobs *jobs,
                                      struct children *children, bool die_with_us,
                                      const struct site_hooks *hooks);
void site_destroy(struct site **site);
/* The configuration from now on; what is loaded keeps the one it was loaded with. */
void site_configure(struct site *site, struct config *config,
                    const struct config_resource *resource);

/* Where the next warm-up goes: a mask of the engine's devices. */
struct engine;
void site_set_devices(struct site *site, uint32_t devices, const struct engine *engine);
/* Where it was found to run, by the names of then. */
uint32_t site_devices(const struct site *site, const char *text);
/* Tasks. Each ends with PROVEN or FAILED; UNLOADED; `adopted`. */
/* From the level it is at. */
void site_warm(struct site *site, uint64_t attempt, uint32_t level);
/* What was warm is doubted: probes, after loading it again if its server has lost it. Ends as
 * site_warm does. */
void site_prove(struct site *site, uint64_t attempt);
void site_cancel(struct site *site);
/* Down to a level (ends with RAISED, or UNLOADED when that failed and it is cold); 0: to cold. */
void site_unload(struct site *site, uint64_t attempt, uint32_t level);
/* From cold to a level: RAISED or FAILED; and back: UNLOADED. */
void site_raise(struct site *site, uint64_t attempt, uint32_t level);
void site_lower(struct site *site, uint64_t attempt, uint32_t level);
/* Stops what it started and left to others; ends with UNLOADED of attempt 0. */
bool site_has_left_over(const struct site *site);
void site_unload_left_over(struct site *site);
void site_adopt(struct site *site, const struct saved_child *saved);
/* Asks the server whether it still has what is warm; ends with `looked`, and with EVENT_LOST before
 * it when it said no SITE_LOOKS_MISSED times in a row. Only where site_can_look. */
enum { SITE_LOOKS_MISSED = 2 };
void site_look(struct site *site);
/* Something tells what it uses, now and later. */
bool site_measures(const struct site *site);
/* Its server has been given a call that tells whether it is loaded. */
bool site_can_ask(const struct site *site);
bool site_can_look(const struct site *site);
/* At shutdown, with the job threads gone: SIGTERM now, and later SIGKILL to what is still there.
 * False: nothing runs. */
bool site_stop_now(struct site *site, int signal_number);

struct site_progress {
    enum site_stage stage;
    bool in_progress, ready;
    double progress;        /* 0..1 */
    int64_t eta_ns;         /* -1 unknown */
    int64_t took_ns;        /* the last warm-up; -1 none */
    int64_t warm_probe_ns;  /* learned; -1 unknown */
    struct fw_detail error; /* "" none */
    struct fw_detail note;  /* what people should know of what is loaded; "" nothing */
};
/* `expected_load_ns`: the engine's, for a resource that was never loaded. */
void site_progress(struct site *site, int64_t expected_load_ns, struct site_progress *progress);
/* What the warmer has to say of what it loaded: to be seen, and logged once. */
void site_pass_note_on(struct site *site);
void site_set_stage(struct site *site, enum site_stage stage);

#endif
