/* SPDX-License-Identifier: MIT
 * What an agent will still ask for: a trie over the paths of its calls (scope names and then the
 * call's own, a list of byte strings that is never joined), and in every node, for each call index
 * and for any, how many calls remain in the run, how long until the next begins, how many tokens
 * come out and how much latency matters. Learned run by run at the cost of the run's calls times
 * their depth, whatever was learned before. Statistics are exact while few, then a sketch
 * (callpath_stat.h); what is old counts less; what was used longest ago goes first when a limit is
 * reached. Look-ups are answered by a view (callpath_view.h), which never changes.
 * The rules: docs/guide/hints.md. */
#ifndef FOREWARM_LEARN_CALLPATH_H
#define FOREWARM_LEARN_CALLPATH_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

enum {
    CALLPATH_DEPTH_MAX = 16,    /* path elements learned; deeper ones count at the 16th */
    CALLPATH_INDEX_MAX = 64,    /* call indices told apart in a node; later ones are one */
    CALLPATH_NODES_MAX = 65536, /* of all agents together; as many as settings may allow: */
    CALLPATH_NODES_LIMIT = 1 << 24,
    CALLPATH_NAME_MAX = 1024,       /* bytes of an agent's or path element's name */
    CALLPATH_RUN_CALLS_MAX = 65536, /* of one run */
    CALLPATH_SCALE_MAX = 1000,
};
#define CALLPATH_OPEN      INT64_MIN /* an end that was not seen */
#define CALLPATH_NO_TOKENS (-1.0)

/* How much latency matters for each call of a run: a score in [0, 1] from its share of the run's
 * time, how many calls follow, how near it is to either end, and how much slack it has beside
 * longer ones; as a level from 1 to `scale`. Weights >= 0, at least one above. */
struct callpath_weights {
    bool scored;    /* false: no levels at all */
    uint32_t scale; /* 1 .. CALLPATH_SCALE_MAX */
    double critical, fanout, position, parallel;
};
struct callpath_settings {
    struct callpath_weights weights;
    int64_t half_life_ns;       /* at least a minute; TIME_NEVER: age does not matter */
    uint32_t half_life_samples; /* 1 .. 2^20, counted after the exact ones */
    uint32_t max_nodes;         /* 64 .. CALLPATH_NODES_LIMIT */
    uint64_t max_bytes;         /* of statistics and names; at least a mebibyte */
};
extern const struct callpath_settings callpath_defaults;

enum callpath_kind { CALLPATH_LLM, CALLPATH_TOOL };
struct callpath_call {
    enum callpath_kind kind;
    const struct str *path; /* scope names, then the call's own: at least one */
    uint32_t depth;
    uint64_t parent;          /* calls of one parent are siblings; 0: the run itself */
    int64_t start_ns, end_ns; /* since 1970, >= 0; end CALLPATH_OPEN, or >= start */
    double tokens;            /* that came out; CALLPATH_NO_TOKENS: not known */
};
struct callpath_run {
    struct str agent;
    int64_t start_ns, end_ns; /* as above */
    const struct callpath_call *calls;
    uint32_t count;
};

struct callpath_counts {
    uint64_t runs, calls; /* learned; calls of a language model */
    uint64_t nodes, bytes;
    uint64_t nodes_dropped; /* at a limit */
    uint64_t paths_cut;     /* calls deeper than CALLPATH_DEPTH_MAX */
};

struct callpath;
/* FW_INPUT names the setting that is out of its range. */
FW_MUST_CHECK enum fw_err callpath_create(struct callpath **out,
                                          const struct callpath_settings *settings,
                                          struct fw_detail *detail);
void callpath_free(struct callpath **callpath);
struct callpath_counts callpath_counts(const struct callpath *callpath);
const struct callpath_settings *callpath_settings_of(const struct callpath *callpath);
/* FW_INPUT, FW_LIMIT: what is wrong with the run, by call; nothing was learned. The calls may come
 * in any order. */
FW_MUST_CHECK enum fw_err callpath_learn(struct callpath *callpath, const struct callpath_run *run,
                                         struct fw_detail *detail);
/* Adds what `from` has learned, as if its runs came after: what several writers learned apart.
 * Both of the same half-lives. */
FW_MUST_CHECK enum fw_err callpath_merge(struct callpath *into, const struct callpath *from);

/* All that was learned, versioned; the settings are not in it. */
void callpath_save(const struct callpath *callpath, struct buf *out);
/* Into one that has learned nothing. FW_VERSION, FW_CORRUPT, FW_NOMEM leave it empty. Nodes beyond
 * the limits are dropped and counted. */
FW_MUST_CHECK enum fw_err callpath_load(struct callpath *callpath, struct buf_reader *in);

#endif
