/* SPDX-License-Identifier: MIT
 * The data plane alone, under a brain of a hundred lines that does what a test needs: each resource
 * loads in its load_time and stays warm; `on_cold` is obeyed; a hold ends at hold_timeout. Prints
 * its port, then every event, so that tests see what the engine would see. Usage: plane CONFIG
 * [warm]   (warm: everything is warm from the start) */
#include "base/check.h"
#include "base/table.h"
#include "base/time.h"
#include "core/engine.h"
#include "edge/io_thread.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { HELD_MAX = 1 << 16 };

struct held {
    uint64_t request;
    uint32_t resource;
    uint64_t until_ns;
};

struct brain {
    uv_loop_t loop;
    uv_async_t wake;
    uv_timer_t tick;
    uv_signal_t signal;
    struct bus *bus;
    struct config *config;
    struct slots *slots;
    struct slot **slot;     /* by resource */
    uint64_t *loaded_at_ns; /* 0: not loading */
    struct held *held;
    size_t held_count;
    struct map64 running; /* requests that were SERVED or RELEASEd: each must END, once */
    bool quiet;
};

static void answer(struct brain *brain, uint32_t kind, uint64_t request, uint32_t resource,
                   enum fw_err status)
{
    struct action action = {
        .kind = kind, .request = request, .resource = resource, .status = status};
    action.numbers[0] = 2 * TIME_SECOND;
    if (kind == ACTION_RELEASE)
        CHECK(map64_set(&brain->running, request, resource) == FW_OK);
    bus_send_action(brain->bus, &action);
}

/* What core/event.h says of requests: an END for each that runs, and for no other. */
static void check_request(struct brain *brain, const struct event *event)
{
    uint64_t resource;
    if (event->kind == EVENT_REQUEST) {
        CHECK(!map64_get(&brain->running, event->request, &resource) && event->request != 0);
        if (event->flags & EVENT_SERVED)
            CHECK(map64_set(&brain->running, event->request, event->resource) == FW_OK);
    } else if (event->kind == EVENT_END) {
        CHECK(map64_remove(&brain->running, event->request, &resource) &&
              resource == event->resource);
    }
}

static void on_cold_request(struct brain *brain, const struct event *event)
{
    const struct resource_settings *settings = &brain->config->resources[event->resource].engine;
    uint64_t now = uv_hrtime();
    if (atomic_load(&brain->slot[event->resource]->warm)) {
        answer(brain, ACTION_RELEASE, event->request, event->resource, FW_OK);
        return;
    }
    if (brain->loaded_at_ns[event->resource] == 0)
        brain->loaded_at_ns[event->resource] =
            now + (uint64_t)(settings->load_time_ns > 0 ? settings->load_time_ns : 1);
    if (settings->on_cold == ON_COLD_FALLBACK) {
        answer(brain, ACTION_FALLBACK, event->request, event->resource, FW_OK);
    } else if (settings->on_cold == ON_COLD_REFUSE || event->flags & EVENT_NO_HOLD) {
        answer(brain, ACTION_REFUSE, event->request, event->resource, FW_MODEL_WARMING);
    } else {
        CHECK(brain->held_count < HELD_MAX);
        int64_t hold = settings->hold_timeout_ns >= 0 ? settings->hold_timeout_ns
                                                      : brain->config->engine.hold_timeout_ns;
        brain->held[brain->held_count++] =
            (struct held){event->request, event->resource, now + (uint64_t)hold};
    }
}

static void on_event(struct brain *brain, const struct event *event)
{
    if (!brain->quiet)
        printf("%s resource=%s request=%llx served=%d status=%s held_ms=%lld session=%d\n",
               event_kind_name(event->kind), brain->config->resources[event->resource].id,
               (unsigned long long)event->request, (event->flags & EVENT_SERVED) != 0,
               err_row(event->status)->name, (long long)(event->value / 1000000),
               event->session != 0);
    check_request(brain, event);
    if (event->kind == EVENT_REQUEST && !(event->flags & EVENT_SERVED))
        on_cold_request(brain, event);
    if (event->kind == EVENT_LOST)
        atomic_store(&brain->slot[event->resource]->warm, 0);
    for (size_t i = 0; event->kind == EVENT_GONE && i < brain->held_count; i++) {
        if (brain->held[i].request == event->request)
            brain->held[i--] = brain->held[--brain->held_count];
    }
}

static void on_wake(uv_async_t *wake)
{
    struct brain *brain = wake->data;
    struct event event;
    while (bus_take_event(brain->bus, &event))
        on_event(brain, &event);
    fflush(stdout);
}

static void on_tick(uv_timer_t *tick)
{
    struct brain *brain = tick->data;
    uint64_t now = uv_hrtime();
    for (uint32_t i = 0; i < brain->config->resource_count; i++) {
        if (brain->loaded_at_ns[i] == 0 || brain->loaded_at_ns[i] > now)
            continue;
        brain->loaded_at_ns[i] = 0;
        atomic_store(&brain->slot[i]->warm, 1);
    }
    size_t kept = 0;
    for (size_t i = 0; i < brain->held_count; i++) {
        struct held held = brain->held[i];
        if (atomic_load(&brain->slot[held.resource]->warm))
            answer(brain, ACTION_RELEASE, held.request, held.resource, FW_OK);
        else if (held.until_ns <= now)
            answer(brain, ACTION_REFUSE, held.request, held.resource, FW_MODEL_WARMING);
        else
            brain->held[kept++] = held;
    }
    brain->held_count = kept;
}

static void on_signal(uv_signal_t *signal, int number)
{
    (void)number;
    uv_stop(signal->loop);
}

static void on_close(uv_handle_t *handle, void *context)
{
    (void)context;
    uv_close(handle, NULL);
}

static void start_brain(struct brain *brain, bool warm)
{
    CHECK(slots_create(&brain->slots, 1024) == FW_OK);
    brain->slot = calloc(brain->config->resource_count + 1, sizeof *brain->slot);
    brain->loaded_at_ns = calloc(brain->config->resource_count + 1, sizeof *brain->loaded_at_ns);
    map64_init(&brain->running, HELD_MAX);
    brain->held = calloc(HELD_MAX, sizeof *brain->held);
    CHECK(brain->slot && brain->loaded_at_ns && brain->held);
    for (uint32_t i = 0; i < brain->config->resource_count; i++) {
        CHECK(slots_get(brain->slots, str_of(brain->config->resources[i].id), &brain->slot[i]) ==
              FW_OK);
        brain->slot[i]->resource = i;
        atomic_store(&brain->slot[i]->warm, warm);
    }
    CHECK(uv_loop_init(&brain->loop) == 0);
    CHECK(uv_async_init(&brain->loop, &brain->wake, on_wake) == 0);
    CHECK(uv_timer_init(&brain->loop, &brain->tick) == 0);
    CHECK(uv_signal_init(&brain->loop, &brain->signal) == 0);
    brain->wake.data = brain->tick.data = brain->signal.data = brain;
    if (!warm)
        CHECK(uv_timer_start(&brain->tick, on_tick, 5, 5) == 0);
    CHECK(uv_signal_start(&brain->signal, on_signal, SIGTERM) == 0);
    bus_attach_brain(brain->bus, &brain->wake);
}

static void stop_brain(struct brain *brain)
{
    bus_attach_brain(brain->bus, NULL);
    on_wake(&brain->wake);
    uv_walk(&brain->loop, on_close, NULL);
    uv_run(&brain->loop, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(&brain->loop) == 0);
    /* What was counted up must have been counted down: nothing runs any more. */
    for (uint32_t i = 0; i < brain->config->resource_count; i++)
        CHECK(atomic_load(&brain->slot[i]->in_flight) == 0);
    CHECK(brain->running.count == 0);
    map64_fini(&brain->running);
    slots_destroy(&brain->slots);
    free(brain->slot);
    free(brain->loaded_at_ns);
    free(brain->held);
}

int main(int argc, char **argv)
{
    static struct brain brain;
    struct config_problems problems = {0};
    struct fw_detail detail = {""};
    struct metrics *metrics;
    struct view *view;
    struct io_threads *threads;
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2 || config_read(&brain.config, argv[1], NULL, &problems) != FW_OK) {
        fprintf(stderr, "%s", argc < 2 ? "usage: plane CONFIG [warm]\n" : problems.text.data);
        return 2;
    }
    unsigned count = io_threads_count(brain.config);
    CHECK(bus_create(&brain.bus, count) == FW_OK);
    CHECK(metrics_create(&metrics) == FW_OK);
    brain.quiet = argc > 3;
    start_brain(&brain, argc > 2);
    CHECK(view_create(&view, config_retain(brain.config), brain.slots, 1) == FW_OK);
    if (io_threads_start(&threads, count, view, brain.bus, metrics, NULL, &detail) != FW_OK) {
        fprintf(stderr, "%s\n", detail.text);
        return 3;
    }
    printf("listening %u\n", io_threads_port(threads));
    fflush(stdout);
    uv_run(&brain.loop, UV_RUN_DEFAULT);
    io_threads_stop(&threads);
    stop_brain(&brain);
    config_free(&brain.config);
    bus_destroy(&brain.bus);
    metrics_destroy(&metrics);
    return 0;
}
