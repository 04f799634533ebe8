/* SPDX-License-Identifier: MIT */
#include "edge/prefixes.h"
#include <pthread.h>
#include <stdlib.h>

struct prefix {
    uint64_t session;
    int64_t at_ns;
    uint64_t turn;  /* of the server when it was last read there; 0: it has not got it */
    bool prefilled; /* by us, and not used yet */
    uint8_t tries;
    char path[PREFIX_PATH_MAX];
    struct buf body;
};
struct prefixes {
    pthread_mutex_t lock;
    uint64_t max_bytes;
    struct prefix items[PREFIX_SESSIONS]; /* the first `count`, in no order */
    uint32_t count, slots;
    uint64_t turn, latest;       /* turns go up when another session is served; the latest one */
    struct prefix_work *running; /* what is being prefilled; NULL nothing */
    atomic_bool cancel;
    struct prefix_counts counts;
};

static const char *const result_names[] = {
#define X(result, name) name,
    PREFIX_RESULTS(X)
#undef X
};

const char *prefix_result_name(int result)
{
    return result >= 0 && result < PREFIX_RESULT_COUNT ? result_names[result] : "?";
}

enum fw_err prefixes_create(struct prefixes **out)
{
    *out = calloc(1, sizeof **out);
    if (!*out)
        return FW_NOMEM;
    pthread_mutex_init(&(*out)->lock, NULL);
    return FW_OK;
}

void prefixes_destroy(struct prefixes **gone)
{
    struct prefixes *prefixes = *gone;
    *gone = NULL;
    if (!prefixes)
        return;
    for (uint32_t i = 0; i < prefixes->count; i++)
        buf_fini(&prefixes->items[i].body);
    if (prefixes->running)
        prefixes->running->drop(prefixes->running);
    pthread_mutex_destroy(&prefixes->lock);
    free(prefixes);
}

/* ---- under the lock ---- */

static struct prefix *find(struct prefixes *prefixes, uint64_t session)
{
    for (uint32_t i = 0; i < prefixes->count && session != 0; i++)
        if (prefixes->items[i].session == session)
            return &prefixes->items[i];
    return NULL;
}

/* A server with n slots has the n sessions that it served last; one that is not there any more may
 * still be there in part, which costs an idle prefill at most. */
static bool is_cached(const struct prefixes *prefixes, const struct prefix *prefix)
{
    uint64_t slots = prefixes->slots > 0 ? prefixes->slots : 1;
    return prefix->turn > 0 && prefixes->turn - prefix->turn < slots;
}

static void settle(struct prefixes *prefixes, struct prefix *prefix, enum prefix_result result)
{
    if (prefix->prefilled)
        prefixes->counts.results[result]++;
    prefix->prefilled = false;
}

static void drop(struct prefixes *prefixes, struct prefix *prefix)
{
    settle(prefixes, prefix, PREFIX_UNUSED);
    prefixes->counts.bytes -= prefix->body.capacity;
    buf_fini(&prefix->body);
    *prefix = prefixes->items[--prefixes->count];
}

static void drop_oldest(struct prefixes *prefixes)
{
    struct prefix *oldest = &prefixes->items[0];
    for (uint32_t i = 1; i < prefixes->count; i++)
        if (prefixes->items[i].at_ns < oldest->at_ns)
            oldest = &prefixes->items[i];
    drop(prefixes, oldest);
}

static void take_turn(struct prefixes *prefixes, uint64_t session)
{
    if (prefixes->turn == 0 || prefixes->latest != session || session == 0)
        prefixes->turn++;
    prefixes->latest = session;
}

/* Room for a prompt of so many bytes; NULL: it is too large for what may be kept. */
static struct prefix *make_room(struct prefixes *prefixes, uint64_t bytes)
{
    if (bytes > prefixes->max_bytes)
        return NULL;
    while (prefixes->count > 0 && (prefixes->count == PREFIX_SESSIONS ||
                                   prefixes->counts.bytes + bytes > prefixes->max_bytes))
        drop_oldest(prefixes);
    struct prefix *prefix = &prefixes->items[prefixes->count++];
    *prefix = (struct prefix){0};
    buf_init(&prefix->body, bytes); /* and no more: its capacity is what is counted */
    return prefix;
}

static void keep(struct prefixes *prefixes, uint64_t session, struct str path, struct str body,
                 int64_t at_ns)
{
    struct prefix *prefix = find(prefixes, session);
    if (prefix)
        drop(prefixes, prefix);
    if (body.len == 0 || body.len > PREFIX_BODY_MAX || path.len >= PREFIX_PATH_MAX)
        return;
    prefix = make_room(prefixes, body.len);
    if (!prefix)
        return;
    prefix->session = session;
    prefix->at_ns = at_ns;
    prefix->turn = prefixes->turn;
    for (size_t i = 0; i < path.len; i++)
        prefix->path[i] = path.data[i];
    if (!buf_reserve(&prefix->body, body.len)) {
        prefixes->count--;
        return;
    }
    buf_add_str(&prefix->body, body);
    prefixes->counts.bytes += prefix->body.capacity;
}

/* ---- the interface ---- */

void prefixes_limit(struct prefixes *prefixes, uint64_t max_bytes)
{
    pthread_mutex_lock(&prefixes->lock);
    prefixes->max_bytes = max_bytes;
    while (prefixes->count > 0 && prefixes->counts.bytes > max_bytes)
        drop_oldest(prefixes);
    pthread_mutex_unlock(&prefixes->lock);
}

void prefixes_request(struct prefixes *prefixes, uint64_t session)
{
    pthread_mutex_lock(&prefixes->lock);
    struct prefix *prefix = find(prefixes, session);
    if (prefixes->running)
        atomic_store(&prefixes->cancel, true);
    if (prefix)
        settle(prefixes, prefix, PREFIX_USED);
    pthread_mutex_unlock(&prefixes->lock);
}

void prefixes_served(struct prefixes *prefixes, uint64_t session, struct str path, struct str body,
                     int64_t at_ns)
{
    pthread_mutex_lock(&prefixes->lock);
    take_turn(prefixes, session);
    if (session != 0 && prefixes->max_bytes > 0)
        keep(prefixes, session, path, body, at_ns);
    pthread_mutex_unlock(&prefixes->lock);
}

void prefixes_lost(struct prefixes *prefixes)
{
    pthread_mutex_lock(&prefixes->lock);
    atomic_store(&prefixes->cancel, true);
    for (uint32_t i = 0; i < prefixes->count; i++) {
        settle(prefixes, &prefixes->items[i], PREFIX_UNUSED);
        prefixes->items[i].turn = 0;
        prefixes->items[i].tries = 0;
    }
    pthread_mutex_unlock(&prefixes->lock);
}

void prefixes_cancel(struct prefixes *prefixes)
{
    atomic_store(&prefixes->cancel, true);
}

uint32_t prefixes_list(struct prefixes *prefixes, int64_t now_ns,
                       struct prefix_view views[PREFIX_SESSIONS], uint32_t *slots)
{
    pthread_mutex_lock(&prefixes->lock);
    for (uint32_t i = prefixes->count; i-- > 0;) {
        struct prefix *prefix = &prefixes->items[i];
        if (now_ns - prefix->at_ns > PREFIX_KEPT_NS)
            drop(prefixes, prefix); /* the last takes its place, which was looked at */
        else if (!is_cached(prefixes, prefix))
            settle(prefixes, prefix, PREFIX_UNUSED);
    }
    uint32_t count = prefixes->running ? 0 : prefixes->count;
    for (uint32_t i = 0; i < count; i++) {
        const struct prefix *prefix = &prefixes->items[i];
        views[i] = (struct prefix_view){prefix->session, prefix->at_ns, is_cached(prefixes, prefix),
                                        prefix->tries >= PREFIX_TRIES};
    }
    *slots = prefixes->slots > 0 ? prefixes->slots : 1;
    pthread_mutex_unlock(&prefixes->lock);
    return count;
}

bool prefixes_begin(struct prefixes *prefixes, uint64_t session, struct prefix_work *work)
{
    pthread_mutex_lock(&prefixes->lock);
    struct prefix *prefix = find(prefixes, session);
    bool begins = prefix && !prefixes->running && !is_cached(prefixes, prefix);
    if (begins) {
        work->session = session;
        for (int i = 0; i < PREFIX_PATH_MAX; i++)
            work->path[i] = prefix->path[i];
        buf_init(&work->body, PREFIX_BODY_MAX);
        buf_add_str(&work->body, buf_str(&prefix->body));
        prefix->tries++;
        prefixes->running = work;
        prefixes->counts.issued++;
        atomic_store(&prefixes->cancel, false);
    }
    pthread_mutex_unlock(&prefixes->lock);
    return begins;
}

void prefixes_end(struct prefixes *prefixes, uint64_t session, enum prefix_result result,
                  int64_t took_ns, uint32_t slots)
{
    pthread_mutex_lock(&prefixes->lock);
    struct prefix *prefix = find(prefixes, session);
    prefixes->running = NULL;
    prefixes->counts.spent_ns += took_ns;
    if (slots > 0)
        prefixes->slots = slots;
    if (result == PREFIX_USED && atomic_load(&prefixes->cancel))
        result = PREFIX_CANCELLED; /* a request came at the last moment, or the server went */
    if (result == PREFIX_USED && prefix) {
        take_turn(prefixes, session);
        prefix->turn = prefixes->turn;
        prefix->prefilled = true;
    } else if (result == PREFIX_USED) {
        prefixes->counts.results[PREFIX_UNUSED]++; /* its session has made way */
    } else {
        prefixes->counts.results[result]++;
    }
    if (prefix && result == PREFIX_FAILED)
        prefix->tries = PREFIX_TRIES;
    pthread_mutex_unlock(&prefixes->lock);
}

const atomic_bool *prefixes_cancelled(const struct prefixes *prefixes)
{
    return &prefixes->cancel;
}

void prefixes_count(struct prefixes *prefixes, struct prefix_counts *counts)
{
    pthread_mutex_lock(&prefixes->lock);
    *counts = prefixes->counts;
    counts->sessions = prefixes->count;
    counts->open = prefixes->running ? 1 : 0;
    for (uint32_t i = 0; i < prefixes->count; i++)
        counts->open += prefixes->items[i].prefilled;
    pthread_mutex_unlock(&prefixes->lock);
}
