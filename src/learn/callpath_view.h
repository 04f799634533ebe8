/* SPDX-License-Identifier: MIT
 * What a call-path learner foretells, as a thing that never changes: any number of threads look up
 * in it without a lock and without allocating. Making one costs what is new since the last one was
 * made and a copy of the rest. */
#ifndef FOREWARM_LEARN_CALLPATH_VIEW_H
#define FOREWARM_LEARN_CALLPATH_VIEW_H

#include "learn/callpath.h"

struct callpath_metric {
    uint32_t samples; /* ever; 0: the rest is 0 */
    double mean, p50, p90, p95;
};
enum callpath_metrics {
    CALLPATH_REMAINING,    /* calls of the run after this one */
    CALLPATH_INTERARRIVAL, /* ms from its end to the next start */
    CALLPATH_TOKENS,       /* that come out */
    CALLPATH_METRICS
};
struct callpath_prediction {
    struct callpath_metric metrics[CALLPATH_METRICS];
    uint32_t level; /* 1 .. scale; 0: not known */
};

enum { CALLPATH_ANY = 0, CALLPATH_TAIL = CALLPATH_INDEX_MAX + 1 };
struct callpath_found {
    const struct callpath_prediction *prediction; /* lives as long as the view */
    uint32_t depth; /* elements of the path that matched where it was found; 0: the agent's root */
    uint32_t index; /* 1 .. CALLPATH_INDEX_MAX, CALLPATH_ANY or CALLPATH_TAIL */
};

struct callpath_view;
FW_MUST_CHECK enum fw_err callpath_view_create(struct callpath_view **out,
                                               struct callpath *callpath);
void callpath_view_free(struct callpath_view **view);
/* The deepest node on the path that foretells anything, its prediction for this index before that
 * for any. `index` counts from 1 the agent's calls with this very path in the run. False: the agent
 * is not known or has nothing. */
bool callpath_find(const struct callpath_view *view, struct str agent, const struct str *path,
                   uint32_t depth, uint32_t index, struct callpath_found *found);

/* For writing it all out, parents before children and children by name: node 0 is the first
 * agent's root, an agent's root has parent CALLPATH_NO_NODE and the agent's name. */
#define CALLPATH_NO_NODE UINT32_MAX
struct callpath_view_node {
    struct str name;
    uint32_t parent;
    uint32_t count; /* of its predictions, in order of index: any first */
};
uint32_t callpath_view_nodes(const struct callpath_view *view);
struct callpath_view_node callpath_view_node(const struct callpath_view *view, uint32_t number);
/* The node's prediction `number` of `count`, and the index it is for. */
const struct callpath_prediction *callpath_view_prediction(const struct callpath_view *view,
                                                           uint32_t node, uint32_t number,
                                                           uint32_t *index);
uint64_t callpath_view_bytes(const struct callpath_view *view);

/* ---- hints ---- */

/* What a server may be told; a bit of `known` for each that is. */
enum callpath_hint {
    CALLPATH_HINT_OSL = 1,
    CALLPATH_HINT_IAT = 2,
    CALLPATH_HINT_LEVEL = 4,
    CALLPATH_HINT_TOTAL = 8,
};
struct callpath_hints {
    uint32_t known;
    uint32_t osl;            /* output tokens, the 90th percentile */
    uint32_t iat_ms;         /* until the next call, the median */
    uint32_t level;          /* latency sensitivity */
    uint32_t total_requests; /* of the run: this call's ordinal and what remains */
    uint32_t remaining;      /* rounded; 0: the last call, nothing to keep a cache for */
    uint32_t samples;        /* behind total_requests */
    uint32_t depth, index;   /* where it was found */
};
/* `ordinal` is the number of this call in its run, from 1; `mark` an explicit level nearest to the
 * call, which wins over what was learned, 0 if there is none. `found` may be NULL: nothing but the
 * mark is known. */
void callpath_hints(const struct callpath_found *found, uint32_t ordinal, uint32_t mark,
                    struct callpath_hints *hints);

/* How servers read a priority. */
enum callpath_dialect {
    CALLPATH_DYNAMO, /* higher matters more: min(level, cap) */
    CALLPATH_LEGACY, /* lower matters more: scale - level */
    CALLPATH_STRICT, /* the tier of a queue: min(level, cap) */
};
uint32_t callpath_priority(enum callpath_dialect dialect, uint32_t level, uint32_t scale,
                           uint32_t cap);
/* 16 hexadecimal digits that are the same wherever agent, run and scope (the path without the
 * call's own name) are. */
enum { CALLPATH_PREFIX_LEN = 16 };
void callpath_prefix(struct str agent, struct str run, const struct str *scope, uint32_t depth,
                     char text[CALLPATH_PREFIX_LEN + 1]);

#endif
