/* SPDX-License-Identifier: MIT
 * Writing, and taking an agent's trie out of a view. */
#include "cli/hints_json.h"
#include "base/json.h"
#include "base/time.h"
#include <stdlib.h>

/* ---- writing ---- */

static void write_metric(const struct callpath_metric *metric, const char *name, struct json *json)
{
    json_key(json, name);
    json_object(json);
    json_key_uint(json, "sample_count", metric->samples);
    json_key_double(json, "mean", metric->mean);
    json_key_double(json, "p50", metric->p50);
    json_key_double(json, "p90", metric->p90);
    json_key_double(json, "p95", metric->p95);
    json_object_end(json);
}

void hints_json_prediction(const struct callpath_prediction *prediction, struct json *json)
{
    json_object(json);
    write_metric(&prediction->metrics[CALLPATH_REMAINING], "remaining_calls", json);
    write_metric(&prediction->metrics[CALLPATH_INTERARRIVAL], "interarrival_ms", json);
    write_metric(&prediction->metrics[CALLPATH_TOKENS], "output_tokens", json);
    json_key(json, "latency_sensitivity");
    if (prediction->level > 0)
        json_uint(json, prediction->level);
    else
        json_null(json);
    json_object_end(json);
}

static void add_prediction(const struct callpath_prediction *prediction, struct buf *out)
{
    struct json json;
    json_init(&json, out, false);
    hints_json_prediction(prediction, &json);
}

/* All of a node but what ends it; tries may be deeper than struct json goes, so levels are written
 * by hand. */
static void open_node(const struct hint_trie *trie, uint32_t number, struct buf *out)
{
    const struct hint_trie_node *node = &trie->nodes[number];
    buf_add_text(out, "{\"name\":");
    json_escape(out, hint_trie_name(trie, number));
    buf_add_text(out, ",\"predictions_by_call_index\":{");
    for (uint32_t i = 0; i < node->entry_count; i++) {
        buf_printf(out, "%s\"%u\":", i > 0 ? "," : "", node->entries[i].index);
        add_prediction(&node->entries[i].prediction, out);
    }
    buf_add_text(out, "},\"predictions_any_index\":");
    if (node->has_any)
        add_prediction(&node->any, out);
    else
        buf_add_text(out, "null");
    if (node->has_beyond) {
        buf_add_text(out, ",\"predictions_beyond_index\":");
        add_prediction(&node->beyond, out);
    }
    buf_add_text(out, ",\"children\":{");
}

static void write_root(const struct hint_trie *trie, struct buf *out)
{
    uint32_t node = 0;
    open_node(trie, node, out);
    for (;;) {
        uint32_t child = trie->nodes[node].first_child;
        while (child == CALLPATH_NO_NODE) { /* all below is written */
            buf_add_text(out, "}}");
            if (node == 0)
                return;
            child = trie->nodes[node].next;
            if (child != CALLPATH_NO_NODE)
                buf_add_char(out, ',');
            else
                node = trie->nodes[node].parent;
        }
        node = child;
        json_escape(out, hint_trie_name(trie, node));
        buf_add_char(out, ':');
        open_node(trie, node, out);
    }
}

void hints_json_write(const struct hint_trie *trie, struct str workflow, int64_t at_ns,
                      struct buf *out)
{
    char text[TIME_TEXT_MAX];
    buf_printf(out, "{\"version\":\"1.0\",\"generated_at\":\"%s\",\"workflow_name\":",
               time_format_iso(at_ns, text));
    json_escape(out, workflow);
    buf_add_text(out, ",\"root\":");
    write_root(trie, out);
    buf_add_text(out, "}\n");
}

/* ---- an agent of a view ---- */

static enum fw_err copy_predictions(const struct callpath_view *view, uint32_t from, uint32_t count,
                                    struct hint_trie *trie, uint32_t to)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t index;
        struct callpath_prediction *place = NULL;
        const struct callpath_prediction *prediction =
            callpath_view_prediction(view, from, i, &index);
        if (index == CALLPATH_ANY) {
            trie->nodes[to].has_any = true;
            trie->nodes[to].any = *prediction;
        } else if (index == CALLPATH_TAIL) {
            trie->nodes[to].has_beyond = true;
            trie->nodes[to].beyond = *prediction;
        } else {
            FW_TRY(hint_trie_entry(trie, to, index, &place));
            *place = *prediction;
        }
    }
    return FW_OK;
}

enum fw_err hints_json_from_view(const struct callpath_view *view, struct str agent,
                                 struct hint_trie *trie)
{
    uint32_t count = callpath_view_nodes(view);
    uint32_t *nodes = malloc(((size_t)count + 1) * sizeof *nodes);
    enum fw_err err = nodes ? hint_trie_init(trie) : FW_NOMEM;
    for (uint32_t i = 0; err == FW_OK && i < count; i++) {
        struct callpath_view_node node = callpath_view_node(view, i);
        nodes[i] = CALLPATH_NO_NODE;
        if (node.parent == CALLPATH_NO_NODE && str_equal(node.name, agent))
            nodes[i] = 0;
        else if (node.parent != CALLPATH_NO_NODE && nodes[node.parent] != CALLPATH_NO_NODE)
            err = hint_trie_child(trie, nodes[node.parent], node.name, &nodes[i]);
        if (err == FW_OK && nodes[i] != CALLPATH_NO_NODE)
            err = copy_predictions(view, i, node.count, trie, nodes[i]);
    }
    free(nodes);
    return err;
}
