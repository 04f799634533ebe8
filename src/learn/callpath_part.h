/* SPDX-License-Identifier: MIT
 * What the parts of callpath.h share: the nodes, and what the calls of a run contribute. */
#ifndef FOREWARM_LEARN_CALLPATH_PART_H
#define FOREWARM_LEARN_CALLPATH_PART_H

#include "learn/callpath.h"
#include "learn/callpath_stat.h"
#include "learn/callpath_view.h"

enum { CALLPATH_SLOTS = CALLPATH_TAIL + 1 }; /* any, 1 .. CALLPATH_INDEX_MAX, tail */

/* The statistics of one index in one node. */
struct callpath_pack {
    struct callpath_stat stats[CALLPATH_METRICS];
    struct callpath_mean score;
    struct callpath_prediction prediction; /* as of when `stale` was cleared */
    bool stale;
};
/* Node 0 holds the agents; their nodes are its children. */
struct callpath_node {
    uint64_t hash; /* of its name, with its parent's */
    uint32_t parent;
    uint32_t newer, older; /* in order of use; a parent is always newer than its children */
    uint32_t children;
    uint32_t name_len;
    char *name; /* NULL: free */
    struct callpath_pack **packs;
    uint16_t pack_count; /* room in `packs` */
};
struct callpath_scratch;

struct callpath {
    struct callpath_settings settings;
    struct callpath_fading fading;
    struct callpath_counts counts;
    struct callpath_node *nodes;
    uint32_t node_count, node_capacity; /* in the array, free ones too */
    uint32_t free_node;                 /* chained by `newer`; CALLPATH_NO_NODE none */
    uint32_t newest, oldest;
    uint32_t *slots; /* open addressing: node + 1 */
    uint32_t slot_count;
    int64_t latest_ns; /* end of a run learned */
    struct callpath_scratch *scratch;
};

/* ---- nodes ---- */
FW_MUST_CHECK enum fw_err callpath_nodes_init(struct callpath *callpath);
void callpath_nodes_fini(struct callpath *callpath);
uint64_t callpath_hash(uint64_t parent_hash, struct str name);
/* The child of that name, made if it is new; at the limit the node used longest ago goes for
 * it. */
FW_MUST_CHECK enum fw_err callpath_nodes_child(struct callpath *callpath, uint32_t parent,
                                               struct str name, uint32_t *child);
/* It was used now; its ancestors are to be told after it, root last. */
void callpath_nodes_use(struct callpath *callpath, uint32_t node);
/* Drops the nodes used longest ago while there are more, or more bytes, than allowed. */
void callpath_nodes_shrink(struct callpath *callpath);
FW_MUST_CHECK enum fw_err callpath_nodes_pack(struct callpath *callpath, uint32_t node,
                                              uint32_t index, struct callpath_pack **pack);

/* ---- what calls contribute ---- */
struct callpath_context {
    uint32_t call;    /* number in the run */
    uint32_t index;   /* from 1, among calls of the same path */
    double remaining; /* calls of a language model after it */
    double gap_ms;    /* NaN: none */
    double tokens;    /* NaN: not known */
    double score;     /* NaN: not scored */
};
FW_MUST_CHECK enum fw_err callpath_scratch_create(struct callpath_scratch **out);
void callpath_scratch_free(struct callpath_scratch **scratch);
/* One for each call of a language model, in order of start; valid until the next call. */
FW_MUST_CHECK enum fw_err callpath_contexts(struct callpath_scratch *scratch,
                                            const struct callpath_run *run,
                                            const struct callpath_weights *weights,
                                            const struct callpath_context **contexts,
                                            uint32_t *count);
/* FW_INPUT or FW_LIMIT says which call and what. */
FW_MUST_CHECK enum fw_err callpath_run_check(const struct callpath_run *run,
                                             struct fw_detail *detail);
/* When it ended, as far as is known. */
int64_t callpath_run_end(const struct callpath_run *run);

#endif
