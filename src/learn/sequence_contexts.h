/* SPDX-License-Identifier: MIT
 * What followed each context: a hash of the context (64 bits stand for it) to its list of
 * successors. Buckets of eight; the table doubles up to its limit, and from there on a newcomer
 * takes the place of the context of its bucket that was seen least. */
#ifndef FOREWARM_LEARN_SEQUENCE_CONTEXTS_H
#define FOREWARM_LEARN_SEQUENCE_CONTEXTS_H

#include "learn/sequence_lists.h"
#include <stdbool.h>
#include <stdint.h>

enum { SEQUENCE_BUCKET = 8 };
struct sequence_contexts {
    uint64_t *keys; /* 0: free */
    struct sequence_list *lists;
    uint32_t bucket_count, bucket_max, count;
    uint64_t dropped; /* contexts that made way */
    struct sequence_arena arena;
};

bool sequence_contexts_init(struct sequence_contexts *contexts, uint32_t max_contexts,
                            uint32_t max_entries);
void sequence_contexts_fini(struct sequence_contexts *contexts);
/* NULL: never seen, or forgotten. */
const struct sequence_list *sequence_contexts_find(const struct sequence_contexts *contexts,
                                                   uint64_t key);
void sequence_contexts_learn(struct sequence_contexts *contexts, uint64_t key, uint32_t item,
                             uint32_t limit);
static inline uint64_t sequence_key(uint64_t before, uint32_t item)
{
    uint64_t x = (before ^ (item + 1ull)) * 0x9e3779b97f4a7c15ull;
    x = (x ^ (x >> 29)) * 0xbf58476d1ce4e5b9ull;
    x ^= x >> 32;
    return x ? x : 1;
}

#endif
