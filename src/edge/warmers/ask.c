/* SPDX-License-Identifier: MIT */
#include "edge/warmers/ask.h"
#include "base/check.h"
#include "base/time.h"
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define LOOK_AROUND_NS (2 * TIME_SECOND)
enum { COMPLAINT_SHOWN = 200 };

const struct config_url *ask_server(const struct warmer *warmer)
{
    const struct config_url *own = &warmer->config->warmer.server;
    return own->text[0] ? own : &warmer->config->upstream;
}

enum fw_err ask_token(const struct warmer *warmer, char token[ASK_TOKEN_MAX],
                      struct fw_detail *detail)
{
    const char *path = warmer->config->warmer.token_file;
    token[0] = 0;
    if (!path[0])
        return FW_OK;
    FILE *file = fopen(path, "re");
    if (!file)
        return err_set(detail, FW_IO, "warmer.token_file: \"%s\" cannot be opened: %s", path,
                       strerror(errno));
    size_t len = fread(token, 1, ASK_TOKEN_MAX - 1, file);
    bool whole = len < ASK_TOKEN_MAX - 1 && !ferror(file);
    (void)fclose(file);
    token[len] = 0;
    token[strcspn(token, "\r\n")] = 0;
    if (whole && token[0])
        return FW_OK;
    explicit_bzero(token, ASK_TOKEN_MAX);
    return err_set(detail, FW_IO, "warmer.token_file: \"%s\" %s", path,
                   whole ? "begins with an empty line, expected the token"
                         : "is no token of at most 8 KiB");
}

void ask_add_name(struct buf *path, const char *name)
{
    for (const char *c = name; *c; c++)
        if ((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
            strchr("-._~:/", *c))
            buf_add_char(path, *c);
        else
            buf_printf(path, "%%%02X", (unsigned char)*c);
}

enum fw_err ask(struct warmer *warmer, const char *method, const char *path, const char *body,
                int64_t timeout_ns, bool cancellable, struct ask_answer *answer,
                struct fw_detail *detail)
{
    const struct config_warmer *config = &warmer->config->warmer;
    char token[ASK_TOKEN_MAX];
    const char *headers[CONFIG_HEADERS_MAX + 1];
    struct buf address;
    *answer = (struct ask_answer){0};
    warmer->refused = true;
    FW_TRY(ask_token(warmer, token, detail));
    buf_init(&address, 2 * CONFIG_URL_MAX);
    call_address(&(struct config_call){.url = path}, ask_server(warmer), &address);
    buf_add(&address, "", 1);
    struct call_request request = {.method = method,
                                   .address = address.data,
                                   .body = body,
                                   .body_bytes = body ? strlen(body) : 0,
                                   .headers = headers,
                                   .token = token,
                                   .ca_file = config->ca_file[0] ? config->ca_file
                                                                 : ask_server(warmer)->ca_file,
                                   .timeout_ns = timeout_ns};
    for (; request.header_count < config->header_count; request.header_count++)
        headers[request.header_count] = config->headers[request.header_count];
    if (strcmp(method, "PATCH") == 0)
        headers[request.header_count++] = "Content-Type: application/merge-patch+json";
    enum fw_err err = address.failed ? FW_NOMEM
                                     : call_send(&request, cancellable ? warmer->cancel : NULL,
                                                 &answer->result, detail);
    explicit_bzero(token, sizeof token);
    buf_fini(&address);
    answer->status = answer->result.status;
    warmer->refused = !answer->result.sent;
    if (err != FW_OK)
        return err;
    struct str text = ask_text(answer);
    answer->json = json_loadb(text.data, text.len, JSON_DECODE_ANY, NULL);
    detail->text[0] = 0;
    return FW_OK;
}

bool ask_header(const struct ask_answer *answer, const char *name, struct str *value)
{
    return call_header(&answer->result, name, value);
}

void ask_fini(struct ask_answer *answer)
{
    json_decref(answer->json);
    call_result_fini(&answer->result);
    *answer = (struct ask_answer){0};
}

const char *ask_complaint(const struct ask_answer *answer)
{
    const json_t *error = json_object_get(answer->json, "error");
    if (json_is_object(error))
        error = json_object_get(error, "message");
    static const char *const keys[] = {"message", "detail", "title"};
    for (size_t i = 0; !json_is_string(error) && i < sizeof keys / sizeof keys[0]; i++)
        error = json_object_get(answer->json, keys[i]);
    const char *text = json_string_value(error);
    return text ? text : "";
}

/* Which server answers so: a path that is its own, and a text in the answer. In this order: some
 * imitate others. */
static const struct {
    const char *name, *path, *text;
} signs[] = {
    {"Ollama", "/api/version", "\"version\""},
    {"llama-swap", "/running", "\"running\""},
    {"LM Studio", "/api/v0/models", "\"data\""},
    {"llama-server", "/props", "\"build_info\""},
    {"vLLM", "/v1/models", "\"vllm\""},
    {"Triton", "/v2", "\"triton\""},
    {"TGI", "/info", "\"model_id\""},
    {"LocalAI", "/system", "\"backends\""},
    {"TorchServe", "/models", "\"modelUrl\""},
    {"Kubernetes", "/version", "\"gitVersion\""},
};

/* The status of the sign's path; `is`: it was answered as that kind does. */
static long look_for(struct warmer *warmer, size_t sign, bool *is)
{
    struct ask_answer answer;
    struct fw_detail ignored = {{0}};
    const char *text = signs[sign].text;
    enum fw_err err =
        ask(warmer, "GET", signs[sign].path, NULL, LOOK_AROUND_NS, true, &answer, &ignored);
    struct str body = ask_text(&answer);
    long status = answer.status;
    *is = err == FW_OK && status == 200 && answer.json &&
          memmem(body.data, body.len, text, strlen(text));
    ask_fini(&answer);
    return status;
}

static const char *what_is_there(struct warmer *warmer)
{
    bool is;
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
        look_for(warmer, i, &is);
        if (is)
            return signs[i].name;
    }
    return "a server that is none of those known";
}

static size_t sign_of(const char *kind)
{
    size_t i = 0;
    while (i < sizeof signs / sizeof signs[0] && strcmp(signs[i].name, kind) != 0)
        i++;
    CHECK(i < sizeof signs / sizeof signs[0]);
    return i;
}

bool ask_is(struct warmer *warmer, const char *kind)
{
    bool is;
    look_for(warmer, sign_of(kind), &is);
    return is;
}

enum fw_err ask_wrong_server(struct warmer *warmer, const char *expected, const char *why,
                             struct fw_detail *detail)
{
    warmer->refused = true;
    return err_set(detail, FW_UPSTREAM, "expected %s at %s, found %s: %s", expected,
                   ask_server(warmer)->text, what_is_there(warmer), why);
}

enum fw_err ask_failed(struct warmer *warmer, const char *kind, const char *asked,
                       const struct ask_answer *answer, struct fw_detail *detail)
{
    const char *at = ask_server(warmer)->text, *complaint = ask_complaint(answer);
    size_t sign = sign_of(kind);
    bool is;
    long status = look_for(warmer, sign, &is);
    bool hidden = status == 0 || status == 401 || status == 403 || status >= 500;
    bool other = !is && !hidden;
    warmer->refused = other || (answer->status >= 400 && answer->status < 500);
    if (other)
        return err_set(detail, FW_UPSTREAM, "expected %s at %s, found %s: GET %s answered %ld%s",
                       kind, at, what_is_there(warmer), signs[sign].path, status,
                       status == 200 ? " and something else" : "");
    return err_set(detail, FW_UPSTREAM, "%s at %s: %s answered %ld%s%.*s%s", kind, at, asked,
                   answer->status, complaint[0] ? " \"" : "", COMPLAINT_SHOWN, complaint,
                   complaint[0]   ? "\""
                   : answer->json ? ""
                                  : " with something that is not JSON");
}
