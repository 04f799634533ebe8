/* SPDX-License-Identifier: MIT
 * Server-sent events. GET /v1/warmups/events: progress of warm-ups, for pages that show
 * "preparing". The brain makes a note of every change; while something is loading, notes come twice
 * a second. Dashboards have notes of their own (control_live.c). A client that does not read is cut
 * off. */
#include "edge/control_part.h"
#include <stdio.h>
#include <stdlib.h>

enum { NOTE_MAX = 4096, PING_TICKS = 30, LIVE_TICKS = 2, NOTES_MAX = 10000 };

/* ---- brain thread ---- */

static struct control_note *make_note(struct brain *brain, uint32_t resource)
{
    struct site *site = brain_site(brain, resource);
    struct control_note *note = site ? calloc(1, sizeof *note) : NULL;
    struct json json;
    if (!note)
        return NULL;
    snprintf(note->id, sizeof note->id, "%s", site->id);
    buf_init(&note->text, NOTE_MAX);
    buf_add_text(&note->text, "event: warmup\ndata: ");
    json_init(&json, &note->text, false);
    json_object(&json);
    json_key_text(&json, "resource", site->id);
    control_write_progress(brain, resource, &json);
    json_object_end(&json);
    buf_add_text(&note->text, "\n\n");
    return note;
}

void control_post(struct control *control, struct control_note *note)
{
    pthread_mutex_lock(&control->lock);
    *control->notes_end = note;
    control->notes_end = &note->next;
    pthread_mutex_unlock(&control->lock);
    uv_async_send(&control->wake);
}

/* Streams that watch warm-ups, about. */
static bool is_watched(struct control *control)
{
    return atomic_load(&control->stream_count) > atomic_load(&control->live_count);
}

void control_note_change(struct control *control, struct brain *brain, uint32_t resource)
{
    struct control_note *note = is_watched(control) ? make_note(brain, resource) : NULL;
    if (note)
        control_post(control, note);
}

static void note_running(struct brain *brain, void *context)
{
    struct control *control = context;
    for (uint32_t i = 0; i < engine_resource_count(brain_engine(brain)); i++) {
        struct site *site = brain_site(brain, i);
        struct resource_view view;
        struct site_progress progress;
        if (!site || !site->configured)
            continue;
        engine_view(brain_engine(brain), i, brain_now_ns(brain), &view);
        site_progress(site, view.expected_load_ns, &progress);
        if (progress.in_progress)
            control_note_change(control, brain, i);
    }
}

static void note_all(struct brain *brain, void *context)
{
    struct control *control = context;
    for (uint32_t i = 0; i < engine_resource_count(brain_engine(brain)) && i < NOTES_MAX; i++)
        if (brain_site(brain, i) && brain_site(brain, i)->configured)
            control_note_change(control, brain, i);
}

/* ---- control thread ---- */

static void remove_stream(struct control *control, struct stream **link)
{
    struct stream *stream = *link;
    *link = stream->next;
    if (stream->live)
        atomic_fetch_sub(&control->live_count, 1);
    atomic_fetch_sub(&control->stream_count, 1);
    free(stream);
}

void control_stream_gone(struct control *control, struct exchange *exchange)
{
    for (struct stream **link = &control->streams; *link; link = &(*link)->next)
        if ((*link)->exchange == exchange) {
            remove_stream(control, link);
            return;
        }
}

/* False: the stream is no more. */
static bool write_stream(struct control *control, struct stream **link, struct str text)
{
    struct exchange *exchange = (*link)->exchange;
    const size_t most = (*link)->live ? CONTROL_LIVE_QUEUE_MAX : CONTROL_STREAM_QUEUE_MAX;
    if (exchange_queued(exchange) > most) {
        remove_stream(control, link);
        exchange_abort(exchange);
        return false;
    }
    exchange_write(exchange, text);
    return true;
}

static void write_note(struct control *control, const struct control_note *note)
{
    struct stream **link = &control->streams;
    while (*link) {
        bool wanted = (*link)->live == note->live &&
                      ((*link)->id[0] == 0 || strcmp((*link)->id, note->id) == 0);
        if (!wanted || write_stream(control, link, buf_str(&note->text)))
            link = &(*link)->next;
    }
}

void control_spread(struct control *control)
{
    pthread_mutex_lock(&control->lock);
    struct control_note *note = control->notes;
    control->notes = NULL;
    control->notes_end = &control->notes;
    pthread_mutex_unlock(&control->lock);
    while (note) {
        struct control_note *next = note->next;
        write_note(control, note);
        buf_fini(&note->text);
        free(note);
        note = next;
    }
}

void control_stream_tick(struct control *control)
{
    if (!control->streams)
        return;
    if (is_watched(control))
        brain_call(control->setup.brain, note_running, control);
    if (atomic_load(&control->live_count) > 0 && control->ticks % LIVE_TICKS == 0)
        brain_call(control->setup.brain, control_live_tick, control);
    if (control->ticks % PING_TICKS != 0)
        return;
    struct stream **link = &control->streams;
    while (*link)
        if (write_stream(control, link, STR(": ping\n\n")))
            link = &(*link)->next;
}

void control_open_stream(struct control *control, struct call *call, bool live)
{
    struct exchange *exchange = call->exchange;
    char cors[1024];
    struct stream *stream = atomic_load(&control->stream_count) < CONTROL_STREAMS_MAX
                                ? calloc(1, sizeof *stream)
                                : NULL;
    if (!stream) {
        call->err = err_set(&call->detail, FW_OVERLOADED, "at most %d event streams are served",
                            CONTROL_STREAMS_MAX);
        call->retry_after_s = 5;
        control_send(call);
        return;
    }
    stream->exchange = exchange;
    stream->live = live;
    snprintf(stream->id, sizeof stream->id, "%s", live ? "" : call->id);
    stream->next = control->streams;
    control->streams = stream;
    atomic_fetch_add(&control->stream_count, 1);
    if (live)
        atomic_fetch_add(&control->live_count, 1);
    exchange_set_context(exchange, NULL);
    exchange_begin(exchange, 200, "text/event-stream",
                   control_cors(control, exchange_request(exchange), cors));
    call_free(call);
    brain_call(control->setup.brain, live ? control_live_all : note_all, control);
}

void control_events(struct control *control, struct call *call)
{
    control_open_stream(control, call, false);
}

void control_end_streams(struct control *control)
{
    while (control->streams) {
        struct exchange *exchange = control->streams->exchange;
        remove_stream(control, &control->streams);
        exchange_end(exchange);
    }
}
