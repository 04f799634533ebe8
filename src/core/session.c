/* SPDX-License-Identifier: MIT */
#include "core/session.h"
#include "base/check.h"
#include "core/coder.h"
#include <stdlib.h>

#define NONE  UINT32_MAX
#define DECAY 0.98f
enum { SUCCESSOR_RESOURCES_MAX = 1 << 24 };

void sessions_init(struct sessions *sessions, uint32_t max)
{
    *sessions = (struct sessions){.max = max, .newest = NONE, .oldest = NONE};
    map64_init(&sessions->by_session, max);
}

void sessions_fini(struct sessions *sessions)
{
    for (uint32_t i = 0; i < sessions->successors_count; i++)
        free(sessions->successors[i]);
    free(sessions->successors);
    free(sessions->entries);
    map64_fini(&sessions->by_session);
    *sessions = (struct sessions){.newest = NONE, .oldest = NONE};
}

static void unlink_entry(struct sessions *sessions, uint32_t number)
{
    struct session_entry *entry = &sessions->entries[number];
    if (entry->newer != NONE)
        sessions->entries[entry->newer].older = entry->older;
    else
        sessions->newest = entry->older;
    if (entry->older != NONE)
        sessions->entries[entry->older].newer = entry->newer;
    else
        sessions->oldest = entry->newer;
}

static void link_newest(struct sessions *sessions, uint32_t number)
{
    struct session_entry *entry = &sessions->entries[number];
    entry->newer = NONE;
    entry->older = sessions->newest;
    if (sessions->newest != NONE)
        sessions->entries[sessions->newest].newer = number;
    else
        sessions->oldest = number;
    sessions->newest = number;
}

static enum fw_err grow_entries(struct sessions *sessions)
{
    if (sessions->count < sessions->capacity)
        return FW_OK;
    uint32_t capacity = sessions->capacity > 0 ? sessions->capacity * 2 : 16;
    struct session_entry *entries = realloc(sessions->entries, capacity * sizeof *entries);
    if (!entries)
        return FW_NOMEM;
    sessions->entries = entries;
    sessions->capacity = capacity;
    return FW_OK;
}

/* A place for a session not known yet: new, or that of the one longest silent. Unlinked. */
static enum fw_err entry_for_new(struct sessions *sessions, uint64_t session, uint32_t *number)
{
    if (sessions->count < sessions->max) {
        FW_TRY(grow_entries(sessions));
        FW_TRY(map64_set(&sessions->by_session, session, sessions->count));
        *number = sessions->count++;
    } else {
        *number = sessions->oldest;
        CHECK(map64_remove(&sessions->by_session, sessions->entries[*number].session, NULL));
        unlink_entry(sessions, *number);
        CHECK(map64_set(&sessions->by_session, session, *number) ==
              FW_OK); /* a place was just freed */
    }
    sessions->entries[*number] = (struct session_entry){.session = session, .last_resource = NONE};
    return FW_OK;
}

static enum fw_err successors_of(struct sessions *sessions, uint32_t resource,
                                 struct successors **found)
{
    if (resource >= sessions->successors_count) {
        uint32_t count = sessions->successors_count > 0 ? sessions->successors_count : 16;
        while (count <= resource)
            count *= 2;
        struct successors **grown =
            realloc(sessions->successors, count * sizeof(struct successors *));
        if (!grown)
            return FW_NOMEM;
        for (uint32_t i = sessions->successors_count; i < count; i++)
            grown[i] = NULL;
        sessions->successors = grown;
        sessions->successors_count = count;
    }
    if (!sessions->successors[resource]) {
        sessions->successors[resource] = calloc(1, sizeof(struct successors));
        if (!sessions->successors[resource])
            return FW_NOMEM;
        for (int i = 0; i < SUCCESSORS_KEPT; i++)
            sessions->successors[resource]->resource[i] = NONE;
    }
    *found = sessions->successors[resource];
    return FW_OK;
}

/* Counts a follow-up; a newcomer takes the place of the rarest. */
static void count_successor(struct successors *successors, uint32_t resource)
{
    int place = -1, rarest = 0;
    for (int i = 0; i < SUCCESSORS_KEPT; i++) {
        successors->count[i] *= DECAY;
        if (successors->resource[i] == resource)
            place = i;
        if (successors->count[i] < successors->count[rarest])
            rarest = i;
    }
    if (place < 0) {
        place = rarest;
        successors->count[place] = 0;
    }
    successors->resource[place] = resource;
    successors->count[place] += 1;
    successors->total = successors->total * DECAY + 1;
}

enum fw_err sessions_request(struct sessions *sessions, uint64_t session, uint32_t resource,
                             int64_t at_ns)
{
    uint64_t found;
    uint32_t number;
    if (map64_get(&sessions->by_session, session, &found)) {
        number = (uint32_t)found;
        struct successors *successors;
        FW_TRY(successors_of(sessions, sessions->entries[number].last_resource, &successors));
        count_successor(successors, resource);
        unlink_entry(sessions, number);
    } else {
        FW_TRY(entry_for_new(sessions, session, &number));
    }
    sessions->entries[number].last_resource = resource;
    sessions->entries[number].last_at_ns = at_ns;
    link_newest(sessions, number);
    return FW_OK;
}

size_t sessions_next(const struct sessions *sessions, uint64_t session, struct next_resource *next,
                     size_t max)
{
    uint64_t number;
    if (!map64_get(&sessions->by_session, session, &number))
        return 0;
    uint32_t last = sessions->entries[number].last_resource;
    if (last >= sessions->successors_count || !sessions->successors[last]) {
        if (max == 0)
            return 0;
        next[0] = (struct next_resource){
            last, 0.5}; /* nothing followed it yet: repeating is the commonest case */
        return 1;
    }
    const struct successors *successors = sessions->successors[last];
    size_t count = 0;
    bool taken[SUCCESSORS_KEPT] = {false};
    while (count < max) {
        int best = -1;
        for (int i = 0; i < SUCCESSORS_KEPT; i++)
            if (!taken[i] && successors->resource[i] != NONE &&
                (best < 0 || successors->count[i] > successors->count[best]))
                best = i;
        if (best < 0)
            break;
        taken[best] = true;
        next[count++] =
            (struct next_resource){successors->resource[best], (double)successors->count[best] /
                                                                   ((double)successors->total + 1)};
    }
    return count;
}

static void code_successors(struct sessions *sessions, struct coder *coder)
{
    uint32_t count = sessions->successors_count;
    code_count(coder, &count, SUCCESSOR_RESOURCES_MAX);
    for (uint32_t i = 0; i < count && !coder_failed(coder); i++) {
        uint8_t present = !coder->in && sessions->successors[i] != NULL;
        struct successors *successors = NULL;
        code_u8(coder, &present);
        if (!present)
            continue;
        if (coder->in && successors_of(sessions, i, &successors) != FW_OK) {
            coder_fail(coder);
            return;
        }
        successors = sessions->successors[i];
        for (int j = 0; j < SUCCESSORS_KEPT; j++) {
            code_u32(coder, &successors->resource[j]);
            code_float(coder, &successors->count[j]);
        }
        code_float(coder, &successors->total);
    }
}

/* Oldest first, so that reading them back in order restores the order of use. */
void sessions_code(struct sessions *sessions, struct coder *coder)
{
    uint32_t count = sessions->count;
    code_count(coder, &count, sessions->max);
    uint32_t number = sessions->oldest;
    for (uint32_t i = 0; i < count && !coder_failed(coder); i++) {
        struct session_entry entry = {0};
        if (!coder->in)
            entry = sessions->entries[number];
        code_u64(coder, &entry.session);
        code_i64(coder, &entry.last_at_ns);
        code_u32(coder, &entry.last_resource);
        if (coder->in) {
            uint64_t known;
            if (coder_failed(coder) || entry.last_resource >= SUCCESSOR_RESOURCES_MAX ||
                map64_get(&sessions->by_session, entry.session, &known) ||
                entry_for_new(sessions, entry.session, &number) != FW_OK) {
                coder_fail(coder);
                return;
            }
            sessions->entries[number].last_at_ns = entry.last_at_ns;
            sessions->entries[number].last_resource = entry.last_resource;
            link_newest(sessions, number);
        } else {
            number = entry.newer;
        }
    }
    code_successors(sessions, coder);
}
