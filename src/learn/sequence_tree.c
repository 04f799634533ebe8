/* SPDX-License-Identifier: MIT */
#include "learn/sequence_tree.h"
#include "base/grow.h"
#include <stdlib.h>
#include <string.h>

enum { NODES_FIRST = 64, NODES_LOOKED = 8 /* of which the rarest makes way */ };

static uint64_t key_of(uint64_t before, uint32_t item)
{
    uint64_t x = (before ^ (item + 1ull)) * 0x9e3779b97f4a7c15ull;
    x = (x ^ (x >> 29)) * 0xbf58476d1ce4e5b9ull;
    return x ^ (x >> 32);
}

bool sequence_tree_init(struct sequence_tree *tree, struct sequence_past *past,
                        struct sequence_words *arena, uint32_t max_contexts, uint32_t reach)
{
    *tree = (struct sequence_tree){
        .capacity = NODES_FIRST,
        .max = max_contexts > NODES_FIRST ? max_contexts : NODES_FIRST,
        .past = past,
        .arena = arena,
        .reach = reach,
    };
    tree->rows = (struct sequence_rows){.max = SEQUENCE_POSITION_MASK, .free = SEQUENCE_NONE};
    tree->nodes = calloc(NODES_FIRST, sizeof *tree->nodes);
    return tree->nodes != NULL;
}

void sequence_tree_fini(struct sequence_tree *tree)
{
    free(tree->nodes);
    free(tree->rows.rows);
    *tree = (struct sequence_tree){0};
}

uint32_t sequence_rows_take(struct sequence_rows *rows)
{
    uint32_t at = rows->free;
    if (at != SEQUENCE_NONE) {
        rows->free = rows->rows[at].at;
        rows->rows[at] = (struct sequence_row){0};
        return at;
    }
    if (rows->used == rows->max)
        return SEQUENCE_NONE;
    if (rows->used == rows->capacity) {
        uint32_t capacity = (uint32_t)grow_capacity(rows->capacity, rows->used + 1, rows->max);
        struct sequence_row *grown = realloc(rows->rows, capacity * sizeof *grown);
        if (!grown)
            return SEQUENCE_NONE;
        rows->rows = grown;
        rows->capacity = capacity;
    }
    rows->rows[rows->used] = (struct sequence_row){0};
    return rows->used++;
}

/* ---- nodes of contexts of two items and more ---- */

/* Where a node is looked for first: in the order of tags, whatever the capacity. */
static uint32_t home_of(const struct sequence_tree *tree, uint32_t tag)
{
    return (uint32_t)((uint64_t)tag * tree->capacity >> 32);
}

static uint32_t step_from(const struct sequence_tree *tree, uint32_t at)
{
    return at + 1 < tree->capacity ? at + 1 : 0;
}

static uint32_t tag_of(uint64_t key)
{
    uint32_t tag = (uint32_t)(key >> 20);
    return tag ? tag : 1;
}

static struct sequence_node *find_node(const struct sequence_tree *tree, uint32_t tag)
{
    uint32_t at = home_of(tree, tag);
    for (; tree->nodes[at].tag != 0; at = step_from(tree, at))
        if (tree->nodes[at].tag == tag)
            return &tree->nodes[at];
    return NULL;
}

static bool grow(struct sequence_tree *tree)
{
    uint32_t count = tree->capacity;
    struct sequence_node *old = tree->nodes;
    uint32_t capacity = (uint32_t)grow_capacity(count, count + 1, tree->max);
    struct sequence_node *nodes = calloc(capacity, sizeof *nodes);
    if (!nodes)
        return false;
    tree->nodes = nodes;
    tree->capacity = capacity;
    for (uint32_t i = 0; i < count; i++) {
        if (old[i].tag == 0)
            continue;
        uint32_t to = home_of(tree, old[i].tag);
        while (nodes[to].tag != 0)
            to = step_from(tree, to);
        nodes[to] = old[i];
    }
    free(old);
    return true;
}

static void release(struct sequence_tree *tree, struct sequence_node *node)
{
    if (sequence_node_open(node)) {
        uint32_t at = sequence_node_at(node);
        sequence_row_release(tree->arena, &tree->rows.rows[at]);
        tree->rows.rows[at].at = tree->rows.free;
        tree->rows.free = at;
    }
    node->word = 0;
}

/* How little would be lost with it: events in a chain, else in a row. */
static uint32_t worth(const struct sequence_tree *tree, const struct sequence_node *node)
{
    if (sequence_node_open(node))
        return SEQUENCE_RARE + tree->rows.rows[sequence_node_at(node)].total;
    return sequence_past_full(tree->past, sequence_node_at(node)) ? sequence_node_count(node) : 0;
}

/* Takes a node out and moves up those behind it that had to give way to it. */
static void remove_at(struct sequence_tree *tree, uint32_t hole)
{
    struct sequence_node *nodes = tree->nodes;
    release(tree, &nodes[hole]);
    for (uint32_t at = step_from(tree, hole); nodes[at].tag != 0; at = step_from(tree, at)) {
        uint32_t home = home_of(tree, nodes[at].tag);
        uint32_t from_home = at >= home ? at - home : at + tree->capacity - home;
        uint32_t from_hole = at >= hole ? at - hole : at + tree->capacity - hole;
        if (from_home < from_hole)
            continue;
        nodes[hole] = nodes[at];
        hole = at;
    }
    nodes[hole] = (struct sequence_node){0};
    tree->count--;
}

/* The rarest of the next few makes way. */
static void make_way(struct sequence_tree *tree, uint32_t at)
{
    uint32_t rarest = at, least = UINT32_MAX;
    for (int looked = 0; looked < NODES_LOOKED; at = step_from(tree, at)) {
        if (tree->nodes[at].tag == 0)
            continue;
        looked++;
        if (worth(tree, &tree->nodes[at]) >= least)
            continue;
        rarest = at;
        least = worth(tree, &tree->nodes[at]);
    }
    remove_at(tree, rarest);
    tree->dropped++;
}

static struct sequence_node *make_node(struct sequence_tree *tree, uint32_t tag)
{
    struct sequence_node *node = find_node(tree, tag);
    if (node)
        return node;
    bool full = tree->count + tree->count / 8 >= tree->capacity;
    if (full && (tree->capacity == tree->max || !grow(tree)))
        make_way(tree, home_of(tree, tag));
    uint32_t at = home_of(tree, tag);
    while (tree->nodes[at].tag != 0)
        at = step_from(tree, at);
    tree->nodes[at].tag = tag;
    tree->count++;
    return &tree->nodes[at];
}

/* ---- learning ---- */

/* The key of the `order` items before `position`; false: not so many are known. */
static bool key_before(const struct sequence_past *past, uint32_t position, int order,
                       uint64_t *key)
{
    *key = 0;
    for (int k = 0; k < order; k++) {
        position = sequence_past_before(past, position);
        if (position == 0 || sequence_past_at(past, position)->item >= SEQUENCE_BEYOND)
            return false;
        *key = key_of(*key, sequence_past_at(past, position)->item);
    }
    return true;
}

/* What came at `position`, and within reach after it. */
static void count_from(struct sequence_tree *tree, uint32_t row, uint32_t position)
{
    for (uint32_t step = 0; step < tree->reach && position != 0; step++) {
        uint16_t item = sequence_past_at(tree->past, position)->item;
        if (item < SEQUENCE_BEYOND)
            sequence_row_add(tree->arena, &tree->rows.rows[row], item, 1, SEQUENCE_ROW_CLASS);
        position = step + 1 < tree->reach ? sequence_past_after(tree->past, position) : 0;
    }
}

static void chain_add(struct sequence_tree *tree, struct sequence_node *node, int order,
                      uint32_t position);

uint32_t sequence_tree_chain(const struct sequence_tree *tree, const struct sequence_node *node,
                             uint32_t chain[SEQUENCE_RARE + 1])
{
    uint32_t at = sequence_past_full(tree->past, sequence_node_at(node));
    uint32_t count = 0, room = SEQUENCE_RARE + 1;
    for (; at != 0 && count < room; count++) {
        chain[room - 1 - count] = at;
        uint32_t next =
            sequence_past_full(tree->past, sequence_past_link(sequence_past_at(tree->past, at)));
        at = next != 0 && tree->past->written - next > tree->past->written - at ? next : 0;
    }
    memmove(chain, chain + room - count, count * sizeof *chain);
    return count;
}

/* The context was met often: its counts to a row, its events to longer tree. */
static void open_node(struct sequence_tree *tree, struct sequence_node *node, int order,
                      uint32_t *chain, uint32_t *count)
{
    uint32_t row = sequence_rows_take(&tree->rows);
    *count = sequence_tree_chain(tree, node, chain);
    if (row == SEQUENCE_NONE) {
        node->word &= ~(0x7fu << 24); /* begins again */
        return;
    }
    node->word = row | 1u << 31; /* from here on the node may move */
    for (uint32_t i = 0; i < *count; i++)
        count_from(tree, row, chain[i]);
    uint64_t key;
    for (uint32_t i = 0; order < SEQUENCE_ORDERS && i < *count; i++)
        if (key_before(tree->past, chain[i], order + 1, &key))
            chain_add(tree, make_node(tree, tag_of(key)), order + 1, chain[i]);
}

static void chain_push(struct sequence_tree *tree, struct sequence_node *node, uint32_t position)
{
    uint32_t low = position & SEQUENCE_POSITION_MASK;
    if (low == 0) /* would mean none */
        return;
    sequence_past_set_link(sequence_past_at(tree->past, position), sequence_node_at(node));
    node->word = low | (sequence_node_count(node) + 1) << 24;
}

static void chain_add(struct sequence_tree *tree, struct sequence_node *node, int order,
                      uint32_t position)
{
    uint32_t chain[SEQUENCE_RARE + 1], count;
    if (sequence_node_open(node)) { /* another chain of the same open just did it */
        count_from(tree, sequence_node_at(node), position);
        return;
    }
    chain_push(tree, node, position);
    if (sequence_node_count(node) > SEQUENCE_RARE)
        open_node(tree, node, order, chain, &count);
}

bool sequence_tree_learn(struct sequence_tree *tree, struct sequence_node *first,
                         const uint32_t *items, uint32_t len, uint32_t position, uint32_t *opened,
                         uint32_t *opened_count)
{
    uint16_t next = sequence_past_at(tree->past, position)->item;
    struct sequence_node *node = first;
    uint64_t key = key_of(0, items[len - 1]);
    uint32_t order = 1;
    while (sequence_node_open(node)) {
        sequence_row_add(tree->arena, &tree->rows.rows[sequence_node_at(node)], next, 1,
                         SEQUENCE_ROW_CLASS);
        if (order == SEQUENCE_ORDERS || order == len || items[len - 1 - order] >= SEQUENCE_BEYOND)
            return false;
        key = key_of(key, items[len - 1 - order]);
        node = make_node(tree, tag_of(key));
        order++;
    }
    if (node != first) {
        chain_add(tree, node, (int)order, position);
        return false;
    }
    chain_push(tree, first, position);
    if (sequence_node_count(first) <= SEQUENCE_RARE)
        return false;
    open_node(tree, first, 1, opened, opened_count);
    return sequence_node_open(first);
}

void sequence_tree_reach(struct sequence_tree *tree, struct sequence_node *first,
                         const uint32_t *items, uint32_t len, uint16_t next)
{
    const struct sequence_node *node = first;
    uint64_t key = 0;
    for (uint32_t order = 1; node && sequence_node_open(node); order++) {
        sequence_row_add(tree->arena, &tree->rows.rows[sequence_node_at(node)], next, 1,
                         SEQUENCE_ROW_CLASS);
        if (order == 1)
            key = key_of(0, items[len - 1]);
        if (order == SEQUENCE_ORDERS || order == len || items[len - 1 - order] >= SEQUENCE_BEYOND)
            return;
        key = key_of(key, items[len - 1 - order]);
        node = find_node(tree, tag_of(key));
    }
}

/* ---- asking ---- */

static void see(struct sequence_found *found, uint16_t item, int low, int high)
{
    uint32_t i = 0;
    while (i < found->seen_count && found->seen[i].item != item)
        i++;
    if (i == found->seen_count) {
        if (i == SEQUENCE_SEEN_MAX)
            return;
        found->seen[found->seen_count++] = (struct sequence_seen){.item = item};
    }
    for (int order = low; order <= high; order++)
        found->seen[i].counts[order - 1]++;
}

/* Events of a chain, each counted for all the orders that it shares with the present context. */
static void look(const struct sequence_tree *tree, const struct sequence_node *node, int order,
                 const uint32_t *items, uint32_t len, struct sequence_found *found)
{
    const struct sequence_past *past = tree->past;
    uint32_t chain[SEQUENCE_RARE + 1], count = sequence_tree_chain(tree, node, chain);
    while (count-- > 0) {
        uint32_t at = chain[count];
        int same = (int)sequence_past_match(past, sequence_past_before(past, at), items, len,
                                            SEQUENCE_ORDERS);
        if (same < order) /* another context's, by chance of the hash */
            continue;
        found->known = same > found->known ? same : found->known;
        for (uint32_t step = 0; step < tree->reach && at != 0; step++) {
            if (sequence_past_at(past, at)->item < SEQUENCE_BEYOND)
                see(found, sequence_past_at(past, at)->item, order, same);
            at = step + 1 < tree->reach ? sequence_past_after(past, at) : 0;
        }
    }
}

void sequence_tree_find(const struct sequence_tree *tree, const struct sequence_node *first,
                        const uint32_t *items, uint32_t len, struct sequence_found *found)
{
    const struct sequence_node *node = first;
    uint64_t key = 0;
    found->row_count = found->known = 0;
    found->seen_count = 0;
    for (uint32_t order = 1; node; order++) {
        if (!sequence_node_open(node)) {
            look(tree, node, (int)order, items, len, found);
            return;
        }
        found->rows[order - 1] = &tree->rows.rows[sequence_node_at(node)];
        found->row_count = found->known = (int)order;
        if (order == 1)
            key = key_of(0, items[len - 1]);
        if (order == SEQUENCE_ORDERS || order == len || items[len - 1 - order] >= SEQUENCE_BEYOND)
            return;
        key = key_of(key, items[len - 1 - order]);
        node = find_node(tree, tag_of(key));
    }
}
