/* SPDX-License-Identifier: MIT
 * The control plane's thread: calls go to the brain and come back. */
#include "edge/control.h"
#include "base/check.h"
#include "base/time.h"
#include "edge/control_part.h"
#include "edge/log.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define TICK_NS (500 * TIME_MILLISECOND)

/* ---- calls ---- */

void call_free(struct call *call)
{
    buf_fini(&call->body);
    buf_fini(&call->out);
    free(call);
}

void control_send(struct call *call)
{
    struct exchange *exchange = call->exchange;
    if (!exchange) {
        call_free(call);
        return;
    }
    char cors[1024];
    const struct server_request *request = exchange_request(exchange);
    struct str extra = control_cors(call->control, request, cors);
    exchange_set_context(exchange, NULL);
    if (call->err == FW_OK && call->out.failed)
        call->err = FW_NOMEM;
    if (call->err != FW_OK)
        exchange_error_with(
            exchange, call->err, call->retry_after_s,
            str_of(call->detail.text[0] ? call->detail.text : err_row(call->err)->sentence), extra);
    else
        exchange_answer(exchange, call->status, call->content_type, extra, buf_str(&call->out));
    call_free(call);
}

void control_finish(struct control *control, struct call *call)
{
    pthread_mutex_lock(&control->lock);
    call->next = NULL;
    *control->inbox_end = call;
    control->inbox_end = &call->next;
    pthread_mutex_unlock(&control->lock);
    uv_async_send(&control->wake);
}

static void take_inbox(struct control *control)
{
    pthread_mutex_lock(&control->lock);
    struct call *call = control->inbox;
    control->inbox = NULL;
    control->inbox_end = &control->inbox;
    pthread_mutex_unlock(&control->lock);
    while (call) {
        struct call *next = call->next;
        control_send(call);
        call = next;
    }
}

/* A client left: if it waited for a warm-up, nobody does any more in its name; the warm-up goes on.
 */
static void on_gone(void *context, struct exchange *exchange)
{
    struct control *control = context;
    struct call *call = exchange_context(exchange);
    if (!call) {
        control_stream_gone(control, exchange);
        return;
    }
    call->exchange = NULL;
    atomic_store(&call->gone, true);
    brain_call(control->setup.brain, control_drop_gone, control);
}

/* ---- the loop ---- */

static struct server_limits limits_of(const struct config *config)
{
    const struct access *access = config->access;
    return (struct server_limits){
        .max_body = CONTROL_BODY_MAX,
        .max_parked = 4 * (uint64_t)CONTROL_BODY_MAX,
        .max_connections = CONTROL_CONNECTIONS_MAX,
        .head_timeout_ns = config->head_timeout_ns,
        .body_grace_ns = config->body_grace_ns,
        .idle_timeout_ns = config->idle_timeout_ns,
        .write_timeout_ns = config->write_timeout_ns,
        .abort_on_half_close = false,
        .tls = access ? access->control_tls : NULL,
        .clients = access ? access->clients : NULL,
        .client = {config->client_connections, config->client_requests, config->client_burst},
    };
}

/* On the control thread, after a reload. */
static void take_limits(struct control *control)
{
    pthread_mutex_lock(&control->lock);
    struct config *config = config_retain(control->config);
    pthread_mutex_unlock(&control->lock);
    struct server_limits limits = limits_of(config);
    server_set_limits(control->server, &limits);
    config_free(&config);
}

static void on_wake(uv_async_t *wake)
{
    struct control *control = wake->data;
    if (atomic_load(&control->stopping)) {
        uv_stop(&control->loop);
        return;
    }
    if (atomic_exchange(&control->reloaded, false))
        take_limits(control);
    take_inbox(control);
    control_spread(control);
}

static void on_tick(uv_timer_t *timer)
{
    struct control *control = timer->data;
    control->ticks++;
    atomic_store(&control->connections, server_connections(control->server));
    brain_call(control->setup.brain, control_expire_waiting, control);
    control_stream_tick(control);
}

static void *run(void *context)
{
    struct control *control = context;
    uv_run(&control->loop, UV_RUN_DEFAULT);
    return NULL;
}

/* ---- life ---- */

/* The tokens and origins of this configuration from now on. */
void control_reload(struct control *control, struct config *config)
{
    struct config *held = config_retain(config);
    pthread_mutex_lock(&control->lock);
    struct config *before = control->config;
    control->config = held;
    pthread_mutex_unlock(&control->lock);
    if (!before)
        return;
    config_free(&before);
    atomic_store(&control->reloaded, true);
    uv_async_send(&control->wake);
}

static void watch_brain(struct brain *brain, void *context)
{
    brain_watch(brain, control_watch, context);
}

static enum fw_err listen_on(struct control *control, const struct config *config,
                             struct fw_detail *detail)
{
    const struct server_limits limits = limits_of(config);
    const struct server_handler handler = {
        .context = control, .request = control_on_request, .gone = on_gone};
    return server_create(&control->server, &control->loop, config->control_listen, false, &limits,
                         &handler, detail);
}

enum fw_err control_create(struct control **out, const struct control_setup *setup,
                           struct config *config, struct fw_detail *detail)
{
    struct control *control = calloc(1, sizeof *control);
    *out = control;
    if (!control)
        return FW_NOMEM;
    control->setup = *setup;
    control->inbox_end = &control->inbox;
    control->notes_end = &control->notes;
    pthread_mutex_init(&control->lock, NULL);
    control_reload(control, config);
    int error = uv_loop_init(&control->loop);
    if (error != 0)
        return err_set(detail, FW_IO, "an event loop cannot be made: %s", uv_strerror(error));
    control->loop_made = true;
    error = uv_async_init(&control->loop, &control->wake, on_wake);
    CHECK(error == 0);
    uv_timer_init(&control->loop, &control->tick);
    control->wake.data = control->tick.data = control;
    uv_timer_start(&control->tick, on_tick, TICK_NS / TIME_MILLISECOND, TICK_NS / TIME_MILLISECOND);
    FW_TRY(listen_on(control, config, detail));
    (void)brain_call_and_wait(setup->brain, watch_brain, control);
    error = pthread_create(&control->thread, NULL, run, control);
    if (error != 0)
        return err_set(detail, FW_IO, "the control thread cannot be started: %s", strerror(error));
    control->running = true;
    return FW_OK;
}

uint16_t control_port(const struct control *control)
{
    return server_port(control->server);
}

void control_drain(struct control *control)
{
    atomic_store(&control->draining, true);
}

/* The brain lets go of every call it still has; after it no call comes back. */
static void release_waiting(struct brain *brain, void *context)
{
    struct control *control = context;
    brain_watch(brain, NULL, NULL);
    control_live_free(control);
    while (control->waiting) {
        struct call *call = control->waiting;
        control->waiting = call->next;
        call_free(call);
    }
}

static void close_handle(uv_handle_t *handle, void *context)
{
    (void)context;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void free_inbox(struct control *control)
{
    while (control->inbox) {
        struct call *call = control->inbox;
        control->inbox = call->next;
        call_free(call);
    }
    while (control->notes) {
        struct control_note *note = control->notes;
        control->notes = note->next;
        buf_fini(&note->text);
        free(note);
    }
}

void control_destroy(struct control **gone)
{
    struct control *control = *gone;
    if (!control)
        return;
    if (control->running) {
        atomic_store(&control->stopping, true);
        uv_async_send(&control->wake);
        pthread_join(control->thread, NULL);
    }
    if (control->loop_made) {
        control_end_streams(control);
        server_destroy(&control->server);
        /* Everything that was sent to others before this has come back when it returns, also what
         * the clients that were just cut off have left. */
        runs_await_tasks(control->setup.runs);
        (void)brain_call_and_wait(control->setup.brain, release_waiting, control);
        uv_walk(&control->loop, close_handle, NULL);
        uv_run(&control->loop, UV_RUN_DEFAULT);
        uv_loop_close(&control->loop);
    }
    free_inbox(control);
    pthread_mutex_destroy(&control->lock);
    config_free(&control->config);
    free(control);
    *gone = NULL;
}
