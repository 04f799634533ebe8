/* SPDX-License-Identifier: MIT
 * Prediction tries as files: TrieEnvelope 1.0, {"version", "generated_at", "workflow_name",
 * "root"}, a node {"name", "children", "predictions_by_call_index", "predictions_any_index"}. What
 * a node of ours knows of indices beyond those told apart is in "predictions_beyond_index", which
 * other readers leave alone. */
#ifndef FOREWARM_CLI_HINTS_JSON_H
#define FOREWARM_CLI_HINTS_JSON_H

#include "base/buf.h"
#include "learn/hint_trie.h"

struct json; /* of base/json.h */

void hints_json_prediction(const struct callpath_prediction *prediction, struct json *json);
void hints_json_write(const struct hint_trie *trie, struct str workflow, int64_t at_ns,
                      struct buf *out);

/* A trie read from a file. */
struct hints_file {
    struct hint_trie trie;
    char *workflow; /* the agent it is of; its length: */
    size_t workflow_len;
};
/* `name` is for messages, which say where in the document something else was expected. Missing maps
 * are empty ones. The version must be 1.0 if `versioned`. */
FW_MUST_CHECK enum fw_err hints_json_read(struct hints_file *file, const char *name,
                                          struct str text, bool versioned,
                                          struct fw_detail *detail);
void hints_json_fini(struct hints_file *file);

/* The trie of one agent of a view. */
FW_MUST_CHECK enum fw_err hints_json_from_view(const struct callpath_view *view, struct str agent,
                                               struct hint_trie *trie);

#endif
