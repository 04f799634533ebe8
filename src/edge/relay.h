/* SPDX-License-Identifier: MIT
 * Inside the proxy: one request on its way. proxy.c decides where it goes, relay.c carries it there
 * and the answer back.
 *
 *   ROUTING -> HELD -> OPENING -> SENT -> STREAMING        HELD: only while the resource is not
 * warm Events: a request that was SERVED or RELEASEd gets exactly one END; one that leaves while
 * held gets GONE. */
#ifndef FOREWARM_EDGE_RELAY_H
#define FOREWARM_EDGE_RELAY_H

#include "edge/http_parser.h"
#include "edge/model.h"
#include "edge/pages/pages.h"
#include "edge/proxy.h"
#include "edge/rewrite.h"
#include "edge/runs.h"
#include "edge/upstream.h"
#include "edge/usage.h"

enum { RELAY_FREE_MAX = 512, RELAY_HELD_MAX = 1 << 20, RELAY_PIECES_MAX = 6 };

enum relay_state { RELAY_ROUTING, RELAY_HELD, RELAY_OPENING, RELAY_SENT, RELAY_STREAMING };

/* A call of an agent, or a request to an upstream that wants hints. */
struct relay_hints {
    bool counted;          /* what became of its hints */
    struct open_call call; /* run 0: of no run */
    struct hint_values values;
    struct buf text;         /* for the body */
    struct usage_tail usage; /* of a call's answer */
};

struct relay {
    struct proxy *proxy;
    struct relay *next, **link; /* all, or the free ones */
    struct exchange *exchange;
    struct viewer_hold *hold;
    const struct route *route; /* in the held view */
    struct endpoint *endpoint;
    const struct config_url *url; /* where it goes; in the held view */
    struct upstream *upstream;
    struct wheel_timer timer; /* while held: the next comment, or the last resort */
    int64_t hold_until_ns;
    uint64_t id, session;
    int64_t complete_ns, held_at_ns, held_ns, sent_ns; /* monotonic */
    int64_t first_byte_ns; /* of an answer with status 200, since it was sent; 0 none */
    uint32_t beside;       /* requests in flight when it was sent, with it */
    uint8_t state;
    uint8_t label;     /* enum metric_request_state */
    bool in_use;       /* the brain awaits an END */
    bool in_flight;    /* counted in the slot */
    bool pings, early; /* comments are wanted while held; the 200 and one of them has left */
    bool retried, reissued, heard; /* heard: a byte of the answer came */
    bool answers_head, extra;      /* extra: bytes behind the answer */
    bool strip;                    /* Authorization is for us and goes no further */
    bool is_signed;                /* to the core */
    bool again;                    /* the fallback failed it */
    bool close_upstream;           /* the answer says so */
    bool hinted;                   /* `hints` is about this request */
    bool succeeded;                /* with a status below 400 */
    uint8_t body;                  /* enum rewrite_body */
    struct relay_hints *hints;     /* once one was needed; kept with the relay */
    struct buf head;               /* of the request, as it leaves */
    uv_buf_t pieces[RELAY_PIECES_MAX];
    unsigned piece_count;
    size_t total, sent;
    struct buf answer_head; /* when it comes in more than one piece */
    struct http_response response;
    struct model model;
    char spelled[CONFIG_ID_MAX * 6 + 2];
};

struct proxy {
    uv_loop_t *loop;
    struct server *server;
    struct viewer *viewer;
    struct bus *bus;
    unsigned sender;
    struct metrics_shard *metrics;
    struct upstream_pool *pool;
    struct pages *pages; /* NULL until one is asked for */
    struct runs *runs;   /* NULL: agents' runs are not looked at */
    struct map64 held;   /* request id -> relay */
    uint64_t counter;
    struct relay *relays, *free_relays;
    size_t free_count;
    struct buf scratch; /* an answer's head while it is written */
    struct server_field fields[SERVER_FIELDS_MAX];
};

/* relay_pool.c */
struct relay *relay_take(struct proxy *proxy); /* NULL when memory is short */
/* It is over: counts, events, memory. The exchange is answered by the caller, who keeps its
 * pointer. */
void relay_finish(struct relay *relay, enum fw_err status);
void relay_leave(struct relay *relay,
                 enum fw_err status); /* no longer the resource's: slot and brain are told */
/* The answer's head has come, with status 200: notes when, and tells the brain if that was late. */
void relay_first_byte(struct relay *relay, int64_t now_ns);
void relay_event(struct relay *relay, uint32_t kind, uint32_t flags);
/* Over, with an error for the client. */
void relay_error(struct relay *relay, enum fw_err err, int64_t retry_after_s, struct str message);
void relay_fail(struct relay *relay, enum fw_err err,
                const char *reason); /* the upstream's fault */
struct str relay_label(const struct relay *relay);
int64_t relay_wall_ns(void);

/* relay_hints.c: whose call it is, and what its upstream is told of that */
void relay_hints_begin(struct relay *relay);
/* What changes in the body; false: nothing does. */
bool relay_hints_edit(struct relay *relay, struct hint_edit *edit);
/* Adds our header lines; `rewrite` learns what they say and which of the client's go on. */
void relay_hints_head(struct relay *relay, struct rewrite_request *rewrite, struct buf *lines);
void relay_hints_end(struct relay *relay, enum fw_err status);
void relay_hints_free(struct relay *relay);

/* relay_soonest.c: when answers begin, here and from the fallback */
void relay_learn_begin(struct relay *relay, int64_t now_ns);
uint64_t relay_fallback_later_ns(const struct relay *relay); /* than a warm resource; 0 unknown */
/* The fallback failed before it answered: held instead, where that was the other choice. */
bool relay_hold_instead(struct relay *relay);

/* relay_hold.c */
void relay_hold(struct relay *relay);
void relay_unhold(struct relay *relay); /* fine if it is not held */
void relay_lost(struct relay *relay,
                const char *reason); /* what was believed warm refused the connection */
void relay_on_timer(struct wheel_timer *timer, int64_t now_ns);

/* relay.c */
void relay_forward(struct relay *relay,
                   const struct config_url *url); /* the answer comes by itself */
extern const struct upstream_events relay_upstream_events;

/* proxy_pages.c */
bool proxy_answer_health(struct exchange *exchange, const struct server_request *request);
bool proxy_answer_own(struct exchange *exchange, const struct view *view,
                      const struct server_request *request);

#endif
