/* SPDX-License-Identifier: MIT */
#include "core/prefetcher_names.h"
#include "base/check.h"
#include "base/grow.h"
#include <stdlib.h>

void prefetcher_names_init(struct prefetcher_names *names, uint32_t max, uint64_t bytes_max,
                           uint64_t seed)
{
    *names = (struct prefetcher_names){.max = max,
                                       .bytes_max = bytes_max,
                                       .seed = seed,
                                       .free = PREFETCHER_NONE,
                                       .mask = UINT64_MAX};
    map64_init(&names->index, max);
    map64_init(&names->replaced, max);
}

void prefetcher_names_fini(struct prefetcher_names *names)
{
    for (uint32_t i = 0; i < names->count; i++)
        free(names->items[i].data);
    free(names->items);
    map64_fini(&names->index);
    map64_fini(&names->replaced);
    *names = (struct prefetcher_names){0};
}

uint64_t prefetcher_names_hash(const struct prefetcher_names *names, struct str key)
{
    return str_hash(key.data, key.len, names->seed) & names->mask;
}

static uint32_t first_of(const struct prefetcher_names *names, uint64_t hash)
{
    uint64_t at;
    return map64_get(&names->index, hash, &at) ? (uint32_t)at : PREFETCHER_NONE;
}

uint32_t prefetcher_names_find(const struct prefetcher_names *names, struct str key, uint64_t hash)
{
    uint32_t at = first_of(names, hash);
    while (at != PREFETCHER_NONE && !str_equal(prefetcher_names_key(names, at), key))
        at = names->items[at].next;
    return at;
}

uint32_t prefetcher_names_of(const struct prefetcher_names *names, uint64_t stand_in)
{
    uint64_t at;
    uint32_t number = first_of(names, stand_in);
    while (number != PREFETCHER_NONE && names->items[number].stand_in != stand_in)
        number = names->items[number].next;
    if (number == PREFETCHER_NONE && map64_get(&names->replaced, stand_in, &at))
        number = (uint32_t)at;
    return number;
}

static enum fw_err grow(struct prefetcher_names *names)
{
    uint64_t capacity = grow_capacity(names->capacity, names->count + 1, names->max);
    struct prefetcher_name *items = realloc(names->items, (size_t)capacity * sizeof *items);
    if (!items)
        return FW_NOMEM;
    names->items = items;
    names->capacity = (uint32_t)capacity;
    return FW_OK;
}

enum fw_err prefetcher_names_add(struct prefetcher_names *names, struct str key, uint64_t hash,
                                 uint32_t *number)
{
    if (names->used >= names->max || key.len > names->bytes_max - names->bytes)
        return FW_LIMIT;
    if (names->free == PREFETCHER_NONE && names->count == names->capacity)
        FW_TRY(grow(names));
    uint32_t same = first_of(names, hash);
    uint32_t at = names->free != PREFETCHER_NONE ? names->free : names->count;
    uint64_t stand_in = hash;
    if (same != PREFETCHER_NONE) /* a hash of anything else but by accident */
        stand_in = ~hash ^ (++names->replacements * UINT64_C(0x9E3779B97F4A7C15));
    char *data = malloc(key.len > 0 ? key.len : 1);
    if (!data)
        return FW_NOMEM;
    if (same != PREFETCHER_NONE && map64_set(&names->replaced, stand_in, at) != FW_OK) {
        free(data);
        return FW_NOMEM;
    }
    if (map64_set(&names->index, hash, at) != FW_OK) { /* only if it is the first with this hash */
        free(data);
        return FW_NOMEM;
    }
    if (key.len > 0)
        memcpy(data, key.data, key.len);
    if (names->free != PREFETCHER_NONE)
        names->free = names->items[at].next;
    else
        names->count++;
    struct prefetcher_name *name = &names->items[at];
    *name = (struct prefetcher_name){
        .hash = hash, .stand_in = stand_in, .len = (uint32_t)key.len, .next = same};
    name->data = data;
    names->bytes += key.len;
    names->used++;
    *number = at;
    return FW_OK;
}

void prefetcher_names_remove(struct prefetcher_names *names, uint32_t number)
{
    struct prefetcher_name *name = &names->items[number];
    CHECK(number < names->count && name->data);
    uint32_t first = first_of(names, name->hash);
    if (first != number) {
        while (names->items[first].next != number)
            first = names->items[first].next;
        names->items[first].next = name->next;
    } else if (name->next == PREFETCHER_NONE) {
        map64_remove(&names->index, name->hash, NULL);
    } else {
        CHECK(map64_set(&names->index, name->hash, name->next) == FW_OK); /* it is there: no room */
    }
    if (name->stand_in != name->hash)
        map64_remove(&names->replaced, name->stand_in, NULL);
    names->bytes -= name->len;
    names->used--;
    free(name->data);
    *name = (struct prefetcher_name){.next = names->free};
    names->free = number;
}
