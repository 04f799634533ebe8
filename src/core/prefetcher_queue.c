/* SPDX-License-Identifier: MIT
 * Loads ahead that wait for their turn: first until they are due, then the best first. One a key,
 * looked at again when the turn has come. */
#include "base/time.h"
#include "core/prefetcher_part.h"

static const int64_t load_first_ns = 100 * TIME_MILLISECOND; /* until one was seen */
static const int64_t price_turn_ns = 100 * TIME_MILLISECOND; /* a refused one asks again */
static const double bytes_first = 4096;
static const double worth_scale = 1e6, worth_most = 9e18;
static const double doubt = 8; /* loads ahead into a full cache that displaced nothing, at first */

/* Best first is earliest first in a heap; ties are in the order of offers. */
static int64_t rank(double worth)
{
    double scaled = worth * worth_scale;
    return -(int64_t)(scaled < worth_most ? scaled : worth_most);
}

static int64_t load_ns(const struct prefetcher *p, double quantile)
{
    return durations_quantile(&p->loads, quantile, load_first_ns);
}

/* That the value which has waited longest for its first use is used yet: less with every moment
 * after it was expected to be. */
static double hope_of_oldest(const struct prefetcher *p)
{
    const struct cache_list *list = &p->cache.lists[CACHE_PROBATION];
    if (list->count == 0)
        return 0;
    uint32_t id = prefetcher_names_of(&p->names, p->cache.entries[list->oldest].key);
    const struct prefetcher_entry *e = &p->entries[id];
    int64_t usual_ns = durations_quantile(&p->leads, 0.95, p->settings.hold_ns);
    int64_t from_ns = e->use_at_ns > e->since_ns ? e->use_at_ns : e->since_ns;
    if (p->now_ns <= from_ns)
        return e->probability;
    double age = (double)(p->now_ns - from_ns) / (2 * (double)usual_ns + 1);
    return age < 1 ? e->probability * (1 - age) : 0;
}

/* Expected waiting, by the byte, for the guess that would leave for one more: the oldest on
 * probation, if those have their share of the room. Known when its turn has come, not before. */
static double worth_displaced(const struct prefetcher *p, double bytes)
{
    const struct cache *cache = &p->cache;
    const struct cache_list *probation = &cache->lists[CACHE_PROBATION];
    uint64_t more = p->admission.running + 1;
    double least = (double)cache->capacity / (double)p->settings.max_entries;
    double charge = bytes > least ? bytes : least;
    if (probation->count + more <= CACHE_PROBATION_ENTRIES ||
        (double)probation->bytes + charge * (double)more <=
            (double)cache->capacity / CACHE_PROBATION_SHARE)
        return 0;
    return hope_of_oldest(p) * (double)load_ns(p, 0.5) / (bytes > 0 ? bytes : 1);
}

static double worth_of(const struct prefetcher *p, const struct prefetcher_wish *wish)
{
    int64_t usual_ns = load_ns(p, 0.5);
    bool early = wish->use_in_ns >= 0 && wish->use_in_ns < usual_ns;
    double bytes = p->usual_bytes > 0 ? p->usual_bytes : bytes_first;
    struct admission_case of = {
        .probability = wish->probability,
        .weight = wish->weight,
        .saved_ns = early ? wish->use_in_ns : usual_ns, /* who comes early waits for the rest */
        .load_ns = usual_ns,
        .hold_ns = p->settings.hold_ns,
        .bytes = (uint64_t)bytes,
    };
    if ((double)p->cache.bytes + bytes > (double)p->cache.capacity) /* as was regretted so far */
        of.displaced_ns = p->regretted / (p->displaced + doubt) * (double)usual_ns;
    return admission_worth(&p->admission, &of);
}

void prefetcher_unqueue(struct prefetcher *p, uint32_t id, uint64_t *counter)
{
    heap_remove(&p->due, id);
    heap_remove(&p->ready, id);
    p->stats.queued--;
    p->entries[id].state = ENTRY_NONE;
    if (counter)
        ++*counter;
}

static bool any_queued(const struct prefetcher *p, uint32_t *id)
{
    const struct heap *heap = p->ready.count > 0 ? &p->ready : &p->due;
    int64_t at_ns;
    return heap_min(heap, id, &at_ns);
}

static void drop(struct prefetcher *p, uint32_t id, uint64_t *counter)
{
    prefetcher_unqueue(p, id, counter);
    prefetcher_forget(p, id);
}

void prefetcher_unqueue_all(struct prefetcher *p)
{
    uint32_t id;
    while (any_queued(p, &id))
        drop(p, id, &p->stats.queue_dropped);
}

static uint32_t queued_at(const struct prefetcher *p, uint32_t n)
{
    if (n < p->ready.count)
        return p->ready.entries[n].id;
    n -= p->ready.count;
    return n < p->due.count ? p->due.entries[n].id : PREFETCHER_NONE;
}

/* Of equals, the one offered last is the worst. */
static uint32_t worst(const struct prefetcher *p)
{
    uint32_t worst = PREFETCHER_NONE, id;
    for (uint32_t n = 0; (id = queued_at(p, n)) != PREFETCHER_NONE; n++) {
        const struct prefetcher_entry *e = &p->entries[id];
        const struct prefetcher_entry *w = worst != PREFETCHER_NONE ? &p->entries[worst] : NULL;
        if (!w || e->worth < w->worth || (e->worth <= w->worth && e->attempt > w->attempt))
            worst = id;
    }
    return worst;
}

static bool line_up(struct prefetcher *p, uint32_t id)
{
    const struct prefetcher_entry *e = &p->entries[id];
    int64_t begin_ns = e->use_at_ns - load_ns(p, 0.95);
    heap_remove(&p->due, id);
    heap_remove(&p->ready, id);
    if (begin_ns > p->now_ns)
        return heap_set(&p->due, id, begin_ns) == FW_OK;
    return heap_set(&p->ready, id, rank(e->worth)) == FW_OK;
}

/* Something changes for one that waits already? */
static enum prefetcher_verdict raise_to(struct prefetcher *p, uint32_t id, double worth,
                                        int64_t use_at_ns, const struct prefetcher_wish *wish)
{
    struct prefetcher_entry *e = &p->entries[id];
    if (worth <= e->worth && use_at_ns >= e->use_at_ns)
        return PREFETCHER_KNOWN;
    if (worth > e->worth) {
        e->worth = worth;
        e->probability = wish->probability;
        e->source = wish->source;
        e->priority = wish->priority;
        e->session = wish->session;
    }
    e->use_at_ns = use_at_ns < e->use_at_ns ? use_at_ns : e->use_at_ns;
    if (!line_up(p, id)) {
        drop(p, id, &p->stats.queue_dropped);
        return PREFETCHER_FULL;
    }
    return PREFETCHER_RAISED;
}

static enum prefetcher_verdict enqueue(struct prefetcher *p, struct str key, double worth,
                                       int64_t use_at_ns, const struct prefetcher_wish *wish)
{
    if (p->stats.queued >= p->settings.max_queue) {
        uint32_t last = worst(p);
        if (last == PREFETCHER_NONE || p->entries[last].worth >= worth)
            return PREFETCHER_FULL;
        drop(p, last, &p->stats.queue_dropped);
    }
    uint32_t id = prefetcher_intern(p, key);
    if (id == PREFETCHER_NONE)
        return PREFETCHER_FULL;
    struct prefetcher_entry *e = &p->entries[id];
    uint8_t failures = 0;
    if (e->state == ENTRY_FAILED) { /* its back-off is over */
        failures = e->failures;
        prefetcher_list_remove(p, &p->remembered, id);
    }
    *e = (struct prefetcher_entry){.names = e->names,
                                   .state = ENTRY_QUEUED,
                                   .failures = failures,
                                   .session = wish->session,
                                   .since_ns = p->now_ns,
                                   .use_at_ns = use_at_ns,
                                   .probability = wish->probability,
                                   .worth = worth,
                                   .attempt = ++p->attempts, /* the order of offers */
                                   .source = wish->source,
                                   .priority = wish->priority};
    p->stats.queued++;
    if (!line_up(p, id)) {
        drop(p, id, &p->stats.queue_dropped);
        return PREFETCHER_FULL;
    }
    prefetcher_set_timer(p, id, time_add(use_at_ns, p->settings.patience_ns));
    return PREFETCHER_QUEUED;
}

static enum prefetcher_verdict judge(struct prefetcher *p, struct str key,
                                     const struct prefetcher_wish *wish)
{
    bool sane = wish->probability > 0 && wish->probability <= 1 && wish->weight > 0;
    if (p->closed || !p->settings.ahead)
        return PREFETCHER_OFF;
    if (!sane || key.len > PREFETCHER_KEY_MAX)
        return PREFETCHER_NOT_WORTH;
    uint32_t id = prefetcher_find(p, key);
    const struct prefetcher_entry *e = id != PREFETCHER_NONE ? &p->entries[id] : NULL;
    if (e && e->state == ENTRY_FAILED && e->retry_ns > p->now_ns)
        return PREFETCHER_BACKING_OFF;
    if (e && (e->state == ENTRY_WANTED || e->state == ENTRY_LOADING || e->state == ENTRY_HELD ||
              e->state == ENTRY_MISSING))
        return PREFETCHER_KNOWN;
    double worth = worth_of(p, wish);
    int64_t use_at_ns = time_add(p->now_ns, wish->use_in_ns > 0 ? wish->use_in_ns : 0);
    if (!admission_wants(&p->admission, worth))
        return PREFETCHER_NOT_WORTH;
    if (e && e->state == ENTRY_QUEUED)
        return raise_to(p, id, worth, use_at_ns, wish);
    return enqueue(p, key, worth, use_at_ns, wish);
}

enum prefetcher_verdict prefetcher_offer(struct prefetcher *p, struct str key,
                                         const struct prefetcher_wish *wish, int64_t now_ns)
{
    prefetcher_tick(p, now_ns);
    admission_turn(&p->admission, p->now_ns);
    enum prefetcher_verdict verdict = judge(p, key, wish);
    p->stats.offers[verdict]++;
    return verdict;
}

void prefetcher_wake_due(struct prefetcher *p)
{
    uint32_t id;
    int64_t at_ns;
    while (heap_min(&p->due, &id, &at_ns) && at_ns <= p->now_ns) {
        heap_remove(&p->due, id);
        if (heap_set(&p->ready, id, rank(p->entries[id].worth)) != FW_OK)
            drop(p, id, &p->stats.queue_dropped);
    }
}

bool prefetcher_next_ahead(struct prefetcher *p, uint32_t *id)
{
    int64_t unused_ns;
    if (!p->settings.ahead)
        return false;
    if (!heap_min(&p->ready, id, &unused_ns))
        return false;
    admission_turn(&p->admission, p->now_ns);
    uint32_t slots = admission_slots(&p->admission);
    if (p->running >= slots && p->admission.running < slots)
        return false; /* the other slots are left to what is asked for */
    const struct prefetcher_entry *e = &p->entries[*id];
    double bytes = p->usual_bytes > 0 ? p->usual_bytes : bytes_first;
    double worth = e->worth - worth_displaced(p, bytes);
    if (!admission_may_begin(&p->admission, worth, (uint64_t)bytes, p->now_ns))
        return false;
    prefetcher_unqueue(p, *id, NULL);
    return true;
}

int64_t prefetcher_next_due(const struct prefetcher *p)
{
    uint32_t id;
    int64_t at_ns, next_ns = TIME_NEVER;
    if (heap_min(&p->due, &id, &at_ns))
        next_ns = at_ns;
    if (p->ready.count > 0 && p->running < admission_slots(&p->admission)) {
        at_ns = time_add(p->now_ns, price_turn_ns); /* bytes or price refused it */
        next_ns = at_ns < next_ns ? at_ns : next_ns;
    }
    return next_ns;
}

void prefetcher_session_end(struct prefetcher *p, uint64_t session, int64_t now_ns)
{
    uint32_t id;
    prefetcher_tick(p, now_ns);
    for (uint32_t n = 0; (id = queued_at(p, n)) != PREFETCHER_NONE;) {
        if (p->entries[id].session != session) {
            n++;
            continue;
        }
        drop(p, id, &p->stats.queue_dropped);
        n = 0; /* heaps move others */
    }
    prefetcher_hear(p, PREFETCHER_NONE, session, 0);
}

void prefetcher_enable(struct prefetcher *p, bool ahead, int64_t now_ns)
{
    prefetcher_tick(p, now_ns);
    p->settings.ahead = ahead;
    if (!ahead)
        prefetcher_unqueue_all(p);
}

void prefetcher_headroom(struct prefetcher *p, double share)
{
    admission_headroom(&p->admission, share);
}

bool prefetcher_waiting(const struct prefetcher *p, uint32_t n, struct prefetcher_request *request)
{
    uint32_t id = queued_at(p, n);
    if (id == PREFETCHER_NONE)
        return false;
    const struct prefetcher_entry *e = &p->entries[id];
    *request = (struct prefetcher_request){
        .key = prefetcher_names_key(&p->names, id),
        .priority = e->priority,
        .created_ns = p->seen_ns - (p->now_ns - e->since_ns),
        .expected_ns = time_add(p->seen_ns, e->use_at_ns - p->now_ns),
        .source = e->source,
        .probability = e->probability,
        .worth = e->worth,
    };
    return true;
}
