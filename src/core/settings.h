/* SPDX-License-Identifier: MIT
 * What the engine can be told, as rows of base/option.h: read alike from YAML, flags and the
 * environment. */
#ifndef FOREWARM_CORE_SETTINGS_H
#define FOREWARM_CORE_SETTINGS_H

#include "base/option.h"

/* What may be spent on warming; 0: as much as it takes. */
struct budget_settings {
    int64_t warmups;    /* in any hour */
    int64_t loading_ns; /* in any hour, times the devices that load */
    double usd;         /* in any day, at hour_price */
};

struct engine_settings {
    char policy[OPTION_TEXT_MAX]; /* "planner", "ttl:600s", ...: see plan/policies.h */
    uint64_t memory;              /* bytes warm resources may use together; UINT64_MAX unlimited */
    uint64_t host_memory; /* bytes half warm resources may use together; UINT64_MAX unlimited */
    char devices[OPTION_TEXT_MAX]; /* instead of `memory`: several devices, see core/devices.h */
    double wait_price;   /* warm seconds that one second of a user's waiting is worth (lambda) */
    double idle_price;   /* price of one warm, unused second */
    int64_t baseline_ns; /* the timer that the planner is held against; 0: break-even */
    int64_t dwell_ns; /* what was just loaded and is soon wanted again may keep others waiting this
                         long */
    int64_t load_time_ns; /* expected load time of a resource that was never loaded */
    int64_t max_loads;    /* loads at the same time; 0: one under a memory budget, else no limit */
    int64_t hold_timeout_ns; /* default for resources */
    int64_t hold_limit;      /* held requests a resource */
    int64_t hold_total;      /* held requests in all */
    bool enable_prewarming;
    int64_t prewarm_min_requests; /* the median rule's minimum history */
    int64_t prewarm_horizon_ns;
    int64_t prewarm_lead_time_ns;
    int64_t prewarm_tick_ns;
    int64_t prewarm_expiry_ns; /* a prewarm nobody used for this long is unloaded */
    int64_t history; /* requests remembered (the median rule's global history, and per resource) */
    int64_t cooldown_ns; /* hints and page warm-ups of a resource are ignored this long after one
                            went unused */
    int64_t retry_min_ns, retry_max_ns; /* back-off after a failed warm-up, doubling */
    struct budget_settings budget;      /* of all resources together; see core/restraint.h */
    bool budget_strict;                 /* requests and pins have to keep to it too */
    double hour_price_usd;              /* of one device */
    int64_t breaker_failures;           /* in a row, of one server's resources; 0: no breaker */
    int64_t yield_in_flight; /* warming ahead waits while more requests run beside it; 0: never */
    int64_t yield_max_ns;    /* and this long at most */
    int64_t max_resources;
    int64_t max_sessions;
    uint64_t transitions; /* bytes for what follows what within a session; 0: not learned */
    int64_t seed;
};

extern const struct option_row engine_option_rows[];
extern const size_t engine_option_count;
extern const struct option_alias engine_option_aliases[];
extern const size_t engine_option_alias_count;

enum on_cold { ON_COLD_HOLD, ON_COLD_FALLBACK, ON_COLD_REFUSE, ON_COLD_SOONEST };

/* A duration the resource does not set itself (the text of such a value is "never"). */
#define RESOURCE_INHERITS INT64_MAX

/* A level of warmth between cold and warm: weights in the page cache, a server that sleeps. Level 0
 * is cold, 1 is the first of these. */
enum { LEVELS_MAX = 3 };
struct level_settings {
    uint64_t memory, host_memory; /* bytes it keeps: where warm ones are, and of host memory */
    double idle_price;            /* of one second at it */
    int64_t load_time_ns;         /* to warm; RESOURCE_INHERITS: a quarter of a cold load */
    bool from_cold, from_warm;    /* what can be brought to it */
};
extern const struct option_row level_option_rows[];
extern const size_t level_option_count;

/* What the engine needs to know of one resource. The edge knows more (upstream, warmer, probe). */
struct resource_settings {
    uint64_t memory;         /* bytes while warm; 0 unknown */
    int on_cold;             /* enum on_cold */
    int64_t hold_timeout_ns; /* RESOURCE_INHERITS: the engine's */
    int64_t load_time_ns;    /* RESOURCE_INHERITS: the engine's; measured loads take over */
    int64_t priority;        /* higher is loaded first and evicted last */
    bool pin;                /* kept warm always */
    bool has_fallback;       /* a fallback upstream is configured */
    uint32_t level_count;
    struct level_settings levels[LEVELS_MAX];
    int64_t span;     /* devices it is spread over, an equal part on each; 1 and below: one */
    uint32_t devices; /* where it may go, a mask; 0: any */
    uint32_t server;  /* resources of one server have the same number; 0: a server of its own */
    struct budget_settings budget; /* its own */
};
extern const struct option_row resource_option_rows[];
extern const size_t resource_option_count;

#endif
