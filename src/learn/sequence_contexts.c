/* SPDX-License-Identifier: MIT */
#include "learn/sequence_contexts.h"
#include <stdlib.h>

enum { BUCKETS_FIRST = 64 };

static bool allocate(struct sequence_contexts *contexts, uint32_t bucket_count)
{
    size_t slots = (size_t)bucket_count * SEQUENCE_BUCKET;
    contexts->keys = calloc(slots, sizeof *contexts->keys);
    contexts->lists = calloc(slots, sizeof *contexts->lists);
    contexts->bucket_count = bucket_count;
    if (contexts->keys && contexts->lists)
        return true;
    free(contexts->keys);
    free(contexts->lists);
    return false;
}

bool sequence_contexts_init(struct sequence_contexts *contexts, uint32_t max_contexts,
                            uint32_t max_entries)
{
    *contexts = (struct sequence_contexts){.bucket_max = BUCKETS_FIRST};
    while ((uint64_t)contexts->bucket_max * 2 * SEQUENCE_BUCKET <= max_contexts)
        contexts->bucket_max *= 2;
    sequence_arena_init(&contexts->arena, max_entries);
    if (allocate(contexts, BUCKETS_FIRST))
        return true;
    *contexts = (struct sequence_contexts){0};
    return false;
}

void sequence_contexts_fini(struct sequence_contexts *contexts)
{
    free(contexts->keys);
    free(contexts->lists);
    sequence_arena_fini(&contexts->arena);
    *contexts = (struct sequence_contexts){0};
}

static size_t bucket_of(const struct sequence_contexts *contexts, uint64_t key)
{
    return (size_t)(key & (contexts->bucket_count - 1)) * SEQUENCE_BUCKET;
}

const struct sequence_list *sequence_contexts_find(const struct sequence_contexts *contexts,
                                                   uint64_t key)
{
    size_t at = bucket_of(contexts, key);
    for (size_t i = at; i < at + SEQUENCE_BUCKET && contexts->keys[i] != 0; i++)
        if (contexts->keys[i] == key)
            return &contexts->lists[i];
    return NULL;
}

/* Twice the buckets: the contexts of one go to two, so that none overflows. */
static bool grow(struct sequence_contexts *contexts)
{
    struct sequence_contexts old = *contexts;
    if (!allocate(contexts, old.bucket_count * 2)) {
        *contexts = old;
        return false;
    }
    for (size_t i = 0; i < (size_t)old.bucket_count * SEQUENCE_BUCKET; i++) {
        if (old.keys[i] == 0)
            continue;
        size_t to = bucket_of(contexts, old.keys[i]);
        while (contexts->keys[to] != 0)
            to++;
        contexts->keys[to] = old.keys[i];
        contexts->lists[to] = old.lists[i];
    }
    free(old.keys);
    free(old.lists);
    return true;
}

/* The place for a new context. */
static size_t place(struct sequence_contexts *contexts, uint64_t key)
{
    for (;;) {
        size_t at = bucket_of(contexts, key), least = at;
        for (size_t i = at; i < at + SEQUENCE_BUCKET; i++) {
            if (contexts->keys[i] == 0) {
                contexts->count++;
                return i;
            }
            if (contexts->lists[i].total < contexts->lists[least].total)
                least = i;
        }
        bool sparse =
            (uint64_t)contexts->count * 2 < (uint64_t)contexts->bucket_count * SEQUENCE_BUCKET;
        if (!sparse && contexts->bucket_count < contexts->bucket_max && grow(contexts))
            continue;
        sequence_list_release(&contexts->arena, &contexts->lists[least]);
        contexts->dropped++;
        return least;
    }
}

void sequence_contexts_learn(struct sequence_contexts *contexts, uint64_t key, uint32_t item,
                             uint32_t limit)
{
    size_t at = bucket_of(contexts, key), i = at;
    while (i < at + SEQUENCE_BUCKET && contexts->keys[i] != 0 && contexts->keys[i] != key)
        i++;
    if (i == at + SEQUENCE_BUCKET || contexts->keys[i] != key) {
        i = place(contexts, key);
        contexts->keys[i] = key;
    }
    sequence_list_add(&contexts->arena, &contexts->lists[i], item, 1, limit);
}
