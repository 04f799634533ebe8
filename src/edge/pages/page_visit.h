/* SPDX-License-Identifier: MIT
 * What the files of the pages share. */
#ifndef FOREWARM_EDGE_PAGE_VISIT_H
#define FOREWARM_EDGE_PAGE_VISIT_H

#include "edge/http_parser.h"
#include "edge/pages/page_site.h"
#include "edge/pages/pages.h"
#include "edge/rewrite.h"

enum { PAGE_HEAD_MAX = 160 << 10, PAGE_PIECE_BYTES = 64 << 10 };
#define PAGE_TIMER_MIN_NS (50 * TIME_MILLISECOND)

struct page_fetch;
enum page_visit_state { PAGE_VISIT_WAITING, PAGE_VISIT_FETCHING, PAGE_VISIT_SERVING };

struct page_visit {
    struct pages *pages;
    struct page_visit *next, **link;
    struct exchange *exchange; /* NULL: the client left while the answer was on its way here */
    struct viewer_hold *hold;
    const struct config_prefetch *config; /* in the held view, as the site */
    struct page_site *site;
    struct http_rules_request rules;
    struct str target;
    uint64_t session;
    int64_t began_ns;
    struct page_waiter waiter;
    struct page_fetch *fetch;
    struct page_object *object; /* being sent */
    size_t sent;
    uint8_t state;  /* enum page_visit_state */
    uint8_t result; /* enum page_result */
    bool strip;
};

struct page_fetch {
    struct pages *pages;
    struct page_fetch *next, **link;
    struct page_visit *visit; /* NULL: nobody's, or its client has left */
    struct viewer_hold *hold;
    const struct config_prefetch *config;
    struct page_site *site;
    struct page_load load;
    bool has_load;
    bool counted; /* as demand */
    struct endpoint *endpoint;
    struct upstream *upstream;
    struct buf head; /* of the request */
    struct str body; /* of the request: the exchange's */
    size_t sent, total;
    struct http_rules_request rules; /* without its fields */
    int64_t requested_ns;            /* wall */
    bool retried, heard, extra, close_upstream, answers_head, streaming;
    struct buf answer; /* the answer's head */
    size_t answer_len;
    struct http_response response;
    struct http_rules_response said;
    bool collecting;
    struct buf kept; /* the answer's body */
    uint8_t framing; /* enum rewrite_body, to the client */
};

struct pages {
    uv_loop_t *loop;
    struct server *server;
    struct viewer *viewer;
    struct metrics_shard *metrics;
    struct upstream_pool *pool;
    struct page_inbox inbox;
    uv_async_t wake;
    struct page_visit *visits;
    struct page_fetch *fetches;
    struct wheel_timer timer;
    struct buf scratch;
    struct server_field fields[SERVER_FIELDS_MAX];
    bool closing;
};

/* pages.c */
int64_t pages_wall_ns(void);
/* Begins the loads ahead that a site has now, and sets the timer for later ones. */
void pages_run_ahead(struct pages *pages, struct viewer_hold *hold,
                     const struct config_prefetch *config, struct page_site *site);
void page_visit_end(struct page_visit *visit); /* forgets it; the exchange is the caller's */
void page_visit_fail(struct page_visit *visit, enum fw_err err, const char *reason);
/* Over for the upstream's answer: what is learned from it. */
void page_visit_seen(struct page_visit *visit, int status, struct str lines);

/* page_session.c */
uint64_t page_session(const struct config_prefetch *config, const struct server_request *request);

/* page_serve.c: an answer from the store */
void page_serve(struct page_visit *visit, struct page_object *object, enum page_result result);
void page_serve_more(struct page_visit *visit);
void page_serve_unchanged(struct page_visit *visit, struct str lines); /* 304 */
void page_serve_labels(enum page_result result, struct buf *lines);

/* page_fetch.c: an answer from the upstream. `load` is taken; NULL: for this visit alone. */
void page_fetch_begin(struct page_visit *visit, struct page_load *load);
void page_fetch_ahead(struct pages *pages, struct viewer_hold *hold,
                      const struct config_prefetch *config, struct page_site *site,
                      struct page_load *load);
void page_fetch_orphan(struct page_fetch *fetch); /* its client has left */
void page_fetch_resume(struct page_fetch *fetch);
void page_fetch_end(struct page_fetch *fetch); /* whatever it was doing */
extern const struct upstream_events page_fetch_events;

/* page_answer.c: the upstream's answer, as it comes */
void page_answer_data(struct page_fetch *fetch, const char *data, size_t len);
/* The connection ended. False: the answer was not whole. */
bool page_answer_ended(struct page_fetch *fetch);
/* It will not be whole, or never began. */
void page_answer_fail(struct page_fetch *fetch, enum fw_err err, const char *reason);
/* The load is over without anything to keep. */
void page_answer_give_up(struct page_fetch *fetch, bool passes);

#endif
