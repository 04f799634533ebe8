/* SPDX-License-Identifier: MIT
 * What the server answers: OpenAI-style completions, chats and embeddings, and its own /health,
 * /state, /load and /unload. /health says 200 as soon as the port is open, loaded or not: it is the
 * trap that real servers set. */
#ifndef MODELSERVER_API_H
#define MODELSERVER_API_H

#include "engine.h"
#include "http.h"

struct api_options {
    const char *model;
    bool refuse_while_loading; /* 503 instead of waiting */
};

struct api;
struct api *api_create(const struct api_options *options);
/* The engine may only be known once the loop's handle exists. */
void api_attach(struct api *api, struct engine *engine);
struct http_handler api_handler(struct api *api);
void api_progress(struct api *api); /* the engine has produced something */
void api_destroy(struct api *api);

#endif
