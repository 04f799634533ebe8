/* SPDX-License-Identifier: MIT
 * Head and tail count items ever read and written and are never folded; each is written by one
 * thread only. Releasing the counter publishes the item, acquiring it makes the item visible. */
#include "base/ring.h"
#include "base/check.h"
#include <stdlib.h>
#include <string.h>

enum fw_err ring_init(struct ring *ring, size_t item_size, size_t capacity)
{
    CHECK(item_size > 0 && capacity > 0 && (capacity & (capacity - 1)) == 0);
    unsigned char *items = calloc(capacity, item_size);
    if (!items)
        return FW_NOMEM;
    atomic_init(&ring->head, 0);
    atomic_init(&ring->tail, 0);
    ring->items = items;
    ring->item_size = item_size;
    ring->capacity = capacity;
    return FW_OK;
}

void ring_fini(struct ring *ring)
{
    free(ring->items);
    ring->items = NULL;
    ring->capacity = 0;
}

static unsigned char *item_at(const struct ring *ring, uint64_t number)
{
    return ring->items + (size_t)(number & (ring->capacity - 1)) * ring->item_size;
}

bool ring_push(struct ring *ring, const void *item)
{
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
    if (tail - head == ring->capacity)
        return false;
    memcpy(item_at(ring, tail), item, ring->item_size);
    atomic_store_explicit(&ring->tail, tail + 1, memory_order_release);
    return true;
}

bool ring_pop(struct ring *ring, void *item)
{
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    if (head == tail)
        return false;
    memcpy(item, item_at(ring, head), ring->item_size);
    atomic_store_explicit(&ring->head, head + 1, memory_order_release);
    return true;
}
