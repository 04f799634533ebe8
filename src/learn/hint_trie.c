/* SPDX-License-Identifier: MIT */
#include "learn/hint_trie.h"
#include "base/grow.h"
#include <stdlib.h>
#include <string.h>

enum { KEY_MAX = 256, PARENT_BYTES = sizeof(uint32_t) };

static enum fw_err add_node(struct hint_trie *trie, uint32_t parent)
{
    if (trie->count == trie->capacity) {
        uint64_t capacity =
            grow_capacity(trie->capacity, trie->count + UINT64_C(1), HINT_TRIE_NODES_MAX);
        if (capacity <= trie->count)
            return FW_LIMIT;
        struct hint_trie_node *nodes = realloc(trie->nodes, (size_t)capacity * sizeof *nodes);
        if (!nodes)
            return FW_NOMEM;
        trie->nodes = nodes;
        trie->capacity = (uint32_t)capacity;
    }
    trie->nodes[trie->count++] = (struct hint_trie_node){.parent = parent,
                                                         .first_child = CALLPATH_NO_NODE,
                                                         .last_child = CALLPATH_NO_NODE,
                                                         .next = CALLPATH_NO_NODE};
    return FW_OK;
}

enum fw_err hint_trie_init(struct hint_trie *trie)
{
    *trie = (struct hint_trie){0};
    table_init(&trie->children, HINT_TRIE_NODES_MAX);
    return add_node(trie, CALLPATH_NO_NODE);
}

void hint_trie_fini(struct hint_trie *trie)
{
    for (uint32_t i = 0; i < trie->count; i++)
        free(trie->nodes[i].entries);
    free(trie->nodes);
    table_fini(&trie->children);
    *trie = (struct hint_trie){0};
}

struct str hint_trie_name(const struct hint_trie *trie, uint32_t node)
{
    if (node == 0)
        return STR("root");
    struct str key = table_key(&trie->children, node - 1);
    return (struct str){key.data + PARENT_BYTES, key.len - PARENT_BYTES};
}

/* ---- children ---- */

/* In `place` if it fits, else in memory of its own, which *made is set to; NULL data: no memory. */
static struct str key_of(uint32_t parent, struct str name, char place[KEY_MAX], char **made)
{
    size_t len = PARENT_BYTES + name.len;
    char *key = len <= KEY_MAX ? place : malloc(len);
    *made = len <= KEY_MAX ? NULL : key;
    if (!key)
        return (struct str){NULL, 0};
    memcpy(key, &parent, PARENT_BYTES);
    if (name.len > 0)
        memcpy(key + PARENT_BYTES, name.data, name.len);
    return (struct str){key, len};
}

static void link_child(struct hint_trie *trie, uint32_t parent, uint32_t child)
{
    struct hint_trie_node *up = &trie->nodes[parent];
    if (up->last_child == CALLPATH_NO_NODE)
        up->first_child = child;
    else
        trie->nodes[up->last_child].next = child;
    up->last_child = child;
}

enum fw_err hint_trie_child(struct hint_trie *trie, uint32_t parent, struct str name,
                            uint32_t *child)
{
    char place[KEY_MAX], *made;
    struct str key = key_of(parent, name, place, &made);
    bool added = false;
    uint32_t number = 0;
    if (!key.data)
        return FW_NOMEM;
    enum fw_err err = table_add(&trie->children, key, &number, &added);
    free(made);
    FW_TRY(err);
    *child = number + 1;
    if (added) {
        FW_TRY(add_node(trie, parent));
        link_child(trie, parent, *child);
    }
    return FW_OK;
}

uint32_t hint_trie_find_child(const struct hint_trie *trie, uint32_t parent, struct str name)
{
    char place[KEY_MAX], *made;
    struct str key = key_of(parent, name, place, &made);
    uint32_t number = key.data ? table_find(&trie->children, key) : TABLE_NONE;
    free(made);
    return number == TABLE_NONE ? CALLPATH_NO_NODE : number + 1;
}

uint32_t hint_trie_next(const struct hint_trie *trie, uint32_t node)
{
    if (trie->nodes[node].first_child != CALLPATH_NO_NODE)
        return trie->nodes[node].first_child;
    while (node != CALLPATH_NO_NODE && trie->nodes[node].next == CALLPATH_NO_NODE)
        node = trie->nodes[node].parent;
    return node == CALLPATH_NO_NODE ? CALLPATH_NO_NODE : trie->nodes[node].next;
}

/* ---- predictions ---- */

/* Where the index is among the node's, or would be. */
static uint32_t place_of(const struct hint_trie_node *node, uint32_t index)
{
    uint32_t low = 0, high = node->entry_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (node->entries[middle].index < index)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

enum fw_err hint_trie_entry(struct hint_trie *trie, uint32_t number, uint32_t index,
                            struct callpath_prediction **prediction)
{
    struct hint_trie_node *node = &trie->nodes[number];
    uint32_t place = place_of(node, index);
    if (place == node->entry_count || node->entries[place].index != index) {
        if (node->entry_count == node->entry_capacity) {
            uint32_t capacity =
                (uint32_t)grow_capacity(node->entry_capacity, node->entry_count + 1u, UINT32_MAX);
            struct hint_trie_entry *entries =
                realloc(node->entries, (size_t)capacity * sizeof *entries);
            if (!entries)
                return FW_NOMEM;
            node->entries = entries;
            node->entry_capacity = capacity;
        }
        memmove(node->entries + place + 1, node->entries + place,
                (node->entry_count - place) * sizeof *node->entries);
        node->entries[place] = (struct hint_trie_entry){.index = index};
        node->entry_count++;
    }
    *prediction = &node->entries[place].prediction;
    return FW_OK;
}

static void take(const struct hint_trie_node *node, uint32_t depth, uint32_t index,
                 struct callpath_found *found)
{
    uint32_t place = place_of(node, index);
    if (place < node->entry_count && node->entries[place].index == index)
        *found = (struct callpath_found){&node->entries[place].prediction, depth, index};
    else if (node->has_beyond && index > CALLPATH_INDEX_MAX)
        *found = (struct callpath_found){&node->beyond, depth, CALLPATH_TAIL};
    else if (node->has_any)
        *found = (struct callpath_found){&node->any, depth, CALLPATH_ANY};
}

bool hint_trie_find(const struct hint_trie *trie, const struct str *path, uint32_t depth,
                    uint32_t index, struct callpath_found *found)
{
    uint32_t node = 0;
    *found = (struct callpath_found){NULL, 0, 0};
    for (uint32_t i = 0; node != CALLPATH_NO_NODE; i++) {
        take(&trie->nodes[node], i, index, found);
        if (i == depth)
            break;
        node = hint_trie_find_child(trie, node, path[i]);
    }
    return found->prediction != NULL;
}
