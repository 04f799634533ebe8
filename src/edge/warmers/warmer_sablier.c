/* SPDX-License-Identifier: MIT
 * Sablier (its public API as of ace26351), which starts containers of Docker, Podman, Proxmox or
 * Kubernetes. What this knows of it:
 * - a request for a session starts the containers and sets its time anew; the header
 *   X-Sablier-Session-Status says whether they are ready, the page beside it is for people;
 * - the blocking strategy answers when they are, or 504; 404 is an unknown name or group;
 * - there is no way to stop them but to ask no more: they go session_duration after the last call;
 * - to ask is to start: so nothing is asked of what is cold, and nothing is taken over after a
 *   restart without a warm-up. */
#include "base/time.h"
#include "edge/warmers/ask.h"
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define KIND   "Sablier"
#define STATUS "X-Sablier-Session-Status"

static enum fw_err send(struct warmer *warmer, bool blocking, struct ask_answer *answer,
                        struct fw_detail *detail)
{
    const struct config_warmer *config = &warmer->config->warmer;
    struct buf path;
    struct str names = str_of(config->names), name;
    buf_init(&path, CONFIG_URL_MAX);
    buf_printf(&path, "/api/strategies/%s?session_duration=%llds",
               blocking ? "blocking" : "dynamic", (long long)(config->session_ns / TIME_SECOND));
    if (blocking)
        buf_printf(&path, "&timeout=%llds",
                   (long long)((config->start_timeout_ns + TIME_SECOND - 1) / TIME_SECOND));
    if (config->group[0]) {
        buf_add_text(&path, "&group=");
        ask_add_name(&path, config->group);
    }
    while (str_cut(&names, ',', &name)) {
        char text[512];
        name = str_trim(name);
        snprintf(text, sizeof text, "%.*s", STR_ARG(name));
        if (text[0]) {
            buf_add_text(&path, "&names=");
            ask_add_name(&path, text);
        }
    }
    buf_add(&path, "", 1);
    enum fw_err err = path.failed
                          ? FW_NOMEM
                          : ask(warmer, "GET", path.data, NULL,
                                blocking ? config->start_timeout_ns + TIME_SECOND : ASK_TIMEOUT_NS,
                                blocking, answer, detail);
    buf_fini(&path);
    return err;
}

/* FW_OK: a session there is, and `ready` says how it is. */
static enum fw_err session(struct warmer *warmer, bool blocking, bool *ready,
                           struct fw_detail *detail)
{
    struct ask_answer answer = {0};
    struct str status = STR("");
    enum fw_err err = send(warmer, blocking, &answer, detail);
    const char *at = ask_server(warmer)->text, *complaint = ask_complaint(&answer);
    bool problem = json_object_get(answer.json, "title") != NULL; /* RFC 7807 */
    *ready = false;
    if (err != FW_OK) {
        ask_fini(&answer);
        return err;
    }
    if (answer.status == 200 && ask_header(&answer, STATUS, &status))
        *ready = str_equal(status, STR("ready"));
    else if (answer.status == 504 && problem)
        err = err_set(detail, FW_TIMEOUT, "Sablier at %s: not ready in its time: %.200s", at,
                      complaint);
    else if (answer.status == 404 && problem)
        err = err_set(detail, FW_NOT_FOUND, "Sablier at %s knows no such containers: %.200s", at,
                      complaint);
    else if (problem)
        err = err_set(detail, FW_UPSTREAM, "Sablier at %s answered %ld: %.200s", at, answer.status,
                      complaint);
    else
        err = ask_wrong_server(warmer, KIND, "its answer carries no " STATUS " and no reason",
                               detail);
    ask_fini(&answer);
    return err;
}

static enum fw_err load(struct warmer *warmer, struct fw_detail *detail)
{
    bool ready;
    warmer->loaded = warmer->seen = false;
    FW_TRY(session(warmer, warmer->config->warmer.blocking, &ready, detail));
    warmer->loaded = true;
    return FW_OK;
}

static enum fw_err unload(struct warmer *warmer, struct fw_detail *detail)
{
    (void)detail;
    warmer->loaded = false;
    return FW_OK;
}

/* Asking renews the session: right while it loads and while it is warm. */
static enum warmer_state state(struct warmer *warmer, struct fw_detail *detail)
{
    bool ready;
    if (!warmer->loaded)
        return WARMER_UNLOADED;
    enum fw_err err = session(warmer, false, &ready, detail);
    if (err == FW_NOT_FOUND)
        return WARMER_BROKEN;
    if (err == FW_OK && !ready)
        (void)err_set(detail, FW_UPSTREAM, "Sablier at %s says that it is not ready",
                      ask_server(warmer)->text);
    /* A Sablier that does not answer says nothing about the containers. */
    warmer->seen = err == FW_OK ? ready : warmer->seen;
    return warmer->seen ? WARMER_LOADED : WARMER_LOADING;
}

static bool adopt(struct warmer *warmer, const struct saved_child *saved, struct fw_detail *detail)
{
    (void)saved, (void)detail;
    warmer->loaded = false;
    return false;
}

static uint64_t footprint(struct warmer *warmer)
{
    (void)warmer;
    return 0;
}

const struct warmer_ops warmer_sablier = {.name = "sablier",
                                          .load_blocks = true,
                                          .load = load,
                                          .unload = unload,
                                          .state = state,
                                          .adopt = adopt,
                                          .footprint = footprint,
                                          .tells = true};
