/* SPDX-License-Identifier: MIT
 * A cache that loads what is missing once, and what will be wanted ahead: the pure machine. It has
 * no threads, no clock and no values: it is told what happens and says what to do, and holds a
 * number for each value, which its owner understands.
 *
 *     switch (prefetcher_get(p, key, session, user, now, &got)) ...   HIT, NEGATIVE, WAIT, REFUSED
 *     while (prefetcher_next_load(p, now, &load))                     for every idle worker
 *         run(load), then prefetcher_loaded(p, load.id, load.attempt, &result, now)
 *     while (prefetcher_access(p, &access)) guess what comes, prefetcher_offer(p, ...)
 *     prefetcher_tick(p, now) no later than prefetcher_deadline(p)
 *
 * Single flight: a key is loaded once however many want it; a demand for what is being loaded ahead
 * joins that load and makes it its own (a late hit). Every load ahead ends in exactly one way; at
 * every moment
 *     issued = in time + late + evicted unused + expired + cancelled + failed + pending.
 *
 * Time is the caller's and may step: one that goes back stands still until it goes on again (times
 * inside are the sum of the steps forward), one that leaps ahead lets what has a time limit expire.
 * Everything is bounded by the settings; what does not fit is refused or dropped, and counted. */
#ifndef FOREWARM_CORE_PREFETCHER_H
#define FOREWARM_CORE_PREFETCHER_H

#include "base/heap.h"
#include "base/option.h"
#include "core/prefetcher_names.h"
#include "learn/durations.h"
#include "plan/admission.h"
#include "plan/cache.h"
#include <stdbool.h>
#include <stdint.h>

enum {
    PREFETCHER_KEY_MAX = 64 << 10, /* bytes */
    PREFETCHER_LONG_KEY =
        4 << 10, /* longer ones wait for no guess when keys take half their room */
    PREFETCHER_ACCESSES_MAX = 4096,
    PREFETCHER_BACKOFF_DOUBLINGS = 8,
};

struct prefetcher_settings {
    int algorithm;           /* of plan/cache.h */
    uint64_t capacity_bytes; /* of values and their keys */
    uint32_t max_entries;    /* values; each takes at least this part of the capacity */
    uint32_t max_keys; /* besides those held and queued: missing, failed, being loaded, wanted */
    uint64_t max_key_bytes;
    uint32_t max_queue;      /* loads ahead that wait for their turn */
    uint32_t max_concurrent; /* loads at the same time, demanded ones and those ahead */
    uint32_t max_stuck;      /* loads given up, whose loader has not returned, that take no slot */
    int64_t value_ttl_ns, negative_ttl_ns; /* TIME_NEVER: no limit */
    int64_t load_timeout_ns;               /* after it a load counts as failed */
    int64_t backoff_ns;  /* no load ahead after a failure for so long, doubled for each further */
    int64_t patience_ns; /* a load ahead that did not begin by when it was wanted, and this long */
    int64_t hold_ns;     /* a value loaded ahead is expected to be used within this or not at all */
    bool ahead;          /* loads ahead are made */
    bool shadow;         /* a cache without loads ahead is kept beside it: coverage, pollution */
    uint64_t seed;       /* of hashes */
    struct admission_settings admission; /* `concurrent` below max_concurrent leaves demands room */
};
extern const struct prefetcher_settings prefetcher_defaults;

enum prefetcher_answer {
    PREFETCHER_HIT,
    PREFETCHER_NEGATIVE, /* it is known that there is no such thing */
    PREFETCHER_WAIT,     /* it is being loaded, or will be: hooks.ended tells */
    PREFETCHER_MISS,     /* prefetcher_peek: neither held nor known to be missing */
    PREFETCHER_REFUSED,  /* too long a key, too many demands, no memory, closed */
};
enum prefetcher_outcome { /* of a load */
                          PREFETCHER_VALUE,
                          PREFETCHER_NOTHING, /* there is no such thing */
                          PREFETCHER_FAILED,
                          PREFETCHER_CANCELLED,
};
struct prefetcher_got {
    uint32_t id; /* while somebody waits for it */
    uint64_t value;
    bool joined; /* WAIT: the load had begun or was waited for before */
    bool ahead;  /* it was loaded ahead, and this is its first use; or was being loaded ahead */
};
struct prefetcher_load {
    uint32_t id;
    uint64_t attempt;
    struct str key; /* until the load is over */
    bool ahead;
};
struct prefetcher_result {
    enum prefetcher_outcome outcome;
    int error;             /* FAILED: the owner's, handed on to those who wait */
    uint64_t value, bytes; /* VALUE: it is the machine's now, hooks.left gives it back */
    int64_t ttl_ns;        /* 0: do not hold it; -1: as configured */
};
struct prefetcher_hooks { /* called from within; they must not call the machine */
    void *context;
    /* Those who wait for `id`, `waiters` of them, have their answer. `result->value` is valid until
     * its owner is told that it left, which may be at once. */
    void (*ended)(void *context, uint32_t id, uint32_t waiters,
                  const struct prefetcher_result *result);
    void (*left)(void *context, uint64_t value);
    /* The load is not wanted any more; its result must still be told. */
    void (*cancel)(void *context, uint32_t id, uint64_t attempt);
};

/* What somebody expects to be wanted. */
struct prefetcher_wish {
    double probability; /* that it is used within hold_ns of being there */
    double weight;      /* 1 */
    int64_t use_in_ns;  /* from now until it is expected to be used; -1: nobody knows */
    uint64_t session;
    uint16_t source;  /* the guesser's: which of its strategies, and how sure it was */
    int16_t priority; /* as the strategy has it, lower first; shown */
};
enum prefetcher_verdict {
    PREFETCHER_QUEUED,
    PREFETCHER_RAISED,      /* it waited already, and is worth more now */
    PREFETCHER_KNOWN,       /* held, missing, being loaded, or worth no more than it was */
    PREFETCHER_NOT_WORTH,   /* its price is higher */
    PREFETCHER_BACKING_OFF, /* it failed lately */
    PREFETCHER_FULL,
    PREFETCHER_OFF,
    PREFETCHER_VERDICTS
};
struct prefetcher_access_row { /* one get or the end of a session, for those who guess */
    struct str key;            /* until the next call */
    uint64_t session, user;
    int64_t at_ns; /* since the prefetcher began; never goes back */
    bool ended;    /* the session has: there is no key */
};
/* A load ahead that waits for its turn (specification F1). */
struct prefetcher_request {
    struct str key;
    int priority;
    int64_t created_ns, expected_ns; /* the caller's time */
    uint16_t source;
    double probability, worth;
};

/* Of loads ahead: one outcome each. */
struct prefetcher_account {
    uint64_t issued, in_time, late, evicted, expired, cancelled, failed, pending;
};
struct prefetcher_stats {
    uint64_t requests, hits, negatives, joins, misses, refused;
    uint64_t demand_loads, demand_failures, loads_ended, load_failures, overdue, stray;
    struct prefetcher_account ahead;
    uint64_t offers[PREFETCHER_VERDICTS];
    uint64_t overtaken, queue_expired, queue_dropped; /* of those queued, what was never issued */
    uint64_t accesses_lost; /* gets that guessers never heard of, as they were too slow */
    uint64_t not_held;      /* values too large, or not to be held */
    uint64_t evictions, expirations, clock_steps;
    uint64_t bytes_demand, bytes_ahead, bytes_wasted;
    double wasted_byte_s;                   /* byte seconds that nobody used */
    uint64_t shadow_misses, spared, spoilt; /* beside the cache without loads ahead */
    /* now: */
    uint64_t held, held_bytes, held_used, queued, running, stuck, keys, key_bytes;
    int64_t load_p50_ns, load_p95_ns, lead_p50_ns, saved_p50_ns;
    double price, waste;
};

struct prefetcher;

FW_MUST_CHECK enum fw_err prefetcher_create(struct prefetcher **out,
                                            const struct prefetcher_settings *settings,
                                            const struct prefetcher_hooks *hooks, int64_t now_ns);
/* Values that are held leave. */
void prefetcher_free(struct prefetcher **prefetcher);

/* Somebody wants the key, now. With WAIT one more waits. */
enum prefetcher_answer prefetcher_get(struct prefetcher *prefetcher, struct str key,
                                      uint64_t session, uint64_t user, int64_t now_ns,
                                      struct prefetcher_got *got);
/* One who waited for `id` does no more; a load that did not begin and nobody wants is dropped. */
void prefetcher_leave(struct prefetcher *prefetcher, uint32_t id, int64_t now_ns);
/* What is known of the key, without any effect but the passing of time. */
enum prefetcher_answer prefetcher_peek(struct prefetcher *prefetcher, struct str key,
                                       int64_t now_ns, uint64_t *value);
/* Holds a value that came otherwise. A load of this key that runs is not wanted any more, and those
 * who wait have their answer. False: it is not held (too large, ttl 0), and has left. */
bool prefetcher_put(struct prefetcher *prefetcher, struct str key, uint64_t value, uint64_t bytes,
                    int64_t ttl_ns, int64_t now_ns);
/* Forgets what is known of the key; of a load that runs, the result is not held. */
bool prefetcher_drop(struct prefetcher *prefetcher, struct str key, int64_t now_ns);

/* A load to begin now: demanded ones first, in the order asked for; then those ahead, best first.
 * False: nothing to do, or all slots are taken. */
bool prefetcher_next_load(struct prefetcher *prefetcher, int64_t now_ns,
                          struct prefetcher_load *load);
void prefetcher_loaded(struct prefetcher *prefetcher, uint32_t id, uint64_t attempt,
                       const struct prefetcher_result *result, int64_t now_ns);
/* Something waits for a slot, demanded or ahead. */
bool prefetcher_busy(const struct prefetcher *prefetcher);
/* Loads were given up whose loader has not returned: their slots are free, their threads are not.
 */
bool prefetcher_replaces(const struct prefetcher *prefetcher);
/* Time limits that have passed. */
void prefetcher_tick(struct prefetcher *prefetcher, int64_t now_ns);
/* When to call again at the latest: a time limit passes or a load ahead is due. TIME_NEVER. */
int64_t prefetcher_deadline(const struct prefetcher *prefetcher);

/* The oldest get that was not taken yet. */
bool prefetcher_access(struct prefetcher *prefetcher, struct prefetcher_access_row *access);
enum prefetcher_verdict prefetcher_offer(struct prefetcher *prefetcher, struct str key,
                                         const struct prefetcher_wish *wish, int64_t now_ns);
/* Loads ahead for this session that did not begin are dropped, and those who guess hear of its end
 * after its gets. */
void prefetcher_session_end(struct prefetcher *prefetcher, uint64_t session, int64_t now_ns);
/* Off: what waits for its turn is dropped, what runs goes on. */
void prefetcher_enable(struct prefetcher *prefetcher, bool ahead, int64_t now_ns);
/* See admission_headroom. */
void prefetcher_headroom(struct prefetcher *prefetcher, double share);
/* From now on every get is refused and no load begins; loads ahead that run are cancelled, those
 * who wait for a load that did not begin are told FAILED with `error`. */
void prefetcher_close(struct prefetcher *prefetcher, int error, int64_t now_ns);

void prefetcher_read_stats(const struct prefetcher *prefetcher, struct prefetcher_stats *stats);
/* The n-th load ahead that waits, in no order; false past the last. */
bool prefetcher_waiting(const struct prefetcher *prefetcher, uint32_t n,
                        struct prefetcher_request *request);
bool prefetcher_account_holds(const struct prefetcher_account *account);
/* Everything that must hold, looked at one by one: for tests. NULL, or what does not. */
const char *prefetcher_check(const struct prefetcher *prefetcher);

#endif
