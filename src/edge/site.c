/* SPDX-License-Identifier: MIT */
#include "edge/site.h"
#include "base/check.h"
#include "base/time.h"
#include "core/engine.h"
#include "edge/log.h"
#include "edge/site_task.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *site_stage_name(enum site_stage stage)
{
    static const char *const names[] = {
#define X(stage, name) name,
        SITE_STAGES(X)
#undef X
    };
    return names[stage];
}

/* The warmer's word that what was loaded is gone. What is loading notices by itself. */
static void lost(void *context)
{
    struct site *site = context;
    if (!atomic_exchange(&site->proven, false))
        return;
    site_set_stage(site, SITE_COLD);
    char how[400] = "its server does not have it any more";
    if (site->warmer.child)
        child_describe_end(site->warmer.child, how, sizeof how);
    log_warn("lost while it was warm", LOG_TEXT("resource", site->id), LOG_TEXT("how", how));
    if (site->seat)
        fleet_gone(site->seat);
    struct event event = {.kind = EVENT_LOST, .resource = site->resource};
    site->hooks->report(site->hooks->context, &event);
}

/* ---- what the fleet says, on its guard's thread ---- */

static void stop_load(void *context)
{
    struct site *site = context;
    atomic_store(&site->fenced, true);
    atomic_store(&site->cancel, true);
}

static void taken(void *context)
{
    struct site *site = context;
    if (!atomic_exchange(&site->proven, false))
        return;
    site_set_stage(site, SITE_COLD);
    log_warn("another forewarm unloaded it or loads it anew", LOG_TEXT("resource", site->id));
    struct event event = {.kind = EVENT_LOST, .resource = site->resource};
    site->hooks->report(site->hooks->context, &event);
    if (site->hooks->left_over)
        site->hooks->left_over(site->hooks->context, site);
}

static void left_over(void *context)
{
    struct site *site = context;
    if (site->hooks->left_over)
        site->hooks->left_over(site->hooks->context, site);
}

static bool remember(void *context, const struct saved_child *child)
{
    struct site *site = context;
    return site->hooks->remember(site->hooks->context, site, child);
}

enum fw_err site_create(struct site **site, uint32_t resource, struct str id, struct slot *slot,
                        struct jobs *jobs, struct children *children, bool die_with_us,
                        const struct site_hooks *hooks)
{
    struct site *made = calloc(1, sizeof *made);
    if (!made)
        return FW_NOMEM;
    CHECK(id.len < sizeof made->id);
    made->resource = resource;
    memcpy(made->id, id.data, id.len);
    made->slot = slot;
    made->jobs = jobs;
    made->hooks = hooks;
    made->took_ns = -1;
    made->warmer = (struct warmer){.children = children,
                                   .cancel = &made->cancel,
                                   .lost = lost,
                                   .remember = remember,
                                   .context = made,
                                   .die_with_us = die_with_us,
                                   .permille = -1};
    pthread_mutex_init(&made->lock, NULL);
    *site = made;
    return FW_OK;
}

void site_destroy(struct site **site)
{
    struct site *gone = *site;
    if (!gone)
        return;
    if (gone->warmer.child)
        child_release(gone->warmer.child);
    if (gone->doing)
        child_release(gone->doing);
    config_free(&gone->latest);
    buf_fini(&gone->warmer.fingerprint);
    buf_fini(&gone->warmer.options);
    config_free(&gone->in_force);
    pthread_mutex_destroy(&gone->lock);
    free(gone);
    *site = NULL;
}

void site_configure(struct site *site, struct config *config,
                    const struct config_resource *resource)
{
    config_free(&site->latest);
    site->latest = config_retain(config);
    site->config = resource;
    site->configured = true;
    const struct fleet_hooks hooks = {site, stop_load, taken, left_over};
    if (site->fleet && resource->shared && !site->seat)
        site->seat = fleet_seat(site->fleet, resource, &hooks);
}

void site_pass_note_on(struct site *site)
{
    pthread_mutex_lock(&site->lock);
    bool changed = strcmp(site->note.text, site->warmer.note.text) != 0;
    site->note = site->warmer.note;
    pthread_mutex_unlock(&site->lock);
    if (changed && site->warmer.note.text[0])
        log_warn(site->warmer.note.text, LOG_TEXT("resource", site->id));
}

/* From its last line on, the site's task part belongs to a job thread: whatever that reads is set
 * before. */
static void start_task(struct site *site, enum site_phase phase, uint64_t attempt)
{
    CHECK(site->phase == SITE_IDLE);
    site->phase = phase;
    site->attempt = attempt;
    site->begun_ns = site->phase_ns = jobs_now_ns();
    site->job.run = site_task_step;
    jobs_submit(site->jobs, &site->job, 0);
}

/* A load takes the latest configuration; so does adopting. */
static void put_in_force(struct site *site)
{
    config_free(&site->in_force);
    site->in_force = config_retain(site->latest);
    site->warmer.config = site->config;
    site->warmer.ops = warmer_find((enum warmer_kind)site->config->warmer.kind);
}

void site_set_devices(struct site *site, uint32_t mask, const struct engine *engine)
{
    struct warmer *warmer = &site->warmer;
    struct engine_device devices[DEVICES_MAX];
    uint32_t count = engine_devices(engine, devices);
    size_t names = 0, numbers = 0;
    warmer->device_names[0] = warmer->device_numbers[0] = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!(mask >> i & 1))
            continue;
        const char *comma = names > 0 ? "," : "";
        names += (size_t)snprintf(warmer->device_names + names, sizeof warmer->device_names - names,
                                  "%s%s", comma, devices[i].name);
        numbers += (size_t)snprintf(warmer->device_numbers + numbers,
                                    sizeof warmer->device_numbers - numbers, "%s%u", comma, i);
    }
}

uint32_t site_devices(const struct site *site, const char *text)
{
    struct devices devices;
    struct fw_detail detail;
    uint32_t mask = 0;
    struct str rest = str_of(site->warmer.device_names), name;
    if (rest.len == 0 || devices_parse(&devices, str_of(text), UINT64_MAX, &detail) != FW_OK)
        return 0;
    while (str_cut(&rest, ',', &name)) {
        int number = devices_find(&devices, name);
        mask |= number >= 0 ? 1u << number : 0;
    }
    return mask;
}

void site_warm(struct site *site, uint64_t attempt, uint32_t level)
{
    CHECK(site->configured);
    atomic_store(&site->cancel, false);
    atomic_store(&site->cancelled, false);
    atomic_store(&site->fenced, false);
    site->joined = site->alone_probed = false;
    site->warmer.token = 0;
    site->level = level;
    site->asleep &= level > 0; /* else it was lost */
    if (!site->asleep)         /* what sleeps was loaded with the one in force */
        put_in_force(site);
    site->probes = site->missing = 0;
    site->doubted = false;
    site->delay_ns = 0;
    site->failure = FW_OK;
    site->failure_detail.text[0] = 0;
    atomic_store(&site->warmer.permille, -1);
    site->job.slow = site->asleep || site->warmer.ops->load_blocks;
    site_set_stage(site, SITE_LOADING);
    site->deadline_ns = time_add(jobs_now_ns(), site->config->warmer.start_timeout_ns);
    site->after_lease = site->asleep ? SITE_WAKE : SITE_BEGIN_LOAD;
    if (site->seat) {
        site->job.slow = false;
        fleet_load(site->seat, false);
    }
    start_task(site, site->seat ? SITE_AWAIT_LEASE : site->after_lease, attempt);
}

void site_prove(struct site *site, uint64_t attempt)
{
    atomic_store(&site->proven, false);
    atomic_store(&site->cancel, false);
    atomic_store(&site->cancelled, false);
    atomic_store(&site->fenced, false);
    site->doubted = true;
    site->reloaded = false;
    site->probes = site->missing = 0;
    site->delay_ns = 0;
    site->failure = FW_OK;
    site->failure_detail.text[0] = 0;
    site->job.slow = true;
    site_set_stage(site, SITE_VERIFYING);
    site->deadline_ns = time_add(jobs_now_ns(), site->warmer.config->warmer.start_timeout_ns);
    start_task(site, SITE_PROVE_AGAIN, attempt);
}

void site_cancel(struct site *site)
{
    atomic_store(&site->cancelled, true);
    atomic_store(&site->cancel, true);
}

/* Whether others use it is asked first. */
static void start_unload(struct site *site, enum site_phase phase, uint64_t attempt)
{
    site->after_leave = phase;
    site->warmer.token = 0;
    if (site->seat && site->warmer.ops) {
        site->job.slow = false;
        fleet_leave(site->seat);
        phase = SITE_AWAIT_LEAVE;
    }
    start_task(site, phase, attempt);
}

void site_unload(struct site *site, uint64_t attempt, uint32_t level)
{
    atomic_store(&site->proven, false);
    atomic_store(&site->cancel, false);
    site->level = level;
    site->asleep = false;
    site->delay_ns = 0;
    site->job.slow = site->warmer.ops && site->warmer.ops->unload_blocks;
    site_set_stage(site, SITE_UNLOADING);
    if (level > 0)
        site->job.slow = true;
    start_unload(site, level > 0 ? SITE_SLEEP : SITE_BEGIN_UNLOAD, attempt);
}

void site_raise(struct site *site, uint64_t attempt, uint32_t level)
{
    CHECK(site->configured && level <= site->config->engine.level_count);
    atomic_store(&site->cancel, false);
    put_in_force(site);
    site->level = level;
    site->asleep = false;
    site->delay_ns = 0;
    site->job.slow = true;
    site_set_stage(site, SITE_RAISING);
    start_task(site, SITE_RAISE, attempt);
}

void site_lower(struct site *site, uint64_t attempt, uint32_t level)
{
    site->level = level;
    atomic_store(&site->proven, false);
    atomic_store(&site->cancel, false);
    site->delay_ns = 0;
    site->job.slow = true;
    site_set_stage(site, SITE_UNLOADING);
    if (site->asleep)
        start_unload(site, SITE_LOWER, attempt);
    else
        start_task(site, SITE_LOWER, attempt);
}

bool site_has_left_over(const struct site *site)
{
    return site->warmer.child && !atomic_load(&site->proven) && !site->asleep;
}

void site_unload_left_over(struct site *site)
{
    site->job.slow = site->warmer.ops->unload_blocks;
    site->warmer.token = 0;
    start_task(site, SITE_BEGIN_UNLOAD, 0);
}

void site_adopt(struct site *site, const struct saved_child *saved)
{
    put_in_force(site);
    site->probes = 0;
    site->failure = FW_OK;
    site->saved = *saved;
    snprintf(site->saved_command, sizeof site->saved_command, "%s", saved->command);
    site->saved.command = site->saved_command;
    site->job.slow = true;
    site->deadline_ns = time_add(jobs_now_ns(), site->config->warmer.start_timeout_ns);
    start_task(site, SITE_ADOPT, 0);
}

bool site_measures(const struct site *site)
{
    const struct config_resource *config = site->warmer.config;
    bool server = site->warmer.ops->measures && site->warmer.ops->tells;
    return config->measured || config->warmer.measure_command[0] ||
           config->warmer.measure_json[0] || server;
}

bool site_can_ask(const struct site *site)
{
    return warmer_tells(site->warmer.config);
}

bool site_can_look(const struct site *site)
{
    if (site->joined && site->warmer.config->warmer.kind == WARMER_EXEC)
        return atomic_load(&site->proven);
    return atomic_load(&site->proven) && site->in_force &&
           (site_can_ask(site) || site_measures(site));
}

void site_look(struct site *site)
{
    site->job.slow = true;
    start_task(site, SITE_LOOK, 0);
}

bool site_stop_now(struct site *site, int signal_number)
{
    if (!site->warmer.child || !child_running(site->warmer.child))
        return false;
    if (atomic_exchange(&site->proven, false) && site->seat)
        fleet_gone(site->seat);
    child_stop(site->warmer.child, signal_number);
    return true;
}
