/* SPDX-License-Identifier: MIT */
#include "core/prefetcher.h"
#include "base/check.h"
#include "base/time.h"
#include "core/prefetcher_part.h"
#include <stdlib.h>

const struct prefetcher_settings prefetcher_defaults = {
    .algorithm = CACHE_S3FIFO,
    .capacity_bytes = UINT64_C(64) << 20,
    .max_entries = 100,
    .max_keys = 4096,
    .max_key_bytes = UINT64_C(16) << 20,
    .max_queue = 256,
    .max_concurrent = 5,
    .max_stuck = 5,
    .value_ttl_ns = TIME_NEVER,
    .negative_ttl_ns = 10 * TIME_SECOND,
    .load_timeout_ns = 30 * TIME_SECOND,
    .backoff_ns = TIME_SECOND,
    .patience_ns = 30 * TIME_SECOND,
    .hold_ns = TIME_MINUTE,
    .ahead = true,
    .shadow = true,
    .seed = 0,
    .admission = {.concurrent = 4, .waste_share = 0.5, .load_price = 0.2},
};

static bool usable(const struct prefetcher_settings *s)
{
    return s->algorithm >= 0 && s->algorithm < CACHE_ALGORITHM_COUNT && s->capacity_bytes > 0 &&
           s->max_entries > 0 && s->max_keys > 0 && s->max_queue > 0 && s->max_concurrent > 0 &&
           s->max_entries <= CACHE_ENTRIES_MAX && s->max_keys <= CACHE_ENTRIES_MAX &&
           s->max_queue <= CACHE_ENTRIES_MAX && s->max_key_bytes >= PREFETCHER_KEY_MAX &&
           s->value_ttl_ns >= 0 && s->negative_ttl_ns >= 0 && s->load_timeout_ns > 0 &&
           s->backoff_ns >= 0 && s->patience_ns >= 0 && s->hold_ns >= 0 &&
           s->admission.load_price >= 0 && s->admission.waste_share >= 0 &&
           s->admission.byte_second_price_ns >= 0;
}

enum fw_err prefetcher_create(struct prefetcher **out, const struct prefetcher_settings *settings,
                              const struct prefetcher_hooks *hooks, int64_t now_ns)
{
    const struct prefetcher_list nobody = {PREFETCHER_NONE, PREFETCHER_NONE, 0};
    *out = NULL;
    if (!usable(settings))
        return FW_INPUT;
    struct prefetcher *p = calloc(1, sizeof *p);
    if (!p)
        return FW_NOMEM;
    p->settings = *settings;
    p->hooks = *hooks;
    p->wanted = p->remembered = nobody;
    p->heard_name = PREFETCHER_NONE;
    p->seen_ns = now_ns;
    uint32_t keys = settings->max_entries + settings->max_keys + settings->max_queue +
                    settings->max_concurrent + PREFETCHER_ACCESSES_MAX;
    prefetcher_names_init(&p->names, keys, settings->max_key_bytes, settings->seed);
    cache_init(&p->cache, settings->algorithm, settings->capacity_bytes);
    cache_init(&p->shadow, settings->algorithm, settings->capacity_bytes);
    p->cache.evicted = prefetcher_evicted;
    p->cache.context = p;
    heap_init(&p->timers);
    heap_init(&p->due);
    heap_init(&p->ready);
    map64_init(&p->loose, CACHE_ENTRIES_MAX);
    if (p->settings.admission.concurrent > settings->max_concurrent)
        p->settings.admission.concurrent = settings->max_concurrent;
    admission_init(&p->admission, &p->settings.admission, 0);
    *out = p;
    return FW_OK;
}

void prefetcher_free(struct prefetcher **prefetcher)
{
    struct prefetcher *p = *prefetcher;
    *prefetcher = NULL;
    if (!p)
        return;
    for (uint32_t id = 0; id < p->names.count; id++)
        if (p->names.items[id].data && p->entries[id].state == ENTRY_HELD)
            p->hooks.left(p->hooks.context, p->entries[id].value);
    cache_fini(&p->cache);
    cache_fini(&p->shadow);
    heap_fini(&p->timers);
    heap_fini(&p->due);
    heap_fini(&p->ready);
    map64_fini(&p->loose);
    prefetcher_names_fini(&p->names);
    free(p->entries);
    free(p);
}

void prefetcher_clock(struct prefetcher *p, int64_t now_ns)
{
    int64_t step_ns;
    if (now_ns < p->seen_ns)
        p->stats.clock_steps++;
    else if (!__builtin_sub_overflow(now_ns, p->seen_ns, &step_ns))
        p->now_ns = time_add(p->now_ns, step_ns);
    if (p->now_ns == TIME_NEVER)
        p->now_ns--; /* there is always a later */
    p->seen_ns = now_ns;
}

static void time_is_up(struct prefetcher *p, uint32_t id)
{
    switch (p->entries[id].state) {
    case ENTRY_QUEUED:
        prefetcher_unqueue(p, id, &p->stats.queue_expired);
        prefetcher_forget(p, id);
        break;
    case ENTRY_LOADING:
        prefetcher_overdue(p, id);
        break;
    case ENTRY_HELD:
        p->stats.expirations++;
        if (p->settings.shadow)
            cache_remove(&p->shadow, p->names.items[id].stand_in);
        prefetcher_remove(p, id, &p->stats.ahead.expired);
        break;
    default:
        prefetcher_remove(p, id, &p->stats.ahead.expired);
    }
}

void prefetcher_tick(struct prefetcher *p, int64_t now_ns)
{
    uint32_t id;
    int64_t at_ns;
    prefetcher_clock(p, now_ns);
    while (heap_min(&p->timers, &id, &at_ns) && at_ns <= p->now_ns) {
        heap_remove(&p->timers, id);
        time_is_up(p, id);
    }
    prefetcher_wake_due(p);
}

int64_t prefetcher_deadline(const struct prefetcher *p)
{
    uint32_t id;
    int64_t at_ns, next_ns = prefetcher_next_due(p);
    if (heap_min(&p->timers, &id, &at_ns) && at_ns < next_ns)
        next_ns = at_ns;
    if (next_ns == TIME_NEVER)
        return TIME_NEVER;
    return time_add(p->seen_ns, next_ns > p->now_ns ? next_ns - p->now_ns : 0);
}

/* They need its name a while longer. */
void prefetcher_hear(struct prefetcher *p, uint32_t id, uint64_t session, uint64_t user)
{
    bool crowded = id != PREFETCHER_NONE && p->names.bytes > p->settings.max_key_bytes / 2 &&
                   p->names.items[id].len > PREFETCHER_LONG_KEY;
    if (p->heard_count == PREFETCHER_ACCESSES_MAX || crowded) {
        p->stats.accesses_lost++;
        return;
    }
    uint32_t at = (p->heard_at + p->heard_count++) % PREFETCHER_ACCESSES_MAX;
    p->heard[at] = (struct prefetcher_heard){id, session, user, p->now_ns};
    if (id != PREFETCHER_NONE)
        p->entries[id].names++;
    else
        p->heard_ends++;
}

static void name_taken(struct prefetcher *p)
{
    uint32_t id = p->heard_name;
    p->heard_name = PREFETCHER_NONE;
    if (id != PREFETCHER_NONE && --p->entries[id].names == 0 && p->entries[id].state == ENTRY_NONE)
        prefetcher_forget(p, id);
}

bool prefetcher_access(struct prefetcher *p, struct prefetcher_access_row *access)
{
    name_taken(p);
    if (p->heard_count == 0)
        return false;
    const struct prefetcher_heard *heard = &p->heard[p->heard_at];
    p->heard_at = (p->heard_at + 1) % PREFETCHER_ACCESSES_MAX;
    p->heard_count--;
    p->heard_name = heard->id;
    if (heard->id == PREFETCHER_NONE) {
        p->heard_ends--;
        *access = (struct prefetcher_access_row){
            .session = heard->session, .at_ns = heard->at_ns, .ended = true};
        return true;
    }
    *access = (struct prefetcher_access_row){prefetcher_names_key(&p->names, heard->id),
                                             heard->session, heard->user, heard->at_ns, false};
    return true;
}

static enum prefetcher_answer hit(struct prefetcher *p, uint32_t id, struct prefetcher_got *got)
{
    struct prefetcher_entry *e = &p->entries[id];
    p->stats.hits++;
    prefetcher_shadow_get(p, id, true);
    cache_use(&p->cache, p->names.items[id].stand_in);
    got->ahead = (e->flags & ENTRY_AHEAD) != 0;
    if (got->ahead)
        prefetcher_outcome(p, id, &p->stats.ahead.in_time);
    p->stats.held_used += !(e->flags & ENTRY_USED);
    e->flags |= ENTRY_USED;
    got->value = e->value;
    return PREFETCHER_HIT;
}

static enum prefetcher_answer negative(struct prefetcher *p, uint32_t id,
                                       struct prefetcher_got *got)
{
    p->stats.negatives++;
    got->ahead = (p->entries[id].flags & ENTRY_AHEAD) != 0;
    if (got->ahead)
        prefetcher_outcome(p, id, &p->stats.ahead.in_time);
    return PREFETCHER_NEGATIVE;
}

/* A demand for what nobody loads yet. */
static void want(struct prefetcher *p, uint32_t id)
{
    struct prefetcher_entry *e = &p->entries[id];
    p->stats.misses++;
    if (e->state == ENTRY_QUEUED)
        prefetcher_unqueue(p, id, &p->stats.overtaken);
    else if (e->state == ENTRY_FAILED)
        prefetcher_list_remove(p, &p->remembered, id);
    heap_remove(&p->timers, id);
    e->state = ENTRY_WANTED;
    e->flags = 0;
    e->waiters = 1;
    prefetcher_list_add(p, &p->wanted, id);
}

static enum prefetcher_answer answer(struct prefetcher *p, uint32_t id, struct prefetcher_got *got)
{
    struct prefetcher_entry *e = &p->entries[id];
    got->id = id;
    if ((e->state == ENTRY_HELD || e->state == ENTRY_MISSING) && e->until_ns <= p->now_ns)
        time_is_up(p, id); /* its timer was lost */
    if (e->state == ENTRY_HELD)
        return hit(p, id, got);
    if (e->state == ENTRY_MISSING)
        return negative(p, id, got);
    prefetcher_shadow_get(p, id, false);
    if (e->state == ENTRY_LOADING || e->state == ENTRY_WANTED) {
        got->joined = true;
        prefetcher_join(p, id);
        got->ahead = e->state == ENTRY_LOADING && e->flags & ENTRY_JOINED;
    } else {
        want(p, id);
    }
    return PREFETCHER_WAIT;
}

enum prefetcher_answer prefetcher_get(struct prefetcher *p, struct str key, uint64_t session,
                                      uint64_t user, int64_t now_ns, struct prefetcher_got *got)
{
    *got = (struct prefetcher_got){.id = PREFETCHER_NONE};
    prefetcher_tick(p, now_ns);
    p->stats.requests++;
    uint32_t id = PREFETCHER_NONE;
    if (!p->closed && key.len <= PREFETCHER_KEY_MAX)
        id = prefetcher_intern(p, key);
    if (id != PREFETCHER_NONE && p->entries[id].state == ENTRY_NONE &&
        p->wanted.count >= p->settings.max_keys) {
        if (p->entries[id].names == 0)
            prefetcher_forget(p, id);
        id = PREFETCHER_NONE;
    }
    if (id == PREFETCHER_NONE) {
        p->stats.refused++;
        return PREFETCHER_REFUSED;
    }
    p->entries[id].names++; /* it outlives its own expiry */
    enum prefetcher_answer said = answer(p, id, got);
    prefetcher_hear(p, id, session, user);
    p->entries[id].names--;
    return said;
}

enum prefetcher_answer prefetcher_peek(struct prefetcher *p, struct str key, int64_t now_ns,
                                       uint64_t *value)
{
    prefetcher_tick(p, now_ns);
    uint32_t id = key.len <= PREFETCHER_KEY_MAX ? prefetcher_find(p, key) : PREFETCHER_NONE;
    const struct prefetcher_entry *e = id != PREFETCHER_NONE ? &p->entries[id] : NULL;
    if (!e || e->until_ns <= p->now_ns)
        return PREFETCHER_MISS;
    if (e->state == ENTRY_HELD && value)
        *value = e->value;
    return e->state == ENTRY_HELD      ? PREFETCHER_HIT
           : e->state == ENTRY_MISSING ? PREFETCHER_NEGATIVE
           : e->state == ENTRY_LOADING ? PREFETCHER_WAIT
                                       : PREFETCHER_MISS;
}

/* Whatever it was doing but holding a value: it is done with that, and those who wait are told. */
static void make_way(struct prefetcher *p, uint32_t id, const struct prefetcher_result *result)
{
    struct prefetcher_entry *e = &p->entries[id];
    if (e->state == ENTRY_QUEUED) {
        prefetcher_unqueue(p, id, &p->stats.overtaken);
    } else if (e->state == ENTRY_LOADING) {
        prefetcher_abandon(p, id);
    } else if (e->state == ENTRY_WANTED) {
        prefetcher_list_remove(p, &p->wanted, id);
    } else if (e->state == ENTRY_MISSING || e->state == ENTRY_FAILED) {
        if (e->flags & ENTRY_AHEAD)
            prefetcher_outcome(p, id, &p->stats.ahead.cancelled);
        prefetcher_list_remove(p, &p->remembered, id);
    }
    heap_remove(&p->timers, id);
    e->state = ENTRY_NONE;
    e->flags = 0;
    prefetcher_end(p, id, result);
}

bool prefetcher_put(struct prefetcher *p, struct str key, uint64_t value, uint64_t bytes,
                    int64_t ttl_ns, int64_t now_ns)
{
    const struct prefetcher_result result = {.value = value, .bytes = bytes, .ttl_ns = ttl_ns};
    prefetcher_tick(p, now_ns);
    bool room = !p->closed && key.len <= PREFETCHER_KEY_MAX;
    uint32_t id = room ? prefetcher_intern(p, key) : PREFETCHER_NONE;
    if (id == PREFETCHER_NONE) {
        p->stats.not_held++;
        p->hooks.left(p->hooks.context, value);
        return false;
    }
    if (p->entries[id].state != ENTRY_HELD)
        make_way(p, id, &result);
    if (prefetcher_hold(p, id, value, bytes, ttl_ns, false))
        return cache_peek(&p->cache, p->names.items[id].stand_in) != NULL;
    if (p->entries[id].state == ENTRY_HELD)
        prefetcher_remove(p, id, &p->stats.ahead.cancelled); /* what is held is no longer true */
    else
        prefetcher_forget(p, id);
    p->hooks.left(p->hooks.context, value);
    return false;
}

bool prefetcher_drop(struct prefetcher *p, struct str key, int64_t now_ns)
{
    prefetcher_tick(p, now_ns);
    uint32_t id = key.len <= PREFETCHER_KEY_MAX ? prefetcher_find(p, key) : PREFETCHER_NONE;
    if (id == PREFETCHER_NONE)
        return false;
    if (p->settings.shadow)
        cache_remove(&p->shadow, p->names.items[id].stand_in);
    switch (p->entries[id].state) {
    case ENTRY_HELD:
    case ENTRY_MISSING:
    case ENTRY_FAILED:
        prefetcher_remove(p, id, &p->stats.ahead.cancelled);
        return true;
    case ENTRY_QUEUED:
        prefetcher_unqueue(p, id, &p->stats.queue_dropped);
        prefetcher_forget(p, id);
        return true;
    case ENTRY_LOADING:
        prefetcher_cancel(p, id); /* those who wait get what is loaded after now */
        return true;
    default:
        return false;
    }
}

void prefetcher_close(struct prefetcher *p, int error, int64_t now_ns)
{
    const struct prefetcher_result result = {.outcome = PREFETCHER_FAILED, .error = error};
    prefetcher_tick(p, now_ns);
    p->closed = true;
    p->closed_error = error;
    prefetcher_unqueue_all(p);
    while (p->wanted.oldest != PREFETCHER_NONE) {
        uint32_t id = p->wanted.oldest;
        make_way(p, id, &result);
        prefetcher_forget(p, id);
    }
    for (uint32_t id = 0; id < p->names.count; id++) {
        const struct prefetcher_entry *e = &p->entries[id];
        if (p->names.items[id].data && e->state == ENTRY_LOADING && e->waiters == 0)
            prefetcher_cancel(p, id);
    }
}
