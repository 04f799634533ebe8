/* SPDX-License-Identifier: MIT
 * Hash tables that iterate in insertion order.
 * `table` gives each distinct key (bytes) a dense number 0, 1, 2, ...; keys are copied and never
 * removed. `map64` maps 64-bit keys to 64-bit values and forgets on request. */
#ifndef FOREWARM_BASE_TABLE_H
#define FOREWARM_BASE_TABLE_H

#include "base/err.h"
#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

#define TABLE_NONE UINT32_MAX

struct table_key {
    uint32_t offset, len; /* into the arena */
    uint32_t hash;
};
struct table {
    uint32_t *slots; /* open addressing, holds number + 1 */
    uint32_t slot_count;
    struct table_key *keys;
    uint32_t count, keys_capacity, max;
    char *arena;
    size_t arena_len, arena_capacity;
};

void table_init(struct table *table, uint32_t max);
void table_fini(struct table *table);
/* The number of the key, new or known. FW_LIMIT at `max` keys, FW_NOMEM. `added` (may be NULL) says
 * which. */
FW_MUST_CHECK enum fw_err table_add(struct table *table, struct str key, uint32_t *number,
                                    bool *added);
uint32_t table_find(const struct table *table, struct str key); /* TABLE_NONE if absent */
struct str table_key(const struct table *table, uint32_t number);

struct map64_slot {
    uint64_t key, value;
    bool used;
};
struct map64 {
    struct map64_slot *slots;
    size_t slot_count, count, max;
};
void map64_init(struct map64 *map, size_t max);
void map64_fini(struct map64 *map);
FW_MUST_CHECK enum fw_err map64_set(struct map64 *map, uint64_t key, uint64_t value);
bool map64_get(const struct map64 *map, uint64_t key, uint64_t *value);
bool map64_remove(struct map64 *map, uint64_t key, uint64_t *value); /* value may be NULL */

#endif
