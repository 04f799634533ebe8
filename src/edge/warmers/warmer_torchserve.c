/* SPDX-License-Identifier: MIT
 * TorchServe (docs/management_api.md at 62c4d6a1, in limited maintenance). What this knows of it:
 * - inferences go to the upstream, loads to the management port, 8081 unless it is configured;
 * - a model is loaded when a worker is READY; min_worker=1 starts one, 0 ends all;
 * - with synchronous=true the answer waits, yet it may still be 202, "begun": the workers are
 * asked;
 * - it wants a token by default, and makes a new one when asked: the file is read for every call.
 */
#include "base/time.h"
#include "edge/warmers/ask.h"
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define KIND "TorchServe"

static enum fw_err send(struct warmer *warmer, const char *method, const char *query,
                        int64_t timeout_ns, bool cancellable, struct ask_answer *answer,
                        struct fw_detail *detail)
{
    struct buf path;
    buf_init(&path, CONFIG_URL_MAX);
    buf_add_text(&path, "/models/");
    ask_add_name(&path, warmer_model(warmer));
    buf_add_text(&path, query);
    buf_add(&path, "", 1);
    enum fw_err err = ask(warmer, method, path.data, NULL, timeout_ns, cancellable, answer, detail);
    buf_fini(&path);
    return err;
}

/* What a refusal means. */
static enum fw_err refused(struct warmer *warmer, const char *asked,
                           const struct ask_answer *answer, struct fw_detail *detail)
{
    if (answer->status == 401 || answer->status == 403)
        return err_set(
            detail, FW_UPSTREAM,
            "TorchServe at %s refuses %s with %ld \"%.120s\": warmer.token_file must hold "
            "the management key of its key_file.json",
            ask_server(warmer)->text, asked, answer->status, ask_complaint(answer));
    if (answer->status == 404 && json_object_get(answer->json, "type"))
        return err_set(detail, FW_NOT_FOUND,
                       "TorchServe at %s: %s answered 404 \"%.200s\": register the model with it",
                       ask_server(warmer)->text, asked, ask_complaint(answer));
    return ask_failed(warmer, KIND, asked, answer, detail);
}

static enum fw_err scale(struct warmer *warmer, bool up, struct fw_detail *detail)
{
    struct ask_answer answer;
    const struct config_warmer *config = &warmer->config->warmer;
    enum fw_err err = send(
        warmer, "PUT", up ? "?min_worker=1&synchronous=true" : "?min_worker=0&synchronous=true",
        up ? config->start_timeout_ns : config->stop_timeout_ns, up, &answer, detail);
    if (err == FW_OK && answer.status != 200 && answer.status != 202)
        err = refused(warmer, "PUT /models/...?min_worker", &answer, detail);
    ask_fini(&answer);
    return err;
}

static enum fw_err load(struct warmer *warmer, struct fw_detail *detail)
{
    warmer->loaded = warmer->seen = false;
    FW_TRY(scale(warmer, true, detail));
    warmer->loaded = true;
    return FW_OK;
}

static enum fw_err unload(struct warmer *warmer, struct fw_detail *detail)
{
    warmer->loaded = false;
    warmer->bytes = 0;
    return scale(warmer, false, detail);
}

/* Workers of all versions that are described: how many there are, and how many are ready. */
static enum fw_err count_workers(struct warmer *warmer, size_t *all, size_t *ready,
                                 struct fw_detail *detail)
{
    struct ask_answer answer;
    uint64_t bytes = 0;
    *all = *ready = 0;
    enum fw_err err = send(warmer, "GET", "", ASK_TIMEOUT_NS, false, &answer, detail);
    if (err == FW_OK && (answer.status != 200 || !json_is_array(answer.json)))
        err = refused(warmer, "GET /models/...", &answer, detail);
    for (size_t i = 0; err == FW_OK && i < json_array_size(answer.json); i++) {
        const json_t *workers = json_object_get(json_array_get(answer.json, i), "workers");
        for (size_t j = 0; j < json_array_size(workers); j++) {
            const json_t *worker = json_array_get(workers, j);
            const char *status = json_string_value(json_object_get(worker, "status"));
            json_int_t used = json_integer_value(json_object_get(worker, "memoryUsage"));
            (*all)++;
            *ready += status && strcmp(status, "READY") == 0;
            bytes += used > 0 ? (uint64_t)used : 0;
        }
    }
    if (err == FW_OK)
        warmer->bytes = bytes;
    ask_fini(&answer);
    return err;
}

static enum warmer_state state(struct warmer *warmer, struct fw_detail *detail)
{
    size_t all, ready;
    enum fw_err err = count_workers(warmer, &all, &ready, detail);
    if (!warmer->loaded)
        return err == FW_UNREACHABLE || err == FW_NOT_FOUND || (err == FW_OK && all == 0)
                   ? WARMER_UNLOADED
                   : WARMER_UNLOADING;
    if (err == FW_NOT_FOUND)
        return WARMER_BROKEN;
    if (err == FW_OK && ready == 0)
        (void)err_set(detail, FW_UPSTREAM, "TorchServe at %s has %zu workers for it, none READY",
                      ask_server(warmer)->text, all);
    /* A refusal or a silent management port says nothing about the workers. */
    warmer->seen = err == FW_OK ? ready > 0 : warmer->seen && err != FW_UNREACHABLE;
    return warmer->seen ? WARMER_LOADED : WARMER_LOADING;
}

static bool adopt(struct warmer *warmer, const struct saved_child *saved, struct fw_detail *detail)
{
    size_t all, ready;
    (void)saved;
    warmer->loaded = count_workers(warmer, &all, &ready, detail) == FW_OK && ready > 0;
    return warmer->loaded;
}

static uint64_t footprint(struct warmer *warmer)
{
    return warmer->bytes;
}

const struct warmer_ops warmer_torchserve = {.name = "torchserve",
                                             .load_blocks = true,
                                             .unload_blocks = true,
                                             .load = load,
                                             .unload = unload,
                                             .state = state,
                                             .adopt = adopt,
                                             .footprint = footprint,
                                             .measures = true,
                                             .tells = true};
