/* SPDX-License-Identifier: MIT
 * What keeps warming from costing more than it saves (specification W4): budgets of warm-ups, of
 * loading time and of money; a circuit breaker for each server; and warming ahead gives way to
 * requests that run on the same hardware.
 *
 * A budget counts every warm-up, whoever asked for it, in a window that slides in steps: the last
 * hour in twelfths, the last day in hours, each with the part that has begun, so that no hour and
 * no day ever holds more than is allowed. Requests, pins and operators are never stopped by a
 * budget unless it is `strict`, and then operators are not.
 *
 * The breaker (M. Nygard, "Release It!", 2007, ch. 5) opens when warm-ups of at least two resources
 * of one server failed in a row; then one at a time is let through after each pause until one
 * succeeds. */
#ifndef FOREWARM_CORE_RESTRAINT_H
#define FOREWARM_CORE_RESTRAINT_H

#include "core/action.h"
#include "core/settings.h"
#include <stdbool.h>

struct engine;
struct coder;
struct resource;

enum { RESTRAINT_HOUR_BINS = 13, RESTRAINT_DAY_BINS = 25, RESTRAINT_SERVERS_MAX = 1024 };
/* What was spent lately, by one resource or by all. */
struct spending {
    int64_t hour_bin, day_bin; /* numbers of the bins that have begun, since 1970 */
    uint32_t warmups[RESTRAINT_HOUR_BINS];
    int64_t hour_ns[RESTRAINT_HOUR_BINS], day_ns[RESTRAINT_DAY_BINS]; /* loading, times devices */
};

/* X(decline, name): why a warm-up did not begin; the `reason` label of metrics. */
#define DECLINES(X)                                                                                \
    X(DECLINE_COOLDOWN, "cooldown")                                                                \
    X(DECLINE_BUDGET, "budget")                                                                    \
    X(DECLINE_BREAKER, "breaker")                                                                  \
    X(DECLINE_TRAFFIC, "traffic")
enum decline {
#define X(decline, name) decline,
    DECLINES(X)
#undef X
        DECLINE_COUNT
};
const char *decline_name(uint32_t decline);

/* Of one resource; made when there is something to keep. */
struct restraint {
    struct budget_settings budget;
    uint32_t server; /* number in engine->servers + 1; 0: it has one of its own */
    struct spending spent;
    int64_t reserved_ns; /* expected of the load that runs */
    uint64_t declined[DECLINE_COUNT];
    uint32_t said;                       /* enum reason of the last decline that was told */
    int64_t said_until_ns;               /* it is not told again before */
    int64_t yields_since_ns, yielded_ns; /* gives way to traffic since, and last did; -1 */
};

struct server { /* that serves several resources */
    uint32_t id;
    uint32_t failures, failed; /* in a row; the resource that failed last */
    bool several;              /* it was not always the same one */
    uint32_t trying;           /* the one that is let through + 1; 0 none */
    int64_t open_until_ns;
};

/* May a warm-up for this cause begin? If not: why, and until when that will be so. */
FW_MUST_CHECK bool restraint_allows(struct engine *engine, uint32_t number, enum cause cause,
                                    struct why *why, int64_t *until_ns);
/* Tells that it did not, once until `until_ns`, and turns away requests that wait for it. */
void restraint_decline(struct engine *engine, uint32_t number, enum cause cause,
                       const struct why *why, int64_t until_ns);
/* Both: false when it was declined. */
FW_MUST_CHECK bool restraint_admits(struct engine *engine, uint32_t number, enum cause cause);
/* Only because of traffic it must wait a moment; told like a decline. */
FW_MUST_CHECK bool restraint_gives_way(struct engine *engine, uint32_t number, enum cause cause);
/* It was declined a moment ago, and nothing has changed since. */
bool restraint_waits(const struct engine *engine, uint32_t number);
/* When it may be worth asking again; now, when nothing stands against it. */
int64_t restraint_again_ns(const struct engine *engine, uint32_t number);

/* A load begins, ends, succeeds, fails. */
void restraint_begin(struct engine *engine, uint32_t number);
void restraint_end(struct engine *engine, uint32_t number, int64_t took_ns);
void restraint_succeeded(struct engine *engine, uint32_t number);
void restraint_failed(struct engine *engine, uint32_t number);

FW_MUST_CHECK enum fw_err restraint_configure(struct engine *engine, struct resource *resource,
                                              const struct resource_settings *settings);
/* The resource's own, made when there is none; NULL when memory is short. */
struct restraint *restraint_make(struct engine *engine, struct resource *resource);
/* The number + 1 of a server; 0 beyond RESTRAINT_SERVERS_MAX of them, which have no breaker. */
FW_MUST_CHECK enum fw_err restraint_server(struct engine *engine, uint32_t id, uint32_t *server);
void restraint_forget_world(struct engine *engine);
void restraint_code_all(struct engine *engine, struct coder *coder);

#endif
