/* SPDX-License-Identifier: MIT
 * Inside the Redis store: what its files share. */
#ifndef FOREWARM_EDGE_STORE_REDIS_H
#define FOREWARM_EDGE_STORE_REDIS_H

#include "edge/store/redis_link.h"
#include "edge/store/store.h"
#include <pthread.h>

struct redis_store {
    struct store store;
    struct redis_link link;
    pthread_mutex_t lock;
    bool read; /* what it held when we began is known */
};

/* With the lock and a connection. FW_EXISTS: it holds what we have never read. */
FW_MUST_CHECK enum fw_err redis_may_write(struct redis_store *store, struct fw_detail *detail);
/* store_ops.put_parts, store_ops.get_parts */
enum fw_err redis_put_parts(struct store *base, const char *kind, const struct store_part *parts,
                            size_t count, struct fw_detail *detail);
enum fw_err redis_get_parts(struct store *base, const char *kind, store_part_fn *take,
                            void *context, struct fw_detail *detail);

#endif
