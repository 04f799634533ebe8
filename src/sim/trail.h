/* SPDX-License-Identifier: MIT
 * What one policy did, kept for people to look at: how the busiest resources spent their time, the
 * worst cold starts and why they were cold, and accounts by cause. Collected from a replay's hooks
 * (on_arrival, on_action) in memory that does not grow with the length of the trace.
 *
 * Counts what score.h counts, by the same rules; the two must agree. */
#ifndef FOREWARM_SIM_TRAIL_H
#define FOREWARM_SIM_TRAIL_H

#include "core/action.h"
#include "sim/score.h"
#include "sim/trace.h"
#include <stdbool.h>

enum {
    TRAIL_SET_MAX = 12,   /* resources that are drawn together */
    TRAIL_LANES_MAX = 24, /* resources that are drawn */
    TRAIL_COLUMNS = 960,  /* a lane's resolution */
    TRAIL_VIEWS_MAX = 2,  /* all of it, and its busiest day or hour */
    TRAIL_WORST_MAX = 10, /* cold starts that are told one by one */
};

/* A request after so long a silence met a decision to keep or to let go. */
#define TRAIL_PAUSE_NS (5 * TIME_MINUTE)

/* X(set, name, words): which resources are worth a look */
#define TRAIL_SETS(X)                                                                              \
    X(TRAIL_REQUESTS, "requests", "asked for most")                                                \
    X(TRAIL_PAUSES, "pauses", "asked for most often after five minutes or more of silence")
enum trail_set {
#define X(set, name, words) set,
    TRAIL_SETS(X)
#undef X
        TRAIL_SET_COUNT
};
const char *trail_set_name(uint32_t set);
const char *trail_set_words(uint32_t set);

/* X(origin, name, words): why a request met a resource that was not warm */
#define TRAIL_ORIGINS(X)                                                                           \
    X(TRAIL_FIRST, "first", "never asked for before: no policy can know")                          \
    X(TRAIL_LET_GO, "let_go", "let go: keeping it had stopped to be worth its price")              \
    X(TRAIL_LATE, "late", "being loaded ahead, but begun too late")                                \
    X(TRAIL_EXPIRED, "expired", "loaded ahead too early, and let go again")                        \
    X(TRAIL_EVICTED, "evicted", "made room for another")                                           \
    X(TRAIL_OTHER, "other", "any other reason")
enum trail_origin {
#define X(origin, name, words) origin,
    TRAIL_ORIGINS(X)
#undef X
        TRAIL_ORIGIN_COUNT
};
const char *trail_origin_name(uint32_t origin);
const char *trail_origin_words(uint32_t origin);

/* One cold start: the requests that waited for the same load. */
struct trail_cold {
    uint32_t resource;
    uint32_t origin;      /* enum trail_origin */
    uint32_t reason;      /* enum reason of the unload before it; REASON_NONE: none */
    int64_t numbers[4];   /* of that reason */
    int64_t at_ns;        /* the first of its requests */
    int64_t gap_ns;       /* since the request before it; -1 none */
    int64_t let_go_ns;    /* when it had been unloaded; -1 never */
    int64_t load_from_ns; /* -1: never loaded */
    int64_t load_ns;      /* what loading took */
    uint64_t requests;    /* that waited */
    int64_t wait_ns, wait_max_ns;
    bool regretted; /* keeping it since the request before would have cost less */
};

struct trail_view {
    int64_t from_ns, to_ns, column_ns;
};
/* A resource's time in one view; instants belong to the column they fall in. */
struct trail_lane {
    int64_t warm_ns[TRAIL_COLUMNS], half_ns[TRAIL_COLUMNS]; /* half: at a level between */
    uint32_t requests[TRAIL_COLUMNS], cold[TRAIL_COLUMNS];  /* both of requests */
    uint32_t used[TRAIL_COLUMNS], unused[TRAIL_COLUMNS];    /* loads ahead, where they began */
};

struct trail_sums { /* over what is scored */
    uint64_t requests, cold, loads;
    int64_t wait_ns, warm_ns, idle_ns, load_ns;
};
struct trail_loads {              /* by cause */
    uint64_t begun, used, unused; /* what is neither is still open at the end */
    int64_t wasted_ns;            /* warm time of the unused ones */
};
struct trail_waits { /* by origin */
    uint64_t starts, requests, regretted;
    int64_t wait_ns, regret_ns;
};

struct trail_resource {
    int64_t last_request_ns; /* -1 none */
    int64_t ready_ns;        /* -1 not ready */
    int64_t half_ns;         /* at a level since; -1 not */
    int64_t busy_ns;         /* requests run until then */
    int64_t load_from_ns;    /* of the load under way or last done; -1 none */
    int64_t let_go_ns;       /* -1 never */
    int64_t numbers[4];
    uint32_t reason; /* of the latest letting go */
    uint32_t cause;  /* of the latest load */
    uint32_t lane;   /* TABLE_NONE: not drawn */
    bool loading, loaded, ahead, ahead_scored;
    bool opened, answered; /* answered: its load is over, the next cold request opens another */
    struct trail_cold open;
};

struct trail {
    const struct trace *trace;
    struct score_prices prices;
    int64_t from_ns, until_ns;
    struct trail_resource *resources;
    uint32_t lane_count, view_count;
    bool half_seen; /* something was at a level between cold and warm */
    uint32_t lane_resources[TRAIL_LANES_MAX];
    uint32_t set_lanes[TRAIL_SET_COUNT][TRAIL_SET_MAX]; /* lanes, the first one first */
    uint32_t set_counts[TRAIL_SET_COUNT];
    struct trail_view views[TRAIL_VIEWS_MAX];
    struct trail_lane *lanes;                           /* [view][lane] */
    struct trail_sums sums[TRAIL_LANES_MAX + 1], total; /* by lane; the last: all others */
    struct trail_loads loads[CAUSE_COUNT];
    struct trail_waits waits[TRAIL_ORIGIN_COUNT];
    struct trail_cold worst[TRAIL_WORST_MAX]; /* after trail_finish: longest total wait first */
    size_t worst_count;
};

FW_MUST_CHECK enum fw_err trail_init(struct trail *trail, const struct trace *trace,
                                     const struct score_prices *prices, int64_t from_ns);
void trail_fini(struct trail *trail);
void trail_arrival(struct trail *trail, size_t request, bool ready);
void trail_action(struct trail *trail, const struct action *action);
void trail_finish(struct trail *trail);
static inline const struct trail_lane *trail_lane(const struct trail *trail, uint32_t view,
                                                  uint32_t lane)
{
    return &trail->lanes[view * TRAIL_LANES_MAX + lane];
}

#endif
