/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "learn/sequence.h"
#include <math.h>
#include <string.h>

#define NEAR(a, b) assert_true(fabs((double)(a) - (double)(b)) < 1e-6)
enum { GUESSES = 20 };

static struct sequence *create(uint32_t max_contexts, uint32_t max_entries)
{
    struct sequence *sequence;
    struct sequence_settings settings = sequence_defaults;
    settings.max_contexts = max_contexts;
    settings.max_entries = max_entries;
    assert_int_equal(sequence_create(&sequence, &settings), FW_OK);
    return sequence;
}

static void live(struct sequence *sequence, const uint32_t *items, uint32_t len)
{
    struct sequence_guess guesses[GUESSES];
    for (uint32_t t = 0; t < len; t++) {
        if (t > 0) {
            sequence_predict(sequence, items, t, guesses, GUESSES);
            sequence_adapt(sequence, &items[t], 1);
        }
        sequence_learn(sequence, items, t, items[t]);
    }
    sequence_end(sequence, items, len);
}

static uint32_t likeliest(struct sequence *sequence, const uint32_t *items, uint32_t len)
{
    struct sequence_guess guess;
    assert_int_equal(sequence_predict(sequence, items, len, &guess, 1), 1);
    return guess.item;
}

/* Nothing learned, nothing said; and a session may be empty. */
static void knows_nothing_at_first(void **state)
{
    (void)state;
    struct sequence *sequence = create(1024, 1024);
    struct sequence_guess guesses[GUESSES];
    const uint32_t items[] = {1, 2};
    assert_int_equal(sequence_predict(sequence, items, 2, guesses, GUESSES), 0);
    assert_int_equal(sequence_predict(sequence, items, 0, guesses, GUESSES), 0);
    sequence_adapt(sequence, items, 1);
    sequence_end(sequence, items, 0);
    sequence_free(&sequence);
    assert_null(sequence);
}

/* After 2 comes 3 if 1 was before, 5 if 4 was: order 1 alone cannot tell. */
static void longer_contexts_decide(void **state)
{
    (void)state;
    struct sequence *sequence = create(4096, 4096);
    const uint32_t one[] = {1, 2, 3}, four[] = {4, 2, 5};
    for (int i = 0; i < 40; i++) {
        live(sequence, one, 3);
        live(sequence, four, 3);
    }
    assert_int_equal(likeliest(sequence, one, 2), 3);
    assert_int_equal(likeliest(sequence, four, 2), 5);
    const uint32_t unknown[] = {99, 2}; /* backs off to what followed 2: both, about equally */
    struct sequence_guess guesses[GUESSES];
    uint32_t count = sequence_predict(sequence, unknown, 2, guesses, GUESSES);
    assert_true(count >= 2);
    assert_int_equal(guesses[0].item + guesses[1].item, 3 + 5);
    sequence_free(&sequence);
}

static uint32_t draw(uint64_t *x)
{
    *x = *x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*x >> 33);
}

/* Of what is in the session already nothing comes again: the mixture learns to leave it out; where
 * everything comes again it learns the contrary. */
static void the_repeat_gate_is_learned(void **state)
{
    (void)state;
    for (int repeats = 0; repeats < 2; repeats++) {
        struct sequence *sequence = create(1 << 16, 1 << 18);
        uint64_t x = 7;
        for (int i = 0; i < 300; i++) {
            uint32_t items[8];
            for (uint32_t t = 0; t < 8; t++) {
                bool seen = true;
                while (seen) {
                    items[t] = repeats && t >= 4 ? items[t % 4] : draw(&x) % 30;
                    seen = false;
                    for (uint32_t j = 0; j < t && !(repeats && t >= 4); j++)
                        seen = seen || items[j] == items[t];
                }
            }
            live(sequence, items, 8);
        }
        const uint32_t items[] = {3, 11, 25, 17, 3};
        struct sequence_guess guesses[GUESSES];
        uint32_t count = sequence_predict(sequence, items, repeats ? 5 : 4, guesses, GUESSES);
        double again = 0;
        for (uint32_t i = 0; i < count; i++)
            for (int j = 0; j < 4; j++)
                again += guesses[i].item == items[j] ? guesses[i].probability : 0;
        assert_true(repeats ? again > 0.5 : again < 0.05);
        sequence_free(&sequence);
    }
}

/* A coin of 70 % is said to be one of 70 %, and the sum never exceeds one. */
static void probabilities_are_calibrated(void **state)
{
    (void)state;
    struct sequence *sequence = create(1 << 16, 1 << 18);
    struct sequence_guess guesses[GUESSES];
    uint64_t x = 3;
    for (int i = 0; i < 1500; i++) {
        uint32_t items[2] = {1, draw(&x) % 10 < 7 ? 2 : 3};
        live(sequence, items, 2);
    }
    const uint32_t one = 1;
    uint32_t count = sequence_predict(sequence, &one, 1, guesses, GUESSES);
    double sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += guesses[i].probability;
        assert_true(i == 0 || guesses[i].probability <= guesses[i - 1].probability);
    }
    assert_int_equal(guesses[0].item, 2);
    assert_true(fabs(guesses[0].probability - 0.7) < 0.06);
    assert_true(sum <= 1 + 1e-9);
    sequence_free(&sequence);
}

/* A mixture that tells .8 of what comes half the time is corrected towards one half. */
static void overconfidence_is_corrected(void **state)
{
    (void)state;
    static struct sequence_mixer mixer;
    struct sequence_candidate two[2] = {{.item = 1}, {.item = 2}};
    sequence_mixer_init(&mixer, 0); /* the weights stay: only the correction learns */
    two[0].p[SEQUENCE_DISCOUNT] = 0.99f;
    two[1].p[SEQUENCE_DISCOUNT] = 0.01f;
    for (int i = 0; i < 4000; i++) {
        const uint32_t came = i % 2 ? 1 : 2;
        sequence_mixer_weigh(&mixer, 0, two, 2);
        sequence_mixer_learn(&mixer, 0, two, 2, &came, 1);
    }
    sequence_mixer_weigh(&mixer, 0, two, 2);
    assert_true(two[0].probability > 0.75);
    assert_true(fabs(two[0].corrected - 0.5) < 0.03);
    assert_true(two[0].corrected + two[1].corrected <= 1 + 1e-9);
}

/* Ten thousand different items in a table for few: bounded, and the newest still counts. */
static void memory_is_bounded(void **state)
{
    (void)state;
    struct sequence *sequence = create(512, 2048);
    uint64_t x = 1;
    for (int i = 0; i < 2000; i++) {
        uint32_t items[6];
        for (int t = 0; t < 6; t++)
            items[t] = draw(&x) % 70000; /* some beyond SEQUENCE_ITEMS */
        live(sequence, items, 6);
    }
    assert_true(sequence->contexts.count <= 512);
    assert_true(sequence->contexts.dropped > 1000);
    assert_true(sequence->contexts.arena.used <= 2048);
    assert_true(sequence->beside_arena.used <= 2048);
    sequence_free(&sequence);
}

/* The same calls give the same bits. */
static void is_deterministic(void **state)
{
    (void)state;
    struct sequence *a = create(1024, 4096), *b = create(1024, 4096);
    uint64_t x = 5;
    for (int i = 0; i < 200; i++) {
        uint32_t items[8];
        for (int t = 0; t < 8; t++)
            items[t] = draw(&x) % 40;
        live(a, items, 8);
        live(b, items, 8);
        struct sequence_guess from_a[GUESSES], from_b[GUESSES];
        uint32_t count = sequence_predict(a, items, 5, from_a, GUESSES);
        assert_int_equal(sequence_predict(b, items, 5, from_b, GUESSES), count);
        for (uint32_t j = 0; j < count; j++) {
            assert_int_equal(from_a[j].item, from_b[j].item);
            assert_memory_equal(&from_a[j].probability, &from_b[j].probability, sizeof(double));
        }
    }
    sequence_free(&a);
    sequence_free(&b);
}

static void lists_are_sorted_and_bounded(void **state)
{
    (void)state;
    struct sequence_arena arena;
    struct sequence_list list = {0};
    sequence_arena_init(&arena, 64);
    const uint32_t added[] = {5, 6, 6, 7, 7, 7, 8};
    for (int i = 0; i < 7; i++)
        sequence_list_add(&arena, &list, added[i], 1, 3);
    const struct sequence_entry *entry = sequence_list_entries(&arena, &list);
    assert_int_equal(list.count, 3); /* 8 took the place of 5 */
    assert_int_equal(entry[0].item, 7);
    assert_int_equal(entry[1].item, 6);
    assert_int_equal(entry[2].item, 8);
    NEAR(list.total, 6);
    sequence_list_add(&arena, &list, 6, (float)SEQUENCE_TOTAL_MAX, 3);
    NEAR(list.total, (SEQUENCE_TOTAL_MAX + 6) / 2.0);
    sequence_list_release(&arena, &list);
    sequence_arena_fini(&arena);
}

/* Sessions that share what the present one holds tell what comes, whatever the order was. */
static void similar_sessions_tell(void **state)
{
    (void)state;
    struct sequence *sequence = create(1 << 12, 1 << 14);
    const uint32_t past[] = {10, 11, 12, 13, 14}, other[] = {20, 21, 22, 23, 24};
    sequence_end(sequence, past, 5);
    sequence_end(sequence, other, 5);
    for (uint32_t i = 0; i < 5; i++) { /* popularity needs to know them; no context does */
        sequence_learn(sequence, past, 0, past[i]);
        sequence_learn(sequence, past, 0, other[i]);
    }
    const uint32_t now[] = {12, 10, 11}, then[] = {22, 20, 21};
    uint32_t guess = likeliest(sequence, now, 3);
    assert_true(guess == 12 || guess == 13);
    guess = likeliest(sequence, then, 3);
    assert_true(guess == 22 || guess == 23);
    sequence_free(&sequence);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_nothing_at_first),
        cmocka_unit_test(longer_contexts_decide),
        cmocka_unit_test(the_repeat_gate_is_learned),
        cmocka_unit_test(probabilities_are_calibrated),
        cmocka_unit_test(overconfidence_is_corrected),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(is_deterministic),
        cmocka_unit_test(lists_are_sorted_and_bounded),
        cmocka_unit_test(similar_sessions_tell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
