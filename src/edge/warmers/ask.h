/* SPDX-License-Identifier: MIT
 * One question to a server's own API, and its answer as JSON. Any HTTP answer is an answer: what it
 * means is for the kind to say, in words that name the server, the call and what it answered. */
#ifndef FOREWARM_EDGE_ASK_H
#define FOREWARM_EDGE_ASK_H

#include "edge/call.h"
#include "edge/warmers/warmer.h"

#define ASK_TIMEOUT_NS (5 * TIME_SECOND) /* for questions a server answers at once */

struct json_t;
struct ask_answer {
    long status;
    struct json_t *json; /* NULL: it is none */
    struct call_result result;
};
static inline struct str ask_text(const struct ask_answer *answer)
{
    return buf_str(&answer->result.body);
}

/* FW_OK: any answer came. Else as call_perform, and the answer is empty. `path` is under the
 * server; `body` NULL: none. When `cancellable`, the warmer's cancel ends it. The answer is freed
 * with ask_fini in every case. A PATCH is a JSON merge patch. The token file is read anew for every
 * call: tokens are replaced while we run. */
FW_MUST_CHECK enum fw_err ask(struct warmer *warmer, const char *method, const char *path,
                              const char *body, int64_t timeout_ns, bool cancellable,
                              struct ask_answer *answer, struct fw_detail *detail);
void ask_fini(struct ask_answer *answer);

/* The server's own words on what went wrong: "error", or "message" in it; "" none. */
const char *ask_complaint(const struct ask_answer *answer);
/* For an answer that should not be: what was asked and what came, with the server's words; or, when
 * the server is not of this kind (a name in the table of ask.c), what was found there instead. */
enum fw_err ask_failed(struct warmer *warmer, const char *kind, const char *asked,
                       const struct ask_answer *answer, struct fw_detail *detail);
/* Does the server answer as this kind does? */
bool ask_is(struct warmer *warmer, const char *kind);
/* The same where no path is the kind's own: `why` tells what was amiss. */
enum fw_err ask_wrong_server(struct warmer *warmer, const char *expected, const char *why,
                             struct fw_detail *detail);
/* A field of its head; false: it has none. */
bool ask_header(const struct ask_answer *answer, const char *name, struct str *value);
/* The first line of the warmer's token file; "" there is none. Wipe it after use. */
enum { ASK_TOKEN_MAX = 8 << 10 };
FW_MUST_CHECK enum fw_err ask_token(const struct warmer *warmer, char token[ASK_TOKEN_MAX],
                                    struct fw_detail *detail);
/* A model's name in a path: all but letters, digits and -._~:/ is %-encoded. */
void ask_add_name(struct buf *path, const char *name);
/* The inference that proves it, as configured or as its kind makes it, over the way that users'
 * requests go. As call_perform. */
enum { ASK_PROBE_MAX = 32 << 20 };
FW_MUST_CHECK enum fw_err ask_probe(struct warmer *warmer, int64_t timeout_ns,
                                    struct call_result *result, struct fw_detail *detail);
/* For kinds that speak OpenAI's chat: a greeting, one token long. */
void ask_chat(const struct warmer *warmer, struct warmer_probe *made);
/* Where the server's API is. */
const struct config_url *ask_server(const struct warmer *warmer);

#endif
