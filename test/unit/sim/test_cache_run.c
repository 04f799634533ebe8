/* SPDX-License-Identifier: MIT
 * Traces through the cache: LRU against stack distances (Mattson et al., 1970) counted with a
 * Fenwick tree, loads ahead that come in time, late, or never, and the readers' errors. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/prng.h"
#include "base/time.h"
#include "sim/cache_bounds.h"
#include "sim/cache_run.h"
#include <stdlib.h>
#include <string.h>

enum { REQUESTS = 30000, KEYS = 3000 };

static void read_text(struct cache_trace *trace, const char *text)
{
    struct fw_detail detail = {""};
    cache_trace_init(trace);
    assert_int_equal(cache_trace_read_memory(trace, "t", str_of(text), TIME_MILLISECOND, &detail),
                     FW_OK);
}

static void make(struct cache_trace *trace, uint64_t (*key)(struct prng *prng, uint64_t number))
{
    struct buf text;
    struct prng prng;
    buf_init(&text, 1 << 24);
    prng_init(&prng, 5);
    for (uint64_t i = 0; i < REQUESTS; i++)
        buf_printf(&text, "%llu\n", (unsigned long long)key(&prng, i));
    read_text(trace, text.data);
    buf_fini(&text);
}

static uint64_t popular(struct prng *prng, uint64_t number)
{
    (void)number;
    return prng_below(prng, 1 + prng_below(prng, KEYS));
}
static uint64_t loop(struct prng *prng, uint64_t number)
{
    (void)prng;
    return number % KEYS;
}
/* Every seventh key of a long file, beside popular keys elsewhere. */
static uint64_t mixed(struct prng *prng, uint64_t number)
{
    return number % 2 ? 1000000 + number / 2 * 7 : prng_below(prng, 1 + prng_below(prng, KEYS));
}
/* The same tour again and again, in no order that numbers show. */
static uint64_t tour(struct prng *prng, uint64_t number)
{
    (void)prng;
    return prng_scramble(number % KEYS + 1) >> 1;
}
static uint64_t noise(struct prng *prng, uint64_t number)
{
    (void)number;
    return prng_below(prng, UINT64_C(1) << 40) & ~UINT64_C(63);
}

/* Misses of LRU with this many keys: requests whose stack distance is not below it. */
static uint64_t stack_misses(const struct cache_trace *trace, uint64_t keys)
{
    size_t n = trace->count;
    uint32_t *tree = calloc(n + 1, sizeof *tree);
    size_t *last = calloc(KEYS, sizeof *last); /* 0: never */
    assert_true(tree && last);
    uint64_t misses = 0;
    for (size_t i = 1; i <= n; i++) {
        uint64_t key = trace->requests[i - 1].key;
        assert_true(key < KEYS);
        uint64_t distance = 0; /* different keys since the last time */
        for (size_t at = i - 1; at > 0 && last[key] > 0; at -= at & (~at + 1))
            distance += tree[at];
        for (size_t at = last[key]; at > 0; at -= at & (~at + 1))
            distance -= tree[at];
        misses += last[key] == 0 || distance >= keys;
        for (size_t at = last[key]; at > 0 && at <= n; at += at & (~at + 1))
            tree[at]--;
        for (size_t at = i; at <= n; at += at & (~at + 1))
            tree[at]++;
        last[key] = i;
    }
    free(tree);
    free(last);
    return misses;
}

static struct cache_run_result run(const struct cache_trace *trace, int algorithm, int prefetch,
                                   uint64_t keys, int64_t load_ns)
{
    struct cache_run_settings settings = {.algorithm = algorithm,
                                          .prefetch = prefetch,
                                          .capacity = keys,
                                          .load_ns = load_ns,
                                          .compare = true};
    struct cache_run_result result;
    assert_int_equal(cache_run(trace, &settings, &result), FW_OK);
    assert_true(prefetch_account_holds(&result.account));
    assert_int_equal(result.misses, result.misses_without - result.spared + result.spoilt);
    return result;
}

static void lru_misses_what_its_stack_distance_says(void **state)
{
    (void)state;
    struct cache_trace trace;
    make(&trace, popular);
    for (uint64_t keys = 1; keys <= KEYS; keys = keys * 3 + 1) {
        struct cache_run_result result = run(&trace, CACHE_LRU, CACHE_RUN_NONE, keys, 0);
        assert_int_equal(result.misses, stack_misses(&trace, keys));
        assert_int_equal(result.account.issued + result.spared + result.spoilt, 0);
    }
    cache_trace_fini(&trace);
}

static void runs_are_loaded_in_time(void **state)
{
    (void)state;
    struct cache_trace trace;
    for (int algorithm = 0; algorithm < CACHE_ALGORITHM_COUNT; algorithm++) {
        make(&trace, loop);
        struct cache_run_result without = run(&trace, algorithm, CACHE_RUN_NONE, KEYS / 10, 0);
        struct cache_run_result ahead =
            run(&trace, algorithm, CACHE_RUN_SEQUENTIAL, KEYS / 10, 5 * TIME_MILLISECOND);
        assert_true(cache_run_miss_ratio(&without) > 0.85);
        assert_true(cache_run_miss_ratio(&ahead) < 0.02);
        assert_true(cache_run_accuracy(&ahead) > 0.98 && cache_run_timeliness(&ahead) > 0.98);
        cache_trace_fini(&trace);
        make(&trace, mixed);
        ahead = run(&trace, algorithm, CACHE_RUN_SEQUENTIAL, KEYS / 10, 5 * TIME_MILLISECOND);
        without = run(&trace, algorithm, CACHE_RUN_NONE, KEYS / 10, 0);
        assert_true(without.misses - ahead.misses > REQUESTS * 45 / 100);
        assert_true(cache_run_accuracy(&ahead) > 0.9);
        cache_trace_fini(&trace);
    }
}

/* A load that takes longer than anyone can look ahead is late: not a hit, but a shorter wait. One
 * that would spare next to nothing is not made. */
static void a_late_load_is_a_miss(void **state)
{
    (void)state;
    struct cache_trace trace;
    make(&trace, loop);
    struct cache_run_result result =
        run(&trace, CACHE_LRU, CACHE_RUN_SEQUENTIAL, KEYS / 10, 90 * TIME_MILLISECOND);
    assert_true(result.account.late > REQUESTS / 2);
    assert_int_equal(result.account.used, 0);
    assert_true(cache_run_miss_ratio(&result) > 0.99);
    assert_true(cache_run_timeliness(&result) < 0.01);
    assert_true(result.waits.mean_ns < result.waits_without.mean_ns / 2);
    result = run(&trace, CACHE_LRU, CACHE_RUN_SEQUENTIAL, KEYS / 10, 100 * TIME_SECOND);
    assert_true(result.account.issued < REQUESTS / 100);
    cache_trace_fini(&trace);
}

static void noise_loads_nothing_ahead(void **state)
{
    (void)state;
    struct cache_trace trace;
    uint64_t (*const kinds[])(struct prng *, uint64_t) = {noise, popular};
    for (int kind = 0; kind < 2; kind++) {
        make(&trace, kinds[kind]);
        struct cache_run_result result =
            run(&trace, CACHE_SIEVE, CACHE_RUN_MIX, 300, 5 * TIME_MILLISECOND);
        assert_true(result.account.issued < REQUESTS / 50);
        assert_true(cache_run_traffic(&result) <= 0.02);
        assert_true(result.misses <= result.misses_without + REQUESTS / 200);
        assert_true(result.waits.mean_ns <= result.waits_without.mean_ns * 1.005);
        cache_trace_fini(&trace);
    }
}

/* What comes in the same order again is loaded in time, by mix alone; pattern, which asks for the
 * next request, is late with everything where a load takes longer than that. */
static void what_followed_last_time_is_loaded(void **state)
{
    (void)state;
    struct cache_trace trace;
    make(&trace, tour);
    for (int algorithm = 0; algorithm < CACHE_ALGORITHM_COUNT; algorithm++) {
        const int64_t load_ns = 5 * TIME_MILLISECOND;
        struct cache_run_result mix = run(&trace, algorithm, CACHE_RUN_MIX, KEYS / 10, load_ns);
        struct cache_run_result pattern =
            run(&trace, algorithm, CACHE_RUN_PATTERN, KEYS / 10, load_ns);
        struct cache_run_result runs =
            run(&trace, algorithm, CACHE_RUN_SEQUENTIAL, KEYS / 10, load_ns);
        assert_true(cache_run_miss_ratio(&mix) < 0.13); /* a tenth is new */
        assert_true(cache_run_accuracy(&mix) > 0.95);
        assert_true(cache_run_miss_ratio(&runs) > 0.85 && runs.account.issued == 0);
        assert_true(cache_run_miss_ratio(&pattern) > 0.85);
        assert_true(cache_run_timeliness(&pattern) < 0.05 && pattern.account.late > REQUESTS / 2);
        assert_true(mix.waits.mean_ns < mix.waits_without.mean_ns / 5);
        assert_true(pattern.waits.mean_ns < pattern.waits_without.mean_ns);
        assert_true(mix.waits.p50_ns == 0 && mix.waits_without.p50_ns == load_ns);
        assert_true(cache_run_net_ns(&mix, load_ns) > 0);
    }
    cache_trace_fini(&trace);
}

/* Scored from the second half, both halves together are the whole. */
static void halves_add_up(void **state)
{
    (void)state;
    struct cache_trace trace;
    make(&trace, mixed);
    for (int prefetch = 0; prefetch < CACHE_RUN_PREFETCH_COUNT; prefetch++) {
        struct cache_run_settings settings = {.algorithm = CACHE_S3FIFO,
                                              .prefetch = prefetch,
                                              .capacity = KEYS / 10,
                                              .load_ns = 5 * TIME_MILLISECOND,
                                              .score_from = REQUESTS / 2,
                                              .compare = true};
        struct cache_run_result second;
        assert_int_equal(cache_run(&trace, &settings, &second), FW_OK);
        assert_int_equal(second.requests, REQUESTS - REQUESTS / 2);
        assert_true(prefetch_account_holds(&second.account));
        struct cache_run_result whole =
            run(&trace, CACHE_S3FIFO, prefetch, KEYS / 10, settings.load_ns);
        trace.count = REQUESTS / 2;
        struct cache_run_result first =
            run(&trace, CACHE_S3FIFO, prefetch, KEYS / 10, settings.load_ns);
        trace.count = REQUESTS;
        assert_int_equal(first.misses + second.misses, whole.misses);
        assert_int_equal(first.account.used + second.account.used, whole.account.used);
        assert_int_equal(first.account.issued + second.account.issued - first.account.pending,
                         whole.account.issued);
    }
    cache_trace_fini(&trace);
}

/* Belady's own kind of example, by hand; and nobody does better on random ones. */
static void bounds_are_bounds(void **state)
{
    (void)state;
    struct cache_trace trace;
    struct cache_bounds bounds;
    read_text(&trace, "1\n2\n3\n1\n2\n4\n1\n2\n3\n4\n");
    assert_int_equal(cache_bounds(&trace, 2, 0, 3 * TIME_MILLISECOND, &bounds), FW_OK);
    assert_int_equal(bounds.belady, 6); /* 1 and 2 stay; 3 and 4 miss twice each */
    assert_int_equal(bounds.seen, 4);
    assert_int_equal(bounds.clairvoyant, 3); /* 1, 2 and 3 come before a load can end */
    assert_int_equal(cache_bounds(&trace, 2, 5, 3 * TIME_MILLISECOND, &bounds), FW_OK);
    assert_int_equal(bounds.belady, 3);
    assert_int_equal(bounds.seen, 1);
    cache_trace_fini(&trace);
    make(&trace, popular);
    for (uint64_t keys = 1; keys <= KEYS; keys = keys * 3 + 1) {
        assert_int_equal(cache_bounds(&trace, keys, 0, 0, &bounds), FW_OK);
        assert_int_equal(bounds.seen, trace.keys);
        for (int algorithm = 0; algorithm < CACHE_ALGORITHM_COUNT; algorithm++)
            assert_true(bounds.belady <= run(&trace, algorithm, CACHE_RUN_NONE, keys, 0).misses);
    }
    cache_trace_fini(&trace);
}

/* Scrambled, a run is no run any more, and a tour still is one. */
static void scrambled_keys_tell_nothing(void **state)
{
    (void)state;
    struct cache_trace trace;
    make(&trace, loop);
    assert_true(trace.renumbered);
    cache_trace_scramble(&trace);
    assert_false(trace.renumbered);
    struct cache_run_result runs =
        run(&trace, CACHE_LRU, CACHE_RUN_SEQUENTIAL, KEYS / 10, TIME_MILLISECOND);
    struct cache_run_result mix =
        run(&trace, CACHE_LRU, CACHE_RUN_MIX, KEYS / 10, TIME_MILLISECOND);
    assert_true(runs.account.issued == 0 && cache_run_miss_ratio(&runs) == 1);
    assert_true(cache_run_miss_ratio(&mix) < 0.13);
    cache_trace_fini(&trace);
}

static void traces_are_read(void **state)
{
    (void)state;
    struct cache_trace trace;
    read_text(&trace, "*\n5\n-1\n\n5\r\n*\n");
    assert_int_equal(trace.count, 3);
    assert_int_equal(trace.keys, 2);
    assert_int_equal(trace.marks, 2);
    assert_int_equal(trace.requests[2].at_ns, 2 * TIME_MILLISECOND);
    cache_trace_fini(&trace);
    read_text(&trace, "time,op,size,lbn\n10,2a,512,7\n10,2a,512,8\n11,28,1024,7\n");
    assert_int_equal(trace.count, 3);
    assert_int_equal(trace.keys_bytes, 1024);
    assert_int_equal(trace.requests[1].at_ns, 10 * TIME_SECOND + 500 * TIME_MILLISECOND);
    assert_int_equal(trace.requests[2].bytes, 1024);
    cache_trace_fini(&trace);
    read_text(&trace, "{\"timestamp\":0,\"input_length\":600,\"hash_ids\":[5,6]}\n\n"
                      "{\"timestamp\":3000,\"hash_ids\":[]}\n"
                      "{\"timestamp\":3000.5,\"hash_ids\":[5,7]}\n");
    assert_int_equal(trace.count, 4);
    assert_int_equal(trace.keys, 3);
    assert_true(trace.timed && !trace.sized && !trace.renumbered);
    assert_int_equal(trace.requests[1].key, 6);
    assert_int_equal(trace.requests[2].at_ns, 3000 * TIME_MILLISECOND + 500000);
    cache_trace_fini(&trace);
}

/* Bytes that end a C string, and requests that would not end. */
static void odd_traces_are_refused(void **state)
{
    (void)state;
    static const char nul[] = "1\n2\0003\n";
    struct fw_detail detail = {""};
    struct cache_trace trace;
    cache_trace_init(&trace);
    assert_int_equal(
        cache_trace_read_memory(&trace, "f", (struct str){nul, sizeof nul - 1}, 1, &detail),
        FW_INPUT);
    assert_non_null(strstr(detail.text, "f:2: key: found \"2?3\""));
    cache_trace_fini(&trace);
    cache_trace_init(&trace);
    assert_int_equal(cache_trace_read_memory(&trace, "f", STR("1\n2\n3\n"), INT64_MAX / 8, &detail),
                     FW_USAGE);
    assert_non_null(strstr(detail.text, "--interval"));
    cache_trace_fini(&trace);
}

static void errors_name_file_and_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"1\nx\n", "f:2: key: found \"x\", expected a whole number"},
        {"", "f: found no requests"},
        {"a,b\n1,2\n", "f:1: header: found \"a\""},
        {"key,size\n1,2\n1,-2\n", "f:3: size: found \"-2\""},
        {"key,size\n1\n", "f:2: found 1 fields, expected 2"},
        {"key,time\n1,5\n2,soon\n", "f:3: time: found \"soon\""},
        {"key,time\n1,2305843009\n1,2305843010\n", "f:3: time: found \"2305843010\""},
        {"key,time\n1,-1\n", "f:2: time: found \"-1\", expected a number, 0 to 73 years"},
        {"5\n6\x1b[2J\n", "f:2: key: found \"6?[2J\", expected a whole number"},
        {"{\"timestamp\":1}\n", "f:1: hash_ids: found"},
        {"{\"timestamp\":-1,\"hash_ids\":[1]}\n", "f:1: timestamp: found"},
        {"{\"timestamp\":1,\"hash_ids\":[1,2.5]}\n", "f:1: hash_ids: found"},
        {"{\"timestamp\":1,\"hash_ids\":[1]}\n{\"timestamp\"\n", "f:2: line: found"},
        {"{\"timestamp\":1,\"hash_ids\":[]}\n", "f: found no requests"},
        {"*\n*\n", "f: found no requests"},
        {"5\n**\n", "f:2: key: found \"**\""},
        {"1.5\n", "f:1: header: found \"1.5\""},
        {"key\n99999999999999999999\n", "f:2: key: found \"99999999999999999999\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cache_trace trace;
        struct fw_detail detail = {""};
        cache_trace_init(&trace);
        assert_int_equal(cache_trace_read_memory(&trace, "f", str_of(cases[i].text), 1, &detail),
                         FW_INPUT);
        assert_non_null(strstr(detail.text, cases[i].expected));
        cache_trace_fini(&trace);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lru_misses_what_its_stack_distance_says),
        cmocka_unit_test(runs_are_loaded_in_time),
        cmocka_unit_test(a_late_load_is_a_miss),
        cmocka_unit_test(noise_loads_nothing_ahead),
        cmocka_unit_test(what_followed_last_time_is_loaded),
        cmocka_unit_test(halves_add_up),
        cmocka_unit_test(bounds_are_bounds),
        cmocka_unit_test(scrambled_keys_tell_nothing),
        cmocka_unit_test(traces_are_read),
        cmocka_unit_test(odd_traces_are_refused),
        cmocka_unit_test(errors_name_file_and_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
