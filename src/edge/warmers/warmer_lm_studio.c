/* SPDX-License-Identifier: MIT
 * LM Studio. From 0.4 on (/api/v1) calls load and unload; what they load is never evicted by
 * itself, and a second load makes a second copy, so it is looked for first. Before (/api/v0) an
 * inference loads, and its "ttl" says after how many idle seconds it goes: a long one to keep it,
 * one second to let it go. */
#include "base/time.h"
#include <jansson.h>
/* behind jansson, see there */
#include "base/json.h"
#include "edge/warmers/ask.h"
#include <stdio.h>
#include <string.h>

#define KIND     "LM Studio"
#define SIGN     "/api/v0/models"
#define KEEP_S   2592000 /* 30 days */
#define LET_GO_S 1

enum listed { LISTED_NO, LISTED_YES, LISTED_ABSENT, LISTED_UNKNOWN };
enum { INSTANCE_MAX = 256 };

static bool is_embedding(const json_t *model)
{
    const char *type = json_string_value(json_object_get(model, "type"));
    return type && strncmp(type, "embedding", strlen("embedding")) == 0;
}

/* In either list: the model by its key or id, or by the name of a copy of it that runs. */
static const json_t *find(const struct warmer *warmer, const json_t *list, const char **instance)
{
    const char *wanted = warmer_model(warmer);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        const json_t *running = json_object_get(one, "loaded_instances");
        const char *name = json_string_value(json_object_get(one, warmer->older ? "id" : "key"));
        *instance = json_string_value(json_object_get(json_array_get(running, 0), "id"));
        if (name && strcmp(name, wanted) == 0)
            return one;
        if (*instance && strcmp(*instance, wanted) == 0)
            return one;
    }
    *instance = NULL;
    return NULL;
}

static enum fw_err get_list(struct warmer *warmer, struct ask_answer *answer,
                            struct fw_detail *detail)
{
    warmer->older = false;
    enum fw_err err =
        ask(warmer, "GET", "/api/v1/models", NULL, ASK_TIMEOUT_NS, false, answer, detail);
    if (err != FW_OK ||
        (answer->status == 200 && json_is_array(json_object_get(answer->json, "models"))))
        return err;
    ask_fini(answer);
    warmer->older = true;
    err = ask(warmer, "GET", SIGN, NULL, ASK_TIMEOUT_NS, false, answer, detail);
    if (err == FW_OK &&
        (answer->status != 200 || !json_is_array(json_object_get(answer->json, "data"))))
        err = ask_failed(warmer, KIND, "GET " SIGN, answer, detail);
    return err;
}

/* `instance` (of INSTANCE_MAX): the running copy's name. */
static enum listed look(struct warmer *warmer, char *instance, struct fw_detail *detail)
{
    struct ask_answer answer;
    const char *running = NULL;
    enum listed listed = LISTED_UNKNOWN;
    enum fw_err err = get_list(warmer, &answer, detail);
    instance[0] = 0;
    if (err == FW_OK) {
        const json_t *one =
            find(warmer, json_object_get(answer.json, warmer->older ? "data" : "models"), &running);
        const char *state = json_string_value(json_object_get(one, "state"));
        bool loaded = warmer->older ? state && strcmp(state, "loaded") == 0 : running != NULL;
        listed = !one ? LISTED_ABSENT : loaded ? LISTED_YES : LISTED_NO;
        warmer->embeds = is_embedding(one);
        if (running)
            snprintf(instance, INSTANCE_MAX, "%s", running);
    } else if (err == FW_UNREACHABLE) {
        listed = LISTED_NO;
    }
    ask_fini(&answer);
    return listed;
}

static void write_inference(const struct warmer *warmer, int64_t ttl_s, struct buf *out)
{
    struct json json;
    json_init(&json, out, false);
    json_object(&json);
    json_key_text(&json, "model", warmer_model(warmer));
    if (warmer->embeds) {
        json_key_text(&json, "input", "warm");
    } else {
        json_key(&json, "messages");
        json_raw(&json, STR("[{\"role\":\"user\",\"content\":\"hi\"}]"));
        json_key_int(&json, "max_tokens", 1);
    }
    if (warmer->older)
        json_key_int(&json, "ttl", ttl_s);
    json_object_end(&json);
}

static const char *inference_path(const struct warmer *warmer)
{
    return warmer->embeds ? "/v1/embeddings" : "/v1/chat/completions";
}

static enum fw_err post(struct warmer *warmer, const char *path, const struct buf *body, bool loads,
                        struct fw_detail *detail)
{
    struct ask_answer answer;
    char asked[60];
    const struct config_warmer *config = &warmer->config->warmer;
    if (body->failed)
        return FW_NOMEM;
    enum fw_err err =
        ask(warmer, "POST", path, body->data, loads ? config->start_timeout_ns : ASK_TIMEOUT_NS,
            loads, &answer, detail);
    snprintf(asked, sizeof asked, "POST %s", path);
    if (err == FW_OK && answer.status != 200)
        err = ask_failed(warmer, KIND, asked, &answer, detail);
    ask_fini(&answer);
    return err;
}

static enum fw_err post_name(struct warmer *warmer, const char *path, const char *key,
                             const char *name, bool loads, struct fw_detail *detail)
{
    struct buf body;
    struct json json;
    buf_init(&body, CALL_BODY_MAX);
    json_init(&json, &body, false);
    json_object(&json);
    json_key_text(&json, key, name);
    json_object_end(&json);
    enum fw_err err = post(warmer, path, &body, loads, detail);
    buf_fini(&body);
    return err;
}

static enum fw_err infer(struct warmer *warmer, int64_t ttl_s, struct fw_detail *detail)
{
    struct buf body;
    buf_init(&body, CALL_BODY_MAX);
    write_inference(warmer, ttl_s, &body);
    enum fw_err err = post(warmer, inference_path(warmer), &body, ttl_s == KEEP_S, detail);
    buf_fini(&body);
    return err;
}

static enum fw_err load(struct warmer *warmer, struct fw_detail *detail)
{
    char instance[INSTANCE_MAX];
    warmer->loaded = false;
    warmer->note.text[0] = 0;
    enum listed listed = look(warmer, instance, detail);
    if (detail->text[0])
        return FW_UPSTREAM;
    if (listed == LISTED_ABSENT && !warmer->older)
        return err_set(detail, FW_NOT_FOUND, "LM Studio at %s has no model \"%s\"",
                       ask_server(warmer)->text, warmer_model(warmer));
    if (warmer->older) /* even when it is there: for its ttl */
        FW_TRY(infer(warmer, KEEP_S, detail));
    else if (listed != LISTED_YES)
        FW_TRY(
            post_name(warmer, "/api/v1/models/load", "model", warmer_model(warmer), true, detail));
    warmer->loaded = true;
    return FW_OK;
}

static enum warmer_state state(struct warmer *warmer, struct fw_detail *detail)
{
    char instance[INSTANCE_MAX];
    enum listed listed = look(warmer, instance, detail);
    if (!warmer->loaded)
        return listed == LISTED_NO || listed == LISTED_ABSENT ? WARMER_UNLOADED : WARMER_UNLOADING;
    if (listed == LISTED_YES || listed == LISTED_UNKNOWN)
        return WARMER_LOADED;
    if (!detail->text[0])
        (void)err_set(detail, FW_UPSTREAM, "LM Studio at %s does not list it as loaded",
                      ask_server(warmer)->text);
    return WARMER_UNLOADED;
}

static enum fw_err unload(struct warmer *warmer, struct fw_detail *detail)
{
    char instance[INSTANCE_MAX];
    warmer->loaded = false;
    if (look(warmer, instance, detail) != LISTED_YES)
        return FW_OK;
    if (warmer->older)
        return infer(warmer, LET_GO_S, detail);
    return post_name(warmer, "/api/v1/models/unload", "instance_id", instance, false, detail);
}

static bool adopt(struct warmer *warmer, const struct saved_child *saved, struct fw_detail *detail)
{
    char instance[INSTANCE_MAX];
    (void)saved;
    warmer->loaded = look(warmer, instance, detail) == LISTED_YES;
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
    snprintf(made->path, sizeof made->path, "%s", inference_path(warmer));
    write_inference(warmer, KEEP_S, &made->body);
    return made->body.failed ? FW_NOMEM : FW_OK;
}

const struct warmer_ops warmer_lm_studio = {.name = "lm-studio",
                                            .load_blocks = true,
                                            .unload_blocks = true,
                                            .load = load,
                                            .unload = unload,
                                            .state = state,
                                            .adopt = adopt,
                                            .footprint = footprint,
                                            .tells = true,
                                            .probe = probe};
