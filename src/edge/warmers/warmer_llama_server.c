/* SPDX-License-Identifier: MIT
 * llama-server. Started with a model, it serves that and sleeps by itself. Started without, it is a
 * router: models are loaded and unloaded by calls that answer before anything is done, and /models
 * tells what they are; while one loads, the stream of events tells how far. */
#include "base/time.h"
#include "edge/jobs.h"
#include <jansson.h>
/* behind jansson, see there */
#include "base/json.h"
#include "edge/warmers/ask.h"
#include "edge/warmers/llama.h"
#include <stdio.h>
#include <string.h>

#define KIND      "llama-server"
#define LISTEN_NS (300 * TIME_MILLISECOND) /* to events, between two looks at /models */
/* A failure that is listed may be an old one; after this long it is this load's. */
#define FAILED_AFTER_NS TIME_SECOND

enum { DOING_NOTHING, DOING_LOAD, DOING_LOAD_SEEN };

enum listed {
    LISTED_UNLOADED,
    LISTED_LOADING,
    LISTED_LOADED,
    LISTED_SLEEPING,
    LISTED_FAILED,
    LISTED_ABSENT,
    LISTED_SINGLE, /* this is no router */
    LISTED_AWAY,
    LISTED_SILENT, /* too busy to answer */
    LISTED_WRONG
};

/* ---- a router's list ---- */

static enum listed status_of(const json_t *status, struct fw_detail *detail)
{
    static const struct {
        const char *name;
        enum listed listed;
    } values[] = {{"unloaded", LISTED_UNLOADED},   {"loading", LISTED_LOADING},
                  {"downloading", LISTED_LOADING}, {"loaded", LISTED_LOADED},
                  {"sleeping", LISTED_SLEEPING},   {"failed", LISTED_FAILED}};
    const char *value = json_string_value(json_object_get(status, "value"));
    enum listed listed = LISTED_LOADING; /* states to come are waited for */
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        if (value && strcmp(value, values[i].name) == 0)
            listed = values[i].listed;
    if (listed == LISTED_UNLOADED && json_is_true(json_object_get(status, "failed")))
        listed = LISTED_FAILED;
    if (listed == LISTED_FAILED)
        (void)err_set(detail, FW_SPAWN, "llama-server: its process ended with exit code %lld",
                      (long long)json_integer_value(json_object_get(status, "exit_code")));
    return listed;
}

static enum listed find_model(struct warmer *warmer, const json_t *data, struct fw_detail *detail)
{
    const char *model = warmer_model(warmer);
    char names[200] = "";
    bool router = false;
    for (size_t i = 0; i < json_array_size(data); i++) {
        const json_t *one = json_array_get(data, i), *status = json_object_get(one, "status");
        const char *id = json_string_value(json_object_get(one, "id"));
        size_t len = strlen(names);
        router |= json_is_object(status);
        if (id && strcmp(id, model) == 0)
            return router ? status_of(status, detail) : LISTED_SINGLE;
        if (id)
            snprintf(names + len, sizeof names - len, "%s%s", len > 0 ? ", " : "", id);
    }
    if (!router && json_array_size(data) > 0)
        return LISTED_SINGLE;
    (void)err_set(detail, FW_NOT_FOUND, "llama-server at %s knows no model \"%s\"; it has: %s",
                  ask_server(warmer)->text, model, names);
    return LISTED_ABSENT;
}

static enum listed list(struct warmer *warmer, struct fw_detail *detail)
{
    struct ask_answer answer;
    enum fw_err err = ask(warmer, "GET", "/models", NULL, ASK_TIMEOUT_NS, false, &answer, detail);
    const json_t *data = json_object_get(answer.json, "data");
    enum listed listed = err == FW_TIMEOUT ? LISTED_SILENT : LISTED_AWAY;
    if (err == FW_OK && answer.status == 200 && json_is_array(data))
        listed = find_model(warmer, data, detail);
    else if (err == FW_OK && answer.status == 503) /* one model, and it loads */
        listed = LISTED_SINGLE;
    else if (err == FW_OK) {
        (void)ask_failed(warmer, KIND, "GET /models", &answer, detail);
        listed = LISTED_WRONG;
    }
    ask_fini(&answer);
    return listed;
}

static enum fw_err post(struct warmer *warmer, const char *path, struct fw_detail *detail)
{
    struct ask_answer answer;
    struct buf body;
    struct json json;
    char asked[40];
    buf_init(&body, CALL_BODY_MAX);
    json_init(&json, &body, false);
    json_object(&json);
    json_key_text(&json, "model", warmer_model(warmer));
    json_object_end(&json);
    enum fw_err err = ask(warmer, "POST", path, body.data ? body.data : "", ASK_TIMEOUT_NS, false,
                          &answer, detail);
    snprintf(asked, sizeof asked, "POST %s", path);
    if (err == FW_OK &&
        (answer.status != 200 || !json_is_true(json_object_get(answer.json, "success"))))
        err = ask_failed(warmer, KIND, asked, &answer, detail);
    ask_fini(&answer);
    buf_fini(&body);
    return err;
}

/* ---- how far it is ---- */

/* Follows the events for a moment, or until the load has ended. */
static void listen_a_moment(struct warmer *warmer)
{
    const struct config_warmer *config = &warmer->config->warmer;
    const struct config_call call = {.url = "/models/sse"};
    struct llama_events events = {.model = warmer_model(warmer), .permille = -1};
    struct call_result result;
    struct fw_detail ignored = {{0}};
    struct buf address;
    buf_init(&address, 2 * CONFIG_URL_MAX);
    buf_init(&events.rest, LLAMA_EVENT_MAX);
    call_address(&call, ask_server(warmer), &address);
    buf_add_char(&address, 0);
    const struct call_request request = {.method = "GET",
                                         .address = address.data,
                                         .headers = config->headers,
                                         .header_count = config->header_count,
                                         .ca_file = ask_server(warmer)->ca_file,
                                         .timeout_ns = LISTEN_NS,
                                         .take = llama_take_events,
                                         .context = &events};
    if (!address.failed && call_send(&request, warmer->cancel, &result, &ignored) == FW_OK)
        warmer->older = result.status == 404 || result.status == 501;
    if (!address.failed)
        call_result_fini(&result);
    if (events.permille >= 0)
        atomic_store(&warmer->permille, events.permille);
    buf_fini(&events.rest);
    buf_fini(&address);
}

/* ---- the interface ---- */

static enum fw_err load(struct warmer *warmer, struct fw_detail *detail)
{
    warmer->note.text[0] = 0;
    warmer->loaded = true;
    warmer->doing = DOING_LOAD;
    warmer->older = false;
    warmer->wait_by_ns = time_add(jobs_now_ns(), FAILED_AFTER_NS);
    enum listed listed = list(warmer, detail);
    warmer->router = listed != LISTED_SINGLE && listed != LISTED_AWAY && listed != LISTED_SILENT;
    switch (listed) {
    case LISTED_UNLOADED:
    case LISTED_FAILED:
        return post(warmer, "/models/load", detail);
    case LISTED_SLEEPING:
        return llama_infer(warmer, true, detail);
    case LISTED_ABSENT:
        return FW_NOT_FOUND;
    case LISTED_WRONG:
        return FW_UPSTREAM;
    default: /* one model, loading or loaded already, or away: `state` follows it */
        detail->text[0] = 0;
        return FW_OK;
    }
}

/* One model: nothing loads it but its own start, and nothing wakes it but an inference. */
static enum warmer_state single_state(struct warmer *warmer, struct fw_detail *detail)
{
    enum llama_answer said = llama_ask(warmer, detail);
    bool loading = warmer->doing == DOING_LOAD;
    if (!warmer->loaded) {
        if (said == LLAMA_READY) /* says what it waits for */
            (void)llama_sleep(warmer, 1, detail);
        return said == LLAMA_READY || said == LLAMA_LOADING || said == LLAMA_SILENT
                   ? WARMER_UNLOADING
                   : WARMER_UNLOADED;
    }
    switch (said) {
    case LLAMA_SLEEPING:
        if (!loading)
            return WARMER_UNLOADED;
        return llama_infer(warmer, false, detail) == FW_OK ? WARMER_LOADING : WARMER_BROKEN;
    case LLAMA_READY:
        warmer->doing = DOING_NOTHING;
        return WARMER_LOADED;
    case LLAMA_WRONG:
        return WARMER_BROKEN;
    case LLAMA_SILENT: /* nothing contradicts what it was */
        return loading ? WARMER_LOADING : WARMER_LOADED;
    default:
        return loading ? WARMER_LOADING : WARMER_UNLOADED;
    }
}

static enum warmer_state router_state(struct warmer *warmer, struct fw_detail *detail)
{
    enum listed listed = list(warmer, detail);
    bool loading = warmer->doing != DOING_NOTHING;
    if (!warmer->loaded)
        return listed == LISTED_LOADING || listed == LISTED_LOADED || listed == LISTED_SLEEPING ||
                       listed == LISTED_SILENT
                   ? WARMER_UNLOADING
                   : WARMER_UNLOADED;
    switch (listed) {
    case LISTED_LOADED:
        warmer->doing = DOING_NOTHING;
        return WARMER_LOADED;
    case LISTED_LOADING:
        warmer->doing = DOING_LOAD_SEEN;
        if (!warmer->older)
            listen_a_moment(warmer);
        return WARMER_LOADING;
    case LISTED_FAILED:
        return warmer->doing == DOING_LOAD && jobs_now_ns() < warmer->wait_by_ns ? WARMER_LOADING
                                                                                 : WARMER_BROKEN;
    case LISTED_SILENT: /* nothing contradicts what it was */
        return loading ? WARMER_LOADING : WARMER_LOADED;
    case LISTED_AWAY:
        return loading ? WARMER_LOADING : WARMER_UNLOADED;
    case LISTED_UNLOADED: /* the load's answer may come before the load */
        return warmer->doing == DOING_LOAD ? WARMER_LOADING : WARMER_UNLOADED;
    case LISTED_SLEEPING:
        return loading ? WARMER_LOADING : WARMER_UNLOADED;
    case LISTED_SINGLE: /* it has been started anew, with a model */
        warmer->router = false;
        return single_state(warmer, detail);
    default:
        return WARMER_BROKEN;
    }
}

static enum warmer_state state(struct warmer *warmer, struct fw_detail *detail)
{
    if (!warmer->router && warmer->doing != DOING_NOTHING) {
        /* While it was away nobody could know which it is. */
        struct fw_detail ignored = {{0}};
        enum listed listed = list(warmer, &ignored);
        if (listed != LISTED_SINGLE && listed != LISTED_AWAY && listed != LISTED_SILENT &&
            listed != LISTED_WRONG)
            return load(warmer, detail) == FW_OK ? WARMER_LOADING : WARMER_BROKEN;
    }
    return warmer->router ? router_state(warmer, detail) : single_state(warmer, detail);
}

static enum fw_err unload(struct warmer *warmer, struct fw_detail *detail)
{
    warmer->loaded = false;
    warmer->doing = DOING_NOTHING;
    enum listed listed = warmer->router ? list(warmer, detail) : LISTED_SINGLE;
    if (listed == LISTED_WRONG)
        return FW_UPSTREAM;
    bool there = listed == LISTED_LOADING || listed == LISTED_LOADED || listed == LISTED_SLEEPING ||
                 listed == LISTED_SILENT;
    return there ? post(warmer, "/models/unload", detail) : FW_OK;
}

static bool adopt(struct warmer *warmer, const struct saved_child *saved, struct fw_detail *detail)
{
    (void)saved;
    warmer->doing = DOING_NOTHING;
    enum listed listed = list(warmer, detail);
    warmer->router = listed != LISTED_SINGLE;
    warmer->loaded =
        warmer->router ? listed == LISTED_LOADED : llama_ask(warmer, detail) == LLAMA_READY;
    return warmer->loaded;
}

static uint64_t footprint(struct warmer *warmer)
{
    (void)warmer;
    return 0; /* it does not tell */
}

static enum fw_err probe(struct warmer *warmer, struct warmer_probe *made, struct fw_detail *detail)
{
    (void)detail;
    snprintf(made->path, sizeof made->path, "/completion");
    llama_write_inference(warmer, true, &made->body);
    return made->body.failed ? FW_NOMEM : FW_OK;
}

const struct warmer_ops warmer_llama_server = {.name = "llama-server",
                                               .load_blocks = true,
                                               .unload_blocks = true,
                                               .load = load,
                                               .unload = unload,
                                               .state = state,
                                               .adopt = adopt,
                                               .footprint = footprint,
                                               .tells = true,
                                               .probe = probe};
