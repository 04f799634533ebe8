/* SPDX-License-Identifier: MIT
 * Statistics of all samples, as they came; the trie made of them; and hints. */
#include "base/grow.h"
#include "base/stats.h"
#include "learn/compat_nat.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void compat_nat_init(struct compat_nat *nat, const struct callpath_weights *weights)
{
    *nat = (struct compat_nat){.weights = *weights};
    compat_places_init(&nat->places);
}

void compat_nat_fini(struct compat_nat *nat)
{
    for (uint32_t i = 0; i < nat->places.count * COMPAT_STATS && nat->lists; i++)
        free(nat->lists[i].values);
    free(nat->lists);
    hint_trie_fini(&nat->trie);
    compat_places_fini(&nat->places);
    *nat = (struct compat_nat){.lists = NULL};
}

/* ---- adding ---- */

static enum fw_err lists_of(struct compat_nat *nat, uint32_t node, uint32_t index,
                            struct compat_nat_list **lists)
{
    uint32_t place;
    if (nat->list_capacity == nat->places.count) { /* room for one more place, if it is new */
        uint64_t capacity =
            grow_capacity(nat->list_capacity, nat->list_capacity + UINT64_C(1), COMPAT_PLACES_MAX);
        struct compat_nat_list *grown =
            realloc(nat->lists, (size_t)capacity * COMPAT_STATS * sizeof *grown);
        if (!grown)
            return FW_NOMEM;
        memset(grown + (size_t)nat->list_capacity * COMPAT_STATS, 0,
               (size_t)(capacity - nat->list_capacity) * COMPAT_STATS * sizeof *grown);
        nat->lists = grown;
        nat->list_capacity = (uint32_t)capacity;
    }
    FW_TRY(compat_place(&nat->places, node, index, &place));
    *lists = &nat->lists[(size_t)place * COMPAT_STATS];
    return FW_OK;
}

static enum fw_err append(struct compat_nat_list *list, double value)
{
    if (list->count == list->capacity) {
        uint64_t capacity = grow_capacity(list->capacity, list->count + UINT64_C(1), UINT32_MAX);
        double *values = realloc(list->values, (size_t)capacity * sizeof *values);
        if (!values)
            return FW_NOMEM;
        list->values = values;
        list->capacity = (uint32_t)capacity;
    }
    list->values[list->count++] = value;
    return FW_OK;
}

static enum fw_err add_at(struct compat_nat *nat, uint32_t node, uint32_t index,
                          const struct compat_nat_context *context)
{
    struct compat_nat_list *lists = NULL;
    FW_TRY(lists_of(nat, node, index, &lists));
    FW_TRY(append(&lists[COMPAT_REMAINING], context->remaining));
    FW_TRY(append(&lists[COMPAT_TOKENS], context->tokens));
    if (context->has_gap)
        FW_TRY(append(&lists[COMPAT_INTERARRIVAL], context->gap_ms));
    if (nat->weights.scored)
        FW_TRY(append(&lists[COMPAT_SCORE], context->call.score));
    return FW_OK;
}

static enum fw_err add_context(struct compat_nat *nat, const struct compat_nat_context *context)
{
    uint32_t node = 0;
    for (uint32_t i = 0;; i++) {
        FW_TRY(add_at(nat, node, context->index, context));
        FW_TRY(add_at(nat, node, COMPAT_ALL, context));
        if (i == context->depth)
            return FW_OK;
        FW_TRY(hint_trie_child(&nat->trie, node, context->path[i], &node));
    }
}

enum fw_err compat_nat_add(struct compat_nat *nat, const struct compat_nat_step *steps,
                           uint32_t count, struct compat_nat_context **contexts,
                           uint32_t *context_count)
{
    if (nat->trie.count == 0)
        FW_TRY(hint_trie_init(&nat->trie));
    FW_TRY(compat_nat_contexts(steps, count, &nat->weights, contexts, context_count));
    enum fw_err err = FW_OK;
    for (uint32_t i = 0; err == FW_OK && i < *context_count; i++)
        err = add_context(nat, &(*contexts)[i]);
    if (err != FW_OK) {
        free(*contexts);
        *contexts = NULL;
        *context_count = 0;
    }
    return err;
}

/* ---- building ---- */

static double mean_of(const struct compat_nat_list *list)
{
    double sum = 0;
    for (uint32_t i = 0; i < list->count; i++)
        sum += list->values[i];
    return sum / (double)list->count;
}

static double percentile(const double *sorted, uint32_t n, double p)
{
    double place = (double)(n - 1) * (p / 100.0), low = floor(place), high = ceil(place);
    if (low >= high)
        return sorted[(uint32_t)low];
    double from = sorted[(uint32_t)low], to = sorted[(uint32_t)high];
    return from + (to - from) * (place - low);
}

static enum fw_err measure(const struct compat_nat_list *list, struct callpath_metric *metric)
{
    *metric = (struct callpath_metric){.samples = list->count};
    if (list->count == 0)
        return FW_OK;
    double *sorted = malloc(list->count * sizeof *sorted);
    if (!sorted)
        return FW_NOMEM;
    memcpy(sorted, list->values, list->count * sizeof *sorted);
    stats_sort_doubles(sorted, list->count);
    metric->mean = mean_of(list);
    metric->p50 = percentile(sorted, list->count, 50);
    metric->p90 = percentile(sorted, list->count, 90);
    metric->p95 = percentile(sorted, list->count, 95);
    free(sorted);
    return FW_OK;
}

/* To the nearest, halves to the even one. */
static double round_even(double value)
{
    double low = floor(value), rest = value - low;
    if (rest > 0.5 || (rest >= 0.5 && fmod(low, 2) != 0))
        return low + 1;
    return low;
}

static uint32_t level_of(const struct compat_nat_list *scores, uint32_t scale)
{
    if (scores->count == 0)
        return 0;
    double level = round_even(mean_of(scores) * (double)(scale - 1)) + 1;
    return level < 1 ? 1 : level > scale ? scale : (uint32_t)level;
}

enum fw_err compat_nat_build(struct compat_nat *nat)
{
    if (nat->trie.count == 0)
        FW_TRY(hint_trie_init(&nat->trie));
    for (uint32_t i = 0; i < nat->places.count; i++) {
        struct compat_place place = nat->places.of[i];
        const struct compat_nat_list *lists = &nat->lists[(size_t)i * COMPAT_STATS];
        struct callpath_prediction prediction = {.level = 0}, *to;
        FW_TRY(measure(&lists[COMPAT_REMAINING], &prediction.metrics[CALLPATH_REMAINING]));
        FW_TRY(measure(&lists[COMPAT_INTERARRIVAL], &prediction.metrics[CALLPATH_INTERARRIVAL]));
        FW_TRY(measure(&lists[COMPAT_TOKENS], &prediction.metrics[CALLPATH_TOKENS]));
        prediction.level = level_of(&lists[COMPAT_SCORE], nat->weights.scale);
        if (place.index == COMPAT_ALL) {
            nat->trie.nodes[place.node].has_any = true;
            nat->trie.nodes[place.node].any = prediction;
            continue;
        }
        FW_TRY(hint_trie_entry(&nat->trie, place.node, place.index, &to));
        *to = prediction;
    }
    return FW_OK;
}

/* ---- hints ---- */

void compat_nat_hints(const struct callpath_prediction *prediction, struct compat_nat_hints *hints)
{
    enum { SENSITIVITY = 2, OSL = 512, IAT_MS = 250, TOTAL = 10, PRIORITY_TOP = 1000 };
    *hints = (struct compat_nat_hints){
        .latency_sensitivity = SENSITIVITY, .osl = OSL, .total_requests = TOTAL, .iat_ms = IAT_MS};
    if (prediction) {
        const struct callpath_metric *metrics = prediction->metrics;
        uint32_t osl = compat_truncate(metrics[CALLPATH_TOKENS].p90);
        uint32_t iat_ms = compat_truncate(metrics[CALLPATH_INTERARRIVAL].mean);
        uint32_t total = compat_truncate(metrics[CALLPATH_REMAINING].mean);
        hints->osl = osl > 0 ? osl : OSL;
        hints->iat_ms = iat_ms > 0 ? iat_ms : IAT_MS;
        hints->total_requests = total > 0 ? total : TOTAL;
        hints->latency_sensitivity = prediction->level > 0 ? prediction->level : SENSITIVITY;
    }
    hints->priority = PRIORITY_TOP - (int64_t)hints->latency_sensitivity;
    uint64_t total_ms = (uint64_t)hints->total_requests * hints->iat_ms;
    uint64_t seconds = total_ms / 1000 + (total_ms % 1000 > 0);
    seconds = seconds > 0 ? seconds : 1;
    if (seconds >= 60 && seconds % 60 == 0)
        snprintf(hints->ttl, sizeof hints->ttl, "%llum", (unsigned long long)seconds / 60);
    else
        snprintf(hints->ttl, sizeof hints->ttl, "%llus", (unsigned long long)seconds);
}
