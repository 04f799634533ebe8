/* SPDX-License-Identifier: MIT
 * Inside the SQLite store: what its files share. */
#ifndef FOREWARM_EDGE_STORE_SQLITE_H
#define FOREWARM_EDGE_STORE_SQLITE_H

#include "edge/store/store.h"
#include <pthread.h>
#include <sqlite3.h>

struct sqlite_store {
    struct store store;
    sqlite3 *db;
    pthread_mutex_t lock;
    char path[1024];
};

/* The error of a code, in words. */
enum fw_err sqlite_failed(struct sqlite_store *store, int code, const char *what,
                          struct fw_detail *detail);
int sqlite_execute(struct sqlite_store *store, const char *sql);

/* The table of parts; files of before there were such get it. */
FW_MUST_CHECK enum fw_err sqlite_parts_set_up(struct sqlite_store *store, struct fw_detail *detail);
/* store_ops.put_parts, store_ops.get_parts */
enum fw_err sqlite_put_parts(struct store *base, const char *kind, const struct store_part *parts,
                             size_t count, struct fw_detail *detail);
enum fw_err sqlite_get_parts(struct store *base, const char *kind, store_part_fn *take,
                             void *context, struct fw_detail *detail);

#endif
