/* SPDX-License-Identifier: MIT
 * A warm-up: load, wait until loaded, probe until warm. One bounded thing a step, then the step
 * submits itself again. A warm-up that fails takes down what it began before it says so. */
#include "edge/site_task.h"
#include "base/time.h"
#include "edge/call.h"
#include "edge/log.h"
#include "edge/site_fleet.h"

#define FIRST_DELAY_NS (5 * TIME_MILLISECOND)
#define LAST_DELAY_NS  TIME_SECOND

static struct site *site_of(struct job *job)
{
    return (struct site *)((char *)job - offsetof(struct site, job));
}

void site_task_again(struct site *site, enum site_phase phase, int64_t delay_ns, bool slow)
{
    if (phase != site->phase) {
        site->delay_ns = 0;
        site->phase_ns = jobs_now_ns();
    }
    site->phase = phase;
    site->job.slow = slow;
    jobs_submit(site->jobs, &site->job, delay_ns);
}

/* Waits grow from short to `max_ns`: quick servers are noticed at once, slow ones are not asked too
 * often. */
int64_t site_task_next_delay(struct site *site, int64_t max_ns)
{
    site->delay_ns = site->delay_ns == 0 ? FIRST_DELAY_NS : site->delay_ns * 3 / 2;
    if (site->delay_ns > max_ns)
        site->delay_ns = max_ns;
    return site->delay_ns;
}

static void report(struct site *site, struct event event)
{
    event.resource = site->resource;
    event.attempt = site->attempt;
    site->hooks->report(site->hooks->context, &event);
}

/* The last step of a task: nothing of the site may be touched behind the report. */
void site_task_finish(struct site *site, enum site_stage stage, struct event event)
{
    site->phase = SITE_IDLE;
    site_set_stage(site, stage);
    report(site, event);
}

void site_task_say(struct site *site, const struct fw_detail *detail)
{
    pthread_mutex_lock(&site->lock);
    site->error = *detail;
    pthread_mutex_unlock(&site->lock);
}

void site_task_fail(struct site *site, enum fw_err err, const struct fw_detail *detail)
{
    if (site_fleet_failed(site, err, detail))
        return;
    site->failure = err;
    site->failure_detail = *detail;
    site_task_again(site, SITE_BEGIN_CLEANUP, 0, site->warmer.ops->unload_blocks);
}

/* Cancelled or out of time? Then the warm-up has been failed. `waiting_for` may be "". */
static bool gave_up(struct site *site, const struct fw_detail *waiting_for)
{
    struct fw_detail detail = {{0}};
    char limit[TIME_TEXT_MAX];
    if (atomic_load(&site->cancel)) {
        (void)err_set(&detail, FW_CANCELLED, "cancelled: nobody waits for it any more");
        site_task_fail(site, FW_CANCELLED, &detail);
        return true;
    }
    if (jobs_now_ns() < site->deadline_ns)
        return false;
    (void)err_set(&detail, FW_TIMEOUT, "not warm within start_timeout (%s)%s%.380s",
                  time_format_human(site->warmer.config->warmer.start_timeout_ns, limit),
                  waiting_for->text[0] ? ": " : "", waiting_for->text);
    site_task_fail(site, FW_TIMEOUT, &detail);
    return true;
}

/* ---- loading ---- */

static void begin_load(struct site *site)
{
    struct fw_detail detail = {{0}};
    log_info("loading", LOG_TEXT("resource", site->id), LOG_TEXT("warmer", site->warmer.ops->name));
    site->warmer.refused = false;
    site_probe_choose_options(site);
    enum fw_err err = site->warmer.ops->load(&site->warmer, &detail);
    if (err != FW_OK && site->warmer.refused) {
        site->failure = err;
        site->failure_detail = detail;
        site_task_failed(site);
    } else if (err != FW_OK)
        site_task_fail(site, err, &detail);
    else
        site_task_again(site, SITE_AWAIT_LOAD, 0, site->warmer.ops->load_blocks);
}

static void await_load(struct site *site)
{
    struct fw_detail detail = {{0}};
    enum warmer_state state = site->warmer.ops->state(&site->warmer, &detail);
    if (state == WARMER_BROKEN || state == WARMER_UNLOADED) {
        site_task_fail(site, FW_SPAWN, &detail);
        return;
    }
    if (state != WARMER_LOADED) {
        if (detail.text[0])
            site_task_say(site, &detail);
        if (!gave_up(site, &detail))
            site_task_again(site, SITE_AWAIT_LOAD,
                            site_task_next_delay(site, site->warmer.config->warmer.poll_ns),
                            site->warmer.ops->load_blocks);
        return;
    }
    int64_t took_ns = jobs_now_ns() - site->begun_ns;
    site_set_stage(site, SITE_VERIFYING);
    report(site, (struct event){.kind = EVENT_LOADED, .duration_ns = took_ns});
    site_task_again(site, SITE_PROBE, 0, true);
    /* A cancel that comes now is seen by the next step. */
}

/* ---- proving ---- */

/* In a fleet a load needs a lease. */
static void load_again(struct site *site)
{
    if (site->seat)
        site_fleet_load_again(site);
    else
        site_task_again(site, SITE_BEGIN_LOAD, 0, site->warmer.ops->load_blocks);
}

/* Servers that load by calls may have let go of it; a process of ours that runs has it still. */
static void prove_again(struct site *site)
{
    struct fw_detail detail = {{0}};
    enum warmer_state state = site->warmer.ops->state(&site->warmer, &detail);
    bool own = site->warmer.ops == &warmer_exec;
    if (site->joined && own)
        state = WARMER_LOADED; /* another's: the probe tells */
    if (own && (state == WARMER_BROKEN || state == WARMER_UNLOADED))
        site_task_fail(site, FW_SPAWN, &detail);
    else if (state == WARMER_LOADED || own)
        site_task_again(site, SITE_PROBE, 0, true);
    else
        load_again(site);
}

static void learn(struct site *site, bool anew, int64_t latency_ns)
{
    int64_t now_ns = jobs_now_ns();
    pthread_mutex_lock(&site->lock);
    struct site_learned *learned = &site->learned;
    if (anew)
        learned->probe_ns = (struct stats_recent){0};
    stats_recent_add(&learned->probe_ns, latency_ns);
    if (site->phase != SITE_ADOPT && !site->doubted) {
        if (site->level == 0 && !site->joined) /* what a level saves the engine learns */
            stats_recent_add(&learned->load_ns, site->phase_ns - site->begun_ns);
        stats_recent_add(&learned->verify_ns, now_ns - site->phase_ns);
        site->took_ns = now_ns - site->begun_ns;
    }
    site->learned_changed = true;
    site->error.text[0] = 0;
    pthread_mutex_unlock(&site->lock);
}

/* What it really uses, when that is more than was said (a server may use memory that /proc does not
 * show). */
static uint64_t measured_bytes(struct site *site)
{
    uint64_t bytes = site->warmer.ops->footprint(&site->warmer);
    return bytes > site->warmer.config->engine.memory ? bytes : 0;
}

/* Without a warmer a warm-up is the probe alone, whatever its server does. */
static uint32_t nothing_is_loaded(const struct site *site)
{
    return site->warmer.ops == &warmer_none ? EVENT_INFERRED : 0;
}

static void proven(struct site *site, bool changed)
{
    struct fw_detail detail = {{0}};
    int64_t latency_ns = site->latencies[site->probes - 1];
    atomic_store(&site->proven, true);
    /* It may have ended between the answer and now; then either this or its end's message sees the
     * other. */
    if (site->warmer.ops->state(&site->warmer, &detail) == WARMER_BROKEN) {
        if (atomic_exchange(&site->proven, false)) {
            site_task_fail(site, FW_SPAWN, &detail);
            return;
        }
    }
    if (!site_fleet_proven(site))
        return;
    site_pass_note_on(site);
    if (changed)
        log_warn("its warm latency has changed for good", LOG_TEXT("resource", site->id),
                 LOG_SECONDS("probe_s", latency_ns));
    learn(site, changed, latency_ns);
    int64_t now_ns = jobs_now_ns();
    site->asleep = false;
    site->level = 0;
    log_info("warm", LOG_TEXT("resource", site->id),
             LOG_SECONDS("load_s", site->phase_ns - site->begun_ns),
             LOG_SECONDS("verify_s", now_ns - site->phase_ns), LOG_INT("probes", site->probes),
             LOG_SECONDS("probe_s", latency_ns));
    site_task_finish(site, SITE_READY,
                     (struct event){.kind = EVENT_PROVEN,
                                    .flags = nothing_is_loaded(site),
                                    .duration_ns = now_ns - site->phase_ns,
                                    .value = measured_bytes(site)});
}

/* One probe; FW_OK: it was answered as expected, and its latency is noted. */
static enum fw_err probe_once(struct site *site, struct fw_detail *detail)
{
    struct call_result result;
    enum fw_err err = site_probe_call(site, &result, detail);
    if (err == FW_OK)
        site->latencies[site->probes++] = result.latency_ns;
    log_debug("probe", LOG_TEXT("resource", site->id), LOG_TEXT("result", err_row(err)->name),
              LOG_SECONDS("took_s", result.latency_ns));
    call_result_fini(&result);
    return err;
}

static enum probe_verdict judge(struct site *site)
{
    pthread_mutex_lock(&site->lock);
    struct stats_recent learned = site->learned.probe_ns;
    pthread_mutex_unlock(&site->lock);
    return probe_judge(&learned, site->warmer.config->warm_factor, site->latencies, site->probes);
}

/* Not answered as expected: a server that has just opened its port may not serve yet. */
static void probe_failed(struct site *site, const struct fw_detail *detail)
{
    struct fw_detail broken = {{0}};
    if (site->warmer.ops == &warmer_exec &&
        site->warmer.ops->state(&site->warmer, &broken) == WARMER_BROKEN) {
        site_task_fail(site, FW_SPAWN, &broken);
        return;
    }
    site_task_say(site, detail);
    if (!site_fleet_missed(site) && !gave_up(site, detail))
        site_task_again(site, SITE_PROBE, site_task_next_delay(site, LAST_DELAY_NS), true);
}

/* Doubted, still slow, and its server need not have said that it let go: then it is loaded again,
 * once. */
static bool gone_without_a_word(struct site *site)
{
    if (!site->doubted || site->reloaded || site->probes < 2 || site->warmer.ops == &warmer_exec)
        return false;
    site->reloaded = true;
    site->probes = 0;
    return true;
}

static void prove(struct site *site)
{
    struct fw_detail detail = {{0}};
    if (!warmer_proves(site->warmer.config)) { /* allowed for warmer none only */
        site->latencies[site->probes++] = 0;
        atomic_store(&site->proven, true);
        if (!site_fleet_proven(site))
            return;
        site->asleep = false;
        site->level = 0;
        site_task_finish(site, SITE_READY,
                         (struct event){.kind = EVENT_PROVEN, .flags = nothing_is_loaded(site)});
        return;
    }
    if (atomic_load(&site->cancel) && gave_up(site, &detail))
        return;
    if (probe_once(site, &detail) != FW_OK) {
        probe_failed(site, &detail);
        return;
    }
    switch (judge(site)) {
    case PROBE_WARM:
        proven(site, false);
        break;
    case PROBE_CHANGED:
        proven(site, true);
        break;
    case PROBE_AGAIN:
        if (gone_without_a_word(site))
            load_again(site);
        else
            site_task_again(site, SITE_PROBE, 0, true);
        break;
    case PROBE_UNSTABLE:
        if (site->doubted) { /* it answers, and is busy: taking it down would help nobody */
            log_warn("doubted and proven again, but slow", LOG_TEXT("resource", site->id));
            proven(site, false);
            break;
        }
        (void)err_set(
            &detail, FW_PROBE,
            "%d probes were answered, but their times never settled within warm_factor %g",
            PROBE_MAX, site->warmer.config->warm_factor);
        site_task_fail(site, FW_PROBE, &detail);
    }
}

/* ---- taking down ---- */

void site_task_failed(struct site *site)
{
    if (site->failure != FW_CANCELLED) /* else it is where it was */
        site->level = 0;
    if (site->failure == FW_CANCELLED)
        log_info("warm-up cancelled", LOG_TEXT("resource", site->id));
    else
        log_error("warm-up failed", LOG_TEXT("resource", site->id),
                  LOG_TEXT("error", err_row(site->failure)->name),
                  LOG_TEXT("reason", site->failure_detail.text),
                  LOG_TEXT("next", err_row(site->failure)->next));
    site_task_say(site, &site->failure_detail);
    if (site->seat)
        fleet_failed(site->seat, site->failure == FW_CANCELLED ? NULL : site->failure_detail.text);
    site_task_finish(site,
                     site->failure != FW_CANCELLED ? SITE_FAILED
                     : site->level > 0             ? SITE_HALF
                                                   : SITE_COLD,
                     (struct event){.kind = EVENT_FAILED, .status = site->failure});
}

static void unloaded(struct site *site)
{
    if (site->phase == SITE_AWAIT_CLEANUP) {
        site_task_failed(site);
        return;
    }
    log_info("unloaded", LOG_TEXT("resource", site->id),
             LOG_SECONDS("took_s", jobs_now_ns() - site->begun_ns));
    if (site->seat)
        fleet_unloaded(site->seat, false);
    site_task_finish(
        site, SITE_COLD,
        (struct event){.kind = EVENT_UNLOADED, .duration_ns = jobs_now_ns() - site->begun_ns});
}

static void begin_unload(struct site *site)
{
    struct fw_detail detail = {{0}};
    bool cleanup = site->phase == SITE_BEGIN_CLEANUP;
    if (cleanup && site->asleep && site->failure == FW_CANCELLED) {
        atomic_store(&site->cancel, false);
        site_task_again(site, SITE_SLEEP_AGAIN, 0, true);
        return;
    }
    site->asleep = false;
    enum fw_err err = site->warmer.ops ? site->warmer.ops->unload(&site->warmer, &detail) : FW_OK;
    if (err != FW_OK)
        log_warn("the unload call failed", LOG_TEXT("resource", site->id),
                 LOG_TEXT("reason", detail.text));
    /* Twice the time: after stop_timeout a command is killed, and even that takes a moment. */
    site->stop_deadline_ns =
        site->warmer.config
            ? time_add(jobs_now_ns(), 2 * site->warmer.config->warmer.stop_timeout_ns + TIME_SECOND)
            : 0;
    site_task_again(site, cleanup ? SITE_AWAIT_CLEANUP : SITE_AWAIT_UNLOAD, 0, site->job.slow);
}

static void await_unload(struct site *site)
{
    struct fw_detail detail = {{0}};
    if (!site->warmer.ops || site->warmer.ops->state(&site->warmer, &detail) == WARMER_UNLOADED) {
        unloaded(site);
    } else if (jobs_now_ns() >= site->stop_deadline_ns) {
        log_error("it does not unload; going on as if it had", LOG_TEXT("resource", site->id),
                  LOG_TEXT("reason", detail.text),
                  LOG_TEXT("next", "see its log; its memory may still be in use"));
        unloaded(site);
    } else {
        site_task_again(site, site->phase,
                        site_task_next_delay(site, site->warmer.config->warmer.poll_ns),
                        site->job.slow);
    }
}

/* ---- after a restart ---- */

/* What cannot be taken over is taken down, before anything new is loaded in its place. */
static void not_adopted(struct site *site, const struct fw_detail *detail)
{
    if (site->warmer.child || detail->text[0])
        log_info("not taken over", LOG_TEXT("resource", site->id),
                 LOG_TEXT("reason", detail->text));
    if (site->warmer.child) {
        struct fw_detail ignored = {{0}};
        (void)site->warmer.ops->unload(&site->warmer, &ignored);
        site->phase = SITE_ADOPT;
        site->failure = FW_NO;
        site_task_again(site, SITE_ADOPT, FIRST_DELAY_NS, false);
        return;
    }
    site->phase = SITE_IDLE;
    site->hooks->adopted(site->hooks->context, site, false);
}

static void await_stopped(struct site *site)
{
    struct fw_detail detail = {{0}};
    if (site->warmer.ops->state(&site->warmer, &detail) == WARMER_UNLOADED) {
        site->phase = SITE_IDLE;
        site->hooks->adopted(site->hooks->context, site, false);
    } else {
        site_task_again(site, SITE_ADOPT,
                        site_task_next_delay(site, site->warmer.config->warmer.poll_ns), false);
    }
}

static void adopt(struct site *site)
{
    struct fw_detail detail = {{0}};
    if (site->failure != FW_OK) {
        await_stopped(site);
        return;
    }
    if (!site->warmer.ops->adopt(&site->warmer, &site->saved, &detail) ||
        probe_once(site, &detail) != FW_OK) {
        not_adopted(site, &detail);
        return;
    }
    enum probe_verdict verdict = judge(site);
    if (verdict == PROBE_AGAIN && probe_once(site, &detail) == FW_OK)
        verdict = judge(site);
    if (verdict != PROBE_WARM) {
        (void)err_set(&detail, FW_PROBE, "its probe was not answered at warm speed");
        not_adopted(site, &detail);
        return;
    }
    atomic_store(&site->proven, true);
    if (site->seat)
        fleet_found(site->seat);
    learn(site, false, site->latencies[site->probes - 1]);
    site_pass_note_on(site);
    log_info("taken over: it still runs and is warm", LOG_TEXT("resource", site->id),
             LOG_INT("pid", site->saved.pid));
    uint64_t bytes = measured_bytes(site);
    site->phase = SITE_IDLE;
    site_set_stage(site, SITE_READY);
    report(site, (struct event){.kind = EVENT_FOUND,
                                .value = bytes,
                                .devices = site_devices(site, site->in_force->engine.devices),
                                .duration_ns = site->latencies[site->probes - 1]});
    site->hooks->adopted(site->hooks->context, site, true);
}

/* ---- looking whether it is still there, and how large it is ---- */

/* A change worth telling: a thirty-second part of what it was. */
static void measure(struct site *site)
{
    if (!site_measures(site))
        return;
    uint64_t bytes = measured_bytes(site), before = site->told_bytes;
    uint64_t change = bytes > before ? bytes - before : before - bytes;
    if (bytes == 0 || change <= before / 32)
        return;
    if (before > 0)
        log_info("its size has changed", LOG_TEXT("resource", site->id),
                 LOG_INT("bytes", (int64_t)bytes));
    site->told_bytes = bytes;
    struct event event = {.kind = EVENT_SIZED, .resource = site->resource, .value = bytes};
    site->hooks->report(site->hooks->context, &event);
}

/* Servers let go of models by themselves. One "no" may be a hiccup; two are believed. */
static void look(struct site *site)
{
    struct fw_detail detail = {{0}};
    bool there =
        !site_can_ask(site) || site->warmer.ops->state(&site->warmer, &detail) == WARMER_LOADED;
    if (there) {
        measure(site);
        site_pass_note_on(site);
    }
    site->missing = there ? 0 : site->missing + 1;
    if (site->missing >= SITE_LOOKS_MISSED)
        site->warmer.lost(site->warmer.context);
    site->phase = SITE_IDLE;
    site->hooks->looked(site->hooks->context, site);
}

void site_task_step(struct job *job)
{
    struct site *site = site_of(job);
    switch (site->phase) {
    case SITE_BEGIN_LOAD:
        begin_load(site);
        break;
    case SITE_AWAIT_LOAD:
        await_load(site);
        break;
    case SITE_PROVE_AGAIN:
        prove_again(site);
        break;
    case SITE_PROBE:
        prove(site);
        break;
    case SITE_BEGIN_CLEANUP:
    case SITE_BEGIN_UNLOAD:
        begin_unload(site);
        break;
    case SITE_AWAIT_CLEANUP:
    case SITE_AWAIT_UNLOAD:
        await_unload(site);
        break;
    case SITE_ADOPT:
        adopt(site);
        break;
    case SITE_LOOK:
        look(site);
        break;
    case SITE_RAISE:
    case SITE_SLEEP:
    case SITE_WAKE:
    case SITE_SLEEP_AGAIN:
    case SITE_LOWER:
        site_level_step(site);
        break;
    case SITE_AWAIT_LEASE:
    case SITE_AWAIT_LEAVE:
    case SITE_FENCED:
        site_fleet_step(site);
        break;
    case SITE_IDLE:
        break;
    }
}
