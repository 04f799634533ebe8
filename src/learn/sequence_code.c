/* SPDX-License-Identifier: MIT */
#include "learn/sequence_code.h"
#include <math.h>
#include <stdlib.h>

enum { VERSION = 2, CONTEXTS_MAX = 1 << 24, ENTRIES_MAX = 1 << 26, REACH_MAX = 64 };

/* One function writes and reads each structure, so that the two cannot differ. */
struct code {
    struct buf *out;
    struct buf_reader *in;
};

static void code_u32(struct code *code, uint32_t *value)
{
    if (code->in)
        *value = buf_get_u32(code->in);
    else
        buf_put_u32(code->out, *value);
}

static void code_u16(struct code *code, uint16_t *value)
{
    uint8_t low = (uint8_t)*value, high = (uint8_t)(*value >> 8);
    if (code->in) {
        low = buf_get_u8(code->in);
        high = buf_get_u8(code->in);
        *value = (uint16_t)(low | high << 8);
    } else {
        buf_put_u8(code->out, low);
        buf_put_u8(code->out, high);
    }
}

static void code_u8(struct code *code, uint8_t *value)
{
    if (code->in)
        *value = buf_get_u8(code->in);
    else
        buf_put_u8(code->out, *value);
}

static void code_u64(struct code *code, uint64_t *value)
{
    if (code->in)
        *value = buf_get_u64(code->in);
    else
        buf_put_u64(code->out, *value);
}

static void check(struct code *code, bool sound)
{
    if (code->in && !sound)
        code->in->failed = true;
}

static void code_float(struct code *code, float *value)
{
    if (code->in)
        *value = buf_get_float(code->in);
    else
        buf_put_float(code->out, *value);
    check(code, isfinite(*value));
}

static void code_double(struct code *code, double *value)
{
    if (code->in)
        *value = buf_get_double(code->in);
    else
        buf_put_double(code->out, *value);
    check(code, isfinite(*value) && *value >= 0);
}

/* Before `count` things of at least `bytes` are read: 0 if they cannot be there. */
static uint32_t believable(struct code *code, uint32_t count, uint32_t max, size_t bytes)
{
    check(code, count <= max && (!code->in || (code->in->len - code->in->at) / bytes >= count));
    return code->in && code->in->failed ? 0 : count;
}

/* An array that is written as it is, and read into memory that is made for it. */
static bool make(struct code *code, void **array, uint32_t *capacity, uint32_t count, size_t each)
{
    if (!code->in || count == 0)
        return count > 0;
    void *made = realloc(*array, (count > *capacity ? count : *capacity) * each);
    check(code, made != NULL);
    if (!made)
        return false;
    *array = made;
    *capacity = count > *capacity ? count : *capacity;
    return true;
}

static void code_past(struct code *code, struct sequence_past *past, uint32_t item_count)
{
    code_u32(code, &past->written);
    check(code, past->written > 0);
    uint32_t count = past->written < past->max ? past->written : past->max;
    count = believable(code, count, past->max, 8);
    if (!make(code, (void **)&past->events, &past->capacity, count, sizeof *past->events))
        return;
    for (uint32_t i = 0; i < count; i++) {
        struct sequence_event *event = &past->events[i];
        code_u16(code, &event->item);
        code_u16(code, &event->link_low);
        code_u16(code, &event->same);
        code_u8(code, &event->link_high);
        code_u8(code, &event->back);
        check(code, event->item < item_count || event->item == SEQUENCE_BEYOND);
    }
    code_u32(code, &past->open_count);
    past->open_count = believable(code, past->open_count, SEQUENCE_OPEN, 4);
    for (uint32_t i = 0; i < past->open_count; i++)
        code_u32(code, &past->open[i]);
}

static void code_words(struct code *code, struct sequence_words *arena)
{
    code_u32(code, &arena->used);
    arena->used = believable(code, arena->used, arena->max, 2);
    bool any =
        make(code, (void **)&arena->words, &arena->capacity, arena->used, sizeof *arena->words);
    for (uint32_t i = 0; any && i < arena->used; i++)
        code_u16(code, &arena->words[i]);
    for (int class = 0; class < SEQUENCE_ROW_CLASSES; class ++)
        code_u32(code, &arena->free[class]);
}

static bool inside(const struct sequence_words *arena, uint32_t at, int class)
{
    return class < SEQUENCE_ROW_CLASSES && at < arena->used &&
           2 * sequence_room(class) <= arena->used - at;
}

static void code_rows(struct code *code, struct sequence_rows *rows,
                      const struct sequence_words *arena, uint32_t item_count)
{
    code_u32(code, &rows->used);
    code_u32(code, &rows->free);
    rows->used = believable(code, rows->used, rows->max, 11);
    check(code, rows->free == SEQUENCE_NONE || rows->free < rows->used);
    if (!make(code, (void **)&rows->rows, &rows->capacity, rows->used, sizeof *rows->rows))
        return;
    for (uint32_t i = 0; i < rows->used; i++) {
        struct sequence_row *row = &rows->rows[i];
        code_u32(code, &row->at);
        code_u32(code, &row->total);
        code_u16(code, &row->count);
        code_u8(code, &row->class);
        check(code, row->class < SEQUENCE_ROW_CLASSES);
        if (row->count == 0) /* not in use; a free one leads to the next */
            check(code, row->at == SEQUENCE_NONE || row->at < rows->used || row->at == 0);
        else
            check(code, inside(arena, row->at, row->class) &&
                            row->count <= sequence_room(row->class) && row->total > 0);
        for (uint32_t k = 0; code->in && !code->in->failed && k < row->count; k++)
            check(code, sequence_row_items(arena, row)[k] < item_count);
    }
}

static void code_node(struct code *code, struct sequence_node *node,
                      const struct sequence_rows *rows)
{
    code_u32(code, &node->tag);
    code_u32(code, &node->word);
    check(code, !sequence_node_open(node) || sequence_node_at(node) < rows->used);
}

static void code_tree(struct code *code, struct sequence_tree *tree)
{
    uint32_t capacity = tree->capacity, room = tree->capacity, used = 0;
    code_u32(code, &capacity);
    code_u32(code, &tree->count);
    code_u64(code, &tree->dropped);
    capacity = believable(code, capacity, tree->max, 8);
    if (!make(code, (void **)&tree->nodes, &room, capacity, sizeof *tree->nodes))
        return;
    tree->capacity = capacity;
    for (uint32_t i = 0; i < capacity; i++) {
        code_node(code, &tree->nodes[i], &tree->rows);
        used += tree->nodes[i].tag != 0;
    }
    check(code, used == tree->count && used < capacity);
}

static void code_items(struct code *code, struct sequence *s)
{
    for (uint32_t i = 0; i < s->item_count; i++) {
        struct sequence_item *item = &s->items[i];
        struct sequence_listed *listed = &item->listed;
        code_node(code, &item->first, &s->tree.rows);
        code_u32(code, &listed->at);
        code_u32(code, &listed->seen);
        code_u8(code, &listed->class);
        code_u32(code, &item->latest);
        code_u32(code, &item->count);
        code_u32(code, &item->beside);
        check(code, item->beside == SEQUENCE_NONE || item->beside < s->tree.rows.used);
        check(code, listed->class <= SEQUENCE_LISTED_CLASS);
        check(code, listed->seen == 0 || inside(&s->arena, listed->at, listed->class));
        if (code->in && code->in->failed)
            return;
        uint32_t room = 2 * sequence_room(listed->class);
        uint32_t count = listed->seen < room ? listed->seen : room;
        for (uint32_t k = 0; code->in && !code->in->failed && k < count; k++)
            check(code, s->arena.words[listed->at + k] < SEQUENCE_SESSIONS);
    }
    code_u64(code, &s->total);
    code_u32(code, &s->popular_count);
    s->popular_count = believable(code, s->popular_count, SEQUENCE_POPULAR_MAX, 2);
    for (uint32_t i = 0; i < s->popular_count; i++) {
        code_u16(code, &s->popular[i]);
        check(code, s->popular[i] < s->item_count);
    }
}

/* ---- no word of the arena belongs to two ---- */

static void claim(struct code *code, uint8_t *taken, const struct sequence_words *arena,
                  uint32_t at, int class)
{
    check(code, inside(arena, at, class));
    for (uint32_t i = 0; !code->in->failed && i < 2 * sequence_room(class); i++) {
        check(code, !taken[at + i]);
        taken[at + i] = 1;
    }
}

static void claim_free(struct code *code, uint8_t *taken, const struct sequence_words *arena)
{
    for (int class = 0; class < SEQUENCE_ROW_CLASSES; class ++) {
        uint32_t at = arena->free[class];
        while (at != SEQUENCE_NONE && !code->in->failed) {
            claim(code, taken, arena, at, class);
            if (!code->in->failed)
                at = arena->words[at] | (uint32_t)arena->words[at + 1] << 16;
        }
    }
}

static void check_claims(struct code *code, const struct sequence *s)
{
    uint8_t *taken = calloc((size_t)s->arena.used + 1, 1);
    check(code, taken != NULL);
    for (uint32_t i = 0; !code->in->failed && i < s->tree.rows.used; i++)
        if (s->tree.rows.rows[i].count > 0)
            claim(code, taken, &s->arena, s->tree.rows.rows[i].at, s->tree.rows.rows[i].class);
    for (uint32_t i = 0; !code->in->failed && i < s->item_count; i++)
        if (s->items[i].listed.seen > 0)
            claim(code, taken, &s->arena, s->items[i].listed.at, s->items[i].listed.class);
    if (!code->in->failed)
        claim_free(code, taken, &s->arena);
    free(taken);
    uint32_t at = s->tree.rows.free, steps = 0; /* rows given back: to an end */
    while (at != SEQUENCE_NONE && !code->in->failed) {
        check(code, at < s->tree.rows.used && steps++ < s->tree.rows.used);
        if (!code->in->failed) {
            check(code, s->tree.rows.rows[at].count == 0);
            at = s->tree.rows.rows[at].at;
        }
    }
}

static void code_weights(struct code *code, struct sequence_weights *weights)
{
    for (int i = 0; i < SEQUENCE_FEATURES; i++) {
        code_float(code, &weights->w[i]);
        code_float(code, &weights->squares[i]);
    }
}

static void code_mixer(struct code *code, struct sequence_mixer *mixer)
{
    code_weights(code, &mixer->common);
    for (int i = 0; i < SEQUENCE_GROUPS; i++) {
        code_weights(code, &mixer->by_order[i]);
        code_float(code, &mixer->covered[i]);
    }
    for (int i = 0; i < SEQUENCE_EXPERTS; i++)
        code_float(code, &mixer->linear[i]);
    for (int i = 0; i < SEQUENCE_BINS; i++) {
        code_double(code, &mixer->bins[i].told);
        code_double(code, &mixer->bins[i].came);
    }
    code_float(code, &mixer->rate);
}

static void code_store(struct code *code, struct sequence_store *store)
{
    code_u32(code, &store->ended);
    for (uint32_t i = 0; i < SEQUENCE_SESSIONS && i < store->ended; i++)
        code_u32(code, &store->sessions[i]);
}

static void code_settings(struct code *code, struct sequence_settings *settings)
{
    uint32_t version = VERSION;
    code_u32(code, &version);
    check(code, version == VERSION);
    code_u32(code, &settings->max_events);
    code_u32(code, &settings->max_contexts);
    code_u32(code, &settings->max_entries);
    code_u32(code, &settings->reach);
    code_u32(code, &settings->similar);
    code_double(code, &settings->rate);
    check(code, settings->max_events <= SEQUENCE_EVENTS_MAX &&
                    settings->max_contexts <= CONTEXTS_MAX &&
                    settings->max_entries <= ENTRIES_MAX && settings->reach <= REACH_MAX);
}

static void code_learned(struct code *code, struct sequence *s)
{
    code_words(code, &s->arena);
    code_past(code, &s->past, s->item_count);
    code_rows(code, &s->tree.rows, &s->arena, s->item_count);
    code_tree(code, &s->tree);
    code_items(code, s);
    code_mixer(code, &s->mixer);
    code_store(code, &s->store);
}

void sequence_write(struct sequence *sequence, struct buf *out)
{
    struct code code = {.out = out};
    code_settings(&code, &sequence->settings);
    code_u32(&code, &sequence->item_count);
    code_learned(&code, sequence);
}

enum fw_err sequence_read(struct sequence **out, struct buf_reader *in)
{
    struct code code = {.in = in};
    struct sequence_settings settings = {0};
    uint32_t item_count = 0;
    *out = NULL;
    code_settings(&code, &settings);
    code_u32(&code, &item_count);
    item_count = believable(&code, item_count, SEQUENCE_BEYOND, 29);
    if (in->failed)
        return FW_INPUT;
    enum fw_err err = sequence_create(out, &settings);
    if (err == FW_OK && item_count > 0 && !sequence_item_of(*out, item_count - 1))
        err = FW_NOMEM;
    if (err == FW_OK) {
        code_learned(&code, *out);
        check_claims(&code, *out);
        err = in->failed ? FW_INPUT : FW_OK;
    }
    if (err != FW_OK)
        sequence_free(out);
    return err;
}
