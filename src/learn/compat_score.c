/* SPDX-License-Identifier: MIT */
#include "learn/compat_score.h"
#include "base/grow.h"
#include <math.h>
#include <stdlib.h>

/* ---- groups ---- */

struct start {
    double at_s;
    uint32_t call;
};

static int compare_starts(const void *a, const void *b)
{
    const struct start *left = a, *right = b;
    if (left->at_s < right->at_s || left->at_s > right->at_s)
        return left->at_s < right->at_s ? -1 : 1;
    return left->call < right->call ? -1 : left->call > right->call;
}

enum fw_err compat_groups(struct compat_call *calls, uint32_t count)
{
    struct start *starts = calloc((size_t)count + 1, sizeof *starts);
    if (!starts)
        return FW_NOMEM;
    for (uint32_t i = 0; i < count; i++)
        starts[i] = (struct start){calls[i].start_s, i};
    qsort(starts, count, sizeof *starts, compare_starts);
    double until_s = 0;
    for (uint32_t i = 0, group = 0; i < count; i++) {
        struct compat_call *call = &calls[starts[i].call];
        if (i > 0 && call->start_s < until_s) {
            until_s = call->end_s > until_s ? call->end_s : until_s;
        } else {
            group += i > 0;
            until_s = call->end_s;
        }
        call->group = group;
    }
    free(starts);
    return FW_OK;
}

/* ---- scores ---- */

static double raw_score(const struct compat_call *call, double run_s, uint32_t last, uint32_t size,
                        const struct callpath_weights *weights)
{
    double share = 1, fanout = 0, position = 1, penalty = call->slack;
    if (run_s > 0) {
        share = call->took_s / run_s;
        share = share < 1 ? share : 1;
    }
    if (last > 0) {
        double place = (double)call->group / (double)last;
        fanout = (double)(last - call->group) / (double)last;
        position = 1 - place > place ? 1 - place : place;
    }
    if (size > 1)
        penalty = (penalty + (double)(size - 1) / (double)size) / 2;
    return weights->critical * share + weights->fanout * fanout + weights->position * position -
           weights->parallel * penalty;
}

enum fw_err compat_scores(struct compat_call *calls, uint32_t count, double run_s,
                          const struct callpath_weights *weights)
{
    uint32_t last = 0;
    double low = INFINITY, high = -INFINITY;
    uint32_t *sizes = calloc((size_t)count + 1, sizeof *sizes);
    if (!sizes)
        return FW_NOMEM;
    for (uint32_t i = 0; i < count; i++) {
        sizes[calls[i].group]++;
        last = calls[i].group > last ? calls[i].group : last;
    }
    for (uint32_t i = 0; i < count; i++) {
        calls[i].score = raw_score(&calls[i], run_s, last, sizes[calls[i].group], weights);
        low = calls[i].score < low ? calls[i].score : low;
        high = calls[i].score > high ? calls[i].score : high;
    }
    for (uint32_t i = 0; i < count; i++)
        calls[i].score = high - low > 0 ? (calls[i].score - low) / (high - low) : 0.5;
    free(sizes);
    return FW_OK;
}

/* ---- places ---- */

void compat_places_init(struct compat_places *places)
{
    *places = (struct compat_places){.count = 0};
    map64_init(&places->numbers, COMPAT_PLACES_MAX);
}

void compat_places_fini(struct compat_places *places)
{
    map64_fini(&places->numbers);
    free(places->of);
    *places = (struct compat_places){.count = 0};
}

enum fw_err compat_place(struct compat_places *places, uint32_t node, uint32_t index,
                         uint32_t *number)
{
    uint64_t key = (uint64_t)node << 32 | index, found;
    if (map64_get(&places->numbers, key, &found)) {
        *number = (uint32_t)found;
        return FW_OK;
    }
    if (places->count == places->capacity) {
        uint64_t capacity =
            grow_capacity(places->capacity, places->count + UINT64_C(1), COMPAT_PLACES_MAX);
        if (capacity <= places->count)
            return FW_LIMIT;
        struct compat_place *of = realloc(places->of, (size_t)capacity * sizeof *of);
        if (!of)
            return FW_NOMEM;
        places->of = of;
        places->capacity = (uint32_t)capacity;
    }
    FW_TRY(map64_set(&places->numbers, key, places->count));
    places->of[places->count] = (struct compat_place){node, index};
    *number = places->count++;
    return FW_OK;
}

/* ---- whole numbers ---- */

uint32_t compat_truncate(double value)
{
    if (!(value > 0))
        return 0;
    return value < (double)UINT32_MAX ? (uint32_t)value : UINT32_MAX;
}

uint32_t compat_round(double value)
{
    double whole = floor(value);
    return compat_truncate(value - whole >= 0.5 ? whole + 1 : whole);
}
