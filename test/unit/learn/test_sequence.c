/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "learn/sequence.h"
#include "learn/sequence_lists.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define NEAR(a, b) assert_true(fabs((double)(a) - (double)(b)) < 1e-6)
enum { GUESSES = 20, EVENTS = 4096 };
#define HASH UINT64_C(0xfdf303616453d36a)

static struct sequence *create(uint32_t max_contexts, uint32_t max_entries)
{
    struct sequence *sequence;
    struct sequence_settings settings = sequence_defaults;
    settings.max_contexts = max_contexts;
    settings.max_entries = max_entries;
    settings.max_events = EVENTS;
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
        for (int i = 0; i < 600; i++) {
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
    static struct sequence_candidates two = {.count = 2, .item = {1, 2}};
    sequence_mixer_init(&mixer, 0); /* the weights stay: only the correction learns */
    two.told[0][SEQUENCE_DISCOUNT] = 0.99f;
    two.told[1][SEQUENCE_DISCOUNT] = 0.01f;
    for (int i = 0; i < 4000; i++) {
        const uint32_t came = i % 2 ? 1 : 2;
        sequence_mixer_weigh(&mixer, 0, &two);
        sequence_mixer_learn(&mixer, 0, &two, &came, 1);
    }
    sequence_mixer_weigh(&mixer, 0, &two);
    assert_true(two.probability[0] > 0.75f);
    assert_true(fabsf(two.corrected[0] - 0.5f) < 0.03f);
    assert_true(two.corrected[0] + two.corrected[1] <= 1 + 1e-6f);
}

/* Thousands of different items in tables for few: bounded, and the newest still counts. */
static void memory_is_bounded(void **state)
{
    (void)state;
    struct sequence *sequence = create(512, 2048);
    uint64_t x = 1;
    for (int i = 0; i < 4000; i++) {
        uint32_t items[6];
        for (int t = 0; t < 6; t++) /* some beyond SEQUENCE_ITEMS, some often enough to open */
            items[t] = t % 2 ? draw(&x) % 10 : draw(&x) % 70000;
        live(sequence, items, 6);
    }
    assert_true(sequence->tree.count <= 512);
    assert_true(sequence->tree.dropped > 1000);
    assert_true(sequence->arena.used <= 2 * 2048);
    assert_int_equal(sequence->past.capacity, EVENTS);
    const uint32_t newest[] = {60001, 60002};
    for (int i = 0; i < 3; i++)
        live(sequence, newest, 2);
    struct sequence_guess guesses[GUESSES];
    bool told = false;
    uint32_t count = sequence_predict(sequence, newest, 1, guesses, GUESSES);
    for (uint32_t i = 0; i < count; i++)
        told = told || guesses[i].item == 60002;
    assert_true(told);
    sequence_free(&sequence);
}

/* What is told does not depend on the compiler: this hash is of the bits of all predictions of a
 * run with repeats, patterns, sessions that interleave and tables that overflow. */
static void is_the_same_in_every_build(void **state)
{
    (void)state;
    struct sequence *sequence = create(1024, 4096);
    struct sequence_guess guesses[GUESSES];
    uint64_t x = 11, hash = UINT64_C(0xcbf29ce484222325);
    uint32_t sessions[3][40], lens[3] = {0};
    for (int i = 0; i < 6000; i++) {
        uint32_t who = draw(&x) % 3, *items = sessions[who], len = lens[who];
        uint32_t next =
            len > 1 && draw(&x) % 3 ? (items[len - 1] * 7 + items[len - 2]) % 61 : draw(&x) % 61;
        uint32_t count = sequence_predict(sequence, items, len, guesses, GUESSES);
        for (uint32_t j = 0; j < count; j++) {
            uint64_t bits;
            memcpy(&bits, &guesses[j].probability, sizeof bits);
            hash = (hash ^ bits ^ guesses[j].item) * UINT64_C(0x100000001b3);
        }
        sequence_adapt(sequence, &next, 1);
        sequence_learn(sequence, items, len, next);
        items[lens[who]++] = next;
        if (lens[who] < 40 && draw(&x) % 12)
            continue;
        sequence_end(sequence, items, lens[who]);
        lens[who] = 0;
    }
    if (hash != HASH)
        printf("the hash is 0x%016llx\n", (unsigned long long)hash);
    assert_true(hash == HASH);
    sequence_free(&sequence);
}

/* Three sessions that take turns are learned as if they had come one after the other. */
static void sessions_may_interleave(void **state)
{
    (void)state;
    struct sequence *apart = create(1 << 12, 1 << 14), *turns = create(1 << 12, 1 << 14);
    uint64_t x = 9;
    for (int round = 0; round < 60; round++) {
        uint32_t items[3][6];
        for (int who = 0; who < 3; who++)
            for (int t = 0; t < 6; t++)
                items[who][t] =
                    (uint32_t)who * 10 + (t ? (items[who][t - 1] * 3 + 1) % 7 : draw(&x) % 7);
        for (uint32_t who = 0; who < 3; who++) {
            for (uint32_t t = 0; t < 6; t++)
                sequence_learn(apart, items[who], t, items[who][t]);
            sequence_end(apart, items[who], 6);
        }
        for (uint32_t t = 0; t < 6; t++)
            for (uint32_t who = 0; who < 3; who++)
                sequence_learn(turns, items[who], t, items[who][t]);
        for (uint32_t who = 0; who < 3; who++)
            sequence_end(turns, items[who], 6);
    }
    for (uint32_t item = 0; item < 27; item++) {
        struct sequence_guess from_apart[GUESSES], from_turns[GUESSES];
        uint32_t count = sequence_predict(apart, &item, 1, from_apart, GUESSES);
        assert_int_equal(sequence_predict(turns, &item, 1, from_turns, GUESSES), count);
        if (count > 0)
            assert_int_equal(from_turns[0].item, from_apart[0].item);
    }
    assert_int_equal(turns->past.written, apart->past.written); /* nothing was copied */
    sequence_free(&apart);
    sequence_free(&turns);
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
        cmocka_unit_test(is_the_same_in_every_build),
        cmocka_unit_test(sessions_may_interleave),
        cmocka_unit_test(is_deterministic),
        cmocka_unit_test(lists_are_sorted_and_bounded),
        cmocka_unit_test(similar_sessions_tell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
