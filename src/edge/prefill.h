/* SPDX-License-Identifier: MIT
 * One prefill: a session's latest prompt is sent to its llama.cpp server once more with n_predict
 * 0, so that the server reads it into its cache and answers nothing (tools/server/README.md at
 * 00dc8057). Before the first one the server is asked for /props: one that has no slots is none of
 * llama.cpp's, and would write an answer for nobody. */
#ifndef FOREWARM_EDGE_PREFILL_H
#define FOREWARM_EDGE_PREFILL_H

#include "edge/config.h"
#include "edge/prefixes.h"

/* Can a prompt that went to this path be prefilled? */
bool prefill_knows_path(struct str path);
/* The same request, with nothing to be written. False: it is no JSON object. */
FW_MUST_CHECK bool prefill_write(struct str prompt, struct str model, struct buf *out);
/* Begins it on a job thread; `config` is retained meanwhile, and `resource` is in it. */
void prefill_begin(struct prefixes *prefixes, struct jobs *jobs, struct config *config,
                   const struct config_resource *resource, uint64_t session);

#endif
