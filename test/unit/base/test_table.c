/* SPDX-License-Identifier: MIT
 * Keys get dense numbers in order of arrival; 64-bit maps forget without leaving traces. */
#include "base/prng.h"
#include "base/table.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static void numbers_are_dense_and_stay(void **state)
{
    (void)state;
    struct table table;
    table_init(&table, UINT32_MAX);
    char key[32];
    enum { KEYS = 20000 };
    for (uint32_t i = 0; i < KEYS; i++) {
        uint32_t number;
        bool added;
        int len = snprintf(key, sizeof key, "key-%" PRIu32, i);
        assert_int_equal(table_add(&table, (struct str){key, (size_t)len}, &number, &added), FW_OK);
        assert_int_equal(number, i);
        assert_true(added);
    }
    for (uint32_t i = 0; i < KEYS; i++) {
        uint32_t number;
        bool added;
        int len = snprintf(key, sizeof key, "key-%" PRIu32, i);
        assert_int_equal(table_find(&table, (struct str){key, (size_t)len}), i);
        assert_int_equal(table_add(&table, (struct str){key, (size_t)len}, &number, &added), FW_OK);
        assert_int_equal(number, i);
        assert_false(added);
        assert_true(str_equal(table_key(&table, i), (struct str){key, (size_t)len}));
    }
    assert_int_equal(table.count, KEYS);
    assert_int_equal(table_find(&table, STR("key-20000")), TABLE_NONE);
    table_fini(&table);
}

static void keys_are_bytes(void **state)
{
    (void)state;
    struct table table;
    uint32_t number;
    table_init(&table, 10);
    assert_int_equal(table_find(&table, STR("")), TABLE_NONE);
    assert_int_equal(table_add(&table, STR(""), &number, NULL), FW_OK);
    assert_int_equal(table_add(&table, STR("a"), &number, NULL), FW_OK);
    assert_int_equal(table_add(&table, STR("a\0"), &number, NULL), FW_OK);
    assert_int_equal(number, 2);
    assert_int_equal(table_find(&table, (struct str){NULL, 0}), 0);
    assert_int_equal(table_find(&table, STR("a")), 1);
    assert_int_equal(table_find(&table, STR("a\0")), 2);
    table_fini(&table);
}

static void at_the_limit_known_keys_are_still_found(void **state)
{
    (void)state;
    struct table table;
    uint32_t number = 77;
    table_init(&table, 2);
    assert_int_equal(table_add(&table, STR("a"), &number, NULL), FW_OK);
    assert_int_equal(table_add(&table, STR("b"), &number, NULL), FW_OK);
    assert_int_equal(table_add(&table, STR("c"), &number, NULL), FW_LIMIT);
    assert_int_equal(table_add(&table, STR("a"), &number, NULL), FW_OK);
    assert_int_equal(number, 0);
    assert_int_equal(table.count, 2);
    table_fini(&table);
    table_init(&table, 0);
    assert_int_equal(table_add(&table, STR("a"), &number, NULL), FW_LIMIT);
    table_fini(&table);
}

static void a_map_sets_replaces_and_forgets(void **state)
{
    (void)state;
    struct map64 map;
    uint64_t value = 5;
    map64_init(&map, 3);
    assert_false(map64_get(&map, 0, &value));
    assert_false(map64_remove(&map, 0, NULL));
    assert_int_equal(map64_set(&map, 0, 10), FW_OK);
    assert_int_equal(map64_set(&map, UINT64_MAX, 11), FW_OK);
    assert_int_equal(map64_set(&map, 7, 12), FW_OK);
    assert_int_equal(map64_set(&map, 8, 13), FW_LIMIT);
    assert_int_equal(map64_set(&map, 0, 20), FW_OK);
    assert_true(map64_get(&map, 0, &value));
    assert_int_equal(value, 20);
    assert_true(map64_remove(&map, UINT64_MAX, &value));
    assert_int_equal(value, 11);
    assert_false(map64_get(&map, UINT64_MAX, &value));
    assert_int_equal(map64_set(&map, 8, 13), FW_OK);
    assert_int_equal(map.count, 3);
    map64_fini(&map);
}

/* Removing shifts later entries back: with few slots, runs that wrap around the end are common. */
static void a_long_random_life_agrees_with_an_array(void **state)
{
    (void)state;
    enum { KEYS = 40 };
    uint64_t values[KEYS] = {0};
    struct map64 map;
    struct prng prng;
    map64_init(&map, KEYS);
    prng_init(&prng, 7);
    for (int step = 0; step < 300000; step++) {
        uint64_t key = prng_below(&prng, KEYS), value = 0;
        if (prng_below(&prng, 2) == 0) {
            values[key] = prng_next(&prng) | 1;
            assert_int_equal(map64_set(&map, key, values[key]), FW_OK);
        } else {
            assert_int_equal(map64_remove(&map, key, &value), values[key] != 0);
            assert_true(value == values[key]);
            values[key] = 0;
        }
        uint64_t other = prng_below(&prng, KEYS);
        value = 0;
        assert_int_equal(map64_get(&map, other, &value), values[other] != 0);
        assert_true(value == values[other]);
    }
    size_t used = 0, expected = 0;
    for (size_t i = 0; i < map.slot_count; i++)
        used += map.slots[i].used;
    for (size_t i = 0; i < KEYS; i++)
        expected += values[i] != 0;
    assert_int_equal(used, expected);
    assert_int_equal(map.count, expected);
    assert_true(map.slot_count <= 64);
    map64_fini(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_dense_and_stay),
        cmocka_unit_test(keys_are_bytes),
        cmocka_unit_test(at_the_limit_known_keys_are_still_found),
        cmocka_unit_test(a_map_sets_replaces_and_forgets),
        cmocka_unit_test(a_long_random_life_agrees_with_an_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
