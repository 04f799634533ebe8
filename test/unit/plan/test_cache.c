/* SPDX-License-Identifier: MIT
 * The cache against hand-made sequences, and every algorithm against a second writing of its paper
 * over plain arrays, with entries and with bytes, on random requests. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/prng.h"
#include "plan/cache.h"
#include <string.h>

enum { MODEL_MAX = 1024 };

struct model_item {
    uint64_t key, bytes;
    uint32_t uses;
};
/* Index 0 is the oldest. */
struct model_queue {
    struct model_item items[MODEL_MAX];
    size_t count;
};
struct model {
    int algorithm;
    uint64_t capacity;
    struct model_queue main, small, ghost; /* LIRS: LIR, HIR that are held, others in the stack */
    struct model_queue stack;              /* LIRS: keys alone */
    uint64_t hand;                         /* key */
    bool hand_set;
};

static uint64_t model_bytes(const struct model_queue *queue)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < queue->count; i++)
        bytes += queue->items[i].bytes;
    return bytes;
}

static struct model_item *model_find(struct model_queue *queue, uint64_t key)
{
    for (size_t i = 0; i < queue->count; i++)
        if (queue->items[i].key == key)
            return &queue->items[i];
    return NULL;
}

static struct model_item model_take(struct model_queue *queue, size_t at)
{
    struct model_item item = queue->items[at];
    memmove(&queue->items[at], &queue->items[at + 1],
            (queue->count - at - 1) * sizeof queue->items[0]);
    queue->count--;
    return item;
}

static void model_put(struct model_queue *queue, struct model_item item)
{
    assert_true(queue->count < MODEL_MAX);
    queue->items[queue->count++] = item;
}

static void model_evict_sieve(struct model *model)
{
    size_t at = 0;
    for (size_t i = 0; model->hand_set && i < model->main.count; i++)
        if (model->main.items[i].key == model->hand)
            at = i;
    while (model->main.items[at].uses) {
        model->main.items[at].uses = 0;
        at = at + 1 < model->main.count ? at + 1 : 0;
    }
    model_take(&model->main, at);
    model->hand_set = at < model->main.count;
    if (model->hand_set)
        model->hand = model->main.items[at].key;
}

static void model_evict_s3fifo(struct model *model)
{
    uint64_t share = model->capacity / 10 > 0 ? model->capacity / 10 : 1;
    if (model_bytes(&model->small) >= share || model->main.count == 0) {
        while (model->small.count > 0) {
            struct model_item item = model_take(&model->small, 0);
            if (item.uses > 1) {
                item.uses = 0;
                model_put(&model->main, item);
                continue;
            }
            model_put(&model->ghost, item);
            while (model_bytes(&model->ghost) > model->capacity * 9 / 10)
                model_take(&model->ghost, 0);
            return;
        }
    }
    for (;;) {
        struct model_item item = model_take(&model->main, 0);
        if (item.uses == 0)
            return;
        item.uses--;
        model_put(&model->main, item);
    }
}

static void model_drop(struct model_queue *queue, uint64_t key)
{
    struct model_item *item = model_find(queue, key);
    if (item)
        model_take(queue, (size_t)(item - queue->items));
}

/* LIRS, by the paper's words: the stack ends with an LIR entry, and there is room for HIR ones. */
static void model_settle_lirs(struct model *model)
{
    uint64_t share = model->capacity / 100 > 0 ? model->capacity / 100 : 1;
    for (;;) {
        while (model->stack.count > 0 && !model_find(&model->main, model->stack.items[0].key))
            model_drop(&model->ghost, model_take(&model->stack, 0).key);
        if (model->main.count <= 1 || model_bytes(&model->main) <= model->capacity - share)
            return;
        uint64_t key = model_take(&model->stack, 0).key;
        struct model_item *item = model_find(&model->main, key);
        model_put(&model->small, *item);
        model_drop(&model->main, key);
    }
}

static void model_evict_lirs(struct model *model)
{
    if (model->small.count == 0) {
        model_drop(&model->main, model_take(&model->stack, 0).key);
        model_settle_lirs(model);
        return;
    }
    struct model_item item = model_take(&model->small, 0);
    if (!model_find(&model->stack, item.key))
        return;
    model_put(&model->ghost, item);
    while (model_bytes(&model->ghost) / 2 > model->capacity) {
        uint64_t key = model_take(&model->ghost, 0).key;
        model_drop(&model->stack, key);
    }
}

static void model_use_lirs(struct model *model, struct model_item item)
{
    bool near = model_find(&model->stack, item.key) != NULL;
    bool lir = model_find(&model->main, item.key) != NULL;
    model_drop(&model->stack, item.key);
    model_put(&model->stack, item);
    if (!lir) {
        model_drop(&model->small, item.key);
        model_put(near ? &model->main : &model->small, item);
    }
    model_settle_lirs(model);
}

static void model_insert_lirs(struct model *model, struct model_item item, bool known)
{
    uint64_t share = model->capacity / 100 > 0 ? model->capacity / 100 : 1;
    bool room = model_bytes(&model->main) + item.bytes <= model->capacity - share;
    model_put(&model->stack, item);
    model_put(known || room ? &model->main : &model->small, item);
    if (known || room)
        model_settle_lirs(model);
}

static void model_evict(struct model *model)
{
    if (model->algorithm == CACHE_LIRS) {
        model_evict_lirs(model);
        return;
    }
    if (model->algorithm == CACHE_LRU)
        model_take(&model->main, 0);
    else if (model->algorithm == CACHE_SIEVE)
        model_evict_sieve(model);
    else
        model_evict_s3fifo(model);
}

static bool model_request(struct model *model, uint64_t key, uint64_t bytes)
{
    struct model_item *item = model_find(&model->main, key);
    item = item ? item : model_find(&model->small, key);
    if (item && model->algorithm == CACHE_LIRS) {
        model_use_lirs(model, *item);
        return true;
    }
    if (item) {
        uint32_t most = model->algorithm == CACHE_SIEVE ? 1 : 3;
        item->uses += item->uses < most;
        if (model->algorithm == CACHE_LRU)
            model_put(&model->main, model_take(&model->main, (size_t)(item - model->main.items)));
        return true;
    }
    if (bytes > model->capacity)
        return false;
    struct model_item *ghost = model_find(&model->ghost, key);
    bool known = ghost != NULL;
    if (known) {
        model_drop(&model->stack, key);
        model_drop(&model->ghost, key);
    }
    while (model_bytes(&model->main) + model_bytes(&model->small) + bytes > model->capacity)
        model_evict(model);
    struct model_item fresh = {key, bytes, 0};
    if (model->algorithm == CACHE_LIRS) {
        model_insert_lirs(model, fresh, known);
        return false;
    }
    model_put(model->algorithm == CACHE_S3FIFO && !known ? &model->small : &model->main, fresh);
    return false;
}

static bool request(struct cache *cache, uint64_t key, uint64_t bytes)
{
    if (cache_use(cache, key))
        return true;
    enum fw_err err = cache_add(cache, key, bytes, false);
    assert_int_equal(err, bytes > cache->capacity ? FW_LIMIT : FW_OK);
    assert_true(cache->bytes <= cache->capacity);
    return false;
}

static void compare(int algorithm, uint64_t capacity, uint64_t keys, bool sized, uint64_t seed)
{
    static struct model model;
    memset(&model, 0, sizeof model);
    model.algorithm = algorithm;
    model.capacity = capacity;
    struct cache cache;
    cache_init(&cache, algorithm, capacity);
    struct prng prng;
    prng_init(&prng, seed);
    uint64_t hits = 0;
    for (int i = 0; i < 20000; i++) {
        /* popular ones, a scan now and then */
        uint64_t key = prng_below(&prng, 1 + prng_below(&prng, keys));
        if (i % 2000 < 300)
            key = 1000 + (uint64_t)i % 400;
        uint64_t bytes = sized ? 1 + prng_scramble(key) % (capacity / 4 + 2) : 1;
        bool expected = model_request(&model, key, bytes);
        assert_int_equal(request(&cache, key, bytes), expected);
        hits += expected;
    }
    assert_true(hits > 0);
    assert_int_equal(cache.bytes, model_bytes(&model.main) + model_bytes(&model.small));
    for (size_t i = 0; i < model.main.count; i++)
        assert_non_null(cache_peek(&cache, model.main.items[i].key));
    cache_fini(&cache);
}

static void every_algorithm_does_what_its_paper_says(void **state)
{
    (void)state;
    static const uint64_t capacities[] = {1, 2, 3, 7, 10, 25, 64, 128};
    for (int algorithm = 0; algorithm < CACHE_ALGORITHM_COUNT; algorithm++)
        for (size_t i = 0; i < sizeof capacities / sizeof capacities[0]; i++) {
            compare(algorithm, capacities[i], 200, false, 7 + i);
            compare(algorithm, capacities[i], 200, true, 70 + i);
        }
}

static void lru_keeps_what_was_used_last(void **state)
{
    (void)state;
    struct cache cache;
    cache_init(&cache, CACHE_LRU, 3);
    for (uint64_t key = 1; key <= 3; key++)
        assert_false(request(&cache, key, 1));
    assert_true(request(&cache, 1, 1));
    assert_false(request(&cache, 4, 1));
    assert_true(cache_peek(&cache, 1) && !cache_peek(&cache, 2) && cache_peek(&cache, 3));
    cache_fini(&cache);
}

/* The example of the SIEVE paper's idea: what was used survives a scan without moving. */
static void sieve_keeps_what_was_used_through_a_scan(void **state)
{
    (void)state;
    struct cache cache;
    cache_init(&cache, CACHE_SIEVE, 4);
    for (uint64_t key = 1; key <= 4; key++)
        assert_false(request(&cache, key, 1));
    assert_true(request(&cache, 1, 1));
    for (uint64_t key = 10; key < 13; key++)
        assert_false(request(&cache, key, 1));
    assert_true(cache_peek(&cache, 1) && !cache_peek(&cache, 2) && !cache_peek(&cache, 4));
    cache_fini(&cache);
}

static void s3fifo_remembers_who_left(void **state)
{
    (void)state;
    struct cache cache;
    cache_init(&cache, CACHE_S3FIFO, 10);
    for (uint64_t key = 1; key <= 12; key++)
        assert_false(request(&cache, key, 1));
    assert_null(cache_peek(&cache, 1)); /* used once: left, and its key stayed */
    assert_int_equal(cache.lists[CACHE_GHOST].count, 2);
    assert_false(request(&cache, 1, 1));
    assert_int_equal(cache_peek(&cache, 1)->queue, CACHE_MAIN);
    for (uint64_t key = 20; key < 40; key++)
        assert_false(request(&cache, key, 1));
    assert_non_null(cache_peek(&cache, 1)); /* a scan passes through the small queue */
    cache_fini(&cache);
}

static void note_evicted(void *context, const struct cache_entry *entry)
{
    uint64_t *evicted = context;
    evicted[entry->queue == CACHE_PROBATION]++;
}

/* next-resource.md, 8.4: unused guesses leave before used entries, and take a tenth at most. */
static void guesses_push_out_each_other(void **state)
{
    (void)state;
    for (int algorithm = 0; algorithm < CACHE_ALGORITHM_COUNT; algorithm++) {
        struct cache cache;
        uint64_t evicted[2] = {0, 0};
        cache_init(&cache, algorithm, 1000);
        cache.evicted = note_evicted;
        cache.context = evicted;
        for (uint64_t key = 0; key < 1000; key++)
            assert_false(request(&cache, key, 1));
        for (uint64_t key = 5000; key < 6000; key++)
            assert_int_equal(cache_add(&cache, key, 1, true), FW_OK);
        assert_int_equal(cache.lists[CACHE_PROBATION].count, 100);
        assert_int_equal(evicted[0], 100);
        assert_int_equal(evicted[1], 900);
        assert_true(cache_use(&cache, 5999)); /* the first use: an entry like others now */
        assert_int_equal(cache.lists[CACHE_PROBATION].count, 99);
        assert_true(cache_peek(&cache, 5999)->queue != CACHE_PROBATION);
        for (uint64_t key = 7000; key < 8000; key++)
            assert_false(request(&cache, key, 1));
        assert_true(cache.bytes == 1000);
        cache_fini(&cache);
    }
}

/* 8.5: what is held already is updated in place; 8.7: a look has no effect. */
static void the_same_again_evicts_nothing(void **state)
{
    (void)state;
    struct cache cache;
    uint64_t evicted[2] = {0, 0};
    cache_init(&cache, CACHE_LRU, 100);
    cache.evicted = note_evicted;
    cache.context = evicted;
    assert_false(request(&cache, 1, 50));
    assert_false(request(&cache, 2, 50));
    assert_non_null(cache_peek(&cache, 1));
    assert_int_equal(cache_add(&cache, 1, 50, true), FW_OK);
    assert_int_equal(cache_add(&cache, 1, 40, false), FW_OK);
    assert_int_equal(evicted[0] + evicted[1], 0);
    assert_int_equal(cache.bytes, 90);
    assert_int_equal(cache_add(&cache, 3, 101, false), FW_LIMIT);
    assert_int_equal(cache_add(&cache, 3, 51, true), FW_LIMIT); /* half is the most for a guess */
    assert_int_equal(cache.bytes, 90);
    assert_int_equal(cache_add(&cache, 3, 20, false), FW_OK); /* looks moved nothing: 1 leaves */
    assert_true(!cache_peek(&cache, 1) && cache_peek(&cache, 2));
    assert_int_equal(cache_add(&cache, 2, 90, false), FW_OK);
    assert_true(cache.bytes <= 100);
    assert_true(cache_remove(&cache, 3) || cache_remove(&cache, 2));
    assert_false(cache_remove(&cache, 77));
    cache_fini(&cache);
}

/* Whatever comes in whatever order, the parts add up and the room is kept. */
static void the_room_is_kept_whatever_comes(void **state)
{
    (void)state;
    for (int algorithm = 0; algorithm < CACHE_ALGORITHM_COUNT; algorithm++) {
        struct cache cache;
        struct prng prng;
        cache_init(&cache, algorithm, 300);
        prng_init(&prng, 11);
        for (int i = 0; i < 50000; i++) {
            uint64_t key = prng_below(&prng, 200), bytes = prng_below(&prng, 80);
            uint64_t what = prng_below(&prng, 10);
            if (what < 5)
                cache_use(&cache, key);
            else if (what < 9)
                assert_int_equal(cache_add(&cache, key, bytes, what < 7), FW_OK);
            else
                cache_remove(&cache, key);
            uint64_t bytes_held = 0, count = 0;
            for (int queue = CACHE_PROBATION; queue < CACHE_QUEUES; queue++) {
                count += cache.lists[queue].count;
                bytes_held += queue != CACHE_GHOST ? cache.lists[queue].bytes : 0;
            }
            assert_int_equal(bytes_held, cache.bytes);
            assert_int_equal(count, cache.index.count);
            assert_true(cache.bytes <= 300);
        }
        cache_fini(&cache);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_algorithm_does_what_its_paper_says),
        cmocka_unit_test(lru_keeps_what_was_used_last),
        cmocka_unit_test(sieve_keeps_what_was_used_through_a_scan),
        cmocka_unit_test(s3fifo_remembers_who_left),
        cmocka_unit_test(guesses_push_out_each_other),
        cmocka_unit_test(the_same_again_evicts_nothing),
        cmocka_unit_test(the_room_is_kept_whatever_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
