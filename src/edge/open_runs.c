/* SPDX-License-Identifier: MIT */
#include "edge/open_runs.h"
#include "base/check.h"
#include "base/table.h"
#include "base/time.h"
#include <pthread.h>
#include <stdlib.h>

enum { FIRST_CALLS = 8, MAP_MAX = 1 << 21 };

struct open_run {
    struct open_run *before, *after; /* by when they were last heard of */
    struct ended_run *record;        /* what it is so far */
    uint64_t key, serial;
    int64_t heard_ns;
    uint32_t ordinal; /* calls begun, also those that are not kept */
    uint32_t running;
    uint32_t capacity;
    bool ends, too_long;
};

struct open_runs {
    pthread_mutex_t lock;
    struct map64 by_key, by_serial; /* to pointers */
    struct open_run *oldest, *newest;
    struct ended_run *ended, **ended_end;
    size_t max_runs, count, calls;
    int64_t idle_ns;
    uint64_t serial, too_long, crowded;
};

/* ---- the list ---- */

static void unlink_run(struct open_runs *runs, struct open_run *run)
{
    *(run->before ? &run->before->after : &runs->oldest) = run->after;
    *(run->after ? &run->after->before : &runs->newest) = run->before;
}

static void link_newest(struct open_runs *runs, struct open_run *run)
{
    run->before = runs->newest;
    run->after = NULL;
    *(run->before ? &run->before->after : &runs->oldest) = run;
    runs->newest = run;
}

static struct open_run *find(const struct map64 *map, uint64_t key)
{
    uint64_t value;
    return map64_get(map, key, &value) ? (struct open_run *)(uintptr_t)value : NULL;
}

void ended_run_free(struct ended_run *run)
{
    if (!run)
        return;
    free(run->calls);
    buf_fini(&run->text);
    buf_fini(&run->names);
    free(run);
}

/* ---- beginning and ending of runs ---- */

static uint64_t key_of(const struct run_head *head)
{
    uint64_t agent = str_hash(head->agent.data, head->agent.len, 1);
    return str_hash(head->run.data, head->run.len, agent);
}

static struct ended_run *new_record(const struct run_head *head)
{
    struct ended_run *record = calloc(1, sizeof *record);
    if (!record)
        return NULL;
    buf_init(&record->text, OPEN_RUNS_TEXT_MAX);
    buf_init(&record->names, 2 * RUN_HEAD_NAME_MAX);
    buf_add_str(&record->names, head->agent);
    buf_add_str(&record->names, head->run);
    record->agent = (struct str){record->names.data, head->agent.len};
    record->id = (struct str){record->names.data + head->agent.len, head->run.len};
    if (!record->names.failed)
        return record;
    ended_run_free(record);
    return NULL;
}

static struct open_run *open_run(struct open_runs *runs, const struct run_head *head, uint64_t key)
{
    struct open_run *run = calloc(1, sizeof *run);
    if (run)
        run->record = new_record(head);
    if (!run || !run->record) {
        free(run);
        return NULL;
    }
    run->key = key;
    run->serial = ++runs->serial;
    if (map64_set(&runs->by_key, key, (uintptr_t)run) != FW_OK ||
        map64_set(&runs->by_serial, run->serial, (uintptr_t)run) != FW_OK) {
        map64_remove(&runs->by_key, key, NULL);
        ended_run_free(run->record);
        free(run);
        return NULL;
    }
    link_newest(runs, run);
    runs->count++;
    return run;
}

static void close_run(struct open_runs *runs, struct open_run *run)
{
    struct ended_run *record = run->record;
    map64_remove(&runs->by_key, run->key, NULL);
    map64_remove(&runs->by_serial, run->serial, NULL);
    unlink_run(runs, run);
    runs->count--;
    runs->calls -= record->count;
    if (run->too_long || record->text.failed || record->count == 0) {
        runs->too_long += run->too_long || record->text.failed;
        ended_run_free(record);
    } else {
        record->next = NULL;
        *runs->ended_end = record;
        runs->ended_end = &record->next;
    }
    free(run);
}

static bool make_room(struct open_runs *runs)
{
    bool ended = false;
    while (runs->oldest && (runs->count >= runs->max_runs || runs->calls >= OPEN_RUNS_ALL_CALLS)) {
        close_run(runs, runs->oldest);
        runs->crowded++;
        ended = true;
    }
    return ended;
}

/* ---- calls ---- */

static uint64_t hash_path(const struct run_head *head, struct str name)
{
    uint64_t hash = head->scopes;
    for (uint32_t i = 0; i < head->scopes; i++)
        hash = str_hash(head->path[i].data, head->path[i].len, hash);
    return str_hash(name.data, name.len, hash);
}

static void add_path(struct ended_run *record, struct ended_call *call, const struct run_head *head,
                     struct str name)
{
    for (uint32_t i = record->count; i-- > 0;)
        if (record->calls[i].path_hash == call->path_hash) {
            call->path = record->calls[i].path; /* it was there before */
            return;
        }
    call->path = (uint32_t)record->text.len;
    for (uint32_t i = 0; i < head->scopes; i++)
        buf_put_str(&record->text, head->path[i]);
    buf_put_str(&record->text, name);
}

static struct ended_call *add_call(struct open_run *run)
{
    struct ended_run *record = run->record;
    if (record->count == OPEN_RUNS_CALLS_MAX || record->text.failed)
        return NULL;
    if (record->count == run->capacity) {
        uint32_t capacity = run->capacity ? run->capacity * 2 : FIRST_CALLS;
        struct ended_call *calls = realloc(record->calls, capacity * sizeof *calls);
        if (!calls)
            return NULL;
        record->calls = calls;
        run->capacity = capacity;
    }
    return &record->calls[record->count];
}

static uint32_t index_of(const struct ended_run *record, uint64_t path_hash)
{
    uint32_t index = 1;
    for (uint32_t i = 0; i < record->count; i++)
        index += record->calls[i].path_hash == path_hash && !record->calls[i].cancelled;
    return index;
}

static void begin_call(struct open_runs *runs, struct open_run *run, const struct run_head *head,
                       struct str name, int64_t at_ns, struct open_begun *begun)
{
    struct ended_run *record = run->record;
    uint64_t path_hash = hash_path(head, name);
    run->ordinal++;
    run->heard_ns = at_ns;
    run->ends |= head->ends;
    unlink_run(runs, run);
    link_newest(runs, run);
    begun->ordinal = run->ordinal;
    begun->index = index_of(record, path_hash);
    struct ended_call *call = add_call(run);
    if (!call) {
        run->too_long = true;
        return;
    }
    *call = (struct ended_call){.depth = head->scopes + 1,
                                .parent = head->parent,
                                .path_hash = path_hash,
                                .start_ns = at_ns > 0 ? at_ns : 0,
                                .end_ns = CALLPATH_OPEN,
                                .tokens = CALLPATH_NO_TOKENS};
    add_path(record, call, head, name);
    begun->call = (struct open_call){run->serial, record->count++};
    run->running++;
    runs->calls++;
}

bool open_runs_begin(struct open_runs *runs, const struct run_head *head, struct str name,
                     int64_t at_ns, struct open_begun *begun)
{
    uint64_t key = key_of(head);
    bool ended = false;
    *begun = (struct open_begun){.index = 1, .ordinal = 1};
    pthread_mutex_lock(&runs->lock);
    struct open_run *run = find(&runs->by_key, key);
    if (!run) {
        ended = make_room(runs);
        run = open_run(runs, head, key);
    }
    if (run)
        begin_call(runs, run, head, name, at_ns, begun);
    pthread_mutex_unlock(&runs->lock);
    return ended;
}

static struct ended_call *find_call(struct open_runs *runs, struct open_call call,
                                    struct open_run **run)
{
    *run = call.run != 0 ? find(&runs->by_serial, call.run) : NULL;
    return *run ? &(*run)->record->calls[call.number] : NULL;
}

static bool settle(struct open_runs *runs, struct open_run *run)
{
    run->running--;
    if (!run->ends || run->running > 0)
        return false;
    close_run(runs, run);
    return true;
}

bool open_runs_end(struct open_runs *runs, struct open_call call, int64_t at_ns, double tokens)
{
    struct open_run *run;
    bool ended = false;
    pthread_mutex_lock(&runs->lock);
    struct ended_call *record = find_call(runs, call, &run);
    if (record) {
        /* A clock that was set back makes no call end before it began. */
        record->end_ns = at_ns > record->start_ns ? at_ns : record->start_ns;
        record->tokens = tokens;
        run->heard_ns = at_ns > run->heard_ns ? at_ns : run->heard_ns;
        ended = settle(runs, run);
    }
    pthread_mutex_unlock(&runs->lock);
    return ended;
}

bool open_runs_cancel(struct open_runs *runs, struct open_call call)
{
    struct open_run *run;
    bool ended = false;
    pthread_mutex_lock(&runs->lock);
    struct ended_call *record = find_call(runs, call, &run);
    if (record) {
        record->cancelled = true;
        run->ordinal--;
        ended = settle(runs, run);
    }
    pthread_mutex_unlock(&runs->lock);
    return ended;
}

/* ---- what has ended ---- */

struct ended_run *open_runs_take(struct open_runs *runs, int64_t now_ns)
{
    pthread_mutex_lock(&runs->lock);
    for (struct open_run *run = runs->oldest, *after; run; run = after) {
        after = run->after;
        if (now_ns < time_add(run->heard_ns, runs->idle_ns))
            break;
        if (run->running == 0)
            close_run(runs, run);
    }
    struct ended_run *ended = runs->ended;
    runs->ended = NULL;
    runs->ended_end = &runs->ended;
    pthread_mutex_unlock(&runs->lock);
    return ended;
}

struct open_runs_counts open_runs_counts(struct open_runs *runs)
{
    pthread_mutex_lock(&runs->lock);
    struct open_runs_counts counts = {runs->count, runs->calls, runs->too_long, runs->crowded};
    pthread_mutex_unlock(&runs->lock);
    return counts;
}

void open_runs_set_limits(struct open_runs *runs, size_t max_runs, int64_t idle_ns)
{
    pthread_mutex_lock(&runs->lock);
    runs->max_runs = max_runs;
    runs->idle_ns = idle_ns;
    pthread_mutex_unlock(&runs->lock);
}

/* ---- life ---- */

enum fw_err open_runs_create(struct open_runs **out, size_t max_runs, int64_t idle_ns)
{
    struct open_runs *runs = calloc(1, sizeof *runs);
    *out = runs;
    if (!runs)
        return FW_NOMEM;
    pthread_mutex_init(&runs->lock, NULL);
    map64_init(&runs->by_key, MAP_MAX);
    map64_init(&runs->by_serial, MAP_MAX);
    runs->ended_end = &runs->ended;
    runs->max_runs = max_runs;
    runs->idle_ns = idle_ns;
    return FW_OK;
}

void open_runs_destroy(struct open_runs **gone)
{
    struct open_runs *runs = *gone;
    *gone = NULL;
    if (!runs)
        return;
    while (runs->oldest)
        close_run(runs, runs->oldest);
    while (runs->ended) {
        struct ended_run *run = runs->ended;
        runs->ended = run->next;
        ended_run_free(run);
    }
    map64_fini(&runs->by_key);
    map64_fini(&runs->by_serial);
    pthread_mutex_destroy(&runs->lock);
    free(runs);
}
