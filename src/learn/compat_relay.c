/* SPDX-License-Identifier: MIT */
#include "learn/compat_relay.h"
#include "base/grow.h"
#include "base/time.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS_MAX = 1 << 24 };

/* ---- times ---- */

/* Whole milliseconds, cut off toward zero. */
static double whole_ms(int64_t from_ns, int64_t to_ns)
{
    int64_t apart_ns;
    if (__builtin_sub_overflow(to_ns, from_ns, &apart_ns))
        apart_ns = to_ns > from_ns ? INT64_MAX : INT64_MIN;
    int64_t whole = apart_ns / TIME_MILLISECOND;
    return (double)whole;
}

static double whole_seconds(int64_t at_ns)
{
    int64_t whole = at_ns / TIME_SECOND - (at_ns % TIME_SECOND < 0);
    return (double)whole;
}

static double run_seconds(const struct callpath_run *run)
{
    int64_t end_ns = run->end_ns;
    for (uint32_t i = 0; run->end_ns == CALLPATH_OPEN && i < run->count; i++)
        end_ns = run->calls[i].end_ns > end_ns ? run->calls[i].end_ns : end_ns;
    return end_ns == CALLPATH_OPEN ? 0 : whole_ms(run->start_ns, end_ns) / 1000.0;
}

/* ---- what calls contribute ---- */

struct context {
    struct str name;
    uint32_t index;
    double remaining, tokens, gap_ms; /* NaN: none */
};
struct contexts {
    struct context *of;
    struct compat_call *calls;
    uint32_t *seen; /* by number of the name */
    uint32_t count;
    struct table names;
};

static void contexts_fini(struct contexts *contexts)
{
    free(contexts->of);
    free(contexts->calls);
    free(contexts->seen);
    table_fini(&contexts->names);
}

static double gap_after(const struct callpath_run *run, uint32_t call)
{
    for (uint32_t i = call + 1; i < run->count; i++)
        if (run->calls[i].kind == CALLPATH_LLM)
            return whole_ms(run->calls[call].end_ns, run->calls[i].start_ns);
    return NAN;
}

static enum fw_err describe(struct contexts *contexts, const struct callpath_run *run,
                            uint32_t number)
{
    const struct callpath_call *call = &run->calls[number];
    uint32_t at = contexts->count++, name;
    struct str own = call->path[call->depth - 1];
    FW_TRY(table_add(&contexts->names, own, &name, NULL));
    contexts->of[at] = (struct context){
        .name = own,
        .index = ++contexts->seen[name],
        .tokens = call->tokens >= 0 ? call->tokens : 0,
        .gap_ms = gap_after(run, number),
    };
    contexts->calls[at] = (struct compat_call){
        .start_s = whole_seconds(call->start_ns),
        .end_s = whole_seconds(call->end_ns),
        .took_s = whole_ms(call->start_ns, call->end_ns) / 1000.0,
    };
    return FW_OK;
}

static enum fw_err contexts_init(struct contexts *contexts, const struct callpath_run *run,
                                 const struct callpath_weights *weights)
{
    size_t room = (size_t)run->count + 1;
    *contexts = (struct contexts){.of = calloc(room, sizeof(struct context)),
                                  .calls = calloc(room, sizeof(struct compat_call)),
                                  .seen = calloc(room, sizeof(uint32_t))};
    table_init(&contexts->names, KEYS_MAX);
    if (!contexts->of || !contexts->calls || !contexts->seen)
        return FW_NOMEM;
    for (uint32_t i = 0; i < run->count; i++)
        if (run->calls[i].kind == CALLPATH_LLM && run->calls[i].end_ns != CALLPATH_OPEN)
            FW_TRY(describe(contexts, run, i));
    for (uint32_t i = 0; i < contexts->count; i++)
        contexts->of[i].remaining = (double)(contexts->count - i - 1);
    if (!weights->scored || contexts->count == 0)
        return FW_OK;
    FW_TRY(compat_groups(contexts->calls, contexts->count));
    return compat_scores(contexts->calls, contexts->count, run_seconds(run), weights);
}

/* ---- adding ---- */

enum fw_err compat_relay_init(struct compat_relay *relay, const struct callpath_weights *weights)
{
    *relay = (struct compat_relay){.weights = *weights};
    table_init(&relay->keys, KEYS_MAX);
    compat_places_init(&relay->places);
    return FW_OK;
}

void compat_relay_fini(struct compat_relay *relay)
{
    for (uint32_t i = 0; i < relay->places.count * COMPAT_STATS && relay->stats; i++)
        free(relay->stats[i].centroids);
    free(relay->stats);
    table_fini(&relay->keys);
    compat_places_fini(&relay->places);
    *relay = (struct compat_relay){.stats = NULL};
}

static enum fw_err stats_of(struct compat_relay *relay, uint32_t node, uint32_t index,
                            struct compat_relay_stats **stats)
{
    uint32_t place;
    if (relay->stats_capacity == relay->places.count) { /* room for one more, if it is new */
        uint64_t capacity = grow_capacity(relay->stats_capacity,
                                          relay->stats_capacity + UINT64_C(1), COMPAT_PLACES_MAX);
        struct compat_relay_stats *grown =
            realloc(relay->stats, (size_t)capacity * COMPAT_STATS * sizeof *grown);
        if (!grown)
            return FW_NOMEM;
        memset(grown + (size_t)relay->stats_capacity * COMPAT_STATS, 0,
               (size_t)(capacity - relay->stats_capacity) * COMPAT_STATS * sizeof *grown);
        relay->stats = grown;
        relay->stats_capacity = (uint32_t)capacity;
    }
    FW_TRY(compat_place(&relay->places, node, index, &place));
    *stats = &relay->stats[(size_t)place * COMPAT_STATS];
    return FW_OK;
}

static enum fw_err add_at(struct compat_relay *relay, struct str key, uint32_t index,
                          const struct context *context, double score)
{
    uint32_t node;
    struct compat_relay_stats *stats = NULL;
    FW_TRY(table_add(&relay->keys, key, &node, NULL));
    FW_TRY(stats_of(relay, node, index, &stats));
    FW_TRY(compat_relay_stats_add(&stats[COMPAT_REMAINING], context->remaining));
    FW_TRY(compat_relay_stats_add(&stats[COMPAT_TOKENS], context->tokens));
    if (!isnan(context->gap_ms))
        FW_TRY(compat_relay_stats_add(&stats[COMPAT_INTERARRIVAL], context->gap_ms));
    if (relay->weights.scored)
        FW_TRY(compat_relay_stats_add(&stats[COMPAT_SCORE], score));
    return FW_OK;
}

enum fw_err compat_relay_add(struct compat_relay *relay, const struct callpath_run *run)
{
    struct contexts contexts;
    enum fw_err err = contexts_init(&contexts, run, &relay->weights);
    for (uint32_t i = 0; err == FW_OK && i < contexts.count; i++) {
        const struct context *context = &contexts.of[i];
        const struct str keys[] = {{"", 0}, context->name};
        for (size_t k = 0; err == FW_OK && k < 2; k++) {
            err = add_at(relay, keys[k], context->index, context, contexts.calls[i].score);
            if (err == FW_OK)
                err = add_at(relay, keys[k], COMPAT_ALL, context, contexts.calls[i].score);
        }
    }
    contexts_fini(&contexts);
    return err;
}

/* ---- building ---- */

static struct callpath_metric measure(const struct compat_relay_stats *stats)
{
    if (stats->count == 0)
        return (struct callpath_metric){0};
    return (struct callpath_metric){
        .samples = (uint32_t)stats->count,
        .mean = stats->mean,
        .p50 = compat_relay_stats_quantile(stats, 0.50),
        .p90 = compat_relay_stats_quantile(stats, 0.90),
        .p95 = compat_relay_stats_quantile(stats, 0.95),
    };
}

/* Halves away from zero. */
static uint32_t level_of(const struct compat_relay_stats *scores, const struct callpath_weights *of)
{
    if (!of->scored || scores->count == 0)
        return 0;
    uint32_t level = compat_round(scores->mean * ((double)of->scale - 1)) + 1;
    return level < 1 ? 1 : level > of->scale ? of->scale : level;
}

static struct callpath_prediction predict(const struct compat_relay *relay, uint32_t place)
{
    const struct compat_relay_stats *stats = &relay->stats[(size_t)place * COMPAT_STATS];
    struct callpath_prediction prediction = {.level =
                                                 level_of(&stats[COMPAT_SCORE], &relay->weights)};
    prediction.metrics[CALLPATH_REMAINING] = measure(&stats[COMPAT_REMAINING]);
    prediction.metrics[CALLPATH_INTERARRIVAL] = measure(&stats[COMPAT_INTERARRIVAL]);
    prediction.metrics[CALLPATH_TOKENS] = measure(&stats[COMPAT_TOKENS]);
    return prediction;
}

/* The key's levels are parted at every "/", those of names too. */
static enum fw_err node_of(struct hint_trie *trie, struct str key, uint32_t *node)
{
    *node = 0;
    for (size_t from = 0, at = 0; key.len > 0 && at <= key.len; at++) {
        if (at < key.len && key.data[at] != '/')
            continue;
        FW_TRY(hint_trie_child(trie, *node, (struct str){key.data + from, at - from}, node));
        from = at + 1;
    }
    return FW_OK;
}

enum fw_err compat_relay_build(const struct compat_relay *relay, struct hint_trie *trie)
{
    FW_TRY(hint_trie_init(trie));
    for (uint32_t i = 0; i < relay->places.count; i++) {
        struct compat_place place = relay->places.of[i];
        struct callpath_prediction prediction = predict(relay, i), *to;
        uint32_t node;
        FW_TRY(node_of(trie, table_key(&relay->keys, place.node), &node));
        if (place.index == COMPAT_ALL) {
            trie->nodes[node].has_any = true;
            trie->nodes[node].any = prediction;
            continue;
        }
        FW_TRY(hint_trie_entry(trie, node, place.index, &to));
        *to = prediction;
    }
    return FW_OK;
}

bool compat_relay_root(const struct compat_relay *relay, struct callpath_prediction *prediction)
{
    uint32_t node = table_find(&relay->keys, STR(""));
    uint64_t place;
    if (node == TABLE_NONE || !map64_get(&relay->places.numbers, (uint64_t)node << 32, &place))
        return false;
    *prediction = predict(relay, (uint32_t)place);
    return true;
}

/* ---- hints ---- */

static struct compat_relay_hints hints_of(const struct callpath_prediction *prediction,
                                          uint32_t scale, uint32_t beside)
{
    const struct callpath_metric *metrics = prediction->metrics;
    uint32_t level = prediction->level > 0 ? prediction->level : 1;
    uint64_t total = (uint64_t)compat_round(metrics[CALLPATH_REMAINING].mean) + beside;
    return (struct compat_relay_hints){
        .osl = compat_round(metrics[CALLPATH_TOKENS].p90),
        .iat_ms = compat_round(metrics[CALLPATH_INTERARRIVAL].mean),
        .total_requests = total < UINT32_MAX ? (uint32_t)total : UINT32_MAX,
        .priority = scale > level ? scale - level : 0,
        .latency_sensitivity = level,
    };
}

void compat_relay_default_hints(const struct callpath_prediction *prediction, uint32_t scale,
                                struct compat_relay_hints *hints)
{
    *hints = hints_of(prediction, scale, 1);
    hints->latency_sensitivity = prediction->level;
}

void compat_relay_request_hints(const struct callpath_prediction *prediction, uint32_t call_index,
                                struct compat_relay_hints *hints)
{
    enum { SCALE = 5 };
    *hints = hints_of(prediction, SCALE, call_index);
}
