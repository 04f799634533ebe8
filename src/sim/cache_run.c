/* SPDX-License-Identifier: MIT */
#include "sim/cache_run.h"
#include "base/check.h"
#include <stdlib.h>

const char *const cache_run_prefetch_names[] = {"none", "sequential", NULL};

struct loading {
    uint64_t key, bytes;
    int64_t ready_ns;
    bool open; /* not joined by a request */
};
struct run {
    const struct cache_run_settings *settings;
    struct cache_run_result *result;
    struct cache cache, without;
    struct strides strides;
    struct prefetch prefetch;
    struct loading loading[CACHE_RUN_LOADING_MAX]; /* a ring: every load takes as long */
    uint32_t first, count, open;
    struct map64 index; /* key -> place in the ring */
};

static void evicted(void *context, const struct cache_entry *entry)
{
    struct run *run = context;
    if (entry->queue != CACHE_PROBATION)
        return;
    run->result->account.unused++;
    prefetch_wasted(&run->prefetch, entry->key);
}

/* What was loaded by now is held, on probation. */
static enum fw_err finish_loads(struct run *run, int64_t now_ns)
{
    while (run->count > 0 && run->loading[run->first].ready_ns <= now_ns) {
        struct loading *load = &run->loading[run->first];
        run->first = (run->first + 1) % CACHE_RUN_LOADING_MAX;
        run->count--;
        if (!load->open)
            continue;
        run->open--;
        map64_remove(&run->index, load->key, NULL);
        enum fw_err err = cache_add(&run->cache, load->key, load->bytes, true);
        if (err == FW_LIMIT) {
            run->result->account.unused++;
            prefetch_wasted(&run->prefetch, load->key);
        } else if (err != FW_OK) {
            return err;
        }
    }
    return FW_OK;
}

static enum fw_err load_ahead(struct run *run, uint64_t key, uint64_t bytes, int64_t now_ns)
{
    uint32_t at = (run->first + run->count) % CACHE_RUN_LOADING_MAX;
    FW_TRY(map64_set(&run->index, key, at));
    run->loading[at] = (struct loading){key, bytes, now_ns + run->settings->load_ns, true};
    run->count++;
    run->open++;
    run->result->account.issued++;
    run->result->bytes_ahead += bytes;
    return FW_OK;
}

/* Steps further ahead of the run until one is not worth it or its turn has not come. */
static enum fw_err look_ahead(struct run *run, const struct cache_request *request, uint64_t bytes)
{
    struct stride_run *ahead = strides_observe(&run->strides, request->key, request->at_ns);
    uint32_t depth = prefetch_depth(ahead, run->settings->load_ns);
    while (ahead->ahead < depth) {
        uint64_t key = ahead->last + ahead->stride * (ahead->ahead + 1), at;
        if (!cache_peek(&run->cache, key) && !map64_get(&run->index, key, &at)) {
            if (!prefetch_worth(&run->prefetch, ahead, ahead->ahead + 1) ||
                run->count == CACHE_RUN_LOADING_MAX)
                break;
            FW_TRY(load_ahead(run, key, bytes, request->at_ns));
        }
        ahead->ahead++;
    }
    return FW_OK;
}

/* A miss may have a load ahead under way: then it waits for that one. */
static void join_load(struct run *run, uint64_t key)
{
    uint64_t at;
    if (!map64_remove(&run->index, key, &at))
        return;
    run->loading[at].open = false;
    run->open--;
    run->result->account.late++;
}

static enum fw_err hold(struct cache *cache, uint64_t key, uint64_t bytes)
{
    enum fw_err err = cache_add(cache, key, bytes, false);
    return err == FW_LIMIT ? FW_OK : err; /* larger than the cache: served, and not kept */
}

static enum fw_err take(struct run *run, const struct cache_request *request)
{
    struct cache_run_result *result = run->result;
    uint64_t bytes = run->settings->by_bytes ? request->bytes : 1;
    FW_TRY(finish_loads(run, request->at_ns));
    const struct cache_entry *entry = cache_peek(&run->cache, request->key);
    result->account.used += entry && entry->queue == CACHE_PROBATION;
    bool hit = cache_use(&run->cache, request->key);
    result->requests++;
    result->bytes += request->bytes;
    if (!hit) {
        result->misses++;
        result->bytes_missed += request->bytes;
        join_load(run, request->key);
        FW_TRY(hold(&run->cache, request->key, bytes));
    }
    if (run->settings->compare) {
        bool hit_without = cache_use(&run->without, request->key);
        result->misses_without += !hit_without;
        result->spared += hit && !hit_without;
        result->spoilt += !hit && hit_without;
        if (!hit_without)
            FW_TRY(hold(&run->without, request->key, bytes));
    }
    if (run->settings->prefetch == CACHE_RUN_SEQUENTIAL) {
        prefetch_request(&run->prefetch, request->key);
        FW_TRY(look_ahead(run, request, bytes));
    }
    result->account.pending = run->cache.lists[CACHE_PROBATION].count + (uint64_t)run->open;
    CHECK(prefetch_account_holds(&result->account));
    return FW_OK;
}

enum fw_err cache_run(const struct cache_trace *trace, const struct cache_run_settings *settings,
                      struct cache_run_result *result)
{
    struct run *run = calloc(1, sizeof *run);
    if (!run)
        return FW_NOMEM;
    *result = (struct cache_run_result){0};
    run->settings = settings;
    run->result = result;
    cache_init(&run->cache, settings->algorithm, settings->capacity);
    cache_init(&run->without, settings->algorithm, settings->capacity);
    run->cache.evicted = evicted;
    run->cache.context = run;
    strides_init(&run->strides);
    prefetch_init(&run->prefetch);
    map64_init(&run->index, CACHE_RUN_LOADING_MAX);
    enum fw_err err = FW_OK;
    for (size_t i = 0; i < trace->count && err == FW_OK; i++)
        err = take(run, &trace->requests[i]);
    map64_fini(&run->index);
    prefetch_fini(&run->prefetch);
    cache_fini(&run->without);
    cache_fini(&run->cache);
    free(run);
    return err;
}

static double part(uint64_t of, uint64_t all)
{
    return all > 0 ? (double)of / (double)all : 0;
}

double cache_run_miss_ratio(const struct cache_run_result *result)
{
    return part(result->misses, result->requests);
}

double cache_run_accuracy(const struct cache_run_result *result)
{
    return part(result->account.used + result->account.late, result->account.issued);
}

double cache_run_coverage(const struct cache_run_result *result)
{
    return part(result->spared, result->misses_without);
}

double cache_run_timeliness(const struct cache_run_result *result)
{
    return part(result->account.used, result->account.used + result->account.late);
}

double cache_run_pollution(const struct cache_run_result *result)
{
    return part(result->spoilt, result->requests);
}

double cache_run_traffic(const struct cache_run_result *result)
{
    /* every miss that is not late is a load, and so is everything loaded ahead */
    uint64_t loads = result->misses - result->account.late + result->account.issued;
    return loads > result->misses_without ? part(loads - result->misses_without, result->requests)
                                          : 0;
}
