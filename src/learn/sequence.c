/* SPDX-License-Identifier: MIT */
#include "learn/sequence.h"
#include "base/grow.h"
#include <stdlib.h>
#include <string.h>

const struct sequence_settings sequence_defaults = {.max_events = 1 << 20,
                                                    .max_contexts = 1 << 18,
                                                    .max_entries = 1 << 20,
                                                    .reach = 1,
                                                    .similar = SEQUENCE_SUPERSETS,
                                                    .rate = 0.003};
/* 20 / distance. */
static const uint16_t beside_weights[SEQUENCE_BESIDE] = {20, 10, 7, 5, 4, 3, 3, 3, 2, 2};

enum fw_err sequence_create(struct sequence **out, const struct sequence_settings *settings)
{
    struct sequence *s = calloc(1, sizeof *s);
    *out = s;
    if (!s)
        return FW_NOMEM;
    s->settings = *settings;
    if (s->settings.similar > SEQUENCE_SUPERSETS)
        s->settings.similar = SEQUENCE_SUPERSETS;
    sequence_words_init(&s->arena, 2 * settings->max_entries);
    sequence_mixer_init(&s->mixer, settings->rate);
    s->told_items = calloc(SEQUENCE_TOLD_MAX, sizeof *s->told_items);
    s->told = calloc(SEQUENCE_TOLD_MAX, sizeof *s->told);
    bool ready = sequence_past_init(&s->past, settings->max_events);
    ready = sequence_store_init(&s->store, &s->past, &s->arena) && ready;
    ready = sequence_tree_init(&s->tree, &s->past, &s->arena, settings->max_contexts,
                               settings->reach) &&
            ready;
    if (ready && s->told_items && s->told)
        return FW_OK;
    sequence_free(out);
    return FW_NOMEM;
}

void sequence_free(struct sequence **sequence)
{
    struct sequence *s = *sequence;
    *sequence = NULL;
    if (!s)
        return;
    sequence_tree_fini(&s->tree);
    sequence_store_fini(&s->store);
    sequence_past_fini(&s->past);
    sequence_words_fini(&s->arena);
    free(s->items);
    free(s->place);
    free(s->heard);
    free(s->told_items);
    free(s->told);
    free(s);
}

uint64_t sequence_bytes(const struct sequence *s)
{
    uint32_t events = s->past.written < s->past.max ? s->past.written : s->past.max;
    return events * sizeof *s->past.events + (uint64_t)s->tree.capacity * sizeof *s->tree.nodes +
           s->tree.rows.used * sizeof *s->tree.rows.rows +
           (uint64_t)s->arena.used * sizeof *s->arena.words + s->item_count * sizeof *s->items +
           sequence_store_bytes(&s->store);
}

/* ---- items ---- */

static bool reserve_items(struct sequence *s, uint32_t capacity)
{
    void *items = realloc(s->items, capacity * sizeof *s->items);
    if (!items)
        return false;
    s->items = items;
    void *place = realloc(s->place, capacity * sizeof *s->place);
    if (!place)
        return false;
    s->place = place;
    void *heard = realloc(s->heard, capacity * sizeof *s->heard);
    if (!heard)
        return false;
    s->heard = heard;
    s->item_capacity = capacity;
    return true;
}

struct sequence_item *sequence_item_of(struct sequence *s, uint32_t item)
{
    if (item < s->item_count)
        return &s->items[item];
    if (item >= SEQUENCE_BEYOND)
        return NULL;
    if (item >= s->item_capacity &&
        !reserve_items(s, (uint32_t)grow_capacity(s->item_capacity, item + 1, SEQUENCE_BEYOND)))
        return NULL;
    for (; s->item_count <= item; s->item_count++) {
        s->items[s->item_count] = (struct sequence_item){.beside = SEQUENCE_NONE};
        s->place[s->item_count] = 0;
        s->heard[s->item_count] = (struct sequence_heard){0};
    }
    return &s->items[item];
}

static void halve_counts(struct sequence *s)
{
    s->total = 0;
    for (uint32_t i = 0; i < s->item_count; i++) {
        s->items[i].count /= 2;
        s->total += s->items[i].count;
    }
}

/* Keeps the most counted in order. */
static void learn_popular(struct sequence *s, uint16_t item)
{
    uint32_t count = ++s->items[item].count, at = 0;
    s->total++;
    while (at < s->popular_count && s->popular[at] != item)
        at++;
    if (at == s->popular_count) {
        if (s->popular_count < SEQUENCE_POPULAR_MAX)
            s->popular_count++;
        else if (s->items[s->popular[at - 1]].count < count)
            at--;
        else
            return;
    }
    for (; at > 0 && s->items[s->popular[at - 1]].count < count; at--)
        s->popular[at] = s->popular[at - 1];
    s->popular[at] = item;
    if (count >= SEQUENCE_COUNT_MAX)
        halve_counts(s);
}

/* ---- what comes after, near by ---- */

static struct sequence_row *row_of(struct sequence *s, uint32_t row)
{
    return &s->tree.rows.rows[row];
}

/* The item's context has opened: what came after it up to now is counted from its events. */
static void open_beside(struct sequence *s, struct sequence_item *item, const uint32_t *chain,
                        uint32_t count)
{
    item->beside = sequence_rows_take(&s->tree.rows);
    for (uint32_t i = 0; item->beside != SEQUENCE_NONE && i < count; i++) {
        uint32_t at = chain[i];
        for (int j = 0; j < SEQUENCE_BESIDE && at != 0; j++) {
            if (sequence_past_at(&s->past, at)->item < SEQUENCE_BEYOND)
                sequence_row_add(&s->arena, row_of(s, item->beside),
                                 sequence_past_at(&s->past, at)->item, beside_weights[j],
                                 SEQUENCE_BESIDE_CLASS);
            at = sequence_past_after(&s->past, at);
        }
    }
}

static void learn_beside(struct sequence *s, const uint32_t *items, uint32_t len, uint16_t next)
{
    for (uint32_t j = 0; j < SEQUENCE_BESIDE && j < len; j++) {
        uint32_t item = items[len - 1 - j];
        if (item < s->item_count && s->items[item].beside != SEQUENCE_NONE)
            sequence_row_add(&s->arena, row_of(s, s->items[item].beside), next, beside_weights[j],
                             SEQUENCE_BESIDE_CLASS);
    }
}

static void learn_same(struct sequence *s, struct sequence_item *item, uint32_t position)
{
    uint32_t same = position - item->latest;
    if (item->latest != 0 && same <= UINT16_MAX)
        sequence_past_at(&s->past, position)->same = (uint16_t)same;
    item->latest = position;
}

void sequence_learn(struct sequence *s, const uint32_t *items, uint32_t len, uint32_t next)
{
    uint32_t opened[SEQUENCE_RARE + 1], opened_count;
    if (next >= SEQUENCE_BEYOND || !sequence_item_of(s, next))
        return;
    for (uint32_t i = 1; i <= SEQUENCE_ORDERS && i <= len; i++) /* they may be copied */
        (void)sequence_item_of(s, items[len - i]);
    uint32_t position = sequence_past_add(&s->past, items, len, next);
    if (position == 0)
        return;
    learn_same(s, &s->items[next], position);
    learn_popular(s, (uint16_t)next);
    learn_beside(s, items, len, (uint16_t)next);
    for (uint32_t back = 1; back < s->settings.reach && back < len; back++)
        if (items[len - 1 - back] < s->item_count)
            sequence_tree_reach(&s->tree, &s->items[items[len - 1 - back]].first, items, len - back,
                                (uint16_t)next);
    struct sequence_item *last = len > 0 ? sequence_item_of(s, items[len - 1]) : NULL;
    if (last &&
        sequence_tree_learn(&s->tree, &last->first, items, len, position, opened, &opened_count))
        open_beside(s, last, opened, opened_count);
}

uint32_t sequence_moment(struct sequence *s)
{
    if ((++s->now & 0xffff) == 0) {
        memset(s->place, 0, s->item_count * sizeof *s->place);
        s->now++;
    }
    return s->now << 16;
}

void sequence_end(struct sequence *s, const uint32_t *items, uint32_t len)
{
    uint32_t position = sequence_past_end(&s->past, items, len);
    if (position == 0)
        return;
    uint16_t session = sequence_store_end(&s->store, position);
    uint32_t now = sequence_moment(s);
    for (uint32_t i = 0; position != 0 && i < SEQUENCE_SESSION_ITEMS; i++) {
        uint32_t item = sequence_past_at(&s->past, position)->item;
        if (item < SEQUENCE_BEYOND && sequence_item_of(s, item) && s->place[item] != now) {
            s->place[item] = now;
            sequence_listed_add(&s->arena, &s->items[item].listed, session);
        }
        position = sequence_past_before(&s->past, position);
    }
}

void sequence_adapt(struct sequence *s, const uint32_t *came, uint32_t count)
{
    sequence_mixer_learn(&s->mixer, s->order, &s->candidates, came, count);
}
