/* SPDX-License-Identifier: MIT
 * Deadlines come out earliest first, equal ones in the order in which they were set. */
#include "base/heap.h"
#include "base/prng.h"
#include "base/time.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void set(struct heap *heap, uint32_t id, int64_t deadline_ns)
{
    assert_int_equal(heap_set(heap, id, deadline_ns), FW_OK);
}

static uint32_t pop(struct heap *heap, int64_t *deadline_ns)
{
    uint32_t id;
    assert_true(heap_min(heap, &id, deadline_ns));
    heap_remove(heap, id);
    return id;
}

static void ties_come_in_the_order_of_setting(void **state)
{
    (void)state;
    struct heap heap;
    int64_t at;
    heap_init(&heap);
    for (uint32_t i = 0; i < 100; i++)
        set(&heap, 99 - i, 7);
    set(&heap, 200, 6);
    assert_int_equal(pop(&heap, &at), 200);
    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(pop(&heap, &at), 99 - i);
        assert_int_equal(at, 7);
    }
    assert_int_equal(heap.count, 0);
    heap_fini(&heap);
}

static void the_same_deadline_again_keeps_the_place(void **state)
{
    (void)state;
    struct heap heap;
    int64_t at;
    heap_init(&heap);
    set(&heap, 1, 5);
    set(&heap, 2, 5);
    set(&heap, 3, 5);
    set(&heap, 1, 5); /* stays first */
    set(&heap, 2, 9);
    set(&heap, 2, 5); /* left and came back: now last */
    assert_int_equal(pop(&heap, &at), 1);
    assert_int_equal(pop(&heap, &at), 3);
    assert_int_equal(pop(&heap, &at), 2);
    heap_fini(&heap);
}

static void an_empty_heap_has_nothing(void **state)
{
    (void)state;
    struct heap heap;
    uint32_t id;
    int64_t at;
    heap_init(&heap);
    assert_false(heap_min(&heap, &id, &at));
    assert_false(heap_get(&heap, 5, &at));
    heap_remove(&heap, 5);
    set(&heap, 5, TIME_NEVER);
    assert_false(heap_get(&heap, 4, &at));
    heap_remove(&heap, 4);
    assert_true(heap_get(&heap, 5, &at));
    assert_true(at == TIME_NEVER);
    heap_remove(&heap, 5);
    heap_remove(&heap, 5);
    assert_false(heap_min(&heap, &id, &at));
    heap_fini(&heap);
}

static void numbers_past_the_limit_are_refused(void **state)
{
    (void)state;
    struct heap heap;
    heap_init(&heap);
    assert_int_equal(heap_set(&heap, UINT32_MAX, 1), FW_LIMIT);
    assert_int_equal(heap.count, 0);
    set(&heap, 100000, INT64_MIN);
    uint32_t id;
    int64_t at;
    assert_true(heap_min(&heap, &id, &at));
    assert_int_equal(id, 100000);
    heap_fini(&heap);
}

/* The slow truth: a list of (deadline, sequence) searched from end to end. */
enum { IDS = 64 };
struct model {
    int64_t deadline_ns[IDS];
    uint64_t sequence[IDS]; /* 0: absent */
    uint64_t next;
};

static uint32_t model_min(const struct model *model)
{
    uint32_t best = IDS;
    for (uint32_t i = 0; i < IDS; i++)
        if (model->sequence[i] != 0 &&
            (best == IDS || model->deadline_ns[i] < model->deadline_ns[best] ||
             (model->deadline_ns[i] == model->deadline_ns[best] &&
              model->sequence[i] < model->sequence[best])))
            best = i;
    return best;
}

static void a_long_random_life_agrees_with_a_list(void **state)
{
    (void)state;
    struct heap heap;
    struct model model = {.next = 1};
    struct prng prng;
    prng_init(&prng, 42);
    heap_init(&heap);
    for (int step = 0; step < 200000; step++) {
        uint32_t id = (uint32_t)prng_below(&prng, IDS);
        if (prng_below(&prng, 3) == 0) {
            heap_remove(&heap, id);
            model.sequence[id] = 0;
        } else {
            int64_t deadline_ns = (int64_t)prng_below(&prng, 20); /* few values: many ties */
            set(&heap, id, deadline_ns);
            if (model.sequence[id] == 0 || model.deadline_ns[id] != deadline_ns)
                model.sequence[id] = model.next++;
            model.deadline_ns[id] = deadline_ns;
        }
        uint32_t expected = model_min(&model), found;
        int64_t at;
        assert_int_equal(heap_min(&heap, &found, &at), expected != IDS);
        if (expected != IDS) {
            assert_int_equal(found, expected);
            assert_int_equal(at, model.deadline_ns[expected]);
        }
    }
    heap_fini(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ties_come_in_the_order_of_setting),
        cmocka_unit_test(the_same_deadline_again_keeps_the_place),
        cmocka_unit_test(an_empty_heap_has_nothing),
        cmocka_unit_test(numbers_past_the_limit_are_refused),
        cmocka_unit_test(a_long_random_life_agrees_with_a_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
