/* SPDX-License-Identifier: MIT */
#include "learn/callpath_view.h"
#include "base/check.h"
#include "learn/callpath_part.h"
#include <stdlib.h>
#include <string.h>

/* A node of the view. Its predictions lie one after the other: any, 1 .., tail, as far as there
 * are. */
struct view_node {
    uint64_t hash, exact; /* bit i - 1: there is one for index i */
    uint32_t parent;
    uint32_t name, name_len; /* in `names` */
    uint32_t first;          /* of its predictions */
    bool any, tail;
};
struct callpath_view {
    struct view_node *nodes; /* by agent, parents first, children by name */
    struct callpath_prediction *predictions;
    uint32_t *slots; /* node + 1 */
    char *names;
    uint32_t node_count, slot_count, prediction_count;
    size_t name_bytes;
    uint64_t root_hash;
};

/* ---- making ---- */

/* The nodes in the order they are written out: a walk down from the agents. */
struct visit {
    struct str name;
    uint32_t node, parent; /* in the learner */
};

static int compare_visits(const void *a, const void *b)
{
    const struct visit *left = a, *right = b;
    if (left->parent != right->parent)
        return left->parent < right->parent ? -1 : 1;
    size_t len = left->name.len < right->name.len ? left->name.len : right->name.len;
    int order = len > 0 ? memcmp(left->name.data, right->name.data, len) : 0;
    if (order != 0)
        return order;
    return left->name.len < right->name.len ? -1 : left->name.len > right->name.len;
}

static uint32_t list_nodes(const struct callpath *callpath, struct visit *visits, uint64_t *packs,
                           size_t *name_bytes)
{
    uint32_t count = 0;
    *packs = 0;
    *name_bytes = 0;
    for (uint32_t i = 1; i < callpath->node_count; i++) {
        const struct callpath_node *node = &callpath->nodes[i];
        if (!node->name)
            continue;
        visits[count++] = (struct visit){{node->name, node->name_len}, i, node->parent};
        *name_bytes += node->name_len;
        for (uint32_t p = 0; p < node->pack_count; p++)
            *packs += node->packs[p] != NULL;
    }
    return count;
}

static enum fw_err reserve(struct callpath_view *view, uint32_t nodes, uint64_t packs,
                           size_t name_bytes)
{
    if (packs > UINT32_MAX || name_bytes > UINT32_MAX)
        return FW_LIMIT;
    view->slot_count = 16;
    while (view->slot_count < 2 * nodes)
        view->slot_count *= 2;
    view->nodes = calloc((size_t)nodes + 1, sizeof *view->nodes);
    view->predictions = calloc((size_t)packs + 1, sizeof *view->predictions);
    view->slots = calloc(view->slot_count, sizeof *view->slots);
    view->names = malloc(name_bytes + 1);
    return view->nodes && view->predictions && view->slots && view->names ? FW_OK : FW_NOMEM;
}

static void predict(const struct callpath *callpath, struct callpath_pack *pack)
{
    if (!pack->stale)
        return;
    uint32_t scale = callpath->settings.weights.scale;
    for (size_t m = 0; m < CALLPATH_METRICS; m++)
        callpath_stat_read(&pack->stats[m], m != CALLPATH_INTERARRIVAL,
                           &pack->prediction.metrics[m]);
    pack->prediction.level = 0;
    if (pack->score.count > 0 && callpath->settings.weights.scored) {
        double level = pack->score.mean * (double)(scale - 1) + 0.5;
        pack->prediction.level = (uint32_t)level + 1 < scale ? (uint32_t)level + 1 : scale;
    }
    pack->stale = false;
}

static void add_node(struct callpath_view *view, const struct callpath *callpath,
                     const struct callpath_node *node, uint32_t parent)
{
    uint32_t number = view->node_count++;
    struct view_node *to = &view->nodes[number];
    *to = (struct view_node){.hash = node->hash,
                             .parent = parent,
                             .name = (uint32_t)view->name_bytes,
                             .name_len = node->name_len,
                             .first = view->prediction_count};
    if (node->name_len > 0)
        memcpy(view->names + view->name_bytes, node->name, node->name_len);
    view->name_bytes += node->name_len;
    for (uint32_t i = 0; i < node->pack_count; i++) {
        if (!node->packs[i])
            continue;
        predict(callpath, node->packs[i]);
        view->predictions[view->prediction_count++] = node->packs[i]->prediction;
        if (i == CALLPATH_ANY)
            to->any = true;
        else if (i == CALLPATH_TAIL)
            to->tail = true;
        else
            to->exact |= UINT64_C(1) << (i - 1);
    }
    uint32_t slot = (uint32_t)node->hash & (view->slot_count - 1);
    while (view->slots[slot] != 0)
        slot = (slot + 1) & (view->slot_count - 1);
    view->slots[slot] = number + 1;
}

/* Sorted by parent, the children of a node are a run of `visits`: from[parent] to from[parent + 1].
 * Down from the agents, each node before its children. */
static void walk(struct callpath_view *view, const struct callpath *callpath,
                 const struct visit *visits, const uint32_t *from)
{
    struct level {
        uint32_t at, end, parent;
    } levels[CALLPATH_DEPTH_MAX + 3];
    uint32_t depth = 1;
    levels[0] = (struct level){from[0], from[1], CALLPATH_NO_NODE};
    while (depth > 0) {
        struct level *level = &levels[depth - 1];
        if (level->at == level->end) {
            depth--;
            continue;
        }
        uint32_t node = visits[level->at++].node, number = view->node_count;
        add_node(view, callpath, &callpath->nodes[node], level->parent);
        CHECK(depth < sizeof levels / sizeof levels[0]);
        levels[depth++] = (struct level){from[node], from[node + 1], number};
    }
}

static enum fw_err fill(struct callpath_view *view, struct callpath *callpath)
{
    struct visit *visits = calloc((size_t)callpath->node_count + 1, sizeof *visits);
    uint32_t *from = calloc((size_t)callpath->node_count + 1, sizeof *from);
    enum fw_err err = visits && from ? FW_OK : FW_NOMEM;
    if (err == FW_OK) {
        uint64_t packs;
        size_t name_bytes;
        uint32_t count = list_nodes(callpath, visits, &packs, &name_bytes);
        qsort(visits, count, sizeof *visits, compare_visits);
        for (uint32_t i = 0, at = 0; i <= callpath->node_count; i++) {
            while (at < count && visits[at].parent < i)
                at++;
            from[i] = at;
        }
        err = reserve(view, count, packs, name_bytes);
        if (err == FW_OK)
            walk(view, callpath, visits, from);
    }
    free(visits);
    free(from);
    return err;
}

enum fw_err callpath_view_create(struct callpath_view **out, struct callpath *callpath)
{
    struct callpath_view *view = calloc(1, sizeof *view);
    *out = view;
    if (!view)
        return FW_NOMEM;
    view->root_hash = callpath->nodes[0].hash;
    enum fw_err err = fill(view, callpath);
    if (err != FW_OK)
        callpath_view_free(out);
    return err;
}

void callpath_view_free(struct callpath_view **view)
{
    if (!*view)
        return;
    free((*view)->nodes);
    free((*view)->predictions);
    free((*view)->slots);
    free((*view)->names);
    free(*view);
    *view = NULL;
}

/* ---- looking up ---- */

static uint32_t child_of(const struct callpath_view *view, uint32_t parent, uint64_t hash,
                         struct str name)
{
    uint32_t mask = view->slot_count - 1;
    for (uint32_t slot = (uint32_t)hash & mask; view->slots[slot] != 0; slot = (slot + 1) & mask) {
        const struct view_node *node = &view->nodes[view->slots[slot] - 1];
        if (node->hash == hash && node->parent == parent &&
            str_equal((struct str){view->names + node->name, node->name_len}, name))
            return view->slots[slot] - 1;
    }
    return CALLPATH_NO_NODE;
}

/* The node's prediction for the index, else for any. */
static void take(const struct callpath_view *view, uint32_t number, uint32_t depth, uint32_t index,
                 struct callpath_found *found)
{
    const struct view_node *node = &view->nodes[number];
    uint32_t at = node->first + node->any;
    uint64_t bit = index >= 1 && index <= CALLPATH_INDEX_MAX ? UINT64_C(1) << (index - 1) : 0;
    if (node->exact & bit) {
        at += (uint32_t)__builtin_popcountll(node->exact & (bit - 1));
        *found = (struct callpath_found){&view->predictions[at], depth, index};
    } else if (node->tail && index > CALLPATH_INDEX_MAX) {
        at += (uint32_t)__builtin_popcountll(node->exact);
        *found = (struct callpath_found){&view->predictions[at], depth, CALLPATH_TAIL};
    } else if (node->any) {
        *found = (struct callpath_found){&view->predictions[node->first], depth, CALLPATH_ANY};
    }
}

bool callpath_find(const struct callpath_view *view, struct str agent, const struct str *path,
                   uint32_t depth, uint32_t index, struct callpath_found *found)
{
    uint64_t hash = callpath_hash(view->root_hash, agent);
    uint32_t node = child_of(view, CALLPATH_NO_NODE, hash, agent);
    *found = (struct callpath_found){NULL, 0, 0};
    for (uint32_t i = 0; node != CALLPATH_NO_NODE; i++) {
        take(view, node, i, index, found);
        if (i == depth || i == CALLPATH_DEPTH_MAX)
            break;
        hash = callpath_hash(hash, path[i]);
        node = child_of(view, node, hash, path[i]);
    }
    return found->prediction != NULL;
}

/* ---- writing out ---- */

uint32_t callpath_view_nodes(const struct callpath_view *view)
{
    return view->node_count;
}

struct callpath_view_node callpath_view_node(const struct callpath_view *view, uint32_t number)
{
    CHECK(number < view->node_count);
    const struct view_node *node = &view->nodes[number];
    uint32_t next =
        number + 1 < view->node_count ? view->nodes[number + 1].first : view->prediction_count;
    return (struct callpath_view_node){
        {view->names + node->name, node->name_len}, node->parent, next - node->first};
}

const struct callpath_prediction *callpath_view_prediction(const struct callpath_view *view,
                                                           uint32_t node, uint32_t number,
                                                           uint32_t *index)
{
    const struct view_node *of = &view->nodes[node];
    uint32_t place = number;
    *index = CALLPATH_TAIL;
    if (of->any && place-- == 0) {
        *index = CALLPATH_ANY;
    } else if (place < (uint32_t)__builtin_popcountll(of->exact)) {
        uint64_t rest = of->exact;
        while (place-- > 0)
            rest &= rest - 1;
        *index = (uint32_t)__builtin_ctzll(rest) + 1;
    }
    return &view->predictions[of->first + number];
}

uint64_t callpath_view_bytes(const struct callpath_view *view)
{
    return sizeof *view + view->node_count * sizeof *view->nodes +
           view->prediction_count * sizeof *view->predictions +
           view->slot_count * sizeof *view->slots + view->name_bytes;
}
