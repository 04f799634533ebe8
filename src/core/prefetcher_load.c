/* SPDX-License-Identifier: MIT
 * Loads: one flight a key, from the slot it gets to the answer of those who wait. */
#include "base/check.h"
#include "base/time.h"
#include "core/prefetcher_part.h"

static const double smoothing = 0.1;

void prefetcher_end(struct prefetcher *p, uint32_t id, const struct prefetcher_result *result)
{
    uint32_t waiters = p->entries[id].waiters;
    p->entries[id].waiters = 0;
    if (waiters > 0)
        p->hooks.ended(p->hooks.context, id, waiters, result);
}

void prefetcher_join(struct prefetcher *p, uint32_t id)
{
    struct prefetcher_entry *e = &p->entries[id];
    e->waiters++;
    p->stats.joins++;
    if (e->state == ENTRY_WANTED)
        return;
    if (e->flags & ENTRY_UNWANTED) {
        e->flags |= ENTRY_AGAIN;
    } else if ((e->flags & (ENTRY_AHEAD | ENTRY_JOINED)) == ENTRY_AHEAD) {
        /* From now on it is a demand, and none of the budgets of loads ahead pays for it. */
        e->flags |= ENTRY_JOINED;
        e->joined_ns = p->now_ns;
        admission_end(&p->admission, e->bytes, e->bytes);
    }
}

/* It ends, or is given up: its slot among loads ahead is free. */
static void release_slot(struct prefetcher *p, const struct prefetcher_entry *e, uint64_t bytes)
{
    if ((e->flags & (ENTRY_AHEAD | ENTRY_JOINED)) == ENTRY_AHEAD)
        admission_end(&p->admission, e->bytes, bytes);
}

void prefetcher_cancel(struct prefetcher *p, uint32_t id)
{
    struct prefetcher_entry *e = &p->entries[id];
    if (e->flags & ENTRY_UNWANTED)
        return;
    release_slot(p, e, 0);
    if (e->flags & ENTRY_AHEAD)
        prefetcher_outcome(p, id, &p->stats.ahead.cancelled);
    e->flags = ENTRY_UNWANTED | (e->waiters > 0 ? ENTRY_AGAIN : 0);
    p->hooks.cancel(p->hooks.context, id, e->attempt);
}

static void begin(struct prefetcher *p, uint32_t id, bool ahead, struct prefetcher_load *load)
{
    struct prefetcher_entry *e = &p->entries[id];
    e->state = ENTRY_LOADING;
    e->flags = ahead ? ENTRY_AHEAD : 0;
    e->attempt = ++p->attempts;
    e->since_ns = p->now_ns;
    e->bytes = (uint64_t)p->usual_bytes;
    p->running++;
    prefetcher_set_timer(p, id, time_add(p->now_ns, p->settings.load_timeout_ns));
    if (ahead) {
        p->stats.ahead.issued++;
        p->stats.ahead.pending++;
        admission_begin(&p->admission, e->bytes, p->now_ns);
    } else {
        p->stats.demand_loads++;
    }
    *load = (struct prefetcher_load){id, e->attempt, prefetcher_names_key(&p->names, id), ahead};
}

bool prefetcher_next_load(struct prefetcher *p, int64_t now_ns, struct prefetcher_load *load)
{
    prefetcher_tick(p, now_ns);
    uint32_t stuck = p->stuck > p->settings.max_stuck ? p->stuck - p->settings.max_stuck : 0;
    if (p->closed || p->running + stuck >= p->settings.max_concurrent)
        return false;
    uint32_t id = p->wanted.oldest;
    if (id != PREFETCHER_NONE) {
        prefetcher_list_remove(p, &p->wanted, id);
        begin(p, id, false, load);
        return true;
    }
    if (!prefetcher_next_ahead(p, &id))
        return false;
    begin(p, id, true, load);
    return true;
}

bool prefetcher_busy(const struct prefetcher *p)
{
    return p->wanted.count > 0 ||
           (p->ready.count > 0 && p->running < admission_slots(&p->admission));
}

bool prefetcher_replaces(const struct prefetcher *p)
{
    return p->stuck > 0;
}

static void want_again(struct prefetcher *p, uint32_t id)
{
    struct prefetcher_entry *e = &p->entries[id];
    bool again = e->flags & ENTRY_AGAIN && e->waiters > 0;
    e->flags = 0;
    e->state = ENTRY_NONE;
    if (!again) {
        prefetcher_forget(p, id);
    } else if (p->closed) {
        prefetcher_end(
            p, id,
            &(struct prefetcher_result){.outcome = PREFETCHER_FAILED, .error = p->closed_error});
        prefetcher_forget(p, id);
    } else {
        e->state = ENTRY_WANTED;
        heap_remove(&p->timers, id);
        prefetcher_list_add(p, &p->wanted, id);
    }
}

static int64_t backoff(const struct prefetcher *p, const struct prefetcher_entry *e)
{
    int doublings = e->failures - 1;
    doublings = doublings < PREFETCHER_BACKOFF_DOUBLINGS ? doublings : PREFETCHER_BACKOFF_DOUBLINGS;
    int64_t ns;
    if (__builtin_mul_overflow(p->settings.backoff_ns, INT64_C(1) << doublings, &ns))
        return TIME_NEVER;
    return ns;
}

/* Not to be loaded ahead for a while, each time for twice as long. */
static void back_off(struct prefetcher *p, uint32_t id)
{
    struct prefetcher_entry *e = &p->entries[id];
    e->failures += e->failures < UINT8_MAX;
    int64_t wait_ns = backoff(p, e);
    e->retry_ns = time_add(p->now_ns, wait_ns);
    prefetcher_remember(p, id, ENTRY_FAILED, time_add(e->retry_ns, wait_ns));
}

/* Without a value. The entry may be gone afterwards. */
static void failed(struct prefetcher *p, uint32_t id, const struct prefetcher_result *result)
{
    struct prefetcher_entry *e = &p->entries[id];
    bool cancelled = result->outcome == PREFETCHER_CANCELLED;
    if (e->flags & ENTRY_AHEAD)
        prefetcher_outcome(p, id, cancelled ? &p->stats.ahead.cancelled : &p->stats.ahead.failed);
    else if (!cancelled)
        p->stats.demand_failures++;
    e->flags = 0;
    e->state = ENTRY_NONE;
    prefetcher_end(p, id, result);
    if (cancelled) {
        prefetcher_forget(p, id);
        return;
    }
    p->stats.load_failures++;
    back_off(p, id);
}

static void missing(struct prefetcher *p, uint32_t id, const struct prefetcher_result *result)
{
    struct prefetcher_entry *e = &p->entries[id];
    int64_t ttl_ns = result->ttl_ns < 0 ? p->settings.negative_ttl_ns : result->ttl_ns;
    if (e->flags & ENTRY_JOINED)
        prefetcher_outcome(p, id, &p->stats.ahead.late);
    else if (e->flags & ENTRY_AHEAD && ttl_ns == 0)
        prefetcher_outcome(p, id, &p->stats.ahead.expired);
    e->flags &= ENTRY_AHEAD;
    e->failures = 0;
    e->bytes = 0;
    e->state = ENTRY_NONE;
    prefetcher_end(p, id, result);
    if (ttl_ns == 0)
        prefetcher_forget(p, id);
    else
        prefetcher_remember(p, id, ENTRY_MISSING, time_add(p->now_ns, ttl_ns));
}

static void came(struct prefetcher *p, uint32_t id, const struct prefetcher_result *result)
{
    struct prefetcher_entry *e = &p->entries[id];
    bool demanded = !(e->flags & ENTRY_AHEAD) || e->flags & ENTRY_JOINED;
    double bytes = (double)result->bytes;
    if (result->bytes <= p->settings.capacity_bytes) /* others are never loaded ahead again */
        p->usual_bytes += p->usual_bytes > 0 ? smoothing * (bytes - p->usual_bytes) : bytes;
    *(e->flags & ENTRY_AHEAD ? &p->stats.bytes_ahead : &p->stats.bytes_demand) += result->bytes;
    e->bytes = result->bytes;
    if (e->flags & ENTRY_JOINED)
        prefetcher_outcome(p, id, &p->stats.ahead.late);
    uint8_t ahead = e->flags & ENTRY_AHEAD;
    e->flags = demanded ? ENTRY_USED : ahead;
    e->state = ENTRY_NONE;
    if (demanded)
        prefetcher_shadow_hold(p, id, result->bytes);
    prefetcher_end(p, id, result);
    if (prefetcher_hold(p, id, result->value, result->bytes, result->ttl_ns, !demanded)) {
        p->stats.held_used += demanded;
        return;
    }
    if (ahead && !demanded)
        prefetcher_outcome(p, id, &p->stats.ahead.evicted);
    p->hooks.left(p->hooks.context, result->value);
    e->flags = 0;
    e->bytes = 0;
    back_off(p, id); /* it cannot be held: to load it ahead is in vain */
}

/* Not of a load that runs: given up before, or told twice. */
static void stray(struct prefetcher *p, uint64_t attempt, const struct prefetcher_result *result)
{
    if (map64_remove(&p->loose, attempt, NULL))
        p->stuck--;
    else
        p->stats.stray++;
    if (result->outcome == PREFETCHER_VALUE)
        p->hooks.left(p->hooks.context, result->value);
}

static void finish(struct prefetcher *p, uint32_t id, const struct prefetcher_result *result)
{
    struct prefetcher_entry *e = &p->entries[id];
    p->running--;
    heap_remove(&p->timers, id);
    if (e->flags & ENTRY_UNWANTED) {
        if (result->outcome == PREFETCHER_VALUE)
            p->hooks.left(p->hooks.context, result->value);
        want_again(p, id);
        return;
    }
    bool value = result->outcome == PREFETCHER_VALUE;
    release_slot(p, e, value ? result->bytes : 0);
    if (value)
        came(p, id, result);
    else if (result->outcome == PREFETCHER_NOTHING)
        missing(p, id, result);
    else
        failed(p, id, result);
}

void prefetcher_loaded(struct prefetcher *p, uint32_t id, uint64_t attempt,
                       const struct prefetcher_result *result, int64_t now_ns)
{
    prefetcher_tick(p, now_ns);
    p->stats.loads_ended++;
    if (id >= p->names.count || p->entries[id].state != ENTRY_LOADING ||
        p->entries[id].attempt != attempt) {
        stray(p, attempt, result);
        return;
    }
    if (result->outcome == PREFETCHER_VALUE || result->outcome == PREFETCHER_NOTHING)
        durations_add(&p->loads, p->now_ns - p->entries[id].since_ns);
    finish(p, id, result);
}

/* Its loader may go on, and its result will be stray. */
static void detach(struct prefetcher *p, uint32_t id)
{
    const struct prefetcher_entry *e = &p->entries[id];
    if (map64_set(&p->loose, e->attempt, id) == FW_OK)
        p->stuck++;
    if (!(e->flags & ENTRY_UNWANTED))
        p->hooks.cancel(p->hooks.context, id, e->attempt);
}

void prefetcher_abandon(struct prefetcher *p, uint32_t id)
{
    struct prefetcher_entry *e = &p->entries[id];
    detach(p, id);
    p->running--;
    release_slot(p, e, 0);
    if (e->flags & ENTRY_AHEAD)
        prefetcher_outcome(p, id, &p->stats.ahead.cancelled);
}

void prefetcher_overdue(struct prefetcher *p, uint32_t id)
{
    const struct prefetcher_entry *e = &p->entries[id];
    const struct prefetcher_result late = {.outcome = PREFETCHER_FAILED, .error = FW_TIMEOUT};
    p->stats.overdue++;
    detach(p, id);
    durations_add(&p->loads, p->now_ns - e->since_ns);
    finish(p, id, &late);
}

void prefetcher_leave(struct prefetcher *p, uint32_t id, int64_t now_ns)
{
    prefetcher_clock(p, now_ns);
    struct prefetcher_entry *e = id < p->names.count ? &p->entries[id] : NULL;
    if (!e || e->waiters == 0 || --e->waiters > 0)
        return;
    if (e->state == ENTRY_WANTED) {
        prefetcher_list_remove(p, &p->wanted, id);
        e->state = ENTRY_NONE;
        prefetcher_forget(p, id);
    } else {
        e->flags &= (uint8_t)~ENTRY_AGAIN;
    }
}
