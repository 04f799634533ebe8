/* SPDX-License-Identifier: MIT
 * Inside the control plane: what its files share.
 *
 * A call is made on the control thread, goes to the brain (which fills its answer), and comes back
 * to be sent. While it is away its client may leave; then it comes back to nobody and is freed. */
#ifndef FOREWARM_EDGE_CONTROL_PART_H
#define FOREWARM_EDGE_CONTROL_PART_H

#include "base/json.h"
#include "edge/access.h"
#include "edge/brain.h"
#include "edge/control.h"
#include "edge/control_body.h"
#include "edge/server.h"
#include <pthread.h>

enum {
    CONTROL_ANSWER_MAX = 256 << 20,
    CONTROL_BODY_MAX = 16 << 20,
    CONTROL_CONNECTIONS_MAX = 4096,
    CONTROL_STREAMS_MAX = 256,
    CONTROL_VALUES_MAX = 8,
    CONTROL_STREAM_QUEUE_MAX = 1 << 20,
    CONTROL_LIVE_QUEUE_MAX = 16 << 20
};

struct call;
/* Fills the call's answer, on the brain thread. False: not yet (the call waits for its resource).
 */
typedef bool call_brain_fn(struct brain *brain, struct call *call);

struct control_row {
    const char *method,
        *path;            /* "/v1/resources/{id}/why": {id} takes the rest, also with slashes */
    call_brain_fn *brain; /* NULL: answered on the control thread by `here` */
    void (*here)(struct control *control, struct call *call);
    const struct control_field *fields; /* of the body; NULL: the body is not looked at */
    size_t field_count;
    bool open;       /* needs no token */
    bool page;       /* may be called by pages of allowed origins */
    unsigned scopes; /* a token with one of these may call it, and one with admin; 0: admin alone */
};
extern const struct control_row control_rows[];
extern const size_t control_row_count;

struct call {
    struct control *control;
    struct exchange *exchange; /* the control thread's; NULL: its client has left */
    atomic_bool gone;          /* the same, for the brain */
    const struct control_row *row;
    char id[CONFIG_ID_MAX];       /* {id} of the path, or ?resource= */
    char query[CONTROL_TEXT_MAX]; /* ?session=, or what else the call takes */
    struct control_value values[CONTROL_VALUES_MAX];
    struct buf body;               /* for those who read it themselves */
    int64_t began_ns, deadline_ns; /* monotonic */
    uint32_t resource;
    /* the answer */
    enum fw_err err;
    struct fw_detail detail;
    int64_t retry_after_s;
    int status;
    const char *content_type;
    struct buf out;
    struct call *next; /* in the inbox, or among the waiting */
};

/* What goes to event streams: one resource's progress, made on the brain thread. */
struct control_note {
    struct control_note *next;
    bool live; /* for dashboards; else for those that watch warm-ups */
    char id[CONFIG_ID_MAX];
    struct buf text;
};

struct stream {
    struct stream *next;
    struct exchange *exchange;
    bool live;
    char id[CONFIG_ID_MAX]; /* "" all */
};

struct control {
    struct control_setup setup;
    uv_loop_t loop;
    uv_async_t wake;
    uv_timer_t tick;
    struct server *server;
    pthread_t thread;
    bool loop_made, running;
    atomic_bool stopping, draining, reloaded;
    atomic_uint stream_count, live_count; /* live ones are among the streams */
    atomic_size_t connections;            /* as of the last tick, for /metrics */

    pthread_mutex_t lock; /* of what follows */
    struct call *inbox, **inbox_end;
    struct control_note *notes, **notes_end;
    struct config *config; /* tokens, origins, limits */

    struct stream *streams; /* the control thread's */
    uint64_t ticks;
    struct call *waiting; /* the brain's: warm-ups that are awaited */
    struct live *live;    /* the brain's: what dashboards were told; NULL: nothing yet */
};

/* control.c */
void control_finish(struct control *control,
                    struct call *call); /* any thread: the answer is ready */
void control_send(struct call *call);   /* control thread: sends and frees */
void call_free(struct call *call);
/* control_route.c */
void control_on_request(void *context, struct exchange *exchange,
                        const struct server_request *request);
struct str control_cors(struct control *control, const struct server_request *request,
                        char text[1024]);
/* control_warmup.c */
extern const struct control_field control_warmup_fields[];
extern const size_t control_warmup_field_count;
call_brain_fn control_warmup, control_start_warmup, control_warmup_status;
void control_watch(void *context, uint32_t resource);            /* brain thread */
void control_drop_gone(struct brain *brain, void *context);      /* brain thread */
void control_expire_waiting(struct brain *brain, void *context); /* brain thread */
void control_write_progress(struct brain *brain, uint32_t resource, struct json *json);
/* control_resources.c */
call_brain_fn control_list, control_show, control_why, control_warm, control_unload, control_pin,
    control_unpin, control_predictions, control_next;
/* FW_NOT_FOUND names the resource; ids and aliases. */
enum fw_err control_resolve(struct brain *brain, struct call *call, const char *name);
/* Where it is between cold and warm, and what is known of each level there. */
void control_write_levels(struct json *json, const struct site *site,
                          const struct resource_view *view);
/* Names of the devices in a mask, as a list. */
void control_write_devices(struct brain *brain, uint32_t mask, struct json *json);
void control_write_time(struct json *json, const char *key,
                        int64_t at_ns); /* null for never and before 1970 */
/* control_observe.c */
extern const struct control_field control_hint_fields[], control_observation_fields[];
extern const size_t control_hint_field_count;
call_brain_fn control_hint, control_observe;
/* control_runs.c */
void control_runs(struct control *control, struct call *call);
void control_call_hints(struct control *control, struct call *call);
/* control_expect.c */
call_brain_fn control_plan_event, control_forecast;
/* control_foresight.c */
call_brain_fn control_demand, control_foresee, control_anomalies;
/* The resource's series, or one about which nothing is known. */
void control_see(struct brain *brain, uint32_t series, uint32_t resource,
                 struct foresight_view *view);
void control_write_age(struct json *json, int64_t made_ns, int64_t now_ns);
/* control_scale.c */
call_brain_fn control_scale;
/* Replicas of a configured resource: for what is foretold within scale_lead_time, and for what
 * waits now. */
double control_replicas(struct brain *brain, uint32_t resource);
void control_write_anomaly(struct json *json, const struct anomaly_record *record);
/* control_capacity.c */
call_brain_fn control_plan;
/* control_foresight_metrics.c */
void control_collect_demand(struct brain *brain, enum metric_id metric,
                            struct metrics_writer *writer);
/* control_plans.c */
call_brain_fn control_plans, control_unplan;
/* control_fleet.c */
call_brain_fn control_fleet;
void control_write_fleet(struct json *json, struct site *site); /* of one resource */
/* control_pages.c */
void control_write_pages(struct control *control, struct json *json);
void control_write_next_pages(struct control *control, uint64_t session, struct json *json);
void control_collect_pages(struct control *control, enum metric_id metric,
                           struct metrics_writer *writer);
/* control_alerts.c */
void control_alerts(struct control *control, struct call *call);
/* control_metrics.c */
call_brain_fn control_metrics, control_ready;
/* control_events.c */
void control_events(struct control *control, struct call *call);
void control_open_stream(struct control *control, struct call *call, bool live);
void control_note_change(struct control *control, struct brain *brain,
                         uint32_t resource);                           /* brain thread */
void control_post(struct control *control, struct control_note *note); /* brain thread */
void control_spread(struct control *control);                          /* control thread */
void control_stream_tick(struct control *control);
void control_stream_gone(struct control *control, struct exchange *exchange);
void control_end_streams(struct control *control);
/* control_live.c */
void control_live(struct control *control, struct call *call);
void control_live_change(struct control *control, struct brain *brain,
                         uint32_t resource);                /* brain thread */
void control_live_all(struct brain *brain, void *context);  /* brain thread */
void control_live_tick(struct brain *brain, void *context); /* brain thread */
void control_live_free(struct control *control);            /* brain thread */
/* control_sessions.c */
call_brain_fn control_sessions;
/* control_page.c */
void control_page(struct control *control, struct call *call);
void control_page_script(struct control *control, struct call *call);
void control_page_style(struct control *control, struct call *call);
void control_script(struct control *control, struct call *call);
void control_health(struct control *control, struct call *call);

#endif
