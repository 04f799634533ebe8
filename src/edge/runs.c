/* SPDX-License-Identifier: MIT */
#include "edge/runs.h"
#include "base/check.h"
#include "base/time.h"
#include "edge/jobs.h"
#include "edge/log.h"
#include "edge/runs_part.h"
#include <errno.h>
#include <stdlib.h>

/* ---- tasks ---- */

static void wake(struct runs *runs)
{
    pthread_mutex_lock(&runs->lock);
    runs->woken = true;
    pthread_cond_signal(&runs->wake);
    pthread_mutex_unlock(&runs->lock);
}

void runs_do(struct runs *runs, struct runs_task *task)
{
    task->next = NULL;
    pthread_mutex_lock(&runs->lock);
    *runs->tasks_end = task;
    runs->tasks_end = &task->next;
    runs->task_count++;
    runs->woken = true;
    pthread_cond_signal(&runs->wake);
    pthread_mutex_unlock(&runs->lock);
}

/* Waits for work or until `until_ns` (monotonic). Returns the tasks. */
static struct runs_task *await(struct runs *runs, int64_t until_ns)
{
    struct timespec until;
    until.tv_sec = (time_t)(until_ns / TIME_SECOND);
    until.tv_nsec = (long)(until_ns % TIME_SECOND);
    pthread_mutex_lock(&runs->lock);
    while (!runs->woken && !runs->stop)
        if (pthread_cond_timedwait(&runs->wake, &runs->lock, &until) == ETIMEDOUT)
            break;
    struct runs_task *tasks = runs->tasks;
    runs->tasks = NULL;
    runs->tasks_end = &runs->tasks;
    runs->task_count = 0;
    runs->woken = false;
    if (runs->stop)
        atomic_store(&runs->stopping, true);
    pthread_mutex_unlock(&runs->lock);
    return tasks;
}

static void run_tasks(struct runs *runs, struct runs_task *tasks)
{
    while (tasks) {
        struct runs_task *task = tasks;
        tasks = task->next;
        task->run(runs, task);
    }
}

struct waiting {
    struct runs_task task;
    pthread_mutex_t lock;
    pthread_cond_t over;
    bool done;
};

static void signal_done(struct runs *runs, struct runs_task *task)
{
    struct waiting *waiting = (struct waiting *)task;
    (void)runs;
    pthread_mutex_lock(&waiting->lock);
    waiting->done = true;
    pthread_cond_signal(&waiting->over);
    pthread_mutex_unlock(&waiting->lock);
}

void runs_await_tasks(struct runs *runs)
{
    struct waiting waiting = {.task = {.run = signal_done},
                              .lock = PTHREAD_MUTEX_INITIALIZER,
                              .over = PTHREAD_COND_INITIALIZER};
    if (!runs->running)
        return;
    runs_do(runs, &waiting.task);
    pthread_mutex_lock(&waiting.lock);
    while (!waiting.done)
        pthread_cond_wait(&waiting.over, &waiting.lock);
    pthread_mutex_unlock(&waiting.lock);
}

/* ---- the thread ---- */

static void keep_up(struct runs *runs)
{
    struct fw_detail detail = {{0}};
    runs_take_ended(runs, jobs_wall_ns());
    if ((runs->store->shared || !runs->loaded) && runs_catch_up(runs, &detail) != FW_OK)
        log_debug("the log of runs cannot be read now", LOG_TEXT("reason", detail.text));
    int64_t now_ns = jobs_now_ns();
    if (runs->dirty && now_ns >= runs->publish_ns)
        runs_publish(runs);
    if (now_ns >= runs->save_ns || runs->unsaved >= RUNS_SAVE_AFTER)
        runs_save(runs);
}

static void *run(void *context)
{
    struct runs *runs = context;
    while (!runs_stopping(runs)) {
        int64_t until_ns = jobs_now_ns() + RUNS_TICK_NS;
        if (runs->dirty && runs->publish_ns < until_ns)
            until_ns = runs->publish_ns;
        run_tasks(runs, await(runs, until_ns));
        keep_up(runs);
    }
    run_tasks(runs, await(runs, jobs_now_ns()));
    runs_save(runs);
    return NULL;
}

bool runs_stopping(const struct runs *runs)
{
    return atomic_load(&runs->stopping);
}

/* ---- calls through the proxy ---- */

static void look_up(struct runs *runs, unsigned reader, const struct run_head *head,
                    const struct open_begun *open, struct callpath_hints *hints)
{
    struct callpath_found found;
    const struct callpath_view *view = runs_hold(runs, reader);
    bool known =
        view && callpath_find(view, head->agent, head->path, head->scopes + 1, open->index, &found);
    callpath_hints(known ? &found : NULL, open->ordinal, head->level, hints);
    runs_let_go(runs, reader);
}

void runs_begin(struct runs *runs, unsigned reader, struct run_head *head, struct str name,
                uint64_t session, int64_t at_ns, struct runs_begun *begun)
{
    struct open_begun open = {.index = CALLPATH_ANY};
    CHECK(reader < RUNS_READERS);
    head->path[head->scopes] = name;
    begun->call = (struct open_call){0, 0};
    begun->prefix[0] = 0;
    if (head->run.len == 0) {
        look_up(runs, reader, head, &open, &begun->hints);
        begun->hints.known &= ~(uint32_t)CALLPATH_HINT_TOTAL;
        return;
    }
    bool ended = open_runs_begin(runs->open, head, name, at_ns, &open);
    begun->call = open.call;
    look_up(runs, reader, head, &open, &begun->hints);
    callpath_prefix(head->agent, head->run, head->path, head->scopes, begun->prefix);
    if (atomic_load_explicit(&runs->plans, memory_order_relaxed))
        runs_notice(runs, head, head->scopes + 1, open.index, session);
    else if (ended)
        wake(runs);
}

void runs_end(struct runs *runs, struct open_call call, int64_t at_ns, double tokens)
{
    if (open_runs_end(runs->open, call, at_ns, tokens))
        wake(runs);
}

void runs_cancel(struct runs *runs, struct open_call call)
{
    if (open_runs_cancel(runs->open, call))
        wake(runs);
}

/* ---- answers ---- */

void runs_ask(struct runs *runs, struct str agent, const struct str *path, uint32_t depth,
              uint32_t index, uint32_t ordinal, struct runs_answer *answer)
{
    struct callpath_found found = {0};
    struct fw_detail detail = {{0}};
    *answer = (struct runs_answer){.scale = runs->settings.weights.scale};
    if (runs->store->shared && runs_catch_up(runs, &detail) != FW_OK)
        log_debug("the log of runs cannot be read now", LOG_TEXT("reason", detail.text));
    if (runs->dirty)
        runs_publish(runs);
    const struct callpath_view *view = atomic_load(&runs->view); /* only this thread frees it */
    answer->found = view && callpath_find(view, agent, path, depth, index, &found);
    callpath_hints(answer->found ? &found : NULL, ordinal, 0, &answer->hints);
    if (found.prediction)
        answer->prediction = *found.prediction;
    answer->guess_count = callnext_find(runs->next, agent, path, depth, index, 0, answer->guesses);
}

void runs_count_refused(struct runs *runs, uint64_t count)
{
    atomic_fetch_add(&runs->refused, count);
}

void runs_counts(struct runs *runs, struct runs_counts *counts)
{
    struct open_runs_counts open = open_runs_counts(runs->open);
    *counts = (struct runs_counts){
        .learned = atomic_load(&runs->learned),
        .calls = atomic_load(&runs->calls),
        .known_again = atomic_load(&runs->known_again),
        .refused = atomic_load(&runs->refused),
        .dropped = atomic_load(&runs->dropped),
        .unreadable = atomic_load(&runs->unreadable),
        .too_long = open.too_long,
        .crowded = open.crowded,
        .nodes_dropped = atomic_load(&runs->nodes_dropped),
        .nodes = atomic_load(&runs->nodes),
        .bytes = atomic_load(&runs->bytes),
        .open = open.open,
        .told = atomic_load(&runs->told),
    };
}

/* ---- life ---- */

static struct callpath_settings settings_of(const struct config_hints *hints)
{
    struct callpath_settings settings = callpath_defaults;
    settings.weights = (struct callpath_weights){
        .scored = true,
        .scale = (uint32_t)hints->scale,
        .critical = hints->w_critical,
        .fanout = hints->w_fanout,
        .position = hints->w_position,
        .parallel = hints->w_parallel,
    };
    settings.half_life_ns = hints->half_life_ns;
    settings.half_life_samples = (uint32_t)hints->half_life_samples;
    settings.max_nodes = (uint32_t)hints->max_nodes;
    return settings;
}

void runs_configure(struct runs *runs, struct config *config)
{
    open_runs_set_limits(runs->open, (size_t)config->hints.max_open_runs,
                         config->hints.run_idle_ns);
    atomic_store(&runs->plans, config->hints.on && config->hints.plan);
}

static void init(struct runs *runs, const struct config *config)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&runs->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&runs->lock, NULL);
    runs->tasks_end = &runs->tasks;
    runs->pending_end = &runs->pending;
    runs->settings = settings_of(&config->hints);
    runs->save_ns = jobs_now_ns() + RUNS_SAVE_NS;
}

enum fw_err runs_create(struct runs **out, struct store *store, struct config *config,
                        struct fw_detail *detail)
{
    struct runs *runs = calloc(1, sizeof *runs);
    *out = runs;
    if (!runs)
        return FW_NOMEM;
    init(runs, config);
    FW_TRY(open_runs_create(&runs->open, (size_t)config->hints.max_open_runs,
                            config->hints.run_idle_ns));
    runs_configure(runs, config);
    FW_TRY(runs_make_learners(runs, detail));
    FW_TRY(
        store_runs_open(&runs->store, store, config->state, config->redis_password_file, detail));
    enum fw_err err = runs_load(runs, detail);
    if (err != FW_OK && err != FW_UNREACHABLE)
        return err;
    runs_publish(runs);
    return FW_OK;
}

enum fw_err runs_start(struct runs *runs, struct brain *brain, struct fw_detail *detail)
{
    runs->brain = brain;
    int error = pthread_create(&runs->thread, NULL, run, runs);
    if (error != 0)
        return err_set(detail, FW_IO, "the runs' thread cannot be started: %s", strerror(error));
    runs->running = true;
    return FW_OK;
}

void runs_stop(struct runs *runs)
{
    if (!runs || !runs->running)
        return;
    pthread_mutex_lock(&runs->lock);
    runs->stop = true;
    pthread_cond_signal(&runs->wake);
    pthread_mutex_unlock(&runs->lock);
    pthread_join(runs->thread, NULL);
    runs->running = false;
}

void runs_destroy(struct runs **gone)
{
    struct runs *runs = *gone;
    *gone = NULL;
    if (!runs)
        return;
    while (runs->pending) {
        struct ended_run *run = runs->pending;
        runs->pending = run->next;
        ended_run_free(run);
    }
    runs_free_views(runs);
    callpath_free(&runs->learner);
    callnext_free(&runs->next);
    store_runs_close(&runs->store);
    open_runs_destroy(&runs->open);
    pthread_cond_destroy(&runs->wake);
    pthread_mutex_destroy(&runs->lock);
    free(runs);
}
