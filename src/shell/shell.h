/* SPDX-License-Identifier: MIT
 * Threads around the pure prefetcher. One lock guards the machine and is held for its calls alone,
 * never while a loader, a release function or a strategy runs; another guards the guesser. Workers
 * ask the machine for loads; the thinker lets the guesser see each get and watches the time. */
#ifndef FOREWARM_SHELL_SHELL_H
#define FOREWARM_SHELL_SHELL_H

#include "core/guesser.h"
#include "core/prefetcher.h"
#include <forewarm/prefetch.h>
#include <pthread.h>
#include <stdatomic.h>

enum {
    SHELL_WAITING = 256, /* lists of those who wait, by number */
    SHELL_BATCH = 64,    /* gets that the guesser is shown at a time */
    SHELL_BATCH_BYTES = 256 << 10,
};

/* A value and those who hold it: the cache, and each get that did not release it. */
struct fw_prefetch_value {
    _Atomic uint32_t holders;
    void *data;
    size_t size;
    void (*release)(void *data, size_t size);
    struct fw_prefetch_value *next; /* of those to be released */
};
struct shell_waiter {
    struct shell_waiter *next;
    pthread_cond_t woken;
    uint32_t id;
    bool done;
    struct prefetcher_result result;
};
struct shell_thread {
    struct fw_prefetch *shell;
    pthread_t thread;
    uint64_t attempt; /* that it loads; 0: none */
    atomic_bool unwanted;
};
struct fw_prefetch {
    pthread_mutex_t lock;
    struct prefetcher *machine;
    struct shell_waiter *waiting[SHELL_WAITING];
    struct fw_prefetch_value *garbage; /* to be released when the lock is not held */
    pthread_cond_t work, think, over;
    struct shell_thread *threads;         /* the thinker's first */
    uint32_t started, ended, started_max; /* of them, all together */
    uint32_t idle;                        /* workers that wait for loads */
    uint32_t callers;                     /* that wait for a load */
    bool thinking, closing;
    bool left_alone;    /* the last thread frees all */
    int64_t wake_at_ns; /* of the thinker, while it sleeps */
    int64_t max_entries;
    uint64_t capacity;

    pthread_mutex_t guesser_lock; /* never taken with `lock` held */
    struct guesser *guesser;
    char *batch; /* the thinker's */

    fw_prefetch_loader *loader;
    void *context;
    struct shell_custom {
        fw_prefetch_strategy *strategy;
        void *context;
        char name[64];
    } customs[GUESSER_CUSTOM_MAX];
    uint32_t custom_count;
};

int64_t shell_now_ns(void);
void shell_cond_init(pthread_cond_t *cond); /* on the monotonic clock */
/* Waits until then at the latest, by shell_now_ns. */
void shell_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t until_ns);
void shell_lock(struct fw_prefetch *shell);
/* Wakes the thinker if something is due before it would look, and releases what nobody holds. */
void shell_unlock(struct fw_prefetch *shell);
/* With the lock: if there is something to load, somebody shall. */
void shell_wake_worker(struct fw_prefetch *shell);
/* With the lock: there may be gets to think of. */
void shell_wake_thinker(struct fw_prefetch *shell);
/* The thinker and `workers`; FW_NOMEM: not even one of each could be started. */
FW_MUST_CHECK enum fw_err shell_start(struct fw_prefetch *shell, uint32_t workers);
/* All threads are to end; false: some have not by then, and the last of them will free the rest. */
bool shell_stop(struct fw_prefetch *shell, int64_t until_ns);
void shell_free(struct fw_prefetch *shell); /* no thread is left */

void shell_hooks(struct fw_prefetch *shell, struct prefetcher_hooks *hooks);
struct fw_prefetch_value *shell_value(void *data, size_t size,
                                      void (*release)(void *data, size_t size));
void shell_value_release(struct fw_prefetch_value *value);
static inline struct fw_prefetch_value *shell_value_of(uint64_t number)
{
    return (struct fw_prefetch_value *)(uintptr_t)number; // NOLINT(performance-no-int-to-ptr)
}
static inline uint64_t shell_value_number(const struct fw_prefetch_value *value)
{
    return (uint64_t)(uintptr_t)value;
}

#endif
