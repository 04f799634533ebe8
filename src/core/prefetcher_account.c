/* SPDX-License-Identifier: MIT
 * What became of loads ahead, and what a cache without them would have done. */
#include "base/time.h"
#include "core/prefetcher_part.h"

static const double regret_remembered = 1024; /* loads ahead into a full cache, then halved */

void prefetcher_outcome(struct prefetcher *p, uint32_t id, uint64_t *outcome)
{
    struct prefetcher_entry *e = &p->entries[id];
    bool used = outcome == &p->stats.ahead.in_time || outcome == &p->stats.ahead.late;
    ++*outcome;
    p->stats.ahead.pending--;
    if (used) {
        int64_t begun_ns = e->since_ns;
        durations_add(&p->saved, outcome == &p->stats.ahead.late
                                     ? e->joined_ns - begun_ns
                                     : durations_quantile(&p->loads, 0.5, 0));
        if (outcome == &p->stats.ahead.in_time)
            durations_add(&p->leads, p->now_ns - e->since_ns);
    } else {
        p->stats.bytes_wasted += e->bytes;
        if (e->state == ENTRY_HELD)
            p->stats.wasted_byte_s += (double)e->bytes * time_to_seconds(p->now_ns - e->since_ns);
    }
    admission_outcome(&p->admission, e->bytes, used);
    e->flags &= (uint8_t) ~(ENTRY_AHEAD | ENTRY_JOINED);
}

/* What was missing is no miss of the other's: it is left out. */
void prefetcher_shadow_get(struct prefetcher *p, uint32_t id, bool hit)
{
    if (!p->settings.shadow)
        return;
    bool other = cache_use(&p->shadow, p->names.items[id].stand_in);
    p->stats.shadow_misses += !other;
    p->stats.spared += hit && !other;
    if (!hit && other) {
        p->stats.spoilt++;
        p->regretted++;
    }
    if (p->displaced >= regret_remembered) {
        p->displaced /= 2;
        p->regretted /= 2;
    }
    if (hit && !other)
        prefetcher_shadow_hold(p, id, p->entries[id].bytes);
}

void prefetcher_shadow_hold(struct prefetcher *p, uint32_t id, uint64_t bytes)
{
    uint64_t charge = prefetcher_charge(p, id, bytes);
    if (p->settings.shadow &&
        charge <= p->settings.capacity_bytes) /* short of memory: a miss more */
        (void)!cache_add(&p->shadow, p->names.items[id].stand_in, charge, false);
}

bool prefetcher_account_holds(const struct prefetcher_account *a)
{
    return a->issued ==
           a->in_time + a->late + a->evicted + a->expired + a->cancelled + a->failed + a->pending;
}

void prefetcher_read_stats(const struct prefetcher *p, struct prefetcher_stats *stats)
{
    *stats = p->stats;
    stats->running = p->running;
    stats->stuck = p->stuck;
    stats->keys = p->names.used;
    stats->key_bytes = p->names.bytes;
    stats->load_p50_ns = durations_quantile(&p->loads, 0.5, 0);
    stats->load_p95_ns = durations_quantile(&p->loads, 0.95, 0);
    stats->lead_p50_ns = durations_quantile(&p->leads, 0.5, 0);
    stats->saved_p50_ns = durations_quantile(&p->saved, 0.5, 0);
    stats->price = admission_price(&p->admission);
    stats->waste = admission_waste(&p->admission);
}

struct tally {
    uint64_t held, held_bytes, held_used, queued, running, wanted, remembered, pending, names;
};

static const char *check_entry(const struct prefetcher *p, uint32_t id, struct tally *tally)
{
    const struct prefetcher_entry *e = &p->entries[id];
    bool cached = cache_peek(&p->cache, p->names.items[id].stand_in) != NULL;
    int64_t at_ns;
    bool queued = heap_get(&p->due, id, &at_ns) || heap_get(&p->ready, id, &at_ns);
    bool waits = e->state == ENTRY_WANTED || e->state == ENTRY_LOADING;
    tally->held += e->state == ENTRY_HELD;
    tally->held_bytes += e->state == ENTRY_HELD ? e->bytes : 0;
    tally->held_used += e->state == ENTRY_HELD && e->flags & ENTRY_USED;
    tally->queued += e->state == ENTRY_QUEUED;
    tally->running += e->state == ENTRY_LOADING;
    tally->wanted += e->state == ENTRY_WANTED;
    tally->remembered += e->state == ENTRY_MISSING || e->state == ENTRY_FAILED;
    tally->pending += (e->flags & ENTRY_AHEAD) != 0;
    tally->names += e->names;
    if (cached != (e->state == ENTRY_HELD))
        return "the cache's index and what is held differ";
    if (queued != (e->state == ENTRY_QUEUED))
        return "the queue and its entries differ";
    if (e->waiters > 0 && !waits)
        return "somebody waits for what will not come";
    if (e->state == ENTRY_WANTED && e->waiters == 0)
        return "a demand that nobody waits for";
    if (e->state == ENTRY_NONE && e->names == 0)
        return "a key that nobody needs";
    return NULL;
}

const char *prefetcher_check(const struct prefetcher *p)
{
    const struct prefetcher_stats *s = &p->stats;
    struct tally t = {0};
    for (uint32_t id = 0; id < p->names.count; id++) {
        const char *wrong = p->names.items[id].data ? check_entry(p, id, &t) : NULL;
        if (wrong)
            return wrong;
    }
    uint64_t queued = s->offers[PREFETCHER_QUEUED];
    if (!prefetcher_account_holds(&s->ahead) || t.pending != s->ahead.pending)
        return "a load ahead without exactly one outcome";
    if (queued != s->ahead.issued + s->overtaken + s->queue_expired + s->queue_dropped + s->queued)
        return "a queued load ahead that was lost";
    if (t.held != s->held || t.held_bytes != s->held_bytes || t.held_used != s->held_used)
        return "what is held is miscounted";
    if (t.queued != s->queued || t.queued != p->due.count + p->ready.count)
        return "the queue is miscounted";
    if (t.running != p->running || t.wanted != p->wanted.count ||
        t.remembered != p->remembered.count)
        return "loads or what is remembered are miscounted";
    if (t.names != p->heard_count - p->heard_ends + (p->heard_name != PREFETCHER_NONE))
        return "names of gets not yet taken are miscounted";
    if (s->requests != s->hits + s->negatives + s->joins + s->misses + s->refused)
        return "a request without exactly one answer";
    if (p->cache.bytes > p->cache.capacity || s->held > p->settings.max_entries ||
        s->held_bytes > p->settings.capacity_bytes || t.queued > p->settings.max_queue ||
        t.remembered > p->settings.max_keys || p->names.bytes > p->settings.max_key_bytes ||
        p->running > p->settings.max_concurrent || p->admission.running > p->running)
        return "a limit is passed";
    return NULL;
}
