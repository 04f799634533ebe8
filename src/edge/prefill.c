/* SPDX-License-Identifier: MIT */
#include "edge/prefill.h"
#include "edge/call.h"
#include "edge/log.h"
#include <jansson.h>
/* behind jansson, see there */
#include "edge/warmers/ask.h"
#include <stdlib.h>
#include <string.h>

#define PROPS_TIMEOUT_NS (5 * TIME_SECOND)
#define TIMEOUT_NS       (2 * TIME_MINUTE) /* of a prefill: prompts of an hour are not kept warm */

struct prefill {
    struct job job;
    struct prefixes *prefixes;
    struct config *config;
    const struct config_resource *resource;
    struct prefix_work work;
};

bool prefill_knows_path(struct str path)
{
    return str_equal(path, STR("/v1/chat/completions")) ||
           str_equal(path, STR("/chat/completions")) || str_equal(path, STR("/v1/completions")) ||
           str_equal(path, STR("/completion")) || str_equal(path, STR("/completions"));
}

/* ---- the request ---- */

static int add_piece(const char *data, size_t len, void *out)
{
    buf_add(out, data, len);
    return ((struct buf *)out)->failed ? -1 : 0;
}

bool prefill_write(struct str prompt, struct str model, struct buf *out)
{
    /* What asks for an answer, or for more than one. */
    static const char *const without[] = {
        "max_tokens", "max_completion_tokens", "stream_options", "n", "n_probs",
        "logprobs",   "top_logprobs"};
    json_t *body = json_loadb(prompt.data, prompt.len, 0, NULL);
    bool ok = json_is_object(body);
    for (size_t i = 0; ok && i < sizeof without / sizeof without[0]; i++)
        (void)json_object_del(body, without[i]);
    ok = ok && json_object_set_new(body, "model", json_stringn(model.data, model.len)) == 0 &&
         json_object_set_new(body, "n_predict", json_integer(0)) == 0 &&
         json_object_set_new(body, "cache_prompt", json_true()) == 0 &&
         json_object_set_new(body, "stream", json_false()) == 0 &&
         json_dump_callback(body, add_piece, out, JSON_COMPACT) == 0;
    json_decref(body);
    return ok && !out->failed;
}

/* ---- the calls ---- */

static enum fw_err send(const struct prefill *prefill, const char *method, const char *path,
                        struct str body, int64_t timeout_ns, struct call_result *result,
                        struct fw_detail *detail)
{
    const struct config_resource *resource = prefill->resource;
    const struct warmer warmer = {.config = resource};
    const struct config_call call = {.url = path};
    char token[ASK_TOKEN_MAX];
    struct buf address;
    *result = (struct call_result){0};
    FW_TRY(ask_token(&warmer, token, detail));
    buf_init(&address, 2 * CONFIG_URL_MAX);
    call_address(&call, &resource->upstream, &address);
    buf_add_char(&address, 0);
    const struct call_request request = {.method = method,
                                         .address = address.data,
                                         .body = body.len > 0 ? body.data : NULL,
                                         .body_bytes = body.len,
                                         .headers = resource->warmer.headers,
                                         .header_count = resource->warmer.header_count,
                                         .token = token[0] ? token : NULL,
                                         .ca_file = resource->upstream.ca_file,
                                         .timeout_ns = timeout_ns};
    enum fw_err err =
        address.failed ? FW_NOMEM
                       : call_send(&request, prefixes_cancelled(prefill->prefixes), result, detail);
    explicit_bzero(token, sizeof token);
    buf_fini(&address);
    return err;
}

static const char *upstream_name(const struct config_resource *resource)
{
    return resource->upstream_model[0] ? resource->upstream_model : resource->id;
}

/* How many prompts the server keeps; 0: it is none of llama.cpp's, or does not say. */
static uint32_t ask_slots(const struct prefill *prefill)
{
    struct call_result result = {0};
    struct fw_detail detail = {{0}};
    struct buf path; /* a router passes it on to the model's own server, and must not load that */
    buf_init(&path, CONFIG_URL_MAX);
    buf_add_text(&path, "/props?autoload=false&model=");
    ask_add_name(&path, upstream_name(prefill->resource));
    buf_add_char(&path, 0);
    enum fw_err err = path.failed ? FW_NOMEM
                                  : send(prefill, "GET", path.data, (struct str){0},
                                         PROPS_TIMEOUT_NS, &result, &detail);
    buf_fini(&path);
    json_t *props = err == FW_OK && result.status == 200
                        ? json_loadb(result.body.data, result.body.len, 0, NULL)
                        : NULL;
    json_int_t slots = json_integer_value(json_object_get(props, "total_slots"));
    json_decref(props);
    call_result_fini(&result);
    return slots > 0 && slots < 1 << 16 ? (uint32_t)slots : 0;
}

static enum prefix_result ask_prefill(const struct prefill *prefill)
{
    const struct config_resource *resource = prefill->resource;
    struct call_result result = {0};
    struct fw_detail detail = {{0}};
    struct buf body;
    buf_init(&body, 2 * PREFIX_BODY_MAX);
    enum fw_err err = FW_INPUT;
    if (prefill_write(buf_str(&prefill->work.body), str_of(upstream_name(resource)), &body))
        err =
            send(prefill, "POST", prefill->work.path, buf_str(&body), TIMEOUT_NS, &result, &detail);
    bool done = err == FW_OK && result.status == 200;
    if (!done && err != FW_CANCELLED)
        log_warn("a prefill failed", LOG_TEXT("resource", resource->id),
                 LOG_TEXT("error", err_row(err)->name), LOG_INT("status", result.status));
    buf_fini(&body);
    call_result_fini(&result);
    return done ? PREFIX_USED : err == FW_CANCELLED ? PREFIX_CANCELLED : PREFIX_FAILED;
}

/* ---- the job ---- */

static void drop(struct prefix_work *work)
{
    struct prefill *prefill = (struct prefill *)((char *)work - offsetof(struct prefill, work));
    buf_fini(&work->body);
    config_free(&prefill->config);
    free(prefill);
}

static void run(struct job *job)
{
    struct prefill *prefill = (struct prefill *)((char *)job - offsetof(struct prefill, job));
    struct prefixes *prefixes = prefill->prefixes;
    int64_t start_ns = jobs_now_ns();
    uint32_t slots = ask_slots(prefill);
    enum prefix_result result = slots > 0 ? ask_prefill(prefill) : PREFIX_FAILED;
    if (slots == 0 && atomic_load(prefixes_cancelled(prefixes)))
        result = PREFIX_CANCELLED;
    else if (slots == 0)
        log_warn("nothing is prefilled: its server names no slots in /props",
                 LOG_TEXT("resource", prefill->resource->id),
                 LOG_TEXT("next", "prefill is for llama.cpp's llama-server"));
    log_debug("prefill", LOG_TEXT("resource", prefill->resource->id),
              LOG_TEXT("result", result == PREFIX_USED ? "done" : prefix_result_name(result)),
              LOG_SECONDS("took_s", jobs_now_ns() - start_ns));
    prefixes_end(prefixes, prefill->work.session, result, jobs_now_ns() - start_ns, slots);
    drop(&prefill->work);
}

void prefill_begin(struct prefixes *prefixes, struct jobs *jobs, struct config *config,
                   const struct config_resource *resource, uint64_t session)
{
    struct prefill *prefill = calloc(1, sizeof *prefill);
    if (!prefill)
        return;
    prefill->work.drop = drop;
    prefill->job = (struct job){.run = run, .slow = true};
    prefill->prefixes = prefixes;
    prefill->config = config_retain(config);
    prefill->resource = resource;
    if (!prefixes_begin(prefixes, session, &prefill->work)) {
        drop(&prefill->work);
        return;
    }
    jobs_submit(jobs, &prefill->job, 0);
}
