/* SPDX-License-Identifier: MIT
 * The table of contexts: bounded, and the same after the same calls. */
#include "base/check.h"
#include "base/prng.h"
#include "base/time.h"
#include "learn/decay.h"
#include "learn/transitions_part.h"
#include <stdlib.h>

enum { WAYS = 8, BUCKETS_FIRST = 8, BUCKETS_LIMIT = 1 << 24 };
#define FREE         UINT64_MAX     /* the key of no context: that one is kept apart */
#define USEFUL_NS    (3 * TIME_DAY) /* time constant by which a context's visits count less */
#define BUCKET_BYTES (WAYS * (sizeof(uint64_t) + sizeof(struct transition_cell)))

void transition_cell_init(struct transition_cell *cell)
{
    *cell = (struct transition_cell){0};
    for (int i = 0; i < TRANSITION_NEXT; i++)
        cell->next[i].resource = TRANSITION_NONE;
}

void transitions_init(struct transitions *transitions, uint64_t max_bytes)
{
    *transitions = (struct transitions){0};
    transition_cell_init(&transitions->any);
    uint64_t buckets = max_bytes / BUCKET_BYTES;
    if (buckets == 0)
        return;
    uint32_t max = 1;
    while (max < BUCKETS_LIMIT && (uint64_t)max * 2 <= buckets)
        max *= 2;
    transitions->bucket_max = max;
}

void transitions_fini(struct transitions *transitions)
{
    free(transitions->keys);
    free(transitions->cells);
    *transitions = (struct transitions){0};
}

uint64_t transitions_bytes(const struct transitions *transitions)
{
    return (uint64_t)transitions->bucket_count * BUCKET_BYTES;
}

static uint64_t key_of(uint32_t before, uint32_t last)
{
    return (uint64_t)before << 32 | last;
}

static size_t bucket_of(uint64_t key, uint32_t bucket_count)
{
    return (size_t)(prng_mix(key, 1) & (bucket_count - 1)) * WAYS;
}

struct transition_cell *transitions_find(const struct transitions *transitions, uint32_t before,
                                         uint32_t last)
{
    if (transitions->bucket_count == 0)
        return NULL;
    uint64_t key = key_of(before, last);
    size_t first = bucket_of(key, transitions->bucket_count);
    for (size_t i = first; i < first + WAYS && transitions->keys[i] != FREE; i++)
        if (transitions->keys[i] == key)
            return &transitions->cells[i];
    return NULL;
}

/* What is in a bucket goes, in order, to one of two: neither can overflow. */
static enum fw_err resize(struct transitions *transitions, uint32_t bucket_count)
{
    size_t places = (size_t)bucket_count * WAYS, before = (size_t)transitions->bucket_count * WAYS;
    uint64_t *keys = malloc(places * sizeof *keys);
    struct transition_cell *cells = malloc(places * sizeof *cells);
    if (!keys || !cells) {
        free(keys);
        free(cells);
        return FW_NOMEM;
    }
    for (size_t i = 0; i < places; i++)
        keys[i] = FREE;
    for (size_t i = 0; i < before; i++) {
        if (transitions->keys[i] == FREE)
            continue;
        size_t to = bucket_of(transitions->keys[i], bucket_count);
        while (keys[to] != FREE)
            to++;
        keys[to] = transitions->keys[i];
        cells[to] = transitions->cells[i];
    }
    free(transitions->keys);
    free(transitions->cells);
    transitions->keys = keys;
    transitions->cells = cells;
    transitions->bucket_count = bucket_count;
    return FW_OK;
}

/* The context of a full bucket that has been of least use lately. */
static size_t least_useful(const struct transitions *transitions, size_t first, int64_t now_ns)
{
    size_t worst = first;
    double least = 0;
    for (size_t i = first; i < first + WAYS; i++) {
        const struct transition_cell *cell = &transitions->cells[i];
        double use = (double)cell->visits * decay_over(now_ns - cell->at_ns, USEFUL_NS);
        if (i == first || use < least) {
            worst = i;
            least = use;
        }
    }
    return worst;
}

/* A place for a new key; SIZE_MAX: the bucket is full. */
static size_t free_place(const struct transitions *transitions, uint64_t key, size_t *first)
{
    if (transitions->bucket_count == 0)
        return SIZE_MAX;
    *first = bucket_of(key, transitions->bucket_count);
    for (size_t i = *first; i < *first + WAYS; i++)
        if (transitions->keys[i] == FREE)
            return i;
    return SIZE_MAX;
}

enum fw_err transitions_place(struct transitions *transitions, uint32_t before, uint32_t last,
                              int64_t now_ns, struct transition_cell **cell)
{
    *cell = transitions_find(transitions, before, last);
    if (*cell)
        return FW_OK;
    uint64_t key = key_of(before, last);
    size_t first = 0, place;
    while ((place = free_place(transitions, key, &first)) == SIZE_MAX &&
           transitions->bucket_count < transitions->bucket_max) {
        uint32_t more =
            transitions->bucket_count > 0 ? transitions->bucket_count * 2 : (uint32_t)BUCKETS_FIRST;
        FW_TRY(
            resize(transitions, more < transitions->bucket_max ? more : transitions->bucket_max));
    }
    if (place == SIZE_MAX) {
        place = least_useful(transitions, first, now_ns);
        transitions->dropped++;
    } else {
        transitions->count++;
    }
    CHECK(transitions->cells && transitions->keys);
    transitions->keys[place] = key;
    *cell = &transitions->cells[place];
    transition_cell_init(*cell);
    (*cell)->at_ns = now_ns;
    return FW_OK;
}

/* ---- as bytes ---- */

static void save_cell(const struct transition_cell *cell, struct buf *out)
{
    buf_put_i64(out, cell->at_ns);
    buf_put_float(out, cell->visits);
    buf_put_float(out, cell->follows);
    for (int i = 0; i < TRANSITION_NEXT; i++) {
        const struct transition_next *next = &cell->next[i];
        buf_put_u32(out, next->resource);
        if (next->resource == TRANSITION_NONE)
            continue;
        buf_put_float(out, next->count);
        buf_add(out, next->delays, sizeof next->delays);
    }
}

static bool load_cell(struct transition_cell *cell, struct buf_reader *in, uint32_t resources)
{
    transition_cell_init(cell);
    cell->at_ns = buf_get_i64(in);
    cell->visits = buf_get_float(in);
    cell->follows = buf_get_float(in);
    bool good = cell->visits >= 0 && cell->follows >= 0;
    for (int i = 0; i < TRANSITION_NEXT; i++) {
        struct transition_next *next = &cell->next[i];
        next->resource = buf_get_u32(in);
        if (next->resource == TRANSITION_NONE)
            continue;
        next->count = buf_get_float(in);
        for (int j = 0; j < TRANSITION_DELAYS; j++)
            next->delays[j] = buf_get_u8(in);
        good = good && next->resource < resources && next->count >= 0;
    }
    return good && !in->failed;
}

/* In the order of the places: reading back in that order puts every context where it was. */
void transitions_save(const struct transitions *transitions, struct buf *out)
{
    buf_put_u32(out, transitions->bucket_count);
    buf_put_u32(out, transitions->count);
    buf_put_u64(out, transitions->dropped);
    save_cell(&transitions->any, out);
    for (size_t i = 0; i < (size_t)transitions->bucket_count * WAYS; i++) {
        if (transitions->keys[i] == FREE)
            continue;
        buf_put_u64(out, transitions->keys[i]);
        save_cell(&transitions->cells[i], out);
    }
}

static bool load_context(struct transitions *transitions, struct buf_reader *in, uint32_t resources)
{
    struct transition_cell read, *cell;
    uint64_t key = buf_get_u64(in);
    uint32_t before = (uint32_t)(key >> 32), last = (uint32_t)key;
    if (!load_cell(&read, in, resources) || last >= resources ||
        (before >= resources && before < TRANSITION_START) ||
        transitions_find(transitions, before, last))
        return false;
    if (!transitions_enabled(transitions))
        return true; /* not wanted any more: read past */
    if (transitions_place(transitions, before, last, read.at_ns, &cell) != FW_OK)
        return false;
    *cell = read;
    return true;
}

bool transitions_load(struct transitions *transitions, struct buf_reader *in, uint32_t resources)
{
    uint32_t bucket_count = buf_get_u32(in), count = buf_get_u32(in);
    uint64_t dropped = buf_get_u64(in);
    bool power = (bucket_count & (bucket_count - 1)) == 0 && bucket_count <= BUCKETS_LIMIT;
    if (in->failed || !power || count > (uint64_t)bucket_count * WAYS ||
        !load_cell(&transitions->any, in, resources))
        return false;
    if (bucket_count > 0 && count > 0 && bucket_count <= transitions->bucket_max &&
        count <= in->len && resize(transitions, bucket_count) != FW_OK)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!load_context(transitions, in, resources))
            return false;
    transitions->dropped += dropped;
    return true;
}
