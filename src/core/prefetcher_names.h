/* SPDX-License-Identifier: MIT
 * Small numbers for keys, as long as somebody needs them. Keys are any bytes (NUL and broken UTF-8
 * included), are copied, and are bounded in number and in bytes; numbers given back are given out
 * again. Each key has 64 bits that stand for it elsewhere (a cache's index, what is remembered of
 * keys that are gone): its hash, unless another key that is here has the same. */
#ifndef FOREWARM_CORE_PREFETCHER_NAMES_H
#define FOREWARM_CORE_PREFETCHER_NAMES_H

#include "base/err.h"
#include "base/str.h"
#include "base/table.h"

#define PREFETCHER_NONE UINT32_MAX

struct prefetcher_name {
    char *data; /* NULL: not in use */
    uint64_t hash, stand_in;
    uint32_t len;
    uint32_t next; /* with the same hash; in the list of free ones */
};
struct prefetcher_names {
    struct prefetcher_name *items;
    uint32_t count, capacity, max; /* count: numbers given out so far, free ones included */
    uint32_t free, used;
    uint64_t bytes, bytes_max, seed, replacements;
    uint64_t mask;         /* of hashes; all ones but in tests of equal hashes */
    struct map64 index;    /* hash -> first number */
    struct map64 replaced; /* stand-ins that are no hashes -> number */
};

void prefetcher_names_init(struct prefetcher_names *names, uint32_t max, uint64_t bytes_max,
                           uint64_t seed);
void prefetcher_names_fini(struct prefetcher_names *names);
uint64_t prefetcher_names_hash(const struct prefetcher_names *names, struct str key);
/* PREFETCHER_NONE if it is not known. */
uint32_t prefetcher_names_find(const struct prefetcher_names *names, struct str key, uint64_t hash);
/* The key is not known. FW_LIMIT: too many, or too many bytes. */
FW_MUST_CHECK enum fw_err prefetcher_names_add(struct prefetcher_names *names, struct str key,
                                               uint64_t hash, uint32_t *number);
void prefetcher_names_remove(struct prefetcher_names *names, uint32_t number);
/* PREFETCHER_NONE if it stands for no key that is here. */
uint32_t prefetcher_names_of(const struct prefetcher_names *names, uint64_t stand_in);
static inline struct str prefetcher_names_key(const struct prefetcher_names *names, uint32_t number)
{
    return (struct str){names->items[number].data, names->items[number].len};
}

#endif
