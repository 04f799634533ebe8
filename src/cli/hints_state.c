/* SPDX-License-Identifier: MIT
 * Accumulators as files, and hints of the reference programs as JSON. */
#include "base/json.h"
#include "cli/hints_learner.h"
#include <stdio.h>
#include <stdlib.h>

void hints_write_relay(const struct compat_relay_hints *hints, struct str prefix, struct json *json)
{
    if (!hints) {
        json_null(json);
        return;
    }
    json_object(json);
    json_key_uint(json, "osl", hints->osl);
    json_key_uint(json, "iat", hints->iat_ms);
    json_key_uint(json, "priority", hints->priority);
    json_key_double(json, "latency_sensitivity", hints->latency_sensitivity);
    json_key_str(json, "prefix_id", prefix);
    json_key_uint(json, "total_requests", hints->total_requests);
    json_object_end(json);
}

void hints_write_nat(const struct compat_nat_hints *hints, struct json *json)
{
    json_object(json);
    json_key_uint(json, "latency_sensitivity", hints->latency_sensitivity);
    json_key_uint(json, "osl", hints->osl);
    json_key_int(json, "priority", hints->priority);
    json_key_uint(json, "total_requests", hints->total_requests);
    json_key_uint(json, "iat", hints->iat_ms);
    json_key_text(json, "ttl", hints->ttl);
    json_object_end(json);
}

/* ---- relay's accumulators ---- */

static void write_stats(const struct compat_relay_stats *stats, struct json *json)
{
    json_object(json);
    json_key_uint(json, "count", stats->count);
    json_key_double(json, "mean", stats->mean);
    json_key_double(json, "m2", stats->m2);
    json_key(json, "digest");
    json_object(json);
    json_key(json, "centroids");
    json_array(json);
    for (uint32_t i = 0; i < stats->centroid_count; i++) {
        json_object(json);
        json_key_double(json, "mean", stats->centroids[i].mean);
        json_key_double(json, "weight", stats->centroids[i].weight);
        json_object_end(json);
    }
    json_array_end(json);
    json_key_uint(json, "max_size", COMPAT_RELAY_DIGEST);
    json_key_double(json, "sum", stats->sum);
    json_key_double(json, "count", (double)stats->count);
    json_key_double(json, "max", stats->max);
    json_key_double(json, "min", stats->min);
    json_object_end(json);
    json_object_end(json);
}

struct placed {
    struct compat_place place;
    uint32_t number;
};

static int compare_placed(const void *a, const void *b)
{
    const struct placed *left = a, *right = b;
    if (left->place.node != right->place.node)
        return left->place.node < right->place.node ? -1 : 1;
    return left->place.index < right->place.index ? -1 : left->place.index > right->place.index;
}

/* The node's places, sorted by index: the first is of all. */
static void write_node(const struct compat_relay *relay, const struct placed *places,
                       uint32_t count, struct json *json)
{
    static const char *const by_index[] = {"remaining_calls", "interarrival_ms", "output_tokens",
                                           "sensitivity"};
    static const char *const all[] = {"all_remaining_calls", "all_interarrival_ms",
                                      "all_output_tokens", "all_sensitivity"};
    json_object(json);
    for (uint32_t s = 0; s < COMPAT_STATS; s++) {
        json_key(json, by_index[s]);
        json_object(json);
        for (uint32_t i = 1; i < count; i++) {
            const struct compat_relay_stats *stats =
                &relay->stats[(size_t)places[i].number * COMPAT_STATS + s];
            char key[16];
            if (stats->count == 0)
                continue;
            snprintf(key, sizeof key, "%u", places[i].place.index);
            json_key(json, key);
            write_stats(stats, json);
        }
        json_object_end(json);
        json_key(json, all[s]);
        write_stats(&relay->stats[(size_t)places[0].number * COMPAT_STATS + s], json);
    }
    json_object_end(json);
}

static enum fw_err write_relay(const struct compat_relay *relay, struct buf *out)
{
    uint32_t count = relay->places.count;
    struct placed *places = calloc((size_t)count + 1, sizeof *places);
    struct json json;
    if (!places)
        return FW_NOMEM;
    for (uint32_t i = 0; i < count; i++)
        places[i] = (struct placed){relay->places.of[i], i};
    qsort(places, count, sizeof *places, compare_placed);
    buf_add_text(out, "{\"nodes\":{");
    for (uint32_t from = 0, to; from < count; from = to) {
        uint32_t node = places[from].place.node;
        for (to = from; to < count && places[to].place.node == node;)
            to++;
        if (from > 0)
            buf_add_char(out, ',');
        json_escape(out, table_key(&relay->keys, node));
        buf_add_char(out, ':');
        json_init(&json, out, false);
        write_node(relay, places + from, to - from, &json);
    }
    buf_add_text(out, "}}\n");
    free(places);
    return FW_OK;
}

enum fw_err hints_learner_state(const struct hints_learner *learner, struct buf *out)
{
    if (learner->mode == HINTS_RELAY) {
        FW_TRY(write_relay(&learner->relay, out));
    } else if (learner->mode == HINTS_NAT) {
        buf_add_text(out, "{\"contexts_per_run\":[");
        buf_add_str(out, buf_str(&learner->contexts));
        buf_add_text(out, "]}\n");
    } else {
        callpath_save(learner->ours, out);
    }
    return out->failed || learner->contexts.failed ? FW_NOMEM : FW_OK;
}
