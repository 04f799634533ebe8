/* SPDX-License-Identifier: MIT */
#include "learn/sequence_store.h"
#include "learn/decay.h"
#include <stdlib.h>
#include <string.h>

enum { BINS = 32 };
#define LEAST_SHARE 0.5f /* of what the best session shares; below, its vote would count 1/16 */

bool sequence_store_init(struct sequence_store *store, struct sequence_past *past,
                         struct sequence_words *arena)
{
    *store = (struct sequence_store){.past = past, .arena = arena};
    store->sessions = calloc(SEQUENCE_SESSIONS, sizeof *store->sessions);
    store->shared = calloc(SEQUENCE_SESSIONS, sizeof *store->shared);
    store->found = calloc(SEQUENCE_SESSIONS + 1, sizeof *store->found);
    if (store->sessions && store->shared && store->found)
        return true;
    sequence_store_fini(store);
    return false;
}

void sequence_store_fini(struct sequence_store *store)
{
    free(store->sessions);
    free(store->shared);
    free(store->found);
    *store = (struct sequence_store){0};
}

uint64_t sequence_store_bytes(const struct sequence_store *store)
{
    uint32_t kept = store->ended < SEQUENCE_SESSIONS ? store->ended : SEQUENCE_SESSIONS;
    return kept * sizeof *store->sessions;
}

uint16_t sequence_store_end(struct sequence_store *store, uint32_t position)
{
    uint32_t number = store->ended++ % SEQUENCE_SESSIONS;
    store->sessions[number] = position;
    return (uint16_t)number;
}

void sequence_listed_add(struct sequence_words *arena, struct sequence_listed *listed,
                         uint16_t session)
{
    uint32_t room = 2 * sequence_room(listed->class);
    if (listed->seen == 0 || (listed->seen == room && listed->class < SEQUENCE_LISTED_CLASS)) {
        int class = listed->seen == 0 ? 0 : listed->class + 1;
        uint32_t at = sequence_words_take(arena, class);
        if (at != SEQUENCE_NONE && listed->seen > 0) {
            memcpy(arena->words + at, arena->words + listed->at, room * sizeof *arena->words);
            sequence_words_give(arena, listed->at, listed->class);
        }
        if (at == SEQUENCE_NONE && listed->seen == 0)
            return;
        if (at != SEQUENCE_NONE) {
            listed->at = at;
            listed->class = (uint8_t) class;
        }
        room = 2 * sequence_room(listed->class);
    }
    arena->words[listed->at + listed->seen % room] = session;
    listed->seen++;
}

/* Adds to all sessions of a list what sharing its item is worth; returns how many are found. */
static uint32_t share(struct sequence_store *store, const struct sequence_listed *listed,
                      uint32_t found)
{
    double idf = decay_log((store->ended + 1.0) / (listed->seen + 0.5));
    float worth = (float)((idf > 0 ? idf : 0) + 0.1);
    uint32_t room = 2 * sequence_room(listed->class);
    uint32_t count = listed->seen < room ? listed->seen : room;
    const uint16_t *sessions = store->arena->words + listed->at;
    for (uint32_t i = 0; i < count; i++) {
        float before = store->shared[sessions[i]];
        store->found[found] = sessions[i];
        found += before <= 0;
        store->shared[sessions[i]] = before + worth;
    }
    return found;
}

uint32_t sequence_store_search(struct sequence_store *store,
                               const struct sequence_listed *const *lists, uint32_t count,
                               uint32_t wanted, uint16_t *sessions, float *weights)
{
    uint32_t found = 0, kept = 0, bins[BINS + 1] = {0};
    float most = 0;
    for (uint32_t i = 0; i < count; i++)
        found = share(store, lists[i], found);
    for (uint32_t i = 0; i < found; i++)
        most = store->shared[store->found[i]] > most ? store->shared[store->found[i]] : most;
    float least = LEAST_SHARE * most, scale = BINS / (most - least);
    for (uint32_t i = 0; i < found; i++)
        if (store->shared[store->found[i]] >= least)
            bins[(int)((store->shared[store->found[i]] - least) * scale)]++;
    uint32_t over = 0, bin = BINS + 1; /* bins from `bin` on are taken whole */
    while (bin > 0 && over + bins[bin - 1] <= wanted)
        over += bins[--bin];
    uint32_t rest = wanted - over;
    for (uint32_t i = 0; i < found; i++) {
        float shared = store->shared[store->found[i]];
        store->shared[store->found[i]] = 0;
        if (shared < least)
            continue;
        uint32_t in = (uint32_t)((shared - least) * scale);
        if (in < bin && (in + 1 < bin || rest == 0))
            continue;
        rest -= in < bin;
        float part = shared / most;
        sessions[kept] = store->found[i];
        weights[kept++] = part * part * part * part;
    }
    return kept;
}
