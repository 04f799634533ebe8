/* SPDX-License-Identifier: MIT */
#include "answer.h"
#include "words.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- small answers --- */

void answer_json(struct http_connection *connection, int status, json_t *value)
{
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    static const char none[] =
        "{\"error\":{\"message\":\"out of memory\",\"type\":\"server_error\"}}";
    http_answer(connection, text ? status : 500, "application/json", text ? text : none,
                strlen(text ? text : none));
    free(text);
    json_decref(value);
}

void answer_error(struct http_connection *connection, int status, const char *code,
                  const char *format, ...)
{
    char message[WEIGHTS_ERROR_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    const char *type = status < 500 ? "invalid_request_error" : "server_error";
    answer_json(connection, status,
                json_pack("{s:{s:s,s:s,s:s,s:n}}", "error", "message", message, "type", type,
                          "code", code, "param"));
}

static long resident_bytes(void)
{
    long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file) {
        if (fscanf(file, "%ld %ld", &pages, &resident) != 2)
            resident = 0;
        fclose(file);
    }
    return resident * sysconf(_SC_PAGESIZE);
}

void answer_state(struct http_connection *connection, const char *model, struct engine *engine)
{
    struct engine_state state;
    engine_state(engine, &state);
    answer_json(connection, 200,
                json_pack("{s:s,s:b,s:b,s:b,s:f,s:I,s:I,s:I,s:I,s:f,s:f,s:I}", "model", model,
                          "loading", state.loading, "loaded", state.loaded, "packed", state.packed,
                          "progress", state.loaded ? 1.0 : state.progress / 1000.0, "weights_bytes",
                          (json_int_t)state.weights_bytes, "resident_bytes",
                          (json_int_t)resident_bytes(), "loads", (json_int_t)state.loads, "unloads",
                          (json_int_t)state.unloads, "load_s", state.load_s, "pack_s", state.pack_s,
                          "tokens", (json_int_t)state.generated));
}

void answer_models(struct http_connection *connection, const char *model)
{
    answer_json(connection, 200,
                json_pack("{s:s,s:[{s:s,s:s,s:i,s:s}]}", "object", "list", "data", "id", model,
                          "object", "model", "created", 0, "owned_by", "modelserver"));
}

/* --- finished answers --- */

static char *answer_text(const struct job *job, uint32_t from, uint32_t to)
{
    size_t len = 0, max = 1 + (size_t)(to - from) * 32;
    char *text = malloc(max);
    if (!text)
        return NULL;
    text[0] = 0;
    for (uint32_t i = from; i < to; i++)
        len += (size_t)snprintf(text + len, max - len, "%s%s",
                                i > 0 && !words_is_mark(job->answer[i]) ? " " : "",
                                words_text(job->answer[i]));
    return text;
}

static const char *finish_reason(enum job_result result)
{
    return result == JOB_LENGTH ? "length" : "stop";
}

static json_t *usage_make(const struct reply *reply, const struct job *job)
{
    json_int_t prompt = (json_int_t)reply->prompt_tokens,
               answer = (json_int_t)atomic_load(&job->produced);
    return json_pack("{s:I,s:I,s:I}", "prompt_tokens", prompt, "completion_tokens", answer,
                     "total_tokens", prompt + answer);
}

static json_t *envelope(const struct reply *reply, bool chunk)
{
    const char *object = reply->kind == REPLY_COMPLETION ? "text_completion"
                         : chunk                         ? "chat.completion.chunk"
                                                         : "chat.completion";
    char id[64];
    snprintf(id, sizeof id, "%s-%lu", reply->kind == REPLY_COMPLETION ? "cmpl" : "chatcmpl",
             reply->number);
    return json_pack("{s:s,s:s,s:I,s:s}", "id", id, "object", object, "created",
                     (json_int_t)reply->created, "model", reply->model);
}

static void answer_generated(const struct reply *reply, const struct job *job,
                             enum job_result result)
{
    char *text = answer_text(job, 0, atomic_load(&job->produced));
    json_t *choice;
    if (reply->kind == REPLY_CHAT)
        choice = json_pack("{s:i,s:{s:s,s:s},s:n,s:s}", "index", 0, "message", "role", "assistant",
                           "content", text ? text : "", "logprobs", "finish_reason",
                           finish_reason(result));
    else
        choice = json_pack("{s:i,s:s,s:n,s:s}", "index", 0, "text", text ? text : "", "logprobs",
                           "finish_reason", finish_reason(result));
    json_t *answer = envelope(reply, false);
    json_object_set_new(answer, "choices", json_pack("[o]", choice));
    json_object_set_new(answer, "usage", usage_make(reply, job));
    answer_json(reply->connection, 200, answer);
    free(text);
}

/* RFC 4648 base 64 of little-endian floats: what OpenAI's own clients ask for. */
static json_t *vector_base64(const float *vector, uint32_t width)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *bytes = (const unsigned char *)vector;
    size_t len = width * sizeof(float), out = 0;
    char *text = malloc((len + 2) / 3 * 4 + 1);
    if (!text)
        return NULL;
    for (size_t i = 0; i < len; i += 3) {
        unsigned group = (unsigned)bytes[i] << 16 |
                         (i + 1 < len ? (unsigned)bytes[i + 1] << 8 : 0) |
                         (i + 2 < len ? bytes[i + 2] : 0);
        text[out++] = digits[group >> 18 & 63];
        text[out++] = digits[group >> 12 & 63];
        text[out++] = i + 1 < len ? digits[group >> 6 & 63] : '=';
        text[out++] = i + 2 < len ? digits[group & 63] : '=';
    }
    json_t *value = json_stringn(text, out);
    free(text);
    return value;
}

static json_t *vector_array(const float *vector, uint32_t width)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < width; i++)
        json_array_append_new(array, json_real((double)vector[i]));
    return array;
}

static void answer_embeddings(const struct reply *reply, const struct job *job)
{
    uint32_t width = engine_width(reply->engine);
    json_t *data = json_array();
    for (size_t i = 0; i < job->input_count; i++) {
        const float *vector = job->vectors + i * width;
        json_array_append_new(
            data,
            json_pack("{s:s,s:I,s:o}", "object", "embedding", "index", (json_int_t)i, "embedding",
                      reply->base64 ? vector_base64(vector, width) : vector_array(vector, width)));
    }
    json_int_t tokens = (json_int_t)reply->prompt_tokens;
    answer_json(reply->connection, 200,
                json_pack("{s:s,s:o,s:s,s:{s:I,s:I}}", "object", "list", "data", data, "model",
                          reply->model, "usage", "prompt_tokens", tokens, "total_tokens", tokens));
}

/* --- streamed answers --- */

static void stream_event(struct http_connection *connection, json_t *value)
{
    char *json = json_dumps(value, JSON_COMPACT);
    size_t len = json ? strlen(json) : 0;
    char *event = json ? malloc(len + 9) : NULL;
    if (event) {
        memcpy(event, "data: ", 6);
        memcpy(event + 6, json, len);
        memcpy(event + 6 + len, "\n\n", 3);
        http_write(connection, event, len + 8);
    }
    free(event);
    free(json);
    json_decref(value);
}

static void stream_choice(struct job *job, json_t *choice)
{
    struct reply *reply = job->owner;
    json_t *chunk = envelope(reply, true);
    json_object_set_new(chunk, "choices", json_pack("[o]", choice));
    if (reply->usage)
        json_object_set_new(chunk, "usage", json_null());
    stream_event(reply->connection, chunk);
}

static void stream_text(struct job *job, uint32_t from, uint32_t to)
{
    struct reply *reply = job->owner;
    char *text = answer_text(job, from, to);
    if (reply->kind == REPLY_COMPLETION)
        stream_choice(
            job, json_pack("{s:i,s:s,s:n}", "index", 0, "text", text ? text : "", "finish_reason"));
    else if (from == 0)
        stream_choice(job, json_pack("{s:i,s:{s:s,s:s},s:n}", "index", 0, "delta", "role",
                                     "assistant", "content", text ? text : "", "finish_reason"));
    else
        stream_choice(job, json_pack("{s:i,s:{s:s},s:n}", "index", 0, "delta", "content",
                                     text ? text : "", "finish_reason"));
    free(text);
}

static void stream_finish(struct job *job, enum job_result result)
{
    struct reply *reply = job->owner;
    if (reply->kind == REPLY_COMPLETION)
        stream_choice(job, json_pack("{s:i,s:s,s:s}", "index", 0, "text", "", "finish_reason",
                                     finish_reason(result)));
    else
        stream_choice(job, json_pack("{s:i,s:{},s:s}", "index", 0, "delta", "finish_reason",
                                     finish_reason(result)));
    if (job->owner && reply->usage) {
        json_t *chunk = envelope(reply, true);
        json_object_set_new(chunk, "choices", json_array());
        json_object_set_new(chunk, "usage", usage_make(reply, job));
        stream_event(reply->connection, chunk);
    }
    if (job->owner)
        http_write(reply->connection, "data: [DONE]\n\n", 14);
    if (job->owner) {
        job->owner = NULL;
        http_end(reply->connection);
        free(reply);
    }
}

/* --- what the engine has produced --- */

static void finish_job(struct job *job, enum job_result result)
{
    struct reply *reply = job->owner;
    if (!reply)
        return;
    bool begun = reply->stream && job->taken > 0;
    if (result == JOB_FAILED || result == JOB_CANCELLED) {
        job->owner = NULL;
        if (begun) /* cannot be: words stop coming only when the server ends */
            http_end(reply->connection);
        else
            answer_error(reply->connection, 503, "load_failed", "%s",
                         job->error[0] ? job->error : "the server is stopping");
        free(reply);
        return;
    }
    if (reply->stream) {
        if (!begun)
            http_begin(reply->connection, 200, "text/event-stream");
        if (job->owner)
            stream_finish(job, result);
        return;
    }
    job->owner = NULL;
    if (reply->kind == REPLY_EMBEDDINGS)
        answer_embeddings(reply, job);
    else if (reply->kind == REPLY_LOAD || reply->kind == REPLY_UNLOAD)
        answer_state(reply->connection, reply->model, reply->engine);
    else
        answer_generated(reply, job, result);
    free(reply);
}

void answer_pump(struct job *job, enum job_result result)
{
    struct reply *reply = job->owner;
    uint32_t produced = atomic_load(&job->produced);
    if (reply && reply->stream && produced > job->taken) {
        uint32_t from = job->taken;
        if (from == 0)
            http_begin(reply->connection, 200, "text/event-stream");
        job->taken = produced;
        for (uint32_t i = from; i < produced && job->owner; i++)
            stream_text(job, i, i + 1);
    }
    if (result != JOB_OPEN)
        finish_job(job, result);
}
