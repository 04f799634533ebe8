/* SPDX-License-Identifier: MIT
 * The thread: its time, its loop, its mailbox. */
#include "edge/brain.h"
#include "base/check.h"
#include "base/time.h"
#include "edge/brain_part.h"
#include "edge/log.h"
#include "edge/prefixes.h"
#include <stdlib.h>

/* ---- time and stepping ---- */

/* Wall time that never goes back: when the clock is set back, time goes on at its own pace until
 * the clock has caught up. */
int64_t brain_now_ns(struct brain *brain)
{
    int64_t wall_ns = jobs_wall_ns(), monotonic_ns = jobs_now_ns();
    int64_t at_least_ns = brain->now_ns + (monotonic_ns - brain->monotonic_ns);
    brain->monotonic_ns = monotonic_ns;
    brain->now_ns = wall_ns > at_least_ns ? wall_ns : at_least_ns;
    return brain->now_ns;
}

static void step_at(struct brain *brain, const struct event *event, int64_t at_ns)
{
    struct event stamped = *event;
    stamped.at_ns = at_ns > brain->stepped_ns ? at_ns : brain->stepped_ns;
    brain->stepped_ns = stamped.at_ns;
    /* The journal holds what the engine was given, before it was given. */
    if (brain->journal)
        journal_file_event(brain->journal, &stamped);
    enum fw_err err = engine_step(brain->engine, &stamped, &brain->actions);
    if (err != FW_OK)
        log_error("the engine could not take an event",
                  LOG_TEXT("event", event_kind_name(event->kind)),
                  LOG_TEXT("error", err_row(err)->name), LOG_TEXT("next", err_row(err)->next));
    brain->event_count++;
    if (err == FW_OK)
        brain_count(brain, &stamped);
    if (brain->setup.fleet)
        brain_tell(brain, &stamped);
    brain->changed |= event->kind != EVENT_TIME || brain->actions.count > 0;
    brain_perform(brain);
}

void brain_step(struct brain *brain, const struct event *event)
{
    step_at(brain, event, brain_now_ns(brain));
}

/* Events of I/O threads carry the time of their loop's turn; different threads' may be a little out
 * of order. */
static void take_bus(struct brain *brain)
{
    struct event event;
    while (bus_take_event(brain->setup.bus, &event)) {
        if (event.at_ns > brain->now_ns)
            (void)brain_now_ns(brain);
        if (!brain_hear_latency(brain, &event))
            continue;
        step_at(brain, &event, event.at_ns < brain->now_ns ? event.at_ns : brain->now_ns);
    }
}

/* ---- mailbox ---- */

static void send_message(struct brain *brain, const struct brain_message *message)
{
    struct brain_mailbox *box = &brain->mailbox;
    pthread_mutex_lock(&box->lock);
    if (!box->closed) {
        if (box->count == box->capacity) {
            size_t capacity = box->capacity > 0 ? box->capacity * 2 : 64;
            struct brain_message *items = realloc(box->items, capacity * sizeof *items);
            CHECK(
                items); /* what is sent here follows from what was accepted: it cannot be dropped */
            box->items = items;
            box->capacity = capacity;
        }
        box->items[box->count++] = *message;
        if (message->adopted) {
            box->adopting--;
            pthread_cond_signal(&box->adopted_one);
        }
        if (box->attached)
            uv_async_send(&brain->wake);
    }
    pthread_mutex_unlock(&box->lock);
}

void brain_post(struct brain *brain, const struct event *event)
{
    send_message(brain, &(struct brain_message){.event = *event});
}

void brain_call(struct brain *brain, brain_fn *fn, void *context)
{
    send_message(brain, &(struct brain_message){.fn = fn, .context = context});
}

struct waiting_call {
    brain_fn *fn;
    void *context;
    pthread_mutex_t lock;
    pthread_cond_t over;
    bool done, ran;
};

static void run_waiting(struct brain *brain, void *context)
{
    struct waiting_call *call = context;
    call->fn(brain, call->context);
    pthread_mutex_lock(&call->lock);
    call->done = call->ran = true;
    pthread_cond_signal(&call->over);
    pthread_mutex_unlock(&call->lock);
}

bool brain_call_and_wait(struct brain *brain, brain_fn *fn, void *context)
{
    if (!brain->running)
        return false;
    struct waiting_call call = {.fn = fn,
                                .context = context,
                                .lock = PTHREAD_MUTEX_INITIALIZER,
                                .over = PTHREAD_COND_INITIALIZER};
    brain_call(brain, run_waiting, &call);
    pthread_mutex_lock(&call.lock);
    while (!call.done)
        pthread_cond_wait(&call.over, &call.lock);
    pthread_mutex_unlock(&call.lock);
    return call.ran;
}

static void handle(struct brain *brain, const struct brain_message *message)
{
    if (message->adopted) {
        if (!message->found) /* else its EVENT_FOUND has said so */
            brain_task_ended(brain, message->adopted->resource);
    } else if (message->looked) {
        brain_task_ended(brain, message->looked->resource);
    } else if (message->fn) {
        message->fn(brain, message->context);
    } else {
        brain_note_report(brain, &message->event);
        brain_step(brain, &message->event);
        if (message->event.kind == EVENT_PROVEN || message->event.kind == EVENT_FAILED ||
            message->event.kind == EVENT_UNLOADED || message->event.kind == EVENT_RAISED ||
            message->event.kind == EVENT_FOUND)
            brain_task_ended(brain, message->event.resource);
        if (brain->watch)
            brain->watch(brain->watch_context, message->event.resource);
    }
}

static void take_mail(struct brain *brain)
{
    struct brain_mailbox *box = &brain->mailbox;
    for (;;) {
        pthread_mutex_lock(&box->lock);
        struct brain_message *items = box->items;
        size_t count = box->count;
        box->items = NULL;
        box->count = box->capacity = 0;
        pthread_mutex_unlock(&box->lock);
        for (size_t i = 0; i < count; i++) {
            take_bus(brain); /* what its sender saw happen has happened for the engine too */
            handle(brain, &items[i]);
        }
        free(items);
        if (count == 0)
            return;
    }
}

/* ---- hooks of sites, on job threads ---- */

static void on_report(void *context, const struct event *event)
{
    brain_post(context, event);
}

static void on_adopted(void *context, struct site *site, bool found)
{
    send_message(context, &(struct brain_message){.adopted = site, .found = found});
}

static void on_looked(void *context, struct site *site)
{
    send_message(context, &(struct brain_message){.looked = site});
}

static bool on_remember(void *context, struct site *site, const struct saved_child *child)
{
    struct brain *brain = context;
    struct store *store = brain->setup.store;
    struct fw_detail detail = {{0}};
    if (store->ops->save_child(store, site->id, child, &detail) == FW_OK)
        return true;
    log_error("a running command cannot be written down", LOG_TEXT("resource", site->id),
              LOG_TEXT("reason", detail.text), LOG_TEXT("next", "make room for the state file"));
    return false;
}

/* ---- the loop ---- */

static void turn(struct brain *brain);

static void on_wake(uv_async_t *wake)
{
    turn(wake->data);
}

static void on_deadline(uv_timer_t *timer)
{
    struct brain *brain = timer->data;
    const struct event event = {.kind = EVENT_TIME};
    brain_step(brain, &event);
    turn(brain);
}

static void on_drain(uv_timer_t *timer)
{
    brain_look_at_drains(timer->data);
    turn(timer->data);
}

static void on_tick(uv_timer_t *timer)
{
    struct brain *brain = timer->data;
    turn(brain);
    if (brain->journal) {
        if (brain->now_ns - brain->marked_ns >= BRAIN_MARK_NS) {
            journal_file_mark(brain->journal, brain->engine);
            brain->marked_ns = brain->now_ns;
        }
        if (journal_file_rotate(brain->journal, brain->config->journal_max))
            journal_file_begin(brain->journal, &brain->config->engine, brain->engine);
        journal_file_flush(brain->journal);
    }
    brain_save_if_changed(brain);
    brain_keep_demand(brain);
    brain_look_at_prefixes(brain);
    if (brain->now_ns - brain->looked_ns >= BRAIN_LOOK_NS) {
        brain_look_at_servers(brain);
        brain->looked_ns = brain->now_ns;
    }
}

/* Rounded up: waking late changes nothing, waking early would spin. */
static uint64_t milliseconds_until(int64_t at_ns, int64_t now_ns)
{
    return at_ns <= now_ns ? 0
                           : (uint64_t)((at_ns - now_ns + TIME_MILLISECOND - 1) / TIME_MILLISECOND);
}

static void arm_timers(struct brain *brain)
{
    int64_t deadline_ns = engine_next_deadline(brain->engine);
    if (deadline_ns == TIME_NEVER)
        uv_timer_stop(&brain->deadline);
    else
        uv_timer_start(&brain->deadline, on_deadline,
                       milliseconds_until(deadline_ns, brain_now_ns(brain)), 0);
    if (brain->drain_count == 0)
        uv_timer_stop(&brain->drain_timer);
    else if (!uv_is_active((uv_handle_t *)&brain->drain_timer))
        uv_timer_start(&brain->drain_timer, on_drain, BRAIN_DRAIN_NS / TIME_MILLISECOND,
                       BRAIN_DRAIN_NS / TIME_MILLISECOND);
}

static void turn(struct brain *brain)
{
    take_mail(brain);
    take_bus(brain);
    if (atomic_load(&brain->stopping)) {
        uv_stop(&brain->loop);
        return;
    }
    brain_look_ahead(brain);
    uv_update_time(&brain->loop);
    arm_timers(brain);
}

static void *run(void *context)
{
    struct brain *brain = context;
    turn(brain);
    uv_run(&brain->loop, UV_RUN_DEFAULT);
    return NULL;
}

static enum fw_err make_loop(struct brain *brain, struct fw_detail *detail)
{
    int error = uv_loop_init(&brain->loop);
    if (error != 0)
        return err_set(detail, FW_IO, "an event loop cannot be made: %s", uv_strerror(error));
    brain->loop_made = true;
    error = uv_async_init(&brain->loop, &brain->wake, on_wake);
    CHECK(error == 0);
    uv_timer_init(&brain->loop, &brain->deadline);
    uv_timer_init(&brain->loop, &brain->tick);
    uv_timer_init(&brain->loop, &brain->drain_timer);
    brain->wake.data = brain->deadline.data = brain->tick.data = brain->drain_timer.data = brain;
    uv_timer_start(&brain->tick, on_tick, BRAIN_TICK_NS / TIME_MILLISECOND,
                   BRAIN_TICK_NS / TIME_MILLISECOND);
    brain->mailbox.attached = true;
    bus_attach_brain(brain->setup.bus, &brain->wake);
    return FW_OK;
}

/* ---- life ---- */

static void await_adoption(struct brain *brain)
{
    struct brain_mailbox *box = &brain->mailbox;
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += BRAIN_ADOPT_WAIT_NS / TIME_SECOND;
    pthread_mutex_lock(&box->lock);
    while (box->adopting > 0)
        if (pthread_cond_timedwait(&box->adopted_one, &box->lock, &until) != 0)
            break;
    pthread_mutex_unlock(&box->lock);
}

/* The engine hears of what survived before it hears what is configured: a pin or a plan may begin a
 * load at once, and must know what holds memory. What it does not know yet can only be told the
 * other way round. */
static void settle_in(struct brain *brain, struct config *config,
                      const struct store_content *content)
{
    brain_prepare(brain, config);
    brain_stop_orphans(brain, content);
    brain_adopt_all(brain, content);
    await_adoption(brain);
    take_mail(brain);
    brain_configure(brain, config);
    brain_adopt_all(brain, content);
    await_adoption(brain);
    take_mail(brain);
}

enum fw_err brain_create(struct brain **out, const struct brain_setup *setup, struct config *config,
                         struct fw_detail *detail)
{
    struct brain *brain = calloc(1, sizeof *brain);
    *out = brain;
    if (!brain)
        return FW_NOMEM;
    brain->setup = *setup;
    brain->config = config_retain(config);
    brain->hooks = (struct site_hooks){.context = brain,
                                       .report = on_report,
                                       .looked = on_looked,
                                       .adopted = on_adopted,
                                       .left_over = brain_left_over,
                                       .remember = on_remember};
    brain->monotonic_ns = jobs_now_ns();
    pthread_mutex_init(&brain->mailbox.lock, NULL);
    pthread_cond_init(&brain->mailbox.adopted_one, NULL);
    brain->metrics = setup->metrics ? metrics_shard(setup->metrics) : NULL;
    struct store_content content = {0};
    enum fw_err err = make_loop(brain, detail);
    if (err == FW_OK)
        err = setup->store->ops->load(setup->store, &content, detail);
    if (err == FW_OK)
        err = brain_restore(brain, &content, detail);
    if (err == FW_OK)
        err = brain_foresee(brain, config, detail);
    if (err == FW_OK)
        settle_in(brain, config, &content);
    store_content_fini(&content);
    return err;
}

enum fw_err brain_start(struct brain *brain, struct fw_detail *detail)
{
    int error = pthread_create(&brain->thread, NULL, run, brain);
    if (error != 0)
        return err_set(detail, FW_IO, "the brain's thread cannot be started: %s", strerror(error));
    brain->running = true;
    return FW_OK;
}

void brain_stop(struct brain *brain)
{
    if (!brain || !brain->running)
        return;
    atomic_store(&brain->stopping, true);
    uv_async_send(&brain->wake);
    pthread_join(brain->thread, NULL);
    brain->running = false;
    pthread_mutex_lock(&brain->mailbox.lock);
    brain->mailbox.closed = true;
    pthread_mutex_unlock(&brain->mailbox.lock);
    for (uint32_t i = 0; i < brain->place_count; i++)
        if (brain->places[i].site) {
            struct prefixes *prefixes = atomic_load(&brain->places[i].site->slot->prefixes);
            site_cancel(brain->places[i].site);
            if (prefixes)
                prefixes_cancel(prefixes);
        }
}

static void close_handle(uv_handle_t *handle, void *context)
{
    (void)context;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

void brain_destroy(struct brain **gone)
{
    struct brain *brain = *gone;
    if (!brain)
        return;
    if (brain->loop_made) {
        bus_attach_brain(brain->setup.bus, NULL);
        uv_walk(&brain->loop, close_handle, NULL);
        uv_run(&brain->loop, UV_RUN_DEFAULT);
        uv_loop_close(&brain->loop);
    }
    journal_file_close(&brain->journal, NULL);
    for (uint32_t i = 0; i < brain->place_count; i++) {
        site_destroy(&brain->places[i].site);
        free(brain->places[i].latency);
    }
    free(brain->places);
    for (uint32_t i = 0; i < brain->source_count; i++)
        free(brain->sources[i]);
    free(brain->sources);
    free(brain->drains);
    free(brain->mailbox.items);
    foresight_destroy(&brain->foresight);
    foresight_parts_free(&brain->keeping);
    engine_destroy(&brain->engine);
    action_list_fini(&brain->actions);
    store_content_fini(&brain->content);
    config_free(&brain->config);
    pthread_cond_destroy(&brain->mailbox.adopted_one);
    pthread_mutex_destroy(&brain->mailbox.lock);
    free(brain);
    *gone = NULL;
}

/* ---- reading, on the brain thread ---- */

const struct engine *brain_engine(const struct brain *brain)
{
    return brain->engine;
}

struct config *brain_config(const struct brain *brain)
{
    return brain->config;
}

uint32_t brain_find(const struct brain *brain, struct str id)
{
    return engine_resource(brain->engine, id);
}

struct site *brain_site(const struct brain *brain, uint32_t resource)
{
    return resource < brain->place_count ? brain->places[resource].site : NULL;
}

uint64_t brain_warmups(const struct brain *brain, uint32_t resource, enum cause cause,
                       enum brain_result result)
{
    return resource < brain->place_count ? brain->places[resource].warmups[cause][result] : 0;
}

uint64_t brain_event_count(const struct brain *brain)
{
    return brain->event_count;
}

void brain_watch(struct brain *brain, brain_watch_fn *fn, void *context)
{
    brain->watch = fn;
    brain->watch_context = context;
}
