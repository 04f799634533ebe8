/* SPDX-License-Identifier: MIT
 * F1: per session and per user, never one global history. A user's own transitions count for that
 * user, fade, and are forgotten with the user when there are too many. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/prng.h"
#include "learn/sequence_user.h"
#include <math.h>
#include <stdlib.h>

enum { GUESSES = 20, USERS = 64 };

struct bench {
    struct sequence *global;
    struct sequence_users *users;
    struct sequence_guess guesses[GUESSES];
};

static int begin(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    *state = b;
    return b && sequence_create(&b->global, &sequence_defaults) == FW_OK &&
                   sequence_users_create(&b->users, b->global, USERS) == FW_OK
               ? 0
               : -1;
}

static int finish(void **state)
{
    struct bench *b = *state;
    sequence_users_free(&b->users);
    sequence_free(&b->global);
    free(b);
    return 0;
}

/* A session, predicted and learned item by item; how many were foretold. */
static uint32_t go(struct bench *b, uint64_t user, const uint32_t *items, uint32_t len)
{
    uint32_t hits = 0;
    for (uint32_t t = 0; t < len; t++) {
        if (t > 0) {
            uint32_t count = sequence_users_predict(b->users, user, items, t, b->guesses, GUESSES);
            hits += count > 0 && b->guesses[0].item == items[t];
            sequence_users_adapt(b->users, &items[t], 1);
        }
        sequence_users_learn(b->users, user, items, t, items[t]);
    }
    sequence_users_end(b->users, user, items, len);
    return hits;
}

static double told(struct bench *b, uint64_t user, uint32_t after, uint32_t item)
{
    uint32_t count = sequence_users_predict(b->users, user, &after, 1, b->guesses, GUESSES);
    double sum = 0, p = 0;
    for (uint32_t i = 0; i < count; i++) {
        assert_true(b->guesses[i].probability >= 0 && b->guesses[i].probability <= 1);
        assert_true(i == 0 || b->guesses[i - 1].probability >= b->guesses[i].probability);
        sum += b->guesses[i].probability;
        p = b->guesses[i].item == item ? b->guesses[i].probability : p;
    }
    assert_true(sum <= 1.0001);
    return p;
}

/* Most go 1 2, some always 1 3: each of them is foretold what is theirs, and strangers the usual.
 */
static void each_user_has_habits(void **state)
{
    struct bench *b = *state;
    const uint32_t usual[] = {1, 2}, odd[] = {1, 3};
    uint32_t hits = 0;
    for (uint64_t day = 0; day < 40; day++) {
        hits = 0;
        for (uint64_t user = 1; user <= 20; user++)
            hits += go(b, user, user <= 5 ? odd : usual, 2);
    }
    assert_int_equal(hits, 20);
    for (uint64_t user = 1; user <= 5; user++) {
        assert_true(told(b, user, 1, 3) > 0.8 && told(b, user, 1, 2) < 0.2);
        assert_int_equal(b->guesses[0].item, 3);
    }
    assert_true(told(b, 6, 1, 2) > 0.8);
    assert_true(told(b, 0, 1, 2) > 0.6);   /* nobody */
    assert_true(told(b, 999, 1, 2) > 0.6); /* never seen before */
}

static void without_a_user_it_is_the_global_one(void **state)
{
    struct bench *b = *state;
    struct sequence *alone;
    struct sequence_guess guesses[GUESSES];
    struct prng prng;
    assert_int_equal(sequence_create(&alone, &sequence_defaults), FW_OK);
    prng_init(&prng, 3);
    for (int session = 0; session < 50; session++) {
        uint32_t items[8];
        for (uint32_t t = 0; t < 8; t++) {
            items[t] = (uint32_t)prng_below(&prng, 12);
            if (t > 0) {
                uint32_t count = sequence_predict(alone, items, t, guesses, GUESSES);
                assert_int_equal(sequence_users_predict(b->users, 0, items, t, b->guesses, GUESSES),
                                 count);
                for (uint32_t i = 0; i < count; i++)
                    assert_true(guesses[i].item == b->guesses[i].item &&
                                guesses[i].probability == b->guesses[i].probability);
                sequence_adapt(alone, &items[t], 1);
                sequence_users_adapt(b->users, &items[t], 1);
            }
            sequence_learn(alone, items, t, items[t]);
            sequence_users_learn(b->users, 0, items, t, items[t]);
        }
        sequence_end(alone, items, 8);
        sequence_users_end(b->users, 0, items, 8);
    }
    assert_int_equal(b->users->count, 0);
    sequence_free(&alone);
}

/* F6: strategies adapt. */
static void habits_fade(void **state)
{
    struct bench *b = *state;
    const uint32_t before[] = {1, 3}, now[] = {1, 4};
    for (int day = 0; day < 30; day++)
        go(b, 7, before, 2);
    assert_true(told(b, 7, 1, 3) > 0.7);
    for (int day = 0; day < 30; day++)
        go(b, 7, now, 2);
    assert_int_equal((told(b, 7, 1, 4), b->guesses[0].item), 4);
}

/* The end of one session and the beginning of the next are no transition. */
static void sessions_of_a_user_are_apart(void **state)
{
    struct bench *b = *state;
    const uint32_t visit[] = {5, 6};
    for (int day = 0; day < 30; day++)
        go(b, 7, visit, 2);
    assert_true(told(b, 7, 5, 6) > 0.8);
    assert_true(told(b, 7, 6, 5) < 0.6); /* never 6 5, but both are popular with this user */
}

static void users_are_bounded(void **state)
{
    struct bench *b = *state;
    const uint32_t visit[] = {1, 2, 3};
    for (uint64_t user = 1; user <= 10000; user++) {
        assert_true(go(b, user, visit, 3) <= 2);
        go(b, 77, visit, 3); /* who comes all the time is not forgotten */
    }
    assert_true(b->users->count <= USERS && b->users->forgotten >= 10000 - USERS);
    assert_true(sequence_users_bytes(b->users) <= sequence_bytes(b->global) + sizeof *b->users +
                                                      USERS * sizeof(struct sequence_user));
    uint32_t after = 1;
    assert_true(sequence_users_predict(b->users, 77, &after, 1, b->guesses, GUESSES) > 0);
    assert_non_null(b->users->used);
}

/* Random walks that stay where they are in 7 of 10 steps and go anywhere else otherwise: whoever
 * answers with the latest item is right as often as anybody can be. */
static void it_does_not_lose_to_repeating(void **state)
{
    struct bench *b = *state;
    struct prng prng;
    static uint32_t walks[40][300];
    uint32_t asked = 0, hits = 0, repeats = 0;
    prng_init(&prng, 11);
    for (uint32_t t = 0; t < 300; t++) {
        for (uint64_t user = 0; user < 40; user++) {
            uint32_t *walk = walks[user];
            bool stays = t > 0 && prng_below(&prng, 10) < 7;
            walk[t] = stays ? walk[t - 1] : (uint32_t)prng_below(&prng, 30);
            if (t > 0) {
                sequence_users_predict(b->users, user + 1, walk, t, b->guesses, GUESSES);
                sequence_users_adapt(b->users, &walk[t], 1);
            }
            if (t >= 100) {
                asked++;
                hits += b->guesses[0].item == walk[t];
                repeats += walk[t - 1] == walk[t];
            }
            sequence_users_learn(b->users, user + 1, walk, t, walk[t]);
        }
    }
    assert_true(asked == 8000 && repeats > 5600);
    assert_true(hits + asked / 500 >= repeats);
}

static void nothing_known_is_no_trouble(void **state)
{
    struct bench *b = *state;
    const uint32_t item = 4;
    assert_int_equal(sequence_users_predict(b->users, 5, &item, 0, b->guesses, GUESSES), 0);
    sequence_users_adapt(b->users, &item, 1);
    sequence_users_end(b->users, 5, &item, 0);
    sequence_users_learn(b->users, 5, &item, 0, item);
    assert_true(sequence_users_predict(b->users, 5, &item, 0, b->guesses, GUESSES) > 0);
    assert_int_equal(sequence_users_predict(b->users, 5, &item, 1, b->guesses, 0), 0);
    sequence_users_learn(b->users, 5, &item, 1, UINT32_MAX - 1); /* more than anybody learns */
    assert_true(sequence_users_predict(b->users, 5, &item, 1, b->guesses, GUESSES) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_user_has_habits, begin, finish),
        cmocka_unit_test_setup_teardown(without_a_user_it_is_the_global_one, begin, finish),
        cmocka_unit_test_setup_teardown(habits_fade, begin, finish),
        cmocka_unit_test_setup_teardown(sessions_of_a_user_are_apart, begin, finish),
        cmocka_unit_test_setup_teardown(users_are_bounded, begin, finish),
        cmocka_unit_test_setup_teardown(it_does_not_lose_to_repeating, begin, finish),
        cmocka_unit_test_setup_teardown(nothing_known_is_no_trouble, begin, finish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
