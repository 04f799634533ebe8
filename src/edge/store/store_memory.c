/* SPDX-License-Identifier: MIT
 * Nothing is kept: for tests, and for those who want none. */
#include "edge/store/store.h"
#include <stdlib.h>

static enum fw_err load(struct store *store, struct store_content *content,
                        struct fw_detail *detail)
{
    (void)store, (void)detail;
    *content = (struct store_content){0};
    buf_init(&content->engine, STORE_SNAPSHOT_MAX);
    return FW_OK;
}

static enum fw_err save(struct store *store, const struct store_content *content,
                        struct fw_detail *detail)
{
    (void)store, (void)content, (void)detail;
    return FW_OK;
}

static enum fw_err save_child(struct store *store, const char *id, const struct saved_child *child,
                              struct fw_detail *detail)
{
    (void)store, (void)id, (void)child, (void)detail;
    return FW_OK;
}

static enum fw_err put_parts(struct store *store, const char *kind, const struct store_part *parts,
                             size_t count, struct fw_detail *detail)
{
    (void)store, (void)kind, (void)parts, (void)count, (void)detail;
    return FW_OK;
}

static enum fw_err get_parts(struct store *store, const char *kind, store_part_fn *take,
                             void *context, struct fw_detail *detail)
{
    (void)store, (void)kind, (void)take, (void)context, (void)detail;
    return FW_OK;
}

static void close_store(struct store *store)
{
    free(store);
}

enum fw_err store_memory_open(struct store **store)
{
    static const struct store_ops ops = {"memory",   false,     false,     load,       save,
                                         save_child, put_parts, get_parts, close_store};
    *store = calloc(1, sizeof **store);
    if (!*store)
        return FW_NOMEM;
    (*store)->ops = &ops;
    return FW_OK;
}
