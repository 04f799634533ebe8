/* SPDX-License-Identifier: MIT
 * What is sent as the probe: as configured, or as the warmer's kind makes it. */
#include "base/json.h"
#include "edge/options.h"
#include "edge/warmers/ask.h"
#include <stdio.h>
#include <string.h>

void ask_chat(const struct warmer *warmer, struct warmer_probe *made)
{
    struct json json;
    snprintf(made->path, sizeof made->path, "/v1/chat/completions");
    json_init(&json, &made->body, false);
    json_object(&json);
    json_key_text(&json, "model", warmer_model(warmer));
    json_key(&json, "messages");
    json_raw(&json, STR("[{\"role\":\"user\",\"content\":\"hi\"}]"));
    json_key_int(&json, "max_tokens", 1);
    json_object_end(&json);
}

/* With users' options in its body, where it takes any; to as many lazy instances as there are. */
static enum fw_err perform(struct warmer *warmer, struct config_call call, int64_t timeout_ns,
                           struct call_result *result, struct fw_detail *detail)
{
    const struct config_resource *config = warmer->config;
    struct str body = {call.body, call.body_bytes > 0 ? call.body_bytes : strlen(call.body)};
    struct buf spliced;
    buf_init(&spliced, CALL_BODY_MAX);
    if (warmer->fingerprint.len > 0 &&
        options_splice(body, buf_str(&warmer->fingerprint), &spliced) == FW_OK) {
        call.body = spliced.data;
        call.body_bytes = spliced.len;
    }
    enum fw_err err = call_perform_all(&call, &config->upstream, (uint32_t)config->probe_count,
                                       timeout_ns, warmer->cancel, result, detail);
    buf_fini(&spliced);
    return err;
}

static enum fw_err send_made(struct warmer *warmer, const struct warmer_probe *made,
                             struct call_result *result, struct fw_detail *detail)
{
    const struct config_warmer *config = &warmer->config->warmer;
    struct config_call call = warmer->config->probe; /* its defaults */
    const char *headers[CONFIG_HEADERS_MAX + 1];
    char token[ASK_TOKEN_MAX];
    FW_TRY(ask_token(warmer, token, detail));
    call.method = "POST";
    call.url = made->path;
    call.body = made->body.data ? made->body.data : "";
    call.body_bytes = made->body.len;
    call.token = token;
    call.ca_file = config->ca_file;
    call.headers = headers;
    for (call.header_count = 0; call.header_count < config->header_count; call.header_count++)
        headers[call.header_count] = config->headers[call.header_count];
    if (made->header[0])
        headers[call.header_count++] = made->header;
    enum fw_err err = perform(warmer, call, made->timeout_ns, result, detail);
    explicit_bzero(token, sizeof token);
    return err;
}

enum fw_err ask_probe(struct warmer *warmer, int64_t timeout_ns, struct call_result *result,
                      struct fw_detail *detail)
{
    const struct config_resource *config = warmer->config;
    struct warmer_probe made = {.timeout_ns = timeout_ns};
    *result = (struct call_result){0};
    if (config->probe.url[0])
        return perform(warmer, config->probe, timeout_ns, result, detail);
    buf_init(&made.body, ASK_PROBE_MAX);
    enum fw_err err = warmer->ops->probe(warmer, &made, detail);
    if (err == FW_OK)
        err = send_made(warmer, &made, result, detail);
    buf_fini(&made.body);
    return err;
}
