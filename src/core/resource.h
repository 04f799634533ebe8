/* SPDX-License-Identifier: MIT
 * What the engine keeps of one resource: its place in the life cycle, the plan in force, load
 * times, accounts. */
#ifndef FOREWARM_CORE_RESOURCE_H
#define FOREWARM_CORE_RESOURCE_H

#include "base/stats.h"
#include "core/tally.h"
#include "core/load_law.h"
#include "learn/daily.h"
#include "plan/policies.h"

#define RESOURCE_NONE UINT32_MAX

/* The plan, in as little memory as most plans need: one window in place, more on the heap. */
struct plan_store {
    struct plan_window first;
    struct plan_window *more;
    uint8_t count, next; /* windows; the first one that has not been used up */
    int64_t cold_cost_ns;
};
FW_MUST_CHECK enum fw_err plan_store_set(struct plan_store *store, const struct keep_plan *plan);
void plan_store_fini(struct plan_store *store);
const struct plan_window *plan_store_window(const struct plan_store *store, uint8_t number);
/* Forgets windows that end at or before `age_ns`. */
void plan_store_pass(struct plan_store *store, int64_t age_ns);

/* Load times in the resource: the last few, in 10 ms steps, which is finer than they repeat. */
enum { LOADS_KEPT = LOAD_LAW_OWN };
struct load_times {
    uint32_t centiseconds[LOADS_KEPT];
    float median_log_s; /* of the median */
    uint8_t median;     /* which of them is */
    uint8_t count;      /* below LOADS_KEPT: so many are kept; from there on it goes round */
};
void load_times_add(struct load_times *loads, int64_t load_ns);
/* When `centiseconds` have been read back, with the `count` they were saved with. */
void load_times_restore(struct load_times *loads, uint32_t count);
/* The load before the next one; -1 none. */
int64_t load_times_latest(const struct load_times *loads);
/* The median, and any quantile; `otherwise` while nothing was measured. */
int64_t load_times_median(const struct load_times *loads, int64_t otherwise);
int64_t load_times_quantile(const struct load_times *loads, double q, int64_t otherwise);

/* Sources of hints that are no sources: a session's prediction, to warm ahead or to keep. */
#define HINT_SESSION UINT32_MAX
#define HINT_KEEP    (UINT32_MAX - 1)
struct open_hint {       /* the latest hint that is not settled yet */
    int64_t start_at_ns; /* when to begin warming for it; TIME_NEVER: does not pay, or begun */
    int64_t expire_at_ns;
    int64_t eta_ns;
    int64_t begin_at_ns; /* of a session's prediction or a planned event: when to warm it, or to
                            have kept it; TIME_NEVER: just a hint */
    int64_t numbers[4];  /* of a prediction as in REASON_FORETOLD; of a planned event: from, to,
                            requests */
    uint32_t source;     /* number, HINT_SESSION or HINT_KEEP */
    uint32_t probability_millionths; /* what it is believed to be */
    uint32_t said_millionths;        /* what its source said */
};

/* struct resource_settings, narrower. */
struct kept_settings {
    uint64_t memory;
    int64_t hold_timeout_ns, load_time_ns;
    int16_t priority;
    uint8_t on_cold;
    bool pin, has_fallback;
    uint8_t span;
    uint16_t devices;
};
struct kept_settings kept_settings_of(const struct resource_settings *settings);
struct resource_settings kept_settings_wide(const struct kept_settings *kept);

/* What it used in its latest warm-ups, the largest of each. */
enum { SIZES_KEPT = 4 };
struct sizes {
    uint64_t bytes[SIZES_KEPT]; /* 0: none yet */
    uint64_t largest;
    int64_t proven_at_ns; /* of the latest */
    uint32_t latest;
};

struct resource {
    /* where it stands */
    uint8_t state; /* enum resource_state */
    uint8_t cause; /* of the warm-up that runs or made it warm */
    uint8_t level; /* between cold and warm: where it is, comes from or goes to; 0 none */
    uint8_t aim;   /* the level it is let go to or raised to, before it is on its way */
    bool configured;
    bool pinned;       /* by settings or an operator */
    bool prewarm_open; /* warmed ahead, not yet used */
    bool queued;       /* waits for room or a loader */
    bool dismissed;    /* an operator unloaded it: no guess loads it before somebody asks */
    bool cancelling;   /* its warm-up was asked to stop */
    uint8_t failures;  /* in a row */
    bool passed_over;  /* the pump that runs has looked at it already */
    uint16_t placed;   /* devices it is on, or was last; a mask */
    uint32_t in_use, held;
    uint32_t held_first, held_last; /* in the hold pool */
    uint32_t queue_next, queue_previous;
    uint32_t recent_next, recent_previous; /* by latest request, newest first */
    uint32_t occupied_next,
        occupied_previous; /* resources that hold memory, in the order they took it */
    uint64_t attempt;
    int64_t state_since_ns;
    int64_t load_started_ns;
    int64_t idle_since_ns;    /* -1: not idle-warm */
    int64_t warm_since_ns;    /* -1: not warm; moves when warm time is accounted */
    int64_t proven_at_ns;     /* when it last became warm */
    int64_t protect_until_ns; /* kept at least this long (hints, pages); 0: not */
    int64_t cooldown_until_ns;
    int64_t retry_at_ns;
    /* what is known of it */
    int64_t last_request_ns; /* -1: never */
    int64_t
        origin_ns; /* from which the ends of the plan's windows count: the last request, plus its
                      service time; their beginnings count from the request, as gaps are learned */
    int64_t previous_gap_ns;
    uint64_t latest_decision; /* number in the decision log; 0 none */
    struct sizes *sizes;      /* NULL: never measured */
    float rate;               /* sum of exp(-age / 10 min) over requests */
    struct plan_store plan;
    struct load_times loads;
    struct kept_settings settings;
    struct open_hint *hint;      /* NULL: none is open */
    struct daily *daily;         /* NULL: never requested */
    struct levels *levels;       /* NULL: there are none between cold and warm */
    struct restraint *restraint; /* NULL: nothing holds it back but what holds for all */
    struct tally accounts;
};

void resource_init(struct resource *resource);
void resource_fini(struct resource *resource);
/* A hint is open that will be settled. */
static inline bool resource_hinted(const struct resource *resource)
{
    return resource->hint && resource->hint->expire_at_ns != TIME_NEVER;
}
/* Memory it holds or would hold while warm. */
uint64_t resource_memory(const struct resource *resource);
/* Memory it holds now, and what of it stays when it has been let go as far as is decided. */
uint64_t resource_held(const struct resource *resource);
uint64_t resource_stays(const struct resource *resource);
/* Neither warm nor on its way: it may be loaded. */
bool resource_absent(const struct resource *resource);
/* A loader is at work on it. */
bool resource_loading(const struct resource *resource);
/* True while the world holds its memory for us: from the start of the load to the end of the
 * unload. */
bool resource_occupies(const struct resource *resource);
/* Brings idle_ns and warm_ns up to `now_ns`. */
void resource_account(struct resource *resource, int64_t now_ns);

#endif
