/* SPDX-License-Identifier: MIT
 * llama-swap as an upstream (proxy/proxymanager*.go at 0bdb3720). What this knows of it:
 * - an inference loads the model, and there is no other call that does: the load is the probe's
 *   request, the configured one where there is one (an embedding model cannot chat);
 * - /health is always OK; /running lists models with their state, and asking it keeps none alive;
 * - loading one model may end another by its groups: what is warm is looked at;
 * - 429 with Retry-After means that its ten places for the model are taken: asked again then;
 * - names are those of its configuration, not aliases: /running knows no aliases. */
#include "base/time.h"
#include "edge/jobs.h"
#include "edge/warmers/ask.h"
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define KIND         "llama-swap"
#define SIGN         "/running"
#define AGAIN_MAX_NS (30 * TIME_SECOND)

/* What /running says: its state, "" for not listed. */
static enum fw_err look(struct warmer *warmer, char state[32], struct fw_detail *detail)
{
    struct ask_answer answer;
    enum fw_err err = ask(warmer, "GET", SIGN, NULL, ASK_TIMEOUT_NS, false, &answer, detail);
    const json_t *list = json_object_get(answer.json, "running");
    state[0] = 0;
    if (err == FW_OK && (answer.status != 200 || !list))
        err = ask_failed(warmer, KIND, "GET " SIGN, &answer, detail);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *model = json_string_value(json_object_get(json_array_get(list, i), "model"));
        const char *said = json_string_value(json_object_get(json_array_get(list, i), "state"));
        if (model && said && strcmp(model, warmer_model(warmer)) == 0)
            snprintf(state, 32, "%s", said);
    }
    ask_fini(&answer);
    return err;
}

static int64_t retry_after_ns(const struct call_result *result)
{
    struct str value;
    int64_t seconds;
    if (!call_header(result, "Retry-After", &value) || !str_to_int64(value, &seconds) ||
        seconds < 0)
        seconds = 1;
    return seconds < AGAIN_MAX_NS / TIME_SECOND ? seconds * TIME_SECOND : AGAIN_MAX_NS;
}

/* The inference that loads it. Refused for now: `again_ns` is set. */
static enum fw_err infer(struct warmer *warmer, struct fw_detail *detail)
{
    struct call_result result;
    enum fw_err err = ask_probe(warmer, warmer->config->warmer.start_timeout_ns, &result, detail);
    warmer->again_ns = 0;
    warmer->refused = result.status == 404 || !result.sent;
    if (err == FW_PROBE && result.status == 429) {
        warmer->again_ns = time_add(jobs_now_ns(), retry_after_ns(&result));
        err = FW_OK;
    }
    call_result_fini(&result);
    return err;
}

static enum fw_err load(struct warmer *warmer, struct fw_detail *detail)
{
    char state[32];
    warmer->loaded = false;
    FW_TRY(look(warmer, state, detail));
    if (strcmp(state, "ready") != 0)
        FW_TRY(infer(warmer, detail));
    warmer->loaded = true;
    return FW_OK;
}

static enum fw_err unload(struct warmer *warmer, struct fw_detail *detail)
{
    struct buf path;
    struct ask_answer answer;
    warmer->loaded = false;
    buf_init(&path, CONFIG_URL_MAX);
    buf_add_text(&path, "/api/models/unload/");
    ask_add_name(&path, warmer_model(warmer));
    buf_add(&path, "", 1);
    enum fw_err err = ask(warmer, "POST", path.data, NULL, warmer->config->warmer.stop_timeout_ns,
                          false, &answer, detail);
    buf_fini(&path);
    if (err == FW_OK && answer.status != 200)
        err = ask_failed(warmer, KIND, "POST /api/models/unload", &answer, detail);
    ask_fini(&answer);
    return err;
}

static enum warmer_state state(struct warmer *warmer, struct fw_detail *detail)
{
    char said[32];
    if (warmer->loaded && warmer->again_ns != 0) {
        if (jobs_now_ns() < warmer->again_ns)
            return WARMER_LOADING;
        if (infer(warmer, detail) != FW_OK)
            return WARMER_BROKEN;
    }
    enum fw_err err = look(warmer, said, detail);
    if (!warmer->loaded)
        return err == FW_UNREACHABLE || (err == FW_OK && !said[0]) ? WARMER_UNLOADED
                                                                   : WARMER_UNLOADING;
    if (err != FW_OK || warmer->again_ns != 0)
        return WARMER_LOADING;
    if (strcmp(said, "ready") == 0)
        return WARMER_LOADED;
    if (strcmp(said, "starting") == 0)
        return WARMER_LOADING;
    (void)err_set(
        detail, FW_UPSTREAM, "llama-swap at %s %s%s; its own groups or ttl may have ended it",
        ask_server(warmer)->text, said[0] ? "says that it is " : "does not list it", said);
    return WARMER_UNLOADED;
}

static bool adopt(struct warmer *warmer, const struct saved_child *saved, struct fw_detail *detail)
{
    char said[32];
    (void)saved;
    warmer->again_ns = 0;
    warmer->loaded = look(warmer, said, detail) == FW_OK && strcmp(said, "ready") == 0;
    return warmer->loaded;
}

static uint64_t footprint(struct warmer *warmer)
{
    (void)warmer;
    return 0;
}

static enum fw_err probe(struct warmer *warmer, struct warmer_probe *made, struct fw_detail *detail)
{
    (void)detail;
    ask_chat(warmer, made);
    return made->body.failed ? FW_NOMEM : FW_OK;
}

const struct warmer_ops warmer_llama_swap = {.name = "llama-swap",
                                             .load_blocks = true,
                                             .unload_blocks = true,
                                             .load = load,
                                             .unload = unload,
                                             .state = state,
                                             .adopt = adopt,
                                             .footprint = footprint,
                                             .tells = true,
                                             .probe = probe};
