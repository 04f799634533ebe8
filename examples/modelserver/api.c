/* SPDX-License-Identifier: MIT */
#include "api.h"
#include "answer.h"
#include "words.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_TOKENS_DEFAULT = 16 };

struct api {
    struct api_options options;
    struct engine *engine;
    struct job *open;
    unsigned long replies;
};

void api_progress(struct api *api)
{
    /* Writing an answer may open a job (the next request was there already): new ones go in front.
     */
    struct job *job = api->open;
    while (job) {
        /* Read first: whatever was produced before it was set is there then. */
        enum job_result result = (enum job_result)atomic_load(&job->result);
        answer_pump(job, result);
        struct job *next = job->open_next;
        if (result != JOB_OPEN) {
            struct job **link = &api->open;
            while (*link != job)
                link = &(*link)->open_next;
            *link = next;
            job_free(job);
        }
        job = next;
    }
}

/* --- requests --- */

static void submit(struct api *api, struct http_connection *connection, struct job *job,
                   const struct reply *template)
{
    struct reply *reply = job ? malloc(sizeof *reply) : NULL;
    if (!reply) {
        job_free(job);
        answer_error(connection, 503, "out_of_memory", "out of memory");
        return;
    }
    *reply = *template;
    reply->connection = connection;
    reply->model = api->options.model;
    reply->engine = api->engine;
    reply->number = ++api->replies;
    reply->created = time(NULL);
    job->owner = reply;
    http_set_owner(connection, job);
    job->open_next = api->open;
    api->open = job;
    engine_submit(api->engine, job);
}

/* Token 0 begins every prompt, so that an empty one is a prompt too. */
static bool input_set(struct job_input *input, const char *text, size_t len, size_t *total)
{
    size_t count;
    input->tokens = malloc(ENGINE_PROMPT_MAX * sizeof *input->tokens);
    if (!input->tokens)
        return false;
    input->tokens[0] = WORDS_END;
    input->count = 1 + words_split(text, len, input->tokens + 1, ENGINE_PROMPT_MAX - 1, &count);
    *total += count;
    uint32_t *fitted = realloc(input->tokens, input->count * sizeof *input->tokens);
    if (fitted)
        input->tokens = fitted;
    return true;
}

static void text_append(char **text, size_t *len, const char *more)
{
    size_t add = more ? strlen(more) : 0;
    char *grown = realloc(*text, *len + add + 2);
    if (!grown)
        return;
    memcpy(grown + *len, more ? more : "", add);
    *len += add;
    grown[(*len)++] = '\n';
    grown[*len] = 0;
    *text = grown;
}

/* All messages as one text; NULL if they are not messages. A content may be text or an array of
 * text parts. */
static char *chat_prompt(const json_t *messages, size_t *len)
{
    char *text = NULL;
    size_t i, j;
    json_t *message, *part;
    *len = 0;
    if (!json_is_array(messages) || json_array_size(messages) == 0)
        return NULL;
    json_array_foreach(messages, i, message)
    {
        json_t *content = json_object_get(message, "content");
        if (!json_is_object(message) || !json_is_string(json_object_get(message, "role"))) {
            free(text);
            return NULL;
        }
        text_append(&text, len, json_string_value(json_object_get(message, "role")));
        text_append(&text, len, json_string_value(content));
        json_array_foreach(content, j, part)
        {
            text_append(&text, len, json_string_value(json_object_get(part, "text")));
        }
    }
    return text;
}

static bool integer_in(const json_t *body, const char *key, json_int_t least, json_int_t most,
                       json_int_t *value)
{
    json_t *found = json_object_get(body, key);
    if (!found || json_is_null(found))
        return true;
    *value = json_integer_value(found);
    return json_is_integer(found) && *value >= least && *value <= most;
}

static void generate(struct api *api, struct http_connection *connection, const json_t *body,
                     bool chat)
{
    struct reply reply = {.kind = chat ? REPLY_CHAT : REPLY_COMPLETION};
    json_int_t max_tokens = MAX_TOKENS_DEFAULT, seed = 0;
    json_t *temperature = json_object_get(body, "temperature");
    if (!integer_in(body, "max_tokens", 1, ENGINE_ANSWER_MAX, &max_tokens) ||
        !integer_in(body, "max_completion_tokens", 1, ENGINE_ANSWER_MAX, &max_tokens)) {
        answer_error(connection, 400, "invalid_value",
                     "max_tokens: expected a whole number from 1 to %d", ENGINE_ANSWER_MAX);
        return;
    }
    if (!integer_in(body, "seed", INT64_MIN, INT64_MAX, &seed)) {
        answer_error(connection, 400, "invalid_value", "seed: expected a whole number");
        return;
    }
    size_t len = 0;
    const json_t *prompt = json_object_get(body, "prompt");
    char *text = chat ? chat_prompt(json_object_get(body, "messages"), &len) : NULL;
    if (chat ? !text : !json_is_string(prompt)) {
        answer_error(connection, 400, "invalid_value",
                     chat ? "messages: expected a list of messages with a role and a content"
                          : "prompt: expected a text");
        return;
    }
    struct job *job = job_create(JOB_GENERATE, 1, (uint32_t)max_tokens);
    if (job && !input_set(&job->inputs[0], chat ? text : json_string_value(prompt),
                          chat ? len : json_string_length(prompt), &reply.prompt_tokens)) {
        job_free(job);
        job = NULL;
    }
    if (job) {
        job->temperature =
            json_is_number(temperature) ? (float)json_number_value(temperature) : 0.8F;
        job->seed = (uint64_t)seed;
    }
    reply.stream = json_is_true(json_object_get(body, "stream"));
    reply.usage =
        json_is_true(json_object_get(json_object_get(body, "stream_options"), "include_usage"));
    free(text);
    submit(api, connection, job, &reply);
}

static void embeddings(struct api *api, struct http_connection *connection, const json_t *body)
{
    struct reply reply = {.kind = REPLY_EMBEDDINGS};
    json_t *input = json_object_get(body, "input");
    const char *format = json_string_value(json_object_get(body, "encoding_format"));
    size_t count = json_is_array(input) ? json_array_size(input) : 1;
    bool good =
        json_is_string(input) || (json_is_array(input) && count > 0 && count <= ENGINE_INPUTS_MAX);
    for (size_t i = 0; good && json_is_array(input) && i < count; i++)
        good = json_is_string(json_array_get(input, i));
    if (!good) {
        answer_error(connection, 400, "invalid_value",
                     "input: expected a text or a list of 1 to %d texts", ENGINE_INPUTS_MAX);
        return;
    }
    reply.base64 = format && strcmp(format, "base64") == 0;
    struct job *job = job_create(JOB_EMBED, count, 0);
    for (size_t i = 0; job && i < count; i++) {
        json_t *text = json_is_array(input) ? json_array_get(input, i) : input;
        if (!input_set(&job->inputs[i], json_string_value(text), json_string_length(text),
                       &reply.prompt_tokens)) {
            job_free(job);
            job = NULL;
        }
    }
    submit(api, connection, job, &reply);
}

/* Inference: checks what all kinds share, then hands over. */
static void infer(struct api *api, struct http_connection *connection,
                  const struct http_request *request)
{
    json_error_t error;
    json_t *body = json_loadb(request->body, request->body_len, 0, &error);
    const char *model = json_string_value(json_object_get(body, "model"));
    struct engine_state state;
    engine_state(api->engine, &state);
    if (!json_is_object(body))
        answer_error(connection, 400, "invalid_json", "the body is not a JSON object: %s",
                     body ? "it is something else" : error.text);
    else if (!model || strcmp(model, api->options.model) != 0)
        answer_error(connection, 404, "model_not_found", "found the model \"%s\", expected \"%s\"",
                     model ? model : "", api->options.model);
    else if (api->options.refuse_while_loading && !state.loaded) {
        if (!state.loading) { /* being asked starts the load all the same; nobody waits for this
                               * job
                               */
            struct job *job = job_create(JOB_LOAD, 0, 0);
            if (job) {
                job->open_next = api->open;
                api->open = job;
                engine_submit(api->engine, job);
            }
        }
        answer_error(connection, 503, "loading", "the model is loading");
    } else if (strcmp(request->path, "/v1/embeddings") == 0)
        embeddings(api, connection, body);
    else
        generate(api, connection, body, strcmp(request->path, "/v1/chat/completions") == 0);
    json_decref(body);
}

static void command(struct api *api, struct http_connection *connection, enum job_kind kind)
{
    struct reply reply = {.kind = kind == JOB_LOAD ? REPLY_LOAD : REPLY_UNLOAD};
    submit(api, connection, job_create(kind, 0, 0), &reply);
}

static void on_request(void *context, struct http_connection *connection,
                       const struct http_request *request)
{
    struct api *api = context;
    const char *path = request->path;
    bool get = strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;
    bool post = strcmp(request->method, "POST") == 0;
    http_set_owner(connection, NULL);
    if (get && strcmp(path, "/health") == 0)
        http_answer(connection, 200, "application/json", "{\"status\":\"ok\"}", 15);
    else if (get && strcmp(path, "/state") == 0)
        answer_state(connection, api->options.model, api->engine);
    else if (get && strcmp(path, "/v1/models") == 0)
        answer_models(connection, api->options.model);
    else if (post && strcmp(path, "/load") == 0)
        command(api, connection, JOB_LOAD);
    else if (post && strcmp(path, "/unload") == 0)
        command(api, connection, JOB_UNLOAD);
    else if (post && (strcmp(path, "/v1/chat/completions") == 0 ||
                      strcmp(path, "/v1/completions") == 0 || strcmp(path, "/v1/embeddings") == 0))
        infer(api, connection, request);
    else
        answer_error(connection, 404, "not_found",
                     "found %s %.200s; known are GET /health, /state, /v1/models and POST /load, "
                     "/unload, /v1/chat/completions, /v1/completions, /v1/embeddings",
                     request->method, path);
}

static void on_gone(void *context, struct http_connection *connection)
{
    struct job *job = http_owner(connection);
    (void)context;
    if (!job)
        return;
    free(job->owner);
    job->owner = NULL;
    http_set_owner(connection, NULL);
    atomic_store(&job->cancelled, true);
}

/* --- life --- */

struct api *api_create(const struct api_options *options)
{
    struct api *api = calloc(1, sizeof *api);
    if (api)
        api->options = *options;
    return api;
}

void api_attach(struct api *api, struct engine *engine)
{
    api->engine = engine;
}

struct http_handler api_handler(struct api *api)
{
    return (struct http_handler){api, on_request, on_gone};
}

void api_destroy(struct api *api)
{
    for (struct job *job = api ? api->open : NULL, *next; job; job = next) {
        next = job->open_next;
        free(job->owner);
        job_free(job);
    }
    free(api);
}
