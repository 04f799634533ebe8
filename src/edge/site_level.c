/* SPDX-License-Identifier: MIT
 * The ways to and from levels between cold and warm: commands and calls, one bounded thing a step.
 * What sleeps keeps its server running: losing that is noticed as it is with a warm one. */
#include "base/time.h"
#include "edge/call.h"
#include "edge/log.h"
#include "edge/site_task.h"
#include <signal.h>

#define LOOK_NS (20 * TIME_MILLISECOND)

static const struct config_level *level_of(const struct site *site)
{
    /* One that the configuration in force does not have any more asks for nothing. */
    static const struct config_level gone = {.name = "gone",
                                             .up = {"", {.url = ""}},
                                             .down = {"", {.url = ""}},
                                             .sleep = {"", {.url = ""}},
                                             .wake = {"", {.url = ""}},
                                             .server = LEVEL_SERVER_NONE};
    const struct config_resource *config = site->warmer.config;
    bool known = site->level > 0 && site->level <= config->engine.level_count;
    return known ? &config->levels[site->level - 1] : &gone;
}

static enum fw_err begin_command(struct site *site, const char *command, struct fw_detail *detail)
{
    const struct config_warmer *warmer = &site->warmer.config->warmer;
    const struct child_spec spec = {.resource = site->id,
                                    .command = command,
                                    .directory = warmer->directory,
                                    .environment = warmer->environment,
                                    .environment_count = warmer->environment_count,
                                    .devices = site->warmer.device_names,
                                    .device_numbers = site->warmer.device_numbers,
                                    .log = "",
                                    .die_with_us = true};
    FW_TRY(child_spawn(site->warmer.children, &spec, NULL, NULL, &site->doing, detail));
    site->doing_by_ns = time_add(jobs_now_ns(), level_of(site)->timeout_ns);
    child_go(site->doing);
    return FW_OK;
}

/* FW_NO: it runs still. One that is cancelled or out of time is killed, and waited for. */
static enum fw_err look_at_command(struct site *site, struct fw_detail *detail)
{
    char how[400];
    bool cancelled = atomic_load(&site->cancel), late = jobs_now_ns() >= site->doing_by_ns;
    if (child_running(site->doing)) {
        if (cancelled || late)
            child_stop(site->doing, SIGKILL);
        return FW_NO;
    }
    bool succeeded = child_succeeded(site->doing);
    child_describe_end(site->doing, how, sizeof how);
    child_release(site->doing);
    site->doing = NULL;
    if (succeeded)
        return FW_OK;
    if (cancelled)
        return err_set(detail, FW_CANCELLED, "cancelled");
    if (late)
        return err_set(detail, FW_TIMEOUT, "level \"%s\": its command took longer than timeout",
                       level_of(site)->name);
    return err_set(detail, FW_SPAWN, "level \"%s\": %s", level_of(site)->name, how);
}

/* The server's own way, a step a call. */
static enum fw_err ask_server(struct site *site, const struct config_level *level,
                              struct fw_detail *detail)
{
    const struct warmer_sleeper *sleeper = warmer_sleeper_find((enum level_server)level->server);
    char limit[TIME_TEXT_MAX];
    if (site->delay_ns == 0) { /* the first */
        site->warmer.step = 0;
        site->doing_by_ns = time_add(jobs_now_ns(), level->timeout_ns);
    }
    enum fw_err err = (site->phase == SITE_WAKE ? sleeper->wake : sleeper->sleep)(
        &site->warmer, sleeper->depth, detail);
    if (err == FW_NO && jobs_now_ns() >= site->doing_by_ns)
        return err_set(detail, FW_TIMEOUT, "level \"%s\": not done within its timeout (%s)%s%.300s",
                       level->name, time_format_human(level->timeout_ns, limit),
                       detail->text[0] ? ": " : "", detail->text);
    return err;
}

/* FW_NO: to be asked again. */
static enum fw_err perform(struct site *site, const struct config_action *action,
                           struct fw_detail *detail)
{
    const struct config_level *level = level_of(site);
    if (level->server != LEVEL_SERVER_NONE && site->phase != SITE_RAISE &&
        site->phase != SITE_LOWER)
        return ask_server(site, level, detail);
    if (site->doing)
        return look_at_command(site, detail);
    if (action->command[0]) {
        FW_TRY(begin_command(site, action->command, detail));
        return FW_NO;
    }
    if (action->call.url[0] == 0)
        return FW_OK;
    struct call_result result;
    enum fw_err err = call_perform(&action->call, &site->warmer.config->upstream,
                                   action->call.timeout_ns, &site->cancel, &result, detail);
    call_result_fini(&result);
    return err;
}

static void say_failed(const struct site *site, const char *what, const struct fw_detail *detail)
{
    log_warn(what, LOG_TEXT("resource", site->id), LOG_TEXT("level", level_of(site)->name),
             LOG_TEXT("reason", detail->text));
}

static void raised(struct site *site, enum fw_err err, const struct fw_detail *detail)
{
    if (err == FW_OK) {
        log_info("half warm", LOG_TEXT("resource", site->id),
                 LOG_TEXT("level", level_of(site)->name),
                 LOG_SECONDS("took_s", jobs_now_ns() - site->begun_ns));
        if (site->seat && site->asleep)
            fleet_unloaded(site->seat, false);
        site_task_finish(
            site, SITE_HALF,
            (struct event){.kind = EVENT_RAISED, .duration_ns = jobs_now_ns() - site->begun_ns});
        return;
    }
    if (err != FW_CANCELLED)
        say_failed(site, "it could not be made half warm", detail);
    site->level = 0;
    site_task_finish(site, SITE_COLD, (struct event){.kind = EVENT_FAILED, .status = err});
}

/* Its end while it sleeps is a loss from here on; it may have ended just before. */
static bool is_asleep(struct site *site, struct fw_detail *detail)
{
    site->asleep = true;
    atomic_store(&site->proven, true);
    if (site->warmer.ops->state(&site->warmer, detail) != WARMER_BROKEN)
        return true;
    site->asleep = false;
    return !atomic_exchange(&site->proven, false); /* else its loss has been reported */
}

static void put_to_sleep(struct site *site, enum fw_err err, struct fw_detail *detail)
{
    if (err == FW_OK && is_asleep(site, detail)) {
        raised(site, FW_OK, detail);
        return;
    }
    say_failed(site, "it could not be put to sleep, and is unloaded", detail);
    site->level = 0;
    site_task_again(site, SITE_BEGIN_UNLOAD, 0, true);
}

static void asleep_again(struct site *site, enum fw_err err, struct fw_detail *detail)
{
    if (err == FW_OK && is_asleep(site, detail)) {
        site_task_failed(site);
        return;
    }
    site->failure = FW_SPAWN;
    site->failure_detail = *detail;
    site->asleep = false;
    site_task_again(site, SITE_BEGIN_CLEANUP, 0, true);
}

static void woken(struct site *site, enum fw_err err, const struct fw_detail *detail)
{
    if (err == FW_OK)
        site_task_again(site, SITE_AWAIT_LOAD, 0, true);
    else
        site_task_fail(site, err, detail);
}

static void lowered(struct site *site, enum fw_err err, const struct fw_detail *detail)
{
    if (err != FW_OK)
        say_failed(site, "the way down from its level failed", detail);
    bool loaded = site->asleep;
    site->asleep = false;
    site->level = 0;
    if (loaded)
        site_task_again(site, SITE_BEGIN_UNLOAD, 0, true);
    else
        site_task_finish(site, SITE_COLD, (struct event){.kind = EVENT_UNLOADED});
}

void site_level_step(struct site *site)
{
    struct fw_detail detail = {{0}};
    const struct config_level *level = level_of(site);
    const struct config_action *action = site->phase == SITE_RAISE   ? &level->up
                                         : site->phase == SITE_WAKE  ? &level->wake
                                         : site->phase == SITE_LOWER ? &level->down
                                                                     : &level->sleep;
    if (site->phase == SITE_WAKE) /* from here on it is a load: its end is seen by the steps */
        atomic_store(&site->proven, false);
    enum fw_err err = perform(site, action, &detail);
    if (err == FW_NO)
        site_task_again(site, site->phase, site_task_next_delay(site, LOOK_NS),
                        level->server != LEVEL_SERVER_NONE);
    else if (site->phase == SITE_RAISE)
        raised(site, err, &detail);
    else if (site->phase == SITE_SLEEP)
        put_to_sleep(site, err, &detail);
    else if (site->phase == SITE_WAKE)
        woken(site, err, &detail);
    else if (site->phase == SITE_SLEEP_AGAIN)
        asleep_again(site, err, &detail);
    else
        lowered(site, err, &detail);
}
