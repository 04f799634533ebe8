/* SPDX-License-Identifier: MIT
 * The production engine over a trace on virtual time: what would a policy have done, and what would
 * it have cost?
 *
 * What comes next is the earliest of the engine's deadline, a completion in the world (world.h) and
 * an arrival; at one instant in this order, so that with ttl:x a gap of exactly x is cold. After
 * the last arrival the replay goes on until every request has been answered, so that all waits are
 * known; idle time is counted to the last arrival (score.h). */
#ifndef FOREWARM_SIM_REPLAY_H
#define FOREWARM_SIM_REPLAY_H

#include "core/engine.h"
#include "sim/loads.h"
#include "sim/score.h"
#include "sim/world.h"
#include "sim/trace.h"

/* A request that is not answered this long after the last arrival never will be. */
#define REPLAY_TAIL_NS (48 * TIME_HOUR)
enum { REPLAY_HINTS_MAX = 1 << 26 };

struct replay_hint {
    int64_t at_ns, eta_ns;
    int64_t span_ns;    /* > 0: not a hint, but requests expected for so long */
    bool planned;       /* that is an event, not a forecast */
    double probability; /* of a hint; else how many requests */
    uint64_t session;
    uint32_t resource, source;
};

struct replay_half {
    struct world_half world;
    double memory_share; /* bytes of host memory it keeps, of a resource's size */
    uint64_t memory;     /* where sizes are not known */
    double price;        /* of a second at it */
};

struct replay_settings {
    const struct trace *trace;
    const struct score_arrivals *arrivals; /* of the same trace: the future, for oracles */
    const struct loads *loads;
    struct engine_settings engine; /* its policy is set by replay_run */
    const uint64_t *sizes;         /* bytes by resource; NULL unknown */
    /* A level between cold and warm; NULL: there is none. */
    const struct replay_half *half;
    const uint8_t *spans;            /* devices that a resource is spread over; NULL: one each */
    const struct replay_hint *hints; /* by time */
    size_t hint_count;
    int64_t from_ns;                /* scored from here on */
    struct score_sums *by_resource; /* filled with one row a resource of the trace; may be NULL */
    /* Called for every request before the engine hears of it, `ready` when its resource is warm;
     * may be NULL. */
    void (*on_arrival)(void *context, size_t request, bool ready);
    /* Called for every action; may be NULL. */
    void (*on_action)(void *context, const struct action *action);
    /* Called for every request; may be NULL. */
    void (*on_progress)(void *context, uint64_t done);
    void *context;
};

struct replay_result {
    struct score_result score;
    struct engine_pressure pressure; /* as of the end; its overloaded minutes: of the whole trace */
    uint64_t decision_hash, actions, events;
};

FW_MUST_CHECK enum fw_err replay_run(const struct replay_settings *settings, const char *policy,
                                     struct replay_result *result, struct fw_detail *detail);

/* CSV `resource,memory` ("5GiB") or `resource,bytes`, and if need be `span`; a row named * stands
 * for all others. Every resource of the trace must have a size. */
FW_MUST_CHECK enum fw_err replay_read_sizes(const struct trace *trace, const char *name,
                                            struct str text, uint64_t *sizes, uint8_t *spans,
                                            struct fw_detail *detail);
/* CSV `time,resource[,probability][,eta_s][,session][,source]`, sorted by time afterwards. Hints
 * for resources that the trace does not have are counted in `unknown`. The caller frees *hints. */
FW_MUST_CHECK enum fw_err replay_read_hints(const struct trace *trace, const char *name,
                                            struct str text, struct replay_hint **hints,
                                            size_t *count, uint64_t *unknown,
                                            struct fw_detail *detail);
/* CSV `resource,start[,end][,expected_requests][,source][,known]`: a planned event, or with
 * `planned` false a forecast, a row (`timestamp` is another name for start). end: an hour later;
 * expected_requests: 1; resource *: all; known: when it became known, three days before its start.
 * They join `hints`, which stay sorted by time. */
FW_MUST_CHECK enum fw_err replay_read_expected(const struct trace *trace, const char *name,
                                               struct str text, bool planned,
                                               struct replay_hint **hints, size_t *count,
                                               uint64_t *unknown, struct fw_detail *detail);

#endif
