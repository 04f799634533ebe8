/* SPDX-License-Identifier: MIT
 * The brain thread: the only owner of the engine. It takes events (from the I/O threads' rings, and
 * from jobs and the control plane through a mailbox), stamps them with a time that never goes back,
 * journals them, steps the engine, and performs what follows: publishes slot states, drains, starts
 * tasks of sites, answers held requests. */
#ifndef FOREWARM_EDGE_BRAIN_H
#define FOREWARM_EDGE_BRAIN_H

#include "core/engine.h"
#include "edge/bus.h"
#include "edge/config.h"
#include "edge/demand/foresight.h"
#include "edge/fleet.h"
#include "edge/jobs.h"
#include "edge/metrics.h"
#include "edge/site.h"
#include "edge/store/store.h"
#include "edge/view.h"

struct brain;

/* What it works with; all of it outlives the brain. */
struct brain_setup {
    struct bus *bus;
    struct slots *slots;
    struct jobs *jobs;
    struct children *children;
    struct store *store;
    struct metrics *metrics;
    struct fleet *fleet; /* NULL: none */
};

/* Makes the engine, restores what was kept, takes over what still runs of a former forewarm (waits
 * BRAIN_ADOPT_WAIT_NS at most) and configures the resources. */
#define BRAIN_ADOPT_WAIT_NS (5 * TIME_SECOND)
FW_MUST_CHECK enum fw_err brain_create(struct brain **brain, const struct brain_setup *setup,
                                       struct config *config, struct fw_detail *detail);
FW_MUST_CHECK enum fw_err brain_start(struct brain *brain, struct fw_detail *detail);
/* Ends the thread. Afterwards nothing is performed any more; what arrives is dropped. */
void brain_stop(struct brain *brain);
/* With thread and job threads gone: stops what was loaded (unless keep_children), saves, ends the
 * journal. */
void brain_finish(struct brain *brain);
void brain_destroy(struct brain **brain);

/* ---- any thread ---- */

void brain_post(struct brain *brain, const struct event *event); /* at_ns is set on arrival */
/* Runs `fn` on the brain thread, some time. After brain_stop it never runs. */
typedef void brain_fn(struct brain *brain, void *context);
void brain_call(struct brain *brain, brain_fn *fn, void *context);
/* The same, and waits for it. False: the brain has stopped, it did not run. Not on the brain
 * thread. */
bool brain_call_and_wait(struct brain *brain, brain_fn *fn, void *context);

/* ---- on the brain thread only (from a brain_fn) ---- */

const struct engine *brain_engine(const struct brain *brain);
struct config *brain_config(const struct brain *brain);
int64_t brain_now_ns(struct brain *brain);
/* TABLE_NONE for an unknown name; ids only, no aliases. */
uint32_t brain_find(const struct brain *brain, struct str id);
struct site *brain_site(const struct brain *brain,
                        uint32_t resource); /* NULL: never configured here */
/* One event, at once. */
void brain_step(struct brain *brain, const struct event *event);
/* A request that was seen elsewhere took so long to its first byte. */
void brain_observe_latency(struct brain *brain, uint32_t resource, int64_t first_byte_ns);
/* A validated new configuration: settings, new and changed and retired resources. */
void brain_configure(struct brain *brain, struct config *config);
/* The number of a hint source's name, remembered for good; 0 for "" and when there are too many. */
uint32_t brain_source(struct brain *brain, struct str name);
const char *brain_source_name(const struct brain *brain, uint32_t source); /* NULL past the last */
/* Finished warm-ups by cause and result (0 ok, 1 failed, 2 cancelled), since the start of the
 * process. */
enum brain_result { BRAIN_OK, BRAIN_FAILED, BRAIN_CANCELLED, BRAIN_RESULTS };
uint64_t brain_warmups(const struct brain *brain, uint32_t resource, enum cause cause,
                       enum brain_result result);
uint64_t brain_event_count(const struct brain *brain);
struct fleet *brain_fleet(const struct brain *brain);
/* What others saw, from the fleet's thread: learned from, not told on. A fleet_take_fn. */
void brain_take_arrivals(void *brain, const struct fleet_arrival *arrivals, uint32_t count);

/* Demand: counts, forecasts, anomalies, planned events. */
struct foresight *brain_foresight(const struct brain *brain);
int64_t brain_demand_kept_ns(const struct brain *brain); /* in the store up to then; 0: nothing */
/* Mean service time of its latest requests, seconds; 0: none was answered yet. */
double brain_service_s(const struct brain *brain, uint32_t resource);
/* Requests an hour that one device of it does when wholly used: as configured, else from how long
 * its requests take; 0: not known. */
double brain_unit_capacity(const struct brain *brain, uint32_t resource);
/* Somebody else's forecast of the resource reaches so far: ours is silent until then. */
void brain_heard_forecast(struct brain *brain, uint32_t resource, int64_t until_ns);
/* A planned event for the engine, from now on or later; 0 requests take it back. */
void brain_expect(struct brain *brain, uint32_t resource, const struct plan_item *item);

/* Told of every change of a resource's state and of every report of its task. NULL: nobody is any
 * more. */
typedef void brain_watch_fn(void *context, uint32_t resource);
void brain_watch(struct brain *brain, brain_watch_fn *fn, void *context);

#endif
