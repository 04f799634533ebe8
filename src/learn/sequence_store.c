/* SPDX-License-Identifier: MIT */
#include "learn/sequence_store.h"
#include "learn/decay.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool sequence_store_init(struct sequence_store *store, uint32_t item_max)
{
    *store = (struct sequence_store){.item_max = item_max};
    store->events = calloc(SEQUENCE_EVENTS, sizeof *store->events);
    store->sessions = calloc(SEQUENCE_SESSIONS, sizeof *store->sessions);
    store->latest = calloc(item_max, sizeof *store->latest);
    store->seen_in = calloc(item_max, sizeof *store->seen_in);
    store->found_at = calloc(SEQUENCE_SESSIONS, sizeof *store->found_at);
    store->told = calloc(item_max, sizeof *store->told);
    store->stamp = calloc(SEQUENCE_SESSIONS, sizeof *store->stamp);
    store->found = calloc(SEQUENCE_SESSIONS, sizeof *store->found);
    for (int i = 0; i < SEQUENCE_FADE; i++)
        store->fade[i] = (float)decay_exp(-0.5 * i);
    if (store->events && store->sessions && store->latest && store->seen_in && store->found_at &&
        store->told && store->stamp && store->found)
        return true;
    sequence_store_fini(store);
    return false;
}

void sequence_store_fini(struct sequence_store *store)
{
    free(store->events);
    free(store->sessions);
    free(store->latest);
    free(store->seen_in);
    free(store->found_at);
    free(store->told);
    free(store->stamp);
    free(store->found);
    *store = (struct sequence_store){0};
}

uint64_t sequence_store_bytes(const struct sequence_store *store)
{
    uint64_t events = store->written < SEQUENCE_EVENTS ? store->written : SEQUENCE_EVENTS;
    uint64_t sessions = store->ended < SEQUENCE_SESSIONS ? store->ended : SEQUENCE_SESSIONS;
    return events * sizeof *store->events + sessions * sizeof *store->sessions;
}

/* Numbers of 32 bits: before they run out everything begins anew, once in 2 billion events. */
static void begin_anew(struct sequence_store *store)
{
    store->written = store->ended = 0;
    memset(store->latest, 0, store->item_max * sizeof *store->latest);
    memset(store->seen_in, 0, store->item_max * sizeof *store->seen_in);
}

static bool first_in(const uint32_t *items, uint32_t at)
{
    for (uint32_t i = 0; i < at; i++)
        if (items[i] == items[at])
            return false;
    return true;
}

void sequence_store_end(struct sequence_store *store, const uint32_t *items, uint32_t len)
{
    if (len > SEQUENCE_SESSION_ITEMS) {
        items += len - SEQUENCE_SESSION_ITEMS;
        len = SEQUENCE_SESSION_ITEMS;
    }
    if (store->written > INT32_MAX)
        begin_anew(store);
    store->sessions[store->ended % SEQUENCE_SESSIONS] =
        (struct sequence_session){store->written, (uint16_t)len};
    for (uint32_t i = 0; i < len; i++) {
        struct sequence_event *event = &store->events[store->written % SEQUENCE_EVENTS];
        *event = (struct sequence_event){items[i], store->ended, 0};
        store->written++;
        if (items[i] >= store->item_max || !first_in(items, i))
            continue;
        event->before = store->latest[items[i]];
        store->latest[items[i]] = store->written;
        store->seen_in[items[i]]++;
    }
    store->ended++;
}

static bool held(const struct sequence_store *store, uint32_t session)
{
    return store->ended - session <= SEQUENCE_SESSIONS &&
           store->written - store->sessions[session % SEQUENCE_SESSIONS].at <= SEQUENCE_EVENTS;
}

static void touch(struct sequence_store *store, uint32_t session, uint32_t after, float score,
                  float shared)
{
    uint32_t slot = session % SEQUENCE_SESSIONS;
    if (store->stamp[slot] != store->now) {
        store->stamp[slot] = store->now;
        store->found_at[slot] = store->found_count;
        store->found[store->found_count++] =
            (struct sequence_similar){.session = session, .after = after};
    }
    struct sequence_similar *found = &store->found[store->found_at[slot]];
    found->score += score;
    found->shared += shared;
    if (after > found->after_all)
        found->after_all = after;
}

static void follow(struct sequence_store *store, uint32_t item, uint32_t age)
{
    double idf = decay_log((store->ended + 1.0) / (store->seen_in[item] + 0.5));
    float score = store->fade[age] * (float)(idf > 0.1 ? idf : 0.1);
    float shared = (float)((idf > 0 ? idf : 0) + 0.1);
    uint32_t next = store->latest[item];
    for (uint32_t i = 0; i < SEQUENCE_CHAIN && next != 0; i++) {
        if (store->written - (next - 1) > SEQUENCE_EVENTS)
            return;
        const struct sequence_event *event = &store->events[(next - 1) % SEQUENCE_EVENTS];
        if (!held(store, event->session))
            return;
        uint32_t first = store->sessions[event->session % SEQUENCE_SESSIONS].at;
        touch(store, event->session, next - first, score, shared);
        next = event->before;
    }
}

void sequence_store_search(struct sequence_store *store, const uint32_t *items, uint32_t len)
{
    store->found_count = 0;
    if (++store->now == 0) {
        memset(store->stamp, 0, SEQUENCE_SESSIONS * sizeof *store->stamp);
        store->now = 1;
    }
    uint32_t from = len > SEQUENCE_RECENT ? len - SEQUENCE_RECENT : 0;
    for (uint32_t i = len; i-- > from;) {
        bool again = items[i] >= store->item_max;
        for (uint32_t j = i + 1; j < len; j++)
            again = again || items[j] == items[i];
        if (!again)
            follow(store, items[i], len - 1 - i);
    }
    for (uint32_t i = 0; i < store->found_count; i++) {
        struct sequence_similar *found = &store->found[i];
        uint32_t size = store->sessions[found->session % SEQUENCE_SESSIONS].len;
        found->score = (float)((double)found->score / sqrt((double)size));
    }
}

static bool precedes(const struct sequence_similar *a, const struct sequence_similar *b,
                     bool shared)
{
    float x = shared ? a->shared : a->score, y = shared ? b->shared : b->score;
    return x != y ? x > y : a->session > b->session;
}

/* Brings the best `wanted` to the front, in no order: quickselect, its pivots the middle. */
static uint32_t select_best(struct sequence_store *store, uint32_t wanted, bool shared)
{
    struct sequence_similar *found = store->found;
    uint32_t low = 0, high = store->found_count;
    if (high <= wanted)
        return high;
    while (high - low > 1) {
        struct sequence_similar pivot = found[low + (high - low) / 2];
        uint32_t front = low, at = low, back = high;
        while (at < back) {
            struct sequence_similar here = found[at];
            if (precedes(&here, &pivot, shared)) {
                found[at++] = found[front];
                found[front++] = here;
            } else if (precedes(&pivot, &here, shared)) {
                found[at] = found[--back];
                found[back] = here;
            } else {
                at++;
            }
        }
        if (wanted <= front)
            high = front;
        else if (wanted >= back)
            low = back;
        else
            break;
    }
    return wanted;
}

static const struct sequence_event *event_of(const struct sequence_store *store, uint32_t session,
                                             uint32_t at)
{
    uint32_t first = store->sessions[session % SEQUENCE_SESSIONS].at;
    return &store->events[(first + at) % SEQUENCE_EVENTS];
}

void sequence_store_after(struct sequence_store *store, sequence_vote_fn *vote, void *context)
{
    uint32_t count = select_best(store, SEQUENCE_SIMILAR, false);
    for (uint32_t i = 0; i < count; i++) {
        const struct sequence_similar *found = &store->found[i];
        uint32_t size = store->sessions[found->session % SEQUENCE_SESSIONS].len;
        for (uint32_t j = 1; j < SEQUENCE_FADE && found->after + j <= size; j++)
            vote(context, event_of(store, found->session, found->after + j - 1)->item,
                 found->score * store->fade[j]);
    }
}

static uint32_t next_telling(struct sequence_store *store)
{
    if (++store->telling == 0) {
        memset(store->told, 0, store->item_max * sizeof *store->told);
        store->telling = 1;
    }
    return store->telling;
}

void sequence_store_subset(struct sequence_store *store, sequence_vote_fn *vote, void *context)
{
    uint32_t count = select_best(store, SEQUENCE_SUPERSETS, true);
    float most = 0;
    for (uint32_t i = 0; i < count; i++)
        most = store->found[i].shared > most ? store->found[i].shared : most;
    for (uint32_t i = 0; i < count; i++) {
        const struct sequence_similar *found = &store->found[i];
        uint32_t size = store->sessions[found->session % SEQUENCE_SESSIONS].len;
        uint32_t telling = next_telling(store);
        float share = found->shared / most, weight = share * share * share * share;
        for (uint32_t at = found->after_all; at < size; at++) {
            uint32_t item = event_of(store, found->session, at)->item;
            if (item >= store->item_max || store->told[item] == telling)
                continue;
            store->told[item] = telling;
            vote(context, item, weight);
        }
    }
}
