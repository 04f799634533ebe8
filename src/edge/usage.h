/* SPDX-License-Identifier: MIT
 * How many tokens an answer says it has: the last part of an answer is kept while it passes, and at
 * its end the last "completion_tokens" (OpenAI), "output_tokens" (Anthropic, OpenAI Responses) or
 * "eval_count" (Ollama) in it is read. Streams say it in their last event, if they were asked to.
 */
#ifndef FOREWARM_EDGE_USAGE_H
#define FOREWARM_EDGE_USAGE_H

#include "base/str.h"
#include <stdbool.h>

enum { USAGE_TAIL_BYTES = 2 << 10, USAGE_TOKENS_MAX = 100 * 1000 * 1000 };
struct usage_tail {
    size_t total; /* bytes that have passed */
    char bytes[USAGE_TAIL_BYTES];
};

void usage_begin(struct usage_tail *tail);
void usage_feed(struct usage_tail *tail, const char *data, size_t len);
/* False: it does not say. */
bool usage_tokens(const struct usage_tail *tail, uint32_t *tokens);

#endif
