/* SPDX-License-Identifier: MIT
 * Where learning, accounts and the numbers of running commands outlive the process: one small
 * interface, one file a kind. What save returned FW_OK for is there after kill -9. A file that is
 * newer, damaged or not ours is refused and left as it is. Calls may come from any thread. */
#ifndef FOREWARM_EDGE_STORE_H
#define FOREWARM_EDGE_STORE_H

#include "base/buf.h"
#include "edge/store/kept.h"
#include <stdbool.h>

enum { STORE_SNAPSHOT_MAX = 1 << 30, STORE_SOURCES_MAX = 1024 };

struct store_resource {
    char id[256];
    struct site_learned learned;
    struct saved_child child; /* command: owned by the content */
};

/* Everything that is kept. */
struct store_content {
    int64_t at_ns;     /* the brain's time when it was taken; 0: nothing was kept yet */
    struct buf engine; /* engine_save; empty: none */
    struct store_resource *resources;
    uint32_t resource_count;
    char **sources; /* names of hint sources: number 1 + index */
    uint32_t source_count;
};
void store_content_fini(struct store_content *content);

/* What grows by itself is kept in parts, each written alone: a name and bytes, of one kind. */
enum { STORE_PART_NAME_MAX = 320, STORE_PART_MAX = 1 << 24 };
struct store_part {
    const char *name; /* at most STORE_PART_NAME_MAX bytes */
    struct str data;  /* empty: the part is no longer kept */
};
typedef void store_part_fn(void *context, const char *name, struct str data);

struct store;
struct store_ops {
    const char *name;
    bool lasting;  /* something survives the process */
    bool children; /* and so may the commands it started: their numbers are kept */
    enum fw_err (*load)(struct store *store, struct store_content *content,
                        struct fw_detail *detail);
    /* All of it, at once; the children are written by save_child alone. */
    enum fw_err (*save)(struct store *store, const struct store_content *content,
                        struct fw_detail *detail);
    enum fw_err (*save_child)(struct store *store, const char *id, const struct saved_child *child,
                              struct fw_detail *detail);
    /* Each takes the place of the part of that kind and name. SQLite: all of them, or none; what
     * Redis took before it failed is there. */
    enum fw_err (*put_parts)(struct store *store, const char *kind, const struct store_part *parts,
                             size_t count, struct fw_detail *detail);
    /* Calls for each part of the kind; what is not there yet is no error. */
    enum fw_err (*get_parts)(struct store *store, const char *kind, store_part_fn *take,
                             void *context, struct fw_detail *detail);
    void (*close)(struct store *store);
};
struct store {
    const struct store_ops *ops;
};

/* "memory:", "sqlite:PATH", "redis://HOST:PORT/DB" (`password_file`: for that; "" none, and must
 * live as long as the store). FW_FOREIGN, FW_VERSION, FW_CORRUPT, FW_IN_USE, FW_IO. */
FW_MUST_CHECK enum fw_err store_open(struct store **store, const char *url,
                                     const char *password_file, struct fw_detail *detail);
void store_close(struct store **store);

FW_MUST_CHECK enum fw_err store_memory_open(struct store **store);
FW_MUST_CHECK enum fw_err store_sqlite_open(struct store **store, const char *path,
                                            struct fw_detail *detail);
/* One snapshot for all who share that Redis, in a versioned hash; the latest counts. A Redis that
 * does not answer is no error of opening or loading: then there is nothing yet, and what it holds
 * is not written over by one that has never read it. Children die with us: nobody adopts them. */
FW_MUST_CHECK enum fw_err store_redis_open(struct store **store, const char *url,
                                           const char *password_file, struct fw_detail *detail);

/* What is learned of a resource, as bytes. */
enum { STORE_LEARNED_MAX = 4096 };
void store_learned_put(struct buf *out, const struct site_learned *learned);
FW_MUST_CHECK bool store_learned_get(const void *data, int len, struct site_learned *learned);

#endif
