/* SPDX-License-Identifier: MIT */
#include "sim/cache_run.h"
#include "base/check.h"
#include "base/time.h"
#include "sim/cache_pattern.h"
#include <stdlib.h>

const char *const cache_run_prefetch_names[] = {"none", "sequential", "pattern", "mix", NULL};
static const unsigned sources_of[] = {
    [CACHE_RUN_SEQUENTIAL] = FORESEE_STRIDES, [CACHE_RUN_MIX] = FORESEE_ALL};

struct loading {
    uint64_t key, bytes;
    int64_t ready_ns;
    bool open; /* not joined by a request */
};
struct run {
    const struct cache_run_settings *settings;
    struct cache_run_result *result;
    struct cache cache, without;
    struct foresee foresee;
    struct cache_pattern pattern;
    struct loading loading[CACHE_RUN_LOADING_MAX]; /* a ring: every load takes as long */
    uint32_t first, count, open;
    struct map64 index; /* key -> place in the ring */
    struct map64 ready; /* key -> when it came, while nobody has used it; with `compare` */
    struct cache_waits waits, waits_without, leads;
    uint64_t bytes; /* of the request at hand; nobody knows how many others have */
    int64_t now_ns;
    enum fw_err err; /* of a load that was to begin */
};

static bool foresees(const struct run *run)
{
    return run->settings->prefetch == CACHE_RUN_SEQUENTIAL ||
           run->settings->prefetch == CACHE_RUN_MIX;
}

static void wasted(struct run *run, uint64_t key)
{
    run->result->account.unused++;
    if (foresees(run))
        foresee_wasted(&run->foresee, key);
}

static void evicted(void *context, const struct cache_entry *entry)
{
    struct run *run = context;
    uint64_t ready_ns;
    if (entry->queue != CACHE_PROBATION)
        return;
    wasted(run, entry->key);
    if (map64_remove(&run->ready, entry->key, &ready_ns))
        run->result->wasted_byte_s +=
            (double)entry->bytes * time_to_seconds(run->now_ns - (int64_t)ready_ns);
}

static uint64_t room_of(const struct run *run, uint64_t bytes)
{
    return run->settings->by_bytes ? bytes : 1;
}

static enum fw_err begin_load(struct run *run, uint64_t key, int64_t at_ns)
{
    uint32_t at = (run->first + run->count) % CACHE_RUN_LOADING_MAX;
    FW_TRY(map64_set(&run->index, key, at));
    run->loading[at] = (struct loading){key, run->bytes, at_ns + run->settings->load_ns, true};
    run->count++;
    run->open++;
    run->result->account.issued++;
    run->result->bytes_ahead += run->bytes;
    return FW_OK;
}

static bool is_held(void *context, uint64_t key)
{
    const struct run *run = context;
    uint64_t at;
    return cache_peek(&run->cache, key) || map64_get(&run->index, key, &at);
}

static bool load_ahead(void *context, uint64_t key)
{
    struct run *run = context;
    if (run->count == CACHE_RUN_LOADING_MAX || run->err != FW_OK)
        return false;
    run->err = begin_load(run, key, run->now_ns);
    return run->err == FW_OK;
}

/* The pattern strategy's queue gives its next as soon as a slot is free. */
static enum fw_err fill_slots(struct run *run, int64_t at_ns)
{
    uint64_t key;
    while (run->open < CACHE_PATTERN_LOADS && run->count < CACHE_RUN_LOADING_MAX &&
           cache_pattern_next(&run->pattern, &key))
        if (!is_held(run, key))
            FW_TRY(begin_load(run, key, at_ns));
    return FW_OK;
}

/* What was loaded by now is held, on probation. */
static enum fw_err finish_loads(struct run *run)
{
    while (run->count > 0 && run->loading[run->first].ready_ns <= run->now_ns) {
        struct loading load = run->loading[run->first];
        run->first = (run->first + 1) % CACHE_RUN_LOADING_MAX;
        run->count--;
        if (!load.open)
            continue;
        run->open--;
        map64_remove(&run->index, load.key, NULL);
        if (foresees(run))
            foresee_loaded(&run->foresee);
        enum fw_err err = cache_add(&run->cache, load.key, room_of(run, load.bytes), true);
        if (err == FW_LIMIT) {
            run->result->refused++;
            wasted(run, load.key);
        } else if (err != FW_OK) {
            return err;
        } else if (run->settings->compare) {
            FW_TRY(map64_set(&run->ready, load.key, (uint64_t)load.ready_ns));
        }
        if (run->settings->prefetch == CACHE_RUN_PATTERN)
            FW_TRY(fill_slots(run, load.ready_ns));
    }
    return FW_OK;
}

/* A miss may have a load ahead under way: then it waits for that one. How long it waits. */
static int64_t join_load(struct run *run, uint64_t key)
{
    uint64_t at;
    if (!map64_remove(&run->index, key, &at))
        return run->settings->load_ns;
    run->loading[at].open = false;
    run->open--;
    run->result->account.late++;
    if (foresees(run)) {
        foresee_loaded(&run->foresee);
        foresee_used(&run->foresee);
    }
    run->result->bytes_late += run->loading[at].bytes;
    return run->loading[at].ready_ns - run->now_ns;
}

static enum fw_err hold(const struct run *run, struct cache *cache, uint64_t key)
{
    enum fw_err err = cache_add(cache, key, room_of(run, run->bytes), false);
    return err == FW_LIMIT ? FW_OK : err; /* larger than the cache: served, and not kept */
}

static enum fw_err compare(struct run *run, const struct cache_request *request, bool hit,
                           int64_t wait_ns)
{
    struct cache_run_result *result = run->result;
    uint64_t ready_ns;
    bool hit_without = cache_use(&run->without, request->key);
    result->misses_without += !hit_without;
    result->bytes_missed_without += hit_without ? 0 : request->bytes;
    result->spared += hit && !hit_without;
    result->spoilt += !hit && hit_without;
    if (!hit_without)
        FW_TRY(hold(run, &run->without, request->key));
    if (map64_remove(&run->ready, request->key, &ready_ns))
        FW_TRY(cache_waits_add(&run->leads, run->now_ns - (int64_t)ready_ns));
    FW_TRY(cache_waits_add(&run->waits, wait_ns));
    return cache_waits_add(&run->waits_without, hit_without ? 0 : run->settings->load_ns);
}

static enum fw_err look_ahead(struct run *run, uint64_t key, bool missed)
{
    const struct foresee_door door = {run, is_held, load_ahead};
    if (run->settings->prefetch == CACHE_RUN_NONE)
        return FW_OK;
    if (run->settings->prefetch == CACHE_RUN_PATTERN) {
        FW_TRY(cache_pattern_request(&run->pattern, key, is_held, run));
        return fill_slots(run, run->now_ns);
    }
    FW_TRY(foresee_request(&run->foresee, key, run->now_ns, missed, run->settings->load_ns, &door));
    return run->err;
}

static enum fw_err take(struct run *run, const struct cache_request *request)
{
    struct cache_run_result *result = run->result;
    int64_t wait_ns = 0;
    run->bytes = request->bytes;
    run->now_ns = request->at_ns;
    if (foresees(run))
        foresee_fetch(&run->foresee, request->key);
    FW_TRY(finish_loads(run));
    const struct cache_entry *entry = cache_peek(&run->cache, request->key);
    bool first_use = entry && entry->queue == CACHE_PROBATION, hit = entry != NULL;
    result->account.used += first_use;
    if (first_use && foresees(run))
        foresee_used(&run->foresee);
    result->requests++;
    result->bytes += request->bytes;
    if (hit) {
        cache_use(&run->cache, request->key);
    } else {
        result->misses++;
        result->bytes_missed += request->bytes;
        wait_ns = join_load(run, request->key);
        FW_TRY(hold(run, &run->cache, request->key));
    }
    if (run->settings->compare)
        FW_TRY(compare(run, request, hit, wait_ns));
    FW_TRY(look_ahead(run, request->key, !hit || first_use));
    result->account.pending = run->cache.lists[CACHE_PROBATION].count + (uint64_t)run->open;
    CHECK(prefetch_account_holds(&result->account));
    return FW_OK;
}

/* From here on it counts; what was issued before and has no outcome yet counts as issued now. */
static void begin_score(struct run *run)
{
    uint64_t pending = run->result->account.pending;
    *run->result = (struct cache_run_result){.account = {.issued = pending, .pending = pending}};
    cache_waits_clear(&run->waits);
    cache_waits_clear(&run->waits_without);
    cache_waits_clear(&run->leads);
}

static enum fw_err run_init(struct run *run, const struct cache_trace *trace)
{
    const struct cache_run_settings *settings = run->settings;
    cache_init(&run->cache, settings->algorithm, settings->capacity);
    cache_init(&run->without, settings->algorithm, settings->capacity);
    run->cache.evicted = evicted;
    run->cache.context = run;
    map64_init(&run->index, CACHE_RUN_LOADING_MAX);
    map64_init(&run->ready, CACHE_ENTRIES_MAX);
    cache_waits_init(&run->waits, settings->load_ns);
    cache_waits_init(&run->waits_without, settings->load_ns);
    cache_waits_init(&run->leads, INT64_MAX);
    if (settings->prefetch == CACHE_RUN_PATTERN)
        return cache_pattern_init(&run->pattern, trace->keys);
    foresee_init(&run->foresee, sources_of[settings->prefetch]);
    return FW_OK;
}

static void run_fini(struct run *run)
{
    if (run->settings->prefetch == CACHE_RUN_PATTERN)
        cache_pattern_fini(&run->pattern);
    else
        foresee_fini(&run->foresee);
    cache_waits_fini(&run->leads);
    cache_waits_fini(&run->waits_without);
    cache_waits_fini(&run->waits);
    map64_fini(&run->ready);
    map64_fini(&run->index);
    cache_fini(&run->without);
    cache_fini(&run->cache);
    free(run);
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
    enum fw_err err = run_init(run, trace);
    for (size_t i = 0; i < trace->count && err == FW_OK; i++) {
        if (i == settings->score_from)
            begin_score(run);
        err = take(run, &trace->requests[i]);
    }
    if (err == FW_OK && settings->compare) {
        cache_waits_summary(&run->waits, &result->waits);
        cache_waits_summary(&run->waits_without, &result->waits_without);
        cache_waits_summary(&run->leads, &result->leads);
    }
    run_fini(run);
    return err;
}

static double part(double of, uint64_t all)
{
    return all > 0 ? of / (double)all : 0;
}

double cache_run_miss_ratio(const struct cache_run_result *result)
{
    return part((double)result->misses, result->requests);
}

double cache_run_accuracy(const struct cache_run_result *result)
{
    return part((double)(result->account.used + result->account.late), result->account.issued);
}

double cache_run_coverage(const struct cache_run_result *result)
{
    return part((double)result->spared, result->misses_without);
}

double cache_run_timeliness(const struct cache_run_result *result)
{
    return part((double)result->account.used, result->account.used + result->account.late);
}

double cache_run_pollution(const struct cache_run_result *result)
{
    return part((double)result->spoilt, result->requests);
}

double cache_run_traffic(const struct cache_run_result *result)
{
    /* every miss that is not late is a load, and so is everything loaded ahead */
    double loads =
        (double)result->misses - (double)result->account.late + (double)result->account.issued;
    return part(loads - (double)result->misses_without, result->requests);
}

double cache_run_traffic_bytes(const struct cache_run_result *result)
{
    double bytes =
        (double)result->bytes_missed - (double)result->bytes_late + (double)result->bytes_ahead;
    return part(bytes - (double)result->bytes_missed_without, result->requests);
}

double cache_run_net_ns(const struct cache_run_result *result, int64_t load_ns)
{
    return result->waits_without.mean_ns - result->waits.mean_ns -
           part((double)result->account.unused * (double)load_ns, result->requests);
}
