/* SPDX-License-Identifier: MIT
 * The prefetcher's threads (specification F4, F6): loads that wait on a gate, never on a clock. The
 * tests named defect_N hold the classic design's defects of that number. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/err.h"
#include "shell/shell_options.h"
#include <forewarm/forewarm.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DEADLINE_S = 30 };

/* A source of values. Keys that begin with "slow" wait until the gate is open. */
struct source {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    bool open;
    int inside, most_inside, loads, unwanted;
    _Atomic int alive; /* values not yet released */
};
static struct source source;

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * FW_SECOND + now.tv_nsec;
}

static void release(void *data, size_t size)
{
    (void)size;
    atomic_fetch_sub(&source.alive, 1);
    free(data);
}

static void pass_gate(const struct fw_prefetch_load *load)
{
    pthread_mutex_lock(&source.lock);
    source.loads++;
    source.inside++;
    if (source.inside > source.most_inside)
        source.most_inside = source.inside;
    pthread_cond_broadcast(&source.moved);
    while (!source.open && strncmp(load->key, "slow", 4) == 0)
        pthread_cond_wait(&source.moved, &source.lock);
    source.inside--;
    source.unwanted += fw_prefetch_unwanted(load);
    pthread_mutex_unlock(&source.lock);
}

static int load_value(void *context, const struct fw_prefetch_load *load,
                      struct fw_prefetch_loaded *loaded)
{
    (void)context;
    pass_gate(load);
    if (strstr(load->key, "absent"))
        return FW_PREFETCH_ABSENT;
    if (strstr(load->key, "fails"))
        return 77;
    if (strstr(load->key, "empty"))
        return FW_PREFETCH_LOADED;
    loaded->size = strstr(load->key, "null") ? 10 : load->key_size;
    if (strstr(load->key, "null"))
        return FW_PREFETCH_LOADED;
    if (strstr(load->key, "large"))
        loaded->size = 1 << 20;
    loaded->data = calloc(1, loaded->size > 0 ? loaded->size : 1);
    if (load->key_size > 0)
        memcpy(loaded->data, load->key, load->key_size);
    loaded->release = release;
    atomic_fetch_add(&source.alive, 1);
    return FW_PREFETCH_LOADED;
}

static void open_gate(void)
{
    pthread_mutex_lock(&source.lock);
    source.open = true;
    pthread_cond_broadcast(&source.moved);
    pthread_mutex_unlock(&source.lock);
}

static void wait_inside(int count)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += DEADLINE_S;
    pthread_mutex_lock(&source.lock);
    int err = 0;
    while (source.inside < count && err == 0)
        err = pthread_cond_timedwait(&source.moved, &source.lock, &until);
    assert_true(source.inside >= count);
    pthread_mutex_unlock(&source.lock);
}

static struct fw_prefetch *begin(const char *const *options)
{
    struct fw_prefetch *prefetch;
    char error[256];
    memset(&source, 0, sizeof source);
    pthread_mutex_init(&source.lock, NULL);
    pthread_cond_init(&source.moved, NULL);
    int code = fw_prefetch_create(&prefetch, load_value, NULL, options, error, sizeof error);
    if (code != 0)
        fail_msg("%s", error);
    return prefetch;
}

static void finish(struct fw_prefetch *prefetch)
{
    open_gate();
    assert_int_equal(fw_prefetch_destroy(&prefetch, DEADLINE_S * FW_SECOND), 0);
    assert_null(prefetch);
    assert_int_equal(source.alive, 0); /* each value released, once */
}

static void check_account(struct fw_prefetch *prefetch, struct fw_prefetch_stats *s)
{
    fw_prefetch_read_stats(prefetch, s);
    assert_int_equal(s->issued, s->in_time + s->late + s->evicted_unused + s->expired +
                                    s->cancelled + s->failed + s->pending);
    assert_int_equal(s->requests, s->hits + s->negatives + s->joins + s->misses + s->refused);
}

/* Polls until the condition holds; fails after the deadline. */
#define POLL(prefetch, s, condition)                                                               \
    do {                                                                                           \
        int64_t until_ns = now_ns() + DEADLINE_S * FW_SECOND;                                      \
        for (check_account(prefetch, &(s)); !(condition); check_account(prefetch, &(s))) {         \
            if (now_ns() > until_ns)                                                               \
                fail_msg("never: %s", #condition);                                                 \
            sched_yield();                                                                         \
        }                                                                                          \
    } while (0)

struct caller {
    pthread_t thread;
    struct fw_prefetch *prefetch;
    const char *key;
    struct fw_prefetch_got got;
};

static void *call(void *argument)
{
    struct caller *caller = argument;
    fw_prefetch_get(caller->prefetch, caller->key, strlen(caller->key), 0, 0, FW_NEVER,
                    &caller->got);
    return NULL;
}

static void start(struct caller *caller, struct fw_prefetch *prefetch, const char *key)
{
    *caller = (struct caller){.prefetch = prefetch, .key = key};
    assert_int_equal(pthread_create(&caller->thread, NULL, call, caller), 0);
}

static enum fw_prefetch_answer get(struct fw_prefetch *prefetch, const char *key, uint64_t session)
{
    struct fw_prefetch_got got;
    enum fw_prefetch_answer answer =
        fw_prefetch_get(prefetch, key, strlen(key), session, session, FW_NEVER, &got);
    if (answer == FW_PREFETCH_HIT || answer == FW_PREFETCH_CAME) {
        assert_true(strstr(key, "empty") || memcmp(got.data, key, strlen(key)) == 0);
    }
    fw_prefetch_release(&got);
    return answer;
}

/* A get waits for its own key alone: hits go on while every worker is in a loader. */
static void defect_1_hits_do_not_wait_for_loads(void **state)
{
    (void)state;
    static const char *const keys[5] = {"slow_1", "slow_2", "slow_3", "slow_4", "slow_5"};
    struct fw_prefetch *prefetch = begin(NULL);
    struct caller callers[5];
    assert_int_equal(get(prefetch, "quick", 1), FW_PREFETCH_CAME);
    for (int i = 0; i < 5; i++)
        start(&callers[i], prefetch, keys[i]);
    wait_inside(5);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(get(prefetch, "quick", 1), FW_PREFETCH_HIT);
    open_gate();
    for (int i = 0; i < 5; i++) {
        pthread_join(callers[i].thread, NULL);
        assert_int_equal(callers[i].got.answer, FW_PREFETCH_CAME);
        fw_prefetch_release(&callers[i].got);
    }
    finish(prefetch);
}

/* max_concurrent loads run at the same time, and no more; loads ahead leave room. */
static void defect_2_loads_run_in_parallel(void **state)
{
    (void)state;
    static const char *const keys[8] = {"slow_1", "slow_2", "slow_3", "slow_4",
                                        "slow_5", "slow_6", "slow_7", "slow_8"};
    struct fw_prefetch *prefetch = begin((const char *const[]){"load_price=0", NULL});
    struct fw_prefetch_stats s;
    struct caller callers[8];
    for (int i = 0; i < 6; i++)
        assert_true(fw_prefetch_hint(prefetch, keys[i], 6, 1, -1));
    wait_inside(4);
    check_account(prefetch, &s);
    assert_int_equal(s.running, 4);
    assert_int_equal(s.waiting, 2);
    for (int i = 0; i < 8; i++)
        start(&callers[i], prefetch, keys[i]);
    wait_inside(5);
    POLL(prefetch, s, s.joins == 4 && s.misses == 4);
    assert_int_equal(s.running, 5);
    assert_int_equal(s.waiting, 0); /* what was asked for waits ahead of no one */
    open_gate();
    for (int i = 0; i < 8; i++) {
        pthread_join(callers[i].thread, NULL);
        assert_int_equal(callers[i].got.answer, FW_PREFETCH_CAME);
        fw_prefetch_release(&callers[i].got);
    }
    assert_int_equal(source.most_inside, 5);
    assert_int_equal(source.loads, 8);
    finish(prefetch);
}

/* However many want it, whoever began: one load. */
static void defect_3_one_load_for_demand_and_prefetch(void **state)
{
    (void)state;
    struct fw_prefetch *prefetch = begin((const char *const[]){"load_price=0", NULL});
    struct fw_prefetch_stats s;
    struct caller callers[8];
    assert_true(fw_prefetch_hint(prefetch, "slow", 4, 0.9, -1));
    wait_inside(1);
    for (int i = 0; i < 8; i++)
        start(&callers[i], prefetch, "slow");
    POLL(prefetch, s, s.joins == 8);
    assert_int_equal(s.late, 0); /* not before it has come */
    open_gate();
    for (int i = 0; i < 8; i++) {
        pthread_join(callers[i].thread, NULL);
        assert_int_equal(callers[i].got.answer, FW_PREFETCH_CAME);
        assert_true(callers[i].got.ahead);
        assert_ptr_equal(callers[i].got.data, callers[0].got.data);
    }
    for (int i = 0; i < 8; i++)
        fw_prefetch_release(&callers[i].got);
    check_account(prefetch, &s);
    assert_int_equal(source.loads, 1);
    assert_int_equal(s.late, 1);
    assert_int_equal(s.issued, 1);
    finish(prefetch);
}

/* Errors are returned; counters add up; the workers go on (specification F6). */
static void defect_16_failures_are_told_and_harm_nobody(void **state)
{
    (void)state;
    struct fw_prefetch *prefetch = begin((const char *const[]){"capacity=64KiB", NULL});
    struct fw_prefetch_got got;
    struct fw_prefetch_stats s;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(get(prefetch, "fails", 1), FW_PREFETCH_FAILED);
        assert_int_equal(get(prefetch, "null", 1), FW_PREFETCH_FAILED);
        assert_int_equal(get(prefetch, "large", 1), FW_PREFETCH_CAME); /* handed on, not held */
    }
    fw_prefetch_get(prefetch, "fails", 5, 0, 0, FW_NEVER, &got);
    assert_int_equal(got.error, 77);
    assert_null(got.value);
    assert_int_equal(get(prefetch, "absent", 1), FW_PREFETCH_NEGATIVE);
    assert_int_equal(get(prefetch, "absent", 1), FW_PREFETCH_NEGATIVE);
    assert_int_equal(get(prefetch, "empty", 1), FW_PREFETCH_CAME);
    assert_int_equal(get(prefetch, "empty", 1), FW_PREFETCH_HIT);
    check_account(prefetch, &s);
    assert_int_equal(s.demand_failures, 41);
    assert_int_equal(s.not_held, 20);
    assert_int_equal(s.entries, 1);
    assert_int_equal(s.negatives, 1);
    finish(prefetch);
}

/* Keys of 64 KiB, with NUL, broken UTF-8, the empty one; a byte more is refused. */
static void any_bytes_are_a_key(void **state)
{
    (void)state;
    struct fw_prefetch *prefetch = begin(NULL);
    struct fw_prefetch_got got;
    char *key = malloc(FW_PREFETCH_KEY_MAX + 1);
    memset(key, 0xff, FW_PREFETCH_KEY_MAX + 1);
    key[100] = '\0';
    for (size_t size = FW_PREFETCH_KEY_MAX - 1; size <= FW_PREFETCH_KEY_MAX; size++) {
        assert_int_equal(fw_prefetch_get(prefetch, key, size, 0, 0, FW_NEVER, &got),
                         FW_PREFETCH_CAME);
        assert_int_equal(got.size, size);
        assert_memory_equal(got.data, key, size);
        fw_prefetch_release(&got);
        assert_true(fw_prefetch_peek(prefetch, key, size));
    }
    assert_int_equal(fw_prefetch_get(prefetch, key, FW_PREFETCH_KEY_MAX + 1, 0, 0, FW_NEVER, &got),
                     FW_PREFETCH_REFUSED);
    assert_int_equal(fw_prefetch_get(prefetch, "", 0, 0, 0, FW_NEVER, &got), FW_PREFETCH_CAME);
    fw_prefetch_release(&got);
    assert_true(fw_prefetch_peek(prefetch, NULL, 0));
    assert_int_equal(fw_prefetch_get(prefetch, "\0a", 2, 0, 0, FW_NEVER, &got), FW_PREFETCH_CAME);
    fw_prefetch_release(&got);
    assert_false(fw_prefetch_peek(prefetch, "\0b", 2));
    free(key);
    finish(prefetch);
}

/* A get that does not want to wait longer; a value put meanwhile; what is dropped is loaded anew.
 */
static void gets_end_in_time_and_with_what_is_true(void **state)
{
    (void)state;
    struct fw_prefetch *prefetch = begin(NULL);
    struct fw_prefetch_stats s;
    struct fw_prefetch_got got;
    struct caller caller;
    static char mine[] = "mine";
    assert_int_equal(fw_prefetch_get(prefetch, "slow", 4, 0, 0, 0, &got), FW_PREFETCH_TIMEOUT);
    check_account(prefetch, &s);
    assert_int_equal(s.requests, 0); /* a look without effect */
    assert_int_equal(fw_prefetch_get(prefetch, "slow", 4, 0, 0, 1000000, &got),
                     FW_PREFETCH_TIMEOUT);
    start(&caller, prefetch, "slow");
    wait_inside(1);
    POLL(prefetch, s, s.requests == 2);
    assert_int_equal(fw_prefetch_put(prefetch, "slow", 4, mine, 4, NULL, -1), 0);
    pthread_join(caller.thread, NULL);
    assert_int_equal(caller.got.answer, FW_PREFETCH_CAME);
    assert_memory_equal(caller.got.data, "mine", 4);
    fw_prefetch_release(&caller.got);
    open_gate();
    POLL(prefetch, s, s.stuck == 0); /* what the loader brought was released */
    assert_int_equal(source.unwanted, 1);
    assert_true(fw_prefetch_drop(prefetch, "slow", 4));
    assert_false(fw_prefetch_drop(prefetch, "slow", 4));
    assert_int_equal(get(prefetch, "slow", 1), FW_PREFETCH_CAME);
    finish(prefetch);
}

/* It is counted, those who wait are told, others load on, and the end does not wait for it. */
static void a_loader_that_does_not_return_is_bounded(void **state)
{
    (void)state;
    struct fw_prefetch *prefetch = begin((const char *const[]){
        "load_timeout=20ms", "max_concurrent=1", "max_stuck=1", "negative_ttl=0s", NULL});
    struct fw_prefetch_stats s;
    struct caller caller;
    assert_int_equal(get(prefetch, "slow_1", 1), FW_PREFETCH_FAILED);
    POLL(prefetch, s, s.overdue == 1 && s.stuck == 1);
    assert_int_equal(get(prefetch, "quick", 1), FW_PREFETCH_CAME); /* by another thread */
    assert_int_equal(get(prefetch, "slow_2", 1), FW_PREFETCH_FAILED);
    POLL(prefetch, s, s.stuck == 2);
    start(&caller, prefetch, "quick_2"); /* no more threads: it waits for one */
    POLL(prefetch, s, s.misses == 4);
    assert_int_equal(fw_prefetch_destroy(&prefetch, 1000000), FW_TIMEOUT);
    pthread_join(caller.thread, NULL);
    assert_int_equal(caller.got.answer, FW_PREFETCH_FAILED);
    assert_int_equal(caller.got.error, FW_CLOSED);
    open_gate(); /* now they return, and the last one frees what there is */
    int64_t until_ns = now_ns() + DEADLINE_S * FW_SECOND;
    pthread_mutex_lock(&source.lock);
    while (source.inside > 0 || atomic_load(&source.alive) > 0) {
        pthread_mutex_unlock(&source.lock);
        assert_true(now_ns() < until_ns);
        sched_yield();
        pthread_mutex_lock(&source.lock);
    }
    pthread_mutex_unlock(&source.lock);
}

static void expect_z(void *context, const struct fw_prefetch_question *question)
{
    ++*(_Atomic int *)context;
    if (question->key_size == 1 && question->key[0] == 'y' && question->before_count > 0 &&
        question->before_sizes[0] == 1 && question->before[0][0] == 'x')
        assert_true(fw_prefetch_expect(question, "z", 1, 1, 1, -1));
}

/* A strategy of the caller's, a session that taught, and one that is taught (F2). */
static void strategies_load_ahead(void **state)
{
    (void)state;
    struct fw_prefetch *prefetch =
        begin((const char *const[]){"strategies=user", "load_price=0.01", NULL});
    static const char *const keys[] = {"a", "b", "c"};
    static const size_t sizes[] = {1, 1, 1};
    struct fw_prefetch_stats s;
    _Atomic int asked = 0;
    uint64_t judged, right;
    int64_t last_ns = now_ns() + DEADLINE_S * FW_SECOND;
    assert_int_equal(fw_prefetch_add_strategy(prefetch, "mine", expect_z, &asked), 0);
    get(prefetch, "x", 5);
    get(prefetch, "y", 5);
    POLL(prefetch, s, s.issued == 1);
    POLL(prefetch, s, s.running == 0);
    assert_true(fw_prefetch_peek(prefetch, "z", 1));
    assert_int_equal(get(prefetch, "z", 5), FW_PREFETCH_HIT);
    fw_prefetch_teach(prefetch, 9, keys, sizes, 3);
    get(prefetch, "a", 9);
    POLL(prefetch, s, s.issued == 2 && s.running == 0);
    assert_int_equal(get(prefetch, "b", 9), FW_PREFETCH_HIT);
    POLL(prefetch, s, s.issued == 3 && s.in_time == 2);
    assert_true(asked >= 4);
    get(prefetch, "x", 6);
    get(prefetch, "y", 6);
    fw_prefetch_session_end(prefetch, 6); /* z does not come: the guess was wrong */
    do {                                  /* the end is heard of after the gets */
        assert_string_equal(fw_prefetch_read_strategy(prefetch, GUESSER_BUILT_IN, &judged, &right),
                            "mine");
        sched_yield();
    } while (judged < 2 && now_ns() < last_ns);
    assert_int_equal(judged, 2);
    assert_int_equal(right, 1);
    assert_null(fw_prefetch_read_strategy(prefetch, GUESSER_BUILT_IN + 1, &judged, &right));
    finish(prefetch);
}

static void what_waits_can_be_seen(void **state)
{
    (void)state;
    struct fw_prefetch *prefetch =
        begin((const char *const[]){"ahead_concurrent=0", "load_price=0", NULL});
    struct fw_prefetch_request request;
    struct fw_prefetch_stats s;
    assert_true(fw_prefetch_hint(prefetch, "later", 5, 0.5, 3 * FW_SECOND));
    assert_true(fw_prefetch_waiting(prefetch, 0, &request));
    assert_string_equal(request.key, "later");
    assert_string_equal(request.strategy, "hint");
    assert_true(request.expected_in_ns > 0 && request.expected_in_ns <= 3 * FW_SECOND);
    assert_false(fw_prefetch_waiting(prefetch, 1, &request));
    fw_prefetch_enable(prefetch, false);
    assert_false(fw_prefetch_waiting(prefetch, 0, &request));
    assert_false(fw_prefetch_hint(prefetch, "later", 5, 0.5, -1));
    check_account(prefetch, &s);
    assert_int_equal(s.issued, 0);
    finish(prefetch);
}

static void options_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *option, *says;
    } cases[] = {
        {"capacity", "expected name=value"},
        {"capacitee=1MiB", "did you mean capacity"},
        {"capacity=0B", "capacity"},
        {"max_concurrent=0", "max_concurrent"},
        {"strategies=psychic", "found \"psychic\""},
        {"ttl=5", "ttl"},
        {"eviction=fifo", "eviction"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fw_prefetch *prefetch = (void *)1;
        char error[256];
        int code =
            fw_prefetch_create(&prefetch, load_value, NULL,
                               (const char *const[]){cases[i].option, NULL}, error, sizeof error);
        assert_string_equal(fw_error_name(code), "invalid_input");
        assert_null(prefetch);
        if (!strstr(error, cases[i].says))
            fail_msg("%s: %s", cases[i].option, error);
    }
}

/* The guide names every option with its default. */
static void the_guide_lists_the_options(void **state)
{
    (void)state;
    static char text[1 << 17];
    FILE *file = fopen(TEST_SOURCE_DIR "/docs/guide/prefetch.md", "rb");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    for (size_t i = 0; i < shell_option_count; i++) {
        char row[2048];
        snprintf(row, sizeof row, "| `%s` | %s | %s |", shell_option_rows[i].name,
                 shell_option_rows[i].fallback, shell_option_rows[i].sentence);
        if (!strstr(text, row))
            fail_msg("docs/guide/prefetch.md lacks: %s", row);
    }
}

/* ---- many threads, everything at once ---- */

enum { THREADS = 16, OPERATIONS = 4000, KEYS = 300 };
struct actor {
    pthread_t thread;
    struct fw_prefetch *prefetch;
    uint64_t random;
};

static uint64_t draw(struct actor *actor)
{
    actor->random ^= actor->random << 13;
    actor->random ^= actor->random >> 7;
    actor->random ^= actor->random << 17;
    return actor->random;
}

static void act_otherwise(struct actor *actor, const char *key, size_t size)
{
    switch (draw(actor) % 8) {
    case 0: {
        char *data = malloc(size);
        memcpy(data, key, size);
        atomic_fetch_add(&source.alive, 1);
        fw_prefetch_put(actor->prefetch, key, size, data, size, release, -1);
        break;
    }
    case 1:
        fw_prefetch_drop(actor->prefetch, key, size);
        break;
    case 2:
        fw_prefetch_session_end(actor->prefetch, draw(actor) % 20 + 1);
        break;
    case 3:
        fw_prefetch_peek(actor->prefetch, key, size);
        break;
    default:
        fw_prefetch_hint(actor->prefetch, key, size, 0.9, -1);
    }
}

static void *act(void *argument)
{
    struct actor *actor = argument;
    struct fw_prefetch_stats s;
    uint64_t session = draw(actor) % 20 + 1, at = draw(actor) % KEYS;
    for (int i = 0; i < OPERATIONS; i++) {
        char key[32];
        at = draw(actor) % 4 == 0 ? draw(actor) % KEYS : (at + 1) % KEYS;
        int size = snprintf(key, sizeof key, "%s_%d",
                            at % 37 == 0   ? "fails"
                            : at % 41 == 0 ? "absent"
                                           : "key",
                            (int)at);
        struct fw_prefetch_got got;
        if (draw(actor) % 8 == 0)
            act_otherwise(actor, key, (size_t)size);
        fw_prefetch_get(actor->prefetch, key, (size_t)size, session, session,
                        draw(actor) % 16 == 0 ? 1000 : FW_NEVER, &got);
        if (got.value)
            assert_memory_equal(got.data, key, got.size);
        fw_prefetch_release(&got);
        if (i % 500 == 0)
            check_account(actor->prefetch, &s);
    }
    return NULL;
}

static void many_threads_do_everything_at_once(void **state)
{
    (void)state;
    struct fw_prefetch *prefetch = begin((const char *const[]){
        "max_entries=60", "load_price=0.01", "strategies=sequential+pattern+user+names+mix",
        "ttl=50ms", "negative_ttl=5ms", "backoff=1ms", NULL});
    struct actor actors[THREADS];
    struct fw_prefetch_stats s;
    for (int i = 0; i < THREADS; i++) {
        actors[i] =
            (struct actor){.prefetch = prefetch, .random = 88172645463325252u + (uint64_t)i};
        assert_int_equal(pthread_create(&actors[i].thread, NULL, act, &actors[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(actors[i].thread, NULL);
    check_account(prefetch, &s);
    assert_int_equal(s.requests, THREADS * OPERATIONS);
    assert_true(s.issued > 0 && s.in_time + s.late > 0);
    assert_true(s.entries <= 60);
    finish(prefetch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defect_1_hits_do_not_wait_for_loads),
        cmocka_unit_test(defect_2_loads_run_in_parallel),
        cmocka_unit_test(defect_3_one_load_for_demand_and_prefetch),
        cmocka_unit_test(defect_16_failures_are_told_and_harm_nobody),
        cmocka_unit_test(any_bytes_are_a_key),
        cmocka_unit_test(gets_end_in_time_and_with_what_is_true),
        cmocka_unit_test(a_loader_that_does_not_return_is_bounded),
        cmocka_unit_test(strategies_load_ahead),
        cmocka_unit_test(what_waits_can_be_seen),
        cmocka_unit_test(options_are_checked),
        cmocka_unit_test(the_guide_lists_the_options),
        cmocka_unit_test(many_threads_do_everything_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
