/* SPDX-License-Identifier: MIT */
#include "edge/warmers/llama.h"
#include "base/time.h"
#include <jansson.h>
/* behind jansson, see there */
#include "base/json.h"
#include "edge/warmers/ask.h"
#include <string.h>

#define KIND "llama-server"

/* Health is asked first: while it loads, /props is not there. */
static enum llama_answer ask_props(struct warmer *warmer, struct fw_detail *detail)
{
    struct ask_answer answer;
    enum llama_answer said = LLAMA_READY;
    enum fw_err err = ask(warmer, "GET", "/props", NULL, ASK_TIMEOUT_NS, false, &answer, detail);
    if (err != FW_OK)
        said = err == FW_TIMEOUT ? LLAMA_SILENT : LLAMA_AWAY;
    else if (answer.status == 503)
        said = LLAMA_LOADING;
    else if (answer.status != 200 || !json_object_get(answer.json, "build_info")) {
        (void)ask_failed(warmer, KIND, "GET /props", &answer, detail);
        said = LLAMA_WRONG;
    } else if (json_is_true(json_object_get(answer.json, "is_sleeping")))
        said = LLAMA_SLEEPING;
    ask_fini(&answer);
    return said;
}

enum llama_answer llama_ask(struct warmer *warmer, struct fw_detail *detail)
{
    struct ask_answer answer;
    enum fw_err err = ask(warmer, "GET", "/health", NULL, ASK_TIMEOUT_NS, false, &answer, detail);
    long status = answer.status;
    if (err == FW_OK && status == 503)
        (void)err_set(detail, FW_NO, "llama-server at %s: \"%.100s\"", ask_server(warmer)->text,
                      ask_complaint(&answer));
    ask_fini(&answer);
    if (err != FW_OK)
        return err == FW_TIMEOUT ? LLAMA_SILENT : LLAMA_AWAY;
    return status == 503 ? LLAMA_LOADING : ask_props(warmer, detail);
}

void llama_write_inference(const struct warmer *warmer, bool with_model, struct buf *body)
{
    struct json json;
    json_init(&json, body, false);
    json_object(&json);
    if (with_model)
        json_key_text(&json, "model", warmer_model(warmer));
    json_key_text(&json, "prompt", "hi");
    json_key_int(&json, "n_predict", 1);
    json_key_bool(&json, "cache_prompt", false);
    json_object_end(&json);
}

enum fw_err llama_infer(struct warmer *warmer, bool with_model, struct fw_detail *detail)
{
    struct ask_answer answer;
    struct buf body;
    buf_init(&body, CALL_BODY_MAX);
    llama_write_inference(warmer, with_model, &body);
    enum fw_err err = ask(warmer, "POST", "/completion", body.data ? body.data : "",
                          warmer->config->warmer.start_timeout_ns, true, &answer, detail);
    ask_fini(&answer);
    buf_fini(&body);
    return err;
}

enum fw_err llama_sleep(struct warmer *warmer, int depth, struct fw_detail *detail)
{
    (void)depth;
    switch (llama_ask(warmer, detail)) {
    case LLAMA_SLEEPING:
        return FW_OK;
    case LLAMA_SILENT:
        return FW_NO;
    case LLAMA_READY:
    case LLAMA_LOADING:
        return err_set(detail, FW_NO,
                       "llama-server at %s is awake: it sleeps by itself, when started with "
                       "--sleep-idle-seconds, once nobody has used it for so long",
                       ask_server(warmer)->text);
    case LLAMA_AWAY:
        return FW_UNREACHABLE;
    case LLAMA_WRONG:
        break;
    }
    return FW_UPSTREAM;
}

enum fw_err llama_wake(struct warmer *warmer, int depth, struct fw_detail *detail)
{
    (void)depth;
    switch (llama_ask(warmer, detail)) {
    case LLAMA_SLEEPING:
        return llama_infer(warmer, false, detail);
    case LLAMA_READY:
        return FW_OK;
    case LLAMA_LOADING:
    case LLAMA_SILENT:
        return FW_NO;
    case LLAMA_AWAY:
        return FW_UNREACHABLE;
    case LLAMA_WRONG:
        break;
    }
    return FW_UPSTREAM;
}

/* ---- events ---- */

/* Stages come one after the other, each from 0 to 1. */
static int permille_of(const json_t *progress)
{
    const json_t *stages = json_object_get(progress, "stages");
    const char *current = json_string_value(json_object_get(progress, "current"));
    double value = json_number_value(json_object_get(progress, "value"));
    size_t count = json_array_size(stages), at = 0;
    for (size_t i = 0; i < count && current; i++) {
        const char *stage = json_string_value(json_array_get(stages, i));
        if (stage && strcmp(stage, current) == 0)
            at = i;
    }
    value = value > 0 ? value < 1 ? value : 1 : 0;
    return (int)(1000 * ((double)at + value) / (double)(count > 0 ? count : 1));
}

static void take_event(struct llama_events *events, struct str text)
{
    json_t *root = json_loadb(text.data, text.len, 0, NULL);
    const char *model = json_string_value(json_object_get(root, "model"));
    const char *kind = json_string_value(json_object_get(root, "event"));
    const json_t *data = json_object_get(root, "data");
    const char *status = json_string_value(json_object_get(data, "status"));
    const json_t *progress = json_object_get(data, "progress");
    if (model && strcmp(model, events->model) == 0 && kind && strcmp(kind, "model_status") == 0 &&
        status) {
        if (json_is_object(progress))
            events->permille = permille_of(progress);
        events->ended |= strcmp(status, "loading") != 0 && strcmp(status, "downloading") != 0;
    }
    json_decref(root);
}

bool llama_take_events(void *context, struct str piece)
{
    struct llama_events *events = context;
    buf_add_str(&events->rest, piece);
    if (events->rest.failed) { /* a line longer than any of theirs: go on behind it */
        buf_clear(&events->rest);
        return true;
    }
    struct str rest = buf_str(&events->rest);
    const char *newline;
    while ((newline = memchr(rest.data, '\n', rest.len))) {
        struct str line = {rest.data, (size_t)(newline - rest.data)};
        rest = (struct str){newline + 1, rest.len - line.len - 1};
        if (str_starts(line, STR("data:")))
            take_event(events, str_trim((struct str){line.data + 5, line.len - 5}));
    }
    buf_remove_front(&events->rest, events->rest.len - rest.len);
    return !events->ended;
}
