/* SPDX-License-Identifier: MIT
 * The vocabulary: a word a token. Token 0 ends an answer. Words that are not in it share the tokens
 * by their hash, so that any text is a prompt and different prompts give different answers. */
#ifndef MODELSERVER_WORDS_H
#define MODELSERVER_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WORDS_COUNT = 256, WORDS_END = 0 };

const char *words_text(uint32_t token);
/* A comma, a full stop: written without a blank before it. */
bool words_is_mark(uint32_t token);
/* Up to `max` tokens of the text, the last ones if there are more; returns how many. `count` (all)
 * may be larger. */
size_t words_split(const char *text, size_t len, uint32_t *tokens, size_t max, size_t *count);

#endif
