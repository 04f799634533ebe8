/* SPDX-License-Identifier: MIT
 * forewarm as a library: the engine that decides what to keep warm, warm ahead and let go, without
 * the daemon.
 *
 * You tell it what happens (requests, finished loads, hints) and it tells you what to do (warm,
 * drain, unload, release a held request). It has no clock, no threads and no I/O: every call says
 * what time it is, and the same calls give the same answers on any machine. What it is told decides
 * what it says, so a log can be replayed.
 *
 * Threads: one engine is used by one thread at a time; different engines are independent.
 * Times: nanoseconds since 1970-01-01 UTC; never decreasing from one call to the next on the same
 * engine. Ownership: texts you pass are copied; texts you get belong to the engine and live until
 * the next call, unless a buffer of yours is filled. Errors: functions return 0 on success, else a
 * positive code; fw_error_name gives its name ("invalid_input") and the `error` buffer, where there
 * is one, a sentence that says where, what was found and what was expected.
 *
 *     struct fw_engine *engine;
 *     const char *options[] = {"policy=planner", "memory=24GiB", NULL};
 *     fw_engine_create(&engine, options, error, sizeof error);
 *     fw_engine_add(engine, now, "qwen-7b", (const char *[]){"memory=5GiB", NULL}, &qwen, error,
 * sizeof error); fw_engine_request(engine, now, qwen, 1, 0); while (fw_engine_next_action(engine,
 * &action)) perform(&action);   // FW_ACTION_WARM: load it, then fw_engine_report(...,
 * FW_REPORT_PROVEN, ...)
 */
#ifndef FOREWARM_FOREWARM_H
#define FOREWARM_FOREWARM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <forewarm/prefetch.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fw_engine;

enum fw_action_kind {
    FW_ACTION_WARM,  /* load the resource and prove it warm; report LOADED (optional) and PROVEN, or
                        FAILED */
    FW_ACTION_DRAIN, /* start nothing new on it; report DRAINED once nothing runs */
    FW_ACTION_UNDRAIN,  /* it is wanted again: requests may start */
    FW_ACTION_UNLOAD,   /* unload it; report UNLOADED */
    FW_ACTION_CANCEL,   /* stop a warm-up nobody waits for; report CANCELLED */
    FW_ACTION_RELEASE,  /* a request may go to the resource; call fw_engine_end when it was answered
                         */
    FW_ACTION_FALLBACK, /* serve the request elsewhere; it needs no fw_engine_end */
    FW_ACTION_REFUSE,   /* refuse the request; it needs no fw_engine_end */
};

enum fw_report_kind {
    FW_REPORT_LOADED,
    FW_REPORT_PROVEN,
    FW_REPORT_FAILED,
    FW_REPORT_CANCELLED,
    FW_REPORT_DRAINED,
    FW_REPORT_UNLOADED,
    FW_REPORT_LOST, /* a warm resource is gone without our doing; `attempt` is ignored */
};

struct fw_action {
    int64_t at_ns; /* when it was decided */
    enum fw_action_kind kind;
    uint32_t resource;
    uint64_t request;  /* of RELEASE, FALLBACK, REFUSE */
    uint64_t attempt;  /* to be given back in the report */
    const char *cause; /* "request", "plan", "hint", ...: why a warm-up was begun */
    char reason[256];  /* the decision in words and numbers */
};

/* Options are "name=value" as in the configuration file (docs/reference/options.md):
 * "policy=planner", "memory=24GiB", "wait_price=54". NULL-terminated; NULL for none. `error` may be
 * NULL. */
int fw_engine_create(struct fw_engine **engine, const char *const *options, char *error,
                     size_t error_size);
void fw_engine_destroy(struct fw_engine **engine);

/* Makes a resource known, or changes its options ("memory=5GiB", "on_cold=hold", "load_time=11s",
 * "pin=true"). Its number goes to *resource: 0, 1, 2, ... in the order of first mention. */
int fw_engine_add(struct fw_engine *engine, int64_t at_ns, const char *id,
                  const char *const *options, uint32_t *resource, char *error, size_t error_size);
/* It is no longer offered: it is unloaded, what was learned stays. */
int fw_engine_retire(struct fw_engine *engine, int64_t at_ns, uint32_t resource);

/* A request arrived. `request` is a number of yours, unique among the open ones and not 0;
 * `session` groups requests of one user or conversation, 0 for none. The answer is RELEASE at once
 * (warm) or later, FALLBACK or REFUSE. */
int fw_engine_request(struct fw_engine *engine, int64_t at_ns, uint32_t resource, uint64_t request,
                      uint64_t session);
/* A released request was answered, `held_ns` after having waited that long for its release. */
int fw_engine_end(struct fw_engine *engine, int64_t at_ns, uint32_t resource, uint64_t request,
                  int64_t held_ns);
/* The client of a held request left. If its RELEASE was already given, call fw_engine_end instead.
 */
int fw_engine_gone(struct fw_engine *engine, int64_t at_ns, uint32_t resource, uint64_t request);
/* A request seen elsewhere: learned from, not served. */
int fw_engine_observe(struct fw_engine *engine, int64_t at_ns, uint32_t resource, uint64_t session);
/* Somebody says it will be wanted in `eta_ns` with this probability (0 to 1); `source` numbers who
 * says so. */
int fw_engine_hint(struct fw_engine *engine, int64_t at_ns, uint32_t resource, uint32_t source,
                   double probability, int64_t eta_ns);
/* An event that is planned: so many requests are expected from `from_ns` until `to_ns`. It is
 * loaded in time and waited for as long as that pays, as far as the source's earlier events have
 * come true and have been worth it. Said again for the same start it replaces what was said; 0
 * requests take it back. At most 4,096 events can be to come. */
int fw_engine_plan_event(struct fw_engine *engine, int64_t at_ns, uint32_t resource,
                         uint32_t source, int64_t from_ns, int64_t to_ns, double requests);
/* A forecast of the requests in a span of time, an hour say, up to four days ahead. It is followed
 * once plans by this source's forecasts would have been cheaper; policies other than the planner
 * have no use for it. */
int fw_engine_forecast(struct fw_engine *engine, int64_t at_ns, uint32_t resource, uint32_t source,
                       int64_t from_ns, int64_t to_ns, double requests);
/* What became of an action. `memory_bytes` is what a PROVEN resource was measured to use, 0
 * unknown. */
int fw_engine_report(struct fw_engine *engine, int64_t at_ns, enum fw_report_kind kind,
                     uint32_t resource, uint64_t attempt, uint64_t memory_bytes);
/* Time has passed. Call it no later than fw_engine_deadline; later changes nothing but when you
 * hear of it. */
int fw_engine_time(struct fw_engine *engine, int64_t at_ns);
int64_t fw_engine_deadline(const struct fw_engine *engine); /* FW_NEVER: nothing is due */

/* Takes the oldest action that was not taken yet. False: none. */
bool fw_engine_next_action(struct fw_engine *engine, struct fw_action *action);

/* "cold", "warming", "verifying", "warm", "draining", "unloading" or "failed"; with
 * levels between cold and warm "half", "raising" or "lowering" too. */
const char *fw_engine_state(const struct fw_engine *engine, uint32_t resource);
/* P(a request within `horizon_ns`), from what was learned; 0 when nothing is known. */
double fw_engine_probability(const struct fw_engine *engine, uint32_t resource, int64_t at_ns,
                             int64_t horizon_ns);
/* Equal for two engines that decided alike. */
uint64_t fw_engine_decision_hash(const struct fw_engine *engine);

/* The whole engine as bytes: *data is allocated with malloc and yours to free. Loading is for a
 * fresh engine with the same options; on failure it stays fresh. */
int fw_engine_save(const struct fw_engine *engine, void **data, size_t *size);
int fw_engine_load(struct fw_engine *engine, const void *data, size_t size, char *error,
                   size_t error_size);

const char *fw_error_name(int code);     /* "ok", "invalid_input", ... */
const char *fw_error_sentence(int code); /* "The input is not valid." */

#ifdef __cplusplus
}
#endif

#endif
