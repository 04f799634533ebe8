/* SPDX-License-Identifier: MIT */
#include "edge/daemon.h"
#include "base/time.h"
#include "edge/access.h"
#include "edge/alerts.h"
#include "edge/brain.h"
#include "edge/control.h"
#include "edge/demand/sources.h"
#include "edge/io_thread.h"
#include "edge/jobs.h"
#include "edge/log.h"
#include "edge/runs.h"
#include "edge/server.h"
#include <curl/curl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#define DRAIN_LOOK_MS 10
#define RECLAIM_MS    1000

struct daemon {
    struct config *config;
    option_getenv_fn *getenv_fn;
    /* in the order in which they are made */
    struct store *store;
    struct jobs *jobs;
    struct children *children;
    struct metrics *metrics;
    struct slots *slots;
    struct fleet *fleet; /* NULL: none */
    struct bus *bus;
    struct brain *brain;
    struct runs *runs;
    struct io_threads *io;
    struct alerts *alerts;
    struct sources *sources;
    struct control *control;
    /* the main thread's loop: signals */
    uv_loop_t loop;
    uv_signal_t hangup, terminate, interrupt;
    uv_timer_t reclaim, drain;
    bool loop_made, draining;
    int64_t drain_until_ns;
    uint64_t view_version;
};

/* ---- views ---- */

static enum fw_err make_view(struct daemon *daemon, struct config *config, struct view **view)
{
    struct config *held = config_retain(config);
    enum fw_err err = view_create(view, held, daemon->slots, ++daemon->view_version);
    if (err != FW_OK)
        config_free(&held);
    return err;
}

/* ---- reload ---- */

static void log_problems(const struct config_problems *problems)
{
    struct str rest = buf_str(&problems->text), line;
    while (str_cut(&rest, '\n', &line))
        if (line.len > 0)
            log_error("configuration", LOG_STR("problem", line));
}

static void configure(struct brain *brain, void *context)
{
    brain_configure(brain, context);
}

static void note_fixed(const struct config *old, const struct config *new)
{
    struct buf was, is;
    buf_init(&was, OPTION_TEXT_MAX);
    buf_init(&is, OPTION_TEXT_MAX);
    for (size_t i = 0; i < config_option_count; i++) {
        if (config_option_rows[i].reloadable)
            continue;
        buf_clear(&was);
        buf_clear(&is);
        option_get(&config_option_rows[i], old, &was);
        option_get(&config_option_rows[i], new, &is);
        if (!str_equal(buf_str(&was), buf_str(&is)))
            log_warn("this option changes with a restart only",
                     LOG_TEXT("option", config_option_rows[i].name));
    }
    buf_fini(&was);
    buf_fini(&is);
}

/* Parsed and validated whole, then swapped: engine and sites first, so that every route has its
 * slot; then the view. */
static void reload(struct daemon *daemon)
{
    struct config *config = NULL;
    struct config_problems problems = {0};
    struct view *view = NULL;
    enum fw_err err = config_read(&config, daemon->config->path, daemon->getenv_fn, &problems);
    if (err != FW_OK) {
        log_problems(&problems);
        log_error("the configuration was not reloaded; the old one stays",
                  LOG_INT("problems", problems.count));
        config_problems_fini(&problems);
        return;
    }
    config_problems_fini(&problems);
    if (strcmp(daemon->config->engine.devices, config->engine.devices) != 0) {
        log_error("devices change with a restart only; the old configuration stays");
        config_free(&config);
        return;
    }
    note_fixed(daemon->config, config);
    access_inherit(config, daemon->config);
    control_reload(daemon->control, config);
    alerts_reload(daemon->alerts, config);
    sources_reload(daemon->sources, config);
    (void)brain_call_and_wait(daemon->brain, configure, config);
    runs_configure(daemon->runs, config);
    err = make_view(daemon, config, &view);
    if (err == FW_OK)
        io_threads_publish(daemon->io, view);
    else
        log_error("the new routes could not be made; the old ones stay",
                  LOG_TEXT("error", err_row(err)->name));
    log_set_level((enum log_level)config->log_level);
    config_free(&daemon->config);
    daemon->config = config;
    log_info("configuration reloaded", LOG_TEXT("file", config->path),
             LOG_INT("resources", config->resource_count));
}

/* ---- signals ---- */

static void on_hangup(uv_signal_t *signal, int number)
{
    (void)number;
    reload(signal->data);
}

static void on_reclaim(uv_timer_t *timer)
{
    struct daemon *daemon = timer->data;
    io_threads_reclaim(daemon->io);
}

static void on_drain(uv_timer_t *timer)
{
    struct daemon *daemon = timer->data;
    size_t open = io_threads_connections(daemon->io);
    if (open > 0 && jobs_now_ns() < daemon->drain_until_ns)
        return;
    if (open > 0)
        log_warn("requests are cut off: drain_timeout is over", LOG_INT("connections", open));
    uv_stop(&daemon->loop);
}

static void on_terminate(uv_signal_t *signal, int number)
{
    struct daemon *daemon = signal->data;
    if (daemon->draining) {
        log_warn("stopping at once", LOG_INT("signal", number));
        uv_stop(&daemon->loop);
        return;
    }
    daemon->draining = true;
    daemon->drain_until_ns = time_add(jobs_now_ns(), daemon->config->drain_timeout_ns);
    log_info("stopping: running requests may end", LOG_INT("signal", number),
             LOG_SECONDS("drain_timeout_s", daemon->config->drain_timeout_ns));
    control_drain(daemon->control);
    io_threads_drain(daemon->io);
    uv_timer_start(&daemon->drain, on_drain, 0, DRAIN_LOOK_MS);
}

static enum fw_err make_loop(struct daemon *daemon, struct fw_detail *detail)
{
    int error = uv_loop_init(&daemon->loop);
    if (error != 0)
        return err_set(detail, FW_IO, "an event loop cannot be made: %s", uv_strerror(error));
    daemon->loop_made = true;
    uv_signal_init(&daemon->loop, &daemon->hangup);
    uv_signal_init(&daemon->loop, &daemon->terminate);
    uv_signal_init(&daemon->loop, &daemon->interrupt);
    uv_timer_init(&daemon->loop, &daemon->reclaim);
    uv_timer_init(&daemon->loop, &daemon->drain);
    daemon->hangup.data = daemon->terminate.data = daemon->interrupt.data = daemon;
    daemon->reclaim.data = daemon->drain.data = daemon;
    uv_signal_start(&daemon->hangup, on_hangup, SIGHUP);
    uv_signal_start(&daemon->terminate, on_terminate, SIGTERM);
    uv_signal_start(&daemon->interrupt, on_terminate, SIGINT);
    uv_timer_start(&daemon->reclaim, on_reclaim, RECLAIM_MS, RECLAIM_MS);
    return FW_OK;
}

/* ---- up ---- */

static void refuse_request(void *context, struct exchange *exchange,
                           const struct server_request *request)
{
    (void)context, (void)request;
    exchange_error(exchange, FW_CLOSED, 1, (struct str){0});
}

static void ignore_gone(void *context, struct exchange *exchange)
{
    (void)context, (void)exchange;
}

/* Before anything is touched: are the addresses free? The data plane shares its port among threads,
 * and would share it with another forewarm too without a word. */
static enum fw_err check_address(struct daemon *daemon, const char *address,
                                 struct fw_detail *detail)
{
    struct server *server = NULL;
    const struct server_limits limits = {.max_connections = 1};
    const struct server_handler handler = {.request = refuse_request, .gone = ignore_gone};
    enum fw_err err =
        server_create(&server, &daemon->loop, address, false, &limits, &handler, detail);
    if (server)
        server_destroy(&server);
    uv_run(&daemon->loop, UV_RUN_NOWAIT);
    return err;
}

static enum fw_err make_parts(struct daemon *daemon, struct fw_detail *detail)
{
    unsigned io_count = io_threads_count(daemon->config);
    FW_TRY(store_open(&daemon->store, daemon->config->state, daemon->config->redis_password_file,
                      detail));
    FW_TRY(jobs_create(&daemon->jobs, daemon->config->job_threads, detail));
    FW_TRY(children_create(&daemon->children, detail));
    FW_TRY(metrics_create(&daemon->metrics));
    if (str_starts(str_of(daemon->config->state), STR("redis://")))
        FW_TRY(fleet_create(&daemon->fleet, daemon->config, detail));
    FW_TRY(slots_create(&daemon->slots, (uint32_t)daemon->config->engine.max_resources));
    return bus_create(&daemon->bus, io_count);
}

/* Every connection is an open file: as many as the system lets us have, and a word where these
 * are fewer than the configuration promises (a connection may need another to its upstream). */
static void allow_files(const struct config *config)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return;
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_max != RLIM_INFINITY && files.rlim_max / 2 < (rlim_t)config->max_connections)
        log_warn(
            "fewer files may be open than max_connections may need: raise the limit (ulimit -n)",
            LOG_INT("files", files.rlim_max), LOG_INT("max_connections", config->max_connections));
}

static enum fw_err start(struct daemon *daemon, struct fw_detail *detail)
{
    struct view *view = NULL;
    FW_TRY(log_open(daemon->config->log_file, (enum log_level)daemon->config->log_level, detail));
    FW_TRY(make_loop(daemon, detail));
    FW_TRY(check_address(daemon, daemon->config->listen, detail));
    FW_TRY(check_address(daemon, daemon->config->control_listen, detail));
    FW_TRY(make_parts(daemon, detail));
    allow_files(daemon->config); /* behind the children, who keep what they had */
    const struct brain_setup setup = {daemon->bus,      daemon->slots, daemon->jobs,
                                      daemon->children, daemon->store, daemon->metrics,
                                      daemon->fleet};
    FW_TRY(brain_create(&daemon->brain, &setup, daemon->config, detail));
    FW_TRY(runs_create(&daemon->runs, daemon->store, daemon->config, detail));
    if (daemon->fleet)
        FW_TRY(fleet_start(daemon->fleet, brain_take_arrivals, daemon->brain, detail));
    FW_TRY(brain_start(daemon->brain, detail));
    FW_TRY(runs_start(daemon->runs, daemon->brain, detail));
    FW_TRY(make_view(daemon, daemon->config, &view));
    enum fw_err err = io_threads_start(&daemon->io, io_threads_count(daemon->config), view,
                                       daemon->bus, daemon->metrics, daemon->runs, detail);
    if (err != FW_OK) {
        view_destroy(&view);
        return err;
    }
    FW_TRY(alerts_create(&daemon->alerts, daemon->config, daemon->store));
    FW_TRY(alerts_start(daemon->alerts, daemon->brain, daemon->jobs, detail));
    FW_TRY(sources_start(&daemon->sources, daemon->config, daemon->brain, daemon->jobs,
                         daemon->alerts));
    const struct control_setup control = {daemon->brain,  daemon->metrics, daemon->slots,
                                          daemon->alerts, daemon->runs,    daemon->sources};
    return control_create(&daemon->control, &control, daemon->config, detail);
}

static void say_ready(const struct daemon *daemon)
{
    log_info("ready", LOG_TEXT("listen", daemon->config->listen),
             LOG_INT("port", io_threads_port(daemon->io)),
             LOG_TEXT("control", daemon->config->control_listen),
             LOG_INT("control_port", control_port(daemon->control)),
             LOG_INT("resources", daemon->config->resource_count),
             LOG_TEXT("policy", daemon->config->engine.policy),
             LOG_TEXT("state", daemon->config->state),
             LOG_INT("page_upstreams", daemon->config->prefetch_count));
}

/* ---- down: the reverse ---- */

static void close_handle(uv_handle_t *handle, void *context)
{
    (void)context;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void take_down(struct daemon *daemon)
{
    control_destroy(&daemon->control);
    io_threads_stop(&daemon->io);
    sources_stop(daemon->sources);
    alerts_stop(daemon->alerts);
    runs_stop(daemon->runs);
    brain_stop(daemon->brain);
    jobs_destroy(&daemon->jobs);
    sources_destroy(&daemon->sources);
    alerts_destroy(&daemon->alerts);
    brain_finish(daemon->brain);
    fleet_stop(daemon->fleet);
    children_stop(daemon->children);
    brain_destroy(&daemon->brain);
    runs_destroy(&daemon->runs);
    fleet_destroy(&daemon->fleet);
    bus_destroy(&daemon->bus);
    slots_destroy(&daemon->slots);
    metrics_destroy(&daemon->metrics);
    children_destroy(&daemon->children);
    store_close(&daemon->store);
    if (daemon->loop_made) {
        uv_walk(&daemon->loop, close_handle, NULL);
        uv_run(&daemon->loop, UV_RUN_DEFAULT);
        uv_loop_close(&daemon->loop);
    }
}

enum fw_err daemon_run(struct config *config, option_getenv_fn *getenv_fn, struct fw_detail *detail)
{
    struct daemon daemon = {.config = config, .getenv_fn = getenv_fn};
    signal(SIGPIPE, SIG_IGN);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    enum fw_err err = start(&daemon, detail);
    if (err == FW_OK) {
        say_ready(&daemon);
        uv_run(&daemon.loop, UV_RUN_DEFAULT);
    }
    take_down(&daemon);
    if (err == FW_OK)
        log_info("stopped");
    config_free(&daemon.config);
    curl_global_cleanup();
    log_close();
    return err;
}
