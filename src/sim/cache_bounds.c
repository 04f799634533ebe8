/* SPDX-License-Identifier: MIT */
#include "sim/cache_bounds.h"
#include "base/heap.h"
#include "base/table.h"
#include <stdlib.h>

/* For every request when its key is asked for next (or never, all at different times), and the
 * key's number. */
struct future {
    uint32_t *items;
    int64_t *next;
};

static enum fw_err look(const struct cache_trace *trace, struct future *future)
{
    struct map64 later, numbers;
    map64_init(&later, trace->count);
    map64_init(&numbers, trace->count);
    enum fw_err err = FW_OK;
    for (size_t i = trace->count; i > 0 && err == FW_OK; i--) {
        uint64_t key = trace->requests[i - 1].key, next = trace->count + i, number;
        (void)map64_get(&later, key, &next);
        if (!map64_get(&numbers, key, &number)) {
            number = numbers.count;
            err = map64_set(&numbers, key, number);
        }
        if (err == FW_OK)
            err = map64_set(&later, key, i - 1);
        future->items[i - 1] = (uint32_t)number;
        future->next[i - 1] = (int64_t)next;
    }
    map64_fini(&numbers);
    map64_fini(&later);
    return err;
}

static enum fw_err belady(const struct cache_trace *trace, uint64_t keys, size_t from,
                          const struct future *future, struct cache_bounds *bounds)
{
    struct heap held; /* the last to be asked for first */
    heap_init(&held);
    enum fw_err err = FW_OK;
    for (size_t i = 0; i < trace->count && err == FW_OK; i++) {
        int64_t deadline;
        uint32_t last;
        bool hit = heap_get(&held, future->items[i], &deadline);
        bounds->belady += !hit && i >= from;
        if (!hit && held.count >= keys && heap_min(&held, &last, &deadline)) {
            if (-deadline <= future->next[i])
                continue;
            heap_remove(&held, last);
        }
        err = heap_set(&held, future->items[i], -future->next[i]);
    }
    heap_fini(&held);
    return err;
}

enum fw_err cache_bounds(const struct cache_trace *trace, uint64_t keys, size_t from,
                         int64_t load_ns, struct cache_bounds *bounds)
{
    struct future future = {malloc(trace->count * sizeof *future.items),
                            malloc(trace->count * sizeof *future.next)};
    bool *seen = calloc(trace->count, sizeof *seen);
    *bounds = (struct cache_bounds){0};
    enum fw_err err = future.items && future.next && seen ? FW_OK : FW_NOMEM;
    if (err == FW_OK)
        err = look(trace, &future);
    int64_t begin_ns = trace->count > 0 ? trace->requests[0].at_ns : 0;
    for (size_t i = 0; i < trace->count && err == FW_OK; i++) {
        bool first = !seen[future.items[i]];
        seen[future.items[i]] = true;
        bounds->seen += first && i >= from;
        bounds->clairvoyant += first && i >= from && trace->requests[i].at_ns - begin_ns < load_ns;
    }
    if (err == FW_OK)
        err = belady(trace, keys, from, &future, bounds);
    free(seen);
    free(future.items);
    free(future.next);
    return err;
}
