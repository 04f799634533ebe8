/* SPDX-License-Identifier: MIT
 * What a prefetcher costs: gets a second of the pure machine, hits while every worker is in a slow
 * load, and many threads doing everything at once (with ThreadSanitizer: build-tsan). Loads wait on
 * a condition, never on a clock.
 *
 *     bench_prefetch machine GETS | guess STRATEGIES GETS | hits GETS | threads THREADS OPERATIONS
 *
 * machine-alone is without the cache that is kept beside for comparison. */
#include "base/prng.h"
#include "base/stats.h"
#include "core/guesser.h"
#include "core/prefetcher.h"
#include <forewarm/forewarm.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { KEYS = 1000, SLOW = 5, THREADS_MAX = 64 };

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * FW_SECOND + now.tv_nsec;
}

/* Of this thread: the machine may not be ours alone. */
static int64_t processor_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * FW_SECOND + now.tv_nsec;
}

static void fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(1);
}

/* ---- the pure machine ---- */

static void no_end(void *context, uint32_t id, uint32_t waiters,
                   const struct prefetcher_result *result)
{
    (void)context, (void)id, (void)waiters, (void)result;
}

static void no_left(void *context, uint64_t value)
{
    (void)context, (void)value;
}

static void no_cancel(void *context, uint32_t id, uint64_t attempt)
{
    (void)context, (void)id, (void)attempt;
}

static struct str key_of(uint64_t n, char text[32])
{
    return (struct str){text, (size_t)snprintf(text, 32, "resource_%" PRIu64, n)};
}

static struct prefetcher *open_machine(bool shadow)
{
    const struct prefetcher_hooks hooks = {NULL, no_end, no_left, no_cancel};
    struct prefetcher_settings settings = prefetcher_defaults;
    struct prefetcher *machine;
    char text[32];
    settings.max_entries = 2 * KEYS;
    settings.shadow = shadow;
    if (prefetcher_create(&machine, &settings, &hooks, 0) != FW_OK)
        fail("no memory");
    for (uint64_t n = 0; n < KEYS; n++)
        if (!prefetcher_put(machine, key_of(n, text), n, 100, -1, 0))
            fail("a value is not held");
    return machine;
}

/* Keys as they come from elsewhere: made before the clock runs. */
static void bench_machine(uint64_t gets, bool shadow)
{
    static char texts[KEYS][32];
    static struct str keys[KEYS];
    struct prefetcher *machine = open_machine(shadow);
    struct prefetcher_access_row access;
    struct prefetcher_got got;
    struct prng random;
    uint64_t hits = 0;
    prng_init(&random, 1);
    for (uint64_t n = 0; n < KEYS; n++)
        keys[n] = key_of(n, texts[n]);
    int64_t began_ns = processor_ns();
    for (uint64_t i = 0; i < gets; i++) {
        const struct str *key = &keys[prng_next(&random) % KEYS];
        hits += prefetcher_get(machine, *key, 1, 1, (int64_t)i * 1000, &got) == PREFETCHER_HIT;
        (void)prefetcher_access(machine, &access);
    }
    double seconds = (double)(processor_ns() - began_ns) / 1e9;
    if (hits != gets || prefetcher_check(machine))
        fail("not all were hits");
    printf("gets_per_s %.0f\n", (double)gets / seconds);
    prefetcher_free(&machine);
}

/* Sessions of ten keys in a row, of many users; each get is guessed on and offered. */
static void bench_guess(const char *names, uint64_t gets)
{
    struct guesser_settings settings = guesser_defaults;
    struct prefetcher *machine = open_machine(true);
    struct prefetcher_got got;
    struct guesser *guesser;
    struct prng random;
    char text[32];
    prng_init(&random, 1);
    settings.strategies = 0;
    for (uint32_t n = 0; n < GUESSER_BUILT_IN; n++)
        settings.strategies |= strstr(names, guesser_name(NULL, n)) ? 1u << n : 0;
    if (guesser_create(&guesser, &settings) != FW_OK)
        fail("no memory");
    uint64_t at = 0;
    int64_t began_ns = processor_ns();
    for (uint64_t i = 0; i < gets; i++) {
        at = i % 10 == 0 ? prng_below(&random, KEYS) : (at + 1 + prng_below(&random, 2)) % KEYS;
        (void)prefetcher_get(machine, key_of(at, text), 1 + i / 10 % 100, i / 10 % 100,
                             (int64_t)i * 1000000, &got);
        (void)guesser_think(guesser, machine, (int64_t)i * 1000000, 1);
    }
    printf("ns_per_guess %.0f\n", (double)(processor_ns() - began_ns) / (double)gets);
    guesser_free(&guesser);
    prefetcher_free(&machine);
}

/* ---- with threads ---- */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    int inside;
    bool open;
} gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, false};
static _Atomic uint64_t loads, alive;

static void release(void *data, size_t size)
{
    (void)size;
    atomic_fetch_sub(&alive, 1);
    free(data);
}

static int load_value(void *context, const struct fw_prefetch_load *load,
                      struct fw_prefetch_loaded *loaded)
{
    (void)context;
    atomic_fetch_add(&loads, 1);
    if (strncmp(load->key, "slow", 4) == 0) {
        pthread_mutex_lock(&gate.lock);
        gate.inside++;
        pthread_cond_broadcast(&gate.moved);
        while (!gate.open)
            pthread_cond_wait(&gate.moved, &gate.lock);
        pthread_mutex_unlock(&gate.lock);
    }
    loaded->data = malloc(load->key_size);
    if (!loaded->data)
        return FW_NOMEM;
    memcpy(loaded->data, load->key, load->key_size);
    loaded->size = load->key_size;
    loaded->release = release;
    atomic_fetch_add(&alive, 1);
    return FW_PREFETCH_LOADED;
}

static struct fw_prefetch *open_prefetch(const char *const *options)
{
    struct fw_prefetch *prefetch;
    char error[256];
    if (fw_prefetch_create(&prefetch, load_value, NULL, options, error, sizeof error) != 0)
        fail(error);
    return prefetch;
}

static void close_prefetch(struct fw_prefetch *prefetch)
{
    struct fw_prefetch_stats s;
    fw_prefetch_read_stats(prefetch, &s);
    if (s.issued != s.in_time + s.late + s.evicted_unused + s.expired + s.cancelled + s.failed +
                        s.pending ||
        s.requests != s.hits + s.negatives + s.joins + s.misses + s.refused)
        fail("the accounts do not add up");
    if (fw_prefetch_destroy(&prefetch, 60 * FW_SECOND) != 0 || atomic_load(&alive) != 0)
        fail("not everything was released");
    printf("issued %" PRIu64 "\nin_time %" PRIu64 "\nlate %" PRIu64 "\nunlearned %" PRIu64 "\n",
           s.issued, s.in_time, s.late, s.accesses_unlearned);
}

struct slow {
    pthread_t thread;
    struct fw_prefetch *prefetch;
    char key[16];
};

static void *slow_get(void *argument)
{
    struct slow *slow = argument;
    struct fw_prefetch_got got;
    fw_prefetch_get(slow->prefetch, slow->key, strlen(slow->key), 0, 0, FW_NEVER, &got);
    fw_prefetch_release(&got);
    return NULL;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* One reader, all of its keys held, every worker in a load that does not end. */
static void bench_hits(uint64_t gets)
{
    struct fw_prefetch *prefetch = open_prefetch((const char *const[]){"max_entries=2000", NULL});
    int64_t *took_ns = malloc(gets * sizeof *took_ns);
    struct slow slow[SLOW];
    struct fw_prefetch_got got;
    struct prng random;
    char text[32];
    prng_init(&random, 1);
    for (uint64_t n = 0; n < KEYS; n++) {
        struct str key = key_of(n, text);
        fw_prefetch_get(prefetch, key.data, key.len, 1, 1, FW_NEVER, &got);
        fw_prefetch_release(&got);
    }
    for (int i = 0; i < SLOW; i++) {
        slow[i].prefetch = prefetch;
        snprintf(slow[i].key, sizeof slow[i].key, "slow_%d", i);
        pthread_create(&slow[i].thread, NULL, slow_get, &slow[i]);
    }
    pthread_mutex_lock(&gate.lock);
    while (gate.inside < SLOW)
        pthread_cond_wait(&gate.moved, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
    for (uint64_t i = 0; took_ns && i < gets; i++) {
        struct str key = key_of(prng_below(&random, KEYS), text);
        int64_t began_ns = now_ns();
        if (fw_prefetch_get(prefetch, key.data, key.len, 1, 1, FW_NEVER, &got) != FW_PREFETCH_HIT)
            fail("not a hit");
        fw_prefetch_release(&got);
        took_ns[i] = now_ns() - began_ns;
    }
    pthread_mutex_lock(&gate.lock);
    gate.open = true;
    pthread_cond_broadcast(&gate.moved);
    pthread_mutex_unlock(&gate.lock);
    for (int i = 0; i < SLOW; i++)
        pthread_join(slow[i].thread, NULL);
    qsort(took_ns, gets, sizeof *took_ns, by_size);
    printf("loads_at_once %d\nhit_p50_ns %" PRId64 "\nhit_p99_ns %" PRId64 "\nhit_max_ns %" PRId64
           "\n",
           gate.inside, took_ns[gets / 2], took_ns[gets * 99 / 100], took_ns[gets - 1]);
    free(took_ns);
    close_prefetch(prefetch);
}

struct actor {
    pthread_t thread;
    struct fw_prefetch *prefetch;
    struct prng random;
    uint64_t operations, wrong;
};

static void act_otherwise(struct actor *actor, const struct str *key)
{
    switch (prng_below(&actor->random, 5)) {
    case 0:
        fw_prefetch_drop(actor->prefetch, key->data, key->len);
        break;
    case 1:
        fw_prefetch_hint(actor->prefetch, key->data, key->len, 0.9, -1);
        break;
    case 2:
        fw_prefetch_session_end(actor->prefetch, 1 + prng_below(&actor->random, 50));
        break;
    case 3:
        fw_prefetch_peek(actor->prefetch, key->data, key->len);
        break;
    default: {
        char *copy = malloc(key->len);
        if (!copy)
            break;
        memcpy(copy, key->data, key->len);
        atomic_fetch_add(&alive, 1);
        fw_prefetch_put(actor->prefetch, key->data, key->len, copy, key->len, release, -1);
    }
    }
}

static void *act(void *argument)
{
    struct actor *actor = argument;
    uint64_t at = 0, session = 1;
    for (uint64_t i = 0; i < actor->operations; i++) {
        struct fw_prefetch_got got;
        char text[32];
        if (i % 20 == 0) {
            at = prng_below(&actor->random, 2 * KEYS);
            session = 1 + prng_below(&actor->random, 50);
        }
        at = (at + 1) % (2 * (uint64_t)KEYS);
        struct str key = key_of(at, text);
        if (prng_below(&actor->random, 32) == 0) {
            act_otherwise(actor, &key);
            continue;
        }
        int64_t timeout_ns = prng_below(&actor->random, 64) == 0 ? 1000 : FW_NEVER;
        fw_prefetch_get(actor->prefetch, key.data, key.len, session, session, timeout_ns, &got);
        actor->wrong +=
            got.value && (got.size != key.len || memcmp(got.data, key.data, key.len) != 0);
        fw_prefetch_release(&got);
    }
    return NULL;
}

static void bench_threads(uint64_t threads, uint64_t operations)
{
    struct fw_prefetch *prefetch = open_prefetch(
        (const char *const[]){"max_entries=1500", "strategies=pattern+names", "ttl=2s", NULL});
    static struct actor actors[THREADS_MAX];
    threads = threads < THREADS_MAX ? threads : THREADS_MAX;
    int64_t began_ns = now_ns();
    for (uint64_t i = 0; i < threads; i++) {
        actors[i] = (struct actor){.prefetch = prefetch, .operations = operations / threads};
        prng_init(&actors[i].random, i);
        pthread_create(&actors[i].thread, NULL, act, &actors[i]);
    }
    for (uint64_t i = 0; i < threads; i++) {
        pthread_join(actors[i].thread, NULL);
        if (actors[i].wrong > 0)
            fail("a get was answered with another key's value");
    }
    printf("operations_per_s %.0f\nloads %" PRIu64 "\n",
           (double)operations / ((double)(now_ns() - began_ns) / 1e9), atomic_load(&loads));
    close_prefetch(prefetch);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    uint64_t last = argc > 2 ? strtoull(argv[argc - 1], NULL, 10) : 0;
    if (strcmp(what, "machine") == 0 && argc == 3 && last > 0)
        bench_machine(last, true);
    else if (strcmp(what, "machine-alone") == 0 && argc == 3 && last > 0)
        bench_machine(last, false);
    else if (strcmp(what, "guess") == 0 && argc == 4 && last > 0)
        bench_guess(argv[2], last);
    else if (strcmp(what, "hits") == 0 && argc == 3 && last > 0)
        bench_hits(last);
    else if (strcmp(what, "threads") == 0 && argc == 4 && last > 0)
        bench_threads(strtoull(argv[2], NULL, 10), last);
    else
        fail("usage: bench_prefetch machine GETS | machine-alone GETS | guess STRATEGIES GETS | "
             "hits GETS | threads THREADS OPERATIONS");
    return 0;
}
