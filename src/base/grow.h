/* SPDX-License-Identifier: MIT
 * How arrays grow: by a quarter, so that at most a fifth lies idle. Large ones are moved by the
 * kernel's page tables, not copied, wherever realloc knows how; small ones are cheap to copy. */
#ifndef FOREWARM_BASE_GROW_H
#define FOREWARM_BASE_GROW_H

#include <stdint.h>

enum { GROW_MIN = 16 };

/* The capacity for `wanted` items, `wanted` <= `max`; from `capacity`, which is too small. */
static inline uint64_t grow_capacity(uint64_t capacity, uint64_t wanted, uint64_t max)
{
    uint64_t next = capacity + capacity / 4 + GROW_MIN;
    if (next < wanted)
        next = wanted;
    return next < max ? next : max;
}

#endif
