/* SPDX-License-Identifier: MIT */
#include "base/time.h"
#include "shell/shell.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

int64_t shell_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * TIME_SECOND + now.tv_nsec;
}

void shell_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

void shell_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t until_ns)
{
    if (until_ns == TIME_NEVER) {
        pthread_cond_wait(cond, lock);
        return;
    }
    const struct timespec until = {.tv_sec = until_ns / TIME_SECOND,
                                   .tv_nsec = until_ns % TIME_SECOND};
    pthread_cond_timedwait(cond, lock, &until);
}

void shell_lock(struct fw_prefetch *shell)
{
    pthread_mutex_lock(&shell->lock);
}

static void release_all(struct fw_prefetch_value *garbage)
{
    while (garbage) {
        struct fw_prefetch_value *value = garbage;
        garbage = value->next;
        shell_value_release(value);
    }
}

void shell_unlock(struct fw_prefetch *shell)
{
    struct fw_prefetch_value *garbage = shell->garbage;
    shell->garbage = NULL;
    if (!shell->thinking && prefetcher_deadline(shell->machine) < shell->wake_at_ns) {
        shell->thinking = true;
        pthread_cond_signal(&shell->think);
    }
    pthread_mutex_unlock(&shell->lock);
    release_all(garbage);
}

/* What a loader says, as the machine understands it. */
static void run_loader(struct fw_prefetch *shell, const struct fw_prefetch_load *load,
                       struct prefetcher_result *result)
{
    struct fw_prefetch_loaded loaded = {.ttl_ns = -1};
    int said = shell->loader(shell->context, load, &loaded);
    *result = (struct prefetcher_result){.ttl_ns = loaded.ttl_ns < -1 ? -1 : loaded.ttl_ns};
    if (said == FW_PREFETCH_LOADED) {
        struct fw_prefetch_value *value = shell_value(loaded.data, loaded.size, loaded.release);
        if (value && (loaded.data || loaded.size == 0)) {
            result->value = shell_value_number(value);
            result->bytes = loaded.size;
            return;
        }
        if (value) {
            free(value); /* no data of some size: nothing that could be handed out */
            said = FW_INPUT;
        } else {
            said = FW_NOMEM;
        }
    }
    if (loaded.data && loaded.release)
        loaded.release(loaded.data, loaded.size);
    result->outcome = said == FW_PREFETCH_ABSENT    ? PREFETCHER_NOTHING
                      : said == FW_PREFETCH_GAVE_UP ? PREFETCHER_CANCELLED
                                                    : PREFETCHER_FAILED;
    result->error = said;
}

/* Its own copy of the key: the machine's may go when the load is overdue. */
static char *copy_key(struct str key)
{
    char *copy = malloc(key.len + 1);
    if (copy) {
        if (key.len > 0)
            memcpy(copy, key.data, key.len);
        copy[key.len] = '\0';
    }
    return copy;
}

/* With the lock, which is not held meanwhile. */
static void load_one(struct shell_thread *thread, const struct prefetcher_load *load)
{
    struct fw_prefetch *shell = thread->shell;
    struct prefetcher_result result = {.outcome = PREFETCHER_FAILED, .error = FW_NOMEM};
    char *key = copy_key(load->key);
    const size_t key_size = load->key.len; /* the text may go meanwhile */
    const struct fw_prefetch_load job = {key, key_size, load->ahead, thread};
    thread->attempt = load->attempt;
    atomic_store(&thread->unwanted, false);
    shell_wake_worker(shell); /* there may be more */
    shell_unlock(shell);
    if (key)
        run_loader(shell, &job, &result);
    if (result.outcome == PREFETCHER_NOTHING) {
        pthread_mutex_lock(&shell->guesser_lock);
        guesser_absent(shell->guesser, (struct str){key, key_size});
        pthread_mutex_unlock(&shell->guesser_lock);
    }
    shell_lock(shell);
    thread->attempt = 0;
    prefetcher_loaded(shell->machine, load->id, load->attempt, &result, shell_now_ns());
    free(key);
}

/* With the lock, which is given back. */
static void end_thread(struct fw_prefetch *shell)
{
    shell->ended++;
    bool last = shell->left_alone && shell->ended == shell->started;
    pthread_cond_broadcast(&shell->over);
    shell_unlock(shell);
    if (last)
        shell_free(shell);
}

static void *work(void *argument)
{
    struct shell_thread *thread = argument;
    struct fw_prefetch *shell = thread->shell;
    struct prefetcher_load load;
    shell_lock(shell);
    while (!shell->closing) {
        if (prefetcher_next_load(shell->machine, shell_now_ns(), &load)) {
            load_one(thread, &load);
        } else if (shell->garbage) { /* time has let something go */
            shell_unlock(shell);
            shell_lock(shell);
        } else {
            shell->idle++;
            pthread_cond_wait(&shell->work, &shell->lock);
            shell->idle--;
        }
    }
    end_thread(shell);
    return NULL;
}

/* Gets that were not thought of yet, their keys copied. */
struct batch {
    struct prefetcher_access_row rows[SHELL_BATCH];
    uint32_t count;
};

static void take_batch(struct fw_prefetch *shell, struct batch *batch)
{
    size_t len = 0;
    batch->count = 0;
    while (batch->count < SHELL_BATCH && len + PREFETCHER_KEY_MAX <= SHELL_BATCH_BYTES &&
           prefetcher_access(shell->machine, &batch->rows[batch->count])) {
        struct str *key = &batch->rows[batch->count++].key;
        if (key->len > 0)
            memcpy(shell->batch + len, key->data, key->len);
        key->data = shell->batch + len;
        len += key->len;
    }
}

static void think_of(struct fw_prefetch *shell, const struct prefetcher_access_row *row)
{
    const struct guesser_candidate *candidates;
    pthread_mutex_lock(&shell->guesser_lock);
    if (row->ended) {
        guesser_session_end(shell->guesser, row->session);
        pthread_mutex_unlock(&shell->guesser_lock);
        return;
    }
    uint32_t count =
        guesser_observe(shell->guesser, row->session, row->user, row->key, row->at_ns, &candidates);
    shell_lock(shell); /* the candidates live as long as nobody else thinks */
    int64_t now_ns = shell_now_ns();
    for (uint32_t i = 0; i < count; i++) {
        struct prefetcher_wish wish;
        guesser_wish(&candidates[i], row->session, &wish);
        (void)prefetcher_offer(shell->machine, candidates[i].key, &wish, now_ns);
    }
    pthread_mutex_unlock(&shell->guesser_lock);
    shell_wake_worker(shell);
    shell_unlock(shell);
}

static void *think(void *argument)
{
    struct fw_prefetch *shell = ((struct shell_thread *)argument)->shell;
    struct batch batch;
    shell_lock(shell);
    while (!shell->closing) {
        prefetcher_tick(shell->machine, shell_now_ns());
        shell_wake_worker(shell);
        take_batch(shell, &batch);
        if (batch.count > 0 || shell->garbage) {
            shell_unlock(shell);
            for (uint32_t i = 0; i < batch.count; i++)
                think_of(shell, &batch.rows[i]);
            shell_lock(shell);
            continue;
        }
        shell->wake_at_ns = prefetcher_deadline(shell->machine);
        shell->thinking = false;
        shell_cond_wait(&shell->think, &shell->lock, shell->wake_at_ns);
        shell->thinking = true;
    }
    end_thread(shell);
    return NULL;
}

static bool start_thread(struct fw_prefetch *shell, void *(*run)(void *))
{
    struct shell_thread *thread = &shell->threads[shell->started];
    thread->shell = shell;
    if (pthread_create(&thread->thread, NULL, run, thread) != 0)
        return false;
    shell->started++;
    return true;
}

void shell_wake_worker(struct fw_prefetch *shell)
{
    if (!prefetcher_busy(shell->machine))
        return;
    if (shell->idle > 0)
        pthread_cond_signal(&shell->work);
    else if (shell->started < shell->started_max && prefetcher_replaces(shell->machine))
        (void)start_thread(shell, work); /* without it, others will load later */
}

void shell_wake_thinker(struct fw_prefetch *shell)
{
    if (shell->thinking)
        return;
    shell->thinking = true;
    pthread_cond_signal(&shell->think);
}

enum fw_err shell_start(struct fw_prefetch *shell, uint32_t workers)
{
    shell_lock(shell);
    shell->thinking = true;
    bool started = start_thread(shell, think);
    while (started && shell->started <= workers && start_thread(shell, work))
        continue;
    started = shell->started > 1;
    shell_unlock(shell);
    return started ? FW_OK : FW_NOMEM;
}

/* Their loads have not ended in time. */
static void dismiss_callers(struct fw_prefetch *shell)
{
    for (uint32_t i = 0; i < SHELL_WAITING; i++) {
        while (shell->waiting[i]) {
            struct shell_waiter *waiter = shell->waiting[i];
            shell->waiting[i] = waiter->next;
            waiter->result =
                (struct prefetcher_result){.outcome = PREFETCHER_FAILED, .error = FW_CLOSED};
            waiter->done = true;
            prefetcher_leave(shell->machine, waiter->id, shell_now_ns());
            pthread_cond_signal(&waiter->woken);
        }
    }
    while (shell->callers > 0)
        pthread_cond_wait(&shell->over, &shell->lock);
}

bool shell_stop(struct fw_prefetch *shell, int64_t until_ns)
{
    shell_lock(shell);
    shell->closing = true;
    pthread_cond_broadcast(&shell->work);
    pthread_cond_broadcast(&shell->think);
    while ((shell->ended < shell->started || shell->callers > 0) && shell_now_ns() < until_ns)
        shell_cond_wait(&shell->over, &shell->lock, until_ns);
    dismiss_callers(shell);
    bool all = shell->ended == shell->started;
    if (!all) {
        shell->left_alone = true;
        for (uint32_t i = 0; i < shell->started; i++)
            pthread_detach(shell->threads[i].thread);
    }
    shell_unlock(shell);
    for (uint32_t i = 0; all && i < shell->started; i++)
        pthread_join(shell->threads[i].thread, NULL);
    return all;
}

void shell_free(struct fw_prefetch *shell)
{
    shell_lock(shell);
    struct prefetcher *machine = shell->machine;
    prefetcher_free(&machine); /* what it held is garbage now */
    struct fw_prefetch_value *garbage = shell->garbage;
    pthread_mutex_unlock(&shell->lock);
    release_all(garbage);
    guesser_free(&shell->guesser);
    pthread_mutex_destroy(&shell->lock);
    pthread_mutex_destroy(&shell->guesser_lock);
    pthread_cond_destroy(&shell->work);
    pthread_cond_destroy(&shell->think);
    pthread_cond_destroy(&shell->over);
    free(shell->threads);
    free(shell->batch);
    free(shell);
}
