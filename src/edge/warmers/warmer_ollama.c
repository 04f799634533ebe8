/* SPDX-License-Identifier: MIT
 * Ollama (server/routes.go, server/sched.go, api/types.go at fb307609). What this knows of it:
 * - an empty prompt loads and evaluates nothing, so the probe is an inference of one token;
 * - the load's answer says loaded; /api/ps lists what still loads, too;
 * - without a word about keep_alive a model goes after five minutes: every call here says -1, for
 *   ever; a client's own keep_alive takes over from then on, and is taken back when it is seen;
 * - the unload's answer comes at once and says nothing: /api/ps is asked until the model is gone;
 * - a model that only embeds refuses to generate with 400: it is loaded by embedding a word;
 * - other options (num_ctx, num_gpu) mean another load: those of a configured probe are the load's;
 * - what has no room in the GPU goes to the CPU without a word: it is warm but slow, and is told.
 */
#include "base/time.h"
#include <jansson.h>
/* behind jansson, see there */
#include "base/json.h"
#include "edge/warmers/ask.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define FOR_EVER_YEAR "2100" /* keep_alive -1 is shown as an expiry centuries away */
#define KIND          "Ollama"

enum request { REQUEST_LOAD, REQUEST_UNLOAD, REQUEST_PROBE };

/* The options of the configured probe, so that the load is the one that clients need. */
static char *probe_options(const struct warmer *warmer)
{
    const char *body = warmer->config->probe.body;
    if (warmer->options.len > 0)
        return strndup(warmer->options.data, warmer->options.len);
    json_t *root = json_loads(body, 0, NULL);
    const json_t *options = json_object_get(root, "options");
    char *text = json_is_object(options) ? json_dumps(options, JSON_COMPACT) : NULL;
    json_decref(root);
    return text;
}

static void write_body(const struct warmer *warmer, enum request request, struct buf *out)
{
    struct json json;
    char *options = request == REQUEST_LOAD ? probe_options(warmer) : NULL;
    buf_init(out, CALL_BODY_MAX);
    json_init(&json, out, false);
    json_object(&json);
    json_key_text(&json, "model", warmer_model(warmer));
    if (warmer->embeds && request != REQUEST_UNLOAD)
        json_key_text(&json, "input", "warm");
    else if (request == REQUEST_PROBE)
        json_key_text(&json, "prompt", "hi");
    json_key_bool(&json, "stream", false);
    json_key_int(&json, "keep_alive", request == REQUEST_UNLOAD ? 0 : -1);
    if (request == REQUEST_PROBE && !warmer->embeds) {
        json_key(&json, "options");
        json_raw(&json, STR("{\"num_predict\":1}"));
    } else if (options) {
        json_key(&json, "options");
        json_raw(&json, str_of(options));
    }
    json_object_end(&json);
    free(options);
}

static const char *path_of(const struct warmer *warmer, enum request request)
{
    return warmer->embeds && request != REQUEST_UNLOAD ? "/api/embed" : "/api/generate";
}

static enum fw_err send(struct warmer *warmer, enum request request, struct ask_answer *answer,
                        struct fw_detail *detail)
{
    struct buf body;
    const struct config_warmer *config = &warmer->config->warmer;
    bool unload = request == REQUEST_UNLOAD;
    write_body(warmer, request, &body);
    enum fw_err err =
        ask(warmer, "POST", path_of(warmer, request), body.data ? body.data : "",
            unload ? config->stop_timeout_ns : config->start_timeout_ns, !unload, answer, detail);
    buf_fini(&body);
    return err;
}

static bool refuses_to_generate(const struct ask_answer *answer)
{
    return answer->status == 400 && strstr(ask_complaint(answer), "does not support generate");
}

/* Loads, or sets how long it stays. */
static enum fw_err keep(struct warmer *warmer, struct fw_detail *detail)
{
    struct ask_answer answer;
    enum fw_err err = send(warmer, REQUEST_LOAD, &answer, detail);
    if (err == FW_OK && refuses_to_generate(&answer)) {
        warmer->embeds = true;
        ask_fini(&answer);
        err = send(warmer, REQUEST_LOAD, &answer, detail);
    }
    bool good = answer.status == 200 && (json_is_true(json_object_get(answer.json, "done")) ||
                                         json_object_get(answer.json, "embeddings"));
    if (err == FW_OK && !good)
        err = ask_failed(warmer, KIND, warmer->embeds ? "POST /api/embed" : "POST /api/generate",
                         &answer, detail);
    ask_fini(&answer);
    return err;
}

static enum fw_err load(struct warmer *warmer, struct fw_detail *detail)
{
    warmer->loaded = warmer->embeds = false;
    warmer->context_length = 0;
    warmer->note.text[0] = 0;
    FW_TRY(keep(warmer, detail));
    warmer->loaded = true;
    return FW_OK;
}

/* "qwen" is "qwen:latest"; a port in "host:5000/qwen" is no tag. */
static bool same_model(const char *ours, const char *theirs)
{
    if (!theirs)
        return false;
    const char *slash = strrchr(ours, '/');
    size_t len = strlen(ours);
    if (strchr(slash ? slash : ours, ':'))
        return strcasecmp(ours, theirs) == 0;
    return strncasecmp(ours, theirs, len) == 0 &&
           (theirs[len] == 0 || strcasecmp(theirs + len, ":latest") == 0);
}

static const json_t *find_running(const struct warmer *warmer, const json_t *list)
{
    const char *model = warmer_model(warmer);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        if (same_model(model, json_string_value(json_object_get(one, "name"))) ||
            same_model(model, json_string_value(json_object_get(one, "model"))))
            return one;
    }
    return NULL;
}

static void note_spill(struct warmer *warmer, uint64_t size, uint64_t in_gpu)
{
    char all[STR_NUMBER_MAX], there[STR_NUMBER_MAX];
    warmer->note.text[0] = 0;
    if (size > 0 && in_gpu < size)
        (void)err_set(&warmer->note, FW_OK,
                      "only %s of its %s are in the GPU, the rest runs on the CPU: warm, but slow",
                      str_from_size(in_gpu, there), str_from_size(size, all));
}

static uint64_t bytes_of(const json_t *running, const char *key)
{
    json_int_t value = json_integer_value(json_object_get(running, key));
    return value > 0 ? (uint64_t)value : 0;
}

enum listed { LISTED_NO, LISTED_YES, LISTED_UNKNOWN };

/* What /api/ps says of it, and whether somebody has given it another time to live. */
static enum listed look(struct warmer *warmer, bool *limited, struct fw_detail *detail)
{
    struct ask_answer answer;
    enum fw_err err = ask(warmer, "GET", "/api/ps", NULL, ASK_TIMEOUT_NS, false, &answer, detail);
    const json_t *list = json_object_get(answer.json, "models");
    const json_t *running = find_running(warmer, list);
    enum listed listed = running                 ? LISTED_YES
                         : json_is_array(list)   ? LISTED_NO
                         : err == FW_UNREACHABLE ? LISTED_NO
                                                 : LISTED_UNKNOWN;
    *limited = false;
    if (running) {
        uint64_t size = bytes_of(running, "size"), in_gpu = bytes_of(running, "size_vram");
        const char *expires = json_string_value(json_object_get(running, "expires_at"));
        int64_t context = json_integer_value(json_object_get(running, "context_length"));
        warmer->bytes = in_gpu > 0 ? in_gpu : size;
        note_spill(warmer, size, in_gpu);
        if (warmer->context_length == 0)
            warmer->context_length = context;
        *limited =
            expires && strncmp(expires, FOR_EVER_YEAR, 4) < 0 && context == warmer->context_length;
    } else if (err == FW_OK && !json_is_array(list)) {
        (void)ask_failed(warmer, KIND, "GET /api/ps", &answer, detail);
    }
    ask_fini(&answer);
    return listed;
}

static enum warmer_state state(struct warmer *warmer, struct fw_detail *detail)
{
    bool limited;
    enum listed listed = look(warmer, &limited, detail);
    if (!warmer->loaded)
        return listed == LISTED_NO ? WARMER_UNLOADED : WARMER_UNLOADING;
    if (listed == LISTED_NO) {
        if (!detail->text[0])
            (void)err_set(detail, FW_UPSTREAM, "Ollama at %s does not list it as running any more",
                          ask_server(warmer)->text);
        return WARMER_UNLOADED;
    }
    /* With other options this would load it anew; then the client that sent them decides. */
    if (limited)
        (void)keep(warmer, detail);
    return WARMER_LOADED; /* unknown: nothing contradicts what the load said; the probe proves */
}

static enum fw_err unload(struct warmer *warmer, struct fw_detail *detail)
{
    struct ask_answer answer;
    warmer->loaded = false;
    warmer->bytes = 0;
    enum fw_err err = send(warmer, REQUEST_UNLOAD, &answer, detail);
    if (err == FW_OK && answer.status != 200)
        err = ask_failed(warmer, KIND, "POST /api/generate", &answer, detail);
    ask_fini(&answer);
    return err;
}

/* Listed may mean loading still: the probe waits for that, and its time tells. */
static bool adopt(struct warmer *warmer, const struct saved_child *saved, struct fw_detail *detail)
{
    bool limited;
    (void)saved;
    warmer->context_length = 0;
    warmer->loaded = look(warmer, &limited, detail) == LISTED_YES;
    return warmer->loaded;
}

static uint64_t footprint(struct warmer *warmer)
{
    return warmer->bytes;
}

static enum fw_err probe(struct warmer *warmer, struct warmer_probe *made, struct fw_detail *detail)
{
    (void)detail;
    snprintf(made->path, sizeof made->path, "%s", path_of(warmer, REQUEST_PROBE));
    write_body(warmer, REQUEST_PROBE, &made->body);
    return made->body.failed ? FW_NOMEM : FW_OK;
}

const struct warmer_ops warmer_ollama = {.name = "ollama",
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
