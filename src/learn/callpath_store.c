/* SPDX-License-Identifier: MIT
 * Keeping what was learned, and putting together what was learned apart. */
#include "base/check.h"
#include "base/time.h"
#include "learn/callpath_part.h"
#include <stdlib.h>

enum { VERSION = 1 };
#define MAGIC UINT32_C(0x46574350) /* "FWCP" */

/* ---- merging ---- */

static enum fw_err merge_node(struct callpath *into, uint32_t to, const struct callpath_node *from)
{
    for (uint32_t i = 0; i < from->pack_count; i++) {
        const struct callpath_pack *pack = from->packs[i];
        struct callpath_pack *mine = NULL;
        if (!pack)
            continue;
        FW_TRY(callpath_nodes_pack(into, to, i, &mine));
        for (size_t m = 0; m < CALLPATH_METRICS; m++)
            FW_TRY(callpath_stat_merge(&mine->stats[m], &into->fading, &pack->stats[m],
                                       &into->counts.bytes));
        callpath_mean_merge(&mine->score, &pack->score);
    }
    return FW_OK;
}

/* The node of `into` with the same path; the path is used. */
static enum fw_err find_same(struct callpath *into, const struct callpath *from, uint32_t number,
                             uint32_t *to)
{
    uint32_t up[CALLPATH_DEPTH_MAX + 1], depth = 0;
    for (uint32_t at = number; at != 0; at = from->nodes[at].parent) {
        CHECK(depth < CALLPATH_DEPTH_MAX + 1);
        up[depth++] = at;
    }
    *to = 0;
    while (depth > 0) {
        const struct callpath_node *node = &from->nodes[up[--depth]];
        FW_TRY(callpath_nodes_child(into, *to, (struct str){node->name, node->name_len}, to));
    }
    for (uint32_t at = *to; at != 0; at = into->nodes[at].parent)
        callpath_nodes_use(into, at);
    callpath_nodes_use(into, 0);
    return FW_OK;
}

enum fw_err callpath_merge(struct callpath *into, const struct callpath *from)
{
    if (into->settings.half_life_ns != from->settings.half_life_ns ||
        into->settings.half_life_samples != from->settings.half_life_samples)
        return FW_INPUT;
    /* From the one used longest ago, so that the order of use is kept. */
    for (uint32_t at = from->oldest; at != CALLPATH_NO_NODE; at = from->nodes[at].newer) {
        uint32_t to = 0;
        if (at == 0)
            continue;
        FW_TRY(find_same(into, from, at, &to));
        FW_TRY(merge_node(into, to, &from->nodes[at]));
    }
    into->counts.runs += from->counts.runs;
    into->counts.calls += from->counts.calls;
    into->counts.paths_cut += from->counts.paths_cut;
    into->latest_ns = from->latest_ns > into->latest_ns ? from->latest_ns : into->latest_ns;
    callpath_nodes_shrink(into);
    return FW_OK;
}

/* ---- saving ---- */

static void save_node(const struct callpath *callpath, const uint32_t *places, uint32_t number,
                      struct buf *out)
{
    const struct callpath_node *node = &callpath->nodes[number];
    uint32_t count = 0;
    buf_put_u32(out, places[node->parent]);
    buf_put_str(out, (struct str){node->name, node->name_len});
    for (uint32_t i = 0; i < node->pack_count; i++)
        count += node->packs[i] != NULL;
    buf_put_u32(out, count);
    for (uint32_t i = 0; i < node->pack_count; i++) {
        if (!node->packs[i])
            continue;
        buf_put_u32(out, i);
        for (size_t m = 0; m < CALLPATH_METRICS; m++)
            callpath_stat_save(&node->packs[i]->stats[m], out);
        callpath_mean_save(&node->packs[i]->score, out);
    }
}

/* Newest first: parents before their children. */
void callpath_save(const struct callpath *callpath, struct buf *out)
{
    uint32_t *places = calloc(callpath->node_count, sizeof *places), place = 0;
    if (!places) {
        out->failed = true;
        return;
    }
    buf_put_u32(out, MAGIC);
    buf_put_u32(out, VERSION);
    buf_put_i64(out, callpath->settings.half_life_ns);
    buf_put_u32(out, callpath->settings.half_life_samples);
    buf_put_u64(out, callpath->counts.runs);
    buf_put_u64(out, callpath->counts.calls);
    buf_put_u64(out, callpath->counts.nodes_dropped);
    buf_put_u64(out, callpath->counts.paths_cut);
    buf_put_i64(out, callpath->latest_ns);
    buf_put_u32(out, (uint32_t)callpath->counts.nodes);
    for (uint32_t at = callpath->newest; at != CALLPATH_NO_NODE; at = callpath->nodes[at].older) {
        places[at] = place++;
        if (at != 0)
            save_node(callpath, places, at, out);
    }
    free(places);
}

/* ---- loading ---- */

static enum fw_err load_pack(struct callpath *callpath, uint32_t number, struct buf_reader *in)
{
    struct callpath_pack *pack = NULL;
    uint32_t index = buf_get_u32(in);
    const struct callpath_node *node = &callpath->nodes[number];
    if (in->failed || index >= CALLPATH_SLOTS || (index < node->pack_count && node->packs[index]))
        return FW_CORRUPT;
    FW_TRY(callpath_nodes_pack(callpath, number, index, &pack));
    for (size_t m = 0; m < CALLPATH_METRICS; m++)
        FW_TRY(callpath_stat_load(&pack->stats[m], in, &callpath->counts.bytes));
    callpath_mean_load(&pack->score, in);
    return in->failed ? FW_CORRUPT : FW_OK;
}

/* One node below a known one. */
static enum fw_err load_node(struct callpath *callpath, uint32_t *nodes, uint8_t *depths,
                             uint32_t place, struct buf_reader *in)
{
    uint32_t parent = buf_get_u32(in);
    struct str name = buf_get_str(in);
    uint64_t before = callpath->counts.nodes;
    if (in->failed || parent >= place || name.len > CALLPATH_NAME_MAX ||
        depths[parent] > CALLPATH_DEPTH_MAX)
        return FW_CORRUPT;
    depths[place] = depths[parent] + 1;
    FW_TRY(callpath_nodes_child(callpath, nodes[parent], name, &nodes[place]));
    if (callpath->counts.nodes == before) /* it was there: one node twice */
        return FW_CORRUPT;
    uint32_t packs = buf_get_u32(in);
    if (in->failed || packs > CALLPATH_SLOTS)
        return FW_CORRUPT;
    for (uint32_t i = 0; i < packs; i++)
        FW_TRY(load_pack(callpath, nodes[place], in));
    return FW_OK;
}

/* Ages are kept in steps of the half-life: these are in the one it was saved with. */
static void change_half_life(struct callpath *callpath, const struct callpath_fading *saved)
{
    if (saved->step_ns == callpath->fading.step_ns)
        return;
    struct callpath_restep how = {saved->step_ns, callpath->fading.step_ns, callpath->latest_ns};
    for (uint32_t i = 1; i < callpath->node_count; i++) {
        const struct callpath_node *node = &callpath->nodes[i];
        for (uint32_t p = 0; node->name && p < node->pack_count; p++) {
            if (!node->packs[p])
                continue;
            for (size_t m = 0; m < CALLPATH_METRICS; m++)
                callpath_stat_restep(&node->packs[p]->stats[m], &how);
            callpath_clock_restep(&node->packs[p]->score.clock, &how);
        }
    }
}

static enum fw_err load_head(struct callpath *callpath, struct buf_reader *in, uint32_t *count,
                             struct callpath_fading *saved)
{
    enum { NODE_LEAST = 12 };
    struct callpath_settings settings = callpath->settings;
    if (buf_get_u32(in) != MAGIC)
        return FW_CORRUPT;
    uint32_t version = buf_get_u32(in);
    if (in->failed || version != VERSION)
        return version > VERSION ? FW_VERSION : FW_CORRUPT;
    settings.half_life_ns = buf_get_i64(in);
    settings.half_life_samples = buf_get_u32(in);
    callpath->counts.runs = buf_get_u64(in);
    callpath->counts.calls = buf_get_u64(in);
    callpath->counts.nodes_dropped = buf_get_u64(in);
    callpath->counts.paths_cut = buf_get_u64(in);
    callpath->latest_ns = buf_get_i64(in);
    *count = buf_get_u32(in);
    if (in->failed || settings.half_life_ns < TIME_MINUTE || settings.half_life_samples == 0 ||
        callpath->latest_ns < 0 || *count > (in->len - in->at) / NODE_LEAST ||
        *count > CALLPATH_NODES_LIMIT)
        return FW_CORRUPT;
    callpath_fading_init(saved, &settings);
    return FW_OK;
}

static enum fw_err load_nodes(struct callpath *callpath, uint32_t count, struct buf_reader *in)
{
    uint32_t *nodes = calloc((size_t)count + 1, sizeof *nodes);
    uint8_t *depths = calloc((size_t)count + 1, sizeof *depths);
    enum fw_err err = nodes && depths ? FW_OK : FW_NOMEM;
    for (uint32_t place = 1; err == FW_OK && place <= count; place++)
        err = load_node(callpath, nodes, depths, place, in);
    for (uint32_t place = count + 1; err == FW_OK && place-- > 0;)
        callpath_nodes_use(callpath, nodes[place]);
    free(nodes);
    free(depths);
    return err;
}

enum fw_err callpath_load(struct callpath *callpath, struct buf_reader *in)
{
    struct callpath *fresh = NULL;
    struct callpath_settings roomy = callpath->settings;
    struct callpath_fading saved;
    uint32_t count = 0;
    CHECK(callpath->counts.nodes == 0);
    roomy.max_nodes = CALLPATH_NODES_LIMIT;
    roomy.max_bytes = UINT64_MAX;
    FW_TRY(callpath_create(&fresh, &roomy, NULL));
    enum fw_err err = load_head(fresh, in, &count, &saved);
    if (err == FW_OK)
        err = load_nodes(fresh, count, in);
    if (err == FW_OK) {
        change_half_life(fresh, &saved);
        struct callpath empty = *callpath;
        fresh->settings = callpath->settings;
        *callpath = *fresh;
        *fresh = empty;
        callpath_nodes_shrink(callpath);
    }
    callpath_free(&fresh);
    return err;
}
