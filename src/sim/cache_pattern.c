/* SPDX-License-Identifier: MIT */
#include "sim/cache_pattern.h"
#include "base/check.h"
#include <stdlib.h>

enum fw_err cache_pattern_init(struct cache_pattern *pattern, uint64_t keys)
{
    CHECK(keys > 0 && keys < UINT32_MAX);
    *pattern = (struct cache_pattern){.max = (uint32_t)keys};
    map64_init(&pattern->items, (size_t)keys);
    pattern->keys = malloc((size_t)keys * sizeof *pattern->keys);
    if (!pattern->keys)
        return FW_NOMEM;
    return classic_init(&pattern->classic, (uint32_t)keys, CACHE_PATTERN_ENTRIES);
}

void cache_pattern_fini(struct cache_pattern *pattern)
{
    if (pattern->max == 0)
        return;
    classic_fini(&pattern->classic);
    map64_fini(&pattern->items);
    free(pattern->keys);
    *pattern = (struct cache_pattern){0};
}

static enum fw_err number_of(struct cache_pattern *pattern, uint64_t key, uint32_t *item)
{
    uint64_t known;
    if (map64_get(&pattern->items, key, &known)) {
        *item = (uint32_t)known;
        return FW_OK;
    }
    FW_TRY(map64_set(&pattern->items, key, pattern->count));
    pattern->keys[pattern->count] = key;
    *item = pattern->count++;
    return FW_OK;
}

static void queue(struct cache_pattern *pattern, uint32_t item, int priority)
{
    CHECK(priority >= 0 && priority < CACHE_PATTERN_PRIORITIES);
    uint32_t first = pattern->queues[priority].first, count = pattern->queues[priority].count;
    if (count == CACHE_PATTERN_QUEUE)
        return;
    pattern->queues[priority].items[(first + count) % CACHE_PATTERN_QUEUE] = item;
    pattern->queues[priority].count++;
}

enum fw_err cache_pattern_request(struct cache_pattern *pattern, uint64_t key,
                                  bool (*held)(void *context, uint64_t key), void *context)
{
    struct classic_request requests[CLASSIC_WINDOW];
    uint32_t item;
    FW_TRY(number_of(pattern, key, &item));
    classic_pattern_learn(&pattern->classic, item);
    uint32_t count = classic_pattern(&pattern->classic, item, requests);
    for (uint32_t i = 0; i < count; i++)
        if (!held(context, pattern->keys[requests[i].item]))
            queue(pattern, requests[i].item, requests[i].priority);
    return FW_OK;
}

bool cache_pattern_next(struct cache_pattern *pattern, uint64_t *key)
{
    for (int priority = 0; priority < CACHE_PATTERN_PRIORITIES; priority++) {
        uint32_t first = pattern->queues[priority].first;
        if (pattern->queues[priority].count == 0)
            continue;
        *key = pattern->keys[pattern->queues[priority].items[first]];
        pattern->queues[priority].first = (first + 1) % CACHE_PATTERN_QUEUE;
        pattern->queues[priority].count--;
        return true;
    }
    return false;
}
