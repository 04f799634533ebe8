/* SPDX-License-Identifier: MIT
 * Sessions come and go, and keys get numbers; what is longest unused makes way. */
#include "base/grow.h"
#include "base/time.h"
#include "core/guesser_part.h"
#include <stdlib.h>

static void unlink_session(struct guesser *g, uint32_t at)
{
    const struct guesser_session *s = g->sessions[at];
    *(s->older != PREFETCHER_NONE ? &g->sessions[s->older]->newer : &g->session_oldest) = s->newer;
    *(s->newer != PREFETCHER_NONE ? &g->sessions[s->newer]->older : &g->session_newest) = s->older;
}

static void link_session(struct guesser *g, uint32_t at)
{
    struct guesser_session *s = g->sessions[at];
    s->older = g->session_newest;
    s->newer = PREFETCHER_NONE;
    *(s->older != PREFETCHER_NONE ? &g->sessions[s->older]->newer : &g->session_oldest) = at;
    g->session_newest = at;
}

/* Others may resemble it, and what it did not ask for was guessed wrongly. */
static void end(struct guesser *g, struct guesser_session *s)
{
    guesser_last_verdicts(g, s);
    if (g->mix && s->count > 0)
        sequence_end(g->mix, s->items, s->count);
    if (g->names)
        names_end(g->names, &s->names);
    if (g->mix_session == s->id)
        g->mix_session = 0;
    s->count = 0;
}

/* The last one takes its place. */
void guesser_session_drop(struct guesser *g, uint32_t at)
{
    struct guesser_session *s = g->sessions[at];
    uint32_t last = g->session_count - 1;
    end(g, s);
    unlink_session(g, at);
    names_session_fini(&s->names);
    map64_remove(&g->session_index, s->id, NULL);
    free(s);
    g->session_count--;
    if (at == last)
        return;
    struct guesser_session *moved = g->sessions[last];
    g->sessions[at] = moved;
    *(moved->older != PREFETCHER_NONE ? &g->sessions[moved->older]->newer : &g->session_oldest) =
        at;
    *(moved->newer != PREFETCHER_NONE ? &g->sessions[moved->newer]->older : &g->session_newest) =
        at;
    (void)!map64_set(&g->session_index, moved->id, at); /* it is there: needs no memory */
}

static struct guesser_session *open_session(struct guesser *g, uint64_t id)
{
    if (g->session_count == g->settings.max_sessions)
        guesser_session_drop(g, g->session_oldest);
    struct guesser_session *s = calloc(1, sizeof *s);
    if (!s || map64_set(&g->session_index, id, g->session_count) != FW_OK) {
        free(s);
        return NULL;
    }
    s->id = id;
    if (g->names)
        names_session_init(&s->names, g->names);
    g->sessions[g->session_count++] = s;
    link_session(g, g->session_count - 1);
    return s;
}

static bool idle(const struct guesser *g, const struct guesser_session *s, int64_t at_ns)
{
    return at_ns > time_add(s->at_ns, g->settings.idle_ns);
}

struct guesser_session *guesser_session_at(struct guesser *g, uint64_t id, uint64_t user,
                                           int64_t at_ns)
{
    uint64_t at;
    if (id == 0)
        return NULL;
    if (g->session_oldest != PREFETCHER_NONE && g->sessions[g->session_oldest]->id != id &&
        idle(g, g->sessions[g->session_oldest], at_ns))
        guesser_session_drop(g, g->session_oldest);
    struct guesser_session *s;
    if (map64_get(&g->session_index, id, &at)) {
        s = g->sessions[at];
        unlink_session(g, (uint32_t)at);
        link_session(g, (uint32_t)at);
        if (idle(g, s, at_ns))
            end(g, s); /* it begins anew */
    } else {
        s = open_session(g, id);
        if (!s)
            return NULL;
    }
    s->user = user;
    s->at_ns = at_ns;
    return s;
}

static void unlink_item(struct guesser *g, uint32_t at)
{
    const struct guesser_item *item = &g->items[at];
    *(item->older != PREFETCHER_NONE ? &g->items[item->older].newer : &g->item_oldest) =
        item->newer;
    *(item->newer != PREFETCHER_NONE ? &g->items[item->newer].older : &g->item_newest) =
        item->older;
}

static void link_item(struct guesser *g, uint32_t at)
{
    g->items[at] = (struct guesser_item){g->item_newest, PREFETCHER_NONE};
    *(g->item_newest != PREFETCHER_NONE ? &g->items[g->item_newest].newer : &g->item_oldest) = at;
    g->item_newest = at;
}

static bool grow_items(struct guesser *g, uint32_t at)
{
    if (at < g->item_capacity)
        return true;
    uint64_t capacity = grow_capacity(g->item_capacity, (uint64_t)at + 1, g->settings.max_keys);
    struct guesser_item *items = realloc(g->items, (size_t)capacity * sizeof *items);
    if (!items)
        return false;
    g->items = items;
    g->item_capacity = (uint32_t)capacity;
    return true;
}

/* There are too many: a key seen once (a scan) does not push out what comes again. */
static bool seen_before(struct guesser *g, uint64_t hash)
{
    uint32_t *door = &g->door[hash % GUESSER_DOOR], mark = (uint32_t)(hash >> 32) | 1;
    bool seen = *door == mark;
    *door = mark;
    return seen;
}

uint32_t guesser_number(struct guesser *g, struct str key)
{
    uint64_t hash = prefetcher_names_hash(&g->keys, key);
    uint32_t at = prefetcher_names_find(&g->keys, key, hash);
    if (at != PREFETCHER_NONE) {
        unlink_item(g, at);
        link_item(g, at);
        return at;
    }
    if (key.len > g->settings.max_key_bytes / 4)
        return PREFETCHER_NONE;
    enum fw_err err = prefetcher_names_add(&g->keys, key, hash, &at);
    if (err == FW_LIMIT && !seen_before(g, hash))
        return PREFETCHER_NONE;
    while (err == FW_LIMIT && g->item_oldest != PREFETCHER_NONE) {
        uint32_t oldest = g->item_oldest;
        unlink_item(g, oldest);
        prefetcher_names_remove(&g->keys, oldest);
        err = prefetcher_names_add(&g->keys, key, hash, &at);
    }
    if (err != FW_OK)
        return PREFETCHER_NONE;
    if (!grow_items(g, at)) {
        prefetcher_names_remove(&g->keys, at);
        return PREFETCHER_NONE;
    }
    link_item(g, at);
    return at;
}
