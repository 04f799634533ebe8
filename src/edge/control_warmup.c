/* SPDX-License-Identifier: MIT
 * POST /warmup and its siblings (W1, W2). Any number of callers make one warm-up: each asks the
 * engine, which starts at most one, and all wait here for the resource to become warm or to fail.
 */
#include "base/time.h"
#include "edge/control_part.h"

const struct control_field control_warmup_fields[] = {
    {"resource", CONTROL_TEXT, true, 0, 0},
};
const size_t control_warmup_field_count = 1;

static void write_error_text(struct buf *out, const struct resource_view *view,
                             const struct site_progress *progress, int64_t now_ns)
{
    char pause[TIME_TEXT_MAX];
    if (progress->error.text[0])
        buf_add_text(out, progress->error.text);
    else if (view->cooldown_until_ns > now_ns)
        buf_add_text(out, "in cool-down: its last warm-up ahead went unused");
    else
        buf_add_text(out, "it was not begun");
    if (view->state == RESOURCE_FAILED && view->retry_at_ns > now_ns &&
        view->retry_at_ns != TIME_NEVER)
        buf_printf(out, " (next attempt in %s)",
                   time_format_human(view->retry_at_ns - now_ns, pause));
    else if (view->cooldown_until_ns > now_ns && view->state == RESOURCE_COLD)
        buf_printf(out, " (hints and pages are ignored for another %s)",
                   time_format_human(view->cooldown_until_ns - now_ns, pause));
}

/* {"status","time","ready","cached","error"?} */
static void write_answer(struct call *call, const char *status, bool ready, bool cached,
                         const char *error)
{
    struct json json;
    double took_s = cached ? 0 : time_to_seconds(jobs_now_ns() - call->began_ns);
    json_init(&json, &call->out, false);
    json_object(&json);
    json_key_text(&json, "status", status);
    json_key_fixed(&json, "time", took_s, 3);
    json_key_bool(&json, "ready", ready);
    json_key_bool(&json, "cached", cached);
    if (error)
        json_key_text(&json, "error", error);
    json_object_end(&json);
}

/* Is it decided? Then the answer is written. */
static bool decide(struct brain *brain, struct call *call)
{
    struct resource_view view;
    struct site_progress progress;
    int64_t now_ns = brain_now_ns(brain);
    struct site *site = brain_site(brain, call->resource);
    engine_view(brain_engine(brain), call->resource, now_ns, &view);
    site_progress(site, view.expected_load_ns, &progress);
    if (view.state == RESOURCE_WARM) {
        write_answer(call, "warmed", true, false, NULL);
        return true;
    }
    bool expired = jobs_now_ns() >= call->deadline_ns;
    if (!expired &&
        (view.queued || view.state == RESOURCE_WARMING || view.state == RESOURCE_VERIFYING))
        return false;
    struct buf error;
    buf_init(&error, 1024);
    if (expired)
        buf_add_text(&error, "not warm in time; it goes on in the background");
    else
        write_error_text(&error, &view, &progress, now_ns);
    write_answer(call, "failed", false, false, error.data);
    buf_fini(&error);
    return true;
}

static bool is_warm(struct brain *brain, uint32_t resource)
{
    struct resource_view view;
    engine_view(brain_engine(brain), resource, brain_now_ns(brain), &view);
    return view.state == RESOURCE_WARM;
}

static void ask(struct brain *brain, uint32_t resource)
{
    const struct event event = {.kind = EVENT_WARM, .resource = resource};
    brain_step(brain, &event);
}

/* Longest wait: a queue for memory, then a load. */
static int64_t longest_wait(const struct site *site)
{
    const struct config *config = site->latest;
    int64_t hold_ns = site->config->engine.hold_timeout_ns;
    if (hold_ns == RESOURCE_INHERITS)
        hold_ns = config->engine.hold_timeout_ns;
    return time_add(site->config->warmer.start_timeout_ns, hold_ns);
}

bool control_warmup(struct brain *brain, struct call *call)
{
    call->err = control_resolve(brain, call, call->values[0].text);
    if (call->err != FW_OK)
        return true;
    if (is_warm(brain, call->resource)) {
        ask(brain, call->resource); /* it is wanted: a plan to let it go may wait */
        write_answer(call, "already_warm", true, true, NULL);
        return true;
    }
    ask(brain, call->resource);
    call->deadline_ns = time_add(call->began_ns, longest_wait(brain_site(brain, call->resource)));
    if (decide(brain, call))
        return true;
    struct control *control = call->control;
    call->next = control->waiting;
    control->waiting = call;
    return false;
}

/* Finishes those of the waiting that `over` says so of. */
static void settle(struct brain *brain, struct control *control,
                   bool (*over)(struct brain *brain, struct call *call))
{
    struct call **link = &control->waiting;
    while (*link) {
        struct call *call = *link;
        if (!over(brain, call)) {
            link = &call->next;
            continue;
        }
        *link = call->next;
        control_finish(control, call);
    }
}

static bool is_gone(struct brain *brain, struct call *call)
{
    (void)brain;
    return atomic_load(&call->gone);
}

void control_drop_gone(struct brain *brain, void *context)
{
    settle(brain, context, is_gone);
}

static bool expired_or_decided(struct brain *brain, struct call *call)
{
    return jobs_now_ns() >= call->deadline_ns && decide(brain, call);
}

void control_expire_waiting(struct brain *brain, void *context)
{
    settle(brain, context, expired_or_decided);
}

/* Every change of a state. A resource that failed is told apart from one that is still on its way
 * by decide. */
void control_watch(void *context, uint32_t resource)
{
    struct control *control = context;
    struct brain *brain = control->setup.brain;
    struct call **link = &control->waiting;
    while (*link) {
        struct call *call = *link;
        if (call->resource != resource || !decide(brain, call)) {
            link = &call->next;
            continue;
        }
        *link = call->next;
        control_finish(control, call);
    }
    control_note_change(control, brain, resource);
    control_live_change(control, brain, resource);
}

/* ---- status ---- */

void control_write_progress(struct brain *brain, uint32_t resource, struct json *json)
{
    struct resource_view view;
    struct site_progress progress;
    engine_view(brain_engine(brain), resource, brain_now_ns(brain), &view);
    site_progress(brain_site(brain, resource), view.expected_load_ns, &progress);
    bool begun = view.state == RESOURCE_WARMING || view.state == RESOURCE_VERIFYING;
    /* Proven, and the engine has not heard of it yet: still the last of verifying. */
    bool proven = begun && progress.ready;
    bool waiting = view.queued || (begun && !progress.in_progress && !proven);
    bool ready = view.state == RESOURCE_WARM;
    json_key_bool(json, "in_progress", progress.in_progress || waiting || proven);
    json_key_fixed(json, "progress",
                   ready     ? 1
                   : waiting ? 0
                   : proven  ? 0.99
                             : progress.progress,
                   3);
    json_key_text(json, "stage",
                  proven                             ? site_stage_name(SITE_VERIFYING)
                  : waiting && !progress.in_progress ? "queued"
                                                     : site_stage_name(progress.stage));
    json_key_bool(json, "ready", ready);
    json_key(json, "eta_s");
    if (ready)
        json_fixed(json, 0, 3);
    else if (progress.in_progress || proven)
        json_fixed(json, time_to_seconds(progress.eta_ns), 3);
    else
        json_null(json);
    json_key_text(json, "error", progress.error.text[0] ? progress.error.text : NULL);
}

static void write_status(struct brain *brain, struct call *call)
{
    struct json json;
    json_init(&json, &call->out, false);
    json_object(&json);
    json_key_text(&json, "resource", brain_site(brain, call->resource)->id);
    control_write_progress(brain, call->resource, &json);
    json_object_end(&json);
}

bool control_start_warmup(struct brain *brain, struct call *call)
{
    call->err = control_resolve(brain, call, call->values[0].text);
    if (call->err == FW_OK) {
        ask(brain, call->resource);
        call->status = 202;
        write_status(brain, call);
    }
    return true;
}

bool control_warmup_status(struct brain *brain, struct call *call)
{
    if (call->id[0] == 0)
        call->err = err_set(&call->detail, FW_INPUT, "resource: missing, expected ?resource=ID");
    else
        call->err = control_resolve(brain, call, call->id);
    if (call->err == FW_OK)
        write_status(brain, call);
    return true;
}
