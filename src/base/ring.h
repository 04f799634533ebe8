/* SPDX-License-Identifier: MIT
 * A ring between one writing and one reading thread (C11 atomics, no lock): fixed-size items,
 * capacity a power of two. */
#ifndef FOREWARM_BASE_RING_H
#define FOREWARM_BASE_RING_H

#include "base/err.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
    _Alignas(64) _Atomic uint64_t head; /* next to read */
    _Alignas(64) _Atomic uint64_t tail; /* next to write */
    _Alignas(64) unsigned char *items;
    size_t item_size, capacity;
};

FW_MUST_CHECK enum fw_err ring_init(struct ring *ring, size_t item_size, size_t capacity);
void ring_fini(struct ring *ring);
bool ring_push(struct ring *ring, const void *item); /* false: full */
bool ring_pop(struct ring *ring, void *item);        /* false: empty */

#endif
