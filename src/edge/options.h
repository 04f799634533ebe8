/* SPDX-License-Identifier: MIT
 * The options that users send and that force another load when they change, such as Ollama's
 * num_ctx: a fingerprint of each request, and of each resource which ones are used most, so that
 * the proof is made with them.
 *
 * A fingerprint is a text of lines "options.num_ctx=8192", in the order of the resource's keys, the
 * values as they were sent. Counts halve every hour. Noting never waits: what cannot be counted at
 * once because another thread counts is left out. */
#ifndef FOREWARM_EDGE_OPTIONS_H
#define FOREWARM_EDGE_OPTIONS_H

#include "base/buf.h"
#include "base/err.h"
#include "edge/config.h"
#include <stdatomic.h>

enum { OPTIONS_KEYS_MAX = 12, OPTIONS_TEXT_MAX = 512, OPTIONS_KEPT = 8 };

struct options_table;
typedef _Atomic(struct options_table *) options_slot;

/* The resource's keys, separated by blanks: its own, or those of its warmer's kind; "" none. */
struct str options_keys(const struct config_resource *resource);
/* The fingerprint of a JSON body whose member "options" is written as `options` (empty: it has
 * none). Its length; 0: no such option is there. */
size_t options_read(struct str keys, struct str body, struct str options,
                    char text[OPTIONS_TEXT_MAX]);
/* True: the request before had others, and the server has to load anew; `warn`: for the first time
 * in a while, `before` then holds what it had. */
bool options_note(options_slot *slot, struct str text, int64_t now_ns, bool *warn,
                  char before[OPTIONS_TEXT_MAX]);
/* The most used; its length, 0: none are, or nothing is known. */
size_t options_most_used(options_slot *slot, int64_t now_ns, char text[OPTIONS_TEXT_MAX]);
/* The body with the fingerprint's options in place of its own; every other byte stays as it is.
 * FW_INPUT: the body is no JSON object. */
FW_MUST_CHECK enum fw_err options_splice(struct str body, struct str text, struct buf *out);
/* The body's member "options" with the fingerprint's in it; nothing when it has none of these. */
void options_object(struct str body, struct str text, struct buf *out);
void options_free(options_slot *slot);

#endif
