/* SPDX-License-Identifier: MIT
 * A command is started and stopped. It is loaded when its upstream's port takes connections; that
 * it serves is for the probe to show. */
#include "base/time.h"
#include "edge/call.h"
#include "edge/jobs.h"
#include "edge/warmers/footprint.h"
#include "edge/warmers/procfs.h"
#include "edge/warmers/warmer.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define CONNECT_WAIT_NS (200 * TIME_MILLISECOND)

static void ended(void *context, struct child *child)
{
    struct warmer *warmer = context;
    (void)child;
    warmer->lost(warmer->context);
}

static struct child_spec spec_of(const struct warmer *warmer)
{
    const struct config_warmer *config = &warmer->config->warmer;
    return (struct child_spec){
        .resource = warmer->config->id,
        .command = config->command,
        .directory = config->directory,
        .environment = config->environment,
        .environment_count = config->environment_count,
        .devices = warmer->device_names,
        .device_numbers = warmer->device_numbers,
        .token = warmer->token,
        .log = config->log,
        .die_with_us = warmer->die_with_us,
    };
}

static void forget(struct warmer *warmer)
{
    if (!warmer->child)
        return;
    child_release(warmer->child);
    warmer->child = NULL;
    (void)warmer->remember(warmer->context, &(struct saved_child){.pid = 0, .command = ""});
}

static enum fw_err load(struct warmer *warmer, struct fw_detail *detail)
{
    struct child_spec spec = spec_of(warmer);
    forget(warmer);
    FW_TRY(child_spawn(warmer->children, &spec, ended, warmer, &warmer->child, detail));
    struct saved_child saved = {child_pid(warmer->child), child_start_time(warmer->child),
                                spec.command};
    if (!warmer->remember(warmer->context, &saved)) {
        child_stop(warmer->child, SIGKILL);
        forget(warmer);
        return err_set(
            detail, FW_IO,
            "the command was not started: its process could not be written to the state file");
    }
    warmer->stop_by_ns = 0;
    child_go(warmer->child);
    return FW_OK;
}

static enum fw_err unload(struct warmer *warmer, struct fw_detail *detail)
{
    (void)detail;
    if (!warmer->child)
        return FW_OK;
    warmer->stop_by_ns = time_add(jobs_now_ns(), warmer->config->warmer.stop_timeout_ns);
    child_stop(warmer->child, SIGTERM);
    return FW_OK;
}

/* Being stopped: SIGKILL when its time is over. */
static enum warmer_state stopping_state(struct warmer *warmer)
{
    if (child_running(warmer->child)) {
        if (jobs_now_ns() >= warmer->stop_by_ns)
            child_stop(warmer->child, SIGKILL);
        return WARMER_UNLOADING;
    }
    forget(warmer);
    warmer->stop_by_ns = 0;
    return WARMER_UNLOADED;
}

static enum warmer_state state(struct warmer *warmer, struct fw_detail *detail)
{
    char how[400];
    if (!warmer->child)
        return WARMER_UNLOADED;
    if (warmer->stop_by_ns != 0)
        return stopping_state(warmer);
    if (!child_running(warmer->child)) {
        child_describe_end(warmer->child, how, sizeof how);
        (void)err_set(detail, FW_SPAWN, "%s", how);
        return WARMER_BROKEN;
    }
    if (call_connects(&warmer->config->upstream, CONNECT_WAIT_NS))
        return WARMER_LOADED;
    (void)err_set(detail, FW_UNREACHABLE, "its command runs, but nothing listens at %s",
                  warmer->config->upstream.text);
    return WARMER_LOADING;
}

static bool adopt(struct warmer *warmer, const struct saved_child *saved, struct fw_detail *detail)
{
    struct child_spec spec = spec_of(warmer);
    if (saved->pid == 0)
        return false;
    if (child_adopt(warmer->children, &spec, (pid_t)saved->pid, saved->start_time, ended, warmer,
                    &warmer->child, detail) != FW_OK)
        return false;
    if (!procfs_variable((pid_t)saved->pid, "FOREWARM_DEVICES", warmer->device_names,
                         sizeof warmer->device_names))
        warmer->device_names[0] = 0;
    if (strcmp(saved->command, spec.command) == 0)
        return true;
    (void)err_set(detail, FW_NO, "the configured command is another now");
    return false;
}

static uint64_t footprint(struct warmer *warmer)
{
    if (!warmer->child)
        return 0;
    const char *command = warmer->config->warmer.measure_command;
    return command[0] ? footprint_by_command(command, child_pid(warmer->child))
                      : procfs_group_bytes(child_pid(warmer->child));
}

const struct warmer_ops warmer_exec = {.name = "exec",
                                       .load = load,
                                       .unload = unload,
                                       .state = state,
                                       .adopt = adopt,
                                       .footprint = footprint,
                                       .measures = true};
