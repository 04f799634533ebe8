/* SPDX-License-Identifier: MIT
 * One upstream whose pages are kept and fetched ahead: what is held, what is being loaded and by
 * whom, and what is expected next. All I/O threads share it under one lock, which is held for
 * look-ups and guesses and never while anything waits; who asks for nothing of a site never comes
 * here. The machine is core/prefetcher.h; this gives it keys (a target, and what its answer varies
 * by), values (page_object.h) and guesses (page_guess.h).
 *
 * Whoever is told PAGE_LOAD, or takes a load ahead, fetches it on his own thread and says how it
 * ended by page_site_loaded. Those who joined hear of it in their inbox. */
#ifndef FOREWARM_EDGE_PAGE_SITE_H
#define FOREWARM_EDGE_PAGE_SITE_H

#include "core/prefetcher.h"
#include "edge/config.h"
#include "edge/pages/page_guess.h"
#include "edge/pages/page_object.h"
#include <uv.h>

struct page_site;
struct page_sites; /* all of them: they outlive reloads while their settings stay */

FW_MUST_CHECK enum fw_err page_sites_create(struct page_sites **sites);
void page_sites_destroy(struct page_sites **sites); /* every site has been dropped */
/* The site of these settings, known or new; one more reference. */
FW_MUST_CHECK enum fw_err page_sites_get(struct page_sites *sites,
                                         const struct config_prefetch *config,
                                         struct page_site **site);
void page_site_drop(struct page_site *site); /* the last one frees it; NULL is fine */

/* --- answers to clients --- */

/* X(value, name): what the header x-forewarm-cache and Server-Timing say */
#define PAGE_RESULTS(X)                                                                            \
    X(PAGE_RESULT_HIT, "hit")                                                                      \
    X(PAGE_RESULT_PREFETCHED, "prefetched") /* a hit on what was fetched ahead, for the first time \
                                             */                                                    \
    X(PAGE_RESULT_LATE, "late")             /* it was being fetched ahead */                       \
    X(PAGE_RESULT_JOINED, "joined")         /* somebody else was fetching it */                    \
    X(PAGE_RESULT_REVALIDATED, "revalidated")                                                      \
    X(PAGE_RESULT_STALE, "stale") /* the upstream failed */                                        \
    X(PAGE_RESULT_MISS, "miss")                                                                    \
    X(PAGE_RESULT_PASS, "pass") /* not for the store */
enum page_result {
#define X(value, name) value,
    PAGE_RESULTS(X)
#undef X
        PAGE_RESULT_COUNT
};
extern const char *const page_result_names[PAGE_RESULT_COUNT];

/* One thread's letter box: those of its visits whose wait is over. */
struct page_waiter;
struct page_inbox {
    pthread_mutex_t lock;
    struct page_waiter *first;
    uv_async_t *wake; /* NULL: closed */
};
struct page_waiter {
    struct page_waiter *next, **link; /* link NULL: in no site's list any more */
    struct page_inbox *inbox;
    uint32_t id;
    struct page_object *object; /* what came, a reference; NULL: nothing that is kept */
    bool over;                  /* it was told */
};

enum page_answer {
    PAGE_SERVE,  /* `object` */
    PAGE_LOAD,   /* fetch it, and tell `load`; with `base`, ask whether that still holds */
    PAGE_JOIN,   /* the waiter will be told */
    PAGE_PASS,   /* fetch it for this client alone */
    PAGE_ABSENT, /* only-if-cached, and it is not */
    PAGE_BUSY,   /* a client's guess, and the upstream has enough to do */
};
struct page_load {
    uint32_t id;
    uint64_t attempt;
    bool ahead;
    struct buf key;           /* the target, then what it varies by (page_load_target) */
    struct buf lines;         /* fields to ask with, where no client's are */
    struct page_object *base; /* a reference; NULL none */
};
struct str page_load_target(const struct page_load *load);
void page_load_fini(struct page_load *load);
struct page_ask {
    const struct http_rules_request *request;
    struct str target;
    uint64_t session;
    int64_t now_ns, wall_ns;
    struct page_waiter *waiter;
    /* answers */
    struct page_object *object;
    enum page_result result;
    struct page_load load;
};
enum page_answer page_site_ask(struct page_site *site, struct page_ask *ask);
/* The client of a waiter left. True: the waiter is the caller's again; false: it is on its way
 * through the inbox. */
bool page_site_leave(struct page_site *site, struct page_waiter *waiter, int64_t now_ns);
void page_inbox_init(struct page_inbox *inbox, uv_async_t *wake);
struct page_waiter *page_inbox_take(struct page_inbox *inbox); /* NULL: empty */
void page_inbox_close(struct page_inbox *inbox);               /* the wake is not used any more */

/* --- loads --- */

/* How it ended. `object`: a reference that the site takes; NULL: nothing to keep. `passes`: those
 * who ask for it next go to the upstream by themselves for a while. */
void page_site_loaded(struct page_site *site, const struct page_load *load,
                      struct page_object *object, bool passes, int64_t now_ns);
/* Keeps what was fetched without a load (a client's own guess). Takes the reference. */
void page_site_put(struct page_site *site, struct str target, struct page_object *object,
                   int64_t now_ns);
/* A load ahead to be fetched now. */
bool page_site_next(struct page_site *site, struct page_load *load, int64_t now_ns);
int64_t page_site_deadline(struct page_site *site); /* page_site_next may have one then */

/* --- demand --- */

/* The session was answered so: learns, and queues what is expected. */
struct page_seen {
    uint64_t session;
    struct str target;
    int status;
    int64_t wall_ns;
    struct str lines;                         /* the answer's head, as http_rules_lines has it */
    const struct http_rules_request *request; /* whose fields the guesses are fetched with */
};
void page_site_seen(struct page_site *site, const struct page_seen *seen, int64_t now_ns);
/* An upstream request for a client begins (1) or ends (-1): loads ahead give way. */
void page_site_demand(struct page_site *site, int change);
void page_site_invalidate(struct page_site *site, struct str target, int64_t wall_ns);
void page_site_count(struct page_site *site, enum page_result result);

/* --- what is told --- */

struct page_site_stats {
    struct prefetcher_stats machine;
    uint64_t results[PAGE_RESULT_COUNT];
};

/* Calls `each` for what every site expects of the session, the likeliest first, site by site. */
typedef void page_expected_fn(void *context, const char *upstream, const struct page_wish *wish,
                              bool held);
void page_sites_expect(struct page_sites *sites, uint64_t session, page_expected_fn *each,
                       void *context);
/* One site's account. */
typedef void page_site_fn(void *context, const char *upstream, const char *paths,
                          const struct page_site_stats *stats);
void page_sites_each(struct page_sites *sites, page_site_fn *each, void *context);

#endif
