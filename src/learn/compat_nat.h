/* SPDX-License-Identifier: MIT
 * The prediction trie as NVIDIA's NeMo-Agent-Toolkit builds it after an evaluation (profiler's
 * prediction_trie, commit 201f3dcc9), and the hints its transport makes of it: the same numbers,
 * its quirks with them. */
#ifndef FOREWARM_LEARN_COMPAT_NAT_H
#define FOREWARM_LEARN_COMPAT_NAT_H

#include "learn/compat_score.h"
#include "learn/hint_trie.h"

enum { COMPAT_NAT_STEPS_MAX = 1 << 24 };

enum compat_nat_type {
    COMPAT_NAT_LLM_START,
    COMPAT_NAT_LLM_END,
    COMPAT_NAT_TOOL_START,
    COMPAT_NAT_TOOL_END,
    COMPAT_NAT_FUNCTION_START,
    COMPAT_NAT_FUNCTION_END,
    COMPAT_NAT_SPAN_START,
    COMPAT_NAT_SPAN_END,
    COMPAT_NAT_OTHER,
};
/* Texts without data are null, which is not the same as "". */
struct compat_nat_step {
    enum compat_nat_type type;
    double at_s;
    struct str uuid, parent_id;
    struct str function_id, function_name, function_parent_id, function_parent_name;
    bool has_span_start;
    double span_start_s;
    double tokens;
};
struct compat_nat_context {
    struct str path[2];
    uint32_t depth, index, remaining;
    bool has_gap;
    double gap_ms, tokens, run_s;
    struct compat_call call;
};

struct compat_nat_list {
    double *values;
    uint32_t count, capacity;
};
struct compat_nat {
    struct callpath_weights weights;
    struct hint_trie trie;
    struct compat_places places;
    struct compat_nat_list *lists; /* COMPAT_STATS of each place */
    uint32_t list_capacity;        /* places */
};
void compat_nat_init(struct compat_nat *nat, const struct callpath_weights *weights);
void compat_nat_fini(struct compat_nat *nat);
/* Adds a run. *contexts, which the caller frees, are what its calls contributed; their texts are
 * the steps'. */
FW_MUST_CHECK enum fw_err compat_nat_add(struct compat_nat *nat,
                                         const struct compat_nat_step *steps, uint32_t count,
                                         struct compat_nat_context **contexts,
                                         uint32_t *context_count);
FW_MUST_CHECK enum fw_err compat_nat_contexts(const struct compat_nat_step *steps, uint32_t count,
                                              const struct callpath_weights *weights,
                                              struct compat_nat_context **contexts,
                                              uint32_t *context_count);
/* Works out the predictions of nat->trie. */
FW_MUST_CHECK enum fw_err compat_nat_build(struct compat_nat *nat);

struct compat_nat_hints {
    uint32_t latency_sensitivity, osl, total_requests, iat_ms;
    int64_t priority;
    char ttl[32]; /* "10s", "3m" */
};
/* `prediction` may be NULL. */
void compat_nat_hints(const struct callpath_prediction *prediction, struct compat_nat_hints *hints);

#endif
