/* SPDX-License-Identifier: MIT
 * Numbers of keys against a plain list, also when hashes are equal and room is short. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/prng.h"
#include "core/prefetcher_names.h"

enum { KEYS = 64 };

static struct str key_of(uint32_t i, char text[3])
{
    text[0] = (char)i; /* NUL among them */
    text[1] = (char)0xff;
    text[2] = (char)(i / 7);
    return (struct str){text, i == 0 ? 0 : 3};
}

static void check(const struct prefetcher_names *names, const uint32_t known[KEYS])
{
    char text[3];
    uint32_t used = 0;
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < KEYS; i++) {
        struct str key = key_of(i, text);
        uint64_t hash = prefetcher_names_hash(names, key);
        assert_int_equal(prefetcher_names_find(names, key, hash), known[i]);
        if (known[i] == PREFETCHER_NONE)
            continue;
        used++;
        bytes += key.len;
        assert_true(str_equal(prefetcher_names_key(names, known[i]), key));
        assert_int_equal(prefetcher_names_of(names, names->items[known[i]].stand_in), known[i]);
    }
    assert_int_equal(names->used, used);
    assert_int_equal(names->bytes, bytes);
}

static void as_a_list(void **state)
{
    (void)state;
    static const uint64_t masks[] = {UINT64_MAX, 7, 0};
    for (size_t m = 0; m < sizeof masks / sizeof masks[0]; m++) {
        struct prefetcher_names names;
        struct prng random;
        uint32_t known[KEYS];
        char text[3];
        prng_init(&random, m);
        prefetcher_names_init(&names, 40, 100, 1);
        names.mask = masks[m];
        for (uint32_t i = 0; i < KEYS; i++)
            known[i] = PREFETCHER_NONE;
        for (int step = 0; step < 3000; step++) {
            uint32_t i = (uint32_t)prng_below(&random, KEYS);
            struct str key = key_of(i, text);
            uint64_t hash = prefetcher_names_hash(&names, key);
            if (known[i] != PREFETCHER_NONE) {
                prefetcher_names_remove(&names, known[i]);
                known[i] = PREFETCHER_NONE;
            } else {
                bool room = names.used < 40 && names.bytes + key.len <= 100;
                assert_int_equal(prefetcher_names_add(&names, key, hash, &known[i]) == FW_OK, room);
                known[i] = room ? known[i] : PREFETCHER_NONE;
            }
            check(&names, known);
        }
        assert_true(names.count <= 40); /* numbers are given out again */
        prefetcher_names_fini(&names);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_a_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
