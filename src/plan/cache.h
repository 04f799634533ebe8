/* SPDX-License-Identifier: MIT
 * A bounded cache of keys: what stays, by entries or by bytes. It holds no values: whoever does is
 * told what left. The algorithm is a row of a table, one file each:
 *   LRU      the entry whose last use is longest ago leaves;
 *   SIEVE    Zhang et al., "SIEVE is Simpler than LRU", NSDI 2024, section 3;
 *   S3-FIFO  Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023, section 4;
 *   LIRS     Jiang and Zhang, "LIRS: an efficient low inter-reference recency set replacement
 *            policy", SIGMETRICS 2002, section 3.
 * What was fetched ahead and not used yet is on probation: a queue of its own, first in first out,
 * that takes a share of the room at most, so that wrong guesses push out each other before they
 * push out what was used, and go when nobody asks for them. The first use makes such an entry a new
 * entry of the algorithm. */
#ifndef FOREWARM_PLAN_CACHE_H
#define FOREWARM_PLAN_CACHE_H

#include "base/err.h"
#include "base/table.h"
#include <stdbool.h>
#include <stdint.h>

#define CACHE_NONE UINT32_MAX
enum {
    CACHE_ENTRIES_MAX = 1 << 28,  /* with those remembered without being held */
    CACHE_PROBATION_SHARE = 10,   /* a tenth of the room for what was fetched ahead, */
    CACHE_PROBATION_ENTRIES = 16, /* but this many entries, */
    CACHE_PROBATION_LIFE = 64,    /* leaves after so many additions, or a tenth of what is held */
    CACHE_PROBATION_MOST = 2,     /* if they take half of the room at most */
};

enum cache_queue {
    CACHE_FREE,
    CACHE_PROBATION,
    CACHE_MAIN,
    CACHE_SMALL, /* S3-FIFO: new entries; LIRS: those with long distances */
    CACHE_GHOST, /* the keys of what left CACHE_SMALL, not held */
    CACHE_QUEUES
};
struct cache_entry {
    uint64_t key, bytes;
    uint32_t newer, older;             /* in its queue */
    uint32_t stack_newer, stack_older; /* LIRS */
    uint32_t added;                    /* the number of its addition, modulo 2^32 */
    uint8_t queue;                     /* enum cache_queue */
    uint8_t uses;                      /* what the algorithm remembers of them */
    bool in_stack;                     /* LIRS */
};
struct cache_list {
    uint32_t newest, oldest, count;
    uint64_t bytes;
};

enum cache_algorithm_number {
    CACHE_LRU,
    CACHE_SIEVE,
    CACHE_S3FIFO,
    CACHE_LIRS,
    CACHE_ALGORITHM_COUNT
};
struct cache_algorithm;

/* Told of every entry that leaves to make room, before it is gone; it must not touch the cache. */
typedef void cache_evicted_fn(void *context, const struct cache_entry *entry);

struct cache {
    const struct cache_algorithm *algorithm;
    uint64_t capacity, bytes; /* bytes: of what is held */
    struct cache_entry *entries;
    uint32_t entry_count, entry_capacity, free;
    struct map64 index;
    struct cache_list lists[CACHE_QUEUES];
    uint32_t hand;                       /* SIEVE */
    uint32_t stack_newest, stack_oldest; /* LIRS */
    uint32_t additions;                  /* modulo 2^32 */
    cache_evicted_fn *evicted;
    void *context;
};

/* `capacity` in bytes; for a cache by entries every entry has one. */
void cache_init(struct cache *cache, int algorithm, uint64_t capacity);
void cache_fini(struct cache *cache);
const char *cache_algorithm_name(int algorithm);
const char *cache_algorithm_sentence(int algorithm);
/* Is it held? Has no effect on what leaves: a prediction is no use. */
const struct cache_entry *cache_peek(const struct cache *cache, uint64_t key);
/* A request: true if the key is held. An entry on probation has then passed. */
bool cache_use(struct cache *cache, uint64_t key);
/* Holds the key from now on, and lets others leave for it. FW_LIMIT: larger than the room there is
 * for its kind, nothing changed. What is held already takes the new size and its place stays; what
 * was fetched ahead passes probation if `ahead` is false. No bytes count as one. */
FW_MUST_CHECK enum fw_err cache_add(struct cache *cache, uint64_t key, uint64_t bytes, bool ahead);
/* Lets one entry leave, as if there was need for room; false if nothing is held. */
bool cache_shrink(struct cache *cache);
/* Forgets the key: it is wrong, or its owner wants it gone. False if it is not held. */
bool cache_remove(struct cache *cache, uint64_t key);

#endif
