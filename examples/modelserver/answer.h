/* SPDX-License-Identifier: MIT
 * How answers look: OpenAI's shapes, whole or as a stream of events. */
#ifndef MODELSERVER_ANSWER_H
#define MODELSERVER_ANSWER_H

#include "engine.h"
#include "http.h"
#include <jansson.h>
#include <time.h>

enum reply_kind { REPLY_CHAT, REPLY_COMPLETION, REPLY_EMBEDDINGS, REPLY_LOAD, REPLY_UNLOAD };

/* What a client waits for; the owner of its job. */
struct reply {
    enum reply_kind kind;
    bool stream, usage, base64;
    unsigned long number;
    time_t created;
    size_t prompt_tokens;
    struct http_connection *connection;
    const char *model;
    struct engine *engine;
};

void answer_json(struct http_connection *connection, int status, json_t *value); /* takes `value` */
void answer_error(struct http_connection *connection, int status, const char *code,
                  const char *format, ...) __attribute__((format(printf, 4, 5)));
void answer_state(struct http_connection *connection, const char *model, struct engine *engine);
void answer_models(struct http_connection *connection, const char *model);
/* Writes what the job has produced since the last time, and ends the answer when the job has its
 * result. */
void answer_pump(struct job *job, enum job_result result);

#endif
