/* SPDX-License-Identifier: MIT
 * Runs that live as long as the process, and the choice among the kinds. */
#include "edge/store/store_runs.h"
#include "base/table.h"
#include <stdlib.h>

struct kept_run {
    struct kept_run *next;
    size_t len;
    char facts[];
};
struct memory_runs {
    struct store_runs runs;
    struct map64 ids[2]; /* the newer and the older half of those that are known */
    struct kept_run *first, **end;
};

static enum fw_err memory_load(struct store_runs *runs, struct store_runs_at *at, struct buf *state,
                               struct fw_detail *detail)
{
    (void)runs, (void)state, (void)detail;
    *at = (struct store_runs_at){0, 0};
    return FW_OK;
}

static enum fw_err remember(struct memory_runs *memory, uint64_t id)
{
    if (memory->ids[0].count >= STORE_RUNS_IDS / 2) {
        map64_fini(&memory->ids[1]);
        memory->ids[1] = memory->ids[0];
        map64_init(&memory->ids[0], STORE_RUNS_IDS);
    }
    return map64_set(&memory->ids[0], id, 1);
}

static enum fw_err memory_append(struct store_runs *runs, struct store_run *batch, size_t count,
                                 struct fw_detail *detail)
{
    struct memory_runs *memory = (struct memory_runs *)runs;
    (void)detail;
    for (size_t i = 0; i < count; i++) {
        uint64_t id = str_hash(batch[i].id.data, batch[i].id.len, 0), value;
        batch[i].known =
            map64_get(&memory->ids[0], id, &value) || map64_get(&memory->ids[1], id, &value);
        if (batch[i].known)
            continue;
        struct kept_run *kept = malloc(sizeof *kept + batch[i].facts.len);
        if (!kept || remember(memory, id) != FW_OK) {
            free(kept);
            return FW_NOMEM;
        }
        kept->next = NULL;
        kept->len = batch[i].facts.len;
        memcpy(kept->facts, batch[i].facts.data, kept->len);
        *memory->end = kept;
        memory->end = &kept->next;
    }
    return FW_OK;
}

static enum fw_err memory_read(struct store_runs *runs, struct store_runs_at *at, store_run_fn *fn,
                               void *context, bool *more, struct fw_detail *detail)
{
    struct memory_runs *memory = (struct memory_runs *)runs;
    (void)detail;
    while (memory->first) {
        struct kept_run *kept = memory->first;
        fn(context, (struct str){kept->facts, kept->len});
        at->minor++;
        memory->first = kept->next;
        free(kept);
    }
    memory->end = &memory->first;
    *more = false;
    return FW_OK;
}

static enum fw_err memory_save(struct store_runs *runs, const struct store_runs_at *at,
                               struct str state, struct fw_detail *detail)
{
    (void)runs, (void)at, (void)state, (void)detail;
    return FW_OK;
}

static void memory_close(struct store_runs *runs)
{
    struct memory_runs *memory = (struct memory_runs *)runs;
    while (memory->first) {
        struct kept_run *kept = memory->first;
        memory->first = kept->next;
        free(kept);
    }
    map64_fini(&memory->ids[0]);
    map64_fini(&memory->ids[1]);
    free(memory);
}

enum fw_err store_runs_memory(struct store_runs **out)
{
    static const struct store_runs_ops ops = {memory_load, memory_append, memory_read, memory_save,
                                              memory_close};
    struct memory_runs *memory = calloc(1, sizeof *memory);
    if (!memory)
        return FW_NOMEM;
    memory->runs.ops = &ops;
    memory->end = &memory->first;
    map64_init(&memory->ids[0], STORE_RUNS_IDS);
    map64_init(&memory->ids[1], STORE_RUNS_IDS);
    *out = &memory->runs;
    return FW_OK;
}

enum fw_err store_runs_open(struct store_runs **runs, struct store *store, const char *url,
                            const char *password_file, struct fw_detail *detail)
{
    *runs = NULL;
    if (strcmp(store->ops->name, "sqlite") == 0)
        return store_runs_sqlite(runs, store, detail);
    if (strcmp(store->ops->name, "redis") == 0)
        return store_runs_redis(runs, url, password_file, detail);
    return store_runs_memory(runs);
}

void store_runs_close(struct store_runs **runs)
{
    if (*runs)
        (*runs)->ops->close(*runs);
    *runs = NULL;
}
