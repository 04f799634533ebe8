/* SPDX-License-Identifier: MIT
 * Sparse bins hold what full arrays would, bit for bit. */
#include "learn/gaps_kept.h"
#include "base/prng.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static void same_as_full_arrays(const struct gaps_kept *kept, const float counts[GAPS_BINS],
                                const uint16_t notes[GAPS_BINS])
{
    uint32_t used = 0, next = gaps_kept_next(kept, 0);
    for (uint32_t k = 0; k < GAPS_BINS; k++) {
        float count = gaps_kept_count(kept, k);
        assert_memory_equal(&count, &counts[k], sizeof count);
        assert_int_equal(gaps_kept_note(kept, k), notes[k]);
        assert_int_equal(gaps_kept_has(kept, k), next == k);
        if (next != k)
            continue;
        assert_int_equal(gaps_kept_place(kept, k), used++);
        next = gaps_kept_next(kept, k + 1);
    }
    assert_int_equal(used, kept->used);
}

static void learns_as_full_arrays_do(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct gaps_kept kept = {0};
        struct prng prng;
        float counts[GAPS_BINS] = {0};
        uint16_t notes[GAPS_BINS] = {0};
        prng_init(&prng, seed);
        uint64_t habits = 1 + prng_below(&prng, GAPS_BINS);
        for (int i = 0; i < 2000; i++) {
            uint32_t bin = (uint32_t)(prng_below(&prng, habits) * 37 % GAPS_BINS);
            assert_int_equal(gaps_kept_learn(&kept, bin), FW_OK);
            gaps_learn(counts, bin);
            notes[bin] = (uint16_t)prng_below(&prng, 65536);
            gaps_kept_notes(&kept)[gaps_kept_place(&kept, bin)] = notes[bin];
            if (i < 100 || i % 100 == 0)
                same_as_full_arrays(&kept, counts, notes);
        }
        gaps_kept_fini(&kept);
    }
}

static void mass_is_the_same(void **state)
{
    (void)state;
    struct gaps_kept kept = {0};
    struct prng prng;
    float counts[GAPS_BINS] = {0};
    double law[GAPS_BINS], sparse[GAPS_BINS], full[GAPS_BINS];
    prng_init(&prng, 3);
    for (int k = 0; k < GAPS_BINS; k++)
        law[k] = prng_uniform(&prng) / GAPS_BINS;
    for (int i = 0; i < 500; i++) {
        gaps_mass(counts, law, 20, full);
        gaps_kept_mass(&kept, law, 20, sparse);
        assert_memory_equal(full, sparse, sizeof full);
        uint32_t bin = (uint32_t)prng_below(&prng, GAPS_BINS);
        assert_int_equal(gaps_kept_learn(&kept, bin), FW_OK);
        gaps_learn(counts, bin);
    }
    gaps_kept_fini(&kept);
}

/* At most the two full arrays; a resource with one habit needs next to nothing. */
static void memory_is_bounded(void **state)
{
    (void)state;
    struct gaps_kept kept = {0};
    assert_int_equal(gaps_kept_learn(&kept, 5), FW_OK);
    assert_int_equal(kept.room, 4);
    for (uint32_t k = GAPS_BINS; k-- > 0;)
        assert_int_equal(gaps_kept_learn(&kept, k), FW_OK);
    assert_int_equal(kept.used, GAPS_BINS);
    assert_int_equal(kept.room, GAPS_BINS);
    assert_int_equal(gaps_kept_next(&kept, GAPS_BINS), GAPS_BINS);
    gaps_kept_fini(&kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_as_full_arrays_do),
        cmocka_unit_test(mass_is_the_same),
        cmocka_unit_test(memory_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
