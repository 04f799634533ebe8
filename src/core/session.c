/* SPDX-License-Identifier: MIT */
#include "core/session.h"
#include "base/check.h"
#include "core/coder.h"
#include <stdlib.h>

#define NONE UINT32_MAX

void sessions_init(struct sessions *sessions, uint32_t max)
{
    *sessions = (struct sessions){.max = max, .newest = NONE, .oldest = NONE};
    map64_init(&sessions->by_session, max);
}

void sessions_fini(struct sessions *sessions)
{
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
    sessions->entries[*number] = (struct session_entry){.session = session};
    return FW_OK;
}

uint32_t sessions_find(const struct sessions *sessions, uint64_t session)
{
    uint64_t number;
    return map64_get(&sessions->by_session, session, &number) ? (uint32_t)number : NONE;
}

uint32_t sessions_leaving(const struct sessions *sessions)
{
    return sessions->count < sessions->max ? NONE : sessions->oldest;
}

enum fw_err sessions_request(struct sessions *sessions, uint64_t session, uint32_t resource,
                             int64_t at_ns, uint32_t *number)
{
    *number = sessions_find(sessions, session);
    if (*number != NONE)
        unlink_entry(sessions, *number);
    else
        FW_TRY(entry_for_new(sessions, session, number));
    struct session_entry *entry = &sessions->entries[*number];
    following_remember(&entry->past, resource);
    entry->last_at_ns = at_ns;
    link_newest(sessions, *number);
    return FW_OK;
}

static void code_past(struct following_past *past, struct coder *coder, uint32_t resources)
{
    uint32_t count = past->count;
    code_count(coder, &count, FOLLOWING_PAST);
    past->count = (uint8_t)count;
    for (uint32_t i = 0; i < count; i++) {
        code_u32(coder, &past->latest[i]);
        if (past->latest[i] >= resources)
            coder_fail(coder);
    }
    code_float(coder, &past->moves);
    code_float(coder, &past->stays);
    if (count == 0 || !(past->stays >= 0 && past->moves >= past->stays))
        coder_fail(coder);
}

static void code_entry(struct session_entry *entry, struct coder *coder, uint32_t resources)
{
    uint32_t open = entry->foretold_count;
    code_u64(coder, &entry->session);
    code_i64(coder, &entry->last_at_ns);
    code_past(&entry->past, coder, resources);
    code_count(coder, &open, FORETOLD_KEPT);
    entry->foretold_count = (uint8_t)open;
    for (uint32_t i = 0; i < open; i++) {
        code_u32(coder, &entry->foretold[i].resource);
        code_u32(coder, &entry->foretold[i].raised);
        code_u8(coder, &entry->foretold[i].decile);
        if (entry->foretold[i].resource >= resources ||
            entry->foretold[i].decile >= FORETOLD_DECILES ||
            entry->foretold[i].raised > FORETOLD_RAISED_MAX)
            coder_fail(coder);
    }
}

/* Oldest first, so that reading them back in order restores the order of use. */
void sessions_code(struct sessions *sessions, struct coder *coder, uint32_t resources)
{
    uint32_t count = sessions->count;
    code_count(coder, &count, sessions->max);
    uint32_t number = sessions->oldest;
    for (uint32_t i = 0; i < count && !coder_failed(coder); i++) {
        struct session_entry entry = {0};
        if (!coder->in)
            entry = sessions->entries[number];
        code_entry(&entry, coder, resources);
        if (!coder->in) {
            number = entry.newer;
            continue;
        }
        if (coder_failed(coder) || sessions_find(sessions, entry.session) != NONE ||
            entry_for_new(sessions, entry.session, &number) != FW_OK) {
            coder_fail(coder);
            return;
        }
        sessions->entries[number] = entry;
        link_newest(sessions, number);
    }
}
