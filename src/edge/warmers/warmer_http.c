/* SPDX-License-Identifier: MIT
 * Configured HTTP calls load and unload. Replies are not trusted where there is a state call: many
 * servers answer before the load or unload is done. */
#include "edge/call.h"
#include "edge/warmers/footprint.h"
#include "edge/warmers/warmer.h"
#include <inttypes.h>
#include <stdio.h>

/* A load or unload under a lease says its token: a server that checks it refuses an older one. */
struct fenced {
    struct config_call call;
    const char *headers[CONFIG_HEADERS_MAX + 1];
    char token[64];
};

static const struct config_call *fence(struct fenced *fenced, const struct warmer *warmer,
                                       const struct config_call *call)
{
    if (warmer->token == 0)
        return call;
    fenced->call = *call;
    for (uint32_t i = 0; i < call->header_count; i++)
        fenced->headers[i] = call->headers[i];
    (void)snprintf(fenced->token, sizeof fenced->token, "x-forewarm-fencing-token: %" PRIu64,
                   warmer->token);
    fenced->headers[fenced->call.header_count++] = fenced->token;
    fenced->call.headers = fenced->headers;
    return &fenced->call;
}

/* One call; its answer's body stays with the caller when `result` is given. */
static enum fw_err perform(struct warmer *warmer, const struct config_call *call,
                           struct fw_detail *detail)
{
    struct call_result result;
    struct fenced fenced;
    call = fence(&fenced, warmer, call);
    enum fw_err err = call_perform(call, &warmer->config->upstream, call->timeout_ns,
                                   warmer->cancel, &result, detail);
    call_result_fini(&result);
    return err;
}

static enum fw_err load(struct warmer *warmer, struct fw_detail *detail)
{
    warmer->loaded = false;
    FW_TRY(perform(warmer, &warmer->config->warmer.load, detail));
    warmer->loaded = true;
    return FW_OK;
}

static enum fw_err unload(struct warmer *warmer, struct fw_detail *detail)
{
    struct fenced fenced;
    const struct config_call *call = fence(&fenced, warmer, &warmer->config->warmer.unload);
    struct call_result result;
    /* A warm-up that was cancelled is cleaned up all the same. */
    enum fw_err err =
        call_perform(call, &warmer->config->upstream, call->timeout_ns, NULL, &result, detail);
    call_result_fini(&result);
    if (err == FW_OK)
        warmer->loaded = false;
    return err;
}

/* Asks the server; when it does not answer as configured it is not loaded. */
static bool says_loaded(struct warmer *warmer, struct fw_detail *detail)
{
    struct config_call call = warmer->config->warmer.state;
    struct call_result result;
    if (warmer->config->warmer.loaded[0])
        call.expect_body = warmer->config->warmer.loaded;
    enum fw_err err =
        call_perform(&call, &warmer->config->upstream, call.timeout_ns, NULL, &result, detail);
    call_result_fini(&result);
    return err == FW_OK;
}

static enum warmer_state state(struct warmer *warmer, struct fw_detail *detail)
{
    bool loaded =
        warmer->config->warmer.state.url[0] ? says_loaded(warmer, detail) : warmer->loaded;
    if (warmer->loaded)
        return loaded ? WARMER_LOADED : WARMER_LOADING;
    return loaded ? WARMER_UNLOADING : WARMER_UNLOADED;
}

static bool adopt(struct warmer *warmer, const struct saved_child *saved, struct fw_detail *detail)
{
    (void)saved;
    warmer->loaded = warmer->config->warmer.state.url[0] && says_loaded(warmer, detail);
    return warmer->loaded;
}

static uint64_t footprint(struct warmer *warmer)
{
    const struct config_warmer *config = &warmer->config->warmer;
    struct call_result result;
    struct fw_detail detail;
    uint64_t bytes = 0;
    if (!config->measure_json[0])
        return 0;
    if (call_perform(&config->measure, &warmer->config->upstream, config->measure.timeout_ns, NULL,
                     &result, &detail) != FW_OK ||
        !footprint_of_json(buf_str(&result.body), config->measure_json, &bytes))
        bytes = 0;
    call_result_fini(&result);
    return bytes;
}

const struct warmer_ops warmer_http = {.name = "http",
                                       .load_blocks = true,
                                       .unload_blocks = true,
                                       .load = load,
                                       .unload = unload,
                                       .state = state,
                                       .adopt = adopt,
                                       .footprint = footprint,
                                       .measures = true};
