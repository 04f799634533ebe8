/* SPDX-License-Identifier: MIT
 * vLLM that somebody else started, one model a process: warm is awake, cold is asleep at
 * sleep_level. What it serves is checked; without its sleep mode it is always awake, and that is
 * said. */
#include "base/time.h"
#include <jansson.h>
/* behind jansson, see there */
#include "base/json.h"
#include "edge/warmers/ask.h"
#include "edge/warmers/vllm.h"
#include <stdio.h>
#include <string.h>

enum { DOING_NOTHING, DOING_WAKE, DOING_SLEEP, DOING_DEEPEN };

static int cold_depth(const struct warmer *warmer)
{
    const struct config_resource *config = warmer->config;
    if (config->warmer.sleep_level > 0)
        return (int)config->warmer.sleep_level;
    for (uint32_t i = 0; i < config->engine.level_count; i++)
        if (config->levels[i].server == LEVEL_VLLM_1)
            return 2;
    return 1;
}

static enum fw_err load(struct warmer *warmer, struct fw_detail *detail)
{
    (void)detail;
    warmer->note.text[0] = 0;
    warmer->loaded = true;
    warmer->doing = DOING_WAKE;
    warmer->step = 0;
    return FW_OK;
}

/* FW_OK: the server has this model. */
static enum fw_err check_model(struct warmer *warmer, struct fw_detail *detail)
{
    struct ask_answer answer;
    const char *model = warmer_model(warmer), *first = NULL;
    enum fw_err err =
        ask(warmer, "GET", "/v1/models", NULL, ASK_TIMEOUT_NS, false, &answer, detail);
    const json_t *data = json_object_get(answer.json, "data");
    bool found = !json_is_array(data); /* what it does not tell it may have */
    for (size_t i = 0; i < json_array_size(data) && !found; i++) {
        const char *id = json_string_value(json_object_get(json_array_get(data, i), "id"));
        first = first ? first : id;
        found = id && strcmp(id, model) == 0;
    }
    if (err == FW_OK && !found)
        err = err_set(detail, FW_UPSTREAM,
                      "vLLM at %s serves \"%.100s\", not \"%s\" (see upstream_model)",
                      ask_server(warmer)->text, first ? first : "", model);
    ask_fini(&answer);
    return err;
}

static enum warmer_state awake(struct warmer *warmer, bool sleepless)
{
    if (sleepless)
        (void)err_set(&warmer->note, FW_OK,
                      "vLLM has no sleep mode here, so nothing unloads it: start it with "
                      "VLLM_SERVER_DEV_MODE=1 and --enable-sleep-mode");
    return WARMER_LOADED;
}

/* While waking: FW_NO and an absent server are waited for. */
static enum warmer_state waking(struct warmer *warmer, struct fw_detail *detail)
{
    int depth = warmer->depth > 0 ? warmer->depth : cold_depth(warmer);
    enum fw_err err = vllm_wake(warmer, depth, detail);
    if (err == FW_NO || err == FW_UNREACHABLE)
        return WARMER_LOADING;
    if (err != FW_OK)
        return WARMER_BROKEN;
    warmer->doing = DOING_NOTHING;
    if (check_model(warmer, detail) != FW_OK)
        return WARMER_BROKEN;
    return awake(warmer, vllm_ask(warmer, detail) == VLLM_SLEEPLESS);
}

/* From level 1 to 2 the only way is through being awake: one that sleeps does not take a sleep. */
static enum warmer_state falling_asleep(struct warmer *warmer, struct fw_detail *detail)
{
    int depth = cold_depth(warmer);
    enum fw_err err;
    if (warmer->doing == DOING_DEEPEN) {
        err = vllm_wake(warmer, warmer->depth, detail);
        if (err == FW_OK)
            warmer->doing = DOING_SLEEP;
        if (err == FW_OK || err == FW_NO)
            return WARMER_UNLOADING;
    } else {
        err = vllm_sleep(warmer, depth, detail);
    }
    if (err == FW_NO)
        return WARMER_UNLOADING;
    warmer->doing = DOING_NOTHING; /* asleep, gone, or it cannot: then it was said */
    return WARMER_UNLOADED;
}

static enum warmer_state state(struct warmer *warmer, struct fw_detail *detail)
{
    if (warmer->doing == DOING_WAKE)
        return waking(warmer, detail);
    if (warmer->doing != DOING_NOTHING)
        return falling_asleep(warmer, detail);
    switch (vllm_ask(warmer, detail)) {
    case VLLM_AWAKE:
    case VLLM_SLEEPLESS:
    case VLLM_SILENT: /* nothing contradicts what it was */
        return warmer->loaded ? WARMER_LOADED : WARMER_UNLOADED;
    case VLLM_WRONG:
        return WARMER_BROKEN;
    case VLLM_ASLEEP: /* somebody else's doing, or a level's */
        (void)err_set(detail, FW_UPSTREAM, "vLLM at %s sleeps", ask_server(warmer)->text);
        return WARMER_UNLOADED;
    case VLLM_AWAY:
        break;
    }
    return WARMER_UNLOADED;
}

static enum fw_err unload(struct warmer *warmer, struct fw_detail *detail)
{
    enum vllm_answer said = vllm_ask(warmer, detail);
    warmer->loaded = false;
    warmer->step = 0;
    warmer->doing = said == VLLM_AWAKE ? DOING_SLEEP : DOING_NOTHING;
    if (said == VLLM_ASLEEP && warmer->depth > 0 && warmer->depth < cold_depth(warmer))
        warmer->doing = DOING_DEEPEN;
    if (said == VLLM_SLEEPLESS)
        return err_set(detail, FW_UNSUPPORTED, "vLLM at %s has no sleep mode and stays as it is",
                       ask_server(warmer)->text);
    return said == VLLM_AWAKE || said == VLLM_ASLEEP ? FW_OK : FW_UPSTREAM;
}

static bool adopt(struct warmer *warmer, const struct saved_child *saved, struct fw_detail *detail)
{
    (void)saved;
    warmer->doing = DOING_NOTHING;
    enum vllm_answer said = vllm_ask(warmer, detail);
    warmer->loaded =
        (said == VLLM_AWAKE || said == VLLM_SLEEPLESS) && check_model(warmer, detail) == FW_OK;
    return warmer->loaded && awake(warmer, said == VLLM_SLEEPLESS) == WARMER_LOADED;
}

static uint64_t footprint(struct warmer *warmer)
{
    (void)warmer;
    return 0; /* it takes a configured part of the GPU, whatever it needs */
}

static enum fw_err probe(struct warmer *warmer, struct warmer_probe *made, struct fw_detail *detail)
{
    struct json json;
    (void)detail;
    snprintf(made->path, sizeof made->path, "/v1/completions");
    json_init(&json, &made->body, false);
    json_object(&json);
    json_key_text(&json, "model", warmer_model(warmer));
    json_key_text(&json, "prompt", "hi");
    json_key_int(&json, "max_tokens", 1);
    json_object_end(&json);
    return made->body.failed ? FW_NOMEM : FW_OK;
}

const struct warmer_ops warmer_vllm = {.name = "vllm",
                                       .load_blocks = true,
                                       .unload_blocks = true,
                                       .load = load,
                                       .unload = unload,
                                       .state = state,
                                       .adopt = adopt,
                                       .footprint = footprint,
                                       .tells = true,
                                       .probe = probe};
