/* SPDX-License-Identifier: MIT
 * The readers of cache traces, and what is read through the cache: the first byte chooses what is
 * loaded ahead, what leaves, and the room. Whatever is in the file: an answer with a sentence, or a
 * trace in order, every load ahead of which has one outcome (cache_run checks it at every request).
 */
#include "base/time.h"
#include "sim/cache_bounds.h"
#include "sim/cache_run.h"
#include <stdlib.h>

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void check_trace(const struct cache_trace *trace)
{
    require(trace->count > 0 && trace->keys > 0 && trace->keys <= trace->count);
    for (size_t i = 0; i < trace->count; i++) {
        require(trace->requests[i].at_ns >= 0);
        require(i == 0 || trace->requests[i - 1].at_ns <= trace->requests[i].at_ns);
        require(trace->requests[i].bytes <= trace->largest);
    }
}

static void check_run(const struct cache_trace *trace, uint8_t choice)
{
    struct cache_run_settings settings = {.algorithm = choice % CACHE_ALGORITHM_COUNT,
                                          .prefetch = choice / 8 % CACHE_RUN_PREFETCH_COUNT,
                                          .capacity = (uint64_t)1 << (choice / 32 * 4),
                                          .by_bytes = (choice & 4) != 0,
                                          .load_ns = 5 * TIME_MILLISECOND,
                                          .score_from = trace->count / 3,
                                          .compare = true};
    struct cache_run_result result;
    struct cache_bounds bounds;
    enum fw_err err = cache_run(trace, &settings, &result);
    require(err == FW_OK || err == FW_NOMEM);
    if (err != FW_OK)
        return;
    require(result.requests == trace->count - settings.score_from);
    require(result.misses + result.spared == result.misses_without + result.spoilt);
    require(result.waits.mean_ns <= (double)settings.load_ns);
    if (settings.by_bytes ||
        cache_bounds(trace, settings.capacity, 0, settings.load_ns, &bounds) != FW_OK)
        return;
    require(bounds.clairvoyant <= bounds.seen && bounds.seen <= bounds.belady);
    settings.prefetch = CACHE_RUN_NONE;
    settings.score_from = 0;
    require(cache_run(trace, &settings, &result) != FW_OK || bounds.belady <= result.misses);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len == 0)
        return 0;
    struct cache_trace trace;
    struct fw_detail detail = {""};
    cache_trace_init(&trace);
    enum fw_err err = cache_trace_read_memory(
        &trace, "input", (struct str){(const char *)data + 1, len - 1}, TIME_MILLISECOND, &detail);
    if (err == FW_OK) {
        check_trace(&trace);
        check_run(&trace, data[0]);
    } else {
        require(detail.text[0] != '\0');
    }
    cache_trace_fini(&trace);
    return 0;
}
