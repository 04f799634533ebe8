/* SPDX-License-Identifier: MIT
 * Text Generation Inference (router/src/server.rs at db931fcf, in maintenance): one model a
 * process, for as long as the process lives. What this knows of it:
 * - there is nothing to load or unload: forewarm waits until it is there, and proves it;
 * - it does not listen before the model is loaded: refused connections are waited out;
 * - /health is 200 without a look at the model unless it was unhealthy before: only /generate shows
 *   that it answers;
 * - 429 means overloaded, not broken. */
#include "base/time.h"
#include <jansson.h>
/* behind jansson, see there */
#include "base/json.h"
#include "edge/warmers/ask.h"
#include <stdio.h>
#include <string.h>

#define KIND "TGI"
#define SIGN "/info"

/* Is it TGI that listens there? Not there yet is no failure. */
static enum fw_err load(struct warmer *warmer, struct fw_detail *detail)
{
    struct ask_answer answer;
    enum fw_err err = ask(warmer, "GET", SIGN, NULL, ASK_TIMEOUT_NS, true, &answer, detail);
    if (err == FW_OK && answer.status == 200 && !json_object_get(answer.json, "model_id"))
        err = ask_wrong_server(warmer, KIND, "GET /info answered without a model_id", detail);
    else if (err == FW_OK && answer.status != 200 && answer.status != 503)
        err = ask_failed(warmer, KIND, "GET " SIGN, &answer, detail);
    ask_fini(&answer);
    warmer->loaded = err == FW_OK || err == FW_UNREACHABLE;
    return warmer->loaded ? FW_OK : err;
}

static enum fw_err unload(struct warmer *warmer, struct fw_detail *detail)
{
    (void)detail;
    warmer->loaded = false;
    return FW_OK;
}

static enum warmer_state state(struct warmer *warmer, struct fw_detail *detail)
{
    struct ask_answer answer;
    if (!warmer->loaded)
        return WARMER_UNLOADED;
    enum fw_err err = ask(warmer, "GET", "/health", NULL, ASK_TIMEOUT_NS, false, &answer, detail);
    enum warmer_state state = WARMER_LOADING;
    if (err == FW_OK && answer.status == 200)
        state = WARMER_LOADED;
    else if (err == FW_OK && answer.status == 503)
        (void)err_set(detail, FW_UPSTREAM, "TGI at %s says that it is unhealthy: %.200s",
                      ask_server(warmer)->text, ask_complaint(&answer));
    else if (err == FW_OK) {
        (void)ask_failed(warmer, KIND, "GET /health", &answer, detail);
        state = WARMER_BROKEN;
    }
    ask_fini(&answer);
    return state;
}

static bool adopt(struct warmer *warmer, const struct saved_child *saved, struct fw_detail *detail)
{
    (void)saved;
    warmer->loaded = true;
    warmer->loaded = state(warmer, detail) == WARMER_LOADED;
    return warmer->loaded;
}

static uint64_t footprint(struct warmer *warmer)
{
    (void)warmer;
    return 0;
}

static enum fw_err probe(struct warmer *warmer, struct warmer_probe *made, struct fw_detail *detail)
{
    (void)warmer, (void)detail;
    snprintf(made->path, sizeof made->path, "/generate");
    buf_add_text(&made->body, "{\"inputs\":\"hi\",\"parameters\":{\"max_new_tokens\":1}}");
    return made->body.failed ? FW_NOMEM : FW_OK;
}

const struct warmer_ops warmer_tgi = {.name = "tgi",
                                      .load_blocks = true,
                                      .load = load,
                                      .unload = unload,
                                      .state = state,
                                      .adopt = adopt,
                                      .footprint = footprint,
                                      .tells = true,
                                      .probe = probe};
