/* SPDX-License-Identifier: MIT
 * Triton, and servers of the KServe V2 protocol with its repository extension (docs/protocol of
 * triton-inference-server/server at e1db8a60; docs/user_guide/model_management). What this knows:
 * - only --model-control-mode=explicit lets itself be told to load;
 * - loading a loaded model loads it again, away from its users: the index is asked first;
 * - an unload answers before it is done, and leaves models that depend on it unless told;
 * - what it calls READY may still be slow: the first inference of every instance and of every batch
 *   shape initialises lazily. So behind the load every instance gets the largest batch and a batch
 *   of one, all instances at the same time: one after the other, one instance could answer them
 * all. Largest first: batches of one could be put together into one. */
#include "base/time.h"
#include "edge/warmers/ask.h"
#include "edge/warmers/zeros.h"
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define KIND "Triton"
enum { INSTANCES_MAX = CALLS_AT_ONCE_MAX };

static enum fw_err send(struct warmer *warmer, const char *method, const char *before,
                        const char *after, const char *body, int64_t timeout_ns, bool cancellable,
                        struct ask_answer *answer, struct fw_detail *detail)
{
    struct buf path;
    buf_init(&path, CONFIG_URL_MAX);
    buf_add_text(&path, before);
    ask_add_name(&path, warmer_model(warmer));
    buf_add_text(&path, after);
    buf_add(&path, "", 1);
    enum fw_err err =
        path.failed ? FW_NOMEM
                    : ask(warmer, method, path.data, body, timeout_ns, cancellable, answer, detail);
    buf_fini(&path);
    return err;
}

/* ---- the repository's index ---- */

/* READY when a version is, else what its last version says; "" never loaded. FW_NOT_FOUND: it is
 * not in the repository. */
static enum fw_err look(struct warmer *warmer, char state[32], char reason[200],
                        struct fw_detail *detail)
{
    struct ask_answer answer;
    bool known = false;
    state[0] = reason[0] = 0;
    enum fw_err err =
        ask(warmer, "POST", "/v2/repository/index", "{}", ASK_TIMEOUT_NS, false, &answer, detail);
    if (err == FW_OK && (answer.status != 200 || !json_is_array(answer.json)))
        err = ask_failed(warmer, KIND, "POST /v2/repository/index", &answer, detail);
    for (size_t i = 0; err == FW_OK && i < json_array_size(answer.json); i++) {
        const json_t *one = json_array_get(answer.json, i);
        const char *name = json_string_value(json_object_get(one, "name"));
        const char *said = json_string_value(json_object_get(one, "state"));
        const char *why = json_string_value(json_object_get(one, "reason"));
        if (!name || strcmp(name, warmer_model(warmer)) != 0)
            continue;
        known = true;
        if (said && strcmp(state, "READY") != 0) {
            snprintf(state, 32, "%s", said);
            snprintf(reason, 200, "%s", why ? why : "");
        }
    }
    ask_fini(&answer);
    warmer->refused = err == FW_OK ? !known : warmer->refused;
    if (err == FW_OK && !known)
        err = err_set(detail, FW_NOT_FOUND, "Triton at %s has no model \"%s\" in its repository",
                      ask_server(warmer)->text, warmer_model(warmer));
    return err;
}

/* ---- zeros for every instance ---- */

struct shape {
    int64_t batch_max; /* 0: no batch dimension */
    int64_t instances;
};

/* KIND_GPU has `count` on each of its GPUs. A server without this extension: one instance. */
static void read_shape(struct warmer *warmer, struct shape *shape)
{
    struct ask_answer answer;
    struct fw_detail ignored = {{0}};
    *shape = (struct shape){0};
    enum fw_err err = send(warmer, "GET", "/v2/models/", "/config", NULL, ASK_TIMEOUT_NS, true,
                           &answer, &ignored);
    if (err == FW_OK && answer.status == 200) {
        const json_t *groups = json_object_get(answer.json, "instance_group");
        shape->batch_max = json_integer_value(json_object_get(answer.json, "max_batch_size"));
        for (size_t i = 0; i < json_array_size(groups); i++) {
            const json_t *group = json_array_get(groups, i);
            json_int_t count = json_integer_value(json_object_get(group, "count"));
            size_t gpus = json_array_size(json_object_get(group, "gpus"));
            shape->instances += (count > 0 ? count : 1) * (gpus > 0 ? (int64_t)gpus : 1);
        }
    }
    ask_fini(&answer);
    shape->instances = shape->instances < 1               ? 1
                       : shape->instances > INSTANCES_MAX ? INSTANCES_MAX
                                                          : shape->instances;
}

static void name_json_part(char header[96], size_t json_bytes)
{
    header[0] = 0;
    if (json_bytes > 0)
        snprintf(header, 96, "Inference-Header-Content-Length: %zu", json_bytes);
}

/* The largest batch up to `batch` that there is room for. */
static enum fw_err write_zeros(struct warmer *warmer, int64_t batch, struct warmer_probe *made,
                               struct fw_detail *detail)
{
    struct ask_answer answer;
    struct buf path;
    size_t json_bytes = 0;
    enum fw_err err =
        send(warmer, "GET", "/v2/models/", "", NULL, ASK_TIMEOUT_NS, true, &answer, detail);
    if (err == FW_OK && answer.status != 200)
        err = ask_failed(warmer, KIND, "GET /v2/models/...", &answer, detail);
    if (err == FW_OK) {
        err = FW_LIMIT;
        for (; err == FW_LIMIT; batch /= 2) {
            buf_clear(&made->body);
            err = zeros_write(answer.json, batch, &made->body, &json_bytes, detail);
            if (batch <= 1)
                break;
        }
    }
    ask_fini(&answer);
    buf_init(&path, sizeof made->path);
    buf_add_text(&path, "/v2/models/");
    ask_add_name(&path, warmer_model(warmer));
    buf_add_text(&path, "/infer");
    snprintf(made->path, sizeof made->path, "%.*s", STR_ARG(buf_str(&path)));
    buf_fini(&path);
    name_json_part(made->header, json_bytes);
    return err;
}

/* `request` to every instance at once. */
static enum fw_err send_to_all(struct warmer *warmer, const struct call_request *request,
                               int64_t batch, int64_t instances, struct fw_detail *detail)
{
    struct call_request requests[INSTANCES_MAX];
    struct call_result results[INSTANCES_MAX];
    char found[CALL_EXCERPT_MAX];
    for (int64_t i = 0; i < instances; i++)
        requests[i] = *request;
    enum fw_err err = call_send_all(requests, (uint32_t)instances, warmer->cancel, results, detail);
    for (int64_t i = 0; i < instances; i++) {
        if (err == FW_OK && results[i].status != 200)
            err = err_set(detail, FW_PROBE,
                          "Triton at %s: an inference of zeros, batch %lld, was answered %ld "
                          "\"%s\": configure a probe if the model does not take zeros",
                          ask_server(warmer)->text, (long long)batch, results[i].status,
                          call_excerpt(buf_str(&results[i].body), found));
        call_result_fini(&results[i]);
    }
    return err;
}

static enum fw_err exercise(struct warmer *warmer, int64_t batch, int64_t instances,
                            struct fw_detail *detail)
{
    const struct config_warmer *config = &warmer->config->warmer;
    const struct config_url *upstream = &warmer->config->upstream;
    struct warmer_probe made = {.timeout_ns = config->start_timeout_ns};
    const char *headers[CONFIG_HEADERS_MAX + 1];
    char token[ASK_TOKEN_MAX];
    struct buf address;
    FW_TRY(ask_token(warmer, token, detail));
    buf_init(&made.body, ASK_PROBE_MAX);
    buf_init(&address, 2 * CONFIG_URL_MAX);
    enum fw_err err = write_zeros(warmer, batch, &made, detail);
    call_address(&(struct config_call){.url = made.path}, upstream, &address);
    buf_add(&address, "", 1);
    struct call_request request = {
        .method = "POST",
        .address = address.data,
        .body = made.body.data,
        .body_bytes = made.body.len,
        .headers = headers,
        .token = token,
        .ca_file = config->ca_file[0] ? config->ca_file : upstream->ca_file,
        .timeout_ns = made.timeout_ns,
    };
    for (; request.header_count < config->header_count; request.header_count++)
        headers[request.header_count] = config->headers[request.header_count];
    if (made.header[0])
        headers[request.header_count++] = made.header;
    if (err == FW_OK)
        err = send_to_all(warmer, &request, batch, instances, detail);
    explicit_bzero(token, sizeof token);
    buf_fini(&address);
    buf_fini(&made.body);
    return err;
}

static enum fw_err exercise_all(struct warmer *warmer, struct fw_detail *detail)
{
    struct shape shape;
    read_shape(warmer, &shape);
    if (warmer->config->probe.url[0]) /* somebody knows better what it takes */
        return FW_OK;
    if (shape.batch_max > 1)
        FW_TRY(exercise(warmer, shape.batch_max, shape.instances, detail));
    warmer->batched = shape.batch_max > 0;
    return exercise(warmer, shape.batch_max > 0 ? 1 : 0, shape.instances, detail);
}

/* ---- the warmer ---- */

static enum fw_err load_it(struct warmer *warmer, struct fw_detail *detail)
{
    struct ask_answer answer;
    enum fw_err err = send(warmer, "POST", "/v2/repository/models/", "/load", "{}",
                           warmer->config->warmer.start_timeout_ns, true, &answer, detail);
    warmer->refused = strstr(ask_complaint(&answer), "explicit") != NULL;
    if (err == FW_OK && answer.status != 200 && warmer->refused)
        err = err_set(detail, FW_UPSTREAM,
                      "Triton at %s: %.200s; start it with --model-control-mode=explicit",
                      ask_server(warmer)->text, ask_complaint(&answer));
    else if (err == FW_OK && answer.status != 200)
        err = ask_failed(warmer, KIND, "POST /v2/repository/models/.../load", &answer, detail);
    ask_fini(&answer);
    return err;
}

static enum fw_err load(struct warmer *warmer, struct fw_detail *detail)
{
    char state[32], reason[200];
    warmer->loaded = false;
    FW_TRY(look(warmer, state, reason, detail));
    if (strcmp(state, "READY") != 0)
        FW_TRY(load_it(warmer, detail));
    enum fw_err err = exercise_all(warmer, detail);
    warmer->refused = false;
    warmer->loaded = err == FW_OK;
    return err;
}

static enum fw_err unload(struct warmer *warmer, struct fw_detail *detail)
{
    struct ask_answer answer;
    warmer->loaded = false;
    enum fw_err err = send(warmer, "POST", "/v2/repository/models/", "/unload",
                           "{\"parameters\":{\"unload_dependents\":true}}",
                           warmer->config->warmer.stop_timeout_ns, false, &answer, detail);
    if (err == FW_OK && answer.status != 200)
        err = ask_failed(warmer, KIND, "POST /v2/repository/models/.../unload", &answer, detail);
    ask_fini(&answer);
    return err;
}

static enum warmer_state state(struct warmer *warmer, struct fw_detail *detail)
{
    char said[32], reason[200];
    enum fw_err err = look(warmer, said, reason, detail);
    if (!warmer->loaded)
        return err == FW_UNREACHABLE || err == FW_NOT_FOUND ||
                       (err == FW_OK && strcmp(said, "READY") != 0 &&
                        strcmp(said, "LOADING") != 0 && strcmp(said, "UNLOADING") != 0)
                   ? WARMER_UNLOADED
                   : WARMER_UNLOADING;
    if (err != FW_OK)
        return err == FW_NOT_FOUND ? WARMER_BROKEN : WARMER_LOADING;
    if (strcmp(said, "READY") == 0)
        return WARMER_LOADED;
    (void)err_set(detail, FW_UPSTREAM, "Triton at %s says of it: %s%s%s", ask_server(warmer)->text,
                  said[0] ? said : "never loaded", reason[0] ? ", " : "", reason);
    return strcmp(said, "LOADING") == 0 ? WARMER_LOADING : WARMER_BROKEN;
}

static bool adopt(struct warmer *warmer, const struct saved_child *saved, struct fw_detail *detail)
{
    char said[32], reason[200];
    struct shape shape;
    (void)saved;
    warmer->loaded = look(warmer, said, reason, detail) == FW_OK && strcmp(said, "READY") == 0;
    if (warmer->loaded) {
        read_shape(warmer, &shape);
        warmer->batched = shape.batch_max > 0;
    }
    return warmer->loaded;
}

static uint64_t footprint(struct warmer *warmer)
{
    (void)warmer;
    return 0;
}

static enum fw_err probe(struct warmer *warmer, struct warmer_probe *made, struct fw_detail *detail)
{
    return write_zeros(warmer, warmer->batched ? 1 : 0, made, detail);
}

const struct warmer_ops warmer_triton = {.name = "triton",
                                         .load_blocks = true,
                                         .unload_blocks = true,
                                         .load = load,
                                         .unload = unload,
                                         .state = state,
                                         .adopt = adopt,
                                         .footprint = footprint,
                                         .tells = true,
                                         .probe = probe};
