/* SPDX-License-Identifier: MIT
 * A prediction trie as files have it (TrieEnvelope 1.0): one agent's, its names whole, its indices
 * any. Read from JSON, or built by the learners that are faithful to the reference programs
 * (compat_nat.h, compat_relay.h); the learner of the daemon is callpath.h. Node 0 is the root. */
#ifndef FOREWARM_LEARN_HINT_TRIE_H
#define FOREWARM_LEARN_HINT_TRIE_H

#include "base/table.h"
#include "learn/callpath_view.h"

enum { HINT_TRIE_NODES_MAX = 1 << 24 };

struct hint_trie_entry {
    uint32_t index;
    struct callpath_prediction prediction;
};
struct hint_trie_node {
    uint32_t parent;                        /* CALLPATH_NO_NODE: the root */
    uint32_t first_child, last_child, next; /* in order of making; CALLPATH_NO_NODE ends */
    struct hint_trie_entry *entries;        /* by index */
    uint32_t entry_count, entry_capacity;
    bool has_any, has_beyond;
    struct callpath_prediction any;
    struct callpath_prediction beyond; /* for indices above CALLPATH_INDEX_MAX */
};
struct hint_trie {
    struct hint_trie_node *nodes;
    uint32_t count, capacity;
    struct table children; /* parent's number and name -> node - 1 */
};

FW_MUST_CHECK enum fw_err hint_trie_init(struct hint_trie *trie);
void hint_trie_fini(struct hint_trie *trie);                            /* fine on a zeroed one */
struct str hint_trie_name(const struct hint_trie *trie, uint32_t node); /* the root's is "root" */
FW_MUST_CHECK enum fw_err hint_trie_child(struct hint_trie *trie, uint32_t parent, struct str name,
                                          uint32_t *child);
uint32_t hint_trie_find_child(const struct hint_trie *trie, uint32_t parent, struct str name);
/* The place for this index's prediction, made if it is new; valid until the next one is made. */
FW_MUST_CHECK enum fw_err hint_trie_entry(struct hint_trie *trie, uint32_t node, uint32_t index,
                                          struct callpath_prediction **prediction);
/* At the root the prediction of this index, else of any; for each element of the path that is
 * there, the child's replaces it if it has either. The deepest wins. */
bool hint_trie_find(const struct hint_trie *trie, const struct str *path, uint32_t depth,
                    uint32_t index, struct callpath_found *found);

/* The nodes in an order of depth, children in order of making: the next after `node`. */
uint32_t hint_trie_next(const struct hint_trie *trie, uint32_t node);

#endif
