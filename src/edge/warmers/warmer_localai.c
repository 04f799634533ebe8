/* SPDX-License-Identifier: MIT
 * LocalAI (core/http/routes/localai.go, core/services at 82c191af). What this knows of it:
 * - /backend/load blocks and names what it loaded; a 500 means that part of it is missing;
 * - /backend/shutdown waits up to 30 s for running requests and then refuses: "still busy". It is
 *   asked again once the backend is idle;
 * - /backend/monitor tells the state and the memory; of a model it does not run it is an error;
 * - all three want an admin's key where keys are configured. */
#include "base/time.h"
#include "edge/jobs.h"
#include <jansson.h>
/* behind jansson, see there */
#include "base/json.h"
#include "edge/warmers/ask.h"
#include <stdio.h>
#include <string.h>

#define KIND         "LocalAI"
#define SHUTDOWN_NS  (35 * TIME_SECOND)
#define ASK_AGAIN_NS TIME_SECOND

/* As the backends' StatusResponse counts. */
enum backend_state { BACKEND_NONE = 0, BACKEND_BUSY = 1, BACKEND_READY = 2, BACKEND_ERROR = -1 };

static enum fw_err post(struct warmer *warmer, const char *path, int64_t timeout_ns,
                        bool cancellable, struct ask_answer *answer, struct fw_detail *detail)
{
    struct buf body;
    struct json json;
    buf_init(&body, CALL_BODY_MAX);
    json_init(&json, &body, false);
    json_object(&json);
    json_key_text(&json, "model", warmer_model(warmer));
    json_object_end(&json);
    buf_add(&body, "", 1);
    enum fw_err err = ask(warmer, "POST", path, body.data, timeout_ns, cancellable, answer, detail);
    buf_fini(&body);
    return err;
}

/* Sets the state; FW_OK: it was told. */
static enum fw_err monitor(struct warmer *warmer, enum backend_state *state,
                           struct fw_detail *detail)
{
    struct buf path;
    struct ask_answer answer;
    buf_init(&path, CONFIG_URL_MAX);
    buf_add_text(&path, "/backend/monitor?model=");
    ask_add_name(&path, warmer_model(warmer));
    buf_add(&path, "", 1);
    enum fw_err err = ask(warmer, "GET", path.data, NULL, ASK_TIMEOUT_NS, false, &answer, detail);
    buf_fini(&path);
    *state = BACKEND_NONE;
    const json_t *said = json_object_get(answer.json, "state");
    if (err == FW_OK && answer.status == 200 && json_is_integer(said)) {
        json_int_t bytes =
            json_integer_value(json_object_get(json_object_get(answer.json, "memory"), "total"));
        *state = (enum backend_state)json_integer_value(said);
        warmer->bytes = bytes > 0 ? (uint64_t)bytes : 0;
    } else if (err == FW_OK && (answer.status == 401 || answer.status == 403)) {
        err =
            err_set(detail, FW_UPSTREAM,
                    "LocalAI at %s refuses GET /backend/monitor with %ld: it wants an admin's key "
                    "(warmer.token_file)",
                    ask_server(warmer)->text, answer.status);
    } else if (err == FW_OK && !(answer.status == 500 && ask_complaint(&answer)[0])) {
        err = ask_failed(warmer, KIND, "GET /backend/monitor", &answer, detail);
    }
    ask_fini(&answer);
    return err;
}

static enum fw_err load(struct warmer *warmer, struct fw_detail *detail)
{
    struct ask_answer answer;
    warmer->loaded = false;
    warmer->again_ns = 0;
    enum fw_err err = post(warmer, "/backend/load", warmer->config->warmer.start_timeout_ns, true,
                           &answer, detail);
    if (err == FW_OK &&
        (answer.status != 200 || !json_is_array(json_object_get(answer.json, "loaded"))))
        err = ask_failed(warmer, KIND, "POST /backend/load", &answer, detail);
    ask_fini(&answer);
    warmer->loaded = err == FW_OK;
    return err;
}

static enum fw_err shut_down(struct warmer *warmer, struct fw_detail *detail)
{
    struct ask_answer answer;
    enum fw_err err = post(warmer, "/backend/shutdown", SHUTDOWN_NS, false, &answer, detail);
    if (err == FW_OK && answer.status != 200)
        err = ask_failed(warmer, KIND, "POST /backend/shutdown", &answer, detail);
    ask_fini(&answer);
    warmer->again_ns = err == FW_OK ? 0 : time_add(jobs_now_ns(), ASK_AGAIN_NS);
    return err;
}

static enum fw_err unload(struct warmer *warmer, struct fw_detail *detail)
{
    warmer->loaded = false;
    warmer->bytes = 0;
    return shut_down(warmer, detail);
}

static enum warmer_state state(struct warmer *warmer, struct fw_detail *detail)
{
    enum backend_state said;
    enum fw_err err = monitor(warmer, &said, detail);
    if (warmer->loaded) {
        if (err != FW_OK)
            return WARMER_LOADING;
        if (said == BACKEND_ERROR)
            (void)err_set(detail, FW_UPSTREAM, "LocalAI at %s says that its backend has failed",
                          ask_server(warmer)->text);
        return said == BACKEND_READY || said == BACKEND_BUSY ? WARMER_LOADED
               : said == BACKEND_ERROR                       ? WARMER_BROKEN
                                                             : WARMER_LOADING;
    }
    if (err == FW_UNREACHABLE || (err == FW_OK && said == BACKEND_NONE))
        return WARMER_UNLOADED;
    if (said == BACKEND_READY && warmer->again_ns != 0 && jobs_now_ns() >= warmer->again_ns)
        (void)shut_down(warmer, detail);
    return WARMER_UNLOADING;
}

static bool adopt(struct warmer *warmer, const struct saved_child *saved, struct fw_detail *detail)
{
    enum backend_state said;
    (void)saved;
    warmer->again_ns = 0;
    warmer->loaded =
        monitor(warmer, &said, detail) == FW_OK && (said == BACKEND_READY || said == BACKEND_BUSY);
    return warmer->loaded;
}

static uint64_t footprint(struct warmer *warmer)
{
    return warmer->bytes;
}

static enum fw_err probe(struct warmer *warmer, struct warmer_probe *made, struct fw_detail *detail)
{
    (void)detail;
    ask_chat(warmer, made);
    return made->body.failed ? FW_NOMEM : FW_OK;
}

const struct warmer_ops warmer_localai = {.name = "localai",
                                          .load_blocks = true,
                                          .unload_blocks = true,
                                          .load = load,
                                          .unload = unload,
                                          .state = state,
                                          .adopt = adopt,
                                          .footprint = footprint,
                                          .measures = true,
                                          .tells = true,
                                          .probe = probe};
