/* SPDX-License-Identifier: MIT
 * The prefetcher's public door. What strangers say is checked here; the machine trusts. */
#include "base/check.h"
#include "base/time.h"
#include "shell/shell.h"
#include "shell/shell_options.h"
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { SOURCE_HINT = UINT16_MAX };

static int tell(enum fw_err err, const struct fw_detail *detail, char *error, size_t error_size)
{
    const char *text = err == FW_OK ? "" : detail->text[0] ? detail->text : err_row(err)->sentence;
    if (error && error_size > 0) {
        size_t len = strlen(text) < error_size - 1 ? strlen(text) : error_size - 1;
        memcpy(error, text, len);
        error[len] = '\0';
    }
    return (int)err;
}

static enum fw_err read_options(const char *const *texts, struct shell_options *options,
                                struct fw_detail *detail)
{
    option_defaults(shell_option_rows, shell_option_count, options);
    for (; texts && *texts; texts++) {
        struct str rest = str_of(*texts), name;
        if (!str_cut(&rest, '=', &name) || !rest.data)
            return err_set(detail, FW_INPUT, "option: found \"%s\", expected name=value", *texts);
        const struct option_row *row = option_find(shell_option_rows, shell_option_count, name);
        if (!row) {
            const char *close = option_suggest(shell_option_rows, shell_option_count, name);
            return err_set(detail, FW_INPUT, "option: found \"%.*s\", which is not one%s%s",
                           STR_ARG(name), close ? "; did you mean " : "", close ? close : "");
        }
        FW_TRY(option_set(row, options, rest, detail));
    }
    return FW_OK;
}

/* So that nobody can choose keys with equal hashes. Any number will do when there is none. */
static uint64_t random_seed(void)
{
    uint64_t seed = 0;
    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != (ssize_t)sizeof seed)
        seed = (uint64_t)shell_now_ns();
    return seed;
}

static enum fw_err open_shell(struct fw_prefetch *shell, const struct shell_options *options,
                              struct fw_detail *detail)
{
    struct prefetcher_settings prefetcher;
    struct guesser_settings guesser;
    struct prefetcher_hooks hooks;
    uint32_t workers = (uint32_t)options->max_concurrent;
    FW_TRY(shell_settings(options, random_seed(), &prefetcher, &guesser, detail));
    shell_hooks(shell, &hooks);
    FW_TRY(prefetcher_create(&shell->machine, &prefetcher, &hooks, shell_now_ns()));
    FW_TRY(guesser_create(&shell->guesser, &guesser));
    shell->max_entries = options->max_entries;
    shell->capacity = options->capacity;
    shell->started_max = 1 + workers + (uint32_t)options->max_stuck;
    shell->threads = calloc(shell->started_max, sizeof *shell->threads);
    shell->batch = malloc(SHELL_BATCH_BYTES);
    if (!shell->threads || !shell->batch)
        return FW_NOMEM;
    return shell_start(shell, workers);
}

int fw_prefetch_create(struct fw_prefetch **out, fw_prefetch_loader *loader, void *context,
                       const char *const *texts, char *error, size_t error_size)
{
    struct fw_detail detail = {""};
    struct shell_options options;
    *out = NULL;
    enum fw_err err = read_options(texts, &options, &detail);
    struct fw_prefetch *shell = err == FW_OK ? calloc(1, sizeof *shell) : NULL;
    if (err == FW_OK && !shell)
        err = FW_NOMEM;
    if (err != FW_OK)
        return tell(err, &detail, error, error_size);
    shell->loader = loader;
    shell->context = context;
    pthread_mutex_init(&shell->lock, NULL);
    pthread_mutex_init(&shell->guesser_lock, NULL);
    shell_cond_init(&shell->work);
    shell_cond_init(&shell->think);
    shell_cond_init(&shell->over);
    err = loader ? open_shell(shell, &options, &detail)
                 : err_set(&detail, FW_INPUT, "loader: found NULL, expected a function");
    if (err == FW_OK)
        *out = shell;
    else if (shell->started == 0 || shell_stop(shell, TIME_NEVER))
        shell_free(shell);
    return tell(err, &detail, error, error_size);
}

int fw_prefetch_destroy(struct fw_prefetch **prefetch, int64_t timeout_ns)
{
    struct fw_prefetch *shell = *prefetch;
    *prefetch = NULL;
    if (!shell)
        return FW_OK;
    int64_t until_ns = time_add(shell_now_ns(), timeout_ns > 0 ? timeout_ns : 0);
    shell_lock(shell);
    prefetcher_close(shell->machine, FW_CLOSED, shell_now_ns());
    shell_unlock(shell);
    if (!shell_stop(shell, until_ns))
        return FW_TIMEOUT;
    shell_free(shell);
    return FW_OK;
}

bool fw_prefetch_unwanted(const struct fw_prefetch_load *load)
{
    return atomic_load(&((const struct shell_thread *)load->inner)->unwanted);
}

static struct str key_of(const void *key, size_t key_size)
{
    return (struct str){key, key_size};
}

static void unlist_waiter(struct fw_prefetch *shell, const struct shell_waiter *waiter)
{
    struct shell_waiter **at = &shell->waiting[waiter->id % SHELL_WAITING];
    while (*at != waiter)
        at = &(*at)->next;
    *at = waiter->next;
}

/* With the lock. */
static void wait_for(struct fw_prefetch *shell, uint32_t id, int64_t until_ns,
                     struct fw_prefetch_got *got)
{
    struct shell_waiter waiter = {.id = id, .next = shell->waiting[id % SHELL_WAITING]};
    shell->waiting[id % SHELL_WAITING] = &waiter;
    shell_cond_init(&waiter.woken);
    shell_wake_worker(shell);
    if (shell->garbage) { /* not to be kept while this sleeps */
        shell_unlock(shell);
        shell_lock(shell);
    }
    shell->callers++;
    while (!waiter.done && shell_now_ns() < until_ns)
        shell_cond_wait(&waiter.woken, &shell->lock, until_ns);
    if (--shell->callers == 0 && shell->closing)
        pthread_cond_broadcast(&shell->over);
    if (!waiter.done) {
        unlist_waiter(shell, &waiter);
        prefetcher_leave(shell->machine, id, shell_now_ns());
        got->answer = FW_PREFETCH_TIMEOUT;
    } else if (waiter.result.outcome == PREFETCHER_VALUE) {
        got->answer = FW_PREFETCH_CAME;
        got->value = shell_value_of(waiter.result.value);
    } else if (waiter.result.outcome == PREFETCHER_NOTHING) {
        got->answer = FW_PREFETCH_NEGATIVE;
    } else {
        got->answer = FW_PREFETCH_FAILED;
        got->error =
            waiter.result.outcome == PREFETCHER_CANCELLED ? FW_CANCELLED : waiter.result.error;
    }
    pthread_cond_destroy(&waiter.woken);
}

/* With the lock. */
static void get(struct fw_prefetch *shell, struct str key, uint64_t session, uint64_t user,
                int64_t timeout_ns, struct fw_prefetch_got *got)
{
    struct prefetcher_got found;
    int64_t now_ns = shell_now_ns();
    if (timeout_ns <= 0) {
        enum prefetcher_answer there = prefetcher_peek(shell->machine, key, now_ns, NULL);
        got->answer = FW_PREFETCH_TIMEOUT;
        if (there != PREFETCHER_HIT && there != PREFETCHER_NEGATIVE)
            return;
    }
    enum prefetcher_answer answer =
        prefetcher_get(shell->machine, key, session, user, now_ns, &found);
    shell_wake_thinker(shell);
    switch (answer) {
    case PREFETCHER_HIT:
        got->answer = FW_PREFETCH_HIT;
        got->value = shell_value_of(found.value);
        atomic_fetch_add_explicit(&got->value->holders, 1, memory_order_relaxed);
        break;
    case PREFETCHER_NEGATIVE:
        got->answer = FW_PREFETCH_NEGATIVE;
        break;
    case PREFETCHER_WAIT:
        wait_for(shell, found.id, time_add(now_ns, timeout_ns), got);
        break;
    default:
        got->answer = FW_PREFETCH_REFUSED;
    }
    got->ahead = found.ahead;
}

enum fw_prefetch_answer fw_prefetch_get(struct fw_prefetch *shell, const void *key, size_t key_size,
                                        uint64_t session, uint64_t user, int64_t timeout_ns,
                                        struct fw_prefetch_got *got)
{
    *got = (struct fw_prefetch_got){0};
    shell_lock(shell);
    get(shell, key_of(key, key_size), session, user, timeout_ns, got);
    shell_unlock(shell);
    if (got->value) {
        got->data = got->value->data;
        got->size = got->value->size;
    }
    return got->answer;
}

void fw_prefetch_release(struct fw_prefetch_got *got)
{
    struct fw_prefetch_value *value = got->value;
    got->value = NULL;
    got->data = NULL;
    if (value)
        shell_value_release(value);
}

bool fw_prefetch_peek(struct fw_prefetch *shell, const void *key, size_t key_size)
{
    shell_lock(shell);
    bool held = prefetcher_peek(shell->machine, key_of(key, key_size), shell_now_ns(), NULL) ==
                PREFETCHER_HIT;
    shell_unlock(shell);
    return held;
}

int fw_prefetch_put(struct fw_prefetch *shell, const void *key, size_t key_size, void *data,
                    size_t size, void (*release)(void *data, size_t size), int64_t ttl_ns)
{
    struct fw_prefetch_value *value = data || size == 0 ? shell_value(data, size, release) : NULL;
    if (!value) {
        if (data && release)
            release(data, size);
        return data || size == 0 ? FW_NOMEM : FW_INPUT;
    }
    shell_lock(shell);
    bool held = prefetcher_put(shell->machine, key_of(key, key_size), shell_value_number(value),
                               size, ttl_ns < -1 ? -1 : ttl_ns, shell_now_ns());
    shell_unlock(shell);
    return held ? FW_OK : FW_LIMIT;
}

bool fw_prefetch_drop(struct fw_prefetch *shell, const void *key, size_t key_size)
{
    shell_lock(shell);
    bool known = prefetcher_drop(shell->machine, key_of(key, key_size), shell_now_ns());
    shell_unlock(shell);
    return known;
}

bool fw_prefetch_hint(struct fw_prefetch *shell, const void *key, size_t key_size,
                      double probability, int64_t use_in_ns)
{
    const struct prefetcher_wish wish = {.probability = probability,
                                         .weight = 1,
                                         .use_in_ns = use_in_ns < 0 ? -1 : use_in_ns,
                                         .source = SOURCE_HINT};
    shell_lock(shell);
    enum prefetcher_verdict verdict =
        prefetcher_offer(shell->machine, key_of(key, key_size), &wish, shell_now_ns());
    shell_wake_worker(shell);
    shell_unlock(shell);
    return verdict == PREFETCHER_QUEUED || verdict == PREFETCHER_RAISED;
}

void fw_prefetch_teach(struct fw_prefetch *shell, uint64_t user, const char *const *keys,
                       const size_t *key_sizes, size_t count)
{
    int64_t at_ns = shell_now_ns();
    struct str *texts = count > 0 && count <= UINT32_MAX ? calloc(count, sizeof *texts) : NULL;
    if (!texts)
        return; /* what is not learned harms nothing */
    for (size_t i = 0; i < count; i++)
        texts[i] = key_of(keys[i], key_sizes[i]);
    pthread_mutex_lock(&shell->guesser_lock);
    guesser_teach(shell->guesser, user, texts, (uint32_t)count, at_ns);
    pthread_mutex_unlock(&shell->guesser_lock);
    free(texts);
}

void fw_prefetch_session_end(struct fw_prefetch *shell, uint64_t session)
{
    shell_lock(shell);
    prefetcher_session_end(shell->machine, session, shell_now_ns());
    shell_wake_thinker(shell);
    shell_unlock(shell);
}

void fw_prefetch_enable(struct fw_prefetch *shell, bool ahead)
{
    shell_lock(shell);
    prefetcher_enable(shell->machine, ahead, shell_now_ns());
    shell_unlock(shell);
}

void fw_prefetch_headroom(struct fw_prefetch *shell, double share)
{
    shell_lock(shell);
    prefetcher_headroom(shell->machine, share);
    shell_wake_worker(shell);
    shell_unlock(shell);
}
