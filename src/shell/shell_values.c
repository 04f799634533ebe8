/* SPDX-License-Identifier: MIT
 * Values are counted: the cache holds one, and each get another. The last to let go releases. */
#include "shell/shell.h"
#include <stdlib.h>

struct fw_prefetch_value *shell_value(void *data, size_t size,
                                      void (*release)(void *data, size_t size))
{
    struct fw_prefetch_value *value = malloc(sizeof *value);
    if (!value)
        return NULL;
    *value = (struct fw_prefetch_value){.data = data, .size = size, .release = release};
    atomic_init(&value->holders, 1);
    return value;
}

void shell_value_release(struct fw_prefetch_value *value)
{
    if (atomic_fetch_sub_explicit(&value->holders, 1, memory_order_acq_rel) > 1)
        return;
    if (value->release)
        value->release(value->data, value->size);
    free(value);
}

/* The machine's own: not under the lock, where this is called. */
static void left(void *context, uint64_t number)
{
    struct fw_prefetch *shell = context;
    struct fw_prefetch_value *value = shell_value_of(number);
    value->next = shell->garbage;
    shell->garbage = value;
}

static void ended(void *context, uint32_t id, uint32_t waiters,
                  const struct prefetcher_result *result)
{
    struct fw_prefetch *shell = context;
    struct shell_waiter **at = &shell->waiting[id % SHELL_WAITING];
    while (*at && waiters > 0) {
        struct shell_waiter *waiter = *at;
        if (waiter->id != id) {
            at = &waiter->next;
            continue;
        }
        *at = waiter->next;
        waiter->result = *result;
        waiter->done = true;
        waiters--;
        if (result->outcome == PREFETCHER_VALUE)
            atomic_fetch_add_explicit(&shell_value_of(result->value)->holders, 1,
                                      memory_order_relaxed);
        pthread_cond_signal(&waiter->woken);
    }
}

static void cancel(void *context, uint32_t id, uint64_t attempt)
{
    struct fw_prefetch *shell = context;
    (void)id;
    for (uint32_t i = 0; i < shell->started; i++)
        if (shell->threads[i].attempt == attempt)
            atomic_store(&shell->threads[i].unwanted, true);
}

void shell_hooks(struct fw_prefetch *shell, struct prefetcher_hooks *hooks)
{
    *hooks = (struct prefetcher_hooks){shell, ended, left, cancel};
}
