/* SPDX-License-Identifier: MIT
 * A ring is full at its capacity, empty at none, and keeps order between two threads. */
#include "base/ring.h"
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void it_is_full_and_empty_exactly(void **state)
{
    (void)state;
    static struct ring ring;
    assert_int_equal(ring_init(&ring, sizeof(int), 4), FW_OK);
    int item = 0;
    assert_false(ring_pop(&ring, &item));
    for (int round = 0; round < 10; round++) { /* wraps around */
        for (int i = 0; i < 4; i++)
            assert_true(ring_push(&ring, &(int){round * 4 + i}));
        assert_false(ring_push(&ring, &item));
        for (int i = 0; i < 4; i++) {
            assert_true(ring_pop(&ring, &item));
            assert_int_equal(item, round * 4 + i);
        }
        assert_false(ring_pop(&ring, &item));
    }
    ring_fini(&ring);
}

static void one_place_is_enough_and_counters_may_wrap(void **state)
{
    (void)state;
    static struct ring ring;
    struct {
        char bytes[3];
    } item = {"ab"}, back;
    assert_int_equal(ring_init(&ring, sizeof item, 1), FW_OK);
    atomic_store(&ring.head, UINT64_MAX);
    atomic_store(&ring.tail, UINT64_MAX);
    for (int i = 0; i < 3; i++) {
        assert_true(ring_push(&ring, &item));
        assert_false(ring_push(&ring, &item));
        assert_true(ring_pop(&ring, &back));
        assert_memory_equal(&back, &item, sizeof item);
    }
    ring_fini(&ring);
}

enum { ITEMS = 200000 };
struct pair {
    uint64_t number, square;
};

static void *write_all(void *context)
{
    struct ring *ring = context;
    for (uint64_t i = 0; i < ITEMS;) {
        if (ring_push(ring, &(struct pair){i, i * i}))
            i++;
        else
            sched_yield();
    }
    return NULL;
}

static void two_threads_lose_and_reorder_nothing(void **state)
{
    (void)state;
    static struct ring ring;
    pthread_t writer;
    assert_int_equal(ring_init(&ring, sizeof(struct pair), 64), FW_OK);
    assert_int_equal(pthread_create(&writer, NULL, write_all, &ring), 0);
    for (uint64_t i = 0; i < ITEMS;) {
        struct pair pair;
        if (!ring_pop(&ring, &pair)) {
            sched_yield();
            continue;
        }
        assert_true(pair.number == i && pair.square == i * i);
        i++;
    }
    assert_int_equal(pthread_join(writer, NULL), 0);
    ring_fini(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_full_and_empty_exactly),
        cmocka_unit_test(one_place_is_enough_and_counters_may_wrap),
        cmocka_unit_test(two_threads_lose_and_reorder_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
