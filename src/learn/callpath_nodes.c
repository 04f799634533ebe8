/* SPDX-License-Identifier: MIT
 * The nodes of the trie: found by hash of the path down to them, kept in order of use. */
#include "base/check.h"
#include "base/grow.h"
#include "learn/callpath_part.h"
#include <stdlib.h>
#include <string.h>

enum { SLOTS_FIRST = 64, NODES_FIRST = 16 };

uint64_t callpath_hash(uint64_t parent_hash, struct str name)
{
    return str_hash(name.data, name.len, parent_hash);
}

/* ---- order of use ---- */

static void unlink_node(struct callpath *callpath, uint32_t number)
{
    struct callpath_node *node = &callpath->nodes[number];
    if (node->newer != CALLPATH_NO_NODE)
        callpath->nodes[node->newer].older = node->older;
    else
        callpath->newest = node->older;
    if (node->older != CALLPATH_NO_NODE)
        callpath->nodes[node->older].newer = node->newer;
    else
        callpath->oldest = node->newer;
}

static void link_newest(struct callpath *callpath, uint32_t number)
{
    struct callpath_node *node = &callpath->nodes[number];
    node->newer = CALLPATH_NO_NODE;
    node->older = callpath->newest;
    if (callpath->newest != CALLPATH_NO_NODE)
        callpath->nodes[callpath->newest].newer = number;
    else
        callpath->oldest = number;
    callpath->newest = number;
}

void callpath_nodes_use(struct callpath *callpath, uint32_t node)
{
    if (callpath->newest == node)
        return;
    unlink_node(callpath, node);
    link_newest(callpath, node);
}

/* ---- finding ---- */

static bool is_node(const struct callpath_node *node, uint64_t hash, uint32_t parent,
                    struct str name)
{
    return node->hash == hash && node->parent == parent &&
           str_equal((struct str){node->name, node->name_len}, name);
}

/* Where it is, or the empty slot where it would go. */
static uint32_t slot_of(const struct callpath *callpath, uint64_t hash, uint32_t parent,
                        struct str name)
{
    uint32_t mask = callpath->slot_count - 1, slot = (uint32_t)hash & mask;
    for (; callpath->slots[slot] != 0; slot = (slot + 1) & mask)
        if (is_node(&callpath->nodes[callpath->slots[slot] - 1], hash, parent, name))
            break;
    return slot;
}

static enum fw_err grow_slots(struct callpath *callpath)
{
    uint32_t count = callpath->slot_count == 0 ? SLOTS_FIRST : callpath->slot_count * 2;
    uint32_t *slots = calloc(count, sizeof *slots);
    if (!slots)
        return FW_NOMEM;
    for (uint32_t i = 0; i < callpath->slot_count; i++) {
        if (callpath->slots[i] == 0)
            continue;
        uint32_t slot = (uint32_t)callpath->nodes[callpath->slots[i] - 1].hash & (count - 1);
        while (slots[slot] != 0)
            slot = (slot + 1) & (count - 1);
        slots[slot] = callpath->slots[i];
    }
    free(callpath->slots);
    callpath->slots = slots;
    callpath->slot_count = count;
    return FW_OK;
}

/* Empties a slot and moves up what was pushed past it. */
static void clear_slot(struct callpath *callpath, uint32_t slot)
{
    uint32_t mask = callpath->slot_count - 1, hole = slot;
    for (uint32_t at = (slot + 1) & mask; callpath->slots[at] != 0; at = (at + 1) & mask) {
        uint32_t home = (uint32_t)callpath->nodes[callpath->slots[at] - 1].hash & mask;
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            callpath->slots[hole] = callpath->slots[at];
            hole = at;
        }
    }
    callpath->slots[hole] = 0;
}

/* ---- dropping ---- */

static void free_packs(struct callpath *callpath, struct callpath_node *node)
{
    for (uint32_t i = 0; i < node->pack_count; i++) {
        if (!node->packs[i])
            continue;
        for (size_t m = 0; m < CALLPATH_METRICS; m++)
            callpath_stat_fini(&node->packs[i]->stats[m], &callpath->counts.bytes);
        free(node->packs[i]);
        callpath->counts.bytes -= sizeof(struct callpath_pack);
    }
    callpath->counts.bytes -= node->pack_count * sizeof(struct callpath_pack *);
    free(node->packs);
    node->packs = NULL;
    node->pack_count = 0;
}

static void drop(struct callpath *callpath, uint32_t number)
{
    struct callpath_node *node = &callpath->nodes[number];
    CHECK(number != 0 && node->children == 0 && node->name);
    struct str name = {node->name, node->name_len};
    uint32_t slot = slot_of(callpath, node->hash, node->parent, name);
    CHECK(callpath->slots[slot] == number + 1);
    clear_slot(callpath, slot);
    unlink_node(callpath, number);
    free_packs(callpath, node);
    free(node->name);
    callpath->counts.bytes -= node->name_len + sizeof *node;
    callpath->counts.nodes--;
    callpath->nodes[node->parent].children--;
    node->name = NULL;
    node->newer = callpath->free_node;
    callpath->free_node = number;
}

void callpath_nodes_shrink(struct callpath *callpath)
{
    const struct callpath_settings *settings = &callpath->settings;
    while ((callpath->counts.bytes > settings->max_bytes ||
            callpath->counts.nodes > settings->max_nodes) &&
           callpath->oldest != 0) {
        drop(callpath, callpath->oldest);
        callpath->counts.nodes_dropped++;
    }
}

/* ---- making ---- */

static void use_with_ancestors(struct callpath *callpath, uint32_t node)
{
    for (; node != 0; node = callpath->nodes[node].parent)
        callpath_nodes_use(callpath, node);
    callpath_nodes_use(callpath, 0);
}

/* A number for a new child: a free one, or one more, or that of the node used longest ago, which
 * goes. That is a leaf, for parents are newer than their children, and not the new child's parent,
 * which is used now. */
static enum fw_err take_number(struct callpath *callpath, uint32_t parent, uint32_t *number)
{
    if (callpath->counts.nodes >= callpath->settings.max_nodes) {
        use_with_ancestors(callpath, parent);
        drop(callpath, callpath->oldest);
        callpath->counts.nodes_dropped++;
    }
    if (callpath->free_node != CALLPATH_NO_NODE) {
        *number = callpath->free_node;
        callpath->free_node = callpath->nodes[*number].newer;
        return FW_OK;
    }
    if (callpath->node_count == callpath->node_capacity) {
        uint64_t capacity = grow_capacity(callpath->node_capacity, callpath->node_count + 1u,
                                          (uint64_t)callpath->settings.max_nodes + 1);
        struct callpath_node *nodes = realloc(callpath->nodes, (size_t)capacity * sizeof *nodes);
        if (!nodes)
            return FW_NOMEM;
        callpath->nodes = nodes;
        callpath->node_capacity = (uint32_t)capacity;
    }
    *number = callpath->node_count++;
    return FW_OK;
}

static enum fw_err make(struct callpath *callpath, uint32_t parent, uint64_t hash, struct str name,
                        uint32_t *child)
{
    if ((callpath->counts.nodes + 2) * 2 > callpath->slot_count)
        FW_TRY(grow_slots(callpath));
    char *copy = malloc(name.len + 1);
    if (!copy)
        return FW_NOMEM;
    enum fw_err err = take_number(callpath, parent, child);
    if (err != FW_OK) {
        free(copy);
        return err;
    }
    if (name.len > 0)
        memcpy(copy, name.data, name.len);
    callpath->nodes[*child] = (struct callpath_node){
        .hash = hash, .parent = parent, .name = copy, .name_len = (uint32_t)name.len};
    callpath->slots[slot_of(callpath, hash, parent, name)] = *child + 1;
    callpath->nodes[parent].children++;
    callpath->counts.nodes++;
    callpath->counts.bytes += name.len + sizeof *callpath->nodes;
    link_newest(callpath, *child);
    use_with_ancestors(callpath, parent);
    return FW_OK;
}

enum fw_err callpath_nodes_child(struct callpath *callpath, uint32_t parent, struct str name,
                                 uint32_t *child)
{
    uint64_t hash = callpath_hash(callpath->nodes[parent].hash, name);
    uint32_t slot = slot_of(callpath, hash, parent, name);
    if (callpath->slots[slot] != 0) {
        *child = callpath->slots[slot] - 1;
        return FW_OK;
    }
    return make(callpath, parent, hash, name, child);
}

enum fw_err callpath_nodes_pack(struct callpath *callpath, uint32_t node, uint32_t index,
                                struct callpath_pack **pack)
{
    struct callpath_node *at = &callpath->nodes[node];
    if (index >= at->pack_count) {
        uint32_t count = index < 3 ? 4 : index + 1 + index / 4;
        count = count < CALLPATH_SLOTS ? count : CALLPATH_SLOTS;
        struct callpath_pack **packs = realloc(at->packs, count * sizeof(struct callpath_pack *));
        if (!packs)
            return FW_NOMEM;
        memset(packs + at->pack_count, 0,
               (count - at->pack_count) * sizeof(struct callpath_pack *));
        callpath->counts.bytes += (count - at->pack_count) * sizeof(struct callpath_pack *);
        at->packs = packs;
        at->pack_count = (uint16_t)count;
    }
    if (!at->packs[index]) {
        at->packs[index] = calloc(1, sizeof **at->packs);
        if (!at->packs[index])
            return FW_NOMEM;
        callpath->counts.bytes += sizeof **at->packs;
    }
    *pack = at->packs[index];
    (*pack)->stale = true;
    return FW_OK;
}

/* ---- beginning and end ---- */

enum fw_err callpath_nodes_init(struct callpath *callpath)
{
    callpath->free_node = callpath->newest = callpath->oldest = CALLPATH_NO_NODE;
    callpath->node_count = 0;
    FW_TRY(grow_slots(callpath));
    callpath->nodes = calloc(NODES_FIRST, sizeof *callpath->nodes);
    if (!callpath->nodes)
        return FW_NOMEM;
    callpath->node_capacity = NODES_FIRST;
    callpath->node_count = 1;
    callpath->nodes[0].parent = CALLPATH_NO_NODE;
    link_newest(callpath, 0);
    return FW_OK;
}

void callpath_nodes_fini(struct callpath *callpath)
{
    for (uint32_t i = 0; i < callpath->node_count; i++) {
        if (i > 0 && !callpath->nodes[i].name)
            continue;
        free_packs(callpath, &callpath->nodes[i]);
        free(callpath->nodes[i].name);
    }
    free(callpath->nodes);
    free(callpath->slots);
    callpath->nodes = NULL;
    callpath->slots = NULL;
    callpath->node_count = callpath->node_capacity = callpath->slot_count = 0;
    callpath->counts.bytes = callpath->counts.nodes = 0;
}
