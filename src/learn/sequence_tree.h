/* SPDX-License-Identifier: MIT
 * What followed each context of 1 to 5 items. Every event of the past lies in the chain of one
 * context, the shortest that is still rare; which of its chain's events share more of the present
 * context is seen by looking at them. A context that was met often gets a row of counts, and its
 * events move to the contexts one item longer: a tree that opens only where much was seen, the
 * counts as exact as with a table of all contexts, at a fraction of its memory.
 * Contexts of two and more items lie in a hash table; where it may not grow any more, the rarest of
 * a neighbourhood makes way. */
#ifndef FOREWARM_LEARN_SEQUENCE_TREE_H
#define FOREWARM_LEARN_SEQUENCE_TREE_H

#include "learn/sequence_past.h"
#include "learn/sequence_rows.h"

enum {
    SEQUENCE_RARE = 32, /* events in a chain; one more, and the context opens */
    SEQUENCE_ROW_CLASS = 6,
};

struct sequence_node {
    uint32_t tag; /* the key's other half; 0: free */
    uint32_t
        word; /* 24 bits: the chain's latest event, or the row; 7: the chain's events; 1: open */
};
struct sequence_rows {
    struct sequence_row *rows;
    uint32_t used, capacity, max, free; /* free: linked by `at` */
};
struct sequence_tree {
    struct sequence_node *nodes;
    uint32_t capacity, max, count;
    uint64_t dropped; /* contexts that made way */
    struct sequence_rows rows;
    struct sequence_words *arena; /* the learner's */
    struct sequence_past *past;
    uint32_t reach;
};
/* What follows the present context, by order: a row, or what was counted from a chain. */
struct sequence_seen {
    uint16_t item;
    uint16_t counts[SEQUENCE_ORDERS];
};
enum { SEQUENCE_SEEN_MAX = 4 * (SEQUENCE_RARE + 1) };
struct sequence_found {
    const struct sequence_row *rows[SEQUENCE_ORDERS];
    int row_count; /* orders 1..row_count have rows */
    int known;     /* orders 1..known were seen */
    struct sequence_seen seen[SEQUENCE_SEEN_MAX];
    uint32_t seen_count;
};

bool sequence_tree_init(struct sequence_tree *tree, struct sequence_past *past,
                        struct sequence_words *arena, uint32_t max_contexts, uint32_t reach);
void sequence_tree_fini(struct sequence_tree *tree);
uint32_t sequence_rows_take(struct sequence_rows *rows); /* SEQUENCE_NONE: no room */
static inline bool sequence_node_open(const struct sequence_node *node)
{
    return node->word >> 31;
}
static inline uint32_t sequence_node_at(const struct sequence_node *node)
{
    return node->word & SEQUENCE_POSITION_MASK;
}
static inline uint32_t sequence_node_count(const struct sequence_node *node)
{
    return node->word >> 24 & 0x7f;
}
/* The events of a context that has not opened, the oldest first. */
uint32_t sequence_tree_chain(const struct sequence_tree *tree, const struct sequence_node *node,
                             uint32_t chain[SEQUENCE_RARE + 1]);
/* `first` is the node of the context items[len - 1] alone. */
void sequence_tree_find(const struct sequence_tree *tree, const struct sequence_node *first,
                        const uint32_t *items, uint32_t len, struct sequence_found *found);
/* The event at `position` came after items; true: `first` has just opened, and its chain was
 * `opened` (`*opened_count` positions, the oldest first). */
bool sequence_tree_learn(struct sequence_tree *tree, struct sequence_node *first,
                         const uint32_t *items, uint32_t len, uint32_t position, uint32_t *opened,
                         uint32_t *opened_count);
/* The event at `position` also counts after a context that ended earlier; only where it opened. */
void sequence_tree_reach(struct sequence_tree *tree, struct sequence_node *first,
                         const uint32_t *items, uint32_t len, uint16_t next);

#endif
