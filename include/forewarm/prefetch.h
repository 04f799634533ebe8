/* SPDX-License-Identifier: MIT
 * forewarm as a library: the prefetcher. It keeps what your loader brings, loads what is missing
 * once however many ask for it, and loads what a session will want next before it asks, where that
 * pays.
 *
 *     static int load_page(void *context, const struct fw_prefetch_load *load,
 *                          struct fw_prefetch_loaded *loaded) { ... fetch load->key ... }
 *
 *     struct fw_prefetch *pages;
 *     const char *options[] = {"max_entries=50", "strategies=sequential+pattern", NULL};
 *     fw_prefetch_create(&pages, load_page, NULL, options, error, sizeof error);
 *     fw_prefetch_get(pages, "page_7", 6, session, user, FW_NEVER, &got);
 *     ... use got.data, got.size ...
 *     fw_prefetch_release(&got);
 *     fw_prefetch_destroy(&pages, 5 * FW_SECOND);
 *
 * Threads: every function may be called by any thread at any time, but for create and destroy of
 * the same prefetcher, and as said below. The prefetcher has threads of its own: `max_concurrent`
 * that load, and one that learns and guesses. A get waits for its own key alone; no lock is held
 * while anything is loaded or released by you.
 * Keys: any bytes, at most FW_PREFETCH_KEY_MAX of them, copied. The empty key is a key.
 * Sessions and users: numbers of yours, 0 for none. What is asked for in session 0 teaches nothing
 * about sessions. A session ends by fw_prefetch_session_end or when it is idle.
 * Times: durations in nanoseconds; FW_NEVER is no limit. The system's monotonic clock is used, so
 * that steps of the clock on the wall change nothing.
 * Ownership: a value belongs to the prefetcher from when the loader returns it (or it is put); it
 * is handed to your release function once, when it is neither held nor in use, by whichever thread
 * let it go last.
 * Errors: functions return 0 on success, else a positive code that fw_error_name explains. */
#ifndef FOREWARM_PREFETCH_H
#define FOREWARM_PREFETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FW_NEVER            INT64_MAX
#define FW_SECOND           INT64_C(1000000000)
#define FW_PREFETCH_KEY_MAX ((size_t)64 << 10)

struct fw_prefetch;
struct fw_prefetch_value;

/* What a loader is asked for. Valid until it returns. */
struct fw_prefetch_load {
    const char *key; /* key_size bytes, then a NUL that is not part of it */
    size_t key_size;
    bool ahead; /* nobody waits for it when it begins */
    const void *inner;
};
/* What it brings. All zero when the loader is called. */
struct fw_prefetch_loaded {
    void *data;  /* may be NULL if size is 0: an empty value is a value */
    size_t size; /* bytes; what counts against the capacity */
    void (*release)(void *data,
                    size_t size); /* free(3) will not do: two arguments. NULL: nothing */
    int64_t ttl_ns; /* -1 as configured (also for a negative answer), 0 do not keep it */
};
/* Returned by a loader besides FW_PREFETCH_LOADED; any other positive number is an error of yours,
 * which those who wait are told. */
enum {
    FW_PREFETCH_LOADED = 0,
    FW_PREFETCH_ABSENT = -1,  /* there is no such thing: remembered for negative_ttl */
    FW_PREFETCH_GAVE_UP = -2, /* because fw_prefetch_unwanted said so */
};
/* Called by several threads at a time. One that does not return within load_timeout counts as
 * failed, and what it brings later is released at once; it keeps its thread until it returns. Up to
 * `max_stuck` such threads are replaced, more of them take the place of others. It may call the
 * prefetcher, but should not get: loads that wait for loads can wait for each other. */
typedef int fw_prefetch_loader(void *context, const struct fw_prefetch_load *load,
                               struct fw_prefetch_loaded *loaded);
/* From within a loader: nobody wants it any more (it was dropped, put, overdue, or we shut down).
 */
bool fw_prefetch_unwanted(const struct fw_prefetch_load *load);

/* Options are "name=value" (docs/guide/prefetch.md lists them), NULL-terminated; NULL for none.
 * `error` (may be NULL) gets a sentence. */
int fw_prefetch_create(struct fw_prefetch **prefetch, fw_prefetch_loader *loader, void *context,
                       const char *const *options, char *error, size_t error_size);
/* Refuses what comes, tells those who wait for a load that did not begin FW_PREFETCH_FAILED with
 * the code of "closed", lets loads that somebody waits for end, and joins the threads. 0: all is
 * freed, and your release functions have been called for all that is not in use. After
 * `timeout_ns` the code of "timeout": loaders that have not returned keep their context and
 * memory in use until they do, and gets that wait for them are told "closed"; *prefetch is NULL
 * either way. Gets that wait are let go; nobody may begin another call. */
int fw_prefetch_destroy(struct fw_prefetch **prefetch, int64_t timeout_ns);

enum fw_prefetch_answer {
    FW_PREFETCH_HIT,      /* it was there */
    FW_PREFETCH_CAME,     /* it was waited for */
    FW_PREFETCH_NEGATIVE, /* there is no such thing: said by the loader, now or lately */
    FW_PREFETCH_FAILED,   /* `error` says why */
    FW_PREFETCH_TIMEOUT,  /* the load goes on, if it had begun */
    FW_PREFETCH_REFUSED,  /* the key is too long, too many keys are waited for, or it is closed */
};
struct fw_prefetch_got {
    enum fw_prefetch_answer answer;
    const void *data; /* of HIT and CAME: until fw_prefetch_release */
    size_t size;
    int error;  /* of FAILED: the loader's, or the code of "timeout", "closed" or "out_of_memory" */
    bool ahead; /* it was loaded ahead and this is its first use; or it was being loaded ahead */
    struct fw_prefetch_value *value; /* NULL: nothing to release */
};
/* Waits at most `timeout_ns` for a load; with 0 it takes what is there, and a miss has no effect.
 * Returns got->answer. */
enum fw_prefetch_answer fw_prefetch_get(struct fw_prefetch *prefetch, const void *key,
                                        size_t key_size, uint64_t session, uint64_t user,
                                        int64_t timeout_ns, struct fw_prefetch_got *got);
/* The data may no longer be used. Fine on anything that fw_prefetch_get filled, once; also after
 * the prefetcher is destroyed. */
void fw_prefetch_release(struct fw_prefetch_got *got);
/* Is it held? Changes nothing: neither what leaves next nor any statistics. */
bool fw_prefetch_peek(struct fw_prefetch *prefetch, const void *key, size_t key_size);
/* Holds what you have. It is yours no longer, even when it could not be held ("limit": it is too
 * large; "closed"). A load of the key that runs is not wanted any more. */
int fw_prefetch_put(struct fw_prefetch *prefetch, const void *key, size_t key_size, void *data,
                    size_t size, void (*release)(void *data, size_t size), int64_t ttl_ns);
/* Forgets the key: it has changed, or is known to be wrong. Those who wait get what is loaded from
 * now on. */
bool fw_prefetch_drop(struct fw_prefetch *prefetch, const void *key, size_t key_size);

/* Somebody will want it, with this probability (0 to 1) in so long (-1: nobody knows). Loaded if
 * that pays. True: it waits for its turn. */
bool fw_prefetch_hint(struct fw_prefetch *prefetch, const void *key, size_t key_size,
                      double probability, int64_t use_in_ns);
/* A whole session that took place before, oldest key first: the strategies learn from it. */
void fw_prefetch_teach(struct fw_prefetch *prefetch, uint64_t user, const char *const *keys,
                       const size_t *key_sizes, size_t count);
/* After what it asked for until now. */
void fw_prefetch_session_end(struct fw_prefetch *prefetch, uint64_t session);
/* Whether anything is loaded ahead; learning goes on. */
void fw_prefetch_enable(struct fw_prefetch *prefetch, bool ahead);
/* How much of the loads ahead the source can bear now, 0 to 1. */
void fw_prefetch_headroom(struct fw_prefetch *prefetch, double share);

/* A strategy of yours, besides those of the options: it is asked after every get, by one thread at
 * a time, and says what it expects by fw_prefetch_expect. At most four; before the first get. From
 * within, fw_prefetch_teach and _read_strategy may not be called. */
struct fw_prefetch_question {
    const char *key;
    size_t key_size;
    uint64_t session, user;
    const char *const *before; /* what the session asked for before, latest first */
    const size_t *before_sizes;
    size_t before_count;
    void *inner;
};
typedef void fw_prefetch_strategy(void *context, const struct fw_prefetch_question *question);
int fw_prefetch_add_strategy(struct fw_prefetch *prefetch, const char *name,
                             fw_prefetch_strategy *strategy, void *context);
/* `probability` 0: it cannot tell, and is believed by what comes true; `priority`: lower first;
 * `use_in_ns` -1: nobody knows. False: there is no more room (64 for one access). */
bool fw_prefetch_expect(const struct fw_prefetch_question *question, const void *key,
                        size_t key_size, double probability, int priority, int64_t use_in_ns);

/* Counts since the start unless said otherwise. At every moment
 * issued = in_time + late + evicted_unused + expired + cancelled + failed + pending, and
 * requests = hits + negatives + joins + misses + refused. */
struct fw_prefetch_stats {
    uint64_t requests, hits, negatives;
    uint64_t joins;  /* waited for a load that others had asked for, or that was made ahead */
    uint64_t misses; /* began a load */
    uint64_t refused;
    uint64_t issued; /* loads ahead */
    uint64_t in_time, late, evicted_unused, expired, cancelled, failed, pending;
    uint64_t offered, queued; /* guesses; those that found it worth a load */
    uint64_t demand_failures; /* loads that somebody asked for and that failed */
    uint64_t overdue, stuck;  /* loads past load_timeout; of those given up, still running */
    uint64_t evictions, expirations, not_held; /* not_held: too large, or with ttl 0 */
    uint64_t entries, entries_used, bytes, max_entries, capacity; /* now; used since held */
    uint64_t waiting, running; /* now: loads ahead that wait; loads */
    uint64_t bytes_demand, bytes_ahead, bytes_wasted;
    /* against the same cache without loads ahead: misses it would have; of those, spared; and
     * misses that only loads ahead have caused */
    uint64_t misses_without, spared, spoilt;
    uint64_t accesses_unlearned;                   /* that came faster than guessing could follow */
    int64_t load_p50_ns, load_p95_ns, lead_p50_ns; /* lead: how long before its use it was there */
    double hit_rate;                               /* (hits + negatives) / requests */
    double accuracy;    /* (in_time + late) / those of `issued` that ended */
    double coverage;    /* spared / misses_without */
    double utilisation; /* bytes / capacity */
    double price;       /* nanoseconds a byte: what a load ahead must be worth now */
};
void fw_prefetch_read_stats(struct fw_prefetch *prefetch, struct fw_prefetch_stats *stats);
/* What a strategy has guessed: of those judged, right were asked for within 16 accesses of the
 * session. Strategies are numbered in the order of the guide, then yours. NULL: no such number. */
const char *fw_prefetch_read_strategy(struct fw_prefetch *prefetch, uint32_t number,
                                      uint64_t *judged, uint64_t *right);
/* The n-th load ahead that waits for its turn, in no order; false past the last. */
struct fw_prefetch_request {
    char key[256]; /* its first bytes, then a NUL */
    size_t key_size;
    int priority;                      /* lower first, as the strategy has it */
    int64_t waited_ns, expected_in_ns; /* below 0: expected by now */
    const char *strategy;              /* "hint" for fw_prefetch_hint */
    double probability;
};
bool fw_prefetch_waiting(struct fw_prefetch *prefetch, size_t n,
                         struct fw_prefetch_request *request);

#ifdef __cplusplus
}
#endif

#endif
