/* SPDX-License-Identifier: MIT */
#include "edge/io_thread.h"
#include "base/check.h"
#include "edge/access.h"
#include "edge/proxy.h"
#include "edge/wheel.h"
#include <stdio.h>
#include <stdlib.h>

/* How long events that may wait for company do wait. */
#define IO_THREAD_LAZY_NS (4 * TIME_MILLISECOND)

struct io_thread {
    struct io_threads *all;
    unsigned number; /* of the sender */
    uv_thread_t thread;
    uv_loop_t loop;
    uv_async_t wake; /* actions wait, a view was published, or an order was given */
    uv_prepare_t prepare;
    struct server *server;
    struct proxy *proxy;
    struct viewer viewer;
    struct wheel_timer lazy; /* then the brain is woken for what is only to be learned from */
    struct metrics_shard *metrics;
    _Atomic size_t connections;
    size_t counted; /* of the connections, in the metrics */
    _Atomic bool drain, stop;
    bool started, stopped;
};

struct retired {
    struct view *view;
    struct retired *next;
};

struct io_threads {
    unsigned count;
    _Atomic(struct view *) view;
    struct bus *bus;
    struct runs *runs;
    _Atomic uint64_t parked;
    uint16_t port;
    struct retired *retired; /* the publisher's */
    struct io_thread threads[IO_THREADS_MAX];
};

unsigned io_threads_count(const struct config *config)
{
    unsigned cores = uv_available_parallelism();
    unsigned most = cores < IO_THREADS_DEFAULT_MAX ? cores : IO_THREADS_DEFAULT_MAX;
    if (config->io_threads <= 0)
        return most > 0 ? most : 1;
    return config->io_threads < IO_THREADS_MAX ? (unsigned)config->io_threads : IO_THREADS_MAX;
}

static struct server_limits limits_of(struct io_threads *all, const struct config *config)
{
    const struct access *access = config->access;
    return (struct server_limits){
        .max_body = config->max_body,
        .max_parked = config->max_parked,
        .max_connections = (config->max_connections + all->count - 1) / all->count,
        .head_timeout_ns = config->head_timeout_ns,
        .body_grace_ns = config->body_grace_ns,
        .idle_timeout_ns = config->idle_timeout_ns,
        .write_timeout_ns = config->write_timeout_ns,
        .abort_on_half_close = config->abort_on_half_close,
        .tls = access ? access->data_tls : NULL,
        .clients = access ? access->clients : NULL,
        .client = {config->client_connections, config->client_requests, config->client_burst},
        .parked = &all->parked,
    };
}

/* --- one thread --- */

static void on_lazy(struct wheel_timer *timer, int64_t now_ns)
{
    struct io_thread *thread =
        (struct io_thread *)((char *)timer - offsetof(struct io_thread, lazy));
    (void)now_ns;
    bus_flush(thread->all->bus, thread->number);
}

/* The end of a turn: events leave, the view is looked at, what is counted is shown. */
static void on_prepare(uv_prepare_t *prepare)
{
    struct io_thread *thread = prepare->data;
    if (bus_flush_urgent(thread->all->bus, thread->number) &&
        thread->lazy.deadline_ns == TIME_NEVER)
        wheel_set(server_wheel(thread->server), &thread->lazy,
                  server_now(thread->server) + IO_THREAD_LAZY_NS);
    if (viewer_turn(&thread->viewer)) {
        const struct config *config = viewer_look(&thread->viewer)->config;
        struct server_limits limits = limits_of(thread->all, config);
        server_set_limits(thread->server, &limits);
        proxy_reconfigure(thread->proxy, config);
    }
    size_t connections = server_connections(thread->server);
    if (connections != thread->counted) {
        metrics_move(thread->metrics, METRIC_CONNECTIONS,
                     (int64_t)connections - (int64_t)thread->counted);
        thread->counted = connections;
        atomic_store(&thread->connections, connections);
    }
}

static void close_thread(struct io_thread *thread)
{
    if (thread->stopped)
        return;
    thread->stopped = true;
    wheel_cancel(server_wheel(thread->server), &thread->lazy);
    proxy_close(thread->proxy);
    bus_flush(thread->all->bus, thread->number);
    bus_attach_sender(thread->all->bus, thread->number, NULL);
    server_destroy(&thread->server);
    uv_close((uv_handle_t *)&thread->prepare, NULL);
    uv_close((uv_handle_t *)&thread->wake, NULL);
}

static void on_wake(uv_async_t *wake)
{
    struct io_thread *thread = wake->data;
    struct action action;
    while (bus_take_action(thread->all->bus, thread->number, &action))
        proxy_action(thread->proxy, &action);
    if (atomic_load(&thread->stop))
        close_thread(thread);
    else if (atomic_load(&thread->drain))
        server_stop(thread->server);
}

static void run(void *context)
{
    struct io_thread *thread = context;
    uv_run(&thread->loop, UV_RUN_DEFAULT);
}

/* Before the thread runs, so that what fails is told to the caller. */
static enum fw_err prepare_thread(struct io_thread *thread, const char *listen,
                                  struct fw_detail *detail)
{
    struct io_threads *all = thread->all;
    const struct config *config = viewer_look(&thread->viewer)->config;
    struct server_limits limits = limits_of(all, config);
    FW_TRY(proxy_create(&thread->proxy, &thread->viewer, all->bus, thread->number, thread->metrics,
                        all->runs));
    struct server_handler handler = proxy_handler(thread->proxy);
    FW_TRY(server_create(&thread->server, &thread->loop, listen, all->count > 1, &limits, &handler,
                         detail));
    FW_TRY(proxy_attach(thread->proxy, &thread->loop, thread->server));
    CHECK(uv_async_init(&thread->loop, &thread->wake, on_wake) == 0);
    CHECK(uv_prepare_init(&thread->loop, &thread->prepare) == 0);
    thread->wake.data = thread->prepare.data = thread;
    CHECK(uv_prepare_start(&thread->prepare, on_prepare) == 0);
    thread->lazy = (struct wheel_timer){.fire = on_lazy, .deadline_ns = TIME_NEVER};
    bus_attach_sender(all->bus, thread->number, &thread->wake);
    return FW_OK;
}

static enum fw_err start_thread(struct io_threads *all, unsigned number, struct metrics *metrics,
                                const char *listen, struct fw_detail *detail)
{
    struct io_thread *thread = &all->threads[number];
    thread->all = all;
    thread->number = number;
    thread->metrics = metrics_shard(metrics);
    if (!thread->metrics || uv_loop_init(&thread->loop) != 0)
        return err_set(detail, FW_NOMEM, "no memory for an I/O thread");
    viewer_init(&thread->viewer, &all->view);
    enum fw_err err = prepare_thread(thread, listen, detail);
    if (err == FW_OK && uv_thread_create(&thread->thread, run, thread) != 0)
        err = err_set(detail, FW_IO, "an I/O thread could not be started");
    if (err == FW_OK) {
        thread->started = true;
        return FW_OK;
    }
    if (thread->wake.data) {
        close_thread(thread);
    } else {
        server_destroy(&thread->server);
    }
    uv_run(&thread->loop, UV_RUN_DEFAULT);
    proxy_destroy(&thread->proxy);
    viewer_fini(&thread->viewer);
    CHECK(uv_loop_close(&thread->loop) == 0);
    return err;
}

/* --- all of them --- */

enum fw_err io_threads_start(struct io_threads **out, unsigned count, struct view *view,
                             struct bus *bus, struct metrics *metrics, struct runs *runs,
                             struct fw_detail *detail)
{
    CHECK(count > 0 && count <= IO_THREADS_MAX);
    struct io_threads *all = calloc(1, sizeof *all);
    *out = all;
    if (!all)
        return err_set(detail, FW_NOMEM, "no memory for the I/O threads");
    char listen[OPTION_TEXT_MAX];
    snprintf(listen, sizeof listen, "%s", view->config->listen);
    all->bus = bus;
    all->runs = runs;
    all->count = count;
    atomic_store(&all->view, view);
    for (unsigned i = 0; i < count; i++) {
        enum fw_err err = start_thread(all, i, metrics, listen, detail);
        if (err != FW_OK) {
            atomic_store(&all->view, NULL); /* stays with the caller */
            io_threads_stop(out);
            return err;
        }
        if (i > 0)
            continue;
        /* Port 0 takes any; the others listen on the one that was taken. */
        all->port = server_port(all->threads[0].server);
        char *colon = strrchr(listen, ':');
        snprintf(colon, sizeof listen - (size_t)(colon - listen), ":%u", all->port);
    }
    return FW_OK;
}

uint16_t io_threads_port(const struct io_threads *threads)
{
    return threads->port;
}

static void wake_all(struct io_threads *threads)
{
    for (unsigned i = 0; i < threads->count; i++) {
        if (threads->threads[i].started)
            uv_async_send(&threads->threads[i].wake);
    }
}

void io_threads_reclaim(struct io_threads *threads)
{
    uint64_t oldest = UINT64_MAX;
    for (unsigned i = 0; i < threads->count; i++) {
        uint64_t seen = atomic_load(&threads->threads[i].viewer.oldest);
        if (threads->threads[i].started && seen < oldest)
            oldest = seen;
    }
    for (struct retired **link = &threads->retired, *retired; (retired = *link) != NULL;) {
        if (retired->view->version >= oldest) {
            link = &retired->next;
            continue;
        }
        *link = retired->next;
        view_destroy(&retired->view);
        free(retired);
    }
}

void io_threads_publish(struct io_threads *threads, struct view *view)
{
    struct retired *retired = calloc(1, sizeof *retired);
    CHECK(retired && view->version > atomic_load(&threads->view)->version);
    retired->view = atomic_exchange(&threads->view, view);
    retired->next = threads->retired;
    threads->retired = retired;
    wake_all(threads);
    io_threads_reclaim(threads);
}

size_t io_threads_connections(struct io_threads *threads)
{
    size_t count = 0;
    for (unsigned i = 0; i < threads->count; i++)
        count += atomic_load(&threads->threads[i].connections);
    return count;
}

void io_threads_drain(struct io_threads *threads)
{
    for (unsigned i = 0; i < threads->count; i++)
        atomic_store(&threads->threads[i].drain, true);
    wake_all(threads);
}

void io_threads_stop(struct io_threads **out)
{
    struct io_threads *all = *out;
    *out = NULL;
    if (!all)
        return;
    for (unsigned i = 0; i < all->count; i++)
        atomic_store(&all->threads[i].stop, true);
    wake_all(all);
    for (unsigned i = 0; i < all->count; i++) {
        struct io_thread *thread = &all->threads[i];
        if (!thread->started)
            continue;
        uv_thread_join(&thread->thread);
        CHECK(uv_loop_close(&thread->loop) == 0);
        proxy_destroy(&thread->proxy);
        viewer_fini(&thread->viewer);
        thread->started = false;
    }
    io_threads_reclaim(all);
    struct view *view = atomic_load(&all->view);
    if (view)
        view_destroy(&view);
    free(all);
}
